"""Tests of ``netd.wire.blocks``: samples that are read by the block are those that the rule reads one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.blocks import FEW, BlockReader, SampleLines, block_reader
from netd.wire.checks import parse_check
from netd.wire.fields import WireReading
from netd.wire.frame import FrameDecoder
from netd.wire.framing import FramingFailed, parse_frame
from netd.wire.plain import BlockColumn, SampleBlock
from netd.wire.rules import RuleSet, parse_rules

RULES = (
    ("lines", "sample T={temp °C};H={hum %}"),
    ("lines", "sample {a},{},{b/10}, {c:int}"),
    ("lines", "sample {time} {temp-273.15 °C}"),
    ("lines", "sample boot {*}: {v*0.1 V} V"),
    ("lines", r"sample {a}\t{b}{}"),
    (r"lines:\r", "sample {t} {}"),
    ("until:;", "sample x{x}y{y}"),
    ("until:<EOF>", "sample {p hPa}"),
)
"""Sections whose samples are read by the block; the fifth is one that is not: a skipped field stands beside a number."""

USUAL = "21.5|-3|+4|7.| 8|20|1700000000.25|1700000000123"
"""Numbers that a block takes."""

ODD = ".5||nan|1e3|12e|- 9|1_0|0x1|9999999999999999|20240101|20240101 2150|T=|;H=|,|, |  |\t|boot |: | V|x|y|°|\0|\r|abc"
"""What it does not take, or what pieces of patterns may be confused with."""


@st.composite
def lines(draw: st.DrawFn, pattern: str) -> bytes:
    """A line of *pattern*, or nearly."""
    line, usual, odd = "", st.sampled_from(USUAL.split("|")), st.sampled_from(ODD.split("|"))
    for place, literal in enumerate(re.split(r"\{[^}]*\}", pattern)):
        line += (draw(usual if draw(st.integers(0, 15)) else odd) if place else "") + literal
        if not draw(st.integers(0, 31)):
            line += draw(odd)
    return line.encode()


def made(frame: str, rule: str, limit: int = 4096) -> tuple[BlockReader | None, RuleSet]:
    """The reader of a section with one rule, and its rules."""
    rules = RuleSet(parse_rules(rule))
    return block_reader(rules, parse_frame(frame), limit), rules


def readings_of(block: SampleBlock) -> list[WireReading]:
    """All readings of *block*, in the order of its messages."""
    columns, times = block.columns()
    return [
        WireReading(None, column.channel, column.values[place], column.unit, times[place] if times else None)
        for place in range(block.count)
        for column in columns
    ]


def fed(reader: BlockReader, decoder: FrameDecoder, received: bytes) -> list[SampleLines | list[bytes]]:
    """The blocks and messages in *received*, taken portion by portion."""
    found: list[SampleLines | list[bytes]] = []
    left = received
    while left:
        block, messages, left = reader.feed(decoder, left)
        found += [block] if block is not None else [list(messages)] if messages else []
    return found


def readings_by_rule(rules: RuleSet, messages: Iterable[bytes]) -> list[WireReading]:
    """What the rule reads from *messages*."""
    return [reading for found in map(rules.match, messages) if found is not None for reading in found[1].readings]


class BlockTests(SynchronousTestCase):
    @given(st.data())
    def test_as_the_rule(self, data: st.DataObject) -> None:
        """Whatever lines come, and however they are cut, a block has the values that the rule reads."""
        frame, rule = data.draw(st.sampled_from(RULES))
        ending = {"lines": b"\n", r"lines:\r": b"\r", "until:;": b";", "until:<EOF>": b"<EOF>"}[frame]
        pattern = rule.removeprefix("sample ").replace(r"\t", "\t")
        stream = b"".join(line + ending for line in data.draw(st.lists(lines(pattern), min_size=1, max_size=5)))
        step = data.draw(st.integers(1, 40))
        reader, rules = made(frame, rule)
        plain = parse_frame(frame).decoder(4096)
        expected = readings_by_rule(RuleSet(parse_rules(rule)), [*plain.feed(stream), *plain.end()])
        if reader is None:
            return
        decoder = parse_frame(frame).decoder(4096)
        found: list[WireReading] = []
        for piece in [b"0" + ending, *(stream[at : at + step] for at in range(0, len(stream), step))]:
            for read in fed(reader, decoder, piece):
                if isinstance(read, SampleLines):
                    all_of = readings_of(read)
                    self.assertEqual(list(read.newest()), all_of[-len(read.newest()) :])
                    found += all_of
                else:
                    found += readings_by_rule(rules, read)
        found += readings_by_rule(rules, decoder.end())
        first = readings_by_rule(rules, [b"0"])
        self.assertEqual(found, [*first, *expected], (rule, stream, step))

    def feed(self, reader: BlockReader, frame: str, *reads: bytes) -> list[SampleLines | list[bytes]]:
        """What *reads* bring, behind a first one that brings nothing."""
        decoder = parse_frame(frame).decoder(4096)
        reader.feed(decoder, b"?\n")
        return [one for read in reads for one in fed(reader, decoder, read)]

    def test_columns(self) -> None:
        """A read of many lines is one block, with its number, its newest readings and its columns."""
        reader, _ = made("lines", "sample {time},T={temp °C},{h/10 %}")
        assert reader is not None
        (block,) = self.feed(reader, "lines", b"1700000000,T=21.5,401\r\n1700000001,T=-2, 402\n")
        assert isinstance(block, SampleLines)
        self.assertEqual(block.count, 2)
        self.assertEqual(
            block.newest(), [WireReading(None, "temp", -2, "°C", 1700000001), WireReading(None, "h", 40.2, "%", 1700000001)]
        )
        columns: Sequence[BlockColumn] = [BlockColumn("temp", "°C", [21.5, -2]), BlockColumn("h", "%", [40.1, 40.2])]
        self.assertEqual(block.columns(), (columns, [1700000000, 1700000001]))

    def test_milliseconds(self) -> None:
        """Times of programs that count milliseconds are seconds in a block, too."""
        reader, _ = made("lines", "sample {time},{v}")
        assert reader is not None
        (block,) = self.feed(reader, "lines", b"1700000000250,1\n1700000000750,2\n")
        assert isinstance(block, SampleLines)
        self.assertEqual(block.columns()[1], [1700000000.25, 1700000000.75])
        self.assertEqual(block.newest()[0].time, 1700000000.75)

    def test_cut(self) -> None:
        """A line that was cut belongs to the block of its end."""
        reader, _ = made("lines", "sample {v}")
        assert reader is not None
        block, rest = self.feed(reader, "lines", b"1", b"2\n3\n4", b"5\n")
        assert isinstance(block, SampleLines) and isinstance(rest, SampleLines)
        self.assertEqual((readings_of(block)[0].value, readings_of(rest)[0].value), (12, 45))

    def test_other_lines(self) -> None:
        """Any other line ends the block, and is for the rule; so are some behind it, and the rest is for another portion."""
        reader, _ = made("lines", "sample {v}")
        assert reader is not None
        block, others = self.feed(reader, "lines", b"1\n2\nnan\n3")
        assert isinstance(block, SampleLines)
        self.assertEqual((block.count, others), (2, [b"nan"]))
        decoder = parse_frame("lines").decoder(4096)
        reader.feed(decoder, b"?\n")
        found = reader.feed(decoder, b"x\n" * FEW + b"1")
        self.assertEqual((found.block, len(found.messages), len(found.left)), (None, FEW // 2, FEW + 1))

    def test_first(self) -> None:
        """The first messages of a block are a block."""
        reader, _ = made("lines", "sample {v}")
        assert reader is not None
        (block,) = self.feed(reader, "lines", b"1\r\n2\n3\n")
        assert isinstance(block, SampleLines)
        self.assertEqual([1.0, 2.0], [one.value for one in readings_of(block.first(2))])

    def test_first_read(self) -> None:
        """The first bytes of a connection are looked at for strangers; after that, pickles are recognised as in any frame."""
        reader, _ = made("lines", "sample {v}")
        assert reader is not None
        decoder = parse_frame("lines").decoder(4096)
        self.assertRaises(FramingFailed, reader.feed, decoder, b"\x80\x04\x95")
        decoder = parse_frame("lines").decoder(4096)
        self.assertEqual(fed(reader, decoder, b"1\n"), [[b"1"]])
        self.assertRaises(FramingFailed, reader.feed, decoder, b"\x80\x04\x95\n")

    def test_too_long(self) -> None:
        """A line without an end is refused, and the lines before it count."""
        reader, _ = made("lines", "sample {v}")
        assert reader is not None
        decoder = parse_frame("lines").decoder(4096)
        reader.feed(decoder, b"1\n")
        with self.assertRaises(FramingFailed) as caught:
            fed(reader, decoder, b"2\n" + b"1" * 5000)
        self.assertEqual(caught.exception.messages, [b"2"])
        decoder = parse_frame("lines").decoder(4096)
        reader.feed(decoder, b"1\n")
        with self.assertRaises(FramingFailed):
            for _ in range(5000):
                self.assertEqual(fed(reader, decoder, b"1"), [])

    def test_which(self) -> None:
        """Only sections whose every message is a line of numbers are read by the block."""
        for frame, rule in RULES:
            self.assertEqual(made(frame, rule)[0] is None, rule.endswith("{b}{}"), rule)
        for frame, rule, limit in (
            ("lines", "sample T={temp} => OK", 4096),
            ("lines", "event T={temp}", 4096),
            ("lines", "sample {v}\nsample x{v}", 4096),
            ("lines", "sample {name} {v}", 4096),
            ("lines", "sample {channel}={value}", 4096),
            ("lines", "sample {v:hex}", 4096),
            ("lines", "sample {v:5}", 4096),
            ("lines", "sample {v:count}", 4096),
            ("lines", "sample {v}.{w}", 4096),
            ("lines", "sample {v}e{w}", 4096),
            ("lines", "sample {a:skip} {v}", 4096),
            ("lines", "sample {time},{sent:time},{v}", 4096),
            ("lines", r"sample \0{v}", 4096),
            ("lines", "sample json", 4096),
            ("lines", "sample each , {v}", 4096),
            ("lines", "sample T={temp};H={hum}", 60),
            ("until:;", "sample {v};{w}", 4096),
            ("until:aba", "sample {v}", 4096),
            ("until:0", "sample {v}", 4096),
            ("json", "sample json", 4096),
            ("length:4", "sample {v}", 4096),
        ):
            self.assertIsNone(made(frame, rule, limit)[0], rule)
        rules = RuleSet(parse_rules("sample {v}"))
        self.assertIsNone(block_reader(rules, parse_frame("lines", parse_check("xor")), 4096))
