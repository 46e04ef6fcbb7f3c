"""Messages between a feed and its clients (``docs/protocols/feed.md``): handshake, subscriptions, samples, reports."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from netd.client.token import Denial
from netd.client.way import Server, check_choice, check_port
from netd.client.websocket import accept_of

TYPES = ("name", "country", "email", "url", "text", "latitude", "currency", "city")
"""What an old server sends, in this order."""

AUTO, NETD, OLD = "auto", "netd", "old"
SUBPROTOCOL = "netd.feed.v1"

GREATEST_BLOCK = 1000
"""Samples that a server sends together, at most."""

GREATEST_HEAD = 16 * 1024


class FeedError(Exception):
    """Base of everything that went wrong between this program and the feed; ``str()`` of it is fit for a person."""


class NotConnected(FeedError):
    """The feed cannot be reached, or this client was closed."""


class ConnectionLost(FeedError):
    """The connection to the feed ended, or is of no more use."""


class Refused(FeedError):
    """The server understood what is wanted and turned it down; the text is the server's. Trying again is no use."""


class Denied(FeedError, Denial):
    """The server does not let this program in. The text says why, and what it takes."""


FEED = Server("the feed", NotConnected, ConnectionLost, ConnectionLost)


def request_head(place: str, path: str, key: str, subprotocol: str | None, token: str | None = None) -> bytes:
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
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "\r\n"]).encode("ascii")


def read_response(head: bytes, key: str, rest: bytes = b"") -> str | None:
    """The subprotocol that the server has agreed to, or None.

    :param head: the response up to its empty line.
    :param rest: what came behind it: a refusal says there what is wrong.
    :raises Denied: when the server does not let this program in.
    :raises Refused: when it is HTTP, but no WebSocket, and will be none the next time.
    :raises ConnectionLost: when it is something else, or there may be a WebSocket later.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if not words[0].startswith("HTTP/") or len(words) < 2:
        raise ConnectionLost(f"not a WebSocket server: it said {first[:100]!r}")
    if words[1] != "101":
        is_passing = words[1] in ("408", "425", "429") or words[1].startswith("5")
        why = ": ".join(filter(None, [" ".join(words[1:]), rest.decode("utf-8", "replace").strip()]))
        refusal = ConnectionLost if is_passing else Denied if words[1] in ("401", "403") else Refused
        raise refusal(f"the server refused: {why[:400]}")
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
        return read_response(head, key, rest), rest
    if len(received) > GREATEST_HEAD:
        raise ConnectionLost("not a WebSocket server: its answer has no end")
    return None


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
    check_choice("dialect", dialect, AUTO, NETD, OLD)
    check_port(port)
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

        :raises Refused: when the server turns the subscription down; :class:`Denied` when this program may not have it.
        :raises ConnectionLost: when the message is none of this dialect.
        """
        if self.dialect == OLD:
            sample = self._old_rounds.read(message.decode("utf-8", "replace"), now)
            return [] if sample is None else [sample]
        answer = read_answer(message)
        if self.has_begun:
            return read_samples(answer)
        if "error" in answer:
            raise (Denied if answer.get("denied") is True else Refused)(f"the feed refused: {answer['error']}")
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
