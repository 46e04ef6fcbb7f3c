"""Replays: the past is published again, under subjects of its own, at the pace at which it came or at another."""

from __future__ import annotations

import enum
import math
from collections import deque
from collections.abc import Callable, Collection, Iterator
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from netd.bus.subject import MAX_SUBJECT, is_own_subject
from netd.connection.shares import TurnShare
from netd.errors import InvalidArguments, NoSuchTarget, OperationFailed
from netd.interfaces import IBus
from netd.message import Described, Message
from netd.operations import Caller
from netd.recorder.answers import Asked
from netd.recorder.micros import MICRO
from netd.recorder.pieces import FIRST_WIDTH, PastMoment, Piece, read_piece
from netd.recorder.reader import PastReader
from netd.recorder.results import ReplayedSample, ReplayFacts

__all__ = ["MOST_REPLAYS", "Pace", "ReplayState", "Replays"]

MOST_REPLAYS = 4
"""Replays at a time."""

MOST_LISTED = 20
"""Replays that are listed, with those that are over. The subjects of the oldest are then forgotten."""

READ_AHEAD = 4096
"""Samples and events that wait to be published, below which more are read."""

LATE = 0.05
"""Seconds. What is later than that stays late, and so does all behind it: a burst would be no replay."""

FASTEST = 1_000_000.0
"""The greatest speed, apart from 0, which knows no clock."""

TOLD_EVERY = 1.0
"""Seconds between two events about a replay that runs."""

LONGEST = 64
"""Characters of a prefix."""

KEPT_NAMES = ("alert", "audit", "board", "bus", "custom", "system")
"""First tokens of subjects that are no kinds of services."""


class ReplayState(enum.Enum):
    """The state of a replay."""

    RUNNING = "running"
    ENDED = "ended"
    HALTED = "halted"
    FAILED = "failed"


@frozen
class Pace:
    """How fast the past goes by.

    :ivar speed: 2 halves the gaps; 0 is as fast as the turns allow.
    :ivar max_gap: the longest silence, in seconds of the past; None for any.
    """

    speed: float
    max_gap: float | None
    is_loop: bool

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.speed <= FASTEST:  # also false of NaN
            raise InvalidArguments(f"speed: {self.speed} is not between 0 and {FASTEST:.0f}")
        if self.max_gap is not None and not 0 <= self.max_gap < math.inf:
            raise InvalidArguments(f"max_gap: {self.max_gap} is no number of seconds")

    def wait(self, gap: float) -> float:
        """Return the seconds that a silence of *gap* seconds takes."""
        if self.speed == 0:
            return 0.0
        return max(0.0, gap if self.max_gap is None else min(gap, self.max_gap)) / self.speed


@define(eq=False)
class Replay:
    """One replay.

    :ivar due: when the next one is due, by the monotonic clock.
    :ivar position: the time of the newest that was published, in microseconds since the epoch; None before the first.
    :ivar behind: seconds by which it is late, for good.
    """

    number: int
    who: str
    prefix: str
    asked: Asked
    pace: Pace
    due: float
    state: ReplayState = ReplayState.RUNNING
    reason: str = ""
    position: int | None = None
    published: int = 0
    behind: float = 0.0
    loops: int = 0
    is_read: bool = False
    piece_end: int | None = None
    width: int = FIRST_WIDTH
    told: float = -math.inf
    waiting: deque[PastMoment] = field(factory=deque)
    subjects: set[str] = field(factory=set)
    question: Deferred[Any] | None = None
    timer: Any = None
    is_scheduled: bool = False

    def facts(self) -> ReplayFacts:
        """Return facts about it."""
        at = None if self.position is None else self.position / MICRO
        return ReplayFacts(
            self.number,
            self.state.value,
            self.reason,
            f"{self.prefix}.{self.number}.>",
            list(self.asked.patterns),
            self.asked.begin / MICRO,
            self.asked.end / MICRO,
            at,
            self.pace.speed,
            self.published,
            self.behind,
            self.loops,
            self.who,
        )


