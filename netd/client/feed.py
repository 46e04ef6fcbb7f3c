"""The feed's client side, blocking: :class:`Feed` gives samples, or blocks of them, and reports what it received.

One file on purpose, standard library only, Python 3.7 or newer: copy it anywhere and ``from feed import Feed``.  It imports
nothing of netd and knows no server but by what goes over the wire (``docs/protocols/feed.md``, RFC 6455).

Two dialects: ``"netd"`` asks the server for what it wants and gets samples with type, time and number; ``"old"`` is all that
older servers know: rounds of eight bare texts, told apart by their position.  ``"auto"`` offers the first, and takes the second
from a server that does not agree to it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import logging
import math
import os
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

__all__ = [
    "TYPES",
    "Block",
    "ConnectionLost",
    "Feed",
    "FeedError",
    "NotConnected",
    "Refused",
    "Sample",
    "Surroundings",
    "Welcome",
]

TYPES = ("name", "country", "email", "url", "text", "latitude", "currency", "city")
"""What an old server sends, in this order."""

AUTO, NETD, OLD = "auto", "netd", "old"
SUBPROTOCOL = "netd.feed.v1"

CONNECT_TIMEOUT = 10.0
"""Seconds for the connection and the handshake each, and for the answer to what is asked for."""

SILENCE = 30.0
"""Seconds without a word from the server, after which it is pinged; after as many again the connection is given up."""

FAREWELL = 1.0
"""Seconds that hanging up takes at most: until then, the other side may read what was said last, and hang up itself."""

GREATEST_BLOCK = 1000
"""Samples that a server sends together, at most."""

GREATEST_HEAD = 16 * 1024
GREATEST_MESSAGE = 16 * 1024 * 1024

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class FeedError(Exception):
    """Base of everything that went wrong between this program and the feed; ``str()`` of it is fit for a person."""


class NotConnected(FeedError):
    """The feed cannot be reached, or this client was closed."""


class ConnectionLost(FeedError):
    """The connection to the feed ended, or is of no more use."""


class Refused(FeedError):
    """The server understood what is wanted and turned it down; the text is the server's. Trying again is no use."""


# --- WebSocket: pure --------------------------------------------------------------------------------------------------


def request_head(place: str, path: str, key: str, subprotocol: str | None) -> bytes:
    """The request that opens a WebSocket.

    :param place: host and port.
    :param key: sixteen random bytes in base64.
    """
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {place}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    ]
    if subprotocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return "\r\n".join([*lines, "\r\n"]).encode("ascii")


def make_key(random_bytes: Callable[[int], bytes]) -> str:
    """What a client gives the server to answer."""
    return base64.b64encode(random_bytes(16)).decode("ascii")


def accept_of(key: str) -> str:
    """What a server answers to *key*."""
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode("ascii")).digest()  # noqa: S324 - RFC 6455 says so
    return base64.b64encode(digest).decode("ascii")


def read_response(head: bytes, key: str) -> str | None:
    """The subprotocol that the server has agreed to, or None.

    :param head: the response up to its empty line.
    :raises Refused: when it is HTTP, but no WebSocket, and will be none the next time.
    :raises ConnectionLost: when it is something else, or there may be a WebSocket later.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if not words[0].startswith("HTTP/") or len(words) < 2:
        raise ConnectionLost(f"not a WebSocket server: it said {first[:100]!r}")
    if words[1] != "101":
        is_passing = words[1] in ("408", "425", "429") or words[1].startswith("5")
        raise (ConnectionLost if is_passing else Refused)(f"the server refused: {' '.join(words[1:])[:200]}")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("sec-websocket-accept") != accept_of(key):
        raise ConnectionLost("not a WebSocket server: it did not answer the key")
    return headers.get("sec-websocket-protocol")


def end_of_handshake(received: bytes, key: str) -> tuple[str | None, bytes] | None:
    """The subprotocol that the server has agreed to, and what came behind its response; None while that has no end.

    :raises FeedError: when the server makes no WebSocket of the connection, or its response is too long.
    """
    head, end, rest = received.partition(b"\r\n\r\n")
    if end:
        return read_response(head, key), rest
    if len(received) > GREATEST_HEAD:
        raise ConnectionLost("not a WebSocket server: its answer has no end")
    return None


def masked(payload: bytes, mask: bytes) -> bytes:
    """*payload*, each byte combined with one of the four of *mask*; twice is as before."""
    size = len(payload)
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")).to_bytes(size, "big")


def encode_frame(opcode: int, payload: bytes, mask: bytes) -> bytes:
    """A whole frame as clients must send it, masked."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0xFF, size)
    return head + mask + masked(payload, mask)


