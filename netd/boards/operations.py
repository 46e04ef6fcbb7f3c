"""The operations of boards: list, read, write, restore and delete them.

A board is seen by callers whose subjects cover all that it shows. Every caller who may write sees by the version that it names
whether somebody else has written meanwhile.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from netd.boards.layout import check_board, subjects_of_board
from netd.boards.results import BoardChanged, BoardContent, BoardFacts, BoardVersion
from netd.boards.shelf import MOST_BYTES, BoardShelf, KeptBoard
from netd.codec.jsontext import encode
from netd.errors import InvalidArguments, NoSuchTarget, NotPermitted, OperationFailed
from netd.interfaces import IBus, IStateful, IStatePart
from netd.message import NAME, EventKind, Message
from netd.operations import Caller, Operation, Role

__all__ = ["BOARDS", "Boards"]

BOARDS = "board.main"
"""The owner of the boards in the state database, and the first tokens of their subjects."""


@implementer(IStateful)
class Boards:
    """All boards of the daemon."""

    def __init__(self, bus: IBus) -> None:
        self._bus = bus
        self._shelf = BoardShelf(self._publish)

    def use_state(self, part: IStatePart) -> None:
        """See :class:`netd.interfaces.IStateful`."""
        self._shelf.use_state(part)

    def operations(self) -> list[Operation]:
        """Return the operations. Viewers may read, operators may write."""
        told = (
            ("list", self.list_boards, Role.VIEWER, "List the boards"),
            ("read", self.read, Role.VIEWER, "Show a board, or an earlier version of it"),
            ("versions", self.versions, Role.VIEWER, "List the versions of a board, newest first"),
            ("write", self.write, Role.OPERATOR, "Write a board, on top of the version that the caller has read"),
            ("restore", self.restore, Role.OPERATOR, "Make an earlier version of a board the newest one"),
            ("delete", self.delete, Role.OPERATOR, "Delete a board; restoring a version takes that back"),
        )
        return [Operation(f"board.{verb}", function, role, text, spans_services=True) for verb, function, role, text in told]

    def events(self) -> list[EventKind]:
        """Return the kinds of its events."""
        return [EventKind(f"{BOARDS}.*", BoardChanged)]

    def list_boards(self, caller: Caller) -> list[BoardFacts]:
        """Return the boards that *caller* sees, by name."""
        return [_facts(kept) for kept in self._shelf if _sees(caller, kept.subjects)]

    def read(self, caller: Caller, name: str, version: int | None = None) -> Deferred[BoardContent]:
        """Return a Deferred of a board.

        :param version: the version; the newest one without it.
        :raises NoSuchTarget: if there is no such board, or *caller* does not see it; likewise for a version.
        """
        kept = self._find(caller, name)
        if kept.text is not None and version in (None, kept.newest.version):
            newest = kept.newest
            return succeed(BoardContent(name, newest.version, newest.time, newest.who, kept.board))
        if version is None:
            raise NoSuchTarget(f"the board {name!r} is deleted; `board.versions` lists what can be restored")
        return self._earlier(caller, kept, version)

    def versions(self, caller: Caller, name: str) -> list[BoardVersion]:
        """Return the versions of a board that are kept, newest first.

        :raises NoSuchTarget: see :meth:`read`.
        """
        return self._find(caller, name).versions[::-1]

    def write(self, caller: Caller, name: str, version: int, board: dict[str, Any]) -> Deferred[BoardFacts]:
        """Write a board.

        :param version: the version that the caller has read; 0 for a new board.
        :returns: a Deferred, which fires when the board is on the disk.
        :raises netd.errors.Outdated: if the board has another version by now. Its data tell which, by whom, and since when.
        :raises NotPermitted: if *caller* does not see all that the board shows, or showed before.
        """
        if NAME.fullmatch(name) is None:
            raise InvalidArguments(f"name: {name!r:.80} is no name of a board; write 1 to 63 letters, digits, _ and -")
        checked = check_board(board)
        size = len(encode(checked))
        if size > MOST_BYTES:
            raise OperationFailed(f"board: {size} bytes of JSON; at most {MOST_BYTES} are kept")
        before = self._shelf.find(name)
        if before is not None and not _sees(caller, before.subjects):
            raise NotPermitted(f"the board {name!r} shows subjects that this token is not for; choose another name")
        for subject in subjects_of_board(checked):
            caller.check(subject)
        self._shelf.check(name, version)
        return self._write(caller, name, checked)

    def restore(self, caller: Caller, name: str, version: int) -> Deferred[BoardFacts]:
        """Make *version* the newest one, as a version of its own.

        :raises NoSuchTarget: see :meth:`read`.
        """
        kept = self._find(caller, name)
        if version == kept.newest.version:
            raise OperationFailed(f"{version} is the newest version of the board {name!r}")
        return self._earlier(caller, kept, version).addCallback(lambda found: self._write(caller, name, found.board))

    def delete(self, caller: Caller, name: str) -> Deferred[BoardFacts]:
        """Delete a board.

        :raises NoSuchTarget: see :meth:`read`.
        """
        if self._find(caller, name).text is None:
            raise NoSuchTarget(f"the board {name!r} is deleted already")
        return self._write(caller, name, None)

    def _find(self, caller: Caller, name: str) -> KeptBoard:
        kept = self._shelf.find(name)
        if kept is None or not _sees(caller, kept.subjects):
            raise NoSuchTarget(f"no board {name!r:.80}; `board.list` lists them")
        return kept

    def _earlier(self, caller: Caller, kept: KeptBoard, version: int) -> Deferred[BoardContent]:
        known = next((one for one in kept.versions if one.version == version), None)
        missing = NoSuchTarget(f"the board {kept.name!r} has no version {version} any more; `board.versions` lists them")
        if known is None or known.deleted:
            raise missing

        def describe(board: dict[str, Any] | None) -> BoardContent:
            if board is None or not _sees(caller, subjects_of_board(board)):
                raise missing
            return BoardContent(kept.name, version, known.time, known.who, board)

        return self._shelf.earlier(kept, version).addCallback(describe)

    def _write(self, caller: Caller, name: str, board: dict[str, Any] | None) -> Deferred[BoardFacts]:
        who = caller.principal.name or caller.origin
        return self._shelf.write(name, board, who, self._bus.wall()).addCallback(_facts)

    def _publish(self, kept: KeptBoard) -> None:
        newest, subject = kept.newest, f"{BOARDS}.{kept.name}"
        changed = BoardChanged(kept.name, newest.version, newest.title, newest.who, newest.deleted)
        self._bus.publish(Message(subject, changed))
        if newest.deleted:
            self._bus.forget(subject)


def _sees(caller: Caller, subjects: tuple[str, ...]) -> bool:
    return all(caller.may(subject) for subject in subjects)


def _facts(kept: KeptBoard) -> BoardFacts:
    newest = kept.newest
    return BoardFacts(kept.name, newest.title, newest.version, newest.time, newest.who, newest.tiles)
