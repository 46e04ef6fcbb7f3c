"""netd away from the machine that it was written on: macOS, Windows, and Pythons that are older than the daemon's.

What another system lacks is taken away before a process begins (``tests/elsewhere/*/sitecustomize.py``). The clients that are one
file to copy run on each Python that is found here.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from netd.onefile import CLIENTS, make_client
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS
from tests.process import CHECKOUT, LOOPBACK, PATIENCE, Daemon, PackagedTestCase, RealTestCase, environment

ELSEWHERE = CHECKOUT / "tests" / "elsewhere"

OLDEST, NEWEST = 7, 30
"""Minor versions of Python 3 on which they are to run."""

SERVICES = f"""
[relay]
listen = {LOOPBACK}
[command]
listen = {LOOPBACK}
[feed]
listen = {LOOPBACK}
interval = 100ms
[room]
listen = {LOOPBACK}
size = 2
rounds = 1
start_delay = 500ms
reply_gap = 20ms
[session]
listen = {LOOPBACK}
[gateway]
listen = {LOOPBACK}
"""


def lacking(system: str) -> dict[str, str]:
    """Variables for a Python that lacks what *system* lacks."""
    return {"PYTHONPATH": os.pathsep.join((str(ELSEWHERE / system), str(CHECKOUT)))}


def pythons() -> list[Path]:
    """One interpreter of each version from the oldest on, out of the ``PATH`` and of pyenv."""
    found: dict[int, Path] = {}
    for minor in range(OLDEST, NEWEST):
        installed = sorted(Path("~/.pyenv/versions").expanduser().glob(f"3.{minor}.*/bin/python3"))
        in_path = shutil.which(f"python3.{minor}")
        for candidate in (*installed, *([Path(in_path)] if in_path else [])):
            asked = subprocess.run([candidate, "-c", "import ssl"], capture_output=True, check=False)
            if asked.returncode == 0:
                found.setdefault(minor, candidate)
    return list(found.values()) or [Path(sys.executable)]


class MacTests(RealTestCase):
    def test_daemon(self) -> None:
        """The daemon serves where there is neither epoll nor what sends answer and end together; clients and command work."""
        daemon = self.start(self.write_ini(SERVICES), env=lacking("mac"))
        with self.connect(daemon.port("command")) as connection:
            connection.sendall(b'{"command_id": "add", "first": 1, "second": 2}\n')
            self.assertEqual(json.loads(connection.makefile().readline())["result"], 3.0)
        alone = make_clients(self.folder)
        clients = self.run_python(ELSEWHERE / "clients.py", *client_arguments(alone, daemon), env=lacking("mac"))
        self.assertEqual(clients.returncode, 0, clients.stderr)
        command = ("-c", "from netd.cli.main import main; main()", "status", "--state", str(self.state))
        asked = self.run_python(*command, env=lacking("mac"))
        self.assertEqual((asked.returncode, "relay" in asked.stdout), (0, True), asked.stderr)
        self.assertEqual(daemon.stop(), 0, daemon.output)


class MacPackagedTests(PackagedTestCase):
    def test_daemon(self) -> None:
        """The packaged configuration is up on macOS, on all of its ports."""
        self.env = {**self.env, **lacking("mac")}
        daemon = self.start_packaged()
        services = {one["kind"] for one in daemon.call("system.status")["services"]}
        self.assertLessEqual({"relay", "session", "feed", "command", "room", "gateway"}, services)
        self.assertEqual(daemon.stop(), 0, daemon.output)


class WindowsTests(RealTestCase):
    def netd(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command line, run to its end where Windows's lacks are."""
        own = {**lacking("windows"), "HOME": "", "USERPROFILE": str(self.folder)}
        return self.run_python("-c", "from netd.cli.main import main; main()", *arguments, env=own)

    def test_helps(self) -> None:
        """Every command can be asked what it does."""
        helped = self.run_python(ELSEWHERE / "helps.py", env=lacking("windows"))
        self.assertEqual(helped.returncode, 0, helped.stderr)
        self.assertRegex(helped.stdout, r"^[6-9]\d commands helped$")

    def test_gateway(self) -> None:
        """A context that was added there, with its token in a file, reaches a daemon that runs elsewhere."""
        daemon = self.start(self.write_ini(SERVICES))
        url = f"http://127.0.0.1:{daemon.port('gateway')}"
        token = self.folder / "token"
        token.write_text(add_token(self.state / TOKENS, "laptop", "viewer", (), secrets.token_bytes))
        token.chmod(0o666)  # as every file there looks
        self.assertEqual(self.netd("--version").returncode, 0)
        added = self.netd("context", "add", "lab", "--url", url, "--token-file", str(token))
        self.assertEqual(added.returncode, 0, added.stderr)
        self.assertTrue((self.folder / ".config" / "netd" / "contexts.json").exists())
        status = self.netd("--context", "lab", "--json", "status")
        self.assertEqual(status.returncode, 0, status.stderr)
        self.assertIn("relay", status.stdout)

    def test_ports(self) -> None:
        """The clients reach the services there."""
        daemon = self.start(self.write_ini(SERVICES))
        own = self.run_python(
            ELSEWHERE / "clients.py", *client_arguments(make_clients(self.folder), daemon), env=lacking("windows")
        )
        self.assertEqual(own.returncode, 0, own.stderr)
        called = self.netd("call", "--server", f"127.0.0.1:{daemon.port('command')}", "add", "first=1", "second=2")
        self.assertEqual((called.returncode, called.stdout.strip()), (0, "3.0"), called.stderr)

    def test_no_daemon(self) -> None:
        """What needs a daemon on this very machine says that none can be, and how to reach another one."""
        for words in (["status"], ["run"], ["check"], ["config"], ["token", "list"], ["passwd", "ada", "--stdin"]):
            ran = self.netd(*words)
            self.assertEqual(ran.returncode, 1, ran.stderr)
            self.assertIn("context", ran.stderr)
            self.assertNotIn("Traceback", ran.stderr)


