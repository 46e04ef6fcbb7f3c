"""Tests of ``netd doctor``: what is shown, and the exit status for monitoring."""

from __future__ import annotations

import json
from pathlib import Path

from netd.client.control import ControlTimeout, NotRunning
from tests.cli.fakes import CommandTests

FOUND = {
    "level": "warning",
    "findings": [
        {"check": "disk", "level": "warning", "text": "little is free", "remedy": "make space", "section": ""},
        {"check": "clock", "level": "ok", "text": "it is right", "remedy": "", "section": ""},
    ],
}


class DoctorCommandTests(CommandTests):
    def test_running(self) -> None:
        """What is not well is shown with its remedy; --all shows the rest. The status is 1 for a warning."""
        self.control.answers["system.doctor"] = FOUND
        told = self.netd("doctor")
        self.assertEqual(told.exit_code, 1)
        self.assertEqual(
            told.stdout,
            "warning  disk: little is free\n         -> make space\n"
            "warning: 1 ok, 1 warning, 0 problem; --all shows what is well, too\n",
        )
        self.assertIn("ok       clock: it is right\n", self.netd("doctor", "--all").stdout)

    def test_json(self) -> None:
        """Programs get all of it; the status is 0 where all is well."""
        self.control.answers["system.doctor"] = FOUND | {"level": "ok"}
        told = self.netd("doctor", "--json")
        self.assertEqual((told.exit_code, json.loads(told.stdout)["findings"]), (0, FOUND["findings"]))

    def test_no_daemon(self) -> None:
        """Where none runs, the machine is looked at by a program of the daemon's, with the state directory and the file."""
        self.control.broken = NotRunning("netd is not running here")
        self.written = json.dumps(FOUND).encode()
        told = self.netd("--state", "/tmp/there", "doctor", "-c", "my.ini")
        self.assertEqual(told.exit_code, 2)
        self.assertIn("problem  daemon: netd is not running here", told.stdout)
        [(arguments, environ)] = self.ran
        self.assertEqual(arguments[1:], ["-P", "-m", "netd.doctor", "my.ini"])
        self.assertEqual(environ["NETD_STATE_DIRECTORY"], "/tmp/there")

    def test_service(self) -> None:
        """Somebody who has left `sudo` out gets one line that says so, and no findings about a netd that is not there."""
        self.service_state = Path(self.mktemp()).absolute()
        self.service_state.mkdir()
        self.control.broken = NotRunning("netd is not running here")
        told = self.netd("doctor")
        self.assertEqual((told.exit_code, told.stdout, self.ran), (3, "", []))
        self.assertIn("`sudo` before the command", told.stderr)

    def test_unknown(self) -> None:
        """If nothing can be found out, the status is 3, and standard error says why."""
        self.control.broken = ControlTimeout("no answer")
        self.assertEqual((self.netd("doctor").exit_code, self.netd("doctor").stderr), (3, "Error: no answer\n"))
        self.control.broken = NotRunning("not there")
        self.written = b"?"
        self.assertEqual(self.netd("doctor").exit_code, 3)

    def test_another_version(self) -> None:
        """An answer of another form is no reason to say that all is well."""
        self.control.answers["system.doctor"] = {"level": "splendid"}
        self.assertEqual(self.netd("doctor").exit_code, 1)
