"""The feed's asyncio client, on an event loop whose clock jumps, against servers that live in memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Coroutine
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.client.feed import Refused, Sample, Welcome
from netd.client.feed_asyncio import AsyncFeed, AsyncSurroundings
from netd.client.feed_messages import AUTO, GREATEST_HEAD, NETD, OLD, SUBPROTOCOL
from netd.client.websocket import CLOSE, PING, PONG, TEXT
from netd.codec.websocket import Opcode, frame, text_frame
from tests.client.test_feed import NEWER, ROUND, FakeSocket, answer, sample, told
from tests.client.test_relay_asyncio import FakeConnection, JumpingLoop, Streams

GOODBYE = (CLOSE, b"\x03\xe8")


class Server(FakeConnection):
    """A server that says what the test has written down; then it hangs up, unless it is to stay.

    :param says: what comes.
    """

    def __init__(self, *says: bytes, stays: bool = False) -> None:
        super().__init__(b"".join(says), hangs_up=not stays)

    def heard(self) -> list[tuple[int, bytes]]:
        """What the client said after its handshake."""
        socket = FakeSocket()
        socket.sent = self.sent
        return socket.heard()


class AsyncFeedTests(SynchronousTestCase):
    """The client at servers that do as the test says, one for each connection; after the last of them it closes."""

    def setUp(self) -> None:
        self.records: list[logging.LogRecord] = []
        log, collect = logging.getLogger("netd.client.feed"), logging.Handler()
        collect.emit = self.records.append  # type: ignore[method-assign]
        self.patch(log, "handlers", [collect])
        self.patch(log, "propagate", False)

    def run_on_loop(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run to the end; a task's error that nobody saw fails the test."""
        complaints: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.get_loop().set_exception_handler(lambda _, context: complaints.append(context))
            runner.run(coroutine)
        self.assertEqual(complaints, [])

    def make(self, *servers: Server | Exception, dialect: str = AUTO, **wanted: Any) -> AsyncFeed:
        """A client that meets *servers*."""
        coming = list(servers)
        self.connects: list[Welcome] = []
        self.losses: list[tuple[str, float]] = []

        async def connect(host: str, port: int) -> Streams:
            self.assertEqual((host, port), ("h", 8000))
            await asyncio.sleep(0)
            if not coming:
                self.feed.close()
                raise ConnectionRefusedError("refused")
            server = coming.pop(0)
            if isinstance(server, Exception):
                raise server
            return server.open()

        self.feed = AsyncFeed(
            "h",
            8000,
            dialect=dialect,
            on_connect=self.connects.append,
            on_disconnect=lambda reason, delay: self.losses.append((reason, delay)),
            surroundings=AsyncSurroundings(connect, lambda: 99.0, lambda: 1.0, bytes),
            **wanted,
        )
        return self.feed

    def samples(self, *servers: Server | Exception, **wanted: Any) -> list[Sample]:
        """All that a client of *servers* is given."""
        found: list[Sample] = []

        async def collect() -> None:
            async with self.make(*servers, **wanted) as feed:
                found.extend([one async for one in feed])

        self.run_on_loop(collect())
        return found

    def test_old_server(self) -> None:
        """At an old server the type is told by the position; the client says who it is, and only what was chosen is given."""
        server = Server(answer(), ROUND, ROUND)
        samples = self.samples(server, types=("city", "name"), name="client-1")
        self.assertEqual(samples, [Sample(kind, kind, 99.0, seq) for seq in (1, 2) for kind in ("name", "city")])
        self.assertEqual(server.heard()[0], (TEXT, b"Connected with client-1"))
        self.assertEqual(self.connects, [Welcome(OLD)])

    def test_newer_server(self) -> None:
        """At a netd the client asks for what it wants, and gets that, by itself or several together."""
        one = {"type": "name", "value": "x", "time": 3, "seq": 3}
        server = Server(NEWER, sample(1), sample(2), told(block=1, samples=[one, one]))
        samples = self.samples(server, types=["name"], name="n", interval=0.5, locale="de_DE", seed=0, block=2)
        self.assertEqual([sample.seq for sample in samples], [1, 2, 3, 3])
        wanted = {"types": ["name"], "name": "n", "interval": 0.5, "locale": "de_DE", "seed": 0, "block": 2}
        self.assertEqual([json.loads(said) for _, said in server.heard()[:1]], [{"subscribe": wanted}])
        self.assertEqual(self.connects, [Welcome(NETD)])

    def test_reconnects(self) -> None:
        """A lost connection, and a server that is not there, are tried again, ever more rarely; samples go on."""
        gone = Server(NEWER, sample(1), frame(Opcode.CLOSE, b"\x03\xe9netd stops"))
        samples = self.samples(gone, ConnectionRefusedError("refused"), TimeoutError(), Server(NEWER, sample(1)))
        self.assertEqual(len(samples), 2)
        self.assertEqual(
            self.losses[:3],
            [
                ("the feed closed the connection (1001: netd stops)", 2.0),
                ("cannot reach the feed at h:8000: refused", 4.0),
                ("cannot reach the feed at h:8000: it did not answer in time", 8.0),
            ],
        )
        self.assertEqual(gone.heard()[-2:], [(CLOSE, b"\x03\xe9"), GOODBYE])
        self.assertEqual(gone.closings, 1)
        self.assertEqual(self.records[0].getMessage(), f"{self.losses[0][0]}; next attempt in 2.0 s")

    def test_backoff_begins_anew(self) -> None:
        """A connection that lasted is made again as soon as the first."""

        async def run() -> None:
            lasting, gone = Server(NEWER, sample(1), stays=True), ConnectionRefusedError("refused")
            async with self.make(gone, gone, lasting, Server(NEWER, sample(1))) as feed:
                given = aiter(feed)
                await anext(given)
                asyncio.get_running_loop().call_later(12, lasting.hang_up)
                await anext(given)

        self.run_on_loop(run())
        self.assertEqual([delay for _, delay in self.losses], [2.0, 4.0, 2.0])

    def test_pings(self) -> None:
        """Pings are answered; a silent server is pinged, and given up when it stays silent."""
        server = Server(NEWER, frame(Opcode.PING, b"p"), frame(Opcode.PONG, b""), stays=True)

        async def run() -> None:
            loop = asyncio.get_running_loop()
            loop.call_later(35, lambda: server.reader.feed_data(sample(1)))
            async with self.make(server) as feed:
                began = loop.time()
                self.assertEqual([sample.seq async for sample in feed], [1])
                self.assertAlmostEqual(loop.time() - began, 35 + 60 + 2, places=3)

        self.run_on_loop(run())
        self.assertEqual(server.heard()[1:4], [(PONG, b"p"), (PING, b""), (PING, b"")])
        self.assertEqual(self.losses[0][0], "the feed has gone silent")

    def test_refusals(self) -> None:
        """What the server does not have is an error at once: trying again would be no use."""
        for server, dialect, types, error in (
            (Server(answer(SUBPROTOCOL), told(error="no such type")), AUTO, (), "the feed refused: no such type"),
            (Server(b"HTTP/1.1 404 Not Found\r\n\r\n"), AUTO, (), "the server refused: 404 Not Found"),
            (Server(answer()), NETD, (), "the server does not speak netd.feed.v1"),
            (Server(answer()), AUTO, ("session.>",), "this is an old server: it has no type 'session.>'"),
        ):
            refused = self.assertRaises(Refused, self.samples, server, dialect=dialect, types=types)
            self.assertTrue(str(refused).startswith(error), refused)
            self.assertTrue(server.is_closed)

    def test_no_server_at_all(self) -> None:
        """What answers like no feed is given up and tried again, with the reason."""
        for server, reason in (
            (Server(b"SSH-2.0-x\r\n\r\n"), "not a WebSocket server: it said 'SSH-2.0-x'"),
            (Server(b"x" * (GREATEST_HEAD + 1)), "not a WebSocket server: its answer has no end"),
            (Server(b"HTTP", stays=True), "the feed did not answer in time"),
            (Server(), "the feed closed the connection"),
            (Server(answer(SUBPROTOCOL), text_frame(b"nix")), "not a message of netd.feed.v1: b'nix'"),
            (Server(answer(SUBPROTOCOL), stays=True), "the feed did not answer the subscription in time"),
        ):
            self.assertEqual(self.samples(server), [])
            self.assertEqual(self.losses[0][0], reason)
            self.assertTrue(server.is_closed)

    def test_broken_connection(self) -> None:
        """A connection that breaks is lost, whether in reading or in writing; so is one that takes nothing."""
        reset = ConnectionResetError(104, "Connection reset by peer")

        class Breaks(Server):
            def open(self) -> Streams:
                """Break, as soon as all has been read."""
                streams = super().open()
                streams[0].set_exception(reset)
                return streams

        self.assertEqual(self.samples(Breaks(stays=True)), [])
        self.assertEqual(self.losses[0][0], "the connection to the feed broke: [Errno 104] Connection reset by peer")
        for breaks, reason in (
            (reset, "the connection to the feed broke: [Errno 104] Connection reset by peer"),
            (TimeoutError(), "the feed does not take what is sent to it"),
        ):
            server = Server(NEWER, stays=True)
            server.breaks = breaks
            self.assertEqual(self.samples(server), [])
            self.assertEqual(self.losses[0][0], reason)

    def test_blocks(self) -> None:
        """Blocks are numbered over all connections, timed, and reported; how full the present one is can be watched."""
        watched: list[int] = []
        first, second = Server(NEWER, sample(1) + sample(2), sample(3)), Server(NEWER, sample(4))

        async def run() -> None:
            async with self.make(first, second, name="n") as feed:
                blocks = [block async for block in feed.blocks(2, watched.append)]
            self.assertEqual([(block.number, [one.seq for one in block.samples]) for block in blocks], [(1, [1, 2]), (2, [3, 4])])
            self.assertEqual([round(block.seconds, 3) for block in blocks], [0.0, 2.0])  # the second had to wait for a connection

        self.run_on_loop(run())
        self.assertEqual(watched, [1, 2, 1, 2])
        self.assertEqual(json.loads(first.heard()[1][1]), {"report": {"block": 1, "seconds": 0.0}})

    def test_old_block(self) -> None:
        """A block of the size that the server was asked for; an old server reads of it in its own wording."""
        server = Server(answer(), ROUND)

        async def run() -> None:
            async with self.make(server, block=8) as feed:
                self.assertEqual([len(block.samples) async for block in feed.blocks()], [8])

        self.run_on_loop(run())
        self.assertEqual(server.heard()[0], (TEXT, b"client nameless received 1 block in 0.000000 time"))

    def test_remarks(self) -> None:
        """Anything else can be said in both dialects; without a connection nothing can."""

        async def run(server: Server) -> None:
            feed = self.make(server)
            self.assertFalse(await feed.remark("too early"))
            await anext(aiter(feed))
            self.assertTrue(await feed.remark("hi"))
            server.is_closed = True
            self.assertFalse(await feed.remark("too late"))
            feed.close()

        for greeting, remark in ((NEWER + sample(1), b'{"remark": "hi"}'), (answer() + ROUND, b"hi")):
            server = Server(greeting, stays=True)
            self.run_on_loop(run(server))
            self.assertIn((TEXT, remark), server.heard())

    def test_goodbye(self) -> None:
        """Leaving says goodbye to the server, and ends the iteration of a task that waits; iterating anew does nothing."""
        server = Server(NEWER, sample(1), sample(2), stays=True)

        async def run() -> None:
            feed = self.make(server)
            asyncio.get_running_loop().call_later(1, feed.close)
            self.assertEqual([sample.seq async for sample in feed], [1, 2])
            self.assertEqual([sample async for sample in feed], [])

        self.run_on_loop(run())
        self.assertEqual(server.heard()[-1], GOODBYE)
        self.assertEqual(self.losses, [])

    def test_closed_between_samples(self) -> None:
        """Who leaves over a sample is given no further one, though it has come already."""

        async def run() -> None:
            async for _ in self.make(Server(NEWER, sample(1), sample(2))):
                self.feed.close()
                seen.append(1)

        seen: list[int] = []
        self.run_on_loop(run())
        self.assertEqual(seen, [1])

    def test_closed_while_connecting(self) -> None:
        """A client that is closed during an attempt to connect, or between two, leaves no connection behind and ends at once."""
        for when, servers in ((0.0, [Server(NEWER)]), (5.0, [Server(b"", stays=True)]), (0.2, [ConnectionRefusedError("no")])):

            async def run(when: float, servers: list[Server | Exception]) -> None:
                loop = asyncio.get_running_loop()
                feed, began = self.make(*servers), loop.time()
                loop.call_later(when, feed.close) if when else loop.call_soon(feed.close)
                self.assertEqual([sample async for sample in feed], [])
                self.assertAlmostEqual(loop.time() - began, when, places=3)

            self.run_on_loop(run(when, list(servers)))
            self.assertTrue(all(server.is_closed for server in servers if isinstance(server, Server)))

    def test_cancelled(self) -> None:
        """A task that is cancelled while it waits loses nothing; one that is cancelled while connecting leaves no connection."""

        async def wait_in_vain(feed: AsyncFeed) -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3):
                    await anext(aiter(feed))
                    self.fail("there was nothing to be given")

        async def while_waiting() -> None:
            server = Server(NEWER, stays=True)
            async with self.make(server) as feed:
                await wait_in_vain(feed)
                server.reader.feed_data(sample(1))
                self.assertEqual((await anext(aiter(feed))).seq, 1)
                self.assertEqual(len(self.connects), 1)

        async def while_connecting() -> None:
            silent = Server(stays=True)
            async with self.make(silent, Server(NEWER, sample(1), stays=True)) as feed:
                await wait_in_vain(feed)
                self.assertTrue(silent.is_closed)
                self.assertEqual((await anext(aiter(feed))).seq, 1)

        self.run_on_loop(while_waiting())
        self.run_on_loop(while_connecting())

    def test_wrong_arguments(self) -> None:
        """What cannot be is said at once, as by the blocking client."""
        self.assertRaises(ValueError, AsyncFeed, "h", 0)
        self.assertRaises(ValueError, AsyncFeed, block=0)

        async def run() -> None:
            await anext(AsyncFeed().blocks(0))

        self.assertRaises(ValueError, self.run_on_loop, run())
