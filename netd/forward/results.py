"""The status of a ``[forward]``."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Epoch, Prose, Seconds
from netd.status import ServiceStatus, Work

__all__ = ["ForwardStatus"]


@frozen(slots=False, kw_only=True)
class ForwardStatus(ServiceStatus):
    """The status of one ``[forward]``.

    :ivar work: where it sends to.
    :ivar state: as in :class:`netd.forward.events.ForwardChanged`.
    :ivar reason: why nothing is sent; empty otherwise.
    :ivar position: everything that was published before has been sent; None before the first look.
    :ivar lag: the age of the oldest that is not sent.
    :ivar last_skipped: why lines were left out last, as the server says; None if none were.
    """

    work: list[Work]
    state: str
    reason: Prose
    position: Epoch | None
    lag: Seconds
    last_skipped: Prose | None
