"""``docs/extending.md`` as a reader follows it: its distribution is built, installed beside netd, and its kinds run.

One of the *real* tests, with pip: what makes a plugin file land in the right place shows nowhere else.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
from pathlib import Path

from tests.test_extending import write_files
from tests.test_packaging import BUILD_SECONDS, PATIENCE_SECONDS, InstalledTestCase, install, run_to_the_end

CONFIGURATION = """\
[relay]
listen = tcp:0:interface=127.0.0.1

[echo]
listen = tcp:0:interface=127.0.0.1

[instrument]
remote = tcp:127.0.0.1:{port}
query = MEAS:TEMP?
every = 50ms
"""


class Oven(socketserver.StreamRequestHandler):
    """An instrument that knows two questions."""

    def handle(self) -> None:
        """Answer each line."""
        for question in self.rfile:
            self.wfile.write({b"MEAS:TEMP?": b"21.5"}.get(question.strip(), b"ACME oven 7") + b"\r\n")


class ExtendingTests(InstalledTestCase):
    """What a user has who has followed the page."""

    def setUp(self) -> None:
        super().setUp()
        source = self.folder / "source"
        write_files(source)
        self.pip("wheel", "-qq", "--no-deps", "--wheel-dir", self.folder, source)
        shutil.rmtree(source)
        self.pip("install", "-qq", "--no-deps", *self.folder.glob("netd_lab-*.whl"))
        self.addCleanup(self.pip, "uninstall", "-qq", "--yes", "netd-lab")
        oven = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Oven)
        oven.daemon_threads = True
        threading.Thread(target=oven.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(oven.server_close)
        self.addCleanup(oven.shutdown)
        self.ini = self.folder / "netd.ini"
        self.ini.write_text(CONFIGURATION.format(port=oven.server_address[1]), encoding="utf-8")

    def pip(self, *arguments: str | Path) -> None:
        """Run pip in the environment."""
        outcome = run_to_the_end([install() / "bin" / "pip", *arguments], self.folder, BUILD_SECONDS)
        self.assertEqual(0, outcome.returncode, outcome.stdout + outcome.stderr)

    def netd(self, *words: str) -> str:
        """What a command prints."""
        outcome: subprocess.CompletedProcess[str] = self.run_installed("netd", *words)
        self.assertEqual(0, outcome.returncode, outcome.stdout + outcome.stderr)
        return outcome.stdout

    def test_both_kinds(self) -> None:
        """The kinds are known to check and daemon; one echoes, the other reads its instrument and asks it what a person wants."""
        self.assertIn("it runs relay, echo, instrument", self.netd("check", "-c", str(self.ini)))
        daemon = self.start(self.bin / "twistd", "-n", "--pidfile=", "netd", "-c", self.ini)
        daemon.port()
        self.assertIn("ACME oven 7", self.netd("instrument", "ask", "*IDN?"))
        last = json.loads(self.netd("bus", "last", "--pattern", "instrument.>", "--json"))
        self.assertEqual([("instrument.main.reading", 21.5)], [(one["subject"], one["data"]["value"]) for one in last])
        services = json.loads(self.netd("status", "--json"))["services"]
        [echo] = [service for service in services if service["kind"] == "echo"]
        host, _, port = echo["listening"][0]["address"].rpartition(":")
        with socket.create_connection((host, int(port)), PATIENCE_SECONDS) as client:
            client.sendall(b"hello")
            self.assertEqual(b"hello", client.recv(16))
            self.assertEqual("1", self.netd("echo", "count").strip())
        daemon.signal(signal.SIGTERM)
        self.assertIn(daemon.wait(), (0, -signal.SIGTERM), daemon.output)
        self.assertIn("instrument  dials tcp:127.0.0.1:", daemon.output)
        self.assertIn("instrument: connected to tcp:127.0.0.1:", daemon.output)
        self.assertNotIn("Traceback", daemon.output)
