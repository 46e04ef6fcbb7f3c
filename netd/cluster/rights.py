"""The subjects of a caller of another node, in the names of this one."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from netd.bus.subject import split_pattern
from netd.cluster.address import CUSTOM, own_pattern, pattern_between, split_instance

__all__ = ["names_node", "translated"]

_WILDCARDS = ("*", ">")


def translated(patterns: Iterable[str], there: str, here: str, kinds: Collection[str]) -> tuple[str, ...]:
    """Return *patterns*, which are in the names of the node *there*, in those of the node *here*.

    :param kinds: the first tokens of subjects that are not shared; they replace a ``*`` that would mean shared ones, too.
    :raises ValueError: if one of them is no pattern.
    """
    found: list[str] = []
    for pattern in patterns:
        kind, *rest = split_pattern(pattern)
        node = split_instance(rest[0])[1] if rest and kind != CUSTOM else ""
        if node == there:  # no subject of a node has its own name in it, so that this covers nothing
            continue
        if kind != "*" or not rest or rest[0] in _WILDCARDS:
            found.append(pattern_between(pattern, there, here))
            continue
        if node == here:  # nothing shared has a node in its name, and no subject of this node has one here
            found += [own_pattern(".".join((one, *rest)), here) for one in kinds]
            continue
        found.append(pattern_between(pattern, there, here))
        if not node:
            found.append(".".join((CUSTOM, *rest)))
    return tuple(found)


def names_node(patterns: Iterable[str], node: str = "") -> bool:
    """Return True if one of *patterns* can match a subject of the services of *node*; of this node without a name."""
    return any(_names(split_pattern(pattern), node) for pattern in patterns)


def _names(tokens: tuple[str, ...], node: str) -> bool:
    if len(tokens) < 2:
        return tokens[0] == ">"
    return tokens[0] != CUSTOM and (tokens[1] in _WILDCARDS or split_instance(tokens[1])[1] == node)
