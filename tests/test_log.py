"""Logging: nothing repeats without end, and no peer writes to the operator's terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import LogEvent, Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from netd.log import INTERVAL, SOURCES, LimitedObserver, LogLimiter, printable


class LimiterTests(SynchronousTestCase):
    def setUp(self) -> None:
        """A limiter on a clock that starts at zero."""
        self.clock = Clock()
        self.limiter = LogLimiter(self.clock.seconds)

    def test_first(self) -> None:
        """The first of each kind is logged, also in the daemon's first second."""
        self.assertEqual([0, 0], [self.limiter.admit(kind) for kind in ("bad header", "timed out")])

    def test_repeated(self) -> None:
        """Further ones are held back for a minute; then one is logged, with their number; and so on."""
        self.assertEqual([0, None, None], [self.limiter.admit("bad header") for _ in range(3)])
        self.clock.advance(INTERVAL - 0.1)
        self.assertIsNone(self.limiter.admit("bad header"))
        self.clock.advance(0.1)
        self.assertEqual([3, None], [self.limiter.admit("bad header") for _ in range(2)])
        self.clock.advance(INTERVAL)
        self.assertEqual([1, None], [self.limiter.admit("bad header") for _ in range(2)])

    def test_lifted(self) -> None:
        """Where every line is wanted, none is held back, and afterwards the limits are as they were."""
        self.limiter.admit("bad header")
        self.limiter.is_lifted = True
        self.assertEqual([0] * 5, [self.limiter.admit("bad header") for _ in range(5)])
        self.limiter.is_lifted = False
        self.assertIsNone(self.limiter.admit("bad header"))

    def test_quiet_time(self) -> None:
        """After a quiet time nothing was held back."""
        self.limiter.admit("bad header")
        self.clock.advance(10 * INTERVAL)
        self.assertEqual(0, self.limiter.admit("bad header"))

    def test_interval(self) -> None:
        """The interval can be chosen."""
        limiter = LogLimiter(self.clock.seconds, interval=1)
        self.assertEqual([0, None], [limiter.admit("x") for _ in range(2)])
        self.clock.advance(1)
        self.assertEqual(1, limiter.admit("x"))

    def test_sources(self) -> None:
        """What one address does holds back no line about another."""
        self.assertEqual([0, None, 0], [self.limiter.admit("bad header", source) for source in ("a", "a", "b")])

    def test_several_lines(self) -> None:
        """Where a few lines are wanted, a few go through in each minute."""
        self.assertEqual([0, 0, None, None], [self.limiter.admit("left", "a", 2) for _ in range(4)])
        self.clock.advance(INTERVAL)
        self.assertEqual([2, 0, None], [self.limiter.admit("left", "a", 2) for _ in range(3)])

    def test_many_sources(self) -> None:
        """A fault from thousands of addresses fills a hundred lines, and no line that was held back is forgotten."""
        faults = [self.limiter.admit("bad header", str(number)) for number in range(10 * SOURCES)]
        self.assertEqual(SOURCES + 1, len([fault for fault in faults if fault is not None]))
        self.limiter.admit("bad header", "0")
        self.clock.advance(INTERVAL)
        again = [self.limiter.admit("bad header", f"again {number}") for number in range(10 * SOURCES)]
        self.assertEqual(9 * SOURCES - 1 + 1, sum(fault or 0 for fault in again))
        self.assertLessEqual(len(self.limiter._kinds["bad header"]), SOURCES + 1)


class LimitedObserverTests(SynchronousTestCase):
    def test_limited(self) -> None:
        """What Twisted says of each of a thousand connections is one line a minute, with their number."""
        clock, published = Clock(), list[LogEvent]()
        log = Logger("port", observer=LimitedObserver(clock.seconds, published.append))
        for _ in range(1000):
            log.info("could not accept ({error})", error="EMFILE")
        clock.advance(INTERVAL)
        log.info("could not accept ({error})", error="EMFILE")
        self.assertEqual(
            ["could not accept (EMFILE)", "could not accept (EMFILE) (999 more like it were not logged)"],
            [formatEvent(event) for event in published],
        )


class PrintableTests(SynchronousTestCase):
    def test_examples(self) -> None:
        """Escape sequences arrive as text; tabs, newlines and every alphabet as they are."""
        self.assertEqual("\\x1b[31mred\\x07 \\x00\\x7f\\x9b\\x0d", printable("\x1b[31mred\x07 \x00\x7f\x9b\r"))
        self.assertEqual("a\tb\nü 温室 \\", printable("a\tb\nü 温室 \\"))

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Nothing that a terminal obeys gets through, and text without it is untouched."""
        made = printable(text)
        self.assertFalse([char for char in made if (ord(char) < 32 and char not in "\t\n") or 127 <= ord(char) < 160])
        if text.isprintable():
            self.assertEqual(text, made)
