"""The service of ``[cluster]``: the assembly of its parts, and the operations about nodes."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from random import random
from typing import Any

from attrs import asdict, evolve
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from netd import __version__
from netd.carriage import Carriage
from netd.cluster.calls import Calls
from netd.cluster.collecting import HistoryCollecting
from netd.cluster.config import Config
from netd.cluster.devices import ClusterDevices
from netd.cluster.events import Events
from netd.cluster.link import Link
from netd.cluster.member import Member, MemberState
from netd.cluster.membership import ClusterPart, Membership, MembershipState
from netd.cluster.nodes import Nodes
from netd.cluster.results import CHANGED, ClusterServiceStatus, NodeChanged, NodeFacts, NodeState
from netd.cluster.shipping import HistoryShipping, Keepers
from netd.cluster.tally import OwnTally, read_tally
from netd.connection.shares import TurnShare
from netd.errors import NoSuchTarget, OperationFailed
from netd.interfaces import IAsyncio, IBus, ICarried, IConsole, IHistoryCarrier, INetdService, IPaced
from netd.message import Message
from netd.operations import Operation, OperationTable, Role
from netd.status import Counters, Work

__all__ = ["ClusterService", "make_service"]

TALLY = "tally"
"""What another node is asked for when its row of the list is made."""

TALLY_TIME = 1.0
"""Seconds that a node has to answer; the row says what is known without."""

MEETING = 0.5
"""Seconds within which a node that joins has met the others."""

WORDS: dict[MemberState, NodeState] = {
    MemberState.ABSENT: "gone",
    MemberState.JOINING: "joining",
    MemberState.THERE: "there",
    MemberState.SUSPECT: "suspect",
    MemberState.UNREACHABLE: "unreachable",
    MemberState.INCOMPATIBLE: "incompatible",
}

OWN_WORDS: dict[MembershipState, NodeState] = {
    MembershipState.LEFT: "left",
    MembershipState.JOINING: "joining",
    MembershipState.ALONE: "alone",
    MembershipState.JOINED: "here",
}

NodeRows = Deferred[list[NodeFacts]]
"""The result of ``cluster.nodes``."""


def make_service(config: Config, reactor: Any, bus: IBus) -> ClusterService:
    """Build the service of the ``[cluster]`` section."""
    return ClusterService(config, Link(config, reactor, bus.wall), reactor, bus, random, lambda: secrets.token_hex(4))


@implementer(INetdService, IConsole, IAsyncio, ICarried, IHistoryCarrier, IPaced)
class ClusterService(Service):
    """The cluster, as this node sees it.

    :param link: the way to the other nodes, started and stopped by this service.
    :param chance: returns a random number from 0 to 1.
    :param make_epoch: returns a name for each time that this node joins.
    :ivar parts: what works while this node is a member.
    """

    _log = Logger()

    def __init__(
        self, config: Config, link: Any, reactor: Any, bus: IBus, chance: Callable[[], float], make_epoch: Callable[[], str]
    ) -> None:
        self.instance = config.instance
        self.nodes = Nodes(config.node, config.name, link, reactor, bus.wall, self._changed)
        self.events = Events(config, self.nodes, bus, reactor)
        self.parts: list[ClusterPart] = [self.events]
        self._calls: Calls | None = None
        self._devices: ClusterDevices | None = None
        self._config = config
        self._link = link
        self._reactor = reactor
        self._bus = bus
        self._make_epoch = make_epoch
        self._shipping: HistoryShipping | None = None
        self._collecting: HistoryCollecting | None = None
        self._membership = Membership(self.nodes, self.parts, reactor, chance, make_epoch)
        self._own = OwnTally(self.events.counts, lambda: self._link.facts().dropped)
        self.nodes.answer(TALLY, lambda _: self._own.make(self._link.server))

    def use_operations(self, table: OperationTable) -> None:
        """Offer the operations of *table* to the other nodes, and those of the other nodes in it."""
        self._own.table = table
        table.node = self._config.node
        self._calls = Calls(self._config.grant, self.nodes, self._link, self._bus, table, self._reactor)
        self.parts.append(self._calls)

    def use_carriage(self, carriage: Carriage) -> None:
        """Let the relays of all nodes know each other's devices."""
        grant = self._config.grant
        self._devices = ClusterDevices(self.nodes, self._link, self._bus, carriage, self._reactor, grant)
        self.parts.append(self._devices)

    def use_keepers(self, keepers: Keepers) -> None:
        """Ship what the recorder of this node writes, unless it is closed; with ``history = yes``, collect what others ship."""
        if not self._config.is_closed:
            self._shipping = HistoryShipping(self.nodes, self._link, keepers, self._reactor)
            self.parts.append(self._shipping)
        if self._config.history:
            self._collecting = HistoryCollecting(self.nodes, self._link, keepers, self._reactor, self._make_epoch())
            self.parts.append(self._collecting)

    def turn_shares(self) -> Iterable[TurnShare]:
        """Return the shares of a turn that this service has."""
        return [*self.events.shares, *([] if self._devices is None else [self._devices.share])]

    def use_loop(self, loop: Any) -> None:
        """See :class:`IAsyncio`."""
        self._link.loop = loop

    def startService(self) -> None:
        """Connect to NATS, and join. Nothing waits for that.

        :raises NetdError: if the reactor does not run on asyncio's loop.
        """
        super().startService()  # type: ignore[no-untyped-call]
        self._membership.start()
        self._link.start()

    def stopService(self) -> Deferred[None]:
        """Leave, so that the others need not find out, and disconnect."""
        stopped: Deferred[None] = maybeDeferred(super().stopService)
        stopped.addCallback(lambda _: self._membership.leave())
        return stopped.addCallback(lambda _: self._link.stop())

    def drain(self) -> Deferred[None]:
        """Do nothing: nobody connects to it."""
        return succeed(None)

    def operations(self) -> list[Operation]:
        """Return the operations about nodes."""
        leave = "Leave the cluster: the other nodes are told, and this one goes on by itself"
        own = [] if self._devices is None else self._devices.operations()
        return [
            *own,
            Operation("cluster.nodes", self.list_nodes, Role.VIEWER, "Show the nodes of the cluster, as this one sees them"),
            Operation("cluster.leave", self.leave, Role.ADMIN, leave),
            Operation("cluster.join", self.join, Role.ADMIN, "Join the cluster again, after cluster.leave"),
            Operation("cluster.forget", self.forget, Role.ADMIN, "Forget a node that is gone, with its devices and sessions"),
        ]

    def list_nodes(self) -> NodeRows:
        """Return this node, the others, and those that are gone for less than ten minutes, by name."""
        others = {**self.nodes.absent, **self.nodes.members}
        rows = [self._row(others[name]) for name in sorted(others)]
        return gatherResults(rows).addCallback(lambda found: [self._own_row(), *found])

    def leave(self) -> NodeRows:
        """Leave the cluster."""
        return self._membership.leave().addCallback(lambda _: self.list_nodes())

    def join(self) -> NodeRows:
        """Join the cluster, if that is possible now, else as soon as it is. The nodes are told once they have met."""
        self._membership.join()
        met: Deferred[None] = deferLater(self._reactor, MEETING)
        return met.addCallback(lambda _: self.list_nodes())

    def forget(self, node: str) -> NodeRows:
        """Forget *node* now, and not only ten minutes after it has gone.

        :raises NoSuchTarget: if no such node is known.
        :raises OperationFailed: if it is not gone.
        """
        if node in self.nodes.members or node == self.nodes.name:
            raise OperationFailed(f"node {node} is not gone; `cluster.nodes` tells its state")
        if node not in self.nodes.absent:
            raise NoSuchTarget(f"no node {node!r:.80} is known; `cluster.nodes` lists them")
        self.nodes.forget(node)
        return self.list_nodes()

    def status(self) -> ClusterServiceStatus:
        """Facts about the cluster."""
        link = self._link.facts()
        others = {**self.nodes.absent, **self.nodes.members}
        counted: Counter[str] = Counter(WORDS[member.state] for member in others.values())
        there = counted["there"] + counted["suspect"]
        where = f"meets others at {', '.join(self._config.servers)}"
        how = f"{self._membership.state.value}, {there} other node{'' if there == 1 else 's'}"
        if not link.server:
            how = "NATS is away" if link.trouble else "connecting to NATS"
        return ClusterServiceStatus(
            kind="cluster",
            instance=self.instance,
            listening=[],
            connections=int(self._link.is_up),
            counters=self._counters(),
            work=[Work(where, how)],
            state=self._membership.state.value,
            server=link.server,
            nodes=dict(counted),
            queue=link.queue_bytes,
            waited=self._calls.asking.waited if self._calls else 0.0,
            doubles=[] if self._devices is None else self._devices.names.doubles(),
            trouble=link.trouble or self._membership.why,
        )

    def _counters(self) -> Counters:
        events, calls = self.events.counts(), self._calls
        return {
            "refused": {**self.nodes.refused, **self.events.receiving.refused},
            "events": {"in": events.taken, "out": events.sent},
            "lost": events.lost,
            "dropped": {"queue": self._link.facts().dropped},
            "devices": {} if self._devices is None else self._devices.counters(),
            "doubled": self.events.receiving.doubled,
            "unfit": dict(self.events.forwarding.unfit),
            "history": {
                "shipped": 0 if self._shipping is None else self._shipping.shipped,
                "collected": 0 if self._collecting is None else self._collecting.collected,
            },
            "calls": {"in": calls.answering.counters["answered"], "out": calls.asking.counters["calls"]} if calls else {},
        }

    def _own_row(self) -> NodeFacts:
        trouble = self._link.facts().trouble if self._membership.state is MembershipState.JOINING else ""
        return NodeFacts(
            name=self.nodes.name,
            state=OWN_WORDS[self._membership.state],
            since=self._wall_of(self._membership.since),
            epoch=self.nodes.epoch,
            version=__version__,
            reason=self._membership.why or trouble,
            **asdict(self._own.make(self._link.server)),
        )

    def _row(self, member: Member) -> Deferred[NodeFacts]:
        known = NodeFacts(
            name=member.name,
            state=WORDS[member.state],
            since=self._wall_of(member.since),
            epoch=member.epoch,
            version=member.release,
            skew=member.skew if member.is_there else None,
            round_trip=member.round_trip if member.is_there else None,
            reason="" if member.state is MemberState.JOINING else member.why,
        )
        if member.state is not MemberState.THERE:  # nobody waits for one that is silent
            return succeed(known)
        asked: Deferred[Any] = self.nodes.ask(member.name, TALLY, seconds=TALLY_TIME)
        return asked.addCallbacks(lambda answer: evolve(known, **asdict(read_tally(answer))), lambda _: known)

    def _wall_of(self, moment: float) -> float:
        ago: float = self._reactor.seconds() - moment
        return self._bus.wall() - ago

    def _changed(self, member: Member) -> None:
        state = WORDS[member.state]
        self._log.info(
            "cluster: node {node} is {state}{why}", node=member.name, state=state, why=f": {member.why}" if member.why else ""
        )
        self._bus.publish(Message(CHANGED, NodeChanged(member.name, state, member.why, self._bus.wall())))
