"""Tests of :mod:`netd.client.room_asyncio`: a bot on an event loop, over a connection that is not there."""

from __future__ import annotations

import asyncio
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.client.room import Exchange, Heard, NotConnected, Refused
from netd.client.room_asyncio import AsyncBot, AsyncSurroundings
from tests.client.test_room import CONFIRMATION, WELCOME, echo
from tests.client.transports import Transport

OPENING = b"\nBatman: Do you want to eat?"


class FakeStreams(Transport):
    """Reader and writer in one: the server's segments come one after the other; None is a silence."""

    def __init__(self, *segments: bytes | OSError | None) -> None:
        super().__init__()
        self._segments = list(segments)
        self.sent: list[bytes] = []

    async def connect(self, _host: str, _port: int) -> Any:
        """Stands in for ``asyncio.open_connection``."""
        if self._segments and isinstance(self._segments[0], ConnectionRefusedError):
            raise self._segments[0]
        return self, self

    async def read(self, _size: int) -> bytes:
        """The next segment; where a silence is, it is not heard before the one who waits gives up."""
        segment = self._segments.pop(0) if self._segments else b""
        if isinstance(segment, OSError):
            raise segment
        if segment is None:
            await asyncio.Event().wait()
        assert segment is not None
        return segment

    def write(self, content: bytes) -> None:
        """Write it down."""
        self.sent.append(content)

    def is_closing(self) -> bool:
        """Whether this side has hung up."""
        return self.is_closed

    async def drain(self) -> None:
        """Nothing waits."""

    def feed_eof(self) -> None:
        """Nobody reads any more."""


def run(streams: FakeStreams, character: Any = echo, dialect: str = "old", heard: list[Exchange] | None = None) -> int:
    """How many replies a bot over *streams* gave."""
    bot = AsyncBot("localhost", 4242, "Lars", character, dialect=dialect, surroundings=AsyncSurroundings(streams.connect))
    return asyncio.run(bot.run(None if heard is None else heard.append))


class AsyncBotTests(SynchronousTestCase):
    def test_old_dialect(self) -> None:
        """Messages end by a silence."""
        streams, heard = FakeStreams(WELCOME[:9], WELCOME[9:], None, OPENING, None, CONFIRMATION), list[Exchange]()
        self.assertEqual(run(streams, heard=heard), 2)
        self.assertEqual(streams.sent[0], b"Lars")
        self.assertEqual([exchange.heard.action for exchange in heard], ["eat", "eat"])
        self.assertTrue(streams.is_closed)

    def test_welcome(self) -> None:
        """A bot that has a place is told so before the room is full."""
        welcomes: list[str] = []
        streams = FakeStreams(WELCOME, None, OPENING)
        bot = AsyncBot(
            "localhost", 4242, "Lars", echo, surroundings=AsyncSurroundings(streams.connect), on_welcome=welcomes.append
        )
        asyncio.run(bot.run())
        self.assertEqual(welcomes, [bot.welcome])

    def test_lines(self) -> None:
        """In the newer dialect everything is a line; a character may take its time."""

        async def slow(name: str, heard: Heard) -> str:
            await asyncio.sleep(0)
            return f"{name}: {heard.speaker}?"

        stream = b"Bot: Lars has been sucessfully connected\nBatman: Do you want to eat?\nIda: no"
        streams = FakeStreams(*(stream[i : i + 7] for i in range(0, len(stream), 7)))
        self.assertEqual(run(streams, slow, "netd"), 2)
        self.assertEqual(streams.sent, [b"Lars\n", b"Lars: Batman?\n", b"Lars: Ida?\n"])

    def test_shipped_character(self) -> None:
        """The characters are known by their names here, too."""
        streams = FakeStreams(WELCOME, None, OPENING)
        self.assertEqual(run(streams, "lazy"), 1)
        self.assertIn(b"Eating sounds like work", streams.sent[1])

    def test_failures(self) -> None:
        """Refused, nobody there, nobody who speaks; a connection that breaks later is the room's end."""
        self.assertRaises(Refused, run, FakeStreams(b"Your name is too long.\n"))
        for first in ((ConnectionRefusedError("no"),), (), (ConnectionResetError("reset"),)):
            self.assertRaises(NotConnected, run, FakeStreams(*first))
        self.assertEqual(run(FakeStreams(WELCOME, None, OPENING, None, ConnectionResetError("reset"))), 1)
        self.assertRaises(ValueError, AsyncBot, "h", 0, "Lars")

    def test_too_much(self) -> None:
        """A server that never ends a message does not fill the memory."""
        self.assertEqual(run(FakeStreams(WELCOME, None, *[b"x" * 60_000] * 4)), 2)
