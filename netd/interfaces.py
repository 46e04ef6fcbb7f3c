"""The interfaces between the parts of netd.

Collaborators are handed to constructors. Nothing is looked up in a registry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from zope.interface import Attribute, Interface

from netd.carriage import Carriage, CarriedReport, DevicePlace, HostedDevice, OwnDevice
from netd.change import Change
from netd.message import Demand, Described, EventKind, Message, Want
from netd.operations import Operation, OperationTable
from netd.principal import Action, Kind, Principal

__all__ = [
    "Cancellable",
    "IActing",
    "IAdmitting",
    "IAsyncio",
    "IBudgeted",
    "IBus",
    "ICarried",
    "ICarrier",
    "IConsole",
    "IDeviceHost",
    "IDrainable",
    "IHistoryCarrier",
    "IHistoryKeeper",
    "ILogged",
    "INetdService",
    "IOpening",
    "IPaced",
    "IPeer",
    "IPublisher",
    "IReloadable",
    "IRevoking",
    "IServiceKind",
    "IStatePart",
    "IStateTable",
    "IStateful",
    "ISubscription",
    "ITurnShare",
    "IWatchful",
    "IWitness",
    "MachineShell",
]


class Cancellable(Protocol):
    """A pending call, such as ``reactor.callLater`` returns, or a pending connection."""

    def cancel(self) -> None:
        """Cancel it. To be called once, and while the call is pending: Twisted's raises an exception otherwise."""


class MachineShell(Protocol):
    """The connection around a machine, as the machine sees it beside its :class:`IPeer`. A kind adds what its machine needs."""

    def identified(self) -> None:
        """Note that the peer has sent a whole valid first message."""

    def prove(self, text: str, *kinds: Kind) -> None:
        """Take the token *text* out of a hello: the peer is the credential's principal from now on.

        :param kinds: the kinds of principals that the hello is for.
        :raises NotPermitted: if it proves none of these.
        """

    def refuse(self, kind: str, why: str, excerpt: bytes) -> None:
        """Count and log a breach of the protocol; *excerpt* is what the peer sent."""


class ITurnShare(Interface):
    """A share of the reactor's turn, for one kind of work: :class:`netd.connection.shares.TurnShare`."""

    spent: float = Attribute("Seconds, since the start. Whoever does little work at once adds what it took.")

    def start(work: Iterator[None]) -> None:
        """Add *work*, a generator that yields between its steps, and do as much of it now as fits into this turn."""

    def start_later(work: Iterator[None]) -> None:
        """Add *work*, which begins in the next turn."""

    def stop() -> None:
        """Forget the work that is left."""


class ISubscription(Interface):
    """A subscription to subjects of the bus."""

    def cancel() -> None:
        """Deliver nothing more. Cancelling twice is harmless."""


class IBus(Interface):
    """The bus. Subjects are those of NATS: tokens with dots between them; in patterns ``*`` for one token, ``>`` for the rest."""

    def publish(message: Message) -> None:
        """Queue *message* for every matching subscriber, in order. Never blocks, never raises."""

    def subscribe(
        pattern: str,
        receive: Callable[[Message], Any],
        want: Want = Want.EACH,
        every: float = 0.0,
        is_local: bool = False,
        lost: Callable[[int], Any] | None = None,
    ) -> ISubscription:
        """Deliver in publication order until the subscription is cancelled.

        :param want: the least that the subscriber needs; it must accept more, because others may want it.
        :param every: with ``NEWEST``, seconds between two events of a subject that are enough. With ``BATCH``, seconds for which
            events may wait for their batch.
        :param is_local: whether the subscriber needs only what this node publishes. It gets nothing else then, and other nodes
            need not send anything for it.
        :param lost: called with the number of events that another node has published and that have not come; see :meth:`lose`.
        :raises ValueError: when *pattern* is not a subject pattern.
        """

    def last(pattern: str) -> list[Message]:
        """Return the newest retained message of each matching subject, sorted by subject."""

    def forget(subject: str) -> None:
        """Drop the retained message and the description of *subject*, under which no more messages will come."""

    def watch_forgotten(forgotten: Callable[[str], object]) -> Callable[[], None]:
        """Call *forgotten* with each subject that is forgotten. Returns a function that ends this.

        A subject that a full bus drops is not forgotten: more messages may come under it.
        """

    def describe(subject: str, described: Described) -> None:
        """Note what the numbers under *subject* are, from now on. Whoever publishes them says so before the first of them."""

    def described(subject: str) -> Described:
        """Return the newest description of *subject*; an empty one if there is none."""

    def wants(subject: str) -> Want:
        """Return the greatest want among the subscriptions of *subject*; ``NOBODY``, which is false, if there are none.

        A publisher asks before it builds an event, and builds no more than is wanted.
        """

    def lose(pattern: str, count: int) -> None:
        """Tell subscribers that *count* events under *pattern* are lost. How many of these each would have got is not known."""

    def interests() -> dict[str, Demand]:
        """Return what subscribers ask for that are not local, by pattern."""

    def watch_interests(changed: Callable[[], object]) -> None:
        """Call *changed* whenever :meth:`interests` has changed."""

    def interval(subject: str) -> float:
        """Return the shortest interval between two events of *subject* that a subscription for the ``NEWEST`` asks for."""

    def wall() -> float:
        """Return the time by the wall clock, in seconds since the epoch, for events, status and everything that people read.

        It may jump, by an hour or by years. Everything that waits or measures uses the reactor's clock, which never does.
        """


