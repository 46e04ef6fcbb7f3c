"""A strict reader of InfluxDB's line protocol, as its servers read it: what is doubtful is refused."""

from __future__ import annotations

import re

from attrs import frozen

__all__ = ["BadLine", "Point", "read_lines"]

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")
_TIME = re.compile(r"-?[0-9]{1,19}")


class BadLine(Exception):
    """A line is none."""


@frozen
class Point:
    """A line.

    :ivar tags: name and value of each, in the order of the line.
    """

    measurement: str
    tags: dict[str, str]
    fields: dict[str, float]
    time: int


def read_lines(body: bytes) -> list[Point]:
    """Return the points of *body*.

    :raises BadLine: for the first line that is none.
    """
    text = body.decode()
    if not text.endswith("\n"):
        raise BadLine("the last line has no end")
    return [_point(line) for line in text[:-1].split("\n")]


def _point(line: str) -> Point:
    if not line or not line.isprintable() or line.startswith("#"):
        raise BadLine(f"a control character, a remark, or nothing: {line!r}")
    parts = _split(line, " ")
    if len(parts) != 3:
        raise BadLine(f"{len(parts)} parts: {line!r}")
    head, said, time = parts
    if not _TIME.fullmatch(time):
        raise BadLine(f"no time: {line!r}")
    measurement, *tags = _split(head, ",")
    return Point(_plain(measurement, ", "), dict(_pair(tag) for tag in tags), _fields(said), int(time))


def _fields(said: str) -> dict[str, float]:
    found = {}
    for name, value in map(_pair, _split(said, ",")):
        if not _NUMBER.fullmatch(value) or name in found or name == "time":
            raise BadLine(f"no field: {said!r}")
        found[name] = float(value)
    return found


def _pair(written: str) -> tuple[str, str]:
    parts = _split(written, "=")
    if len(parts) != 2 or not all(parts):
        raise BadLine(f"not NAME=VALUE: {written!r}")
    return _plain(parts[0], ", ="), _plain(parts[1], ", =")


def _split(text: str, mark: str) -> list[str]:
    """Split at *mark*, where no backslash is before it."""
    return re.split(rf"(?<!\\){re.escape(mark)}", text)


def _plain(written: str, marks: str) -> str:
    if not written or "\\" in re.sub(rf"\\[{marks}]", "", written):
        raise BadLine(f"a backslash before nothing that needs one: {written!r}")
    return re.sub(rf"\\([{marks}])", r"\1", written)
