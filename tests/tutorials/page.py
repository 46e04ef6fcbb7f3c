"""What a tutorial tells its reader to do: the fenced blocks of the page, in order.

A block begins with its language, and with the name of a file if the reader is to save it: ```` ```python sensor.py ````.

=========== ==============================================================================================================
``console`` Lines behind ``$`` are typed, and below each is what it shows. ``…`` stands for anything, and a line that is
            nothing else for any lines. A program runs on if the last line is ``…``, or if it is typed with ``&``; if the
            last line is ``^C``, the reader ends it.
``ini``     Sections for ``netd.ini``, or for the named file. A section that is there already is replaced.
``python``  A program, which is run unless it has a file name.
``sh``      Lines to type that nothing but the machine of the reader can run.
=========== ==============================================================================================================

Blocks of other languages are saved if they name a file, and else are for the eye. This module runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

__all__ = ["Block", "Typed", "blocks", "merged", "pattern_of", "typed"]

_FENCED = re.compile(r"^```(?P<language>\w+) *(?P<file>\S*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^(?=\[)", re.MULTILINE)

_VARIES = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d|\d\d:\d\d(?::\d\d)?(?:\.\d+)?)"
    r"|(?P<length>\b\d+(?:\.\d+)? ?(?:ms|µs|s|min|m|h|B|KiB|MiB)\b(?! *[=/]))"
    r"|(?P<port>(?<=127\.0\.0\.1:)\d{5})"
    r"|(?P<token>netd_\w+)"
    r"|(?P<rule>-{3,})"
    r"|(?P<any>…)"
)
_ANYTHING_LIKE = {
    "time": r"[\d:.-]+",
    "length": r"\d+(?:\.\d+)? ?(?:ms|µs|s|min|m|h|KiB|MiB|B|GiB)",
    "port": r"\d+",
    "token": r"netd_\w+",
    "rule": r"-{3,}",
    "any": r".*?",
}
"""What differs each time that the page is followed: times, lengths of time, sizes, ports, tokens, rules below heads of tables."""


class Block(NamedTuple):
    """A fenced block.

    :ivar file: empty if it is not to be saved.
    :ivar line: of the page, for messages.
    """

    language: str
    file: str
    text: str
    line: int


class Typed(NamedTuple):
    """A command line and what it shows.

    :ivar runs_on: whether the program is left running.
    :ivar is_ended: whether the reader ends it by Ctrl-C.
    """

    command: str
    shown: tuple[str, ...]
    runs_on: bool = False
    is_ended: bool = False


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page."""
    for found in _FENCED.finditer(text):
        yield Block(found["language"], found["file"], found["text"], text.count("\n", 0, found.start()) + 1)


def typed(text: str) -> Iterator[Typed]:
    """The command lines of a block of the language ``console``."""
    assert text.startswith("$ "), f"the block does not begin with a prompt: {text[:60]!r}"
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = re.sub(r"\\\n", "", part).partition("\n")
        lines = tuple(line.rstrip() for line in shown.rstrip().splitlines())
        last = lines[-1] if lines else ""
        runs_on = last == "…" or command.endswith("&")
        yield Typed(command.removesuffix("&").strip(), lines[:-1] if last == "^C" else lines, runs_on, last == "^C")


def pattern_of(shown: Iterable[str], is_begun: bool = False) -> str:
    """A regular expression of output as the page shows it, but for the widths of columns and what is never the same twice.

    :param is_begun: whether more may follow.
    """
    lines = (r"(?:.*\n)*?" if line == "…" else rf"{_line(line)} *\n" for line in shown)
    return r"\A" + "".join(lines) + ("" if is_begun else r"\s*\Z")


def _line(line: str) -> str:
    pattern, end = "", 0
    for found in _VARIES.finditer(line):
        assert found.lastgroup is not None
        pattern += _literal(line[end : found.start()]) + _ANYTHING_LIKE[found.lastgroup]
        end = found.end()
    return pattern + _literal(line[end:])


def _literal(text: str) -> str:
    return re.sub(r"(?:\\ )+", " +", re.escape(text))


def merged(ini: str, more: str) -> str:
    """The INI with the sections of *more*, which replace those of the same names."""
    new = [section for section in _SECTION.split(more) if section.startswith("[")]
    names = {section.partition("]")[0] for section in new}
    old = [section for section in _SECTION.split(ini) if section.partition("]")[0] not in names]
    return "".join(f"{section.rstrip()}\n\n" for section in [*old, *new] if section.strip())