class FrameDecoder:
    """Cuts a byte stream into messages and control frames, however it was cut into segments and frames.

    :param limit: bytes of the longest message.
    """

    def __init__(self, limit: int = GREATEST_MESSAGE) -> None:
        self._limit = limit
        self._received = bytearray()
        self._parts = bytearray()
        self._opcode = 0

    def feed(self, received: bytes) -> None:
        """Take in bytes as they came."""
        self._received += received

    def next_message(self) -> tuple[int, bytes] | None:
        """The next message or control frame, opcode and payload; None while it is not complete.

        :raises ConnectionLost: when what came is no frame of a server.
        """
        while True:
            frame = self._next_frame()
            if frame is None:
                return None
            is_last, opcode, payload = frame
            if opcode >= CLOSE:
                return opcode, payload
            if (opcode == 0) != (self._opcode != 0):
                raise ConnectionLost("the server mixes up the parts of its messages")
            self._opcode = self._opcode or opcode
            self._parts += payload
            if is_last:
                message = self._opcode, bytes(self._parts)
                self._opcode = 0
                self._parts.clear()
                return message

    def _next_frame(self) -> tuple[bool, int, bytes] | None:
        received = self._received
        if len(received) < 2:
            return None
        first, size = received[0], received[1]
        opcode, start = first & 15, 2
        if first & 0x70 or size & 0x80 or opcode not in (0, TEXT, BINARY, CLOSE, PING, PONG):
            raise ConnectionLost(f"not a WebSocket frame: it begins {bytes(received[:8])!r}")
        if opcode >= CLOSE and (size > 125 or not first & 0x80):
            raise ConnectionLost("the server's control frame is too long, or in parts")
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(received) < start:
                return None
            size = int.from_bytes(received[2:start], "big")
        if size + len(self._parts) > self._limit:
            raise ConnectionLost(f"a message of the server is over {self._limit} bytes long")
        if len(received) < start + size:
            return None
        payload = bytes(received[start : start + size])
        del received[: start + size]
        return bool(first & 0x80), opcode, payload


def reply_to(opcode: int, payload: bytes) -> tuple[int, bytes] | None:
    """The frame that must answer this one, opcode and payload."""
    return {PING: (PONG, payload), CLOSE: (CLOSE, payload[:2])}.get(opcode)


def read_close(payload: bytes) -> str:
    """What a close frame says, for people."""
    code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else "no code"
    reason = payload[2:].decode("utf-8", "replace")
    return f"the server closed the connection ({code}{': ' if reason else ''}{reason})"


# --- What is said: pure -----------------------------------------------------------------------------------------------


class Sample(NamedTuple):
    """One value.

    :ivar value: text; from a feed that passes on subjects of the bus, any JSON value.
    :ivar time: seconds since the epoch: when the server made it; when it came, where the server does not say.
    :ivar seq: grows by one with each round; a gap is a round that was lost. In the old dialect it counts from each connection.
    """

    type: str
    value: Any
    time: float
    seq: int


class Block(NamedTuple):
    """Samples that were collected together.

    :ivar number: the first is 1.
    :ivar seconds: from the end of the block before, or the first connection, to the last sample.
    """

    number: int
    samples: tuple[Sample, ...]
    seconds: float


