"""The state of the daemon: it collects what its owners want on the disk, and writes it in few commits, in a thread.

An owner, which is a service or a part of the daemon, has tables of its own. What it puts is *promised*: the Deferred fires when
it is on the disk. What it notes is written within some seconds, and when the daemon stops. All changes of a turn, and all that
come while a commit is under way, are one commit: a card wears out by commits, not by bytes.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredList, FirstError, fail, gatherResults, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netd.codec.jsontext import BadJSON, decode, encode
from netd.codec.units import Bytes
from netd.errors import OperationFailed
from netd.interfaces import IStateful, IStatePart, IStateTable
from netd.state.entries import EntryChange, EntryNote, Place
from netd.state.file import Disk, Kept, Row

__all__ = ["LAZILY", "NotKept", "Run", "State", "StateFacts", "all_of"]

LAZILY = 60.0
"""Seconds within which a note is written."""

LAST = 10.0
"""Seconds that the last commit may take before the daemon ends without it."""

Run = Callable[[Callable[[], Any], Callable[[Any], None]], object]
"""Runs a function in the thread of the file, and reports its result or its ``Failure`` in the reactor's thread."""


class NotKept(OperationFailed):
    """Something that was to be kept is not on the disk. The message says why."""


@frozen(slots=False)
class StateFacts:
    """The state database.

    :ivar file: its path.
    :ivar commits: the number of commits since the start.
    :ivar waiting: entries that are to be written.
    :ivar trouble: what is wrong with it, and the remedy; empty if all is well.
    """

    file: str
    size: Bytes
    commits: int
    waiting: int
    trouble: str


