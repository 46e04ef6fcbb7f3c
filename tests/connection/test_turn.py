"""The end of a reactor turn: in order, once, and with nobody's failure but one's own."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.turn import Turn


class Recorder:
    """Flushable that writes down when it was flushed, and may do something then."""

    def __init__(self, name: str, events: list[str]) -> None:
        self._name = name
        self._events = events
        self.also = lambda: None

    def flush(self) -> None:
        self._events.append(self._name)
        self.also()


class TurnTests(SynchronousTestCase):
    def setUp(self) -> None:
        """A turn on a clock, and what happens at its end."""
        self.clock = Clock()
        self.turn = Turn(self.clock.callLater)
        self.events: list[str] = []

    def recorder(self, name: str) -> Recorder:
        """An outbox called *name*."""
        return Recorder(name, self.events)

    def note(self, name: str) -> None:
        """Write *name* down."""
        self.events.append(name)

    def test_order(self) -> None:
        """Bytes leave first, in the order of their sending; only then is asked whether they were taken."""
        self.turn.after(lambda: self.note("was a taken?"))
        self.turn.touch(self.recorder("a"))
        self.turn.touch(self.recorder("b"))
        self.turn.after(lambda: self.note("was b taken?"))
        self.assertEqual([], self.events)
        self.clock.advance(0)
        self.assertEqual(["a", "b", "was a taken?", "was b taken?"], self.events)

    def test_scheduled_once(self) -> None:
        """However much a turn brings, one end is scheduled; and a new one for the next turn."""
        for _ in range(2):
            for _ in range(3):
                self.turn.touch(self.recorder("a"))
                self.turn.after(lambda: None)
            self.assertEqual(1, len(self.clock.getDelayedCalls()))
            self.clock.advance(0)
            self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(["a"] * 6, self.events)

    def test_answers_leave_in_the_same_end(self) -> None:
        """What is sent because something was taken leaves at once, not a turn later; and so on."""
        first, second = self.recorder("first"), self.recorder("second")

        def answer() -> None:
            self.note("taken")
            self.turn.touch(second)
            self.turn.after(lambda: self.note("taken, too"))

        self.turn.touch(first)
        self.turn.after(answer)
        self.clock.advance(0)
        self.assertEqual(["first", "taken", "second", "taken, too"], self.events)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_sent_during_a_flush(self) -> None:
        """What a flush brings about (a source that goes on) is flushed before the turn is over."""
        first, second = self.recorder("first"), self.recorder("second")
        first.also = lambda: self.turn.touch(second)
        self.turn.touch(first)
        self.turn.after(lambda: self.note("callback"))
        self.clock.advance(0)
        self.assertEqual(["first", "callback", "second"], self.events)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_one_failure_stays_its_own(self) -> None:
        """A connection that cannot be written to, or a callback that fails, is logged; the others get theirs."""
        broken = self.recorder("broken")

        def fail() -> None:
            raise ZeroDivisionError("the test's own")

        broken.also = fail
        self.turn.touch(broken)
        self.turn.touch(self.recorder("whole"))
        self.turn.after(fail)
        self.turn.after(lambda: self.note("callback"))
        self.clock.advance(0)
        self.assertEqual(["broken", "whole", "callback"], self.events)
        self.assertEqual(2, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.turn.touch(self.recorder("later"))
        self.clock.advance(0)
        self.assertEqual("later", self.events[-1])

    def test_interrupted(self) -> None:
        """When the daemon is interrupted in the middle of an end, the next turn still has one."""
        interrupted = self.recorder("interrupted")

        def interrupt() -> None:
            raise KeyboardInterrupt

        interrupted.also = interrupt
        self.turn.touch(interrupted)
        self.assertRaises(KeyboardInterrupt, self.clock.advance, 0)
        self.turn.touch(self.recorder("next"))
        self.clock.advance(0)
        self.assertEqual(["interrupted", "next"], self.events)

    def test_opened(self) -> None:
        """Who promises to end the turn need not have it scheduled; afterwards things are as before."""
        self.turn.open()
        self.turn.touch(self.recorder("a"))
        self.turn.after(lambda: self.note("taken"))
        self.assertEqual([], self.clock.getDelayedCalls())
        self.turn.end()
        self.assertEqual(["a", "taken"], self.events)
        self.turn.touch(self.recorder("b"))
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        self.clock.advance(0)
        self.assertEqual(["a", "taken", "b"], self.events)

    def test_end_of_nothing(self) -> None:
        """A turn in which nothing was sent ends without a trace."""
        self.turn.open()
        self.turn.end()
        self.assertEqual(([], []), (self.events, self.clock.getDelayedCalls()))
