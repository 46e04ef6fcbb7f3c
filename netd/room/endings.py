"""Results of the last rooms that ended, which a restart finds again."""

from __future__ import annotations

from collections import deque
from typing import Any

from attrs import asdict, define, field

from netd.interfaces import IStatePart, IStateTable
from netd.room.results import RoomResult

__all__ = ["MOST_RESULTS", "Endings"]

MOST_RESULTS = 100
"""Rooms whose results are kept."""

WITHIN = 10.0
"""Seconds within which a result is written: rooms can be over many times a second."""


@define
class Beginning:
    """Facts about a room while it goes on.

    :ivar bots: all that have taken part, in the order of joining.
    :ivar lines: lines that were passed on, the sentence of the host among them.
    """

    began: float
    bots: list[str] = field(factory=list)
    lines: int = 0


class Endings:
    """The results of the rooms of one service, and what will become the results of those that go on."""

    def __init__(self) -> None:
        self._going_on: dict[int, Beginning] = {}
        self._results: deque[RoomResult] = deque(maxlen=MOST_RESULTS)
        self._table: IStateTable | None = None

    def load(self, part: IStatePart) -> int:
        """Find the results of earlier runs. Return the greatest number of a room among them, or 0."""
        self._table = part.table("result")
        for key, entry in self._table.load(MOST_RESULTS):
            try:
                self._results.append(RoomResult(**{**entry, "bots": list(entry["bots"])}))
            except (KeyError, TypeError):
                self._table.drop(key)  # of a netd with other results
        return max((result.room for result in self._results), default=0)

    def newest(self) -> list[RoomResult]:
        """The results, newest first."""
        return list(self._results)[::-1]

    def joined(self, room: int, bot: str, now: float) -> None:
        """Note that *bot* has a place in a room, which may be a new one."""
        beginning = self._going_on.setdefault(room, Beginning(now))
        if len(beginning.bots) < MOST_RESULTS:
            beginning.bots.append(bot)

    def passed_on(self, room: int) -> None:
        """Note that a line was passed on in a room."""
        self._going_on[room].lines += 1

    def over(self, room: int, round: int, rounds: int, reason: str, now: float) -> None:
        """Note that a room is over.

        :param round: the number of finished rounds.
        """
        known = self._going_on.pop(room)
        oldest = self._results[0] if len(self._results) == MOST_RESULTS else None
        result = RoomResult(room, known.began, now, round, rounds, known.bots, known.lines, reason)
        self._results.append(result)
        if self._table is not None:
            entry: dict[str, Any] = asdict(result)
            self._table.note(str(room), entry, WITHIN)
            if oldest is not None:
                self._table.drop(str(oldest.room))
