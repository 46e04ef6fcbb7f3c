"""Autobahn's side of a WebSocket connection, and the peer that stands between it and the transport."""

from __future__ import annotations

from typing import Any, Protocol, cast

from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket.protocol import TrafficStats
from autobahn.websocket.protocol import WebSocketProtocol as Autobahn
from autobahn.websocket.types import ConnectionRequest

from netd.codec.websocket import CloseCode, close_reason
from netd.connection.peer import Peer

__all__ = ["WebSocketOwner", "WebSocketPeer", "WebSocketSession"]

MAX_FRAGMENTS = 1000
"""Frames of one message, beside one for each :data:`FRAGMENT` bytes of it: a fragment without payload costs its sender six bytes,
and netd much more."""

FRAGMENT = 32
"""Bytes. Who sends smaller fragments than this, and thousands of them, means no good."""

PIECE = 1 << 10
"""Bytes. Smaller pieces of a message that is not whole yet are joined: a piece costs some fifty bytes more than are in it."""


RESTING: dict[str, Any] = {
    "_isMessageCompressed": False,
    "_perMessageCompress": None,
    "autoPingPending": None,
    "autoPingPendingCall": None,
    "autoPingPendingSent": None,
    "autoPingPendingSeq": 0,
    "autoPingTimeoutCall": None,
    "closeHandshakeTimeoutCall": None,
    "closedByMe": False,
    "current_frame": None,
    "current_frame_masker": None,
    "data": b"",
    "droppedByMe": False,
    "failedByMe": False,
    "inside_message": False,
    "localCloseCode": None,
    "localCloseReason": None,
    "openHandshakeTimeoutCall": None,
    "remoteCloseCode": None,
    "remoteCloseReason": None,
    "send_state": 0,
    "trackedTimings": None,
    "triggered": False,
    "wasClean": False,
    "wasCloseHandshakeTimeout": False,
    "wasMaxFramePayloadSizeExceeded": False,
    "wasMaxMessagePayloadSizeExceeded": False,
    "wasNotCleanReason": None,
    "wasOpenHandshakeTimeout": False,
    "wasServerConnectionDropTimeout": False,
    "wasServingFlashSocketPolicyFile": False,
}
"""Attributes that Autobahn sets at the start of every connection, and changes in few. As long as they are unchanged, the class
has them for all connections: fifty attributes of its own would be a third of what a connection weighs."""

_OWN = object()
"""No attribute of Autobahn's has this value."""


class _UnheardDeferred:
    """Who waits for the opening and the end of a session, as far as Autobahn knows."""

    def callback(self, result: object) -> None:
        """Tell nobody."""


NEEDLESS: dict[str, Any] = {
    "_results": None,
    "_transport_details": None,
    "_valid_events": None,
    "is_closed": _UnheardDeferred(),
    "is_open": _UnheardDeferred(),
    "send_queue": (),
    "trafficStats": TrafficStats(),
    "utf8validateLast": None,
}
"""Attributes that Autobahn sets as well, and that nobody needs after the handshake: these stand in for them."""

OF_THE_HANDSHAKE = ("http_", "websocket_", "_wskey")
"""How the names of those begin that hold the request, and what was read off it."""


class WebSocketOwner(Protocol):
    """Who a session tells what it reads: the connection's protocol."""

    def choose(self, request: ConnectionRequest) -> str | None:
        """The subprotocol for a client whose handshake is in order; raises ``ConnectionDeny`` to turn it away."""

    def handshaken(self, subprotocol: str | None) -> None:
        """The handshake has been answered."""

    def refuse_handshake(self, status: int, why: str, headers: Any) -> None:
        """What came makes no handshake."""

    def congested(self, is_congested: bool) -> None:
        """The outbox has too much, or room again."""

    def frame_began(self) -> None:
        """The head of a frame came, whatever frame it is."""

    def message(self, payload: bytes, is_binary: bool) -> None:
        """A whole message came."""


