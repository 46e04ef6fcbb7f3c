"""Tests of ``netd.session.lines``: what newer agents say."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.session.lines import AgentHello, BadHello, ChannelSpec, LineReader, encode_error, parse_hello
from netd.session.samples import Column, Sample, SampleBatch, Summary

WIRE = b"x 111\ntemp-1 -1.5e3 1732.125\r\nx .5\n\n  x  7  8 \n"
MEANT = [Sample("x", 111), Sample("temp-1", -1500, 1732.125), Sample("x", 0.5), Sample("x", 7, 8)]


def read(*pieces: bytes) -> tuple[list[Sample], int]:
    """What *pieces* and the end of the connection bring: samples, number of bad lines."""
    reader = LineReader()
    batches = [*map(reader.feed, pieces), reader.finish()]
    return [sample for batch in batches for sample in reader.samples(batch.block)], sum(batch.bad for batch in batches)


class LineTests(SynchronousTestCase):
    def test_every_cut(self) -> None:
        """Lines mean the same wherever the stream is cut, and byte by byte."""
        self.assertEqual(read(WIRE), (MEANT, 0))
        self.assertEqual(read(*(WIRE[at : at + 1] for at in range(len(WIRE)))), (MEANT, 0))
        for cut in range(len(WIRE)):
            self.assertEqual(read(WIRE[:cut], WIRE[cut:]), (MEANT, 0), cut)

    def test_bad_lines(self) -> None:
        """What is no sample is counted and dropped, and the rest of the read goes on."""
        for bad in (
            b"x",
            b"x nan",
            b"x inf",
            b"x 1e999",
            b"x 1 inf",
            b"x 1 2 3",
            b"x 1_0",
            b"\xff 1",
            b"a.b 1",
            b"x" * 64 + b" 1",
        ):
            self.assertEqual(read(b"x 1\n" + bad + b"\ny 2\n"), ([Sample("x", 1), Sample("y", 2)], 1), bad)

    def test_excerpt(self) -> None:
        """The log shows the first bad line of a read."""
        self.assertEqual(LineReader().feed(b"x 1\nx nan\nbad\n"), SampleBatch(b"x 1\n", (), 2, b"x nan"))

    def test_endless_line(self) -> None:
        """A line without an end is bad once, whatever its length, and nothing of it is kept."""
        self.assertEqual(read(b"x 1", *[b"1" * 70] * 100, b"\ny 2\n"), ([Sample("y", 2)], 1))

    def test_line_without_an_end(self) -> None:
        """What the connection ends in the middle of may be half a number, and is not taken for a whole one."""
        self.assertEqual(read(b"x 1\nx 2"), ([Sample("x", 1)], 1))

    @given(st.lists(st.binary(max_size=20) | st.sampled_from([b"x 1\n", b"x 1 2\n", b" ", b"\n", b"\r\n", b"y 5"]), max_size=30))
    def test_anything(self, pieces: list[bytes]) -> None:
        """Arbitrary bytes never raise, whole or cut, and the two ways to count agree."""
        self.assertEqual(read(*pieces), read(b"".join(pieces)))
        reader = LineReader()
        for piece in pieces:
            block = reader.feed(piece).block
            self.assertEqual(sum(found.samples for found in reader.summarise(block)), len([*reader.samples(block)]))

    @given(st.lists(st.tuples(st.sampled_from(["x", "y", "temp"]), st.floats(-9, 9), st.none() | st.integers(0, 9)), min_size=1))
    def test_summary(self, samples: list[tuple[str, float, int | None]]) -> None:
        """What is known of a block agrees with its samples, with times, without, and mixed."""
        lines = (f"{name} {value!r}" + ("" if time is None else f" {time}") for name, value, time in samples)
        block = "".join(line + "\n" for line in lines).encode()
        found = {one.channel: one for one in LineReader().summarise(block)}
        columns = LineReader().columns(block)
        for name in {name for name, _, _ in samples}:
            mine = [(value, time) for channel, value, time in samples if channel == name]
            values, times = [value for value, _ in mine], [time for _, time in mine]
            column = columns.pop(name)
            self.assertEqual((values, times), (column.values, column.times or [None] * len(values)))
            self.assertEqual(found.pop(name), Summary(name, len(mine), *mine[-1], (min(values), max(values))))
        self.assertEqual((found, columns), ({}, {}))

    def test_channels_in_turn(self) -> None:
        """Agents whose channels take turns, as most do, and others: each value is that of its own channel."""
        for names in ("xyzxyzxyz", "xxyyzz", "xyx", "xyxyx"):
            samples = [(name, float(place)) for place, name in enumerate(names)]
            found = LineReader().columns("".join(f"{name} {value}\n" for name, value in samples).encode())
            expected = {name: Column([value for other, value in samples if other == name]) for name in dict.fromkeys(names)}
            self.assertEqual(found, expected)


class HelloTests(SynchronousTestCase):
    def test_hello(self) -> None:
        """An agent names its session, and its channels with what it knows of them."""
        line = '{"session": 42, "channels": {"x": {"label": "Heart rate", "unit": "°C", "odd": 1}, "y": {}, "z": null}, "odd": 1}'
        channels = (ChannelSpec("x", "Heart rate", "°C"), ChannelSpec("y"), ChannelSpec("z"))
        self.assertEqual(parse_hello(line.encode()), AgentHello(42, channels))
        self.assertIsNone(parse_hello(b'{"channels": {"x": {}}}').session)

    def test_bad_hello(self) -> None:
        """A hello that cannot be understood is refused with what is wrong with it."""
        many = b",".join(b'"c%d":{}' % number for number in range(257))
        for line, why in (
            (b"{", "not JSON"),
            (b"[]", "not a JSON object"),
            (b"{}", "`channels` is an object"),
            (b'{"channels": {}}', "1 to 256"),
            (b'{"channels": {' + many + b"}}", "1 to 256"),
            (b'{"channels": ["x"]}', "`channels` is an object"),
            (b'{"session": "42", "channels": {"x": {}}}', "`session` is the id"),
            (b'{"session": true, "channels": {"x": {}}}', "`session` is the id"),
            (b'{"channels": {"x.y": {}}}', "'x.y'"),
            (b'{"channels": {"": {}}}', "1 to 63 characters"),
            (b'{"channels": {"x\xb0": {}}}', "1 to 63 characters"),
            (b'["\xb0"]', "the hello is not JSON"),
            (b'{"channels": ' + b"[" * 300 + b"\xb0", "nest"),
            (b'{"channels": {"x": {"label": "\xb0"}}', "the hello is not JSON"),
        ):
            self.assertIn(why, str(self.assertRaises(BadHello, parse_hello, line)), line)

    def test_label_of_any_script(self) -> None:
        """Joiners, no-break spaces and ideographic ones are text in labels and units, as they are in names."""
        line = '{"channels": {"x": {"label": "Ada 👩\u200d🚀\u3000温度", "unit": "km\u00a0/\u00a0h"}}}'
        self.assertEqual(
            parse_hello(line.encode()), AgentHello(None, (ChannelSpec("x", "Ada 👩\u200d🚀\u3000温度", "km\u00a0/\u00a0h"),))
        )

    def test_refused_labels(self) -> None:
        """A label or unit that nobody could be shown is left out, and said to be; the hello counts."""
        for facts, member in (
            (b'{"label": "a\\u001bb", "unit": "m"}', "`label`"),
            (b'{"label": "a\tb", "unit": "m"}', "`label`"),
            (b'{"label": "' + b"a" * 101 + b'", "unit": "m"}', "`label` is a text of at most 100 characters"),
            (b'{"label": "\\ud83d", "unit": "m"}', "`label`"),
            (b'{"label": "25 \xb0C", "unit": "m"}', "`label`"),
            (b'{"label": ["a"], "unit": "m"}', "`label`"),
        ):
            hello = parse_hello(b'{"session": 7, "channels": {"x": ' + facts + b', "y": {}}}')
            self.assertEqual(hello.session, 7)
            self.assertEqual(hello.channels, (ChannelSpec("x", "", "m"), ChannelSpec("y")), facts)
            [why] = hello.dropped
            self.assertTrue(why.startswith(f"channel x: {member}"), why)
        hello = parse_hello(b'{"channels": {"x": "bpm", "y": {"unit": 5, "label": null}}}')
        self.assertEqual(hello.channels, (ChannelSpec("x"), ChannelSpec("y")))
        self.assertEqual([why[:20] for why in hello.dropped], ["channel x: describe ", "channel y: `unit` is"])

    @given(st.binary())
    def test_anything(self, line: bytes) -> None:
        """Arbitrary bytes are a hello or are refused as one."""
        with contextlib.suppress(BadHello):
            parse_hello(line)

    def test_error(self) -> None:
        """An agent is told what is wrong in one line of JSON."""
        self.assertEqual(encode_error('no "x"'), b'{"error":"no \\"x\\""}\n')
