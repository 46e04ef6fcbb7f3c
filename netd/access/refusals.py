"""The event of a refusal: of a connection that is not admitted, is one too many, or breaks its protocol."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Epoch, Prose
from netd.message import EventKind

__all__ = ["REFUSALS", "REFUSED", "PeerRefused"]

REFUSED = "system.main.refused"


@frozen
class PeerRefused:
    """``system.main.refused``: a section has refused a connection, or something that came from one.

    There are as many of them as log lines: one a minute of each kind and address.

    :ivar kind: the kind of refusal, a few words that are always the same, by which `counters` of the section count it.
    :ivar who: the address, and what else is known of the peer.
    :ivar more: refusals like it since the last event.
    """

    section: str
    kind: str
    who: str
    reason: Prose
    more: int
    time: Epoch


REFUSALS = EventKind(REFUSED, PeerRefused)
