"""The messages of a conversation, each with what was heard because of it."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import Factory, define, field, frozen

from netd.wire.framing import FrameDecoder, FramingFailed, parse_frame
from netd.wire.learn.conversation import Conversation, Talk
from netd.wire.learn.frames import LONGEST_FRAME, FoundFrame

__all__ = ["Overheard", "OverheardDialogue", "Utterance", "dialogue_of"]

MOST_MESSAGES = 5_000
"""Messages that are looked at."""

SOON = 2.0
"""Seconds within which something heard is an answer to what was said before it."""


@define(eq=False)
class Utterance:
    """A message of the program.

    :ivar place: how many messages of the connection came before it.
    :ivar replies: what the connection heard because of it.
    :ivar told: what other connections heard because of it: their numbers and the bytes.
    :ivar others: how many other connections were open.
    :ivar is_last: whether the connection ended behind it.
    :ivar hung_up: whether it was the program who ended it.
    """

    talk: int
    place: int
    time: float
    data: bytes
    others: int = 0
    replies: list[bytes] = field(factory=list)
    told: list[tuple[int, bytes]] = field(factory=list)
    is_last: bool = False
    hung_up: bool = False


@frozen
class Overheard:
    """A message that the program heard without having said anything."""

    talk: int
    time: float
    data: bytes
    is_greeting: bool


@frozen
class OverheardDialogue:
    """All messages of a conversation, in the order of their times.

    :ivar asks: whether the program is asked: then all that it hears is in *overheard*.
    """

    utterances: tuple[Utterance, ...]
    overheard: tuple[Overheard, ...]
    asks: bool


def dialogue_of(conversation: Conversation, found: FoundFrame) -> OverheardDialogue:
    """Cut *conversation* into messages."""
    listener = _Listener(conversation, found)
    pieces = sorted(
        ((one.time, order, talk, one.is_said, one.data) for talk in conversation.talks for order, one in enumerate(talk.spoken)),
        key=lambda piece: (piece[0], piece[2].number, piece[1]),
    )
    ends = sorted(((talk.closed, talk) for talk in conversation.talks), key=lambda end: (end[0], end[1].number))
    for time, _, talk, is_said, data in pieces:
        while ends and ends[0][0] < time:
            listener.end(*ends.pop(0))
        listener.take(talk, time, is_said, data)
        if len(listener.utterances) >= MOST_MESSAGES:
            break
    for end in ends:
        listener.end(*end)
    return listener.dialogue()


@define(eq=False)
class _Side:
    """What is known of a talk while it is listened to."""

    talk: Talk
    said: FrameDecoder
    heard: FrameDecoder | None
    silence: float | None
    newest: float = 0.0
    messages: int = 0
    waiting: list[Utterance] = Factory(list)
    """The messages that no answer has followed yet, or the last one that has been answered."""
    answers: list[bytes] = Factory(list)
    """What was heard since."""


class _Listener:
    """Tells for everything that is heard which message was its cause: the connection's own last one, or somebody else's."""

    def __init__(self, conversation: Conversation, found: FoundFrame) -> None:
        self.utterances: list[Utterance] = []
        self._overheard: list[Overheard] = []
        said = parse_frame(found.frame)
        say = found.say or found.frame
        is_cut = say not in {"raw", "datagram"} and not say.startswith("silence")
        self._sides = {
            talk.number: _Side(
                talk,
                said.decoder(LONGEST_FRAME),
                parse_frame(say).decoder(LONGEST_FRAME) if is_cut else None,
                said.silence,
            )
            for talk in conversation.talks
        }
        self._fill = b"\0" if found.is_filled else b""
        self._fill_heard = self._fill if found.say is None else b""
        self._asks = _is_asked(conversation)
        self._is_udp = conversation.transport.value == "udp"
        self._last: Utterance | None = None

    def take(self, talk: Talk, time: float, is_said: bool, data: bytes) -> None:
        """One side has said *data*."""
        side = self._sides[talk.number]
        if side.silence is not None and is_said and time - side.newest >= side.silence:
            self._said(side, side.newest, side.said.end())
        if is_said:
            side.newest = time
            messages = _fed(side.said, data)
            self._said(side, time, messages + side.said.end() if self._is_udp else messages)
            return
        if side.silence is not None:  # a message that others hear already has ended
            for other in self._sides.values():
                self._said(other, other.newest, other.said.end())
        self._hear(side, time, [data] if side.heard is None else _fed(side.heard, data))

    def end(self, _time: float, talk: Talk) -> None:
        """A connection has ended."""
        side = self._sides[talk.number]
        self._said(side, side.newest, side.said.end())
        if side.heard is not None:
            self._hear(side, talk.closed, side.heard.end())
        self._settle(side)
        if talk.is_whole and side.waiting:
            side.waiting[-1].is_last = True
            side.waiting[-1].hung_up = talk.hung_up

    def dialogue(self) -> OverheardDialogue:
        """What has been listened to."""
        for side in self._sides.values():
            self._settle(side)
        return OverheardDialogue(tuple(self.utterances), tuple(self._overheard), self._asks)

    def _said(self, side: _Side, time: float, messages: Sequence[bytes]) -> None:
        for data in messages:
            if side.answers:
                self._settle(side)
                side.waiting = []
            others = sum(
                1
                for other in self._sides.values()
                if other is not side and other.talk.opened <= time and (other.talk.closed >= time)
            )
            utterance = Utterance(side.talk.number, side.messages, time, data.rstrip(self._fill), others)
            side.messages += 1
            side.waiting.append(utterance)
            self.utterances.append(utterance)
            self._last = utterance

    def _hear(self, side: _Side, time: float, messages: Sequence[bytes]) -> None:
        for data in (message.rstrip(self._fill_heard) for message in messages):
            own = side.waiting[-1] if side.waiting and not self._asks else None
            last = self._last
            if (
                not self._asks
                and last is not None
                and last.talk != side.talk.number
                and side.talk.opened <= last.time >= time - SOON
                and (own is None or own is not last)
            ):
                last.told.append((side.talk.number, data))
            elif own is not None and time - own.time <= SOON:
                side.answers.append(data)
            else:
                self._overheard.append(Overheard(side.talk.number, time, data, is_greeting=own is None))

    @staticmethod
    def _settle(side: _Side) -> None:
        """Give each of the messages of a turn its share of the answers: one each if they are as many, else all to the last."""
        answers, side.answers = side.answers, []
        waiting = side.waiting
        if not answers:
            return
        if len(answers) % len(waiting):
            waiting[-1].replies += answers
            return
        share = len(answers) // len(waiting)
        for place, utterance in enumerate(waiting):
            utterance.replies += answers[place * share : (place + 1) * share]


def _is_asked(conversation: Conversation) -> bool:
    """Whether netd's side asks: it dials, and the program speaks sooner after it has heard something than the other way round."""
    if not conversation.is_dialled:
        return False
    before_said, before_heard = 0, 0
    for talk in conversation.talks:
        if talk.spoken and not talk.spoken[0].is_said:
            before_said += 1
        for sooner, later in zip(talk.spoken, talk.spoken[1:], strict=False):
            if sooner.is_said is not later.is_said and later.time - sooner.time < SOON:
                gap_is_short = later.time - sooner.time < 0.5
                before_said += later.is_said and gap_is_short
                before_heard += sooner.is_said and gap_is_short
    return conversation.has(is_said=False) and before_said >= before_heard


def _fed(decoder: FrameDecoder, data: bytes) -> list[bytes]:
    try:
        return decoder.feed(data)
    except FramingFailed:
        return [data]
