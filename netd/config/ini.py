"""Reads INI text into sections and options that know their line numbers, and goes on after a mistake.

The dialect is that of :mod:`configparser` without interpolation, ``[DEFAULT]`` and ``:`` as a delimiter. configparser itself
forgets line numbers and stops at the first repeated section. The tests compare this reader with it. Nothing here knows which
sections and options exist.
"""

from __future__ import annotations

import re

from attrs import define, field, frozen

from netd.spelling import UNUSABLE

__all__ = ["IniBlock", "IniEntry", "Mistake", "read"]

_COMMENT_MARKS = (";", "#")
_INLINE_COMMENT = re.compile(r"\s;.*")
_HEADER = re.compile(r"\[([^\]]+)\]")
_ESCAPED_BYTES = range(0xDC80, 0xDD00)


@frozen
class Mistake:
    """A line that cannot be read.

    :ivar line: its number, counted from 1.
    :ivar section: the name of its section; empty before the first one.
    """

    line: int
    section: str
    problem: str


@frozen
class IniEntry:
    """One ``option = value``.

    :ivar text: the value without comments, its lines joined by newlines.
    :ivar verbatim: the same with what stands behind `` ;``, for options in whose values that is data. Whole lines of comment are
        left out here, too.
    :ivar lines: the number of each line of both.
    """

    name: str
    text: str
    line: int
    verbatim: str
    lines: tuple[int, ...]


@frozen
class IniBlock:
    """One ``[section]`` with its entries in file order, also repeated ones."""

    name: str
    line: int
    entries: tuple[IniEntry, ...]


def read(text: str) -> tuple[tuple[IniBlock, ...], tuple[Mistake, ...]]:
    """Return the sections of *text* and the lines that could not be read.

    :param text: decoded with ``surrogateescape``, so that bytes that are not UTF-8 can be reported.
    """
    reader = _Reader()
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines, 1):
        reader.take(number, line)
    return tuple(IniBlock(block.name, block.line, tuple(block.finished())) for block in reader.blocks), tuple(reader.mistakes)


@frozen
class _Line:
    number: int
    text: str
    verbatim: str


@define
class _OpenEntry:
    name: str
    line: int
    indentation: int
    lines: list[_Line]

    def finished(self) -> IniEntry:
        filled = [position for position, line in enumerate(self.lines) if line.text]
        lines = self.lines[filled[0] : filled[-1] + 1] if filled else []
        text, verbatim = "\n".join(line.text for line in lines), "\n".join(line.verbatim for line in lines)
        return IniEntry(self.name, text, self.line, verbatim, tuple(line.number for line in lines))


@define
class _OpenBlock:
    name: str
    line: int
    entries: list[_OpenEntry] = field(factory=list)

    def finished(self) -> list[IniEntry]:
        return [entry.finished() for entry in self.entries]


class _Reader:
    """Takes line after line."""

    def __init__(self) -> None:
        self.blocks: list[_OpenBlock] = []
        self.mistakes: list[Mistake] = []
        self._block: _OpenBlock | None = None
        self._entry: _OpenEntry | None = None
        self._strays_are_reported = False

    def take(self, number: int, line: str) -> None:
        """Read one line, without its newline."""
        stripped = line.strip()
        indentation = len(line) - len(line.lstrip())
        is_continuation = self._entry is not None and indentation > self._entry.indentation
        unusable = UNUSABLE.search(line)
        if unusable is not None:
            self._note(number, _unusable_character(unusable[0], unusable.start() + 1))
            if not is_continuation:
                self._leave(stripped, number, indentation)
        elif not stripped.startswith(_COMMENT_MARKS):
            self._take_content(_Line(number, _INLINE_COMMENT.sub("", line).strip(), stripped), indentation, is_continuation)

    def _take_content(self, line: _Line, indentation: int, is_continuation: bool) -> None:
        if self._entry is not None and (is_continuation or not line.text):
            self._entry.lines.append(line)
        elif line.text.startswith("["):
            self._open_block(line.number, line.text)
        elif line.text:
            self._open_entry(line, indentation)

    def _note(self, number: int, problem: str) -> None:
        section = self._block.name if self._block is not None else ""
        self.mistakes.append(Mistake(number, section, problem))

    def _leave(self, content: str, number: int, indentation: int) -> None:
        """Skip the lines that continue a line which cannot be read."""
        if content.startswith("["):
            self._block = self._entry = None
            self._strays_are_reported = True
        else:
            self._entry = _OpenEntry("", number, indentation, [])

    def _open_block(self, number: int, content: str) -> None:
        self._leave(content, number, 0)
        match = _HEADER.match(content)
        if match is None:
            self._note(number, "a section is written [name], with a closing bracket")
            return
        self._block = _OpenBlock(match[1], number)
        self.blocks.append(self._block)
        if match.end() < len(content):
            self._note(number, "something follows the section's closing bracket; give it a line of its own")

    def _open_entry(self, line: _Line, indentation: int) -> None:
        number, content = line.number, line.text
        name, equals, value = content.partition("=")
        name = name.rstrip()
        if equals and name:
            verbatim = line.verbatim.partition("=")[2].lstrip()
            first = _Line(number, value.lstrip(), "" if verbatim.startswith(";") else verbatim)
            self._entry = _OpenEntry(name, number, indentation, [first])
            self._keep(number, self._entry)
            return
        self._leave(content, number, indentation)
        if equals:
            self._note(number, "the option's name is missing before the =")
        else:
            remedy = "write = in place of the :" if ":" in content else "write option = value"
            self._note(number, f"neither [section] nor option = value; {remedy}")

    def _keep(self, number: int, entry: _OpenEntry) -> None:
        if self._block is not None:
            self._block.entries.append(entry)
        elif not self._strays_are_reported:
            self._strays_are_reported = True
            self._note(number, "an option stands before the first [section]; write its section above it")


def _unusable_character(character: str, column: int) -> str:
    if ord(character) in _ESCAPED_BYTES:
        return f"not UTF-8 in column {column} (byte 0x{ord(character) - 0xDC00:02x}); save the file as UTF-8"
    return f"control character U+{ord(character):04X} in column {column}; take it out"
