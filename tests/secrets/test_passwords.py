"""The password file: written by ``netd passwd``, read by the daemon, trusted only when it is private and whole."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.secrets.passwords import MAX_PASSWORD, PasswordEntry, make_entry, read_password_file, verify, weakness, write_entry
from netd.secrets.private_files import PrivateFileError

SALT = bytes(range(16))
SALT_TEXT = "AAECAwQFBgcICQoLDA0ODw=="
HASH_TEXT = "A" * 43 + "="


def cheap_entry(name: str, password: str) -> PasswordEntry:
    """An entry at the least cost that is accepted, so that tests are quick."""
    digest = hashlib.scrypt(password.encode(), salt=SALT, n=2**15, r=1, p=1, maxmem=2**26, dklen=32)
    return PasswordEntry(name, 2**15, 1, 1, SALT, digest)


class FileTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()

    def write(self, text: str | bytes, mode: int = 0o600) -> None:
        """Make the file with this content and mode."""
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        self.path.chmod(mode)

    def refusal(self) -> str:
        """Why the file is not read."""
        return str(self.assertRaises(PrivateFileError, read_password_file, self.path))


class EntryTests(SynchronousTestCase):
    def test_made_entry_verifies(self) -> None:
        """Whoever was given a password by `netd passwd` gets in with it, and with no other."""
        entries = {"operator": make_entry("operator", "open sesame", SALT)}
        self.assertTrue(verify(entries, "operator", "open sesame"))
        self.assertFalse(verify(entries, "operator", "open sesam"))

    def test_cost(self) -> None:
        """A stolen file is expensive to guess from: scrypt with N of at least 2**15."""
        entry = make_entry("operator", "open sesame", SALT)
        self.assertGreaterEqual(entry.n, 2**15)
        self.assertRegex(entry.to_line(), r"^operator:scrypt\$[0-9]+\$8\$3\$AAECAwQFBgcICQoLDA0ODw==\$[A-Za-z0-9+/]{43}=$")

    def test_composed_letters(self) -> None:
        """An accented letter is the same whether the terminal sends it as one character or as two."""
        entries = {"operator": cheap_entry("operator", "caf\u00e9")}
        self.assertTrue(verify(entries, "operator", "cafe\u0301"))

    def test_unknown_name_costs_as_much(self) -> None:
        """Names cannot be found out by the time that an answer takes: an unknown one is weighed with the cost of a known one."""
        entries = {"operator": cheap_entry("operator", "open sesame")}
        weighed = []

        def scrypt(_password: bytes, **cost: int) -> bytes:
            weighed.append((cost["n"], cost["r"], cost["p"]))
            return bytes(32)

        self.patch(hashlib, "scrypt", scrypt)
        verify(entries, "operator", "x")
        verify(entries, "nobody", "x")
        self.assertEqual([(2**15, 1, 1)] * 2, weighed)

    def test_unknown_name_is_refused(self) -> None:
        """An unknown name gets in with no password, not even with that of another."""
        entries = {"operator": cheap_entry("operator", "open sesame")}
        self.assertFalse(verify(entries, "nobody", "open sesame"))
        self.assertFalse(verify({}, "nobody", ""))

    def test_overlong_password_is_wrong(self) -> None:
        """A password that could not have been set is refused, however it begins."""
        longest = "x" * MAX_PASSWORD
        entries = {"operator": cheap_entry("operator", longest)}
        self.assertTrue(verify(entries, "operator", longest))
        self.assertFalse(verify(entries, "operator", longest + "x"))
        self.assertFalse(verify(entries, "operator", longest + "y" * 10_000))

    def test_hash_is_not_shown(self) -> None:
        """An entry that finds its way into a log or a traceback does not carry its hash there."""
        entry = cheap_entry("operator", "open sesame")
        self.assertNotIn("salt", repr(entry))
        self.assertNotIn("digest", repr(entry))

    def test_refused_names(self) -> None:
        """A name that would break the file, or hide in it, is refused with the rule."""
        for name in ("", "a:b", "two words", "-x", "#x", "a\nb", "x" * 65, "ö"):
            error = self.assertRaises(PrivateFileError, make_entry, name, "open sesame", SALT)
            self.assertIn("is not a login name: use 1 to 64", str(error))

    def test_refused_passwords(self) -> None:
        """A password that nobody could type, an empty one and an endless one are refused; the message does not repeat it."""
        for password, why in (("", "1 to 1024"), ("y" * 1025, "not 1025"), ("seven\x07", "control characters")):
            error = self.assertRaises(PrivateFileError, make_entry, "operator", password, SALT)
            self.assertIn(why, str(error))
            self.assertNotIn("seven", str(error))

    def test_weak(self) -> None:
        """Short ones, names, common words, rows of keys and repetitions are refused, with what would be better."""
        for password in (
            "",
            "Tr0ub4dor",
            "123456789 ",
            "password123",
            "P@ssw0rd2026!",
            "passwordpassword",
            "Passwort12345",
            "qwertzuiop",
            "0987654321",
            "abcdefghijklmno",
            "aaaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "ada.lovelace",
            "Ada.Lovelace1815",
            "ecalevol.ada",
            "administrator1",
            "letmein12345",
            "          x",
        ):
            why = weakness("ada.lovelace", password)
            self.assertIn("four things", why or "", password)
            self.assertNotIn(password or "-", why or "")

    def test_strong_enough(self) -> None:
        """Words that do not belong together are fine, in any script, and so is what a program has made."""
        for password in (
            "open sesame",
            "geheim und lang",
            "correct horse",
            "zQ8#vK2m!x",
            "ключ от сарая",
            "lampe tisch 7 fenster",
            "x1-passw0rd-fields",
        ):
            self.assertIsNone(weakness("ada", password), password)

    def test_quick(self) -> None:
        """The longest password is judged as soon as any other."""
        began = time.process_time()
        for password in ("a" * MAX_PASSWORD, "ab" * (MAX_PASSWORD // 2), "abcdefghij" * 100):
            weakness("ada", password)
        self.assertLess(time.process_time() - began, 1.0)

    def test_short_salt(self) -> None:
        """A program that forgets the salt is told so."""
        self.assertIn("16 bytes", str(self.assertRaises(PrivateFileError, make_entry, "operator", "open sesame", b"")))


class ReadTests(FileTestCase):
    def test_no_file(self) -> None:
        """Without a file, the message names it and the command that makes it."""
        self.assertEqual(f"{self.path}: there is no password file: run `netd passwd NAME --file {self.path}`", self.refusal())

    def test_remedy_can_be_pasted(self) -> None:
        """The command names the daemon's own file, wherever the person stands and whatever its directory is called."""
        self.path = Path(self.mktemp()) / "my state" / "manhole.passwd"
        self.assertIn(f"run `netd passwd NAME --file '{self.path.absolute()}'`", self.refusal())
        self.path.parent.mkdir(parents=True)
        self.write("", 0o644)
        self.assertIn(f"run `chmod 600 '{self.path.absolute()}'`", self.refusal())

    def test_open_to_others(self) -> None:
        """A file that other users may read or write is not trusted, whichever the permission; the remedy can be pasted."""
        for mode in (0o640, 0o604, 0o620, 0o601):
            self.write("", mode)
            self.assertEqual(f"{self.path}: is open to other users: run `chmod 600 {self.path}`", self.refusal())

    def test_not_a_file(self) -> None:
        """A directory or a pipe in its place is refused, at once."""
        self.path.mkdir()
        self.assertIn(f"{self.path}: ", self.refusal())
        self.path.rmdir()
        os.mkfifo(self.path, 0o600)
        self.assertIn("is not a regular file", self.refusal())

    def test_empty(self) -> None:
        """A file in which nobody stands is as bad as none."""
        self.write("# nobody yet\n\n")
        self.assertIn("holds no names", self.refusal())

    def test_too_long(self) -> None:
        """Pointed at a log file, netd does not read all of it."""
        self.write(b"#" * (2**20 + 1))
        self.assertIn("is no password file", self.refusal())

    def test_bad_lines(self) -> None:
        """Every bad line is named by file and line, with what is wrong and what to do; its content stays secret."""
        good = cheap_entry("operator", "open sesame").to_line()
        bad = {
            "operator": "is not of the form",
            "operator:$6$abc$def": "is not of the form",
            "two words:scrypt$32768$8$1$x$y": "is not of the form",
            f"a:bcrypt$32768$8$1${SALT_TEXT}${HASH_TEXT}": "is not hashed with scrypt",
            f"a:scrypt$many$8$1${SALT_TEXT}${HASH_TEXT}": "has a cost that is not a number",
            f"a:scrypt$16384$8$1${SALT_TEXT}${HASH_TEXT}": "has a cost outside the limits",
            f"a:scrypt$40000$8$1${SALT_TEXT}${HASH_TEXT}": "has a cost outside the limits",
            f"a:scrypt$32768$0$1${SALT_TEXT}${HASH_TEXT}": "has a cost outside the limits",
            f"a:scrypt$32768$8$0${SALT_TEXT}${HASH_TEXT}": "has a cost outside the limits",
            f"a:scrypt$32768$8$17${SALT_TEXT}${HASH_TEXT}": "has a cost outside the limits",
            f"a:scrypt$536870912$8$1${SALT_TEXT}${HASH_TEXT}": "has a cost outside the limits",
            f"a:scrypt$32768$8$1$*${HASH_TEXT}": "is not Base64",
            f"a:scrypt$32768$8$1$AAAA${HASH_TEXT}": "of the wrong length",
            f"a:scrypt$32768$8$1${SALT_TEXT}$AAAA": "of the wrong length",
        }
        self.write("\n".join([good, *bad]) + "\n")
        said = self.refusal().splitlines()
        self.assertEqual(len(bad), len(said))
        for number, (line, why) in enumerate(zip(said, bad.values(), strict=True), 2):
            self.assertTrue(line.startswith(f"{self.path}:{number}: "), line)
            self.assertIn(why, line)
            self.assertIn(f"run `netd passwd NAME --file {self.path}`", line)
            self.assertNotIn("AAAA", line)

    def test_name_given_twice(self) -> None:
        """Of two lines with one name nobody can tell which counts: the second is named."""
        line = cheap_entry("operator", "open sesame").to_line()
        self.write(f"{line}\n{line}\n")
        self.assertEqual(f"{self.path}:2: operator stands here a second time: remove one of the two lines", self.refusal())

    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=200))
    def test_any_bytes(self, content: bytes) -> None:
        """Whatever is in the file, the answer is entries or an explanation, never a traceback."""
        self.write(content)
        self.assertTrue(self.refusal())


