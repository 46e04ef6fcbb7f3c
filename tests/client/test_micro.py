"""Tests of :mod:`netd.client.micro`: a device and an agent that are polled, over sockets and a clock that are played."""

from __future__ import annotations

import json
import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.client import micro
from netd.client.micro import Agent, Device
from tests.process import frame


class PlayedSocket:
    """A socket that never blocks.

    :ivar said: what the client has sent.
    :ivar heard: what it reads next: bytes, or an error.
    :ivar takes: how many bytes it takes at a time; 0 for none now.
    """

    def __init__(self, pool: PlayedPool) -> None:
        self._pool = pool
        self.said = b""
        self.heard: list[bytes | OSError] = []
        self.takes = 1 << 20
        self.is_closed = False
        self.callers: list[tuple[PlayedSocket, tuple[str, int]]] = []
        self.place: tuple[str, int] | None = None

    def settimeout(self, seconds: float) -> None:
        self.timeout = seconds

    def setblocking(self, blocks: bool) -> None:
        assert not blocks

    def setsockopt(self, *option: int) -> None:
        self.option = option

    def connect(self, place: tuple[str, int]) -> None:
        if self._pool.error is not None:
            raise self._pool.error
        self.place = place

    def bind(self, place: tuple[str, int]) -> None:
        self.place = place

    def listen(self, backlog: int) -> None:
        self.backlog = backlog

    def accept(self) -> tuple[PlayedSocket, tuple[str, int]]:
        if not self.callers:
            raise BlockingIOError(11, "nobody calls")
        return self.callers.pop(0)

    def recv_into(self, space: memoryview) -> int:
        if self.is_closed:
            raise OSError(9, "closed")
        if not self.heard:
            raise BlockingIOError(11, "nothing has come")
        first = self.heard.pop(0)
        if isinstance(first, OSError):
            raise first
        if len(first) > len(space):
            self.heard.insert(0, first[len(space) :])
        count = min(len(first), len(space))
        space[:count] = first[:count]
        return count

    def send(self, content: memoryview) -> int:
        if self.is_closed:
            raise OSError(32, "closed")
        if not self.takes:
            raise BlockingIOError(11, "full")
        taken = bytes(content[: self.takes])
        self.said += taken
        return len(taken)

    def close(self) -> None:
        self.is_closed = True


class PlayedPool:
    """What makes sockets.

    :ivar made: all of them.
    :ivar error: why nobody can be reached.
    """

    SOL_SOCKET, SO_REUSEADDR = 1, 2

    def __init__(self) -> None:
        self.made: list[PlayedSocket] = []
        self.error: OSError | None = None

    def getaddrinfo(self, host: str, port: int) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(2, 1, 6, "", (host, port))]

    def socket(self, family: int) -> PlayedSocket:
        assert family == 2
        self.made.append(PlayedSocket(self))
        return self.made[-1]


class PlayedTls:
    """A context that notes for which host it was asked."""

    def __init__(self) -> None:
        self.hosts: list[str] = []

    def wrap_socket(self, sock: PlayedSocket, server_hostname: str) -> PlayedSocket:
        self.hosts.append(server_hostname)
        return sock


class PolledTestCase(SynchronousTestCase):
    """A clock of milliseconds, and a pool."""

    def setUp(self) -> None:
        self.now = 0
        self.pool = PlayedPool()
        self.patch(micro, "_ticks", lambda: self.now)
        self.patch(time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1000)

    @property
    def sock(self) -> PlayedSocket:
        """The newest socket."""
        return self.pool.made[-1]

    def pause_of(self, client: Any) -> int:
        """Milliseconds until *client*, which has just failed, connects again."""
        begun, count = self.now, len(self.pool.made)
        while len(self.pool.made) == count:
            self.now += 10
            client.poll()
            self.assertLess(self.now - begun, 200_000)
        return self.now - begun


def pair(envelope: dict[str, Any], payload: bytes = b"") -> bytes:
    """An envelope and a payload."""
    return frame(json.dumps(envelope).encode()) + frame(payload)


