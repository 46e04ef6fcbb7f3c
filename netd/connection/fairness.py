"""The order in which connections are served when there is more work than fits into a reactor turn: start-time fair queueing.

A tree of three levels shares the processor's time: lanes (connections with a credential, connections without, newcomers), keys
(one credential, or one network address), and connections. Each level has a virtual clock. A member that waits is tagged with its
virtual start: the clock of its level or, if that is later, the virtual end of its last piece of work. The least tag is served
first. So a connection that floods waits behind its own work, and a connection that sends little is served at once.

New connections have used no time yet, so a flood of them would always go before connections that have used a little. Therefore
newcomers have a lane of their own, with the smallest weight.
"""

from __future__ import annotations

import enum
import heapq
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from netd.interfaces import ITurnShare

__all__ = ["TURN_SHARE", "WEIGHTS", "Contender", "Lane", "Standing", "Turns"]

TURN_SHARE = 0.003
"""Seconds of work in one turn of the reactor."""

NEW_FOR = 1.0
"""Seconds for which a connection without a credential is a newcomer; longer while it still has work waiting."""

LEAST_COST = 1e-6
"""Seconds that each piece of work is charged at least, because a coarse clock may measure none."""

MOST_KEYS = 4096
"""Keys that are remembered at most. A key outlives its last connection: connecting anew must not clear its account."""


class Lane(enum.IntEnum):
    """The kind of a connection, by what is known of its other end."""

    KNOWN = 0
    UNKNOWN = 1
    NEWCOMER = 2


WEIGHTS = {Lane.KNOWN: 8.0, Lane.UNKNOWN: 4.0, Lane.NEWCOMER: 1.0}
"""The weight of each lane: its part of the time while other lanes have work waiting, too."""

Standing = tuple[Lane, str]
"""The lane of a connection, and its key there."""


class _Member:
    """A node of the tree: it has a share of the time of the level above.

    :ivar due: the virtual end of its last piece of work.
    :ivar is_waiting: whether it is in the queue of its level.
    """

    __slots__ = ("due", "is_waiting", "level", "weight")

    def __init__(self, level: _Level | None, weight: float = 1.0) -> None:
        self.level = level
        self.weight = weight
        self.due = 0.0
        self.is_waiting = False

    def wait(self, numbers: itertools.count[int]) -> None:
        """Enter the queue of the level above, and that level the queue of its own, up to the root."""
        member: _Member = self
        while member.level is not None and not member.is_waiting:
            member.is_waiting = True
            level = member.level
            owes = member.due > level.now
            heapq.heappush(level.line, (member.due if owes else level.now, owes, next(numbers), member))
            member = level

    def charge(self, cost: float) -> None:
        """Charge *cost* seconds to this node and to all levels above it."""
        member: _Member = self
        while member.level is not None:
            member.due = max(member.level.now, member.due) + cost / member.weight
            member = member.level


class _Level(_Member):
    """An inner node: its members share its time.

    :ivar now: its virtual clock.
    :ivar line: the queue, a heap: ordered by virtual start; of equal ones, members that owe nothing first; then by arrival.
    :ivar members: how many connections it has, waiting or not.
    """

    __slots__ = ("line", "members", "now")

    def __init__(self, level: _Level | None, weight: float = 1.0) -> None:
        super().__init__(level, weight)
        self.now = 0.0
        self.line: list[tuple[float, bool, int, _Member]] = []
        self.members = 0

    def pop(self) -> _Member:
        """Remove the first member from the queue, and return it."""
        start, _owes, _number, member = heapq.heappop(self.line)
        self.now = max(self.now, start)
        member.is_waiting = False
        return member


class Contender(_Member, ABC):
    """A leaf of the tree: one connection."""

    __slots__ = ("_new_until", "_standing", "_turns", "is_new")

    def __init__(self, turns: Turns) -> None:
        super().__init__(None)
        self._turns = turns
        self._standing: Standing | None = None
        self._new_until = turns.monotonic() + NEW_FOR
        self.is_new = True

    @abstractmethod
    def standing(self) -> Standing:
        """Return the connection's lane and key now. Called each time it enters the queue, because a login changes them."""

    @abstractmethod
    def serve(self) -> None:
        """Do a small piece of the work that waits, and call :meth:`line_up` again if more is left."""

    def speak(self, now: float) -> None:
        """Note that new work has come while none was waiting: after :data:`NEW_FOR`, the connection is no newcomer any more.

        A connection whose first work still waits stays a newcomer however long that takes, because it may belong to a flood.
        """
        if now >= self._new_until:
            self.is_new = False

    def line_up(self) -> None:
        """Have :meth:`serve` called once, when the connection's turn comes. Calling this again before that changes nothing."""
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
        """Leave the key: the connection is gone, or has another one now."""
        if self.level is not None:
            self.level.members -= 1
        self._standing = self.level = None


class Turns:
    """Serves the connections of one service in their order.

    :param share: of the reactor's turn, in which they are served.
    :param monotonic: a clock that nobody sets.
    :ivar has_time: whether nothing waits and this turn has time left. Then work may be done at once, without the queue, and
        :meth:`spend` is told how long it took: that is the fast path, which a service that is not overloaded never leaves.
    """

    def __init__(self, share: ITurnShare, monotonic: Callable[[], float]) -> None:
        self.share = share
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
        """Subtract *seconds* of work that was done at once. It is charged to nobody: while nothing waits, no order is needed."""
        self.share.spent += seconds
        self._left -= max(seconds, LEAST_COST)
        if self._left <= 0.0:
            self.has_time = False
            self._schedule()

    def _line_up(self, contender: Contender) -> None:
        if contender is self._served:
            self._is_again = True  # it enters the queue only after this piece is charged, or it would keep its old tag
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
        """Drop keys that have no connections: those that owe nothing first, and all of them if that does not suffice."""
        kept = {standing: key for standing, key in self._keys.items() if key.members or key.due > self._lanes[standing[0]].now}
        if len(kept) >= MOST_KEYS:
            kept = {standing: key for standing, key in kept.items() if key.members}
        self._keys = kept

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self.share.start_later(self._serve())

    def _serve(self) -> Iterator[None]:
        """Serve one connection after the other. The share of the turn says when the others go on."""
        try:
            while self._root.line:
                self._serve_next()
                if self._root.line:
                    yield
        except Exception:
            self._end()
            raise  # which the share logs
        self._end()

    def _end(self) -> None:
        """Nothing waits any more, or what was done has failed: then the rest is served by another piece of work."""
        self._is_scheduled = False
        self._left = TURN_SHARE
        self.has_time = not self._root.line
        if not self.has_time:
            self._schedule()

    def _serve_next(self) -> None:
        """Serve the connection at the head of the queue."""
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
