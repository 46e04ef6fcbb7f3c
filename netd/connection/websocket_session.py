"""Autobahn's part of a WebSocket connection, and the peer that it takes for its transport."""

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
"""Frames that one message may have, beside one for each :data:`FRAGMENT` bytes: an empty fragment costs its sender six bytes, and
netd the work of a whole frame."""

FRAGMENT = 32
"""Bytes of a fragment above which any number of them is allowed. No honest program sends thousands of smaller ones."""

PIECE = 1 << 10
"""Bytes. Smaller pieces of an unfinished message are joined, because each bytes object takes some fifty bytes beside its own."""


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
"""Attributes that Autobahn sets for every connection and changes in few. While they are unchanged, the class has them for all
connections: fifty attributes for each would be a third of a connection's memory."""

_OWN = object()
"""A value that no attribute of Autobahn's has."""


class _UnheardDeferred:
    """Stands for the Deferreds that Autobahn fires at the opening and at the end of a session; netd waits for neither."""

    def callback(self, result: object) -> None:
        """Do nothing."""


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
"""Attributes that Autobahn sets as well, and that nothing reads after the handshake: these common values replace them."""

OF_THE_HANDSHAKE = ("http_", "websocket_", "_wskey")
"""Prefixes of the attributes that hold the request and what Autobahn parsed out of it."""


class WebSocketOwner(Protocol):
    """The protocol of the connection, as its session sees it."""

    def choose(self, request: ConnectionRequest) -> str | None:
        """Return the subprotocol for a valid handshake, or None.

        :raises ConnectionDeny: to refuse the client.
        """

    def handshaken(self, subprotocol: str | None) -> None:
        """Begin: the handshake has been answered."""

    def refuse_handshake(self, status: int, why: str, headers: Any) -> None:
        """Answer a request that is no handshake, or a wrong one."""

    def congested(self, is_congested: bool) -> None:
        """Stop acting on input because the outbox is over its bounds (True), or go on (False)."""

    def frame_began(self) -> None:
        """Count a frame of any kind: its head has come."""

    def message(self, payload: bytes, is_binary: bool) -> None:
        """Take a whole message."""


class WebSocketPeer(Peer):
    """A peer that ends with a close frame. To Autobahn, it is the transport.

    So Autobahn's pongs and close frames go through the same outbox as the frames of the service, in the order in which they were
    sent. Written past the outbox, a close frame would overtake the last messages.

    :ivar session: Autobahn's part of the connection, from the handshake on.
    """

    __slots__ = ("session",)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.session: WebSocketSession | None = None

    def close(self, reason: str, code: CloseCode = CloseCode.GOING_AWAY) -> None:
        """Send a close frame behind the frames that wait, unless one was sent already, then close as every peer does."""
        if self.is_open and self.session is not None and self.session.state == Autobahn.STATE_OPEN:
            self.session.sendCloseFrame(code, close_reason(reason))
        super().close(reason)

    def lost(self, why: str | None = None) -> None:
        super().lost(why)
        self.session = None

    def pause_source(self, pause: bool) -> None:
        """Stop reading, and stop acting on bytes that were read before: each message in them may be answered."""
        super().pause_source(pause)
        if self.is_open:
            cast(WebSocketOwner, self._owner).congested(pause)

    # What Autobahn asks of a transport

    def write(self, data: bytes) -> None:
        """Send a frame of Autobahn's, with a key that nothing else has: no policy replaces it by another frame."""
        self.send(data, object())

    def loseConnection(self) -> None:
        """Close, because Autobahn has answered the client's close frame. After an error, the shell closes instead."""
        session = self.session
        if session is not None and not session.failedByMe:
            self.close(f"closed by the client ({session.remoteCloseCode or 'without a code'})")

    def unregisterProducer(self) -> None:
        """Do nothing: the outbox stays the transport's producer until the end."""


class MuteLog:
    """Replaces Autobahn's log, which has several lines for each bad peer. The shell logs one, and limits how many."""

    def debug(self, *said: object, **fields: object) -> None:
        """Do nothing."""

    info = warn = error = debug


class WebSocketSession(WebSocketServerProtocol):
    """Autobahn's part of one connection: it parses, and calls the shell with what it has read.

    :param peer: the transport that it writes to.
    :param owner: the connection's protocol.
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
        """Bytes of an unfinished message or handshake that are kept in memory."""
        return len(self.data) + self._size + self._part

    def __getattr__(self, name: str) -> Any:
        """Read Autobahn's settings from its factory: copies in each connection would be a third of the connection's memory."""
        return getattr(self.__dict__["factory"], name)

    def connectionMade(self) -> None:
        self._connectionMade()  # Autobahn's own connectionMade collects details of the transport, which nothing here reads

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
        """Send a close frame with the reason. The shell sees :attr:`failedByMe` after the read, and closes."""
        self.failedByMe = True
        self.sendCloseFrame(CloseCode.POLICY, close_reason(why))

    def forget(self) -> None:
        """Drop what was read and is not whole, and the reference to itself: the connection is lost."""
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
        """Drop the request, what was parsed out of it, and every attribute whose value the class has, too."""
        self.__dict__ = {
            name: value
            for name, value in vars(self).items()
            if name not in NEEDLESS and not name.startswith(OF_THE_HANDSHAKE) and RESTING.get(name, _OWN) != value
        }


def _join(pieces: list[bytes], piece: bytes) -> None:
    """Append *piece* to *pieces*, or join it with the last one if that is short."""
    if pieces and len(pieces[-1]) < PIECE:
        pieces[-1] += piece
    else:
        pieces.append(piece)
