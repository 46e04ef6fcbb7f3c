"""The five ways to write what a message is: text with fields, ``each``, ``json``, ``struct`` and a regular expression."""

from __future__ import annotations

import re

from attrs import evolve

from netd.wire.each_pattern import PIECES, SPACE, EachPattern, parse_separator
from netd.wire.expression import Expression, parse_expression
from netd.wire.fields import Field, FieldType
from netd.wire.json_pattern import JsonPattern, parse_json_pattern
from netd.wire.struct_pattern import StructPattern, parse_struct_pattern
from netd.wire.text_pattern import TextPattern, parse_text_pattern

__all__ = ["Pattern", "parse_pattern"]

Pattern = TextPattern | EachPattern | JsonPattern | StructPattern | Expression
"""What a message is. Each has ``fields`` and ``match``."""


_WITH_PIECES = re.compile(r"(.*\{\*\}.*?) each (.*)")


def parse_pattern(text: str, is_sample: bool, encoding: str = "utf-8") -> Pattern:
    """Read a pattern.

    :param is_sample: whether fields are numbers unless they say otherwise.
    :raises ValueError: saying what is wrong with it.
    """
    word, _, rest = text.partition(" ")
    if word == "json":
        return parse_json_pattern(rest, is_sample)
    if word == "struct":
        return parse_struct_pattern(rest.strip(), is_sample, encoding)
    if len(text) > 1 and text.startswith("/") and text.endswith("/"):
        return parse_expression(text[1:-1], is_sample)
    if word == "each":
        return _parse_each(rest, None, is_sample, encoding)
    around = _WITH_PIECES.fullmatch(text)
    if around is not None:
        return _parse_each(around[2], _head(around[1], is_sample, encoding), is_sample, encoding)
    return parse_text_pattern(text, is_sample, encoding)


def _parse_each(text: str, head: TextPattern | None, is_sample: bool, encoding: str) -> EachPattern:
    separator, _, rest = text.strip().partition(" ")
    inner = rest.strip()
    if not separator or not inner:
        raise ValueError(f"each: write what separates the pieces, and what a piece is: each , {{channel}}={{value}} (or {SPACE})")
    return EachPattern(parse_separator(separator, encoding), _piece(inner, is_sample, encoding), head)


def _head(text: str, is_sample: bool, encoding: str) -> TextPattern:
    """Read the pattern around the pieces, in which they have a name."""
    parts = parse_text_pattern(text, is_sample, encoding).parts
    rests = [part for part in parts if isinstance(part, Field) and part.type is FieldType.REST]
    if len(rests) != 1:
        raise ValueError(f"each: the pieces are one {{*}} of {text}, and it has {len(rests)}")
    return TextPattern(tuple(evolve(part, name=PIECES) if part is rests[0] else part for part in parts), is_sample)


def _piece(text: str, is_sample: bool, encoding: str) -> TextPattern | EachPattern:
    pattern = parse_pattern(text, is_sample, encoding)
    if not isinstance(pattern, TextPattern | EachPattern):
        raise ValueError("each: a piece is text with fields, or each again; nothing else")
    return pattern
