"""Parsers of option values. Each turns INI text into a frozen Python value, or raises a ValueError that names the remedy.

A duration has its unit in the text, and a number its limits in the parser. "No limit" is a word, never a number. The parsers know
neither sections nor files: the loader adds the place to the error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from attrs import frozen

from netd.config.descriptions import (
    arguments_of,
    check_description,
    is_for_datagrams,
    is_secured,
    located,
    split_descriptions,
)
from netd.config.remotes import check_remote, located_remote, sources_of_remote
from netd.errors import LineError, LineErrors
from netd.pem import PairSource, source_of
from netd.spelling import did_you_mean, quoted

__all__ = [
    "Parser",
    "auto_or",
    "choice",
    "duration",
    "each_line",
    "endpoints",
    "flag",
    "integer",
    "mapping",
    "off_or",
    "path",
    "remote",
    "secret_file",
    "size",
    "sockets",
    "text",
    "unlimited_or",
    "within",
    "words",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Number = TypeVar("Number", int, float)

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_QUANTITY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([A-Za-z]*)")
_BYTES_IN = {"": 1, "B": 1, "kB": 10**3, "KiB": 2**10, "MB": 10**6, "MiB": 2**20, "GB": 10**9, "GiB": 2**30}
_SECONDS_IN = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_DURATION = 3650 * _SECONDS_IN["d"]
_FLAGS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def _no_sources(_value: object) -> Iterable[PairSource]:
    return ()


@frozen
class Parser(Generic[T_co]):
    """Reads the text of one option.

    :ivar describes: the format or unit, as the option reference shows it.
    :ivar read: turns text that is not empty into the value. Raises ValueError with a text that names the remedy.
    :ivar listens: whether the value is a tuple of endpoint descriptions on which the service will listen.
    :ivar locate: puts the directory of the INI file before relative paths in the text. None for a text that holds no paths, or is
        one as a whole.
    :ivar sources: returns the sources of netd's own private keys and certificates that a value names.
    :ivar is_verbatim: whether what stands behind `` ;`` belongs to the text. It begins a comment in other options.
    :ivar placed: tells a value the number in the file of each line of its text, and returns it; None if it need not know.
    """

    describes: str
    read: Callable[[str], T_co]
    listens: bool = False
    locate: Callable[[str, Path], str] | None = None
    sources: Callable[[Any], Iterable[PairSource]] = _no_sources
    is_verbatim: bool = False
    placed: Callable[[Any, Sequence[int]], Any] | None = None

    def __call__(self, written: str) -> T_co:
        """Return the value of *written*. White space around it is ignored.

        :raises ValueError: if *written* is empty or wrong. The text says what to write instead.
        """
        stripped = written.strip()
        if not stripped:
            raise ValueError("is empty; write a value, or leave the line out for the default")
        return self.read(stripped)


text: Parser[str] = Parser("text", str)
"""Any text that is not empty."""


def _read_flag(written: str) -> bool:
    if written.lower() not in _FLAGS:
        raise ValueError(f"{quoted(written)} is neither yes nor no")
    return _FLAGS[written.lower()]


flag: Parser[bool] = Parser("yes or no", _read_flag)
"""``yes``, ``true``, ``on``; ``no``, ``false``, ``off``; in any letter case."""


def integer(least: int = 0, greatest: int | None = None) -> Parser[int]:
    """Return the parser of a whole number from *least* to *greatest*, both included. None is no upper limit."""
    limits = f"at least {least}" if greatest is None else f"{least} to {greatest}"

    def read(written: str) -> int:
        if not _INTEGER.fullmatch(written):
            raise ValueError(f"{quoted(written)} is not a whole number ({limits})")
        value = int(written)
        if value < least or (greatest is not None and value > greatest):
            raise ValueError(f"{value} is out of range ({limits})")
        return value

    return Parser(f"whole number, {limits}", read)


def _read_size(written: str) -> int:
    match = _QUANTITY.fullmatch(written)
    if match is None or "." in match[1]:
        raise ValueError(f"{quoted(written)} is not a size; write whole bytes as in 512, 64KiB or 1MiB")
    number, unit = match.groups()
    if unit not in _BYTES_IN:
        units = ", ".join(unit for unit in _BYTES_IN if unit)
        raise ValueError(f"{quoted(written)}: unknown unit {unit}{did_you_mean(unit, _BYTES_IN)}; units are {units}")
    return int(number) * _BYTES_IN[unit]


size: Parser[int] = Parser("size: 512, 64KiB, 1MiB", _read_size)
"""A number of bytes: bare, or with ``B``, ``KiB``, ``MiB``, ``GiB`` (powers of 1024), ``kB``, ``MB``, ``GB`` (powers of 1000)."""


def _read_duration(written: str) -> float:
    match = _QUANTITY.fullmatch(written)
    if match is None:
        raise ValueError(f"{quoted(written)} is not a duration; write it as in 250ms, 10s, 5m, 1h or 2d")
    number, unit = match.groups()
    if not unit:
        raise ValueError(f"{number} has no unit; write {number}s for seconds (units are {', '.join(_SECONDS_IN)})")
    if unit not in _SECONDS_IN:
        raise ValueError(f"{quoted(written)}: unknown unit {unit}; units are {', '.join(_SECONDS_IN)}")
    seconds = float(number) * _SECONDS_IN[unit]
    if seconds > _LONGEST_DURATION:
        raise ValueError(f"{quoted(written)} is longer than 3650d")
    return seconds


duration: Parser[float] = Parser("duration: 250ms, 10s, 5m, 1h, 2d", _read_duration)
"""A duration of 0 to 3650 days, in seconds. It is written with a unit: ``ms``, ``s``, ``m``, ``h``, ``d``."""


def within(parser: Parser[Number], least: str, greatest: str) -> Parser[Number]:
    """Return *parser* with limits, both included. *least* and *greatest* are written as *parser* reads them."""
    lower, upper = parser(least), parser(greatest)

    def read(written: str) -> Number:
        value = parser(written)
        if not lower <= value <= upper:
            raise ValueError(f"{quoted(written)} is out of range ({least} to {greatest})")
        return value

    return Parser(f"{parser.describes} ({least} to {greatest})", read)


def choice(*candidates: str) -> Parser[str]:
    """Return the parser of a word that must be one of *candidates*, in the same letter case."""

    def read(written: str) -> str:
        if written not in candidates:
            hint = did_you_mean(written, candidates)
            raise ValueError(f"{quoted(written)} is not one of {', '.join(candidates)}{hint}")
        return written

    return Parser(f"one of {', '.join(candidates)}", read)


def _items(written: str) -> list[str]:
    """Return the comma-separated items of *written*.

    :raises ValueError: if one of them is empty.
    """
    items = [item.strip() for item in written.split(",")]
    if not all(items):
        raise ValueError(f"{quoted(written)} has an empty item; take out the comma too many")
    return items


def _refuse_repetition(items: list[str]) -> None:
    repeated = next((item for position, item in enumerate(items) if item in items[:position]), None)
    if repeated is not None:
        raise ValueError(f"{quoted(repeated)} is given twice")


def _read_words(written: str) -> tuple[str, ...]:
    items = _items(written)
    _refuse_repetition(items)
    return tuple(items)


words: Parser[tuple[str, ...]] = Parser("words, comma-separated", _read_words)
"""One or more words, comma-separated; none empty, none twice."""


def _read_mapping(written: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for item in _items(written):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not (key and equals and value):
            raise ValueError(f"{quoted(item)} is not of the form key=value")
        pairs.append((key, value))
    _refuse_repetition([key for key, _ in pairs])
    return tuple(pairs)


mapping: Parser[tuple[tuple[str, str], ...]] = Parser("key=value pairs, comma-separated", _read_mapping)
"""One or more ``key=value``, comma-separated, as a tuple of pairs in the order written; no key twice."""


CREDENTIAL = "credential:"
"""The beginning of a path that stands for a credential which systemd hands over (``LoadCredential=``)."""


def _read_path(written: str) -> Path:
    if written.startswith(CREDENTIAL):
        return _credential(written.removeprefix(CREDENTIAL))
    try:
        return Path(written).expanduser()
    except RuntimeError:
        raise ValueError(f"{quoted(written)}: that user has no home directory; write the path in full") from None


def _credential(name: str) -> Path:
    """Return the path of the credential *name*, in the directory that systemd has made for this process."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not directory:
        raise ValueError(
            f"{CREDENTIAL}{name}: systemd has handed over no credentials: write LoadCredential={name}:FILE into the unit; "
            "to check the file in a shell, set CREDENTIALS_DIRECTORY to the directory of FILE"
        )
    if not name or "/" in name:
        raise ValueError(f"{CREDENTIAL}{name}: give the name that LoadCredential= has, which is no path")
    return Path(directory) / name


