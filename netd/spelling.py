"""Quotes and suggestions in messages about mistakes. This module knows nothing of options or files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = ["UNUSABLE", "did_you_mean", "nearest", "none_of", "quoted"]

UNUSABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""A character that no configuration may hold: a control character other than tab and newline, or a byte that is not UTF-8."""

_LONGEST_QUOTE = 80


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate most similar to *word*, or None if none is similar. Letter case is ignored."""
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    found = difflib.get_close_matches(word.strip().casefold(), by_folded, 1)
    return by_folded[found[0]] if found else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return `` (did you mean …?)``, to be appended to a message; empty if no candidate is similar."""
    candidate = nearest(word, candidates)
    return f" (did you mean {candidate}?)" if candidate is not None else ""


def none_of(word: str, known: Iterable[str]) -> str:
    """Return the message that *word* is none of the *known* ones, with the most similar of them."""
    known = list(known)
    return f"{quoted(word)} is none of {', '.join(known)}{did_you_mean(word, known)}"


def quoted(text: str) -> str:
    """Return *text* as messages quote it: on one line, with control characters escaped, cut after 80 characters."""
    return repr(text) if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]!r}…"
