"""From a recording to the draft of a section: framing, kinds of message, and what is said to each."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence

from attrs import evolve, frozen

from netd.wire.checks import Check, parse_check
from netd.wire.learn.cells import split_cells
from netd.wire.learn.columns import ColumnSlot
from netd.wire.learn.conversation import Conversation, conversation_of
from netd.wire.learn.frames import FoundFrame, find_frame
from netd.wire.learn.hidden import hide_literals, secrets_in, starred, without_secrets
from netd.wire.learn.kind import MessageKind
from netd.wire.learn.kinds import text_kinds
from netd.wire.learn.known import known_protocol
from netd.wire.learn.objects import object_kinds, object_of
from netd.wire.learn.order import in_order
from netd.wire.learn.questions import Question, QuestionsAndRest, questions_of, written_period
from netd.wire.learn.refusals import refusal
from netd.wire.learn.replies import AnswerKind, heard_by
from netd.wire.learn.scene import Scene
from netd.wire.learn.structs import introduction_struct, struct_kind
from netd.wire.learn.sums import find_check
from netd.wire.learn.utterances import MOST_MESSAGES, Overheard, OverheardDialogue, Utterance, dialogue_of
from netd.wire.learn.vocabulary import quantity_of, slug
from netd.wire.learn.wording import encoding_of, escaped, guarded, is_text
from netd.wire.learn.writer import SectionDraft
from netd.wire.recording import Direction, Recording, Transport

__all__ = ["WireDraft", "draft"]

_MAX_MESSAGE, _LONGEST_MESSAGE = 4096, 1024
"""Bytes that a section takes by itself, and the KiB that it may be told to take."""
_DEVICE = re.compile(r"[\w/.+-]{1,200}", re.ASCII)
_REMOTE = re.compile(r"[\w.-]{1,253}:[0-9]{1,5}", re.ASCII)
_SHORTEST_PERIOD = 0.2
"""Seconds between two things that netd says of its own accord; what came faster had a cause."""


@frozen
class WireDraft:
    """What has been learned.

    :ivar section: the text of the section; empty if the program is refused.
    :ivar transcript: the recording, its secrets starred.
    :ivar remarks: what a person should know, a sentence each.
    :ivar refused: why no section can serve this program; None if one can.
    """

    section: str
    transcript: Recording
    remarks: tuple[str, ...] = ()
    refused: str | None = None


def draft(recording: Recording, name: str, endpoint: str | None = None) -> WireDraft:
    """Return the draft of the section ``[wire:name]`` for the program of *recording*.

    :param endpoint: where netd listens for the program, or dials it; None for what the recording says, or an example.
    """
    conversation = conversation_of(recording)
    refused = refusal(conversation)
    if refused is not None:
        return WireDraft("", without_secrets(recording, secrets_in(recording, ())), (refused,), refused)
    known = known_protocol(conversation)
    if known is not None:
        text = known.section(name, _endpoint(recording, endpoint))
        return WireDraft(text, without_secrets(recording, secrets_in(recording, ())), (f"this is {known.recipe.title}",))
    learner = _Learner(conversation, SectionDraft(name, _endpoint(recording, endpoint)))
    learner.learn()
    secrets = secrets_in(recording, learner.kinds)
    remarks = (*learner.section.remarks, *learner.section.doubts)
    return WireDraft(learner.section.text(), without_secrets(recording, secrets), remarks)


def _endpoint(recording: Recording, given: str | None) -> tuple[str, str]:
    option = "connect" if recording.is_dialled else "listen"
    if given is not None:
        return option, given
    if not recording.is_dialled:
        return option, "udp:9000:interface=127.0.0.1" if recording.transport is Transport.UDP else "tcp:9000:interface=127.0.0.1"
    address = next(
        (event.data.decode("utf-8", "replace") for event in recording.events if event.direction is Direction.OPENED), ""
    )
    # A transcript may come from anybody: what is no address would be options, or sections, of the draft.
    if recording.transport is Transport.SERIAL:
        return option, f"serial:{address if _DEVICE.fullmatch(address) else '/dev/ttyUSB0'}:9600"
    return option, f"tcp:{address}" if _REMOTE.fullmatch(address) else "tcp:192.0.2.1:9000"


class _Learner:
    """Fills a section from a conversation."""

    def __init__(self, conversation: Conversation, section: SectionDraft) -> None:
        self.section = section
        self.kinds: list[MessageKind] = []
        self._conversation = conversation

    def learn(self) -> None:
        """Find out everything."""
        found = find_frame(self._conversation)
        dialogue = dialogue_of(self._conversation, found)
        messages = [one.data for one in dialogue.utterances]
        self._frame(found, messages)
        is_udp = self._conversation.transport is Transport.UDP
        scene = Scene(found.say or found.frame, encoding_of(messages), self._conversation.is_dialled, is_udp)
        if scene.encoding != "utf-8":
            self.section.options["encoding"] = scene.encoding
        check, tail = self._check(messages)
        told = [one for one in dialogue.utterances if self._is_whole(one, check)]
        dialogue = evolve(dialogue, utterances=tuple(told))
        unasked: Sequence[Utterance] = dialogue.utterances
        if dialogue.asks:
            unasked = self._questions(dialogue, scene, tail)
            scene.has_asks = bool(self.section.asks)
        else:
            scene.is_greeted = not is_udp and self._greeting(dialogue)
        self._rules(unasked, scene, tail)
        if not dialogue.asks:
            self._unprompted(dialogue, scene.say)
        self._remark(dialogue)

    def _frame(self, found: FoundFrame, messages: Sequence[bytes]) -> None:
        usual = "datagram" if self._conversation.transport is Transport.UDP else "lines"
        if found.frame != usual:
            self.section.options["frame"] = found.frame
        if found.say is not None:
            self.section.options["say"] = found.say
        if found.doubt is not None:
            self.section.doubts.append(f"frame: {found.doubt}")
        longest = max(map(len, messages), default=0)
        if longest > _MAX_MESSAGE:
            self.section.options["max_message"] = f"{min(1 << (longest - 1).bit_length() - 10, _LONGEST_MESSAGE)}KiB"

    def _check(self, messages: Sequence[bytes]) -> tuple[Check | None, int]:
        """Find the check; return it, and the number of bytes at the end that are the sum and what follows it."""
        found = find_check(messages)
        if found is None:
            return None, 0
        self.section.options["check"] = found
        _, _, behind = found.partition("..-")
        return parse_check(found), int(behind) if behind else {"nmea": 0, "xor": 1, "sum": 1}.get(found, 2)

    @staticmethod
    def _is_whole(one: Utterance, check: Check | None) -> bool:
        """Whether the sum of a message is right. The sum of a sentence of NMEA is taken off it, as the rules see it."""
        body = one.data if check is None else check.body(one.data)
        one.data = body if body is not None else one.data
        return body is not None

    # what netd says of its own accord

    def _greeting(self, dialogue: OverheardDialogue) -> bool:
        """What each connection hears before it says anything."""
        by_talk: dict[int, list[bytes]] = {}
        for one in dialogue.overheard:
            if one.is_greeting and one.data:
                by_talk.setdefault(one.talk, []).append(one.data)
        if not by_talk:
            return False
        counts = Counter(tuple(lines) for lines in by_talk.values())
        lines, count = counts.most_common(1)[0]
        if count * 2 >= len(self._conversation.talks):
            self.section.lines["greeting"] = [guarded(escaped(line)) for line in lines]
            return True
        self.section.doubts.append("what the program hears first varies; write greeting = … for what always fits")
        return False

    def _unprompted(self, dialogue: OverheardDialogue, say: str) -> None:
        """What is heard without a cause, and what seldom follows a message of some kind."""
        seldom = [
            Overheard(one.talk, one.time, data, is_greeting=False)
            for kind in self.kinds
            if kind.answer.kind is AnswerKind.NONE
            for one in kind.members
            if (data := heard_by(one, say)[1]) is not None
        ]
        self._every([*(one for one in dialogue.overheard if not one.is_greeting), *seldom])

    def _every(self, overheard: Sequence[Overheard]) -> None:
        """What is heard again and again without a cause."""
        times: dict[bytes, list[float]] = {}
        for one in overheard:
            times.setdefault(one.data, []).append(one.time)
        for data, when in times.items():
            gaps = [later - sooner for sooner, later in itertools.pairwise(when)]
            is_regular = len(gaps) >= 2 and min(gaps) >= _SHORTEST_PERIOD and max(gaps) - min(gaps) <= 0.3 * max(gaps)
            if is_regular and self._conversation.transport is not Transport.UDP:
                self.section.lines.setdefault("every", []).append(
                    f"{written_period(sum(gaps) / len(gaps))} {guarded(escaped(data))}"
                )
            else:
                self.section.doubts.append(
                    f"the program heard {escaped(starred(data))[:40]} without having asked; netd send says such things"
                )

    def _questions(self, dialogue: OverheardDialogue, scene: Scene, tail: int) -> Sequence[Utterance]:
        found = questions_of(dialogue)
        if found.is_each:
            self.section.options["dial"] = "each"
        for question in found.asked:
            kind = self._answer_kind(question, scene, tail)
            line = f"{written_period(question.period)} {guarded(escaped(question.data))} => {kind.rule}"
            self.section.asks.append((line, kind.doubts))
        for question in found.said:
            self.section.lines.setdefault("every" if question.period else "greeting", []).append(
                f"{written_period(question.period)} {guarded(escaped(question.data))}"
                if question.period
                else guarded(escaped(question.data))
            )
        if found.settings:
            self._settings(found, scene, tail)
        return found.unasked

    def _settings(self, found: QuestionsAndRest, scene: Scene, tail: int) -> None:
        """What people send, and how that is acknowledged."""
        example = escaped(starred(found.settings[0]))[:40]
        self.section.doubts.append(f"{example} and its like were sent; netd send {self.section.name} TEXT does that")
        if found.acknowledgements:
            kind = max(_kinds_of(found.acknowledgements, scene, tail), key=lambda one: len(one.members))
            head = next((part for part in kind.parts if isinstance(part, str) and part.strip()), "")
            has_more = any(True for _ in kind.slots)
            self.section.options["ack"] = (
                f"{head.strip()} {{answer}}" if has_more and head[-1:] == " " else head + "{*}" * has_more or "{answer}"
            )

    def _answer_kind(self, question: Question, scene: Scene, tail: int) -> MessageKind:
        """The rule for the answers to a question; if they are of several kinds, the one for most of them."""
        kinds = _kinds_of(question.answers, scene, tail)
        kind = max(kinds, key=lambda one: len(one.members))
        kind.answer = type(kind.answer)(kind.answer.kind)
        quantity = quantity_of(question.data.decode("utf-8", "replace"))
        numbers = [slot for slot in kind.slots if slot.is_number and slot.is_named]
        if len(numbers) == 1 and quantity is not None and numbers[0].label.startswith("v"):
            numbers[0].label, numbers[0].unit = quantity[0], numbers[0].unit or quantity[1]
        if kind.verb not in {"sample", "event"}:
            kind.verb = "event"
        if question.period == 0 and kind.verb == "sample" and len(kind.members) == 1 and quantity is None:
            return self._whole_answer(question)
        if kind.verb == "event" and (kind.is_literal or len(kinds) > 1 or question.period == 0):
            return self._whole_answer(question)
        return kind

    @staticmethod
    def _whole_answer(question: Question) -> MessageKind:
        """The rule that takes any answer as one text, named by the question."""
        words = [slug(cell) for cell in split_cells(question.data.decode("utf-8", "replace")).cells]
        label = next((word for word in reversed(words) if word and not word[0].isdigit()), "text")
        return MessageKind(question.answers, "event", [ColumnSlot(label, is_named=True)])

    # what the program says

    def _rules(self, utterances: Sequence[Utterance], scene: Scene, tail: int) -> None:
        self.kinds = _kinds_of(utterances, scene, tail)
        for kind in self.kinds:
            hide_literals(kind)
        for kind in in_order(self.kinds, scene.encoding):
            self.section.rules.append((kind.rule, kind.doubts))
        if "ack" in self.section.options and not self.section.rules:
            self.section.rules.append(("ignore {*}", ()))
        elif not self.section.rules and not self.section.asks:
            self.section.rules.append(("event {text}", ["the program said nothing yet; this takes whatever it says"]))

    def _remark(self, dialogue: OverheardDialogue) -> None:
        said, talks = len(dialogue.utterances), len(self._conversation.talks)
        self.section.remarks.append(
            f"drafted by netd learn from {said} message{'s' * (said != 1)} of {talks} connection{'s' * (talks != 1)};"
            " lines that begin with ; ? are unsure"
        )
        if self._conversation.is_cut or said >= MOST_MESSAGES:
            self.section.remarks.append("the recording is long; only its beginning was looked at")


def _kinds_of(utterances: Sequence[Utterance], scene: Scene, tail: int) -> list[MessageKind]:
    """The kinds of *utterances*: JSON, text, and binary values."""
    utterances = [one for one in utterances if one.data.strip(b" \t\r\n")]
    objects = [(one, found) for one in utterances if (found := object_of(scene.text(one))) is not None]
    taken = {one for one, _ in objects}
    texts = [one for one in utterances if one not in taken and is_text(one.data)]
    taken |= set(texts)
    binary = [one for one in utterances if one not in taken]
    kinds: list[MessageKind] = []
    if objects:
        kinds += object_kinds([one for one, _ in objects], [found for _, found in objects], scene)
    if len(binary) > len(texts):
        binary, texts = [one for one in utterances if one in set(binary) | set(texts)], []
    if texts:
        kinds += text_kinds(texts, scene)
    if binary:
        kinds += _binary_kinds(binary, scene, tail)
    return sorted(kinds, key=lambda kind: kind.members[0].time)


def _binary_kinds(utterances: Sequence[Utterance], scene: Scene, tail: int) -> list[MessageKind]:
    """The kinds of messages that are no text, by their size."""
    by_size: dict[int, list[Utterance]] = {}
    for one in utterances:
        by_size.setdefault(len(one.data), []).append(one)
    kinds: list[MessageKind] = []
    left: list[Utterance] = []
    for members in by_size.values():
        kind = introduction_struct(members, tail) or struct_kind(members, tail)
        if kind is None:
            left += members
        else:
            kind.listen(scene)
            kinds.append(kind)
    if left:
        kind = MessageKind(left, "ignore" if kinds else "event", ["{*}" if kinds else "{text}"])
        kind.listen(scene)
        kinds.append(kind)
    return kinds
