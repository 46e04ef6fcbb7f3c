"""The events that a recorder publishes about itself."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Bytes, Epoch, Prose

__all__ = ["RecordingChanged"]


@frozen
class RecordingChanged:
    """``recorder.<instance>.state``: recording has begun, is paused, or drops what comes.

    :ivar state: ``recording``, ``paused`` or ``dropping``, as in the status.
    :ivar reason: why it is not recording, and the remedy.
    :ivar waiting: bytes of memory of what waits to be written.
    """

    state: str
    reason: Prose
    waiting: Bytes
    time: Epoch