class State:
    """The state of one daemon.

    :param run: see :data:`Run`. One function runs at a time.
    :param clock: the reactor.
    :param wall: the wall clock, in seconds since the epoch.
    """

    _log = Logger()

    def __init__(self, file: Disk, run: Run, clock: Any, wall: Callable[[], float]) -> None:
        self._file = file
        self._run = run
        self._clock = clock
        self.wall = wall
        self._is_open = False
        self._joining: list[tuple[str, Any]] = []
        self._fetched: dict[str, list[Kept]] = {}
        self._changes: dict[Place, EntryChange] = {}
        self._noted: dict[Place, EntryNote] = {}
        self._promised: list[Deferred[None]] = []
        self._timer: Any = None
        self._is_writing = False
        self._commits = 0
        self._trouble = ""
        self._closing: Deferred[None] | None = None

    def join(self, owner: str, stateful: Any) -> None:
        """Hand *stateful* its part: when the file is opened, or at once if it is open.

        :param owner: ``kind.instance``.
        :param stateful: an :class:`netd.interfaces.IStateful`. Anything else is left alone.
        """
        if not IStateful.providedBy(stateful):
            return
        if self._is_open:
            stateful.use_state(self.part(owner))
            self._fetched.pop(owner, None)
        else:
            self._joining.append((owner, stateful))

    def open(self) -> None:
        """Open the file, and hand their parts to all who have joined.

        :raises netd.state.file.StateUnusable: when the file is not for this netd.
        """
        self._file.open()
        self._is_open = True
        if self._file.trouble:
            self._log.critical("{trouble}", trouble=self._file.trouble)
        joining, self._joining = self._joining, []
        for owner, stateful in joining:
            stateful.use_state(self.part(owner))

    def part(self, owner: str) -> IStatePart:
        """Return the part of *owner*."""
        return _Part(self, owner)

    def close(self) -> Deferred[None]:
        """Write everything, and close the file. The Deferred fires then, at the latest after :data:`LAST`."""
        if not self._is_open:
            return succeed(None)
        self._is_open = False
        if self._timer is not None:
            self._timer.cancel()
        closed = self._closing = Deferred(lambda _: None)
        self._take_notes()
        self._close_if_idle()
        return closed.addTimeout(LAST, self._clock).addErrback(lambda _: self._log.error("the last commit takes too long"))

    def facts(self) -> StateFacts:
        """Facts about the file."""
        waiting = len(self._changes) + len(self._noted)
        return StateFacts(self._file.name, self._file.size, self._commits, waiting, self._trouble or self._file.trouble)

    def fetch(self, owners: Iterable[str]) -> Deferred[Any]:
        """Read what *owners* have, which join later: sections that a reload adds. The Deferred never fails."""
        return DeferredList([self._fetch(owner) for owner in owners])

    # From the parts

    def load(self, owner: str, table: str, most: int, keep_for: float | None) -> list[tuple[str, Any]]:
        """See :meth:`netd.interfaces.IStateTable.load`."""
        kept = self._rows(owner, table)
        since = -math.inf if keep_for is None else self.wall() - keep_for
        entries = []
        for number, (_, key, written, text) in enumerate(kept):
            if number < len(kept) - most or written < since:
                self.note((owner, table, key), EntryNote(written, None, EntryChange(written, None)), LAZILY)
                continue
            try:
                entries.append((key, decode(text.encode())))
            except BadJSON as error:
                where = {"file": self._file.name, "table": table, "owner": owner}
                self._log.error("{file}: an entry of {table} of {owner} is left out: {error}", error=error, **where)
        return entries

    def read(self, place: Place) -> Deferred[Any]:
        """See :meth:`netd.interfaces.IStateTable.read`."""
        if place in self._noted:
            return succeed(_decoded(self._noted[place].written().text))
        if place in self._changes:
            return succeed(_decoded(self._changes[place].text))
        answer: Deferred[Any] = Deferred(lambda _: None)

        def report(outcome: Any) -> None:
            if isinstance(outcome, Failure):
                answer.errback(NotKept(f"{self._file.name} cannot be read: {outcome.value}"))
            else:
                answer.callback(_decoded(outcome))

        self._run(partial(self._file.read, *place), report)
        return answer

    def put(self, place: Place, text: str | None) -> Deferred[None]:
        """Write an entry, or remove it, with the next commit. The Deferred fires when that is done."""
        if self._closing is not None:
            return fail(NotKept("netd stops"))
        self._noted.pop(place, None)
        done: Deferred[None] = Deferred(lambda _: None)
        self._change(place, EntryChange(self.wall(), text, is_promised=True))
        self._promised.append(done)
        self._clock.callLater(0, self._commit)
        return done

    def note(self, place: Place, note: EntryNote, within: float) -> None:
        """Write an entry, or remove it, within so many seconds."""
        if self._closing is not None:
            return
        self._noted.pop(place, None)
        self._noted[place] = note
        due = self._clock.seconds() + within
        if self._timer is None:
            self._timer = self._clock.callLater(within, self._take_notes)
        elif self._timer.getTime() > due:
            self._timer.reset(within)

    def _rows(self, owner: str, table: str) -> list[Kept]:
        fetched = self._fetched.get(owner)
        if fetched is not None:
            return [*self._with_changes(fetched, owner, table).values()]
        try:
            return self._file.load(owner, table)
        except sqlite3.Error as error:
            self._fail(error)
            return []

    def _with_changes(self, fetched: list[Kept], owner: str, table: str) -> dict[str, Kept]:
        """Return the rows of a table as they will be: a section that was removed, and is added again, may have left changes."""
        rows = {row[1]: row for row in fetched if row[0] == table}
        noted = {place: note.written() for place, note in self._noted.items() if place[:2] == (owner, table)}
        changed = {place: change for place, change in self._changes.items() if place[:2] == (owner, table)}
        for (_, _, key), change in {**changed, **noted}.items():
            rows.pop(key, None)
            if change.text is not None:
                rows[key] = (table, key, change.time, change.text)
        return rows

    def _fetch(self, owner: str) -> Deferred[None]:
        done: Deferred[None] = Deferred()

        def report(outcome: Any) -> None:
            if isinstance(outcome, Failure):
                self._fail(outcome.value)
            self._fetched[owner] = [] if isinstance(outcome, Failure) else outcome
            done.callback(None)

        self._run(partial(self._file.load, owner), report)
        return done

    def _take_notes(self) -> None:
        self._timer = None
        noted, self._noted = self._noted, {}
        for place, note in noted.items():
            self._change(place, note.written())
        self._commit()

    def _change(self, place: Place, change: EntryChange) -> None:
        self._changes.pop(place, None)
        self._changes[place] = change

    def _commit(self) -> None:
        if self._is_writing or not self._changes:
            return
        changes, self._changes = self._changes, {}
        promised, self._promised = self._promised, []
        self._is_writing = True
        rows: list[Row] = [(*place, change.time, change.text) for place, change in changes.items()]
        self._run(partial(self._file.commit, rows), partial(self._committed, changes, promised))

    def _committed(self, changes: dict[Place, EntryChange], promised: list[Deferred[None]], outcome: Any) -> None:
        self._is_writing = False
        if isinstance(outcome, Failure):
            self._fail(outcome.value)
            for place, change in changes.items():
                if not change.is_promised and place not in self._noted and place not in self._changes:
                    self.note(place, EntryNote(change.time, None, change), LAZILY)
            for done in promised:
                done.errback(NotKept(f"{self._trouble}; nothing is promised until that is mended"))
        else:
            self._commits += 1
            if self._trouble:
                self._log.info("{file} is written again", file=self._file.name)
                self._trouble = ""
            for done in promised:
                done.callback(None)
        self._commit()
        self._close_if_idle()

    def _fail(self, error: object) -> None:
        trouble = f"{self._file.name} cannot be used: {error}"
        if trouble != self._trouble:
            self._trouble = trouble
            self._log.critical("{trouble}; see to the disk. Nothing that is new is kept over a restart", trouble=trouble)

    def _close_if_idle(self) -> None:
        if self._closing is not None and not (self._is_writing or self._changes):
            self._is_writing = True
            self._run(self._file.close, lambda _: self._closed())

    def _closed(self) -> None:
        assert self._closing is not None
        if not self._closing.called:
            self._closing.callback(None)


