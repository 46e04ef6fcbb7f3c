"""The words that the options of alerts and bridges share: comparisons, targets, and several of them in one option."""

from __future__ import annotations

import re

from netd.bus.subject import covers, is_own_subject
from netd.reaction.actions import Publish
from netd.reaction.condition import OPERATORS, Comparison, Ends, Judge, Offline, Value

__all__ = ["NUMBER", "read_comparison", "read_judge", "read_lines", "read_publish"]

NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
"""A number, as people write it."""

_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_FLAGS = {"yes": True, "true": True, "no": False, "false": False}


def read_lines(written: str) -> list[str]:
    """Return what stands one a line in *written*, or with `` | `` between."""
    lines = [one.strip() for line in written.splitlines() for one in line.split(" | ")]
    return [line for line in lines if line]


def read_judge(words: list[str], examples: str) -> Judge:
    """Read what one event must be like: ``> 30``, ``state = failing``, ``offline`` or ``ends``.

    :raises ValueError: saying what is wrong, and *examples* of what to write.
    """
    if words == ["offline"]:
        return Offline()
    return Ends() if words == ["ends"] else read_comparison(words, examples)


def read_comparison(words: list[str], examples: str) -> Comparison:
    """Read ``[MEMBER] SIGN VALUE``.

    :raises ValueError: saying what is wrong, and *examples* of what to write.
    """
    written = " ".join(words)
    if len(words) == 2:
        words = ["value", *words]
    if len(words) < 3 or words[1] not in OPERATORS or not _MEMBER.fullmatch(words[0]):
        raise ValueError(f"{written!r:.80} is no condition; {examples}")
    value = _value(" ".join(words[2:]))
    if not isinstance(value, float) and words[1] not in ("=", "!="):
        raise ValueError(f"{words[1]} compares numbers, and {' '.join(words[2:])!r:.80} is none; texts have = and !=")
    return Comparison(words[0], words[1], value)


def _value(written: str) -> Value:
    if NUMBER.fullmatch(written):
        return float(written)
    return _FLAGS.get(written, written.strip('"') if written.startswith('"') else written)


def read_publish(written: str) -> Publish:
    """Read a subject under which people and programs may publish.

    :raises ValueError: saying what is wrong.
    """
    if not is_own_subject(written) or not covers("custom.>", written):
        raise ValueError(f"publish: {written!r:.80} is no subject that begins with `custom.`")
    return Publish(written)
