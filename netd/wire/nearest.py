"""The rule that comes nearest to a message that no rule takes, and the place at which the two part. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from netd.wire.fields import Field
from netd.wire.messages import WireMessage, as_shown
from netd.wire.rules import Rule
from netd.wire.text_pattern import TextPart, TextPattern

__all__ = ["nearest"]

_SHOWN = 20
"""Characters of the message, behind the place, that are quoted."""


def nearest(rules: Iterable[Rule], message: WireMessage) -> str:
    """Return where the rule stops that takes most of *message*, in words; nothing if none takes its beginning."""
    text = message.text.rstrip()
    best, words = 0, ""
    for rule in rules:
        if isinstance(rule.pattern, TextPattern):
            end, wanted = _stops(rule.pattern, text)
            if end > best:
                best, words = end, f"{rule.place} comes nearest: {_parts(as_shown(text[end:]).strip(' '), wanted)}"
    return words


def _stops(pattern: TextPattern, text: str) -> tuple[int, TextPart | None]:
    """How much of *text* the beginning of *pattern* takes, and what should stand behind that; None if nothing should."""
    parts = pattern.parts
    for count, begins in pattern.beginnings:
        found = begins(text)
        if found is not None and found.end():
            before = next((begins(text) for fewer, begins in pattern.beginnings if fewer == count - 1), None)
            is_empty = isinstance(parts[count - 1], Field) and before is not None and before.end() == found.end()
            wanted = count - 1 if is_empty else count  # a number that is absent is one, but not what was meant
            return found.end(), parts[wanted] if wanted < len(parts) else None
    return 0, None


def _parts(rest: str, wanted: TextPart | None) -> str:
    comes = repr(rest[:_SHOWN]) + "…" * (len(rest) > _SHOWN) if rest else "the end"
    if wanted is None:
        return f"{comes} stands behind its end"
    return f"{comes} is not {wanted if isinstance(wanted, Field) else repr(wanted)}"