class WriteTests(FileTestCase):
    def test_new_file(self) -> None:
        """The first `netd passwd` makes the file, private, with its directory; the daemon reads what it wrote."""
        self.path = self.path / "state" / "manhole.passwd"
        entry = cheap_entry("operator", "open sesame")
        write_entry(self.path, entry)
        self.assertEqual(0o600, self.path.stat().st_mode & 0o777)
        self.assertEqual({"operator": entry}, read_password_file(self.path))

    def test_second_name(self) -> None:
        """A further name joins the first; comments stay."""
        first, second = cheap_entry("first", "a"), cheap_entry("second", "b")
        self.write(f"# who may log in\n{first.to_line()}\n")
        write_entry(self.path, second)
        self.assertEqual({"first": first, "second": second}, read_password_file(self.path))
        self.assertIn("# who may log in\n", self.path.read_text())

    def test_changed_password(self) -> None:
        """A changed password takes the place of the old one, even where that stood there twice; others keep theirs."""
        old, other, new = cheap_entry("operator", "old"), cheap_entry("other", "x"), cheap_entry("operator", "new")
        self.write(f"{old.to_line()}\n{other.to_line()}\n{old.to_line()}\n")
        write_entry(self.path, new)
        self.assertEqual(f"{new.to_line()}\n{other.to_line()}\n", self.path.read_text())

    def test_too_open_file_becomes_private(self) -> None:
        """Writing into a file that others could read closes it to them."""
        self.write("", 0o644)
        write_entry(self.path, cheap_entry("operator", "x"))
        self.assertEqual(0o600, self.path.stat().st_mode & 0o777)

    def test_behind_a_link(self) -> None:
        """Where the file is a link, what it points to is rewritten, and the link stays."""
        target = self.path.with_name(f"{self.path.name}.target")
        self.path.symlink_to(target)
        write_entry(self.path, cheap_entry("operator", "x"))
        self.assertTrue(self.path.is_symlink())
        self.assertIn("operator", read_password_file(target))

    def test_nothing_left_behind(self) -> None:
        """When writing fails, the old file is whole and no draft with hashes lies about."""
        self.path.mkdir()
        path = self.path / "manhole.passwd"
        before = cheap_entry("operator", "old")
        write_entry(path, before)

        def fail(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        self.patch(os, "fsync", fail)
        error = self.assertRaises(PrivateFileError, write_entry, path, cheap_entry("operator", "new"))
        self.assertIn("No space left on device", str(error))
        self.assertEqual({"operator": before}, read_password_file(path))
        self.assertEqual([path], list(self.path.iterdir()))

    def test_unreadable_old_file(self) -> None:
        """What is no text is not overwritten."""
        self.write(b"\xff\xfe")
        self.assertIn(
            "cannot be rewritten", str(self.assertRaises(PrivateFileError, write_entry, self.path, cheap_entry("a", "b")))
        )
        self.assertEqual(b"\xff\xfe", self.path.read_bytes())

    def test_written_by_root(self) -> None:
        """Root's `netd passwd` leaves a file that the daemon's own user can read."""
        given_away = []
        self.patch(os, "geteuid", lambda: 0)
        self.patch(os, "fchown", lambda _descriptor, uid, gid: given_away.append((uid, gid)))
        write_entry(self.path, cheap_entry("operator", "x"))
        owner = self.path.parent.stat()
        self.assertEqual([(owner.st_uid, owner.st_gid)], given_away)

    def test_written_by_another(self) -> None:
        """Anyone else's file simply is theirs."""
        self.patch(os, "geteuid", lambda: 1000)
        self.patch(os, "fchown", lambda *_: self.fail("nobody else may give files away"))
        write_entry(self.path, cheap_entry("operator", "x"))
        self.assertIn("operator", read_password_file(self.path))
