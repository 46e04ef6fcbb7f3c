"""Graphite's wildcards over subjects, and the tree that subjects make. Pure.

``*`` stands for any characters of one node, ``?`` for one, ``[a-c]`` for one of these, ``{a,b}`` for either text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from functools import lru_cache

from netd.errors import InvalidArguments

__all__ = ["MOST_ALTERNATIVES", "Wildcards", "find", "read_paths"]

MOST_ALTERNATIVES = 256
"""Most paths that the braces in those of one request may make: each is compared with each subject."""

_BRACES = re.compile(r"\{([^{}]*)\}")
_SPECIAL = re.compile(r"[*?[]")

Matcher = Callable[[str], object]
"""Says whether a node is what was asked for."""


class Wildcards:
    """A path with wildcards.

    :raises InvalidArguments: if its braces make too many paths.
    """

    def __init__(self, path: str) -> None:
        self.nodes = [one.split(".") for one in _expand(path)]

    def matches(self, parts: Sequence[str]) -> bool:
        """Whether the path stands for the subject of these nodes, from the first to the last."""
        return any(len(nodes) == len(parts) and _agree(nodes, parts) for nodes in self.nodes)

    def starts(self, subject: str) -> Iterable[int]:
        """Return how many nodes of *subject* a path stands for, of those paths that stand for its beginning."""
        parts = subject.split(".")
        return {len(nodes) for nodes in self.nodes if len(nodes) <= len(parts) and _agree(nodes, parts)}


def find(query: str, subjects: Iterable[str]) -> list[dict[str, object]]:
    """Return the nodes of the tree of *subjects* that *query* stands for, as Graphite's ``/metrics/find`` lists them.

    A node that is a subject, and has others below it, is listed twice, once as each.
    """
    wildcards = Wildcards(query)
    above = query.rpartition(".")[0]
    found: set[tuple[str, bool]] = set()
    for subject in subjects:
        parts = subject.split(".")
        found |= {(parts[depth - 1], depth == len(parts)) for depth in wildcards.starts(subject)}
    return [
        {
            "text": text,
            "id": f"{above}.{text}" if above else text,
            "leaf": int(is_leaf),
            "expandable": int(not is_leaf),
            "allowChildren": int(not is_leaf),
        }
        for text, is_leaf in sorted(found)
    ]


def read_paths(paths: Iterable[str]) -> dict[str, Wildcards]:
    """Return the wildcards of each path of a request.

    :raises InvalidArguments: if their braces make too many paths.
    """
    found: dict[str, Wildcards] = {}
    for path in paths:
        found[path] = found.get(path) or Wildcards(path)
        if sum(len(one.nodes) - 1 for one in found.values()) > MOST_ALTERNATIVES:
            raise InvalidArguments(f"the braces of all targets make more than {MOST_ALTERNATIVES} paths")
    return found


def _agree(nodes: Sequence[str], parts: Sequence[str]) -> bool:
    return all(_matcher(node)(part) for node, part in zip(nodes, parts, strict=False))


@lru_cache(maxsize=1024)
def _matcher(node: str) -> Matcher:
    """Return what compares one node. Most have no wildcard, and to translate one that has costs a hundred microseconds."""
    return re.compile(translate(node)).match if _SPECIAL.search(node) else node.__eq__


def _expand(path: str) -> list[str]:
    """Return the paths without braces that *path* stands for."""
    done: list[str] = []
    waiting = [path]
    while waiting:
        one = waiting.pop()
        braces = _BRACES.search(one)
        if braces is None:
            done.append(one)
        else:
            waiting += [one[: braces.start()] + choice + one[braces.end() :] for choice in braces[1].split(",")]
        if len(done) + len(waiting) > MOST_ALTERNATIVES:
            raise InvalidArguments(f"{path!r:.200}: its braces make more than {MOST_ALTERNATIVES} paths")
    return done
