"""The states of another node, as this one sees it.

The machine knows no clock, no bus and no NATS. It is told what happens, and calls its :class:`MemberShell`.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from typing import ClassVar, Protocol

from attrs import define, field

__all__ = ["Member", "MemberInput", "MemberShell", "MemberState"]

EPOCHS = 8
"""Epochs before the present one that are remembered, so that a late hello of an earlier process is known as such."""

OFFSETS = 8
"""Differences of the clocks, the newest ones, of which the best is taken."""


class MemberState(enum.Enum):
    """The state of another node."""

    ABSENT = "absent"
    JOINING = "joining"
    """It says hello, and is asked whether it answers."""
    THERE = "there"
    SUSPECT = "suspect"
    """It has been silent, and is asked whether it is there."""
    UNREACHABLE = "unreachable"
    """This node has lost NATS, or has just found it again: nothing is known."""
    INCOMPATIBLE = "incompatible"
    """It speaks another version of the cluster's protocol."""

    __hash__ = object.__hash__  # members are unique; Enum's own is several times slower


class MemberInput(enum.Enum):
    """What happens to another node."""

    HELLO = "it says hello"
    ANSWERED = "it has answered"
    OTHER_EPOCH = "another process says hello by its name"
    OTHER_VERSION = "it says hello in another version of the protocol"
    SILENT = "it has been silent"
    NOBODY = "nobody responds to its name"
    UNANSWERED = "it has not answered, although NATS is well"
    LEFT = "it says that it leaves"
    LOST = "this node has lost NATS"

    __hash__ = object.__hash__


class MemberShell(Protocol):
    """What is around a member."""

    def ask_alive(self, member: Member) -> None:
        """Ask the node whether it answers. The result comes as an input."""

    def probe(self, member: Member) -> None:
        """Ask the node whether it is still there. The result comes as an input."""

    def arrived(self, member: Member) -> None:
        """Tell that the node is there, from now on or again."""

    def parted(self, member: Member, reason: str) -> None:
        """Tell that the node is there no more."""

    def changed(self, member: Member) -> None:
        """Note that the state is another one now."""


OTHER = "it speaks another version"

MemberAction = Callable[["Member"], None]


