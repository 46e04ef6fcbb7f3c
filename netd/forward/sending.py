"""The sending: from a position in the recorder's past, piece by piece, one request at a time.

Nothing is kept in memory but the piece that is being sent. What was published while the server was away is in the recorder's
files by then. The position moves when the server has taken a batch; what is sent again after a crash is the same lines, which a
server keeps once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.task import deferLater
from twisted.logger import Logger

from netd.connection.backoff import Backoff
from netd.connection.posting import PostFailed, post
from netd.errors import NetdError, NotInTime
from netd.forward.config import Config
from netd.forward.lines import LineBatch, LineBatches, body_of, make_batches
from netd.forward.verdict import LineVerdict, Meaning, judge
from netd.log import LogLimiter, told_of

__all__ = ["BEHIND", "LineSending"]

MICRO = 1_000_000

FIRST_WIDTH = MICRO
"""The time that the first piece takes, in microseconds. The recorder says how long the next one should be."""

WAITS = Backoff(1.0, 60.0)
"""The waits after a failure."""

LONGEST_WAIT = 3600.0
"""Seconds that a server may ask for, at most."""

BEHIND = 60.0
"""Seconds of lag above which sending has fallen behind."""

MOST_SKIPPED = 20
"""Lines of a batch that are refused one by one, before the rest of the batch is given up: each costs a dozen requests."""

STEP = 0.01
"""Seconds by which the wall clock must be set back to be noted."""


@define(eq=False)
class LineSending:
    """What one section sends.

    :ivar config: the options in force.
    :ivar token: the server's token; empty without one.
    :ivar reactor: provides ``IReactorTime``.
    :ivar wall: the time, in seconds since the epoch.
    :ivar chance: returns a random number from 0 up to 1.
    :ivar tell: called when the position or the state may have changed.
    :ivar keepers: returns the recorders (:class:`netd.interfaces.IHistoryKeeper`).
    :ivar position: everything before it has been sent, in microseconds since the epoch; None before the first look.
    :ivar trouble: the state, ``waiting`` or ``refused``, and why; None while all goes well.
    :ivar last_skipped: why lines were left out last.
    """

    _log = Logger()

    section: str
    config: Config
    agent: Any
    token: str
    reactor: Any
    wall: Callable[[], float]
    chance: Callable[[], float]
    limiter: LogLimiter
    tell: Callable[[], object] = lambda: None
    keepers: Callable[[], Sequence[Any]] = tuple
    position: int | None = None
    counts: Counter[str] = field(factory=Counter, init=False)
    trouble: tuple[str, str] | None = field(default=None, init=False)
    last_skipped: str | None = field(default=None, init=False)
    _failures: int = field(default=0, init=False)
    _is_trusted: bool = field(default=False, init=False)  # the server has taken something since these options are in force
    _width: int = field(default=FIRST_WIDTH, init=False)
    _taken: dict[str, int] = field(factory=dict, init=False)
    _clocks: tuple[float, float] | None = field(default=None, init=False)
    _running: Deferred[None] | None = field(default=None, init=False)

    @property
    def lag(self) -> float:
        """The age of the oldest that is not sent, in seconds, at most: there may be nothing since."""
        return 0.0 if self.position is None else max(0.0, self.wall() - self.position / MICRO)

    @property
    def state(self) -> tuple[str, str]:
        """The state, and why nothing is sent."""
        if self.trouble is not None:
            return self.trouble
        return ("behind" if self.lag > BEHIND + self.config.every else "sending"), ""

    def start(self) -> None:
        """Send from now on."""
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(lambda failure: failure.trap(CancelledError))

    def stop(self) -> None:
        """Send nothing more."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()

    def follow(self, config: Config, agent: Any, token: str) -> None:
        """Go by other options from now on. What waits is tried at once, and a request that is under way is sent again."""
        is_running = self._running is not None
        self.stop()
        self.config, self.agent, self.token = config, agent, token
        self.trouble, self._failures, self._is_trusted = None, 0, False
        if is_running:
            self.start()

    async def _run(self) -> None:
        while True:
            try:
                is_last = await self._send_piece()
            except CancelledError:
                raise
            except Exception as error:  # whatever it is, it may pass, and sending must not end
                await self._wait(LineVerdict(Meaning.LATER, self._why(error)))
                continue
            if is_last:
                await deferLater(self.reactor, self.config.every)

    async def _send_piece(self) -> bool:
        """Send the next piece of the past. Return whether it was the last one."""
        keepers, config = self.keepers(), self.config
        if not keepers:
            raise NetdError("there is none")
        now = self._look_at_clocks()
        begin = now if self.position is None else self.position
        make = partial(make_batches, taken=self._taken, most=config.batch, is_zipped=config.gzip)
        made: tuple[LineBatches, int, int, bool] = await keepers[0].past(config.subjects, begin, now, self._width, make)
        batches, end, self._width, is_last = made
        for batch in batches.batches:
            await self._send(batch)
            self._reach(batch.until)
        self._taken = batches.taken
        self.trouble, self._failures = None, 0
        self._reach(end)
        return is_last

    def _why(self, error: Exception) -> str:
        """Return why the past cannot be read."""
        if isinstance(error, DeferredTimeout):
            return "the recorder cannot write what comes, and nothing is sent before that"
        if isinstance(error, NotInTime):
            self._width = max(1, self._width // 2)
        if isinstance(error, NetdError):
            return f"the recorder cannot be read: {error}"
        self._log.failure("{section}: nothing could be sent", section=self.section)
        return f"internal error ({type(error).__name__})"

    def _look_at_clocks(self) -> int:
        """Return the time. After the clock was set back, what comes has times that were gone over already: they are again."""
        wall, monotonic = self.wall(), self.reactor.seconds()
        if self._clocks is None:
            earliest = wall
        else:
            before, then = self._clocks
            step = before + monotonic - then - wall
            earliest = before - step if step > STEP else wall
        self._clocks = wall, monotonic
        if self.position is not None and self.position > earliest * MICRO:
            self.position = round(earliest * MICRO)
        return round(wall * MICRO)

    def _reach(self, position: int) -> None:
        self.position = position
        self.tell()

    async def _send(self, batch: LineBatch) -> None:
        """Send a batch, until the server has taken all of it that it will ever take."""
        waiting = [batch.lines]
        bodies = [batch.body]
        skipped = 0
        while waiting:
            lines, body = waiting[-1], bodies[-1]
            verdict = await self._post(body)
            is_hopeless = verdict.meaning is Meaning.BAD and len(lines) == 1 and skipped >= MOST_SKIPPED
            if verdict.meaning in (Meaning.LATER, Meaning.REFUSED) or (is_hopeless and not self._is_trusted):
                await self._wait(verdict)
                continue
            del waiting[-1], bodies[-1]
            if verdict.meaning is Meaning.TAKEN:
                self._took(len(lines), verdict)
            elif is_hopeless:
                self._skip(sum(map(len, waiting)) + 1, verdict.why, lines[0])
                return
            elif len(lines) == 1:
                skipped += 1
                self._skip(1, verdict.why, lines[0])
            else:
                middle = len(lines) // 2
                for part in (lines[middle:], lines[:middle]):
                    waiting.append(part)
                    bodies.append(body_of(part, self.config.gzip))

    def _took(self, count: int, verdict: LineVerdict) -> None:
        self._is_trusted = True
        self._failures = 0
        self.trouble = None
        dropped = min(count, verdict.dropped)
        self.counts["sent"] += count - dropped
        if dropped:
            self._skip(dropped, verdict.why, b"")

    def _skip(self, count: int, why: str, line: bytes) -> None:
        """Note that the server does not take some lines, and never will."""
        self.counts["skipped"] += count
        said = line.decode()[:200]
        self.last_skipped = f"{why}: {said}" if said else why
        held_back = self.limiter.admit("skipped")
        if held_back is not None:
            self._log.warn(
                "{section}: lines are left out that {place} does not take ({count}): {why}{more}",
                section=self.section,
                count=count,
                place=self.config.place,
                why=self.last_skipped,
                more=told_of(held_back),
            )

    async def _post(self, body: bytes) -> LineVerdict:
        config = self.config
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if config.gzip:
            headers["Content-Encoding"] = "gzip"
        if self.token:
            headers["Authorization"] = f"Token {self.token}"
        self.counts["requests"] += 1
        try:
            asked = post(self.agent, config.target, headers, body, is_read=True)
            answer = await asked.addTimeout(config.timeout, self.reactor)
        except DeferredTimeout:
            return LineVerdict(Meaning.LATER, f"no answer within {config.timeout:g} s")
        except PostFailed as error:
            return LineVerdict(Meaning.LATER, str(error))
        return judge(answer.code, answer.phrase, answer.text, answer.retry_after)

    async def _wait(self, verdict: LineVerdict) -> None:
        """Wait after a failure, the longer the more there were."""
        state = "waiting" if verdict.meaning is Meaning.LATER else "refused"
        self.counts["failed"] += 1
        self.trouble = state, verdict.why
        self.tell()
        wait = max(WAITS.delay(self._failures, self.chance()), min(verdict.wait, LONGEST_WAIT))
        self._failures += 1
        await deferLater(self.reactor, wait)
