"""Sources of the past: the files of a recorder on this machine, or a daemon that is asked for pages.

Both give the same items. Files are read whether netd runs or not, and several times as fast: nothing goes over a wire.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from netd.codec.times import period
from netd.recorder.answers import Asked, page_of, runs_of, series_of
from netd.recorder.archive import Archive
from netd.recorder.micros import FARTHEST, micros
from netd.recorder.part_names import CATALOG, PARTS

__all__ = [
    "CallSource",
    "Caller",
    "Event",
    "FileSource",
    "Gap",
    "Item",
    "NoHistory",
    "PastSource",
    "Run",
    "Samples",
    "Series",
    "Wanted",
]

PAGE = 50_000
"""Samples and events of a page of files; from a daemon, so many that its answer stays within its limit."""

CALLED_PAGE = 10_000


class NoHistory(LookupError):
    """Nothing is recorded at a place. The message names it."""


@dataclass(frozen=True)
class Series:
    """One series: a subject with a unit.

    :ivar first: when the first sample or event came, in seconds since the epoch.
    :ivar numeric: whether it has samples; otherwise it has events alone.
    """

    subject: str
    label: str
    unit: str
    first: float
    last: float
    count: int
    numeric: bool


@dataclass(frozen=True)
class Run:
    """One run. Times are seconds since the epoch; *end* is None while it goes on.

    :ivar instance: the recorder of another node that keeps it, ``main@north``; empty for the one that was asked.
    """

    run: int
    name: str
    begin: float
    end: float | None
    patterns: list[str]
    facts: dict[str, Any]
    who: str
    instance: str = ""


@dataclass(frozen=True)
class Samples:
    """Samples of one series, sorted by time. Times are seconds since the epoch."""

    subject: str
    unit: str
    times: list[float]
    values: list[float]
    agent_times: list[float | None] | None = None


@dataclass(frozen=True)
class Event:
    """One event.

    :ivar data: the event as JSON.
    """

    subject: str
    time: float
    data: str


@dataclass(frozen=True)
class Gap:
    """A time in which nothing was recorded, or which cannot be read.

    :ivar end: None where it goes on.
    """

    begin: float
    end: float | None
    reason: str


Item = Samples | Event


@dataclass(frozen=True)
class Wanted:
    """A question: the patterns of subjects, and a time or a run.

    :ivar begin: seconds since the epoch.
    """

    patterns: Sequence[str]
    begin: float
    end: float
    run: int | None = None


class PastSource(Protocol):
    """The past, of wherever.

    :ivar gaps: those in the time that :meth:`items` has read last.
    """

    gaps: list[Gap]

    def visible(self) -> list[str]: ...
    def series(self, pattern: str) -> list[Series]: ...
    def runs(self) -> list[Run]: ...
    def items(self, wanted: Wanted) -> Iterator[Item]: ...
    def close(self) -> None: ...


class FileSource:
    """The files of a recorder. Each method raises :class:`NoHistory` if the catalog of runs and notes cannot be read.

    :param place: its directory, or the state directory that has the one of *instance*.
    :raises NoHistory: if there are none, or this user may not read them.
    """

    def __init__(self, place: Path, instance: str) -> None:
        self._archive = Archive(_directory_of(place, instance))
        self.gaps: list[Gap] = []

    def visible(self) -> list[str]:
        """Return the patterns of what can be read: whoever may read the files may read all."""
        return [">"]

    def series(self, pattern: str) -> list[Series]:
        """Return the series under *pattern*, sorted by subject."""
        with self._reading():
            return [_series(one) for one in series_of(self._archive, _everything((pattern,)), None)]

    def runs(self) -> list[Run]:
        """Return all runs, newest first."""
        with self._reading():
            return [_run(run) for run in runs_of(self._archive, None, 1 << 30, lambda _subject: True)]

    def items(self, wanted: Wanted) -> Iterator[Item]:
        """Yield all samples and events that are wanted, hour by hour.

        :raises NoSuchTarget: if there is no such run.
        """
        begin, end = micros(wanted.begin), micros(wanted.end)
        asked, after = Asked(tuple(wanted.patterns), begin, end, wanted.run), None
        while True:
            with self._reading():
                page = page_of(self._archive, asked, after, PAGE)
            if after is None:
                self.gaps = [Gap(one.begin, one.end, one.reason) for one in page.gaps]
            for item in page.items:
                if hasattr(item, "times"):
                    yield Samples(item.subject, item.unit, item.times, item.values, item.agent_times)
                else:
                    yield Event(item.subject, item.time, _text(item.data))
            after = page.after
            if after is None:
                return

    def close(self) -> None:
        """Close the files."""
        self._archive.close()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Say what is wrong with the catalog. A part that cannot be read is a gap."""
        try:
            yield
        except sqlite3.Error as error:
            catalog = self._archive.directory / CATALOG
            remedy = "samples can be read without it: move it out of a copy of the directory"
            raise NoHistory(f"{catalog} cannot be read: {error}; {remedy}") from error


