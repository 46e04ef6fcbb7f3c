"""Twisted's notation of an endpoint, ``type:value:name=value``: splitting it into arguments, and joining these again.

The types are those of its users: :mod:`netd.config.descriptions` for listening, :mod:`netd.config.remotes` for dialling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from netd.spelling import did_you_mean, quoted

__all__ = ["Notation", "escaped", "fields_of", "is_whole"]

_WHOLE = re.compile(r"(?:\\.|[^\\])*", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = re.compile(r"[\\:=\s]")
_BACKSLASHED = r"\\\g<0>"


def is_whole(description: str) -> bool:
    """Return False where *description* ends in a backslash that escapes nothing."""
    return _WHOLE.fullmatch(description) is not None


def escaped(value: str) -> str:
    """Return *value* as an argument, with a backslash before each special character."""
    return _SPECIAL.sub(_BACKSLASHED, value)


def fields_of(description: str) -> list[str]:
    """Return the type of *description* and its arguments, still escaped."""
    return re.findall(r"(?:^|:)((?:\\.|[^:\\])*)", description, re.DOTALL)


@frozen
class Notation:
    """The types of endpoint for one side, listening or dialling.

    :ivar parameters: the parameters of each type, in the order in which they may be given without their names.
    :ivar paths: the parameters of each type that are paths.
    """

    parameters: Mapping[str, tuple[str, ...]]
    paths: Mapping[str, tuple[str, ...]]

    def arguments(self, description: str) -> tuple[str, dict[str, str]]:
        """Return the type of *description* and its arguments by name. An unknown type has no arguments.

        :raises ValueError: if an argument is unknown, one too many, or given twice.
        """
        kind, *fields = fields_of(description)
        arguments: dict[str, str] = {}
        if kind not in self.parameters:
            return kind, arguments
        for name, value in self._arguments(kind, fields):
            if name in arguments:
                raise ValueError(f"{name} is given twice")
            arguments[name] = value
        return kind, arguments

    def located(self, description: str, directory: Path) -> str:
        """Return *description* with *directory* before its relative paths. A wrong description stays as it is."""
        kind, *fields = fields_of(description)
        if kind not in self.paths or not is_whole(description):
            return description
        try:
            arguments = self._arguments(kind, fields)
        except ValueError:
            return description
        for position, (name, value) in enumerate(arguments):
            if name in self.paths[kind] and value and not Path(value).is_absolute():
                path = escaped(str(directory / value))
                fields[position] = f"{name}={path}" if _partition(fields[position])[1] else path
        return ":".join([kind, *fields])

    def _arguments(self, kind: str, fields: list[str]) -> list[tuple[str, str]]:
        """Return name and value of each argument. Arguments without a name get the names of the parameters in their order."""
        parameters = self.parameters[kind]
        takes = f"{kind} takes {', '.join(parameters)}"
        arguments, unnamed = [], iter(parameters)
        for name, equals, value in map(_partition, fields):
            meant = name if equals else next(unnamed, None)
            if meant is None:
                raise ValueError(f"too many arguments; {takes}")
            if meant not in parameters:
                raise ValueError(f"unknown argument {quoted(name)}{did_you_mean(name, parameters)}; {takes}")
            arguments.append((meant, value if equals else name))
        return arguments


def _partition(argument: str) -> tuple[str, str, str]:
    """Return ``name``, ``=`` and ``value`` of one argument, unescaped; of a positional one, its value and two empty texts."""
    match = re.fullmatch(r"((?:\\.|[^=\\])*)(=?)(.*)", argument, re.DOTALL)
    assert match is not None, "only a lone backslash at the end would not match"
    name, equals, value = match.groups()
    return _ESCAPE.sub(r"\1", name), equals, _ESCAPE.sub(r"\1", value)
