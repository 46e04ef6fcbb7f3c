"""The tokens: read by the daemon, and trusted only when their file is private and whole."""

from __future__ import annotations

import hashlib
import os
import secrets

from hypothesis import given
from hypothesis import strategies as st

from netd.bus.subject import split_pattern
from netd.operations import Role
from netd.principal import Kind, Principal, Proof
from netd.secrets.credentials import Credential
from netd.secrets.private_files import PrivateFileError
from netd.secrets.token_file import add_token, remove_token, rotate_token
from netd.secrets.tokens import TOKENS, Tokens, read_tokens
from tests.secrets.token_case import TokenTestCase

KEY, OTHER_KEY = "a" * 64, "b" * 64


class FindTests(TokenTestCase):
    def test_no_file(self) -> None:
        """Without a file, there are no tokens."""
        tokens = Tokens(self.path)
        self.assertFalse(tokens.has(*Kind))
        self.assertIsNone(tokens.find("netd_x"))

    def test_found(self) -> None:
        """A token is found by its whole text only."""
        text = self.add("panel", Role.ADMIN, "a.>")
        tokens = Tokens(self.path)
        found = tokens.find(text)
        assert found is not None
        self.assertEqual((found.name, found.role, found.subjects), ("panel", Role.ADMIN, ("a.>",)))
        for wrong in (text[:-1], text + "x", text.upper(), "", "\udc80", found.digest):
            self.assertIsNone(tokens.find(wrong))

    def test_no_digest_is_shown(self) -> None:
        """What stands for a token in the log tells nothing of its secret."""
        self.assertNotIn("abc", repr(Credential("panel", Role.ADMIN, "abc")))

    def test_changes_while_running(self) -> None:
        """What is added, removed or taken away altogether counts from then on."""
        tokens = Tokens(self.path)
        self.assertFalse(tokens.has(Kind.USER))
        first = self.add("first")
        self.assertTrue(tokens.has(Kind.USER))
        second = self.add("second")
        self.assertIsNotNone(tokens.find(second))
        remove_token(self.path, "first")
        self.assertIsNone(tokens.find(first))
        remove_token(self.path, "second")
        self.assertFalse(tokens.has(Kind.USER))

    def test_looks(self) -> None:
        """The name of a bot with a token is reserved in all forms that look like it; that of a device is compared as it is."""
        for word in ("bot", "device"):
            add_token(self.path, f"Ann-{word}", word, (), secrets.token_bytes)
        tokens = Tokens(self.path)
        for form in ("ann-{}", "ANN-{}", "A\u0301nn-{}", "\uff21nn-{}", "An\u200bn-{}", "Ann -{}"):
            self.assertTrue(tokens.holds(Kind.BOT, form.format("bot")), ascii(form))
            self.assertFalse(tokens.holds(Kind.DEVICE, form.format("device")), ascii(form))
        self.assertFalse(tokens.holds(Kind.BOT, "Anna-bot"))
        self.assertTrue(tokens.holds(Kind.DEVICE, "Ann-device"))

    def test_lost_while_running(self) -> None:
        """A file that is suddenly not there proves nobody, and opens nothing: no name, and no console."""
        text = self.add("first")
        add_token(self.path, "door-lock", "device", (), secrets.token_bytes)
        tokens = Tokens(self.path)
        self.assertTrue(tokens.has(Kind.USER))
        self.path.unlink()
        for _again in range(2):
            self.assertIsNone(tokens.find(text))
            self.assertTrue(tokens.has(Kind.USER))
            self.assertTrue(tokens.holds(Kind.DEVICE, "door-lock"))
        self.assertEqual(2, len(tokens.take_gone()))
        self.add("other")
        self.assertFalse(tokens.holds(Kind.DEVICE, "door-lock"))

    def test_read_when_it_has_changed(self) -> None:
        """A file that stays the same is not read for each request."""
        text = self.add()
        tokens = Tokens(self.path)
        tokens.find(text)
        reads: list[object] = []
        self.patch(os, "open", lambda *arguments: reads.append(arguments))
        self.assertIsNotNone(tokens.find(text))
        self.assertEqual(reads, [])

    def test_unusable_while_running(self) -> None:
        """A file that others can read suddenly is trusted no more, at once and as long as that lasts."""
        text = self.add()
        tokens = Tokens(self.path)
        self.assertIsNotNone(tokens.find(text))
        self.path.chmod(0o640)
        for _again in range(2):
            self.assertRaises(PrivateFileError, tokens.find, text)
            self.assertRaises(PrivateFileError, tokens.has, Kind.USER)
        self.path.chmod(0o600)
        self.assertIsNotNone(tokens.find(text))


