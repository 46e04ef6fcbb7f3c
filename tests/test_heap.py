"""Memory goes back to the system when connections have let go of much of it, and only then."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.budget import UNLIMITED, Budget
from netd.heap import STEP, WORTH, HeapService, trim


class HeapTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.given: list[float] = []
        budget = Budget(self.clock.seconds)
        self.place = budget.share(UNLIMITED).occupy("a", None)
        self.place.identify()
        self.service = HeapService(self.clock, budget, lambda: self.given.append(self.clock.seconds()))
        self.service.startService()

    def hold(self, size: int) -> int:
        """The connections hold so many bytes for a while; how often something was given back in it."""
        before = len(self.given)
        self.place.note_unfinished(size)
        self.clock.pump([STEP] * 5)
        return len(self.given) - before

    def test_given_back_once(self) -> None:
        """When half of much is let go of, what is free is given back once."""
        sizes = (WORTH, WORTH // 2 + 5000, WORTH // 2, WORTH // 4, 0)
        self.assertEqual([0, 0, 1, 0, 0], [self.hold(size) for size in sizes])
        self.assertEqual([0, 1], [self.hold(size) for size in (2 * WORTH, 0)])

    def test_little(self) -> None:
        """For little it is not worth it."""
        self.assertEqual([0, 0], [self.hold(size) for size in (WORTH - 1, 0)])

    def test_stop(self) -> None:
        """No clock outlives the daemon."""
        self.service.stopService()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_trim(self) -> None:
        """The allocator can be asked, whichever it is."""
        trim()
