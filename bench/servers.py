"""Starts a server alone on its CPU, and stops it again."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from scenes import BenchError, Server, Site

START_LIMIT = 20.0
"""Seconds that a server may take until it listens."""
STOP_LIMIT = 10.0
"""Seconds that a server may take to end after SIGTERM."""


def default_netd_command() -> str:
    """Return the command of the ``twistd`` that is installed beside this Python."""
    twistd = Path(sys.executable).with_name("twistd")
    return f"{shlex.quote(str(twistd))} -n --pidfile= netd -c {{ini}}"


@contextlib.contextmanager
def pinned(cpu: int) -> Iterator[None]:
    """Start processes inside of this context on *cpu* only."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


@contextlib.contextmanager
def running(server: Server, cpu: int, directory: Path) -> Iterator[Site]:
    """Run *server* on a free port of 127.0.0.1.

    :param directory: an empty directory for its configuration, state and output. The server starts in it, so that it imports the
        installed packages, and not those of the checkout.
    :raises BenchError: if it does not start. To an error raised inside of the context, the end of the server's output is added.
    """
    port, spare = _free_ports()
    ini, output = directory / "netd.ini", directory / "output"
    filled = {"{port}": str(port), "{spare}": str(spare), "{ini}": str(ini)}
    ini.write_text(_fill(f"[netd]\nstate_directory = {directory}\n\n{server.ini}", filled))
    command = [_fill(word, filled) for word in shlex.split(server.command)]
    with output.open("wb") as log, pinned(cpu):
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=directory)
        except OSError as error:
            raise BenchError(f"{server.name}: cannot run {command[0]}: {error.strerror}; {_remedy(server)}") from error
    try:
        _await_listening(server, process, port, output)
        try:
            yield Site(process.pid, port, spare, directory)
        except BenchError as error:
            raise BenchError(f"{error}\n{server.name}: {_last_words(output)}") from error
    finally:
        _stop(process)


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        return first.getsockname()[1], second.getsockname()[1]


def _fill(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _remedy(server: Server) -> str:
    return f"run this with the Python that netd is installed in (`make bench` does), or leave {server.name} out with --peers"


def _last_words(output: Path) -> str:
    lines = output.read_text(errors="replace").splitlines()[-15:]
    return "\n  ".join(["the end of its output:", *lines]) if lines else "it said nothing"


def _await_listening(server: Server, process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    limit = time.monotonic() + START_LIMIT
    while not _is_listening(port):
        if process.poll() is not None:
            died = f"{server.name}: ended with status {process.returncode} before it listened"
            raise BenchError(f"{died}; {_last_words(output)}\n{_remedy(server)}")
        if time.monotonic() > limit:
            raise BenchError(f"{server.name}: does not listen on port {port} after {START_LIMIT:.0f} s; {_last_words(output)}")
        time.sleep(0.05)


def _is_listening(port: int) -> bool:
    """Look into the kernel's table: to try a connection would count as a client."""
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if table.exists():
            for row in table.read_text().splitlines()[1:]:
                _, local, _, state, *_ = row.split()
                if state == "0A" and local.endswith(f":{port:04X}"):
                    return True
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
