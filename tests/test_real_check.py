"""``netd check`` and ``netd config`` as a program: what it says, and how little it imports for that."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

HEAVY = frozenset(
    ("autobahn", "cryptography", "faker", "msgspec", "OpenSSL", "twisted.internet.endpoints", "twisted.internet.reactor")
) | {"netd.codec.jsontext", "netd.daemon", "netd.listening", "netd.relay.service", "twisted.web"}
"""What takes long to import, and is not needed where no certificate and no kind of a third party's is named."""

PROGRAM = (
    "import atexit, sys; there = {*sys.modules}; atexit.register(lambda: print('', *{*sys.modules} - there)); "
    "from netd.check import main; main()"
)


class CheckTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))  # short: it holds a unix socket
        self.addCleanup(shutil.rmtree, self.folder)

    def run_program(self, program: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it, with a state directory of its own."""
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "NETD_STATE_DIRECTORY": str(self.folder / "state")}
        return subprocess.run(
            [sys.executable, "-P", *program, *arguments], env=environ, capture_output=True, text=True, check=False
        )

    def test_starts_light(self) -> None:
        """The packaged configuration is checked without the services; what is not counted was imported before it."""
        ended = self.run_program(("-c", PROGRAM), "check")
        self.assertEqual((0, ""), (ended.returncode, ended.stderr))
        told, modules = ended.stdout.splitlines()
        self.assertTrue(told.endswith("netd.ini: good; it runs command, feed, gateway, recorder, relay, room, session"), told)
        self.assertEqual(set(), HEAVY & set(modules.split()))

    def test_closed_to_the_service(self) -> None:
        """Root is told that the user of the service cannot read the file which it can read itself, and what to type."""
        if os.geteuid() != 0:
            raise SkipTest("only root can give a directory to the service")
        state, ini = self.folder / "state", self.folder / "netd.ini"
        state.mkdir(mode=0o700, exist_ok=True)
        ini.write_text("[relay]\n", encoding="utf-8")
        ini.chmod(0o600)
        nobody = pwd.getpwnam("nobody")
        os.chown(state, nobody.pw_uid, nobody.pw_gid)
        ended = self.run_program(("-m", "netd.check"), "check", str(ini))
        self.assertEqual(0, ended.returncode, ended.stderr)
        self.assertIn(f"the user nobody, to whom {state} belongs, cannot read this file: run `chgrp ", ended.stderr)

    def test_mistakes(self) -> None:
        """All mistakes are told, those of the machine too, and the exit status says that the configuration is bad."""
        ini = self.folder / "netd.ini"
        ini.write_text("[relay]\nlisten = unix:/no/where/a.sock\nqueue_fro = 1s\n[feed]\nlocales = xx_YY\n", encoding="utf-8")
        ended = self.run_program(("-m", "netd.check"), "check", str(ini))
        self.assertEqual((78, ""), (ended.returncode, ended.stdout))
        for said in ("there is no directory", "queue_fro", "Faker does not know xx_YY"):
            self.assertIn(said, ended.stderr)

    def test_shown(self) -> None:
        """The options in force are shown, where that is asked for with where each comes from."""
        where = "environment NETD_STATE_DIRECTORY"
        option = f"[netd] state_directory = {self.folder / 'state'}"
        shown = {what: self.run_program(("-m", "netd.check"), what).stdout for what in ("config", "origin")}
        self.assertIn(f"\n{option}\n", shown["config"])
        self.assertIn(f"\n{option} ; {where}\n", shown["origin"])
