"""Twisted's parser of HTTP, behind a connection of netd.

The parser gets the head of one request and then its body, and nothing else; it writes to the connection's outbox. Limits, time
limits and the order of requests belong to :mod:`netd.gateway.conversation`.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Protocol

from twisted.internet.interfaces import ITransport
from twisted.web.http import HTTPChannel, Request
from zope.interface import implementer

from netd.connection.peer import Peer
from netd.gateway.answer import Answer

__all__ = ["ChannelOwner", "GatewayChannel", "GatewayOutlet", "GatewayRequest"]


MOST_DIGITS = 18
"""Digits of the length of a body at most. Python refuses to convert thousands of digits."""


class ChannelOwner(Protocol):
    """The conversation, as its channel sees it."""

    def head_read(self, request: GatewayRequest, length: int | None) -> None:
        """A head is whole. *length* is that of the body, None for chunks; the body is read next, if there is one."""

    def request_read(self, request: GatewayRequest) -> None:
        """A request is whole."""

    def request_broken(self) -> None:
        """The bytes are no request."""

    def answered(self) -> None:
        """Close after the last answer."""


class GatewayRequest(Request):
    """One request."""

    channel: GatewayChannel

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()  # the limit is low enough for it: nothing is written to files
        self.channel.owner.head_read(self, length)

    def process(self) -> None:
        self.channel.owner.request_read(self)

    def forgo_body(self) -> None:
        """Do not send ``100 Continue``: the client shall not send the body that it has announced."""
        self.requestHeaders.removeHeader(b"Expect")

    def give(self, answer: Answer, date: str) -> None:
        """Send *answer*."""
        self.setResponseCode(answer.status.value, answer.status.phrase.encode())
        for name, text in (*answer.headers(), ("Date", date)):
            self.responseHeaders.addRawHeader(name.encode(), text.encode("latin-1", "replace"))
        self.write(answer.body)  # type: ignore[no-untyped-call]
        self.finish()  # type: ignore[no-untyped-call]


class GatewayChannel(HTTPChannel):
    """The parser of one connection."""

    requestFactory = GatewayRequest

    def __init__(self, owner: ChannelOwner) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.owner = owner

    def headerReceived(self, line: bytes) -> bool:
        name, _, text = line.partition(b":")
        name, text = name.lower(), text.strip(b" \t")
        is_long = name == b"content-length" and len(text) > MOST_DIGITS
        is_odd = name == b"transfer-encoding" and text.lower() != b"chunked"  # others read other ends of a body out of it
        if is_long or is_odd:
            self._respondToBadRequestAndDisconnect()
            return False
        is_good: bool = super().headerReceived(line)  # type: ignore[no-untyped-call]
        return is_good

    def checkPersistence(self, request: Request, version: bytes) -> bool:  # noqa: N802 - Twisted's name
        options = b",".join(request.requestHeaders.getRawHeaders(b"Connection", ())).lower().split(b",")
        if version == b"HTTP/1.1" and b"close" not in map(bytes.strip, options):
            return True
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        return False

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.owner.request_broken()


@implementer(ITransport)
class GatewayOutlet:
    """The transport of a channel: it writes to the outbox.

    :ivar disconnecting: asked by the channel before each line.
    """

    def __init__(self, peer: Peer, transport: Any, owner: ChannelOwner) -> None:
        self._peer = peer
        self._transport = transport
        self._owner = owner

    @property
    def disconnecting(self) -> bool:
        return not self._peer.is_open

    def write(self, data: bytes) -> None:
        """Put *data* into the outbox."""
        self._peer.send(data)

    def writeSequence(self, data: Any) -> None:
        """Put all of *data* into the outbox, as one."""
        self._peer.send(b"".join(data))

    def loseConnection(self) -> None:
        """Close, when all is sent."""
        self._owner.answered()

    def getPeer(self) -> Any:
        """The other end's address."""
        return self._transport.getPeer()

    def getHost(self) -> Any:
        """The own address."""
        return self._transport.getHost()
