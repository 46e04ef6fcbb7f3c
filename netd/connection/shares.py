"""The turn of the reactor, divided: one owner, and a named share of its time for each kind of work that would make others wait.

Work is a generator that yields between its steps. A share does its pieces one after the other; as many steps as fit into its time
are done at once, and the rest in the turns that follow. In those, all shares that have work together get :data:`MOST` seconds,
divided by what each may have; what one of them leaves is for the next. All that is spent is counted by name.

Not ``twisted.internet.task.Cooperator``: a piece costs it 10 us (a share 1.4) and begins a turn later; all pieces advance at
once, so that of a thousand hand-outs all are half done; and it cannot be told to finish.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from netd.interfaces import ITurnShare

__all__ = ["MOST", "TurnShare", "TurnShares", "own_share"]

MOST = 0.01
"""Seconds of a turn, of all shares together."""


@implementer(ITurnShare)
class TurnShare:
    """The time for one kind of work. See :meth:`TurnShares.share`.

    :ivar name: of the work.
    :ivar seconds: of a turn, at most.
    :ivar spent: seconds, since the start. Whoever does little work at once, without a generator, adds what it took.
    """

    _log = Logger()

    def __init__(self, shares: TurnShares, name: str, seconds: float) -> None:
        self.shares = shares
        self.name = name
        self.seconds = seconds
        self.spent = 0.0
        self._left = seconds  # of this turn, for work that starts
        self._work: deque[Iterator[None]] = deque()
        self._is_busy = False

    @property
    def is_waiting(self) -> bool:
        """Whether work is left for the next turn."""
        return bool(self._work)

    def start(self, work: Iterator[None]) -> None:
        """Add *work*, a generator that yields between its steps, and do as much of it now as fits into this turn.

        A turn in which a hundred streams start their hand-outs has no more time for these than for one.
        """
        self._work.append(work)
        if len(self._work) == 1 and not self._is_busy:
            if self._left > 0.0:
                before = self.spent
                self.run(self._left)
                self._left -= self.spent - before
            if self._work or self._left < self.seconds / 2:  # little work does not pay for a call of the reactor
                self.shares.renew()

    def start_later(self, work: Iterator[None]) -> None:
        """Add *work*, which begins in the next turn."""
        self._work.append(work)
        self.shares.renew()

    def begin_turn(self) -> None:
        """Another turn has come, with time of its own."""
        self._left = self.seconds

    def finish(self) -> None:
        """Do all work now, however long that takes. For a caller whose memory is bounded, and who has reached the bound."""
        self.run(float("inf"))

    def stop(self) -> None:
        """Forget the work that is left."""
        self._work.clear()

    def run(self, seconds: float) -> None:
        """Work for so many *seconds*. A piece that raises is logged, and the next one begins."""
        monotonic, work = self.shares.monotonic, self._work
        was_busy, self._is_busy = self._is_busy, True  # a step may call start(), which must not run work within work
        began = now = monotonic()
        end = began + seconds
        while work:
            piece = work[0]
            try:
                next(piece)
            except StopIteration:
                work.popleft()
            except Exception:
                work.popleft()
                self._log.failure("a piece of work failed: {name}", name=self.name)
            now = monotonic()
            if now >= end:
                break
        self._is_busy = was_busy
        self.spent += now - began


class TurnShares:
    """Divides each turn.

    :param monotonic: the clock, which is never set back.
    :param later: the reactor's ``callLater``.
    """

    def __init__(self, monotonic: Callable[[], float], later: Callable[..., Any]) -> None:
        self.monotonic = monotonic
        self._later = later
        self._shares: deque[TurnShare] = deque()
        self._spent: dict[str, float] = {}  # of shares that are gone
        self._is_scheduled = False

    def share(self, name: str, seconds: float) -> TurnShare:
        """Time for the work called *name*: so many *seconds* of each turn, at most, and less where other work waits."""
        share = TurnShare(self, name, seconds)
        self._shares.append(share)
        return share

    def adopt(self, share: TurnShare) -> None:
        """Divide these turns among *share* and the others from now on; it was made on its own, and nothing waits in it."""
        share.shares = self
        self._shares.append(share)

    def let_go(self, share: TurnShare) -> None:
        """Nothing more is done in *share*: its service has ended. What it spent stays counted."""
        share.stop()
        self._shares.remove(share)
        self._spent[share.name] = self._spent.get(share.name, 0.0) + share.spent

    def renew(self) -> None:
        """See to it that another turn comes."""
        if not self._is_scheduled:
            self._is_scheduled = True
            self._later(0, self._turn)

    def spent(self) -> dict[str, float]:
        """Seconds by name of the work, since the start."""
        spent = dict(self._spent)
        for share in self._shares:
            spent[share.name] = spent.get(share.name, 0.0) + share.spent
        return dict(sorted(spent.items()))

    def _turn(self) -> None:
        self._is_scheduled = False
        for share in self._shares:
            share.begin_turn()
        waiting = deque([share for share in self._shares if share.is_waiting])
        self._shares.rotate(-1)  # another is the last, which has what the others leave
        weight, end = sum([share.seconds for share in waiting]), self.monotonic() + MOST
        while waiting:
            share = waiting.popleft()
            share.run(min(share.seconds, max(0.0, end - self.monotonic()) * share.seconds / weight))
            weight -= share.seconds
        if any(share.is_waiting for share in self._shares):
            self.renew()


def own_share(clock: IReactorTime, name: str, seconds: float) -> TurnShare:
    """A share of turns that nobody else has: that of a service outside of a daemon, until :meth:`TurnShares.adopt`."""
    return TurnShares(clock.seconds, clock.callLater).share(name, seconds)
