"""When messages leave."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.bridge.machine import MOST_A_SECOND, MOST_SUBJECTS, PAUSE, Fuse, Pacing


class PacingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.pacing: Pacing[int] = Pacing(5.0, self.clock.seconds)

    def test_one_at_most(self) -> None:
        """The first passes at once; of those that come within the time, the newest passes at its end."""
        self.assertEqual([self.pacing.take("a", 1), self.pacing.take("a", 2), self.pacing.take("a", 3)], [True, False, False])
        self.assertEqual((self.pacing.due(), self.pacing.waiting, self.pacing.ready()), (5.0, 1, []))
        self.clock.advance(5.0)
        self.assertEqual((self.pacing.ready(), self.pacing.due(), self.pacing.take("a", 4)), ([3], None, False))

    def test_subjects_are_apart(self) -> None:
        """Each subject has times of its own."""
        self.assertEqual([self.pacing.take("a", 1), self.pacing.take("b", 1)], [True, True])

    def test_bounded(self) -> None:
        """Too many subjects are told; those whose time is over make place."""
        for number in range(MOST_SUBJECTS):
            self.pacing.take(str(number), 1)
        self.assertIsNone(self.pacing.take("more", 1))
        self.clock.advance(5.0)
        self.assertTrue(self.pacing.take("more", 1))

    def test_unpaced(self) -> None:
        """Without `every`, all pass, and nothing is remembered."""
        pacing: Pacing[int] = Pacing(None, self.clock.seconds)
        self.assertEqual([pacing.take("a", 1), pacing.take("a", 2), pacing.due(), pacing.ready()], [True, True, None, []])


class FuseTests(SynchronousTestCase):
    def test_blows(self) -> None:
        """More than so many within a second, and nothing passes for a while; then all begins anew."""
        clock = Clock()
        fuse = Fuse(clock.seconds)
        self.assertEqual([fuse.admit() for _ in range(MOST_A_SECOND)], [True] * MOST_A_SECOND)
        clock.advance(1.0)
        self.assertEqual([fuse.admit() for _ in range(MOST_A_SECOND)], [True] * MOST_A_SECOND)
        self.assertEqual([fuse.admit(), fuse.admit(), fuse.blown, fuse.is_blown], [False, False, 1, True])
        clock.advance(PAUSE)
        self.assertEqual((fuse.is_blown, fuse.admit()), (False, True))
