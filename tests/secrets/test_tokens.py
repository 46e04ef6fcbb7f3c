"""The tokens: written by ``netd token``, read by the daemon, trusted only when they are private and whole."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.bus.subject import split_pattern
from netd.operations import Role
from netd.secrets.private_files import PrivateFileError
from netd.secrets.tokens import SECRET_BYTES, TOKENS, AccessToken, Tokens, UnfitToken, add_token, read_tokens, remove_token


class TokenTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute() / TOKENS

    def add(self, name: str = "panel", role: Role | str = Role.VIEWER, *subjects: str) -> str:
        """A new token."""
        return add_token(self.path, name, role, subjects, secrets.token_bytes)

    def write(self, text: str | bytes, mode: int = 0o600) -> None:
        """Make the file with this content and mode."""
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        self.path.chmod(mode)

    def refusal(self) -> str:
        """Why the file is not read."""
        return str(self.assertRaises(PrivateFileError, read_tokens, self.path))


class AddTests(TokenTestCase):
    def test_new_token(self) -> None:
        """A token has 256 random bits, is shown once, and its hash alone is kept, where nobody else can read it."""
        text = add_token(self.path, "panel", Role.OPERATOR, ("session.>", "room.main.*"), lambda size: bytes(range(size)))
        self.assertEqual(text, "netd_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
        self.assertEqual(SECRET_BYTES, 32)
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.assertEqual(self.path.read_text(), f"panel operator {digest} session.> room.main.*\n")
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.path.parent.stat().st_mode & 0o777, 0o700)
        self.assertEqual(
            read_tokens(self.path), {"panel": AccessToken("panel", Role.OPERATOR, digest, ("session.>", "room.main.*"))}
        )

    def test_more_tokens(self) -> None:
        """A further token leaves those before it as they are, and the notes between them."""
        self.write("# for the hall\n\n")
        first, second = self.add("first"), self.add("second", "admin")
        self.assertTrue(self.path.read_text().startswith("# for the hall\n\nfirst viewer "))
        tokens = Tokens(self.path)
        self.assertEqual([found.name for found in map(tokens.find, (first, second)) if found], ["first", "second"])
        self.assertEqual([path.name for path in self.path.parent.iterdir()], [TOKENS])

    def test_same_name(self) -> None:
        """A name is given once, so that taking a token away takes away that one."""
        self.add()
        self.assertIn("there is a token panel already", str(self.assertRaises(PrivateFileError, self.add)))

    def test_bad_arguments(self) -> None:
        """What could not be read again is not written; the error names it."""
        for name, role, subjects, named in (
            ("two words", "viewer", (), "'two words'"),
            ("", "viewer", (), "''"),
            ("x" * 65, "viewer", (), "xxx"),
            ("#x", "viewer", (), "'#x'"),
            ("x", "boss", (), "viewer, operator, admin"),
            ("x", Role.NOBODY, (), "viewer, operator, admin"),
            ("x", "viewer", ("session.>.x",), "'session.>.x'"),
            ("x", "viewer", ("a b",), "'a b'"),
            ("x", "viewer", ("a" * 513,), "aaa"),
        ):
            error = self.assertRaises(UnfitToken, self.add, name, role, *subjects)
            self.assertIn(named, str(error))
        self.assertFalse(self.path.exists())

    def test_too_many(self) -> None:
        """The file cannot grow without end: every look for a token goes through all of it."""
        self.write("".join(f"t{number} viewer {number:064x}\n" for number in range(1000)))
        self.assertIn("as many as can be", str(self.assertRaises(PrivateFileError, self.add)))

    def test_at_once(self) -> None:
        """Two who add at the same moment both have their token afterwards."""
        threads = [threading.Thread(target=self.add, args=(f"t{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(read_tokens(self.path)), {f"t{number}" for number in range(8)})

    def test_unwritable(self) -> None:
        """Where nothing can be written, the error says where and why."""
        self.path.parent.write_text("a file, where a directory should be")
        self.assertIn(f"{self.path}: cannot be rewritten: ", str(self.assertRaises(PrivateFileError, self.add)))


class RemoveTests(TokenTestCase):
    def test_remove(self) -> None:
        """A token that is taken away is unknown; the others, and the notes, stay."""
        self.write("# for the hall\n")
        gone, kept = self.add("gone"), self.add("kept")
        self.assertTrue(remove_token(self.path, "gone"))
        tokens = Tokens(self.path)
        self.assertIsNone(tokens.find(gone))
        self.assertIsNotNone(tokens.find(kept))
        self.assertIn("# for the hall\n", self.path.read_text())

    def test_unknown(self) -> None:
        """Taking away what is not there changes nothing, and says so."""
        self.assertFalse(remove_token(self.path, "panel"))
        self.assertFalse(self.path.exists())
        self.add()
        before = self.path.stat().st_ino
        self.assertFalse(remove_token(self.path, "pane"))
        self.assertEqual(self.path.stat().st_ino, before)


class FindTests(TokenTestCase):
    def test_no_file(self) -> None:
        """Without a file, there are no tokens."""
        tokens = Tokens(self.path)
        self.assertTrue(tokens.is_empty)
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
        self.assertNotIn("abc", repr(AccessToken("panel", Role.ADMIN, "abc")))

    def test_changes_while_running(self) -> None:
        """What is added, removed or taken away altogether counts from then on."""
        tokens = Tokens(self.path)
        self.assertTrue(tokens.is_empty)
        first = self.add("first")
        self.assertFalse(tokens.is_empty)
        second = self.add("second")
        self.assertIsNotNone(tokens.find(second))
        remove_token(self.path, "first")
        self.assertIsNone(tokens.find(first))
        self.path.unlink()
        self.assertTrue(tokens.is_empty)

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
            self.assertRaises(PrivateFileError, lambda: tokens.is_empty)
        self.path.chmod(0o600)
        self.assertIsNotNone(tokens.find(text))


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
        self.assertRaises(PrivateFileError, lambda: Tokens(self.path).is_empty)

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
        for token in tokens.values():
            self.assertNotEqual(token.role, Role.NOBODY)

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
            self.assertEqual(read_tokens(self.path)["x"].subjects, tuple(wanted) or None)
