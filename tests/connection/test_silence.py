"""One clock for all connections that have said nothing."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.silence import Silence


class Guest:
    """A connection: it writes down when it has had its time.

    :ivar told: seconds, or None.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.told: float | None = None

    def stayed_silent(self) -> None:
        """Write it down."""
        assert self.told is None
        self.told = self._clock.seconds()


class SilenceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.silence: Silence[Guest] = Silence(self.clock, Guest.stayed_silent)

    def come(self, count: int = 1) -> list[Guest]:
        """Connections that may stay silent for 10 s."""
        guests = [Guest(self.clock) for _ in range(count)]
        for guest in guests:
            self.silence.begin(guest, 10.0)
        return guests

    def test_each_has_its_time(self) -> None:
        """Whenever it came, each is told when its own time is up, once; with the last, no timer is left."""
        came = {}
        for _ in range(4):
            came[self.clock.seconds()] = self.come(2)
            self.clock.advance(0.25)
        for _ in range(4 * 12):
            self.clock.advance(0.25)
        for since, guests in came.items():
            self.assertEqual([guest.told for guest in guests], [since + 10.0] * 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_others_go_on(self) -> None:
        """Whoever says something is not told, and its end changes nothing for the others."""
        first, second, third = self.come(3)
        self.silence.end(first)
        self.silence.end(first)
        self.silence.end(third)
        self.clock.advance(10)
        self.assertEqual([first.told, second.told, third.told], [None, 1010.0, None])

    def test_nobody_left(self) -> None:
        """Where all have said something, no timer runs; the next one has all of its time."""
        [guest] = self.come()
        self.clock.advance(9)
        self.silence.end(guest)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        [guest] = self.come()
        self.clock.advance(9)
        self.assertIsNone(guest.told)
        self.clock.advance(1)
        self.assertEqual(guest.told, 1019.0)
