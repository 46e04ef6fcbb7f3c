"""The events that the command service publishes on the bus."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Took

__all__ = ["Run"]


@frozen
class Run:
    """``command.<instance>.run``: a function was run. Neither its arguments nor its result are told.

    :ivar outcome: ``success``, ``error``, or ``expired`` when it did not return in time.
    :ivar seconds: until its outcome was known.
    """

    command_id: str
    outcome: str
    seconds: Took
