"""What ``netd top`` makes of two looks at a daemon: how much of everything there is in a second.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Look", "Shown", "compare", "size_rate"]

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """The daemon at one moment.

    :ivar vitals: the event of ``system.main.vitals``.
    :ivar status: the result of ``system.status``.
    """

    vitals: Facts
    status: Facts


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


def compare(before: Look, after: Look) -> tuple[dict[str, Any], list[Shown]]:
    """The daemon as a whole, and each of its services, *after*; rates are since *before*.

    :raises KeyError, TypeError, ValueError: when the daemon tells these in a way that is not known here.
    """
    seconds = float(after.vitals["uptime"]) - float(before.vitals["uptime"])
    names = ("uptime", "connections", "dropped", "lag", "published")
    whole = {name: after.vitals[name] + 0 for name in names}  # numbers, or this raises
    for name in ("published", "dropped"):
        whole[f"{name}_rate"] = _rate(before.vitals[name], after.vitals[name], seconds)
    since = float(after.status["uptime"]) - float(before.status["uptime"])
    old = {(one["kind"], one["instance"]): _counters(one) for one in before.status["services"]}
    return whole, [_shown(one, old.get((one["kind"], one["instance"]), {}), since) for one in after.status["services"]]


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
    return max(0.0, after - before) / seconds if seconds > 0 else 0.0


def size_rate(rate: float) -> str:
    """Bytes in a second for people: ``0 B/s``, ``1.5 KiB/s``."""
    for unit in ("B", "KiB", "MiB"):
        if rate < 1024:
            return f"{rate:.0f} {unit}/s" if unit == "B" else f"{rate:.1f} {unit}/s"
        rate /= 1024
    return f"{rate:.1f} GiB/s"
