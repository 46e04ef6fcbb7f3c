"""A described wire beside a session and the receiver that people write by hand; prints Markdown.

``make bench ARGS="--only wire"`` runs it. All get the same samples in this process, one after the other, round after round. CPU
is the process's. First whole services without a network, from the connection's bytes to the bus; then reading alone. Bars are for
the ratios within a run.
"""

from __future__ import annotations

import json
import random
import re
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.protocols.basic import LineOnlyReceiver

from netd.bus.local import LocalBus
from netd.kinds import ServiceKind
from netd.message import Want
from netd.session.letters import Alphabet, LetterReader
from netd.session.lines import LineReader
from netd.testing import configured, connect
from netd.wire.blocks import BlockReader, block_reader
from netd.wire.framing import Frame, parse_frame
from netd.wire.plain import SampleBlock
from netd.wire.rules import RuleSet, parse_rules
from netd.wire.sieve import Sifted, sieve_of

__all__ = ["report"]

LINES = 20_000
READ = 16_384
ROUNDS = 7
LIMIT = 4096
IDLE = 2000
"""Connections that are weighed."""
HOST = "127.0.0.1"
Task = Callable[[Sequence[bytes]], object]

PAIR = "sample T={temp °C};H={hum %}"
FIVE = """\
sample T={temp °C};H={hum %}
sample P={pressure hPa}
event door {state}
name hello {name} => welcome {name}
ignore # {*}
"""