def frames(said: bytes) -> list[bytes]:
    """The payloads of all frames."""
    found = []
    while said:
        size = int(said[:64])
        found.append(said[64 : 64 + size])
        said = said[64 + size :]
    return found


class DeviceTests(PolledTestCase):
    def device(self, **arguments: Any) -> Device:
        """A device that echoes, but for what it refuses, not connected yet."""

        def receive(payload: bytes) -> bytes | str | None:
            if payload == b"fail":
                raise ValueError("no such lamp")
            if payload == b"crash":
                raise RuntimeError
            return None if payload == b"nothing" else payload.decode()

        return Device("lab", 5050, "lamp", receive, pool=self.pool, **arguments)

    def connected(self, **arguments: Any) -> Device:
        """A device that was welcomed; what it has said is forgotten."""
        device = self.device(**arguments)
        device.poll()
        self.sock.heard.append(pair({"status": "welcome", "ping": 15}))
        self.assertTrue(device.poll())
        self.sock.said = b""
        return device

    def test_hello(self) -> None:
        """It says its name, its token and its wish for pings, and is connected when netd has welcomed it."""
        device = self.device(token="netd_secret", ping=5)
        self.assertFalse(device.poll())
        self.assertEqual(self.sock.place, ("lab", 5050))
        word, _, hello = frames(self.sock.said)[0].partition(b" ")
        self.assertEqual((word, json.loads(hello)), (b"device", {"name": "lamp", "token": "netd_secret", "ping": 5}))
        for byte in pair({"status": "welcome"}):
            self.assertFalse(device.is_connected)
            self.sock.heard.append(bytes([byte]))
            device.poll()
        self.assertTrue(device.poll())

    def test_tls(self) -> None:
        """A context secures the connection, for the host that was dialled."""
        tls = PlayedTls()
        self.device(tls=tls, timeout=2).poll()
        self.assertEqual((tls.hosts, self.sock.timeout), (["lab"], 2))

    def test_answers(self) -> None:
        """Each message is answered; one is taken by each poll, so that the program's loop goes on."""
        device = self.connected()
        asked = [b"on", b"nothing", b"fail", b"crash", b"x" * 1025, b"again"]
        self.sock.heard.append(b"".join(pair({"id": number}, payload) for number, payload in enumerate(asked)))
        self.sock.takes = 50
        device.poll()
        self.assertEqual(len(frames(self.sock.said)), 2)
        for _ in asked:
            device.poll()
        said = frames(self.sock.said)
        self.assertEqual(
            [json.loads(envelope) for envelope in said[::2]],
            [
                {"id": 0, "status": "acknowledged"},
                {"id": 1, "status": "acknowledged"},
                {"id": 2, "status": "failed", "error": "no such lamp"},
                {"id": 3, "status": "failed", "error": "RuntimeError()"},
                {"id": 4, "status": "failed", "error": "more than 1024 bytes"},
                {"id": 5, "status": "acknowledged"},
            ],
        )
        self.assertEqual(said[1::2], [b"on", b"", b"", b"", b"", b"again"])

    def test_news(self) -> None:
        """News are said while there is a connection, with their event if they have one."""
        device = self.device()
        self.assertFalse(device.say("rain"))
        device = self.connected()
        self.assertTrue(device.say("rain"))
        self.assertTrue(device.say(b"", "button"))
        self.assertEqual(frames(self.sock.said), [b"{}", b"rain", b'{"event": "button"}', b""])

    def test_broken_news(self) -> None:
        """News that cannot be written whole cost the connection: the next poll finds that out."""
        device = self.connected(timeout=1)
        self.sock.takes = 0
        self.assertFalse(device.say("rain"))
        self.assertTrue(1000 < self.now < 1100)
        self.assertTrue(self.sock.is_closed)
        self.assertFalse(device.poll())

    def test_stalled(self) -> None:
        """A poll waits for netd to read as long as it was told, and no longer."""
        device = self.connected(timeout=1)
        self.sock.takes = 0
        self.sock.heard.append(pair({"id": 1}, b"on"))
        self.assertFalse(device.poll())
        self.assertEqual(device.error, "netd reads nothing")
        self.assertTrue(1000 < self.now < 1100)

    def test_pings(self) -> None:
        """Pings keep the connection; three missing ones end it. Where netd promises none, silence means nothing."""
        device = self.connected()
        for _ in range(4):
            self.now += 15_000
            self.sock.heard.append(pair({"status": "ping"}))
            self.assertTrue(device.poll())
        self.now += 45_000
        self.assertTrue(device.poll())
        self.now += 1
        self.assertFalse(device.poll())
        self.assertEqual((device.error, self.sock.is_closed), ("netd is silent", True))
        silent = self.device()
        silent.poll()
        self.sock.heard.append(pair({"status": "welcome"}))
        silent.poll()
        self.now += 1_000_000
        self.assertTrue(silent.poll())

    def test_pauses(self) -> None:
        """It connects again more and more rarely, each time a little later than the least by chance."""
        device = self.device()
        self.pool.error = OSError("nobody listens")
        device.poll()
        self.assertEqual((device.error, self.sock.is_closed), ("nobody listens", True))
        for least in (1000, 2000, 4000, 8000, 15_000, 15_000):
            self.assertTrue(least <= self.pause_of(device) <= 2 * least + 10)
        self.pool.error = None
        self.pause_of(device)
        self.sock.heard += [pair({"status": "welcome"}), b""]
        self.assertFalse(device.poll())
        self.assertEqual(device.error, "netd hung up")
        self.assertLessEqual(self.pause_of(device), 2010)

    def test_errors(self) -> None:
        """A device that was replaced, or is not permitted, comes back late."""
        for members, least, most in (
            ({}, 1000, 2000),
            ({"replaced": True}, 15_000, 30_000),
            ({"denied": True}, 60_000, 75_000),
        ):
            device = self.connected()
            self.sock.heard.append(pair({"status": "error", "error": "why", **members}))
            self.assertFalse(device.poll())
            self.assertEqual(device.error, "why")
            self.assertTrue(least <= self.pause_of(device) <= most + 10, members)

    def test_old_error(self) -> None:
        """An address that may not connect is told so in the first dialect."""
        device = self.device()
        device.poll()
        self.sock.heard.append(frame(b"|error: not from there|"))
        device.poll()
        self.assertEqual(device.error, "|error: not from there|")

    def test_nonsense(self) -> None:
        """What is no frame or no envelope ends the connection; so does an error of the socket."""
        for heard in (b"x" * 64, frame(b"no JSON") + frame(b""), OSError(104, "reset")):
            device = self.connected()
            self.sock.heard.append(heard)
            self.assertFalse(device.poll())
            self.assertTrue(device.error)

    def test_close(self) -> None:
        """A device that is closed connects again when it is polled."""
        device = self.connected()
        device.close()
        device.close()
        self.assertEqual((device.is_connected, self.sock.is_closed), (False, True))
        device.poll()
        self.assertEqual(len(self.pool.made), 2)


