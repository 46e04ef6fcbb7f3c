"""Subjects and patterns, in the grammar of NATS.

A subject is tokens ``[A-Za-z0-9_@-]+`` joined by dots.  In a pattern, ``*`` stands for one token, a final ``>`` for one or more.
Text from a peer never becomes a token unescaped: :func:`token` sees to that.  An ``@`` marks what another node of the cluster has
published, ``session.main@north.oven``; a subject of this node has none (:func:`is_own_subject`).
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["MAX_SUBJECT", "common", "covers", "is_own_subject", "is_subject", "matches", "overlaps", "split_pattern", "token"]

MAX_SUBJECT = 512
"""The longest subject or pattern, in characters."""

_SUBJECT = re.compile(r"[A-Za-z0-9_@-]+(?:\.[A-Za-z0-9_@-]+)*")
_PATTERN_TOKEN = re.compile(r"[A-Za-z0-9_@-]+|\*")
_NOT_TOKEN = re.compile(r"[^A-Za-z0-9_-]+")


def is_subject(text: str) -> bool:
    """Whether *text* is a subject, under which messages can be published."""
    return len(text) <= MAX_SUBJECT and _SUBJECT.fullmatch(text) is not None


def is_own_subject(text: str) -> bool:
    """Whether *text* is a subject that a caller or an option of this node may choose: one that names no other node."""
    return "@" not in text and is_subject(text)


@lru_cache(maxsize=1024)
def split_pattern(pattern: str) -> tuple[str, ...]:
    """Return the tokens of *pattern*.

    :raises ValueError: if *pattern* is too long, or has a token that no subject could match; the text names that token.
    """
    if len(pattern) > MAX_SUBJECT:
        raise ValueError(f"a subject pattern has at most {MAX_SUBJECT} characters")
    tokens = tuple(pattern.split("."))
    body = tokens[:-1] if tokens[-1] == ">" else tokens
    for part in body:
        if _PATTERN_TOKEN.fullmatch(part) is None:
            raise ValueError(f"subject pattern {pattern!r}: {part!r} is no token of [A-Za-z0-9_@-], no '*', and no final '>'")
    return tokens


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    parts = {"*": r"[^.]+", ">": r".+"}
    return re.compile(r"\.".join([parts.get(token) or re.escape(token) for token in split_pattern(pattern)]))


def matches(pattern: str, subject: str) -> bool:
    """Whether *subject* falls under *pattern*.

    :raises ValueError: if *pattern* is not a pattern.
    """
    return _expression(pattern).fullmatch(subject) is not None


def overlaps(one: str, other: str) -> bool:
    """Whether some subject falls under both patterns.

    :raises ValueError: when one of them is no pattern.
    """
    first, second = split_pattern(one), split_pattern(other)
    for mine, its in zip(first, second, strict=False):
        if ">" in (mine, its):
            return True
        if mine != its and "*" not in (mine, its):
            return False
    return len(first) == len(second)


def covers(pattern: str, narrower: str) -> bool:
    """Whether every subject that falls under *narrower* falls under *pattern*, too.

    :raises ValueError: when one of them is no pattern.
    """
    wide, narrow = split_pattern(pattern), split_pattern(narrower)
    if wide[-1] == ">":
        wide = wide[:-1]
        if len(narrow) <= len(wide):
            return False
    elif len(narrow) != len(wide) or narrow[-1] == ">":
        return False
    return all(want in ("*", got) for want, got in zip(wide, narrow, strict=False))


def common(one: str, other: str) -> str | None:
    """Return the pattern of the subjects that fall under both patterns; None if there are none.

    :raises ValueError: when one of them is no pattern.
    """
    first, second = split_pattern(one), split_pattern(other)
    found: list[str] = []
    for mine, its in zip(first, second, strict=False):
        if ">" in (mine, its):
            at = len(found)
            return ".".join([*found, *(second[at:] if mine == ">" else first[at:])])
        if mine != its and "*" not in (mine, its):
            return None
        found.append(its if mine == "*" else mine)
    return ".".join(found) if len(first) == len(second) else None


def token(text: str) -> str:
    """Return *text* made into one token of at most 64 characters.

    A run of other characters becomes one hyphen, hyphens at both ends are cut off, and an empty text becomes ``_``.

    >>> token("('127.0.0.1', 50412)")
    '127-0-0-1-50412'
    """
    return _NOT_TOKEN.sub("-", text).strip("-")[:64].rstrip("-") or "_"