class IPeer(Interface):
    """A connection, as a machine sees it."""

    principal: Principal = Attribute("The principal at the other end; until a proof comes, one known by its address alone.")
    is_flushed: bool = Attribute("True while the operating system has taken everything that was sent.")
    is_full: bool = Attribute("True while the peer takes nothing: what is sent then waits beyond the end of the turn.")

    def send(data: bytes) -> bool:
        """Write *data* at the end of the reactor turn, in one write with everything else of this turn.

        :returns: False when the outbox, whose size is bounded, has refused *data*.
        """

    def close(reason: str) -> None:
        """Flush, then close. *reason* is for log and counters. Later calls change nothing."""

    def expire_after(seconds: float | None) -> None:
        """Replace the machine's one pending expiry, or clear it with None.

        Its time stands still while reading is stopped: a peer is not late with bytes that are not read from it.
        """

    def note_unfinished(size: int, is_new: bool = False) -> bool:
        """Note that *size* bytes of an unfinished message are kept; 0 when none are.

        The bytes are counted as memory, and the message must grow at a least rate.

        :param is_new: whether this is another message than at the last call.
        :returns: False when the message grows too slowly: the connection should be closed over it.
        """

    def set_reading(enabled: bool) -> None:
        """Stop reading from this peer (back-pressure), or go on."""

    def probe() -> None:
        """Have the operating system probe the peer. Without a sign of life within 5 s, the connection is cut."""

    def silence() -> float:
        """Return the seconds since the last byte came; also after the connection's end.

        0 when the peer has closed the connection, and where the operating system does not tell.
        """


class IServiceKind(Interface):
    """A kind of service, netd's own or a third party's, found by ``twisted.plugin``."""

    kind: str = Attribute("The section name in the INI.")
    config: type = Attribute("A frozen attrs class with one option() per INI option.")

    def make_service(config: Any, reactor: Any, bus: IBus) -> INetdService:
        """Build the service of one section. Nothing is opened or scheduled before ``startService``.

        *reactor* is the clock for everything that waits: ``seconds()`` and ``callLater`` are monotonic. Times that people read
        come from *bus*: :meth:`IBus.wall`.
        """


class INetdService(Interface):
    """A running section of the INI. Provides ``twisted.application.service.IService`` too."""

    instance: str = Attribute("``main``, or the part of the section name behind the colon.")

    def operations() -> list[Operation]:
        """Return the operations that this service offers."""

    def status() -> object:
        """Return facts for consoles and metrics: a :class:`netd.status.ServiceStatus`, or plain values with its members."""

    def drain() -> Any:
        """Accept no more connections, for good; open ones go on. Returns a Deferred that fires when no listener is left."""


class IDrainable(Interface):
    """A service that takes part when an admin drains the daemon; one that is none goes on. Consoles are never drained."""

    def pause() -> None:
        """Accept nothing more, until :meth:`resume`; what is open goes on, and endpoints stay this service's."""

    def finish() -> Any:
        """End what is open politely, as when the service stops. Returns a Deferred that fires when nothing is left."""

    def resume() -> None:
        """Accept again; raises a :class:`netd.errors.NetdError` when that is not possible."""


class ILogged(Interface):
    """A service that logs more about its connections where its section's log level is ``debug``."""

    def log_everything(wanted: bool) -> None:
        """Log each connection, and each line that is limited otherwise; or go back to the limits."""


class IOpening(Interface):
    """A service whose endpoints may open late."""

    is_opening: bool = Attribute("Whether an endpoint is tried still, because old connections to its port are ending.")


class IActing(Interface):
    """A service whose programs act by its own protocol, and not by operations."""

    def actions() -> list[Action]:
        """What they may do, by the rights that ``docs/who-may.md`` lists."""


