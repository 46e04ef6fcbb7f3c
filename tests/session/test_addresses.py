"""Tests of ``netd.session.addresses``: whom netd dials, and whom it never does."""

from __future__ import annotations

import contextlib
from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import InvalidArguments
from netd.session.addresses import AllowList, Forbidden, parse_host, peer_address


class HostTests(SynchronousTestCase):
    def test_addresses(self) -> None:
        """An address in its usual form is taken as one."""
        for text in ("127.0.0.1", "10.0.0.5", "255.1.0.9", "::1", "fd00::5", "0:0:0:0:0:0:0:1"):
            self.assertEqual(parse_host(f" {text} "), ip_address(text))

    def test_names(self) -> None:
        """A host name is taken as one, to be looked up."""
        for text in (
            "localhost",
            "pi",
            "pi.lab.example",
            "pi-4.lab.example.",
            "3com.example",
            "_x.example",
            "xn--bcher-kva.example",
        ):
            self.assertEqual(parse_host(text), text)

    def test_disguises(self) -> None:
        """What a resolver would take for an address, in decimal, octal, hexadecimal or shortened, is refused as such."""
        for text in (
            "2130706433", "0x7f000001", "0x7f.0.0.1", "0X7F.1", "0177.0.0.1", "127.1", "127.0.1", "0", "1.2.3.4.5", "127.0.0.01",
            "127.0.0.1.", "0x", "10.0.0.0x5", "١٢٧.0.0.1",
        ):  # fmt: skip
            self.assertIn("host: ", str(self.assertRaises(InvalidArguments, parse_host, text)), text)

    def test_nonsense(self) -> None:
        """What is neither name nor address is refused, quoted."""
        for text in (
            "", " ", "a b", "a/b", "a..b", "-a", "a-",
            "a@b", "pi:10001", "[::1]", "fe80::1%eth0", "1::2::3", "256.0.0.1", "é",
            "a" * 64, ".".join(["a" * 60] * 5), "a\x00",
        ):  # fmt: skip
            self.assertRaises(InvalidArguments, parse_host, text)

    @given(st.text())
    def test_anything(self, text: str) -> None:
        """Any text is an address, a name, or refused."""
        with contextlib.suppress(InvalidArguments):
            parse_host(text)


def allows(networks: str, address: str) -> bool:
    """Whether a list of *networks* lets *address* through."""
    return AllowList([ip_network(network) for network in networks.split()]).allows(ip_address(address))


class AllowListTests(SynchronousTestCase):
    def test_listed(self) -> None:
        """Only addresses in a listed network are dialled, of the same family."""
        self.assertTrue(allows("10.0.0.0/8 192.168.1.7", "10.200.0.1"))
        self.assertTrue(allows("10.0.0.0/8 192.168.1.7", "192.168.1.7"))
        self.assertTrue(allows("fd00::/8", "fd00::5"))
        self.assertFalse(allows("10.0.0.0/8 192.168.1.7", "192.168.1.8"))
        self.assertFalse(allows("10.0.0.0/8", "fd00::5"))
        self.assertFalse(allows("", "10.0.0.5"))

    def test_this_machine_only_when_listed(self) -> None:
        """A list that says everywhere does not say this machine, nor this link: those need an entry of their own."""
        for address in ("127.0.0.1", "127.8.8.8", "169.254.169.254", "::1", "fe80::1"):
            self.assertFalse(allows("0.0.0.0/0 ::/0", address), address)
        self.assertTrue(allows("127.0.0.0/8", "127.0.0.1"))
        self.assertTrue(allows("127.0.0.1", "127.0.0.1"))
        self.assertFalse(allows("127.0.0.1", "127.0.0.2"))
        self.assertTrue(allows("::1", "::1"))
        self.assertTrue(allows("169.254.7.0/24", "169.254.7.1"))
        self.assertFalse(allows("169.254.0.0/15", "169.254.7.1"))

    def test_disguises(self) -> None:
        """An IPv4 address inside of an IPv6 one gets nowhere, whatever the list says of IPv6."""
        for address in ("::ffff:127.0.0.1", "::ffff:10.0.0.5", "::127.0.0.1", "::ffff:0:127.0.0.1"):
            self.assertFalse(allows(f"0.0.0.0/0 10.0.0.0/8 127.0.0.0/8 ::/0 ::/96 {address}", address), address)
        for address in ("64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "64:ff9b:1::1"):
            self.assertFalse(allows("::/0", address), address)
        self.assertTrue(allows("64:ff9b::/96", "64:ff9b::a00:5"))

    def test_no_machine(self) -> None:
        """Addresses of no machine, or of many, are never dialled."""
        for address in ("0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "ff02::1"):
            self.assertFalse(allows(f"0.0.0.0/0 ::/0 {address}", address), address)

    def test_says_why(self) -> None:
        """A refusal names the address, the reason, and what would allow it."""
        refuse = AllowList([ip_network("0.0.0.0/0")]).check
        loopback = str(self.assertRaises(Forbidden, refuse, ip_address("127.0.0.1")))
        self.assertIn("127.0.0.1 (this machine itself, which only an entry within 127.0.0.0/8 allows)", loopback)
        self.assertIn("`agents`", str(self.assertRaises(Forbidden, refuse, ip_address("fd00::1"))))
        self.assertIn("never dialled", str(self.assertRaises(Forbidden, refuse, ip_address("0.0.0.0"))))


class PeerTests(SynchronousTestCase):
    def test_peers(self) -> None:
        """An agent that connects over a socket for both families has the address that it was dialled at."""
        self.assertEqual(peer_address("::ffff:10.0.0.5"), ip_address("10.0.0.5"))
        self.assertEqual(peer_address("10.0.0.5"), ip_address("10.0.0.5"))
        self.assertEqual(peer_address("fd00::5%eth0"), ip_address("fd00::5"))
        self.assertIsNone(peer_address(""))
