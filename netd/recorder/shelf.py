"""The parts of a recorder on the disk, beside the one that is written to: which there are, which go on, end, or go.

It keeps the catalog in step with them. A damaged file is set aside, and never stands in the way of recording. All of this blocks.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

from attrs import define, field

from netd.errors import OperationFailed, text_of
from netd.recorder.catalog import Catalog, open_catalog
from netd.recorder.database import DamagedPart, OtherFormat, read_only, telling_damage
from netd.recorder.folder import RecorderFolder
from netd.recorder.part_file import MarkMade, PartFile, received_in
from netd.recorder.part_names import PartName
from netd.recorder.part_summary import PartSummary, summary_of_part
from netd.recorder.retention import PartOnDisk, Retention, parts_to_drop
from netd.recorder.shipment import Received

__all__ = ["NoRoom", "PartShelf", "words_for"]

Answer = TypeVar("Answer")

LOOKED_BACK = 30
"""Parts that are looked into for what had come from other nodes."""


class NoRoom(Exception):
    """The file system is nearly full. The message says how full, and what to do."""


def words_for(error: Exception, folder: Path) -> str:
    """Return what *error* of the recorder in *folder* means for people: the place, and the remedy."""
    if isinstance(error, sqlite3.Error):
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            return _full(folder)
        return f"{folder}: {text_of(error)}: see to the disk, or name another directory with the option folder"
    if not isinstance(error, OSError) or error.strerror is None:
        return text_of(error)
    if error.errno == errno.ENOSPC:
        return _full(folder)
    is_no_directory = isinstance(error, (FileExistsError, NotADirectoryError))
    why = "is no directory" if is_no_directory else error.strerror.lower()
    return f"{error.filename or folder}: {why}: have it a directory of netd's user, or name another one with the option folder"


def _full(folder: Path) -> str:
    return f"the disk of {folder} is full: free some space, or set keep_size lower"


@define
class PartShelf:
    """The parts in *folder*.

    :param open_file: opens a part.
    :param let_go: called with the path of a part that is to be closed or deleted.
    :param note: called with what has gone wrong, for people.
    """

    folder: RecorderFolder
    _open_file: Callable[[Path], PartFile]
    _let_go: Callable[[Path], object]
    _note: Callable[[str], object]
    _leaving: dict[PartName, PartFile] = field(factory=dict)  # ended, but somebody reads them
    _begun: PartName | None = None  # the one that is written to
    _catalog: Catalog | None = None

    # Parts that are written to

    def begin(self, day: str, cut_at: float) -> tuple[PartName, PartFile, bool]:
        """Open the newest part of *day*, if it can go on and has fewer than *cut_at* bytes, or the next one.

        :returns: its name, the part, and whether its recording had been stopped.
        """
        found = [part for part in self.folder.list_parts() if part.name.day == day]
        name = found[-1].name if found else PartName(day)
        if found and (found[-1].size >= cut_at or name in self._leaving):
            name = name.following
        while True:
            path = self.folder.path_of(name)
            file = self._open_file(path)
            try:
                was_stopped = file.prepare()
            except OtherFormat:
                file.close()
            except DamagedPart as error:
                file.close()
                self.set_aside(path, error)
            except BaseException:
                file.close()
                raise
            else:
                self._begun = name
                self._let_go(path)  # whoever has opened it since it was closed takes it for one that changes no more
                return name, file, was_stopped
            name = name.following

    def end(self, name: PartName, file: PartFile, now: int | None) -> None:
        """Seal a part to the last sample, count its hours, and close it, now or when nobody reads it any more.

        :param now: when its recording stopped; None if that was noted before.
        """
        file.finish(now)
        self._count(name, file.summary)
        if name == self._begun:
            self._begun = None
        self._leaving[name] = file
        self._let_go(file.path)
        self.settle()

    def settle(self) -> None:
        """Close the parts that have ended, and that nobody reads any more.

        A part that cannot be closed for another reason, as a full disk, is one that was left open: :meth:`arrange` ends it.
        """
        for name, file in [*self._leaving.items()]:
            try:
                is_settled = file.settle()
            except BaseException:
                del self._leaving[name]
                file.close()
                raise
            if is_settled:
                del self._leaving[name]

    def arrange(self, today: str) -> None:
        """End the parts that were left open, but for the newest of *today*, and count the hours that were not counted."""
        self.folder.lock()
        self.ask(lambda catalog: None)
        self.settle()
        names = [part.name for part in self.folder.list_parts()]
        newest = max((name for name in names if name.day == today), default=None)
        for name in names:
            if name != newest and name not in self._leaving and not self._is_closed(name):
                self._end_left(name)
        self._count_missing()

    def close(self) -> None:
        """Close all files. A part that somebody still reads is settled with the next start."""
        self.settle()
        for file in self._leaving.values():
            file.close()
        self._leaving.clear()
        if self._catalog is not None:
            self._catalog.settle()
            self._catalog = None
        self.folder.unlock()

    def find_anew(self) -> None:
        """Note that files were deleted or moved by hand: the catalog is opened again, too."""
        if self._catalog is not None:
            self._catalog.close()
            self._catalog = None
        self.folder.unlock()

    # Parts that go

    def closed(self) -> list[PartOnDisk]:
        """Return the parts that nobody writes to, oldest first."""
        return [part for part in self.folder.list_parts() if self._is_closed(part.name)]

    def newest_received(self) -> dict[str, Received]:
        """Return which blocks of other nodes had come by the newest closed part that has noted any, by their sender."""
        for part in reversed(self.closed()[-LOOKED_BACK:]):
            try:
                with read_only(self.folder.path_of(part.name)) as database:
                    found = received_in(database)
            except sqlite3.Error:
                continue  # a damaged part is set aside when it is read
            if found:
                return found
        return {}

    def _is_closed(self, name: PartName) -> bool:
        return name != self._begun and name not in self._leaving and self.folder.is_closed(name)

    def drop(self, names: Iterable[PartName]) -> None:
        """Delete closed parts. What the catalog has of their hours stays."""
        for name in names:
            self._let_go(self.folder.path_of(name))
            self.folder.remove(name)
            self.ask(lambda catalog, name=name: catalog.forget_part(str(name)))  # type: ignore[misc] # mypy#12557

    def retain(self, retention: Retention, keep_hourly: float | None, now: float | None) -> None:
        """Delete what is too old or too much.

        :param now: seconds since the epoch; None while the clock may be wrong.
        """
        closed = self.closed()
        open_size = sum(part.size for part in self.folder.list_parts()) - sum(part.size for part in closed)
        self.drop(parts_to_drop(closed, open_size, retention, now, 0))
        if now is not None and keep_hourly is not None:
            before = int((now - keep_hourly) // 3600)
            self.ask(lambda catalog: catalog.forget_hours(before))

    def make_room(self, min_free: float, at_least: int) -> None:
        """Delete the oldest parts if less than the fraction *min_free* of the file system is free.

        :raises NoRoom: if there are none to delete, or if less than *at_least* bytes are free.
        """
        free, total = self.folder.free_bytes()
        wanted = int(min_free * total)
        if free < wanted:
            self.drop(parts_to_drop(self.closed(), 0, Retention(None, None, 0.0), None, wanted - free))
            free, total = self.folder.free_bytes()
        if free < at_least:
            raise NoRoom(_full(self.folder.path))
        if free < wanted:
            raise NoRoom(
                f"only {free / total:.1%} of the file system of {self.folder.path} is free:"
                " free some space, or set min_free or keep_size lower"
            )

    def set_aside(self, path: Path, error: DamagedPart) -> None:
        """Rename a damaged file, so that another can take its place."""
        self._let_go(path)
        aside = self.folder.set_aside(path)
        self._note(f"{path.name} is damaged ({error}): it is now {aside}. `sqlite3 FILE .recover` may get something out of it")
        if path != self.folder.catalog:
            self.ask(lambda catalog: catalog.forget_part(path.name))

    # The catalog

    def ask(self, question: Callable[[Catalog], Answer]) -> Answer:
        """Return what *question* makes of the catalog. If that is damaged, another is made of what the parts have, and asked."""
        try:
            if self._catalog is None:
                self.folder.make()
                self._catalog = open_catalog(self.folder.catalog)
            with telling_damage():
                return question(self._catalog)
        except DamagedPart as error:
            if self._catalog is not None:
                self._catalog.close()
            self.set_aside(self.folder.catalog, error)
            self._catalog = open_catalog(self.folder.catalog)
            self._count_missing()
            return question(self._catalog)

    def ask_for_people(self, question: Callable[[Catalog], Answer]) -> Answer:
        """Like :meth:`ask`.

        :raises OperationFailed: if the catalog cannot be read or written.
        """
        try:
            return self.ask(question)
        except (sqlite3.Error, OSError, OtherFormat, DamagedPart) as error:
            raise OperationFailed(f"the recorder's catalog cannot be used: {words_for(error, self.folder.path)}") from None

    def _count(self, name: PartName, summary: Callable[[int], PartSummary]) -> None:
        """Count the hours of a part that has ended, but for those blocks that were counted when it ended before."""
        counted = self.ask(lambda catalog: catalog.counted().get(str(name), 0))
        found = summary(counted)
        self.ask(lambda catalog: catalog.count(str(name), found))

    def _count_missing(self) -> None:
        """Count the hours of closed parts that the catalog does not know: it is new, or they were put there by hand."""
        known = self.ask(lambda catalog: catalog.counted())
        for name, _ in self.closed():
            path = self.folder.path_of(name)
            if str(name) in known:
                continue
            try:
                found = summary_of_part(path)
            except DamagedPart as error:
                self.set_aside(path, error)
            except (sqlite3.Error, OSError) as error:  # one file that netd may not read does not stop the recording
                self._note(f"{path} is not in the summary: {text_of(error)}")
            else:
                self.ask(partial(Catalog.count, name=str(name), summary=found))

    def _end_left(self, name: PartName) -> None:
        """End a part that was left open."""
        path = self.folder.path_of(name)
        file = self._open_file(path)
        try:
            if not file.prepare():
                file.append({}, marks=[MarkMade(file.last_known(), "crashed")])
            self.end(name, file, None)
        except DamagedPart as error:
            file.close()
            self.set_aside(path, error)
        except OtherFormat:  # its tables stay as they are
            self._leaving[name] = file
        except BaseException:
            file.close()
            raise
