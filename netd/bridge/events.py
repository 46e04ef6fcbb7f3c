"""The events that bridges publish on the bus."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Epoch, Prose

__all__ = ["BridgeFailed"]


@frozen
class BridgeFailed:
    """``bridge.<name>.failed``: a message of a bridge did not arrive.

    :ivar bridge: its name.
    :ivar subject: the subject of the event that was to be sent on.
    :ivar to: the target; empty if it was none in particular.
    :ivar why: the reason, with a remedy.
    """

    bridge: str
    subject: str
    to: str
    why: Prose
    time: Epoch
