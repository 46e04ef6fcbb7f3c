"""The units of systemd that come with netd, as systemd's own tool judges them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.debian import program
from tests.process import CHECKOUT, PATIENCE

UNITS = CHECKOUT / "contrib" / "systemd"

EXPOSURE = 1.5
"""The most that a hardened unit may have."""


class UnitTests(SynchronousTestCase):
    def setUp(self) -> None:
        """The units, beside each other, with a program that this machine has."""
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        for unit in UNITS.iterdir():
            text = unit.read_text(encoding="utf-8").replace("/usr/local/bin/netd", sys.executable)
            (self.folder / unit.name).write_text(text, encoding="utf-8")

    def analyze(self, *arguments: str) -> str:
        """What ``systemd-analyze`` says; it finds no fault."""
        done = subprocess.run(
            [program("systemd-analyze"), *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.assertEqual((0, ""), (done.returncode, done.stderr), done.stdout)
        return done.stdout

    def add(self, drop_in: str) -> None:
        """Put a drop-in beside the unit."""
        folder = self.folder / "netd.service.d"
        folder.mkdir(exist_ok=True)
        (self.folder / drop_in).rename(folder / drop_in)

    def exposure(self) -> float:
        """How exposed the unit is, from 0 to 10."""
        told = self.analyze("security", "--offline=yes", "--no-pager", "--threshold=100", "./netd.service")
        found = re.search(r"Overall exposure level for netd\.service: ([0-9.]+)", told)
        assert found is not None, told
        return float(found[1])

    def test_verified(self) -> None:
        """The tool understands each line, also with the port of a socket unit, low ports, credentials and serial ports."""
        self.add("low-ports.conf")
        self.add("credentials.conf")
        self.add("serial-ports.conf")
        units = sorted(f"./{unit.name}" for unit in self.folder.iterdir() if unit.is_file())
        self.assertEqual(
            ["./netd-backup.service", "./netd-backup.timer", "./netd-gateway.socket", "./netd-relay.socket", "./netd.service"],
            units,
        )
        self.analyze("verify", "--man=no", *units)

    def test_exposure(self) -> None:
        """The unit takes everything away that netd does not need, and low ports give one capability back."""
        self.assertLessEqual(self.exposure(), EXPOSURE)
        self.add("low-ports.conf")
        self.assertLessEqual(self.exposure(), EXPOSURE + 0.4)

    def test_exposure_with_serial_ports(self) -> None:
        """Serial ports give a few devices back, and a group."""
        self.add("serial-ports.conf")
        self.assertLessEqual(self.exposure(), EXPOSURE + 0.4)
