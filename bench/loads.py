"""Compiles a load, runs it on its CPU, and reads its report."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from scenes import BenchError, Entry, Scene, Setting, Site
from servers import pinned, running

SOURCES = Path(__file__).parent / "load"
PROGRAMS = Path(__file__).parent / "build"
LOAD_LIMIT = 120.0
"""Seconds, beyond what is measured, after which a load is given up."""
END_LIMIT = 10.0
"""Seconds that a load may take to end after its report."""


def compile_load(program: str) -> None:
    """Build a load, unless it is newer than its sources.

    :raises BenchError: without a C compiler, or when it fails.
    """
    target, sources = PROGRAMS / program, [SOURCES / f"{program}.c", SOURCES / "common.c", SOURCES / "common.h"]
    if target.exists() and target.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        return
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise BenchError("no C compiler for the loads; on Debian and Ubuntu: apt-get install gcc libc6-dev")
    PROGRAMS.mkdir(exist_ok=True)
    command = [compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-o", str(target), *map(str, sources[:2])]
    if subprocess.run(command, check=False).returncode:
        raise BenchError(f"{sources[0]} does not compile (see above); on Debian and Ubuntu: apt-get install gcc libc6-dev")


def measure(scene: Scene, entry: Entry, setting: Setting) -> dict[str, float]:
    """Start the server, load it, stop it. Return the figures that the load has reported.

    :raises BenchError: if the server does not start, ends early, or gives the load a wrong answer.
    """
    with (
        tempfile.TemporaryDirectory(prefix="netd-bench-") as directory,
        running(entry.server, setting.server_cpu, Path(directory)) as site,
        _loading(scene, entry, setting, site) as load,
    ):
        assert load.stdout is not None
        if entry.beside is not None:
            entry.beside(site, load.stdout)
        figures = read_json(load.stdout)
        if entry.after is not None:
            entry.after(site, load.stdout)
    return figures


def read_json(said: IO[str]) -> dict[str, Any]:
    """Return the next line of a load.

    :raises BenchError: if there is none.
    """
    line = said.readline()
    if not line:
        raise BenchError("the load has ended")
    figures: dict[str, Any] = json.loads(line)
    return figures


@contextlib.contextmanager
def _loading(scene: Scene, entry: Entry, setting: Setting, site: Site) -> Iterator[subprocess.Popen[str]]:
    """The running load of *entry*. Its input ends with the context. Its own complaint takes precedence over other errors.

    :raises BenchError: if it fails.
    """
    words = [word.replace("{spare}", str(site.spare)) for word in entry.load]
    command = [str(PROGRAMS / scene.program), *words, "-p", str(site.port), "-s", str(site.pid)]
    pipe = subprocess.PIPE
    with pinned(setting.load_cpu), tempfile.TemporaryFile("w+") as complaints:
        load = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=complaints, text=True)
        limit = threading.Timer(LOAD_LIMIT + setting.warm_up + setting.seconds, load.kill)
        limit.start()
        error: BenchError | None = None
        try:
            yield load
        except BenchError as raised:
            error = raised
        finally:
            limit.cancel()
            _end(load, END_LIMIT if error is None else 1.0)
        complaints.seek(0)
        complaint = complaints.read().strip()
    if error is not None or load.returncode:
        raise BenchError(f"{scene.name}, {entry.title}: {complaint or error or 'the load did not end in time'}") from error


def _end(load: subprocess.Popen[str], limit: float) -> None:
    """Wait at most *limit* seconds for the end of *load*, then kill it."""
    try:
        load.communicate(timeout=limit)  # which closes its input
    except subprocess.TimeoutExpired:
        load.kill()
        load.communicate()
