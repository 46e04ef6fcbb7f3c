"""A real daemon that gives root up, where root runs the tests; else one that stays what it is."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from tests.process import LOOPBACK, RealTestCase

ME = pwd.getpwuid(os.geteuid())

USER = pwd.getpwnam("nobody") if ME.pw_uid == 0 else ME

PORT = "505" if ME.pw_uid == 0 else "0"
"""A low port, which only root can bind."""


class PrivilegesTests(RealTestCase):
    def test_becomes_the_user(self) -> None:
        """Bound as root, everything else is the user's: process, groups, state directory, and a file of tokens is read."""
        self.folder.chmod(0o711)
        relay = f"[relay]\nlisten = tcp:{PORT}:interface=127.0.0.1\n"
        ini = self.write_ini(f"user = {USER.pw_name}\n{relay}[gateway]\nlisten = {LOOPBACK}\n")
        self.state.mkdir(mode=0o700)
        os.chown(self.state, USER.pw_uid, USER.pw_gid)
        command = "from netd.cli.main import main; main()"
        made = self.run_python("-c", command, "--state", self.state, "token", "add", "ops", "--role", "admin")
        self.assertEqual(0, made.returncode, made.stderr)
        daemon = self.start(ini, env={"NETD_USER": ""})
        daemon.port()
        status = Path(f"/proc/{daemon.process.pid}/status").read_text(encoding="utf-8")
        uid, gid = USER.pw_uid, USER.pw_gid
        self.assertIn(f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\n", status)
        self.assertEqual({uid}, {path.stat().st_uid for path in [self.state, *self.state.iterdir()]})
        used = daemon.call("system.status")["usage"]
        self.assertGreater(used["memory"], 1 << 20)
        self.assertNotIn("There are no tokens", daemon.output)
        self.assertEqual(0, daemon.stop(), daemon.output)

    def test_refused(self) -> None:
        """Root without a word is refused with status 78, and told what to write; a user that is not there is refused, too."""
        user = "" if ME.pw_uid == 0 else "user = nosuchuser\n"
        done = self.twistd("-n", "--pidfile=", "netd", "-c", self.write_ini(user), env={"NETD_USER": ""})
        self.assertEqual(78, done.returncode)
        self.assertIn("[netd] user", done.stderr)
        self.assertFalse(self.state.exists())
