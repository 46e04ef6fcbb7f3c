"""Which parts go, because they are old, because all take too much, or because the file system is nearly full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from attrs import frozen

from netd.recorder.part_names import PartName

__all__ = ["PartOnDisk", "Retention", "parts_to_drop"]


class PartOnDisk(NamedTuple):
    """A part, closed or open, and the bytes of its files."""

    name: PartName
    size: int


@frozen
class Retention:
    """How long parts stay.

    :ivar keep: seconds after the end of its day; None for ever.
    :ivar keep_size: bytes of all parts together; None for any number.
    :ivar min_free: the part of the file system that stays free, from 0 to 1.
    """

    keep: float | None
    keep_size: int | None
    min_free: float


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
