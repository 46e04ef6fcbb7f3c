"""A real daemon is reloaded again and again, while a thousand devices, WebSockets and a session stay, and lose nothing."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netd.client.control import Control, OperationFailed
from netd.paths import CONTROL_SOCKET
from netd.relay.hosts import DeviceHosts
from tests.process import LOOPBACK, PATIENCE, Daemon, RealTestCase, frame, read_frame

DEVICES, WEBSOCKETS, RELOADS = 1000, 100, 100
"""What stays open, and how often it is reloaded."""

BROKEN_EVERY, SIGNAL_EVERY = 10, 7
"""Each so-many-th reload finds a file that is broken at first, or is asked for by a signal."""

CROWD = 50
"""Programs that connect at the same moment."""

FUNCTIONS = """\
import sys
from netd.command import command
from twisted.internet.defer import Deferred

waiting = vars(sys).setdefault("waiting_in_a_test_of_netd", {{}})

@command("version")
def version() -> int:
    return {version}

@command("begin")
def begin():
    begun = Deferred()
    waiting[{version}] = lambda: begun.callback({version})
    return begun

@command("finish")
def finish(which: int) -> bool:
    waiting.pop(which)()
    return True
"""
"""A command that runs until another one ends it, and then answers what its own file says."""


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def begin(port: int, command_id: str, **arguments: object) -> socket.socket:
    """A program that has connected to *port* and sent a command."""
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
    connection.sendall(json.dumps({"command_id": command_id, **arguments}).encode() + b"\n")
    return connection


def end(connection: socket.socket) -> Any:
    """What it is answered; its connection is closed then."""
    with connection, connection.makefile("rb") as stream:
        return json.loads(stream.read())["result"]


def send(controller: socket.socket, device: str, payload: bytes) -> None:
    """Have an old controller send to a device; return when the device's side has it."""
    controller.sendall(frame(b"python") + device.encode().ljust(64) + frame(payload))
    assert read_frame(controller) == b"data succesfully sent"


class WebSocket:
    """A WebSocket of the gateway that subscribes to one device's messages; it reads when it is asked to."""

    def __init__(self, port: int, pattern: str) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._stream = self.connection.makefile("rb")
        self.connection.sendall(
            b"GET /ws HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" % port
        )
        while self._stream.readline().strip():
            pass
        asked = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": {"pattern": pattern}}).encode()
        self.connection.sendall(bytes([0x81, 0x80 | len(asked)]) + bytes(4) + asked)  # short, and masked by zeros
        assert "result" in self.read(), "subscribed"

    def read(self) -> Any:
        """The next message."""
        while True:
            opcode, size = self._stream.read(2)
            if size == 126:
                size = int.from_bytes(self._stream.read(2), "big")
            payload = self._stream.read(size)
            if opcode & 0x0F == 1:
                return json.loads(payload)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()
        self.connection.close()


class Agent:
    """An agent that netd dials, and that streams."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.control, self.data = socket.socket(), socket.socket()

    def connect_back(self, port: int) -> None:
        """Take netd's call, connect to *port*, and announce a channel."""
        self.close_connections()
        self.control, _ = self.listener.accept()
        session = int(self.control.recv(20))
        self.data = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.data.sendall(json.dumps({"session": session, "channels": {"x": {}}}).encode() + b"\n")

    def close_connections(self) -> None:
        """Hang up."""
        self.control.close()
        self.data.close()

    def close(self) -> None:
        """Hang up, and listen no more."""
        self.close_connections()
        self.listener.close()


class Lab:
    """The configuration, and how it changes from one reload to the next."""

    def __init__(self, test: ReloadTests, agent: Agent) -> None:
        self.ports = [free_port(), free_port()]
        self.functions = test.folder / "commands.py"
        self._ini = test.folder / "state.ini"
        self._test = test
        self._agent = agent

    def write(self, turn: int) -> Path:
        """What the file says at the so-many-th reload: other limits, a room or none, another port, other functions."""
        self._write_functions(FUNCTIONS.format(version=turn))
        room = f"[room]\nlisten = {LOOPBACK}\n[feed:more]\nlisten = {LOOPBACK}\n" if turn % 2 else ""
        return self._test.write_ini(
            f"stop_timeout = {1 + turn % 3}s\nmemory = {256 + turn}MiB\nkeep_events = 1\n"
            f"[relay]\nlisten = {LOOPBACK}\nmax_payload = {1000 + turn}\ndevice_queue = {1 + turn}MiB\n"
            f"max_connections = {20000 + turn}\nframe_timeout = {8 + turn % 2}s\nstall_timeout = {8 + turn % 2}s\n"
            f"[gateway]\nlisten = {LOOPBACK}\nmax_message = {1 + turn % 50}MiB\nping_interval = {300 + turn}s\n"
            f"[session]\nlisten = {LOOPBACK}\nagent_port = {self._agent.port}\nidle_timeout = {30 + turn}s\n"
            f"[command]\nlisten = tcp:{self.port(turn)}:interface=127.0.0.1\nfunctions = {self.functions}\n"
            f"timeout = {4 + turn % 2}s\nthreads = {1 + turn % 5}\n{room}"
        )

    def port(self, turn: int) -> int:
        """Where commands are taken then."""
        return self.ports[turn % 2]

    def spoil(self, turn: int) -> None:
        """Half a file of functions, and a mistake in the INI."""
        self._write_functions(FUNCTIONS.format(version=turn)[:-20])
        with self._ini.open("a", encoding="utf-8") as file:
            file.write("[relay]\nmax_payload = much\n")

    def _write_functions(self, text: str) -> None:
        self.functions.write_text(text, encoding="utf-8")


