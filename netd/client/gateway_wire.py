"""What is said between netd's gateway and its clients over HTTP and WebSocket: bytes in, bytes out.

Pure, and shared by the blocking and the asyncio client.  Frames are those of :mod:`netd.client.feed`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from netd.client.control import BadAnswer, ControlError, ControlTimeout, InvalidRequest, Lost, NotPermitted, NotRunning
from netd.client.feed import CLOSE, PING, PONG, TEXT, FeedError, FrameDecoder, accept_of, encode_frame, read_close

__all__ = [
    "SUBPROTOCOL",
    "Address",
    "Messages",
    "NotTrusted",
    "Response",
    "ResponseReader",
    "check_agreement",
    "check_token",
    "read_url",
    "rpc_request",
    "rpc_result",
    "upgrade_request",
]

SUBPROTOCOL = "netd.v1"

GREATEST_HEAD = 16 * 1024
"""Bytes of the head of a response, and of one line within a body in chunks."""


class NotTrusted(ControlError):
    """The server's certificate is not one that this client trusts."""


class Address(NamedTuple):
    """Where a gateway is.

    :ivar authority: host and port as an address has them.
    :ivar path: what stands before ``/rpc`` and ``/ws``: nothing, or that of a proxy.
    """

    host: str
    port: int
    is_tls: bool
    authority: str
    path: str

    @property
    def url(self) -> str:
        """The address for people."""
        return f"http{'s' if self.is_tls else ''}://{self.authority}{self.path}"


def read_url(url: str) -> Address:
    """The gateway at *url*: ``http://`` or ``https://``, host, perhaps port and path.

    :raises ValueError: when it is none, or holds what belongs elsewhere; it is not quoted then: it may hold a secret.
    """
    remedy = "write http://HOST:PORT or https://HOST:PORT"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"the address of the gateway: {error}; {remedy}") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError(f"the address of the gateway holds more than host, port and path; {remedy}, and give the token as such")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError(f"the address of the gateway is no address of HTTP; {remedy}")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"the address of the gateway has more than plain characters; {remedy}")
    is_tls = parts.scheme == "https"
    usual = 443 if is_tls else 80
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    authority = host if port in {None, usual} else f"{host}:{port}"
    return Address(parts.hostname, port or usual, is_tls, authority, parts.path.rstrip("/"))


def check_token(token: str) -> str:
    """*token* without the white space around it.

    :raises ValueError: when it is none; it is not quoted.
    """
    bare = token.strip()
    if not bare or not bare.isascii() or not bare.isprintable() or " " in bare:
        raise ValueError("the token is empty, or has more than plain characters: `netd token add` prints them")
    return bare


def _head(first: str, address: Address, token: str | None, headers: Mapping[str, str]) -> bytes:
    lines = [first, f"Host: {address.authority}", *(f"{name}: {value}" for name, value in headers.items())]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "\r\n"]).encode("ascii")


def rpc_request(address: Address, token: str | None, body: bytes) -> bytes:
    """The request that carries *body*, a request of JSON-RPC 2.0."""
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Content-Length": str(len(body))}
    return _head(f"POST {address.path}/rpc HTTP/1.1", address, token, headers) + body


def upgrade_request(address: Address, token: str | None, key: str) -> bytes:
    """The request that opens a WebSocket.

    :param key: sixteen random bytes in base64.
    """
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": SUBPROTOCOL,
    }
    return _head(f"GET {address.path}/ws HTTP/1.1", address, token, headers)


class Response(NamedTuple):
    """A response of HTTP.

    :ivar headers: by their names in lower case; the last of each.
    :ivar rest: what came after it.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    rest: bytes

    @property
    def is_last(self) -> bool:
        """Whether the server wants no more requests on this connection."""
        return self.headers.get("connection", "").lower() == "close"


class ResponseReader:
    """Reads one response, however it was cut.

    :param limit: bytes of the longest body.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._received = bytearray()
        self._head: tuple[int, str, dict[str, str]] | None = None
        self._body = bytearray()

    def feed(self, received: bytes) -> Response | None:
        """The response, once it is whole; no bytes are the end of the connection.

        :raises BadAnswer: when this is no response, or too long.
        :raises Lost: when the connection ended within it.
        """
        self._received += received
        while self._head is None:
            head = self._cut(b"\r\n\r\n")
            if head is None:
                self._check_open(received)
                return None
            self._head = _read_head(head)
            if 100 <= self._head[0] < 200 and self._head[0] != 101:
                self._head = None  # an interim response: another one follows
        return self._read_body(self._head, received)

    def _read_body(self, head: tuple[int, str, dict[str, str]], received: bytes) -> Response | None:
        status, _, headers = head
        if status in {101, 204, 304}:
            return self._whole(head)
        if headers.get("transfer-encoding", "").lower() == "chunked":
            if self._take_chunks():
                return self._whole(head)
            self._check_open(received)
            return None
        length = headers.get("content-length")
        if length is None:  # the end of the connection is that of the body
            self._take(len(self._received))
            return self._whole(head) if not received else None
        if not (length.isascii() and length.isdigit() and len(length) < 20):
            raise BadAnswer(f"not a response of HTTP: its length is {length[:100]!r}")
        self._check(int(length))
        if len(self._received) < int(length):
            self._check_open(received)
            return None
        self._take(int(length))
        return self._whole(head)

    def _take_chunks(self) -> bool:
        """Move each chunk that is whole into the body; whether that was all."""
        while (end := self._received.find(b"\r\n")) >= 0:
            size_text = bytes(self._received[:end]).partition(b";")[0].strip()
            if not size_text or len(size_text) > 8 or size_text.strip(b"0123456789abcdefABCDEF"):
                raise BadAnswer(f"not a response of HTTP: a chunk begins {size_text[:100]!r}")
            size = int(size_text, 16)
            self._check(len(self._body) + size)
            if size == 0:
                return self._take_trailer(end)
            if len(self._received) < end + 2 + size + 2:
                return False
            del self._received[: end + 2]
            self._take(size)
            del self._received[:2]
        self._check_line()
        return False

    def _take_trailer(self, start: int) -> bool:
        end = self._received.find(b"\r\n\r\n", start)  # the line end of the last chunk is the first of an empty trailer
        if end < 0:
            self._check_line()
            return False
        del self._received[: end + 4]
        return True

    def _cut(self, mark: bytes) -> bytes | None:
        end = self._received.find(mark)
        if end < 0:
            self._check_line()
            return None
        cut = bytes(self._received[:end])
        del self._received[: end + len(mark)]
        return cut

    def _take(self, size: int) -> None:
        self._check(len(self._body) + size)
        self._body += self._received[:size]
        del self._received[:size]

    def _check_line(self) -> None:
        if len(self._received) > GREATEST_HEAD:
            raise BadAnswer(f"not a response of HTTP: it begins {bytes(self._received[:100])!r}")

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise BadAnswer(f"the answer is longer than {self._limit} bytes")

    def _whole(self, head: tuple[int, str, dict[str, str]]) -> Response:
        return Response(*head, bytes(self._body), bytes(self._received))

    @staticmethod
    def _check_open(received: bytes) -> None:
        if not received:
            raise Lost("netd closed the connection instead of answering")


