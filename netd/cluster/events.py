"""Events between nodes: what is wanted of whom, what goes out and what comes in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from twisted.logger import Logger

from netd.cluster.config import Config
from netd.cluster.eventwire import BadEvents, read_wants, wants_answer
from netd.cluster.forwarding import Forwarding
from netd.cluster.interest import AskedPart, asked_parts, own_wants
from netd.cluster.member import Member
from netd.cluster.newest import NEWEST, Newest
from netd.cluster.nodes import Nodes
from netd.cluster.publishing import Publishing
from netd.cluster.receiving import Receiving
from netd.cluster.tally import EventCounts
from netd.connection.shares import TurnShare, own_share
from netd.interfaces import IBus
from netd.message import Demand

__all__ = ["WANTS", "Events"]

WANTS = "wants"
"""What each node tells of itself."""

SOON = 0.01
"""Seconds until a change of what is wanted is told: a page of the dashboard subscribes to many patterns at once."""

RECEIVING, NEWEST_TIME = 0.003, 0.002
"""Seconds of a turn for what comes from other nodes, and for what is the newest."""


class Events:
    """The events of the cluster, on this node.

    :ivar wants: what this node asks others for.
    """

    _log = Logger()

    def __init__(self, config: Config, nodes: Nodes, bus: IBus, reactor: Any) -> None:
        self.wants: dict[str, Demand] = {}
        self.forwarding = Forwarding(nodes, bus, reactor, own_share(reactor, "pass on", NEWEST_TIME), config.linger)
        receive, newest = own_share(reactor, "receive", RECEIVING), own_share(reactor, "newest", NEWEST_TIME)
        self.receiving = Receiving(nodes, bus, receive, reactor.seconds, self._missed)
        arrivals, take_newest = self.receiving.arrivals, self.receiving.take_newest
        self.newest = Newest(nodes, bus, reactor, newest, arrivals, take_newest, self._asked, self._parts)
        self.publishing = Publishing(nodes, bus, config.publish or ())
        self.shares: list[TurnShare] = [receive, newest, self.forwarding.share]
        self._config = config
        self._nodes = nodes
        self._bus = bus
        self._reactor = reactor
        self._theirs: dict[str, Mapping[str, Demand]] = {}
        self._timer: Any = None
        self._is_running = False
        self._is_watching = False

    def start(self) -> None:
        """Take part, from now on."""
        self._is_running = True
        if not self._is_watching:
            self._is_watching = True
            self._bus.watch_interests(self._changed)
            self._nodes.follow(WANTS, self._told)
            self._nodes.answer(WANTS, lambda _: wants_answer(self.wants))
            self._nodes.answer(NEWEST, self.newest.answer)
            forgotten, leaving = (lambda member: self.receiving.forget(member.name)), self.forwarding.finish
            self._nodes.watch(self._there, self._gone, forgotten=forgotten, leaving=leaving)
        self.publishing.start()
        self._review()

    def stop(self) -> None:
        """Take no part any more."""
        self._is_running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.publishing.stop()
        self.newest.stop()
        self.forwarding.stop()
        self.receiving.stop()
        self.wants = {}
        self._theirs.clear()

    def counts(self) -> EventCounts:
        """Return the number of events that were taken, sent and lost."""
        return EventCounts(self.receiving.taken, self.forwarding.sent, sum(self.receiving.lost.values()))

    # What this node wants

    def _changed(self) -> None:
        if self._is_running and self._timer is None:
            self._timer = self._reactor.callLater(SOON, self._review)

    def _review(self) -> None:
        self._timer = None
        wants, before = own_wants(self._bus.interests(), self._config.accept), self.wants
        if wants == before:
            return
        self.wants = wants
        self.receiving.follow(wants, self._config.accept)
        self._nodes.bump(WANTS)
        new = {pattern: demand for pattern, demand in wants.items() if before.get(pattern) != demand}
        for name, member in self._nodes.members.items():
            if member.is_there:
                self.newest.fetch(name, new)

    def _there(self, member: Member) -> None:
        self.newest.fetch(member.name, self.wants)

    def _missed(self, node: str) -> None:
        self.newest.fetch(node, self.wants)

    # What others want

    def _told(self, member: Member, answer: object) -> None:
        try:
            self._theirs[member.name] = read_wants(answer)
        except BadEvents as error:
            self._log.warn("cluster: node {node} does not say what it wants: {error}", node=member.name, error=error)
            return
        self._forward()

    def _asked(self, node: str, epoch: str, wants: Mapping[str, Demand]) -> None:
        """Another node asks for the newest events of *wants*, and wants those that follow."""
        member = self._nodes.members.get(node)
        if member is not None and member.epoch == epoch:
            known = self._theirs.get(node, {})
            if any(known.get(pattern) != demand for pattern, demand in wants.items()):
                self._theirs[node] = {**known, **wants}
                self._forward()

    def _gone(self, member: Member, reason: str) -> None:
        self.newest.forget(member.name)
        self.receiving.end(member.name)
        if self._theirs.pop(member.name, None) is not None:
            self._forward()

    def _forward(self) -> None:
        self.forwarding.follow(self._parts(self._theirs.values()))

    def _parts(self, wants: Iterable[Mapping[str, Demand]]) -> dict[tuple[str, bool], AskedPart]:
        """Return what of *wants* this node serves: nothing, if it is closed."""
        return {} if self._config.is_closed else asked_parts(self._nodes.name, wants)