class Welcome(NamedTuple):
    """What is known of a fresh connection.

    :ivar dialect: ``"netd"`` or ``"old"``.
    """

    dialect: str


class Wish(NamedTuple):
    """What is asked of the server.

    :ivar types: none for all.
    :ivar interval: seconds between rounds; None leaves it, as the others, to the server.
    :ivar block: samples in one message of the server's.
    """

    types: tuple[str, ...] = ()
    name: str | None = None
    interval: float | None = None
    locale: str | None = None
    seed: int | None = None
    block: int = 1

    def request(self) -> bytes:
        """The subscription in the new dialect."""
        members = {name: value for name, value in self._asdict().items() if value != self._field_defaults[name]}
        return json.dumps({"subscribe": members}).encode("ascii")


class OldRounds:
    """Tells the texts of an old server apart: the position in the eight is all that says the type.

    :param types: those that are wanted; none for all.
    """

    def __init__(self, types: Sequence[str]) -> None:
        self._types = types or TYPES
        self._count = 0

    def read(self, text: str, now: float) -> Sample | None:
        """The sample in *text*, if its type is wanted."""
        rounds, position = divmod(self._count, len(TYPES))
        self._count += 1
        kind = TYPES[position]
        return Sample(kind, text, now, rounds + 1) if kind in self._types else None


def read_answer(text: bytes) -> dict[str, Any]:
    """A message of the new dialect.

    :raises ConnectionLost: when it is none.
    """
    try:
        answer = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise ConnectionLost(f"not a message of {SUBPROTOCOL}: {text[:100]!r}")
    return answer


def read_samples(answer: dict[str, Any]) -> list[Sample]:
    """The samples in a message of the new dialect: one, those of a block, or none.

    :raises ConnectionLost: when they lack something.
    """
    found = answer["samples"] if isinstance(answer.get("samples"), list) else [answer] if "value" in answer else []
    try:
        samples = [Sample(str(one["type"]), one["value"], float(one["time"]), int(one["seq"])) for one in found]
        if not all(math.isfinite(sample.time) for sample in samples):
            raise ValueError("not a time")
        return samples
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ConnectionLost(f"a sample is not as documented: {answer!r:.200}") from None


def report_text(dialect: str, name: str, block: int, seconds: float) -> bytes:
    """What tells the server that a block was received."""
    if dialect == OLD:
        return f"client {name} received {block} block in {seconds:.6f} time".encode()
    return json.dumps({"report": {"block": block, "seconds": round(seconds, 6)}}).encode("ascii")


def remark_text(dialect: str, text: str) -> bytes:
    """What tells the server anything else."""
    return text.encode() if dialect == OLD else json.dumps({"remark": text}).encode("ascii")


def check_arguments(port: int, path: str, dialect: str, wish: Wish) -> None:
    """Refuse what cannot be.

    :raises ValueError: naming the argument.
    """
    if dialect not in (AUTO, NETD, OLD):
        raise ValueError(f"dialect: {dialect!r} is none of auto, netd, old")
    if not 0 < port < 65536:
        raise ValueError(f"port: {port!r} is not between 1 and 65535")
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError(f"path: {path!r} does not begin with / or has more than plain characters")
    if not 1 <= wish.block <= GREATEST_BLOCK:
        raise ValueError(f"block: {wish.block!r} is not between 1 and {GREATEST_BLOCK}")
    unknown = [kind for kind in wish.types if kind not in TYPES]
    if dialect == OLD and unknown:
        raise ValueError(f"types: {unknown[0]!r} is none of {', '.join(TYPES)}")


