"""Graphite's targets: paths of subjects, and the functions around them. Pure.

A target is a path, or a function of a target: ``aliasByNode(session.main.*.temp, 2)``. netd knows the few functions that name a
series or say how many samples become one point; Grafana calculates everything else itself. An unknown function is an error that
names it, never a series that looks right and is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NoReturn

from attrs import evolve, frozen

from netd.errors import InvalidArguments

__all__ = ["CONSOLIDATIONS", "RenderTarget", "read_target"]

CONSOLIDATIONS = {
    "average": "average",
    "avg": "average",
    "mean": "average",
    "max": "max",
    "maximum": "max",
    "min": "min",
    "minimum": "min",
    "sum": "sum",
    "total": "sum",
    "last": "last",
    "current": "last",
}
"""The ways to make one value of several, by all names that Graphite has for them."""

LONGEST, DEEPEST = 4096, 16
"""Most characters of a target, and most functions around each other."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'[^']*'|"[^"]*")
      | (?P<sign>[(),])
      | (?P<word>(?:[^\s(),'"{}]|\{[^\s()'"{}]*\})+)
    )\s*""",
    re.VERBOSE,
)
"""A string, a sign, or a word: a name, a number or a path. Commas inside of braces belong to the word."""

_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?(?:e-?\d{1,2})?", re.IGNORECASE)


@frozen
class RenderTarget:
    """A target of a request: a path or a constant, and what is done with it.

    :ivar path: a path that may have wildcards; None for a constant.
    :ivar constant: the value of a line that is the same at all times.
    :ivar consolidation: how several samples become one value, of the values of :data:`CONSOLIDATIONS`.
    :ivar alias: the name of the series, if one is given.
    :ivar nodes: the nodes of the subject that make its name: numbers from 0, or from the end below 0.
    :ivar text: the target as it was written, without the functions that name it.
    """

    path: str | None
    constant: float = 0.0
    consolidation: str = "average"
    alias: str | None = None
    nodes: tuple[int, ...] | None = None
    text: str = "{subject}"

    def name(self, subject: str) -> str:
        """Return the name of the series of *subject*."""
        if self.alias is not None:
            return self.alias
        if self.nodes is None:
            return self.text.replace("{subject}", subject)
        found = subject.split(".")
        return ".".join(found[node] for node in self.nodes if -len(found) <= node < len(found))


_Argument = RenderTarget | str | float


def read_target(text: str) -> RenderTarget:
    """Return the target that *text* is.

    :raises InvalidArguments: if it is none, or has a function that netd does not know. The message names it.
    """
    if len(text) > LONGEST:
        raise InvalidArguments(f"a target has at most {LONGEST} characters")
    reader = _TargetReader(text)
    found = reader.argument(DEEPEST)
    if reader.sign is not None or not isinstance(found, RenderTarget):
        reader.refuse("it is no path, and no function of one")
    return found


class _TargetReader:
    """Reads one target, token by token."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self.kind: str | None = None
        self.said = ""
        self.advance()

    @property
    def sign(self) -> str | None:
        """The token that comes next, if it is a sign; its kind if it is anything else; None at the end."""
        return self.said if self.kind == "sign" else self.kind

    def advance(self) -> None:
        """Go on to the next token."""
        self.kind, self.said = next(self._tokens, (None, ""))

    def refuse(self, why: str) -> NoReturn:
        """Raise the error for the whole target."""
        raise InvalidArguments(f"target {self._text!r:.200}: {why}")

    def argument(self, deepest: int) -> _Argument:
        """Read a string, a number, a path or a function."""
        kind, said = self.kind, self.said
        self.advance()
        if kind == "string":
            return said[1:-1]
        if kind != "word":
            self.refuse("it ends early" if kind is None else f"{said!r} stands where a path or a function should")
        if self.sign == "(":
            if not deepest:
                self.refuse(f"more than {DEEPEST} functions stand around each other")
            return self._call(said, deepest - 1)
        return float(said) if _NUMBER.fullmatch(said) else RenderTarget(said)

    def _call(self, name: str, deepest: int) -> RenderTarget:
        function = _FUNCTIONS.get(name)
        if function is None:
            known = ", ".join(sorted(_FUNCTIONS))
            self.refuse(f"netd does not know the function {name!r:.80}; there are {known}. Grafana's transformations can do more")
        arguments: list[_Argument] = []
        while self.sign != ")":
            self.advance()  # the bracket, or a comma
            if self.sign == ")" and not arguments:
                break
            arguments.append(self.argument(deepest))
            if self.sign not in (",", ")"):
                self.refuse(f"the arguments of {name} do not end")
        self.advance()
        try:
            return function(*arguments)
        except (TypeError, ValueError):
            self.refuse(f"{name} takes {_USAGE[name]}")

    def _split(self) -> Iterator[tuple[str | None, str]]:
        at = 0
        while at < len(self._text):
            found = _TOKEN.match(self._text, at)
            if found is None or found.lastgroup is None:
                self.refuse(f"{self._text[at : at + 10]!r} cannot be read")
            yield found.lastgroup, found[found.lastgroup]
            at = found.end()


def _target(argument: _Argument) -> RenderTarget:
    if not isinstance(argument, RenderTarget):
        raise TypeError
    return argument


def _text(argument: _Argument) -> str:
    if not isinstance(argument, str):
        raise TypeError
    return argument


def _number(argument: _Argument) -> float:
    if not isinstance(argument, float):
        raise TypeError
    return argument


def _alias(target: _Argument, name: _Argument) -> RenderTarget:
    return evolve(_target(target), alias=_text(name), nodes=None)


def _alias_by_node(target: _Argument, *nodes: _Argument) -> RenderTarget:
    if not nodes:
        raise ValueError
    return evolve(_target(target), nodes=tuple(int(_number(node)) for node in nodes), alias=None)


def _consolidate_by(target: _Argument, way: _Argument) -> RenderTarget:
    inner, said = _target(target), _text(way)
    if said not in CONSOLIDATIONS:
        raise ValueError
    return evolve(inner, consolidation=CONSOLIDATIONS[said], text=f"consolidateBy({inner.text},'{said}')")


def _constant_line(value: _Argument) -> RenderTarget:
    number = _number(value)
    return RenderTarget(None, constant=number, text=f"{number:g}")


_FUNCTIONS: dict[str, Callable[..., RenderTarget]] = {
    "alias": _alias,
    "aliasByNode": _alias_by_node,
    "consolidateBy": _consolidate_by,
    "constantLine": _constant_line,
}


_USAGE = {
    "alias": "a target and a name: alias(session.main.*.temp, 'warmth')",
    "aliasByNode": "a target and numbers of nodes, the first of which is 0: aliasByNode(session.main.*.temp, 2)",
    "consolidateBy": "a target and one of 'average', 'min', 'max', 'sum' and 'last'",
    "constantLine": "a number",
}
