"""Tests of ``netd support``: what is in the archive, and that no secret is."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

from netd.client.control import NotRunning
from netd.secrets.token_file import add_token
from tests.cli.fakes import CommandTests

STATUS = {"name": "lab", "version": "1.0", "configuration": "/etc/netd.ini", "services": []}


class SupportTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.file = self.folder / "support.tar.gz"
        self.control.answers |= {"system.status": STATUS, "system.doctor": {"level": "ok", "findings": []}}
        shown = {"configuration": "[relay] listen = loopback:5050", "versions": {"netd": "1.0"}, "metrics": "netd_info 1"}
        self.written = {"netd.doctor.exhibits": json.dumps(shown).encode(), "journalctl": b"netd has started\n"}

    def parts(self) -> dict[str, str]:
        """What is in the archive, by name."""
        with tarfile.open(self.file) as archive:
            found = {member.name.partition("/")[2]: archive.extractfile(member) for member in archive}
            return {name: part.read().decode() for name, part in found.items() if part is not None}

    def test_parts(self) -> None:
        """Everything is in one file, which only its owner can read, and which says what to do with it."""
        told = self.netd("support", str(self.file))
        self.assertEqual(told.exit_code, 0, told.output)
        self.assertIn("look at it before you send it", told.stdout)
        parts = self.parts()
        names = ["status.json", "doctor.json", "configuration.txt", "versions.json", "metrics.txt", "log.txt"]
        self.assertEqual(list(parts), names)
        self.assertEqual((json.loads(parts["status.json"]), parts["log.txt"]), (STATUS, "netd has started\n"))
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.ran[0][0][-1], "/etc/netd.ini")

    def test_no_secret(self) -> None:
        """None of the secrets of the state and of the log is in it, nor a digest of one."""
        token = add_token(self.folder / "tokens", "ops", "admin", (), os.urandom)
        password = "correct-horse"
        digest = (self.folder / "tokens").read_text().split()[-1]
        log = self.folder / "netd.log"
        seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
        sent = f'b\'{{"token": "{token}"}}\''
        log.write_text(f'relay: refused; it sent {sent}\nlogin with password="{password}"\n{seed} {digest}\n')
        self.netd("support", str(self.file), "--log", str(log))
        whole = "\n".join(self.parts().values())
        for secret in (token, digest, seed, password):
            self.assertNotIn(secret, whole)
        self.assertIn("relay: refused; it sent", whole)

    def test_end_of_the_log(self) -> None:
        """Of a long log, the end is in it."""
        log = self.folder / "netd.log"
        log.write_text("old line\n" * 300_000 + "the end\n")
        self.netd("support", str(self.file), "--log", str(log), "--json")
        self.assertLess(len(self.parts()["log.txt"]), 1_100_000)
        self.assertTrue(self.parts()["log.txt"].endswith("the end\n"))

    def test_what_cannot_be_had(self) -> None:
        """Without a daemon or a journal, the archive says so in their place."""
        self.control.broken = NotRunning("not there")
        self.written = {"netd.doctor": b'{"level": "ok", "findings": []}', "journalctl": FileNotFoundError("no journalctl")}
        self.assertEqual(self.netd("support", str(self.file)).exit_code, 0)
        parts = self.parts()
        self.assertIn("could not be had: not there", parts["status.json"])
        self.assertIn("could not be had", parts["configuration.txt"])
        self.assertIn("could not be had: no journalctl", parts["log.txt"])
        self.assertIn("not there", parts["doctor.json"])
        self.assertIn("cannot be written", self.netd("support", str(self.folder / "no" / "x.tgz")).stderr)
