"""Questions whether another node is there, and what the answers, or the lack of them, mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure

from netd.cluster.interfaces import ILink, LinkLost, NoAnswer, NobodyThere
from netd.cluster.member import Member, MemberInput, MemberState
from netd.cluster.questions import ALIVE, Questions
from netd.errors import OperationFailed

__all__ = ["MOST_ASKED_AT_ONCE", "PROBES", "PROBE_TIME", "Inquiries"]

PROBES = 2
"""Questions that a silent node leaves unanswered before it is gone."""

PROBE_TIME = 1.0
"""Seconds for the answer of a node, and for the one of NATS after that."""

MOST_ASKED_AT_ONCE = 32
"""New nodes that are asked at a time. The others are asked at their next hello: made-up ones cost little."""

ASKED = (MemberState.JOINING,)
PROBED = (MemberState.SUSPECT, MemberState.UNREACHABLE)


class Inquiries:
    """Asks members whether they are there, each one at most once at a time.

    An answer counts only if the member is still in the state in which it was asked, and the connection to NATS is the same.
    """

    def __init__(self, questions: Questions, link: ILink, monotonic: Callable[[], float]) -> None:
        self._questions = questions
        self._link = link
        self._monotonic = monotonic
        self._open: dict[str, object] = {}

    def is_asking(self, member: Member) -> bool:
        """Whether a question to *member* is open."""
        return member.name in self._open

    def forget(self) -> None:
        """Take the answers to all open questions for nothing: this node has lost NATS."""
        self._open.clear()

    def ask(self, member: Member) -> None:
        """Ask a new member whether it answers at all."""
        if len(self._open) < MOST_ASKED_AT_ONCE:
            self._begin(member, ASKED, 1)

    def probe(self, member: Member) -> None:
        """Ask a silent member whether it is there: up to twice."""
        self._begin(member, PROBED, PROBES)

    def _begin(self, member: Member, states: tuple[MemberState, ...], times: int) -> None:
        if not self.is_asking(member):
            key = self._open[member.name] = object()
            self._ask(_Inquiry(member, member.epoch, states, key, times))

    def _ask(self, inquiry: _Inquiry) -> None:
        asked = self._monotonic()
        name, epoch = inquiry.member.name, inquiry.epoch
        answer = self._questions.ask(name, ALIVE, epoch=epoch, seconds=PROBE_TIME)
        answer.addCallbacks(self._answered, self._failed, (inquiry, asked), errbackArgs=(inquiry,))

    def _answered(self, answer: Any, inquiry: _Inquiry, asked: float) -> None:
        if self._is_over(inquiry):
            return
        release = answer.get("release") if isinstance(answer, dict) else ""
        now = self._monotonic()
        inquiry.member.answered(str(release)[:40], now - asked, now)

    def _failed(self, failure: Failure, inquiry: _Inquiry) -> None:
        failure.trap(LinkLost, NoAnswer, NobodyThere, OperationFailed)
        if failure.check(NoAnswer) and inquiry.states is PROBED:
            flushed = self._link.flush(PROBE_TIME)
            flushed.addCallbacks(self._unanswered, self._inconclusive, (inquiry,), errbackArgs=(inquiry,))
        elif not self._is_over(inquiry) and failure.check(NobodyThere):
            inquiry.member.step(MemberInput.NOBODY)

    def _unanswered(self, _: object, inquiry: _Inquiry) -> None:
        """NATS answers, and the member has not."""
        inquiry.left -= 1
        if inquiry.left and self._open.get(inquiry.member.name) is inquiry.key and inquiry.is_of_now:
            self._ask(inquiry)
        elif not self._is_over(inquiry):
            inquiry.member.step(MemberInput.UNANSWERED)

    def _inconclusive(self, failure: Failure, inquiry: _Inquiry) -> None:
        failure.trap(LinkLost)
        self._is_over(inquiry)

    def _is_over(self, inquiry: _Inquiry) -> bool:
        """End *inquiry*. Return True if its result counts no more."""
        if self._open.get(inquiry.member.name) is not inquiry.key:
            return True
        del self._open[inquiry.member.name]
        return not inquiry.is_of_now


class _Inquiry:
    """One question, and those that repeat it.

    :ivar key: tells it from a later one about the same member.
    :ivar left: how often it is still asked without an answer.
    """

    def __init__(self, member: Member, epoch: str, states: tuple[MemberState, ...], key: object, left: int) -> None:
        self.member = member
        self.epoch = epoch
        self.states = states
        self.key = key
        self.left = left

    @property
    def is_of_now(self) -> bool:
        """Whether the member is the same process still, in the state in which it was asked."""
        return self.member.epoch == self.epoch and self.member.state in self.states
