"""What ``netd check`` says of endpoints that cannot be listened on, on this machine."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.config.foresight import LONGEST_PATH, objection


class AddressTests(SynchronousTestCase):
    def test_good(self) -> None:
        """What can be listened on is good, also by name; so is a port that somebody has already, and what only shows later."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            for description in (
                f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1",
                "tcp:7001",
                "tcp:7001:interface=localhost",
                "loopback:7001",
                "haproxy:tcp:7001:interface=127.0.0.1",
                "systemd:domain=INET:name=relay",
            ):
                self.assertEqual("", objection(description), description)

    def test_no_such_address(self) -> None:
        """An address that the machine does not have is told, with the way to see those that it has."""
        why = objection("tcp:7001:interface=203.0.113.77")
        self.assertEqual(
            "tcp:7001:interface=203.0.113.77: this machine has no address 203.0.113.77; `ip address` shows those that it has", why
        )
        self.assertIn("no address 2001:db8::7", objection(r"tcp6:7001:interface=2001\:db8\:\:7"))
        self.assertIn("there is no network interface nowhere0", objection(r"tcp6:7001:interface=fe80\:\:1%nowhere0"))

    def test_name_of_an_interface(self) -> None:
        """The name of a network interface is no address of it, and is told apart from other names that mean nothing."""
        name = socket.if_nameindex()[0][1]
        self.assertIn(f"{name} is a network interface: write its address", objection(f"tcp:7001:interface={name}"))
        self.assertIn("there is no address of the name 'no.invalid'", objection("tcp:7001:interface=no.invalid"))


class PathTests(SynchronousTestCase):
    def test_long(self) -> None:
        """The system takes no longer path than its address of a unix socket has room for."""
        longest = "/" + "x" * (LONGEST_PATH - 1)
        with socket.socket(socket.AF_UNIX) as found:
            self.assertRaises(ConnectionRefusedError if os.path.lexists(longest) else FileNotFoundError, found.connect, longest)
            self.assertRaisesRegex(OSError, "too long", found.connect, f"{longest}x")
        self.assertEqual("", objection(f"unix:{longest}"))
        self.assertIn(f"its path has {LONGEST_PATH + 1} bytes, and that of a unix socket at most", objection(f"unix:{longest}x"))
        self.assertIn("choose a shorter one", objection(f"unix:/{'x' * 300}/a.sock"))

    def test_paths(self) -> None:
        """A unix socket needs a directory to be in, and nothing else in its way."""
        folder = Path(tempfile.mkdtemp(prefix="netd-"))  # short: it holds a unix socket
        self.addCleanup(shutil.rmtree, folder)
        self.assertEqual("", objection(f"unix:{folder}/a.sock"))
        self.assertIn(f"there is no directory {folder}/b: make it", objection(f"unix:{folder}/b/a.sock"))
        (folder / "a.sock").write_text("")
        self.assertIn("is there already, and is no socket: move it away", objection(f"unix:{folder}/a.sock"))
        (folder / "a.sock").unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(f"{folder}/a.sock")
            self.assertEqual("", objection(f"unix:{folder}/a.sock"))