def _read_head(head: bytes) -> tuple[int, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, said = first.partition(" ")
    status, _, reason = said.partition(" ")
    if not version.startswith("HTTP/1.") or len(status) != 3 or not (status.isascii() and status.isdigit()):
        raise BadAnswer(f"not a response of HTTP: it begins {first[:100]!r}")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status), reason[:200], headers


def _refusal(address: Address, response: Response) -> ControlError:
    """What a response that is not the one wanted means."""
    status = f"{response.status} {response.reason}".strip()
    said = response.body[:500].decode("utf-8", "replace").strip()
    said = status if not said or said.startswith("<") else f"{status}: {said}"
    if response.status == 401:
        return NotPermitted(f"{address.url} wants a token, or does not know this one ({said}); `netd token` makes them", -32002)
    if response.status == 403:
        return NotPermitted(f"{address.url} refuses ({said})", -32002)
    if response.status in {400, 411, 413, 415, 431}:
        return InvalidRequest(f"{address.url} cannot read the request ({said})", -32600)
    if response.status == 408:
        return ControlTimeout(f"{address.url} gave up on the request ({said})")
    if response.status in {502, 503, 504}:
        return NotRunning(f"{address.url} does not serve now ({said})")
    return BadAnswer(f"no gateway of netd is at {address.url}: it answered {said}")


def rpc_result(address: Address, response: Response) -> bytes:
    """The answer of JSON-RPC 2.0 that *response* carries.

    :raises ControlError: of the class that belongs to its status, when it carries none.
    """
    if response.status != 200:
        raise _refusal(address, response)
    return response.body


def check_agreement(address: Address, response: Response, key: str) -> None:
    """Make sure that the server has opened the WebSocket that *key* asked for.

    :raises ControlError: of the class that belongs to its status, when it has not.
    """
    if response.status != 101:
        raise _refusal(address, response)
    if response.headers.get("sec-websocket-accept") != accept_of(key):
        raise BadAnswer(f"no gateway of netd is at {address.url}: it did not answer the key of the WebSocket")
    if response.headers.get("sec-websocket-protocol") != SUBPROTOCOL:
        raise BadAnswer(f"no gateway of netd is at {address.url}: it does not speak {SUBPROTOCOL}")


class Messages:
    """An open WebSocket as a client has it: bytes in, whole messages out, and what must be sent back.

    :param first: what came behind the handshake.
    :param random_bytes: so many unpredictable bytes, for masks.
    """

    def __init__(self, first: bytes, limit: int, random_bytes: Callable[[int], bytes]) -> None:
        self._frames = FrameDecoder(limit)
        self._frames.feed(first)
        self._random_bytes = random_bytes
        self._replies = bytearray()

    def feed(self, received: bytes) -> None:
        """Take in bytes as they came."""
        self._frames.feed(received)

    def next_message(self) -> bytes | None:
        """The next text message; None while there is none. Afterwards, :meth:`replies` may have something to send.

        :raises Lost: when the server has closed the connection.
        :raises BadAnswer: when what came is no WebSocket.
        """
        try:
            while (message := self._frames.next_message()) is not None:
                opcode, payload = message
                if opcode == TEXT:
                    return payload
                if opcode == CLOSE:
                    self._replies += self.close_frame(payload[:2])
                    raise Lost(read_close(payload))
                if opcode == PING:
                    self._replies += encode_frame(PONG, payload, self._random_bytes(4))
        except FeedError as error:
            raise BadAnswer(str(error)) from error
        return None

    def replies(self) -> bytes:
        """What must be sent, once: pongs, and the echo of a close."""
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    def text_frame(self, text: bytes) -> bytes:
        """*text* as a message."""
        return encode_frame(TEXT, text, self._random_bytes(4))

    def ping_frame(self) -> bytes:
        """A ping."""
        return encode_frame(PING, b"", self._random_bytes(4))

    def close_frame(self, code: bytes = b"\x03\xe8") -> bytes:
        """A farewell; 1000 unless another code is echoed."""
        return encode_frame(CLOSE, code, self._random_bytes(4))