def place_text(host: str, port: int) -> str:
    """Host and port as the request's head names them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Conversation:
    """What is said over one connection once it is a WebSocket, on both sides.

    :param wanted: the dialect that may be spoken: ``"auto"``, ``"netd"`` or ``"old"``.
    :param agreed: the subprotocol that the server has agreed to.
    :ivar dialect: the one that is spoken, ``"netd"`` or ``"old"``.
    :ivar has_begun: whether samples may come: a newer server has taken the subscription.
    """

    def __init__(self, wish: Wish, wanted: str, agreed: str | None) -> None:
        self._wish = wish
        self._wanted = wanted
        self._old_rounds = OldRounds(wish.types)
        self.dialect = NETD if agreed == SUBPROTOCOL else OLD
        self.has_begun = self.dialect == OLD

    def greeting(self) -> bytes | None:
        """What the client says first, if anything.

        :raises Refused: when this server cannot have what is wanted.
        """
        if self.dialect == NETD:
            return self._wish.request()
        if self._wanted == NETD:
            raise Refused(f"the server does not speak {SUBPROTOCOL}")
        unknown = [kind for kind in self._wish.types if kind not in TYPES]
        if unknown:
            raise Refused(f"this is an old server: it has no type {unknown[0]!r}, but {', '.join(TYPES)}")
        return None if self._wish.name is None else f"Connected with {self._wish.name}".encode()

    def read(self, message: bytes, now: float) -> list[Sample]:
        """The samples in *message*, which came at *now*, in seconds since the epoch.

        :raises Refused: when the server turns the subscription down.
        :raises ConnectionLost: when the message is none of this dialect.
        """
        if self.dialect == OLD:
            sample = self._old_rounds.read(message.decode("utf-8", "replace"), now)
            return [] if sample is None else [sample]
        answer = read_answer(message)
        if self.has_begun:
            return read_samples(answer)
        if "error" in answer:
            raise Refused(f"the feed refused: {answer['error']}")
        self.has_begun = "subscribed" in answer
        return []

    def report(self, block: int, seconds: float) -> bytes:
        """What tells the server that a block was received."""
        return report_text(self.dialect, self._wish.name or "nameless", block, seconds)

    def remark(self, text: str) -> bytes:
        """What tells the server anything else."""
        return remark_text(self.dialect, text)


class Collector:
    """Makes blocks of samples.

    :param size: samples in a block.
    :param clock: seconds that only grow.
    :param collected: called with the number of samples that the block has so far, after each of them.
    :raises ValueError: when *size* is below 1.
    """

    def __init__(self, size: int, clock: Callable[[], float], collected: Callable[[int], object] | None = None) -> None:
        if size < 1:
            raise ValueError(f"size: {size!r} is below 1")
        self._size = size
        self._clock = clock
        self._collected = collected
        self._number = 0
        self._samples: list[Sample] = []
        self._started = clock()

    def add(self, sample: Sample, connected_at: float) -> Block | None:
        """The block that *sample* completes, if it does.

        :param connected_at: when the connection was made, by the clock; the first block does not begin before.
        """
        if not self._number and not self._samples:
            self._started = max(self._started, connected_at)
        self._samples.append(sample)
        if self._collected is not None:
            self._collected(len(self._samples))
        if len(self._samples) < self._size:
            return None
        ended = self._clock()
        self._number += 1
        block = Block(self._number, tuple(self._samples), ended - self._started)
        self._samples, self._started = [], ended
        return block


class Backoff:
    """How long to wait before the next attempt: 2 s, which all clients of feeds have always waited, then doubled up to 30 s, and
    up to half shorter by chance.

    A connection that lasted 10 s begins anew at 2 s.

    :param chance: a number from 0 up to 1.
    """

    FIRST, GREATEST, LASTED = 2.0, 30.0, 10.0

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._ceiling = self.FIRST

    def delay(self, lasted: float) -> float:
        """Seconds to wait now that a connection ended after *lasted* seconds (0 when there was none)."""
        if lasted >= self.LASTED:
            self._ceiling = self.FIRST
        delay = self._ceiling * (1.0 if self._ceiling == self.FIRST else (1 + self._chance()) / 2)
        self._ceiling = min(2 * self._ceiling, self.GREATEST)
        return delay


# --- Sockets ----------------------------------------------------------------------------------------------------------


def tune(connection: socket.socket) -> None:
    """Have *connection* send at once, and find out by itself that the other side is gone."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def open_socket(host: str, port: int) -> socket.socket:
    """A connected, tuned TCP socket.

    :raises OSError: when there is no connection within 10 s.
    """
    connection = socket.create_connection((host, port), CONNECT_TIMEOUT)
    tune(connection)
    return connection


