"""HTTP on one connection: it reads one request after the other, and sends the answers.

The conversation cuts the stream into heads and bodies, within limits of size and time, and has Twisted parse them. Requests that
a client sends ahead wait until the answer to the one before has been sent.
"""

from __future__ import annotations

import enum
from http import HTTPStatus
from typing import Protocol

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from netd.connection.peer import Peer, PeerContext
from netd.connection.websocket_protocol import HEAD_LIMIT
from netd.errors import NotPermitted
from netd.gateway.answer import Answer, plain
from netd.gateway.channel import GatewayChannel, GatewayOutlet, GatewayRequest
from netd.gateway.chunks import MOST, ChunkedBody, LongAnswers
from netd.gateway.head import Head
from netd.gateway.routes import READING, Admission
from netd.gateway.site import Site
from netd.operations import Caller

__all__ = ["GatewayConversation", "Host"]

TOO_LONG = plain(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"a request's head has at most {HEAD_LIMIT} bytes",
    refusal="head too long",
    is_last=True,
)
TOO_SLOW = plain(HTTPStatus.REQUEST_TIMEOUT, "the request did not arrive in time", refusal="too slow", is_last=True)
BROKEN = plain(HTTPStatus.BAD_REQUEST, "this is no HTTP/1.1 request", refusal="bad request", is_last=True)


BUSY = plain(
    HTTPStatus.SERVICE_UNAVAILABLE,
    f"{MOST} long answers are under way, and no more can be; ask again in a moment",
    ("Retry-After", "10"),
    refusal="too many long answers",
)


class Stage(enum.Enum):
    """The part of a request that a connection waits for."""

    NEW = "a request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    ANSWER = "netd's answer"
    IDLE = "another request"


CLOCKS: dict[Stage, float | None] = {Stage.NEW: 8.0, Stage.HEAD: 8.0, Stage.BODY: 30.0, Stage.ANSWER: None, Stage.IDLE: 20.0}
"""Seconds that each stage may take. Single bytes do not extend them."""


class Host(Protocol):
    """The connection, as a conversation sees it."""

    @property
    def peer(self) -> Peer:
        """The peer that answers are sent to."""

    def date(self) -> str:
        """Return the time in the format of HTTP."""

    def hold(self, reason: str, is_held: bool) -> None:
        """Stop reading from the client for *reason*, or go on."""

    def refuse(self, kind: str, why: str, excerpt: bytes) -> None:
        """Count a client's mistake, and log it."""

    def become_websocket(self, admission: Admission, handshake: bytes) -> None:
        """Turn the connection into a WebSocket. *handshake* holds the bytes of the client's request."""


