"""The servers that the benchmark compares, and how one is started alone on its CPU and stopped again."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
START_LIMIT = 20.0
"""Seconds that a server may take until it listens."""
STOP_LIMIT = 10.0
"""Seconds that a server may take to end after SIGTERM."""
NETD_INI = """\
[netd]
state_directory = {directory}

[relay]
listen = tcp:{port}:interface=127.0.0.1
"""


class BenchError(Exception):
    """The measurement cannot go on; the text says why and what helps."""


@dataclass(frozen=True)
class Server:
    """A server under test.

    :ivar name: what ``--peers`` calls it.
    :ivar title: what the tables call it.
    :ivar command: its command line; ``{port}`` and ``{ini}`` (a netd configuration for that port) are filled in.
    """

    name: str
    title: str
    command: str


def _script(name: str, title: str, file: str) -> Server:
    return Server(name, title, f"{shlex.quote(sys.executable)} {shlex.quote(str(PEERS / file))} {{port}}")


def default_netd_command() -> str:
    """The ``twistd`` that is installed beside this Python."""
    twistd = Path(sys.executable).with_name("twistd")
    return f"{shlex.quote(str(twistd))} -n --pidfile= netd -c {{ini}}"


def relay_servers(netd_command: str) -> list[Server]:
    """The relays: netd, and what people write themselves."""
    return [
        Server("netd", "**netd**", netd_command),
        _script("threads", "threads, blocking `recv`", "relay_threads.py"),
        _script("asyncio", "asyncio streams", "relay_asyncio.py"),
        _script("twisted", "plain Twisted, `StatefulProtocol`", "relay_twisted.py"),
    ]


def idle_servers(netd_command: str) -> list[Server]:
    """What can hold thousands of silent devices. The bare protocol is the least that anything on Twisted can weigh."""
    return [
        Server("netd", "**netd**", netd_command),
        _script("asyncio", "asyncio streams", "relay_asyncio.py"),
        _script("twisted", "bare Twisted `Protocol`", "idle_twisted.py"),
    ]


@contextlib.contextmanager
def pinned(cpu: int) -> Iterator[None]:
    """Processes that are started inside run on *cpu* only."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


@contextlib.contextmanager
def running(server: Server, cpu: int, directory: Path) -> Iterator[tuple[int, int]]:
    """*server*, listening on a free port of 127.0.0.1; gives its process id and the port.

    :param directory: an empty one, for its configuration, state and output.
    :raises BenchError: when it does not start. One that is raised inside gains the end of the server's output.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    ini, output = directory / "netd.ini", directory / "output"
    ini.write_text(NETD_INI.format(directory=directory, port=port))
    command = [word.replace("{port}", str(port)).replace("{ini}", str(ini)) for word in shlex.split(server.command)]
    with output.open("wb") as log, pinned(cpu):
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        except OSError as error:
            raise BenchError(f"{server.name}: cannot run {command[0]}: {error.strerror}; {_remedy(server)}") from error
    try:
        _await_listening(server, process, port, output)
        try:
            yield process.pid, port
        except BenchError as error:
            raise BenchError(f"{error}\n{server.name}: {_last_words(output)}") from error
    finally:
        _stop(process)


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
    """By the kernel's table: a connection to try it would be a client."""
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
