"""Whose work is done next, when there is more than fits into a turn of the reactor: start-time fair queueing, by time.

A tree of three levels shares the time: lanes (connections with a credential, those without, newcomers), keys (one credential, or
one network address), and connections.  Each level has a virtual clock.  Whatever waits is tagged with its virtual
start: the clock of its level or, where that is later, the virtual end of what it had before.  The least tag goes first.  So a
connection that floods waits behind itself, however much it sends, and one that says little is served as soon as it speaks.

A newcomer has nothing on its account.  A flood of new connections would therefore hold up those that have had something, however
little that was.  So newcomers have a lane of their own, and the smallest share.
"""

from __future__ import annotations

import enum
import heapq
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

__all__ = ["TURN_SHARE", "WEIGHTS", "Contender", "Lane", "Standing", "Turns"]

TURN_SHARE = 0.003
"""Seconds of work in one turn of the reactor."""

NEW_FOR = 1.0
"""Seconds after which a connection without a credential is no newcomer any more, once all of its work is done."""

LEAST_COST = 1e-6
"""Seconds that a piece of work counts at least: a coarse clock must not make it free."""

MOST_KEYS = 4096
"""Keys that are remembered when the last connection of each has gone."""


class Lane(enum.IntEnum):
    """What is known of a connection."""

    KNOWN = 0
    UNKNOWN = 1
    NEWCOMER = 2


WEIGHTS = {Lane.KNOWN: 8.0, Lane.UNKNOWN: 4.0, Lane.NEWCOMER: 1.0}
"""Shares of the lanes while both have work waiting."""

Standing = tuple[Lane, str]
"""The lane of a connection, and its key there."""


class _Member:
    """What has a share of a level's time.

    :ivar due: virtual end of what it had.
    :ivar is_waiting: it stands in the line of its level.
    """

    __slots__ = ("due", "is_waiting", "level", "weight")

    def __init__(self, level: _Level | None, weight: float = 1.0) -> None:
        self.level = level
        self.weight = weight
        self.due = 0.0
        self.is_waiting = False

    def wait(self, numbers: itertools.count[int]) -> None:
        """Stand in the line, and so do all levels above."""
        member: _Member = self
        while member.level is not None and not member.is_waiting:
            member.is_waiting = True
            level = member.level
            owes = member.due > level.now
            heapq.heappush(level.line, (member.due if owes else level.now, owes, next(numbers), member))
            member = level

    def charge(self, cost: float) -> None:
        """Put *cost* on the account, and on those of all levels above."""
        member: _Member = self
        while member.level is not None:
            member.due = max(member.level.now, member.due) + cost / member.weight
            member = member.level


class _Level(_Member):
    """A member whose time others share.

    :ivar now: its virtual clock.
    :ivar line: who waits: by virtual start, then those that owe nothing first, then by who came first.
    :ivar members: how many connections it has, whether they wait or not.
    """

    __slots__ = ("line", "members", "now")

    def __init__(self, level: _Level | None, weight: float = 1.0) -> None:
        super().__init__(level, weight)
        self.now = 0.0
        self.line: list[tuple[float, bool, int, _Member]] = []
        self.members = 0

    def pop(self) -> _Member:
        """Take the first out of the line."""
        start, _owes, _number, member = heapq.heappop(self.line)
        self.now = max(self.now, start)
        member.is_waiting = False
        return member


