"""Where netd keeps its state: the daemon and the command line must agree."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.paths import CONTROL_SOCKET, packaged, state_directory


class StateDirectoryTests(SynchronousTestCase):
    def test_order(self) -> None:
        """The user's own word wins, then systemd's first directory, then the custom of the system."""
        home = {"HOME": "/home/kim"}
        for environ, uid, wanted in (
            ({"NETD_STATE_DIRECTORY": "/srv/netd", "STATE_DIRECTORY": "/var/lib/other"}, 1000, "/srv/netd"),
            ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "XDG_STATE_HOME": "/x"}, 1000, "/var/lib/a"),
            ({"STATE_DIRECTORY": "/var/lib/a"}, 0, "/var/lib/a"),
            (home, 0, "/var/lib/netd"),
            ({**home, "XDG_STATE_HOME": "/x"}, 1000, "/x/netd"),
            (home, 1000, "/home/kim/.local/state/netd"),
            ({"USERPROFILE": "/Users/kim"}, -1, "/Users/kim/.local/state/netd"),  # Windows
            ({}, 1000, "/.local/state/netd"),
        ):
            self.assertEqual(Path(wanted), state_directory(environ, uid), (environ, uid))

    def test_empty_is_unset(self) -> None:
        """A variable that is set to nothing is as good as none."""
        environ = {"NETD_STATE_DIRECTORY": "", "STATE_DIRECTORY": "", "XDG_STATE_HOME": "", "HOME": "/home/kim"}
        self.assertEqual(Path("/home/kim/.local/state/netd"), state_directory(environ, 1000))
        self.assertEqual(Path("/var/lib/netd"), state_directory(environ, 0))

    def test_socket(self) -> None:
        """The control socket has the name that the documentation gives."""
        self.assertEqual("control.sock", CONTROL_SOCKET)


class PackagedTests(SynchronousTestCase):
    def test_checkout(self) -> None:
        """In a checkout the packaged files are those of ``etc/``."""
        self.assertEqual(Path(__file__).parent.parent / "etc" / "netd.ini", packaged("netd.ini"))
