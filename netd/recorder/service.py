"""Assembly of one recorder: what it takes from the bus, the store that it writes to, the reader that answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netd.change import Change
from netd.codec.words import size
from netd.connection.shares import TurnShare, own_share
from netd.errors import OperationFailed
from netd.interfaces import IBus, IHistoryKeeper, INetdService, IPaced, IPublisher, IReloadable, ISubscription, IWitness
from netd.kinds import find_kinds
from netd.message import EventKind, Message, Want
from netd.operations import Operation
from netd.plaintext import duration
from netd.recorder.answers import Asked
from netd.recorder.archive import Archive
from netd.recorder.config import Config
from netd.recorder.events import RecordingChanged
from netd.recorder.facts import StoreSettings
from netd.recorder.history import History
from netd.recorder.pieces import PastMoment, read_piece
from netd.recorder.reader import MOST_QUESTIONS, PastReader
from netd.recorder.replay import Replays
from netd.recorder.results import RecorderStatus
from netd.recorder.retention import Retention
from netd.recorder.shipment import Rename
from netd.recorder.store import Store
from netd.recorder.taking import Selection, Taking
from netd.status import Work
from netd.threads import Threads

__all__ = ["RecorderService", "make_service"]

REPLAYING = 0.005
"""Most seconds of a turn for replays."""

LARGE = 50_000
"""Samples and events after which they are handed over before their time."""

LONG = 1 << 22
"""Bytes of events after which they are: what is not handed over yet is bounded by this alone."""

PATIENCE = 2.0
"""Seconds that a question waits for what came before it to be written. A disk that takes longer does not keep the answer."""

LAST = 10.0
"""Seconds that the last question, and then the last commit, may take at the end. The daemon writes its state behind them."""

T = TypeVar("T")


def make_service(config: Config, reactor: Any, bus: IBus) -> RecorderService:
    """Build the service of one ``[recorder]`` section. Its files are opened when it starts."""
    threads = Threads(reactor, size=1, most_waiting=MOST_QUESTIONS)
    reader = PastReader(reactor, config.place, threads)
    store = Store(config.place, settings_of(config), reactor, bus.wall, reader.release)
    return RecorderService(config, store, reader, reactor, bus)


def settings_of(config: Config) -> StoreSettings:
    """Return the part of *config* that the store goes by."""
    retention = Retention(config.keep, config.keep_size, config.min_free)
    return StoreSettings(config.sync, config.most_waiting, retention, config.keep_hourly)


def selection_of(config: Config) -> Selection:
    """Return the part of *config* that says what is recorded."""
    return Selection(config.record, config.exclude or ())


def bounds_of(config: Config) -> str:
    """Return how much is kept, and for how long, in words."""
    most = "any number" if config.keep_size is None else size(config.keep_size)
    return f"{most}, {'for ever' if config.keep is None else duration(config.keep)}"


@implementer(IHistoryKeeper, INetdService, IPaced, IPublisher, IReloadable, IWitness)
class RecorderService(Service):
    """Keeps what goes over the bus, and answers questions about it."""

    _log = Logger()

    def __init__(self, config: Config, store: Store, reader: PastReader, reactor: Any, bus: IBus) -> None:
        self.instance = config.instance
        self._config = config
        self._store = store
        self._reader = reader
        self._reactor = reactor
        self._bus = bus
        self._taking = Taking(selection_of(config), bus.described)
        self._subscriptions: list[ISubscription] = []
        self._flushing = LoopingCall(self._tick)
        self._flushing.clock = reactor
        self._share = own_share(reactor, "replay", REPLAYING)
        self._replays = Replays(bus, reactor, reader, self._share, find_kinds)
        self._told = ""
        self._checked = ""
        self._history = History(store, reader, self._committed, self._flushed, bus.wall, reactor.seconds, self._replays)

    def startService(self) -> None:
        """Open the files, and follow the bus."""
        super().startService()  # type: ignore[no-untyped-call]
        self._store.start()
        self._subscribe()
        self._flushing.start(self._config.flush, now=False)

    def stopService(self) -> Deferred[None]:
        """Write everything that was published, and close the files."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._replays.stop()
        self._unsubscribe()
        if self._flushing.running:
            self._flushing.stop()
        self._flush()
        return self._in_time(self._reader.stop()).addCallback(lambda _: self._in_time(self._store.close()))

    def drain(self) -> Deferred[None]:
        """See :class:`netd.interfaces.INetdService`. There is no listener."""
        return succeed(None)

    def prepare(self, config: Config, change: Change) -> None:
        """See :class:`netd.interfaces.IReloadable`."""
        change.when_applied(lambda: self._follow(config))

    def turn_shares(self) -> list[TurnShare]:
        """See :class:`netd.interfaces.IPaced`."""
        return [self._share]

    def operations(self) -> list[Operation]:
        """Return the operations ``history.…``."""
        return self._history.operations()

    def events(self) -> list[EventKind]:
        """See :class:`netd.interfaces.IPublisher`."""
        return [EventKind(f"recorder.{self.instance}.state", RecordingChanged)]

    def ship(self) -> None:
        """See :class:`netd.interfaces.IHistoryKeeper`."""
        self._store.ship()

    def outgoing(self) -> Deferred[tuple[str, list[tuple[int, bytes]]]]:
        """See :class:`netd.interfaces.IHistoryKeeper`."""
        return self._store.outgoing()

    def shipped(self, epoch: str, number: int) -> Deferred[None]:
        """See :class:`netd.interfaces.IHistoryKeeper`."""
        return self._store.shipped(epoch, number)

    def collect(self, sender: str, blocks: Sequence[tuple[int, bytes]], rename: Rename) -> Deferred[bool]:
        """See :class:`netd.interfaces.IHistoryKeeper`."""
        return self._store.collect(sender, blocks, rename)

    def past(
        self, patterns: tuple[str, ...], begin: int, end: int, width: int, make: Callable[[Sequence[PastMoment], int], T]
    ) -> Deferred[tuple[T, int, int, bool]]:
        """See :class:`netd.interfaces.IHistoryKeeper`."""

        def answer(archive: Archive) -> tuple[T, int, int, bool]:
            piece = read_piece(archive, Asked(patterns, begin, end), begin, width)
            return make(piece.moments, piece.end), piece.end, piece.width, piece.is_last

        self._flush()
        written = self._store.commit() if self._store.waiting else succeed(None)
        return written.addTimeout(PATIENCE, self._reactor).addCallback(lambda _: self._reader.ask(answer))

    def status(self) -> RecorderStatus:
        """Facts about this service."""
        store = self._store
        facts = store.state()
        state, reason = self._state()
        return RecorderStatus(
            kind="recorder",
            instance=self.instance,
            listening=[],
            connections=0,
            counters={
                "recorded": facts.samples + facts.events,
                "dropped": {"waiting": store.dropped},
                "unshipped": store.unshipped,
                "unrecorded": {"no series": facts.refused, "no JSON": self._taking.unfit},
            },
            state=state,
            reason=reason,
            directory=str(self._config.place),
            size=facts.size,
            parts=facts.parts,
            newest_part=facts.part,
            waiting=store.waiting,
            work=[Work(f"records to {self._config.place}", f"{state}: {size(facts.size)} of {bounds_of(self._config)}")],
            damaged={**dict.fromkeys(facts.damaged, "set aside"), **self._reader.unreadable},
        )

    def _follow(self, config: Config) -> None:
        """Go by *config* from now on."""
        before, self._config = self._config, config
        self._store.apply(settings_of(config))
        if selection_of(config) != selection_of(before):
            self._unsubscribe()
            self._taking.select(selection_of(config))
            self._subscribe()
        if config.flush != before.flush and self._flushing.running:
            self._flushing.stop()
            self._flushing.start(config.flush, now=False)

    def _subscribe(self) -> None:
        for pattern in self._config.record:
            is_local = "@" not in pattern  # each node of a cluster records what it publishes itself
            take = partial(self._take, pattern)
            self._subscriptions.append(self._bus.subscribe(pattern, take, Want.BATCH, is_local=is_local))

    def _unsubscribe(self) -> None:
        for subscription in self._subscriptions:
            subscription.cancel()
        self._subscriptions.clear()

    def _take(self, pattern: str, message: Message) -> None:
        taking = self._taking
        taking.take(pattern, message)
        if taking.count >= LARGE or taking.size >= LONG:
            self._flush()

    def _flush(self) -> None:
        """Hand over what was taken."""
        samples, events = self._taking.swap()
        if samples or events:
            self._store.append(samples, events)

    def _tick(self) -> None:
        """Do what is due each ``flush``: hand over, tell how recording goes, see to files that may be damaged."""
        self._flush()
        self._tell()
        unchecked = self._store.state().unchecked
        if unchecked != self._checked:
            self._checked = unchecked
            self._reader.ask(lambda archive: archive.examine(unchecked)).addErrback(self._unexamined)
        for name, why in self._reader.take_damaged():
            self._store.set_aside(name, why).addErrback(lambda _: None)  # the disk is away; the next question finds it again

    def _unexamined(self, failure: Failure) -> None:
        if failure.type is OperationFailed:  # too many questions wait; one that is too large for its time is not asked again
            self._checked = ""

    def _tell(self) -> None:
        """Publish whether recording goes on, if that has changed."""
        state, reason = self._state()
        if state != self._told:
            self._told = state
            event = RecordingChanged(state, reason, self._store.waiting, self._bus.wall())
            self._bus.publish(Message(f"recorder.{self.instance}.state", event))

    def _state(self) -> tuple[str, str]:
        """The state of the recording, and why it is not recording."""
        paused = self._store.state().paused
        if self._store.is_dropping:
            return "dropping", paused or "more comes than can be written: record less, or give it more memory with most_waiting"
        return ("paused", paused) if paused else ("recording", "")

    def _in_time(self, work: Deferred[None]) -> Deferred[None]:
        """Return a Deferred that fires with *work*, or without it after :data:`LAST`. It never fails."""
        ended: Deferred[None] = Deferred(lambda _: None)

        def end(_result: object) -> None:
            if not ended.called:
                ended.callback(None)

        work.addBoth(end)
        return ended.addTimeout(LAST, self._reactor).addErrback(
            lambda _: self._log.error("The disk does not answer: the recorder ends without its last seconds")
        )

    def _committed(self) -> Deferred[None]:
        """Have everything written that was published; fires when that is done, or cannot be done in time."""
        self._flush()
        if not self._store.waiting:
            return succeed(None)
        return self._store.commit().addTimeout(PATIENCE, self._reactor).addErrback(lambda _: None)

    def _flushed(self) -> Deferred[None]:
        """Have everything on the disk that was published."""
        self._flush()
        return self._store.flush()
