"""The rates of ``netd top``, from successive results of ``system.status``.  Pure.

Each result holds counters, and in ``uptime`` the time at which they were read. Some counters, such as the samples of sessions,
are updated once a second only: between two readings, a steady stream can seem to stand still or to double. A rate is therefore
taken over several seconds, and shown with the digits that this allows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["WINDOW", "Course", "Facts", "Shown", "compare", "count_rate", "size_rate"]

Facts = Mapping[str, Any]

WINDOW = 10.0
"""Seconds over which a rate is taken. A counter that is updated once a second is then exact to a tenth."""

_SLACK = 0.5
"""Seconds by which readings may come late without the window losing one."""

_FEW = 5
"""Rates below have one digit after the point."""


@dataclass(frozen=True)
class Shown:
    """The figures of one service.

    :ivar rates: of the counters, per second; without those that stand still.
    :ivar dropped: messages that its slow peers have lost since the start.
    """

    kind: str
    instance: str
    connections: int
    rates: Mapping[str, float]
    dropped: int

    @property
    def label(self) -> str:
        """``relay``, or ``relay:lab2``."""
        return self.kind if self.instance == "main" else f"{self.kind}:{self.instance}"


class Course:
    """The readings of the last seconds.

    :param seconds: length of the window, by netd's own clock.
    """

    def __init__(self, seconds: float = WINDOW) -> None:
        self._seconds = seconds
        self._looks: deque[Facts] = deque()

    def add(self, look: Facts) -> None:
        """Add *look*. Drop readings that are too old, and those from before a restart of the daemon.

        :raises KeyError, TypeError, ValueError: if *look* has not the expected form.
        """
        now = float(look["uptime"])
        if self._looks and now < float(self._looks[-1]["uptime"]):
            self._looks.clear()
        self._looks.append(look)
        while len(self._looks) > 2 and now - float(self._looks[0]["uptime"]) > self._seconds + _SLACK:
            self._looks.popleft()

    def told(self) -> tuple[dict[str, Any], list[Shown]] | None:
        """The result of :func:`compare` for the window; None before the second reading."""
        return compare(self._looks[0], self._looks[-1]) if len(self._looks) > 1 else None


def compare(before: Facts, after: Facts) -> tuple[dict[str, Any], list[Shown]]:
    """The figures of the daemon and of each service at *after*, with rates since *before*.

    :raises KeyError, TypeError, ValueError, AttributeError: if a reading has not the expected form.
    """
    seconds = float(after["uptime"]) - float(before["uptime"])
    old = {(one["kind"], one["instance"]): _counters(one) for one in before["services"]}
    services = [_shown(one, old.get((one["kind"], one["instance"]), {}), seconds) for one in after["services"]]
    whole: dict[str, Any] = {name: after[name] + 0 for name in ("uptime", "lag", "published")}  # raises if they are no numbers
    whole["connections"] = sum(one.connections for one in services)
    whole["dropped"] = sum(one.dropped for one in services)
    whole["published_rate"] = _rate(before["published"], after["published"], seconds)
    whole["dropped_rate"] = _rate(sum(one.get("dropped", 0) for one in old.values()), whole["dropped"], seconds)
    return whole, services


def _shown(service: Facts, old: Mapping[str, int], seconds: float) -> Shown:
    counters = _counters(service)
    rates = {name: _rate(old.get(name, 0), count, seconds) for name, count in counters.items()}
    connections = service.get("connections", 0)
    moving = {name: rate for name, rate in rates.items() if rate > 0}
    return Shown(str(service["kind"]), str(service["instance"]), int(connections), moving, counters.get("dropped", 0))


def _counters(service: Facts) -> dict[str, int]:
    """The counters; one with a number for each reason is their sum."""
    counters = service.get("counters", {})
    return {str(name): sum(one.values()) if isinstance(one, Mapping) else one + 0 for name, one in counters.items()}


def _rate(before: float, after: float, seconds: float) -> float:
    """The rate per second. After a restart the counters begin at zero."""
    return round(max(0.0, after - before) / seconds, 2) if seconds > 0 else 0.0


def count_rate(rate: float) -> str:
    """A rate for people, with its significant digits: ``0.4/s``, ``10/s``, ``1,230/s``."""
    if rate < _FEW:
        return f"{rate:.1f}".removesuffix(".0") + "/s"
    unit = 10 ** max(0, len(f"{rate:.0f}") - 3)
    return f"{round(rate / unit) * unit:,}/s"


def size_rate(rate: float) -> str:
    """Bytes per second for people: ``0 B/s``, ``1.5 KiB/s``."""
    for unit in ("B", "KiB", "MiB"):
        if rate < 1024:
            return f"{rate:.0f} {unit}/s" if unit == "B" else f"{rate:.1f} {unit}/s"
        rate /= 1024
    return f"{rate:.1f} GiB/s"