class KindTests(TokenTestCase):
    def test_program(self) -> None:
        """The token of a program proves that program, without any role, and what its line lets it do."""
        text = add_token(
            self.path, "door-lock", "device", ("relay.main.>",), secrets.token_bytes, only=("a", "b"), sends=("bell",)
        )
        found = Tokens(self.path).find(text)
        assert found is not None
        self.assertEqual(
            found.principal,
            Principal(
                "door-lock",
                Role.NOBODY,
                ("relay.main.>",),
                Proof.TOKEN,
                self.path.read_text().removesuffix("\n"),
                kind=Kind.DEVICE,
                only=("a", "b"),
                sends=("bell",),
            ),
        )

    def test_reserved(self) -> None:
        """A name is reserved for its kind alone, by each credential that may take it, also after the end of that."""
        self.write(f"bell device {KEY} until=1\ntablet device {OTHER_KEY} only=lamp,fan\nprobe agent - proof=ca\n")
        tokens = Tokens(self.path)
        self.assertTrue(all(tokens.holds(Kind.DEVICE, name) for name in ("bell", "lamp", "fan")))
        self.assertTrue(tokens.holds(Kind.AGENT, "probe"))
        self.assertFalse(tokens.holds(Kind.DEVICE, "tablet"))
        self.assertFalse(tokens.holds(Kind.AGENT, "bell"))
        self.assertTrue(tokens.has(Kind.BOT, Kind.AGENT))
        self.assertFalse(tokens.has(Kind.USER))

    def test_certificates(self) -> None:
        """A certificate is found by its key, or by the name in it; the text of a token with that hash proves nothing."""
        text = "netd_x"
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.write(f"door-lock device {digest} proof=certificate\nbell device - proof=ca\n")
        tokens = Tokens(self.path)
        by_key, by_name = tokens.find_key(digest), tokens.find_signed("bell")
        assert by_key is not None
        assert by_name is not None
        self.assertEqual([one.principal.proof for one in (by_key, by_name)], [Proof.CERTIFICATE, Proof.CERTIFICATE])
        self.assertIsNone(tokens.find(text))
        self.assertIsNone(tokens.find_key(KEY))
        self.assertIsNone(tokens.find_signed("door-lock"))

    def test_several_lines(self) -> None:
        """A name has as many credentials as it likes, all with the same rights."""
        self.write(f"a device {KEY} send=b\na device {OTHER_KEY} send=b until=9 proof=certificate\na device - send=b proof=ca\n")
        self.assertEqual(len(read_tokens(self.path)), 3)
        for other in ("send=c", "", "send=b x.>", "only=a send=b"):
            self.write(f"a device {KEY} send=b\na device {OTHER_KEY} {other}\n")
            self.assertIn(":2: gives a other rights than a line before", self.refusal())
        self.write(f"a device {KEY}\na viewer {OTHER_KEY}\n")
        self.assertIn("other rights", self.refusal())

    def test_one_secret_is_one_credential(self) -> None:
        """Two names cannot share a token or a key: the daemon could not tell who shows it."""
        self.write(f"a device {KEY}\nb device {KEY}\n")
        self.assertIn(":2: b stands here a second time with the same token", self.refusal())
        self.write("a device - proof=ca\na device - proof=ca\n")
        self.assertIn("a second time with the same ca", self.refusal())

    def test_options(self) -> None:
        """An option that netd does not know, or cannot read, spoils its line: a right that is misread would be worse."""
        for written, why in (
            ("sned=b", "'sned' is no option"),
            ("send=b send=c", "has an option twice"),
            ("send=a,,b", "'' is not a name"),
            ("until=soon", "until= is a number"),
            ("proof=token", "proof= is certificate or ca"),
            ("proof=ca", "is not of the form"),
            ("x.> send=b", "'send=b' is no subject pattern"),
            (f"only={','.join(map(str, range(65)))}", "only= lists at most 64 names"),
        ):
            self.write(f"a device {KEY} {written}\n")
            self.assertIn(f":1: {why}", self.refusal())
        self.write(f"a viewer {KEY} only=b\nb agent {KEY} send=c\n")
        self.assertIn("only= is for devices, agents, bots and commands, not for viewer", self.refusal())
        self.assertIn("send= is for devices, not for agent", self.refusal())


