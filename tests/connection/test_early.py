"""Tests of ``netd.connection.early``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.connection.early import EarlyPeer
from netd.principal import LOCAL
from netd.testing import RecordingPeer


class EarlyPeerTests(SynchronousTestCase):
    def test_what_it_says(self) -> None:
        """To a machine it is a peer like any other, that has just spoken, reads all, and is never late."""
        early = EarlyPeer(LOCAL, "127.0.0.1")
        self.assertTrue(early.is_flushed and early.send(b"a") and early.note_unfinished(5000))
        self.assertEqual((early.is_full, early.silence()), (False, 0.0))

    def test_hand_over(self) -> None:
        """All that was done to the early peer is done to the real one."""
        early, peer = EarlyPeer(LOCAL, "127.0.0.1"), RecordingPeer()
        early.send(b"a")
        early.send(b"b")
        early.expire_after(3.0)
        early.set_reading(False)
        early.close("first")
        early.close("second")
        early.hand_over(peer)
        self.assertEqual((peer.sent, peer.expiry, peer.is_reading, peer.closed), (b"ab", 3.0, False, "first"))
        nothing = RecordingPeer()
        EarlyPeer(LOCAL, "127.0.0.1").hand_over(nothing)
        self.assertEqual((nothing.sent, nothing.expiry, nothing.is_reading, nothing.closed), (b"", None, True, None))
