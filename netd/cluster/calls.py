"""Operations of other nodes in the table of this one: what runs on node B is the instance ``main@B``, for every console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from netd.cluster.answering import CallAnswers
from netd.cluster.asking import NodeCalls, vouched
from netd.cluster.interfaces import ILink
from netd.cluster.member import Member
from netd.cluster.nodes import Nodes
from netd.cluster.offers import CALLER, BadOffer, OperationOffers, offers_of
from netd.console.dispatch import Dispatcher
from netd.interfaces import IBus, ISubscription
from netd.operations import Caller, Operation, OperationTable, node_of

__all__ = ["OPERATIONS", "Calls"]

OPERATIONS = "operations"
"""What other nodes are asked for."""

AT_ONCE = 64
"""Operations that are told at a time: their schemas have some kilobytes each."""

MOST = 2000
"""Operations of one node."""


@define(eq=False)
class _Coming:
    """What a member has told so far of its operations."""

    told: list[Any] = field(factory=list)


class Calls:
    """Offers the operations of this node to the others, and those of the others here.

    :ivar asking: the calls of this node to others.
    :ivar answering: those of others to this one.
    """

    _log = Logger()

    def __init__(self, grant: str, nodes: Nodes, link: ILink, bus: IBus, table: OperationTable, reactor: Any) -> None:
        self._nodes = nodes
        self._link = link
        self._table = table
        self.asking = NodeCalls(nodes.name, nodes.root, link, reactor.seconds)
        dispatcher = Dispatcher(table, reactor.seconds, bus)
        self.answering = CallAnswers(nodes.name, grant, link, table, dispatcher, reactor)
        self._offers = OperationOffers()
        self._own: list[dict[str, Any]] | None = None
        self._coming: dict[str, _Coming] = {}
        self._there: dict[str, dict[str, list[Operation]]] = {}
        self._subscription: ISubscription | None = None
        nodes.watch(lambda member: None, self._gone, self._unreachable, self._forgotten)
        nodes.answer(OPERATIONS, self._tell)
        nodes.follow(OPERATIONS, self._told)
        table.watch(self._changed)
        table.use_nodes(self._why_absent)

    def start(self) -> None:
        """Take calls, once this node has joined."""
        self.asking.epoch = self._nodes.epoch
        self._subscription = self._link.subscribe(f"{self._nodes.root}.node.{self._nodes.name}.call", self.answering.received)

    def stop(self) -> None:
        """Take no more calls, and offer nothing of other nodes."""
        if self._subscription is not None:
            self._subscription.cancel()
            self._subscription = None
        self.answering.stop()
        self.asking.give_up_all("this node has left the cluster")
        for node in list(self._there):
            self._withdraw(node)

    # What this node offers

    def _changed(self, instance: str) -> None:
        if not node_of(instance):
            self._own = None
            self._nodes.bump(OPERATIONS)

    def _tell(self, after: object) -> dict[str, Any]:
        """Answer another node: some of the operations, from the place *after* on."""
        begin = after if type(after) is int and after > 0 else 0
        if self.answering.grant == "nothing":
            return {"begin": 0, "rows": [], "after": None}
        if self._own is None:
            self._own = offers_of(self._table)
        end = begin + AT_ONCE
        return {"begin": begin, "rows": self._own[begin:end], "after": end if end < len(self._own) else None}

    # What others offer

    def _told(self, member: Member, answer: Any) -> int | None:
        """A member tells some of its operations. Return where to go on, or None when these were all."""
        rows = answer.get("rows") if isinstance(answer, Mapping) else None
        if not isinstance(rows, list):
            return None
        if not answer.get("begin"):
            self._coming[member.name] = _Coming()
        coming = self._coming.setdefault(member.name, _Coming())
        coming.told += rows
        after = answer.get("after")
        if rows and type(after) is int and after == len(coming.told) < MOST:
            return after
        del self._coming[member.name]
        try:
            self._offer(member.name, coming.told)
        except BadOffer as error:
            self._log.warn("cluster: the operations of node {node} cannot be read: {error}", node=member.name, error=error)
        return None

    def _offer(self, node: str, told: list[Any]) -> None:
        """Offer what *node* tells that it offers, in place of what it offered before."""
        found: dict[str, list[Operation]] = {}
        for remote, instances in self._offers.read(told):
            defaults = {argument.name: argument.default for argument in remote.signature.arguments}
            for instance in instances:
                call = partial(self._call, node, instance, remote.name, defaults)
                found.setdefault(instance, []).append(remote.operation(call))
        before = self._there.get(node, {})
        self._there[node] = found
        for instance in before.keys() | found.keys():
            self._table.replace(before.get(instance, ()), found.get(instance, ()), f"{instance}@{node}")

    def _withdraw(self, node: str) -> None:
        self._coming.pop(node, None)
        for instance, operations in self._there.pop(node, {}).items():
            self._table.replace(operations, (), f"{instance}@{node}")

    def _why_absent(self, node: str) -> str:
        """Return why nothing can be called on *node*; an empty text where that is possible."""
        members, gone = self._nodes.members, self._nodes.absent
        if node == self._nodes.name:
            return ""
        if node in gone:
            return f"node {node} is gone: {gone[node].why}"
        if node not in members:
            return f"no node {node} is in the cluster; `netd nodes` lists them"
        if not members[node].is_there:
            return f"node {node} cannot be reached now; `netd nodes` says more"
        if node in self._there and not self._there[node]:
            return f"node {node} grants callers of other nodes nothing (`grant` in its section [cluster])"
        return ""

    def _call(self, node: str, instance: str, name: str, defaults: Mapping[str, object], /, **bound: Any) -> Deferred[Any]:
        """Carry out an operation of another node. Arguments that were left out are left to that node."""
        caller: Caller = bound.pop(CALLER)
        said = {argument: value for argument, value in bound.items() if value is not defaults[argument]}
        called = self.asking.call(node, instance, name, said, vouched(caller))
        if caller.link is None or called.called:
            return called
        withdraw = caller.link.when_lost(lambda: self.asking.abandon(node, called))
        return called.addBoth(_after(withdraw))

    def _gone(self, member: Member, reason: str) -> None:
        self.asking.give_up(member.name, f"node {member.name} is gone: {reason}")

    def _unreachable(self) -> None:
        self.asking.give_up_all("the connection to NATS was lost before an answer came")

    def _forgotten(self, member: Member) -> None:
        self._withdraw(member.name)


def _after(withdraw: Callable[[], object]) -> Callable[[Any], Any]:
    """Return a callback that calls *withdraw*, and passes the result on."""

    def end(result: Any) -> Any:
        withdraw()
        return result

    return end
