"""The words for times in questions about the past: numbers, dates, and times before now.

``1795892400``, ``2026-11-28``, ``2026-11-28T22:00``, ``2026-11-28T22:00+01:00``, ``-8h``, ``-1h30m``, ``now``, ``now-1h``,
``today``, ``yesterday``, and as Graphite writes it ``22:00_20261128``. A date without an offset is one of the daemon's own
time zone.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

__all__ = ["BadTime", "moment"]

LATEST = 253_402_300_800.0
"""The end of the year 9999, in seconds since the epoch; times are within so many of it, on both sides."""

_UNITS = {
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "w": 604800.0,
    "week": 604800.0,
    "mon": 2592000.0,
    "month": 2592000.0,
    "y": 31536000.0,
    "year": 31536000.0,
}
"""Seconds of each unit. A month has 30 days and a year 365, as in Graphite."""

_AMOUNT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([a-z]+)")
_SHIFT = re.compile(r"(?:now)?([-+])((?:\d{1,9}(?:\.\d{1,9})?[a-z]+){1,6})")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?")
_DAY = re.compile(r"(?:19|20)\d{6}")
_GRAPHITE = re.compile(r"(\d\d:\d\d)_(\d{8})")


class BadTime(ValueError):
    """A text is no time; the message says what is."""


def moment(said: float | str, now: float) -> float:
    """Return the time that *said* means, in seconds since the epoch.

    :param now: the time now, in seconds since the epoch.
    :raises BadTime: when it means none.
    """
    found = float(said) if isinstance(said, (int, float)) else _read(said.strip(), now)
    if not -LATEST <= found < LATEST:  # also false of NaN
        raise BadTime(f"{said!r:.40} is no time between the years 1 and 9999")
    return found


def _read(text: str, now: float) -> float:
    word = text.lower()
    if word == "now":
        return now
    if word in ("today", "yesterday"):
        midnight = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)  # noqa: DTZ006 - local, as meant
        return (midnight - timedelta(days=word == "yesterday")).timestamp()
    shift = _SHIFT.fullmatch(word)
    if shift is not None:
        seconds = sum(_seconds(amount, unit, text) for amount, unit in _AMOUNT.findall(shift[2]))
        return now - seconds if shift[1] == "-" else now + seconds
    if _NUMBER.fullmatch(word) and not _DAY.fullmatch(word):
        return float(word)
    graphite = _GRAPHITE.fullmatch(word)
    try:
        return datetime.fromisoformat(f"{graphite[2]}T{graphite[1]}" if graphite else text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise BadTime(
            f"{text!r:.40} is no time; write seconds since the epoch, 2026-11-28T22:00, -8h, now, today or yesterday"
        ) from None


def _seconds(amount: str, unit: str, text: str) -> float:
    size = _UNITS.get(unit, _UNITS.get(unit.removesuffix("s")) if len(unit) > 2 else None)
    if size is None:
        raise BadTime(f"{text!r:.40}: {unit!r:.20} is no unit of time; there are s, m, h, d, w, mon and y")
    return float(amount) * size
