"""What the answer of a server means for the lines that were posted."""

from __future__ import annotations

import re
from enum import Enum

from attrs import frozen

__all__ = ["LineVerdict", "Meaning", "judge"]


_PARTIAL = "partial write"
_DROPPED = re.compile(r"dropped[=: ]+([0-9]{1,9})")

_PASSING = (408, 425, 429)
"""Answers of 4xx that another try may change."""

_REMEDIES = {
    401: "the token is missing or wrong: see token_file",
    403: "the token may not write there: give it the right, or take another",
    404: "there is no such database, bucket or path: see url, or make it at the server",
    405: "that is no path to write to: see url",
}

LONGEST = 300


class Meaning(Enum):
    """What is to be done with the lines."""

    TAKEN = "taken"  # the server has them; those that it names as dropped it will never take
    LATER = "later"  # the server is away or busy
    REFUSED = "refused"  # nothing of this netd is taken until somebody sees to it
    BAD = "bad"  # one or more of the lines are at fault, or they are too many


@frozen
class LineVerdict:
    """What an answer means.

    :ivar why: for people; empty where all is well.
    :ivar dropped: lines that the server has left out of what it has taken.
    :ivar wait: seconds that the server asks for.
    """

    meaning: Meaning
    why: str = ""
    dropped: int = 0
    wait: float = 0.0


def judge(code: int, phrase: str, text: str, retry_after: float | None) -> LineVerdict:
    """Return what an answer means."""
    if 200 <= code < 300:
        return LineVerdict(Meaning.TAKEN)
    said = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())[:LONGEST]
    why = f"the answer is {code} {phrase}" + (f": {said}" if said else "")
    if code >= 500 or code in _PASSING:
        return LineVerdict(Meaning.LATER, why, wait=retry_after or 0.0)
    if code in (400, 413, 422):
        if code != 413 and _PARTIAL in said:
            found = _DROPPED.search(said)
            return LineVerdict(Meaning.TAKEN, why, int(found[1]) if found else 1)
        return LineVerdict(Meaning.BAD, why)
    return LineVerdict(Meaning.REFUSED, f"{why}; {_REMEDIES.get(code, 'see url')}")
