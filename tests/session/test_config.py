"""Tests of ``netd.session.config``: what can be written, and what is said of mistakes."""

from __future__ import annotations

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from netd.session.config import Config, address, channels, networks


class ParserTests(SynchronousTestCase):
    def test_networks(self) -> None:
        """Networks and single addresses, of both families."""
        self.assertEqual(
            networks("10.0.0.0/8, 192.168.1.7,fd00::/8"), tuple(map(ip_network, ("10.0.0.0/8", "192.168.1.7/32", "fd00::/8")))
        )

    def test_bad_networks(self) -> None:
        """A network that is none is quoted, with how to write one."""
        for text in ("10.0.0.1/8", "lab", "10.0.0.0/33", "10.0.0.0/8,,", "0177.0.0.1"):
            self.assertIn("192.168.1.0/24", str(self.assertRaises(ValueError, networks, text)), text)

    def test_channels(self) -> None:
        """Names, with or without label and unit."""
        expected = (
            ("x", "Heart rate", "bpm"),
            ("y", "", ""),
            ("z", "Height", ""),
            ("temp-1", "Temperature", "°C"),
            ("w", "", "V"),
        )
        self.assertEqual(channels("x:Heart rate [bpm], y, z: Height , temp-1 : Temperature[°C], w:[V]"), expected)

    def test_bad_channels(self) -> None:
        """What cannot be a channel is quoted, with the reason."""
        for text, why in (
            ("x y", "'x y' is not a channel"),
            ("x:a [b] c", "is not a channel"),
            ("x,x", "channel x is given twice"),
            ("x,,y", "'' is not a channel"),
            ("x,e", "channel e"),
            ("s", "neither s"),
            ("X", "lower-case"),
            ("5", "lower-case"),
            ("temp", "0 channels of one letter"),
            ("a,b,c,d,f,g,h,i,j,k", "10 channels of one letter"),
        ):
            self.assertIn(why, str(self.assertRaises(ValueError, channels, text)), text)

    def test_address(self) -> None:
        """An address to dial from is an address."""
        self.assertEqual(address("10.0.0.1"), "10.0.0.1")
        self.assertIn("'lab'", str(self.assertRaises(ValueError, address, "lab")))

    def test_defaults(self) -> None:
        """As it comes, netd dials this machine and nobody else, and listens on it alone."""
        config = Config()
        self.assertEqual((config.agents, config.agent_port), ((ip_network("127.0.0.0/8"),), 10001))
        self.assertEqual((config.listen, config.accept_unsolicited), (("loopback:10000",), False))
