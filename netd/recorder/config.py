"""The options of a ``[recorder]`` section."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import attrs

from netd.bus.subject import split_pattern
from netd.config import Parser, SectionConfig, auto_or, duration, off_or, option, path, size, within, words

__all__ = ["Config"]

_SHARE = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,3})?)%")


def _read_patterns(written: str) -> tuple[str, ...]:
    patterns = words(written)
    for pattern in patterns:
        split_pattern(pattern)
    return patterns


_patterns: Parser[tuple[str, ...]] = Parser("subject patterns, comma-separated: session.>, relay.main.said.*", _read_patterns)


def _read_share(written: str) -> float:
    found = _SHARE.fullmatch(written)
    if found is None:
        raise ValueError(f"{written!r} is not a share of the file system below 100 %; write it as in 5%")
    return float(found[1]) / 100


_share: Parser[float] = Parser("percents: 5%", _read_share)


def _objection_to(place: Path) -> str:
    """Return why nothing could be recorded in the directory *place*, which need not be there; "" if something could."""
    there = next(path for path in (place, *place.parents) if os.path.lexists(path))
    if not there.is_dir():
        return f"{there} is no directory: move it away, or name another one"
    if os.statvfs(there).f_blocks == 0:  # as that of /proc has
        return f"the file system of {there} keeps no files: name a directory on a disk"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"this user may not write in {there}: name another directory"


@attrs.frozen(kw_only=True)
class Config(SectionConfig):
    """Keep what goes over the bus: last night is still there, on the dashboard, as a file, in pandas (docs/your-data.md)."""

    record: tuple[str, ...] = option(
        _patterns,
        "session.>, wire.>, relay.>, command.>, room.>, feed.*.report, feed.*.remark, alert.>, audit.>, custom.>",
        help="The subjects that are recorded. `replay.>` and `system.main.vitals` are recorded only where a pattern names them.",
        live=True,
    )
    exclude: tuple[str, ...] | None = option(
        off_or(_patterns), "off", help="The subjects among these that are not recorded.", live=True
    )
    folder: Path | None = option(
        auto_or(path),
        "auto",
        help="Where it is kept: a file for each day, in UTC. `auto` is recorder/<instance> in the state directory.",
    )
    keep: float | None = option(
        off_or(within(duration, "1h", "3650d")),
        "30d",
        help="How long the file of a day stays. `off`: for ever.",
        live=True,
    )
    keep_size: int | None = option(
        off_or(within(size, "1MiB", "100000GiB")),
        "1GiB",
        help="How many bytes all files may have together; the oldest go. `off`: any number.",
        live=True,
    )
    keep_hourly: float | None = option(
        off_or(within(duration, "1d", "3650d")),
        "off",
        help="How long the count, least, greatest and mean value of each hour stay, which is 36 MB a year for 100 channels. "
        "`off`: for ever.",
        live=True,
    )
    min_free: float = option(
        _share,
        "5%",
        help="How much of the file system stays free. Below, the oldest files go, then recording pauses.",
        live=True,
    )
    flush: float = option(
        within(duration, "100ms", "1m"),
        "1s",
        help="How often what came is written, and so what a crash of netd can lose. On an SD card: 10s.",
        live=True,
    )
    sync: float | None = option(
        off_or(within(duration, "100ms", "1h")),
        "10s",
        help="How often what was written is brought to the disk, and so what a power cut can lose; at least `flush`. `off`: when "
        "the operating system thinks fit.",
        live=True,
    )
    most_waiting: int = option(
        within(size, "1MiB", "16GiB"),
        "64MiB",
        help="Memory for what waits to be written, as while the disk is full. Above, what comes is dropped, counted, and told as "
        "a gap.",
        live=True,
    )

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`."""
        yield from super().objections()
        why = _objection_to(self.place)
        if why:
            yield "folder", why
        if self.sync is not None and self.sync < self.flush:
            yield "sync", f"is shorter than flush; write at least {self.flush:g}s"

    @property
    def place(self) -> Path:
        """The directory of the parts and the catalog."""
        if self.folder is not None:
            return self.directory / self.folder
        return self.state_directory / "recorder" / self.instance
