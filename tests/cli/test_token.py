"""Tests of :mod:`netd.cli.token`: tokens are made, listed and removed in the file that the daemon reads."""

from __future__ import annotations

import json
import re
import shutil
import stat
import tempfile
from pathlib import Path

import netd
from netd.cli.contexts import Context, Contexts, contexts_file, write_contexts
from netd.operations import Role
from netd.secrets.tokens import TOKENS, Tokens
from tests.cli.fakes import CommandTests


class TokenTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / TOKENS

    def test_life(self) -> None:
        """A token is printed once, alone on standard output; the daemon knows it until it is removed."""
        state = ("--state", str(self.folder))
        added = self.netd(
            "token", "add", "panel", "--role", "viewer", "--subject", "session.>", "--subject", "feed.*.round", *state
        )
        self.assertEqual(added.exit_code, 0, added.output)
        text = added.stdout.removesuffix("\n")
        self.assertNotIn("\n", text)
        self.assertIn("shown only now", added.stderr)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertNotIn(text, self.path.read_text())
        found = Tokens(self.path).find(text)
        assert found is not None
        self.assertEqual((found.name, found.role, found.subjects), ("panel", Role.VIEWER, ("session.>", "feed.*.round")))
        listed = self.netd("token", "list", *state)
        self.assertEqual(listed.stdout.splitlines()[1].split(), ["panel", "viewer", "session.>", "feed.*.round"])
        self.assertNotIn(found.digest, listed.stdout)
        self.netd("token", "add", "other", "--role", "admin", *state)
        removed = self.netd("token", "remove", "panel", *state)
        self.assertEqual((removed.stdout, removed.stderr), ("the token of panel is removed\n", ""))
        last = self.netd("token", "remove", "other", *state)
        self.assertEqual((last.exit_code, last.stdout), (0, "the token of other is removed\n"))
        self.assertIn("a gateway on loopback is now open to everyone on this machine", last.stderr)
        self.assertIsNone(Tokens(self.path).find(text))
        self.assertIn("no tokens", self.netd("token", "list", *state).stdout)

    def test_hints(self) -> None:
        """Each text of netd that names the command names it as it works: with a role."""
        texts = [path.read_text() for kind in ("py", "js") for path in Path(netd.__file__).parent.rglob(f"*.{kind}")]
        hints = [hint for text in texts for hint in re.findall("netd token add [A-Z]+[^`]*", text)]
        self.assertTrue(hints)
        self.assertEqual([hint for hint in hints if " --role " not in hint], [])

    def test_json(self) -> None:
        """A script reads the same."""
        state = ("--json", "--state", str(self.folder))
        made = json.loads(self.netd("token", "add", "ci", "--role", "admin", *state).stdout)
        self.assertEqual((made["name"], made["role"], made["subjects"]), ("ci", "admin", None))
        self.assertIsNotNone(Tokens(self.path).find(made["token"]))
        self.assertEqual(
            json.loads(self.netd("token", "list", *state).stdout), [{"name": "ci", "role": "admin", "subjects": None}]
        )
        self.assertEqual(json.loads(self.netd("token", "remove", "ci", *state).stdout), {"name": "ci", "status": "removed"})

    def test_wrong(self) -> None:
        """What cannot be is refused with the reason: 1 for the file, 2 for the words, 3 for a token that is not there."""
        state = ("--state", str(self.folder))
        self.netd("token", "add", "a", "--role", "viewer", *state)
        for arguments, code, said in (
            (["add", "a", "--role", "viewer"], 1, "there is a token a already"),
            (["add", "b\x1b[2J", "--role", "viewer"], 2, "b\\x1b[2J"),
            (["add", "b", "--role", "king"], 2, "'king' is not one of"),
            (["add", "b"], 2, "--role"),
            (["add", "b", "--role", "viewer", "--subject", "a b"], 2, "no subject pattern"),
            (["remove", "x\x1b[2J"], 3, "no token 'x\\x1b[2J'; `netd token list` lists them"),
        ):
            result = self.netd("token", *arguments, *state)
            self.assertEqual(result.exit_code, code, result.output)
            self.assertIn(said, result.stderr)
        self.path.write_text("spoiled\n")
        for arguments in (["list"], ["remove", "a"], ["add", "b", "--role", "viewer"]):
            result = self.netd("token", *arguments, *state)
            self.assertEqual((result.exit_code, f"{self.path}:1" in result.stderr), (1, True), result.output)

    def test_elsewhere(self) -> None:
        """Tokens are made on the daemon's own machine: a context is refused, not passed over."""
        self.environ["XDG_CONFIG_HOME"] = str(self.folder)
        contexts = Contexts().with_context(Context("lab", "https://lab:8443"))
        path = contexts_file(self.environ)
        for words, used, named in ((["--context", "lab"], None, None), ([], "lab", None), ([], None, "lab")):
            write_contexts(path, contexts if used is None else contexts.using(used))
            self.environ.pop("NETD_CONTEXT", None)
            if named is not None:
                self.environ["NETD_CONTEXT"] = named
            for command in (["list"], ["add", "x", "--role", "viewer"], ["remove", "x"]):
                result = self.netd("token", *command, *words)
                self.assertEqual((result.exit_code, "the context lab is in force" in result.stderr), (2, True), result.output)
        for words in (["--context", "local"], ["--state", str(self.folder)]):
            self.assertEqual(self.netd("token", "list", *words).exit_code, 0)
        self.assertFalse(self.path.exists())
