"""Time that passes on a clock, from one timer to the next."""

from __future__ import annotations

from twisted.internet.task import Clock

__all__ = ["pass_time"]


def pass_time(clock: Clock, seconds: float) -> None:
    """Let *seconds* pass. Each timer fires at its own time, which ``Clock.advance`` alone does not do."""
    until = clock.seconds() + seconds
    while clock.calls and clock.calls[0].getTime() <= until:
        clock.advance(max(0.0, clock.calls[0].getTime() - clock.seconds()))
    clock.advance(max(0.0, until - clock.seconds()))
