"""The shell that all services share: one connection, with its peer, its place in the budget and its log line.

A service's protocol derives from :class:`PeerProtocol`, names its bounds, and takes bytes in :meth:`PeerProtocol.received`.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet.protocol import Protocol
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from netd.connection.bounds import Bounds
from netd.connection.budget import Place, Refusal
from netd.connection.eager import cut
from netd.connection.fairness import Lane, Standing
from netd.connection.peer import Peer, PeerContext
from netd.connection.refusals import NOT_ADMITTED, PROOFS
from netd.connection.stranger import ALERT, HELLO, Tongue, bad_request, first_words, page_of, tongue_of
from netd.connection.vigil import ask_for_signs, describe_end
from netd.errors import Revoked
from netd.log import told_of
from netd.principal import ANONYMOUS, Kind, Proof
from netd.redaction import without_tokens
from netd.secrets.tries import network_of

if TYPE_CHECKING:
    from netd.connection.factory import PeerFactory

__all__ = ["PeerProtocol", "describe_address", "network_at"]

REFUSED = "{service}: {who} refused ({kind}): {why}; it sent {excerpt!r}{more}"
REFUSED_SILENTLY = "{service}: {who} refused ({kind}): {why}{more}"
"""The log line of a refusal: with an excerpt of the input, and without one."""

EXCERPT = 80
"""Bytes of refused input that a log line shows."""

PROOFS_TOLD = 5
"""Log lines a minute and address of refusals of a proof: each may have a reason of its own, which the first must not hide."""

_PADDING = re.compile(rb" {4,}")
"""Blanks that fill a field, of which an excerpt shows one: a header of the relay would leave no room for what it is about."""

PROOF_TIMEOUT = 8.0
"""Seconds that a connection has to prove who it is, if its address does not admit it."""

UNPROVEN_BYTES = 1 << 12
"""Bytes that such a connection may send until then. Its first read may be longer: an agent that does not wait for an answer sends
samples right behind its token."""

_SHOWN = frozenset((Proof.TOKEN, Proof.CERTIFICATE))
"""Proofs that a stranger can show only where `access` has `tokens`."""

SILENT = "said nothing"
"""The reason of an end after ``silent_timeout`` without a byte."""

LINES = 30
"""Ordinary log lines of one kind, such as those of ends, for one address within a minute. Further ones are only counted."""


def network_at(address: Any) -> str:
    """Return the network of *address*, by which the budget counts. All unix sockets count as one."""
    return network_of(getattr(address, "host", None) or "unix")


def describe_address(address: Any) -> str:
    """Write *address* as ``host:port``, ``[host]:port``, ``unix:path``, or as it calls itself."""
    shown = getattr(address, "shown", None)
    if isinstance(shown, str):
        return shown
    host = getattr(address, "host", None)
    if host is None:
        name = getattr(address, "name", None)
        return f"unix:{name.decode(errors='replace')}" if isinstance(name, bytes) else "unix"
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"


class PeerProtocol(Protocol):
    """One connection of a service.

    :cvar bounds: the bounds of the outbox.
    :cvar send_buffer: bytes of the operating system's send buffer; None leaves it to the system, which takes some MiB for a peer
        that does not read.
    :cvar receive_buffer: bytes of the operating system's receive buffer; None leaves it to the system, which takes some MiB from
        a peer that floods, and needs a millisecond to free them.
    :ivar leaving: the level of the log line at the connection's end.
    :cvar speaks_http: whether connections begin with HTTP. Otherwise a request is answered and the connection closed. TLS is
        treated like that in any case: where it is meant, it has been taken off before.
    :cvar waits_for_strangers: whether bytes that could become a request are held back until that is decided. Only for services
        none of whose own programs begins like a request: those would wait.
    :cvar machine: names of the attributes that refer to the machine, which refers back. They are deleted at the end, so that the
        memory is free at once and not at the next garbage collection.
    :cvar has_own_login: whether the service itself bounds what a connection may do before it proves who it is.
    :cvar says_when_identified: whether the service calls :meth:`identified` itself; otherwise the first byte identifies.
    :ivar place: the connection's place in the daemon's budget.
    :ivar is_proxied: whether a proxy is in front, which says by the first bytes whom the connection is from.
    """

    _log = Logger()
    leaving: Any = LogLevel.info
    bounds: ClassVar[Bounds]
    speaks_http: ClassVar[bool] = False
    waits_for_strangers: ClassVar[bool] = False
    send_buffer: ClassVar[int | None] = None
    receive_buffer: ClassVar[int | None] = None
    machine: ClassVar[tuple[str, ...]] = ()
    says_when_identified: ClassVar[bool] = False
    has_own_login: ClassVar[bool] = False
    factory: PeerFactory
    transport: Any
    peer: Peer

    def __init__(self, factory: PeerFactory) -> None:
        # All attributes are set here, even those that most connections never need. Python keeps the names once for all instances
        # as long as each sets the same ones in the same order; an attribute that is added later costs an instance 600 bytes.
        self.factory = factory
        self.place: Place | None = None
        self.is_proxied = False
        self._bytes_in = 0
        self._has_begun = False
        self._is_known = False
        self._opening: bytes | None = b""
        self._written_before = 0
        self._standing: Standing | None = None

    def opened(self) -> None:
        """The connection is made; the first byte may be long in coming. Override."""

    def begun(self) -> None:
        """The first byte has come: the machine's time limits begin now. Override."""

    def received(self, data: bytes) -> None:
        """Bytes have come. Override."""

    def expired(self) -> None:
        """The peer's expiry has passed. Override."""

    def drained(self) -> None:
        """All that was sent has been taken, after some of it had to wait. Override."""

    def closed(self) -> None:
        """The connection is gone. Override."""

    def welcome(self) -> None:
        """Call :meth:`opened`: the shell is complete."""
        self.opened()

    def stayed_silent(self) -> None:
        """Close the connection: nothing has come for the section's ``silent_timeout``."""
        self.peer.close(SILENT)

    def stayed_unproven(self) -> None:
        """Close the connection: it has not proved who it is."""
        self.dismiss(NOT_ADMITTED, f"{self.factory.access.objection()}, and no token came within {PROOF_TIMEOUT:.0f} s")

    def dismiss(self, kind: str, why: str) -> None:
        """Tell the peer, as its protocol has it, that it is not admitted, or not any more; count it as *kind*, and close."""
        if self.peer.is_open:
            self.refuse(kind, why, b"")
            self.peer.send(self.factory.refusal_at_door(why))
            self.peer.close(kind)

    def revoked(self, why: Revoked) -> None:
        """Close the connection, because its credential proves nobody any more. Override where its machine says so."""
        self.dismiss(why.kind, str(why))

    def usurped(self) -> str:
        """Return why it loses its name, for which a credential has come since; empty if it keeps it. Override."""
        return ""

    def identified(self) -> None:
        """Note that the peer has sent a whole valid first message or a proof: newcomers do not displace it any more."""
        if not self._is_known and self.place is not None:
            self._is_known = self._has_begun  # a certificate comes before the first byte, which has to begin the connection still
            self.place.identify()
            self.factory.unproven.end(self)

    def prove(self, text: str, *kinds: Kind) -> None:
        """See :class:`netd.interfaces.MachineShell`."""
        self.factory.access.prove(self.peer, text, *kinds)

    def doubted(self) -> None:
        """Note that a proof of the peer was wrong: newcomers may displace it again."""
        if self._is_known and self.place is not None:
            self._is_known = False
            self.place.doubt()

    def make_room(self, refusal: Refusal, is_at_once: bool) -> None:
        """See :class:`netd.connection.budget.Occupant`."""
        self.factory.note_displaced(refusal)
        self.peer.abort(f"made room: {refusal.value}")
        if is_at_once:
            cut(self.transport)

    def finish(self) -> None:
        """Close politely, because the service stops or drains. Override to finish something first."""
        self.peer.close(self.factory.farewell)

    def standing(self) -> Standing:
        """Return the lane and key of the connection, by its credential or address (:mod:`netd.connection.fairness`)."""
        credential = self.peer.principal.credential
        if credential is not None:
            return Lane.KNOWN, credential
        if self._standing is None:
            self._standing = Lane.UNKNOWN, network_at(self.transport.getPeer())
        return self._standing

    @property
    def number(self) -> int | None:
        """The number of the connection in the log."""
        return None if self.place is None else self.place.number

    def make_peer(self) -> Peer:
        """Make the connection's peer. Override for a peer that closes in another way."""
        return Peer(self.transport, self.factory.context, self.bounds, self)

    def connectionMade(self) -> None:
        factory = self.factory
        if self.place is None:  # made at the door, without a place, or by a test
            self.place = factory.share.occupy(network_at(self.transport.getPeer()), self)
        self.peer = self.make_peer()
        self.peer.place = self.place
        self.peer.attach()
        factory.connections.add(self)
        if _tune(self.transport, self.send_buffer, self.receive_buffer, factory.context):
            factory.vigil.begin()
        factory.tally.accepted += 1
        if factory.log_limiter.is_lifted:
            self._log.debug("{service}: {who} connected", service=factory.name, who=describe_address(self.transport.getPeer()))
        if not self.is_proxied:
            self._note_principal()
        self.welcome()
        if not self.is_proxied:  # only now: the refusal is said by the service, whose machine the welcome has made
            self._refuse_by_address()
        if self._bytes_in:
            self._begin()  # its first bytes came at the door
        elif not self.peer.has_expiry:
            factory.silence.begin(self, factory.share.quota.silent_timeout)

    def _begin(self) -> None:
        if not self.peer.is_open:
            return
        self._has_begun = True
        self.factory.silence.end(self)
        if not self._has_own_place():
            self.peer.abort("there was no place for its address")
            return
        if self.is_proxied and self._refuse_behind_proxy():
            return
        if not self.says_when_identified and self.peer.principal is ANONYMOUS and not self.has_own_login:
            self.dismiss(NOT_ADMITTED, self.factory.access.objection())  # a service that takes no proof serves no stranger
            return
        if not self.says_when_identified or self.peer.principal.has_rights:
            self.identified()
        self.begun()

    def is_still_admitted(self) -> bool:
        """Look again whether the peer is admitted, because other rules hold. Its proof counts where it would count anew."""
        principal, access = self.peer.principal, self.factory.access
        if not self.peer.is_open or (self.is_proxied and not self._bytes_in):
            return True
        found = access.admit_transport(self.transport)
        if principal.name is not None:
            return principal.proof not in _SHOWN or access.takes_tokens or found is not None
        if found is None:
            return principal is ANONYMOUS and access.takes_tokens
        if not principal.has_rights:
            self.peer.principal = found
            self.factory.unproven.end(self)
        return True

    def _note_principal(self) -> None:
        """Note who the peer is by its address."""
        self.peer.principal = self.factory.access.admit_transport(self.transport) or ANONYMOUS

    def _refuse_by_address(self) -> bool:
        """Refuse a peer that its address does not admit, and return True. If it may prove who it is, wait for that instead."""
        if self.peer.principal is not ANONYMOUS:
            return False
        if not self.factory.access.takes_tokens:
            self.dismiss(NOT_ADMITTED, self.factory.access.objection())
            return True
        if not self.has_own_login:
            self.factory.unproven.begin(self, PROOF_TIMEOUT)
        return False

    def _refuse_behind_proxy(self) -> bool:
        """Do so by the address that the proxy has told. A certificate that was shown meanwhile counts where tokens do."""
        proved = self.peer.principal
        self._note_principal()
        if proved.name is None or (self.peer.principal is ANONYMOUS and not self.factory.access.takes_tokens):
            return self._refuse_by_address()
        self.peer.principal = proved
        return False

    def _has_own_place(self) -> bool:
        """Exchange the place if the peer's address has changed: behind a proxy, it is known only from the first bytes on."""
        assert self.place is not None
        address = self.transport.getPeer()
        if network_at(address) == self.place.address:
            return True
        self.place.leave()
        place = self.factory.admit(address, self, is_at_work=True)
        if place is not None:
            place.since, place.number = self.place.since, self.place.number
            self.place = self.peer.place = place
        return place is not None

    def _arrive(self, size: int) -> bool:
        """Count bytes of an unidentified connection as memory; return False if the connection was closed over them."""
        if not self._bytes_in:
            self._begin()
        assert self.place is not None
        if self._is_known or not self.peer.is_open:
            return True
        is_unproven = self.peer.principal is ANONYMOUS and not self.has_own_login
        if is_unproven and self._bytes_in and self._bytes_in + size > UNPROVEN_BYTES:
            self.dismiss(NOT_ADMITTED, f"{self.factory.access.objection()}, and no token was in the first {UNPROVEN_BYTES} bytes")
            return True
        return self.place.arrive(size)

    def dataReceived(self, data: bytes) -> None:
        # Called for every read. Once a connection is identified, and its first bytes have shown that they are no request
        # (_opening is None), three tests and an addition stand between the socket and the machine.
        if not self._is_known and not self._arrive(len(data)):
            return
        self._bytes_in += len(data)
        if not self.peer.is_open:
            self.peer.discard(data)
        elif self._opening is None:
            self.received(data)
        else:
            self._receive_first(self._opening, data)

    def _receive_first(self, before: bytes, data: bytes) -> None:
        """Take *data*, unless it shows that the peer speaks HTTP or TLS.

        :param before: the bytes before it, which might have been the beginning of that.
        """
        self._opening = None
        if not before:
            self._written_before = self.peer.written
        elif self.peer.written != self._written_before:  # they were answered: so they were a whole message of the service's own
            self.received(data)
            return
        opening = before + data
        tongue = Tongue.OURS if self.speaks_http and not opening.startswith(HELLO) else tongue_of(opening)
        if tongue is Tongue.UNDECIDED:
            self._opening = opening
            if not self.waits_for_strangers:
                self.received(data)
        elif tongue is Tongue.OURS:
            self.received(opening if self.waits_for_strangers else data)
        else:
            self._answer_mistake(tongue, opening)

    def _answer_mistake(self, tongue: Tongue, opening: bytes) -> None:
        """Answer a peer that has mistaken the port, in its own protocol, and close."""
        if tongue is Tongue.TLS:
            self.refuse(tongue.value, "this port does not speak TLS", opening)
            self.peer.send(ALERT)
        else:
            self.refuse(tongue.value, f"this service does not speak HTTP{page_of(opening)}", first_words(opening))
            text = f"This port is [{self.factory.name}] of netd, which speaks no HTTP. The dashboard is where [gateway] listens."
            self.peer.send(bad_request(text))
        self.peer.close(f"began with {tongue.value}")

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # the base class's default is not needed
        own_reason = self.peer.reason
        self.peer.lost(describe_end(reason, self.transport))
        assert self.place is not None
        self.place.leave()
        factory = self.factory
        factory.connections.discard(self)
        factory.silence.end(self)
        factory.unproven.end(self)
        if not factory.connections:
            factory.vigil.end()
        factory.tally.bytes_in += self._bytes_in
        factory.tally.bytes_out += self.peer.written
        try:
            self.closed()
        except Exception:
            self._log.failure("{service}: the end of a connection failed", service=factory.name)
        self._log_end(self.place, own_reason, self.peer.reason or reason.getErrorMessage())
        for name in self.machine:
            vars(self).pop(name, None)
        if factory.on_lost is not None:
            factory.on_lost()

    def _log_end(self, place: Place, own_reason: str | None, why: str) -> None:
        """Log the end, unless there were too many lines of its address. All connections that sent nothing share one limit."""
        factory = self.factory
        if self._bytes_in or place.is_identified or own_reason not in (None, SILENT):
            skipped = self.admit_line(f"left, {self.leaving.name}")
        else:
            factory.tally.silent += 1
            skipped = factory.log_limiter.admit("silent")
        if skipped is not None:
            self._log.emit(
                self.leaving,
                "{service}: {who} left after {seconds:.1f} s, {bytes_in} bytes in, {bytes_out} out: {why}{more}",
                service=factory.name,
                who=self.describe(),
                seconds=factory.context.clock.seconds() - place.since,
                bytes_in=self._bytes_in,
                bytes_out=self.peer.written,
                why=why,
                more=told_of(skipped),
            )

    def admit_line(self, kind: str, most: int = LINES) -> int | None:
        """Ask for a log line of *kind* about this peer's address; see :meth:`netd.log.LogLimiter.admit`."""
        assert self.place is not None
        return self.factory.log_limiter.admit(kind, self.place.address, most)

    def died(self, why: str) -> None:
        """See :class:`netd.connection.vigil.Watched`."""
        self.peer.abort(why)

    def note_stranger(self, subject: str) -> None:
        """Log (limited) that the peer has shown a certificate which is good, and nobody's."""
        skipped = self.admit_line("certificate")
        if skipped is not None:
            self._log.warn(
                "{service}: the certificate {subject!r} of {who} is good, and no credential is for it: it proves nothing. "
                "`netd cert device NAME` adds one{more}",
                service=self.factory.name,
                subject=subject,
                who=self.describe(),
                more=told_of(skipped),
            )

    def far_side(self) -> Any:
        """Return the address of the peer, as Twisted has it. Override where a connection begins before its transport."""
        return self.transport.getPeer()

    def describe(self) -> str:
        """Return the peer's address, and its principal if more is known than the address, for the log."""
        address, principal = describe_address(self.transport.getPeer()), str(self.peer.principal)
        return f"{address}, {principal}" if principal else address

    def refuse(self, kind: str, why: str, excerpt: bytes) -> None:
        """Count a peer that broke the protocol, and log it (limited by address); *excerpt* is what the peer sent."""
        factory = self.factory
        factory.note_refusal(kind, self.far_side(), why, excerpt)
        most = PROOFS_TOLD if kind in PROOFS else 1
        skipped = factory.log_limiter.admit(kind, "" if self.place is None else self.place.address, most)
        if skipped is not None:
            self._log.warn(
                REFUSED if excerpt else REFUSED_SILENTLY,
                service=factory.name,
                who=self.describe(),
                kind=kind,
                why=why,
                excerpt=without_tokens(_PADDING.sub(b" ", excerpt[: 2 * EXCERPT])[:EXCERPT]),
                more=told_of(skipped),
            )
            factory.access.report(kind, self.describe(), why, skipped)


def _tune(transport: Any, send_buffer: int | None, receive_buffer: int | None, context: PeerContext) -> bool:
    """Set the options of a TCP socket: no delay, keepalive, buffers. Return False if *transport* is none."""
    handle = getattr(transport, "socket", None)
    if not isinstance(handle, socket.socket) or handle.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    transport.setTcpNoDelay(True)
    transport.setTcpKeepAlive(True)
    if send_buffer is not None:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    if receive_buffer is not None:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    ask_for_signs(handle, context.dead_timeout, context.stall_timeout)
    return True
