"""The questions of one connection: one at a time, how long each waits, and the silence after a lost answer. Pure.

A text whose acknowledgement is awaited (``ack``) is a question as well, so that neither takes the answer of the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from netd.wire.fields import Match
from netd.wire.identity import WireIdentity
from netd.wire.outlet import IWireOutlet, Report, WireNote
from netd.wire.plan import AskedRegularly, AskTally
from netd.wire.rules import Meter, Rule, RuleSet
from netd.wire.voice import MOST_WAITING, WireVoice

__all__ = ["PendingQuestion", "QuestionQueue"]

QUIET = 1.0
"""Seconds without a stray message after which the answers to questions are in step again."""


@define(eq=False)
class PendingQuestion:
    """Something said that is answered by a message.

    :ivar rules: the rule that reads the answer; None if any message is the answer.
    :ivar number: which of the plan's questions it is; None for somebody's own.
    :ivar tally: counts what becomes of a question of the plan.
    :ivar since: when it was said.
    """

    payload: bytes
    rules: RuleSet | None
    report: Report | None = None
    number: int | None = None
    tally: AskTally | None = None
    since: float = 0.0

    def read(self, message: bytes, meter: Meter | None) -> tuple[Rule, Match] | None:
        """Return what its rule finds in *message*."""
        return None if self.rules is None else self.rules.match(message, meter)

    def tell(self, found: tuple[Rule, Match] | None, text: str) -> None:
        """Tell whoever asked the answer: *text*, in which its rule has *found* this."""
        if self.report is None:
            return
        if found is not None:
            self.report(str(found[1].values.get("answer", text)), "")
        elif self.rules is None:
            self.report(text, "")
        else:
            self.report(None, f"it answered {text[:200]!r}, which `ack` does not match")

    def fail(self, why: str) -> None:
        """Tell whoever asked that there is no answer."""
        if self.report is not None:
            self.report(None, why)


class QuestionQueue:
    """Asks one question after the other.

    :param voice: says them; its plan has the regular ones, and how long an answer may take.
    :ivar present: the question whose answer is awaited; None if there is none.
    """

    __slots__ = ("_answer_due", "_asks_due", "_identity", "_outlet", "_quiet_due", "_voice", "_waiting", "present")

    def __init__(self, voice: WireVoice, identity: WireIdentity, outlet: IWireOutlet) -> None:
        self._voice = voice
        self._identity = identity
        self._outlet = outlet
        # Lists: an empty deque takes 600 bytes, and these are short, and empty nearly always.
        self._waiting: list[PendingQuestion] = []
        self._asks_due: list[float | None] = []
        self._answer_due: float | None = None
        self._quiet_due: float | None = None
        self.present: PendingQuestion | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked, nor waits to be."""
        return self.present is None and not self._waiting

    @property
    def expects_answer(self) -> bool:
        """Whether what comes may be an answer, in time or too late."""
        return self.present is not None or self._quiet_due is not None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is asked because what comes may be a late answer."""
        return self._quiet_due is not None

    @property
    def due(self) -> float | None:
        """When something is to be done next; None: not until something else has happened."""
        first = self._answer_due
        for time in (self._quiet_due, *self._asks_due):
            if time is not None and (first is None or time < first):
                first = time
        return first

    def follow(self, before: Sequence[AskedRegularly]) -> None:
        """Forget the regular questions *before*: the plan is another. What was asked is answered as before."""
        self._waiting = [question for question in self._waiting if question.number is None]
        if self.present is not None and self.present.number is not None:
            self._go_on_asking(self.present, before[self.present.number])

    def _go_on_asking(self, question: PendingQuestion, before: AskedRegularly) -> None:
        """Let the answer to *question* count if the plan in force has it, too."""
        question.number = None
        for number, ask in enumerate(self._voice.plan.asks):
            if ask.is_like(before):
                question.number, question.rules, question.tally = number, ask.rules, ask.tally

    def start(self, now: float) -> None:
        """Ask the regular questions of the plan from now on."""
        self._asks_due = [now for _ in self._voice.plan.asks]
        self.ask_what_is_due(now)

    def end_regular(self) -> None:
        """Ask the regular questions of the plan no more."""
        self._asks_due = []
        self._waiting = [question for question in self._waiting if question.report is not None]

    def put(self, payload: bytes, rules: RuleSet | None, report: Report, now: float) -> None:
        """Ask what somebody wants to know, after all that waits."""
        if len(self._waiting) >= MOST_WAITING:
            report(None, f"{MOST_WAITING} others wait for their answers; try again later")
        else:
            self._waiting.append(PendingQuestion(payload, rules, report))
            self.ask_next(now)

    def ask_what_is_due(self, now: float) -> None:
        """Ask the regular questions whose time has come, unless they still wait for their turn."""
        for number, time in enumerate(self._asks_due):
            if time is None or time > now:
                continue
            ask = self._voice.plan.asks[number]
            self._asks_due[number] = now + ask.period if ask.period else None
            open_ones = [] if self.present is None else [self.present]
            if all(question.number != number for question in (*open_ones, *self._waiting)):
                payload = self._voice.rendered(ask.question, self._identity.given())
                if payload is not None:
                    self._waiting.append(PendingQuestion(payload, ask.rules, None, number, ask.tally))
        self.ask_next(now)

    def ask_next(self, now: float) -> None:
        """Ask what waits longest, if its turn has come."""
        if self.present is None and self._quiet_due is None and self._waiting:
            self.present = self._waiting.pop(0)
            self.present.since = now
            self._answer_due = now + self._voice.plan.answer_timeout
            why = self._voice.say(self.present.payload, now)
            if why and self.present.report is not None:
                self._unask(self.present.report, why, now)

    def _unask(self, report: Report, why: str, now: float) -> None:
        """Give up what somebody wants to ask and cannot be said."""
        self.present = self._answer_due = None
        report(None, why)
        self.ask_next(now)

    def answered(self, question: PendingQuestion, fits: bool, now: float) -> None:
        """The answer to the present *question* has come."""
        self.present = self._answer_due = None
        if question.tally is not None and fits:
            question.tally.took(now - question.since)
        elif question.tally is not None:
            question.tally.unfit += 1

    def strayed(self, message: bytes, now: float) -> None:
        """A message has come in the silence after a lost answer: the silence begins anew."""
        self._quiet_due = now + QUIET
        self._outlet.note(WireNote.STRAY, "it may be the late answer to a question that was given up (`answer_timeout`)", message)

    def wake(self, now: float) -> None:
        """Go on after the silence, or give the present question up, if it is time for that."""
        if self._quiet_due is not None and self._quiet_due <= now:
            self._quiet_due = None
            self.ask_next(now)
        if self.present is not None and self._answer_due is not None and self._answer_due <= now:
            self._miss(self.present, now)

    def _miss(self, question: PendingQuestion, now: float) -> None:
        """Give *question* up. What comes now may be its answer, so it answers nothing else."""
        self.present = self._answer_due = None
        why = f"no answer within {self._voice.plan.answer_timeout:g} s (`answer_timeout`)"
        self._outlet.note(WireNote.UNANSWERED, why, question.payload)
        self._quiet_due = now + QUIET
        if question.tally is not None:
            question.tally.unanswered += 1
        question.fail(why)

    def give_up(self, why: str) -> None:
        """Tell all who wait for an answer that there will be none: the connection ends."""
        questions = [question for question in (self.present, *self._waiting) if question is not None]
        if self.present is not None and self.present.tally is not None:
            self.present.tally.unanswered += 1
        self.present = self._answer_due = self._quiet_due = None
        self._waiting.clear()
        self._asks_due.clear()
        for question in questions:
            question.fail(why)
