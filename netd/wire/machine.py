"""What one connection of a wire says and hears: messages, rules, replies, questions and signs of life.

Pure: bytes and times are handed in, and everything that happens is told to an :class:`IWireOutlet`. The service carries
live connections through it, :mod:`netd.wire.replay` recorded ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field

from netd.wire.blocks import SampleLines
from netd.wire.fields import Match
from netd.wire.framing import FramingFailed, ShiftWatch
from netd.wire.outlet import Answer, IWireOutlet, Report, WireNote
from netd.wire.plan import AskedRegularly, AskTally, Unmatched, WirePlan
from netd.wire.rules import Meter, Rule, RuleSet, Verb
from netd.wire.sieve import Sieve, Sifted
from netd.wire.template import WireTemplate
from netd.wire.voice import MOST_WAITING, WireVoice

__all__ = ["WireMachine"]

MOST_HELD = 64
"""Messages by UDP that wait while an answer is awaited. Of a connection, no more than was read wait."""

QUIET = 1.0
"""Seconds without a stray message after which the answers to questions are in step again."""


_TOO_MANY = "holds what ends a message here (`say`)"


@define(eq=False)
class _WireQuestion:
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


@define(eq=False)
class _Clocks:
    """When something is to be done next; None: never."""

    silence: float | None = None
    answer: float | None = None
    quiet: float | None = None
    asks: list[float | None] = field(factory=list)
    every: list[float] = field(factory=list)


class WireMachine:
    """One connection.

    :param name: what the peer is called unless it says another name.
    :param address: its address, for replies.
    :ivar meter: measures what regular expressions cost.
    :ivar name: what it is called; empty until it has said something that counts.
    :ivar needs_proof: whether the peer has to say its name with a token before anything else counts.
    :ivar messages: the messages so far.
    :ivar watch: called with each message, and the rule and match that took it, or None.
    """

    __slots__ = (
        "_address",
        "_asked",
        "_backlog",
        "_clocks",
        "_decoder",
        "_default",
        "_failed",
        "_heard",
        "_is_ending",
        "_is_held",
        "_is_open",
        "_is_torn",
        "_outlet",
        "_plan",
        "_second",
        "_shift",
        "_this_second",
        "_voice",
        "_waiting",
        "messages",
        "meter",
        "name",
        "needs_proof",
        "watch",
    )

    def __init__(self, plan: WirePlan, outlet: IWireOutlet, name: str, address: str = "") -> None:
        self._plan = plan
        self._outlet = outlet
        self._default = name
        self._address = address
        self._decoder = plan.frame.decoder(plan.max_message)
        self._shift = ShiftWatch(plan.frame)
        self._failed = 0
        self._clocks = _Clocks()
        self._heard = 0.0
        self._is_open = True
        self._is_ending = False
        self._is_held = False
        self._is_torn = plan.is_dialled
        self._asked: _WireQuestion | None = None
        # Lists: an empty deque takes 600 bytes, and these are short, and empty nearly always.
        self._waiting: list[_WireQuestion] = []
        self._backlog: list[bytes] = []
        self._voice = WireVoice(plan, outlet)
        self._second = 0.0
        self._this_second = 0
        self.name = ""
        self.needs_proof = False
        self.messages = 0
        self.meter: Meter | None = None
        self.watch: Callable[[bytes, Rule | None, Match | None], object] | None = None

    def follow(self, plan: WirePlan, now: float) -> None:
        """Go by another *plan* from now on; what was asked is answered as before."""
        before, self._plan = self._plan, plan
        self._voice.plan = plan
        if (plan.frame, plan.max_message) != (before.frame, before.max_message):
            self._decoder = plan.frame.decoder(plan.max_message)
            self._shift = ShiftWatch(plan.frame)
            self._failed = 0
        self._waiting = [question for question in self._waiting if question.number is None]
        if self._asked is not None and self._asked.number is not None:
            self._go_on_asking(self._asked, before.asks[self._asked.number])
        self._start_clocks(now)

    def _go_on_asking(self, question: _WireQuestion, before: AskedRegularly) -> None:
        """Let the answer to *question* count if the plan in force has it, too."""
        question.number = None
        for number, ask in enumerate(self._plan.asks):
            if ask.is_like(before):
                question.number, question.rules, question.tally = number, ask.rules, ask.tally

    # What happens to the connection

    def opened(self, now: float) -> None:
        """The connection is made."""
        self._heard = now
        if self._plan.is_dialled:
            self._be_known()
        for line in self._plan.greeting:
            self._voice.fill(line, self._given(), now)
        self._start_clocks(now)

    def _start_clocks(self, now: float) -> None:
        self._clocks.every = [now + one.period for one in self._plan.every]
        self._clocks.asks = [] if self._is_ending else [now for _ in self._plan.asks]
        self._ask_what_is_due(now)

    def received(self, data: bytes, now: float) -> None:
        """Bytes have come, or one datagram."""
        if not self._is_open:
            return
        self._heard = now
        left = self._take_in(data, now)
        while left and self._is_open:
            left = self._take_in(left, now)
        if self._plan.is_datagram:
            self._decode(self._decoder.end, data, now)
        elif self._plan.frame.silence is not None:
            self._clocks.silence = now + self._plan.frame.silence

    def received_portion(self, data: bytes, now: float) -> bytes:
        """Bytes of a connection have come. Return those that are for the next portion, because these have cost enough."""
        left = b""
        if self._is_open:
            self._heard = now
            left = self._take_in(data, now)
            if self._plan.frame.silence is not None:
                self._clocks.silence = now + self._plan.frame.silence
        return left if self._is_open else b""

    @property
    def reads_blocks(self) -> bool:
        """Whether it takes many messages at once, so that a portion may be long."""
        return self._plan.blocks is not None and self._is_undisturbed()

    def input_ended(self, now: float) -> None:
        """The peer has said its last word, and may still listen: the connection ends when all is answered."""
        self._decode(self._decoder.end, b"", now)
        self._is_ending = True
        self._clocks.asks = []  # nobody would answer
        self._waiting = [question for question in self._waiting if question.report is not None]
        self._end_if_done()

    def end_when_done(self, _now: float) -> None:
        """End the connection as soon as nothing is asked any more."""
        self._is_ending = True
        self._end_if_done()

    def ended(self, now: float) -> None:
        """The connection is gone."""
        self._decode(self._decoder.end, b"", now)
        self.give_up("the connection has ended")

    @property
    def held(self) -> int:
        """The number of bytes of the unfinished message."""
        return self._decoder.held

    def give_up(self, why: str) -> None:
        """Tell all who wait for an answer that there will be none."""
        self._is_open = False
        questions = [question for question in (self._asked, *self._waiting) if question is not None]
        self._asked = None
        self._waiting.clear()
        self._backlog.clear()
        for question in questions:
            if question.report is not None:
                question.report(None, why)

    # Time

    def due(self) -> float | None:
        """When :meth:`wake` is to be called; None: not until something else has happened."""
        if not self._is_open:
            return None
        clocks, idle = self._clocks, self._plan.idle_timeout
        first = None if idle is None else self._heard + idle
        for time in (clocks.silence, clocks.answer, clocks.quiet, self._voice.due, *clocks.every, *clocks.asks):
            if time is not None and (first is None or time < first):
                first = time
        return first

    def wake(self, now: float) -> None:
        """Do what is due."""
        clocks = self._clocks
        if clocks.silence is not None and clocks.silence <= now:
            clocks.silence = None
            self._decode(self._decoder.end, b"", now)
        if self._is_open and self._voice.due is not None and self._voice.due <= now:
            self._voice.go_on(now)
        if clocks.quiet is not None and clocks.quiet <= now:
            clocks.quiet = None
            self._ask_next(now)
        if clocks.answer is not None and clocks.answer <= now:
            self._miss(now)
        self._say_what_is_due(now)
        self._ask_what_is_due(now)
        idle = self._plan.idle_timeout
        if self._is_open and idle is not None and self._heard + idle <= now:
            self.close(f"silent for {idle:g} s")

    # What others want of it

    def say(self, payload: bytes, now: float) -> None:
        """Say *payload*, framed as the section has it."""
        if self._is_open:
            self._voice.say(payload, now)

    def say_filled(self, template: WireTemplate, now: float) -> None:
        """Say *template* with what is known of the peer, framed as the section has it."""
        if self._is_open:
            self._voice.fill(template, self._given(), now)

    def send(self, text: str, report: Report, now: float) -> None:
        """Send *text* as ``send`` has it. The report comes when it is acknowledged, or at once where nothing does that."""
        values = {**self._given(), "text": text}
        whole = self._voice.rendered(self._plan.send, values, is_cut=False)
        payload = None if whole is None else self._voice.as_one(self._plan.send, values, whole)
        if whole is None:
            report(None, "its text does not fit into what `send` makes of it")
        elif payload is None:
            report(None, f"its text {_TOO_MANY}: send one message at a time")
        elif self._plan.ack is not None:
            self._enqueue(_WireQuestion(payload, self._plan.ack, report), now)
        elif not self._is_open:
            report(None, "the connection has ended")
        else:
            why = self._voice.say(payload, now)
            report(None if why else "", why)

    def ask(self, text: str, report: Report, now: float) -> None:
        """Say *text*; the next message is the answer."""
        payload = self._plan.say.as_one(text.encode(self._plan.encoding, "replace"))
        if payload is None:
            report(None, f"its text {_TOO_MANY}: ask one thing at a time")
        else:
            self._enqueue(_WireQuestion(payload, None, report), now)

    def close(self, reason: str) -> None:
        """End the connection."""
        self.give_up(reason)
        self._outlet.close(reason)

    # Messages

    def _take_in(self, data: bytes, now: float) -> bytes:
        """Take *data*, and return what is left of it: what is no block costs more, and is taken in portions there."""
        blocks = self._plan.blocks
        if blocks is None or not self._is_undisturbed():
            self._decode(lambda: self._decoder.feed(data), data, now)
            return b""
        try:
            read = blocks.feed(self._decoder, data)
        except FramingFailed as error:
            self._fail(error, error.messages, data, now)
            return b""
        if read.block is None:
            self._take_all(read.messages, now)
            return read.left
        self._take_block(read.block, now)
        return self._take_in(read.left, now) if read.left else b""

    def _decode(self, decode: Callable[[], list[bytes]], data: bytes, now: float) -> None:
        failure: FramingFailed | None = None
        try:
            messages = decode()
        except FramingFailed as error:
            failure, messages = error, error.messages
        if self._decoder.failed != self._failed:
            self._outlet.note(WireNote.CHECK, "the sum within it is wrong (`check`)", data)
            self._note_shift(self._decoder.failed - self._failed)
            self._failed = self._decoder.failed
        if failure is None:
            self._take_all(messages, now)
        else:
            self._fail(failure, messages, data, now)

    def _fail(self, failure: FramingFailed, messages: Sequence[bytes], data: bytes, now: float) -> None:
        """End the connection, after the *messages* that came before."""
        self._take_all(messages, now)
        if self._is_open:
            self._refuse(WireNote.FRAMING, str(failure), data)

    def _is_undisturbed(self) -> bool:
        """Whether nothing is to be looked at message by message: no answer, no proof, and nobody who watches."""
        is_busy = self._asked is not None or self._is_held or self._clocks.quiet is not None or not self._is_open
        return not (is_busy or self.needs_proof or self._is_torn or self.watch is not None)

    def _take_block(self, block: SampleLines, now: float) -> None:
        """Take samples that came together, as far as they are within the rate."""
        rate, before = self._plan.rate, self._counted(now)
        self.messages += block.count
        self._this_second += block.count
        self._shift.passed()
        if self._this_second > rate:
            if before <= rate:
                self._outlet.note(WireNote.RATE, f"more than {rate} messages a second (`rate`)", b"")
            if before >= rate:
                return
            block = block.first(rate - before)
        self._plan.rules.taken[0] += block.count
        self._outlet.sampled(self.name or self._be_known(), block, block.reader.rule)

    def _take_all(self, messages: Sequence[bytes], now: float) -> None:
        sieve, at = self._plan.sieve, 0
        if sieve is not None and self._is_undisturbed() and self._counted(now) + len(messages) <= self._plan.rate:
            at = self._sift(sieve, messages, now)
        for message in messages[at:]:
            if self._is_held:
                self._keep(message)
            elif self._is_open:
                self._take(message, now)

    def _sift(self, sieve: Sieve, messages: Sequence[bytes], now: float) -> int:
        """Take the samples of numbers among *messages* together. Return how many messages were taken, up to one that disturbs."""
        found: Sifted = {}
        at = 0
        while at < len(messages) and self._is_undisturbed():
            stop, taken = sieve.sift(messages, at, found)
            if stop > at:
                self._shift.passed()
            at = stop
            if stop < len(messages):
                at += 1
                if found and self._is_in_order(taken):
                    self._tell_samples(sieve, found)
                self._follow_rule(taken, messages[stop], now)
        self._tell_samples(sieve, found)
        self.messages += at
        self._this_second += at
        return at

    def _is_in_order(self, found: tuple[Rule, Match] | None) -> bool:
        """Whether the samples before a message have to be told before what is done with it."""
        if found is None:
            return self._plan.unmatched is not Unmatched.COUNT
        rule, match = found
        is_known = rule.verb is Verb.NAME and match.values.get("name") == self.name
        return rule.verb not in (Verb.EVENT, Verb.IGNORE) and not is_known

    def _tell_samples(self, sieve: Sieve, found: Sifted) -> None:
        for rule, rows in sieve.blocks(found):
            self._outlet.sampled(self.name or self._be_known(), rows, rule)

    def _counted(self, now: float) -> int:
        """Return how many messages have come within this second."""
        if now - self._second >= 1.0:
            self._second, self._this_second = now, 0
        return self._this_second

    def _admits(self, message: bytes, now: float) -> bool:
        """Count a message against the rate, and note the first in each second that is above it."""
        rate, before = self._plan.rate, self._counted(now)
        self._this_second += 1
        if before == rate:
            self._outlet.note(WireNote.RATE, f"more than {rate} messages a second (`rate`)", message)
        return before < rate

    def _note_shift(self, failed: int) -> None:
        for why in filter(None, (self._shift.failed() for _ in range(failed))):
            self._outlet.note(WireNote.SHIFTED, why, b"")

    def _keep(self, message: bytes) -> None:
        if self._plan.is_datagram and len(self._backlog) >= MOST_HELD:
            self._outlet.note(WireNote.RATE, f"{MOST_HELD} messages wait for an answer", message)
        else:
            self._backlog.append(message)

    def _take(self, message: bytes, now: float) -> None:
        self.messages += 1
        if not self._admits(message, now):
            return
        if self._asked is not None:
            self._take_answer(self._asked, message, now)
        else:
            self._dispatch(message, now)
        self._is_torn = False

    def _take_answer(self, question: _WireQuestion, message: bytes, now: float) -> None:
        """Take a message while an answer is awaited: it is that, unless a rule of the section is about it."""
        found = None if question.rules is None else question.rules.match(message, self.meter)
        if found is None:
            other = self._plan.rules.match(message, self.meter)
            if other is not None and (question.rules is not None or other[0].verb not in (Verb.IGNORE, Verb.EVENT)):
                self._act(*other, message, now)
                return
        self._asked = self._clocks.answer = None
        if question.tally is not None:
            self._count(question, question.tally, found is not None, now)
        if found is not None and question.number is not None:
            self._act(*found, message, now)
        elif found is None and question.rules is not None:
            self._miss_match(message, now)
        if question.report is not None:
            self._report(question, found, message)
        self._ask_next(now)
        self._end_if_done()

    @staticmethod
    def _count(question: _WireQuestion, tally: AskTally, fits: bool, now: float) -> None:
        if fits:
            tally.took(now - question.since)
        else:
            tally.unfit += 1

    def _report(self, question: _WireQuestion, found: tuple[Rule, Match] | None, message: bytes) -> None:
        report, text = question.report, self._text(message)
        assert report is not None, "somebody asked"
        if found is not None:
            report(str(found[1].values.get("answer", text)), "")
        elif question.rules is None:
            report(text, "")
        else:
            report(None, f"it answered {text[:200]!r}")

    def _dispatch(self, message: bytes, now: float) -> None:
        self._follow_rule(self._plan.rules.match(message, self.meter), message, now)

    def _follow_rule(self, found: tuple[Rule, Match] | None, message: bytes, now: float) -> None:
        """Do what a rule has for *message*, or what is done with one that no rule takes."""
        if found is not None:
            self._act(*found, message, now)
        elif self._clocks.quiet is not None:
            self._clocks.quiet = now + QUIET
            self._outlet.note(WireNote.STRAY, "it may be the answer to a question that was given up", message)
        else:
            self._miss_match(message, now)

    def _miss_match(self, message: bytes, now: float) -> None:
        if self.watch is not None:
            self.watch(message, None, None)
        if self._is_torn:
            return  # of the first message after opening a serial port, only the end may be there
        plan = self._plan
        self._note_shift(1)
        is_stranger = self.needs_proof and plan.unmatched is not Unmatched.CLOSE
        unmatched = Unmatched.COUNT if is_stranger else plan.unmatched
        blind = plan.rules.too_long_for(message)
        why = "no rule matches" if blind is None else f"no rule matches, and it is too long for the expression of {blind.place}"
        self._outlet.note(WireNote.UNMATCHED, why, message)
        if unmatched is Unmatched.EVENT:
            self._outlet.said(self._be_known(), {"text": self._text(message)}, None)
        elif unmatched is Unmatched.REPLY and plan.unmatched_reply is not None:
            self._voice.fill(plan.unmatched_reply, {**self._given(), "text": self._text(message)}, now)
        elif unmatched is Unmatched.CLOSE:
            self.close("no rule matches what it said")

    def _act(self, rule: Rule, match: Match, message: bytes, now: float) -> None:
        if self.watch is not None:
            self.watch(message, rule, match)
        if self.needs_proof and (rule.verb is not Verb.NAME or "token" not in match.values):
            why = "it has not proved who it is: its first message is to be one with its token"
            self._outlet.note(WireNote.UNPROVEN, why, b"")
            self._turn_away(why, now)
            return
        self._shift.passed()
        self._ACTIONS[rule.verb](self, rule, match, message, now)

    def _do_sample(self, rule: Rule, match: Match, message: bytes, now: float) -> None:
        name = self.name or self._be_known()
        if match.readings:
            self._outlet.sample(name, match.readings, match.time, rule)
        self._reply(rule, match, message, now)

    def _do_event(self, rule: Rule, match: Match, message: bytes, now: float) -> None:
        self._outlet.said(str(match.values.get("name", "")) or self._be_known(), match.values, rule)
        self._reply(rule, match, message, now)

    def _do_name(self, rule: Rule, match: Match, message: bytes, now: float) -> None:
        name = str(match.values.get("name", ""))
        if name and (name != self.name or self.needs_proof):
            refusal = self._outlet.named(name, str(match.values.get("token", "")))
            if refusal:
                self._turn_away(refusal, now)
                return
            self.name, self.needs_proof = name, False
        self._reply(rule, match, message, now)

    def _do_bye(self, rule: Rule, match: Match, message: bytes, now: float) -> None:
        self._reply(rule, match, message, now)
        self._voice.flush()
        self.close("goodbye")

    def _do_tell(self, rule: Rule, match: Match, message: bytes, now: float) -> None:
        name = self._be_known()
        values = self._values(match, message)
        payload = self._voice.passed_on(message) if rule.reply is None else self._voice.rendered(rule.reply, values)
        self._outlet.said(name, match.values, rule)
        if payload is not None:
            self._outlet.told(name, payload, rule.verb is Verb.TELL_ALL)

    def _do_call(self, rule: Rule, match: Match, message: bytes, now: float) -> None:
        answer = self._await(rule, match, message, "result")
        self._outlet.called(rule.target or "", match.values, answer)

    def _do_send(self, rule: Rule, match: Match, message: bytes, now: float) -> None:
        values = self._values(match, message)
        target = rule.target or ""
        if target.startswith("{"):
            target = str(values.get(target[1:-1], ""))
        self._outlet.sent(target, str(values["text"]), self._await(rule, match, message, "answer"))

    def _do_reply(self, rule: Rule, match: Match, message: bytes, now: float) -> None:
        self._reply(rule, match, message, now)

    def _await(self, rule: Rule, match: Match, message: bytes, member: str) -> Answer:
        """Hold what follows *message* back, and return the function that goes on with the answer to it."""
        self._be_known()
        self._is_held = True
        self._outlet.hold(True)

        def answered(text: str | None, error: str, now: float) -> None:
            if self._is_open:
                self._reply(rule, match, message, now, {member: f"error: {error}" if text is None else text, "error": error})
            self._go_on(now)

        return answered

    def _go_on(self, now: float) -> None:
        self._is_held = False
        while self._backlog and self._is_open and not self._is_held:
            self._take(self._backlog.pop(0), now)
        if not self._is_held:
            self._outlet.hold(False)
            self._end_if_done()

    def _end_if_done(self) -> None:
        if self._is_ending and self._is_open and not self._is_held and self._asked is None and not self._waiting:
            self._voice.flush()
            self.close("it said all")

    _ACTIONS: Mapping[Verb, Callable[[WireMachine, Rule, Match, bytes, float], None]] = {
        Verb.SAMPLE: _do_sample,
        Verb.EVENT: _do_event,
        Verb.NAME: _do_name,
        Verb.BYE: _do_bye,
        Verb.TELL: _do_tell,
        Verb.TELL_ALL: _do_tell,
        Verb.CALL: _do_call,
        Verb.SEND: _do_send,
        Verb.IGNORE: _do_reply,
    }

    # Questions

    def _enqueue(self, question: _WireQuestion, now: float) -> None:
        if not self._is_open:
            assert question.report is not None, "only what people ask comes here after the end"
            question.report(None, "the connection has ended")
        elif len(self._waiting) >= MOST_WAITING:
            assert question.report is not None, "there are fewer questions in a section"
            question.report(None, f"{MOST_WAITING} others wait for their answers; try again later")
        else:
            self._waiting.append(question)
            self._ask_next(now)

    def _ask_what_is_due(self, now: float) -> None:
        asks = self._clocks.asks
        for number, time in enumerate(asks):
            if time is None or time > now or not self._is_open:
                continue
            ask = self._plan.asks[number]
            asks[number] = now + ask.period if ask.period else None
            open_ones = [] if self._asked is None else [self._asked]
            if all(question.number != number for question in (*open_ones, *self._waiting)):
                payload = self._voice.rendered(ask.question, self._given())
                if payload is not None:
                    self._waiting.append(_WireQuestion(payload, ask.rules, None, number, ask.tally))
        self._ask_next(now)

    def _ask_next(self, now: float) -> None:
        if self._asked is None and self._clocks.quiet is None and self._waiting and self._is_open:
            self._asked = self._waiting.pop(0)
            self._asked.since = now
            self._clocks.answer = now + self._plan.answer_timeout
            why = self._voice.say(self._asked.payload, now)
            if why and self._asked.report is not None:
                self._unask(self._asked.report, why, now)

    def _unask(self, report: Report, why: str, now: float) -> None:
        """Give up what somebody wants to ask and cannot be said."""
        self._asked = self._clocks.answer = None
        report(None, why)
        self._ask_next(now)

    def _miss(self, now: float) -> None:
        """Give the present question up. What comes now may be its answer, so it answers nothing else."""
        question, self._asked, self._clocks.answer = self._asked, None, None
        assert question is not None, "the clock belongs to it"
        why = f"no answer within {self._plan.answer_timeout:g} s"
        self._outlet.note(WireNote.UNANSWERED, why, question.payload)
        self._clocks.quiet = now + QUIET
        if question.tally is not None:
            question.tally.unanswered += 1
        if question.report is not None:
            question.report(None, why)
        self._end_if_done()

    # What is said

    def _say_what_is_due(self, now: float) -> None:
        every = self._clocks.every
        for number, time in enumerate(every):
            if time <= now and self._is_open:
                one = self._plan.every[number]
                every[number] = now + one.period
                self._voice.fill(one.text, self._given(), now)

    def _reply(self, rule: Rule, match: Match, message: bytes, now: float, more: Mapping[str, Any] | None = None) -> None:
        if rule.reply is not None:
            values = {**self._values(match, message), **(more or {})}
            self._voice.fill(rule.reply, values, now)

    def _values(self, match: Match, message: bytes) -> dict[str, Any]:
        return {**self._given(), "text": self._text(message), **match.values}

    def _given(self) -> dict[str, Any]:
        return {"name": self.name or self._default, "address": self._address, "time": self._outlet.wall()}

    def _text(self, message: bytes) -> str:
        return message.decode(self._plan.encoding, "replace")

    def _be_known(self) -> str:
        """Return what the peer is called. It arrives with that, unless it has said another name before."""
        if not self.name:
            self.name = self._default
            self._outlet.arrived(self.name)
        return self.name

    def _turn_away(self, why: str, now: float) -> None:
        """Tell the peer, in words as they stand at the door, that it may not be here, and end the connection."""
        self._voice.say(f"error: {why}".encode(self._plan.encoding, "replace"), now)
        self._voice.flush()
        self.close(why)

    def _refuse(self, kind: WireNote, why: str, data: bytes) -> None:
        self._outlet.note(kind, why, data)
        self.close(why)
