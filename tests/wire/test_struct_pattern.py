"""Patterns of binary messages."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.matching import mistake, readings, tried, values


class StructTests(SynchronousTestCase):
    def test_values(self) -> None:
        """Each value has a field; a condition must hold, and `{}` does not matter."""
        message = struct.pack("<BHfi4x", 1, 7, 2.5, 99)
        self.assertEqual([("7", "level", 2.5, "m")], readings("sample struct <BHfi4x {=1} {name} {level m} {}", message))
        self.assertIsNone(readings("sample struct <BHfi4x {=0x02} {name} {level m} {}", message))
        self.assertEqual([("x", 1.0, "")], readings("sample struct ? {x}", b"\1"))

    def test_length(self) -> None:
        """A message has as many bytes as the struct, or more where `{*}` says so."""
        for size, is_exact, is_open in ((3, False, False), (4, True, True), (5, False, True)):
            self.assertEqual(is_exact, readings("sample struct <i {x}", bytes(size)) is not None)
            self.assertEqual(is_open, readings("sample struct <i {x} {*}", bytes(size)) is not None)

    def test_texts(self) -> None:
        """A text ends at its zeros, and may be a number, a name or a condition."""
        message = struct.pack("8s6s4s", b"pump", b"21.5", b"xx")
        self.assertEqual([("pump", "t", 21.5, "")], readings("sample struct 8s6s4s {name} {t} {=xx}", message))
        self.assertIsNone(readings("sample struct 8s6s4s {name} {t} {=yy}", message))
        self.assertIsNone(readings("sample struct 8s {t}", b"abcdefgh"))
        self.assertEqual({"a": "é\ufffd"}, values("event struct 8s {a}", "é".encode() + b"\xff" + bytes(5)))

    def test_digits(self) -> None:
        """BCD has a digit in four bits: a number, or a text of digits such as an IMEI. Other bits are no such message."""
        message = bytes.fromhex("0123456789012345") + b"\x12"
        self.assertEqual([("123456789012345", "hour", 12.0, "")], readings("sample struct 8sB {name:bcd} {hour:bcd}", message))
        self.assertEqual({"a": "123456789012345", "b": 12}, values("event struct 8sB {a:bcd} {b:bcd}", message))
        self.assertIsNone(readings("sample struct B {hour:bcd}", b"\x1f"))
        self.assertIsNone(readings("sample struct f {hour:bcd}", bytes(4)))
        self.assertEqual({"a": "1f00"}, values("event struct 2s {a:hex}", b"\x1f\0"))

    def test_times(self) -> None:
        """A time is a number of seconds or milliseconds."""
        found = tried("sample struct >Qh {time} {t/10 °C}", struct.pack(">Qh", 1732000000123, -55))
        assert found is not None
        self.assertEqual((1732000000.123, [-5.5]), (found.time, [one.value for one in found.readings]))

    def test_no_numbers(self) -> None:
        """NaN and infinities are no samples."""
        self.assertEqual([], readings("sample struct dd {a} {b}", struct.pack("dd", float("nan"), float("inf"))))

    @given(st.binary(max_size=64))
    def test_any_bytes(self, message: bytes) -> None:
        """No bytes break a pattern."""
        for rule in ("sample struct <Bd8s4sQ {=1} {x/3} {name:bcd} {t} {time}", "event struct 3sq {a} {b:hex} {*}"):
            tried(rule, message)


class MistakeTests(SynchronousTestCase):
    def test_mistakes(self) -> None:
        """Each mistake says what to write."""
        form = ": no such format; write it as in Python's struct: <BHf is a byte, a short and a float"
        for rule, said in {
            "sample struct <hqfff {a} {b} {c} {d}": "struct <hqfff has 5 values, and 4 fields are named; "
            "write {} for one that does not matter",
            "sample struct <hy {a}": f"struct <hy{form}",
            "sample struct <P {a}": f"struct <P{form}",
            "sample struct 99999s {a}": "struct 99999s: it has 99999 bytes, and 1 to 65536 are taken",
            "sample struct 0s {a}": "struct 0s: it has 0 bytes, and 1 to 65536 are taken",
            "sample struct <h x {a}": "struct: 'x' is no field; write {name} for each value",
            "sample struct <h {*} {a}": "struct: nothing follows {*}, which is all that stands behind the struct",
            "sample struct <h {a:4}": "{a:4}: a struct has no width",
            "sample struct <h {a:comma}": "{a:comma}: a struct has no comma",
            "sample struct <hh {a} {a}": "{a} is there twice; give one of them another name",
        }.items():
            self.assertEqual(f"0: {said}", mistake(rule))