class EndTests(TokenTestCase):
    now = 1_700_000_000.0

    def tokens(self) -> Tokens:
        """The credentials, by a clock that the test sets."""
        return Tokens(self.path, lambda: self.now)

    def test_end(self) -> None:
        """From the moment of its end a token proves nothing; whoever shows it reads when it ended, and the remedy."""
        text = add_token(self.path, "ann", Role.VIEWER, (), secrets.token_bytes, until=self.now + 60)
        tokens = self.tokens()
        self.assertIsNotNone(tokens.find(text))
        self.assertEqual(len(tokens.in_force()), 1)
        self.now += 60
        self.assertIsNone(tokens.find(text))
        self.assertEqual(tokens.in_force(), frozenset())
        self.assertEqual(
            tokens.objection(text), "this token has ended on 2023-11-14 22:14:20 UTC; `netd token rotate ann` makes another"
        )
        self.assertEqual(
            tokens.objection("netd_x"), "this token is unknown; `netd token list` on netd's machine shows which there are"
        )

    def test_gone(self) -> None:
        """What has ended, changed or gone is told once: whoever holds connections closes those that it proved."""
        self.write(f"a viewer {KEY} until=1700000060\nb viewer {OTHER_KEY}\nc viewer {'c' * 64}\n")
        tokens = self.tokens()
        self.assertEqual(tokens.take_gone(), frozenset())
        self.write(f"a viewer {KEY} until=1700000060\nb operator {OTHER_KEY}\n")
        self.assertEqual(tokens.take_gone(), {f"b viewer {OTHER_KEY}", f"c viewer {'c' * 64}"})
        self.assertEqual(tokens.take_gone(), frozenset())
        self.now += 60
        self.assertEqual(tokens.take_gone(), {f"a viewer {KEY}"})
        self.assertEqual(tokens.take_gone(), frozenset())

    def test_gone_between_two_looks(self) -> None:
        """A token that was used between two looks and is gone at the second is told, too, even if it is back by then."""
        text = self.add("flash")
        tokens = self.tokens()
        self.assertIsNotNone(tokens.find(text))
        line = self.path.read_text()
        remove_token(self.path, "flash")
        self.assertIsNone(tokens.find(text))
        self.write(line)
        self.assertIsNotNone(tokens.find(text))
        self.assertEqual(tokens.take_gone(), {line.removesuffix("\n")})

    def test_rotation_closes_nothing(self) -> None:
        """While a token is rotated the old one is good, and what it proved stays open, until the end of the overlap."""
        old = self.add("ann")
        tokens = self.tokens()
        found = tokens.find(old)
        assert found is not None
        new = rotate_token(self.path, "ann", secrets.token_bytes, self.now, 3600.0)
        self.assertEqual(tokens.take_gone(), frozenset())
        self.assertIsNotNone(tokens.find(old))
        self.assertIsNotNone(tokens.find(new))
        self.now += 3600
        self.assertEqual(tokens.take_gone(), {found.principal.credential})
        self.assertIsNone(tokens.find(old))
        self.assertIsNotNone(tokens.find(new))

    def test_clock_set_back(self) -> None:
        """When the wall clock is set back before the end of a token, it is good again, and told again at its next end."""
        text = add_token(self.path, "ann", Role.VIEWER, (), secrets.token_bytes, until=self.now + 60)
        tokens = self.tokens()
        for _again in range(2):
            self.now += 60
            self.assertEqual(len(tokens.take_gone()), 1)
            self.now -= 60
            self.assertIsNotNone(tokens.find(text))
            self.assertEqual(tokens.take_gone(), frozenset())

    def test_unusable(self) -> None:
        """A file that cannot be trusted tells of nothing that is gone; once it can, it does."""
        self.add("ann")
        tokens = self.tokens()
        tokens.take_gone()
        self.write("spoiled\n")
        self.assertRaises(PrivateFileError, tokens.take_gone)
        self.write("")
        self.assertEqual(len(tokens.take_gone()), 1)

    def test_only_new_lines_are_parsed(self) -> None:
        """Of a file with many tokens only what is new is read anew: the credentials of the others are the same objects."""
        first = self.add("first")
        tokens = self.tokens()
        found = tokens.find(first)
        self.add("second")
        self.assertIs(tokens.find(first), found)


