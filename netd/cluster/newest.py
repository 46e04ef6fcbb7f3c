"""The newest events of other nodes' subjects, fetched once: when they are wanted from now on, and when some were lost.

The question says what is wanted, and the other node goes by that from then on. So no event falls between the answer and the first
one that is forwarded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.cluster.eventwire import (
    BadEvents,
    NewestEvent,
    NewestQuestion,
    newest_answer,
    newest_question,
    read_newest,
    read_newest_question,
)
from netd.cluster.interest import AskedPart, demand_for, merged
from netd.cluster.interfaces import LinkLost, NoAnswer, NobodyThere
from netd.cluster.nodes import Nodes
from netd.cluster.receiving import Arrivals
from netd.codec.jsontext import BadJSON, encode
from netd.connection.shares import TurnShare
from netd.errors import OperationFailed
from netd.interfaces import IBus
from netd.message import Demand, Message

__all__ = ["NEWEST", "Newest"]

NEWEST = "newest"
"""What other nodes are asked for."""

LONGEST_QUESTION = 1 << 15
"""Bytes of the patterns of one question, roughly."""

AGAIN = 1.0
"""Seconds until a question is asked again that was not answered."""

STEP = 64
"""Subjects that are looked at in one step."""


class Newest:
    """Asks for the newest events, one question at a time of each node, and answers such questions.

    :param share: the share of the turn for this work.
    :param arrivals: whose events have come while their node is asked.
    :param take: returns the steps in which the events of a node are taken.
    :param told: called with a node that asks, its epoch, and what it wants.
    :param parts: returns what this node serves of what others want.
    """

    _log = Logger()

    def __init__(
        self,
        nodes: Nodes,
        bus: IBus,
        reactor: Any,
        share: TurnShare,
        arrivals: Arrivals,
        take: Callable[[str, list[NewestEvent], set[str]], Iterator[None]],
        told: Callable[[str, str, Mapping[str, Demand]], Any],
        parts: Callable[[Iterable[Mapping[str, Demand]]], Mapping[tuple[str, bool], AskedPart]],
    ) -> None:
        self._nodes = nodes
        self._bus = bus
        self._reactor = reactor
        self._share = share
        self._arrivals = arrivals
        self._take = take
        self._told = told
        self._parts = parts
        self._pending: dict[str, dict[str, Demand]] = {}
        self._open: dict[str, set[str]] = {}  # the subjects of events that have come since, by node
        self._timers: dict[str, Any] = {}

    def fetch(self, node: str, wants: Mapping[str, Demand]) -> None:
        """Have the newest events that *wants* take of *node*."""
        if wants:
            pending = self._pending.setdefault(node, {})
            for pattern, demand in wants.items():
                pending[pattern] = merged(pending.get(pattern), demand)
            if node not in self._open and node not in self._timers:
                self._ask_next(node)

    def forget(self, node: str) -> None:
        """Ask *node* for nothing more, and take no answer that is on its way."""
        self._pending.pop(node, None)
        if node in self._open:
            self._arrivals.end(node, self._open.pop(node))
        timer = self._timers.pop(node, None)
        if timer is not None:
            timer.cancel()

    def stop(self) -> None:
        """Ask for nothing more."""
        for node in [*self._open, *self._pending, *self._timers]:
            self.forget(node)
        self._share.stop()
        self._arrivals.stop()

    def answer(self, asked: object) -> Deferred[dict[str, object]]:
        """Return a Deferred of the newest events that another node asks for, as :meth:`Nodes.answer` needs it."""
        question = read_newest_question(asked)
        self._told(question.node, question.epoch, question.wants)
        found: Deferred[dict[str, object]] = Deferred()
        self._share.start(self._find(question, found))
        return found

    def _find(self, question: NewestQuestion, found: Deferred[dict[str, object]]) -> Iterator[None]:
        parts = self._parts([question.wants]).values()
        events: list[NewestEvent] = []
        for at, message in enumerate(self._bus.last(">"), 1):
            subject = message.subject
            is_own = not message.origin and "@" not in subject
            if is_own and subject > question.after and demand_for(subject, parts) is not None:
                events += self._event(message)
            if at % STEP == 0:
                yield
        found.callback(newest_answer(events))

    def _event(self, message: Message) -> list[NewestEvent]:
        try:
            text = message.encoded(encode)
        except BadJSON:
            return []
        return [NewestEvent(message.subject, message.time, text, self._bus.described(message.subject))]

    def _ask_next(self, node: str) -> None:
        self._timers.pop(node, None)
        pending = self._pending.pop(node, {})
        wants: dict[str, Demand] = {}
        size = 0
        while pending and size < LONGEST_QUESTION:
            pattern, demand = pending.popitem()
            wants[pattern] = demand
            size += len(pattern) + 20
        if pending:
            self._pending[node] = pending
        if wants:
            arrived = self._open[node] = self._arrivals.begin(node)
            self._ask(node, wants, "", arrived)

    def _ask(self, node: str, wants: dict[str, Demand], after: str, arrived: set[str]) -> None:
        question = NewestQuestion(self._nodes.name, self._nodes.epoch, wants, after)
        answer = self._nodes.ask(node, NEWEST, newest_question(question))
        answer.addCallback(self._answered, node, wants, arrived).addErrback(self._failed, node, wants, arrived)

    def _answered(self, answer: object, node: str, wants: dict[str, Demand], arrived: set[str]) -> None:
        events, has_more = read_newest(answer)
        if self._open.get(node) is not arrived:
            return
        self._share.start(self._take(node, events, arrived))
        if has_more:
            self._ask(node, wants, events[-1].subject, arrived)
        else:
            del self._open[node]
            self._share.start(self._end(node, arrived))
            self._ask_next(node)

    def _end(self, node: str, arrived: set[str]) -> Iterator[None]:
        """End what :meth:`_ask_next` has begun, behind all steps in which events are taken."""
        self._arrivals.end(node, arrived)
        yield

    def _failed(self, failure: Failure, node: str, wants: dict[str, Demand], arrived: set[str]) -> None:
        if not failure.check(LinkLost, NoAnswer, NobodyThere, OperationFailed, BadEvents):
            self._log.failure("cluster: the newest events of node {node} cannot be taken", failure, node=node)
        if self._open.get(node) is not arrived:
            return
        self._arrivals.end(node, self._open.pop(node))
        if failure.check(NoAnswer, LinkLost) and self._nodes.link.is_up and node in self._nodes.members:
            pending = self._pending.setdefault(node, {})
            pending.update({**wants, **pending})
            self._timers[node] = self._reactor.callLater(AGAIN, self._ask_next, node)
        else:  # what has failed fails again; a node that comes back is asked for everything
            self._pending.pop(node, None)
