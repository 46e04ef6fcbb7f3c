"""Tests of :mod:`netd.cli.text`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.cli.text import ago, as_commands, escaped, online_since, payload_text
from netd.plaintext import duration, short_address


class EscapedTests(SynchronousTestCase):
    @given(st.text())
    def test_harmless(self, text: str) -> None:
        """Whatever a device calls itself, what is written can be printed and holds no control character."""
        written = escaped(text)
        self.assertFalse(set(written) & {chr(code) for code in (*range(32), *range(127, 160))})
        written.encode("utf-8")

    def test_each_kind(self) -> None:
        """A person can tell which characters a device has hidden in its name."""
        for dangerous, written in [
            ("\x1b[2J", "\\x1b[2J"),
            ("a\nb\rc\td", "a\\nb\\rc\\td"),
            ("\x7f\x9b", "\\x7f\\x9b"),
            ("\u202egnp.exe", "\\u202egnp.exe"),
            ("\ud800", "\\ud800"),
            ("\U000e0001", "\\U000e0001"),
            ("\u2028", "\\u2028"),
        ]:
            self.assertEqual(escaped(dangerous), written)

    def test_readable(self) -> None:
        """Letters of any language stay as they are."""
        for text in ("greenhouse", "Gewächshaus", "温室", "[bold]"):
            self.assertEqual(escaped(text), text)

    def test_keep(self) -> None:
        """Lines stay lines where they may."""
        self.assertEqual(escaped("a\nb\x00", keep="\n"), "a\nb\\x00")


class PayloadTests(SynchronousTestCase):
    def test_text(self) -> None:
        """An answer of several lines is read as such; what would drive the terminal is not."""
        self.assertEqual(payload_text("21 °C\n\tok\x1b".encode()), "21 °C\n\tok\\x1b")

    def test_binary(self) -> None:
        """Bytes that are no text are shown one by one."""
        self.assertEqual(payload_text(b"\xff\x00A"), "\\xff\\x00A")


class CommandsTests(SynchronousTestCase):
    def test_operations(self) -> None:
        """The daemon's names of operations become what is typed at a shell; all else stays."""
        for said, written in [
            ("no device 'x'; `relay.devices` lists them", "no device 'x'; `netd devices` lists them"),
            ("`session.list` lists them", "`netd session list` lists them"),
            ("`session.stop 12` ends it", "`netd session stop 12` ends it"),
            ("write `max_payload`, or relay.devices", "write `max_payload`, or relay.devices"),
        ]:
            self.assertEqual(as_commands(said), written)


class DurationTests(SynchronousTestCase):
    def test_units(self) -> None:
        """Times read as people say them: two units at most, none of them zero."""
        for seconds, written in [
            (-5, "0 s"),
            (0.9, "0 s"),
            (3, "3 s"),
            (60, "1 min"),
            (125, "2 min 5 s"),
            (3600, "1 h"),
            (3605, "1 h"),
            (90061, "1 d 1 h"),
        ]:
            self.assertEqual(duration(seconds), written)

    def test_ago(self) -> None:
        """A device that was here three seconds before was last seen 3 s ago; clocks that disagree do no harm."""
        self.assertEqual(ago(97, 100), "3 s ago")
        self.assertEqual(ago(101, 100), "0 s ago")

    def test_online(self) -> None:
        """Who is there, who was when, and of whom that was not told."""
        for is_online, last_seen, said in (
            (True, 5.0, "online"),
            (False, 5.0, "away, last seen 2 s ago"),
            (False, None, "away"),
            (None, None, "not told"),
        ):
            self.assertEqual(online_since(is_online, last_seen, 7.0)[0], said)


class AddressTests(SynchronousTestCase):
    def test_short(self) -> None:
        """An address in the oldest spelling becomes one that a shell takes as it is; all others stay."""
        for address, said in (
            ("('127.0.0.1', 5)", "127.0.0.1:5"),
            ("127.0.0.1:5", "127.0.0.1:5"),
            ("", ""),
            ("('a:b', 5)", "('a:b', 5)"),
        ):
            self.assertEqual(short_address(address), said)
