"""Tests of ``netd.relay.target``."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.relay.target import MalformedTarget, Target, address_text, parse_target, plain_host


class ParseTargetTests(SynchronousTestCase):
    """What a controller writes into a target field, and the device that it means."""

    def test_every_spelling_of_an_address(self) -> None:
        """An address copied out of a list is understood, however the controller cut and quoted it."""
        spellings = [
            "('127.0.0.1', 50412)",
            "'127.0.0.1', 50412",
            "127.0.0.1,50412",
            "127.0.0.1:50412",
            '("127.0.0.1", 50412)',
            " ( '127.0.0.1' ,50412 ",
            "('127.0.0.1', 50412),",
            "127.0.0.1 : 50412",
        ]
        for spelling in spellings:
            self.assertEqual(parse_target(spelling.encode().ljust(64)).address, ("127.0.0.1", 50412), spelling)

    def test_ipv6_addresses(self) -> None:
        """A device that came over IPv6 can be named, with and without Python's flow and scope."""
        for spelling in ("('::1', 50412, 0, 0)", "('::1', 50412)", "[::1]:50412", "::1,50412"):
            self.assertEqual(parse_target(spelling.encode()).address, ("::1", 50412), spelling)

    def test_mapped_ipv4_is_ipv4(self) -> None:
        """A device is called by one address, whichever socket family it was accepted on."""
        self.assertEqual(parse_target(b"('::ffff:10.0.0.7', 99)").address, ("10.0.0.7", 99))
        self.assertEqual(plain_host("::ffff:10.0.0.7"), "10.0.0.7")
        self.assertEqual(plain_host("::1"), "::1")

    def test_names_are_no_addresses(self) -> None:
        """A name stays a name."""
        self.assertEqual(parse_target(b"greenhouse".ljust(64)), Target("greenhouse", None))

    def test_nothing_to_name(self) -> None:
        """A field that cannot name anything says why."""
        for text, why in ((b" " * 64, "empty"), (b"\xff" * 64, "UTF-8"), (b"a\x00b", "control"), (b"\x1b[2J", "control")):
            error = self.assertRaises(MalformedTarget, parse_target, text)
            self.assertIn(why, str(error))

    @given(st.binary(max_size=80))
    def test_arbitrary_bytes(self, text: bytes) -> None:
        """Whatever is written, it names something or is malformed."""
        try:
            target = parse_target(text)
        except MalformedTarget:
            return
        self.assertTrue(target.text)

    @given(st.ip_addresses(v=4).map(str), st.integers(0, 65535))
    def test_what_is_listed_is_understood(self, host: str, port: int) -> None:
        """Each address as a list prints it means that address."""
        self.assertEqual(parse_target(address_text(host, port).encode().ljust(64)).address, (host, port))
