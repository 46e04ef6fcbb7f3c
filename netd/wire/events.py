"""The events that wires publish on the bus, beside samples (:mod:`netd.codec.samples`)."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from netd.codec.units import Address, Epoch, Prose

__all__ = ["WirePresence"]

WireSaid = dict[str, Any]
"""``wire.<instance>.said.<name>``: what a peer said, by the fields of the rule that took it; ``text`` where no rule did."""


@frozen
class WirePresence:
    """``wire.<instance>.presence.<name>``: a peer came or went.

    :ivar last_seen: when the last byte came from it.
    :ivar reason: why it went; of one that came, whose name it took.
    :ivar since: when it came.
    """

    name: str
    address: Address
    online: bool
    last_seen: Epoch
    reason: Prose
    since: Epoch
