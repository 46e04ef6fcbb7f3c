"""Files that hold secrets; what is particular to passwords and to tokens is tested with these."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.secrets.private_files import PrivateFileError, locked, read_private, replace


class PrivateFileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()
        self.path.write_text("secret")
        self.path.chmod(0o600)

    def test_read(self) -> None:
        """What is private is read; a byte that is no text spoils itself alone."""
        self.path.write_bytes(b"a\xffb")
        self.assertEqual(read_private(self.path, "thing", "make one"), "a\ufffdb")

    def test_owner(self) -> None:
        """What another user could rewrite at will is not trusted; what root or the daemon's own user made is."""
        owner = self.path.stat().st_uid
        for uid, is_read in ((owner, True), (owner + 1, owner == 0)):
            self.patch(os, "geteuid", lambda uid=uid: uid)
            if is_read:
                self.assertEqual(read_private(self.path, "thing", "make one"), "secret")
            else:
                self.assertRaises(PrivateFileError, read_private, self.path, "thing", "make one")

    def test_credential_of_systemd(self) -> None:
        """A file that systemd has handed over is read, though its list of users shows as the mode of a group."""
        self.path.chmod(0o640)
        self.assertRaises(PrivateFileError, read_private, self.path, "thing", "make one")
        self.patch(os, "environ", {"CREDENTIALS_DIRECTORY": str(self.path.parent)})
        self.assertEqual(read_private(self.path, "thing", "make one"), "secret")

    def test_foreign_owner(self) -> None:
        """The remedy names both users."""
        status = os.stat_result([0o100600, 0, 0, 1, 1001, 1001, 0, 0, 0, 0])
        self.patch(os, "fstat", lambda _descriptor: status)
        self.patch(os, "geteuid", lambda: 1000)
        error = self.assertRaises(PrivateFileError, read_private, self.path, "thing", "make one")
        self.assertIn(f"belongs to another user (uid 1001; this is 1000): run `chown 1000 {self.path}`", str(error))

    def test_missing(self) -> None:
        """Whether there must be one is for others to say."""
        self.path.unlink()
        self.assertRaises(FileNotFoundError, read_private, self.path, "thing", "make one")

    def test_unreadable(self) -> None:
        """Trouble of another kind says where."""
        error = self.assertRaises(PrivateFileError, read_private, self.path / "below", "thing", "make one")
        self.assertIn("below: cannot be read: Not a directory", str(error))

    def test_not_permitted(self) -> None:
        """Whoever may not read it is told of `sudo`, and how netd's user would be let in."""
        self.path.chmod(0o000)
        uid = os.geteuid() or 7
        if os.geteuid() == 0:
            os.seteuid(uid)
            self.addCleanup(os.seteuid, 0)
        error = self.assertRaises(PrivateFileError, read_private, self.path, "thing", "make one")
        told = (
            f"cannot be read: this user (uid {uid}) may not: use `sudo`; or, if it is netd's user, run `chown {uid} {self.path}`"
        )
        self.assertIn(told, str(error))

    def test_replace_fails(self) -> None:
        """A file that cannot be replaced stays as it was, and no draft is left."""
        self.assertRaises(UnicodeEncodeError, replace, self.path, "\udc80")
        self.assertEqual(self.path.read_text(), "secret")
        self.assertEqual([path for path in self.path.parent.iterdir() if path.name.startswith(f".{self.path.name}")], [])

    def test_lock(self) -> None:
        """The lock is let go of in any case."""
        for _again in range(2):
            try:
                with locked(self.path):
                    raise ZeroDivisionError
            except ZeroDivisionError:
                pass
