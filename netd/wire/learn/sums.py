"""Check bytes that hold in all messages: the option ``check``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netd.wire.checks import SUMS, parse_check

__all__ = ["find_check"]

_FURTHEST_BEGIN = 4
"""Bytes at the head of a message that a sum may leave out."""
_LONGEST_TAIL = 4
"""Bytes of an end mark that may stand behind the check bytes."""
_DAMAGED = 20
_FEWEST = {1: 4, 2: 2}
"""Messages that are needed for a sum of one byte or two; fewer agree by chance."""


def find_check(messages: Sequence[bytes]) -> str | None:
    """Return the check that holds in all *messages*, which are different; None if there is none."""
    distinct = list(dict.fromkeys(messages))
    starred = [one for one in distinct if one[:1] in (b"$", b"!") and b"*" in one[-5:]]
    if len(starred) * 2 > len(distinct) and _hold("nmea", starred):
        return "nmea"
    return next((check for check in _candidates(distinct) if _hold(check, distinct)), None)


def _hold(check: str, messages: Sequence[bytes]) -> bool:
    """Whether *check* holds in all messages but one in twenty, which were damaged on their way."""
    holds = parse_check(check).holds
    damaged = 0
    for message in messages:
        if not holds(message):
            damaged += 1
            if damaged * _DAMAGED > len(messages):
                return False
    return True


def _candidates(distinct: Sequence[bytes]) -> Iterator[str]:
    shortest = min(map(len, distinct), default=0)
    for name, sum_of in SUMS.items():
        width = len(sum_of(b""))
        if len(distinct) < _FEWEST.get(width, 2):
            continue
        for tail in range(_LONGEST_TAIL + 1):
            for begin in range(_FURTHEST_BEGIN + 1):
                if begin + width + tail + 1 < shortest:
                    end = width + tail
                    yield name if not begin and not tail else f"{name}:{begin}..-{end}"
