"""Tokens of the first dialect: ``s142`` is an announcement, ``x-1.5e3`` a sample (session protocol, section 3).

A token ends at the letter of the next one, at a newline, or at the end of the connection. After a silence, the machine ends it.
An agent that has sent a newline is taken to end all of its tokens by newlines: then silence ends none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import compress

from netd.session.samples import LONGEST, NUMBER, PLAIN_NUMBER, Column, Sample, SampleBatch, Summary, number_of

__all__ = ["Alphabet", "LetterReader"]

LONGEST_ID = 9
"""Digits in an announced id, at most."""

_TOKENS = re.compile(rb"\S[^\n]*+").findall
_END = rb"[ \t\r]*+$"
_NOT_LETTERS = b"0123456789+-.eE\r\n"

_SPOILT = b"?"
"""Replaces the rest of a token that is too long. With this character in it, the token can be no number, whatever follows."""


class Alphabet:
    """The letters that begin tokens, and the expressions that read tokens of these letters.

    :param letters: one for each channel, in the order in which agents announce them: lower-case, neither ``s`` nor ``e``.
    :ivar starters: the letters, and the ``s`` of announcements, as single bytes.
    """

    def __init__(self, letters: str) -> None:
        alphabet = letters.encode()
        self.letters = [bytes([letter]) for letter in alphabet]
        self.starters = [b"s", *self.letters]
        choice = b"[" + alphabet + b"]"
        self._number = re.compile(NUMBER).match
        self.plain_samples = re.compile(b"(?:" + choice + rb"-?+[0-9]{1,200}+(?:\.[0-9]{0,200}+)?+\n?+)*+").fullmatch
        self.all_samples = re.compile(b"(?:" + choice + PLAIN_NUMBER + rb"\r?+\n?+)*+").fullmatch
        sample, announcement = rb"(" + choice + rb")[ \t]*+(" + NUMBER + rb")", rb"s([1-9])([0-9]{1,%d}+)" % LONGEST_ID
        self._find_samples = re.compile(rb"^[ \t]*+" + sample + _END, re.MULTILINE).findall
        self._find_announced = re.compile(rb"^[ \t]*+" + announcement + _END, re.MULTILINE).findall
        self._find_bad = re.compile(
            rb"^[ \t]*+(?!%b%b|%b%b)[^\s][^\n]*+" % (sample, _END, announcement, _END), re.MULTILINE
        ).search
        self._blank = bytes.maketrans(alphabet, b" " * len(alphabet))
        self._choose = {letter: bytes(code == letter for code in range(256)) for letter in alphabet}
        self.unfinished = re.compile(rb"s[1-9]?|" + choice + rb"[+-]?(?:[0-9]*\.)?|" + choice + NUMBER + rb"[eE][+-]?|").fullmatch

    def lines(self, block: bytes) -> bytes:
        """*block*, which holds only samples, with each sample on a line of its own."""
        if block.count(b"\n") == sum(map(block.count, self.letters)):
            return block
        return self._part(block)

    def parse(self, body: bytes) -> SampleBatch:
        """Read *body*, which holds whole tokens."""
        if self.plain_samples(body) or self.all_samples(body):
            return SampleBatch(body)
        lines = self._part(body)
        spelled = self._find_samples(lines)
        samples = [letter + number + b"\n" for letter, number in spelled if number_of(number) is not None]
        announced = tuple((int(place), int(number)) for place, number in self._find_announced(lines))
        bad = len(_TOKENS(lines)) - len(samples) - len(announced)
        first_bad = self._find_bad(lines)
        return SampleBatch(b"".join(samples), announced, bad, first_bad[0] if bad and first_bad else b"")

    def summarise(self, block: bytes, spans: bool) -> list[Summary]:
        """One entry for each channel in *block*. No step runs Python code for each sample: that is what makes counting cheap."""
        found, is_single = [], True
        for letter in self.letters:
            count = block.count(letter)
            if count:
                newest = self._number(block, block.rindex(letter) + 1)
                assert newest is not None, "a block holds samples only"
                value = float(newest[0])
                found.append(Summary(letter.decode(), count, value, None, (value, value) if spans else None))
                is_single = is_single and count == 1
        if is_single or not spans:  # one sample of each channel, as in the short reads of most agents
            return found
        lines = self.lines(block)
        distinct = set(lines.split(b"\n"))
        if 2 * len(distinct) > sum(summary.samples for summary in found):
            span_of = self._spans_of_columns(block)
        else:
            span_of = {summary.channel: _span(distinct, summary.channel.encode()) for summary in found}
        return [summary._replace(span=span_of[summary.channel]) for summary in found]

    def columns(self, block: bytes) -> dict[str, Column]:
        """The values in *block* by channel. ``translate`` separates letters from numbers for all samples at once."""
        letters = block.translate(None, _NOT_LETTERS)
        numbers = list(map(float, block.translate(self._blank).split()))
        present = [letter for letter in self.letters if letter in letters]
        if len(present) == 1:
            return {present[0].decode(): Column(numbers)}
        choose = self._choose
        return {letter.decode(): Column(list(compress(numbers, letters.translate(choose[letter[0]])))) for letter in present}

    def _part(self, body: bytes) -> bytes:
        for starter in self.starters:
            body = body.replace(starter, b"\n" + starter)
        return body

    def _spans_of_columns(self, block: bytes) -> dict[str, tuple[float, float]]:
        """The range of each channel, the fast way where few samples are equal."""
        return {name: (min(column.values), max(column.values)) for name, column in self.columns(block).items()}


def _span(lines: set[bytes], letter: bytes) -> tuple[float, float]:
    values = [float(line[1:]) for line in lines if line.startswith(letter)]
    return min(values), max(values)


class LetterReader:
    """A :class:`netd.session.samples.SampleReader` of the first dialect.

    :ivar is_waiting: True while a token has begun that only silence will end.
    """

    __slots__ = ("_alphabet", "_ends_lines", "_pending", "is_waiting")

    def __init__(self, alphabet: Alphabet) -> None:
        self._alphabet = alphabet
        self._pending = b""
        self._ends_lines = False
        self.is_waiting = False

    def feed(self, received: bytes) -> SampleBatch:
        """The tokens that *received* completes."""
        joined = self._pending + received if self._pending else received
        if joined.endswith(b"\n"):
            self._pending, self._ends_lines, self.is_waiting = b"", True, False
            return self._alphabet.parse(joined)
        body, self._pending = self._cut(joined)
        self.is_waiting = not self._ends_lines and bool(self._pending)
        return self._alphabet.parse(body) if body else SampleBatch()

    @property
    def is_announcing(self) -> bool:
        """Whether the token that has begun is an announcement."""
        return self._pending.startswith(b"s")

    def look(self) -> SampleBatch:
        """Read the token that has begun, as far as it has come, and keep it."""
        return self._alphabet.parse(self._pending)

    def end_token(self) -> SampleBatch:
        """End the token that has begun, and read it. A token that cannot be whole (``x-``) is kept, and nothing is returned."""
        if self._alphabet.unfinished(self._pending):
            return SampleBatch()
        return self.finish()

    def finish(self) -> SampleBatch:
        """Read the token that has begun: the connection has ended."""
        pending, self._pending, self.is_waiting = self._pending, b"", False
        return self._alphabet.parse(pending) if pending else SampleBatch()

    def summarise(self, block: bytes, spans: bool = True) -> list[Summary]:
        """One entry for each channel in *block*."""
        return self._alphabet.summarise(block, spans)

    def samples(self, block: bytes) -> Iterator[Sample]:
        """The samples in *block*, in order."""
        for line in self._alphabet.lines(block).split(b"\n"):
            if line:
                yield Sample(chr(line[0]), float(line[1:]))

    def columns(self, block: bytes) -> dict[str, Column]:
        """The samples in *block* by channel."""
        return self._alphabet.columns(block)

    def _cut(self, joined: bytes) -> tuple[bytes, bytes]:
        """Split *joined* before its last token, which may go on. Of a token that is too long, only the letter is kept."""
        newline = joined.rfind(b"\n") + 1
        if newline:
            self._ends_lines = True
        starters = self._alphabet.starters
        start = max(joined.rfind(starter, max(newline, len(joined) - LONGEST)) for starter in starters)
        if start < 0 and len(joined) - newline > LONGEST:
            start = max(joined.rfind(starter, newline) for starter in starters)
            letter = joined[start : start + 1] if start >= 0 else b""
            return joined[: max(start, newline)], letter + _SPOILT
        cut = max(start, newline)
        return joined[:cut], joined[cut:]
