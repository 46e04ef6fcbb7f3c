"""Tests of ``netd.connection.refusals``: what is remembered of programs that were not let in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.access.proofs import TooManyWrongTokens, WrongToken
from netd.connection.refusals import MOST_REFUSALS, PROOFS, RefusalLedger, wire_of
from netd.errors import NotPermitted
from netd.relay.devices import NameHeld

OPENINGS = {
    b"GET /ws HTTP/1.1\r\nHost: lab\r\nUpgrade: websocket\r\n\r\n": ("a WebSocket client", "gateway"),
    b"POST /rpc": ("an HTTP client, such as a browser", "gateway"),
    b"\x16\x03\x01\x02\x00\x01": ("a TLS client", "tls"),
    b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n": ("a proxy that tells its client's address", "haproxy"),
    b"SSH-2.0-OpenSSH_9.2\r\n": ("an SSH client", "manhole"),
    b"\xff\xfd\x18": ("a telnet client", "manhole"),
    b"\x10\x1a\x00\x04MQTT\x04": ("an MQTT client", "cluster"),
    b'{"x": 1, "command_id": "blink"}\n': ("a client of commands", "command"),
    b"11" + b" " * 62 + b"raspberrypi": ("a device or controller of a relay", "relay"),
    b"s142": ("the data connection of an agent", "session"),
    b"x1.5y2": ("the data connection of an agent", "session"),
    b'["a"]': ("a client that speaks JSON", "command"),
    b"hello": ("an unknown protocol", ""),
    b"": ("", ""),
}


class WireTests(SynchronousTestCase):
    def test_openings(self) -> None:
        """Whoever looks for the reason of a refusal reads what the program at the other end looks like."""
        self.assertEqual({opening: wire_of(opening) for opening in OPENINGS}, OPENINGS)

    @given(st.binary(max_size=2000))
    def test_anything(self, opening: bytes) -> None:
        """Any bytes at all look like something."""
        wire, _ = wire_of(opening)
        self.assertEqual(bool(wire), bool(opening))


class LedgerTests(SynchronousTestCase):
    def test_repeated(self) -> None:
        """A program that tries again and again is one entry, with its newest address and time."""
        ledger = RefusalLedger()
        for port in (1, 2, 3):
            ledger.note("relay", "10.0.0.1", "bad header", f"10.0.0.1:{port}", "why", b"SSH-2.0", float(port))
        [entry] = ledger
        self.assertEqual((entry.count, entry.address, entry.last, entry.serves), (3, "10.0.0.1:3", 3.0, "manhole"))

    def test_reasons(self) -> None:
        """A program that was refused for several reasons has them all told: the last must not hide that it tried another name."""
        ledger = RefusalLedger()
        for why in ("one", "two", "one", "three", "four"):
            ledger.note("relay", "10.0.0.1", "not permitted", "10.0.0.1:1", why, b"", 1.0)
        [entry] = ledger
        self.assertEqual((entry.count, entry.reasons), (5, ("four", "three", "one")))

    def test_proofs(self) -> None:
        """The kinds of refused proofs are those that the errors have."""
        self.assertEqual(PROOFS, (NotPermitted.kind, NameHeld.kind, WrongToken.kind, TooManyWrongTokens.kind))

    def test_newest_first(self) -> None:
        """A flood from many networks leaves the newest; the ledger stays small."""
        ledger = RefusalLedger()
        for number in range(3 * MOST_REFUSALS):
            ledger.note("relay", f"10.0.0.{number}", "bad header", "", "", b"", float(number))
        ledger.note("relay", f"10.0.0.{2 * MOST_REFUSALS}", "bad header", "", "", b"", 1000.0)
        times = [entry.last for entry in ledger]
        self.assertEqual((len(times), times[0], times), (MOST_REFUSALS, 1000.0, sorted(times, reverse=True)))
