"""Tests of ``netd.relay.requests``."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.relay.requests import RelayRequest, RequestInput, RequestOutcome, RequestState, RequestStatus


class RequestTests(SynchronousTestCase):
    """What a sender is told of one message."""

    def setUp(self) -> None:
        self.told: list[RequestOutcome] = []
        self.settled: Counter[str] = Counter()
        self.request = RelayRequest(1, b"water", "someone", 5.0, None, self.told.append, self.settled)

    def test_every_pair_of_state_and_input(self) -> None:
        """Each input means in each state what the table says, or nothing at all."""
        for state in RequestState:
            for happened in RequestInput:
                told: list[RequestOutcome] = []
                request = RelayRequest(1, b"", "", 1.0, None, told.append, Counter())
                request.state = state
                expected = RelayRequest.TRANSITIONS.get((state, happened))
                self.assertEqual(request.step(happened), expected is not None)
                if expected is None:
                    self.assertEqual((told, request.state), ([], state))
                else:
                    self.assertEqual([outcome.status for outcome in told], [expected[0]])
                    self.assertEqual(request.state, expected[1])

    @given(st.lists(st.sampled_from(RequestInput), max_size=8))
    def test_one_final_outcome_at_most(self, inputs: list[RequestInput]) -> None:
        """Whatever happens in whatever order: one final outcome, and nothing after it."""
        settled: Counter[str] = Counter()
        told: list[RequestOutcome] = []
        request = RelayRequest(1, b"", "", 1.0, None, told.append, settled)
        for happened in inputs:
            request.step(happened)
        finals = [outcome for outcome in told if outcome.is_final]
        self.assertEqual(settled, Counter(outcome.status.value for outcome in finals), "each is counted once, by its end")
        self.assertLessEqual(len(finals), 1)
        if finals:
            self.assertIs(told[-1], finals[0])

    def test_an_answer_before_sent_was_told(self) -> None:
        """A device that answers at once is acknowledged; "sent" does not come after it."""
        self.request.step(RequestInput.ANSWERED, b"done")
        self.request.step(RequestInput.HANDED)
        self.assertEqual(self.told, [RequestOutcome(RequestStatus.ACKNOWLEDGED, True, b"done")])

    def test_too_late(self) -> None:
        """An answer after the deadline changes nothing."""
        self.request.step(RequestInput.HANDED)
        self.request.step(RequestInput.EXPIRED)
        self.assertFalse(self.request.step(RequestInput.ANSWERED, b"late"))
        self.assertEqual([outcome.status for outcome in self.told], [RequestStatus.SENT, RequestStatus.EXPIRED])

    def test_lets_go_when_done(self) -> None:
        """A request that is done holds no clock, and its device does not hold it."""
        clock = Clock()
        holder = {1: self.request}
        self.request.holder, self.request.clock = holder, clock.callLater(5, lambda: None)
        self.request.step(RequestInput.TAKEN)
        self.assertEqual((holder, clock.getDelayedCalls()), ({}, []))
