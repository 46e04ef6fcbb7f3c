"""Programs of before netd, which can prove nothing: they work from an address that the section names, and from no other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from netd.access.rules import AccessRules, AccessWord
from netd.codec.length_header import encode_frame
from netd.connection.ending import REVOKED_GRACE
from netd.testing import Connection, prepared
from tests.feed.bench import request
from tests.relay.bench import event
from tests.trust.house import PEER_HOST, STRANGER, House, opened

OPENINGS: Mapping[str, tuple[bytes, ...]] = {
    "relay": (encode_frame(b"raspberrypi"),),
    "session": (b"s11\n", b"x1\n"),
    "feed": (request(None),),
    "command": (b'{"command_id": "door-lock"}\n',),
    "room": (b"Lars",),
}
"""What each says first, byte for byte."""

WHY = "this address is not admitted by `access` of [{}]"


class OldProgramTests(SynchronousTestCase):
    def setUp(self) -> None:
        context = opened("peers")
        self.addCleanup(context.__exit__, None, None, None)
        self.house: House = context.__enter__()

    def begin(self, section: str, host: str = PEER_HOST) -> tuple[Connection, bytes]:
        """A program that has said its first words, and what it has been told."""
        program = self.house.visit(section, host)
        told = program.say(*OPENINGS[section])
        self.house.clock.advance(1.0)  # an old bot ends its name by a silence
        return program, told + program.heard()

    def words(self, section: str, told: bytes, why: str) -> None:
        """That a refusal is told as the protocol has it."""
        if section == "relay":
            self.assertEqual(encode_frame(f"|error: {why}|".encode()), told)
        elif section == "session":
            self.assertEqual(b"", told)
        elif section == "feed":
            self.assertTrue(told.startswith(b"HTTP/1.1 403 Forbidden\r\n"), told)
            self.assertTrue(told.endswith(f"\r\n\r\n{why}\n".encode()), told)
        elif section == "command":
            self.assertEqual({"status": "error", "error": why, "denied": True}, json.loads(told))
        else:
            self.assertEqual(f"{why}\n".encode(), told)

    def test_peers(self) -> None:
        """On a LAN with `peers`, they are served as on this machine."""
        told = {section: self.begin(section) for section in OPENINGS}
        self.assertEqual(["command"], [section for section, (program, _) in told.items() if program.is_closing])
        controller = self.house.visit("relay", PEER_HOST)
        self.assertIn(PEER_HOST.encode(), controller.say(event("|no target|")))
        self.assertTrue(told["feed"][1].startswith(b"HTTP/1.1 101 "))
        self.assertEqual("success", json.loads(told["command"][1])["status"])
        services: Any = self.house.services
        self.assertEqual(1, services["session"].status().streaming)
        self.assertEqual(["Lars"], [bot.name for bot in services["room"].list_rooms().rows[0].bots])

    def test_strangers(self) -> None:
        """From elsewhere, each is told so in the words of its protocol, and is closed; nothing of it is read."""
        for section in OPENINGS:
            program, told = self.begin(section, STRANGER)
            self.words(section, told, WHY.format(section))
            self.house.clock.pump([0.5] * 4)
            self.assertTrue(program.is_closing, section)
        self.assertEqual({"not admitted": 1}, self.house.services["relay"]._factory.tally.refused)  # type: ignore[attr-defined]

    def test_gateway(self) -> None:
        """A gateway for this machine alone says so by HTTP."""
        gateway: Any = self.house.services["gateway"]
        gateway._factory.access.follow(AccessRules(frozenset([AccessWord.LOOPBACK])))
        visitor, told = self.house.get("/api", STRANGER, self.house.tokens["admin"])
        self.assertTrue(told.startswith(b"HTTP/1.1 403 Forbidden\r\n"), told)
        self.assertIn(WHY.format("gateway").encode(), told)
        self.assertEqual(0, visitor.protocol.peer.principal.role)

    def test_reload(self) -> None:
        """A reload that names their addresses no longer ends them, in the same words, within a second."""
        for section in [name for name in OPENINGS if name != "command"]:
            program, _ = self.begin(section)
            service: Any = self.house.services[section]
            config = next(one.config for one in self.house.configuration.sections if one.name == section)
            prepared(service, evolve(config, access=(AccessWord.LOOPBACK,), peers=None)).apply()
            told = program.heard()
            if section == "feed":
                self.assertIn(WHY.format(section).encode(), told)
            else:
                self.words(section, told, WHY.format(section))
            self.house.clock.advance(REVOKED_GRACE)
            self.assertTrue(program.transport.disconnected, section)
