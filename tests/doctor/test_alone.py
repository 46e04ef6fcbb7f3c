"""Tests of ``python -m netd.doctor`` and ``netd.doctor.exhibits``: what is found out without a daemon."""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.doctor import __main__ as alone
from netd.doctor import exhibits
from netd.doctor.exhibits import exhibits as shown

STATUS: dict[str, Any] = {"name": "lab", "version": "1.0", "state": "serving", "services": []}


class AloneTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())  # short: the path of a unix socket has at most 107 bytes
        self.addCleanup(shutil.rmtree, self.folder)
        self.ini = self.folder / "netd.ini"

    def write(self, sections: str) -> None:
        """Write the configuration."""
        self.ini.write_text(f"[netd]\nuser = root\nstate_directory = {self.folder}\n{sections}")

    def printed(self, main: Any, given: bytes = b"") -> Any:
        """What a program writes, which is given the path of the configuration and *given*."""
        out = io.BytesIO()
        self.patch(sys, "argv", ["netd", str(self.ini)])
        self.patch(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(given)))
        with redirect_stdout(SimpleNamespace(buffer=out)):  # type: ignore[type-var]
            main()
        return json.loads(out.getvalue())

    def test_good(self) -> None:
        """Everything that does not need a daemon is looked at."""
        self.write("[relay]\nlisten = tcp:0:interface=127.0.0.1\n[recorder]\n")
        found = self.printed(alone.main)
        self.assertLessEqual({"configuration", "disk", "clock"}, {one["check"] for one in found["findings"]})
        self.assertEqual({"ok"}, {one["level"] for one in found["findings"] if one["check"] in ("configuration", "disk")})

    def test_bad(self) -> None:
        """Mistakes are told, and so is what would keep a section from starting; the rest is looked at all the same."""
        self.write("[relay]\nlissten = 1\n[room]\nlisten = unix:/no/such/folder/room.sock\n")
        problems = [(one["section"], one["level"]) for one in self.printed(alone.main)["findings"] if one["level"] == "problem"]
        self.assertEqual(problems[:2], [("relay", "problem"), ("room", "problem")])

    def test_unreadable(self) -> None:
        """A file that is not there is one problem, and the machine is looked at."""
        found = self.printed(alone.main)
        self.assertEqual((found["level"], found["findings"][0]["check"]), ("problem", "configuration"))

    def test_exhibits(self) -> None:
        """The options are shown with their places, and the status as metrics; mistakes are shown in their place."""
        self.write("[relay]\nlisten = loopback:5050\n")
        found = self.printed(exhibits.main, json.dumps(STATUS).encode())
        self.assertIn(f"[relay] listen = loopback:5050 ; {self.ini}:5", found["configuration"])
        self.assertIn('netd_info{name="lab",version="1.0"} 1.0', found["metrics"])
        self.assertNotIn("process_", found["metrics"])
        self.assertIn("system", found["versions"])
        self.write("[relay]\nlissten = 1\n")
        self.assertIn("lissten", shown(self.ini, None)["configuration"])
        self.assertEqual("", self.printed(exhibits.main)["metrics"])
