"""Tests of ``netd.session.pacing``: work that would make others wait."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from netd.session.pacing import BUDGET, Pacer


class PacerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 0.0
        self.calls: list[Callable[[], None]] = []
        self.pacer = Pacer(lambda: self.now, lambda _, call: self.calls.append(call))
        self.done: list[str] = []

    def _piece(self, name: str, seconds: float, times: int = 1) -> None:
        """Work that takes so long, and adds itself again until it was done so many times."""

        def work() -> None:
            self.now += seconds
            self.done.append(name)
            if self.done.count(name) < times:
                self.pacer.add(work)

        self.pacer.add(work)

    def _turn(self) -> str:
        """What one turn does."""
        before = len(self.done)
        [call] = self.calls
        self.calls.clear()
        call()
        return "".join(self.done[before:])

    def test_order(self) -> None:
        """Pieces are done in order, all in one turn when they fit, and none at once."""
        for name in "abc":
            self._piece(name, 0)
        self.assertEqual(self.done, [])
        self.assertEqual(self._turn(), "abc")
        self.assertEqual(self.calls, [])

    def test_budget(self) -> None:
        """When the time of a turn is over, the rest waits for the next."""
        for name in "abcd":
            self._piece(name, BUDGET * 0.6)
        self.assertEqual([self._turn(), self._turn()], ["ab", "cd"])

    def test_everybody_in_turn(self) -> None:
        """What adds itself again comes after the others, and in a later turn."""
        self._piece("a", 0, times=2)
        self._piece("b", 0)
        self.assertEqual([self._turn(), self._turn()], ["ab", "a"])

    def test_failure(self) -> None:
        """A piece that fails is done with, and the others get their turn."""
        self.pacer.add(lambda: self.done[0].nonsense)  # type: ignore[attr-defined]
        self._piece("a", 0)
        self.assertRaises(IndexError, self._turn)
        self.assertEqual(self._turn(), "a")