path: Parser[Path] = Parser("path", _read_path)
"""A path. ``~`` and ``~user`` at its beginning stand for a home directory, and ``credential:NAME`` for a credential of systemd's.
The parser does not check whether the path exists."""

secret_file: Parser[Path] = Parser("path of a file that holds a secret", _read_path)
"""The path of a file that holds a secret. The configuration never opens the file, and shows only its path."""


def _complaint(description: str) -> str | None:
    """Return the mistake in *description*, or None."""
    try:
        check_description(description)
    except ValueError as error:
        return str(error)
    return None


def _read_endpoints(written: str) -> tuple[str, ...]:
    descriptions = _read_sockets(written)
    for description in descriptions:
        if is_for_datagrams(description):
            raise ValueError(f"{description}: programs connect here, and none by UDP; write tcp:PORT (a [wire:NAME] takes udp:)")
    return descriptions


def _read_sockets(written: str) -> tuple[str, ...]:
    descriptions = split_descriptions(written)
    if any(description.startswith(",") or description.endswith(",") for description in descriptions):
        raise ValueError(f"{quoted(written)}: endpoints are separated by spaces alone; take out the comma")
    complaints = [complaint for complaint in map(_complaint, descriptions) if complaint is not None]
    if complaints:
        hint = "; endpoints are separated by spaces alone" if "," in written else ""
        raise ValueError(f"{'; '.join(complaints)}{hint}")
    return descriptions


