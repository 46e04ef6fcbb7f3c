"""Tests of ``netd.session.control``: what an agent hears, each word alone."""

from __future__ import annotations

from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from netd.session.control import SPACING, AgentControl, ControlInput, ControlState
from netd.testing import RecordingPeer


class ControlTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.peer = RecordingPeer()
        self.over = 0
        self.control = AgentControl(self.peer, 0.5, self._over)
        self.control.greet(42)

    def _over(self) -> None:
        self.over += 1

    def _heard(self) -> tuple[bytes, float | None]:
        return self.peer.take_sent(), self.peer.expiry

    def test_greeting(self) -> None:
        """An agent first hears its session's id, which nothing terminates."""
        self.assertEqual(self._heard(), (b"42", SPACING))

    def test_words_are_apart(self) -> None:
        """A ping right after the id, and a stop right after that ping, are a second apart each; a second ping is one too many."""
        self.control.ping()
        self.control.ping()
        self.assertEqual(self._heard(), (b"42", SPACING))
        self.control.expired()
        self.assertEqual(self._heard(), (b"ping", SPACING))
        self.control.leave()
        self.assertEqual(self.peer.take_sent(), b"")
        self.control.expired()
        self.assertEqual(self._heard(), (b"stop", 0.5))

    def test_words_that_wait(self) -> None:
        """What waits is said in its order, a ping and a stop at most, and nothing after the stop."""
        self.peer.take_sent()
        for _ in range(2):
            self.control.ping()
            self.control.leave()
        for word in (b"ping", b"stop", b""):
            self.control.expired()
            self.assertEqual(self.peer.take_sent(), word)

    def test_long_after(self) -> None:
        """When nothing was said lately, words leave at once."""
        self.control.expired()
        self.peer.take_sent()
        self.control.ping()
        self.assertEqual(self.peer.take_sent(), b"ping")
        self.control.expired()
        self.control.leave()
        self.assertEqual(self.peer.take_sent(), b"stop")

    def test_grace(self) -> None:
        """After the stop an agent has its grace; then it is over, once."""
        self.control.expired()
        self.control.leave()
        self.assertEqual(self.over, 0)
        self.control.expired()
        self.control.expired()
        self.control.gone()
        self.assertEqual((self.over, self.control.state), (1, ControlState.OVER))

    def test_nothing_to_wait_for(self) -> None:
        """An agent that ends its data connection after the stop is not waited for; before, it is told to stop first."""
        self.control.expired()
        self.control.gone()
        self.assertEqual(self.over, 0)
        self.control.leave()
        self.control.gone()
        self.assertEqual((self.over, self.peer.take_sent()), (1, b"42stop"))

    def test_every_pair(self) -> None:
        """Each input in each state does what the table says, or nothing."""
        calls = {
            ControlInput.PING: AgentControl.ping,
            ControlInput.LEAVE: AgentControl.leave,
            ControlInput.TIME: AgentControl.expired,
            ControlInput.GONE: AgentControl.gone,
        }
        for state, happened in product(ControlState, ControlInput):
            self.peer = RecordingPeer()
            control = AgentControl(self.peer, 0.5, self._over)
            control.state = state
            calls[happened](control)
            expected = AgentControl.TRANSITIONS[state, happened][1] if (state, happened) in AgentControl.TRANSITIONS else state
            self.assertIs(control.state, expected, (state, happened))
            if (state, happened) not in AgentControl.TRANSITIONS:
                self.assertEqual(self._heard(), (b"", None))
