"""The wheel, as a user gets it: built, installed into an empty environment outside of the checkout, and run there.

One of the few *real* tests: real processes, real sockets on loopback, and pip.  A checkout hides what is missing from its
wheel, so nothing here may see it.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

CHECKOUT = Path(__file__).resolve().parent.parent

BUILD_SECONDS = 600
"""How long building and installing may take, downloads included."""

PATIENCE_SECONDS = 60
"""How long the daemon may take to start, or to stop."""

CONFIGURATION = """\
[relay]
listen = tcp:0:interface=127.0.0.1
"""

_LISTENING = re.compile(r"\brelay\b.*127\.0\.0\.1\D(\d+)")
_IMPORTED = re.compile(r"^import time:.*\| +([\w.]+)$", re.MULTILINE)


def environment(folder: Path) -> Mapping[str, str]:
    """That of a user's shell: nothing of the checkout, of make, or of what measures coverage. State is kept in *folder*.

    Where root runs the tests, the variable says that netd is meant to run as root.
    """
    foreign = ("PYTHON", "MAKE", "MFLAGS", "COVERAGE", "VIRTUAL_ENV", "TRIAL_", "NETD_")
    own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    as_root = {"NETD_USER": "root"} if os.geteuid() == 0 else {}
    return {**own, **as_root, "NETD_STATE_DIRECTORY": str(folder / "state")}


def run_to_the_end(command: Sequence[str | Path], folder: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with what it prints captured.

    :raises subprocess.TimeoutExpired: when it takes longer than that.
    """
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def make(*arguments: str) -> Sequence[str]:
    """The command line of make in the checkout, with an environment outside of it."""
    options = ("--no-print-directory", "-C", str(CHECKOUT), f"PYTHON={sys.executable}", f"VENV={environment_path()}")
    return ["make", *options, *arguments]


