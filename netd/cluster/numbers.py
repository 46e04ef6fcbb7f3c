"""Numbers that must not come twice: a call, or a message to a device, is carried out once, whatever the network doubles."""

from __future__ import annotations

from collections import OrderedDict

from attrs import define, field

__all__ = ["LASTS", "WIDTH", "SeenNumbers"]

WIDTH = 4096
"""Numbers behind the highest one of which it is known whether they came. Those before count as having come."""

LASTS = 300.0
"""Seconds for which the numbers of a process are remembered after the newest one."""

MOST = 1024
"""Processes whose numbers are remembered."""

_ALL = (1 << WIDTH) - 1


@define
class _Window:
    """The numbers of one process.

    :ivar seen: bit *n* says whether the number ``highest - n`` came.
    """

    highest: int
    seen: int
    used: float


@define(eq=False)
class SeenNumbers:
    """The numbers that have come, of each process of other nodes. Each process counts its own from 1."""

    _windows: OrderedDict[str, _Window] = field(factory=OrderedDict, init=False)

    def is_new(self, epoch: str, number: int, now: float) -> bool:
        """Note that *number* of the process *epoch* has come at the time *now*. Return False if it came before."""
        windows = self._windows
        window = windows.get(epoch)
        if window is None:
            self._make_room(now)
            windows[epoch] = _Window(number, 1, now)
            return True
        window.used = now
        windows.move_to_end(epoch)
        ahead = number - window.highest
        if ahead > 0:
            window.seen = (window.seen << ahead | 1) & _ALL if ahead < WIDTH else 1
            window.highest = number
            return True
        bit = 1 << -ahead if -ahead < WIDTH else 0
        if not bit or window.seen & bit:
            return False
        window.seen |= bit
        return True

    def _make_room(self, now: float) -> None:
        """Forget the processes whose numbers are old, and the oldest ones if there are too many."""
        windows = self._windows
        while windows and (len(windows) >= MOST or next(iter(windows.values())).used < now - LASTS):
            windows.popitem(last=False)
