"""Tests of ``netd.connection.attached``. What devices and bots make of it is tested with their kinds."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.connection.attached import AttachedPeer, Attachments
from netd.errors import OperationFailed
from netd.testing import RecordingLink


class FakePeer(AttachedPeer):
    """Records why it had to leave."""

    def __init__(self, console: RecordingLink, name: str) -> None:
        super().__init__(console, name, {"name": name})
        self.left: list[str] = []

    def leave(self, reason: str) -> None:
        """Record it."""
        self.left.append(reason)


class AttachmentsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.is_accepting = True
        self.attachments: Attachments[FakePeer] = Attachments(lambda: self.is_accepting)
        self.console = RecordingLink()

    def attached(self, name: str, console: RecordingLink | None = None) -> FakePeer:
        """A peer that is attached to a console connection."""
        peer = FakePeer(console or self.console, name)
        self.attachments.attach(peer)
        return peer

    def test_end_with_the_connection(self) -> None:
        """All that is attached to a connection leaves when it is lost, once, with the reason; what others have stays."""
        one, other, foreign = self.attached("one"), self.attached("other"), self.attached("one", RecordingLink())
        self.console.reason = "is too slow"
        self.console.lose()
        self.console.lose()
        self.assertEqual([["is too slow"], ["is too slow"], []], [one.left, other.left, foreign.left])
        self.assertEqual(([foreign], {}), (list(self.attachments), self.attachments.of(self.console)))

    def test_closed_by_the_caller(self) -> None:
        """A connection that its caller has closed has no reason of its own."""
        peer = self.attached("one")
        self.console.lose()
        self.assertEqual(["its connection closed"], peer.left)

    def test_successor_of_the_same_name(self) -> None:
        """What has given its name to a successor takes nothing from it when it is detached, then or after the end."""
        before, after = self.attached("one"), self.attached("one")
        self.attachments.detach(before)
        self.assertEqual({"one": after}, self.attachments.of(self.console))
        self.attachments.detach(after)
        self.assertEqual([], list(self.attachments))
        self.console.lose()
        self.attachments.detach(after)
        self.assertEqual([], after.left)

    def test_draining(self) -> None:
        """Nothing new may be attached while the service accepts nothing; the remedy is named."""
        self.attachments.check_accepting()
        self.is_accepting = False
        self.assertIn("netd resume", str(self.assertRaises(OperationFailed, self.attachments.check_accepting)))

    def test_notification(self) -> None:
        """A notification says first which program it is for."""
        self.attached("one").tell("test.said", {"text": "hello"})
        self.assertEqual([("test.said", {"name": "one", "text": "hello"})], self.console.told)
