"""Twisted's HTTP parser on a connection of netd.

The parser is fed the head of one request and then its body, and nothing else. It writes to the connection's outbox. Limits of
size and time, and the order of requests, belong to :mod:`netd.gateway.conversation`.
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
"""Most digits in the length of a body. Python refuses to convert thousands of digits."""


class ChannelOwner(Protocol):
    """The conversation, as its channel sees it."""

    def head_read(self, request: GatewayRequest, length: int | None) -> None:
        """A head is complete. *length* is the length of the body, None for chunks. The body, if any, is read next."""

    def request_read(self, request: GatewayRequest) -> None:
        """A request is complete."""

    def request_broken(self) -> None:
        """The bytes are not an HTTP request."""

    def answered(self) -> None:
        """The last answer has been written: close the connection."""


class GatewayRequest(Request):
    """One request."""

    channel: GatewayChannel

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()  # Twisted would put a long body into a temporary file; the limit makes memory enough
        self.channel.owner.head_read(self, length)

    def process(self) -> None:
        self.channel.owner.request_read(self)

    def forgo_body(self) -> None:
        """Send no ``100 Continue``, so that the client does not send the body that it has announced."""
        self.requestHeaders.removeHeader(b"Expect")

    def begin(self, answer: Answer, date: str) -> None:
        """Send the head of *answer*, and its body unless that comes in chunks. :meth:`finish` has to follow."""
        self.setResponseCode(answer.status.value, answer.status.phrase.encode())
        for name, text in (*answer.headers(), ("Date", date)):
            self.responseHeaders.addRawHeader(name.encode(), text.encode("latin-1", "replace"))
        self.write(answer.body)  # type: ignore[no-untyped-call]


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
        is_odd = name == b"transfer-encoding" and text.lower() != b"chunked"  # other servers may find another end of the body
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

    :ivar disconnecting: whether the connection is being closed. The channel asks before it reads each line.
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
        """Put all of *data* into the outbox at once."""
        self._peer.send(b"".join(data))

    def loseConnection(self) -> None:
        """Close the connection once everything is sent."""
        self._owner.answered()

    def getPeer(self) -> Any:
        """Return the address of the client."""
        return self._transport.getPeer()

    def getHost(self) -> Any:
        """Return the address of this end."""
        return self._transport.getHost()
