"""What nodes want of each other: what this one asks for, and what others ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from netd.bus.subject import covers, matches
from netd.cluster.address import CUSTOM, SYSTEM, wanted_parts
from netd.cluster.eventwire import MOST_WANTS
from netd.message import Demand, Want

__all__ = ["AskedPart", "asked_parts", "demand_for", "merged", "own_wants"]

FEW = 100
"""Patterns up to which it is looked for those that others cover: each is compared with each."""

SOON = 0.02
"""Seconds. Whoever wants the newest of shorter intervals gets everything."""

ALL = Demand(Want.BATCH, 0.0)


@frozen
class AskedPart:
    """What other nodes ask of this one by one pattern, in this node's names.

    :ivar is_wide: whether the pattern is for all kinds. That leaves out ``system``, and ``custom``, which is asked for by itself.
    """

    pattern: str
    is_wide: bool
    demand: Demand

    def takes(self, subject: str) -> bool:
        """Whether events under *subject* are asked for."""
        if self.is_wide and subject.partition(".")[0] in (SYSTEM, CUSTOM):
            return False
        return matches(self.pattern, subject)


def own_wants(interests: Mapping[str, Demand], accepted: Iterable[str]) -> dict[str, Demand]:
    """Return what this node asks others for, in its own names.

    :param interests: what the subscribers of its bus want; :meth:`netd.interfaces.IBus.interests`.
    :param accepted: the patterns of ``custom`` that it takes. They are wanted without subscribers: the newest values are the same
        on all nodes.
    """
    found = {pattern: _of_another(demand) for pattern, demand in interests.items() if wanted_parts(pattern)}
    for pattern in accepted:
        found[pattern] = ALL
    if len(found) > MOST_WANTS:
        return {">": ALL}
    return dict(sorted(_without_covered(found).items()))


def asked_parts(node: str, wants: Iterable[Mapping[str, Demand]]) -> dict[tuple[str, bool], AskedPart]:
    """Return what others ask of *node*, together.

    :param wants: what each of them asks for, in its own names.
    """
    found: dict[tuple[str, bool], Demand] = {}
    for theirs in wants:
        for pattern, demand in theirs.items():
            for part in wanted_parts(pattern):
                if part.node in ("*", node):
                    key = part.pattern, part.kind == "*"
                    found[key] = merged(found.get(key), demand)
    return {key: AskedPart(*key, demand) for key, demand in found.items()}


def demand_for(subject: str, parts: Iterable[AskedPart]) -> Demand | None:
    """Return what is asked for of *subject*, together; None if nothing is."""
    found: Demand | None = None
    for part in parts:
        if part.takes(subject):
            found = merged(found, part.demand)
    return found


def merged(one: Demand | None, other: Demand) -> Demand:
    """Return what both ask for."""
    return other if one is None else Demand(max(one.want, other.want), min(one.every, other.every))


def _of_another(demand: Demand) -> Demand:
    """Between nodes, events always come in batches."""
    return demand if demand.want is Want.NEWEST and demand.every >= SOON else ALL


def _without_covered(wants: dict[str, Demand]) -> dict[str, Demand]:
    if len(wants) > FEW:
        return wants
    wide = [(pattern, demand) for pattern, demand in wants.items() if "*" in pattern or ">" in pattern]
    return {
        pattern: demand
        for pattern, demand in wants.items()
        if not any(other != pattern and merged(theirs, demand) == theirs and _covers(other, pattern) for other, theirs in wide)
    }


def _covers(pattern: str, narrower: str) -> bool:
    """Whether all that *narrower* asks for is asked for by *pattern*, too. One for all kinds leaves out ``system``."""
    if pattern[0] in "*>" and narrower.partition(".")[0] in (SYSTEM, "*", ">"):
        return pattern == narrower
    return covers(pattern, narrower)