class Contender(_Member, ABC):
    """One connection, as the others see it."""

    __slots__ = ("_new_until", "_standing", "_turns", "is_new")

    def __init__(self, turns: Turns) -> None:
        super().__init__(None)
        self._turns = turns
        self._standing: Standing | None = None
        self._new_until = turns.monotonic() + NEW_FOR
        self.is_new = True

    @abstractmethod
    def standing(self) -> Standing:
        """The connection's lane and key as they are now; asked each time it lines up."""

    @abstractmethod
    def serve(self) -> None:
        """Do a small piece of the work that waits; line up again for the next."""

    def speak(self, now: float) -> None:
        """There is new work, and none that waits: a newcomer may have become one of the others.

        One that still has work of its beginning does not, however long that takes: it may be one of a flood.
        """
        if now >= self._new_until:
            self.is_new = False

    def line_up(self) -> None:
        """Have :meth:`serve` called when the turn comes. Once is enough, however often this is called."""
        if not self.is_waiting:
            self._turns._line_up(self)

    def enter(self) -> None:
        """Join the key that :meth:`standing` names, and leave the one before if it is another."""
        lane, key = standing = self.standing()
        if self.is_new and lane is Lane.UNKNOWN:
            standing = Lane.NEWCOMER, key
        if standing != self._standing:
            self.leave()
            self._standing = standing
            self.level = self._turns._key(standing)
            self.level.members += 1
            self.due = self.level.now

    def leave(self) -> None:
        """The connection is gone, or has another standing."""
        if self.level is not None:
            self.level.members -= 1
        self._standing = self.level = None


class Turns:
    """Gives each connection of one service its turn.

    :param later: the reactor's ``callLater``.
    :param monotonic: a clock that nobody sets.
    :ivar has_time: nobody waits, and this turn has time left: work may be done at once, and :meth:`spend` told what it took.
    """

    def __init__(self, later: Callable[..., Any], monotonic: Callable[[], float]) -> None:
        self._later = later
        self.monotonic = monotonic
        self._numbers = itertools.count()
        self._root = _Level(None)
        self._lanes = {lane: _Level(self._root, weight) for lane, weight in WEIGHTS.items()}
        self._keys: dict[Standing, _Level] = {}
        self._left = TURN_SHARE
        self._is_scheduled = False
        self._served: Contender | None = None
        self._is_again = False
        self.has_time = True

    def spend(self, seconds: float) -> None:
        """Work that was done at once took so long. While nobody waits, nobody's account matters, and none is kept."""
        self._left -= max(seconds, LEAST_COST)
        if self._left <= 0.0:
            self.has_time = False
            self._schedule()

    def _line_up(self, contender: Contender) -> None:
        if contender is self._served:
            self._is_again = True  # behind what is put on its account now
            return
        contender.enter()
        contender.wait(self._numbers)
        self.has_time = False
        self._schedule()

    def _key(self, standing: Standing) -> _Level:
        key = self._keys.get(standing)
        if key is None:
            if len(self._keys) >= MOST_KEYS:
                self._forget_keys()
            key = self._keys[standing] = _Level(self._lanes[standing[0]])
        return key

    def _forget_keys(self) -> None:
        """Drop keys without connections: those that owe nothing, or, where that is not enough, all of them."""
        kept = {standing: key for standing, key in self._keys.items() if key.members or key.due > self._lanes[standing[0]].now}
        if len(kept) >= MOST_KEYS:
            kept = {standing: key for standing, key in kept.items() if key.members}
        self._keys = kept

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._later(0, self._next_turn)

    def _next_turn(self) -> None:
        self._is_scheduled = False
        end = self.monotonic() + TURN_SHARE
        try:
            while self._root.line:
                self._serve_next()
                if self.monotonic() >= end:
                    break
        finally:
            self._left = TURN_SHARE
            self.has_time = not self._root.line
            if not self.has_time:
                self._schedule()

    def _serve_next(self) -> None:
        """Serve the first in the line. What it raises is the reactor's to log, and ends nothing but this turn."""
        path: list[_Level] = []
        member: _Member = self._root
        while isinstance(member, _Level):
            path.append(member)
            member = member.pop()
        assert isinstance(member, Contender)
        self._served, self._is_again, began = member, False, self.monotonic()
        try:
            member.serve()
        finally:
            self._served = None
            member.charge(max(self.monotonic() - began, LEAST_COST))
            for level in reversed(path):
                if level.line:
                    level.wait(self._numbers)
            if self._is_again:
                self._line_up(member)
