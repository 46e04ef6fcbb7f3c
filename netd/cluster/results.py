"""Results of the operations of ``[cluster]``, its event, and its status."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from netd.codec.units import Bytes, Epoch, Prose, Seconds
from netd.status import ServiceStatus, Work

__all__ = ["CHANGED", "ClusterServiceStatus", "NodeChanged", "NodeFacts", "NodeState", "OwnState"]

CHANGED = "system.main.cluster"
"""The subject of changes of nodes. Each node tells how it sees the others, so that this is never passed on to them."""

NodeState = Literal["here", "joining", "there", "suspect", "unreachable", "gone", "incompatible", "alone", "left"]
OwnState = Literal["left", "joining", "alone", "joined"]


@frozen(slots=False, kw_only=True)
class NodeFacts:
    """A node of the cluster, as this one sees it.

    :ivar state: ``here`` is this node itself; ``alone``: another process has its name.
    :ivar since: when that began.
    :ivar epoch: names its process; another one after each start.
    :ivar server: the NATS server that it is connected to.
    :ivar skew: by how much its wall clock is ahead of this node's.
    :ivar round_trip: time that a question to it and its answer took.
    :ivar devices: devices that are connected to it. This and all below are None of a node that does not answer.
    :ivar sessions: sessions on it that have not ended.
    :ivar events_in: events that it has taken from others.
    :ivar events_out: events that it has sent to others.
    :ivar lost: events of others that it has missed.
    :ivar dropped: events that it could not send, because its queue was full.
    :ivar version: its version of netd.
    :ivar reason: why it is gone, or not in the cluster; empty otherwise.
    """

    name: str
    state: NodeState
    since: Epoch
    epoch: str
    server: str = ""
    skew: Seconds | None = None
    round_trip: Seconds | None = None
    devices: int | None = None
    sessions: int | None = None
    events_in: int | None = None
    events_out: int | None = None
    lost: int | None = None
    dropped: int | None = None
    version: str = ""
    reason: Prose = ""


@frozen(slots=False)
class NodeChanged:
    """The state of another node has changed.

    :ivar reason: why; empty where that needs no words.
    :ivar time: when.
    """

    node: str
    state: NodeState
    reason: str
    time: Epoch


@frozen(slots=False, kw_only=True)
class ClusterServiceStatus(ServiceStatus):
    """The status of ``[cluster]``.

    :ivar state: whether this node has joined.
    :ivar server: the NATS server of the connection; empty without one.
    :ivar nodes: number of nodes, this one left out, by their state.
    :ivar queue: size of the events that wait for NATS.
    :ivar waited: time that calls of other nodes have taken, all together, until their end.
    :ivar doubles: names that connected devices of this node and of another one have; senders have to name the node.
    :ivar trouble: what is wrong with the way to NATS, or why this node stays alone; empty if nothing is.
    """

    state: OwnState
    server: str
    nodes: dict[str, int]
    queue: Bytes
    waited: Seconds
    doubles: list[str]
    trouble: Prose
    work: list[Work]
