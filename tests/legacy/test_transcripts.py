"""Old programs that their address admits get byte for byte what they have always got: see :mod:`tests.legacy.transcripts`."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.legacy.transcripts import SCENES, played

RECORDED = Path(__file__).with_name("transcripts.json")


class TranscriptTests(SynchronousTestCase):
    def check(self, wire: str) -> None:
        """Play the wire's conversations, and hold each step against the one that was recorded."""
        recorded = json.loads(RECORDED.read_text("ascii"))[wire]
        steps = played(wire)
        for before, now in zip(recorded, steps, strict=True):
            self.assertEqual(before, now)

    def test_every_wire(self) -> None:
        """There is a transcript of each wire."""
        self.assertEqual(sorted(SCENES), sorted(json.loads(RECORDED.read_text("ascii"))))

    def test_relay(self) -> None:
        """Devices and controllers."""
        self.check("relay")

    def test_session(self) -> None:
        """Agents."""
        self.check("session")

    def test_room(self) -> None:
        """Bots."""
        self.check("room")

    def test_command(self) -> None:
        """Programs that run commands."""
        self.check("command")

    def test_feed(self) -> None:
        """Clients of the feed."""
        self.check("feed")