class ReadTests(TokenTestCase):
    def test_open_to_others(self) -> None:
        """A file that others can read holds no secrets; the remedy can be pasted."""
        self.write("", 0o604)
        self.assertEqual(self.refusal(), f"{self.path}: is open to other users: run `chmod 600 {self.path}`")

    def test_not_a_file(self) -> None:
        """A directory or a pipe in its place neither stops the daemon nor is read."""
        self.path.parent.mkdir()
        os.mkfifo(self.path, 0o600)
        self.assertIn("is not a regular file", self.refusal())

    def test_links(self) -> None:
        """A link leads to the file, which must be as private as any; what is added goes there, and the link stays one."""
        target = self.path.parent / "elsewhere"
        self.write("")
        self.path.rename(target)
        self.path.symlink_to(target)
        text = self.add()
        self.assertTrue(self.path.is_symlink())
        self.assertEqual(target.stat().st_mode & 0o777, 0o600)
        self.assertIsNotNone(Tokens(self.path).find(text))
        target.chmod(0o644)
        self.assertIn("is open to other users", self.refusal())

    def test_link_to_nothing(self) -> None:
        """A link to what is not there is not taken for no tokens: that would open the gateway."""
        self.path.parent.mkdir()
        self.path.symlink_to(self.path.parent / "elsewhere")
        self.assertIn("is a symbolic link to what is not there", self.refusal())
        self.assertRaises(PrivateFileError, Tokens(self.path).has, Kind.USER)

    def test_remedy(self) -> None:
        """What to run can be pasted: it names the state directory that the daemon has, in quotes where a shell wants them."""
        self.path = self.path.parent / "lab 7" / TOKENS
        self.path.parent.mkdir(parents=True)
        self.write("bad\n")
        self.assertTrue(self.refusal().endswith(f"run `netd token add NAME --role admin --state '{self.path.parent}'`"))

    def test_too_long(self) -> None:
        """A file that is something else altogether is not read to its end."""
        self.write(b"x" * (2**20 + 1))
        self.assertIn("that is no file of tokens", self.refusal())

    def test_bad_lines(self) -> None:
        """Each bad line is named with its place."""
        good = f"good viewer {'a' * 64} x.>"
        self.write(
            f"{good}\nbad\nb viewer {'A' * 64}\nc boss {'a' * 64}\nd viewer {'a' * 64} ..\n{good}\n\xff viewer {'a' * 64}\n"
        )
        lines = self.refusal().split("\n")
        self.assertEqual([line.removeprefix(f"{self.path}:").partition(":")[0] for line in lines], ["2", "3", "4", "5", "6", "7"])
        self.assertIn("stands here a second time", lines[4])

    @given(st.binary(max_size=300))
    def test_arbitrary_file(self, content: bytes) -> None:
        """Whatever stands in the file, it is read or refused; nothing else happens."""
        self.write(content)
        try:
            tokens = read_tokens(self.path)
        except PrivateFileError:
            return
        for token in tokens:
            self.assertEqual(token.role is Role.NOBODY, token.kind is not Kind.USER)

    @given(st.text("abAB09_@-.*> ", max_size=20))
    def test_patterns(self, pattern: str) -> None:
        """What is taken for a pattern here is one to the bus, and the other way round."""
        digest = "a" * 64
        self.write(f"x viewer {digest} {pattern}\n")
        wanted = pattern.split()
        try:
            for one in wanted:
                split_pattern(one)
        except ValueError:
            self.assertRaises(PrivateFileError, read_tokens, self.path)
        else:
            self.assertEqual(self.named()["x"].subjects, tuple(wanted) or None)
