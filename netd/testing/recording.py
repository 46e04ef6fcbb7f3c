"""Stand-ins that write down what code under test does to them: a bus, a peer, a console connection; and a wall clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from netd.bus.local import LocalBus
from netd.interfaces import IPeer
from netd.message import Message
from netd.operations import Caller
from netd.principal import ANONYMOUS, LOCAL, Principal, Proof, Role
from netd.secrets.tries import Tries

__all__ = ["RecordingBus", "RecordingLink", "RecordingPeer", "WallClock", "make_caller"]


class WallClock:
    """A wall clock that runs with *clock*, but starts on a day in 2023, and jumps when a test sets it.

    Code that takes one of the two clocks for the other is wrong by years, so a test notices.

    :ivar offset: the time that it shows when *clock* shows 0.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.offset = 1_700_000_000.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.offset + self._clock.seconds()

    def step(self, seconds: float) -> None:
        """Set it forward by *seconds*, or back by a negative number. *clock* does not change."""
        self.offset += seconds


class RecordingBus(LocalBus):
    """A bus that keeps all published messages.

    :param wall: the wall clock; without one, the time is always 0.
    :ivar messages: the messages, oldest first.
    """

    def __init__(self, wall: Callable[[], float] = float) -> None:
        super().__init__(wall)
        self.messages: list[Message] = []

    def publish(self, message: Message) -> None:
        """Keep *message*, then deliver it."""
        self.messages.append(message)
        super().publish(message)

    def events(self, subject: str) -> list[object]:
        """The events that were published under exactly *subject*."""
        return [message.event for message in self.messages if message.subject == subject]


@implementer(IPeer)
class RecordingPeer:
    """A peer for tests of machines: it records their calls, and plays a slow or a full one.

    :ivar principal: the principal at the other end, a program on this machine; set it to play another.
    :ivar sent: the bytes that were sent.
    :ivar closed: the reason of the close, or None.
    :ivar expiry: the pending expiry in seconds, or None.
    :ivar is_reading: False while the machine has stopped reading.
    :ivar is_full: set it to True to play a peer that reads slowly: :meth:`flush` has no effect then.
    :ivar is_flushed: False from a send until :meth:`flush`, as a real one is until the end of the turn.
    :ivar kept: bytes of a message that is not whole.
    :ivar is_fast: set it to False to play a peer whose message comes too slowly.
    :ivar accepts: set it to False to play a full outbox with the policy ``REFUSE``.
    :ivar probes: how often the machine has probed it.
    :ivar quiet: the seconds that :meth:`silence` returns; set it.
    """

    def __init__(self) -> None:
        self.principal = LOCAL
        self.sent = b""
        self.closed: str | None = None
        self.expiry: float | None = None
        self.is_reading = True
        self.is_full = False
        self.is_flushed = True
        self.accepts = True
        self.probes = 0
        self.quiet = 0.0
        self.kept = 0
        self.is_fast = True

    def send(self, data: bytes) -> bool:
        """Record *data*."""
        if self.accepts:
            self.sent += data
            self.is_flushed = False
        return self.accepts

    def flush(self) -> None:
        """End the turn: everything sent is taken, unless the peer is full."""
        self.is_flushed = not self.is_full

    def close(self, reason: str) -> None:
        """Record the first *reason*."""
        self.closed = self.closed or reason

    def expire_after(self, seconds: float | None) -> None:
        """Record the expiry."""
        self.expiry = seconds

    def note_unfinished(self, size: int, is_new: bool = False) -> bool:
        """Record it."""
        self.kept = size
        return self.is_fast or is_new

    def set_reading(self, enabled: bool) -> None:
        """Record it."""
        self.is_reading = enabled

    def probe(self) -> None:
        """Count it."""
        self.probes += 1

    def silence(self) -> float:
        """The seconds that the test has set."""
        return self.quiet

    def take_sent(self) -> bytes:
        """The bytes that were sent since the last call."""
        sent, self.sent = self.sent, b""
        return sent


def make_caller(
    role: Role = Role.ADMIN,
    subjects: tuple[str, ...] | None = None,
    *,
    link: RecordingLink | None = None,
    host: str = "",
    credential: str | None = None,
    tries: Tries | None = None,
) -> Caller:
    """A caller of operations. Its principal is proved by a token, ``test`` unless *credential* names another; with the role
    ``NOBODY``, it is anonymous.

    :param link: its connection, if that stays open after the answer.
    :param credential: the line of the token in the file of tokens.
    """
    connection = RecordingLink() if link is None else link
    if role is not Role.NOBODY:
        name = "test" if credential is None else credential.partition(" ")[0]
        connection.prove(Principal(name, role, subjects, Proof.TOKEN, credential))
    return Caller(connection, "console", host, link, tries)


class RecordingLink:
    """A console connection that records its notifications: the ``link`` of a :class:`netd.operations.Caller`.

    :ivar principal: the principal at the other end.
    :ivar told: method and parameters of each notification.
    :ivar is_full: set it to True to play a caller that does not read.
    :ivar probes: how often it was probed.
    :ivar reason: set it to play a connection that broke; None is one that the caller closed.
    :ivar quiet: the seconds that :meth:`silence` returns; set it.
    """

    def __init__(self) -> None:
        self.principal = ANONYMOUS
        self.told: list[tuple[str, Any]] = []
        self.is_full = False
        self.probes = 0
        self.reason: str | None = None
        self.quiet = 0.0
        self._when_lost: list[Callable[[], object]] = []

    def prove(self, principal: Principal) -> None:
        """Replace the principal."""
        self.principal = principal

    def notify(self, method: str, params: object) -> None:
        """Record it."""
        self.told.append((method, params))

    def probe(self) -> None:
        """Count it."""
        self.probes += 1

    def silence(self) -> float:
        """The seconds that the test has set."""
        return self.quiet

    def when_lost(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have *callback* called by :meth:`lose`. Call the returned function to take that back."""
        self._when_lost.append(callback)

        def withdraw() -> None:
            if callback in self._when_lost:  # it is being called otherwise
                self._when_lost.remove(callback)

        return withdraw

    def lose(self) -> None:
        """Lose the connection."""
        callbacks, self._when_lost = self._when_lost, []
        for callback in callbacks:
            callback()

    def take_told(self) -> list[tuple[str, Any]]:
        """The notifications since the last call."""
        told, self.told = self.told, []
        return told
