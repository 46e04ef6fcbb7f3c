"""The store as the reactor's thread sees it: hand over what was taken, ask for a sync, ask the catalog. Nothing here blocks.

One thread writes (:class:`netd.recorder.writer.RecordWriter`). What it has not written yet waits here, bounded by
``most_waiting``. Above, the newest is dropped, counted, and marked in the part as a gap. While the disk is full, all of it waits.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.errors import OperationFailed
from netd.recorder.backlog import WriteBacklog
from netd.recorder.catalog import Catalog
from netd.recorder.facts import StoreFacts, StoreSettings
from netd.recorder.folder import RecorderFolder
from netd.recorder.intake import EventTaken, SamplesTaken
from netd.recorder.micros import micros
from netd.recorder.outbox import OUTBOX, HistoryOutbox
from netd.recorder.part_file import MarkMade, PartFile, open_part
from netd.recorder.shipment import Rename
from netd.recorder.writer import RecordWriter
from netd.threads import Threads

__all__ = ["LOOK_EVERY", "RETRY", "Store"]

LOOK_EVERY = 60.0
"""Seconds between two looks for what is due although nothing comes."""

RETRY = 1.0
"""Seconds until a batch that could not be written is offered again."""

MOST_ASKED = 1000
"""Questions to the catalog that may wait for the thread."""

OWN = 16
"""Places of the queue that no question takes, so that samples never find it full."""

Answer = TypeVar("Answer")


class Store:
    """Parts and catalog in *directory*, ``<state>/recorder/<instance>``.

    :param reactor: provides ``callLater``, ``seconds`` and ``callFromThread``.
    :param wall: :meth:`netd.interfaces.IBus.wall`; it is also called in the writer's thread.
    :param let_go: called in the writer's thread with the path of a part that is to be closed or deleted: readers should close
        their connections to it soon. A part that somebody reads is closed later.
    :param threads: runs the writer; its thread, by default. Must run one function at a time, in order.
    :param open_file: opens a part.
    :param make_epoch: returns a name for a new outbox.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        directory: Path,
        settings: StoreSettings,
        reactor: Any,
        wall: Callable[[], float],
        let_go: Callable[[Path], object] = lambda path: None,
        threads: Any = None,
        open_file: Callable[[Path], PartFile] = open_part,
        make_epoch: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self._outbox = HistoryOutbox(directory / OUTBOX, make_epoch)
        self._reactor = reactor
        self._wall = wall
        self._settings = settings
        self._writer = RecordWriter(RecorderFolder(directory), settings, wall, reactor.seconds, let_go, open_file)
        self._threads = Threads(reactor, 1, MOST_ASKED + OWN) if threads is None else threads
        self._backlog = WriteBacklog()
        self._is_writing = False
        self._told = StoreFacts()
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self._retry: Any = None
        self._sync: Any = None

    def start(self) -> None:
        """Open the files. What fails is logged, stands in :meth:`state`, and is tried again."""
        self._run(self._writer.start)
        self._looking.start(LOOK_EVERY, now=False)

    def append(self, samples: SamplesTaken, events: Sequence[EventTaken]) -> None:
        """Hand over what was taken. It is written at once, in one transaction, in the writer's thread. For nothing, nothing is.

        Call it every ``flush`` seconds, and earlier when some 10,000 samples have come: they are bounded only here. Neither
        may be changed afterwards.
        """
        if samples or events:
            self._backlog.add(samples, events, self._settings.most_waiting, micros(self._wall()))
        self._go_on()

    def flush(self) -> Deferred[None]:
        """Write and sync all that was handed over. The Deferred fires when it is on the disk.

        It fails with :class:`netd.errors.OperationFailed` when that is not possible now; what was handed over then still waits.
        """
        return self._wait_for_newest(is_full=True)

    def commit(self) -> Deferred[None]:
        """Write all that was handed over, so that readers see it, and leave it to ``sync`` when it is on the disk.

        The Deferred fires when it is written, and fails as that of :meth:`flush`.
        """
        return self._wait_for_newest(is_full=False)

    def ask(self, question: Callable[[Catalog], Answer]) -> Deferred[Answer]:
        """Call *question* with the catalog in the writer's thread. The Deferred fires with its result, on the disk by then.

        It fails with :class:`netd.errors.OperationFailed`, or with what *question* raised.
        """
        return self._run_for_people(self._writer.shelf.ask_for_people, question)

    def delete(self, names: Sequence[str] = (), before: float | None = None) -> Deferred[list[str]]:
        """Delete closed parts: those of these *names*, and those whose day was over at *before*, in seconds since the epoch.

        The Deferred fires with the names of those that were deleted. It fails with :class:`netd.errors.NoSuchTarget` if one of
        *names* is no closed part.
        """
        return self._run_for_people(self._writer.delete, names, before)

    def set_aside(self, name: str, why: str) -> Deferred[None]:
        """Rename the part *name*, which a reader has found to be damaged. If it is the open one, another begins."""
        return self._run_for_people(self._writer.set_aside, name, why)

    def ship(self) -> None:
        """Put what is recorded from now on into the outbox, too."""
        self._outbox.is_on = True

    def outgoing(self) -> Deferred[tuple[str, list[tuple[int, bytes]]]]:
        """Return a Deferred of the epoch of the outbox and of the oldest blocks in it. It fails when the disk refuses."""
        return self._run_for_people(self._outbox.waiting)

    def shipped(self, epoch: str, number: int) -> Deferred[None]:
        """Take the blocks up to *number* out of the outbox."""
        return self._run_for_people(self._outbox.forget, epoch, number)

    def collect(self, sender: str, blocks: Sequence[tuple[int, bytes]], rename: Rename) -> Deferred[bool]:
        """Write blocks of another node; see :meth:`RecordWriter.collect`. The Deferred fires when they are on the disk."""
        return self._run_for_people(self._writer.collect, sender, blocks, rename)

    def apply(self, settings: StoreSettings) -> None:
        """Use other settings from now on."""
        self._settings = self._writer.settings = settings

    def state(self) -> StoreFacts:
        """Return what is known of the writing."""
        return self._writer.facts

    @property
    def waiting(self) -> int:
        """Bytes of memory, about, of all that waits to be written."""
        return self._backlog.weight

    @property
    def dropped(self) -> int:
        """The number of samples and events that were dropped since the start."""
        return self._backlog.dropped

    @property
    def unshipped(self) -> int:
        """The number of blocks that were dropped from the outbox since the start."""
        return self._outbox.dropped

    @property
    def is_dropping(self) -> bool:
        """Whether so much waits that something was dropped."""
        return self._backlog.is_dropping

    def close(self) -> Deferred[None]:
        """Write what waits, close all files, and end the thread. Call nothing else afterwards, and before it stop reading."""
        if self._looking.running:
            self._looking.stop()

        def finish(result: object) -> Deferred[None]:
            if isinstance(result, Failure):
                self._log.error("What is not yet recorded is lost: {error}", error=result.getErrorMessage())
            self._cancel()
            self._run(self._outbox.close)
            return self._run(self._writer.close)

        def stop(result: object) -> None:
            if isinstance(result, Failure):
                self._log.failure("The recorder did not close its files", failure=result)
            self._cancel()
            self._threads.stop()

        return self.flush().addBoth(finish).addBoth(stop)

    # Writing

    def _wait_for_newest(self, is_full: bool) -> Deferred[None]:
        """Return a Deferred that fires when the newest that was handed over is written."""
        answered = self._backlog.wait_for_newest(is_full)
        self._go_on()
        return answered

    def _go_on(self) -> None:
        """Give the writer the next batch, unless it has one."""
        if self._is_writing or not self._backlog:
            return
        self._is_writing = True
        self._run(self._write, *self._backlog.begin()).addCallbacks(self._written, self._failed)

    def _write(self, samples: SamplesTaken, events: Sequence[EventTaken], marks: Sequence[MarkMade], is_full: bool) -> bool:
        """Runs in the writer's thread."""
        if samples or events or marks:
            blocks = self._outbox.pack(samples, events)  # before the part takes the columns for its own
            is_written = self._writer.write(samples, events, marks, is_full)
            if is_written:
                self._outbox.add(blocks)
            return is_written
        return not is_full or self._writer.sync()

    def _written(self, is_done: bool) -> None:
        self._is_writing = False
        if not is_done:
            self._refused()
            return
        callers = self._backlog.written()
        settings = self._settings
        if self._sync is None and settings.sync is not None and not self.state().is_synced:
            self._sync = self._reactor.callLater(settings.sync, self._bring_to_disk)
        _answer(callers, None)
        self._go_on()

    def _refused(self) -> None:
        """Tell all who wait that nothing can be written now, and try again later."""
        callers = self._backlog.refused()
        if self._retry is None and self._backlog:
            self._retry = self._reactor.callLater(RETRY, self._try_again)
        _answer(callers, Failure(OperationFailed(self.state().paused)))

    def _failed(self, failure: Failure) -> None:
        """A mistake of ours: the batch is given up, or nothing would ever be recorded again."""
        self._log.failure("A batch could not be recorded", failure=failure)
        self._is_writing = False
        _answer(self._backlog.lost(micros(self._wall())), failure)
        self._go_on()

    def _try_again(self) -> None:
        self._retry = None
        self._go_on()

    def _bring_to_disk(self) -> None:
        """Nothing has come since the last commit that would have been synced by the next one."""
        self._sync = None
        if not self.state().is_synced:
            self._run(self._writer.sync)

    def _look(self) -> Deferred[None]:
        """LoopingCall waits for the Deferred: while a disk hangs, looks do not pile up."""
        looked = self._run(self._writer.look_after)
        return looked.addErrback(lambda failure: self._log.failure("The files were not looked after", failure=failure))

    # The thread

    def _run_for_people(self, work: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """Like :meth:`_run`, but for a bounded number of callers: of the places of the queue, :data:`OWN` are the store's own."""
        if self._threads.waiting >= MOST_ASKED:
            return fail(OperationFailed("too many questions wait for the recorder: its disk is slow"))
        return self._run(work, *arguments)

    def _run(self, work: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """Call *work* in the writer's thread."""
        answered: Deferred[Any] = Deferred()

        def report(outcome: Any) -> None:
            self._tell()
            if isinstance(outcome, Failure):
                answered.errback(outcome)
            else:
                answered.callback(outcome)

        self._threads.run(partial(work, *arguments), report)
        return answered

    def _tell(self) -> None:
        """Log what has changed since the last look."""
        told, facts = self._told, self._writer.facts
        self._told = facts
        if facts.error_time != told.error_time and facts.error and facts.error != told.error:
            self._log.error("Recorder: {error}", error=facts.error)
        if told.paused and not facts.paused:
            self._log.info("Recorder: recording goes on")

    def _cancel(self) -> None:
        for pending in (self._retry, self._sync):
            if pending is not None and pending.active():
                pending.cancel()
        self._retry = self._sync = None


def _answer(callers: Sequence[Deferred[None]], result: Any) -> None:
    for caller in callers:
        if not caller.called:  # what is done for one of them may have another one given up
            caller.callback(result)
