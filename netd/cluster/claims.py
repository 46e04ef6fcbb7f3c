"""Names that move from node to node, as a machine: which connection has a name when two nodes have one of it.

A connection takes the name from another node's if it is newer, and was made while its node knew of that one: then the device has
moved. Two connections that were made while their nodes did not know each other meet: none of them is cut.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field, frozen

from netd.message import NAME

__all__ = ["Claim", "Claims", "read_claim"]


@frozen
class Claim:
    """What a node tells another one, whose device has lost its name.

    :ivar node: the node that has the name.
    :ivar generation: of the connection there.
    :ivar owner: of the connection there, in words.
    """

    node: str
    instance: str
    name: str
    generation: int
    owner: str

    def outbids(self, generation: int, node: str) -> bool:
        """Whether it is newer than the connection of that *generation* on *node*."""
        return (self.generation, self.node) > (generation, node)


@define(eq=False)
class Claims:
    """What this node knew of others when its devices connected.

    :ivar known: by node, the greatest generation of each of this node's relays when all devices of that node had become known.
    """

    known: dict[str, dict[str, int]] = field(factory=dict)

    def learned(self, node: str, generations: Mapping[str, int]) -> None:
        """Note that all devices of *node* are known from now on."""
        self.known.setdefault(node, dict(generations))

    def lost(self, node: str) -> None:
        """Note that what devices *node* has is not known any more."""
        self.known.pop(node, None)

    def may_claim(self, claim: Claim, node: str) -> bool:
        """Whether the connection of *claim*, one of this node's, was made while the devices of *node* were known."""
        known = self.known.get(node)
        return known is not None and claim.generation > known.get(claim.instance, 0)


def read_claim(facts: Mapping[str, object]) -> Claim | None:
    """Return the claim that another node has sent; None if it is none."""
    node, instance, name = facts.get("node"), facts.get("instance"), facts.get("name")
    generation, owner = facts.get("generation"), facts.get("owner")
    if not isinstance(node, str) or not isinstance(instance, str) or not isinstance(name, str) or not NAME.fullmatch(node):
        return None
    if type(generation) is not int or not 0 <= generation < 1 << 53 or not isinstance(owner, str):
        return None
    return Claim(node, instance, name, generation, owner)
