"""Requests to other nodes, and what becomes of each."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.cluster.interfaces import LinkLost, NoAnswer, NobodyThere
from netd.cluster.requests import Requests


class RequestsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.requests = Requests("netd.lab.inbox.A.x", self.clock.callLater)
        self.reply, self.answer = self.requests.add("netd.lab.node.B.call", 2.0)

    def tearDown(self) -> None:
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_answer(self) -> None:
        """The first answer is the answer; others find nobody who waits."""
        self.assertEqual(("netd.lab.inbox.A.x.*", "netd.lab.inbox.A.x.0"), (self.requests.pattern, self.reply))
        self.requests.take(self.reply, b"yes", "", False)
        self.requests.take(self.reply, b"no", "", False)
        self.assertEqual(b"yes", self.successResultOf(self.answer))

    def test_nobody(self) -> None:
        """The server says at once that nobody is there."""
        self.requests.take(self.reply, b"", "", True)
        self.failureResultOf(self.answer, NobodyThere)

    def test_late(self) -> None:
        """An answer that does not come in time is none any more."""
        self.clock.advance(2.0)
        self.assertIn("netd.lab.node.B.call: no answer within 2 s", str(self.failureResultOf(self.answer, NoAnswer).value))
        self.requests.take(self.reply, b"yes", "", False)

    def test_lost(self) -> None:
        """With the connection all requests end, each with what is known of it."""
        unsent, other = self.requests.add("netd.lab.node.C.call", 2.0)
        self.requests.lose({unsent}, "it does not answer")
        lost, kept = (self.failureResultOf(answer, LinkLost).value for answer in (self.answer, other))
        self.assertEqual((True, False), (lost.was_sent, kept.was_sent))
        self.assertEqual("NATS was lost (it does not answer); nothing was sent", str(kept))

    def test_cancelled(self) -> None:
        """Whoever waits no more is told nothing more."""
        self.answer.addErrback(lambda _: None)
        self.answer.cancel()
        self.requests.take(self.reply, b"yes", "", False)

    def test_forgotten(self) -> None:
        """A request that was not sent leaves nothing behind."""
        self.requests.forget(self.reply)
        self.requests.lose(set(), "gone")
        self.assertNoResult(self.answer)
