"""Tests of ``netd.session.letters`` and ``samples``: the first dialect, however its bytes are cut."""

from __future__ import annotations

from math import isfinite

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.session.letters import Alphabet, LetterReader
from netd.session.lines import LineReader
from netd.session.samples import LONGEST, Column, Sample, SampleBatch, Summary, number_of

XYZ = Alphabet("xyz")


def read(*pieces: bytes) -> tuple[list[tuple[int, int]], list[Sample], int]:
    """What *pieces* and the end of the connection bring: announcements, samples, number of bad tokens."""
    reader = LetterReader(XYZ)
    batches = [*map(reader.feed, pieces), reader.finish()]
    announced = [one for batch in batches for one in batch.announced]
    samples = [sample for batch in batches for sample in reader.samples(batch.block)]
    return announced, samples, sum(batch.bad for batch in batches)


def values(*pieces: bytes) -> list[tuple[str, float]]:
    """Channel and value of each sample in *pieces*, none of which is bad."""
    announced, samples, bad = read(*pieces)
    assert not announced and not bad, (announced, bad)
    return [(channel, value) for channel, value, _ in samples]


WIRE = b"s142s243s344x111y222z333x-1.5e3y+.5z7.x1e308"
LINES = b"s142\ns243\r\ns344\nx111\ny222\r\nz333\nx-1.5e3\ny+.5\nz7.\nx1e308\n"
MEANT = (
    [(1, 42), (2, 43), (3, 44)],
    [Sample(c, v) for c, v in [("x", 111), ("y", 222), ("z", 333), ("x", -1500), ("y", 0.5), ("z", 7), ("x", 1e308)]],
    0,
)


