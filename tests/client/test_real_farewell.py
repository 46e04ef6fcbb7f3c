"""Every client's last word, at real servers that never stop talking and read late."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from netd.client import relay
from netd.client.feed import Feed
from netd.client.feed_asyncio import AsyncFeed
from netd.client.gateway import Gateway
from netd.client.gateway_asyncio import AsyncGateway
from netd.client.relay import Controller, Device
from netd.client.relay_asyncio import AsyncDevice
from netd.client.room import Bot
from netd.client.room_asyncio import AsyncBot
from netd.client.session import Agent, Channel
from netd.client.session_asyncio import AsyncAgent
from netd.client.way import FAREWELL
from netd.client.way_asyncio import AsyncSurroundings
from netd.client.way_sockets import Surroundings
from netd.client.websocket import CLOSE, encode_frame
from netd.codec.websocket import text_frame
from tests.client.gateways import UPGRADED
from tests.client.test_events import event, subscribed
from tests.client.test_feed import NEWER, sample
from tests.client.test_relay import WELCOME, message
from tests.client.test_relay_frames import frames
from tests.process import PATIENCE, RealTestCase

LATE = 0.15
"""Seconds after the last word in which the server only talks."""

GOODBYE = encode_frame(CLOSE, b"\x03\xe8", bytes(4))


class LateServer:
    """Serves one client: greets it, talks without pause, and reads nothing before the client has said its last word.

    :param chatter: what it says again and again.
    :param is_dead: whether it never reads, and never hangs up.
    :ivar heard: what it has read in the end.
    :ivar error: how the connection broke, if it did.
    """

    def __init__(self, greeting: bytes, chatter: bytes, is_dead: bool = False) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.port: int = self._listener.getsockname()[1]
        self._greeting = greeting
        self._chatter = chatter
        self._is_dead = is_dead
        self.may_talk = threading.Event()
        self.may_talk.set()
        self.talking = threading.Event()
        self.said_last = threading.Event()
        self.heard = b""
        self.error: OSError | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Return when the client has gone."""
        self._listener.close()
        self.said_last.set()
        self._thread.join(PATIENCE)

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                connection.sendall(self._greeting)
                self.may_talk.wait(PATIENCE)
                self._talk(connection)
                while received := connection.recv(65536):
                    self.heard += received
        except OSError as error:
            self.error = error

    def _talk(self, connection: socket.socket) -> None:
        until: float | None = None
        while until is None or self._is_dead or time.monotonic() < until:
            connection.sendall(self._chatter)
            self.talking.set()
            if not self._is_dead:
                time.sleep(0.001)
            if until is None and self.said_last.is_set():
                until = time.monotonic() + LATE


