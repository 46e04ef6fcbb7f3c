"""What the configuration believes of the operating system's listeners, tried on real sockets; none of them is connected to."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from netd.config.descriptions import addresses, ipv6_takes_ipv4


class WildcardTests(SynchronousTestCase):
    def test_collisions_are_those_of_the_system(self) -> None:
        """A pair of wildcards is refused by the configuration exactly where the second could not be had."""
        port = self.bound("127.0.0.1", 0).getsockname()[1]
        if socket.has_ipv6 and self.can_bind("::1", 0):
            is_free = self.can_bind("::", port)
            (_, first), (_, second) = addresses((f"tcp:{port}:interface=127.0.0.1", f"tcp6:{port}"), ipv6_takes_ipv4())
            self.assertEqual(is_free, not first.collides_with(second))
        else:
            self.assertIn(ipv6_takes_ipv4(), (False, True))

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