def all_of(promises: Iterable[Deferred[None]]) -> Deferred[Any]:
    """Return a Deferred that fires when all *promises* are kept. If they are not, it fails as the first of them does."""

    def first(failure: Failure) -> Failure:
        failure.trap(FirstError)
        error: Failure = cast(FirstError, failure.value).subFailure
        return error

    return gatherResults(promises, consumeErrors=True).addErrback(first)


def _decoded(text: str | None) -> Any:
    return None if text is None else decode(text.encode())


@implementer(IStatePart)
@frozen
class _Part:
    _state: State
    _owner: str

    def table(self, name: str) -> IStateTable:
        return _Table(self._state, self._owner, name)


@implementer(IStateTable)
@frozen
class _Table:
    _state: State
    _owner: str
    _name: str

    def load(self, most: int, keep_for: float | None = None) -> list[tuple[str, Any]]:
        return self._state.load(self._owner, self._name, most, keep_for)

    def read(self, key: str) -> Deferred[Any]:
        return self._state.read((self._owner, self._name, key))

    def put(self, key: str, value: object) -> Deferred[None]:
        return self._state.put((self._owner, self._name, key), encode(value).decode())

    def remove(self, key: str) -> Deferred[None]:
        return self._state.put((self._owner, self._name, key), None)

    def note(self, key: str, value: object, within: float = LAZILY) -> None:
        self._state.note((self._owner, self._name, key), EntryNote(self._state.wall(), value), within)

    def drop(self, key: str, within: float = 0.0) -> None:
        now = self._state.wall()
        self._state.note((self._owner, self._name, key), EntryNote(now, None, EntryChange(now, None)), within)
