"""The connections of a wire: those that programs make, and those that netd dials."""

from __future__ import annotations

from typing import ClassVar

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from netd.connection.bounds import Bounds, Policy
from netd.connection.dialing import DialledFactory, DialledProtocol
from netd.connection.factory import PeerFactory
from netd.connection.intake import PORTION, Intake
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol, describe_address
from netd.connection.refusals import NOT_ADMITTED
from netd.principal import ANONYMOUS, Kind, Principal
from netd.reserved import Reserves, usurped
from netd.wire.errands import WireErrands
from netd.wire.link import WireLink
from netd.wire.plan import WirePlan
from netd.wire.section import WireSection, WireTalker

__all__ = ["DialledWireFactory", "DialledWireProtocol", "WireFactory", "WireProtocol"]

BOUNDS = Bounds(Policy.DISCONNECT, 1 << 17)
"""What may wait for one peer: one that is told so much and reads nothing is cut."""

BLOCK = 1 << 12
"""Bytes of a portion where many samples are read at once: a millisecond's work if somebody wants each of them."""


class _StreamLink(WireLink):
    """A link over a connection."""

    __slots__ = ("_protocol",)

    def __init__(
        self, section: WireSection, protocol: WireProtocol | DialledWireProtocol, name: str, is_dialled: bool = False
    ) -> None:
        self._protocol = protocol
        shown = protocol.shown_address()
        super().__init__(section, name, shown, host_of(protocol) or shown, is_dialled=is_dialled)

    def write(self, data: bytes) -> None:
        self._protocol.peer.send(data)

    def finish(self, reason: str) -> None:
        self._protocol.peer.close(reason)

    def pause(self, is_paused: bool) -> None:
        self._protocol.hold(is_paused)

    def principal(self) -> Principal:
        return self._protocol.peer.principal

    def prove(self, token: str) -> None:
        self._protocol.prove(token, Kind.DEVICE)

    def reserves(self) -> Reserves:
        return self._protocol.factory.access


def host_of(protocol: PeerProtocol) -> str:
    """Return the address of the other side of *protocol*; empty if it has none."""
    host: str = getattr(protocol.transport.getPeer(), "host", "")
    return host


class _ErrandLink(_StreamLink):
    """A link over a connection that is made for one errand. The peer is :class:`WireErrands`, which stays."""

    __slots__ = ("_errands",)

    def __init__(self, errands: WireErrands, protocol: DialledWireProtocol) -> None:
        self._errands = errands
        super().__init__(errands.section, protocol, errands.name)

    def _plan(self) -> WirePlan:
        return self._errands.plan()

    @property
    def talker(self) -> WireTalker:
        return self._errands

    def arrived(self, name: str) -> None:
        """Do nothing: the peer has arrived, and stays when this connection ends."""

    def gone(self, reason: str) -> None:
        super().gone(reason)
        self._errands.ended(self)

    def _be_there(self, is_there: bool) -> None:
        """Do nothing: what is said to all is an errand of its own."""


