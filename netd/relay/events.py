"""The events that a relay publishes on the bus."""

from __future__ import annotations

from typing import TypedDict

from attrs import frozen

from netd.codec.units import Address, Epoch, Prose, Took

__all__ = ["DeviceOutcome", "DevicePresence", "DeviceRefused", "DeviceSaid", "DeviceSent", "readable"]

# A class cannot have a member called `from`, which the protocol calls a sender.
DeviceOutcome = TypedDict(
    "DeviceOutcome",
    {"device": str, "from": Address, "request": str, "status": str, "error": str, "seconds": Took, "time": Epoch},
)
"""``relay.<instance>.outcome.<device>``: what became of a message to a device, and who sent it.

``device`` is its name, or its address when it has none; of a device that netd does not know, what the sender has called it.
``request`` is the message, cut to 200 characters. ``status`` is the last one: ``sent``, ``acknowledged``, ``failed`` or
``expired``.
"""


@frozen
class DevicePresence:
    """``relay.<instance>.presence.<device>``: a device came or went.

    :ivar device: its name, or its address when it has none.
    :ivar generation: grows with each connection; a death that carries an older one than the last arrival is stale.
    :ivar last_seen: seconds since the epoch at which the last byte came from the device.
    :ivar reason: why it went; of a device that came, whose name it took.
    :ivar since: when it connected.
    :ivar answers: it speaks the second dialect.
    """

    device: str
    address: Address
    online: bool
    generation: int
    last_seen: Epoch
    reason: Prose
    since: Epoch
    aliases: tuple[str, ...]
    answers: bool


@frozen
class DeviceRefused:
    """``relay.<instance>.refused``: a device was refused, because somebody else holds its name.

    :ivar address: of the device that was refused.
    :ivar holder: the address of the one that has the name; empty where the configuration keeps it for another host.
    """

    device: str
    address: Address
    holder: Address
    reason: Prose


@frozen
class DeviceSent:
    """``relay.<instance>.sent.<device>``: a controller sent something to a device.

    :ivar text: the payload when it is UTF-8 text, else None and *base64* holds it.
    """

    device: str
    text: str | None
    base64: bytes | None


@frozen
class DeviceSaid:
    """``relay.<instance>.said.<device>``: a device said something of its own accord."""

    device: str
    event: str
    text: str | None
    base64: bytes | None


def readable(payload: bytes) -> tuple[str | None, bytes | None]:
    """*payload* as text, or as bytes where it is none: the last two fields of :class:`DeviceSent` and :class:`DeviceSaid`."""
    try:
        return payload.decode(), None
    except UnicodeDecodeError:
        return None, payload
