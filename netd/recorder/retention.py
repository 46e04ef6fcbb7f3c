"""Retention of parts: those that are deleted because they are old, take too much room, or fill the file system."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from attrs import frozen

from netd.recorder.part_names import PartName

__all__ = ["PartOnDisk", "Retention", "parts_to_drop"]


PARTS = 8
"""The least number of parts that ``keep_size`` has room for: whole parts are deleted, and so the sum stays near to it."""

SMALLEST = 1 << 17
"""Bytes that a part may have in any case: an empty one has 36 KB."""


class PartOnDisk(NamedTuple):
    """A part, closed or open, and the bytes of its files."""

    name: PartName
    size: int


@frozen
class Retention:
    """The bounds of all parts together.

    :ivar keep: seconds after the end of its day; None for ever.
    :ivar keep_size: bytes of all parts together; None for any number.
    :ivar min_free: the part of the file system that stays free, from 0 to 1.
    """

    keep: float | None
    keep_size: int | None
    min_free: float

    @property
    def largest_part(self) -> float:
        """Bytes of a part after which another begins, also within a day."""
        return math.inf if self.keep_size is None else max(self.keep_size / PARTS, SMALLEST)


def parts_to_drop(
    closed: Sequence[PartOnDisk], open_size: int, retention: Retention, now: float | None, lacking: int
) -> list[PartName]:
    """Return the parts that go, oldest first.

    :param closed: the parts that nobody writes to, oldest first.
    :param open_size: bytes of the others, which stay.
    :param now: the time in seconds since the epoch; None while the clock may be wrong: no part is then too old.
    :param lacking: bytes that the file system lacks to be as free as it should be.
    """
    total = open_size + sum(part.size for part in closed)
    too_much = max(0 if retention.keep_size is None else total - retention.keep_size, lacking)
    dropped = []
    for part in closed:
        is_old = now is not None and retention.keep is not None and part.name.end + retention.keep < now
        if is_old or too_much > 0:
            dropped.append(part.name)
            too_much -= part.size
    return dropped
