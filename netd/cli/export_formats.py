"""The files that ``netd export`` writes: one class a format, each from samples to the file.

Parquet and HDF5 need a library, which is imported when the format is asked for: they are an extra of netd, and no part of the
daemon.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from io import FileIO
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Protocol

from netd.cli.invocation import Failure
from netd.client.history_sources import Event, Samples, Series
from netd.codec.history_rows import LONG_HEADER, csv_rows, event_line, json_lines

__all__ = ["FILES", "TEXTS", "ExportFacts", "ExportFile"]

ROWS = 1 << 17
"""Samples that are collected before Parquet and HDF5 write them: of fewer, their files become long and slow to read."""


@dataclass(frozen=True)
class ExportFacts:
    """Facts that a file holds about itself, where its format has a place for them.

    :ivar run: number and name of the run; empty without one.
    :ivar series: the series that may be in it.
    """

    run: str
    series: Sequence[Series]

    def label(self, subject: str, unit: str) -> str:
        """Return the label of a series."""
        return next((one.label for one in self.series if (one.subject, one.unit) == (subject, unit)), "")

    def as_metadata(self) -> dict[str, str]:
        """Return the facts as texts, units and labels as JSON by subject."""
        units, labels = ({one.subject: getattr(one, name) for one in self.series} for name in ("unit", "label"))
        return {"netd.run": self.run, "netd.units": json.dumps(units), "netd.labels": json.dumps(labels)}


class ExportFile(Protocol):
    """A file that is being written."""

    def add(self, samples: Samples) -> None: ...
    def add_event(self, event: Event) -> bool: ...
    def close(self) -> None: ...


class CsvFile:
    """Rows ``time,subject,value,unit``."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        file.write(LONG_HEADER)

    def add(self, samples: Samples) -> None:
        """Write samples of one series."""
        self._file.write(csv_rows(samples.subject, samples.unit, samples.times, samples.values))

    def add_event(self, event: Event) -> bool:
        """Return False: the file has no place for events."""
        return False

    def close(self) -> None:
        """Write everything."""
        self._file.flush()


class JsonLinesFile(CsvFile):
    """A JSON object a line, for samples and events."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def add(self, samples: Samples) -> None:
        """Write samples of one series."""
        self._file.write(json_lines(samples.subject, samples.unit, samples.times, samples.values, samples.agent_times))

    def add_event(self, event: Event) -> bool:
        """Write an event."""
        self._file.write(event_line(event.subject, event.time, event.data))
        return True


class SqliteFile:
    """One table ``sample(subject, time, value)``, a row a sample; times are seconds since the epoch."""

    def __init__(self, path: Path, _facts: ExportFacts) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")  # the file is made aside: half of it is never seen
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("CREATE TABLE sample (subject TEXT NOT NULL, time REAL NOT NULL, value REAL NOT NULL)")
        self._db.execute("BEGIN")

    def add(self, samples: Samples) -> None:
        """Write samples of one series."""
        rows = zip([samples.subject] * len(samples.times), samples.times, samples.values, strict=True)
        self._db.executemany("INSERT INTO sample VALUES (?, ?, ?)", rows)

    def add_event(self, event: Event) -> bool:
        """Return False: the file has no place for events."""
        return False

    def close(self) -> None:
        """Write everything, with an index by which one series is found."""
        self._db.execute("CREATE INDEX sample_series ON sample (subject, time)")
        self._db.execute("COMMIT")
        self._db.close()


class ParquetFile:
    """Columns ``subject`` (dictionary), ``time`` (microseconds in UTC), ``value`` and ``agent_time``; units in the metadata."""

    def __init__(self, path: Path, facts: ExportFacts) -> None:
        arrow = self._arrow = _needed("pyarrow", "parquet")
        _needed("pyarrow.parquet", "parquet")
        moment = arrow.timestamp("us", "UTC")
        fields = [
            ("subject", arrow.dictionary(arrow.int32(), arrow.string())),
            ("time", moment),
            ("value", arrow.float64()),
            ("agent_time", moment),
        ]
        self._schema = arrow.schema(fields, metadata=facts.as_metadata())
        self._writer = arrow.parquet.ParquetWriter(path, self._schema)
        self._waiting: list[Samples] = []
        self._count = 0

    def add(self, samples: Samples) -> None:
        """Write samples of one series."""
        self._waiting.append(samples)
        self._count += len(samples.times)
        if self._count >= ROWS:
            self._flush()

    def add_event(self, event: Event) -> bool:
        """Return False: the file has no place for events."""
        return False

    def close(self) -> None:
        """Write everything."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        arrow, waiting = self._arrow, self._waiting
        subjects = sorted({one.subject for one in waiting})
        numbers = {subject: number for number, subject in enumerate(subjects)}
        indices = [number for one in waiting for number in [numbers[one.subject]] * len(one.times)]
        said = [_micros(time) for one in waiting for time in one.agent_times or [None] * len(one.times)]
        columns = [
            arrow.DictionaryArray.from_arrays(arrow.array(indices, arrow.int32()), arrow.array(subjects, arrow.string())),
            arrow.array([_micros(time) for one in waiting for time in one.times], arrow.int64()).cast(self._schema.types[1]),
            arrow.array([float(value) for one in waiting for value in one.values], arrow.float64()),
            arrow.array(said, arrow.int64()).cast(self._schema.types[3]),
        ]
        self._writer.write_table(arrow.Table.from_arrays(columns, schema=self._schema))
        self._waiting, self._count = [], 0


