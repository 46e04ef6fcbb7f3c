"""WebSocket connections: Autobahn behind the same shell, outbox, limits and log line as every other connection of netd.

Autobahn does the handshake, reads frames, and answers pings and close frames. It never sees the transport: it writes to the
connection's :class:`WebSocketPeer`. The frames of a service do not pass through Autobahn at all, because it frames a message anew
for each connection; :mod:`netd.codec.websocket` frames it once for any number of them.

Autobahn's own timers are off, because they use the global reactor. The time limits of handshake, ping and pong are the peer's one
expiry. Compression is never agreed to.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, ClassVar, cast

from autobahn.twisted.websocket import WebSocketServerFactory
from autobahn.websocket.protocol import WebSocketProtocol as Autobahn
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest

from netd.codec.websocket import CloseCode
from netd.connection.factory import PeerFactory
from netd.connection.intake import PORTION, Intake
from netd.connection.origins import takes_origin
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol
from netd.connection.websocket_rules import WebSocketRules
from netd.connection.websocket_session import WebSocketPeer, WebSocketSession
from netd.errors import ProtocolError
from netd.log import printable

__all__ = [
    "HEAD_LIMIT",
    "WebSocketFactory",
    "WebSocketPeer",
    "WebSocketProtocol",
]

HEAD_LIMIT = 1 << 14
"""Bytes of a handshake's request, at most."""


class Phase(enum.Enum):
    """What a connection waits for. The peer's expiry is the time limit for it."""

    HANDSHAKE = "the end of the handshake"
    GREETING = "the message that the service requires first"
    MESSAGES = "any message"
    PONG = "the answer to a ping"


UNHELD: frozenset[str] = frozenset()
"""One for all connections that nothing holds: each empty set of its own would weigh 216 bytes."""


