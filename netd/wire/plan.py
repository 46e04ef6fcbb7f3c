"""What the machines of a section go by: its options, read and compiled once."""

from __future__ import annotations

import enum

from attrs import define, field, frozen

from netd.wire.blocks import BlockReader
from netd.wire.frame import Frame
from netd.wire.rules import RuleSet
from netd.wire.sieve import Sieve
from netd.wire.template import WireTemplate

__all__ = ["AskTally", "AskedRegularly", "SaidRegularly", "Unmatched", "WirePlan"]


PAUSE = 0.02
"""Seconds between two writes to a peer that takes whatever one ``recv`` returns for a message."""


class Unmatched(enum.Enum):
    """What is done with messages that no rule takes, as ``unmatched`` has it."""

    COUNT = "count"
    EVENT = "event"
    CLOSE = "close"
    REPLY = "reply"


@define(eq=False)
class AskTally:
    """What became of one question on all connections. Times are in seconds.

    :ivar unfit: answers that its rule does not take.
    :ivar seconds: how long the newest answer took; None before the first.
    """

    answered: int = 0
    unfit: int = 0
    unanswered: int = 0
    seconds: float | None = None
    slowest: float | None = None

    def took(self, seconds: float) -> None:
        """An answer has come."""
        self.answered += 1
        self.seconds = seconds
        self.slowest = seconds if self.slowest is None else max(self.slowest, seconds)


@frozen
class AskedRegularly:
    """A line of ``ask``.

    :ivar period: seconds between two questions; 0 asks once.
    :ivar question: what is said.
    :ivar rules: the one rule that reads the answer.
    """

    period: float
    question: WireTemplate
    rules: RuleSet = field(eq=False)
    tally: AskTally = field(factory=AskTally, eq=False)

    def is_like(self, other: AskedRegularly) -> bool:
        """Whether both ask the same, and read the answer alike."""
        mine, its = self.rules.rules[0], other.rules.rules[0]
        return (self.question, mine.text, self.rules.encoding) == (other.question, its.text, other.rules.encoding)


@frozen
class SaidRegularly:
    """A line of ``every``.

    :ivar line: its number within the option, from 0.
    """

    period: float
    text: WireTemplate
    line: int = field(default=0, eq=False)


@frozen(kw_only=True)
class WirePlan:
    """The options of a section, as a machine goes by them. Times are in seconds.

    :ivar say: how what netd says is framed.
    :ivar send: what sends a text to the peer, and *ack* reads what acknowledges it, if anything does.
    :ivar blocks: reads many samples at once, where the rules allow that; *sieve* finds those among other messages.
    :ivar is_dialled: whether netd has made the connection.
    :ivar is_datagram: whether each piece of input is a datagram.
    """

    frame: Frame
    say: Frame
    encoding: str
    greeting: tuple[WireTemplate, ...]
    rules: RuleSet = field(eq=False)
    asks: tuple[AskedRegularly, ...]
    every: tuple[SaidRegularly, ...]
    send: WireTemplate
    ack: RuleSet | None = field(eq=False)
    answer_timeout: float
    unmatched: Unmatched
    unmatched_reply: WireTemplate | None
    max_message: int
    rate: int
    idle_timeout: float | None
    blocks: BlockReader | None = field(default=None, eq=False)
    sieve: Sieve | None = field(default=None, eq=False)
    is_dialled: bool = False
    is_datagram: bool = False

    @property
    def is_apart(self) -> bool:
        """Whether each thing said needs a write of its own, some time after the one before."""
        return self.say.silence is not None or (self.frame.silence is not None and self.say.text == "raw")

    @property
    def pause(self) -> float:
        """Seconds between two such writes."""
        return max(PAUSE, self.say.silence or 0.0)
