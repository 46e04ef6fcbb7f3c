"""All boards of a daemon, with their versions, in memory and in the state database.

The newest version of each board is in memory. The versions before are on the disk, and read when somebody asks for one. A
deletion is a version without content, so that it can be taken back, and so that a page that has the board still open learns of
it instead of writing an old board anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

from netd.boards.layout import subjects_of_board
from netd.boards.results import BoardVersion
from netd.codec.jsontext import decode, encode
from netd.errors import OperationFailed, Outdated
from netd.interfaces import IStatePart, IStateTable
from netd.plaintext import moment
from netd.state.state import all_of

__all__ = ["MOST_BOARDS", "MOST_BYTES", "MOST_VERSIONS", "BoardShelf", "KeptBoard"]

MOST_BOARDS, MOST_DELETED = 200, 50
"""Boards that are kept, and deleted boards that can be restored."""

MOST_VERSIONS = 20
"""Versions of a board that are kept, the newest among them."""

MOST_BYTES = 1 << 16
"""Bytes of a board as JSON."""

UNSEEN = (">",)
"""The subjects of a deleted board: only principals that see everything can restore it."""


@define(eq=False)
class KeptBoard:
    """One board.

    :ivar versions: its versions, oldest first. The last one is the newest.
    :ivar text: the newest version as JSON; None if that is the deletion.
    :ivar subjects: the patterns of all subjects that it shows.
    """

    name: str
    versions: list[BoardVersion] = field(factory=list)
    text: bytes | None = None
    subjects: tuple[str, ...] = UNSEEN

    @property
    def newest(self) -> BoardVersion:
        """Its newest version."""
        return self.versions[-1]

    @property
    def board(self) -> dict[str, Any]:
        """The content of the newest version, which is not the deletion."""
        assert self.text is not None
        board: dict[str, Any] = decode(self.text)
        return board


class BoardShelf:
    """The boards, by name.

    :param written: called with a board that has a new version, once that is on the disk.
    """

    def __init__(self, written: Callable[[KeptBoard], object]) -> None:
        self._written = written
        self._boards: dict[str, KeptBoard] = {}
        self._coming: dict[str, KeptBoard] = {}
        self._newest: IStateTable | None = None
        self._earlier: IStateTable | None = None

    def use_state(self, part: IStatePart) -> None:
        """See :class:`netd.interfaces.IStateful`."""
        self._newest, self._earlier = part.table("newest"), part.table("earlier")
        for name, kept in self._newest.load(MOST_BOARDS + MOST_DELETED):
            board = kept["board"]
            versions = [BoardVersion(**version) for version in kept["versions"]]
            text, subjects = (None, UNSEEN) if board is None else (encode(board), subjects_of_board(board))
            self._boards[name] = KeptBoard(name, versions, text, subjects)

    def __iter__(self) -> Iterator[KeptBoard]:
        """The boards that are not deleted, by name."""
        return iter([self._boards[name] for name in sorted(self._boards) if self._boards[name].text is not None])

    def find(self, name: str) -> KeptBoard | None:
        """Return the board *name*, which may be deleted."""
        return self._boards.get(name)

    def earlier(self, kept: KeptBoard, version: int) -> Deferred[dict[str, Any] | None]:
        """Return a Deferred of the content of a version before the newest; of None if it is not on the disk."""
        if self._earlier is None:
            return succeed(None)
        read: Deferred[dict[str, Any] | None] = self._earlier.read(_key(kept.name, version))
        return read

    def check(self, name: str, version: int) -> None:
        """Make sure that *version* is the newest version of the board *name*; 0 if there is no such board.

        :raises Outdated: with the newest version, who has written it, and when.
        """
        kept = self._coming.get(name) or self._boards.get(name)
        if kept is None:
            if version:
                raise Outdated(f"there is no board {name!r}; write it with version 0", {"version": 0})
            return
        last = kept.newest
        if version == last.version or (last.deleted and version == 0):
            return
        what = "was deleted" if last.deleted else f"has version {last.version}"
        raise Outdated(
            f"the board {name!r} {what}, by {last.who} at {moment(last.time)}; what you have is of version {version}",
            {"version": last.version, "who": last.who, "time": last.time, "deleted": last.deleted},
        )

    def write(self, name: str, board: dict[str, Any] | None, who: str, time: float) -> Deferred[KeptBoard]:
        """Add a version of the board *name*, or its deletion (None).

        :returns: a Deferred of the board, which fires when the version is on the disk. When that refuses, the board is as before.
        :raises OperationFailed: when there are too many boards, or a version of this one is on its way to the disk.
        """
        if name in self._coming:
            raise OperationFailed(f"the board {name!r} is being written at this moment; try again")
        before = self._boards.get(name)
        if (before is None or before.text is None) and len(list(self)) + len(self._coming) >= MOST_BOARDS:
            raise OperationFailed(f"there are {MOST_BOARDS} boards, the most that are kept; delete one first")
        kept = self._coming[name] = _next(before, name, board, who, time)
        stored = all_of(self._store(kept, before))

        def keep(_: object) -> KeptBoard:
            self._boards[name] = kept
            self._written(kept)
            return kept

        def settle(result: Any) -> Any:
            del self._coming[name]
            return result

        return stored.addBoth(settle).addCallback(keep)

    def _store(self, kept: KeptBoard, before: KeptBoard | None) -> Iterator[Deferred[None]]:
        """Change the entries of one board. All changes of a turn come into one commit, so that they are made together."""
        if self._newest is None or self._earlier is None:
            return
        board = None if kept.text is None else decode(kept.text)
        yield self._newest.put(kept.name, {"versions": kept.versions, "board": board})
        if before is not None and before.text is not None:
            yield self._earlier.put(_key(kept.name, before.newest.version), decode(before.text))
            if before.versions[0] is not kept.versions[0]:
                yield self._earlier.remove(_key(kept.name, before.versions[0].version))
        deleted = [one for one in self._boards.values() if one.text is None and one.name != kept.name]
        if board is None and len(deleted) >= MOST_DELETED:
            oldest = min(deleted, key=lambda one: one.newest.time)
            del self._boards[oldest.name]
            yield self._newest.remove(oldest.name)
            for version in oldest.versions:
                yield self._earlier.remove(_key(oldest.name, version.version))


def _next(before: KeptBoard | None, name: str, board: dict[str, Any] | None, who: str, time: float) -> KeptBoard:
    """Return the board *name* with one more version."""
    versions = [] if before is None else before.versions
    number = versions[-1].version + 1 if versions else 1
    if board is None:
        deletion = BoardVersion(number, time, who, versions[-1].title, 0, deleted=True)
        return KeptBoard(name, [*versions, deletion][-MOST_VERSIONS:])
    made = BoardVersion(number, time, who, board["title"], len(board["tiles"]), deleted=False)
    text = encode(board | {"version": number})
    return KeptBoard(name, [*versions, made][-MOST_VERSIONS:], text, subjects_of_board(board))


def _key(name: str, version: int) -> str:
    return f"{name}.{version}"
