"""What people and programs ask of one wire: its peers, its rules and questions, what did not fit, and to say something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from twisted.internet.defer import Deferred

from netd.errors import NoSuchTarget, OperationFailed
from netd.operations import Caller, Operation, Role
from netd.paging import LIMIT, ListPager
from netd.redaction import without_tokens
from netd.wire.hub import described
from netd.wire.messages import WireMessage
from netd.wire.nearest import nearest
from netd.wire.outlet import Report, WireNote
from netd.wire.plan import AskTally
from netd.wire.results import WireAnswer, WireMisfit, WirePeer, WirePeers, WireQuestion, WireRule
from netd.wire.roster import WireName
from netd.wire.section import Misfit, WireSection, WireTalker

__all__ = ["WireConsole"]

_STATES = ("online", "spoken for", "away")
"""The states of names, in the order of the list."""


class WireConsole:
    """The operations of one wire."""

    def __init__(self, section: WireSection) -> None:
        self._section = section

    def operations(self) -> list[Operation]:
        """Return the operations of a wire."""
        return [
            Operation(
                "wire.peers",
                self.peers,
                Role.VIEWER,
                "List the peers with their newest values, connected ones first",
                checks_subjects=True,
            ),
            Operation(
                "wire.send",
                self.send,
                Role.OPERATOR,
                "Send a text to a peer, in the form of the option `send`",
                checks_subjects=True,
            ),
            Operation("wire.ask", self.ask, Role.OPERATOR, "Ask a peer; its next message is the answer", checks_subjects=True),
            Operation("wire.tell", self.tell, Role.OPERATOR, "Tell all peers a text"),
            Operation("wire.close", self.close, Role.OPERATOR, "Close a peer's connection", checks_subjects=True),
            Operation("wire.rules", self.rules, Role.VIEWER, "List the rules, with how many messages each has taken"),
            Operation("wire.questions", self.questions, Role.VIEWER, "List the questions of `ask`, with what became of each"),
            Operation("wire.misfits", self.misfits, Role.VIEWER, "List what did not fit last, and why", checks_subjects=True),
        ]

    def peers(
        self,
        caller: Caller,
        contains: str = "",
        state: Literal["online", "spoken for", "away"] | None = None,
        newest: bool = False,
        limit: int = LIMIT,
        after: str | None = None,
    ) -> WirePeers:
        """Return a page of the peers whose presence *caller* may see, connected ones first.

        :param contains: a text in the peer's name or address.
        :param state: whether only peers that are online, away, or names for which another peer speaks, are meant.
        :param newest: whether the peers that became known last come first.
        :param limit: most rows of the page, up to 1000.
        :param after: what the page before gave as ``after``.
        """
        pager: ListPager[WireName] = ListPager(contains, state, newest, limit, after)
        for known in self._section.hub.names:
            if caller.may(self._subject(known.name)):
                group = 0 if known.links else 2 if known.address else 1
                words = f"{known.name} {known.address}"
                pager.take(known, _STATES[group], lambda words=words: words, group, known.number)  # type: ignore[misc]
        rows, end = pager.page()
        return WirePeers([described(known) for known in rows], dict(pager.counts), pager.matching, end)

    def rules(self) -> list[WireRule]:
        """The rules, in their order."""
        taken: dict[str, int] = {rule.text: 0 for rule in self._section.config.rules or ()}
        for plan in self._section.plans():
            for rule, count in zip(plan.rules.rules, plan.rules.taken, strict=True):
                taken[rule.text] = taken.get(rule.text, 0) + count
        return [WireRule(rule, count) for rule, count in taken.items()]

    def questions(self) -> list[WireQuestion]:
        """The questions, in their order."""
        told = {(ask.period, ask.question.text, ask.rule.text): AskTally() for ask in self._section.config.ask or ()}
        for plan in self._section.plans():
            for ask in plan.asks:
                told[ask.period, ask.question.text, ask.rules.rules[0].text] = ask.tally
        return [
            WireQuestion(question, rule, period, one.answered, one.unfit, one.unanswered, one.seconds, one.slowest)
            for (period, question, rule), one in told.items()
        ]

    def misfits(self, caller: Caller) -> list[WireMisfit]:
        """The newest fifty things that did not fit, newest first; those of peers that *caller* may see."""
        everybody = caller.may(f"wire.{self._section.config.instance}.presence.*")
        return [
            WireMisfit(one.time, one.kind.value, one.name, one.address, self._why(one), self._text(one.message))
            for one in reversed(self._section.misfits)
            if everybody or (one.name and caller.may(self._subject(one.name)))
        ]

    def _why(self, misfit: Misfit) -> str:
        """The reason; for a message that no rule takes, also the rule of today that comes nearest."""
        if misfit.kind is not WireNote.UNMATCHED:
            return misfit.why
        config = self._section.config
        message = WireMessage.of(without_tokens(misfit.message), config.encoding)
        return "; ".join(filter(None, (misfit.why, nearest(config.rules or (), message))))

    def _text(self, message: bytes) -> str:
        return without_tokens(message).decode(self._section.config.encoding, "backslashreplace")

    def send(self, caller: Caller, name: str, text: str) -> Deferred[WireAnswer]:
        """Send a text to a peer.

        :returns: a Deferred of the answer that acknowledges it; empty where none does.
        :raises NoSuchTarget: if there is no such peer.
        :raises OperationFailed: if it is not acknowledged.
        """
        peer = self._peer(caller, name)
        return self._answered(name, lambda report: self._freely(lambda: peer.send(text, report)))

    def ask(self, caller: Caller, name: str, text: str) -> Deferred[WireAnswer]:
        """Ask a peer.

        :returns: a Deferred of its next message.
        :raises NoSuchTarget: if there is no such peer.
        :raises OperationFailed: if no answer comes in time.
        """
        peer = self._peer(caller, name)
        return self._answered(name, lambda report: self._freely(lambda: peer.ask(text, report)))

    def tell(self, text: str) -> int:
        """Tell all peers a text. Return how many these are.

        :raises OperationFailed: if it is no single message.
        """
        talkers = self._section.admitted()
        payload = text.encode(self._section.config.encoding, "replace")
        if any(plan.say.as_one(payload) is None for plan in self._section.plans()):
            raise OperationFailed("the text holds what ends a message here (`say`): tell one message at a time")
        for talker in talkers:
            self._freely(lambda talker=talker: talker.speak(payload))  # type: ignore[misc]
        return len(talkers)

    def close(self, caller: Caller, name: str) -> WirePeer:
        """Close the connection of a peer.

        :raises NoSuchTarget: if there is no such peer.
        """
        self._peer(caller, name).leave(f"closed by {caller.who}")
        return next(described(known) for known in self._section.hub.names if known.name == name)

    def _subject(self, name: str) -> str:
        return f"wire.{self._section.config.instance}.presence.{self._section.hub.roster.token_of(name)}"

    def _peer(self, caller: Caller, name: str) -> WireTalker:
        peer = self._section.peer(name)
        if peer is None or not caller.may(self._subject(name)):
            raise NoSuchTarget(f"no peer {name!r} is connected; `wire.peers` lists them")
        return peer

    def _freely(self, do: Callable[[], object]) -> None:
        """Say what a person wants said: by UDP, more than in answer to a datagram."""
        self._section.speaks_freely = True
        try:
            do()
        finally:
            self._section.speaks_freely = False

    @staticmethod
    def _answered(name: str, ask: Callable[[Report], object]) -> Deferred[WireAnswer]:
        answer: Deferred[WireAnswer] = Deferred(lambda _: None)

        def report(text: str | None, error: str) -> None:
            if answer.called:
                return
            if text is None:
                answer.errback(OperationFailed(error))
            else:
                answer.callback(WireAnswer(name, text))

        ask(report)
        return answer
