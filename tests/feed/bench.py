"""What tests of the feed stand on: a client's side of a WebSocket, and fakes for Faker, chance and clients."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from netd.client.feed_messages import request_head
from netd.client.websocket import CLOSE, PONG, TEXT, FrameDecoder, encode_frame
from netd.connection.fanout import Item
from netd.feed.rounds import TYPES, Delivery, Form
from netd.testing import Connection

__all__ = [
    "KEY",
    "TEXTS",
    "FakeFaker",
    "FakeMember",
    "FakeRandom",
    "close_frame",
    "fits",
    "frames",
    "open_feed",
    "pong",
    "request",
    "say",
    "texts",
]

KEY = "dGhlIHNhbXBsZSBub25jZQ=="

TEXTS = Form(TYPES, is_old=True)
"""The form of all clients of the first dialect, unless the configuration chooses other values."""

MASK = b"\x01\x02\x03\x04"


def request(subprotocol: str | None = None, *headers: str, path: str = "/") -> bytes:
    """A client's handshake."""
    head = request_head("localhost:8000", path, KEY, subprotocol)
    return b"\r\n".join([head[:-4], *(header.encode() for header in headers), b"", b""])


def say(text: str | dict[str, Any]) -> bytes:
    """A client's text message; of an object, its JSON."""
    return encode_frame(TEXT, (text if isinstance(text, str) else json.dumps(text)).encode(), MASK)


def pong() -> bytes:
    """A client's answer to a ping."""
    return encode_frame(PONG, b"", MASK)


def close_frame(payload: bytes = b"") -> bytes:
    """A client's goodbye."""
    return encode_frame(CLOSE, payload, MASK)


def frames(stream: bytes) -> list[tuple[int, bytes]]:
    """All messages and control frames in *stream*, which must end where a frame does."""
    decoder = FrameDecoder()
    decoder.feed(stream)
    found = []
    while (message := decoder.next_message()) is not None:
        found.append(message)
    assert not decoder._received, decoder._received
    return found


def texts(stream: bytes) -> list[str]:
    """The text messages in *stream*, which holds nothing else."""
    found = frames(stream)
    assert all(opcode == TEXT for opcode, _ in found), found
    return [payload.decode() for _, payload in found]


def open_feed(connection: Connection, subprotocol: str | None = None) -> bytes:
    """Do the handshake; what came after the server's answer."""
    head, _, rest = connection.say(request(subprotocol)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 "), head
    return rest


class FakeRandom:
    """A random number generator that says its seed and counts."""

    def __init__(self, seed: str | None) -> None:
        self.seed = seed
        self.count = 0

    def next(self) -> str:
        """What was asked for so many times."""
        self.count += 1
        return f"{self.seed}#{self.count}"


class FakeFaker:
    """Makes values that tell where they come from."""

    random: FakeRandom

    def __getattr__(self, name: str) -> Any:
        if name not in TYPES:
            raise AttributeError(name)
        return lambda: f"{name} {self.random.next()}"


class FakeMember:
    """A client that keeps what it gets."""

    def __init__(self, is_full: bool = False) -> None:
        self.source: Any = None
        self.is_full = is_full
        self.got: list[Any] = []
        self.blocks: list[bytes] = []
        self.spilled: list[Item] = []

    def deliver(self, delivery: Delivery) -> None:
        """Keep what it gets for itself."""
        self.got.append(delivery)

    def offer(self, block: bytes) -> bool:
        """Keep what it shares with others."""
        if not self.is_full:
            self.blocks.append(block)
        return not self.is_full

    def fail(self) -> None:
        """Not in these tests."""
        raise AssertionError("a member failed")

    def spill(self, items: Sequence[Item]) -> None:
        """Keep what has to wait."""
        self.spilled += items

    def heard(self) -> list[str]:
        """The texts that it shares with others."""
        return texts(b"".join(self.blocks))


def fits(kind: str, value: str) -> bool:
    """Whether *value* can be of that type; those of the others cannot, or hardly."""
    return {
        "name": " " in value and "@" not in value,
        "country": value[:1].isupper() and "@" not in value,
        "email": "@" in value,
        "url": value.startswith(("http://", "https://")),
        "text": value.endswith("."),
        "latitude": value.lstrip("-").replace(".", "", 1).isdigit(),
        "currency": value.startswith("('"),
        "city": value[:1].isupper() and "@" not in value,
    }[kind]