class WebSocketProtocol(PeerProtocol):
    """One WebSocket connection of a service.

    A service's class overrides :meth:`websocket_opened` and :meth:`message`, and sends frames with ``peer.send``. A frame may be
    shared by many connections.

    :ivar subprotocol: the subprotocol of the handshake, or None.
    """

    speaks_http = True
    factory: WebSocketFactory
    peer: WebSocketPeer
    machine: ClassVar[tuple[str, ...]] = ("_session",)
    portion = PORTION
    says_when_identified = True

    def __init__(self, factory: PeerFactory) -> None:
        super().__init__(factory)
        self.subprotocol: str | None = None
        self._session: WebSocketSession | None = None
        self._phase = Phase.HANDSHAKE
        self._has_lagged = False
        self._is_keeping = False
        self._holds = UNHELD

    def check_entry(self, headers: Mapping[str, str], subprotocol: str | None) -> None:
        """Accept any client. Override to check the principal.

        :param headers: those of the handshake, by their names in lower case.
        :param subprotocol: the one that is agreed on.

        :raises NotPermitted: to refuse the handshake, in the words of the error.
        """

    def dismiss(self, kind: str, why: str) -> None:
        """Refuse the handshake, or close the WebSocket; see :meth:`PeerProtocol.dismiss`."""
        if self._session is not None and self._session.state == Autobahn.STATE_OPEN and self.peer.is_open:
            self.refuse(kind, why, b"")
            self.peer.close(why, CloseCode.POLICY)
        else:
            super().dismiss(kind, why)

    def websocket_opened(self) -> None:
        """The handshake is done. Override."""

    def message(self, payload: bytes, is_binary: bool) -> None:
        """A whole message has come; if it is not binary, it is valid UTF-8. Override."""

    def frame_began(self) -> None:
        """The head of a frame has come. Override to limit their number."""

    def is_greeted(self) -> bool:
        """Whether the client has sent the message that :meth:`expect_greeting` waits for. Override."""
        return True

    def expect_greeting(self, seconds: float) -> None:
        """Close the connection unless :meth:`is_greeted` within *seconds*. To be called from :meth:`websocket_opened`."""
        self._await(Phase.GREETING, seconds)

    def hold(self, reason: str, is_held: bool) -> None:
        """Act on no more input, not even on bytes that were read before, while at least one *reason* holds."""
        self._holds = (self._holds | {reason} if is_held else self._holds - {reason}) or UNHELD
        self.factory.intake.hold(self, bool(self._holds))

    def expect_handshake(self) -> None:
        """Take the bytes that follow for a WebSocket handshake."""
        self._session = self.peer.session = WebSocketSession(self.factory.autobahn, self.peer, self)
        self._session.connectionMade()

    # PeerProtocol

    def make_peer(self) -> WebSocketPeer:
        return WebSocketPeer(self.transport, self.factory.context, self.bounds, self)

    def opened(self) -> None:
        self.expect_handshake()

    def begun(self) -> None:
        self._await(Phase.HANDSHAKE, self.factory.handshake_timeout)

    def received(self, data: bytes) -> None:
        self.factory.intake.take(self, data)

    def read_portion(self, received: bytes) -> None:
        """Have Autobahn parse *received*, then look at the state that it is in."""
        if not self.peer.is_open:
            return
        assert self._session is not None
        if self._phase in (Phase.MESSAGES, Phase.PONG):
            self._await(Phase.MESSAGES, self.factory.rules.ping_interval)
        try:
            self._session.dataReceived(received)
        except Exception:
            self._log.failure("{service}: {who} cannot be served", service=self.factory.name, who=self.describe())
            self.peer.abort("an error in netd")
        else:
            self._see(self._session, received)

    def _see(self, session: WebSocketSession, received: bytes) -> None:
        """Account for what Autobahn keeps of *received*, and close if it has found an error.

        Called when the parser has returned, so that nothing is closed in the middle of its work.
        """
        if not self.peer.is_open:
            return
        kept = session.unfinished + self.factory.intake.waiting(self)
        if kept or self._is_keeping:
            self._is_keeping = bool(kept)
            if not self.peer.note_unfinished(kept, session.is_new) and session.state == Autobahn.STATE_OPEN:
                session.give_up("a message must come at 1 KiB a second at least")
            session.is_new = False
        if session.failedByMe:
            self._fail(session, received)
        elif session.state == Autobahn.STATE_CONNECTING and len(session.data) > HEAD_LIMIT:
            session.failHandshake(f"a request's head has at most {HEAD_LIMIT} bytes", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def pause(self, paused: bool) -> None:
        """See :class:`netd.connection.intake.IntakeReader`."""
        self.peer.set_reading(not paused)

    def congested(self, is_congested: bool) -> None:
        """Hold the input while the outbox is over its bounds: answers to bytes that were read before would add to it."""
        self.hold("congestion", is_congested)

    def expired(self) -> None:
        self.ON_EXPIRY[self._phase](self)

    def drained(self) -> None:
        self._has_lagged = True

    def closed(self) -> None:
        self.factory.intake.forget(self)
        if self._session is not None:
            self._session.connectionLost()
            self._session.forget()
        self.websocket_closed()

    def websocket_closed(self) -> None:
        """The connection is gone, possibly before its handshake was done. Override."""

    # Autobahn's side

    def choose(self, request: ConnectionRequest) -> str | None:
        """The subprotocol for a client whose handshake is in order.

        :raises ConnectionDeny: for a path, an origin or a principal that is not served.
        """
        factory, origin = self.factory, request.origin
        if request.path not in factory.paths:
            raise ConnectionDeny(HTTPStatus.NOT_FOUND.value, f"the WebSocket is at {' or '.join(factory.paths)}")
        if origin and not takes_origin(factory.origins, origin, request.headers.get("host", ""), factory.hosts):
            raise ConnectionDeny(
                HTTPStatus.FORBIDDEN.value,
                f"web pages from {origin!a} may not connect; the option `origins` of [{self.factory.name}] names those that may",
            )
        subprotocol = next((name for name in factory.subprotocols if name in request.protocols), None)
        try:
            self.check_entry(request.headers, subprotocol)
        except ProtocolError as error:
            raise ConnectionDeny(HTTPStatus.FORBIDDEN.value, str(error)) from None
        return subprotocol

    def handshaken(self, subprotocol: str | None) -> None:
        """Begin: Autobahn has answered the handshake."""
        assert self._session is not None
        self.subprotocol = subprotocol
        self._session.forget_handshake()
        self._await(Phase.MESSAGES, self.factory.rules.ping_interval)
        self.websocket_opened()
        if self.is_greeted():
            self.identified()

    def refuse_handshake(self, status: int, why: str, headers: Any) -> None:
        """Answer a request that cannot become a WebSocket by HTTP, in words for the person at the browser."""
        if status == HTTPStatus.UPGRADE_REQUIRED:
            why, headers = "this port speaks WebSocket: connect with a WebSocket client", (("Upgrade", "websocket"),)
        assert self._session is not None
        why = printable(why)
        self.refuse("bad handshake", why, self._session.data)
        self.peer.write(_http_refusal(HTTPStatus(status), why, headers))
        self.peer.close("bad handshake")

    def _fail(self, session: WebSocketSession, received: bytes) -> None:
        kind, reason = "bad WebSocket frame", cast(bytes, session.localCloseReason)
        self.refuse(kind, reason.decode(errors="replace"), received)
        self.peer.close(kind)

    # Clocks

    def _await(self, phase: Phase, seconds: float) -> None:
        self._phase = phase
        self.peer.expire_after(seconds)

    def _do_end_handshake(self) -> None:
        assert self._session is not None
        self._session.failHandshake("no whole handshake came in time", HTTPStatus.REQUEST_TIMEOUT)

    def _do_end_greeting(self) -> None:
        if self.is_greeted():
            self._await(Phase.MESSAGES, self.factory.rules.ping_interval)
        else:
            self.peer.close("not greeted in time", CloseCode.POLICY)

    def _do_ping(self) -> None:
        assert self._session is not None
        self._has_lagged = self.peer.is_full
        self._session.sendPing()
        self._await(Phase.PONG, self.factory.rules.ping_timeout)

    def _do_end_ping(self) -> None:
        """Cut a client that has not answered the ping, unless the ping may still wait in the outbox or was dropped there.

        A client that takes nothing at all is cut by its peer's stall timeout.
        """
        if self._has_lagged or self.peer.is_full:
            self._do_ping()
        else:
            self.peer.abort("answers no ping")

    ON_EXPIRY: ClassVar[dict[Phase, Callable[[WebSocketProtocol], None]]] = {
        Phase.HANDSHAKE: _do_end_handshake,
        Phase.GREETING: _do_end_greeting,
        Phase.MESSAGES: _do_ping,
        Phase.PONG: _do_end_ping,
    }
    """The method that is called when the expiry passes in a phase."""


def _http_refusal(status: HTTPStatus, why: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    body = f"{why}\n".encode(errors="replace")
    head = [
        f"HTTP/1.1 {int(status)} {status.phrase}",
        *(f"{name}: {text}" for name, text in headers),
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join([*head, "\r\n"]).encode() + body


class WebSocketFactory(PeerFactory):
    """Makes the WebSocket connections of one service.

    :cvar subprotocols: the subprotocols of the service, best first. A client that asks for none of them is not refused.
    :cvar hosts: names of this server beside ``localhost``; see :mod:`netd.connection.origins`.
    :ivar rules: the options in force.
    :ivar paths: the paths that clients may connect to.
    :ivar origins: origins whose web pages may connect, beside the server's own.
    :ivar handshake_timeout: seconds from the first byte to the end of the handshake.
    """

    protocols = (b"http/1.1",)
    subprotocols: ClassVar[tuple[str, ...]] = ()
    hosts: ClassVar[tuple[str, ...]] = ()
    paths: tuple[str, ...] = ("/",)
    handshake_timeout = 8.0

    def __init__(self, name: str, context: PeerContext, rules: WebSocketRules) -> None:
        super().__init__(name, context)
        self.intake = Intake(self.turns)
        self.autobahn = WebSocketServerFactory(server="netd", reactor=context.clock)
        self.follow(rules)

    def refusal_at_door(self, why: str) -> bytes:
        return _http_refusal(HTTPStatus.FORBIDDEN, why)

    def follow(self, rules: WebSocketRules) -> None:
        """Apply *rules*, to open connections as well. Override for further options of a service."""
        self.rules = rules
        self.origins = rules.origins or ()
        self.autobahn.setProtocolOptions(
            webStatus=False,
            failByDrop=False,  # a client is told what it did wrong
            openHandshakeTimeout=0,
            maxMessagePayloadSize=rules.max_message,
            closeHandshakeTimeout=0,
            autoPingInterval=0,
            perMessageCompressionAccept=lambda offers: None,
            allowNullOrigin=True,  # origins are the shell's to judge
        )