class _Talking(PeerProtocol):
    """What both kinds of connections have in common: bytes to the machine, in portions.

    :cvar may_be_slow: whether half a message may take as long as it likes.
    :ivar unread: what has come and waits for its turn when the connection ends.
    """

    bounds: ClassVar[Bounds] = BOUNDS
    machine = ("link",)
    may_be_slow: ClassVar[bool] = False
    factory: WireFactory | DialledWireFactory
    link: WireLink
    unread: bytes = b""

    def received(self, data: bytes) -> None:
        """Take bytes: a flood of tiny messages waits for its turn."""
        self.factory.intake.take(self, data)

    @property
    def portion(self) -> int:
        """See :class:`netd.connection.intake.IntakeReader`."""
        is_cheap = self.link.machine.reads_blocks and not self.factory.section.hub.tells_each
        return BLOCK if is_cheap else PORTION

    def read_portion(self, received: bytes) -> bytes | None:
        """See :class:`netd.connection.intake.IntakeReader`."""
        if not self.peer.is_open:
            return None
        before = self.link.messages
        left = self.link.received_portion(received)
        self._account(self.link.messages > before)
        return left

    def _account(self, is_new: bool) -> None:
        """Count half a message in the memory of all connections, and cut a program that sends one too slowly."""
        if self.peer.is_open and not self.peer.note_unfinished(self.link.machine.held, is_new) and not self.may_be_slow:
            self.link.machine.close("a message of more than 1 KiB must come at 1 KiB a second at least")

    def pause(self, paused: bool) -> None:
        """See :class:`netd.connection.intake.IntakeReader`."""
        self.peer.set_reading(not paused)

    def hold(self, is_held: bool) -> None:
        """Read no more, not even what has come already, or go on."""
        if self.peer.is_open:
            self.factory.intake.hold(self, is_held)

    def shown_address(self) -> str:
        """Return the address of the other side, for people."""
        return describe_address(self.transport.getPeer())

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # the base class's default is not needed
        """Read what is left: TLS hands over the end of a connection also while nothing is read from it."""
        self.unread = self.factory.intake.forget(self) if self.peer.is_open else b""
        super().connectionLost(reason)

    def closed(self) -> None:
        """Tell the machine."""
        self.factory.intake.forget(self)
        try:
            while self.unread:
                self.unread = self.link.received_portion(self.unread)
        finally:
            self.link.gone(self.peer.reason or "it closed the connection")

    def describe(self) -> str:
        """Its name, if it has one, and its address, for the log."""
        name = self.link.machine.identity.name
        return f"{name} {super().describe()}" if name else super().describe()


@implementer(IHalfCloseableProtocol)
class WireProtocol(_Talking):
    """A connection that a program has made."""

    factory: WireFactory
    says_when_identified = True

    def opened(self) -> None:
        """Begin; what is said to the program first is only for one that is admitted."""
        section = self.factory.section
        self.link = _StreamLink(section, self, section.named(host_of(self) or "local"))
        self.link.machine.identity.needs_proof = self.peer.principal is ANONYMOUS
        if self.peer.principal is not ANONYMOUS or self.factory.access.takes_tokens:
            self.link.connected()

    def begun(self) -> None:
        """A program that need not prove anything is known by its first byte."""
        if self.peer.principal is not ANONYMOUS:
            self.link.machine.identity.needs_proof = False
            self.identified()
        elif not self.factory.section.config.takes_proofs:
            self.dismiss(NOT_ADMITTED, self.factory.access.objection())

    def usurped(self) -> str:
        name = self.link.machine.identity.name
        return usurped(self.factory.access, self.peer.principal, Kind.DEVICE, (name,) if name else ())

    def readConnectionLost(self) -> None:
        """The program has closed its sending side: what it said last counts, and it may still read the reply."""
        if self.peer.is_open:
            self.link.act(self.link.machine.input_ended)
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Do nothing: :meth:`netd.connection.peer.Peer.close` has closed the sending side, and goes on from there."""


class WireFactory(PeerFactory):
    """Makes the connections of programs."""

    connection = WireProtocol

    def __init__(self, name: str, context: PeerContext, section: WireSection) -> None:
        super().__init__(name, context)
        self.section = section
        self.intake = Intake(self.turns)

    def refusal_at_door(self, why: str) -> bytes:
        try:
            return self.section.plan().say.encode(f"error: {why}".encode())
        except ValueError:  # this frame holds no text of this length
            return b""


class DialledWireProtocol(_Talking, DialledProtocol):
    """A connection that netd has made. Serial lines are slow, and netd has chosen the remote: half a message may wait."""

    may_be_slow = True
    factory: DialledWireFactory

    def opened(self) -> None:
        """Begin."""
        factory = self.factory
        if factory.errands is None:
            name = factory.section.named_remote(factory.remote, host_of(self))
            self.link = _StreamLink(factory.section, self, name, is_dialled=True)
            self.link.connected()
        else:
            factory.errands.next()
            self.link = _ErrandLink(factory.errands, self)
            self.link.connected()
            factory.errands.begun(self.link)


class DialledWireFactory(DialledFactory):
    """Makes the connections that netd dials.

    :param remote: the description of what is dialled.
    :ivar errands: for what each connection is made; None where one stays.
    """

    connection = DialledWireProtocol

    def __init__(self, name: str, context: PeerContext, section: WireSection, remote: str) -> None:
        super().__init__(name, context)
        self.section = section
        self.remote = remote
        self.errands: WireErrands | None = None
        self.intake = Intake(self.turns)