class FarewellTests(RealTestCase):
    def server(self, greeting: bytes, chatter: bytes, is_dead: bool = False) -> LateServer:
        """A server that is up."""
        server = LateServer(greeting, chatter, is_dead)
        server.start()
        self.addCleanup(server.stop)
        return server

    def heard(self, server: LateServer) -> bytes:
        """All that *server* has heard, if the connection did not break before it had read that."""
        server.stop()
        self.assertIsNone(server.error)
        return server.heard

    def feed_server(self, is_dead: bool = False) -> LateServer:
        """A feed that talks."""
        return self.server(NEWER, sample(1), is_dead)

    def test_feed(self) -> None:
        """The feed reads the last report, and the goodbye behind it."""
        server = self.feed_server()
        with Feed(port=server.port, surroundings=Surroundings(random_bytes=bytes)) as client:
            self.assertEqual([next(client.blocks(5)).number], [1])
            server.said_last.set()
        heard = self.heard(server)
        self.assertIn(b'{"report": {"block": 1,', heard)
        self.assertTrue(heard.endswith(GOODBYE), heard)

    def test_feed_asyncio(self) -> None:
        """So it does from the asyncio client."""
        server = self.feed_server()

        async def run() -> None:
            async with AsyncFeed(port=server.port, surroundings=AsyncSurroundings(random_bytes=bytes)) as client:
                self.assertEqual((await anext(client.blocks(5))).number, 1)
                server.said_last.set()

        self.run_tidily(run())
        heard = self.heard(server)
        self.assertIn(b'{"report": {"block": 1,', heard)
        self.assertTrue(heard.endswith(GOODBYE), heard)

    def room_server(self) -> LateServer:
        """A room in which somebody talks."""
        return self.server(b"Bot: Lars has been sucessfully connected\n", b"Ida: no\n")

    def test_room(self) -> None:
        """The room reads the last line that a bot says before it leaves."""
        server = self.room_server()
        with contextlib.closing(Bot("127.0.0.1", server.port, "Lars", "lazy", dialect="netd").exchanges()) as exchanges:  # type: ignore[type-var]
            next(exchanges)
            server.said_last.set()
        self.assertTrue(self.heard(server).endswith(b"Maybe tomorrow?\n"))

    def test_room_asyncio(self) -> None:
        """So it does from the asyncio bot."""
        server = self.room_server()

        async def run() -> None:
            bot = AsyncBot("127.0.0.1", server.port, "Lars", "lazy", dialect="netd")
            async with contextlib.aclosing(bot.exchanges()) as exchanges:  # type: ignore[type-var]
                await anext(exchanges)
                server.said_last.set()

        self.run_tidily(run())
        self.assertTrue(self.heard(server).endswith(b"Maybe tomorrow?\n"))

    def relay_server(self) -> LateServer:
        """A relay with many requests."""
        return self.server(WELCOME, message({"id": 1}, b"ping"))

    def test_relay(self) -> None:
        """The relay reads the last answer."""
        server = self.relay_server()
        with Device("127.0.0.1", server.port, "gh") as device:
            self.assertTrue(next(iter(device)).answer(b"the last"))
            server.said_last.set()
        self.assertTrue(self.heard(server).endswith(b"the last"))

    def test_relay_asyncio(self) -> None:
        """So it does from the asyncio device."""
        server = self.relay_server()

        async def run() -> None:
            async with AsyncDevice("127.0.0.1", server.port, "gh") as device:
                self.assertTrue(await (await anext(aiter(device))).answer(b"the last"))
                server.said_last.set()

        self.run_tidily(run())
        self.assertTrue(self.heard(server).endswith(b"the last"))

    def test_old_relay(self) -> None:
        """An old relay reads the goodbye, without which its thread may spin for ever."""
        server = self.server(b"", frames(b"ping"))
        with Device("127.0.0.1", server.port, dialect="old") as device:
            next(iter(device))
            server.said_last.set()
        self.assertEqual(self.heard(server), frames(b"raspberrypi", b"|disconnect|"))

    def dial(self, agent: Agent | AsyncAgent) -> None:
        """Open a session with *agent*."""
        self.connect(agent.port).sendall(b"42")

    def test_session(self) -> None:
        """The server reads an agent's last samples, though it goes on talking."""
        server = self.server(b"", b"?")
        server.may_talk.clear()

        def leave() -> None:
            server.may_talk.set()
            self.assertTrue(server.talking.wait(PATIENCE))
            agent.say("x", 5)
            server.said_last.set()
            agent.close()

        agent = Agent({"x": Channel(), "y": leave}, port=0, server_port=server.port)
        self.addCleanup(agent.close)
        agent.listen()
        self.dial(agent)
        agent.run()
        self.assertTrue(self.heard(server).endswith(b"x 5\n"))

    def test_session_asyncio(self) -> None:
        """So it does from the asyncio agent."""
        server = self.server(b"", b"?")
        server.may_talk.clear()

        async def leave() -> None:
            server.may_talk.set()
            self.assertTrue(server.talking.wait(PATIENCE))
            await agent.say("x", 5)
            server.said_last.set()
            agent.close()

        async def run() -> None:
            running = asyncio.create_task(agent.run())
            while not agent.port:
                await asyncio.sleep(0)
            self.dial(agent)
            await running

        agent = AsyncAgent({"x": Channel(), "y": leave}, port=0, server_port=server.port)
        self.run_tidily(run())
        self.assertTrue(self.heard(server).endswith(b"x 5\n"))

    def gateway_server(self) -> tuple[str, LateServer]:
        """A gateway with many events, and its URL."""
        server = self.server(UPGRADED + text_frame(subscribed(1, "c:0")), text_frame(event(1)))
        return f"http://127.0.0.1:{server.port}", server

    def test_gateway(self) -> None:
        """The gateway reads the goodbye of a subscription."""
        url, server = self.gateway_server()
        with Gateway(url, surroundings=Surroundings(random_bytes=bytes)) as gateway, gateway.subscribe("a.>") as events:
            next(events)
            server.said_last.set()
        self.assertTrue(self.heard(server).endswith(GOODBYE))

    def test_gateway_asyncio(self) -> None:
        """So it does from the asyncio client."""
        url, server = self.gateway_server()

        async def run() -> None:
            async with AsyncGateway(url, surroundings=AsyncSurroundings(random_bytes=bytes)) as gateway:
                await anext(gateway.subscribe("a.>"))
                server.said_last.set()

        self.run_tidily(run())
        self.assertTrue(self.heard(server).endswith(GOODBYE))

    def run_tidily(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run to the end; there no other task is left, and nothing has complained."""
        complaints: list[dict[str, Any]] = []

        async def run() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
            await coroutine
            self.assertEqual(asyncio.all_tasks(), {asyncio.current_task()})

        asyncio.run(run(), debug=True)
        self.assertEqual(complaints, [])

    @contextlib.contextmanager
    def a_second(self) -> Iterator[None]:
        """What happens takes no more than a second, as the machine's load has it."""
        began = time.monotonic()
        yield
        self.assertLess(time.monotonic() - began, FAREWELL + 2.0)

    def test_flood(self) -> None:
        """A server that floods and never reads costs whoever leaves a second."""
        server = self.feed_server(is_dead=True)
        client = Feed(port=server.port, surroundings=Surroundings(random_bytes=bytes))
        next(iter(client))
        with self.a_second():
            client.close()
            client.close()

    def test_flood_asyncio(self) -> None:
        """So it does in asyncio, while the event loop goes on."""
        server = self.feed_server(is_dead=True)

        async def run() -> None:
            turns = 0
            client = AsyncFeed(port=server.port, surroundings=AsyncSurroundings(random_bytes=bytes))
            await anext(aiter(client))
            with self.a_second():
                leaving = asyncio.create_task(client.aclose())
                while not leaving.done():
                    turns += 1
                    await asyncio.sleep(0.02)
            self.assertGreater(turns, 10)
            await client.aclose()

        self.run_tidily(run())

    def test_silent(self) -> None:
        """A thread that waits for a server that is dead is woken by whoever closes its client, within a second."""
        silent = socket.create_server(("127.0.0.1", 0))  # connects, and says nothing
        self.addCleanup(silent.close)
        port: int = silent.getsockname()[1]
        clients: list[tuple[Callable[[], object], Callable[[], object]]] = []
        one, another = Feed(port=port), Device("127.0.0.1", port, dialect="old")
        bot, controller = Bot("127.0.0.1", port, "Lars"), Controller("127.0.0.1", port, "old")
        clients += [(lambda: list(one), one.close), (lambda: list(another), another.close), (bot.run, bot.close)]
        clients += [(lambda: self.ask(controller), controller.close)]
        for wait, close in clients:
            waiting = threading.Thread(target=wait, daemon=True)
            waiting.start()
            connection, _ = silent.accept()
            self.addCleanup(connection.close)
            self.assertTrue(connection.recv(1))  # the client has spoken: it is about to wait
            with self.a_second():
                close()
                close()
                waiting.join(PATIENCE)
            self.assertFalse(waiting.is_alive())

    def ask(self, controller: Controller) -> None:
        """Wait for an answer that does not come."""
        with contextlib.suppress(relay.RelayError):
            controller.devices()
