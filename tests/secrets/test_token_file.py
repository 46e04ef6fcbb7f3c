"""The file of credentials is written: tokens are added, rotated and removed, each time as a whole or not at all."""

from __future__ import annotations

import hashlib
import secrets
import threading

from netd.operations import Role
from netd.principal import Kind
from netd.secrets.credentials import Credential, Evidence, UnfitCredential, make_credential
from netd.secrets.private_files import PrivateFileError
from netd.secrets.token_file import (
    MOST_LINES,
    SECRET_BYTES,
    NoSuchToken,
    add_credential,
    add_token,
    remove_token,
    rotate_token,
)
from netd.secrets.tokens import TOKENS, Tokens, read_tokens
from tests.secrets.token_case import TokenTestCase

NOW = 1_700_000_000.0


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
        self.assertEqual(read_tokens(self.path), [Credential("panel", Role.OPERATOR, digest, ("session.>", "room.main.*"))])

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
            error = self.assertRaises(UnfitCredential, self.add, name, role, *subjects)
            self.assertIn(named, str(error))
        self.assertFalse(self.path.exists())

    def test_too_many(self) -> None:
        """The file cannot grow without end: each of its lines is looked at when it has changed."""
        self.write("".join(f"t{number} viewer {number:064x}\n" for number in range(MOST_LINES)))
        self.assertIn("as many as can be", str(self.assertRaises(PrivateFileError, self.add)))

    def test_at_once(self) -> None:
        """Two who add at the same moment both have their token afterwards."""
        threads = [threading.Thread(target=self.add, args=(f"t{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(self.named()), {f"t{number}" for number in range(8)})

    def test_unwritable(self) -> None:
        """Where nothing can be written, the error says where and why."""
        self.path.parent.write_text("a file, where a directory should be")
        self.assertIn(f"{self.path}: cannot be rewritten: ", str(self.assertRaises(PrivateFileError, self.add)))


class ProgramTests(TokenTestCase):
    def test_short(self) -> None:
        """The token of a program has 128 bits: a device's hello with it fits into the 127 bytes of the first dialect's frame."""
        text = add_token(self.path, "door-lock", "device", (), lambda size: bytes(range(size)))
        self.assertEqual(text, "netd_AAECAwQFBgcICQoLDA0ODw")
        self.assertEqual(self.path.read_text(), f"door-lock device {hashlib.sha256(text.encode()).hexdigest()}\n")

    def test_limits(self) -> None:
        """What a program may do, and until when, stands in its line, the options before the patterns."""
        text = add_token(
            self.path, "nightly", "command", ("command.>",), secrets.token_bytes, only=("backup", "report"), until=NOW + 0.4
        )
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.assertEqual(self.path.read_text(), f"nightly command {digest} only=backup,report until=1700000000 command.>\n")

    def test_certificate(self) -> None:
        """A certificate is added by the hash of its key, or by its name, once."""
        for name, digest, evidence, line in (
            ("bell", "a" * 64, Evidence.CERTIFICATE, f"bell device {'a' * 64} proof=certificate\n"),
            ("lamp", "-", Evidence.CA, "lamp device - proof=ca\n"),
        ):
            credential = make_credential(name, "device", digest, evidence=evidence)
            add_credential(self.path, credential)
            self.assertTrue(self.path.read_text().endswith(line))
            self.assertRaises(PrivateFileError, add_credential, self.path, credential)

    def test_same_key(self) -> None:
        """A key that another name has already is not added: the daemon could not read the file any more."""
        for name in ("bell", "lamp"):
            credential = make_credential(name, "device", "a" * 64, evidence=Evidence.CERTIFICATE)
            if name == "bell":
                add_credential(self.path, credential)
        self.assertIn("a second time", str(self.assertRaises(PrivateFileError, add_credential, self.path, credential)))
        self.assertEqual(list(self.named()), ["bell"])

    def test_copy(self) -> None:
        """The token goes into a file for its owner alone; the next one replaces it there."""
        copy = self.path.parent / "door-lock.token"
        self.path.parent.mkdir()
        text = add_token(self.path, "door-lock", "device", (), secrets.token_bytes, copy=copy)
        self.assertEqual((copy.read_text(), copy.stat().st_mode & 0o777), (f"{text}\n", 0o600))
        new = rotate_token(self.path, "door-lock", secrets.token_bytes, NOW, 0, copy=copy)
        self.assertEqual(copy.read_text(), f"{new}\n")

    def test_no_copy(self) -> None:
        """Where the copy cannot be written there is no token either: nobody would have it. Other files are not replaced."""
        self.path.parent.mkdir()
        other = self.path.parent / "thesis.txt"
        other.write_text("netdiffs and more")
        for copy, why in ((other, "holds something else than a token"), (self.path.parent / "no" / "where", "cannot be written")):
            error = self.assertRaises(
                PrivateFileError, add_token, self.path, "door-lock", "device", (), secrets.token_bytes, copy=copy
            )
            self.assertIn(f"{copy}: {why}", str(error))
        self.assertEqual((read_tokens(self.path), other.read_text()), ([], "netdiffs and more"))

    def test_no_token_no_copy(self) -> None:
        """Where the token cannot be added, the file of the copy stays as it was."""
        copy = self.path.parent / "door-lock.token"
        self.path.parent.mkdir()
        text = add_token(self.path, "door-lock", "device", (), secrets.token_bytes, copy=copy)
        self.assertRaises(PrivateFileError, add_token, self.path, "door-lock", "device", (), secrets.token_bytes, copy=copy)
        self.assertEqual(copy.read_text(), f"{text}\n")
        self.assertEqual(sorted(path.name for path in self.path.parent.iterdir()), ["door-lock.token", TOKENS])


class RotateTests(TokenTestCase):
    def test_rotate(self) -> None:
        """Another token with the same rights; the old one is good until the end of the overlap, however often that is done."""
        self.write("# for the hall\n")
        first = add_token(self.path, "bell", "device", ("relay.>",), secrets.token_bytes, sends=("lamp",))
        second = rotate_token(self.path, "bell", secrets.token_bytes, NOW, 3600.0)
        third = rotate_token(self.path, "bell", secrets.token_bytes, NOW + 60, 7200.0, until=NOW + 90_000)
        tokens = Tokens(self.path, lambda: NOW)
        found = [tokens.find(text) for text in (first, second, third)]
        self.assertEqual([one.until for one in found if one], [NOW + 3600, NOW + 7260, NOW + 90_000])
        self.assertEqual({one.rights for one in found if one}, {(Kind.DEVICE, Role.NOBODY, ("relay.>",), (), ("lamp",))})
        self.assertEqual(len(third), len(first))
        self.assertTrue(self.path.read_text().startswith("# for the hall\n"))

    def test_at_once(self) -> None:
        """Without an overlap the old ones are gone; so are those that have ended. Certificates of that name stay."""
        old = self.add("bell", "device")
        self.write(f"{self.path.read_text()}bell device {'a' * 64} proof=certificate\n")
        rotate_token(self.path, "bell", secrets.token_bytes, NOW, 60.0)
        rotate_token(self.path, "bell", secrets.token_bytes, NOW + 60, 60.0)
        self.assertIsNone(Tokens(self.path, lambda: NOW).find(old))
        new = rotate_token(self.path, "bell", secrets.token_bytes, NOW + 60, 0)
        self.assertEqual([one.evidence for one in read_tokens(self.path)], [Evidence.CERTIFICATE, Evidence.TOKEN])
        self.assertIsNotNone(Tokens(self.path, lambda: NOW).find(new))

    def test_unknown(self) -> None:
        """A name without a token has none to rotate."""
        self.assertRaises(NoSuchToken, rotate_token, self.path, "bell", secrets.token_bytes, NOW, 60.0)

    def test_remove_old(self) -> None:
        """What a rotation has replaced can be removed before its end; the newest token and all certificates stay."""
        old = self.add("bell", "device")
        self.write(f"{self.path.read_text()}bell device {'a' * 64} proof=certificate\n")
        new = rotate_token(self.path, "bell", secrets.token_bytes, NOW, 60.0)
        self.assertEqual(remove_token(self.path, "bell", is_old=True), 1)
        self.assertEqual(remove_token(self.path, "bell", is_old=True), 0)
        tokens = Tokens(self.path, lambda: NOW)
        self.assertIsNone(tokens.find(old))
        self.assertIsNotNone(tokens.find(new))
        self.assertIsNotNone(tokens.find_key("a" * 64))
        self.assertEqual(remove_token(self.path, "bell"), 2)


class RemoveTests(TokenTestCase):
    def test_remove(self) -> None:
        """A token that is taken away is unknown; the others, and the notes, stay."""
        self.write("# for the hall\n")
        gone, kept = self.add("gone"), self.add("kept")
        self.assertEqual(remove_token(self.path, "gone"), 1)
        tokens = Tokens(self.path)
        self.assertIsNone(tokens.find(gone))
        self.assertIsNotNone(tokens.find(kept))
        self.assertIn("# for the hall\n", self.path.read_text())

    def test_unknown(self) -> None:
        """Taking away what is not there changes nothing, and says so."""
        self.assertRaises(NoSuchToken, remove_token, self.path, "panel")
        self.assertFalse(self.path.exists())
        self.add()
        before = self.path.stat().st_ino
        self.assertRaises(NoSuchToken, remove_token, self.path, "pane")
        self.assertEqual(self.path.stat().st_ino, before)
