"""Tests of :mod:`netd.cli.passwd`."""

from __future__ import annotations

from pathlib import Path

from netd.secrets.passwords import read_password_file, verify
from tests.cli.fakes import CommandTests


class PasswdTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.state = Path(self.mktemp()).absolute()
        self.file = self.state / "manhole.passwd"

    def test_asked(self) -> None:
        """The password is asked for twice, never shown, and opens the manhole afterwards; nobody else can read the file."""
        result = self.netd("--state", str(self.state), "passwd", "ada", input="s3cret words\ns3cret words\n")
        self.assertEqual((result.exit_code, result.stdout), (0, f"the password of ada is set in {self.file}\n"))
        self.assertNotIn("s3cret", result.output)
        self.assertEqual(self.state.stat().st_mode & 0o777, 0o700)
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        self.assertTrue(verify(read_password_file(self.file), "ada", "s3cret words"))

    def test_says_where(self) -> None:
        """The whole path is told, so that nobody wonders whose file was written."""
        file = Path(self.mktemp())
        result = self.netd("passwd", "ada", "--file", str(file), "--stdin", input="s3cret words\n")
        self.assertEqual(result.stdout, f"the password of ada is set in {file.absolute()}\n")

    def test_removed(self) -> None:
        """A name is removed, and the others stay, with the notes between them; one that is not there is not found."""
        for name in ("ada", "bob"):
            self.netd("--state", str(self.state), "passwd", name, "--stdin", input="s3cret words\n")
        result = self.netd("--state", str(self.state), "passwd", "ada", "--remove")
        self.assertEqual((result.exit_code, result.stdout), (0, f"ada is removed from {self.file}\n"))
        self.assertEqual(list(read_password_file(self.file)), ["bob"])
        result = self.netd("--state", str(self.state), "passwd", "ada", "--remove")
        self.assertEqual((result.exit_code, result.stderr), (3, f"Error: {self.file}: there is no name 'ada'\n"))
        result = self.netd("passwd", "ada", "--remove", "--file", str(self.file / "x"))
        self.assertEqual((result.exit_code, "cannot be rewritten" in result.stderr), (1, True))

    def test_mistyped(self) -> None:
        """Two different passwords are asked for again."""
        result = self.netd("--state", str(self.state), "passwd", "ada", input="one\ntwo\nthree chairs\nthree chairs\n")
        self.assertEqual(result.exit_code, 0)
        self.assertTrue(verify(read_password_file(self.file), "ada", "three chairs"))

    def test_stdin(self) -> None:
        """A script hands the password over on standard input: one line, without its end."""
        for line in ("s3cret words \n", "s3cret words \r\n", "s3cret words "):
            file = self.state / "other"
            result = self.netd("passwd", "ada", "--file", str(file), "--stdin", input=line)
            self.assertEqual(result.exit_code, 0, result.output)
            self.assertTrue(verify(read_password_file(file), "ada", "s3cret words "))

    def test_refused(self) -> None:
        """A name or a password that could not be used to log in is refused with the reason, and nothing is written."""
        for name, line, said in [
            ("a:b", "x\n", "not a login name"),
            ("ada", "\n", "1 to"),
            ("ada", "", "has ended before"),
            ("ada", "short\n", "has at least 10 characters, and this one has 5"),
            ("ada", "password1234\n", "is easy to guess"),
        ]:
            result = self.netd("--state", str(self.state), "passwd", name, "--stdin", input=line)
            self.assertEqual(result.exit_code, 1)
            self.assertIn(said, result.stderr)
        self.assertFalse(self.file.exists())
