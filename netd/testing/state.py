"""A state database in memory, which can be full, and can be found again as after a crash."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.python.failure import Failure

from netd.state.file import Kept, Row
from netd.state.state import State

__all__ = ["MemoryDisk", "MemoryState", "run_now"]


class MemoryDisk:
    """The file of a state database, as a dictionary.

    :ivar refuses: set it to an error to play a disk that refuses to be written.
    :ivar unreadable: set it to an error to play one that cannot be read when the daemon starts.
    :ivar commits: the rows of each commit.
    """

    name = "memory"
    trouble = ""
    size = 0

    def __init__(self) -> None:
        self.refuses: Exception | None = None
        self.unreadable: Exception | None = None
        self.commits: list[list[Row]] = []
        self._kept: dict[tuple[str, str, str], tuple[float, str]] = {}

    def open(self) -> None:
        """Do nothing."""

    def load(self, owner: str, table: str | None = None) -> list[Kept]:
        """See :meth:`netd.state.file.StateFile.load`."""
        if self.unreadable is not None:
            raise self.unreadable
        return [
            (kind, key, written, text)
            for (whose, kind, key), (written, text) in self._kept.items()
            if whose == owner and table in (None, kind)
        ]

    def read(self, owner: str, table: str, key: str) -> str | None:
        """See :meth:`netd.state.file.StateFile.read`."""
        found = self._kept.get((owner, table, key))
        return None if found is None else found[1]

    def commit(self, rows: Iterable[Row]) -> None:
        """See :meth:`netd.state.file.StateFile.commit`."""
        if self.refuses is not None:
            raise self.refuses
        self.commits.append(list(rows))
        for owner, table, key, written, text in self.commits[-1]:
            self._kept.pop((owner, table, key), None)
            if text is not None:
                self._kept[owner, table, key] = (written, text)

    def close(self) -> None:
        """Do nothing."""


class MemoryState(State):
    """The state of a daemon, on a disk in memory. It writes when *clock* advances.

    To play a crash, make another one with the same *disk*.
    """

    def __init__(self, clock: Any, wall: Callable[[], float], disk: MemoryDisk | None = None) -> None:
        self.disk = MemoryDisk() if disk is None else disk
        super().__init__(self.disk, run_now, clock, wall)
        self.open()


def run_now(function: Callable[[], Any], report: Callable[[Any], None]) -> None:
    """Run *function* at once, in place of the thread of the state database, and report its result."""
    try:
        outcome = function()
    except Exception:
        outcome = Failure()
    report(outcome)
