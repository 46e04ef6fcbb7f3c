"""``netd send`` to the peer of a wire: which wire it is at, and what became of the text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from netd.cli.devices import every_device, is_meant
from netd.cli.invocation import Failure, Invocation, Misused
from netd.cli.peers import wires_having

if TYPE_CHECKING:
    from netd.cli.table import TableOperation

__all__ = ["WirePlace", "find_wire", "has_wires", "text_for_wire"]

_PREFIX = "wire."

WirePlace = tuple[str, str]
"""A wire, by its instance, and the name of a peer there."""


def has_wires(table: Iterable[TableOperation]) -> bool:
    """Whether the daemon, or another node of its cluster, has a wire."""
    return bool(_instances(table))


def find_wire(invocation: Invocation, table: Iterable[TableOperation], target: str) -> WirePlace | None:
    """Return the wire at which a peer is called *target*; None if there is none.

    ``wire.INSTANCE.NAME`` is a peer, whether it is there or not, and ``NAME@NODE`` one of that node. Any other target is a peer
    that is connected.

    :raises Misused: if several wires have such a peer, or if a device that is connected is called so, too.
    """
    table = list(table)
    instances = _instances(table)
    instance, dot, name = target.removeprefix(_PREFIX).partition(".")
    if target.startswith(_PREFIX) and dot and instance in instances:
        return instance, name
    with invocation.control() as control:
        there, found = target, wires_having(control, instances, target)
        name, at, node = target.rpartition("@")
        if not found and at:
            there = name
            found = wires_having(control, [one for one in instances if one.partition("@")[2] == node], name)
    if not found:
        return None
    ways = ", ".join(f"{_PREFIX}{one}.{there}" for one in found)
    if len(found) > 1:
        raise Misused(f"{target!r} is a peer of several wires: write which one: {ways}")
    if any(one.name == "relay.devices" for one in table) and _is_device(invocation, table, target):
        raise Misused(f"{target!r} is a device of a relay and a peer of a wire: write {ways} for the peer, or --instance RELAY")
    return found[0], there


def _instances(table: Iterable[TableOperation]) -> list[str]:
    offered = {one.name: set(one.instances) for one in table if one.name in ("wire.send", "wire.peers")}
    return sorted(offered.get("wire.send", set()) & offered.get("wire.peers", set()))


def _is_device(invocation: Invocation, table: Iterable[TableOperation], target: str) -> bool:
    return any(is_meant(device, target) and device.get("online") for device in every_device(invocation, table))


def text_for_wire(payload: bytes) -> str:
    """Return *payload* as a wire takes it.

    :raises Failure: if it is no text.
    """
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Failure("a wire takes text, and this is none; `send` of its section makes other bytes of a text") from error
