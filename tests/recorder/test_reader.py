"""The reader's thread, played by the test: questions wait, are given up, and give files back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import Gone, NotInTime, OperationFailed
from netd.recorder.archive import Archive, NotFinished
from netd.recorder.reader import DEADLINE, PastReader
from netd.threads import Threads


class PlayedReactor(Clock):
    """A reactor in one thread with the reader."""

    def callFromThread(self, function: Any, *arguments: Any) -> None:  # noqa: N802 - Twisted's name
        function(*arguments)


class ReaderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = PlayedReactor()
        self.started: list[Any] = []
        self.threads = Threads(self.reactor, 1, 2, self.started.append)
        self.reader = PastReader(self.reactor, Path(self.mktemp()), self.threads)
        self.given_up: list[str] = []

    def work(self, most: int = 100) -> None:
        """Let the thread do what it has been handed, and the reactor hear of it."""
        handed = self.threads._handed
        while most and not handed.empty():
            task = handed.get_nowait()
            if task is not None:  # the order to end
                try:
                    outcome: Any = task.function()
                except BaseException:
                    outcome = Failure()
                self.threads._returned(task, outcome)
                most -= 1

    def look_twice(self, archive: Archive) -> str:
        """Answer a question between two parts of which it is given up."""
        archive.check()
        self.reactor.advance(DEADLINE)
        try:
            archive.check()
        except NotFinished:
            self.given_up.append("between two blocks")
            raise
        return "answered"

    def test_answer(self) -> None:
        """An answer comes to who asked; an error does, too."""
        asked = self.reader.ask(lambda archive: archive.names(0, 1))
        failed = self.reader.ask(lambda _archive: 1 // 0)
        self.assertNoResult(asked)
        self.work()
        self.assertEqual(self.successResultOf(asked), [])
        self.failureResultOf(failed, ZeroDivisionError)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_deadline(self) -> None:
        """A question that takes too long is answered so, and ends between two blocks; the next one is answered."""
        asked = self.reader.ask(self.look_twice)
        after = self.reader.ask(lambda _archive: "next")
        self.work(1)
        self.failureResultOf(asked, NotInTime)
        self.failureResultOf(after, NotInTime)
        self.assertEqual(self.given_up, ["between two blocks"])
        self.work()
        again = self.reader.ask(lambda _archive: "again")
        self.work()
        self.assertEqual(self.successResultOf(again), "again")

    def test_cancelled(self) -> None:
        """A question that nobody waits for any more is not begun."""
        begun: list[str] = []
        first = self.reader.ask(lambda _archive: begun.append("first"))
        second = self.reader.ask(lambda _archive: begun.append("second"))
        second.cancel()
        self.work()
        self.failureResultOf(second, CancelledError)
        self.successResultOf(first)
        self.assertEqual((begun, self.reactor.getDelayedCalls()), (["first"], []))

    def test_too_many(self) -> None:
        """As many questions wait as may; one more is refused at once."""
        asked = [self.reader.ask(lambda _archive: 1) for _ in range(3)]
        refused = self.failureResultOf(self.reader.ask(lambda _archive: 1), OperationFailed)
        self.assertIn("wait already", str(refused.value))
        self.work()
        self.assertEqual([self.successResultOf(one) for one in asked], [1, 1, 1])

    def test_stop(self) -> None:
        """When netd stops, no question holds it up, and all files are closed."""
        asked = [self.reader.ask(lambda _archive: 1) for _ in range(3)]
        stopped = self.reader.stop()
        for one in asked:
            self.failureResultOf(one, Gone)
        self.failureResultOf(self.reader.ask(lambda _archive: 1), Gone)
        self.work()
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_release(self) -> None:
        """A part that the writer needs alone is given back when the present question is over."""
        seen: list[set[str]] = []

        def look(archive: Archive) -> None:
            self.reader.release(Path("2026-11-30.db"))
            seen.append(set(archive.unwanted))

        self.successResultOf(self._done(look))
        self.assertEqual((seen, self.reader._archive.unwanted), ([{"2026-11-30.db"}], set()))

    def test_many_parts_go(self) -> None:
        """Parts that go while a question is worked on take one place in the queue, and leave the others to questions."""
        asked = self.reader.ask(lambda _archive: "first")
        for number in range(100):
            self.reader.release(Path(f"2026-11-30.{number}.db"))
        after = self.reader.ask(lambda _archive: "second")
        self.work()
        self.assertEqual([self.successResultOf(one) for one in (asked, after)], ["first", "second"])
        self.assertEqual(self.reader._archive.unwanted, set())

    def test_part_that_goes_at_the_end(self) -> None:
        """What the writer lets go when the reader has ended begins no thread anew."""
        stopped = self.reader.stop()
        self.work()
        self.successResultOf(stopped)
        begun = len(self.started)
        self.reader.release(Path("2026-11-30.db"))
        self.assertEqual(len(self.started), begun)

    def _done(self, answer: Any) -> Any:
        asked = self.reader.ask(answer)
        self.work()
        return asked
