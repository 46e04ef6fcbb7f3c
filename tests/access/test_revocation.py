"""Connections end when the credential that proved them proves nobody any more, each in the words of its own protocol."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.codec.length_header import encode_frame
from netd.codec.websocket import CloseCode
from netd.connection.ending import REVOKED_GRACE
from netd.kinds import find_kinds
from netd.principal import Kind, Principal, Proof, Role
from netd.testing import Connection, connect, wired
from tests.gateway.visits import handshake
from tests.relay.bench import event, pairs

WHY = "the device bell is no longer admitted: its credential is gone or has ended"
BELL = Principal("bell", Role.NOBODY, None, Proof.TOKEN, "bell device 12", kind=Kind.DEVICE)


class RevocationTests(SynchronousTestCase):
    def connected(self, kind: str, *said: bytes, principal: Principal = BELL) -> Connection:
        """A connection of *kind* that says something, and has proved who it is."""
        self.service, factory, self.reactor, _bus = wired(find_kinds()[kind])
        self.addCleanup(self.service.stopService)
        connection: Connection = connect(factory, self.reactor)
        if said:
            connection.say(*said)
        connection.protocol.peer.prove(principal)
        connection.heard()
        return connection

    def revoke(self, connection: Connection) -> bytes:
        """What the connection is told when its credential is gone, and not before."""
        self.service.revoke(frozenset({"lamp device 13"}))
        self.assertFalse(connection.is_closing)
        self.service.revoke(frozenset({"bell device 12", "lamp device 13"}))
        told = connection.heard()
        self.assertEqual(connection.protocol.peer.reason, "no longer admitted")
        return told

    def test_relay(self) -> None:
        """On the relay the error frame of the first dialect, or an error with `denied` for the second."""
        frame = encode_frame(f"|error: {WHY}|".encode())
        for said in ((), (encode_frame(b"raspberrypi"),), (event("|no target|"),)):
            self.assertEqual(self.revoke(self.connected("relay", *said)), frame)
        told = pairs(self.revoke(self.connected("relay", encode_frame(b'device {"name": "bell"}'))))
        self.assertEqual(told, [({"status": "error", "error": WHY, "denied": True}, b"")])

    def test_session(self) -> None:
        """An agent of the first dialect knows no errors; its connection closes."""
        connection = self.connected("session")
        self.assertEqual(self.revoke(connection), b"")

    def test_command(self) -> None:
        """A program that runs commands gets the error as an answer, whatever its connection waits for."""
        for said in ((), (b'{"id": 7, "command": "nothing"}\n',)):
            self.assertIn(WHY.encode(), self.revoke(self.connected("command", *said)))

    def test_room(self) -> None:
        """A bot gets a line."""
        for said in ((), (b"Ann\n",)):
            self.assertTrue(self.revoke(self.connected("room", *said)).endswith(f"{WHY}\n".encode()))

    def test_feed(self) -> None:
        """A client of the feed gets a close frame of the code for policies, or a refused handshake."""
        told = self.revoke(self.connected("feed"))
        self.assertTrue(told.startswith(b"HTTP/1.1 403 "), told)
        self.assertTrue(told.endswith(f"{WHY}\n".encode()), told)
        connection = self.connected("feed", handshake("/"))
        self.service.revoke(frozenset({"bell device 12"}))
        self.assertIn(CloseCode.POLICY.to_bytes(2, "big") + WHY.encode(), connection.heard())

    def test_lingering(self) -> None:
        """A peer that does not read why is cut half a second later; one that has gone by then is left alone."""
        connection = self.connected("room", b"Ann\n")
        self.revoke(connection)
        self.reactor.advance(REVOKED_GRACE / 2)
        self.assertFalse(connection.transport.disconnected)
        self.reactor.advance(REVOKED_GRACE / 2)
        self.assertTrue(connection.transport.disconnected)
        gone: Any = self.connected("room", b"Ann\n")
        self.revoke(gone)
        gone.lose()
        self.reactor.advance(REVOKED_GRACE)
        self.assertFalse(gone.transport.disconnected)

    def test_closed_already(self) -> None:
        """A connection that is being closed for another reason is told nothing more."""
        for kind in ("relay", "session", "command", "room", "feed"):
            connection = self.connected(kind)
            self.service.revoke(frozenset({"bell device 12"}))
            connection.heard()
            connection.protocol.peer.reason = "another"
            self.service.revoke(frozenset({"bell device 12"}))
            self.assertEqual((connection.heard(), connection.protocol.peer.reason), (b"", "another"), kind)
