"""``netd feed``: a client of the feed on the command line, which writes the blocks that it receives to a file.

The operations of the daemon's feed are commands below it: ``netd feed reports``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from netd.cli.feed_port import DEFAULT_PORT, Order
from netd.cli.generated import HELP_TIMEOUT, ServiceGroup, service_group
from netd.cli.invocation import Failure, Invocation, NetdCommand, seconds
from netd.cli.proof import proof_options, read_proof
from netd.cli.text import escaped

if TYPE_CHECKING:
    from rich.console import Console

    from netd.client.feed import Block, Sample, Welcome

__all__ = ["BlockBar", "feed"]

Collected = Callable[[int], object]
"""Called with the number of samples that the current block has so far."""


class FeedGroup(NetdCommand, click.Group):
    """The command ``netd feed``. A word after it is looked up among the operations of the running daemon."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if ctx.resilient_parsing:  # a shell completes a line: no error is shown if the daemon cannot be asked
            try:
                return _operations(ctx, args, HELP_TIMEOUT).resolve_command(ctx, args)
            except click.ClickException:
                return None, None, args
        return _operations(ctx, args).resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The options, and the operations of the running daemon's feed."""
        own = super().shell_complete(ctx, incomplete)
        try:
            offered = _operations(ctx, (), HELP_TIMEOUT).commands
        except click.ClickException:
            return own
        words = [
            CompletionItem(name, help=one.get_short_help_str()) for name, one in offered.items() if name.startswith(incomplete)
        ]
        return own + words

    def list_commands(self, ctx: click.Context) -> list[str]:
        return []  # help does not ask the daemon


def _operations(ctx: click.Context, words: Sequence[str], timeout: float | None = None) -> ServiceGroup:
    return service_group(ctx.ensure_object(Invocation), "feed", (), words, timeout)


@click.group(
    cls=FeedGroup,
    invoke_without_command=True,
    short_help="Be a client of the feed: collect blocks of samples.",
    subcommand_metavar="[VERB [ARGS]...]",
    epilog="VERB is an operation of the running daemon, such as reports: netd feed reports.",
)
@click.option("--name", default="netd", show_default=True, help="Name of this client.")
@click.option(
    "--type",
    "types",
    metavar="TYPE",
    multiple=True,
    help="name, country, email, url, text, latitude, currency or city; can be repeated.",
)
@click.option("--block", metavar="N", default=1, show_default=True, type=click.IntRange(1), help="Samples in a block.")
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="File to which each block is appended.")
@click.option("--count", metavar="N", type=click.IntRange(1), help="End after N blocks.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the feed.")
@click.option(
    "--port", metavar="PORT", default=DEFAULT_PORT, show_default=True, type=click.IntRange(1, 65535), help="Port of the feed."
)
@click.option("--interval", type=seconds, help="Seconds between samples of one type.")
@click.option("--locale", help="Language and country of the data, such as de_DE.")
@click.option("--seed", metavar="N", type=click.IntRange(0), help="The same seed gives the same data.")
@click.option(
    "--dialect",
    type=click.Choice(["auto", "netd", "old"]),
    default="auto",
    show_default=True,
    help="Dialect; legacy servers have one interval for all clients, and neither locale nor seed.",
)
@proof_options
@click.pass_context
def feed(ctx: click.Context, /, block: int, log: Path | None, count: int | None, token_file: Path | None, **order: Any) -> None:
    """Be a client of the feed: collect blocks of samples, report each, and connect again when the server restarts.

    Each block is written to a file with --log, and to the terminal without. Ctrl-C ends it.
    """
    if ctx.invoked_subcommand is None:
        invocation = ctx.ensure_object(Invocation)
        _run(invocation, Order(**order, proof=read_proof(invocation, token_file)), block, log, count)


def _run(invocation: Invocation, order: Order, size: int, log: Path | None, count: int | None) -> None:
    from netd.client.feed import FeedError  # noqa: PLC0415 - only few commands need it, and all must start fast

    ports = invocation.surroundings.feed
    try:
        opened = ports.open_feed(order, _tell_connected, _tell_disconnected)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    try:
        with _bar(size) as collected:
            for block in opened.blocks(size, collected):
                _show(invocation, block, log)
                if block.number == count:
                    return
    except FeedError as error:
        raise Failure(str(error)) from error
    except KeyboardInterrupt:
        click.echo("netd: the client has ended", err=True)
    finally:
        opened.close()


def _show(invocation: Invocation, block: Block, log: Path | None) -> None:
    """Write *block* to the file or the terminal, and report it."""
    received = f"block {block.number} received: {_count(len(block.samples))} in {block.seconds:.2f} s"
    lines = "".join(f"{_line(sample)}\n" for sample in block.samples)
    if log is not None:
        try:
            invocation.surroundings.feed.append(log, f"# {received}\n{lines}")
        except OSError as error:
            raise Failure(f"cannot write to {log}: {error.strerror or error}") from error
    if invocation.as_json:
        samples = [sample._asdict() for sample in block.samples]
        click.echo(json.dumps({"block": block.number, "seconds": block.seconds, "samples": samples}))
    else:
        click.echo(received if log is not None else f"{lines}{received}")


def _count(samples: int) -> str:
    return "1 sample" if samples == 1 else f"{samples} samples"


def _line(sample: Sample) -> str:
    """The sample on one line: time, type, value."""
    try:
        moment = datetime.fromtimestamp(sample.time, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):  # a time outside of the calendar's years
        moment = f"{sample.time:g}"
    value = sample.value if isinstance(sample.value, str) else json.dumps(sample.value, ensure_ascii=False)
    return escaped(f"{moment} {sample.type} {value}")


def _tell_connected(welcome: Welcome) -> None:
    old = " to an old server: it has one interval for all, and neither locale nor seed" if welcome.dialect == "old" else ""
    click.echo(f"netd: connected{old}", err=True)


def _tell_disconnected(reason: str, delay: float) -> None:
    click.echo(escaped(f"netd: {reason}; trying again in {delay:.1f} s"), err=True)


@contextmanager
def _bar(size: int) -> Iterator[Collected | None]:
    """A progress bar for each block on a terminal; blocks of one sample have none."""
    if size == 1 or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - rich takes long to import

    bar = BlockBar(Console(stderr=True), size)
    try:
        yield bar.collected
    finally:
        bar.stop()


class BlockBar:
    """Shows the progress of the current block.

    :param size: samples in a block.
    """

    def __init__(self, console: Console, size: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - likewise

        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        self._progress = Progress(*columns, console=console, transient=True)
        self._size = size
        self._number = 1
        self._task = self._progress.add_task("block 1", total=size)

    def stop(self) -> None:
        """Remove the bar."""
        self._progress.stop()

    def collected(self, samples: int) -> None:
        """Show that the block has *count* samples. When it is complete, the bar is removed, so that the report can be printed."""
        self._progress.start()
        self._progress.update(self._task, completed=samples, description=f"block {self._number}", refresh=True)
        if samples == self._size:
            self._progress.stop()
            self._number += 1
