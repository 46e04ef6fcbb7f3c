"""Writes what the recorder took, in a thread of its own: decides when to sync, seal, begin a part, and delete one.

All methods block, and are called one after the other. A disk that is full, or gone, pauses the recording: a batch is then
refused, and offered again later. A file that is damaged is set aside, and another begins.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from attrs import define, evolve, field, frozen

from netd.errors import NoSuchTarget, OperationFailed, text_of
from netd.recorder.blocks import MICRO
from netd.recorder.catalog import Catalog, open_catalog
from netd.recorder.folder import RecorderFolder
from netd.recorder.intake import EventTaken, ReadTaken, gather
from netd.recorder.part_file import (
    DamagedPart,
    MarkMade,
    OtherFormat,
    PartFile,
    PartSummary,
    open_part,
    summary_of_part,
    telling_damage,
)
from netd.recorder.part_names import PartName, day_of
from netd.recorder.retention import PartOnDisk, Retention, parts_to_drop

__all__ = ["RecordWriter", "StoreFacts", "StoreSettings"]

CUT = 8
"""A part is cut at this fraction of ``keep_size``, so that retention, which deletes whole parts, stays near to it."""

STEP = 2.0
"""Seconds by which the wall clock must move against the monotonic one to be noted as a step."""

TRUSTED_AFTER = 600.0
"""Seconds without a step after which the wall clock is believed. A board without a battery starts in another year: its history
would otherwise be too old, all at once."""

AT_LEAST = 1 << 18
"""Free bytes below which a full disk is not tried again."""

RELIEF = 1.05
"""How much more than ``min_free`` is to be free before a paused recording goes on, so that it does not pause with each flush."""


Answer = TypeVar("Answer")


@frozen
class StoreSettings:
    """How a recorder writes. Times are seconds, sizes bytes.

    :ivar sync: the longest time until what was written is on the disk for sure; None leaves that to SQLite's checkpoints.
    :ivar most_waiting: memory for what waits to be written; what comes above is dropped.
    :ivar keep_hourly: how long the hourly summary stays; None for ever.
    """

    sync: float | None
    most_waiting: int
    retention: Retention
    keep_hourly: float | None = None


@frozen
class StoreFacts:
    """What is known of the writing, for people and metrics.

    :ivar part: the file that is written to; empty before the first.
    :ivar parts: the number of parts, and their *size* in bytes.
    :ivar oldest: the name of the oldest part.
    :ivar open_samples: samples that are in the journal, and in no block yet.
    :ivar samples: samples that were written since the start, *events* likewise.
    :ivar refused: samples that were no numbers, and samples and events of too many series.
    :ivar paused: why nothing is written; empty while all is well. *paused_since* is the time by the wall clock.
    :ivar is_synced: whether all that was written is on the disk for sure.
    :ivar error: what went wrong last, and *error_time* when, by the wall clock.
    :ivar damaged: names of files that were set aside because they cannot be read.
    :ivar unchecked: a part that was not closed, and goes on: its integrity is to be checked by a reader.
    """

    part: str = ""
    parts: int = 0
    size: int = 0
    oldest: str = ""
    open_samples: int = 0
    samples: int = 0
    events: int = 0
    refused: int = 0
    paused: str = ""
    paused_since: float | None = None
    is_synced: bool = True
    error: str = ""
    error_time: float | None = None
    damaged: tuple[str, ...] = ()
    unchecked: str = ""


@define
class OpenPart:
    """The part that is written to."""

    name: PartName
    file: PartFile
    hour: int = 0
    refused: int = 0


@define
class RecordWriter:
    """Writes parts and catalog in one directory.

    :param folder: where.
    :param wall: the time in seconds since the epoch; *seconds* that of a clock that never jumps.
    :param let_go: called with the path of a part that is to be closed or deleted: readers should close their connections to it.
        It is called in the writer's thread, and nobody waits for them.
    :param open_file: opens a part.
    :ivar facts: what is known.
    """

    folder: RecorderFolder
    settings: StoreSettings
    _wall: Callable[[], float]
    _seconds: Callable[[], float]
    _let_go: Callable[[Path], object]
    _open_file: Callable[[Path], PartFile] = open_part
    facts: StoreFacts = StoreFacts()
    _part: OpenPart | None = None
    _leaving: dict[PartName, PartFile] = field(factory=dict)  # finished, but somebody reads them
    _catalog: Catalog | None = None
    _is_arranged: bool = False
    _marks: list[MarkMade] = field(factory=list)
    _synced_at: float = 0.0
    _ahead: float | None = None  # by how much the wall clock is ahead of the other
    _trusted_from: float = 0.0
    _rolled_at: int | None = None
    _begun: PartName | None = None  # the newest part whose recording was noted to have started
    _doubt: tuple[Path, tuple[int, int]] | None = None  # a part whose last commit failed, and its position before

    def start(self) -> None:
        """Open the catalog and the part of today, and close what was left open. What fails is in *facts*, and tried again."""
        self._synced_at = self._trusted_from = self._seconds()
        self._attempt(self._ready)
        self.look_after()

    def write(
        self, reads: Sequence[ReadTaken], events: Sequence[EventTaken], marks: Sequence[MarkMade] = (), is_full: bool = False
    ) -> bool:
        """Write a batch in one transaction.

        :param is_full: whether it must be on the disk afterwards, with all before.
        :returns: False if it cannot be written now: *facts* say why. The same batch should then be offered again, before others:
            if its commit went through although it failed, it is not written twice.
        """
        return self._attempt(lambda: self._write(reads, events, marks, is_full))

    def sync(self) -> bool:
        """Bring what was written to the disk. Return False if that is not possible now."""
        return self.facts.is_synced or self._attempt(self._sync)

    def look_after(self) -> None:
        """Do what is due although nothing comes: end the part of yesterday, seal the hour, delete what is too old."""
        if self.facts.paused:
            self._attempt(self._ready)
        if self._part is not None:
            self._attempt(self._roll)
            self._attempt(self._seal)
        self._attempt(self._tidy, is_own=False)

    def close(self) -> None:
        """Write what is left to write, and close all files."""
        if self._part is not None:
            self._attempt(self._finish_part)
        self._settle()
        for file in [*self._leaving.values(), *([] if self._part is None else [self._part.file])]:
            file.close()
        if self._catalog is not None:
            self._catalog.settle()

    def ask(self, question: Callable[[Catalog], Answer]) -> Answer:
        """Return what *question* makes of the catalog. What it changed is on the disk.

        :raises OperationFailed: if the catalog cannot be read or written.
        """
        try:
            with telling_damage():
                return question(self._open_catalog())
        except DamagedPart as error:
            self._attempt(partial(self._replace_catalog, error), is_own=False)
            raise OperationFailed(self.facts.error) from None
        except (sqlite3.Error, OSError, OtherFormat) as error:
            raise OperationFailed(f"the recorder's catalog cannot be used: {_words_for(error)}") from None

    def delete(self, names: Sequence[str] = (), before: float | None = None) -> list[str]:
        """Delete closed parts: those of these *names*, and those whose day was over at *before*.

        :returns: the names of those that were deleted.
        :raises NoSuchTarget: if one of *names* is no closed part; nothing is deleted then.
        """
        closed = {str(part.name): part.name for part in self._closed()}
        for name in names:
            if name not in closed:
                raise NoSuchTarget(f"there is no closed part {name!r}; closed are: {', '.join(closed) or 'none'}")
        going = [closed[name] for name in names]
        going += [name for name in closed.values() if before is not None and name.end <= before and name not in going]
        self._drop(going)
        self._measure()
        return [str(name) for name in going]

    def set_aside(self, name: str, why: str) -> None:
        """Rename a part that a reader has found to be damaged. If it is written to, another begins, with what is in memory."""
        found = PartName.read(name)
        if found is None or not self.folder.path_of(found).exists():
            return
        if self._part is not None and self._part.name == found:
            self._attempt(lambda: self._replace(DamagedPart(why)))
        elif found not in self._leaving:
            self._set_aside(self.folder.path_of(found), DamagedPart(why))

    # Writing

    def _write(self, reads: Sequence[ReadTaken], events: Sequence[EventTaken], marks: Sequence[MarkMade], is_full: bool) -> None:
        self._note_steps()
        part = self._ready()
        file = part.file
        if not self._is_committed(file):
            is_due = self.settings.sync is not None and self._seconds() - self._synced_at >= self.settings.sync
            self._doubt = file.path, file.position
            file.append(gather(reads), events, [*self._marks, *marks], is_full or is_due)
            self._note_synced(is_full or is_due)
        self._doubt = None
        self._marks.clear()
        self._count(part, sum(len(read.values) for read in reads), len(events))

    def _is_committed(self, file: PartFile) -> bool:
        """Whether the batch of the last attempt is in the file, although its commit failed: the disk did not say so in time."""
        if self._doubt is None:
            return False
        path, (row, event) = self._doubt
        return path == file.path and (file.position[0] > row or file.position[1] > event)

    def _count(self, part: OpenPart, samples: int, events: int) -> None:
        facts = self.facts
        refused = part.file.refused - part.refused
        part.refused = part.file.refused
        self.facts = evolve(
            facts,
            samples=facts.samples + samples,
            events=facts.events + events,
            refused=facts.refused + refused,
            open_samples=part.file.held,
        )
        self._attempt(self._seal, is_own=False)

    def _seal(self) -> None:
        """Make blocks of the samples that are open, if their hour is over, or if they are many."""
        part, hour = self._part, int(self._wall() // 3600)
        if part is not None and (part.file.is_full or hour != part.hour):
            part.file.seal(hour)
            part.hour = hour
            self.facts = evolve(self.facts, open_samples=part.file.held)

    def _sync(self) -> None:
        self._ready().file.sync()
        self._note_synced(True)

    def _note_synced(self, is_synced: bool) -> None:
        if is_synced:
            self._synced_at = self._seconds()
        self.facts = evolve(self.facts, is_synced=is_synced)

    def _note_steps(self) -> None:
        """Note that the wall clock was set, or that the machine slept."""
        wall, seconds = self._wall(), self._seconds()
        ahead, self._ahead = self._ahead, wall - seconds
        if ahead is not None and abs(self._ahead - ahead) >= STEP:
            self._trusted_from = seconds
            self._marks.append(MarkMade(_micros(wall), "clock", {"from": _micros(seconds + ahead)}))

    # Parts

    def _ready(self) -> OpenPart:
        """Return the part of today, open."""
        self._make_room()
        if not self._is_arranged:
            self._arrange()
        if self._part is not None:
            self._roll()
        if self._part is None:
            self._part = self._begin_part()
            self._measure()
        return self._part

    def _arrange(self) -> None:
        """Open the catalog; close the parts of other days, and those that others left open, and count their hours."""
        self._open_catalog()
        self._settle()
        today = day_of(self._wall())
        for part in self.folder.list_parts():
            if part.name.day != today and part.name not in self._leaving and not self.folder.is_closed(part.name):
                self._close_left(part.name)
        self._count_missing()
        self._is_arranged = True

    def _close_left(self, name: PartName) -> None:
        path = self.folder.path_of(name)
        try:
            file = self._open_file(path)
            try:
                if not file.prepare():
                    file.append({}, marks=[MarkMade(file.last_known(), "crashed")])
                self._part_ended(name, file, None)
            except BaseException:
                file.close()
                raise
        except DamagedPart as error:
            self._set_aside(path, error)
        except OtherFormat:
            pass

    def _begin_part(self) -> OpenPart:
        """Open the newest part of today, if it can go on, or the next one."""
        day = day_of(self._wall())
        found = [part for part in self.folder.list_parts() if part.name.day == day]
        name = found[-1].name if found else PartName(day)
        if found and (found[-1].size >= self._cut_at or name in self._leaving):
            name = name.following
        while True:
            path = self.folder.path_of(name)
            file = self._open_file(path)
            try:
                self._begin(name, file)
                return OpenPart(name, file, int(self._wall() // 3600))
            except OtherFormat:
                file.close()
            except DamagedPart as error:
                file.close()
                self._set_aside(path, error)
            except BaseException:
                file.close()
                raise
            name = name.following

    def _begin(self, name: PartName, file: PartFile) -> None:
        was_stopped = file.prepare()
        if name == self._begun:  # a pause is no crash: a mark of its own tells of it
            return
        marks = []
        if not was_stopped:
            marks.append(MarkMade(file.last_known(), "crashed"))
            self.facts = evolve(self.facts, unchecked=str(name))
        marks.append(MarkMade(_micros(self._wall()) if self._rolled_at is None else self._rolled_at, "started"))
        file.append({}, marks=marks, is_full=True)
        self._rolled_at, self._begun = None, name

    @property
    def _cut_at(self) -> float:
        keep_size = self.settings.retention.keep_size
        return float("inf") if keep_size is None else keep_size / CUT

    def _roll(self) -> None:
        """End the part if its day is over, or if it is large."""
        part = self._part
        assert part is not None
        if part.name.day != day_of(self._wall()) or part.file.size >= self._cut_at:
            self._finish_part()
            self._tidy()

    def _finish_part(self) -> None:
        part = self._part
        assert part is not None
        if self._marks:
            part.file.append({}, marks=self._marks)
            self._marks.clear()
        now = _micros(self._wall())
        self._part_ended(part.name, part.file, now)
        self._part, self._begun, self._rolled_at = None, None, now
        self._note_synced(True)
        self.facts = evolve(self.facts, open_samples=0)

    def _part_ended(self, name: PartName, file: PartFile, now: int | None) -> None:
        file.finish(now)
        self._count_hours(name, file.summary)
        self._leaving[name] = file
        self._let_go(file.path)
        self._settle()

    def _settle(self) -> None:
        """Close the parts that have ended, and that nobody reads any more."""
        for name, file in [*self._leaving.items()]:
            if file.settle():
                del self._leaving[name]

    def _count_missing(self) -> None:
        """Count the hours of closed parts that the catalog does not know: it is new, or they were put there by hand."""
        known = self._open_catalog().counted()
        for name, _ in self._closed():
            path = self.folder.path_of(name)
            if str(name) not in known and self.folder.is_closed(name):
                try:
                    self._count_hours(name, partial(summary_of_part, path))
                except DamagedPart as error:
                    self._set_aside(path, error)

    # The catalog

    def _open_catalog(self) -> Catalog:
        if self._catalog is None:
            self.folder.make()
            try:
                self._catalog = open_catalog(self.folder.catalog)
            except DamagedPart as error:
                self._replace_catalog(error)
        assert self._catalog is not None
        return self._catalog

    def _replace_catalog(self, error: DamagedPart) -> None:
        """Set a damaged catalog aside, and make one of what the parts have. Runs and notes are lost."""
        if self._catalog is not None:
            self._catalog.close()
        self._catalog = None
        self._set_aside(self.folder.catalog, error)
        self._catalog = open_catalog(self.folder.catalog)
        self._count_missing()

    def _count_hours(self, name: PartName, summary: Callable[[int], PartSummary]) -> None:
        found = summary(self._open_catalog().counted().get(str(name), 0))
        try:
            self._open_catalog().count(str(name), found)
        except DamagedPart as error:
            self._replace_catalog(error)
            self._open_catalog().count(str(name), summary(0))

    # Room

    def _closed(self) -> list[PartOnDisk]:
        """The parts that nobody writes to, oldest first."""
        open_ones = {*self._leaving, *([] if self._part is None else [self._part.name])}
        return [part for part in self.folder.list_parts() if part.name not in open_ones]

    def _tidy(self) -> None:
        """Delete what is too old or too much."""
        self._settle()
        self._note_steps()
        now = self._wall() if self._seconds() - self._trusted_from >= TRUSTED_AFTER else None
        closed = self._closed()
        self._drop(parts_to_drop(closed, self._open_size(closed), self.settings.retention, now, 0))
        if now is not None and self.settings.keep_hourly is not None:
            self._open_catalog().forget_hours(int((now - self.settings.keep_hourly) // 3600))
        self._measure()

    def _open_size(self, closed: Sequence[PartOnDisk]) -> int:
        return sum(part.size for part in self.folder.list_parts()) - sum(part.size for part in closed)

    def _make_room(self) -> None:
        """Delete the oldest parts if the file system is nearly full.

        :raises OSError: if it is, and there are none.
        """
        self.folder.make()
        free, total = self.folder.free_bytes()
        wanted = int(self.settings.retention.min_free * total * (RELIEF if self.facts.paused else 1))
        if self.facts.paused:
            wanted = max(wanted, AT_LEAST)
        if free >= wanted:
            return
        closed = self._closed()
        self._drop(parts_to_drop(closed, 0, Retention(None, None, 0), None, wanted - free))
        free, total = self.folder.free_bytes()
        if free < wanted:
            raise OSError(
                f"only {free / total:.1%} of the file system of {self.folder.path} is free:"
                " free some, or set min_free or keep_size lower"
            )

    def _drop(self, names: Sequence[PartName]) -> None:
        for name in names:
            self._let_go(self.folder.path_of(name))
            self.folder.remove(name)
            self._open_catalog().forget_part(str(name))

    def _measure(self) -> None:
        parts = self.folder.list_parts()
        self.facts = evolve(
            self.facts,
            part="" if self._part is None else str(self._part.name),
            parts=len(parts),
            size=sum(part.size for part in parts),
            oldest=str(parts[0].name) if parts else "",
            damaged=tuple(path.name for path in self.folder.damaged()),
        )

    # Trouble

    def _attempt(self, work: Callable[[], object], is_own: bool = True) -> bool:
        """Do *work*. When the part turns out to be damaged, another begins, and *work* is done once more.

        :param is_own: whether success means that the recording is not paused (any more).
        :returns: False if it cannot be done now.
        """
        try:
            try:
                work()
            except DamagedPart as error:
                self._replace(error)
                work()
        except (sqlite3.Error, OSError, DamagedPart, OtherFormat) as error:
            self._pause(error)
            return False
        if is_own:
            self._go_on()
        return True

    def _replace(self, error: DamagedPart) -> None:
        """Set the part that is written to aside, and write what is open to another."""
        part, self._part = self._part, None
        if part is None:
            raise error
        samples = part.file.open_samples()
        part.file.close()
        self._set_aside(part.file.path, error)
        self._doubt = None
        self._part = self._begin_part()
        self._part.file.append(samples)

    def _set_aside(self, path: Path, error: DamagedPart) -> None:
        self._let_go(path)
        aside = self.folder.set_aside(path)
        if self._catalog is not None and path != self.folder.catalog:
            self._catalog.forget_part(path.name)
        self._note(
            f"{path.name} is damaged ({error}): it is now {aside.name}; `sqlite3 {aside} .recover` may get something out of it"
        )
        self._measure()

    def _pause(self, error: Exception) -> None:
        """Stop writing. The part is closed, which empties its WAL, and opened again with the next attempt."""
        self._note(f"nothing is recorded: {_words_for(error)}")
        part, self._part = self._part, None
        if part is not None:
            part.file.close()
        since = self._wall() if self.facts.paused_since is None else self.facts.paused_since
        self.facts = evolve(self.facts, paused=self.facts.error, paused_since=since)

    def _go_on(self) -> None:
        since = self.facts.paused_since
        if since is not None:
            self._marks.append(MarkMade(_micros(since), "full", {"until": _micros(self._wall()), "reason": self.facts.paused}))
            self.facts = evolve(self.facts, paused="", paused_since=None)

    def _note(self, error: str) -> None:
        self.facts = evolve(self.facts, error=error, error_time=self._wall())


def _words_for(error: Exception) -> str:
    """Return what *error* means for people."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
        return "the disk is full: free some space, or set keep_size lower"
    return text_of(error)


def _micros(seconds: float) -> int:
    return round(seconds * MICRO)
