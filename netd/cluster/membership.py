"""The membership of this node in the cluster: it joins if no other process has its name, and leaves politely."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.cluster.hello import Hello
from netd.cluster.interfaces import LinkLost, NoAnswer, NobodyThere
from netd.cluster.nodes import Nodes
from netd.cluster.questions import ALIVE
from netd.errors import OperationFailed

__all__ = ["ClusterPart", "Membership", "MembershipState"]

LOOK_TIME = 1.0
"""Seconds within which another process of this node's name answers."""

LOOK_AGAIN = 5.0
"""Seconds until that is asked again, on average."""


class MembershipState(enum.Enum):
    """The state of this node."""

    LEFT = "left"
    JOINING = "joining"
    """It finds out whether its name is free, as soon as there is NATS."""
    ALONE = "alone"
    """Another process has its name."""
    JOINED = "joined"

    __hash__ = object.__hash__


class MembershipInput(enum.Enum):
    """What happens to this node."""

    JOIN = "it is to join"
    LEAVE = "it is to leave"
    UP = "there is NATS"
    FREE = "nobody has its name"
    TAKEN = "somebody has its name"
    UNKNOWN = "it is not known who has its name"
    TWIN = "somebody says hello by its name"
    DUE = "it is time to ask again"

    __hash__ = object.__hash__


class ClusterPart(Protocol):
    """A part of the cluster, which works while this node is a member."""

    def start(self) -> None:
        """Begin: the other nodes are about to hear of this one."""

    def stop(self) -> None:
        """End: the other nodes have been told that this one leaves."""


MembershipAction = Callable[["Membership"], None]


class Membership:
    """Joins and leaves.

    :param parts: what works while this node is a member. They subscribe before the others hear of this node.
    :param chance: returns a number from 0 to 1.
    :param make_epoch: returns a name for each time that this node joins.
    :ivar since: when the state began, by the monotonic clock.
    """

    _log = Logger()

    def __init__(
        self,
        nodes: Nodes,
        parts: Sequence[ClusterPart],
        reactor: Any,
        chance: Callable[[], float],
        make_epoch: Callable[[], str],
    ) -> None:
        self.state = MembershipState.LEFT
        self.since = 0.0
        self._nodes = nodes
        self._parts = parts
        self._link = nodes.link
        self._reactor = reactor
        self._chance = chance
        self._make_epoch = make_epoch
        self._timer: Any = None

    @property
    def why(self) -> str:
        """Why this node is not in the cluster though it is to be, with the remedy; empty otherwise."""
        if self.state is not MembershipState.ALONE:
            return ""
        return (
            f"another process has joined as {self._nodes.name}: this one stays alone until that leaves; "
            "give one of them another `name` in [netd]"
        )

    def start(self) -> None:
        """Follow the link, and join."""
        self._nodes.twin = self._met
        self._nodes.start()
        self._link.watch(lambda: self._step(MembershipInput.UP), lambda reason: None)
        self.join()

    def join(self) -> None:
        """Join, unless that has been done."""
        self._step(MembershipInput.JOIN)

    def leave(self) -> Deferred[None]:
        """Leave. Return a Deferred that fires when NATS has the farewell, or cannot be told."""
        was_joined = self.state is MembershipState.JOINED
        self._step(MembershipInput.LEAVE)
        if not was_joined:
            return succeed(None)
        told: Deferred[None] = self._link.flush(LOOK_TIME)
        return told.addErrback(_ignore_loss)

    def _step(self, happened: MembershipInput) -> None:
        transition = self.TRANSITIONS.get((self.state, happened))
        if transition is not None:
            action, state = transition
            if state is not self.state:
                self.state, self.since = state, self._reactor.seconds()
            action(self)

    def _met(self, hello: Hello) -> None:
        if not self._nodes.beats(hello):
            self._step(MembershipInput.TWIN)

    # What each input does

    def _look(self) -> None:
        asked = self._nodes.questions.ask(self._nodes.name, ALIVE, seconds=LOOK_TIME)
        asked.addCallbacks(self._answered, self._failed)

    def _answered(self, answer: Any) -> None:
        is_own = isinstance(answer, dict) and answer.get("epoch") == self._nodes.epoch
        self._step(MembershipInput.FREE if is_own else MembershipInput.TAKEN)

    def _failed(self, failure: Failure) -> None:
        failure.trap(LinkLost, NoAnswer, NobodyThere, OperationFailed)
        if failure.check(LinkLost):
            self._step(MembershipInput.UNKNOWN)
        else:
            self._step(MembershipInput.TAKEN if failure.check(OperationFailed) else MembershipInput.FREE)

    def _enter(self) -> None:
        self._stop_waiting()
        self._nodes.epoch = self._make_epoch()
        for part in self._parts:
            part.start()
        self._nodes.enter()
        self._log.info("cluster: this node has joined as {name}", name=self._nodes.name)

    def _stay_alone(self) -> None:
        self._log.warn("cluster: {why}", why=self.why)
        self._wait()

    def _withdraw(self) -> None:
        self._part_with_others("another process has the name of this node")
        self._stay_alone()

    def _wait(self) -> None:
        self._timer = self._reactor.callLater(LOOK_AGAIN * (0.5 + self._chance()), self._due)

    def _due(self) -> None:
        self._timer = None
        self._step(MembershipInput.DUE)

    def _depart(self) -> None:
        self._part_with_others("this node has left the cluster")

    def _part_with_others(self, reason: str) -> None:
        self._nodes.leave(reason)
        for part in self._parts:
            part.stop()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _nothing(self) -> None:
        """Only the state changes."""

    TRANSITIONS: ClassVar[dict[tuple[MembershipState, MembershipInput], tuple[MembershipAction, MembershipState]]] = {
        (MembershipState.LEFT, MembershipInput.JOIN): (_look, MembershipState.JOINING),
        (MembershipState.JOINING, MembershipInput.UP): (_look, MembershipState.JOINING),
        (MembershipState.JOINING, MembershipInput.FREE): (_enter, MembershipState.JOINED),
        (MembershipState.JOINING, MembershipInput.TAKEN): (_stay_alone, MembershipState.ALONE),
        (MembershipState.JOINING, MembershipInput.LEAVE): (_nothing, MembershipState.LEFT),
        (MembershipState.ALONE, MembershipInput.DUE): (_look, MembershipState.ALONE),
        (MembershipState.ALONE, MembershipInput.FREE): (_enter, MembershipState.JOINED),
        (MembershipState.ALONE, MembershipInput.TAKEN): (_wait, MembershipState.ALONE),
        (MembershipState.ALONE, MembershipInput.UNKNOWN): (_wait, MembershipState.ALONE),
        (MembershipState.ALONE, MembershipInput.LEAVE): (_stop_waiting, MembershipState.LEFT),
        (MembershipState.JOINED, MembershipInput.TWIN): (_look, MembershipState.JOINED),
        (MembershipState.JOINED, MembershipInput.TAKEN): (_withdraw, MembershipState.ALONE),
        (MembershipState.JOINED, MembershipInput.LEAVE): (_depart, MembershipState.LEFT),
    }
    """What is done with each input in each state, and the state that follows. An absent pair changes nothing."""


def _ignore_loss(failure: Failure) -> None:
    failure.trap(LinkLost)
