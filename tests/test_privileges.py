"""The user that netd runs as: who may start it, and whom it can become."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.control.directory import StateDirectoryUnusable
from netd.privileges import become, may_read, objection

NOBODY = next(account for account in pwd.getpwall() if account.pw_uid != 0)
"""An account that is not root's."""


class ObjectionTests(SynchronousTestCase):
    def test_root(self) -> None:
        """Root is refused, with what to write, unless the configuration says which user is meant; root may be meant, too."""
        self.assertIn("write `user = netd`", objection(None, 0))
        for user in ("root", NOBODY.pw_name):
            self.assertEqual("", objection(user, 0))

    def test_others(self) -> None:
        """Everybody else runs netd as what they are, and can become nobody else."""
        self.assertEqual("", objection(None, 1000))
        self.assertEqual("", objection(NOBODY.pw_name, NOBODY.pw_uid))
        self.assertIn("only root can become root", objection("root", 1000))

    def test_unknown(self) -> None:
        """A user that is not there is told, with how to make it."""
        self.assertIn("make it with `useradd --system netdd`", objection("netdd", 0))


class MayReadTests(SynchronousTestCase):
    def test_as_the_modes_say(self) -> None:
        """A file counts for its owner, its group and others, and so does each folder around it; root reads all."""
        folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, folder)
        file = folder / "netd.ini"
        file.touch()
        own, group = file.stat().st_uid, file.stat().st_gid
        other, elsewhere = (own or 1) + 1000, group + 1000
        cases = (
            (0o755, 0o644, (True, True, True)),
            (0o755, 0o640, (True, True, False)),
            (0o750, 0o644, (True, True, False)),
            (0o700, 0o644, (True, False, False)),
            (0o755, 0o600, (True, False, False)),
        )
        for around, mode, wanted in cases:
            folder.chmod(around)
            file.chmod(mode)
            found = tuple(may_read(file, uid, (one,)) for uid, one in ((own, group), (other, group), (other, elsewhere)))
            self.assertEqual(wanted, found, f"{around:o} {mode:o}")
            self.assertTrue(may_read(file, 0, ()))
        self.assertRaises(OSError, may_read, folder / "none", own, ())


class BecomeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.calls: list[tuple[object, ...]] = []
        for name in ("initgroups", "setgid", "setuid", "chown"):
            self.patch(os, name, lambda *arguments, name=name, **_: self.calls.append((name, *arguments)))

    def test_same_user(self) -> None:
        """Nothing is given up where nothing is wanted, or nothing is there to be given up; and nothing is made."""
        state = self.folder / "state"
        for user, uid in ((None, 0), ("root", 0), (NOBODY.pw_name, NOBODY.pw_uid)):
            self.patch(os, "geteuid", lambda uid=uid: uid)
            self.assertEqual(uid, become(user, state))
        self.assertEqual(([], False), (self.calls, state.exists()))

    def test_another(self) -> None:
        """Root makes the directory for the user, and then gives up its groups before itself."""
        self.patch(os, "geteuid", lambda: 0)
        owner = self.folder.stat().st_uid
        account = pwd.struct_passwd(("netd", "x", owner or 1, 77, "", "/", "/bin/false"))
        self.patch(pwd, "getpwnam", lambda _name: account)
        state = self.folder / "state"
        if owner:
            become("netd", state)
        else:  # os.chown is a fake here, so the directory is root's
            error = self.assertRaises(StateDirectoryUnusable, become, "netd", state)
            self.assertIn(f"run `chown -R netd: {state}`", str(error))
            self.calls += [("initgroups", "netd", 77), ("setgid", 77), ("setuid", 1)]
        self.assertEqual(0o700, state.stat().st_mode & 0o777)
        uid = account.pw_uid
        self.assertEqual([("chown", state, uid, 77), ("initgroups", "netd", 77), ("setgid", 77), ("setuid", uid)], self.calls)

    def test_directory_that_cannot_be(self) -> None:
        """A state directory that cannot be made is told, with the remedy."""
        self.patch(os, "geteuid", lambda: 0)
        (self.folder / "file").touch()
        error = self.assertRaises(StateDirectoryUnusable, become, NOBODY.pw_name, self.folder / "file" / "state")
        self.assertIn("Not a directory; choose another with `state_directory`", str(error))