class IPublisher(Interface):
    """A service that tells what it publishes on the bus, so that consoles can show its events by their JSON Schemas."""

    def events() -> list[EventKind]:
        """The kinds of its events."""


class IBudgeted(Interface):
    """A service whose connections count in the daemon's budget. It is handed the budget before it starts."""

    def use_budget(budget: Any, quota: Any) -> None:
        """Take a share of the daemon's ``budget`` within the section's ``quota``; see :mod:`netd.connection.budget`."""


class IAdmitting(Interface):
    """A service that admits connections by who they are. It is handed the section's access before it starts."""

    def use_access(access: Any) -> None:
        """Let ``access`` say who the connections are: a :class:`netd.access.section.SectionAccess`.

        Without it, everybody is admitted.
        """


class IRevoking(Interface):
    """A service with connections that credentials have proved."""

    def revoke(gone: frozenset[str]) -> None:
        """Close the connections whose principals have one of the credentials ``gone``, which prove nobody any more."""


class IWatchful(Interface):
    """A service that has files of its own which may change while it runs: of credentials, or of certificates."""

    def use_watch(watch: Any) -> None:
        """Add its files to ``watch``, a :class:`netd.access.watch.CredentialWatch`. Called before ``startService``."""


class IAsyncio(Interface):
    """A service that uses libraries of asyncio, as ``uses_asyncio`` of its options says. The reactor runs on asyncio's loop."""

    def use_loop(loop: Any) -> None:
        """Use *loop*, an ``asyncio.AbstractEventLoop``, before the service starts.

        It is None in a daemon that was started without such a section: starting the service then raises a
        :class:`netd.errors.NetdError`, which says that a restart is needed.
        """


class IPaced(Interface):
    """A service with work that would make others wait; the daemon divides its turns among the shares of all services."""

    def turn_shares() -> Iterable[Any]:
        """Its shares, each a :class:`netd.connection.shares.TurnShare`; made when the service was."""


class IStateTable(Interface):
    """Entries on the disk: JSON values by key. One part of the state of one owner, who bounds the number of its entries."""

    def load(most: int, keep_for: float | None = None) -> list[tuple[str, Any]]:
        """Return key and value of all entries, in the order in which they were written. Only within :meth:`IStateful.use_state`.

        :param most: only so many are returned, the newest; all others are removed.
        :param keep_for: entries that were written more seconds ago, by the wall clock, are removed as well.
        """

    def read(key: str) -> Any:
        """Return a Deferred of the value of one entry, or of None if there is none."""

    def put(key: str, value: object) -> Any:
        """Write an entry at once. Return a Deferred that fires when it is on the disk.

        It fails with an :class:`netd.errors.OperationFailed` when the disk refuses, and the entry stays as it was.
        """

    def remove(key: str) -> Any:
        """Remove an entry at once. Return a Deferred, as :meth:`put` does."""

    def note(key: str, value: object, within: float = 60.0) -> None:
        """Write an entry within so many seconds, and when the daemon stops. Nothing tells that the disk has refused.

        A value that changes often is noted: until it is written, a newer one takes its place.

        :param value: the value, or a function that is called for it when it is written.
        """

    def drop(key: str, within: float = 0.0) -> None:
        """Remove an entry soon, within so many seconds, without a promise."""


class IStatePart(Interface):
    """The part of the state database that one owner has."""

    def table(name: str) -> IStateTable:
        """Return the table *name* of this owner. It need not have been made."""


class IStateful(Interface):
    """A service with something to find again after a restart. It is handed its part of the state before ``startService``."""

    def use_state(part: IStatePart) -> None:
        """Load what there is, and write to *part* from now on. Without this call, nothing outlives the process."""


class IReloadable(Interface):
    """A service that takes another configuration while it runs. Without it, all options of its section wait for a restart."""

    def prepare(config: Any, change: Change) -> None:
        """Get everything ready that another *config* needs and that can fail; what runs does not notice.

        *config* is of the kind's own class. In it, options that are not live have the values that are in force. It may equal the
        one in force: files that it names may have changed.

        Tell *change* what is to be done when *config* comes into force, what is to be taken back when it does not, and the
        objections. What it was told before an exception is taken back, too.
        """


class IWitness(Interface):
    """A service that keeps what the others publish. It stops after all others, so that their last events are kept, too."""


