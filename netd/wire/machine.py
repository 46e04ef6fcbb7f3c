"""The life of one connection of a wire: bytes become messages, messages meet rules and questions, and time passes.

Pure: bytes and times are handed in, and everything that happens is told to an :class:`IWireOutlet`. The service carries
live connections through it, :mod:`netd.wire.replay` recorded ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netd.wire.actions import act, act_unmatched
from netd.wire.blocks import SampleLines, TakenRead
from netd.wire.deframer import WireDeframer
from netd.wire.fields import Match
from netd.wire.framing import FramingFailed
from netd.wire.identity import WireIdentity
from netd.wire.outlet import IWireOutlet, Report, WireNote
from netd.wire.plan import Unmatched, WirePlan
from netd.wire.question_queue import PendingQuestion, QuestionQueue
from netd.wire.rate import MessageRate
from netd.wire.rules import Meter, Rule, RuleSet, Verb
from netd.wire.sieve import Sieve, Sifted
from netd.wire.template import WireTemplate
from netd.wire.voice import WireVoice

__all__ = ["WireMachine"]

MOST_HELD = 64
"""Messages by UDP that wait while an answer is awaited. Of a connection, no more than was read wait."""

_TOO_MANY = "holds what ends a message here (`say`)"


class WireMachine:
    """One connection.

    :param name: what the peer is called unless it says another name.
    :param address: its address, for replies.
    :ivar identity: what the peer is called.
    :ivar voice: says what is said to it.
    :ivar outlet: is told what happens.
    :ivar is_open: whether it has not been ended.
    :ivar meter: measures what regular expressions cost.
    :ivar messages: the messages so far.
    :ivar watch: called with each message, and the rule and match that took it, or None.
    """

    __slots__ = (
        "_backlog",
        "_deframer",
        "_every_due",
        "_heard",
        "_is_ending",
        "_is_held",
        "_is_torn",
        "_plan",
        "_questions",
        "_rate",
        "identity",
        "is_open",
        "messages",
        "meter",
        "outlet",
        "voice",
        "watch",
    )

    def __init__(self, plan: WirePlan, outlet: IWireOutlet, name: str, address: str = "") -> None:
        self._plan = plan
        self.outlet = outlet
        self.identity = WireIdentity(name, address, outlet)
        self.voice = WireVoice(plan, outlet)
        self._deframer = WireDeframer(plan, outlet)
        self._rate = MessageRate(plan.rate, outlet)
        self._questions = QuestionQueue(self.voice, self.identity, outlet)
        self._every_due: list[float] = []
        self._backlog: list[bytes] = []  # an empty deque takes 600 bytes, and this is empty nearly always
        self._heard = 0.0
        self._is_ending = False
        self._is_held = False
        self._is_torn = plan.is_dialled
        self.is_open = True
        self.messages = 0
        self.meter: Meter | None = None
        self.watch: Callable[[bytes, Rule | None, Match | None], object] | None = None

    def follow(self, plan: WirePlan, now: float) -> None:
        """Go by another *plan* from now on; what was asked is answered as before."""
        before, self._plan = self._plan, plan
        self.voice.plan = plan
        self._rate.limit = plan.rate
        if (plan.frame, plan.max_message) != (before.frame, before.max_message):
            self._deframer.follow(plan)
        self._questions.follow(before.asks)
        self._start_clocks(now)

    # What happens to the connection

    def opened(self, now: float) -> None:
        """The connection is made."""
        self._heard = now
        if self._plan.is_dialled:
            self.identity.known()
        for line in self._plan.greeting:
            self.voice.fill(line, self.identity.given(), now)
        self._start_clocks(now)

    def _start_clocks(self, now: float) -> None:
        if self.is_open:
            self._every_due = [now + one.period for one in self._plan.every]
            if self._is_ending:
                self._questions.end_regular()
            else:
                self._questions.start(now)

    def received(self, data: bytes, now: float) -> None:
        """Bytes have come, or one datagram."""
        if not self.is_open:
            return
        self._heard = now
        left = self._take_in(data, now)
        while left and self.is_open:
            left = self._take_in(left, now)
        if self._plan.is_datagram:
            self._end_message(now, data)
        else:
            self._deframer.heard(now)

    def received_portion(self, data: bytes, now: float) -> bytes:
        """Bytes of a connection have come. Return those that are for the next portion, because these have cost enough."""
        left = b""
        if self.is_open:
            self._heard = now
            left = self._take_in(data, now)
            self._deframer.heard(now)
        return left if self.is_open else b""

    @property
    def reads_blocks(self) -> bool:
        """Whether it takes many messages at once, so that a portion may be long."""
        return self._plan.blocks is not None and self._is_undisturbed()

    def input_ended(self, now: float) -> None:
        """The peer has said its last word, and may still listen: the connection ends when all is answered."""
        self._end_message(now)
        self._is_ending = True
        self._questions.end_regular()  # nobody would answer
        self._end_if_done()

    def end_when_done(self, _now: float) -> None:
        """End the connection as soon as nothing is asked any more."""
        self._is_ending = True
        self._end_if_done()

    def ended(self, now: float) -> None:
        """The connection is gone."""
        self._end_message(now)
        self.give_up("the connection has ended")

    @property
    def held(self) -> int:
        """The number of bytes of the unfinished message."""
        return self._deframer.held

    def give_up(self, why: str) -> None:
        """Tell all who wait for an answer that there will be none."""
        self.is_open = False
        self._backlog.clear()
        self._questions.give_up(why)

    # Time

    def due(self) -> float | None:
        """When :meth:`wake` is to be called; None: not until something else has happened."""
        if not self.is_open:
            return None
        idle = self._plan.idle_timeout
        first = None if idle is None else self._heard + idle
        for time in (self._deframer.due, self._questions.due, self.voice.due, *self._every_due):
            if time is not None and (first is None or time < first):
                first = time
        return first

    def wake(self, now: float) -> None:
        """Do what is due."""
        if self._deframer.due is not None and self._deframer.due <= now:
            self._end_message(now)
        if self.is_open and self.voice.due is not None and self.voice.due <= now:
            self.voice.go_on(now)
        if self.is_open:
            self._questions.wake(now)
            self._end_if_done()
        self._say_what_is_due(now)
        if self.is_open:
            self._questions.ask_what_is_due(now)
        idle = self._plan.idle_timeout
        if self.is_open and idle is not None and self._heard + idle <= now:
            self.close(f"silent for {idle:g} s")

    def _say_what_is_due(self, now: float) -> None:
        for number, time in enumerate(self._every_due):
            if time <= now and self.is_open:
                one = self._plan.every[number]
                self._every_due[number] = now + one.period
                self.voice.fill(one.text, self.identity.given(), now)

    # What others want of it

    def say(self, payload: bytes, now: float) -> None:
        """Say *payload*, framed as the section has it."""
        if self.is_open:
            self.voice.say(payload, now)

    def say_filled(self, template: WireTemplate, now: float) -> None:
        """Say *template* with what is known of the peer, framed as the section has it."""
        if self.is_open:
            self.voice.fill(template, self.identity.given(), now)

    def send(self, text: str, report: Report, now: float) -> None:
        """Send *text* as ``send`` has it. The report comes when it is acknowledged, or at once where nothing does that."""
        values = {**self.identity.given(), "text": text}
        whole = self.voice.rendered(self._plan.send, values, is_cut=False)
        payload = None if whole is None else self.voice.as_one(self._plan.send, values, whole)
        if whole is None:
            report(None, "its text does not fit into what `send` makes of it")
        elif payload is None:
            report(None, f"its text {_TOO_MANY}: send one message at a time")
        elif self._plan.ack is not None:
            self._ask(payload, self._plan.ack, report, now)
        elif not self.is_open:
            report(None, "the connection has ended")
        else:
            why = self.voice.say(payload, now)
            report(None if why else "", why)

    def ask(self, text: str, report: Report, now: float) -> None:
        """Say *text*; the next message is the answer."""
        payload = self._plan.say.as_one(text.encode(self._plan.encoding, "replace"))
        if payload is None:
            report(None, f"its text {_TOO_MANY}: ask one thing at a time")
        else:
            self._ask(payload, None, report, now)

    def _ask(self, payload: bytes, rules: RuleSet | None, report: Report, now: float) -> None:
        if self.is_open:
            self._questions.put(payload, rules, report, now)
        else:
            report(None, "the connection has ended")

    def close(self, reason: str) -> None:
        """End the connection."""
        self.give_up(reason)
        self.outlet.close(reason)

    def hold(self) -> None:
        """Take no message more until :meth:`go_on`: an answer is awaited, and what follows stays behind it."""
        self._is_held = True
        self.outlet.hold(True)

    def go_on(self, now: float) -> None:
        """The answer has come: take what stayed behind it."""
        self._is_held = False
        while self._backlog and self.is_open and not self._is_held:
            self._take(self._backlog.pop(0), now)
        if not self._is_held:
            self.outlet.hold(False)
            self._end_if_done()

    def _end_if_done(self) -> None:
        if self._is_ending and self.is_open and not self._is_held and self._questions.is_empty:
            self.voice.flush()
            self.close("it said all")

    # Bytes

    def _take_in(self, data: bytes, now: float) -> bytes:
        """Take *data*, and return what is left of it: what is no block costs more, and is taken in portions there."""
        blocks = self._plan.blocks
        try:
            if blocks is None or not self._is_undisturbed():
                read = TakenRead(None, self._deframer.feed(data), b"")
            else:
                read = self._deframer.feed_block(blocks, data)
        except FramingFailed as error:
            self._fail(error, data, now)
            return b""
        if read.block is None:
            self._take_all(read.messages, now)
            return read.left
        self._take_block(read.block, now)
        return self._take_in(read.left, now) if read.left else b""

    def _end_message(self, now: float, data: bytes = b"") -> None:
        """Take the message that ends here, or the datagram *data*."""
        try:
            messages = self._deframer.end(data)
        except FramingFailed as error:
            self._fail(error, data, now)
        else:
            self._take_all(messages, now)

    def _fail(self, failure: FramingFailed, data: bytes, now: float) -> None:
        """End the connection, after the messages that came before."""
        self._take_all(failure.messages, now)
        if self.is_open:
            self.outlet.note(WireNote.FRAMING, str(failure), data)
            self.close(str(failure))

    def _is_undisturbed(self) -> bool:
        """Whether nothing is to be looked at message by message: no answer, no proof, and nobody who watches."""
        is_busy = self._questions.expects_answer or self._is_held or not self.is_open
        return not (is_busy or self.identity.needs_proof or self._is_torn or self.watch is not None)

    # Many messages at once

    def _take_block(self, block: SampleLines, now: float) -> None:
        """Take samples that came together, as far as they are within the rate."""
        self.messages += block.count
        self._deframer.shift.passed()
        admitted = self._rate.admitted(block.count, b"", now)
        if not admitted:
            return
        if admitted < block.count:
            block = block.first(admitted)
        self._plan.rules.taken[0] += block.count
        self.outlet.sampled(self.identity.name or self.identity.known(), block, block.reader.rule)

    def _take_all(self, messages: Sequence[bytes], now: float) -> None:
        sieve, at = self._plan.sieve, 0
        if sieve is not None and self._is_undisturbed() and self._rate.has_room(len(messages), now):
            at = self._sift(sieve, messages, now)
        for message in messages[at:]:
            if self._is_held:
                self._keep(message)
            elif self.is_open:
                self._take(message, now)

    def _sift(self, sieve: Sieve, messages: Sequence[bytes], now: float) -> int:
        """Take the samples of numbers among *messages* together. Return how many messages were taken, up to one that disturbs."""
        found: Sifted = {}
        at = 0
        while at < len(messages) and self._is_undisturbed():
            stop, taken = sieve.sift(messages, at, found)
            if stop > at:
                self._deframer.shift.passed()
            at = stop
            if stop < len(messages):
                at += 1
                if found and self._is_in_order(taken):
                    self._tell_samples(sieve, found)
                self._follow_rule(taken, messages[stop], now)
        self._tell_samples(sieve, found)
        self.messages += at
        self._rate.add(at)
        return at

    def _is_in_order(self, found: tuple[Rule, Match] | None) -> bool:
        """Whether the samples before a message have to be told before what is done with it."""
        if found is None:
            return self._plan.unmatched is not Unmatched.COUNT
        rule, match = found
        is_known = rule.verb is Verb.NAME and match.values.get("name") == self.identity.name
        return rule.verb not in (Verb.EVENT, Verb.IGNORE) and not is_known

    def _tell_samples(self, sieve: Sieve, found: Sifted) -> None:
        for rule, rows in sieve.blocks(found):
            self.outlet.sampled(self.identity.name or self.identity.known(), rows, rule)

    # Messages one by one

    def _keep(self, message: bytes) -> None:
        if self._plan.is_datagram and len(self._backlog) >= MOST_HELD:
            self.outlet.note(WireNote.RATE, f"{MOST_HELD} messages wait for an answer", message)
        else:
            self._backlog.append(message)

    def _take(self, message: bytes, now: float) -> None:
        self.messages += 1
        if not self._rate.admitted(1, message, now):
            return
        question = self._questions.present
        if question is not None:
            self._take_answer(question, message, now)
        else:
            self._follow_rule(self._plan.rules.match(message, self.meter), message, now)
        self._is_torn = False

    def _take_answer(self, question: PendingQuestion, message: bytes, now: float) -> None:
        """Take a message while an answer is awaited: it is that, unless a rule of the section is about it."""
        found = question.read(message, self.meter)
        if found is None:
            other = self._plan.rules.match(message, self.meter)
            if other is not None and (question.rules is not None or other[0].verb not in (Verb.IGNORE, Verb.EVENT)):
                self._act(*other, message, now)
                return
        self._questions.answered(question, found is not None, now)
        if found is not None and question.number is not None:
            self._act(*found, message, now)
        elif found is None and question.rules is not None:
            self._miss_match(message, now)
        question.tell(found, message.decode(self._plan.encoding, "replace"))
        self._questions.ask_next(now)
        self._end_if_done()

    def _follow_rule(self, found: tuple[Rule, Match] | None, message: bytes, now: float) -> None:
        """Do what a rule has for *message*, or what is done with one that no rule takes."""
        if found is not None:
            self._act(*found, message, now)
        elif self._questions.is_quiet:
            self._questions.strayed(message, now)
        else:
            self._miss_match(message, now)

    def _miss_match(self, message: bytes, now: float) -> None:
        if self.watch is not None:
            self.watch(message, None, None)
        if self._is_torn:
            return  # of the first message after opening a serial port, only the end may be there
        self._deframer.note_misfits(1)
        blind = self._plan.rules.too_long_for(message)
        why = "no rule matches" if blind is None else f"no rule matches, and it is too long for the expression of {blind.place}"
        self.outlet.note(WireNote.UNMATCHED, why, message)
        act_unmatched(self, message, now)

    def _act(self, rule: Rule, match: Match, message: bytes, now: float) -> None:
        if self.watch is not None:
            self.watch(message, rule, match)
        self._deframer.shift.passed()
        act(self, rule, match, message, now)
