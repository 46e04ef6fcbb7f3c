"""Counts the calls of netd's functions that one message causes on the reactor's thread, and the files of these functions.

``python bench/journeys.py`` starts a daemon in its own process, plays the programs around it from another thread, and traces one
message of each kind at a time.  A *move* is a call of a function in another file than the call before; a *return* is a move into
a file that was left already.  Few returns mean that a thing is done in one place.  The figures are those of the
shortest of several tries: in the others, netd did something else besides.

It needs nothing but the Python that netd is installed in, and loopback.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import socket
import struct
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from twisted.internet import reactor
from twisted.scripts import twistd

import netd

TRIES = 9
LIMIT = 10.0
"""Seconds that an answer may take."""
QUIET = 0.05
"""Seconds of quiet after which a message's journey is over."""

INI = """\
[netd]
state_directory = {state}
[relay]
listen = tcp:{relay}:interface=127.0.0.1
[session]
listen = tcp:{session}:interface=127.0.0.1
agent_port = {agent}
[command]
listen = tcp:{command}:interface=127.0.0.1
[room]
listen = tcp:{room}:interface=127.0.0.1
size = 2
rounds = 1000
start_delay = 200ms
[gateway]
listen = tcp:{gateway}:interface=127.0.0.1
"""


class Journey(NamedTuple):
    """The calls that one message has caused, as figures."""

    calls: int
    files: int
    moves: int
    returns: int


def journey_of(files: list[str]) -> Journey:
    """Count the *files* of the functions called, in the order of the calls."""
    moves = sum(one != other for one, other in itertools.pairwise(files))
    visited = len(set(files))
    return Journey(len(files), visited, moves, max(0, moves - (visited - 1)))


class Tracer:
    """Notes the file of each function of netd's that the reactor's thread calls.

    :ivar names: ``file:function`` of each call, for a look at a whole journey.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self.files: list[str] = []
        self.names: list[str] = []

    def _note(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            name = frame.f_code.co_filename
            if name.startswith(self._package):
                self.files.append(name)
                self.names.append(f"{name[len(self._package) :]}:{frame.f_code.co_qualname}")

    @contextmanager
    def tracing(self) -> Iterator[None]:
        """Trace from here to the end of the block, and a little longer."""
        self.files, self.names = [], []
        self._switch(self._note)
        try:
            yield
            time.sleep(QUIET)
        finally:
            self._switch(None)

    def _switch(self, profile: Callable[..., None] | None) -> None:
        done = threading.Event()

        def switch() -> None:
            sys.setprofile(profile)
            done.set()

        reactor.callFromThread(switch)  # type: ignore[attr-defined]
        done.wait(LIMIT)


# ---- the programs around netd, as small as can be


def header(length: int) -> bytes:
    """Make the relay's 64 bytes."""
    return str(length).encode().ljust(64)


def frame(payload: bytes) -> bytes:
    """One of the relay's frames."""
    return header(len(payload)) + payload


def receive(connection: socket.socket, size: int) -> bytes:
    """Read exactly *size* bytes."""
    content = b""
    while len(content) < size:
        more = connection.recv(size - len(content))
        if not more:
            raise ConnectionError(f"closed after {content!r}")
        content += more
    return content


def receive_frame(connection: socket.socket) -> bytes:
    """Read a frame of the relay's; its payload."""
    return receive(connection, int(receive(connection, 64)))


def receive_line(connection: socket.socket) -> bytes:
    """Read up to a newline, byte by byte: what follows stays in the socket."""
    content = b""
    while not content.endswith(b"\n"):
        content += receive(connection, 1)
    return content


def connect(port: int) -> socket.socket:
    """A connection to a service of the daemon's."""
    connection = socket.create_connection(("127.0.0.1", port), LIMIT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class WebSocket:
    """Enough of RFC 6455 for short texts."""

    def __init__(self, port: int) -> None:
        self._connection = connect(port)
        key = base64.b64encode(os.urandom(16)).decode()
        self._connection.sendall(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: netd.v1\r\n\r\n".encode()
        )
        while receive_line(self._connection) != b"\r\n":
            pass

    def send(self, message: dict[str, Any]) -> None:
        content = json.dumps(message).encode()
        length = bytes([0x80 | len(content)]) if len(content) < 126 else b"\xfe" + struct.pack(">H", len(content))
        self._connection.sendall(b"\x81" + length + bytes(4) + content)

    def receive(self) -> dict[str, Any]:
        """The next text; pings are passed over."""
        while True:
            opcode, length = receive(self._connection, 2)
            if length == 126:
                (length,) = struct.unpack(">H", receive(self._connection, 2))
            elif length == 127:
                (length,) = struct.unpack(">Q", receive(self._connection, 8))
            content = receive(self._connection, length)
            if opcode & 15 == 1:
                message: dict[str, Any] = json.loads(content)
                return message

    def call(self, method: str, **params: Any) -> Any:
        self.send({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        while "id" not in (answer := self.receive()):
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]


class Control:
    """The control socket."""

    def __init__(self, path: Path) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(LIMIT)
        self._connection.connect(str(path))

    def call(self, method: str) -> Any:
        self._connection.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}).encode() + b"\n")
        return json.loads(receive_line(self._connection))["result"]


# ---- the journeys: each sets the stage, and gives what is to be traced

Play = Callable[[], object]


