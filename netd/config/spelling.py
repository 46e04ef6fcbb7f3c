"""How messages about mistakes quote what was written and suggest what was meant. Knows nothing of options or files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = ["UNUSABLE", "did_you_mean", "nearest", "quoted"]

UNUSABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""A character that no configuration holds: a control character other than tab and newline, or a byte that is not UTF-8."""

_LONGEST_QUOTE = 80


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that *word* is most likely a slip of, or None. Letter case is no difference."""
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    found = difflib.get_close_matches(word.strip().casefold(), by_folded, 1)
    return by_folded[found[0]] if found else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """`` (did you mean …?)``, ready to be appended to a message; empty when nothing comes near."""
    candidate = nearest(word, candidates)
    return f" (did you mean {candidate}?)" if candidate is not None else ""


def quoted(text: str) -> str:
    """*text* as a message may show it: on one line, control characters escaped, cut after 80 characters."""
    return repr(text) if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]!r}…"
