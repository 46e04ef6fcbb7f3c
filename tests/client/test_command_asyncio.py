"""Tests of :mod:`netd.client.command_asyncio`, with streams that are not there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from netd.client.command import CommandFailed, ConnectionLost, NotConnected, NotInTime
from netd.client.command_asyncio import AsyncCaller, AsyncSurroundings
from tests.client.transports import Transport


class FakeWriter(Transport):
    """The way out of one connection; what is sent can bring answers in."""

    def __init__(self, reader: asyncio.StreamReader, answers: list[bytes | None]) -> None:
        super().__init__()
        self._reader = reader
        self._answers = answers
        self.sent = b""

    def write(self, line: bytes) -> None:
        """Keep it; the next answer comes, or the end."""
        self.sent += line
        if self._answers:
            answer = self._answers.pop(0)
            if answer is None:
                self._reader.feed_eof()
            else:
                self._reader.feed_data(answer)

    async def drain(self) -> None:
        """All is taken at once."""

    def is_closing(self) -> bool:
        """Whether this side has hung up."""
        return self.is_closed


class AsyncCallerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.connections: list[list[bytes | None]] = []
        self.writers: list[FakeWriter] = []
        self.refusal: Exception | None = None
        self.on_connect: Callable[[], object] = lambda: None

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.refusal is not None:
            raise self.refusal
        reader = asyncio.StreamReader()
        self.writers.append(FakeWriter(reader, self.connections.pop(0)))
        self.on_connect()
        return reader, cast(asyncio.StreamWriter, self.writers[-1])

    def run_(self, use: Callable[[AsyncCaller], Awaitable[Any]], *connections: list[bytes | None], timeout: float = 5.0) -> Any:
        """What *use* makes of a caller whose connections answer as listed; None is the end."""
        self.connections = list(connections)

        async def main() -> Any:
            async with AsyncCaller("h", 1, timeout, surroundings=AsyncSurroundings(self._connect)) as caller:
                return await use(caller)

        return asyncio.run(main())

    def test_one_connection(self) -> None:
        """Calls made at once share a connection, one after the other; each gets its own answer."""

        async def use(caller: AsyncCaller) -> list[Any]:
            return await asyncio.gather(caller.call("a", x=1), caller.call("b", {"y": 2}))

        answers: list[bytes | None] = [b'{"id":1,"status":"success","result":1}\n', b'{"id":2,"status":"success"}\n']
        self.assertEqual(self.run_(use, answers), [1, None])
        [writer] = self.writers
        self.assertEqual(writer.sent, b'{"command_id": "a", "x": 1, "id": 1}\n{"command_id": "b", "y": 2, "id": 2}\n')
        self.assertTrue(writer.is_closed)

    def test_old_server(self) -> None:
        """A server that answers without an id and closes is called anew for the next command."""

        async def use(caller: AsyncCaller) -> None:
            await caller.call("a")
            with self.assertRaises(CommandFailed):
                await caller.call("b")

        self.run_(use, [b'{"status": "success"}'], [b'{"status": "failed"}'])
        self.assertEqual(len(self.writers), 2)

    def test_connection_lost_meanwhile(self) -> None:
        """A connection that was lost between two calls is made anew."""

        async def use(caller: AsyncCaller) -> None:
            await caller.call("a")
            self.writers[0]._reader.feed_eof()
            await caller.call("b")

        self.run_(use, [b'{"id":1,"status":"success"}\n'], [b'{"id":2,"status":"success"}\n'])
        self.assertEqual(len(self.writers), 2)

    def test_said_unasked(self) -> None:
        """What the server says unasked, behind an answer or later, is not taken for the next, which has a new connection."""

        async def use(caller: AsyncCaller) -> list[Any]:
            results = [await caller.call("a"), await caller.call("b")]
            asyncio.get_running_loop().call_soon(self.writers[1]._reader.feed_data, b'{"status":"error","error":"idle"}\n')
            results.append(await caller.call("c"))
            self.writers[2]._reader.set_exception(ConnectionResetError("reset"))
            return [*results, await caller.call("d")]

        said = b'{"id":%d,"status":"success","result":%d}\n'
        unasked = said % (1, 1) + b'{"status":"error","error":"idle"}\n'
        found = self.run_(use, [unasked], [said % (2, 2)], [said % (3, 3)], [said % (4, 4)])
        self.assertEqual((found, len(self.writers)), ([1, 2, 3, 4], 4))
        self.assertTrue(all(writer.is_closed for writer in self.writers))

    def test_an_answer_to_another(self) -> None:
        """An answer with another id is passed over, and one in pieces is put together."""

        async def use(caller: AsyncCaller) -> Any:
            waiting = asyncio.ensure_future(caller.call("a"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.writers[0]._reader.feed_data(b'"status":"success","result":3}\n')
            return await waiting

        self.assertEqual(self.run_(use, [b'{"id":9,"status":"error"}\n{"id":1,']), 3)

    def test_lost(self) -> None:
        """A connection that ends before the answer is told as lost, and the next call makes another."""

        async def use(caller: AsyncCaller) -> None:
            with self.assertRaises(ConnectionLost):
                await caller.call("a")
            self.assertIsNone(await caller.call("b"))

        self.run_(use, [None], [b'{"id":2,"status":"success"}\n'])

    def test_broken(self) -> None:
        """A connection that breaks is told as lost."""

        async def use(caller: AsyncCaller) -> None:
            waiting = asyncio.ensure_future(caller.call("a"))
            await asyncio.sleep(0)
            self.writers[0]._reader.set_exception(ConnectionResetError("reset"))
            with self.assertRaisesRegex(ConnectionLost, "reset"):
                await waiting

        self.run_(use, [])

    def test_late(self) -> None:
        """An answer that does not come in time is told so; the connection is not used again."""

        async def use(caller: AsyncCaller) -> None:
            with self.assertRaises(NotInTime):
                await caller.call("a")
            self.assertTrue(self.writers[0].is_closed)

        self.run_(use, [], timeout=0.0)

    def test_cancelled(self) -> None:
        """A call that is cancelled leaves no answer behind for the next one."""

        async def use(caller: AsyncCaller) -> None:
            waiting = asyncio.ensure_future(caller.call("a"))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            await caller.call("b")

        self.run_(use, [], [b'{"id":2,"status":"success"}\n'])
        self.assertEqual(len(self.writers), 2)

    def test_not_connected(self) -> None:
        """A server that cannot be reached is named; after ``close`` nothing is tried any more."""

        async def use(caller: AsyncCaller) -> None:
            self.refusal = ConnectionRefusedError("refused")
            with self.assertRaisesRegex(NotConnected, "at h:1: refused"):
                await caller.call("a")
            self.refusal = TimeoutError()
            with self.assertRaisesRegex(NotConnected, "did not answer in time"):
                await caller.call("a")
            caller.close()
            with self.assertRaisesRegex(NotConnected, "closed"):
                await caller.call("a")

        self.run_(use)

    def test_closed_while_it_connects(self) -> None:
        """A caller that is closed while it connects hangs up, and says so."""

        async def use(caller: AsyncCaller) -> None:
            self.on_connect = caller.close
            with self.assertRaises(NotConnected):
                await caller.call("a")
            self.assertTrue(self.writers[0].is_closed)

        self.run_(use, [])

    def test_commands(self) -> None:
        """The list of commands; none where the server answers something else."""

        async def use(caller: AsyncCaller) -> tuple[Any, Any]:
            return await caller.commands(), await caller.commands()

        listed = self.run_(use, [b'{"id":1,"status":"success","result":[{}]}\n', b'{"id":2,"status":"success"}\n'])
        self.assertEqual(listed, ([{}], []))