class Stage:
    """A daemon that runs, and the programs around it."""

    def __init__(self, ports: dict[str, int], state: Path) -> None:
        self._ports = ports
        self._state = state

    def old_relay(self) -> Play:
        device = connect(self._ports["relay"])
        device.sendall(frame(b"raspberrypi"))
        target = str(device.getsockname()).encode().ljust(64)
        controller = connect(self._ports["relay"])
        time.sleep(QUIET)

        def play() -> None:
            controller.sendall(frame(b"python") + target + frame(b"on"))
            receive_frame(device)
            receive_frame(controller)

        return play

    def named_relay(self) -> Play:
        device = connect(self._ports["relay"])
        device.sendall(frame(b'device {"name": "lamp"}'))
        controller = connect(self._ports["relay"])
        controller.sendall(frame(b"controller {}"))
        for connection in (device, controller):
            receive_frame(connection)
            receive_frame(connection)

        def play() -> None:
            controller.sendall(frame(b'{"id": 1, "to": "lamp", "deadline": 5}') + frame(b"on"))
            number = json.loads(receive_frame(device))["id"]
            receive_frame(device)
            device.sendall(frame(json.dumps({"id": number, "status": "acknowledged"}).encode()) + frame(b"it is"))
            while "final" not in json.loads(receive_frame(controller)):
                receive_frame(controller)
            receive_frame(controller)

        return play

    def sample(self) -> Play:
        listener = socket.create_server(("127.0.0.1", self._ports["agent"]))
        listener.settimeout(LIMIT)
        viewer = WebSocket(self._ports["gateway"])
        viewer.call("session.start", host="127.0.0.1", wait=False)
        control, _ = listener.accept()
        number = receive_number(control)
        agent = connect(self._ports["session"])
        agent.sendall(json.dumps({"session": number, "channels": {"x": {}}}).encode() + b"\nx 1\n")
        time.sleep(QUIET)
        viewer.call("bus.subscribe", pattern="session.main.*.x")
        self._kept = control

        def play() -> None:
            agent.sendall(b"x 2\n")
            while viewer.receive()["params"]["data"]["value"] != 2:
                pass

        return play

    def bad_argument(self) -> Play:
        def play() -> None:
            with connect(self._ports["command"]) as program:
                program.sendall(b'{"command_id": "add", "first": 1, "second": "two"}\n')
                receive_line(program)

        return play

    def turn(self) -> Play:
        bots = [connect(self._ports["room"]) for _ in range(2)]
        for bot, name in zip(bots, (b"Lars\n", b"Ida\n"), strict=True):
            bot.sendall(name)
            receive_line(bot)
        for bot in bots:
            receive_line(bot)

        def play() -> None:
            for bot in bots:
                bot.sendall(b"so glad\n")
            for bot in bots:
                receive_line(bot)

        return play

    def devices_over_control(self) -> Play:
        control = Control(self._state / "control.sock")
        return lambda: control.call("relay.devices")

    def devices_over_websocket(self) -> Play:
        viewer = WebSocket(self._ports["gateway"])
        return lambda: viewer.call("relay.devices")


def receive_number(control: socket.socket) -> int:
    """The id that netd says on the control connection, once it has been silent for a moment."""
    control.settimeout(LIMIT)
    return int(control.recv(16))


JOURNEYS: dict[str, Callable[[Stage], Play]] = {
    "old relay payload to the device and back": Stage.old_relay,
    "named relay request with answer": Stage.named_relay,
    "sample from an agent to a browser's frame": Stage.sample,
    "JSON command, bad argument": Stage.bad_argument,
    "two bots' replies and the turn": Stage.turn,
    "`relay.devices` over the control socket": Stage.devices_over_control,
    "`relay.devices` over `/ws`": Stage.devices_over_websocket,
}


def measure(stage: Stage, tracer: Tracer) -> None:
    """Play each journey, and print a row of Markdown for it; with names of journeys as arguments, print their calls too."""
    say = partial(print, file=sys.__stdout__)  # twistd sends what is printed to its log
    say("| journey | calls | files | moves between files | returns to a file already left |")
    say("| --- | ---: | ---: | ---: | ---: |")
    for name, prepare in JOURNEYS.items():
        play = prepare(stage)
        for _ in range(3):
            play()
        tried = []
        for _ in range(TRIES):
            time.sleep(QUIET)
            with tracer.tracing():
                play()
            tried.append(journey_of(tracer.files))
        say(f"| {name} | " + " | ".join(map(str, min(tried))) + " |")
        if any(word in name for word in sys.argv[1:]):
            say(*tracer.names, sep="\n")


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """A free port for each name."""
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    try:
        return {name: opened.getsockname()[1] for name, opened in sockets.items()}
    finally:
        for opened in sockets.values():
            opened.close()


def main() -> None:
    """Run the daemon in this thread, and the programs in another."""
    tracer = Tracer(str(Path(netd.__file__ or "").parent))
    arguments = sys.argv[:]
    with tempfile.TemporaryDirectory() as directory:
        ports = free_ports(("relay", "session", "agent", "command", "room", "gateway"))
        ini = Path(directory, "netd.ini")
        ini.write_text(INI.format(state=directory, **ports))

        def drive() -> None:
            control = Path(directory, "control.sock")
            begun = time.monotonic()
            while not control.exists() and time.monotonic() < begun + LIMIT:
                time.sleep(QUIET)
            time.sleep(0.5)
            sys.argv = arguments
            try:
                measure(Stage(ports, Path(directory)), tracer)
            except Exception:
                traceback.print_exc(file=sys.__stderr__)
            finally:
                reactor.callFromThread(reactor.stop)  # type: ignore[attr-defined]

        threading.Thread(target=drive, daemon=True).start()
        sys.argv = ["twistd", "-n", "--pidfile=", f"--logfile={directory}/log", "netd", "-c", str(ini)]
        twistd.run()


if __name__ == "__main__":
    main()
