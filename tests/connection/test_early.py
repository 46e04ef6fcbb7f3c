"""Tests of ``netd.connection.early``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.connection.early import EarlyPeer
from netd.errors import NotPermitted
from netd.principal import LOCAL, Kind, Principal, Proof, Role
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

    def test_no_room_for_its_credential(self) -> None:
        """A newcomer whose credential has its share of all connections gets the answer to its first line, and is closed."""

        class FullPeer(RecordingPeer):
            def prove(self, principal: Principal) -> None:
                raise NotPermitted("gets no more")

        early, peer = EarlyPeer(LOCAL, "127.0.0.1"), FullPeer()
        early.send(b"answer")
        early.prove(Principal("nightly", Role.NOBODY, None, Proof.TOKEN, "a line", Kind.COMMAND))
        early.hand_over(peer)
        self.assertEqual((peer.sent, peer.closed), (b"answer", "gets no more"))
