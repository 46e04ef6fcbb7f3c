"""Sessions over real sockets: a real daemon, agents as people wrote them, netd's own, and some that mean no good."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from netd.client.session import Agent, Channel, Hooks
from netd.client.session_asyncio import AsyncAgent
from tests.process import CHECKOUT, LOOPBACK, PATIENCE, Daemon, Program, RealTestCase

OLD_AGENT = CHECKOUT / "tests" / "legacy" / "old_agent.py"
HURRY = 20


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """What *condition* returns, as soon as that is true."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)
    return found


class FakeAgent:
    """An agent in the test's hands: each step of it is one call."""

    def __init__(self, host: str, port: int, server_port: int) -> None:
        self.host = host
        self._server_port = server_port
        self._listener = socket.create_server((host, port))
        self._listener.settimeout(PATIENCE)

    def accept(self) -> int:
        """Be dialled; the session's id, as one ``recv(16)`` gives it."""
        self.control, _ = self._listener.accept()
        self.control.settimeout(PATIENCE)
        return int(self.control.recv(16))

    def connect_back(self) -> socket.socket:
        """The data connection."""
        self.data = socket.create_connection(("127.0.0.1", self._server_port), PATIENCE, (self.host, 0))
        self.data.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.data

    def close(self) -> None:
        """Leave nothing open."""
        for one in (self._listener, getattr(self, "control", None), getattr(self, "data", None)):
            if one is not None:
                one.close()


class RealSessionTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.agent_port = free_port()

    def netd(self, options: str = "") -> Daemon:
        """A daemon with sessions; its port is :attr:`server_port`."""
        section = f"[session]\nlisten = {LOOPBACK}\nagent_port = {self.agent_port}\nstop_grace = 200ms\n{options}"
        daemon = self.start(self.write_ini(section))
        self.server_port = daemon.port("session")
        return daemon

    def fake(self, host: str = "127.0.0.1") -> FakeAgent:
        """An agent in the test's hands."""
        agent = FakeAgent(host, self.agent_port, self.server_port)
        self.addCleanup(agent.close)
        return agent

    def old_agent(self, hurry: int = HURRY, *kind: str) -> Program:
        """An old agent that is listening."""
        agent = self.program(OLD_AGENT, "127.0.0.1", self.agent_port, self.server_port, hurry, *kind)
        agent.wait_for("^listening")
        return agent

    @staticmethod
    def samples(daemon: Daemon, session: int) -> int:
        """How many samples were counted in a session."""
        [facts] = [facts for facts in daemon.call("session.list")["rows"] if facts["session"] == session]
        return int(facts["samples"])

    def test_old_agent_in_c(self) -> None:
        """An agent that ends its words with NULs, and says its numbers with all digits, is understood, too."""
        daemon = self.netd()
        self.old_agent(HURRY, "c")
        daemon.call("session.start", host="127.0.0.1")
        wait_until(lambda: self.samples(daemon, 1) >= 6, "six samples")
        ended = daemon.call("session.stop", session=1)
        values = {name: (channel["min"], channel["max"]) for name, channel in ended["channels"].items()}
        self.assertEqual((values, ended["bad"]), ({"x": (111, 111), "y": (222, 222), "z": (333, 333)}, 0))

    def test_old_agent(self) -> None:
        """An unmodified agent streams, is pinged, is stopped, and is there for the next; it hears when the daemon ends."""
        daemon = self.netd()
        agent = self.old_agent()
        self.assertEqual(daemon.call("session.start", host="127.0.0.1")["session"], 1)
        wait_until(lambda: self.samples(daemon, 1) >= 6, "six samples")
        daemon.call("session.ping", session=1)
        ended = daemon.call("session.stop", session=1)
        values = {name: (channel["min"], channel["max"]) for name, channel in ended["channels"].items()}
        self.assertEqual(values, {"x": (111, 111), "y": (222, 222), "z": (333, 333)})
        self.assertEqual((ended["state"], ended["bad"]), ("ended", 0))
        self.assertEqual(daemon.call("session.start", host="127.0.0.1")["session"], 4)
        self.assertEqual(daemon.stop(), 0)
        agent.wait_for("^session 4$\ntold stop$")
        told = [line for line in agent.output.splitlines() if line.startswith("told")]
        self.assertEqual(told, ["told ping", "told stop", "told stop"])

    def test_old_agent_at_its_own_pace(self) -> None:
        """An unmodified agent whose tokens come one by one, each ended by silence alone, is understood to the last of them."""
        daemon = self.netd()
        agent = self.old_agent(hurry=1)
        daemon.call("session.start", host="127.0.0.1")
        wait_until(lambda: self.samples(daemon, 1) >= 4, "four samples")
        ended = daemon.call("session.stop", session=1)
        values = {name: (channel["min"], channel["max"]) for name, channel in ended["channels"].items()}
        self.assertEqual((values, ended["bad"]), ({"x": (111, 111), "y": (222, 222), "z": (333, 333)}, 0))
        agent.wait_for("^told stop$")

    def test_agent_that_never_closes(self) -> None:
        """An agent that hears stop, but keeps its control connection open, holds up neither a new attempt nor a stop."""
        daemon = self.netd("reconnect_delay = 100ms\nmax_reconnect_delay = 100ms\n")
        agent = self.fake()
        daemon.call("session.start", host="127.0.0.1", wait=False)
        agent.accept()
        first = agent.control
        self.addCleanup(first.close)
        agent.connect_back().sendall(b"s11x1\n")
        wait_until(lambda: self.samples(daemon, 1) == 1, "its sample")
        agent.data.close()
        begun = time.monotonic()
        number = agent.accept()
        self.assertLess(time.monotonic() - begun, 5)
        self.assertEqual([first.recv(16), first.recv(16)], [b"stop", b""])
        agent.connect_back().sendall(b"s1%dx2\n" % number)
        wait_until(lambda: self.samples(daemon, 1) == 2, "another")
        begun = time.monotonic()
        self.assertEqual(daemon.call("session.stop", session=1)["state"], "ended")
        self.assertLess(time.monotonic() - begun, 5)

    def test_late_connection(self) -> None:
        """A data connection that comes too late for its attempt is none of the next attempt's, whose own is taken in."""
        daemon = self.netd("connect_back_timeout = 300ms\nreconnect_delay = 100ms\nmax_reconnect_delay = 100ms\n")
        agent = self.fake()
        daemon.call("session.start", host="127.0.0.1", wait=False)
        numbers = [agent.accept()]
        self.addCleanup(agent.control.close)
        numbers.append(agent.accept())
        late = agent.connect_back()
        late.sendall(b"s1%dx666\n" % numbers[0])
        self.assertEqual(late.recv(16), b"")
        late.close()
        agent.connect_back().sendall(b"s1%dx5\n" % numbers[1])
        wait_until(lambda: self.samples(daemon, 1) == 1, "its sample")
        self.assertEqual(daemon.call("session.list")["rows"][0]["channels"]["x"]["last"], 5)

    def test_words(self) -> None:
        """Each word is what one ``recv(16)`` gives, however fast they are asked for; an agent that sends on reaches nothing."""
        daemon = self.netd()
        agent = self.fake()
        start = threading.Thread(target=daemon.call, args=("session.start",), kwargs={"host": "127.0.0.1"})
        start.start()
        self.assertEqual(agent.accept(), 1)
        agent.connect_back().sendall(b"s11s22s33x5")
        start.join(PATIENCE)
        daemon.call("session.ping", session=1)
        stop = threading.Thread(target=daemon.call, args=("session.stop",), kwargs={"session": 1})
        stop.start()
        time.sleep(0.1)
        self.assertEqual([agent.control.recv(16) for _ in range(3)], [b"ping", b"stop", b""])
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                agent.data.sendall(b"x6" * 1000)
        agent.control.close()
        stop.join(PATIENCE)
        self.assertEqual(self.samples(daemon, 1), 1)

    def test_many_agents(self) -> None:
        """Many agents at a time, each at an address of its own: every sample arrives in its session."""
        daemon = self.netd()
        agents = [self.fake(f"127.0.1.{number}") for number in range(1, 41)]
        for agent in agents:
            daemon.call("session.start", host=agent.host, wait=False)
        ids = [agent.accept() for agent in agents]
        self.assertEqual(len({session + place for session in ids for place in range(3)}), 120)
        for agent, session in zip(agents, ids, strict=True):
            agent.connect_back().sendall(b"s1%d\n" % session)
        for number in range(25):
            for agent in agents:
                agent.data.sendall(b"x%d\ny%d\n" % (number, -number))
        wait_until(lambda: daemon.call("system.status")["services"][0]["counters"]["samples"] >= 2000, "all samples")
        for facts in daemon.call("session.list")["rows"]:
            found = [(channel["samples"], channel["min"], channel["max"]) for channel in facts["channels"].values()]
            self.assertEqual(found[:2], [(25, 0, 24), (25, -24, 0)], facts)

    def test_hostile_company(self) -> None:
        """Drips, floods and foreign ids reach nothing, and hold nobody up."""
        daemon = self.netd("announce_timeout = 400ms\n")
        agent = self.fake()
        daemon.call("session.start", host="127.0.0.1", wait=False)
        agent.accept()
        foreign = self.connect(self.server_port)
        foreign.sendall(b"s14s25s36x666\n")
        others = [foreign, *(self.connect(self.server_port) for _ in range(4))]
        others[1].sendall(b"s1142\n")
        others[2].sendall(b"x" * 100_000)
        others[4].sendall(b"x")
        others[3].sendall(b"s")
        for other in others:
            with contextlib.suppress(ConnectionError):
                self.assertEqual(other.recv(16), b"")
            other.close()
        agent.connect_back().sendall(b"s11\nxnan\nx1e999\nx1e308\nx-1e308\ny1\n")
        agent.data.sendall(b"z7\n" * 50_000)
        wait_until(lambda: self.samples(daemon, 1) == 50_003, "all of its samples")
        [facts] = daemon.call("session.list")["rows"]
        self.assertEqual((facts["bad"], facts["channels"]["x"]["max"], facts["channels"]["y"]["last"]), (2, 1e308, 1))

    def test_restarted_agent(self) -> None:
        """An agent that goes away is dialled again until it is back."""
        daemon = self.netd("reconnect_delay = 100ms\nmax_reconnect_delay = 200ms\n")
        agent = self.old_agent()
        daemon.call("session.start", host="127.0.0.1")
        agent.process.kill()
        agent.wait()
        wait_until(lambda: daemon.call("session.list")["rows"][0]["attempt"] >= 3, "a third attempt")
        self.old_agent()
        wait_until(lambda: daemon.call("session.list")["rows"][0]["state"] == "streaming", "a new stream")

    @contextlib.contextmanager
    def running(self, agent: Agent) -> Iterator[None]:
        """Netd's own agent, in a thread."""
        thread = threading.Thread(target=agent.run)
        agent.listen()
        thread.start()
        try:
            yield
        finally:
            agent.close()
            thread.join(PATIENCE)
            self.assertFalse(thread.is_alive())

    def test_own_agent(self) -> None:
        """Netd's agent says names and units, shows pings, obeys stop, and serves the next session."""
        daemon = self.netd()
        happened: list[object] = []
        hooks = Hooks(lambda session, host: happened.append((session, host)), happened.append, lambda: happened.append("ping"))
        channels = {"temp": Channel(iter(range(1, 1000)), "Temperature", "°C", 0.01), "said": Channel()}
        agent = Agent(channels, port=self.agent_port, server_port=self.server_port, hooks=hooks)
        with self.running(agent):
            for session in (1, 4):
                daemon.call("session.start", host="127.0.0.1")
                wait_until(lambda: agent.say("said", (2.5, 77)), "a word of its own")
                wait_until(lambda session=session: self.samples(daemon, session) >= 5, "five samples")
                if session == 1:
                    daemon.call("session.ping", session=session)
                ended = daemon.call("session.stop", session=session)
                self.assertEqual((ended["channels"]["temp"]["unit"], ended["channels"]["said"]["last"]), ("°C", 2.5))
        self.assertEqual(happened[:3], [(1, "127.0.0.1"), "ping", "the server said stop"])
        self.assertEqual(len(happened), 5)

    def test_agent_that_asks(self) -> None:
        """An agent that may speak either dialect learns that this is netd, and speaks the newer one."""
        daemon = self.netd()
        with self.running(Agent({"x": lambda: 5}, port=self.agent_port, server_port=self.server_port, dialect="auto")):
            self.assertEqual(daemon.call("session.start", host="127.0.0.1")["dialect"], "newer")

    def test_own_asyncio_agent(self) -> None:
        """The agent for asyncio takes functions, coroutine functions and iterables of both kinds."""
        daemon = self.netd()

        async def ask() -> int:
            await asyncio.sleep(0)
            return 2

        async def tell() -> Any:
            while True:
                await asyncio.sleep(0.02)
                yield 3

        async def live() -> dict[str, Any]:
            channels = {"a": lambda: 1, "b": ask, "c": tell(), "d": Channel(iter([4, 4, 4]))}
            async with AsyncAgent(channels, port=self.agent_port, server_port=self.server_port, every=0.02) as agent:
                running = asyncio.create_task(agent.run())
                call = asyncio.get_running_loop().run_in_executor
                await asyncio.sleep(0.1)
                await call(None, lambda: daemon.call("session.start", host="127.0.0.1"))
                await call(None, lambda: wait_until(lambda: self.samples(daemon, 1) >= 30, "thirty samples"))
                ended: dict[str, Any] = await call(None, lambda: daemon.call("session.stop", session=1))
                agent.close()
                await running
                return ended

        ended = asyncio.run(live())
        self.assertEqual({name: channel["last"] for name, channel in ended["channels"].items()}, {"a": 1, "b": 2, "c": 3, "d": 4})

    def test_command_line(self) -> None:
        """``netd agent`` is an agent, with made-up values and those of a program."""
        daemon = self.netd()
        main = self.folder / "main.py"
        main.write_text("from netd.cli.main import main\nmain()\n", encoding="utf-8")
        numbers = f"n={sys.executable} -uc 'import time\nfor n in range(9**9): print(n); time.sleep(.05)'"
        agent = self.program(
            main, "agent", "--channel", "x:Heart rate [bpm]=random", "--exec", numbers, "--port", self.agent_port,
            "--server-port", self.server_port,
        )  # fmt: skip
        agent.wait_for("^netd: listening on 127.0.0.1 port")
        daemon.call("session.start", host="127.0.0.1")
        wait_until(lambda: daemon.call("session.list")["rows"][0]["channels"]["n"]["samples"] >= 3, "three numbers")
        daemon.call("session.ping", session="127.0.0.1")
        self.assertEqual(daemon.call("session.stop", session=1)["channels"]["x"]["unit"], "bpm")
        agent.wait_for("^ping$")
        agent.wait_for("^netd: the session has ended: the server said stop$")

    def test_command_line_program_ends(self) -> None:
        """A program that writes no end of a line is no load; when it fails, so does ``netd agent``."""
        main = self.folder / "main.py"
        main.write_text(
            "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
            "from netd.cli.main import main\nmain()\n",
            encoding="utf-8",
        )
        endless = f"{sys.executable} -c 'import sys\nfor _ in range(600): sys.stdout.write(chr(48) * (1 << 20))\nsys.exit(3)'"
        agent = self.program(main, "agent", "--exec", endless, "--port", self.agent_port)
        agent.wait_for("^Error: the agent has ended: .* has ended with status 3$")
        self.assertEqual(agent.wait(), 1)
