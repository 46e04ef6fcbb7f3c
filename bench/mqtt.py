"""What an MQTT publication costs netd: from the bus to the socket of the broker; prints Markdown.

``make bench ARGS="--only mqtt"`` runs it. The section and the bus are netd's own, on a real reactor; the broker is a process that
lets netd in and reads what comes. At a rate, much of the cost is that of the reactor's turns: the same turns without a message
are measured in between, in the same process, and stand in the table beside it. CPU is this process's, the kernel's part included.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import LoopingCall, deferLater, react

from netd.bus.local import LocalBus
from netd.codec.samples import SampleTaken
from netd.kinds import ServiceKind
from netd.message import Message
from netd.mqtt.service import make_service
from netd.testing import configured

__all__ = ["report"]

TICK = 0.01
A_TICK = 10
"""Messages a tick: 1,000 a second."""
SPAN = 2.0
ROUNDS = 5
FLAT_OUT = 100_000
SUBJECTS = [f"session.main.agent{number}.temp" for number in range(A_TICK)]

SINK = """
import socket, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
taken, _ = server.accept()
taken.recv(4096)
taken.sendall(bytes.fromhex("2003000000"))
told = time.monotonic()
while taken.recv(1 << 20):
    if time.monotonic() > told + 5:
        told = time.monotonic()
        taken.sendall(bytes.fromhex("d000"))
"""


@contextmanager
def sink() -> Iterator[int]:
    """A broker that says nothing after its welcome but that it is there. The value is its port."""
    process = subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Measuring:
    """One section at its broker."""

    def __init__(self, reactor: Any, port: int) -> None:
        self._reactor = reactor
        kind = ServiceKind("mqtt", "netd.mqtt")
        config = configured(kind, f"broker = tcp:127.0.0.1:{port}", "publish = session.>", "every = off")
        self.bus = LocalBus(time.time)
        self.service: Any = make_service(config, reactor, self.bus)
        self._count = 0

    def publish(self) -> None:
        """Publish the messages of one tick."""
        for subject in SUBJECTS:
            self._count += 1
            self.bus.publish(Message(subject, SampleTaken(self._count / 7, 1_795_922_764.6)))

    @inlineCallbacks
    def paced(self, work: Callable[[], object]) -> Any:
        """Do *work* at each tick for a while. Return the CPU of a message, in microseconds."""
        ticks = LoopingCall(work)
        begin = time.process_time()
        ticks.start(TICK)
        yield deferLater(self._reactor, SPAN, ticks.stop)
        return (time.process_time() - begin) / (SPAN / TICK * A_TICK) * 1e6

    @inlineCallbacks
    def flat_out(self) -> Any:
        """Publish as much as the broker takes. Return the CPU of a message, in microseconds."""
        begin = time.process_time()
        for _ in range(FLAT_OUT // 1000):
            for _ in range(1000 // A_TICK):
                self.publish()
            while self.service.outgoing.waiting:
                yield deferLater(self._reactor, 0, lambda: None)
        return (time.process_time() - begin) / FLAT_OUT * 1e6

    def check(self) -> None:
        """Make sure that everything has left."""
        counters = self.service.status().counters
        assert (counters["published"], counters["dropped"]) == (self._count, {}), counters


@inlineCallbacks
def measure(reactor: Any, port: int, found: list[list[float]]) -> Any:
    """Add the figures of each round to *found*: the empty turns, those with messages, and flat out."""
    measuring = Measuring(reactor, port)
    measuring.service.startService()
    while measuring.service.status().state != "connected":
        yield deferLater(reactor, 0.05, lambda: None)
    for _ in range(ROUNDS):
        empty = yield measuring.paced(lambda: None)
        paced = yield measuring.paced(measuring.publish)
        flat = yield measuring.flat_out()
        found.append([empty, paced, flat])
    measuring.check()
    yield measuring.service.stopService()


def report() -> str:
    """Measure, and return a table."""
    found: list[list[float]] = []

    def run(reactor: Any) -> Deferred[Any]:
        return measure(reactor, port, found)

    with sink() as port:
        try:
            react(run)
        except SystemExit as end:
            assert not end.code, end.code
    empty, paced, flat = (statistics.median(column) for column in zip(*found, strict=True))
    own = statistics.median(paced - empty for empty, paced, _ in found)
    return "\n".join(
        (
            "**MQTT**: a publication, QoS 0, median of five rounds",
            "",
            "| CPU µs a message | |",
            "| --- | ---: |",
            f"| 1,000 a second, 10 a turn | {paced:.1f} |",
            f"| of these, the same turns without a message | {empty:.1f} |",
            f"| … and the messages | {own:.1f} |",
            f"| flat out | {flat:.1f} |",
        )
    )


if __name__ == "__main__":
    print(report())