@define(eq=False)
class Member:
    """Another node.

    :ivar epoch: names its process: a node that starts again has another one.
    :ivar beat: number of its newest hello. Hellos that come late or twice have lower ones.
    :ivar seen: when it gave its last sign of life, by the monotonic clock.
    :ivar since: when its state began, by the monotonic clock. A suspicion that was wrong changes nothing about ``there``.
    :ivar there_since: when it was last found to be there, by the monotonic clock.
    :ivar protocol: the version of the cluster's protocol that it speaks.
    :ivar versions: of what it can be asked for, by name; another number means news.
    :ivar release: the version of netd.
    :ivar round_trip: seconds that a question and its answer took; None before the first.
    :ivar why: the reason of its state, for people; empty while it is there.
    """

    name: str
    shell: MemberShell
    epoch: str = ""
    state: MemberState = MemberState.ABSENT
    beat: int = 0
    seen: float = 0.0
    since: float = 0.0
    there_since: float = 0.0
    protocol: int = 0
    versions: dict[str, int] = field(factory=dict)
    release: str = ""
    round_trip: float | None = None
    why: str = ""
    _offsets: deque[float] = field(factory=lambda: deque(maxlen=OFFSETS), init=False)
    _earlier: deque[str] = field(factory=lambda: deque(maxlen=EPOCHS), init=False)

    @property
    def is_there(self) -> bool:
        """Whether it can be talked to."""
        return self.state in (MemberState.THERE, MemberState.SUSPECT)

    @property
    def skew(self) -> float | None:
        """Seconds by which its wall clock is ahead of this node's; None while nothing is known.

        What it says is late by the time on the way, and never early. So the largest of several differences is the best.
        """
        return max(self._offsets) if self._offsets else None

    def is_late(self, epoch: str, beat: int) -> bool:
        """Whether a hello is an old one: of an earlier process, or from before the newest one."""
        return beat <= self.beat if epoch == self.epoch else epoch in self._earlier

    def answered(self, release: str, round_trip: float, now: float) -> None:
        """It has answered the question whether it is there."""
        self.release, self.seen = release, now
        self.round_trip = round_trip if self.round_trip is None else min(round_trip, self.round_trip)
        self.step(MemberInput.ANSWERED)

    def note_time(self, sent: float, received: float) -> None:
        """Note the time by its wall clock when it said hello, and the time by this node's when that came."""
        self._offsets.append(sent + (self.round_trip or 0.0) / 2 - received)

    def hello(self, epoch: str, beat: int, now: float) -> None:
        """It says hello in the same version of the protocol, and not late."""
        known, self.beat, self.seen = self.epoch, beat, now
        if epoch == known or self.state is MemberState.ABSENT:
            self.epoch = epoch
            self.step(MemberInput.HELLO)
        else:
            self._earlier.append(known)
            self.step(MemberInput.OTHER_EPOCH)
            self.epoch = epoch
            self.step(MemberInput.HELLO)

    def step(self, happened: MemberInput) -> None:
        """Do what *happened* asks for in the present state."""
        transition = self.TRANSITIONS.get((self.state, happened))
        if transition is not None:
            action, state = transition
            before, self.state = self.state, state
            action(self)
            if before is not self.state:
                self.shell.changed(self)

    # What each input does

    def _ask(self) -> None:
        self._offsets.clear()
        self.round_trip = None
        self.shell.ask_alive(self)

    def _ask_again(self) -> None:
        self.shell.ask_alive(self)

    def _probe(self) -> None:
        self.shell.probe(self)

    def _arrive(self) -> None:
        self.shell.arrived(self)

    def _die(self) -> None:
        self._part("nobody responds")

    def _hang(self) -> None:
        self._part(
            "it does not answer, although the NATS server of this node does: it hangs, or there is no way between the servers"
        )

    def _restart(self) -> None:
        self.shell.parted(self, "it was started again")

    def _leave(self) -> None:
        self._part("it has left")

    def _differ(self) -> None:
        self._part(OTHER)

    def _refuse(self) -> None:
        self.why = OTHER

    def _part(self, why: str) -> None:
        self._earlier.clear()
        self.shell.parted(self, why)

    def _forget(self) -> None:
        self._earlier.clear()

    def _nothing(self) -> None:
        """Only the state changes."""

    TRANSITIONS: ClassVar[dict[tuple[MemberState, MemberInput], tuple[MemberAction, MemberState]]] = {
        (MemberState.ABSENT, MemberInput.HELLO): (_ask, MemberState.JOINING),
        (MemberState.ABSENT, MemberInput.OTHER_VERSION): (_refuse, MemberState.INCOMPATIBLE),
        (MemberState.JOINING, MemberInput.HELLO): (_ask_again, MemberState.JOINING),
        (MemberState.JOINING, MemberInput.ANSWERED): (_arrive, MemberState.THERE),
        (MemberState.JOINING, MemberInput.OTHER_EPOCH): (_forget, MemberState.ABSENT),
        (MemberState.JOINING, MemberInput.OTHER_VERSION): (_refuse, MemberState.INCOMPATIBLE),
        (MemberState.JOINING, MemberInput.SILENT): (_forget, MemberState.ABSENT),
        (MemberState.JOINING, MemberInput.NOBODY): (_forget, MemberState.ABSENT),
        (MemberState.JOINING, MemberInput.LEFT): (_forget, MemberState.ABSENT),
        (MemberState.JOINING, MemberInput.LOST): (_forget, MemberState.ABSENT),
        (MemberState.THERE, MemberInput.OTHER_EPOCH): (_restart, MemberState.ABSENT),
        (MemberState.THERE, MemberInput.OTHER_VERSION): (_differ, MemberState.INCOMPATIBLE),
        (MemberState.THERE, MemberInput.SILENT): (_probe, MemberState.SUSPECT),
        (MemberState.THERE, MemberInput.NOBODY): (_die, MemberState.ABSENT),
        (MemberState.THERE, MemberInput.LEFT): (_leave, MemberState.ABSENT),
        (MemberState.THERE, MemberInput.LOST): (_nothing, MemberState.UNREACHABLE),
        (MemberState.SUSPECT, MemberInput.HELLO): (_nothing, MemberState.THERE),
        (MemberState.SUSPECT, MemberInput.ANSWERED): (_nothing, MemberState.THERE),
        (MemberState.SUSPECT, MemberInput.OTHER_EPOCH): (_restart, MemberState.ABSENT),
        (MemberState.SUSPECT, MemberInput.OTHER_VERSION): (_differ, MemberState.INCOMPATIBLE),
        (MemberState.SUSPECT, MemberInput.SILENT): (_probe, MemberState.SUSPECT),
        (MemberState.SUSPECT, MemberInput.NOBODY): (_die, MemberState.ABSENT),
        (MemberState.SUSPECT, MemberInput.UNANSWERED): (_hang, MemberState.ABSENT),
        (MemberState.SUSPECT, MemberInput.LEFT): (_leave, MemberState.ABSENT),
        (MemberState.SUSPECT, MemberInput.LOST): (_nothing, MemberState.UNREACHABLE),
        (MemberState.UNREACHABLE, MemberInput.HELLO): (_arrive, MemberState.THERE),
        (MemberState.UNREACHABLE, MemberInput.ANSWERED): (_arrive, MemberState.THERE),
        (MemberState.UNREACHABLE, MemberInput.OTHER_EPOCH): (_restart, MemberState.ABSENT),
        (MemberState.UNREACHABLE, MemberInput.OTHER_VERSION): (_differ, MemberState.INCOMPATIBLE),
        (MemberState.UNREACHABLE, MemberInput.SILENT): (_probe, MemberState.UNREACHABLE),
        (MemberState.UNREACHABLE, MemberInput.NOBODY): (_die, MemberState.ABSENT),
        (MemberState.UNREACHABLE, MemberInput.UNANSWERED): (_hang, MemberState.ABSENT),
        (MemberState.UNREACHABLE, MemberInput.LEFT): (_leave, MemberState.ABSENT),
        (MemberState.INCOMPATIBLE, MemberInput.HELLO): (_ask, MemberState.JOINING),
        (MemberState.INCOMPATIBLE, MemberInput.SILENT): (_forget, MemberState.ABSENT),
        (MemberState.INCOMPATIBLE, MemberInput.LEFT): (_forget, MemberState.ABSENT),
        (MemberState.INCOMPATIBLE, MemberInput.LOST): (_forget, MemberState.ABSENT),
    }
    """What is done with each input in each state, and the state that follows. An absent pair changes nothing.

    The action runs in the state that follows. A node's death is never told because this node has lost NATS.
    """
