"""The wait before a remote is dialled again."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Backoff"]

DOUBLINGS = 30
"""Doublings after which the wait grows no more, whatever the longest one is."""


@frozen
class Backoff:
    """Waits that double with each failure, up to a longest one.

    :ivar first: the longest wait after the first failure, in seconds.
    :ivar longest: the longest wait after any number of failures, in seconds.
    """

    first: float
    longest: float

    def delay(self, failures: int, chance: float) -> float:
        """Seconds to wait.

        The wait is up to half shorter by chance: programs that lost the same server at the same moment come back one by one.

        :param failures: attempts that failed in a row before this one, 0 or more.
        :param chance: a random number from 0 up to 1.
        """
        longest: float = min(self.longest, self.first * 2 ** min(failures, DOUBLINGS))
        return longest * (1 + chance) / 2
