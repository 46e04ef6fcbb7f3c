"""A transcript said again to a section: which rule takes each message, what it becomes, and whether the program hears the same.

The clock is the transcript's. Where netd dials, it asks when the recorded program was asked: an old script that sleeps a second
between two questions asks a little less often than each second, and would be out of step with a section after a minute.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile, zip_longest
from typing import Any

from netd.codec.jsontext import BadJSON, decode, encode
from netd.wire.consequences import Became, Consequence, ReplayDifference, ReplayedWire, ReplayStep
from netd.wire.fields import Match, WireReading
from netd.wire.machine import WireMachine
from netd.wire.messages import WireMessage
from netd.wire.nearest import nearest
from netd.wire.outlet import Answer, WireNote
from netd.wire.plain import SampleBlock
from netd.wire.plan import WirePlan
from netd.wire.recording import Direction, Recorded, Recording, escape
from netd.wire.rules import Rule, Verb

__all__ = ["difference_when_cut", "replay"]

MOST_WAKES = 40
"""Timers of one connection that may fire before it says what the recorded program heard."""

MOST_ALIKE = 20
"""Bytes of a difference that are the same on both sides: it may stand at the end of a long talk without lines."""

TICK = 0.001
"""Seconds by which the end of a silence is passed, so that rounding does not come before it."""

_MARK = "80319040702"
"""Stands for the value of a field in a reply. It is a number, which JSON has without quotes, and no text has it by chance."""

_NOTES = {WireNote.UNMATCHED: Became.UNMATCHED, WireNote.CHECK: Became.FAILED, WireNote.FRAMING: Became.REFUSED}


def replay(plan: WirePlan, recording: Recording, most: int | None = None) -> ReplayedWire:
    """Say *recording* to connections that go by *plan*.

    :param most: bytes of one read; None for reads as they were recorded.
    """
    stage = _ReplayStage(plan, recording, most)
    for event in recording.events:
        stage.play(event)
    stage.finish()
    return ReplayedWire(tuple(stage.steps), tuple(stage.differences()))


class _ReplayStage:
    """All connections of a recording while it is replayed.

    :ivar began: the beginning of the recording, in seconds since 1970.
    :ivar steps: what has happened so far.
    :ivar heard_texts: all messages that the recorded programs heard.
    """

    def __init__(self, plan: WirePlan, recording: Recording, most: int | None) -> None:
        self.plan = plan
        self.began = recording.began or 0.0
        self.steps: list[ReplayStep] = []
        self._open: dict[int, _ReplayedConnection] = {}
        self._most = most
        self._heard: dict[int, bytearray] = {}
        self._said: dict[int, bytearray] = {}
        self._to_be_heard: dict[int, deque[bytes]] = {}
        self._now = 0.0
        for event in recording.events:
            if event.direction is Direction.HEARD:
                self._to_be_heard.setdefault(event.connection, deque()).append(event.data)
        heard = (data for waiting in self._to_be_heard.values() for data in waiting)
        self.heard_texts = frozenset(text for data in heard for text in cut_into_messages(plan, data))

    def play(self, event: Recorded) -> None:
        """Let *event* happen."""
        for connection in list(self._open.values()):
            connection.pass_time(event.time)
        self._now = event.time
        number = event.connection
        if event.direction is Direction.OPENED:
            self._begin(number, escape(event.data))
        elif event.direction is Direction.HEARD:
            self._heard.setdefault(number, bytearray()).extend(event.data)
            self._open[number].hear(event.data)
            self._to_be_heard[number].popleft()
        elif event.direction is Direction.SAID:
            self._say(number, event.data)
        elif event.direction is Direction.CLOSED:
            self._open.pop(number).end()

    def finish(self) -> None:
        """Let pass the silence that the last message may wait for. Connections that were open stay so."""
        for connection in list(self._open.values()):
            connection.pass_time(self._now + (self.plan.frame.silence or 0.0) + TICK)

    def said(self, number: int, data: bytes) -> None:
        """The section says *data* on a connection."""
        self._said.setdefault(number, bytearray()).extend(data)

    def next_heard(self, number: int) -> str | None:
        """What the program hears next in the recording: the answer of something that only the running daemon can do."""
        waiting = self._to_be_heard.get(number)
        if not waiting:
            return None
        messages = cut_into_messages(self.plan, waiting[0])
        return messages[0].decode(self.plan.encoding, "replace") if messages else None

    def tell(self, speaker: int, payload: bytes, includes_itself: bool) -> None:
        """Say *payload* to all others, or to all."""
        for number, connection in list(self._open.items()):
            if includes_itself or number != speaker:
                connection.tell(payload)

    def differences(self) -> Iterator[ReplayDifference]:
        """The connections on which something else is said. A program that heard nothing had no server to compare with."""
        for number, heard in sorted(self._heard.items()):
            said = self._said.get(number, bytearray())
            if heard != said:
                same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(heard, said, strict=False)))
                start = max(heard.rfind(b"\n", 0, same) + 1, same - MOST_ALIKE)
                yield ReplayDifference(number, bytes(heard[start:]), bytes(said[start:]))

    def _begin(self, number: int, name: str) -> None:
        connection = self._open[number] = _ReplayedConnection(self, number, name, self._now)
        connection.machine.opened(self._now)

    def _say(self, number: int, data: bytes) -> None:
        if self.plan.is_datagram and self._open[number].outlet.is_closed:
            self._begin(number, self._open[number].outlet.name)  # netd has forgotten the address after a silence
        whole = self._most is None or self.plan.is_datagram
        size = max(len(data), 1) if whole or self._most is None else self._most
        for start in range(0, max(len(data), 1), size):
            self._open[number].say(data[start : start + size])


def cut_into_messages(plan: WirePlan, data: bytes) -> list[bytes]:
    """Return *data*, which the recorded program heard, as the messages that it is by the option ``say``."""
    decoder = plan.say.decoder(plan.max_message)
    return [*decoder.feed(data), *decoder.end()]


class _ReplayedConnection:
    """One connection that is replayed.

    :ivar machine: what takes the messages.
    :ivar outlet: what the machine talks to.
    """

    def __init__(self, stage: _ReplayStage, number: int, name: str, now: float) -> None:
        self._plan = stage.plan
        self._now = self._recorded = now
        self._last_said: float | None = None
        self.outlet = _ReplayOutlet(stage, number, name)
        self.machine = WireMachine(stage.plan, self.outlet, name)
        self.machine.watch = self.outlet.watch
        spoken = [*(one.question for one in stage.plan.asks), *(one.text for one in stage.plan.every)]
        self._regular = {one.render({}) for one in spoken}
        self._heard = stage.heard_texts

    def pass_time(self, recorded: float) -> None:
        """Let the time pass up to *recorded*, a time of the recording."""
        self.outlet.begin_step(recorded)
        wanted = self._now + recorded - self._recorded
        self._recorded = recorded
        until = self._end_of_silence() if self._plan.is_dialled else wanted
        if until is not None:
            self._wake_until(min(until, wanted))
        self._now = max(wanted, self._now)

    def _wake_until(self, until: float) -> None:
        """Let the timers fire that are due by then."""
        for _ in range(MOST_WAKES):
            due = self.machine.due()
            if due is None or due > until:
                break
            self._now = max(due, self._now)
            self.outlet.begin_step(self._recorded)
            self.machine.wake(self._now)

    def _end_of_silence(self) -> float | None:
        """When the message ends that waits for a silence. Where netd dials, no other timer goes by the recording."""
        silence = self._plan.frame.silence
        return None if silence is None or self._last_said is None else self._last_said + silence

    def say(self, data: bytes) -> None:
        """The program says *data*."""
        self.outlet.begin_step(self._recorded)
        self._last_said = self._now
        self.machine.received(data, self._now)

    def hear(self, data: bytes) -> None:
        """The program hears *data*. Where netd dials, it asks now, or sends what a person has told it to send.

        Where a silence ends the messages of the program, its old server has taken the newest one by now: netd lets the silence
        pass first, and a program that waits for the answer says nothing before.
        """
        end = self._end_of_silence()
        if not self._plan.is_dialled:
            if end is not None and end >= self._now:
                self._wake_until(end + TICK)
            return
        self.outlet.begin_step(self._recorded)
        texts = cut_into_messages(self._plan, data)
        for _ in range(MOST_WAKES):
            due = self.machine.due()
            if self.outlet.unheard or due is None or not self._regular or self._is_sent(texts):
                break
            self._now = max(due, self._now)
            self.machine.wake(self._now)
        if not self.outlet.unheard:
            for text in texts:
                self.machine.send(text.decode(self._plan.encoding, "replace"), self.outlet.answered, self._now)
        self.outlet.unheard = max(self.outlet.unheard - len(texts), 0)

    def _is_sent(self, texts: Sequence[bytes]) -> bool:
        """Whether a person has sent *texts*, where the old script asked what the section asks, and these were not it."""
        return bool(texts) and not self._regular & set(texts) and bool(self._regular & self._heard)

    def tell(self, payload: bytes) -> None:
        """Another connection has something told to this one."""
        self.machine.say(payload, self._now)

    def end(self) -> None:
        """The connection has ended."""
        self.outlet.begin_step(self._recorded)
        self.machine.ended(self._now)


class _ReplayOutlet:
    """Writes down what a machine does.

    :ivar name: what the connection is called by itself.
    :ivar unheard: how many messages it has said that the recorded program has not heard yet.
    """

    def __init__(self, stage: _ReplayStage, number: int, name: str) -> None:
        self._stage = stage
        self._number = number
        self._time = 0.0
        self._step: ReplayStep | None = None
        self.name = name
        self.unheard = 0
        self.is_closed = False

    def begin_step(self, time: float) -> None:
        """What happens next belongs to no message before it."""
        self._time = time
        self._step = None

    def watch(self, message: bytes, rule: Rule | None, _match: Match | None) -> None:
        """A message has come; *rule* takes it, or none."""
        self._step = ReplayStep(self._time, self._number, message, rule)
        self._stage.steps.append(self._step)

    def answered(self, answer: str | None, why: str) -> None:
        """Something that a person has sent is acknowledged, or never will be."""
        if answer is None:
            self._add(Became.NOTE, why)
        elif self._stage.plan.ack is not None:
            self._add(Became.ANSWER, answer)

    def _add(self, became: Became, text: str, who: str | None = None) -> None:
        if self._step is None:
            self._step = ReplayStep(self._time, self._number, None)
            self._stage.steps.append(self._step)
        named = None if who in {None, "", self.name} else who
        self._step.consequences.append(Consequence(self._number, became, named, text))

    # What the machine calls: see IWireOutlet

    def say(self, data: bytes) -> None:
        self.unheard += len(cut_into_messages(self._stage.plan, data))
        self._stage.said(self._number, data)
        self._add(Became.REPLY, escape(data))

    def wall(self) -> float:
        return self._stage.began + self._time

    def arrived(self, name: str) -> None:
        """The name says nothing new."""

    def hold(self, is_held: bool) -> None:
        """Nothing waits here: answers come at once."""

    def named(self, name: str, token: str) -> str:
        del token
        self._add(Became.NAME, name)
        return ""

    def sample(self, name: str, readings: Sequence[WireReading], time: float | None, rule: Rule) -> None:
        del time, rule
        for reading in readings:
            text = f"{reading.channel} {reading.value:.10g} {reading.unit}".rstrip()
            self._add(Became.SAMPLE, text, reading.name or name)

    def sampled(self, name: str, block: SampleBlock, rule: Rule) -> None:
        """Never called: a machine that is watched takes each message by itself."""

    def said(self, name: str, values: Mapping[str, Any], rule: Rule | None) -> None:
        if rule is None or rule.verb not in {Verb.TELL, Verb.TELL_ALL}:
            self._add(Became.EVENT, _as_json({key: one for key, one in values.items() if key != "name"}), name)

    def told(self, name: str, payload: bytes, includes_itself: bool) -> None:
        self._add(Became.TELL, escape(payload), name)
        self._stage.tell(self._number, payload, includes_itself)

    def called(self, function: str, values: Mapping[str, Any], answer: Answer) -> None:
        self._add(Became.CALL, f"{function} {_as_json(values)}")
        self._answer(answer, "result", values)

    def sent(self, target: str, text: str, answer: Answer) -> None:
        self._add(Became.SEND, f"{target} {escape(text.encode())}")
        self._answer(answer, "answer", {"to": target})

    def _answer(self, answer: Answer, field: str, values: Mapping[str, Any]) -> None:
        heard = self._stage.next_heard(self._number)
        answer(f"{{{field}}}" if heard is None else self._within(heard, field, values), "", self._time)

    def _within(self, heard: str, field: str, values: Mapping[str, Any]) -> str:
        """What the field of the rule's reply held where the program heard *heard*: all of it, or what stands between the rest."""
        rule = None if self._step is None else self._step.rule
        if rule is None or rule.reply is None:
            return heard
        rest = rule.reply.render({**values, field: _MARK}).decode(rule.reply.encoding, "replace")
        before, mark, after = rest.partition(_MARK)
        is_so = mark and heard.startswith(before) and heard.endswith(after) and len(heard) >= len(before) + len(after)
        value = heard[len(before) : len(heard) - len(after)] if is_so else heard
        return _unquoted(value) if rule.reply.is_json else value

    def close(self, reason: str) -> None:
        self.is_closed = True
        self._add(Became.BYE if reason == "goodbye" else Became.CLOSE, "" if reason == "goodbye" else reason)

    def note(self, kind: WireNote, why: str, message: bytes) -> None:
        if kind is WireNote.CHECK:
            self._step = None  # the message was never looked at
        words = {WireNote.UNMATCHED: escape(message[:60]), WireNote.CHECK: ""}
        if kind is WireNote.UNMATCHED and self._step is not None:
            rules = self._stage.plan.rules
            self._step.why = nearest(rules.rules, WireMessage.of(message, rules.encoding))
        self._add(_NOTES.get(kind, Became.NOTE), words.get(kind, f"{kind.value}: {why}"))


def _unquoted(value: str) -> str:
    """The text that *value* is in JSON; *value* itself where it is no string of JSON."""
    try:
        found = decode(value.encode())
    except BadJSON:
        return value
    return found if isinstance(found, str) else value


def _as_json(values: Mapping[str, Any]) -> str:
    return encode(dict(sorted(values.items()))).decode()


def difference_when_cut(plan: WirePlan, recording: Recording, whole: ReplayedWire) -> tuple[str, str] | None:
    """Say *recording* byte by byte, and return the first consequence that differs from those of *whole*, before and after.

    None where everything stays the same, and where cuts have a meaning: datagrams, and messages that end by a silence.
    """
    if plan.is_datagram or plan.frame.silence is not None:
        return None
    cut = replay(plan, recording, 1)
    pairs = zip_longest(map(str, whole.consequences()), map(str, cut.consequences()), fillvalue="nothing")
    return next(((one, other) for one, other in pairs if one != other), None)