class IHistoryKeeper(Interface):
    """A recorder, as others use it: what it records is shipped to other nodes or sent on, and what nodes ship is collected."""

    def ship() -> None:
        """Put what is recorded from now on into an outbox, too. After a restart, that goes on by itself."""

    def outgoing() -> Any:
        """Return a Deferred of the epoch of the outbox, and of the oldest blocks in it: pairs of a number and bytes."""

    def shipped(epoch: str, number: int) -> Any:
        """Take the blocks up to *number* out of the outbox of that *epoch*. Return a Deferred."""

    def collect(sender: str, blocks: Sequence[tuple[int, bytes]], rename: Callable[[str], str | None]) -> Any:
        """Write the blocks of another node that have not been written before, all or none.

        :param sender: names the outbox of that node for ever.
        :param rename: returns the name that a subject of that node has here, or None if there is none.
        :returns: a Deferred of True when they are on the disk, or of False if that is not possible now.
        """

    def past(patterns: tuple[str, ...], begin: int, end: int, width: int, make: Callable[[Sequence[Any], int], Any]) -> Any:
        """Read the next piece of the past that has something in it, with everything that was published before the call.

        :param begin: where it begins, and *end* where all of it ends, in microseconds since the epoch.
        :param width: the time that a piece takes, which may turn out to be too long or too short.
        :param make: called in the reader's thread with the piece, in the order of time
            (:class:`netd.recorder.pieces.PastMoment`), and with its end.
        :returns: a Deferred of what *make* returned, the end of the piece, the width for the next one, and whether nothing comes
            behind it. It fails if what was published cannot be written now: a later answer would have it, and this one not.
        """


class IHistoryCarrier(Interface):
    """A service that carries history elsewhere: the cluster, or a forward."""

    def use_keepers(keepers: Callable[[], Sequence[Any]]) -> None:
        """Use *keepers*, which returns all services that are :class:`IHistoryKeeper`. Called once, before ``startService``."""


class IConsole(Interface):
    """A service that offers the operations of all services to its clients."""

    def use_operations(table: OperationTable) -> None:
        """Offer the operations of *table*. Called once, before ``startService``."""


class ICarried(Interface):
    """A service that takes part in the carriage of messages between nodes: a relay, or the cluster."""

    def use_carriage(carriage: Carriage) -> None:
        """Join *carriage* when the service starts, and leave it when it stops. Called once, before ``startService``."""


class IDeviceHost(Interface):
    """A relay, as the cluster sees it."""

    instance: str = Attribute("See :class:`INetdService`.")
    turn: Any = Attribute("The turn of its connections: :class:`netd.connection.turn.Turn`.")

    def hosted() -> Iterable[HostedDevice]:
        """The devices: those connected, and those with a name that are away."""

    def hosted_named(name: str) -> HostedDevice | None:
        """Return the device of this name, connected or away."""

    def hosted_as(name: str) -> tuple[int, str] | None:
        """Return the generation of the connected device of this name, and its owner in words, which are empty where it has none
        that another node could know again; None if there is no such device.

        Names of devices that do not read the second dialect are not theirs to take: there is none for these, either.
        """

    def deliver(to: str, payload: bytes, sender: str, who: str, seconds: float | None, report: CarriedReport) -> None:
        """Send *payload* to one of these devices, for another node. *report* is called with each outcome.

        :param to: its name, alias or address.
        :param sender: the sender, for the device.
        :param who: the same for the event of the outcome.
        :param seconds: the deadline; None for this relay's own.
        """

    def lasts(status: str) -> float:
        """Return the seconds after *status* in which a message without a deadline has its last outcome, at the latest."""

    def raise_generation(generation: int) -> int:
        """Give further devices a generation above this one. Return the greatest generation that no further device has."""

    def lose_name(name: str, generation: int, owner: str, node: str) -> bool:
        """Close the connection of *name*: a newer one of the same owner, with that *generation*, is on *node*.

        :returns: False when nothing was closed: the device is of another owner, newer, or not connected.
        """


class ICarrier(Interface):
    """The way to the devices of other nodes, as a relay sees it: the cluster."""

    def find(instance: str, target: str, own: OwnDevice | None) -> tuple[DevicePlace, ...]:
        """Return where a device is; several places if it is on several nodes; none if nobody knows it.

        :param instance: the relay that asks.
        :param target: a name, an alias or an address; ``name@NODE`` names the node, too.
        :param own: what the relay knows of it itself.
        :raises netd.errors.NoSuchTarget: if *target* names a node that there is not.
        """

    def carry(place: DevicePlace, payload: bytes, sender: str, who: str, seconds: float | None, report: CarriedReport) -> None:
        """Send *payload* to a device of another node; see :meth:`IDeviceHost.deliver`. It has exactly one last outcome."""

    version: int = Attribute("A number that grows with each change of what :meth:`elsewhere` gives.")

    def hosts_changed() -> None:
        """Note that the relays of this node are others now, or that one of them has forgotten a device."""

    def elsewhere() -> Iterable[tuple[str, HostedDevice]]:
        """The connected devices of other nodes, each with its node."""
