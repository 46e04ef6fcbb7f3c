"""The status of an ``[mqtt]`` section."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Bytes, Prose
from netd.status import DialStatus, ServiceStatus

__all__ = ["MqttServiceStatus"]


@frozen(slots=False, kw_only=True)
class MqttServiceStatus(ServiceStatus):
    """The status of an ``[mqtt]`` section.

    :ivar state: ``connected``, or what the connection to the broker waits for.
    :ivar waiting: publications that wait, and those that the broker has not acknowledged.
    :ivar size: memory of those.
    :ivar devices: number of devices that Home Assistant knows.
    :ivar last_objection: what the broker refused last, and why; None if it never did.
    """

    dialling: list[DialStatus]
    state: str
    waiting: int
    size: Bytes
    devices: int
    last_objection: Prose | None