def leave(connection: socket.socket, end: float, clock: Callable[[], float]) -> None:
    """Hang up without taking back what was said last, and wake the thread that reads.

    A connection that is closed while something that came is unread is reset, and a reset reaches the other side ahead of what it
    has not read yet. So this says that nothing more follows, and discards what comes until the other side has hung up, too.

    :param end: when to wait no longer, by the clock.
    """
    with contextlib.suppress(OSError):  # the other side was first, or says nothing more
        connection.shutdown(socket.SHUT_WR)
        left = end - clock()
        while left > 0:
            connection.settimeout(left)
            if not connection.recv(65536):
                break
            left = end - clock()
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class Surroundings(NamedTuple):
    """The outside world of a client, so that tests can hand in another.

    :ivar connect: opens a socket to host and port.
    :ivar clock: seconds that only grow.
    :ivar wall_clock: seconds since the epoch.
    :ivar chance: a number from 0 up to 1.
    :ivar random_bytes: so many unpredictable bytes.
    :ivar pause: waits for the event, at most so many seconds.
    """

    connect: Callable[[str, int], socket.socket] = open_socket
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
    random_bytes: Callable[[int], bytes] = os.urandom
    pause: Callable[[threading.Event, float], object] = threading.Event.wait


class Wire:
    """Whole messages in and out of one WebSocket. One thread reads; any thread writes and closes."""

    def __init__(self, connection: socket.socket, surroundings: Surroundings) -> None:
        self._connection = connection
        self._surroundings = surroundings
        self._frames = FrameDecoder()
        self._writing = threading.Lock()
        self._timing = threading.RLock()
        self._is_leaving = False
        self._patience = FAREWELL

    def open(self, place: str, path: str, subprotocol: str | None) -> str | None:
        """Do the handshake.

        :returns: the subprotocol that was agreed on.
        :raises FeedError: when the other side is no WebSocket, or wants none.
        """
        key = make_key(self._surroundings.random_bytes)
        end = self._surroundings.clock() + CONNECT_TIMEOUT
        head, outcome = b"", None
        self._send(request_head(place, path, key, subprotocol))
        while outcome is None:
            received = self._receive(end - self._surroundings.clock())
            if received is None:
                self._patience = 0.0
                raise ConnectionLost("the server did not answer the handshake in time")
            head += received
            outcome = end_of_handshake(head, key)
        agreed, rest = outcome
        self._frames.feed(rest)
        return agreed

    def write(self, text: bytes) -> None:
        """Send a text message.

        :raises ConnectionLost: when that cannot be done.
        """
        self._send_frame(TEXT, text)

    def read(self, patience: float = SILENCE) -> bytes:
        """The next message. Pings are answered meanwhile.

        :param patience: seconds of silence after which the server is pinged; after as many again this gives up.
        :raises ConnectionLost: when the connection ended first.
        """
        has_pinged = False
        while True:
            message = self._frames.next_message()
            if message is None:
                received = self._receive(patience)
                if received is not None:
                    has_pinged = False
                    self._frames.feed(received)
                elif has_pinged:
                    self._patience = 0.0  # it has had its time: the end of the connection is not waited for, too
                    raise ConnectionLost("the server has gone silent")
                else:
                    has_pinged = True
                    self._send_frame(PING, b"")
                continue
            opcode, payload = message
            reply = reply_to(opcode, payload)
            if reply is not None:
                self._send_frame(*reply)
            if opcode == CLOSE:
                raise ConnectionLost(read_close(payload))
            if opcode in (TEXT, BINARY):
                return payload

    def close(self) -> None:
        """Say goodbye, and hang up once the server has read what was said, within a second; whoever reads is woken.

        Twice is harmless.
        """
        with self._timing:
            was_leaving, self._is_leaving = self._is_leaving, True
        if was_leaving:
            return
        clock = self._surroundings.clock
        end = clock() + self._patience
        if self._writing.acquire(timeout=self._patience):  # not in the middle of another thread's frame
            with contextlib.suppress(OSError):  # the other side was first
                self._connection.settimeout(max(end - clock(), 0.001))
                self._connection.sendall(self._frame(CLOSE, struct.pack("!H", 1000)))
            self._writing.release()
        leave(self._connection, end, clock)

    def _frame(self, opcode: int, payload: bytes) -> bytes:
        return encode_frame(opcode, payload, self._surroundings.random_bytes(4))

    def _send_frame(self, opcode: int, payload: bytes) -> None:
        self._send(self._frame(opcode, payload))

    def _send(self, frames: bytes) -> None:
        try:
            with self._writing:
                if self._is_leaving:
                    raise ConnectionLost("this client has hung up")
                self._connection.sendall(frames)
        except OSError as error:
            raise ConnectionLost(f"the connection to the feed broke: {error}") from error

    def _receive(self, seconds: float) -> bytes | None:
        """What has come, or None when nothing did in time."""
        try:
            with self._timing:  # the thread that hangs up has the socket's one timeout to itself
                if self._is_leaving:
                    raise ConnectionLost("this client has hung up")
                self._connection.settimeout(max(seconds, 0.001))
            received = self._connection.recv(65536)
        except socket.timeout:  # noqa: UP041 - before Python 3.10 these are two
            return None
        except OSError as error:
            raise ConnectionLost(f"the connection to the feed broke: {error}") from error
        if not received:
            raise ConnectionLost("the server closed the connection")
        return received