class SplittingTests(SynchronousTestCase):
    def test_without_terminators(self) -> None:
        """Tokens with nothing between them are told apart by the letters that begin them."""
        self.assertEqual(values(b"x111y222z333"), [("x", 111), ("y", 222), ("z", 333)])
        self.assertEqual(values(b"x11", b"1y222"), [("x", 111), ("y", 222)])

    def test_exponents(self) -> None:
        """The e of an exponent begins no token, in either case."""
        self.assertEqual(values(b"x-1.5e3y2E-2x1e+1"), [("x", -1500), ("y", 0.02), ("x", 10)])

    def test_every_cut(self) -> None:
        """Announcements and samples mean the same wherever the stream is cut, and byte by byte, in both styles."""
        for wire in (WIRE, LINES):
            self.assertEqual(read(wire), MEANT)
            self.assertEqual(read(*(wire[at : at + 1] for at in range(len(wire)))), MEANT)
            for cut in range(len(wire)):
                self.assertEqual(read(wire[:cut], wire[cut:]), MEANT, cut)

    def test_mixed_styles(self) -> None:
        """An agent that ends only some of its tokens is understood, blanks and all."""
        self.assertEqual(values(b"x1y2\n\nz3\r\n x 4 \ny5"), [("x", 1), ("y", 2), ("z", 3), ("x", 4), ("y", 5)])

    def test_bad_tokens(self) -> None:
        """What is no number is counted and dropped, and the rest of the read goes on."""
        for bad in (b"xnan", b"xinf", b"x-inf", b"x1_0", b"x", b"x1e999", b"x\xd9\xa1", b"x1,5", b"hello", b"x1-2", b"x--1"):
            _, samples, count = read(b"x1\n" + bad + b"\ny2\n")
            expected = [Sample("x", 1), Sample("y", 2)]
            self.assertEqual((samples, count), (expected, 1), bad)

    def test_too_many_bad_digits(self) -> None:
        """An id or a number of absurd length is bad, and no work."""
        for bad in (b"s1" + b"4" * 10, b"x" + b"1" * 201, b"x1." + b"1" * 201, b"x" + b"1" * 100_000, b"x1e99999"):
            self.assertEqual(read(bad + b"y2")[1:], ([Sample("y", 2)], 1), bad[:20])

    def test_excerpt(self) -> None:
        """The log shows the first bad token of a read, and not the good ones before it."""
        self.assertEqual(LetterReader(XYZ).feed(b"x1\nxnan\nybad\n"), SampleBatch(b"x1\n", (), 2, b"xnan"))

    def test_endless_token(self) -> None:
        """A token without an end is bad once, whatever its length, and nothing of it is kept."""
        reader = LetterReader(XYZ)
        batches = [reader.feed(b"x1"), *(reader.feed(b"1" * 500) for _ in range(100)), reader.feed(b"y2\n")]
        self.assertEqual((sum(batch.bad for batch in batches), batches[-1].block), (1, b"y2\n"))

    def test_endless_garbage(self) -> None:
        """Bytes without a letter that begins a token are bad once, whatever their length."""
        reader = LetterReader(XYZ)
        batches = [*(reader.feed(b"?" * 700) for _ in range(100)), reader.feed(b"\nx1\n")]
        self.assertEqual((sum(batch.bad for batch in batches), batches[-1].block), (1, b"x1\n"))

    def test_token_as_long_as_may_be(self) -> None:
        """A long token that is cut in two is as good as a whole one; a beginning that is one byte longer is bad, once."""
        long = b"x1." + b"0" * 40 + b"e2"
        self.assertLess(len(long), LONGEST)
        self.assertEqual(values(long[:30], long[30:]), [("x", 100)])
        for size, is_good in ((LONGEST, True), (LONGEST + 1, False)):
            _, samples, bad = read(b"x" + b" " * (size - 1), b"7y2\n")
            self.assertEqual((samples, bad), ([Sample("x", 7)] * is_good + [Sample("y", 2)], int(not is_good)), size)

    def test_look_back(self) -> None:
        """The last token of a long read is found wherever it begins, and what stands before it is not read twice."""
        for size in range(LONGEST - 3, LONGEST + 3):
            wire = b"y5" * 100 + b"x" + b" " * (size - 2) + b"1"
            _, samples, bad = read(wire, b"23y4")
            expected = [Sample("y", 5)] * 100
            if size <= LONGEST:
                expected.append(Sample("x", 123))
            self.assertEqual((samples, bad), ([*expected, Sample("y", 4)], int(size > LONGEST)), size)

    def test_long_id(self) -> None:
        """An announced id has at most nine digits."""
        for digits, is_good in ((9, True), (10, False)):
            announced, _, bad = read(b"s1" + b"4" * digits + b"\n")
            self.assertEqual((announced, bad), ([(1, int("4" * digits))] * is_good, int(not is_good)), digits)

    def test_all_digits(self) -> None:
        """A float with all of its digits is a number, in either dialect: 0.1 has 55 decimals, and others have more."""
        for value in (0.1, 1e-10, 1 / 3, -5e-44, 1.7976931348623157e179):
            said = f"{value:.180f}".encode()
            self.assertEqual(values(b"x" + said + b"y1"), [("x", value), ("y", 1)])
            reader = LineReader()
            batch = reader.feed(b"a-long-name " + said + b" " + said + b"\n")
            self.assertEqual((list(reader.samples(batch.block)), batch.bad), ([Sample("a-long-name", value, value)], 0))

    def test_other_letters(self) -> None:
        """The configuration's letters begin tokens, and others do not."""
        reader = LetterReader(Alphabet("ab"))
        batch = reader.feed(b"a1b2x3\n")
        self.assertEqual(([*reader.samples(batch.block)], batch.bad), ([Sample("a", 1)], 1))

    @given(st.lists(st.binary(max_size=20) | st.sampled_from([b"x1", b"s1", b"42", b"\n", b"e5", b"y.5", b"z-"]), max_size=30))
    def test_anything(self, pieces: list[bytes]) -> None:
        """Arbitrary bytes never raise, whole or cut, in any of the things that are done with them."""
        for parts in (pieces, [b"".join(pieces)]):
            reader = LetterReader(XYZ)
            for piece in parts:
                for batch in (reader.feed(piece), reader.look(), reader.end_token()):
                    self.assertEqual(sum(s.samples for s in reader.summarise(batch.block)), len([*reader.samples(batch.block)]))

    @given(st.lists(st.tuples(st.sampled_from("xyz"), st.floats(-1e308, 1e308)), max_size=40), st.booleans(), st.data())
    def test_all_numbers_in_all_cuts(self, samples: list[tuple[str, float]], has_lines: bool, draw: st.DataObject) -> None:
        """Whatever number an agent writes arrives as that number, wherever the stream is cut."""
        end = b"\n" if has_lines else b""
        wire = b"".join(f"{channel}{value!r}".encode() + end for channel, value in samples)
        cuts = sorted(draw.draw(st.lists(st.integers(0, len(wire)), max_size=5)))
        pieces = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
        self.assertEqual(values(*pieces), samples)


