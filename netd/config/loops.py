"""Sections that follow events and set off others. Where one sets itself off in the end, events run in a circle."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from attrs import frozen

from netd.bus.subject import overlaps

__all__ = ["Reaction", "loops"]


@frozen
class Reaction:
    """What a section makes of events.

    :ivar option: the option that says so, at whose place mistakes are reported.
    :ivar pattern: the subjects that it follows.
    :ivar causes: patterns of the subjects under which it publishes, or has others publish.
    :ivar sections: the names of the sections that it needs.
    :ivar is_endless: whether it answers each event. A section that tells changes alone comes to rest by itself.
    """

    option: str
    pattern: str
    causes: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    is_endless: bool = False

    def sets_off(self, other: Reaction) -> bool:
        """Whether *other* follows something that this section causes."""
        return any(overlaps(cause, other.pattern) for cause in self.causes)


def loops(reactions: Mapping[str, Reaction]) -> Iterator[tuple[str, ...]]:
    """Yield the circles in *reactions*, each once and as short as it can be: names of sections, in the order of the events.

    Circles of sections that come to rest by themselves are none.
    """
    after = {name: [other for other in reactions if one.sets_off(reactions[other])] for name, one in reactions.items()}
    told: set[frozenset[str]] = set()
    for name, reaction in reactions.items():
        found = _way_back(name, after) if reaction.is_endless else ()
        if found and frozenset(found) not in told:
            told.add(frozenset(found))
            yield found


def _way_back(start: str, after: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Return the shortest circle through *start*; nothing if there is none."""
    ways: deque[tuple[str, ...]] = deque([(start,)])
    seen: set[str] = set()
    while ways:
        way = ways.popleft()
        for name in after[way[-1]]:
            if name == start:
                return way
            if name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()
