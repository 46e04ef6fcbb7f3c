"""The operations ``history.…``: arguments are checked here, in the reactor's thread, and answered in that of the reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred

from netd.bus.subject import split_pattern
from netd.codec.jsontext import encode
from netd.codec.times import BadTime, moment, period
from netd.codec.units import Seconds
from netd.errors import InvalidArguments, NoSuchTarget
from netd.operations import Caller, Operation, Role
from netd.recorder.answers import Asked, events_in, note_facts, page_of, points_of, run_facts, runs_of, series_of
from netd.recorder.archive import Archive
from netd.recorder.catalog import Catalog, no_such_run
from netd.recorder.gaps import FoundGap
from netd.recorder.micros import MICRO, micros
from netd.recorder.reader import PastReader
from netd.recorder.replay import Pace, Replays
from netd.recorder.results import (
    DeletedParts,
    FlushedRecorder,
    HistoryPage,
    HistoryPoints,
    NoteFacts,
    PastEvent,
    ReplayFacts,
    RunFacts,
    SeriesFacts,
)
from netd.recorder.store import Store

__all__ = ["History"]

Time = float | str
"""A time as :func:`netd.codec.times.moment` reads it."""

MOST_PATTERNS = 20
"""Patterns of one question, or of one run."""

LAST_RUN = (1 << 63) - 1
"""The greatest number that a run can have: SQLite has 64 bits."""

FEWEST_POINTS, MOST_POINTS = 10, 10_000
"""Bounds of the points of one series."""

MOST_READ = 100_000
"""Samples and events of one page, at most."""

MOST_LISTED = 1000
"""Events or runs of one answer, at most."""

LONGEST_TEXT = 10_000
"""Characters of a note."""

LONGEST_NAME = 200
"""Characters of the name of a run."""

MOST_FACTS = 1 << 14
"""Bytes of JSON of the facts about a run."""

T = TypeVar("T")


@frozen(eq=False)
class History:
    """The operations of one recorder.

    :ivar committed: writes what was taken so far; the Deferred that it returns fires when a reader sees it.
    :ivar flushed: brings that to the disk, too; the Deferred fails when that is not possible.
    :ivar wall: the time, in seconds since the epoch.
    """

    store: Store
    reader: PastReader
    committed: Callable[[], Deferred[None]]
    flushed: Callable[[], Deferred[None]]
    wall: Callable[[], float]
    monotonic: Callable[[], float]
    replays: Replays

    def operations(self) -> list[Operation]:
        """Return the operations. Viewers ask, operators write notes and runs, admins delete."""

        def operation(verb: str, function: Callable[..., object], role: Role, summary: str) -> Operation:
            return Operation(
                f"history.{verb}", function, role, summary, checks_subjects=True, spans_services=True, kind="recorder"
            )

        return [
            operation("subjects", self.subjects, Role.VIEWER, "List what is recorded: subjects, units, times"),
            operation("query", self.query, Role.VIEWER, "Show the past of numbers, in so many points"),
            operation("read", self.read, Role.VIEWER, "Read all samples and events of a time, page by page"),
            operation("events", self.events, Role.VIEWER, "List past events, newest first"),
            operation("runs", self.runs, Role.VIEWER, "List the runs, newest first"),
            operation("annotate", self.annotate, Role.OPERATOR, "Write a note into the history"),
            operation("begin", self.begin, Role.OPERATOR, "Begin a run: a time with a number and a name"),
            operation("finish", self.finish, Role.OPERATOR, "End a run"),
            operation("replay", self.replay, Role.OPERATOR, "Publish the past again, under replay.<number>.…"),
            operation("replays", self.list_replays, Role.VIEWER, "List the replays, newest first"),
            operation("halt", self.halt, Role.OPERATOR, "End a replay"),
            operation("flush", self.flush, Role.OPERATOR, "Bring everything that was published to the disk"),
            operation("delete", self.delete, Role.ADMIN, "Delete the files of days"),
        ]

    def subjects(self, caller: Caller, pattern: str | list[str] = ">", since: Time | None = None) -> Deferred[list[SeriesFacts]]:
        """Return the series under *pattern*.

        :param since: series of which nothing came since then are left out.
        """
        asked = self._asked(caller, pattern, 0.0, "now", None)
        from_time = None if since is None else _moment("since", since, self.wall())
        return self._ask(lambda archive: series_of(archive, asked, from_time))

    def query(
        self,
        caller: Caller,
        pattern: str | list[str],
        begin: Time = "-1h",
        end: Time = "now",
        points: int = 1000,
        run: int | None = None,
        clock: Literal["netd", "agent"] = "netd",
    ) -> Deferred[HistoryPoints]:
        """Return the least, greatest and mean value of each of so many stretches of time.

        :param run: the number of a run, whose time and subjects are meant; *begin* and *end* are not used then.
        :param clock: whose times count: those at which netd received the samples, or those that the agents gave.
        :raises OperationFailed: when more than 20 series, or more than 100,000 points, would be the answer.
        """
        if not FEWEST_POINTS <= points <= MOST_POINTS:
            raise InvalidArguments(f"points: {points} is not between {FEWEST_POINTS} and {MOST_POINTS}")
        asked = self._asked(caller, pattern, begin, end, run)
        return self._ask(lambda archive: points_of(archive, asked, points, clock == "agent"))

    def read(
        self,
        caller: Caller,
        pattern: str | list[str],
        begin: Time = "-1h",
        end: Time = "now",
        run: int | None = None,
        after: str | None = None,
        limit: int = 10_000,
    ) -> Deferred[HistoryPage]:
        """Return samples and events, hour by hour.

        :param after: the ``after`` of the page before; null for the first page.
        :param limit: samples and events of a page; the last block may exceed it.
        """
        if not 1 <= limit <= MOST_READ:
            raise InvalidArguments(f"limit: {limit} is not between 1 and {MOST_READ}")
        asked = self._asked(caller, pattern, begin, end, run)
        if after is None:
            return self._ask(lambda archive: page_of(archive, asked, after, limit))
        # What was published before the first page is written. A night has hundreds of pages: each would have the disk write.
        return self.reader.ask(lambda archive: page_of(archive, asked, after, limit))

    def events(
        self,
        caller: Caller,
        pattern: str | list[str] = ">",
        begin: Time = "-1d",
        end: Time = "now",
        contains: str | None = None,
        newest: int = 100,
        run: int | None = None,
    ) -> Deferred[list[PastEvent]]:
        """Return the newest events under *pattern*, newest first.

        :param contains: a text that the event's JSON must have in it, in whichever case.
        """
        _check_newest(newest)
        asked = self._asked(caller, pattern, begin, end, run)
        return self._ask(lambda archive: events_in(archive, asked, contains, newest))

    def runs(self, caller: Caller, contains: str | None = None, newest: int = 50) -> Deferred[list[RunFacts]]:
        """Return the runs, newest first: those with *contains* in their name or facts."""
        _check_newest(newest)
        sees = caller.principal.sees
        return self.reader.ask(lambda archive: runs_of(archive, contains, newest, sees))

    def annotate(
        self,
        caller: Caller,
        text: str,
        time: Time = "now",
        until: Time | None = None,
        subject: str | None = None,
        run: int | None = None,
    ) -> Deferred[NoteFacts]:
        """Write a note; the Deferred fires when it is on the disk.

        :param subject: the subjects that the note is about, a pattern; null for all.
        :raises NoSuchTarget: if there is no such run.
        """
        _check_length("text", text, LONGEST_TEXT)
        _check_patterns(caller, [">" if subject is None else subject], "subject")
        begin = _moment("time", time, self.wall())
        end = None if until is None else _moment("until", until, self.wall())
        _check_run("run", run)
        if end is not None and end < begin:
            raise InvalidArguments("until: is before time")
        who, sees = _name_of(caller), caller.principal.sees

        def noted(catalog: Catalog) -> NoteFacts:
            if run is not None and not all(sees(pattern) for pattern in catalog.run(run).patterns):
                raise NoSuchTarget(f"there is no run {run}")
            return note_facts(catalog.annotate(begin, end, subject, text, run, who))

        return self.store.ask(noted)

    def begin(
        self, caller: Caller, name: str = "", patterns: list[str] | None = None, facts: dict[str, Any] | None = None
    ) -> Deferred[RunFacts]:
        """Begin a run; the Deferred fires when it is on the disk.

        :param patterns: the subjects that belong to it; all, by default.
        :param facts: anything that is to be kept with it: the sample, the operator, the settings.
        """
        if len(name) > LONGEST_NAME:
            raise InvalidArguments(f"name: has {len(name)} characters; write at most {LONGEST_NAME}")
        about: Mapping[str, object] = facts or {}
        size = len(encode(about))
        if size > MOST_FACTS:
            raise InvalidArguments(f"facts: {size} bytes of JSON; at most {MOST_FACTS} are kept")
        wanted = patterns or [">"]
        if len(wanted) > MOST_PATTERNS:
            raise InvalidArguments(f"patterns: {len(wanted)} are more than {MOST_PATTERNS}")
        _check_patterns(caller, wanted, "patterns")
        now, who = self._now, _name_of(caller)
        return self.store.ask(lambda catalog: run_facts(catalog.begin_run(name, now, wanted, about, who)))

    def finish(self, caller: Caller, number: int | None = None) -> Deferred[RunFacts]:
        """End the run of that number; without one, the only run that is open.

        :raises NoSuchTarget: if there is none, or the caller does not see all subjects of the run.
        """
        now, principal = self._now, caller.principal
        _check_run("number", number)
        if number is None and principal.subjects is not None:
            raise InvalidArguments("number: say which run; this token may not see all of them")

        def finished(catalog: Catalog) -> RunFacts:
            if number is not None and not all(map(principal.sees, catalog.run(number).patterns)):
                raise no_such_run(number)
            return run_facts(catalog.finish_run(number, now))

        return self.store.ask(finished)

    def replay(  # noqa: PLR0913, PLR0917 - the arguments of the operation
        self,
        caller: Caller,
        pattern: str | list[str] = ">",
        begin: Time = "-1h",
        end: Time = "now",
        run: int | None = None,
        speed: float = 1.0,
        prefix: str = "replay",
        max_gap: Seconds | None = None,
        loop: bool = False,
    ) -> Deferred[ReplayFacts]:
        """Publish samples and events again, in the order of their times, under *prefix*, the replay's number and the subject.

        :param speed: 2 halves the times between them; with 0, netd publishes as fast as other work lets it.
        :param prefix: one token, which is no kind of service. A confined caller needs all subjects below it.
        :param max_gap: seconds to which longer silences are shortened.
        :param loop: whether it begins again at its end.
        :raises NoSuchTarget: if there is no such run.
        """
        asked, pace = self._asked(caller, pattern, begin, end, run), Pace(speed, max_gap, loop)
        return self._ask(asked.within_run).addCallback(lambda found: self.replays.begin(caller, found, pace, prefix))

    def list_replays(self, caller: Caller) -> list[ReplayFacts]:
        """Return the replays that run or have run, newest first."""
        return self.replays.list(caller.principal.sees)

    def halt(self, caller: Caller, number: int) -> ReplayFacts:
        """End the replay of that number.

        :raises NoSuchTarget: if there is none.
        """
        return self.replays.halt(number, caller.principal.sees)

    def flush(self) -> Deferred[FlushedRecorder]:
        """Answer when everything that was published before is on the disk.

        :raises OperationFailed: if that is not possible now.
        """
        started = self.monotonic()
        return self.flushed().addCallback(lambda _: FlushedRecorder(self.monotonic() - started))

    def delete(self, caller: Caller, before: Time | None = None, part: str | None = None) -> Deferred[DeletedParts]:
        """Delete the files of days that were over at *before*, or the file *part*. Hourly values, runs and notes stay.

        :raises NoSuchTarget: if *part* is no file that is closed.
        """
        if (before is None) == (part is None):
            raise InvalidArguments("before, part: say one of them")
        caller.check(">")
        limit = None if before is None else _moment("before", before, self.wall()) / MICRO
        return self.store.delete(() if part is None else [part], limit).addCallback(DeletedParts)

    @property
    def _pause(self) -> FoundGap | None:
        facts = self.store.state()
        return None if facts.paused_since is None else FoundGap(micros(facts.paused_since), None, facts.paused)

    @property
    def _now(self) -> int:
        return micros(self.wall())

    def _ask(self, answer: Callable[[Archive], T]) -> Deferred[T]:
        """Have the reader answer, when it sees everything that was published before."""
        return self.committed().addCallback(lambda _: self.reader.ask(answer))

    def _asked(self, caller: Caller, pattern: str | list[str], begin: Time, end: Time, run: int | None) -> Asked:
        patterns = [pattern] if isinstance(pattern, str) else pattern
        if not 1 <= len(patterns) <= MOST_PATTERNS:
            raise InvalidArguments(f"pattern: {len(patterns)} patterns are not between 1 and {MOST_PATTERNS}")
        _check_patterns(caller, patterns, "pattern")
        _check_run("run", run)
        try:  # a run brings its own times
            first, last = period(begin, end, self.wall()) if run is None else (0.0, self.wall())
        except BadTime as error:
            raise InvalidArguments(str(error)) from None
        principal = caller.principal
        begun, ended = round(first * MICRO), round(last * MICRO)
        return Asked(tuple(patterns), begun, ended, run, principal.sees, principal.subjects is not None, self._pause)


def _moment(argument: str, said: Time, now: float) -> int:
    try:
        return micros(moment(said, now))
    except BadTime as error:
        raise InvalidArguments(f"{argument}: {error}") from None


def _check_patterns(caller: Caller, patterns: list[str], argument: str) -> None:
    for pattern in patterns:
        try:
            split_pattern(pattern)
        except ValueError as error:
            raise InvalidArguments(f"{argument}: {error}") from None
        caller.check(pattern)


def _check_length(argument: str, text: str, most: int) -> None:
    if not 1 <= len(text) <= most:
        raise InvalidArguments(f"{argument}: has {len(text)} characters; write 1 to {most}")


def _check_run(argument: str, number: int | None) -> None:
    if number is not None and not 1 <= number <= LAST_RUN:
        raise NoSuchTarget(f"{argument}: there is no run {number}")


def _check_newest(newest: int) -> None:
    if not 1 <= newest <= MOST_LISTED:
        raise InvalidArguments(f"newest: {newest} is not between 1 and {MOST_LISTED}")


def _name_of(caller: Caller) -> str:
    return str(caller.principal) or caller.origin
