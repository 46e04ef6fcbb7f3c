"""What becomes of the messages of a transcript, in words that a person and a test can read."""

from __future__ import annotations

import enum
from collections.abc import Iterator

from attrs import define, field, frozen

from netd.wire.rules import Rule

__all__ = ["Became", "Consequence", "ReplayDifference", "ReplayStep", "ReplayedWire"]


class Became(enum.Enum):
    """What became of a message, or of a moment; the value is the word for it."""

    SAMPLE = "sample"
    EVENT = "event"
    NAME = "name"
    TELL = "tell"
    REPLY = "reply"
    CALL = "call"
    SEND = "send"
    ANSWER = "answer"
    BYE = "bye"
    CLOSE = "close"
    UNMATCHED = "unmatched"
    FAILED = "failed"
    REFUSED = "refused"
    NOTE = "note"


_OF_NAMES = frozenset({Became.SAMPLE, Became.EVENT, Became.TELL})
_BAD = frozenset({Became.UNMATCHED, Became.FAILED, Became.REFUSED})


@frozen
class Consequence:
    """One thing that comes of what was said.

    :ivar who: the name that it is about; None for the name that the connection has by itself.
    :ivar text: the rest of it, on one line.
    """

    connection: int
    became: Became
    who: str | None
    text: str

    def __str__(self) -> str:
        words = [str(self.connection), self.became.value]
        words += [self.who or "-"] if self.became in _OF_NAMES else []
        return " ".join(filter(None, (*words, self.text)))

    @property
    def words(self) -> str:
        """The same for people, without the connection."""
        named = f"{self.who}: " if self.who is not None else ""
        verb = "" if self.became is Became.SAMPLE else f"{self.became.value} "
        return f"{named}{verb}{self.text}".rstrip()


@define
class ReplayStep:
    """A message that a program said, or a moment at which netd spoke first.

    :ivar time: in seconds since the beginning of the recording.
    :ivar message: None for such a moment.
    :ivar rule: what took the message.
    :ivar why: which rule comes nearest to a message that none takes, and where they part.
    """

    time: float
    connection: int
    message: bytes | None
    rule: Rule | None = None
    consequences: list[Consequence] = field(factory=list)
    why: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether no rule takes the message, its check fails, or it ends the connection."""
        return any(one.became in _BAD for one in self.consequences)


@frozen
class ReplayDifference:
    """A connection on which the section says something else than the recording has.

    :ivar heard: what was heard in the recording, from the line in which the two part, or a little before that place.
    :ivar said: what the section says from there.
    """

    connection: int
    heard: bytes
    said: bytes


@frozen
class ReplayedWire:
    """All that comes of a recording."""

    steps: tuple[ReplayStep, ...]
    differences: tuple[ReplayDifference, ...]

    def consequences(self) -> Iterator[Consequence]:
        """Everything that the bus or a program notices, in its order."""
        return (one for step in self.steps for one in step.consequences if one.became is not Became.NOTE)