class WebSocketPeer(Peer):
    """A peer that says goodbye as WebSockets do, and the transport that Autobahn writes to.

    :ivar session: Autobahn's side of the connection, as soon as there is one.
    """

    __slots__ = ("session",)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.session: WebSocketSession | None = None

    def close(self, reason: str, code: CloseCode = CloseCode.GOING_AWAY) -> None:
        """Send a close frame if none was sent yet, then end as all peers do. The frames that wait go before it."""
        if self.is_open and self.session is not None and self.session.state == Autobahn.STATE_OPEN:
            self.session.sendCloseFrame(code, close_reason(reason))
        super().close(reason)

    def lost(self, why: str | None = None) -> None:
        super().lost(why)
        self.session = None

    def pause_source(self, pause: bool) -> None:
        """Stop what was read already, too."""
        super().pause_source(pause)
        if self.is_open:
            cast(WebSocketOwner, self._owner).congested(pause)

    # What Autobahn asks of a transport

    def write(self, data: bytes) -> None:
        """Send a frame of Autobahn's; for the policies it is a thing of its own."""
        self.send(data, object())

    def loseConnection(self) -> None:
        """The client has closed, and Autobahn has answered; or the client broke the protocol, which is the shell's to see."""
        session = self.session
        if session is not None and not session.failedByMe:
            self.close(f"closed by the client ({session.remoteCloseCode or 'without a code'})")

    def unregisterProducer(self) -> None:
        """The outbox stays the transport's producer until the end."""


class MuteLog:
    """In place of Autobahn's log, which repeats itself for every bad peer. What matters is logged by the shell."""

    def debug(self, *said: object, **fields: object) -> None:
        """Say nothing."""

    info = warn = error = debug


class WebSocketSession(WebSocketServerProtocol):
    """Autobahn's side of one connection: it tells the shell what it reads.

    :param peer: what it writes to.
    :param owner: what it tells.
    """

    vars().update(RESTING, **NEEDLESS)
    CONFIG_ATTRS = []  # noqa: RUF012 - Autobahn's, and never changed; see __getattr__
    log = MuteLog()
    websocket_version = 13

    def __init__(self, factory: Any, peer: WebSocketPeer, owner: WebSocketOwner) -> None:
        self.factory = factory
        super().__init__()
        self.transport = cast(Any, peer)
        self._owner = owner
        self._fragments = 0
        self._size = 0
        self._part = 0
        self.is_new = True

    @property
    def unfinished(self) -> int:
        """Bytes of a message, or of a handshake, that is not whole."""
        return len(self.data) + self._size + self._part

    def __getattr__(self, name: str) -> Any:
        """Settings stay with Autobahn's factory; a copy of all of them in each connection would be a third of its weight."""
        return getattr(self.__dict__["factory"], name)

    def connectionMade(self) -> None:
        self._connectionMade()  # where it comes from is the shell's to know: it needs no details of the transport

    def onConnect(self, request: ConnectionRequest) -> str | None:
        self.websocket_extensions: list[Any] = []  # offers are not even parsed
        return self._owner.choose(request)

    def onOpen(self) -> None:
        self._owner.handshaken(self.websocket_protocol_in_use)

    def onFrameBegin(self) -> None:  # noqa: N802 - Autobahn's name
        self._owner.frame_began()
        super().onFrameBegin()

    def onMessageFrameData(self, payload: bytes) -> None:
        if not self.failedByMe:
            self._part += len(payload)
            _join(self.frame_data, payload)

    def onMessageFrame(self, payload: Any) -> None:
        self._fragments += 1
        self._size += sum(map(len, payload))
        self._part = 0
        if self._fragments > MAX_FRAGMENTS + self._size // FRAGMENT:
            self.give_up("a message has too many fragments, and too small ones")
        elif not self.failedByMe:
            for piece in payload:
                _join(self.message_data, piece)

    def give_up(self, why: str) -> None:
        """Tell the client what it did wrong; the shell sees that, and closes."""
        self.failedByMe = True
        self.sendCloseFrame(CloseCode.POLICY, close_reason(why))

    def forget(self) -> None:
        """The connection is lost: let go of all that was read and is not whole, and of itself."""
        self.is_closed = NEEDLESS["is_closed"]  # Autobahn's own has this session for its result
        self.data = b""
        self.frame_data = []
        self.message_data = []

    def onMessageEnd(self) -> None:
        self._fragments = self._size = self._part = 0
        self.is_new = True
        super().onMessageEnd()
        del self.message_data
        self.current_frame_masker = None

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._owner.message(payload, isBinary)

    def failHandshake(self, reason: str, code: int = 400, responseHeaders: Any = None) -> None:
        self.state = self.STATE_CLOSED
        self._owner.refuse_handshake(code, reason, responseHeaders or ())

    def forget_handshake(self) -> None:
        """Let go of the request and of what was read off it, and of all that is as it is in every connection."""
        self.__dict__ = {
            name: value
            for name, value in vars(self).items()
            if name not in NEEDLESS
            and not name.startswith(("http_", "websocket_", "_wskey"))
            and RESTING.get(name, _OWN) != value
        }


def _join(pieces: list[bytes], piece: bytes) -> None:
    """Put *piece* at the end of *pieces*."""
    if pieces and len(pieces[-1]) < PIECE:
        pieces[-1] += piece
    else:
        pieces.append(piece)
