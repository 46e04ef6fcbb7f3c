"""Patterns that are text with fields: ``ST,GS,{weight}{unit}``.

A pattern becomes one regular expression, in which no part is ever tried twice at the same place of a message. Numbers are taken
whole, a text ends at the first occurrence of what follows it, and the end of a ``{*}`` is settled before the next text begins. So
the time for a message grows with its length alone, whatever a hostile peer puts into it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property

from netd.wire.escapes import unescape
from netd.wire.fields import Field, FieldType, Match, WireReading, parse_field
from netd.wire.messages import WireMessage
from netd.wire.pieces import InBraces, split_pieces
from netd.wire.values import SHAPES, NoNumber, match_of, value_of

__all__ = ["ENDS", "TextPart", "TextPattern", "parse_text_pattern"]

TextPart = str | Field
"""A literal of a message, in which a blank stands for any blanks, or a field."""

ENDS = " \t\r\n"
"""Characters that are free at both ends of a message."""

_AROUND = r"[ \t\r\n]*+"
_BEHIND = r"[ \t\r\n\0]*+"

_UNBOUNDED = frozenset({FieldType.TEXT, FieldType.WORD, FieldType.SKIP, FieldType.REST})
"""Types of fields that end only where something else begins."""

_TEXTS = _UNBOUNDED
"""Types of fields whose value is the text that stands there."""

_SELF_ENDING = frozenset(
    {FieldType.NUM, FieldType.INT, FieldType.HEX, FieldType.COUNT, FieldType.COMMA, FieldType.DM, FieldType.BCD}
)
"""Types of fields that a text, such as a unit, may follow without anything between."""

_new = tuple.__new__


def parse_text_pattern(text: str, is_sample: bool, encoding: str) -> TextPattern:
    """Read a pattern.

    :raises ValueError: saying what is wrong with it.
    """
    parts: list[TextPart] = []
    for piece in split_pieces(text):
        if isinstance(piece, InBraces):
            parts.append(parse_field(piece.text, is_sample))
        else:
            parts.append(_literal(piece, encoding))
    for number, part in enumerate(parts):
        if isinstance(part, Field):
            _check_field(part, parts[:number])
            if number and isinstance(before := parts[number - 1], Field):
                _check_neighbours(before, part)
    return TextPattern(tuple(parts), is_sample)


def _literal(written: str, encoding: str) -> str:
    """Return *written* as it is in a message of *encoding*, where bytes that are no text are surrogates."""
    return unescape(written, encoding).decode(encoding, "surrogateescape")


def _check_field(field: Field, before: Sequence[TextPart]) -> None:
    if field.path is not None:
        raise ValueError(f"{field}: only json and struct have a = in a field; write {{{field.name or 'name'}}}")
    if field.type is FieldType.HEMI:
        fields = [part for part in before if isinstance(part, Field) and part.name is not None]
        if not fields or fields[-1].name != field.name:
            raise ValueError(f"{field}: N, S, E or W stands behind its number; write {{{field.name}:dm}} before it")
    elif field.name not in (None, "unit") and any(isinstance(part, Field) and part.name == field.name for part in before):
        raise ValueError(f"{{{field.name}}} is there twice; give one of them another name")


def _check_neighbours(field: Field, behind: Field) -> None:
    is_ended = field.width is not None or (
        field.type in _SELF_ENDING and (behind.type in _UNBOUNDED or behind.type is FieldType.HEMI or behind.width is not None)
    )
    if not is_ended:
        raise ValueError(
            f"{field} and {behind} stand side by side; write what is between them, or give the first a width: {{{field.text}:4}}"
        )


class TextPattern:
    """A text with fields, as an expression that matches whole messages.

    :ivar parts: its literals and fields.
    :ivar fields: its fields.
    :ivar source: the expression, with a group for each field of *kept*, in their order.
    """

    def __init__(self, parts: tuple[TextPart, ...], is_sample: bool) -> None:
        self.parts = parts
        self.fields = tuple(part for part in parts if isinstance(part, Field))
        self.kept = tuple(field for field in self.fields if field.is_kept)
        self.source = _Expression(parts).source()
        self._is_sample = is_sample
        self._fullmatch = re.compile(self.source, re.DOTALL | re.ASCII).fullmatch
        self.match: Callable[[WireMessage], Match | None] = self._match
        if is_sample and all(_is_plain(field) for field in self.kept):
            self._channels = [(field.name or "", field.unit) for field in self.kept]
            self._names = [name for name, _ in self._channels]
            self.match = self._match_numbers
        elif all(field.type in _TEXTS for field in self.kept):
            self._names = [field.name or "" for field in self.kept]
            self.match = self._match_texts

    @property
    def takes_everything(self) -> bool:
        """Whether each message matches."""
        return len(self.parts) == 1 and self.fields != () and _is_anything(self.fields[0])

    @property
    def first(self) -> str | None:
        """The character with which each message begins, blanks left out; None if there are several."""
        head = self.parts[0].lstrip(" ") if self.parts and isinstance(self.parts[0], str) else ""
        return head[0] if head and head[0] not in ENDS else None

    @cached_property
    def beginnings(self) -> list[tuple[int, Callable[[str], re.Match[str] | None]]]:
        """What matches its first parts at the beginning of a text, for each number of them, the most first.

        Those that end with a field that has no end of its own are left out: they would take all of a text.
        """
        ended = [
            self.parts[:count]
            for count, part in enumerate(self.parts, 1)
            if isinstance(part, str) or part.type not in _UNBOUNDED or part.width is not None
        ]
        flags = re.DOTALL | re.ASCII
        return [(len(parts), re.compile(_Expression(parts).source(), flags).match) for parts in reversed(ended)]

    def _match(self, message: WireMessage) -> Match | None:
        found = self._fullmatch(message.text)
        if found is None:
            return None
        try:
            pairs = [(field, value_of(field, message.clean(raw))) for field, raw in zip(self.kept, found.groups(), strict=True)]
        except NoNumber:  # in a field of some columns
            return None
        return match_of(pairs, self._is_sample)

    def _match_texts(self, message: WireMessage) -> Match | None:
        """Do the same where all fields are texts, or where there are none."""
        found = self._fullmatch(message.text)
        if found is None:
            return None
        texts = map(message.clean, found.groups()) if message.is_garbled else found.groups()
        values = {name: text.rstrip("\0").strip() for name, text in zip(self._names, texts, strict=True)}
        return _new(Match, (values, [], None, values.get("name")))

    def _match_numbers(self, message: WireMessage) -> Match | None:
        """Do the same where all fields are plain numbers, as in most of the patterns that messages match again and again."""
        found = self._fullmatch(message.text)
        if found is None:
            return None
        try:
            numbers = [*map(float, found.groups())]
        except ValueError:
            return self._match(message)  # one is absent, or its sign stands apart
        total = sum(numbers)
        if total - total:  # NaN: one is that, or infinite
            return self._match(message)
        # `tuple.__new__` takes half the time of a call of the class.
        pairs = zip(numbers, self._channels, strict=True)
        readings = [_new(WireReading, (None, name, value, unit, None, False)) for value, (name, unit) in pairs]
        return _new(Match, (dict(zip(self._names, numbers, strict=True)), readings, None, None))


def _is_plain(field: Field) -> bool:
    is_unscaled = field.scale is None and not field.offset and field.width is None
    return field.is_reading and field.type is FieldType.NUM and is_unscaled


def _is_anything(field: Field) -> bool:
    return field.type in (FieldType.TEXT, FieldType.SKIP, FieldType.REST) and field.width is None


class _Expression:
    """The expression of a pattern, while it is written."""

    def __init__(self, parts: tuple[TextPart, ...]) -> None:
        self._parts = parts
        # Where tabs separate, a blank is a space: an empty cell between two tabs is one.
        self._blank = " " if any(isinstance(part, str) and "\t" in part for part in parts) else r"[ \t]"

    def source(self) -> str:
        parts = self._parts
        starts_with_columns = bool(parts) and isinstance(parts[0], Field) and parts[0].width is not None
        return ("" if starts_with_columns else self._ends(_AROUND)) + self._from(0, len(parts))

    def _ends(self, ends: str) -> str:
        return ends.replace(r"\t", "") if self._blank == " " else ends

    def _from(self, start: int, stop: int) -> str:
        """Write the parts from *start* to *stop*, and the end of the message if they are the last."""
        written, place = [], start
        while place < stop:
            part = self._parts[place]
            if isinstance(part, str):
                written.append(self._literal(part))
            elif part.width is not None:
                written.append(self._columns(part, place + 1 == len(self._parts)))
            elif part.type in _UNBOUNDED:
                piece, place = self._unbounded(part, place + 1)
                written.append(piece)
                continue
            else:
                written.append(self._bounded(part, place + 1))
            place += 1
        if stop == len(self._parts):
            written.append(self._ends(_BEHIND))
        return "".join(written)

    def _literal(self, text: str) -> str:
        return "".join(f"{self._blank}++" if chunk[:1] == " " else re.escape(chunk) for chunk in re.split("( +)", text) if chunk)

    def _group(self, field: Field, source: str) -> str:
        return f"({source})" if field.is_kept else f"(?:{source})"

    def _columns(self, field: Field, is_last: bool) -> str:
        least = 0 if is_last else field.width
        return self._group(field, f".{{{least},{field.width}}}+")

    def _bounded(self, field: Field, place: int) -> str:
        behind = self._parts[place] if place < len(self._parts) else ""
        shape = SHAPES[field.type]
        if isinstance(behind, str) and behind[:1] in (".", "e", "E") and field.type in (FieldType.NUM, FieldType.COUNT):
            shape = SHAPES[FieldType.INT]  # {day}.{month}: the dot is the message's
        pad = f"{self._blank}*+" if field.type is not FieldType.HEMI else ""
        is_padded = behind.width is None if isinstance(behind, Field) else not behind.startswith(" ")
        return pad + self._group(field, f"(?>{shape})") + (pad if is_padded else "")

    def _unbounded(self, field: Field, place: int) -> tuple[str, int]:
        """Write *field* with what stands behind it, from *place* on, and return the place at which that ends."""
        if place == len(self._parts):
            return self._group(field, r"[^ \t\r\n]++" if field.type is FieldType.WORD else self._any(field, ".")), place
        literal = self._parts[place]
        assert isinstance(literal, str), "a field beside another one ends by itself"
        if field.type is FieldType.REST:
            return self._rest(field, place)
        mark = literal[0]
        if mark == " " and not literal.strip(" "):
            return self._group(field, self._any(field, f"[^{self._blank.strip('[]')}]")), place
        if field.type is FieldType.WORD:
            return self._group(field, rf"[^ \t\r\n{re.escape(mark)}]++"), place
        if len(literal.rstrip(" ")) == 1 and len(literal) == 1:
            return self._group(field, self._any(field, f"[^{re.escape(mark)}]")), place
        return self._until(field, self._literal(literal), mark), place + 1

    def _rest(self, field: Field, place: int) -> tuple[str, int]:
        """Write a ``{*}``: it ends where all that follows fits, as far as that has an end of its own."""
        stop = place
        while stop < len(self._parts) and not self._is_unbounded(stop):
            stop += 1
        literal = self._parts[place]
        assert isinstance(literal, str), "a field beside another one ends by itself"
        head = self._from(place, stop)
        if stop == len(self._parts):
            return self._group(field, ".*?") + self._guard(literal[0]) + head, stop
        return self._until(field, head, literal[0]), stop

    def _is_unbounded(self, place: int) -> bool:
        part = self._parts[place]
        return isinstance(part, Field) and part.type in _UNBOUNDED and part.width is None

    def _until(self, field: Field, head: str, mark: str) -> str:
        # The group is atomic: once *head* has been found, no later place is tried.
        least = "." if field.name in ("name", "channel") else ""
        return f"(?>{self._group(field, f'{least}.*?')}{self._guard(mark)}{head})"

    def _guard(self, mark: str) -> str:
        """Let a run of blanks be tried at its first one alone: the time would otherwise grow with the square of its length."""
        return f"(?<!{self._blank})" if mark == " " else ""

    def _any(self, field: Field, characters: str) -> str:
        """Write a repetition of *characters*: names must have one at least."""
        return f"{characters}{'++' if field.name in ('name', 'channel') else '*+'}"