class AgentTests(PolledTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.values: list[float | Exception | None] = [1, None, OSError("no sensor"), 4]
        self.agent = Agent({"x": (self.value, 100, "X", "m"), "y": (lambda: 2.5, 1000, "", "")}, name="hut", pool=self.pool)

    def value(self) -> float | None:
        value = self.values.pop(0)
        if isinstance(value, Exception):
            raise value
        return value

    def dial(self, *words: bytes) -> PlayedSocket:
        """Connect to the agent as netd does, and say something; returns the control connection."""
        control = PlayedSocket(self.pool)
        control.heard += words
        self.pool.made[0].callers.append((control, ("10.0.0.1", 5000)))
        for _ in range(2):
            self.now += 50
            self.agent.poll()
        return control

    def streaming(self) -> PlayedSocket:
        """Begin session 42; returns the control connection."""
        self.agent.poll()
        control = self.dial(b"4", b"2")
        self.now += 50
        self.assertTrue(self.agent.poll())
        return control

    def test_session(self) -> None:
        """It connects back to where it was dialled from, says what it measures, and sends each sample when it is due."""
        self.streaming()
        self.assertEqual((self.pool.made[0].place, self.sock.place), (("0.0.0.0", 10001), ("10.0.0.1", 10000)))
        hello, *lines = self.sock.said.decode().splitlines()
        channels = {"x": {"label": "X", "unit": "m"}, "y": {"label": "", "unit": ""}}
        self.assertEqual(json.loads(hello), {"session": 42, "name": "hut", "token": None, "channels": channels})
        self.assertEqual(lines, ["x 1", "y 2.5"])
        for _ in range(30):
            self.now += 10
            self.agent.poll()
        self.assertEqual(self.sock.said.decode().splitlines()[3:], ["x 4"])
        self.assertEqual(self.agent.error, "x: no sensor")

    def test_say(self) -> None:
        """Samples can be said at once, while there is a session."""
        self.assertFalse(self.agent.say("y", 1))
        self.streaming()
        self.assertTrue(self.agent.say("y", 9.5))
        self.assertTrue(self.sock.said.endswith(b"y 9.5\n"))

    def test_delay(self) -> None:
        """After a delay, no samples are made up for, and those that follow are in step."""
        self.values = [1, 2, 3, 4]
        self.streaming()
        for later in (320, 40, 80, 10):
            self.now += later
            self.agent.poll()
        self.assertEqual([line for line in self.sock.said.decode().splitlines() if line[0] == "x"], ["x 1", "x 2", "x 3", "x 4"])

    def test_stop(self) -> None:
        """A ping is ignored. After stop, the agent can be dialled at once."""
        control = self.streaming()
        data = self.sock
        control.heard.append(b"ping")
        self.assertTrue(self.agent.poll())
        control.heard.append(b"stop")
        self.assertFalse(self.agent.poll())
        self.assertEqual(self.agent.error, "netd said stop")
        self.assertTrue(control.is_closed and data.is_closed and self.pool.made[0].is_closed)
        self.agent.poll()
        self.assertEqual((len(self.pool.made), self.sock.place), (3, ("0.0.0.0", 10001)))

    def test_refused(self) -> None:
        """What netd says on the data connection is why it ends the session."""
        self.streaming()
        self.sock.heard.append(b'{"error": "why"}\n')
        self.assertFalse(self.agent.poll())
        self.assertIn("why", self.agent.error)
        self.assertTrue(1000 <= self.pause_of(self.agent) <= 2010)

    def test_no_number(self) -> None:
        """Who dials and says no number of a session is hung up on."""
        for words, wait in (((), 10_001), ((b"1234567890123456",), 50), ((b"nothing",), 50)):
            self.agent.close()
            self.pool.made.clear()
            self.agent.poll()
            control = self.dial(*words)
            self.now += wait
            self.assertFalse(self.agent.poll())
            self.assertTrue(control.is_closed, words)
            self.now += 2000

    def test_broken_port(self) -> None:
        """An error of the port itself is told, and the port opened again."""
        self.agent.poll()
        self.patch(self.sock, "accept", self.fail_to_accept)
        self.now += 50
        self.agent.poll()
        self.assertEqual(self.agent.error, "[Errno 5] broken")
        self.pause_of(self.agent)
        self.assertEqual(len(self.pool.made), 2)

    @staticmethod
    def fail_to_accept() -> None:
        raise OSError(5, "broken")


class StreamTests(SynchronousTestCase):
    def test_stream(self) -> None:
        """The sockets of MicroPython are streams, which return None where others raise."""

        class Stream(PlayedSocket):
            def readinto(self, space: memoryview) -> int | None:
                return self.recv_into(space) if self.heard else None

            def write(self, content: memoryview) -> int | None:
                return self.send(content) if self.takes else None

        stream = Stream(PlayedPool())
        wire = micro._Wire(stream, 8, 0.01)
        wire.ask(4)
        self.assertFalse(wire.is_complete())
        stream.heard.append(b"1234")
        self.assertTrue(wire.is_complete())
        self.assertEqual(wire.content(), b"1234")
        wire.write("Tür")
        self.assertEqual(stream.said, "Tür".encode())
        stream.takes = 0
        self.assertRaisesRegex(OSError, "reads nothing", wire.write, "more")
