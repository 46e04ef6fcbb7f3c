"""``netd support``: one archive for whoever helps from afar, without secrets."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from netd.cli.doctor import examine
from netd.cli.invocation import Failure, Invocation, NetdCommand
from netd.cli.text import escaped
from netd.redaction import scrubbed

__all__ = ["support"]

SECONDS = 20.0
"""Seconds that each program may take."""

MOST_LOG = 1 << 20
"""Bytes of the log's end."""

LINES = 5000
"""Lines of the journal."""


@click.command(cls=NetdCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("-c", "--config", "configuration", metavar="FILE", help="Configuration to show where no daemon runs.")
@click.option("--log", type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="FILE",
              help="Log file. [default: the journal of the unit netd]")  # fmt: skip
@click.pass_obj
def support(invocation: Invocation, file: Path | None, configuration: str | None, log: Path | None) -> None:
    """Write one archive for whoever helps from afar.

    In it are status, doctor, configuration, metrics, versions and the log's end. Secrets are left out, and so is what only looks
    like one. Names and addresses of devices and people are in it: look at it before you send it. FILE is
    `netd-support-….tar.gz` if none is named.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(invocation.surroundings.wall_clock()))
    file = file or Path(f"netd-support-{stamp}.tar.gz")
    parts = _gather(invocation, configuration, log)
    try:
        _write(file, stamp, {name: scrubbed(text) for name, text in parts.items()})
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}") from error
    if invocation.as_json:
        invocation.print_json({"file": str(file), "parts": list(parts)})
    else:
        click.echo(escaped(f"{file} has {', '.join(parts)}; look at it before you send it: `tar -xzOf {file} | less`"))


def _gather(invocation: Invocation, configuration: str | None, log: Path | None) -> dict[str, str]:
    """Return the parts by name. What cannot be had is told instead."""
    status = _tried(lambda: _status(invocation))
    parts = {"status.json": _json(status), "doctor.json": _json(_tried(lambda: examine(invocation, configuration)))}
    is_local = invocation.context() is None and invocation.node is None
    if is_local and invocation.surroundings.uid >= 0:
        path = configuration or (status.get("configuration") if isinstance(status, Mapping) else None)
        shown = _tried(lambda: _exhibits(invocation, path, status))
        if isinstance(shown, Mapping):
            parts |= {
                "configuration.txt": str(shown["configuration"]),
                "versions.json": _json(shown["versions"]),
                "metrics.txt": str(shown["metrics"]),
            }
        else:
            parts["configuration.txt"] = str(shown)
        parts["log.txt"] = str(_tried(lambda: _log(invocation, log)))
    return parts


def _tried(get: Any) -> Any:
    try:
        return get()
    except (click.ClickException, OSError, ValueError, KeyError) as error:
        return f"could not be had: {error.message if isinstance(error, click.ClickException) else error}"


def _status(invocation: Invocation) -> Any:
    with invocation.control() as control:
        return control.call("system.status")


def _exhibits(invocation: Invocation, configuration: str | None, status: Any) -> Any:
    surroundings = invocation.surroundings
    arguments = [str(surroundings.python), "-P", "-m", "netd.doctor.exhibits", *([configuration] if configuration else [])]
    given = json.dumps(status).encode() if isinstance(status, Mapping) else b""
    return json.loads(surroundings.run_program(arguments, surroundings.environ, SECONDS, given))


def _log(invocation: Invocation, log: Path | None) -> str:
    if log is None:
        words = ["journalctl", "--unit=netd", f"--lines={LINES}", "--no-pager", "--output=short-iso"]
        return invocation.surroundings.run_program(words, invocation.surroundings.environ, SECONDS).decode(errors="replace")
    with log.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - MOST_LOG))
        return file.read(MOST_LOG).decode(errors="replace")


def _json(value: Any) -> str:
    return json.dumps(value, indent=1)


def _write(file: Path, stamp: str, parts: Mapping[str, str]) -> None:
    """Write the archive, for its owner alone."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with (
        os.fdopen(descriptor, "wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb") as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name, text in parts.items():
            content = text.encode(errors="replace")
            member = tarfile.TarInfo(f"netd-support-{stamp}/{name}")
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
