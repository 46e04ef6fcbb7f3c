"""Three netd and a NATS server on this machine, which behave as one netd, with the demo played to each: ``make cluster``.

Everything is in a folder that goes when the program ends, and listens on loopback. A part that is killed starts again after a few
seconds, so that the others can be watched meanwhile. Ctrl-C ends all of them. On Linux, they end with this program, too, when it
is killed.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

NODES = ("a", "b", "c")

DASHBOARDS = (8081, 8082, 8083)
"""Ports of the dashboards; another one where somebody has it."""

PATIENCE = 60.0
"""Seconds that a part may take to start."""

PAUSE = 5.0
"""Seconds after which a part starts again."""

FAREWELL = 10.0
"""Seconds that a part has to end."""

PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""

NATS = """\
host: 127.0.0.1
port: {port}
jetstream {{ store_dir: "{folder}/nats", sync_interval: always }}
"""

NODE = """\
[netd]
name = {node}
state_directory = {folder}/{node}

[cluster]
servers = nats://127.0.0.1:{nats}

[gateway]
listen = tcp:{gateway}:interface=127.0.0.1

[relay]
listen = tcp:{relay}:interface=127.0.0.1

[session]
listen = tcp:{session}:interface=127.0.0.1
agent_port = {agent}

[feed]
listen = tcp:{feed}:interface=127.0.0.1

[command]
listen = tcp:{command}:interface=127.0.0.1

[room]
listen = tcp:{room}:interface=127.0.0.1

[recorder]
"""

NETD = (sys.executable, "-c", "from netd.cli.main import main; main()")
"""The netd command, which a checkout has no program for."""

PORTS = ("relay", "session", "agent", "feed", "command", "room")


def end_with_parent() -> None:
    """Have Linux end this process when its parent is killed, which can then end nothing itself."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class DidNotStart(Exception):
    """A part has ended, or said nothing, before it was up."""


class Part:
    """A process that starts again when it has ended.

    Its output is in a file. It has a process group of its own, so that Ctrl-C on the terminal reaches this program alone.

    :param ready: what it says when it is up; empty for a part of which nobody waits for that.
    """

    def __init__(self, name: str, command: Sequence[str], folder: Path, ready: str = "") -> None:
        self.name = name
        self._command = command
        self._log = folder / f"{name}.log"
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None
        self._again = 0.0
        self._begin = 0

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._begin = log.tell()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509 # there are no threads
            )

    def wait(self, over: threading.Event) -> None:
        """Return when it is up, or when this program is to end.

        :raises DidNotStart: with what it said.
        """
        assert self._process is not None
        end = time.monotonic() + PATIENCE
        while self._ready not in self._said() and not over.wait(0.05):
            if self._process.poll() is not None or time.monotonic() > end:
                raise DidNotStart(f"{self.name} did not start; it said:\n{self._said()[-2000:]}")

    def look(self) -> str:
        """Return what has happened to it since the last look, and start it again when it is time."""
        assert self._process is not None
        if self._again:
            if time.monotonic() < self._again:
                return ""
            self._again = 0.0
            self.start()
            return f"{self.name} starts again (process {self.pid})"
        status = self._process.poll()
        if status is None:
            return ""
        self._again = time.monotonic() + PAUSE
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"has ended with status {status}"
        return f"{self.name} {how}; it starts again in {PAUSE:g} s; its output: {self._log}"

    def terminate(self) -> None:
        """Ask it to end, also if it hangs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.send_signal(signal.SIGCONT)

    def end(self, until: float) -> None:
        """Wait for its end until that time, then kill it."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, until - time.monotonic()))
        self._process.kill()
        self._process.wait()

    def _said(self) -> str:
        return self._log.read_bytes()[self._begin :].decode("utf-8", "replace")


