"""The line editor: keys as a terminal sends them, including those that erase, move the cursor, or bring back earlier lines.

A telnet client in line mode does all of this itself and sends whole lines. In character mode, and on a serial console, each key
arrives here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from netd.codec.lines import LineTooLong

__all__ = ["MOST_PAST", "LineEditor"]

MOST_PAST = 100
"""Earlier lines that the arrow keys can bring back, at most."""

LONGEST_KEY = 32
"""Bytes of the escape sequence of one key, at most."""

_KEY = re.compile(rb"\n|[\x01\x05\x08\x09\x0b\x0c\x15\x17\x7f]|\x1b(?:\[[0-?]*[ -/]*[@-~]|O[@-~]|[^\[O\n])")
_BEGUN = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|O)?$")
_FIRST = re.compile(rb".[\x80-\xbf]{0,3}", re.DOTALL)


class LineEditor:
    """Turns keys into lines.

    :param limit: the longest line in bytes.
    :param complete: returns what the last word of the text up to the cursor may become, for the Tab key; None where Tab is text.
    :ivar choices: what that word may become, if it can be several things and no letter is common to them.
    :ivar is_secret: whether lines are not to be remembered, because a password is typed.
    :ivar is_changed: whether a key has changed the line, or the cursor's place in it, in a way that the terminal does not show.
    """

    def __init__(self, limit: int, complete: Callable[[str], Sequence[str] | None] = lambda before: None) -> None:
        self.limit = limit
        self.choices: Sequence[str] = ()
        self._complete = complete
        self.is_secret = False
        self.is_changed = False
        self._begun = b""
        self._before = b""
        self._after = b""
        self._past: list[bytes] = []
        self._place = 0  # an index of _past; len(_past) is the line that is being typed
        self._draft = b""

    @property
    def line(self) -> tuple[bytes, bytes]:
        """The unfinished line: the part before the cursor, and the part behind it."""
        return self._before, self._after

    def feed(self, typed: bytes) -> list[bytes]:
        """Return the lines that *typed* completes, without their ends.

        :raises LineTooLong: when a line is over the limit, whole or not.
        """
        stream, self._begun, self.is_changed, self.choices = self._begun + typed, b"", False, ()
        lines: list[bytes] = []
        position = 0
        for key in _KEY.finditer(stream):
            self._insert(stream[position : key.start()])
            position = key.end()
            if key[0] == b"\n":
                lines.append(self._end())
            elif key[0] == b"\t":
                self._tab(is_typed=position == len(stream))
            else:
                self._press(key[0])
        rest = stream[position:]
        begun = _BEGUN.search(rest)
        if begun is not None and len(begun[0]) <= LONGEST_KEY:
            rest, self._begun = rest[: begun.start()], begun[0]
        self._insert(rest)
        return lines

    def drop(self) -> None:
        """Forget the unfinished line."""
        self._begun = self._before = self._after = b""
        self._place = len(self._past)

    def _insert(self, text: bytes) -> None:
        self._before += text.replace(b"\x1b", b"")
        if len(self._before) + len(self._after) > self.limit:
            raise LineTooLong(f"a line has at most {self.limit} bytes")
        if text and self._after:
            self.is_changed = True

    def _end(self) -> bytes:
        line = self._before + self._after
        if line.strip() and not self.is_secret and line not in self._past[-1:]:
            self._past = [*self._past[1 - MOST_PAST :], line]
        self.drop()
        self.is_changed = False
        return line

    def _press(self, key: bytes) -> None:
        action = _ACTIONS.get(key)
        if action is not None:
            before = self.line
            action(self)
            self.is_changed = self.is_changed or self.line != before or key in (b"\x7f", b"\x08")
        else:
            self.is_changed = True  # an unknown key changes nothing, but the terminal may have shown it

    # The keys

    def _tab(self, is_typed: bool) -> None:
        """Complete the word before the cursor. A tab in the middle of pasted text is text."""
        before = self._before.decode("utf-8", "replace")
        words = self._complete(before) if is_typed and not self.is_secret else None
        if words is None:
            self._insert(b"\t")
            return
        self.is_changed = True
        begun, common = before.rpartition(" ")[2], _common(words)
        if len(common) > len(begun):
            self._insert(common[len(begun) :].encode())
        elif len(words) > 1:
            self.choices = words

    def _erase(self) -> None:
        self._before = self._before[: _last(self._before)]

    def _delete(self) -> None:
        self._after = _FIRST.sub(b"", self._after, count=1)

    def _erase_word(self) -> None:
        before = self._before.rstrip(b" ")
        self._before = before[: before.rfind(b" ") + 1]

    def _erase_line(self) -> None:
        self._before = b""

    def _erase_rest(self) -> None:
        self._after = b""

    def _left(self) -> None:
        place = _last(self._before)
        self._before, self._after = self._before[:place], self._before[place:] + self._after

    def _right(self) -> None:
        first = _FIRST.match(self._after)
        if first is not None:
            self._before, self._after = self._before + first[0], self._after[first.end() :]

    def _home(self) -> None:
        self._before, self._after = b"", self._before + self._after

    def _to_end(self) -> None:
        self._before, self._after = self._before + self._after, b""

    def _back(self) -> None:
        self._go(self._place - 1)

    def _forth(self) -> None:
        self._go(self._place + 1)

    def _go(self, place: int) -> None:
        if self.is_secret or not 0 <= place <= len(self._past):
            return
        if self._place == len(self._past):
            self._draft = self._before + self._after
        self._place = place
        self._before, self._after = (self._past[place] if place < len(self._past) else self._draft), b""


def _common(words: Sequence[str]) -> str:
    """Return the beginning that all *words* have."""
    least, greatest = min(words, default=""), max(words, default="")
    same = next((at for at, letter in enumerate(least) if greatest[at] != letter), len(least))
    return least[:same]


def _last(text: bytes) -> int:
    """Return the index of the last character of *text*, UTF-8: at most four bytes from the end."""
    place = max(0, len(text) - 1)
    while place > max(0, len(text) - 4) and 0x80 <= text[place] < 0xC0:
        place -= 1
    return place


_ACTIONS: Mapping[bytes, Callable[[LineEditor], None]] = {
    b"\x7f": LineEditor._erase,
    b"\x08": LineEditor._erase,
    b"\x1b[3~": LineEditor._delete,
    b"\x17": LineEditor._erase_word,
    b"\x15": LineEditor._erase_line,
    b"\x0b": LineEditor._erase_rest,
    b"\x01": LineEditor._home,
    b"\x05": LineEditor._to_end,
    **{begin + b"A": LineEditor._back for begin in (b"\x1b[", b"\x1bO")},
    **{begin + b"B": LineEditor._forth for begin in (b"\x1b[", b"\x1bO")},
    **{begin + b"C": LineEditor._right for begin in (b"\x1b[", b"\x1bO")},
    **{begin + b"D": LineEditor._left for begin in (b"\x1b[", b"\x1bO")},
    **{begin + b"H": LineEditor._home for begin in (b"\x1b[", b"\x1bO")},
    **{begin + b"F": LineEditor._to_end for begin in (b"\x1b[", b"\x1bO")},
    **dict.fromkeys((b"\x1b[1~", b"\x1b[7~"), LineEditor._home),
    **dict.fromkeys((b"\x1b[4~", b"\x1b[8~"), LineEditor._to_end),
}
"""Backspace (terminals send either of two codes), Delete, Ctrl-W, Ctrl-U, Ctrl-K, Ctrl-A, Ctrl-E, the arrows, Home and End."""
