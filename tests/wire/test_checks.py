"""Tests of ``netd.wire.checks``: sums that tell whether a message came as it was sent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.checks import SUMS, SumCheck, parse_check
from netd.wire.framing import parse_frame


class CheckTests(SynchronousTestCase):
    def test_known_sums(self) -> None:
        """The sums are those of everybody else: the check values of the CRC catalogue."""
        digits = b"123456789"
        self.assertEqual({kind: sum_of(digits).hex() for kind, sum_of in SUMS.items()}, {
            "xor": "31", "sum": "dd", "modbus": "374b", "x25": "906e",
        })  # fmt: skip

    @given(st.binary(max_size=40), st.sampled_from(sorted(SUMS)))
    def test_sealed(self, message: bytes, kind: str) -> None:
        """A message that got its sum is right, and wrong with any byte of it changed."""
        check = parse_check(kind)
        assert isinstance(check, SumCheck)
        right = check.sealed(message + bytes(len(SUMS[kind](b""))))
        self.assertEqual(check.body(right), right)
        for place in range(len(right)):
            self.assertFalse(check.holds(right[:place] + bytes((right[place] ^ 1,)) + right[place + 1 :]))

    def test_range(self) -> None:
        """The sum of a GPS tracker leaves out its first and last bytes."""
        login = bytes.fromhex("78780d01012345678901234500018cdd0d0a")
        check = parse_check("x25:2..-4")
        self.assertEqual(check.body(login), login)
        self.assertIsNone(check.body(login.replace(b"\x01\x23", b"\x01\x24")))
        for short in (b"", b"\x78", b"\x78\x78\x01", b"\x78\x78\x0d\x0a"):
            self.assertFalse(check.holds(short))
        self.assertTrue(parse_check("xor:1..").holds(b"#ab\x03"))
        self.assertTrue(parse_check("xor:..2").holds(b"ab\x03..."))

    def test_nmea(self) -> None:
        """The sum of a sentence is checked and left out; what is no sentence passes."""
        check = parse_check("nmea")
        self.assertEqual(check.body(b"$GPGLL,5057.970,N,00146.110,E,142451,A*27"), b"$GPGLL,5057.970,N,00146.110,E,142451,A")
        self.assertEqual(check.body(b"!AIVDM*%02x\r\n" % SUMS["xor"](b"AIVDM")[0]), b"!AIVDM")
        for wrong in (b"$GPGLL*28", b"$GPGLL", b"$GPGLL*2"):
            self.assertIsNone(check.body(wrong))
        self.assertEqual(check.body(b"boot 1.0"), b"boot 1.0")

    def test_counted(self) -> None:
        """A damaged message is dropped and counted by the decoder of its frame."""
        decoder = parse_frame("lines", parse_check("nmea")).decoder(100)
        self.assertEqual(decoder.feed(b"$GPGLL*28\n$GPGLL*50\nboot\n"), [b"$GPGLL", b"boot"])
        self.assertEqual(decoder.failed, 1)

    def test_mistakes(self) -> None:
        """Each mistake names what to write."""
        for text, why in (
            ("crc", "'crc' is none of nmea, xor, sum, modbus, x25"),
            ("modbsu", "(did you mean modbus?)"),
            ("nmea:1..2", "nmea has no range"),
            ("xor:1", "'1' is no range; write xor:2..-4 for all but the first two and the last four bytes"),
        ):
            with self.assertRaises(ValueError) as caught:
                parse_check(text)
            self.assertIn(why, str(caught.exception))
