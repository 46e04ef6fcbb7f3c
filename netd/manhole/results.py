"""What the operations of a manhole give."""

from __future__ import annotations

from attrs import frozen

__all__ = ["ManholeSession"]


@frozen(slots=False)
class ManholeSession:
    """Somebody at the manhole.

    :ivar user: None until somebody has logged in.
    :ivar who: user and address, in words.
    """

    user: str | None
    who: str
