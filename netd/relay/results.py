"""The results of the operations of a relay, and its status."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import ABSENT, Absent, Address, Epoch, Prose
from netd.status import ServiceStatus

__all__ = ["AnsweredMessage", "AttachedDevice", "DetachedDevice", "DeviceFacts", "DeviceList", "RelayServiceStatus", "SendResult"]


@frozen(slots=False)
class DeviceFacts:
    """A device, connected or away.

    :ivar generation: grows with each connection of any device.
    :ivar since: time at which it connected.
    :ivar last_seen: time of its last byte.
    :ivar answers: it speaks the second dialect.
    """

    name: str
    address: Address
    online: bool
    generation: int
    since: Epoch
    last_seen: Epoch
    aliases: tuple[str, ...]
    answers: bool


@frozen(slots=False)
class DeviceList:
    """A page of the list of devices.

    :ivar counts: number of devices that contain the text, by state: `online` or `away`.
    :ivar matching: number of those in the wanted state, on all pages.
    :ivar after: end of this page, from which the next one goes on; None on the last page.
    """

    rows: list[DeviceFacts]
    counts: dict[str, int]
    matching: int
    after: str | None


@frozen(slots=False)
class SendResult:
    """The outcome for a payload.

    :ivar status: `sent`, `queued`, `acknowledged`, `failed` or `expired`.
    :ivar error: reason why it was not delivered or answered; absent otherwise.
    :ivar answer: the answer of the device; absent without one.
    :ivar known: if it `failed` or `expired`, whether it reached the device's connection: `no`, `maybe` or `yes`; else absent.
    """

    status: str
    error: Prose | Absent = ABSENT
    answer: bytes | Absent = ABSENT
    known: str | Absent = ABSENT


@frozen(slots=False)
class AttachedDevice:
    """A console connection that has become a device."""

    instance: str
    device: str
    address: Address
    generation: int


@frozen(slots=False)
class DetachedDevice:
    """A console connection that is no longer a device."""

    device: str


@frozen(slots=False)
class AnsweredMessage:
    """A message that a console connection has answered as a device."""

    device: str
    id: int


@frozen(slots=False, kw_only=True)
class RelayServiceStatus(ServiceStatus):
    """The status of a relay.

    :ivar devices: number of connected devices.
    :ivar queued: messages that wait for devices that are away.
    """

    devices: int
    queued: int
