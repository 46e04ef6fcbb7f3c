"""Blocks and rows of the journal: what is packed comes back, and a damaged one says so."""

from __future__ import annotations

import json
import math
import random
import zlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.recorder.blocks import BadBlock, Columns, joined, pack_block, pack_journal, sound, unpack_block, unpack_journal

TIMES = st.integers(-(2**61), 2**61)
ROW = b'{"s":%b,"n":%b,"t":[2,0],"v":[2,3]}'
BAD_ROWS = ((b"[1]", b"[1]"), (b"[1,2]", b"[2]"), (b"[1]", b"[1,1]"), (b'["x"]', b"[2]"), (b"[1,2]", b"[3,-1]"), (b"[1]", b"2"))
VALUES = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**61), 2**61)


@st.composite
def columns(draw: st.DrawFn, least: int = 1) -> Columns:
    """Samples with equal times, steps back, whole numbers, agents that tell the time sometimes."""
    times = draw(st.lists(TIMES, min_size=least, max_size=20))
    count = len(times)
    values = draw(st.lists(VALUES, min_size=count, max_size=count))
    said = draw(st.none() | st.lists(st.none() | TIMES, min_size=count, max_size=count))
    return Columns(times, values, said)


def _known(said: list[int | None] | None) -> list[int | None] | None:
    """None where none of the agent's times is known."""
    return None if said is None or set(said) == {None} else said


class BlockTests(SynchronousTestCase):
    @given(columns())
    def test_round_trip(self, samples: Columns) -> None:
        """Each sample comes back as it was: its value to the last bit, whole numbers whole."""
        found = unpack_block(pack_block(samples))
        self.assertEqual(samples, found)
        self.assertEqual([type(value) for value in samples.values], [type(value) for value in found.values])

    @given(st.dictionaries(st.integers(1, 2**31), columns(), max_size=5))
    def test_journal_round_trip(self, batch: dict[int, Columns]) -> None:
        """A row of the journal gives back the samples of each series."""
        expected = {number: Columns(one.times, one.values, _known(one.agent_times)) for number, one in batch.items()}
        self.assertEqual(expected, unpack_journal(pack_journal(batch, joined(batch.values()))))

    def test_read_without_netd(self) -> None:
        """The form that the documentation promises to other languages: compressed JSON with differences of times."""
        samples = Columns([10, 20, 15], [1, 2.5, -3.0], [7, None, 9])
        row = {3: samples, 4: Columns([16], [2])}
        self.assertEqual(
            {"t": [10, 10, -5], "v": [1, 2.5, -3.0], "a": [7, None, 2]}, json.loads(zlib.decompress(pack_block(samples)))
        )
        self.assertEqual(
            {"s": [3, 4], "n": [3, 1], "t": [10, 10, -5, 1], "v": [1, 2.5, -3.0, 2], "a": [7, None, 2, None]},
            json.loads(zlib.decompress(pack_journal(row, joined(row.values())))),
        )
        self.assertNotIn(b'"a"', zlib.decompress(pack_block(Columns([1], [2.0]))))

    def test_flipped_bits(self) -> None:
        """A damaged block gives wrong samples in no case: it is refused, unless the bit was one that means nothing."""
        samples = Columns(list(range(0, 50000, 100)), [index / 7 for index in range(500)])
        chance, refused = random.Random(8), 0
        for _ in range(500):
            bad = bytearray(pack_block(samples))
            bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
            try:
                self.assertEqual(samples, unpack_block(bytes(bad)))
            except BadBlock:
                refused += 1
        self.assertGreater(refused, 490)
        for unpack in (unpack_block, unpack_journal):
            self.assertRaises(BadBlock, unpack, pack_block(samples)[:-5])

    def test_other_content(self) -> None:
        """What is JSON, but no block, is refused too."""
        for text in (
            b"[]",
            b"1",
            b"{}",
            b'{"t":[1],"v":[]}',
            b'{"t":[1],"v":[1],"a":[]}',
            b'{"t":["x"],"v":[1],"a":3}',
            b"[[1]]",
            b"NaN",
        ):
            with self.assertRaises(BadBlock, msg=text):
                unpack_block(zlib.compress(text))
        for text in (b"{}x", b"1", b"[1]", *map(ROW.__mod__, BAD_ROWS)):
            with self.assertRaises(BadBlock, msg=text):
                unpack_journal(zlib.compress(text))

    def test_bomb(self) -> None:
        """A block that would take all memory when unpacked is refused before."""
        squeeze = zlib.compressobj(9)
        bomb = squeeze.compress(b"[") + b"".join(squeeze.compress(b" " * (1 << 24)) for _ in range(17)) + squeeze.flush()
        self.assertRaises(BadBlock, unpack_block, bomb)


class ColumnsTests(SynchronousTestCase):
    @given(columns(), columns())
    def test_add(self, first: Columns, second: Columns) -> None:
        """Samples are appended; where only one of two agents' flushes had times, the others are None."""
        both = first.part(0, len(first))
        both.add(second)
        self.assertEqual(first.times + second.times, both.times)
        self.assertEqual(first.values + second.values, both.values)
        if first.agent_times is None and second.agent_times is None:
            self.assertIsNone(both.agent_times)
        else:
            nothing: list[int | None] = [None]
            expected = (first.agent_times or nothing * len(first)) + (second.agent_times or nothing * len(second))
            self.assertEqual(expected, both.agent_times)

    @given(columns())
    def test_in_order(self, samples: Columns) -> None:
        """Samples are sorted by time, and those of one time stay in the order in which they came."""
        said = samples.agent_times or [None] * len(samples)
        rows = sorted(zip(samples.times, samples.values, said, strict=True), key=lambda row: row[0])
        found = samples.in_order()
        self.assertEqual(
            [repr(row) for row in rows],
            [repr(row) for row in zip(found.times, found.values, found.agent_times or [None] * len(found), strict=True)],
        )

    def test_sound(self) -> None:
        """No sample can refuse a whole flush. What is no finite number is left out; one too great becomes a fraction."""
        values: list[object] = [1.5, math.nan, math.inf, 2, 2**70, 10**400, True, "x", None, "4"]
        found = sound(Columns(list(range(10)), values, [None, 1, 1, 2**70, 5, 1, 1, 1, 1, 1]))  # type: ignore[arg-type]
        self.assertEqual(Columns([0, 3, 4, 6, 9], [1.5, 2, float(2**70), 1.0, 4.0], [None, None, 5, 1, 1]), found)
        self.assertEqual([float, int, float, float, float], [type(value) for value in found.values])
        self.assertIsNone(sound(Columns([1], [1.0], [2**70])).agent_times)

    @given(columns())
    def test_all_sound(self, samples: Columns) -> None:
        """Samples that are numbers stay as they are."""
        self.assertEqual(Columns(samples.times, samples.values, _known(samples.agent_times)), sound(samples))

    def test_extremes(self) -> None:
        """Numbers whose sum is none, or cancels out, are looked at one by one."""
        for values in ([1.7e308, 1.7e308], [2**70, -(2**70)], [1, 2.0]):
            found = sound(Columns([1, 2], [*values]))
            self.assertEqual(values, found.values)
            pack_block(found)
