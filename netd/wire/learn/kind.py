"""A kind of message: the messages that one rule will take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import define, evolve, field

from netd.wire.learn.columns import ColumnSlot
from netd.wire.learn.replies import AnswerKind, LearntAnswer, answer_to
from netd.wire.learn.scene import Scene
from netd.wire.learn.utterances import Utterance
from netd.wire.learn.wording import guarded, literal, without_arrows

__all__ = ["REST", "MessageKind", "literal_kind", "text_kind"]

REST = ColumnSlot("text", is_named=True)

_LONGEST_LITERAL = 200
_CLASHES = ("json", "struct", "each")

_DOUBTS = {
    AnswerKind.VARIED: "the answers vary, and netd cannot know them ({said} was answered by {heard}); write one that always fits "
    "behind the rule, as in RULE => OK",
    AnswerKind.COUNTED: "the numbers in the answers vary; netd says {heard} each time",
}
"""What a person should know about answers that no rule can give as the old server did."""


@define(eq=False)
class MessageKind:
    """A kind of message, from which a rule is written.

    :ivar parts: the pattern: literals as they are written in a rule, and slots.
    :ivar form: what stands before the parts: ``json ``, ``each , ``, ``struct <BH ``.
    :ivar doubts: what a person should look at, a sentence each.
    """

    members: list[Utterance]
    verb: str
    parts: list[str | ColumnSlot]
    form: str = ""
    answer: LearntAnswer = field(factory=lambda: LearntAnswer(AnswerKind.NONE))
    doubts: list[str] = field(factory=list)

    @property
    def slots(self) -> Iterator[ColumnSlot]:
        return (part for part in self.parts if isinstance(part, ColumnSlot))

    @property
    def pattern(self) -> str:
        """The pattern as it is written."""
        written = without_arrows("".join(map(str, self.parts)).strip(" "))
        is_expression = written.startswith("/") and any(one.endswith("/") for one in (written, self.answer.template or ""))
        if not self.form and (written.split(" ", 1)[0] in _CLASHES or is_expression):
            return f"\\x{ord(written[0]):02x}{written[1:]}"
        return self.form + written

    @property
    def is_literal(self) -> bool:
        """Whether all messages are the same."""
        return not self.form and not any(True for _ in self.slots)

    @property
    def rule(self) -> str:
        """The rule as it is written."""
        head = f"{self.answer.verb or self.verb} {self.pattern}"
        return head if self.answer.template is None else f"{head} => {guarded(self.answer.template)}"

    def listen(self, scene: Scene) -> None:
        """Find out what is heard because of the messages, and give names to the slots that it needs."""
        slots = [slot for slot in self.slots if slot.values]
        values = [self._fields(scene, place, slots) for place in range(len(self.members))]
        self.answer = answer_to(self.members, values, scene.say, scene.encoding, self._is_about_itself)
        if self.answer.verb and scene.is_udp:
            self.answer = LearntAnswer(AnswerKind.NONE)
            self.doubts.append("others heard this; by UDP netd tells them nothing, because addresses can be forged")
        for slot in slots:
            if slot.label in self.answer.fields:
                slot.is_named = True
        if self.answer.verb:
            self._tell_speaker(slots)
        elif self.verb == "sample":
            self._tell_numbers(slots)
        if self.answer.kind in _DOUBTS:
            self.doubts.append(_varied(self.members, scene, _DOUBTS[self.answer.kind]))

    @property
    def _is_about_itself(self) -> bool:
        """Whether the rule does what no rule that tells others does: it gives a name, or ends a connection."""
        return self.verb == "name" or (self.verb == "bye" and any(one.is_last and not one.hung_up for one in self.members))

    def _tell_numbers(self, slots: Sequence[ColumnSlot]) -> None:
        """Whole numbers that are said back identify something and measure nothing."""
        own = [slot for slot in slots if slot.is_number or slot.label not in {"name", "channel", "text", "time", "kind"}]
        echoed = [slot for slot in own if slot.label in self.answer.fields and _are_whole(slot.values)]
        measured = [slot for slot in self.slots if slot.is_number and slot.is_named and slot not in echoed]
        if not echoed:
            return
        if not measured:
            self.verb = "event"
            return
        labels = {slot.label for slot in self.slots}
        is_channel = len(measured) == 1 and not self.form and not labels & {"name", "channel"}
        wish = "channel" if is_channel else "text"
        slot = echoed[0]
        if slot.label == wish or wish in labels or len(echoed) > 1:
            return
        if is_channel:
            self._rename(measured[0], "value")
        self._rename(slot, wish)
        slot.is_number, slot.unit = False, ""

    def _tell_speaker(self, slots: Sequence[ColumnSlot]) -> None:
        """What is told to others has the name of the connection; whatever else was taken for a name is a word."""
        for slot in slots:
            if slot.label == "name":
                self._rename(slot, "word")

    def _rename(self, slot: ColumnSlot, label: str) -> None:
        """Give a slot another name, in the reply as well."""
        fields = frozenset(label if name == slot.label else name for name in self.answer.fields)
        template = self.answer.template and self.answer.template.replace(f"{{{slot.label}}}", f"{{{label}}}")
        self.answer = evolve(self.answer, template=template, fields=fields)
        slot.label = label

    def _fields(self, scene: Scene, place: int, slots: Sequence[ColumnSlot]) -> Mapping[str, str]:
        own = {slot.label: slot.values[place].strip() for slot in slots if slot.label}
        return {**scene.base(self.members[place]), **own}


def _are_whole(values: Sequence[str]) -> bool:
    return all(value.strip().lstrip("+-").isdigit() for value in values)


def _varied(members: Sequence[Utterance], scene: Scene, doubt: str) -> str:
    example = next((one for one in members if one.replies), None)
    if example is None:
        return "what others hear because of it varies; write tell-all … => …"
    said, heard = (literal(data.decode(scene.encoding, "replace"))[:40] for data in (example.data, example.replies[0]))
    return doubt.format(said=said, heard=heard)


def literal_kind(members: list[Utterance], verb: str, scene: Scene) -> MessageKind:
    """The kind of messages that are all the same. A long one is whatever it is: nobody wants that in a rule."""
    if len(members[0].data) > _LONGEST_LITERAL:
        return text_kind(members, verb, "", scene)
    return MessageKind(members, verb, [literal(scene.text(members[0]))])


def text_kind(members: list[Utterance], verb: str, head: str, scene: Scene) -> MessageKind:
    """The kind of messages that begin with *head*; whatever follows is ``{text}``."""
    texts = [scene.text(one)[len(head) :].strip() for one in members]
    slot = ColumnSlot("text", is_named=True, values=texts)
    return MessageKind(members, verb, [literal(head), slot] if head else [slot])
