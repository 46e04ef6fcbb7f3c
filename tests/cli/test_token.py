"""Tests of :mod:`netd.cli.token`: tokens are made, listed and removed in the file that the daemon reads."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import stat
import tempfile
from dataclasses import replace
from pathlib import Path

from click.shell_completion import BashComplete

from netd import __file__ as package
from netd.cli.contexts import Context, Contexts, contexts_file, write_contexts
from netd.cli.invocation import CliSurroundings, Invocation
from netd.cli.main import netd
from netd.operations import Role
from netd.secrets.tokens import TOKENS, Tokens, read_tokens
from tests.cli.fakes import NOW, CommandTests


class TokenTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / TOKENS
        self.numbers = itertools.count()

    def _surroundings(self) -> CliSurroundings:
        return replace(super()._surroundings(), random_bytes=lambda size: bytes([next(self.numbers)]) * size)

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
        self.assertEqual(
            listed.stdout.splitlines()[1].split(), ["panel", "viewer", "token", "session.>", "feed.*.round", "never", "never"]
        )
        self.assertNotIn(found.digest, listed.stdout)
        self.netd("token", "add", "other", "--role", "admin", *state)
        removed = self.netd("token", "remove", "panel", *state)
        self.assertEqual((removed.stdout, removed.stderr), ("the token of panel is removed\n", ""))
        last = self.netd("token", "remove", "other", *state)
        self.assertEqual((last.exit_code, last.stdout), (0, "the token of other is removed\n"))
        self.assertIn("a gateway on loopback is now open to everyone on this machine", last.stderr)
        self.assertIsNone(Tokens(self.path).find(text))
        self.assertIn("no tokens", self.netd("token", "list", *state).stdout)

    def test_programs(self) -> None:
        """A token is for one kind of program, and may be limited further; the list tells how, and when it was used last."""
        state = ("--state", str(self.folder))
        for words in (
            ("door-lock", "--device", "--send", "bell, lamp", "--for", "90d"),
            ("probe", "--agent"),
            ("ann", "--bot"),
            ("panel", "--feed", "--subject", "feed.main.>"),
            ("nightly", "--command", "backup,report"),
        ):
            added = self.netd("token", "add", *words, *state)
            self.assertEqual(added.exit_code, 0, added.output)
            if words[0] == "probe":
                tokens = Tokens(self.path, lambda: NOW - 7200)
                self.assertIsNotNone(tokens.find(added.stdout.removesuffix("\n"), "192.0.2.7"))
                tokens.uses.write(tokens.uses.render(read_tokens(self.path)))
        listed = [" ".join(line.split()) for line in self.netd("token", "list", *state).stdout.splitlines()[1:]]
        self.assertEqual(
            listed,
            [
                "door-lock device token send to bell, lamp all in 90 d never",
                "probe agent token all never 2 h ago 192.0.2.7",
                "ann bot token all never never",
                "panel feed token feed.main.> never never",
                "nightly command token run backup, report all never never",
            ],
        )
        unused = json.loads(self.netd("token", "list", "--unused", "1h", "--json", *state).stdout)
        self.assertEqual(len(unused), 5)
        self.assertEqual(len(json.loads(self.netd("token", "list", "--unused", "3h", "--json", *state).stdout)), 4)

    def test_copy(self) -> None:
        """The token goes into a file instead, and stands nowhere on the screen."""
        state = ("--state", str(self.folder))
        copy = self.folder / "door-lock.token"
        for command in (["add", "door-lock", "--device"], ["rotate", "door-lock"]):
            result = self.netd("token", *command, "--to", str(copy), *state)
            self.assertEqual(result.stdout, f"the token of door-lock is in {copy}; it is stored nowhere else\n")
            self.assertIsNotNone(Tokens(self.path).find(copy.read_text().removesuffix("\n")))
            self.assertNotIn(copy.read_text().removesuffix("\n"), result.output)
        made = json.loads(self.netd("token", "rotate", "door-lock", "--to", str(copy), "--json", *state).stdout)
        self.assertEqual(made["file"], str(copy))
        self.assertNotIn("token", made)

    def test_rotate(self) -> None:
        """The new token counts at once, the old one until the end of the overlap; a token with an end asks for another end."""
        state = ("--state", str(self.folder))
        self.netd("token", "add", "ci", "--role", "admin", "--for", "1w", *state)
        asked = self.netd("token", "rotate", "ci", *state)
        self.assertEqual((asked.exit_code, "--for 90d" in asked.stderr), (2, True))
        rotated = self.netd("token", "rotate", "ci", "--for", "ever", "--overlap", "12h", *state)
        self.assertIn(
            "the old token is good until 2023-11-15 10:13:20 UTC; `netd token remove ci --old` ends it now", rotated.stderr
        )
        self.assertIn("in 12 h", self.netd("token", "list", *state).stdout)
        self.assertEqual(self.netd("token", "remove", "ci", "--old", *state).stdout, "the old token of ci is removed\n")
        self.assertEqual(self.netd("token", "remove", "ci", "--old", *state).stdout, "there is no old token of ci\n")
        at_once = self.netd("token", "rotate", "ci", "--overlap", "0", *state)
        self.assertIn("the old token is removed", at_once.stderr)
        self.netd("token", "add", "brief", "--role", "viewer", "--for", "30s", *state)
        self.path.write_text(self.path.read_text().replace("until=1700000030", "until=1699999999"))
        self.assertIn("has ended 2023-11-14 22:13:19 UTC", self.netd("token", "list", *state).stdout)

    def test_used(self) -> None:
        """Where everything has been used of late, `--unused` says so."""
        state = ("--state", str(self.folder))
        text = self.netd("token", "add", "ci", "--role", "admin", *state).stdout.removesuffix("\n")
        tokens = Tokens(self.path, lambda: NOW)
        tokens.find(text)
        tokens.uses.write(tokens.uses.render(read_tokens(self.path)))
        self.assertEqual(self.netd("token", "list", "--unused", "90d", *state).stdout, "all tokens have been used\n")
        self.assertIn("this machine", self.netd("token", "list", *state).stdout)

    def test_last_of_a_user(self) -> None:
        """Only the last token of a user opens a gateway when it goes; those of programs never kept it closed."""
        state = ("--state", str(self.folder))
        self.netd("token", "add", "bell", "--device", *state)
        self.assertEqual(self.netd("token", "remove", "bell", *state).stderr, "")

    def test_completion(self) -> None:
        """A shell offers the names in the file, each once; none where there is no file that can be read."""
        state = ("--state", str(self.folder))

        def offered(command: str, incomplete: str) -> list[str]:
            surroundings = {"obj": Invocation(self._surroundings())}
            completion = BashComplete(netd, surroundings, "netd", "_NETD_COMPLETE")
            return [one.value for one in completion.get_completions(["token", command, *state], incomplete)]

        for name in ("bell", "box", "lamp"):
            self.netd("token", "add", name, "--device", *state)
        self.netd("token", "rotate", "bell", *state)
        self.assertEqual([offered(command, "b") for command in ("rotate", "remove")], [["bell", "box"]] * 2)
        self.path.write_text("spoiled\n")
        self.assertEqual(offered("remove", ""), [])

    def test_hints(self) -> None:
        """Each text of netd that names the command names it as it works: with a role."""
        texts = [path.read_text() for kind in ("py", "js") for path in Path(package).parent.rglob(f"*.{kind}")]
        hints = [hint for text in texts for hint in re.findall("netd token add [A-Z]+[^`]*", text)]
        self.assertTrue(hints)
        is_whole = re.compile(r" (?:--(?:role|device|agent|bot|feed|command|metrics)\b|\{)")  # or an option that the code puts in
        self.assertEqual([hint for hint in hints if not is_whole.search(hint)], [])

    def test_json(self) -> None:
        """A script reads the same."""
        state = ("--json", "--state", str(self.folder))
        made = json.loads(self.netd("token", "add", "ci", "--role", "admin", *state).stdout)
        self.assertEqual((made["name"], made["kind"], made["subjects"]), ("ci", "admin", None))
        self.assertIsNotNone(Tokens(self.path).find(made["token"]))
        [listed] = json.loads(self.netd("token", "list", *state).stdout)
        self.assertEqual(
            listed,
            {
                "name": "ci",
                "kind": "admin",
                "proof": "token",
                "subjects": None,
                "only": [],
                "sends": [],
                "until": None,
                "last_used": None,
                "last_from": None,
            },
        )
        rotated = json.loads(self.netd("token", "rotate", "ci", "--overlap", "1h", *state).stdout)
        self.assertEqual((rotated["name"], rotated["old_until"]), ("ci", NOW + 3600))
        self.assertEqual(
            json.loads(self.netd("token", "remove", "ci", "--old", *state).stdout),
            {"name": "ci", "status": "removed", "removed": 1},
        )
        self.assertIsNotNone(Tokens(self.path).find(rotated["token"]))

    def test_wrong(self) -> None:
        """What cannot be is refused with the reason: 1 for the file, 2 for the words, 3 for a token that is not there."""
        state = ("--state", str(self.folder))
        self.netd("token", "add", "a", "--role", "viewer", *state)
        for arguments, code, said in (
            (["add", "a", "--role", "viewer"], 1, "there is a token a already"),
            (["add", "b\x1b[2J", "--role", "viewer"], 2, "b\\x1b[2J"),
            (["add", "b", "--role", "king"], 2, "'king' is not one of"),
            (["add", "b"], 2, "by one of --role, --device, --agent, --bot, --feed, --metrics and --command"),
            (["add", "b", "--device", "--role", "viewer"], 2, "by one of --role"),
            (["add", "b", "--agent", "--send", "c"], 2, "send= is for devices"),
            (["add", "b", "--command", "c,,d"], 2, "'' is not a name"),
            (["add", "b", "--agent", "--for", "soon"], 2, "'soon' is no period"),
            (["add", "b", "--agent", "--for", "0"], 2, "good for nothing"),
            (["add", "b", "--agent", "--for", "999999w"], 2, "is no period"),
            (["rotate", "x"], 3, "no token 'x'"),
            (["add", "b", "--role", "viewer", "--subject", "a b"], 2, "no subject pattern"),
            (["remove", "x\x1b[2J"], 3, "no token 'x\\x1b[2J'; `netd token list` lists them"),
        ):
            result = self.netd("token", *arguments, *state)
            self.assertEqual(result.exit_code, code, result.output)
            self.assertIn(said, result.stderr)
        self.path.write_text("spoiled\n")
        for arguments in (["list"], ["remove", "a"], ["rotate", "a"], ["add", "b", "--role", "viewer"]):
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
            for command in (["list"], ["add", "x", "--role", "viewer"], ["rotate", "x"], ["remove", "x"]):
                result = self.netd("token", *command, *words)
                self.assertEqual((result.exit_code, "the context lab is in force" in result.stderr), (2, True), result.output)
        for words in (["--context", "local"], ["--state", str(self.folder)]):
            self.assertEqual(self.netd("token", "list", *words).exit_code, 0)
        self.assertFalse(self.path.exists())
