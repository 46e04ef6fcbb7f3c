"""The five ways to write what a message is: text with fields, ``each``, ``json``, ``struct`` and a regular expression."""

from __future__ import annotations

from netd.wire.each_pattern import SPACE, EachPattern, parse_separator
from netd.wire.expression import Expression, parse_expression
from netd.wire.json_pattern import JsonPattern, parse_json_pattern
from netd.wire.struct_pattern import StructPattern, parse_struct_pattern
from netd.wire.text_pattern import TextPattern, parse_text_pattern

__all__ = ["Pattern", "parse_pattern"]

Pattern = TextPattern | EachPattern | JsonPattern | StructPattern | Expression
"""What a message is. Each has ``fields`` and ``match``."""


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
        return _parse_each(rest.strip(), is_sample, encoding)
    return parse_text_pattern(text, is_sample, encoding)


def _parse_each(text: str, is_sample: bool, encoding: str) -> EachPattern:
    separator, _, rest = text.partition(" ")
    inner = rest.strip()
    if not separator or not inner:
        raise ValueError(f"each: write what separates the pieces, and what a piece is: each , {{channel}}={{value}} (or {SPACE})")
    return EachPattern(parse_separator(separator, encoding), _piece(inner, is_sample, encoding))


def _piece(text: str, is_sample: bool, encoding: str) -> TextPattern | EachPattern:
    pattern = parse_pattern(text, is_sample, encoding)
    if not isinstance(pattern, TextPattern | EachPattern):
        raise ValueError("each: a piece is text with fields, or each again; nothing else")
    return pattern
