"""What the configuration believes of the operating system's listeners, tried on real sockets; none of them is connected to."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from netd.config.descriptions import ipv6_takes_ipv4


class WildcardTests(SynchronousTestCase):
    def test_ipv6_takes_ipv4(self) -> None:
        """Two wildcards on one port are refused by the configuration exactly where the system would refuse the second."""
        port = self.bound("127.0.0.1", 0).getsockname()[1]
        self.assertEqual(self.can_bind("::", 0) and not self.can_bind("::", port), ipv6_takes_ipv4())

    def can_bind(self, host: str, port: int) -> bool:
        """Whether the system lets a socket have that address."""
        try:
            self.bound(host, port)
        except OSError:
            return False
        return True

    def bound(self, host: str, port: int) -> socket.socket:
        """A socket with that address, which nobody can connect to."""
        made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.addCleanup(made.close)
        made.bind((host, port))
        return made