def program(name: str) -> str:
    """The path of a program, beside this Python or on the ``PATH``."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        sys.exit(f"there is no {name}: `make cluster` in a checkout installs all that this needs")
    return found


def free_ports(wanted: Sequence[int]) -> list[int]:
    """For each of *wanted* that port if nobody has it, else another one; any for 0."""
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        for port in wanted:
            one = stack.enter_context(socket.socket())
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                one.bind(("127.0.0.1", 0))
            found.append(one.getsockname()[1])
        return found


@contextlib.contextmanager
def run(parts: list[Part]) -> Iterator[None]:
    """End all *parts* at the end, whatever happens: those that came last first."""
    try:
        yield
    finally:
        for group in (parts[4:], parts[1:4], parts[:1]):  # demos, nodes, NATS
            for part in group:
                part.terminate()
            until = time.monotonic() + FAREWELL
            for part in group:
                part.end(until)


def make_parts(folder: Path) -> tuple[list[Part], list[int], str]:
    """Write the configurations, and return all parts, the ports of the dashboards and the URL of NATS."""
    at, ports = len(DASHBOARDS), [0] * (1 + len(NODES) * len(PORTS))
    found = free_ports((*DASHBOARDS, *ports))
    dashboards, nats, ports = found[:at], found[at], found[at + 1 :]
    (folder / "nats.conf").write_text(NATS.format(port=nats, folder=folder))
    parts = [Part("nats", [program("nats-server"), "-c", str(folder / "nats.conf")], folder, "Server is ready")]
    for number, node in enumerate(NODES):
        own = dict(zip(PORTS, ports[number * len(PORTS) :], strict=False))
        ini = folder / f"{node}.ini"
        ini.write_text(NODE.format(node=node, folder=folder, nats=nats, gateway=dashboards[number], **own))
        command = [program("twistd"), "-n", "--pidfile=", "netd", "-c", str(ini)]
        parts.append(Part(node, command, folder, "Stop it with "))
    parts += [Part(f"demo-{node}", [*NETD, "--state", str(folder / node), "demo"], folder) for node in NODES]
    return parts, dashboards, f"nats://127.0.0.1:{nats}"


def shown_netd() -> str:
    """The netd command as a person types it."""
    beside = Path(sys.executable).with_name("netd")
    return os.path.relpath(beside) if beside.exists() else "netd"


def introduce(folder: Path, parts: Sequence[Part], dashboards: Sequence[int], nats: str) -> str:
    """What to look at, and what to try."""
    table = [f"  {node}  http://127.0.0.1:{port}/" for node, port in zip(NODES, dashboards, strict=True)]
    taken = [str(port) for port in DASHBOARDS if port not in dashboards]
    table += [f"  (somebody else has port {' and '.join(taken)})"] if taken else []
    netd = f"{shown_netd()} --state {folder}/a"
    lines = [
        f"Three netd and {nats}. Their dashboards, each with everything of all three:",
        *table,
        "In another terminal:",
        f"  {netd} nodes",
        f"  {netd} devices",
        f"  {netd} send demo-device-b 'temperature?'",
        f"  kill -9 {parts[2].pid}        # node b; it comes back {PAUSE:g} s later",
        "Ctrl-C ends it all.",
    ]
    return "\n".join(lines)


def main() -> int:
    """Run until Ctrl-C."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: over.set())
    with tempfile.TemporaryDirectory(prefix="netd-cluster-") as name:
        folder = Path(name).resolve()
        parts, dashboards, nats = make_parts(folder)
        with run(parts):
            print("starting NATS, three netd and their demos", flush=True)
            try:
                for group in (parts[:1], parts[1:4], parts[4:]):
                    for part in group:
                        part.start()
                    for part in group:
                        part.wait(over)
            except DidNotStart as error:
                print(error, file=sys.stderr)
                return 1
            if not over.is_set():
                print(introduce(folder, parts, dashboards, nats), flush=True)
            while not over.wait(0.2):
                for said in filter(None, [part.look() for part in parts]):
                    print(said, flush=True)
        print("All have ended.", flush=True)
    return 0


if __name__ == "__main__":
    os.environ.pop("NETD_STATE_DIRECTORY", None)
    sys.exit(main())
