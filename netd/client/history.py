"""The past that netd has recorded, for programs: from the files on this machine, or from a gateway.

    from netd.client import history

    with history.open("/var/lib/netd") as past:
        times, values = past.read("session.main.greenhouse.temp", "-8h")
        frame = past.frame("session.main.greenhouse.*", run=42)

Times are seconds since the epoch. Where numpy is installed, times and values are its arrays; a frame needs pandas. Files are read
whether netd runs or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

from netd.client.history_sources import (
    Caller,
    CallSource,
    Event,
    FileSource,
    Gap,
    Item,
    NoHistory,
    PastSource,
    Run,
    Samples,
    Series,
    Wanted,
    times_of,
)

__all__ = ["Event", "Gap", "History", "Item", "NoHistory", "Run", "Samples", "Series", "Wanted", "open"]


def open(place: str | Path | Caller, instance: str | None = "main") -> History:  # noqa: A001 - history.open, as gzip.open
    """Open the past at *place*.

    :param place: netd's state directory, or the directory of a recorder; the address of a gateway, ``http://…``; or a
        :class:`netd.client.gateway.Gateway`, which can have a token.
    :param instance: which of several recorders; None for those of all nodes of a cluster, which a daemon is asked for.
    :raises NoHistory: if nothing is recorded there.
    """
    if isinstance(place, str) and place.startswith(("http://", "https://")):
        from netd.client.gateway import Gateway  # noqa: PLC0415 - TLS takes long to import

        return History(CallSource(Gateway(place), instance))
    if not isinstance(place, (str, Path)):
        return History(CallSource(place, instance))
    return History(FileSource(Path(place), instance or "main"))


class History:
    """The past of one recorder."""

    def __init__(self, source: PastSource) -> None:
        self._source = source

    def __enter__(self) -> History:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        self._source.close()

    def series(self, pattern: str = ">") -> list[Series]:
        """Return all series under *pattern*, sorted by subject."""
        return self._source.series(pattern)

    def runs(self) -> list[Run]:
        """Return the runs, newest first."""
        return self._source.runs()

    @property
    def gaps(self) -> list[Gap]:
        """The times in which nothing was recorded, or which cannot be read, of those that were read last."""
        return self._source.gaps

    def wanted(
        self, patterns: Sequence[str], begin: float | str = "-1h", end: float | str = "now", run: int | None = None
    ) -> Wanted:
        """Return a question for :meth:`items`.

        :param begin, end: seconds since the epoch, or a text as in ``2026-11-28T22:00``, ``-8h``, ``yesterday``.
        :param run: the number of a run, which brings its own times.
        :raises NoHistory: if there is no such run.
        """
        return times_of(self._source, patterns, begin, end, run)

    def visible(self) -> list[str]:
        """Return the patterns of all that may be read here: ``>``, or what the token of a gateway is confined to."""
        return self._source.visible()

    def items(self, wanted: Wanted) -> Iterator[Item]:
        """Yield samples, a block of a series at a time, and events: hour by hour."""
        return self._source.items(wanted)

    def read(self, subject: str, begin: float | str = "-1h", end: float | str = "now", run: int | None = None) -> tuple[Any, Any]:
        """Return times and values of one subject, sorted by time: arrays of numpy where it is installed, else lists."""
        blocks = self._blocks((subject,), begin, end, run)
        try:
            numpy: Any = import_module("numpy")
        except ImportError:
            return _in_order(blocks)
        times, values = (_array(numpy, blocks, name) for name in ("times", "values"))
        if (numpy.diff(times) < 0).any():  # the clock was set back
            order = numpy.argsort(times, kind="stable")
            times, values = times[order], values[order]
        return times, values

    def frame(self, pattern: str = ">", begin: float | str = "-1h", end: float | str = "now", run: int | None = None) -> Any:
        """Return a DataFrame of pandas: a row a sample, with ``time`` (UTC), ``subject``, ``value`` and ``unit``.

        ``frame.pivot_table(index="time", columns="subject", values="value")`` makes a column of each series.

        :raises ImportError: without pandas.
        """
        pandas, numpy = (import_module(name) for name in ("pandas", "numpy"))
        blocks = self._blocks((pattern,), begin, end, run)
        micros = numpy.rint(_array(numpy, blocks, "times") * 1e6).astype("int64")
        columns = {
            "time": pandas.to_datetime(micros, unit="us", utc=True),
            "subject": _labels(pandas, numpy, blocks, [block.subject for block in blocks]),
            "value": _array(numpy, blocks, "values"),
            "unit": _labels(pandas, numpy, blocks, [block.unit for block in blocks]),
        }
        return pandas.DataFrame(columns)

    def _blocks(self, patterns: Sequence[str], begin: float | str, end: float | str, run: int | None) -> list[Samples]:
        items = self.items(self.wanted(patterns, begin, end, run))
        return [item for item in items if isinstance(item, Samples)]


def _in_order(blocks: Sequence[Samples]) -> tuple[list[float], list[float]]:
    """Return times and values of *blocks* as lists, sorted by time."""
    times = [time for block in blocks for time in block.times]
    values = [value for block in blocks for value in block.values]
    order = sorted(range(len(times)), key=times.__getitem__)
    return [times[at] for at in order], [values[at] for at in order]


def _array(numpy: Any, blocks: Sequence[Samples], name: str) -> Any:
    """Return the times or the values of *blocks* as one array."""
    return numpy.concatenate([numpy.array(getattr(block, name), "float64") for block in blocks] or [numpy.zeros(0)])


def _labels(pandas: Any, numpy: Any, blocks: Sequence[Samples], labels: Sequence[str]) -> Any:
    """Return a categorical column in which each row of a block has the label of the block."""
    known = sorted(set(labels))
    numbers = {label: number for number, label in enumerate(known)}
    counts = [len(block.times) for block in blocks]
    codes = numpy.repeat(numpy.array([numbers[label] for label in labels], "int64"), counts)
    return pandas.Categorical.from_codes(codes, categories=known)