class OldPythonTests(RealTestCase):
    def test_clients(self) -> None:
        """The clients that are one file work on each Python that is here, in a folder with nothing else in it, by both ways."""
        arguments = client_arguments(make_clients(self.folder), self.start(self.write_ini(SERVICES)))
        bare = {name: value for name, value in environment().items() if name not in {"PYTHONPATH", "COVERAGE_PROCESS_START"}}
        for python in pythons():
            ran = subprocess.run(
                [python, ELSEWHERE / "clients.py", *arguments],
                env=bare,
                capture_output=True,
                text=True,
                timeout=4 * PATIENCE,
                check=False,
            )
            self.assertEqual((ran.returncode, len(ran.stdout.splitlines())), (0, 2 * len(CLIENTS)), f"{python}: {ran.stderr}")


class VersionTests(RealTestCase):
    def test_oldest(self) -> None:
        """Nothing in the clients that are one file is newer than Python 3.7: neither syntax, nor modules, nor their members."""
        made = sorted(make_clients(self.folder).iterdir())
        for path in made:
            self.assertIn("Python 3.7 or newer", path.read_text(encoding="utf-8"))
        checked = subprocess.run(
            [sys.executable, "-c", "import vermin; vermin.main()", f"--target=3.{OLDEST}-", "--no-tips", *made],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(checked.returncode, 0, checked.stdout)


def make_clients(folder: Path) -> Path:
    """A folder below *folder* that has each client as one file, and nothing else."""
    alone = folder / "alone"
    alone.mkdir()
    for kind in CLIENTS:
        (alone / f"{kind}.py").write_text(make_client(kind), "utf-8")
    return alone


def client_arguments(alone: Path, daemon: Daemon) -> list[str]:
    """What ``clients.py`` is told: where the clients are, and the ports of *daemon*."""
    return [str(alone), *(str(daemon.port(kind)) for kind in ("relay", "command", "feed", "room"))]
