"""The events that are published about what is sent on."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Epoch, Prose, Seconds

__all__ = ["ForwardChanged"]


@frozen
class ForwardChanged:
    """``forward.<instance>.state``: sending goes on, has fallen behind, or waits.

    :ivar state: ``sending``, ``behind`` (what is sent is more than a minute old), ``waiting`` (the server or the recorder is
        away), or ``refused`` (nothing is taken until somebody sees to it).
    :ivar reason: why nothing is sent; empty otherwise.
    :ivar lag: the age of the oldest that is not sent.
    """

    state: str
    reason: Prose
    lag: Seconds
    time: Epoch