class ReloadTests(RealTestCase):
    """One daemon with everything, and what hangs on it."""

    def setUp(self) -> None:
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        agent = Agent()
        self.addCleanup(agent.close)
        self.agent = agent
        self.lab = Lab(self, agent)
        self.daemon: Daemon = self.start(self.lab.write(0))
        self.relay, self.gateway = self.daemon.port("relay"), self.daemon.port("gateway")
        self.control = Control(self.state / CONTROL_SOCKET, PATIENCE)
        self.addCleanup(self.control.close)

    def test_a_hundred_reloads(self) -> None:
        """Each message reaches its device, each event each WebSocket, each sample its session; commands end as they began."""
        devices = [self.device() for _ in range(WEBSOCKETS)]
        self.await_that(
            lambda: self.control.call("relay.devices", limit=1)["matching"] == WEBSOCKETS
        )  # these have the first numbers
        devices += [self.device() for _ in range(DEVICES - WEBSOCKETS)]
        names = [str(device.getsockname()) for device in devices]
        controller = self.connect(self.relay)
        sockets = [self.watch(f"relay.main.sent.{DeviceHosts.subject('127.0.0.1', at + 1)}") for at in range(WEBSOCKETS)]
        self.control.call("session.start", host="127.0.0.1", wait=False)
        self.agent.connect_back(self.daemon.port("session"))
        sizes = []
        for turn in range(1, RELOADS + 1):
            self.turn(turn)
            for name in names[:WEBSOCKETS] if turn < RELOADS else names:
                send(controller, name, b"%d" % turn)
            self.agent.data.sendall(b"x %d\n" % turn)
            sizes.append(self.size())
        payloads = [b"%d" % turn for turn in range(1, RELOADS + 1)]
        for at, device in enumerate(devices):
            heard = payloads if at < WEBSOCKETS else payloads[-1:]
            self.assertEqual([read_frame(device) for _ in heard], heard)
        for each in sockets:
            events = [each.read()["params"] for _ in payloads]
            self.assertEqual([event["data"]["text"].encode() for event in events], payloads)
        self.check_services()
        self.check_sizes(sizes)

    def test_moment_of_the_move(self) -> None:
        """Programs that the system has connected to the old port by then are answered, quick ones and others."""
        asking = socket.socket(socket.AF_UNIX)
        self.addCleanup(asking.close)
        asking.connect(os.fspath(self.state / CONTROL_SOCKET))
        asking.sendall(b'{"jsonrpc": "2.0", "id": 0, "method": "system.whoami"}\n')
        asking.recv(1 << 16)
        self.daemon.signal(signal.SIGSTOP)
        self.addCleanup(self.daemon.signal, signal.SIGCONT)
        os.waitid(os.P_PID, self.daemon.process.pid, os.WSTOPPED | os.WNOWAIT)
        asking.sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "system.reload"}\n')
        self.lab.write(1)
        quick = [begin(self.lab.port(0), "version") for _ in range(CROWD)]
        slow = [socket.create_connection(("127.0.0.1", self.lab.port(0)), PATIENCE) for _ in range(CROWD)]
        self.daemon.signal(signal.SIGCONT)
        self.assertIn(b'"reloaded"', asking.recv(1 << 16))
        for connection in slow:
            connection.sendall(b'{"command_id": "version"}\n')
        self.assertLessEqual({end(connection) for connection in (*quick, *slow)}, {0, 1})

    def test_ports_of_its_own(self) -> None:
        """Two services exchange their ports, a socket gets another mode, loopback becomes all addresses, a section is renamed."""
        one, two, three = free_port(), free_port(), free_port()
        path = self.folder / "relay.sock"
        for relay, room, feed in (
            (f"tcp:{one}:interface=127.0.0.1 unix:{path}:mode=600", f"[room]\nlisten = loopback:{two}\n", f"loopback:{three}"),
            (f"loopback:{two} unix:{path}:mode=660", f"[room:b]\naccess = anyone\nlisten = tcp:{one}\n", f"tcp:{three}"),
            (f"tcp:{one} unix:{path}:mode=666", f"[room]\nlisten = tcp:{two}:interface=127.0.0.1\n", f"loopback:{three}"),
        ):
            self.write_ini(f"[relay]\naccess = anyone\nlisten = {relay}\n{room}[feed]\naccess = anyone\nlisten = {feed}\n")
            self.assertEqual(self.control.call("system.reload")["failures"], [])
            status = self.control.call("system.status")["services"]
            ports = [int(service["listening"][0]["address"].rpartition(":")[2]) for service in status]
            self.assertEqual(ports, [int(re.findall(r":(\d+)", listen)[0]) for listen in (relay, room, feed)])
            self.assertEqual(oct(path.stat().st_mode & 0o777)[2:], relay[-3:])
            for port in ports:
                socket.create_connection(("127.0.0.1", port), PATIENCE).close()
            self.assertEqual(self.control.call("system.reload")["status"], "unchanged")

    def device(self) -> socket.socket:
        """A device of the first dialect."""
        device = self.connect(self.relay)
        device.sendall(frame(b"raspberrypi"))
        return device

    def watch(self, pattern: str) -> WebSocket:
        """A WebSocket that has subscribed to *pattern*."""
        watching = WebSocket(self.gateway, pattern)
        self.addCleanup(watching.close)
        return watching

    def turn(self, turn: int) -> None:
        """One reload, with a command that began before it and ends after it."""
        old, new = self.lab.port(turn - 1), self.lab.port(turn)
        begun = begin(old, "begin")
        self.assertEqual(end(begin(old, "version")), turn - 1)
        if turn % BROKEN_EVERY == 0:
            self.reload_in_vain(turn)
        self.lab.write(turn)
        if turn % SIGNAL_EVERY == 0:
            self.daemon.signal(signal.SIGHUP)
            self.await_that(lambda: self.listens(new))
        else:
            result = self.control.call("system.reload")
            self.assertEqual((result["status"], result["restart"], result["failures"]), ("reloaded", [], []))
        self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", old), PATIENCE)
        self.assertEqual(end(begin(new, "version")), turn)
        self.assertEqual(end(begin(new, "finish", which=turn - 1)), True)
        self.assertEqual(end(begun), turn - 1)

    def reload_in_vain(self, turn: int) -> None:
        """A broken file changes nothing, and each mistake is told with its place."""
        self.lab.spoil(turn)
        told = str(self.assertRaises(OperationFailed, self.control.call, "system.reload"))
        for place in (f"{self.lab.functions}:", "[relay] max_payload: 'much'"):
            self.assertIn(place, told)
        self.assertEqual(end(begin(self.lab.port(turn - 1), "version")), turn - 1)

    def listens(self, port: int) -> bool:
        """Whether commands are taken at *port*."""
        services = self.control.call("system.status")["services"]
        places = next(service["listening"] for service in services if service["kind"] == "command")
        return [place["address"] for place in places] == [f"127.0.0.1:{port}"]

    def services(self) -> dict[str, Any]:
        """The status of each service, by kind."""
        return {service["kind"]: service for service in self.control.call("system.status")["services"]}

    def await_that(self, holds: Callable[[], bool]) -> None:
        """Ask again until *holds*."""
        give_up = time.monotonic() + PATIENCE
        while not holds():
            self.assertLess(time.monotonic(), give_up)

    def size(self) -> tuple[int, int]:
        """The daemon's memory in KiB, and its open files."""
        proc = Path("/proc", str(self.daemon.process.pid))
        memory = re.search(r"VmRSS:\s+(\d+)", (proc / "status").read_text())
        assert memory is not None
        return int(memory[1]), len(list((proc / "fd").iterdir()))

    def check_services(self) -> None:
        """Nobody had to connect again."""
        self.await_that(lambda: self.services()["session"]["counters"]["samples"] >= RELOADS)  # counted within two seconds
        services = self.services()
        self.assertEqual((services["relay"]["devices"], services["relay"]["counters"]["accepted"]), (DEVICES, DEVICES + 1))
        self.assertEqual(services["gateway"]["connections"], WEBSOCKETS)
        self.assertEqual((services["session"]["streaming"], services["session"]["counters"]["samples"]), (1, RELOADS))
        self.assertEqual(self.control.call("session.list")["rows"][0]["attempt"], 1)

    def check_sizes(self, sizes: list[tuple[int, int]]) -> None:
        """No service that was removed is kept, nor anything else of an earlier configuration."""
        memory, files = zip(*sizes, strict=True)
        self.assertEqual(files[len(files) // 5], files[-1 - (len(files) - 1 - len(files) // 5) % 2])
        self.assertLess(memory[-1] - memory[len(memory) // 5], 4096)
