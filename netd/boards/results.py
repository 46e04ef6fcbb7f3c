"""The results of the operations of boards, and the event that one has changed."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from netd.codec.units import Epoch

__all__ = ["BoardChanged", "BoardContent", "BoardFacts", "BoardVersion"]


@frozen(slots=False)
class BoardFacts:
    """A board.

    :ivar version: the number of its newest version; each write counts on.
    :ivar time: when that was written.
    :ivar who: who has written it.
    :ivar tiles: the number of its tiles.
    """

    name: str
    title: str
    version: int
    time: Epoch
    who: str
    tiles: int


@frozen(slots=False)
class BoardContent:
    """One version of a board, with all that it consists of."""

    name: str
    version: int
    time: Epoch
    who: str
    board: dict[str, Any]


@frozen(slots=False)
class BoardVersion:
    """One version of a board.

    :ivar deleted: whether this version is the deletion of the board.
    """

    version: int
    time: Epoch
    who: str
    title: str
    tiles: int
    deleted: bool


@frozen
class BoardChanged:
    """``board.main.<name>``: a board has a new version, or was deleted.

    :ivar who: who has done it.
    """

    name: str
    version: int
    title: str
    who: str
    deleted: bool
