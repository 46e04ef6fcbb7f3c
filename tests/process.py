"""Real processes, for the few tests that need them: a twistd with netd in it, and programs that talk to it.

Ports are chosen by the operating system and read off the daemon's table, so that any number of these tests can run at once; those
that need the traditional ports wait for one another.
Nothing waits for a time to pass: a test waits for what a process says, or for its end, and gives up after :data:`PATIENCE`.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.client.control import Control
from netd.paths import CONTROL_SOCKET

__all__ = [
    "CHECKOUT",
    "LOOPBACK",
    "PATIENCE",
    "TWISTD",
    "Daemon",
    "PackagedTestCase",
    "Program",
    "RealTestCase",
    "add_command",
    "frame",
    "read_frame",
    "wait_for_pid",
]

CHECKOUT = Path(__file__).resolve().parent.parent

TWISTD = Path(sys.executable).with_name("twistd")

LOOPBACK = "tcp:0:interface=127.0.0.1"
"""An endpoint on a port that is free."""

PATIENCE = 20.0
"""Seconds for anything that takes a fraction of one on a machine that is not busy."""

PACKAGED = CHECKOUT / "etc" / "netd.ini"
"""The configuration that comes with netd."""

HEADER = 64

COMMAND = """\
#!{python}
import sys
from netd.cli.main import main
sys.argv[0] = "netd"
sys.exit(main())
"""


def environment() -> Mapping[str, str]:
    """That of the tests, with the checkout to import from, and without what would configure a daemon.

    netd refuses to run as root. Where root runs the tests, the variable says that it is meant.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith(("NETD_", "STATE_DIRECTORY", "LISTEN_"))}
    path = os.pathsep.join(filter(None, (str(CHECKOUT), own.get("PYTHONPATH"))))
    as_root = {"NETD_USER": "root"} if os.geteuid() == 0 else {}
    return {**own, **as_root, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def add_command(folder: Path) -> None:
    """Have the command ``netd`` of the checkout in *folder*, as an installation has it."""
    path = folder / "netd"
    path.write_text(COMMAND.format(python=sys.executable), encoding="utf-8")
    path.chmod(0o755)


def frame(payload: bytes) -> bytes:
    """*payload* behind its length header, as the relay's page has it."""
    return str(len(payload)).encode().ljust(HEADER) + payload


def read_frame(connection: socket.socket) -> bytes:
    """The payload of the next frame that *connection* gives."""
    return _read(connection, int(_read(connection, HEADER)))


def _read(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        segment = connection.recv(size - len(received))
        assert segment, f"the connection ended after {received!r}"
        received += segment
    return received


def wait_for_pid(pid: int) -> None:
    """Return when the process *pid*, which need not be our child, has ended."""
    descriptor = os.pidfd_open(pid)
    try:
        assert select.select([descriptor], [], [], PATIENCE)[0], f"process {pid} has not ended"
    finally:
        os.close(descriptor)


class Program:
    """A process whose output, standard error included, is collected while it runs.

    :param inherited: descriptors that it has, too, under the same numbers.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        folder: Path,
        env: Mapping[str, str] | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=inherited,
        )
        self._heard = threading.Condition()
        self._lines: list[str] = []
        self._has_ended = False
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        """All that it has said so far."""
        with self._heard:
            return "".join(self._lines)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first match of *pattern*, in lines of their own as ``re.MULTILINE`` has it, as soon as there is one."""
        expression = re.compile(pattern, re.MULTILINE)

        def found() -> re.Match[str] | bool | None:
            return expression.search("".join(self._lines)) or self._has_ended

        with self._heard:
            self._heard.wait_for(found, PATIENCE)
        match = expression.search(self.output)
        assert match, f"it never said {pattern}, but:\n{self.output}"
        return match

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        self.process.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        """The exit status, negative for a signal, once it has ended and all its output has been read.

        :param patience: of a script that starts programs of its own, which have a patience each.
        """
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end; it said:\n{self.output}") from None
        self._reader.join(PATIENCE)
        return status

    def end(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _collect(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._heard:
                self._lines.append(line)
                self._heard.notify_all()
        with self._heard:
            self._has_ended = True
            self._heard.notify_all()


class Daemon(Program):
    """A netd in the foreground.

    :ivar state: its state directory.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        folder: Path,
        state: Path,
        env: Mapping[str, str] | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        super().__init__(command, folder, env, inherited)
        self.state = state

    def port(self, service: str = "relay") -> int:
        """The port on which *service* listens on loopback, once the daemon is up."""
        self.wait_for(r"^Stop it with ")
        return int(self.wait_for(rf"^{service} +127\.0\.0\.1:(\d+) ")[1])

    def call(self, operation: str, **arguments: Any) -> Any:
        """The result of one operation, over the control socket, once the daemon is up."""
        self.wait_for(r"^Stop it with ")
        with Control(self.state / CONTROL_SOCKET, PATIENCE) as control:
            return control.call(operation, **arguments)

    def stop(self) -> int:
        """End it by ``system.stop``; its exit status."""
        self.call("system.stop")
        return self.wait()


class RealTestCase(SynchronousTestCase):
    """Tests in an empty folder of their own; no process outlives them."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.state = self.folder / "state"

    def write_ini(self, sections: str = f"[relay]\nlisten = {LOOPBACK}\n", state: str = "state") -> Path:
        """An INI file that keeps its state in this folder."""
        path = self.folder / f"{state}.ini"
        path.write_text(f"[netd]\nstate_directory = {self.folder / state}\n{sections}", encoding="utf-8")
        return path

    def start(
        self,
        ini: Path | None = None,
        *options: str,
        most_descriptors: int | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Daemon:
        """``twistd -n --pidfile= OPTIONS netd -c`` with *ini*, or with one relay; up when its first port was asked for."""
        ini = ini or self.write_ini()
        command: list[str | Path] = [TWISTD, "-n", "--pidfile=", *options, "netd", "-c", ini]
        if most_descriptors is not None:
            command = ["sh", "-c", 'ulimit -n "$0" && exec "$@"', str(most_descriptors), *command]
        daemon = Daemon(command, self.folder, self.folder / ini.stem, env)
        self.addCleanup(daemon.end)
        return daemon

    def program(self, path: Path, *arguments: object) -> Program:
        """A Python program, started."""
        program = Program([sys.executable, path, *map(str, arguments)], self.folder)
        self.addCleanup(program.end)
        return program

    def twistd(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run twistd to its end, with output and errors captured apart."""
        return self.run_python(TWISTD, *arguments, env=env)

    def run_python(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run Python to its end, with output and errors captured apart."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def connect(self, port: int, host: str = "127.0.0.1") -> socket.socket:
        """A connection to *port*, closed when the test ends."""
        connection = socket.create_connection((host, port), timeout=PATIENCE)
        self.addCleanup(connection.close)
        return connection


class PackagedTestCase(RealTestCase):
    """Tests of a daemon that was told nothing but where its state is: the packaged configuration, on the traditional ports.

    Whoever has locked the packaged INI has these ports. Tests in other processes (``trial -j``) wait here until they are free.

    :ivar env: names the state directory, to the daemon and to whatever looks for it.
    """

    def setUp(self) -> None:
        super().setUp()
        lock = os.open(PACKAGED, os.O_RDONLY | os.O_CLOEXEC)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.env = {"NETD_STATE_DIRECTORY": str(self.state)}

    def start_packaged(self) -> Daemon:
        """``twistd netd`` without any option of netd's, up."""
        daemon = Daemon([TWISTD, "-n", "--pidfile=", "netd"], self.folder, self.state, self.env)
        self.addCleanup(daemon.end)
        self.assertEqual(daemon.port("relay"), 5050)
        return daemon
