"""The order of rules: the first that matches a message counts, so that what takes more stands further down."""

from __future__ import annotations

from collections.abc import Sequence

from netd.wire.learn.kind import MessageKind
from netd.wire.messages import WireMessage
from netd.wire.rules import Rule, parse_rule

__all__ = ["in_order"]

_PROBES = 40
"""Messages of each kind on which the rules of the others are tried."""


def in_order(kinds: Sequence[MessageKind], encoding: str) -> list[MessageKind]:
    """Return *kinds* so that no rule takes the messages of one behind it, as far as that can be.

    A kind stands behind all whose messages its own rule would take. Otherwise the first to appear comes first.
    """
    rules = [parse_rule(kind.rule, place, encoding) for place, kind in enumerate(kinds)]
    probes = [[WireMessage.of(one.data, encoding) for one in kind.members[:_PROBES]] for kind in kinds]
    takes = [
        {other for other in range(len(kinds)) if other != place and _takes(rules[place], probes[other])}
        for place in range(len(kinds))
    ]
    left, found = list(range(len(kinds))), []
    while left:
        free = [place for place in left if not takes[place] & set(left)]
        place = free[0] if free else min(left, key=lambda one: len(takes[one] & set(left)))
        left.remove(place)
        found.append(kinds[place])
    everything = [kind for kind in found if kind.pattern in {"{*}", "{text}"}]
    return [kind for kind in found if kind not in everything] + everything[:1]


def _takes(rule: Rule, messages: Sequence[WireMessage]) -> bool:
    return any(rule.pattern.match(message) is not None for message in messages)
