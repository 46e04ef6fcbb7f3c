"""Compares the wall clock with one that never jumps: when it was set, and whether it can be believed."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define

__all__ = ["ClockStep", "ClockWatch"]

STEP = 2.0
"""Seconds by which the wall clock must move against the monotonic one to be noted as a step."""

TRUSTED_AFTER = 600.0
"""Seconds without a step after which the wall clock is believed. A board without a battery starts in another year: its history
would otherwise be too old, all at once."""


@define
class ClockStep:
    """The wall clock was set, or the machine slept.

    :ivar before: what the clock would have shown at this moment without the step, in seconds since the epoch.
    :ivar after: what it shows.
    """

    before: float
    after: float


@define(eq=False)
class ClockWatch:
    """The two clocks of a recorder.

    :ivar wall: the time in seconds since the epoch.
    :ivar monotonic: the time of a clock that never jumps, in seconds.
    """

    wall: Callable[[], float]
    monotonic: Callable[[], float]
    _trusted_from: float = 0.0
    _ahead: float | None = None  # of the wall clock before the other

    def start(self) -> None:
        """Distrust the wall clock from now on, until it has gone long enough without a step."""
        self._trusted_from = self.monotonic()

    def step(self) -> ClockStep | None:
        """Return the step of the wall clock since the last call; None if there was none."""
        wall, monotonic = self.wall(), self.monotonic()
        before, self._ahead = self._ahead, wall - monotonic
        if before is None or abs(self._ahead - before) < STEP:
            return None
        self._trusted_from = monotonic
        return ClockStep(monotonic + before, wall)

    def is_trusted(self) -> bool:
        """Whether the wall clock has gone long enough without a step."""
        return self.monotonic() - self._trusted_from >= TRUSTED_AFTER