class SilenceTests(SynchronousTestCase):
    """What silence ends."""

    def test_whole_token(self) -> None:
        """A sample that nothing follows is taken when told so, once."""
        reader = LetterReader(XYZ)
        self.assertEqual(reader.feed(b"x111"), SampleBatch())
        self.assertTrue(reader.is_waiting)
        self.assertEqual(reader.look().block, b"x111")
        self.assertEqual(reader.end_token().block, b"x111")
        self.assertFalse(reader.is_waiting)
        self.assertEqual(reader.end_token(), SampleBatch())

    def test_unfinished_token(self) -> None:
        """What cannot be whole yet goes on to be waited for: the bytes of a slow agent are not torn apart."""
        for begun, rest in (
            (b"s", b"142"),
            (b"s1", b"42"),
            (b"x", b"1"),
            (b"x-", b"1"),
            (b"x1e", b"5"),
            (b"x1e-", b"5"),
            (b"x.", b"5"),
            (b"x1.", b"5"),
            (b"x-12.", b"5"),
        ):
            reader = LetterReader(XYZ)
            reader.feed(begun)
            self.assertEqual(reader.end_token(), SampleBatch(), begun)
            reader.feed(rest)
            settled = reader.end_token()
            self.assertTrue(settled.block or settled.announced, begun)

    def test_hopeless_token(self) -> None:
        """What can never become a sample is bad at once."""
        reader = LetterReader(XYZ)
        reader.feed(b"xnan")
        self.assertEqual(reader.end_token(), SampleBatch(bad=1, excerpt=b"xnan"))

    def test_agents_with_newlines(self) -> None:
        """Of an agent that ends its tokens with newlines, silence ends none."""
        for first, then in ((b"x1\nx2", b""), (b"x1\n", b"x2")):
            reader = LetterReader(XYZ)
            reader.feed(first)
            reader.feed(then)
            self.assertFalse(reader.is_waiting, first)
            self.assertEqual(reader.feed(b"2\n").block, b"x22\n")


class SummaryTests(SynchronousTestCase):
    """What is known of a block without looking at each sample."""

    def test_few_values(self) -> None:
        """Samples that repeat themselves are counted with their range and the newest."""
        block = b"x1\ny5\nx3\nx2\n" * 100 + b"x2.5\n"
        expected = [Summary("x", 301, 2.5, None, (1, 3)), Summary("y", 100, 5, None, (5, 5))]
        for form in (block, block.replace(b"\n", b""), block.replace(b"\n", b"\r\n")):
            self.assertEqual(LetterReader(XYZ).summarise(form), expected)

    def test_many_values(self) -> None:
        """Samples that are all different are, too."""
        block = b"".join(b"%c%d.5e1\r\n" % (b"xyz"[n % 3], n) for n in range(1000))
        expected = [
            Summary("x", 334, 9995, None, (5, 9995)),
            Summary("y", 333, 9975, None, (15, 9975)),
            Summary("z", 333, 9985, None, (25, 9985)),
        ]
        for form in (block, block.replace(b"\r\n", b"")):
            self.assertEqual(LetterReader(XYZ).summarise(form), expected)

    @given(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(-9, 9) | st.floats(-1e308, 1e308)), min_size=1), st.booleans())
    def test_agrees_with_the_samples(self, samples: list[tuple[str, float]], has_lines: bool) -> None:
        """The quick way and the plain way to count agree on everything."""
        end = b"\n" if has_lines else b""
        block = b"".join(f"{channel}{value!r}".encode() + end for channel, value in samples)
        expected = []
        for letter in "xyz":
            mine = [value for channel, value in samples if channel == letter]
            if mine:
                expected.append(Summary(letter, len(mine), mine[-1], None, (min(mine), max(mine))))
        self.assertEqual(LetterReader(XYZ).summarise(block), expected)
        self.assertEqual(LetterReader(XYZ).summarise(block, False), [one._replace(span=None) for one in expected])
        columns = {letter: Column(column) for letter in "xyz" if (column := [value for name, value in samples if name == letter])}
        self.assertEqual(LetterReader(XYZ).columns(block), columns)


class NumberTests(SynchronousTestCase):
    @given(st.floats())
    def test_finite_numbers_only(self, value: float) -> None:
        """Every finite number is one, and NaN and the infinities are none."""
        self.assertEqual(number_of(repr(value).encode()), value if isfinite(value) else None)
