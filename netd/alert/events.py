"""The events that alerts publish on the bus."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from netd.codec.units import Epoch, Prose

__all__ = ["AlertChanged"]


@frozen
class AlertChanged:
    """``alert.<name>.<subject…>``: an alert has changed its state on one subject.

    :ivar alert: its name.
    :ivar subject: the subject that it is about.
    :ivar state: ``firing``, ``acknowledged``, ``unacknowledged`` (over, and to be acknowledged) or ``quiet``.
    :ivar occasion: ``fired``, ``repeated``, ``acknowledged``, ``kept``, ``over``, ``restored`` (netd was started
        anew) or ``test``.
    :ivar value: the value at which it fired, or the newest one.
    :ivar when: its condition.
    :ivar since: the time at which it fired.
    :ivar by: who has acknowledged it.
    """

    alert: str
    subject: str
    state: str
    occasion: str
    value: Any
    when: Prose
    since: Epoch
    by: str
    time: Epoch
