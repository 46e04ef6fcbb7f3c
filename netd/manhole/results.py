"""The results of the manhole's operations."""

from __future__ import annotations

from attrs import frozen

__all__ = ["ManholeSession"]


@frozen(slots=False)
class ManholeSession:
    """One session at the manhole.

    :ivar user: None until somebody has logged in.
    :ivar who: user and address, in words.
    """

    user: str | None
    who: str