def reads_of(lines: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The same bytes as reads of 16 KiB, and as a read for each line."""
    stream = b"".join(lines)
    return [stream[at : at + READ] for at in range(0, len(stream), READ)], list(lines)


def samples() -> list[bytes]:
    """Lines of two samples."""
    chance = random.Random(1)
    return [b"T=%.2f;H=%.1f\n" % (20 + chance.random() * 5, 40 + chance.random() * 9) for _ in range(LINES)]


def mixed() -> list[bytes]:
    """Lines of five kinds; most are samples."""
    chance = random.Random(2)
    return [
        chance.choice((pair, pair, b"P=%.1f\n" % (980 + chance.random() * 50), b"door open\n", b"hello attic\n", b"# 17 ms\n"))
        for pair in samples()
    ]


class Receiver(LineOnlyReceiver):
    """What one writes: each line by an expression, least, greatest and newest of each channel, and JSON for who listens."""

    delimiter = b"\n"
    pattern = re.compile(rb"T=(?P<t>[-+0-9.]+);H=(?P<h>[-+0-9.]+)")
    is_told = True

    def connectionMade(self) -> None:
        """Begin without channels."""
        self.channels: dict[str, tuple[float, float, int, float]] = {}
        self.told: list[bytes] = []

    def lineReceived(self, line: bytes) -> None:
        """Take the samples of *line*."""
        found = self.pattern.match(line)
        if found is None:
            return
        for channel, text in found.groupdict().items():
            value = float(text)
            low, high, count, _ = self.channels.get(channel, (value, value, 0, value))
            self.channels[channel] = (min(low, value), max(high, value), count + 1, value)
            if self.is_told:
                self.told.append(json.dumps({"channel": channel, "value": value, "time": time.time()}).encode())


class QuietReceiver(Receiver):
    """The same without JSON."""

    is_told = False


def receiving(receiver: type[Receiver]) -> Task:
    """The task of a hand-written receiver."""

    def take(reads: Sequence[bytes]) -> None:
        one: Any = receiver()
        one.makeConnection(StringTransport())
        for read in reads:
            one.dataReceived(read)

    return take


def section(text: str) -> tuple[RuleSet, Frame]:
    """Rules over lines."""
    return RuleSet(parse_rules(text)), parse_frame("lines")


def blocks(use: Callable[[SampleBlock], object]) -> Task:
    """The task of the block path, which does *use* with each block."""
    rules, frame = section(PAIR)
    reader = block_reader(rules, frame, LIMIT)
    assert reader is not None

    def take(reads: Sequence[bytes], reader: BlockReader = reader) -> None:
        decoder, count = frame.decoder(LIMIT), 0
        reader.feed(decoder, b"\n")
        for read in reads:
            block = reader.feed(decoder, read).block
            if block is not None:
                use(block)
                count += block.count
        assert count == LINES, count

    return take


def dispatch(text: str) -> Task:
    """The task of rules for lines of several kinds; the newest value of each channel is kept."""
    rules, frame = section(text)
    sieve = sieve_of(rules)
    assert sieve is not None

    def take(reads: Sequence[bytes]) -> None:
        decoder, newest, count = frame.decoder(LIMIT), {}, 0
        for read in reads:
            messages, found, at = decoder.feed(read), Sifted(), 0
            while at < len(messages):
                at = sieve.sift(messages, at, found)[0] + 1
            for _, rows in sieve.blocks(found):
                newest.update({reading.channel: reading.value for reading in rows.newest()})
            count += len(messages)
        assert count == LINES, count

    return take


def service(kind: str, *options: str, want: Want | None = None) -> Task:
    """The task of a whole service without a network, with a subscriber that has this *want*, or none."""

    def take(reads: Sequence[bytes]) -> None:
        reactor, bus = MemoryReactorClock(), LocalBus(time.time)
        if want is not None:
            bus.subscribe(">", lambda message: None, want)
        made = _service(kind, options, reactor, bus)
        connection = connect(made, reactor)
        for number, read in enumerate(reads):
            connection.protocol.dataReceived(read)
            if number % 64 == 0:
                reactor.advance(0.0001)
            while connection.transport.producerState == "paused":
                reactor.advance(0.0001)

    return take


def _service(kind: str, options: Sequence[str], reactor: Any, bus: LocalBus) -> Any:
    """Start a service, and return the factory that it listens with."""
    plugin = ServiceKind(kind, f"netd.{kind}")
    one: Any = plugin.make_service(configured(plugin, f"listen = tcp:9000:interface={HOST}", *options), reactor, bus)
    one.privilegedStartService()
    one.startService()
    return reactor.tcpServers[0][1]


def wire(rules: str) -> tuple[str, ...]:
    """The options of a wire."""
    return ("rate = 1000000", "rules =", *(f"    {rule}" for rule in rules.splitlines()))


def weight(kind: str, *options: str, said: bytes = b"") -> float:
    """The bytes of a connection that has *said* so much, without its transport."""
    factory = _service(
        kind,
        (*options, "max_connections = 5000", "max_connections_per_address = 5000"),
        reactor := MemoryReactorClock(),
        LocalBus(time.time),
    )
    return _weight(factory, reactor, said) - _weight(Factory.forProtocol(Protocol), reactor, b"")


def _weight(factory: Any, reactor: MemoryReactorClock, said: bytes) -> float:
    kept = [connect(factory, reactor) for _ in range(10)]
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(IDLE):
        connection = connect(factory, reactor)
        if said:
            connection.protocol.dataReceived(said)
        kept.append(connection)
    reactor.advance(0.01)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / IDLE


def session(make: Callable[[], LetterReader | LineReader], spans: bool, columns: bool) -> Task:
    """The task of the session's reader."""

    def take(reads: Sequence[bytes]) -> None:
        reader = make()
        for read in reads:
            batch = reader.feed(read)
            if batch.block:
                if columns:
                    reader.columns(batch.block)
                else:
                    reader.summarise(batch.block, spans)

    return take


def measured(tasks: Sequence[tuple[str, Task, Sequence[bytes]]]) -> dict[str, float]:
    """The least CPU of each task, in microseconds a line. The rounds go over all of them, so that a disturbance is shared."""
    least: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, task, reads in tasks:
            begin = time.process_time()
            task(reads)
            took = (time.process_time() - begin) / LINES * 1e6
            least[name] = min(took, least.get(name, took))
    return least


def letters() -> LetterReader:
    """The session's reader of the first dialect."""
    return LetterReader(Alphabet("xyz"))


def report() -> str:
    """Measure, and return the tables."""
    return "\n\n".join((_machines(), _readers(), _weights()))


def _machines() -> str:
    pairs, five = samples(), mixed()
    as_letters = [line.replace(b"T=", b"x").replace(b";H=", b"\ny") for line in pairs]
    unsolicited = "accept_unsolicited = yes"
    rows: list[tuple[str, Task, list[bytes]]] = [
        ("wire, one `sample` rule", service("wire", *wire(PAIR)), pairs),
        ("… with a subscriber that takes batches", service("wire", *wire(PAIR), want=Want.BATCH), pairs),
        ("session, `x1` and `y2`", service("session", unsolicited), as_letters),
        ("… with a subscriber that takes batches", service("session", unsolicited, want=Want.BATCH), as_letters),
        ("wire, five rules, mixed lines, events and replies", service("wire", *wire(FIVE)), five),
        ("wire, five rules, lines that none takes", service("wire", *wire(FIVE)), [b"x\n"] * LINES),
        ("`LineOnlyReceiver`, `re`, `float`, `json`", receiving(Receiver), pairs),
    ]
    wide, narrow = _both(rows)
    table = _table("whole services", rows, wide, narrow)
    bars = [
        ("block over session", wide[0] / wide[2], narrow[0] / narrow[2], "at most 1.5"),
        ("the same with a subscriber", wide[1] / wide[3], narrow[1] / narrow[3], "at most 1.5"),
        ("`LineOnlyReceiver` with `json` over block", wide[6] / wide[0], narrow[6] / narrow[0], "at least 10"),
    ]
    lines = [f"| {what} | {one:.2f} | {other:.2f} | {bar} |" for what, one, other, bar in bars]
    return "\n".join(
        (*table, "", "| ratio | reads of 16 KiB | a read a line | bar (16 KiB) |", "| --- | ---: | ---: | ---: |", *lines)
    )


def _readers() -> str:
    pairs = samples()
    as_letters = [line.replace(b"T=", b"x").replace(b";H=", b"\ny") for line in pairs]
    as_names = [line.replace(b"T=", b"T ").replace(b";H=", b"\nH ") for line in pairs]
    rows: list[tuple[str, Task, list[bytes]]] = [
        ("block: count and newest", blocks(lambda block: block.newest()), pairs),
        ("block: every value, as columns for a subscriber", blocks(lambda block: block.columns()), pairs),
        ("the session's reader, `x1` and `y2`: newest", session(letters, spans=False, columns=False), as_letters),
        ("… every value, as columns", session(letters, spans=False, columns=True), as_letters),
        ("the session's reader, `T 1` and `H 2`: newest", session(LineReader, spans=False, columns=False), as_names),
        ("… every value, as columns", session(LineReader, spans=False, columns=True), as_names),
        ("dispatch: the same line", dispatch(PAIR), pairs),
        ("dispatch: five rules, mixed lines (bar: 1.5)", dispatch(FIVE), mixed()),
        ("`LineOnlyReceiver`, `re`, `float`, `json`", receiving(Receiver), pairs),
        ("the same without `json`", receiving(QuietReceiver), pairs),
    ]
    return "\n".join(_table("reading alone", rows, *_both(rows)))


def _weights() -> str:
    rows = [
        ("wire, silent (bar: 4096)", weight("wire", *wire(PAIR))),
        ("wire, after a sample (bar: 4096)", weight("wire", *wire(PAIR), said=b"T=1;H=2\n")),
        ("relay, silent", weight("relay")),
        ("commands, silent", weight("command")),
    ]
    lines = [f"| {what} | {size:.0f} |" for what, size in rows]
    return "\n".join(("| bytes of an idle connection, without its transport | |", "| --- | ---: |", *lines))


def _both(rows: Sequence[tuple[str, Task, list[bytes]]]) -> tuple[list[float], list[float]]:
    """The figures of all rows, for long reads and for a read a line."""
    found = []
    for which in (0, 1):
        tasks = [(str(place), task, reads_of(lines)[which]) for place, (_, task, lines) in enumerate(rows)]
        found.append(list(measured(tasks).values()))
    return found[0], found[1]


def _table(what: str, rows: Sequence[tuple[str, Task, list[bytes]]], wide: list[float], narrow: list[float]) -> list[str]:
    head = f"**Wires of your own**: {what}, least of {ROUNDS} rounds"
    lines = [
        f"| {name} | {one:.2f} | {one / wide[0]:.1f} | {other:.2f} |"
        for (name, _, _), one, other in zip(rows, wide, narrow, strict=True)
    ]
    columns = "| CPU µs a line of two samples | reads of 16 KiB | times the first | a read a line |"
    return [head, "", columns, "| --- | ---: | ---: | ---: |", *lines]


if __name__ == "__main__":
    print(report())
