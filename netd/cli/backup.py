"""``netd backup`` and ``netd restore``: everything that netd keeps, in one file, and back."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from netd import __version__
from netd.cli.contexts import LOCAL
from netd.cli.invocation import Failure, Invocation, Misused, NetdCommand
from netd.cli.text import escaped

__all__ = ["backup", "restore"]

STDOUT = Path("-")


@click.command(cls=NetdCommand, common=("state", "context", "json", "timeout"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("-c", "--config", "configuration", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="Configuration to put into the backup, if no daemon runs.")  # fmt: skip
@click.pass_obj
def backup(invocation: Invocation, file: Path, configuration: Path | None) -> None:
    """Write everything that netd keeps into FILE, while it runs.

    That is the state directory: state, history, credentials, keys, certificates; and the configuration. The file is as secret as
    what is in it, and is readable by its owner alone. `-` is standard output. Certificates and other
    files elsewhere are not in it.
    """
    from netd.backup.manifest import BackupRefused  # noqa: PLC0415 - SQLite and tarfile take long to import
    from netd.backup.saving import save  # noqa: PLC0415 - likewise

    directory = _local_directory(invocation)
    invocation.tell_of_service()
    if not directory.is_dir():
        raise Failure(f"there is no state directory {directory}; say where it is with --state DIR")
    facts = _flushed(invocation)
    elsewhere = _elsewhere(facts, directory)
    written = configuration or (Path(facts["configuration"]) if facts.get("configuration") else None)
    try:
        with _opened(file) as (out, scratch):
            manifest = save(out, directory, elsewhere, written, __version__, invocation.surroundings.wall_clock(), scratch)
    except BackupRefused as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}") from error
    size = sum(one.size for one in manifest.files)
    if invocation.as_json and file != STDOUT:
        invocation.print_json({"file": str(file), "files": len(manifest.files), "size": size})
    else:
        told = f"{len(manifest.files)} files of {directory}, {size / (1 << 20):.1f} MiB"
        told += " and the configuration" if written else ""
        click.echo(escaped(f"netd: {told} are in {'the backup' if file == STDOUT else file}"), err=True)
    for name in sorted(_left_out(directory) - {one.path for one in manifest.files}):
        click.echo(escaped(f"netd: {directory / name} is not in it: only its owner can read the authority's key"), err=True)


@click.command(cls=NetdCommand, common=("state", "context", "json"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@click.option("--replace", "replaces", is_flag=True, help="Move what is in the state directory to a directory beside it.")
@click.option("-c", "--config", "configuration", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the configuration of the backup into this file, which must not be there.")  # fmt: skip
@click.pass_obj
def restore(invocation: Invocation, file: Path, replaces: bool, configuration: Path | None) -> None:
    """Put everything back that `netd backup` has written into FILE.

    `-` is standard input. netd must not run. The backup is checked to its last byte before anything changes; then all of it is in
    its place at once.
    """
    from netd.backup.manifest import BackupRefused  # noqa: PLC0415 - SQLite and tarfile take long to import
    from netd.backup.restoring import restore as put_back  # noqa: PLC0415 - likewise

    directory, now = _local_directory(invocation), invocation.surroundings.wall_clock()
    if configuration is not None and configuration.exists():
        raise Failure(f"{configuration} is there already: move it away, or choose another name")
    try:
        if file == STDOUT:
            done = put_back(sys.stdin.buffer, directory, replaces, now)
        else:
            with file.open("rb") as archive:
                done = put_back(archive, directory, replaces, now)
    except BackupRefused as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from error
    if configuration is not None and done.configuration is not None:
        _write_configuration(configuration, done.configuration, directory)
    if invocation.as_json:
        before = None if done.before is None else str(done.before)
        invocation.print_json({"directory": str(directory), "files": len(done.manifest.files), "before": before})
        return
    click.echo(escaped(f"{len(done.manifest.files)} files are in {directory}, as netd {done.manifest.netd} has saved them"))
    if done.before is not None:
        click.echo(escaped(f"what was there before is in {done.before}"))
    for name, place in done.manifest.elsewhere.items():
        click.echo(escaped(f"the history in {directory / name} was in {place}: move it there while netd is stopped"))
    if done.configuration is not None and configuration is None:
        click.echo("the configuration is in the backup, too: `tar -xf FILE configuration.ini`, or --config FILE, writes it")


def _write_configuration(path: Path, content: bytes, directory: Path) -> None:
    """Write the INI. What root writes is for the group of the state directory, as which netd runs; without one, for all."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        if os.geteuid() == 0:
            group = directory.stat().st_gid
            os.fchown(out.fileno(), 0, group)
            os.fchmod(out.fileno(), 0o640 if group else 0o644)
        out.write(content)


def _left_out(directory: Path) -> set[str]:
    """Return the keys of authorities below the state directory, which root may have kept for itself."""
    from netd.backup.manifest import AUTHORITY  # noqa: PLC0415 - SQLite and tarfile take long to import

    return {path.relative_to(directory).as_posix() for path in directory.rglob(AUTHORITY)}


def _local_directory(invocation: Invocation) -> Path:
    context = invocation.context()
    if context is not None:
        raise Misused(
            f"the context {context.name} is in force, whose files are on the machine of that daemon: run this there; "
            f"for this machine say --context {LOCAL}, or --state DIR"
        )
    invocation.require_unix()
    return invocation.state


def _flushed(invocation: Invocation) -> Mapping[str, Any]:
    """Have the daemon write what waits for the disk, and return its status; nothing if none runs."""
    try:
        with invocation.control(is_local=True) as control:
            facts = control.call("system.status")
            for service in facts["services"]:
                if service["kind"] == "recorder":
                    control.call("history.flush", instance=service["instance"])
    except Failure:
        return {}  # the files are as they are: each database is saved as of one moment all the same
    return dict(facts)


def _elsewhere(facts: Mapping[str, Any], directory: Path) -> dict[str, Path]:
    """Return the directories of recorders that are not below the state directory."""
    found = {
        f"recorder/{one['instance']}": Path(one["directory"]) for one in facts.get("services", ()) if one["kind"] == "recorder"
    }
    return {name: place for name, place in found.items() if not place.resolve().is_relative_to(directory.resolve())}


@contextmanager
def _opened(file: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Open the file to be written, which has its name only once it is whole; with a directory for copies."""
    if file == STDOUT:
        yield sys.stdout.buffer, Path(tempfile.gettempdir())
        sys.stdout.buffer.flush()
        return
    if file.exists() and not file.is_file():  # a tape or a pipe is written to; a file in its place would be in its way
        with file.open("wb") as out:
            yield out, Path(tempfile.gettempdir())
        return
    parent = file.absolute().parent
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=parent)  # with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as out:
            yield out, parent
            out.flush()
            os.fsync(descriptor)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
