"""Writes what the recorder took, in a thread of its own: decides when to sync, seal, begin a part, and delete one.

All methods block, and are called one after the other. A disk that is full, or gone, pauses the recording: a batch is then
refused, and offered again later. A file that is damaged is set aside, and another begins.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import define, evolve

from netd.errors import NoSuchTarget
from netd.recorder.blocks import Columns
from netd.recorder.clock_watch import ClockWatch
from netd.recorder.database import DamagedPart, OtherFormat
from netd.recorder.facts import StoreFacts, StoreSettings
from netd.recorder.folder import RecorderFolder
from netd.recorder.intake import EventTaken, SamplesTaken, SeriesName, samples_in
from netd.recorder.micros import micros
from netd.recorder.part_file import MarkMade, PartFile, open_part
from netd.recorder.part_names import PartName, day_of
from netd.recorder.shelf import NoRoom, PartShelf, words_for
from netd.recorder.shipment import Received, Rename, taken_of

__all__ = ["RecordWriter"]

AT_LEAST = 1 << 18
"""Free bytes below which a full disk is not tried again."""

RELIEF = 1.05
"""How much more than ``min_free`` is to be free before a paused recording goes on, so that it does not pause with each flush."""


@define
class OpenPart:
    """The part that is written to.

    :ivar hour: the hour since the epoch whose samples are open.
    :ivar refused: how many of its refused samples have been counted.
    """

    name: PartName
    file: PartFile
    hour: int
    refused: int = 0


class RecordWriter:
    """Writes the parts in one directory.

    :param wall: the time in seconds since the epoch; *seconds* that of a clock that never jumps.
    :param let_go: called with the path of a part that is to be closed or deleted: readers should close their connections to it.
        Nobody waits for them.
    :param open_file: opens a part.
    :ivar facts: what is known. Another object when something has changed, so that any thread may look.
    :ivar shelf: the other parts, and the catalog.
    """

    def __init__(
        self,
        folder: RecorderFolder,
        settings: StoreSettings,
        wall: Callable[[], float],
        seconds: Callable[[], float],
        let_go: Callable[[Path], object],
        open_file: Callable[[Path], PartFile] = open_part,
    ) -> None:
        self.settings = settings
        self.facts = StoreFacts()
        self.shelf = PartShelf(folder, open_file, let_go, self._note)
        self._wall = wall
        self._seconds = seconds
        self._clocks = ClockWatch(wall, seconds)
        self._part: OpenPart | None = None
        self._is_arranged = False
        self._marks: list[MarkMade] = []
        self._salvaged: dict[SeriesName, Columns] = {}  # what was open in a part that turned out to be damaged
        self._begun: PartName | None = None  # the part whose recording was noted to have started
        self._rolled_at: int | None = None  # when the part before ended
        self._doubt: tuple[Path, tuple[int, int]] | None = None  # the part of a commit that has failed, and its position before
        self._synced_at = 0.0
        self._received: dict[str, Received] | None = None  # of the senders of blocks; None until it was looked for

    def start(self) -> None:
        """Open the catalog and the part of today, and close what was left open. What fails is in *facts*, and tried again."""
        self._synced_at = self._seconds()
        self._clocks.start()
        self._attempt(self._ready)
        self.look_after()

    def write(
        self, samples: SamplesTaken, events: Sequence[EventTaken], marks: Sequence[MarkMade] = (), is_full: bool = False
    ) -> bool:
        """Write a batch in one transaction.

        :param is_full: whether it must be on the disk afterwards, with all before.
        :returns: False if it cannot be written now: *facts* say why. The same batch should then be offered again, before others:
            if its commit went through although it failed, it is not written twice.
        """
        if not self._attempt(lambda: self._write(samples, events, marks, is_full)):
            return False
        self._attempt(self._seal, is_proof=False)
        return True

    def collect(self, sender: str, blocks: Sequence[tuple[int, bytes]], rename: Rename) -> bool:
        """Write blocks of another node, those that have not come before, and bring them to the disk, in one transaction.

        :param rename: returns the name that a subject of that node has here, or None for one that has none.
        :returns: False if that is not possible now; the same blocks should be offered again.
        """
        if self._doubt is not None:  # a batch that waits to be offered again is told by the position of the part, which must stay
            return False
        return self._attempt(lambda: self._collect(sender, blocks, rename))

    def sync(self) -> bool:
        """Bring what was written to the disk. Return False if that is not possible now."""
        return self.facts.is_synced or self._attempt(self._sync)

    def look_after(self) -> None:
        """Do what is due although nothing comes: end the part of yesterday, seal the hour, delete what is too old."""
        if self.facts.paused and not self._attempt(self._ready):
            return
        if self._part is not None and not self._part.file.path.exists():
            self._attempt(self._begin_anew, is_proof=False)
        if self._part is not None:
            self._attempt(self._roll, is_proof=False)
        self._attempt(self._seal, is_proof=False)
        self._attempt(self._tidy, is_proof=False)

    def close(self) -> None:
        """Write what is left to write, and close all files."""
        if self._part is not None:
            self._attempt(self._end_part, is_proof=False)
        self.shelf.close()

    def delete(self, names: Sequence[str] = (), before: float | None = None) -> list[str]:
        """Delete closed parts: those of these *names*, and those whose day was over at *before*.

        :returns: the names of those that were deleted.
        :raises NoSuchTarget: if one of *names* is no closed part; nothing is deleted then.
        """
        closed = {str(part.name): part.name for part in self.shelf.closed()}
        for name in names:
            if name not in closed:
                raise NoSuchTarget(f"there is no closed part {name!r}; closed are: {', '.join(closed) or 'none'}")
        going = dict.fromkeys(closed[name] for name in names)
        going.update(dict.fromkeys(name for name in closed.values() if before is not None and name.end <= before))
        self._attempt(lambda: self.shelf.drop(going), is_proof=False)
        self._measure()
        return [str(name) for name in going]

    def set_aside(self, name: str, why: str) -> None:
        """Rename a part that a reader has found to be damaged. If it is written to, another begins, with what is in memory."""
        found = PartName.read(name)
        if self._part is not None and self._part.name == found:
            self._attempt(lambda: self._replace(DamagedPart(why)))
        elif found in [part.name for part in self.shelf.closed()]:
            self._attempt(lambda: self.shelf.set_aside(self.shelf.folder.path_of(found), DamagedPart(why)), is_proof=False)
        self._measure()

    # Writing

    def _write(self, samples: SamplesTaken, events: Sequence[EventTaken], marks: Sequence[MarkMade], is_full: bool) -> None:
        self._note_steps()
        count = samples_in(samples)  # before the part adds to them
        part = self._ready()
        file, is_synced = part.file, self.facts.is_synced
        if not self._is_committed(file):
            is_due = self.settings.sync is not None and self._seconds() - self._synced_at >= self.settings.sync
            is_synced = is_full or is_due
            self._doubt = file.path, file.position
            file.append(samples, events, [*self._marks, *marks], is_synced)
            self._synced_at = self._seconds() if is_synced else self._synced_at
        self._doubt = None
        self._marks.clear()
        refused, part.refused = file.refused - part.refused, file.refused
        self.facts = evolve(
            self.facts,
            samples=self.facts.samples + count,
            events=self.facts.events + len(events),
            refused=self.facts.refused + refused,
            open_samples=file.held,
            is_synced=is_synced,
        )

    def _collect(self, sender: str, blocks: Sequence[tuple[int, bytes]], rename: Rename) -> None:
        self._note_steps()
        part = self._ready()
        if self._received is None:
            self._received = self.shelf.newest_received()
        self._received = known = self._received | part.file.received
        before = known.get(sender, Received())
        new = dict(block for block in blocks if block[0] not in before)
        if not new:
            return
        samples, events = taken_of(new.values(), rename)
        count = samples_in(samples)
        changed = {sender: before.plus(list(new))}
        # A part has all senders that were known when it began, so that the newest part that collected anything is enough.
        part.file.append(samples, events, self._marks, True, changed if part.file.received else known | changed)
        self._received = part.file.received
        self._marks.clear()
        facts = self.facts
        self.facts = evolve(
            facts, samples=facts.samples + count, events=facts.events + len(events), open_samples=part.file.held, is_synced=True
        )
        self._synced_at = self._seconds()

    def _is_committed(self, file: PartFile) -> bool:
        """Whether the batch of the last attempt is in the file, although its commit failed: the disk did not say so in time."""
        if self._doubt is None:
            return False
        path, (row, event) = self._doubt
        return path == file.path and (file.position[0] > row or file.position[1] > event)

    def _seal(self) -> None:
        """Make blocks of the samples that are open, if their hour is over, or if they are many."""
        part, hour = self._part, int(self._wall() // 3600)
        if part is not None and (part.file.is_full or hour != part.hour):
            part.file.seal(hour)
            part.hour = hour
            self.facts = evolve(self.facts, open_samples=part.file.held)

    def _sync(self) -> None:
        part = self._ready() if self._part is None else self._part
        part.file.sync()
        self._note_synced(True)

    def _note_synced(self, is_synced: bool) -> None:
        if is_synced:
            self._synced_at = self._seconds()
        self.facts = evolve(self.facts, is_synced=is_synced)

    def _note_steps(self) -> None:
        """Note that the wall clock was set, or that the machine slept."""
        step = self._clocks.step()
        if step is not None:
            self._marks.append(MarkMade(micros(step.after), "clock", {"from": micros(step.before)}))

    # The part

    def _ready(self) -> OpenPart:
        """Return the part of today, open."""
        is_paused = bool(self.facts.paused)
        if is_paused or not self._is_arranged:
            self.shelf.folder.make()
        self.shelf.make_room(self.settings.retention.min_free * (RELIEF if is_paused else 1), AT_LEAST if is_paused else 0)
        if self._part is not None:
            self._roll()
        if self._part is None:
            if not self._is_arranged:  # only now: the part that is written to is open, too, and not left over
                self.shelf.arrange(day_of(self._wall()))
                self._is_arranged = True
            self._part = self._begin_part()
            self._measure()
        if self._salvaged:
            self._part.file.append(self._salvaged)
            self._salvaged = {}
        return self._part

    def _begin_part(self) -> OpenPart:
        name, file, was_stopped = self.shelf.begin(day_of(self._wall()), self.settings.retention.largest_part)
        part = OpenPart(name, file, int(self._wall() // 3600))
        if name == self._begun:  # a pause is no crash: a mark of its own tells of it
            return part
        marks = []
        if not was_stopped:
            marks.append(MarkMade(file.last_known(), "crashed"))
            self.facts = evolve(self.facts, unchecked=str(name))
        marks.append(MarkMade(micros(self._wall()) if self._rolled_at is None else self._rolled_at, "started"))
        try:
            file.append({}, marks=marks, is_full=True)
        except BaseException:
            file.close()
            raise
        self._rolled_at, self._begun = None, name
        return part

    def _roll(self) -> None:
        """End the part if its day is over, or if it is large."""
        part = self._part
        assert part is not None
        if part.name.day != day_of(self._wall()) or part.file.size >= self.settings.retention.largest_part:
            self._end_part()
            self._tidy()

    def _end_part(self) -> None:
        part, now = self._part, micros(self._wall())
        assert part is not None
        if self._marks:
            part.file.append({}, marks=self._marks)
            self._marks.clear()
        self.shelf.end(part.name, part.file, now)
        self._part, self._begun, self._rolled_at = None, None, now
        self._is_arranged = False
        self._note_synced(True)
        self.facts = evolve(self.facts, open_samples=0)

    def _tidy(self) -> None:
        """Delete what is too old or too much."""
        self.shelf.settle()
        self._note_steps()
        now = self._wall() if self._clocks.is_trusted() else None
        self.shelf.retain(self.settings.retention, self.settings.keep_hourly, now)
        self._measure()

    def _measure(self) -> None:
        parts = self.shelf.folder.list_parts()
        self.facts = evolve(
            self.facts,
            part="" if self._part is None else str(self._part.name),
            parts=len(parts),
            size=sum(part.size for part in parts),
            oldest=str(parts[0].name) if parts else "",
            damaged=tuple(path.name for path in self.shelf.folder.damaged()),
        )

    # Trouble

    def _attempt(self, work: Callable[[], object], is_proof: bool = True) -> bool:
        """Do *work*. When the part turns out to be damaged, another begins, and *work* is done once more.

        :param is_proof: whether success means that recording goes on, if it was paused.
        :returns: False if it cannot be done now; recording is then paused.
        """
        try:
            try:
                work()
            except DamagedPart as error:
                self._replace(error)
                work()
        except (sqlite3.Error, OSError, DamagedPart, OtherFormat, NoRoom) as error:
            self._pause(error)
            return False
        except BaseException:
            self._put_down()
            raise
        since = self.facts.paused_since
        if is_proof and since is not None:
            self._marks.append(MarkMade(micros(since), "full", {"until": micros(self._wall()), "reason": self.facts.paused}))
            self.facts = evolve(self.facts, paused="", paused_since=None)
        return True

    def _replace(self, error: DamagedPart) -> None:
        """Set the damaged part that is written to aside, and begin another."""
        part, self._part = self._part, None
        if part is None:
            raise error
        self._salvage(part.file)
        self.shelf.set_aside(part.file.path, error)
        self._doubt = None
        self._ready()

    def _begin_anew(self) -> None:
        """Begin another part when the one that is written to was deleted or moved by hand: the file has no name any more."""
        part, self._part = self._part, None
        assert part is not None
        self._note(f"{part.file.path} was deleted or moved while it was written to: another part begins")
        self._salvage(part.file)
        self.shelf.find_anew()
        self._doubt, self._begun, self._is_arranged = None, None, False
        self._ready()

    def _salvage(self, file: PartFile) -> None:
        """Close a part that cannot be written to any more. What was open in it goes into the next one."""
        self._salvaged = file.open_samples() | self._salvaged
        file.close()

    def _pause(self, error: Exception) -> None:
        """Stop writing."""
        self._note(f"nothing is recorded: {words_for(error, self.shelf.folder.path)}")
        self._put_down()
        since = self._wall() if self.facts.paused_since is None else self.facts.paused_since
        self.facts = evolve(self.facts, paused=self.facts.error, paused_since=since)

    def _put_down(self) -> None:
        """Close the part, which empties its WAL. It is opened again with the next attempt, and knows what is in the file then."""
        part, self._part, self._is_arranged = self._part, None, False
        if part is not None:
            part.file.close()

    def _note(self, error: str) -> None:
        self.facts = evolve(self.facts, error=error, error_time=self._wall())