@define(eq=False)
class Replays:
    """The replays of one recorder.

    :ivar share: the time of a turn for all of them.
    :ivar kinds: returns the names of all kinds of services, which no prefix may have.
    """

    bus: IBus
    clock: IReactorTime
    reader: PastReader
    share: TurnShare
    kinds: Callable[[], Collection[str]]
    _last: int = 0
    _all: dict[int, Replay] = field(factory=dict)

    def begin(self, caller: Caller, asked: Asked, pace: Pace, prefix: str) -> ReplayFacts:
        """Begin a replay of what was *asked* for, without a run.

        :raises InvalidArguments: if *prefix* is no token, or one under which others publish.
        :raises OperationFailed: if too many replays run.
        """
        if not is_own_subject(prefix) or "." in prefix or len(prefix) > LONGEST or prefix in (*KEPT_NAMES, *self.kinds()):
            raise InvalidArguments(
                f"prefix: {prefix!r:.80} is no token of its own, such as replay; services publish under others"
            )
        caller.check(f"{prefix}.>")
        running = [one for one in self._all.values() if one.state is ReplayState.RUNNING]
        if len(running) >= MOST_REPLAYS:
            raise OperationFailed(f"{MOST_REPLAYS} replays run already; `history.halt` ends one")
        self._last += 1
        who = str(caller.principal) or caller.origin
        replay = self._all[self._last] = Replay(self._last, who, prefix, asked, pace, self.clock.seconds())
        self._forget_oldest()
        self._tell(replay)
        self._read(replay)
        return replay.facts()

    def list(self, sees: Callable[[str], bool]) -> list[ReplayFacts]:
        """Return the replays, newest first, of which the caller sees all subjects."""
        return [one.facts() for one in reversed(self._all.values()) if all(map(sees, one.asked.patterns))]

    def halt(self, number: int, sees: Callable[[str], bool]) -> ReplayFacts:
        """End a replay.

        :raises NoSuchTarget: if there is none of that number that the caller sees.
        """
        replay = self._all.get(number)
        if replay is None or not all(map(sees, replay.asked.patterns)):
            raise NoSuchTarget(f"there is no replay {number}; `history.replays` lists them")
        if replay.state is ReplayState.RUNNING:
            self._end(replay, ReplayState.HALTED)
        return replay.facts()

    def stop(self) -> None:
        """End all replays: netd stops."""
        for replay in self._all.values():
            if replay.state is ReplayState.RUNNING:
                self._end(replay, ReplayState.HALTED, "netd stops")
        self.share.stop()

    def _read(self, replay: Replay) -> None:
        """Read the next piece, unless enough waits, or that is done already."""
        if replay.question is not None or replay.is_read or len(replay.waiting) >= READ_AHEAD:
            return
        asked, begin, width = replay.asked, replay.piece_end, replay.width
        question = replay.question = self.reader.ask(lambda archive: read_piece(archive, asked, begin, width))
        question.addCallbacks(self._take, self._failed, callbackArgs=(replay,), errbackArgs=(replay,))

    def _take(self, piece: Piece, replay: Replay) -> None:
        replay.question = None
        if replay.state is not ReplayState.RUNNING:
            return
        replay.piece_end, replay.width = piece.end, piece.width
        replay.is_read = piece.is_last
        replay.waiting += piece.moments
        if replay.timer is None and not replay.is_scheduled:
            self._go_on(replay)

    def _failed(self, failure: Failure, replay: Replay) -> None:
        replay.question = None
        if replay.state is ReplayState.RUNNING:
            self._end(replay, ReplayState.FAILED, str(failure.value) or failure.type.__name__)  # type: ignore[union-attr]

    def _go_on(self, replay: Replay) -> None:
        replay.timer, replay.is_scheduled = None, True
        self.share.start_later(self._play(replay))

    def _play(self, replay: Replay) -> Iterator[None]:
        """Publish what is due, then wait for the next."""
        while replay.state is ReplayState.RUNNING:
            if len(replay.waiting) < READ_AHEAD:
                self._read(replay)
            if not replay.waiting:
                if replay.question is None and replay.is_read:
                    self._finish(replay)
                    if replay.state is ReplayState.RUNNING:
                        continue
                break
            wait = self._wait(replay, replay.waiting[0])
            if wait > 0:
                replay.timer = self.clock.callLater(wait, self._go_on, replay)
                break
            self._publish(replay, replay.waiting.popleft())
            yield
        replay.is_scheduled = False

    def _wait(self, replay: Replay, moment: PastMoment) -> float:
        """Return the seconds until *moment* is due. What is late stays late, and is counted."""
        if replay.pace.speed == 0:
            return 0.0
        gap = 0.0 if replay.position is None else (moment.time - replay.position) / MICRO
        due, now = replay.due + replay.pace.wait(gap), self.clock.seconds()
        if replay.position is None:
            due = now
        late = now - due
        if late > LATE:
            replay.behind += late
            replay.due += late
        return max(0.0, -late)

    def _publish(self, replay: Replay, moment: PastMoment) -> None:
        if replay.pace.speed:
            gap = 0.0 if replay.position is None else (moment.time - replay.position) / MICRO
            replay.due = self.clock.seconds() if replay.position is None else replay.due + replay.pace.wait(gap)
        replay.position = moment.time
        series = moment.series
        subject = f"{replay.prefix}.{replay.number}.{series.subject}"
        if len(subject) > MAX_SUBJECT:
            replay.reason = f"subjects with more than {MAX_SUBJECT} characters below the prefix are left out"
            return
        if subject not in replay.subjects:
            replay.subjects.add(subject)
            if series.label or series.unit:
                self.bus.describe(subject, Described(series.label, series.unit))
        if moment.text is None:
            value, said = moment.event
            message = Message(subject, ReplayedSample(value, moment.time / MICRO, said))
        else:
            message = Message(subject, moment.event, weight=len(moment.text), text=moment.text)
        replay.published += 1
        self.bus.publish(message)
        if self.clock.seconds() - replay.told >= TOLD_EVERY:
            self._tell(replay)

    def _finish(self, replay: Replay) -> None:
        """All has been published: begin again, or end."""
        if not replay.pace.is_loop or not replay.published:
            self._end(replay, ReplayState.ENDED)
            return
        replay.loops += 1
        replay.position, replay.piece_end, replay.is_read = None, None, False
        self._read(replay)

    def _end(self, replay: Replay, state: ReplayState, reason: str = "") -> None:
        replay.state, replay.reason = state, reason or replay.reason
        replay.waiting.clear()
        if replay.timer is not None:
            replay.timer.cancel()
            replay.timer = None
        if replay.question is not None:
            replay.question.cancel()
        self._tell(replay)

    def _tell(self, replay: Replay) -> None:
        replay.told = self.clock.seconds()
        self.bus.publish(Message(f"{replay.prefix}.{replay.number}.state", replay.facts()))

    def _forget_oldest(self) -> None:
        """Forget the oldest replay that is over, and the newest events under its subjects, if many are listed."""
        over = [one for one in self._all.values() if one.state is not ReplayState.RUNNING]
        if len(self._all) <= MOST_LISTED:
            return
        oldest = over[0]
        del self._all[oldest.number]
        for subject in (*oldest.subjects, f"{oldest.prefix}.{oldest.number}.state"):
            self.bus.forget(subject)
