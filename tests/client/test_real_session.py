"""The blocking agent of telemetry sessions over real sockets, against a server that lives in the test, and against an old one."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from netd.client.session import Agent, Channel, Hooks
from tests.process import CHECKOUT, PATIENCE, Program, RealTestCase

OLD_SERVER = CHECKOUT / "tests" / "legacy" / "old_session_server.py"


class AgentTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.happened: list[object] = []
        self._news = threading.Condition()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(PATIENCE)
        self.port = self.server.getsockname()[1]
        self.addCleanup(self.server.close)

    def _note(self, what: object) -> None:
        with self._news:
            self.happened.append(what)
            self._news.notify_all()

    def _heard(self, what: object) -> None:
        """Wait until the agent's hooks have told *what*."""
        with self._news:
            self.assertTrue(self._news.wait_for(lambda: what in self.happened, PATIENCE), (what, self.happened))

    def agent(self, channels: dict[str, Any] | None = None, **options: Any) -> Agent:
        """An agent that connects back to this server."""
        hooks = Hooks(lambda session, host: self._note((session, host)), self._note, lambda: self._note("ping"))
        options = {"port": 0, "server_port": self.port, "every": 0.01, "hooks": hooks, **options}
        return Agent(channels or {"x": lambda: 5}, **options)

    @contextlib.contextmanager
    def running(self, agent: Agent) -> Iterator[None]:
        """The agent listens; at the end it is closed, and its thread has ended."""
        agent.listen()
        thread = threading.Thread(target=agent.run)
        thread.start()
        try:
            yield
        finally:
            agent.close()
            thread.join(PATIENCE)
            self.assertFalse(thread.is_alive())

    def dial(self, agent: Agent, word: bytes = b"42") -> socket.socket:
        """A control connection on which *word* was said."""
        control = self.connect(agent.port)
        control.sendall(word)
        return control

    def accept(self) -> socket.socket:
        """The data connection."""
        data, _ = self.server.accept()
        data.settimeout(PATIENCE)
        self.addCleanup(data.close)
        return data

    def read(self, data: socket.socket, count: int) -> list[bytes]:
        """The next *count* lines."""
        with data.makefile("rb") as stream:
            return [stream.readline() for _ in range(count)]

    def test_session(self) -> None:
        """Hello and samples come; a ping is shown, a stop obeyed, and the next server served."""
        agent = self.agent()
        with self.running(agent):
            for _ in range(2):
                control, data = self.dial(agent), self.accept()
                self.assertEqual(self.read(data, 3)[1:], [b"x 5\n", b"x 5\n"])
                control.sendall(b"ping")
                self._heard("ping")
                control.sendall(b"stop")
                self._heard("the server said stop")
                self.happened.clear()

    def test_id_in_pieces(self) -> None:
        """An id that comes in two segments is one id."""
        agent = self.agent()
        with self.running(agent):
            control = self.dial(agent, b"4")
            control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            control.sendall(b"2")
            self.assertIn(b'"session": 42', self.read(self.accept(), 1)[0])

    def test_no_id(self) -> None:
        """Who dials and says something else is hung up on, as is who says nothing and goes."""
        agent = self.agent()
        with self.running(agent):
            for word in (b"GET / HTTP/1.1\r\n", b""):
                control = self.dial(agent, word)
                control.shutdown(socket.SHUT_WR)
                self.assertEqual(control.recv(16), b"")
            self._heard("the server said no session id but b'GET / HTTP/1.1\\r\\n'")

    def test_control_connection_ends(self) -> None:
        """A server that vanishes ends the session."""
        agent = self.agent()
        with self.running(agent):
            control, data = self.dial(agent), self.accept()
            self.read(data, 1)
            control.close()
            self._heard("the server closed the control connection")

    def test_refused(self) -> None:
        """What the server says before it hangs up is told; that it just hangs up, too."""
        agent = self.agent()
        with self.running(agent):
            self.dial(agent)
            data = self.accept()
            data.sendall(b'{"error": "nobody waits for you"}\n')
            self._heard("the server said: nobody waits for you")
            self.dial(agent)
            self.accept().shutdown(socket.SHUT_WR)
            self._heard("the server closed the data connection")

    def test_nobody_to_connect_back_to(self) -> None:
        """A server that does not listen ends the session with the reason, and the agent goes on listening."""
        self.server.close()
        agent = self.agent()
        with self.running(agent):
            self.assertEqual(self.dial(agent).recv(16), b"")
            with self._news:
                self._news.wait_for(lambda: self.happened, PATIENCE)
            self.assertRegex(str(self.happened[0]), "cannot connect back to 127.0.0.1 port")

    def test_address(self) -> None:
        """The agent connects back from the very address that it was dialled at."""
        agent = self.agent(host="127.0.0.7")
        with self.running(agent):
            control = self.connect(agent.port, "127.0.0.7")
            control.sendall(b"1")
            data, (host, _) = self.server.accept()
            data.close()
            self.assertEqual(host, "127.0.0.7")

    def test_say(self) -> None:
        """What the program says itself travels at once, while a session goes on, and not otherwise."""
        agent = self.agent({"x": Channel()})
        self.assertFalse(agent.say("x", 1))
        with self.running(agent):
            self.dial(agent)
            data = self.accept()
            self.read(data, 1)
            end = time.monotonic() + PATIENCE
            while not agent.say("x", 2):
                self.assertLess(time.monotonic(), end)
            self.assertFalse(agent.say("x", None))
            self.assertRaises(ValueError, agent.say, "y", 1)
            self.assertRaises(ValueError, agent.say, "x", float("nan"))
            self.assertEqual(self.read(data, 1), [b"x 2\n"])

    def test_all_said(self) -> None:
        """When every source is at its end, so is the agent."""
        agent = self.agent({"x": [1, 2], "y": iter([3])})
        with self.running(agent):
            self.dial(agent)
            self.assertEqual(sorted(self.read(self.accept(), 4)[1:]), [b"x 1\n", b"x 2\n", b"y 3\n"])
            self._heard("all channels are at their end")

    def test_close(self) -> None:
        """An agent that is closed ends its session, or never begins one; twice is harmless."""
        with self.agent() as agent, self.running(agent):
            self.dial(agent)
            self.read(self.accept(), 2)
            agent.close()
            self._heard("this agent was closed")
        agent.close()
        self.agent().close()

    def test_close_after_the_last_word(self) -> None:
        """What was said before an agent was closed is sent before it leaves."""

        def leave() -> None:
            agent.say("x", 5)
            agent.close()

        agent = self.agent({"x": Channel(), "y": leave})
        with self.running(agent):
            self.dial(agent)
            self.assertEqual(self.read(self.accept(), 2)[1:], [b"x 5\n"])
            self._heard("this agent was closed")

    def test_port_taken(self) -> None:
        """Two agents cannot listen in one place."""
        agent = self.agent()
        self.addCleanup(agent.close)
        with self.running(agent):
            self.assertRaises(OSError, self.agent(port=agent.port).listen)

    def test_ipv6(self) -> None:
        """An IPv6 address can be listened on."""
        agent = self.agent(host="::1")
        with self.running(agent):
            self.connect(agent.port, "::1").close()
            self._heard("the server said no session id but b''")

    def test_old_server(self) -> None:
        """An old server that takes one ``recv`` for one token understands the agent, announcements, samples and all."""
        self.server.close()
        agent = self.agent({"x": lambda: 1, "y": lambda: -2.5, "z": lambda: 1.2345678901234567e300}, dialect="auto", every=0.2)
        with self.running(agent):
            server = Program([sys.executable, OLD_SERVER, str(self.port), "127.0.0.1", str(agent.port), "42", "6"], self.folder)
            self.addCleanup(server.end)
            server.wait_for("^done$")
            self._heard("ping")
            self._heard("the server said stop")
        lines = ["listening", "announced s142", "announced s243", "announced s344"]
        lines += ["sample x 1.0", "sample y -2.5", "sample z 1.23456789e+300"] * 2 + ["done"]
        self.assertEqual([line.replace(f" {self.port}", "") for line in server.output.splitlines()], lines)

    def test_auto(self) -> None:
        """An agent that may speak either asks its server; where old ones have no such names, nothing."""
        agent = self.agent(dialect="auto")
        with self.running(agent):
            control = self.dial(agent)
            control.settimeout(PATIENCE)
            self.assertEqual(control.recv(64), b"netd?\n")
            control.sendall(b"netd")
            self.assertEqual(self.read(self.accept(), 2)[1:], [b"x 5\n"])
            control.sendall(b"stop")
            self._heard("the server said stop")
            self.happened.clear()
            control = self.dial(agent)
            self.assertEqual(control.recv(64), b"netd?\n")
            control.sendall(b"stop")
            self._heard("the server said stop")
        agent = self.agent({"temp": lambda: 5}, dialect="auto")
        with self.running(agent):
            self.dial(agent)
            self.assertEqual(self.read(self.accept(), 2)[1:], [b"temp 5\n"])

    def test_stop_while_announcing(self) -> None:
        """A stop that comes before the first sample is obeyed at once."""
        agent = self.agent({"x": lambda: 1}, dialect="old")
        with self.running(agent):
            control, data = self.dial(agent), self.accept()
            self.assertEqual(data.recv(16), b"s142")
            control.sendall(b"stop")
            self._heard("the server said stop")
