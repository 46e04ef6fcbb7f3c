"""The readers of a described wire beside the session's and the receiver that people write by hand; prints Markdown.

``make bench ARGS="--only wire"`` runs it. All get the same samples in this process, one after the other, round after round. CPU
is the process's. Bus, socket and log are left out on all sides: it is the reading that differs.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.testing import StringTransport
from twisted.protocols.basic import LineOnlyReceiver

from netd.session.letters import Alphabet, LetterReader
from netd.session.lines import LineReader
from netd.wire.blocks import BlockReader, block_reader
from netd.wire.framing import Frame, FrameDecoder, parse_frame
from netd.wire.plain import SampleBlock
from netd.wire.rules import RuleSet, parse_rules

__all__ = ["report"]

LINES = 20_000
READ = 16_384
ROUNDS = 7
LIMIT = 4096
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


def dispatch(text: str, decoder_of: Callable[[Frame], FrameDecoder] = lambda frame: frame.decoder(LIMIT)) -> Task:
    """The task of rules that take each line by itself; the newest value of each channel is kept."""
    rules, frame = section(text)

    def take(reads: Sequence[bytes]) -> None:
        decoder, newest, count = decoder_of(frame), {}, 0
        for read in reads:
            for message in decoder.feed(read):
                found = rules.match(message)
                count += found is not None
                for reading in found[1].readings if found is not None else ():
                    newest[reading.channel] = reading.value
        assert count == LINES, count

    return take


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
    """Measure, and return a table."""
    pairs = samples()
    as_letters = [line.replace(b"T=", b"x").replace(b";H=", b"\ny") for line in pairs]
    as_names = [line.replace(b"T=", b"T ").replace(b";H=", b"\nH ") for line in pairs]
    rows: list[tuple[str, Task, list[bytes]]] = [
        ("block: count and newest", blocks(SampleBlock.newest), pairs),
        ("block: every value, as columns for a subscriber", blocks(SampleBlock.columns), pairs),
        ("the session's reader, `x1` and `y2`: newest", session(letters, spans=False, columns=False), as_letters),
        ("… every value, as columns", session(letters, spans=False, columns=True), as_letters),
        ("the session's reader, `T 1` and `H 2`: newest", session(LineReader, spans=False, columns=False), as_names),
        ("… every value, as columns", session(LineReader, spans=False, columns=True), as_names),
        ("rules one by one: the same line", dispatch(PAIR), pairs),
        ("rules one by one: five rules, mixed lines", dispatch(FIVE), mixed()),
        ("`LineOnlyReceiver`, `re`, `float`, `json`", receiving(Receiver), pairs),
        ("the same without `json`", receiving(QuietReceiver), pairs),
    ]
    wide = measured([(f"{place} {name}", task, reads_of(lines)[0]) for place, (name, task, lines) in enumerate(rows)])
    narrow = measured([(f"{place} {name}", task, reads_of(lines)[1]) for place, (name, task, lines) in enumerate(rows)])
    base = next(iter(wide.values()))
    table = [
        f"| {name} | {wide[key]:.2f} | {wide[key] / base:.1f} | {narrow[key]:.2f} |"
        for place, (name, _, _) in enumerate(rows)
        for key in (f"{place} {name}",)
    ]
    head = "| CPU µs a line of two samples | reads of 16 KiB | times block | a read a line |\n| --- | ---: | ---: | ---: |"
    return "\n".join(("**Described wires**: reading alone, least of seven rounds", "", head, *table))


if __name__ == "__main__":
    print(report())
