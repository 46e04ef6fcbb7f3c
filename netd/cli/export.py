"""``netd export``: what was recorded, as a file for other programs."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netd.cli.invocation import Failure, Invocation, NetdCommand, NotFound
from netd.cli.text import escaped
from netd.plaintext import moment

if TYPE_CHECKING:
    from netd.cli.export_formats import ExportFile
    from netd.client.history import History
    from netd.client.history_sources import Wanted

__all__ = ["export"]

WRITE_TIMEOUT = 5.0
"""Seconds that a daemon has to write what it keeps in memory. The export then goes on without that."""

MOST_GAPS = 5
"""Gaps that are told one by one."""

ENDINGS = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".sqlite": "sqlite",
    ".db": "sqlite",
}
"""The formats by the endings of files."""


@click.command(cls=NetdCommand, common=("state", "context", "on", "timeout"), short_help="Write what was recorded into a file.")
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--run", type=click.IntRange(1), metavar="NUMBER", help="The samples of this run.")
@click.option("--begin", metavar="TIME", help="From this time on: 8h, 22:00, yesterday 22:00, 2026-11-28T22:00.")
@click.option("--end", metavar="TIME", help="Up to this time. [default: now]")
@click.option(
    "--format",
    "kind",
    type=click.Choice(("csv", "jsonl", "parquet", "hdf5", "sqlite")),
    help="[default: by FILE's ending, or csv]",
)
@click.option("-o", "--output", metavar="FILE", default="-", help="The file; without it, text goes to standard output.")
@click.option(
    "--recorder", metavar="NAME|DIR", default="main", help="Which of several recorders, or the directory of one. [default: main]"
)
@click.option("--all-nodes", is_flag=True, help="Export what all nodes of the cluster have recorded.")
@click.pass_obj
def export(  # noqa: PLR0913, PLR0917 - one for each option
    invocation: Invocation,
    patterns: tuple[str, ...],
    run: int | None,
    begin: str | None,
    end: str | None,
    kind: str | None,
    output: str,
    recorder: str,
    all_nodes: bool,
) -> None:
    """Write the samples of the subjects under PATTERN into a file: `session.main.greenhouse.>`; without one, all you may see.

    On the daemon's machine its files are read, whether it runs or not. With --context the daemon is asked, and so it is for
    subjects of other nodes. Only jsonl has a place for events.
    """
    from netd.codec.times import BadTime  # noqa: PLC0415 - all commands must start fast

    if run is None and begin is None:
        raise click.UsageError("say which time: --run NUMBER, or --begin TIME, such as --begin 8h.")
    if run is not None and (begin is not None or end is not None):
        raise click.UsageError("a run has its own times: give --run, or --begin and --end.")
    kind = kind or _kind_of(output)
    if output == "-" and kind not in ("csv", "jsonl"):
        raise click.UsageError(f"{kind} needs a file: -o FILE.")
    is_everywhere = all_nodes or any("@" in pattern for pattern in patterns)
    with _everywhere(invocation) if is_everywhere else _opened(invocation, recorder) as past:
        try:
            wanted = past.wanted(patterns or past.visible(), begin or "-1h", end or "now", run)
        except BadTime as error:
            raise click.UsageError(f"{error}.") from error
        told = _write(past, wanted, kind, output)
        gaps = past.gaps
    click.echo(escaped(f"netd: {told}"), err=True)
    for gap in gaps[:MOST_GAPS]:
        until = "now" if gap.end is None else moment(gap.end)
        click.echo(escaped(f"netd: not in it: {moment(gap.begin)} to {until} ({gap.reason})"), err=True)
    if len(gaps) > MOST_GAPS:
        click.echo(f"netd: and {len(gaps) - MOST_GAPS} more gaps", err=True)


def _kind_of(output: str) -> str:
    """Return the format that the ending of the file *output* names; csv where it has none."""
    ending = Path(output).suffix.lower()
    if ending and ending not in ENDINGS:
        known = ", ".join(ENDINGS)
        raise click.UsageError(f"{output}: no format has the ending {ending}. Use one of {known}, or name it: --format csv.")
    return ENDINGS.get(ending, "csv")


@contextmanager
def _opened(invocation: Invocation, recorder: str) -> Iterator[History]:
    """Open the files on this machine, or the daemon of the context.

    :param recorder: a name; or a directory, which has a slash in it, or a folder of parts.
    :raises NotFound: if nothing is recorded there, or there is no such run.
    """
    import sqlite3  # noqa: PLC0415 - all commands must start fast

    from netd.client import history  # noqa: PLC0415 - likewise
    from netd.errors import NetdError  # noqa: PLC0415 - likewise

    try:
        if "/" in recorder or (Path(recorder) / "parts").is_dir():
            with history.open(Path(recorder)) as past:
                yield past
        elif invocation.context() is None and invocation.node is None:
            _have_written(invocation, recorder)
            with history.open(invocation.state, recorder) as past:
                yield past
        else:
            with invocation.control() as control, history.open(control, recorder) as past:
                yield past
    except history.NoHistory as error:
        raise NotFound(str(error)) from error
    except (NetdError, sqlite3.Error) as error:
        raise Failure(str(error)) from error


@contextmanager
def _everywhere(invocation: Invocation) -> Iterator[History]:
    """Open the past of all nodes of the cluster, as the daemon tells it."""
    from netd.client import history  # noqa: PLC0415 - all commands must start fast

    try:
        with invocation.control() as control, history.open(control, None) as past:
            yield past
    except history.NoHistory as error:
        raise NotFound(str(error)) from error


def _have_written(invocation: Invocation, recorder: str) -> None:
    """Have a daemon that runs write what it still keeps in memory: up to a minute, as its option ``flush`` says.

    It does so before it answers any question. ``history.flush`` would wait for the disk, too, which readers of files need not,
    and would be told as something that somebody did.
    """
    with suppress(Failure), invocation.control(WRITE_TIMEOUT, is_local=True) as control:
        control.call("history.events", begin="1s", newest=1, instance=recorder)


def _write(past: History, wanted: Wanted, kind: str, output: str) -> str:
    """Write the file, and return what is in it, in words."""
    from netd.cli.export_formats import FILES, TEXTS, ExportFacts  # noqa: PLC0415 - all commands must start fast

    series = [one for pattern in wanted.patterns for one in past.series(pattern) if one.numeric]
    facts = ExportFacts("" if wanted.run is None else str(wanted.run), series)
    first = max(wanted.begin, min((one.first for one in series), default=wanted.begin))
    if output == "-":
        with _shown(first, wanted.end) as show:
            return f"{_copy(past, wanted, TEXTS[kind](sys.stdout), show)} written"
    path = Path(output)
    with _aside(path, kind in TEXTS) as beside, _shown(first, wanted.end) as show:
        if kind in TEXTS:
            with beside.open("w", encoding="utf-8", newline="") as file:
                told = _copy(past, wanted, TEXTS[kind](file), show)
        else:
            told = _copy(past, wanted, FILES[kind](beside, facts), show)
    return f"{told} in {path}" + (f" ({path.stat().st_size:,} bytes)" if path.is_file() else "")


def _copy(past: History, wanted: Wanted, file: ExportFile, show: Callable[[float], None]) -> str:
    """Write all items into *file*, and close it.

    :param show: called with the time that has been reached.
    """
    from netd.client.history_sources import Samples  # noqa: PLC0415 - all commands must start fast

    samples = events = left = 0
    subjects: set[str] = set()
    for item in past.items(wanted):
        if isinstance(item, Samples):
            file.add(item)
            samples += len(item.times)
            subjects.add(item.subject)
            show(item.times[-1])
        elif file.add_event(item):
            events += 1
        else:
            left += 1
    file.close()
    told = f"{samples:,} samples of {len(subjects)} {'subject' if len(subjects) == 1 else 'subjects'}"
    if events:
        told += f" and {events:,} events"
    return told + (f", without {left:,} events, for which only jsonl has a place;" if left else "")


@contextmanager
def _aside(path: Path, is_text: bool) -> Iterator[Path]:
    """Give a path beside *path*, which takes that name when everything is written. Half a file never has the name.

    A pipe or a device keeps its name: text is written into it. A link goes on to point at the file.

    :raises Failure: if it cannot be written.
    """
    try:
        path = path.resolve()
        if path.exists() and not path.is_file():
            if not is_text:
                raise Failure(f"cannot write {path}: it is no regular file, which this format needs")
            yield path
            return
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".part")
        os.close(descriptor)
        beside = Path(name)
        try:
            yield beside
            beside.chmod(0o666 & ~_umask())  # mkstemp makes a private file
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise Failure(f"cannot write {path}: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextmanager
def _shown(begin: float, end: float) -> Iterator[Callable[[float], None]]:
    """Show on a terminal how much of the time from *begin* to *end* has been written."""
    if not sys.stderr.isatty():
        yield lambda _time: None
        return
    from rich.console import Console  # noqa: PLC0415 - rich takes long to import
    from rich.progress import Progress  # noqa: PLC0415 - likewise

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("writing", total=max(end - begin, 1e-6))
        yield lambda time: progress.update(task, completed=time - begin)
