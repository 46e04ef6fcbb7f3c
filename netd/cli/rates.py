"""What ``netd top`` makes of its looks at a daemon: how much of everything there is in a second.  Pure.

A look is a result of ``system.status``: counts, and by its ``uptime`` when netd took them. Netd counts some things but once a
second (the samples of sessions, say), so that from one second to the next a steady stream comes as nothing, or twice as much: a
rate is over several seconds, and is told with the digits that such a count bears.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["WINDOW", "Course", "Facts", "Shown", "compare", "count_rate", "size_rate"]

Facts = Mapping[str, Any]

WINDOW = 10.0
"""Seconds over which a rate is told: what is counted once a second is known to a tenth then."""

_SLACK = 0.5
"""Seconds by which looks may come late and the window still hold as many."""

_FEW = 5
"""Rates below have one digit after the point."""


@dataclass(frozen=True)
class Shown:
    """What is shown of one service.

    :ivar rates: of each counter, in a second; those that stand still are not there.
    :ivar dropped: what its slow peers lost, since the start.
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
    """The looks of the last seconds.

    :param seconds: how far back they go, by netd's own time.
    """

    def __init__(self, seconds: float = WINDOW) -> None:
        self._seconds = seconds
        self._looks: deque[Facts] = deque()

    def add(self, look: Facts) -> None:
        """Keep *look*, and forget what is too old, or of a daemon that has been started anew since.

        :raises KeyError, TypeError, ValueError: when it is of a form that is not known here.
        """
        now = float(look["uptime"])
        if self._looks and now < float(self._looks[-1]["uptime"]):
            self._looks.clear()
        self._looks.append(look)
        while len(self._looks) > 2 and now - float(self._looks[0]["uptime"]) > self._seconds + _SLACK:
            self._looks.popleft()

    def told(self) -> tuple[dict[str, Any], list[Shown]] | None:
        """What there is to show, as :func:`compare` has it; None before there are two looks."""
        return compare(self._looks[0], self._looks[-1]) if len(self._looks) > 1 else None


def compare(before: Facts, after: Facts) -> tuple[dict[str, Any], list[Shown]]:
    """The daemon as a whole, and each of its services, *after*; rates are since *before*.

    :raises KeyError, TypeError, ValueError, AttributeError: when the daemon tells these in a way that is not known here.
    """
    seconds = float(after["uptime"]) - float(before["uptime"])
    old = {(one["kind"], one["instance"]): _counters(one) for one in before["services"]}
    services = [_shown(one, old.get((one["kind"], one["instance"]), {}), seconds) for one in after["services"]]
    whole: dict[str, Any] = {name: after[name] + 0 for name in ("uptime", "lag", "published")}  # numbers, or this raises
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
    """Each counter, those by reason added up."""
    counters = service.get("counters", {})
    return {str(name): sum(one.values()) if isinstance(one, Mapping) else one + 0 for name, one in counters.items()}


def _rate(before: float, after: float, seconds: float) -> float:
    """In a second; after a restart the counters begin anew, and so does the rate."""
    return round(max(0.0, after - before) / seconds, 2) if seconds > 0 else 0.0


def count_rate(rate: float) -> str:
    """So many in a second for people, with the digits that are known: ``0.4/s``, ``10/s``, ``1,230/s``."""
    if rate < _FEW:
        return f"{rate:.1f}".removesuffix(".0") + "/s"
    unit = 10 ** max(0, len(f"{rate:.0f}") - 3)
    return f"{round(rate / unit) * unit:,}/s"


def size_rate(rate: float) -> str:
    """Bytes in a second for people: ``0 B/s``, ``1.5 KiB/s``."""
    for unit in ("B", "KiB", "MiB"):
        if rate < 1024:
            return f"{rate:.0f} {unit}/s" if unit == "B" else f"{rate:.1f} {unit}/s"
        rate /= 1024
    return f"{rate:.1f} GiB/s"