class _NotingFile(FileIO):
    """A file that HDF5 can always write to: the library crashes when a disk is full, and often only when the program ends.

    :ivar error: why the first write failed; None while none has.
    """

    error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of *data*, or note why that is not possible."""
        view = memoryview(data).cast("B")
        written = 0
        try:
            while self.error is None and written < len(view):
                written += super().write(view[written:]) or 0
        except OSError as error:
            self.error = error
        return len(view)


class Hdf5File:
    """A group a series, ``/session/main/greenhouse/temp``, with ``time`` and ``value``, and its unit and run as attributes."""

    def __init__(self, path: Path, facts: ExportFacts) -> None:
        self._h5py = _needed("h5py", "hdf5")
        self._numpy = _needed("numpy", "hdf5")
        self._target = _NotingFile(path, "w+")
        self._file = self._h5py.File(self._target, "w")
        self._facts = facts
        self._groups: dict[tuple[str, str], Any] = {}
        self._waiting: dict[tuple[str, str], list[Samples]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, samples: Samples) -> None:
        """Write samples of one series."""
        key = samples.subject, samples.unit
        self._waiting.setdefault(key, []).append(samples)
        self._counts[key] = self._counts.get(key, 0) + len(samples.times)
        if self._counts[key] >= ROWS // 2:
            self._flush(key)

    def add_event(self, event: Event) -> bool:
        """Return False: the file has no place for events."""
        return False

    def close(self) -> None:
        """Write everything."""
        for key in list(self._waiting):
            self._flush(key)
        self._file.close()
        self._check()
        self._target.close()

    def _check(self) -> None:
        """Raise what a write has failed with."""
        if self._target.error is not None:
            with suppress(Exception):  # the library may find that what it wrote is not there
                self._file.close()
            raise self._target.error

    def _flush(self, key: tuple[str, str]) -> None:
        waiting = self._waiting.pop(key)
        self._counts[key] = 0
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = self._group(*key)
        self._append(group["time"], [time for one in waiting for time in one.times])
        self._append(group["value"], [value for one in waiting for value in one.values])
        if "agent_time" in group or any(one.agent_times is not None for one in waiting):
            self._append_agent_times(group, waiting)
        self._check()

    def _append_agent_times(self, group: Any, waiting: list[Samples]) -> None:
        """Append the agents' times; those before the first, and those that are not known, are no numbers."""
        nan = float("nan")
        times = [nan if time is None else time for one in waiting for time in one.agent_times or [None] * len(one.times)]
        if "agent_time" not in group:
            self._dataset(group, "agent_time")
            times = [nan] * (len(group["time"]) - len(times)) + times
        self._append(group["agent_time"], times)

    def _group(self, subject: str, unit: str) -> Any:
        """Make the group of a series. A subject that has had two units has a second group, whose name ends in ``-2``."""
        path = name = subject.replace(".", "/")
        number = 2
        while name in self._file:
            name, number = f"{path}-{number}", number + 1
        group = self._file.create_group(name)
        group.attrs["unit"], group.attrs["label"] = unit, self._facts.label(subject, unit)
        group.attrs["run"] = self._facts.run
        self._dataset(group, "time")
        self._dataset(group, "value")
        return group

    @staticmethod
    def _dataset(group: Any, name: str) -> None:
        group.create_dataset(name, (0,), "float64", maxshape=(None,), chunks=(1 << 14,), compression="gzip", compression_opts=1)

    def _append(self, dataset: Any, values: list[float]) -> None:
        before = len(dataset)
        dataset.resize((before + len(values),))
        dataset[before:] = self._numpy.array(values, dtype="float64")


TEXTS: Mapping[str, Callable[[IO[str]], ExportFile]] = MappingProxyType({"csv": CsvFile, "jsonl": JsonLinesFile})
"""The formats that are text, which can go to standard output."""

FILES: Mapping[str, Callable[[Path, ExportFacts], ExportFile]] = MappingProxyType(
    {"parquet": ParquetFile, "hdf5": Hdf5File, "sqlite": SqliteFile}
)
"""The formats that need a file."""


EXTRA = ("h5py", "numpy", "pyarrow")
"""The libraries of the extra ``export``."""


def _needed(module: str, what: str) -> Any:
    """Import a library that is an extra of netd.

    :raises Failure: if it is not there, with the command that installs it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        install = f"{sys.executable} -m pip install {' '.join(EXTRA)}"
        raise Failure(f"--format {what} needs {library}, which is not installed here: {install}") from error


def _micros(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e6)
