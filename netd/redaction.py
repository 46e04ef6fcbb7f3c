"""Arguments as records may keep them: short, without secrets, and few.

Records of operations and of commands use the same function, so that a secret which one of them hides is not told by the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

__all__ = ["LONGEST", "MOST", "abridged", "redacted", "scrubbed", "without_token_texts", "without_tokens"]

LONGEST = 200
"""Characters of a text that a record keeps."""

MOST = 100
"""Values of all arguments together that a record keeps."""

DEEPEST = 6
"""Levels of nested values that a record keeps."""

HIDDEN = "…"
"""Stands for a secret, and for whatever is left out."""

_TOKEN = re.compile(rb"netd_[A-Za-z0-9_-]+")
"""A token of netd, or its beginning, among other bytes."""

_TOKEN_TEXT = re.compile(r"netd_[A-Za-z0-9_-]{20,}")
"""A whole token in a text that others read. A shorter word that begins like one is none. What stands before it does not matter:
an escaped line feed, as excerpts of input have it, ends with the letter n."""

_SECRET = re.compile("token|password|secret|^page$", re.IGNORECASE)
"""The names of arguments that hold secrets. ``page`` is the key of a browser's session, an argument of ``system.login``."""

_WORDS = "token|password|passwd|passphrase|secret|api[_-]?key|authorization|cookie|x-netd-page"
"""What a secret is called, also as the end of a longer name."""

_VALUE = (
    r"(?:"
    r"(\\\")(?:(?!\\\")[^\n])+"
    r"|(\")(?:\\.|[^\"\\\n])+"
    r"|(')(?:\\.|[^'\\\n])+"
    r"|(?:\\[^\"\n]|[^\s\"'\\])(?:\\.|[^\"'\\\n])*"
    r")"
)
"""A secret: up to the end of its quotes, or else to that of the line. It may have spaces in it."""

_SAID = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"netd_(?=[\w-]*[A-Z0-9])[\w-]{16,}"), f"netd_{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w+/=.~-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?i)({_WORDS})(\\?[\"']?\s{{0,9}}[:=]\s{{0,9}}){_VALUE}"), rf"\1\2\3\4\5{HIDDEN}"),
    (re.compile(r"(\w://)[^\s\"'<>]{1,300}@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(https?://[^\s?\"']{0,300}\?)[^\s\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?<=/)(?=[\w:-]*[A-Z\d])[\w:-]{20,}"), HIDDEN),
    (re.compile(r"\b(__Host-netd|netd-\d+)((?:-\d+)?=)[\w-]{22}"), rf"\1\2{HIDDEN}"),
    (re.compile(r"[A-Za-z0-9+_-]{40,}={0,2}"), HIDDEN),
)
"""Patterns of secrets in any text, and what stands for them: keys, tokens, what stands behind such a word, what addresses on the
web carry (user, query, long parts of a path), cookies, and whatever is so long and random that it must be a key or its digest.
Repetitions have bounds where they could be tried from many places: a hostile line must not take minutes."""


def abridged(text: str) -> str:
    """Return *text*, cut to :data:`LONGEST` characters."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}{HIDDEN}"


def without_tokens(received: bytes) -> bytes:
    """Return *received* for the log, with each token in it hidden: what a peer sends may be wrong, and hold a good token."""
    return _TOKEN.sub("netd_…".encode(), received)


def without_token_texts(text: str) -> str:
    """Return *text* with each whole token in it hidden: what a program says in the wrong place goes to others and the log."""
    return _TOKEN_TEXT.sub(f"netd_{HIDDEN}", text)


def scrubbed(text: str) -> str:
    """Return *text*, such as a log, without what looks like a secret. Too much may go, but nothing that opens a door stays."""
    for pattern, instead in _SAID:
        text = pattern.sub(instead, text)
    return text


def redacted(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return *arguments* for a record.

    Texts are cut. The value of ``page``, and of each name with ``token``, ``password`` or ``secret`` in it, is hidden, also
    within objects and lists. Of many or deeply nested values, those that are too many or too deep are left out.
    """
    found: dict[str, Any] = _Redaction().of(arguments, 0)
    return found


class _Redaction:
    """Counts the values of one record."""

    def __init__(self) -> None:
        self._left = MOST

    def of(self, value: object, depth: int) -> Any:
        if isinstance(value, str):
            return abridged(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, bytes | bytearray):
            return f"{len(value)} bytes"
        if depth >= DEEPEST:
            return HIDDEN
        if is_dataclass(value):
            value = {one.name: getattr(value, one.name) for one in fields(value)}
        if isinstance(value, Mapping):
            return self._members(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._items(value, depth)
        return f"({type(value).__name__})"

    def _members(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, member in value.items():
            if not self._take():
                kept[HIDDEN] = f"{len(value) - len(kept)} more"
                break
            key = abridged(str(name))
            kept[key] = HIDDEN if _SECRET.search(key) else self.of(member, depth + 1)
        return kept

    def _items(self, value: Any, depth: int) -> list[Any]:
        kept: list[Any] = []
        for item in value:
            if not self._take():
                kept.append(f"{HIDDEN} {len(value) - len(kept)} more")
                break
            kept.append(self.of(item, depth + 1))
        return kept

    def _take(self) -> bool:
        self._left -= 1
        return self._left >= 0
