"""Tests of ``netd.relay.target``."""

from __future__ import annotations

import json
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.relay.target import MalformedTarget, Target, address_text, parse_target, plain_host

SPELLINGS: list[Callable[[str, int], object]] = [
    lambda host, port: (host, port),
    lambda host, port: [host, port],
    lambda host, port: (host, str(port)),
    lambda host, port: f"{host},{port}",
    lambda host, port: f"[{host}]:{port}",
    lambda host, port: (host, port, 0, 2),
    lambda host, port: str((host, port)).split(","),
    lambda host, port: f"{(host, port)},{(host, port)},".split(",")[:2],
    lambda host, port: tuple(str((host, port)).split(",")),
    lambda host, port: str((host, port)).encode(),
    lambda host, port: {"host": host, "port": port},
    lambda host, port: {"port": str(port), "address": host},
    lambda host, port: json.dumps([host, port]),
]
"""What programs make of a list's items before they write them into a target field."""


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
            "127.0.0.1:, 50412",
            "127.0.0.1,\t50412\r\n",
            "127.0.0.1\0\0\0\0\0\0\x0050412\0",
            "('127.0.0.1',\x0050412)",
            """["('127.0.0.1'", ' 50412)']""",
            """["('127.0.0.1'", ' 50412)', '']""",
            """("('127.0.0.1'", ' 50412)')""",
            "['127.0.0.1', 50412]",
            '["127.0.0.1", 50412]',
            "('127.0.0.1', '50412')",
            "('127.0.0.1' 50412)",
            "b\"('127.0.0.1', 50412)\"",
            "[b\"('127.0.0.1'\", b' 50412)']",
            "{'host': '127.0.0.1', 'port': 50412}",
            '{"port": "50412", "ip": "127.0.0.1"}',
            "Address(host='127.0.0.1', port=50412)",
            "'[\\'127.0.0.1\\', 50412]'",
        ]
        for spelling in spellings:
            for field in (spelling.encode().ljust(64), spelling.encode().ljust(64, b"\0"), b" " + spelling.encode() + b" \0 \0"):
                self.assertEqual(parse_target(field).address, ("127.0.0.1", 50412), field)

    def test_nearly_an_address(self) -> None:
        """Parts of an address, and several of them, mean no device: nothing is put together out of pieces."""
        for spelling in (
            "127.0.0.1:5041 2",
            "127.0.0. 1:50412",
            "('127.0.0.1', 50412)('127.0.0.1', 50413)",
            "('127.0.0.1', 50412, 7)",
            "50412",
            ":50412",
            "('127.0.0.1',)",
            "127.0.0.1:504120",
            "{'host': '127.0.0.1'}",
            "{'port': 50412}",
            "127.0.0.1:50412 or so",
            "1: ('127.0.0.1', 50412)",
        ):
            self.assertNotEqual(parse_target(spelling.encode()).address, ("127.0.0.1", 50412), spelling)

    def test_ipv6_addresses(self) -> None:
        """A device that came over IPv6 can be named, with and without Python's flow and scope."""
        for spelling in (
            "('::1', 50412, 0, 0)",
            "('::1', 50412)",
            "[::1]:50412",
            "::1,50412",
            "::1:50412",
            "[::1]:, 50412",
            "0:0:0:0:0:0:0:1,50412",
            "('0000:0000:0000:0000:0000:0000:0000:0001', 50412)",
            "('0000:0000:0000:0000:0000:0000:0000:0001', 50412, 0, 0)",
            """["('::1'", ' 50412', ' 0', ' 0)']""",
            "{'host': '::1', 'port': 50412}",
        ):
            self.assertEqual(parse_target(spelling.encode()).address, ("::1", 50412), spelling)

    def test_scope(self) -> None:
        """A link-local address means its device with a scope and without: the device's own address has none."""
        for spelling in (
            "('fe80::1', 9, 0, 2)",
            "('fe80::1%eth0', 9, 0, 2)",
            "[fe80::1%eth0]:9",
            "FE80:0::1%2,9",
            "fe80::1%eth0:9",
        ):
            self.assertEqual(parse_target(spelling.encode()).address, ("fe80::1", 9), spelling)
        self.assertEqual(parse_target(b"fe80::,9").address, ("fe80::", 9))

    def test_mapped_ipv4_is_ipv4(self) -> None:
        """A device is called by one address, whichever socket family it was accepted on."""
        self.assertEqual(parse_target(b"('::ffff:10.0.0.7', 99)").address, ("10.0.0.7", 99))
        self.assertEqual(plain_host("::ffff:10.0.0.7"), "10.0.0.7")
        self.assertEqual(parse_target(b"('::FFFF:0a00:7', 99)").address, ("10.0.0.7", 99))
        for host in ("::1", "10.0.0.7", "unix", "console", "a:b"):
            self.assertEqual(plain_host(host), host)

    def test_names_are_no_addresses(self) -> None:
        """A name stays a name."""
        for spelling in ("greenhouse", "['greenhouse']", "('greenhouse',)", '"greenhouse"', "greenhouse\0\0", "b'greenhouse',"):
            self.assertEqual(parse_target(spelling.encode().ljust(64)), Target("greenhouse", None), spelling)
        self.assertEqual(parse_target("Küche".encode()), Target("Küche", None))

    def test_nothing_to_name(self) -> None:
        """A field that cannot name anything says why."""
        for text, why in ((b" " * 64, "empty"), (b"\xff" * 64, "UTF-8"), (b"a\x01b", "control"), (b"\x1b[2J", "control")):
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

    @given(st.ip_addresses(), st.integers(0, 65535), st.sampled_from(SPELLINGS), st.booleans(), st.sampled_from([b" ", b"\0"]))
    def test_what_python_makes_of_it(
        self, address: IPv4Address | IPv6Address, port: int, spell: Callable[[str, int], object], is_full: bool, padding: bytes
    ) -> None:
        """Each form that ``str()`` gives to host and port means them, IPv6 in its shortest spelling and in full."""
        host = address.exploded if is_full else str(address)
        found = parse_target(str(spell(host, port)).encode().ljust(64, padding)).address
        self.assertEqual(found, (plain_host(str(address)), port))
