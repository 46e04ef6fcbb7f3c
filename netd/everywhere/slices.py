"""A place in the past of several recorders, slice by slice of the time: in each, one recorder comes after the other.

A caller hands it back as text, and nothing is kept for it. So a place holds all that the next page needs.
"""

from __future__ import annotations

import json
from math import isfinite

from attrs import define

from netd.codec.jsontext import BadJSON, decode
from netd.errors import InvalidArguments

__all__ = ["SlicedPlace"]

SLICES = 24
"""Slices of the time of ``history.read``: in each, one node comes after the other."""

SHORTEST = 3600.0
"""Seconds of a slice at least."""


@define
class SlicedPlace:
    """A place in the past of several recorders.

    :ivar after: the place within the past of one of them; None at its beginning.
    """

    begin: float
    end: float
    instances: list[str]
    slice: int = 0
    at: int = 0
    after: str | None = None

    @classmethod
    def read(cls, text: str) -> SlicedPlace:
        try:
            begin, end, instances, *place = decode(text.encode())
            found = cls(float(begin), float(end), [str(one) for one in instances], int(place[0]), int(place[1]), place[2])
        except (BadJSON, ValueError, TypeError, IndexError, OverflowError):
            found = None
        if found is None or not found.is_one:
            raise InvalidArguments(f"after: {text!r:.80} is no place; it is what `after` of the answer before named")
        return found

    @property
    def is_one(self) -> bool:
        """Whether there can be such a place."""
        is_time = isfinite(self.end - self.begin) and self.begin < self.end
        return is_time and self.slice >= 0 and 0 <= self.at < len(self.instances)

    def __str__(self) -> str:
        return json.dumps([self.begin, self.end, self.instances, self.slice, self.at, self.after])

    @property
    def width(self) -> float:
        """Seconds of a slice: whole hours, as the pages of one recorder have."""
        hours = -((self.begin - self.end) / SLICES // SHORTEST)
        return max(1.0, hours) * SHORTEST

    @property
    def times(self) -> tuple[float, float]:
        """Begin and end of the slice."""
        first = self.begin // SHORTEST * SHORTEST
        start = first + self.slice * self.width
        return max(self.begin, start), min(self.end, start + self.width)

    def step(self, after: str | None) -> bool:
        """Go on behind a page. Return False at the end."""
        self.after = after
        if after is None:
            self.at += 1
            if self.at == len(self.instances):
                self.at, self.slice = 0, self.slice + 1
        begin, end = self.times
        return begin < end