def _sources(descriptions: tuple[str, ...]) -> list[PairSource]:
    return [source_of(*arguments_of(description)) for description in descriptions if is_secured(description)]


endpoints: Parser[tuple[str, ...]] = Parser(
    "endpoints, separated by spaces", _read_endpoints, listens=True, locate=located, sources=_sources
)
"""One or more Twisted server endpoint descriptions, separated by white space; a space inside one is written ``\\ ``."""

sockets: Parser[tuple[str, ...]] = Parser(
    "endpoints, and udp:PORT, separated by spaces", _read_sockets, listens=True, locate=located, sources=_sources
)
"""The same for kinds that take datagrams, too: ``udp:PORT``, ``udp:PORT:interface=ADDRESS``."""


def _read_remote(written: str) -> str:
    check_remote(written)
    return written


remote: Parser[str] = Parser(
    "where to dial: tcp:HOST:PORT, tls:HOST:PORT or unix:PATH", _read_remote, locate=located_remote, sources=sources_of_remote
)
"""One Twisted client endpoint description. See :mod:`netd.config.remotes`."""


def each_line(
    describes: str,
    read: Callable[[str, int], T],
    whole: Callable[[tuple[T, ...]], object] = tuple,
    placed: Callable[[T, Sequence[int]], T] | None = None,
) -> Parser[tuple[T, ...]]:
    """Return the parser of a text whose lines are read one by one, so that each mistake is told at its line.

    Semicolons are data in it: it is the text of another program's messages.

    :param read: reads one line that is not blank. The number is its place in the text, for a :class:`netd.errors.LineError`.
    :param whole: is called with all that was read, and raises a LineError about what does not fit together.
    :param placed: tells what was read from one line the number in the file of each line of the text, and returns it.
    """

    def read_all(written: str) -> tuple[T, ...]:
        found: list[T] = []
        errors: list[LineError] = []
        for index, line in enumerate(written.split("\n")):
            if line.strip():
                try:
                    found.append(read(line.strip(), index))
                except LineError as error:
                    errors.append(error)
                except ValueError as error:
                    errors.append(LineError(index, str(error)))
        try:
            if not errors:
                whole(tuple(found))
        except LineError as error:
            errors.append(error)
        if errors:
            raise LineErrors(errors)
        return tuple(found)

    def place_all(found: tuple[T, ...], lines: Sequence[int]) -> tuple[T, ...]:
        return found if placed is None else tuple(placed(one, lines) for one in found)

    return Parser(describes, read_all, is_verbatim=True, placed=place_all)


def _word_or(word: str, parser: Parser[T]) -> Parser[T | None]:
    def read(written: str) -> T | None:
        if written == word:
            return None
        try:
            return parser(written)
        except LineErrors:
            raise
        except ValueError as error:
            raise ValueError(f"{error}; or write {word}") from None

    def sources(value: T | None) -> Iterable[PairSource]:
        return () if value is None else parser.sources(value)

    described = f"{parser.describes}; or {word}"
    return Parser(described, read, parser.listens, parser.locate, sources, parser.is_verbatim, parser.placed)


def unlimited_or(parser: Parser[T]) -> Parser[T | None]:
    """Return *parser*, extended by the word ``unlimited``, which is None."""
    return _word_or("unlimited", parser)


def off_or(parser: Parser[T]) -> Parser[T | None]:
    """Return *parser*, extended by the word ``off``, which is None."""
    return _word_or("off", parser)


def auto_or(parser: Parser[T]) -> Parser[T | None]:
    """Return *parser*, extended by the word ``auto``, which is None: the service finds the value, as the option's help says."""
    return _word_or("auto", parser)
