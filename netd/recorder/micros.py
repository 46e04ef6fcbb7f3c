"""Times in the files of a recorder: whole microseconds since the epoch, and the units that are counted in them."""

from __future__ import annotations

__all__ = ["DAY", "FARTHEST", "HOUR", "MICRO", "micros"]

MICRO = 1_000_000
"""A second."""

HOUR = 3600 * MICRO
"""An hour. No block spans the turn of one."""

DAY = 24 * HOUR
"""A day."""

FARTHEST = 1 << 62
"""A time that no clock shows. Whole numbers of this size and above are kept as fractions: SQLite has 64 bits."""


def micros(seconds: float) -> int:
    """Return a time in seconds as whole microseconds."""
    return round(seconds * MICRO)
