"""The words for times in questions about the past: numbers, dates, and times before now.

``1795892400``, ``2026-11-28``, ``2026-11-28T22:00``, ``2026-11-28T22:00+01:00``, ``8h`` or ``-8h``, ``-1h30m``, ``now``,
``now-1h``, ``today``, ``yesterday``, ``22:00``, which is of today, ``yesterday 22:00``, and as Graphite writes it
``22:00_20261128``. A date without an offset is one of the daemon's own time zone.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

__all__ = ["BadTime", "moment", "period"]

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
_SHIFT = re.compile(r"(?:now(?=[-+]))?([-+]?)((?:\d{1,9}(?:\.\d{1,9})?[a-z]+){1,6})")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?")
_DAY = re.compile(r"(?:19|20)\d{6}")
_CLOCK = re.compile(r"(today|yesterday)?(?:(?:^|(?<=y)[ t])(\d{1,2}:\d\d(?::\d\d)?))?")
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


def period(begin: float | str, end: float | str, now: float) -> tuple[float, float]:
    """Return the two times that *begin* and *end* mean.

    :raises BadTime: naming the one that means none, or if the first is not before the second.
    """
    found = []
    for name, said in (("begin", begin), ("end", end)):
        try:
            found.append(moment(said, now))  # one now for both: -1h to now is an hour, to the microsecond
        except BadTime as error:
            raise BadTime(f"{name}: {error}") from None
    if found[0] >= found[1]:
        raise BadTime(f"begin: {begin!s:.40} is not before the end, {end!s:.40}")
    return found[0], found[1]


def _read(text: str, now: float) -> float:
    word = text.lower()
    if word == "now":
        return now
    shift = _SHIFT.fullmatch(word)
    if shift is not None:
        seconds = sum(_seconds(amount, unit, text) for amount, unit in _AMOUNT.findall(shift[2]))
        return now + seconds if shift[1] == "+" else now - seconds
    if _NUMBER.fullmatch(word) and not _DAY.fullmatch(word):
        return float(word)
    graphite, clock = _GRAPHITE.fullmatch(word), _CLOCK.fullmatch(word)
    if graphite is not None:
        text = f"{graphite[2]}T{graphite[1]}"
    elif word and clock is not None:
        day = datetime.fromtimestamp(now).date() - timedelta(days=clock[1] == "yesterday")  # noqa: DTZ006 - local, as meant
        hours, colon, rest = (clock[2] or "0:00").partition(":")
        text = f"{day}T{hours:0>2}{colon}{rest}"
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise BadTime(
            f"{text!r:.40} is no time; write 2026-11-28T22:00, 22:00, yesterday 22:00, 8h for eight hours ago, now, or seconds "
            "since the epoch"
        ) from None


def _seconds(amount: str, unit: str, text: str) -> float:
    size = _UNITS.get(unit, _UNITS.get(unit.removesuffix("s")) if len(unit) > 2 else None)
    if size is None:
        raise BadTime(f"{text!r:.40}: {unit!r:.20} is no unit of time; there are s, m, h, d, w, mon and y")
    return float(amount) * size
