"""The agent of telemetry sessions for asyncio, on an event loop whose clock jumps, against servers that live in memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from itertools import pairwise
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from netd.client.session import Channel, Hooks
from netd.client.session_asyncio import AsyncAgent, AsyncSurroundings
from tests.client.test_relay_asyncio import JumpingLoop, Streams
from tests.client.transports import Transport

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class FakeWriter(Transport):
    """The agent's end of a connection in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[float, bytes]] = []
        self.reader = asyncio.StreamReader()
        self.breaks: Exception | None = None

    @property
    def said(self) -> list[bytes]:
        """What was sent, without the times."""
        return [sent for _, sent in self.sent]

    @property
    def samples(self) -> list[bytes]:
        """The lines behind the hello, one or several in a write."""
        return b"".join(self.said).splitlines(keepends=True)[1:]

    def write(self, sent: bytes) -> None:
        self.sent.append((asyncio.get_running_loop().time(), sent))

    async def drain(self) -> None:
        if self.breaks is not None:
            raise self.breaks

    def is_closing(self) -> bool:
        return self.is_closed

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return {"peername": ("10.0.0.1", 5), "sockname": ("10.0.0.5", 10001)}[name]


class FakeServer:
    """What listening returns, and the servers that dial."""

    def __init__(self) -> None:
        self.serve: Serve | None = None
        self.sockets = [self]
        self.is_closed = False
        self.connected: list[tuple[str, int, str]] = []
        self.data: list[FakeWriter] = []
        self.refuses: Exception | None = None

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 4711

    async def listen(self, serve: Serve, host: str, port: int) -> FakeServer:
        """Stands in for listening."""
        self.serve = serve
        return self

    async def connect(self, host: str, port: int, *, local_addr: tuple[str, int]) -> Streams:
        """Stands in for connecting back."""
        self.connected.append((host, port, local_addr[0]))
        if self.refuses is not None:
            raise self.refuses
        self.data.append(FakeWriter())
        return self.data[-1].reader, cast(asyncio.StreamWriter, self.data[-1])

    def close(self) -> None:
        self.is_closed = True

    async def dial(self, word: bytes = b"42") -> FakeWriter:
        """A server dials and says *word*; the control connection, one second later."""
        control = FakeWriter()
        control.reader.feed_data(word)
        assert self.serve is not None
        asyncio.get_running_loop().create_task(self.serve(control.reader, cast(asyncio.StreamWriter, control)))  # type: ignore[arg-type]
        await asyncio.sleep(1)
        return control


class AsyncAgentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.happened: list[object] = []
        self.records: list[logging.LogRecord] = []
        log, collect = logging.getLogger("netd.client.session"), logging.Handler()
        collect.emit = self.records.append  # type: ignore[method-assign]
        self.patch(log, "handlers", [collect])
        self.patch(log, "propagate", False)

    def live(
        self,
        play: Callable[[AsyncAgent, FakeServer], Coroutine[Any, Any, None]],
        channels: dict[str, Any] | None = None,
        **options: Any,
    ) -> FakeServer:
        """Run an agent while *play* plays the server; the agent is closed in the end."""

        async def run() -> FakeServer:
            server = FakeServer()
            surroundings = AsyncSurroundings(server.connect)
            hooks = Hooks(
                lambda session, host: self.happened.append((session, host)),
                self.happened.append,
                lambda: self.happened.append("ping"),
            )
            async with AsyncAgent(
                channels or {"x": lambda: 5}, every=0.25, hooks=hooks, listen=server.listen, surroundings=surroundings, **options
            ) as agent:
                running = asyncio.create_task(agent.run())
                await asyncio.sleep(0)
                await play(agent, server)
                agent.close()
                await running
            return server

        complaints: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.get_loop().set_exception_handler(lambda _, context: complaints.append(context))
            server = runner.run(run())
        self.assertEqual(complaints, [])
        return server

    def test_session(self) -> None:
        """Hello and samples go out at their pace, from the address that was dialled; pings are shown, stop is obeyed."""

        async def play(agent: AsyncAgent, server: FakeServer) -> None:
            control = await server.dial()
            self.assertEqual(agent.port, 4711)
            self.assertEqual(server.connected, [("10.0.0.1", 10000, "10.0.0.5")])
            control.reader.feed_data(b"ping")
            await asyncio.sleep(0.1)
            control.reader.feed_data(b"stop")
            await asyncio.sleep(1)
            self.assertTrue(control.is_closed and server.data[0].is_closed)
            await server.dial(b"45")
            self.assertIn(b'"session": 45', server.data[1].said[0])

        server = self.live(play)
        self.assertEqual(server.data[0].said[1:], [b"x 5\n"] * (len(server.data[0].said) - 1))
        times = [time for time, _ in server.data[0].sent[1:]]
        self.assertEqual([round(b - a, 3) for a, b in pairwise(times)], [0.25] * (len(times) - 1))
        self.assertEqual(
            self.happened, [(42, "10.0.0.1"), "ping", "the server said stop", (45, "10.0.0.1"), "this agent was closed"]
        )
        self.assertTrue(server.is_closed)

    def test_auto(self) -> None:
        """An agent that may speak either asks each server, and speaks the old dialect where there is no answer."""

        async def play(agent: AsyncAgent, server: FakeServer) -> None:
            for word in (b"netd", b"", b"stop"):
                control = FakeWriter()
                control.reader.feed_data(b"42")
                assert server.serve is not None
                asyncio.get_running_loop().create_task(server.serve(control.reader, cast(asyncio.StreamWriter, control)))  # type: ignore[arg-type]
                await asyncio.sleep(0.1)
                self.assertEqual(control.said, [b"netd?\n"])
                control.reader.feed_data(word)
                await asyncio.sleep(5)
                if not control.is_closed:
                    control.reader.feed_data(b"stop")
                await asyncio.sleep(5)

        server = self.live(play, dialect="auto")
        first, second = server.data
        self.assertIn(b'"session": 42', first.said[0])
        self.assertEqual(second.said[:4], [b"s142", b"s243", b"s344", b"x5"])

        async def play_newer(agent: AsyncAgent, server: FakeServer) -> None:
            self.assertEqual((await server.dial()).said, [])

        self.assertIn(b'"session": 42', self.live(play_newer, {"temp": lambda: 5}, dialect="auto").data[0].said[0])

    def test_sources(self) -> None:
        """Functions, coroutine functions and iterables of both kinds are channels; when all are at their end, so is the agent."""

        async def ask() -> int:
            await asyncio.sleep(0.1)
            return next(answers)

        async def tell() -> AsyncIterator[int]:
            for value in (6, 7):
                await asyncio.sleep(0.1)
                yield value

        answers = iter([3, 4])

        async def play(agent: AsyncAgent, server: FakeServer) -> None:
            await server.dial()
            await asyncio.sleep(5)

        channels = {"a": [1, 2], "c": tell(), "d": Channel([(8, 9)], every=0.5)}
        server = self.live(play, channels)
        self.assertEqual(sorted(server.data[0].samples), [b"a 1\n", b"a 2\n", b"c 6\n", b"c 7\n", b"d 8 9\n"])
        self.assertEqual(self.happened[-1], "all channels are at their end")
        self.assertIn(b"b 3\n", self.live(play, {"b": ask}).data[0].samples)

    def test_only_while_a_session_goes_on(self) -> None:
        """An asynchronous iterable is asked while somebody listens, and survives the end of a session."""
        asked: list[int] = []

        async def tell() -> AsyncIterator[int]:
            for value in range(1000):
                asked.append(value)
                yield value
                await asyncio.sleep(0.2)

        async def play(agent: AsyncAgent, server: FakeServer) -> None:
            await asyncio.sleep(5)
            self.assertEqual(asked, [])
            for _ in range(2):
                control = await server.dial()
                control.reader.feed_data(b"stop")
                await asyncio.sleep(0.5)
            count = len(asked)
            await asyncio.sleep(5)
            self.assertLessEqual(len(asked), count + 1)

        server = self.live(play, {"x": tell()})
        self.assertTrue(server.data[1].said[-1].startswith(b"x "))

    def test_failing_sources(self) -> None:
        """A source that fails is logged and asked again; the others go on."""
        errors = iter([ValueError("unplugged")])

        def measure() -> int:
            for error in errors:
                raise error
            return 1

        async def tell() -> AsyncIterator[float]:
            yield float("nan")
            yield 2

        async def play(agent: AsyncAgent, server: FakeServer) -> None:
            await server.dial()

        server = self.live(play, {"x": measure, "y": tell(), "z": lambda: None})
        self.assertEqual(set(server.data[0].samples), {b"x 1\n", b"y 2\n"})
        self.assertEqual(
            sorted(record.getMessage() for record in self.records if record.levelno == logging.WARNING),
            ["channel x has no value this time: unplugged", "channel y has no value this time: nan is no finite number"],
        )

    def test_say(self) -> None:
        """What the program says itself travels while a session goes on, and not otherwise."""

        async def play(agent: AsyncAgent, server: FakeServer) -> None:
            self.assertFalse(await agent.say("x", 1))
            await server.dial()
            self.assertTrue(await agent.say("x", (2, 3)))
            self.assertFalse(await agent.say("x", None))
            self.assertEqual(server.data[0].said[1:], [b"x 2 3\n"])
            server.data[0].breaks = ConnectionResetError()
            self.assertFalse(await agent.say("x", 1))
            with self.assertRaises(ValueError):
                await agent.say("y", 1)

        self.live(play, {"x": Channel()})

    def test_broken_connection(self) -> None:
        """A data connection that breaks ends the session; the server may have said stop just before."""

        async def play(agent: AsyncAgent, server: FakeServer) -> None:
            await server.dial()
            server.data[0].breaks = ConnectionResetError("reset")
            await asyncio.sleep(1)

        async def play_on(agent: AsyncAgent, server: FakeServer) -> None:
            control = await server.dial()
            server.data[0].breaks = ConnectionResetError("reset")
            await asyncio.sleep(0.07)
            control.reader.feed_data(b"stop")
            await asyncio.sleep(1)

        self.live(play)
        self.assertEqual(self.happened[-1], "the connection to the server broke: reset")
        self.live(play_on)
        self.assertEqual(self.happened[-1], "the server said stop")

    def test_ends(self) -> None:
        """A server that says why, hangs up, or vanishes ends the session; connections that break, likewise."""

        async def play(agent: AsyncAgent, server: FakeServer) -> None:
            await server.dial()
            server.data[0].reader.feed_data(b'{"error": "no"}\n')
            await asyncio.sleep(1)
            await server.dial()
            server.data[1].reader.set_exception(ConnectionResetError())
            await asyncio.sleep(1)
            control = await server.dial()
            control.reader.feed_eof()
            await asyncio.sleep(1)
            control = await server.dial()
            control.reader.set_exception(ConnectionResetError())
            await asyncio.sleep(1)

        self.live(play)
        self.assertEqual(
            [what for what in self.happened if isinstance(what, str)],
            ["the server said: no", "the server closed the data connection", *["the server closed the control connection"] * 2],
        )

    def test_never_begins(self) -> None:
        """Who says no id, or cannot be connected back to, is told apart in the reasons."""

        async def play(agent: AsyncAgent, server: FakeServer) -> None:
            await server.dial(b"GET /")
            silent = await server.dial(b"")
            await asyncio.sleep(20)
            self.assertTrue(silent.is_closed)
            gone = FakeWriter()
            gone.reader.feed_data(b"4")
            gone.reader.feed_eof()
            server.refuses = TimeoutError()
            assert server.serve is not None
            await server.serve(gone.reader, cast(asyncio.StreamWriter, gone))
            server.refuses = ConnectionRefusedError("refused")
            await server.dial(b"43")

        self.live(play)
        self.assertEqual(
            self.happened,
            [
                "the server said no session id but b'GET /'",
                "the server said no session id in time",
                "cannot connect back to 10.0.0.1 port 10000: it did not answer in time",
                "cannot connect back to 10.0.0.1 port 10000: refused",
            ],
        )

    def test_old_dialect(self) -> None:
        """In the old dialect, announcements and samples are sends of their own, far enough apart."""

        async def play(agent: AsyncAgent, server: FakeServer) -> None:
            await server.dial()
            await asyncio.sleep(2)

        server = self.live(play, {"x": lambda: 1, "y": lambda: 2}, dialect="old")
        self.assertEqual(server.data[0].said[:5], [b"s142", b"s243", b"s344", b"x1", b"y2"])
        times = [time for time, _ in server.data[0].sent]
        pauses = [round(b - a, 3) for a, b in pairwise(times)]
        self.assertEqual(pauses[:2], [0.3, 0.3])
        self.assertGreaterEqual(pauses[2], 1.3)
        self.assertGreaterEqual(min(pauses), 0.05)

    def test_bad_arguments(self) -> None:
        """Names and pauses that cannot be are refused at once."""
        self.assertRaises(ValueError, AsyncAgent, {"a.b": []})
        self.assertRaises(ValueError, AsyncAgent, {"x": []}, every=0)
