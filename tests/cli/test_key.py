"""Tests of :mod:`netd.cli.key`."""

from __future__ import annotations

import json
from pathlib import Path

from netd.secrets.ssh_keys import KEYS, read_keys
from tests.cli.fakes import CommandTests
from tests.secrets.test_ssh_keys import ED25519, FINGERPRINT


class KeyTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.state = Path(self.mktemp()).absolute()
        self.file = Path(self.mktemp())
        self.file.write_text(f"{ED25519} ann@laptop\n")

    def key(self, *words: str, **options: str) -> tuple[int, str]:
        """Run `netd key`; its status and all that it said."""
        result = self.netd("key", *words, "--state", str(self.state), **options)
        return result.exit_code, result.output

    def test_life(self) -> None:
        """A key is added under a name, listed, and removed."""
        path = self.state / KEYS
        self.assertEqual(self.key("list"), (0, "no keys: `netd key add NAME FILE` adds one\n"))
        said = f"ann may log in with the key {FINGERPRINT}, from {path}\n"
        self.assertEqual(self.key("add", "ann", str(self.file)), (0, said))
        self.assertEqual([key.name for key in read_keys(path)], ["ann"])
        self.assertEqual(self.key("add", "ann", "-", input=ED25519), (0, "ann has this key already\n"))
        status, listed = self.key("list")
        self.assertIn(FINGERPRINT, listed)
        expected = [{"name": "ann", "type": "ssh-ed25519", "fingerprint": FINGERPRINT}]
        self.assertEqual(json.loads(self.key("list", "--json")[1]), expected)
        self.assertEqual(self.key("remove", "ann", FINGERPRINT), (0, "1 key of ann removed\n"))
        status, said = self.key("remove", "ann")
        self.assertNotEqual(status, 0)
        self.assertIn("no such key of 'ann'; `netd key list` lists them", said)

    def test_unfit(self) -> None:
        """A file that is missing, and one that holds something else, are told with the remedy."""
        status, said = self.key("add", "ann", "/nowhere/id.pub")
        self.assertEqual((status, "/nowhere/id.pub: cannot be read" in said), (1, True))
        self.file.write_text("-----BEGIN OPENSSH PRIVATE KEY-----")
        status, said = self.key("add", "ann", str(self.file))
        self.assertEqual((status, "whose name ends in .pub" in said), (1, True))