class GatewayConversation:
    """A state machine around Twisted's parser.

    :param transport: gives the parser the addresses of both ends.
    :param caller: the caller, with the principal that its address or its certificate shows.
    :param answers: the long answers of the gateway.
    """

    def __init__(
        self, host: Host, transport: object, site: Site, caller: Caller, context: PeerContext, answers: LongAnswers
    ) -> None:
        self._host = host
        self._peer = host.peer
        self._site = site
        self._caller = caller
        self._by_connection = caller.principal
        self._context = context
        self._answers = answers
        self._asked: Deferred[None] | None = None  # the answer to a request that changes nothing
        self._chunks: ChunkedBody | None = None
        self._channel = GatewayChannel(self)
        self._channel.makeConnection(GatewayOutlet(host.peer, transport, self))  # type: ignore[no-untyped-call]
        self._received = b""
        self._ahead = b""
        self._head = b""
        self._left = 0
        self._body = 0
        self._admission: Admission | None = None
        self._refusal: Answer | None = None
        self._is_last = False
        self._stage = Stage.NEW

    def begin(self) -> None:
        """Start the time limit of a head: the first byte has come. Whatever certificate there is has been shown before it."""
        self._by_connection = self._caller.principal
        self._enter(Stage.NEW)

    def receive(self, received: bytes) -> None:
        """Take the next bytes of the stream. Not called while a request is being answered."""
        is_body = self._stage is Stage.BODY
        rest = self._take_body(received) if is_body else self._take_head(self._received + received)
        if rest and self._peer.is_open:
            self._ahead = rest
            self._host.hold("ahead", True)
            self._rest()

    @property
    def unfinished(self) -> int:
        """The number of bytes of incomplete and of waiting requests."""
        return len(self._received) + self._body + len(self._ahead)

    def expired(self) -> None:
        """Close the connection, because the time limit of the stage has passed."""
        if self._stage in (Stage.NEW, Stage.IDLE):
            self._peer.close("idle")
        else:
            self._end(TOO_SLOW)

    def drained(self) -> None:
        """Go on with what had to wait: all that was sent has been taken."""
        if self._chunks is not None:
            self._chunks.resume()
        self._go_on()

    def finish(self) -> None:
        """Answer the current request, then close: the service stops."""
        if self._stage is Stage.ANSWER:
            self._is_last = True
        else:
            self._peer.close("netd stops")

    def lost(self) -> None:
        """Drop the parser, which refers back to this object: the connection is lost, or is no longer HTTP."""
        self._received = self._ahead = b""
        if self._asked is not None:
            self._asked.cancel()
        if self._chunks is not None:
            self._chunks.stop()
            self._chunks = None
        channel = self._channel
        del self._channel
        channel.connectionLost(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]
        vars(channel).clear()  # its requests refer back to it, and would keep their bodies until the next garbage collection

    # ChannelOwner

    def head_read(self, request: GatewayRequest, length: int | None) -> None:
        """See :class:`netd.gateway.channel.ChannelOwner`."""
        line = self._head.partition(b"\r\n")[0]
        self._peer.prove(self._by_connection)  # the token of an earlier request does not count
        verdict = self._site.admit(Head.read(line, request.requestHeaders.getAllRawHeaders()), length, self._caller)
        if isinstance(verdict, Answer):
            self._admission, self._refusal = None, verdict
            request.forgo_body()
        else:
            self._admit(verdict, request)
        if length != 0:
            self._left = length or 0
            self._enter(Stage.BODY)

    def _admit(self, admission: Admission, request: GatewayRequest) -> None:
        try:
            self._peer.prove(admission.principal)
        except NotPermitted as error:
            self._admission, self._refusal = None, plain(HTTPStatus.TOO_MANY_REQUESTS, str(error))
            request.forgo_body()
        else:
            self._admission, self._refusal = admission, None

    def request_read(self, request: GatewayRequest) -> None:
        """See :class:`netd.gateway.channel.ChannelOwner`."""
        self._body = 0
        self._asked = None
        self._enter(Stage.ANSWER)
        if self._refusal is not None:
            self._give(self._refusal, request)
        elif self._admission is not None and not self._site.is_socket(self._admission):
            assert request.content is not None
            answers = self._site.answer(evolve(self._admission, body=request.content.read()))
            given = answers.addCallback(self._give, request)
            if self._stage is Stage.ANSWER:
                self._asked = given if self._admission.head.method in READING else None
                self._host.hold("answer", True)

    def request_broken(self) -> None:
        """See :class:`netd.gateway.channel.ChannelOwner`."""
        self._end(BROKEN)

    def answered(self) -> None:
        """See :class:`netd.gateway.channel.ChannelOwner`."""
        self._peer.close("answered")

    # What comes

    def _take_head(self, received: bytes) -> bytes:
        """Wait for the end of a head, then parse it. Return the bytes of *received* after the head."""
        if self._stage is not Stage.HEAD:
            received = received.lstrip(b"\r\n")  # some clients send a line end too many after a body
            if not received:
                return b""
            self._enter(Stage.HEAD)
        end = received.find(b"\r\n\r\n", max(0, len(self._received) - 3))
        if (end + 4 if end >= 0 else len(received)) > HEAD_LIMIT:
            self._head = received
            self._end(TOO_LONG)
            return b""
        if end < 0:
            self._received = received
            return b""
        self._received, self._head, rest = b"", received[: end + 4], received[end + 4 :]
        self._channel.dataReceived(self._head)  # type: ignore[no-untyped-call]
        return self._head_taken(rest)

    def _head_taken(self, rest: bytes) -> bytes:
        """The head has been parsed, and perhaps answered. Return the bytes of *rest* that are not used up."""
        head, self._head = self._head, b""
        if not self._peer.is_open:
            return b""
        if self._stage is Stage.BODY:
            if self._refusal is not None:
                self._head = head
                self._end(self._refusal)
                return b""
            return self._take_body(rest)
        if self._stage is Stage.ANSWER and self._admission is not None and self._site.is_socket(self._admission):
            self._host.become_websocket(self._admission, head + rest)
            return b""
        return rest

    def _take_body(self, received: bytes) -> bytes:
        """Parse the next bytes of the body. Return the bytes of *received* after the body."""
        body, rest = received[: self._left], received[self._left :]
        self._left -= len(body)
        self._body += len(body)
        self._channel.dataReceived(body)  # type: ignore[no-untyped-call]
        return rest

    def _rest(self) -> None:
        """Go on with requests that the client has sent ahead, once the answer to the one before is sent."""
        if self._ahead and self._stage is not Stage.ANSWER:
            self._context.turn.after(self._go_on)

    def _go_on(self) -> None:
        if self._ahead and self._stage is not Stage.ANSWER and self._peer.is_open and not self._peer.is_full:
            ahead, self._ahead = self._ahead, b""
            self._host.hold("ahead", False)
            self.receive(ahead)

    # What goes

    def _give(self, answer: Answer, request: GatewayRequest) -> None:
        if not self._peer.is_open:
            return
        if answer.chunks is not None and self._answers.is_full and request.method != b"HEAD":
            answer = BUSY
        if answer.refusal:
            self._refuse(answer)
        if answer.is_last or self._is_last:
            self._is_last = True
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        request.begin(answer, self._host.date())
        if answer.chunks is None or request.method == b"HEAD":
            self._given(request)
            return
        self._host.hold("answer", True)
        self._chunks = ChunkedBody(
            answer.chunks, self._peer, self._answers, self._context.turn, request.write, lambda: self._given(request)
        )
        self._chunks.begin()

    def _given(self, request: GatewayRequest) -> None:
        """The whole answer is in the outbox: wait for another request, or close the connection after the last one."""
        self._chunks = None
        if self._is_last:
            self._channel.persistent = 0
        self._enter(Stage.IDLE)
        request.finish()  # type: ignore[no-untyped-call]
        self._host.hold("answer", False)
        self._rest()

    def _end(self, answer: Answer) -> None:
        """Send *answer* to a request that is not read to its end, and close."""
        self._refuse(answer)
        self._peer.send(answer.render(self._host.date(), not self._request_line().startswith(b"HEAD ")))
        self._peer.close(answer.refusal or "refused")

    def _refuse(self, answer: Answer) -> None:
        """Count a mistake, and log it with the first line of the request up to the query, which may hold secrets."""
        if answer.refusal:
            reason = answer.reason or answer.body.decode().strip()
            self._host.refuse(answer.refusal, reason, self._request_line().partition(b"?")[0])

    def _request_line(self) -> bytes:
        """Return the first line of the request, or the part that has come."""
        return (self._head or self._received).partition(b"\r\n")[0]

    def _enter(self, stage: Stage) -> None:
        self._stage = stage
        self._peer.expire_after(CLOCKS[stage])
