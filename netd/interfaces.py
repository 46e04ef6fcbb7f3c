"""Every port of netd: what its parts know of each other.

Collaborators are handed to constructors and cast through these interfaces where they are wired; nothing is looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from zope.interface import Attribute, Interface

from netd.change import Change
from netd.message import EventKind, Message, Want
from netd.operations import Operation, OperationTable
from netd.principal import Principal

__all__ = [
    "Cancellable",
    "IBudgeted",
    "IBus",
    "IConsole",
    "IDrainable",
    "IForesight",
    "INetdService",
    "IPeer",
    "IPublisher",
    "IReloadable",
    "IServiceKind",
    "ISubscription",
]


class Cancellable(Protocol):
    """A pending call, such as ``reactor.callLater`` returns, or a pending connection."""

    def cancel(self) -> None:
        """Cancel it. Only while it is pending, and only once: Twisted's raises otherwise."""


class ISubscription(Interface):
    """What :meth:`IBus.subscribe` returns."""

    def cancel() -> None:
        """Deliver nothing more. Cancelling twice is harmless."""


class IBus(Interface):
    """Where everything meets. Subjects follow NATS: tokens, ``*`` for one token, ``>`` for the rest."""

    def publish(message: Message) -> None:
        """Queue for every matching subscriber, in order. Never blocks, never raises."""

    def subscribe(pattern: str, receive: Callable[[Message], Any], want: Want = Want.EACH, every: float = 0.0) -> ISubscription:
        """Deliver in publication order until the subscription is cancelled.

        :param want: the least that the subscriber needs; it must accept more, because others may want it.
        :param every: with ``NEWEST``, seconds between two events of a subject that are enough.
        :raises ValueError: when *pattern* is not a subject pattern.
        """

    def last(pattern: str) -> list[Message]:
        """The newest message of each matching subject that is still retained, by subject."""

    def forget(subject: str) -> None:
        """Retain nothing of a subject under which nothing more is to be expected."""

    def wants(subject: str) -> Want:
        """The greatest want among the subscriptions of this subject, ``NOBODY`` where there are none: spares building events that
        nobody sees. It is false for nobody and true for any other.
        """

    def interval(subject: str) -> float:
        """Seconds between two events of this subject that are enough, where its subscriptions want the ``NEWEST``."""

    def wall() -> float:
        """The time as people tell it, in seconds since the epoch: for events, status and whatever else a person reads.

        It may jump, by an hour or by years. Whatever waits or measures asks the reactor's clock, which never does.
        """


class IPeer(Interface):
    """All that a machine knows of a connection."""

    principal: Principal = Attribute("Who is at the other end: by the address alone, until more is proved.")
    is_flushed: bool = Attribute("True while everything sent has been taken by the operating system.")
    is_full: bool = Attribute("True while the peer takes nothing: what is sent waits for longer than the end of the turn.")

    def send(data: bytes) -> bool:
        """Write at the end of the reactor turn, joined with all else of this turn; bounded by the outbox.

        :returns: False when the outbox refused *data*.
        """

    def close(reason: str) -> None:
        """Flush, then close; *reason* reaches the log and the counters. Later calls change nothing."""

    def expire_after(seconds: float | None) -> None:
        """Replace the pending expiry, or clear it with None. Machines own their timers this way.

        The clock stands still while nothing is read from the peer: it cannot be late with what is not taken from it.
        """

    def keep(size: int, is_new: bool = False) -> bool:
        """So many bytes of a message are kept because its end has not come; 0 when nothing is kept any more.

        Counts them as memory, and sees whether the message comes at a least rate.

        :param is_new: whether the message is another one than at the last call.
        :returns: False when it comes too slowly to be waited for.
        """

    def set_reading(enabled: bool) -> None:
        """Back-pressure: stop or go on taking bytes from this peer."""

    def probe() -> None:
        """Have the operating system ask whether the peer is there; one that gives no sign of life within 5 s is lost."""

    def silence() -> float:
        """Seconds since the last byte came, also when the connection is gone.

        0 for a peer that has closed it just now, and where the operating system does not tell.
        """


class IServiceKind(Interface):
    """A kind of service, found by ``twisted.plugin``: netd's own and a third party's alike."""

    kind: str = Attribute("The section name in the INI.")
    config: type = Attribute("A frozen attrs class with one option() per INI option.")

    def make_service(config: Any, reactor: Any, bus: IBus) -> INetdService:
        """Build; touch neither network nor clock. Acts in startService.

        *reactor* is the clock of all that waits: ``seconds()`` and ``callLater`` are monotonic. What people read is *bus*'s
        to tell: :meth:`IBus.wall`.
        """


class INetdService(Interface):
    """A running section of the INI. Provides ``twisted.application.service.IService`` too."""

    instance: str = Attribute("``main``, or what follows the colon in the section name.")

    def operations() -> list[Operation]:
        """The operations that this service offers."""

    def status() -> object:
        """Facts for consoles, dashboard and metrics: a :class:`netd.status.ServiceStatus`, or plain values with its members."""

    def drain() -> Any:
        """Accept nothing more, for good; what is open goes on. Returns a Deferred that fires when no listener is left."""


class IDrainable(Interface):
    """A service that takes part when an admin drains the daemon; one that is none goes on. Consoles are never drained."""

    def pause() -> None:
        """Accept nothing more, until :meth:`resume`; what is open goes on, and endpoints stay this service's."""

    def finish() -> Any:
        """End what is open politely, as when the service stops. Returns a Deferred that fires when nothing is left."""

    def resume() -> None:
        """Accept again; raises a :class:`netd.errors.NetdError` when that is not possible."""


class IPublisher(Interface):
    """A service that tells what it publishes on the bus, so that consoles can show its events by their JSON Schemas."""

    def events() -> list[EventKind]:
        """The kinds of its events."""


class IBudgeted(Interface):
    """A service whose connections count for the daemon's budget; handed its share before it starts."""

    def use_budget(budget: Any, quota: Any) -> None:
        """Take a share of the daemon's ``budget`` within the section's ``quota``; see :mod:`netd.connection.budget`."""


class IForesight(Interface):
    """A service that can tell, before it starts, what would keep it from starting."""

    def objections() -> Iterable[tuple[str, str, str]]:
        """Section, option (or nothing) and what is wrong, for all that is wrong though the options are good: a file, the machine.

        Looks, and changes nothing; the service is not started.
        """


class IReloadable(Interface):
    """A service that takes another configuration while it runs. Without it, all options of its section wait for a restart."""

    def prepare(config: Any) -> Change:
        """Get everything ready that another *config* needs and that can fail; what runs does not notice.

        *config* is of the kind's own class. In it, options that are not live have the values that are in force. It may equal the
        one in force: files that it names may have changed.

        :returns: what is to be done when it comes into force, or to be taken back when it does not; with its objections.
        """


class IConsole(Interface):
    """A service that shows the operations of all services; handed the table before it starts."""

    def use_operations(table: OperationTable) -> None:
        """Serve *table* from now on. Called once, before ``startService``."""
