"""The names of parts: ``2026-11-28.db``, and ``2026-11-28.1.db`` for the second of that day."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

__all__ = ["CATALOG", "DAMAGED", "PARTS", "PartName", "day_of"]

PARTS = "parts"
"""The folder of the parts, in the directory of a recorder."""

CATALOG = "catalog.db"
"""The file beside it."""

DAMAGED = ".damaged"
"""The ending of the name of a part that cannot be read."""

_NAME = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.([1-9]\d{0,8}))?\.db")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def day_of(seconds: float) -> str:
    """Return the UTC day of a time since the epoch, ``2026-11-28``. A clock without a battery may show any time."""
    try:
        return (_EPOCH + timedelta(seconds=seconds)).date().isoformat()
    except OverflowError:
        return "9999-12-31"


class PartName(NamedTuple):
    """The name of a part; names sort as the parts were begun, as long as the clock was right.

    :ivar number: 0 for the first part of *day*.
    """

    day: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.day}.{self.number}.db" if self.number else f"{self.day}.db"

    @classmethod
    def read(cls, name: str) -> PartName | None:
        """Return the part of that file *name*; None for other files, and for all that would lead out of the directory."""
        found = _NAME.fullmatch(name)
        return None if found is None or not name.isascii() else cls(found[1], int(found[2] or 0))

    @property
    def end(self) -> float:
        """The end of the day, in seconds since the epoch; 0 for a day that is in no calendar."""
        try:
            return (datetime.fromisoformat(self.day).replace(tzinfo=UTC) - _EPOCH).total_seconds() + 86400
        except ValueError:
            return 0.0

    @property
    def following(self) -> PartName:
        """The next part of the same day."""
        return PartName(self.day, self.number + 1)