@functools.cache
def environment_path() -> Path:
    """A folder for the environment, gone when the tests are."""
    folder = tempfile.mkdtemp(prefix="netd-packaging-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder) / "environment"


@functools.cache
def install() -> Path:
    """Build the wheel and install it as ``make run`` does, once for all tests.

    :returns: the environment, with the wheel below ``wheels``.
    """
    outcome = run_to_the_end(make("install"), CHECKOUT, BUILD_SECONDS)
    assert outcome.returncode == 0, f"make install failed:\n{outcome.stdout}{outcome.stderr}"
    return environment_path()


class Daemon:
    """A command that starts netd, in a process group of its own."""

    def __init__(self, command: Sequence[str | Path], folder: Path) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._watchdog = threading.Timer(2 * PATIENCE_SECONDS, self._kill_group)
        self._watchdog.start()
        self.output = ""

    def port(self) -> int:
        """The port of the relay, once the table of services shows it."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output += line
            if listening := _LISTENING.search(line):
                return int(listening[1])
        raise AssertionError(f"no line for the relay before status {self._process.wait()}:\n{self.output}")

    def signal(self, number: signal.Signals) -> None:
        """To the process that was started, and to none of its children."""
        self._process.send_signal(number)

    def interrupt(self) -> None:
        """What a terminal does on Ctrl-C: everything in its foreground gets a SIGINT."""
        os.killpg(self._process.pid, signal.SIGINT)

    def wait(self) -> int:
        """The exit status, once nobody is left who could print; what was still printed is added to ``output``."""
        assert self._process.stdout is not None
        self.output += self._process.stdout.read()
        return self._process.wait()

    def end(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        self._watchdog.cancel()
        self._kill_group()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


class InstalledTestCase(SynchronousTestCase):
    """Runs what is installed, in an empty folder."""

    def setUp(self) -> None:
        self.bin = install() / "bin"
        self.folder = Path(tempfile.mkdtemp(prefix="netd-packaging-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_installed(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one of the commands of the environment in an empty folder, to its end."""
        return run_to_the_end([self.bin / command[0], *command[1:]], self.folder, PATIENCE_SECONDS)

    def start(self, *command: str | Path) -> Daemon:
        """Start a command in an empty folder; it does not outlive the test."""
        daemon = Daemon(command, self.folder)
        self.addCleanup(daemon.end)
        return daemon


class InstalledTests(InstalledTestCase):
    def configuration(self) -> Path:
        """An INI file with one relay, on a port that is free."""
        path = self.folder / "netd.ini"
        path.write_text(CONFIGURATION, encoding="utf-8")
        return path

    def test_contents_of_the_wheel(self) -> None:
        """Every module, the dashboard, the marker for type checkers and ``etc`` are there; no test is, no file of Twisted's."""
        (wheel,) = (install() / "wheels").glob("netd-*.whl")
        names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
        modules = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "netd").rglob("*.py")}
        files = {f"netd/etc/{path.name}" for path in (CHECKOUT / "etc").iterdir() if path.is_file()}
        for folder in ("grafana", "prometheus", "systemd"):
            files |= {f"netd/{folder}/{path.name}" for path in (CHECKOUT / "contrib" / folder).iterdir()}
        self.assertLess({"netd/etc/netd.ini", "netd/systemd/netd.service"}, files)
        pages = [
            path
            for folder in ("gateway/static", "gateway/pages", "client/arduino", "client/js", "wire/recipes")
            for path in (CHECKOUT / "netd" / folder).rglob("*")
        ]
        files |= {path.relative_to(CHECKOUT).as_posix() for path in pages if path.is_file() and path.suffix != ".pyc"}
        self.assertIn("netd/gateway/static/index.html", files)
        self.assertEqual(modules | files | {"netd/py.typed", "twisted/plugins/netd_plugin.py"}, names)

    def test_twistd_lists_netd(self) -> None:
        """``twistd --help`` names netd, and is as quick as without it: no service is imported to write one line."""
        outcome = self.run_installed("python", "-X", "importtime", self.bin / "twistd", "--help")
        self.assertEqual(0, outcome.returncode, outcome.stderr)
        self.assertRegex(outcome.stdout, r"(?m)^ +netd +\S")
        imported = set(_IMPORTED.findall(outcome.stderr))
        self.assertIn("twisted.plugins.netd_plugin", imported)
        vocabulary = ("bus", "bus.subject", "carriage", "change", "errors", "interfaces", "message", "operations", "principal")
        light = {"netd", "netd.kinds", *(f"netd.{name}" for name in vocabulary)}
        self.assertEqual(set(), {name for name in imported if name.partition(".")[0] == "netd"} - light)

    def test_check_of_the_packaged_configuration(self) -> None:
        """Without a file of one's own, netd runs with the one that it came with."""
        outcome = self.run_installed("twistd", "netd", "--check")
        self.assertEqual(0, outcome.returncode, outcome.stdout + outcome.stderr)

    def test_command_line(self) -> None:
        """The ``netd`` command is there, and knows its version."""
        outcome = self.run_installed("netd", "--help")
        self.assertEqual(0, outcome.returncode, outcome.stdout + outcome.stderr)

    def test_start_and_stop(self) -> None:
        """The daemon says where its relay is, can be reached there, and ends on SIGTERM without a word of trouble."""
        daemon = self.start(self.bin / "twistd", "-n", "--pidfile=", "netd", "-c", self.configuration())
        port = daemon.port()
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS).close()
        daemon.signal(signal.SIGTERM)
        self.assertIn(daemon.wait(), (0, -signal.SIGTERM), daemon.output)
        self.assertNotIn("Traceback", daemon.output)
        self.assertRaises(OSError, socket.create_connection, ("127.0.0.1", port), timeout=PATIENCE_SECONDS)

    def test_make_run_and_interrupt(self) -> None:
        """Ctrl-C ends ``make run``: the daemon is gone, and make does not call that an error."""
        daemon = self.start(*make("run", f"ARGS=-c {self.configuration()}"))
        daemon.port()
        daemon.interrupt()
        self.assertIn(daemon.wait(), (0, -signal.SIGINT), daemon.output)
        self.assertNotIn("***", daemon.output)
        self.assertNotIn("Traceback", daemon.output)

    def test_make_run_and_terminate(self) -> None:
        """A SIGTERM to make alone, as a supervisor sends it, ends the daemon and then make."""
        daemon = self.start(*make("run", f"ARGS=-c {self.configuration()}"))
        port = daemon.port()
        daemon.signal(signal.SIGTERM)
        self.assertIn(daemon.wait(), (0, -signal.SIGTERM), daemon.output)
        self.assertNotIn("***", daemon.output)
        self.assertRaises(OSError, socket.create_connection, ("127.0.0.1", port), timeout=PATIENCE_SECONDS)

    def test_make_run_that_cannot_start(self) -> None:
        """A configuration with a mistake is an error of make's, too, after netd has said what is wrong."""
        path = self.configuration()
        path.write_text("[relay]\nlissten = tcp:0\n", encoding="utf-8")
        daemon = self.start(*make("run", f"ARGS=-c {path}"))
        self.assertNotEqual(0, daemon.wait(), daemon.output)
        self.assertIn(f"{path}:2", daemon.output)