class Feed:
    """A client of the feed; connects again for ever, with backoff, until :meth:`close`.

    Iterating gives each :class:`Sample`; :meth:`blocks` gives blocks of them, and reports each to the server. Whoever takes more
    than some seconds over one sample must expect the server to take this client for dead; then it connects again.

    :param types: those that are wanted; none for all.
    :param name: what the server calls this client in its reports.
    :param interval: seconds between rounds; this, *locale* and *seed* are the server's own in the old dialect.
    :param seed: the same seed gives the same values, from the first on, at each connection.
    :param block: samples that the server is to collect and send together, 1 to 1000; an old server sends each by itself.
    :param dialect: ``"auto"``, ``"netd"`` or ``"old"``: see the module.
    :param on_connect: called with a :class:`Welcome` after each connection.
    :param on_disconnect: called with the reason, and the seconds until the next attempt.
    :raises ValueError: when the port, the path, the block or the dialect cannot be, or the old dialect has no such type.
    """

    _log = logging.getLogger("netd.client.feed")

    def __init__(  # noqa: PLR0913 - one for each thing that can be chosen
        self,
        host: str = "127.0.0.1",
        port: int = 8000,
        types: Sequence[str] = (),
        name: str | None = None,
        *,
        interval: float | None = None,
        locale: str | None = None,
        seed: int | None = None,
        block: int = 1,
        path: str = "/",
        dialect: str = AUTO,
        on_connect: Callable[[Welcome], object] | None = None,
        on_disconnect: Callable[[str, float], object] | None = None,
        surroundings: Surroundings = Surroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self._wish = Wish(tuple(types), name, interval, locale, seed, block)
        check_arguments(port, path, dialect, self._wish)
        self._place = (host, port)
        self._path = path
        self._dialect = dialect
        self._on_connect = on_connect
        self._on_disconnect = on_disconnect
        self._surroundings = surroundings
        self._backoff = Backoff(surroundings.chance)
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._wire: Wire | None = None
        self._conversation: Conversation | None = None
        self._pending: list[Sample] = []
        self._connected_at = 0.0

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Sample]:
        """Each sample as it comes, over all connections, until :meth:`close`.

        :raises Refused: when the server does not have what is wanted.
        """
        while not self._closed.is_set():
            try:
                wire = self._wire or self._connect()
                while not self._closed.is_set():
                    yield from self._take_pending()
                    self._pending = self._read(wire)
            except Refused:
                self._hang_up()
                raise
            except FeedError as error:
                self._disconnected(str(error))

    def blocks(self, size: int | None = None, collected: Callable[[int], object] | None = None) -> Iterator[Block]:
        """Blocks of *size* samples, each reported to the server before it is given.

        :param size: None for as many as the server was asked to send together.
        :param collected: called with the number of samples that the block has so far, after each of them.
        :raises ValueError: when *size* is below 1.
        :raises Refused: when the server does not have what is wanted.
        """
        collector = Collector(self._wish.block if size is None else size, self._surroundings.clock, collected)
        for sample in self:
            block = collector.add(sample, self._connected_at)
            if block is not None:
                self.report(block.number, block.seconds)
                yield block

    def report(self, block: int, seconds: float) -> bool:
        """Tell the server that a block was received. From any thread.

        :returns: False when there is no connection: reports are not kept.
        """
        return self._try_to_write(lambda conversation: conversation.report(block, seconds))

    def remark(self, text: str) -> bool:
        """Tell the server something else, for its log. Returns as :meth:`report` does."""
        return self._try_to_write(lambda conversation: conversation.remark(text))

    def close(self) -> None:
        """Leave for good, from any thread; iterating ends. During an attempt to connect, it ends within 10 s.

        Returns when the server has read what was said last, after a second at most.
        """
        self._closed.set()
        self._hang_up()

    def _try_to_write(self, text_in: Callable[[Conversation], bytes]) -> bool:
        wire, conversation = self._wire, self._conversation
        if wire is None or conversation is None or not self._connected_at:
            return False
        try:
            wire.write(text_in(conversation))
        except ConnectionLost:
            return False
        return True

    def _connect(self) -> Wire:
        host, port = self._place
        try:
            connection = self._surroundings.connect(host, port)
        except (OSError, UnicodeError) as error:
            raise NotConnected(f"cannot reach the feed at {host}:{port}: {error}") from error
        wire = Wire(connection, self._surroundings)
        with self._lock:
            self._wire = wire
        if self._closed.is_set():  # close() may have come too early to find this wire
            raise NotConnected("this client was closed")
        conversation = self._greet(wire)
        self._conversation, self._pending = conversation, []
        self._connected_at = self._surroundings.clock()
        self._log.info("connected, dialect %s", conversation.dialect)
        if self._on_connect is not None:
            self._on_connect(Welcome(conversation.dialect))
        return wire

    def _greet(self, wire: Wire) -> Conversation:
        agreed = wire.open(place_text(*self._place), self._path, None if self._dialect == OLD else SUBPROTOCOL)
        conversation = Conversation(self._wish, self._dialect, agreed)
        greeting = conversation.greeting()
        if greeting is not None:
            wire.write(greeting)
        while not conversation.has_begun:
            conversation.read(wire.read(CONNECT_TIMEOUT), 0.0)
        return conversation

    def _read(self, wire: Wire) -> list[Sample]:
        assert self._conversation is not None, "there is a wire, so there is something to say on it"
        return self._conversation.read(wire.read(), self._surroundings.wall_clock())

    def _take_pending(self) -> Iterator[Sample]:
        while self._pending and not self._closed.is_set():
            yield self._pending.pop(0)

    def _hang_up(self) -> None:
        with self._lock:
            wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _disconnected(self, reason: str) -> None:
        lasted = self._surroundings.clock() - self._connected_at if self._connected_at else 0.0
        self._connected_at = 0.0
        self._hang_up()
        if self._closed.is_set():
            return
        delay = self._backoff.delay(lasted)
        self._log.warning("%s; next attempt in %.1f s", reason, delay)
        if self._on_disconnect is not None:
            self._on_disconnect(reason, delay)
        self._surroundings.pause(self._closed, delay)
