"""Names of devices that move between nodes: each node tells the others whose devices have lost theirs."""

from __future__ import annotations

from attrs import asdict

from netd.carriage import Carriage
from netd.cluster.claims import Claim, Claims, read_claim
from netd.cluster.directory import Directory, RemoteDevice
from netd.cluster.interfaces import ILink
from netd.cluster.nodes import Nodes
from netd.codec.jsontext import decode_object, encode
from netd.errors import ProtocolError
from netd.interfaces import ISubscription

__all__ = ["Names"]

MOST_MET = 100
"""Names that are noted because two nodes have them."""


class Names:
    """Sends and takes claims.

    :ivar claims: what this node knew of others when its devices connected.
    """

    def __init__(self, nodes: Nodes, link: ILink, carriage: Carriage, directory: Directory) -> None:
        self.claims = Claims()
        self.counts = {"claims": 0, "names lost": 0}
        self._met: set[tuple[str, str]] = set()
        self._nodes = nodes
        self._link = link
        self._carriage = carriage
        self._directory = directory
        self._subscription: ISubscription | None = None

    def start(self) -> None:
        """Take claims from now on."""
        self._subscription = self._link.subscribe(f"{self._nodes.root}.node.{self._nodes.name}.claim", self._claimed)

    def stop(self) -> None:
        """Take no more."""
        if self._subscription is not None:
            self._subscription.cancel()

    def came_here(self, instance: str, name: str) -> None:
        """A device has come to this node, or gone: if it holds *name* now, others that have it may have to give it up."""
        claim = self._own_claim(instance, name)
        if claim is None:
            return
        found = self._directory.named(name)
        others = {device.node for device in found if device.name == name and device.instance == instance and device.is_online}
        if others:
            self._note(instance, name)
        unknown = {node for node, known in self._directory.nodes.items() if not known.is_kept}
        for node in sorted(others | unknown):
            self._send(claim, node)

    def came_elsewhere(self, device: RemoteDevice) -> None:
        """A device has come to another node. This node's may be newer still: its own event is on its way there."""
        claim = self.meets(device)
        if claim is not None and claim.outbids(device.generation, device.node):
            self._send(claim, device.node)

    def meets(self, device: RemoteDevice) -> Claim | None:
        """Note it if a device of this node has the name of *device*, too. Return the claim of that one; None if there is none."""
        claim = self._own_claim(device.instance, device.name)
        if claim is not None:
            self._note(device.instance, device.name)
        return claim

    def doubles(self) -> list[str]:
        """Return the names that connected devices of this node and of another one have, so that senders have to name the node."""
        self._met = {met for met in self._met if self._own_claim(*met) is not None and self._is_elsewhere(*met)}
        return sorted({name for _, name in self._met})

    def _note(self, instance: str, name: str) -> None:
        if len(self._met) >= MOST_MET:
            self.doubles()  # those that have moved are met no more
        if len(self._met) < MOST_MET:
            self._met.add((instance, name))

    def _is_elsewhere(self, instance: str, name: str) -> bool:
        found = self._directory.named(name)
        return any(device.is_online and device.name == name and device.instance == instance for device in found)

    def _own_claim(self, instance: str, name: str) -> Claim | None:
        host = self._carriage.hosts.get(instance)
        held = None if host is None else host.hosted_as(name)
        return None if held is None else Claim(self._nodes.name, instance, name, *held)

    def _send(self, claim: Claim, node: str) -> None:
        if self.claims.may_claim(claim, node):
            self.counts["claims"] += 1
            self._link.send(f"{self._nodes.root}.node.{node}.claim", encode(asdict(claim)))

    def _claimed(self, _subject: str, body: bytes, _reply: str) -> None:
        try:
            claim = read_claim(decode_object(body))
        except ProtocolError:
            claim = None
        host = None if claim is None else self._carriage.hosts.get(claim.instance)
        if claim is None or host is None:
            return
        host.raise_generation(claim.generation)
        held = host.hosted_as(claim.name)
        if held is not None and claim.outbids(held[0], self._nodes.name):
            self.counts["names lost"] += host.lose_name(claim.name, claim.generation, claim.owner, claim.node)