class Caller(Protocol):
    """A :class:`netd.client.gateway.Gateway`, a :class:`netd.client.control.Control`, or anything that calls operations."""

    def call(self, method: str, /, **params: Any) -> Any: ...


class CallSource:
    """A daemon.

    :param instance: which of its recorders; None where it has one.
    """

    def __init__(self, caller: Caller, instance: str | None = None) -> None:
        self._caller = caller
        self._instance = instance
        self.gaps: list[Gap] = []

    def visible(self) -> list[str]:
        """Return the patterns of what the caller may see."""
        subjects: list[str] | None = self._caller.call("system.whoami").get("subjects")
        return [">"] if subjects is None else subjects

    def series(self, pattern: str) -> list[Series]:
        """Return the series under *pattern*, sorted by subject."""
        return [Series(**one) for one in self._call("subjects", pattern=pattern)]

    def runs(self) -> list[Run]:
        """Return the newest runs, newest first."""
        return [Run(**one) for one in self._call("runs", newest=1000)]

    def items(self, wanted: Wanted) -> Iterator[Item]:
        """Yield all samples and events that are wanted, hour by hour."""
        asked: dict[str, Any] = {"pattern": list(wanted.patterns), "run": wanted.run, "limit": CALLED_PAGE}
        if wanted.run is None:
            asked |= {"begin": wanted.begin, "end": wanted.end}
        after = None
        while True:
            page = self._call("read", **asked, after=after)
            if after is None:
                self.gaps = [Gap(**one) for one in page["gaps"]]
            for item in page["items"]:
                if "times" in item:
                    yield Samples(item["subject"], item["unit"], item["times"], item["values"], item.get("agent_times"))
                else:
                    yield Event(item["subject"], item["time"], _text(item["data"]))
            after = page["after"]
            if after is None:
                return

    def close(self) -> None:
        """Close nothing: the connection is the caller's."""

    def _call(self, verb: str, **arguments: Any) -> Any:
        given = {name: value for name, value in arguments.items() if value is not None}
        if self._instance is not None:
            given["instance"] = self._instance
        return self._caller.call(f"history.{verb}", **given)


def times_of(source: PastSource, patterns: Sequence[str], begin: float | str, end: float | str, run: int | None) -> Wanted:
    """Return what is wanted, with its times as seconds since the epoch. A run brings its own.

    :raises BadTime: if a text is no time, or *begin* is not before *end*.
    :raises NoHistory: if there is no such run.
    """
    now = time.time()
    if run is None:
        return Wanted(patterns, *period(begin, end, now))
    for one in source.runs():
        if one.run == run:
            return Wanted(patterns, one.begin, now if one.end is None else one.end, run)
    raise NoHistory(f"there is no run {run}; `netd record list` lists them")


def _directory_of(place: Path, instance: str) -> Path:
    """Return the directory of a recorder.

    :raises NoHistory: if there is none, or this user may not look into it.
    """
    try:
        for directory in (place / "recorder" / instance, place):
            if (directory / PARTS).is_dir():
                return directory
    except OSError as error:
        remedy = "only the user of the daemon may; others ask its gateway"
        raise NoHistory(f"cannot read {place}: {error.strerror}; {remedy}") from error
    raise NoHistory(f"nothing is recorded in {place}: there is no folder of parts in it")


def _everything(patterns: Sequence[str]) -> Asked:
    return Asked(tuple(patterns), -FARTHEST, FARTHEST)


def _series(one: Any) -> Series:
    return Series(one.subject, one.label, one.unit, one.first, one.last, one.count, one.numeric)


def _run(run: Any) -> Run:
    return Run(run.run, run.name, run.begin, run.end, list(run.patterns), dict(run.facts), run.who)


def _text(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
