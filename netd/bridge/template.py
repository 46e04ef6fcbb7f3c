"""Templates: the messages of bridges, with the parts of an event in braces, as Python formats texts. Nothing is evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable
from string import Formatter
from typing import Any

from attrs import frozen

from netd.errors import NetdError

__all__ = ["MOST", "Template", "Unfit"]

MOST = 1 << 16
"""Characters of a message, at most."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}|[1-9][0-9]?")
_SPEC = re.compile(r"[<>^]?[+ ]?0?[0-9]{0,2},?(?:\.[0-9]{1,2})?[defgxX%s]?")

_HELP = "write {value}, {value:.1f}, {subject}, {2} (its second word), {time}, {event}, or {MEMBER} of the event; {{ is a brace"

Lookup = Callable[[str], Any]
"""Tells the part of an event that has a name; None if there is no such part."""


class Unfit(NetdError):
    """An event lacks what a template wants of it."""


@frozen
class Template:
    """A text with names in braces.

    :ivar parts: pairs of a text and the name behind it, with its format; None for the last text.
    """

    parts: tuple[tuple[str, tuple[str, str] | None], ...]

    @classmethod
    def read(cls, written: str) -> Template:
        """Read a template.

        :raises ValueError: saying what is wrong, and what to write.
        """
        try:
            found = list(Formatter().parse(written))
        except ValueError as error:
            raise ValueError(f"{error}; {_HELP}") from None
        return cls(tuple((text, None if name is None else _field(name, spec or "", way)) for text, name, spec, way in found))

    @property
    def names(self) -> frozenset[str]:
        """The names in braces."""
        return frozenset(field[0] for _, field in self.parts if field is not None)

    def alone(self, lookup: Lookup) -> Any:
        """Return what *lookup* tells, as it is, if the template is one name and nothing else; otherwise None.

        :raises Unfit: if the event has no such part.
        """
        if len(self.parts) != 1 or self.parts[0][0] or self.parts[0][1] is None or self.parts[0][1][1]:
            return None
        return _found(self.parts[0][1][0], lookup)

    def text(self, lookup: Lookup, write: Callable[[Any], str] = str) -> str:
        """Return the text.

        :param write: writes values that have no format of their own.
        :raises Unfit: if the event lacks something.
        """
        words = [before + ("" if field is None else _written(*field, lookup, write)) for before, field in self.parts]
        text = "".join(words)
        if len(text) > MOST:
            raise Unfit(f"the message would have {len(text)} characters; it may have {MOST}")
        return text


def _field(name: str, spec: str, way: str | None) -> tuple[str, str]:
    if way or not _NAME.fullmatch(name):
        raise ValueError(f"{{{name}{'!' + way if way else ''}}} cannot be filled in; {_HELP}")
    if not _SPEC.fullmatch(spec):
        raise ValueError(f"{{{name}:{spec}}}: no such format; write as in {{value:.1f}} or {{value:.0f}}")
    return name, spec


def _found(name: str, lookup: Lookup) -> Any:
    value = lookup(name)
    if value is None:
        raise Unfit(f"the event has no {name}")
    return value


def _written(name: str, spec: str, lookup: Lookup, write: Callable[[Any], str]) -> str:
    value = _found(name, lookup)
    if not spec:
        return write(value)
    try:
        return format(value, spec)
    except (TypeError, ValueError):
        raise Unfit(f"{{{name}:{spec}}} cannot write {value!r:.40}") from None
