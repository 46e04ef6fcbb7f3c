"""The records of a relay in the state database: the devices that ever had a name.

A device is written when its name is new, and when it goes; a card would not last if each of its messages were. So a killed daemon
has not written when its devices were heard last. It has written, once a minute, that it was alive: devices that were connected
then were heard of then.
"""

from __future__ import annotations

from typing import Any

from netd.bus.subject import token
from netd.interfaces import IStatePart, IStateTable
from netd.relay.devices import DeviceLink, Devices

__all__ = ["ALIVE_EVERY", "DeviceRecords"]

ALIVE_EVERY = 60.0
"""Seconds between two notes that the daemon is alive."""

SOON = 1.0
"""Seconds within which a device with a new name is written."""

KEPT_FOR = 365 * 86400.0
"""Seconds after which a device that has not come back is forgotten, by a restart."""

NO_PEER: Any = None
"""The peer of a device that was connected to an earlier run. Nothing is asked of the peer of a device that is away."""


class DeviceRecords:
    """The records of one relay's devices. Without a state, nothing is written."""

    def __init__(self) -> None:
        self._devices: IStateTable | None = None
        self._alive: IStateTable | None = None

    def load(self, part: IStatePart, devices: Devices, most: int, now: float) -> None:
        """Add the devices of earlier runs to *devices*, as devices that are away.

        :param now: the time by the wall clock.
        """
        self._devices, self._alive = part.table("device"), part.table("alive")
        alive = max((time for _, time in self._alive.load(1) if isinstance(time, float)), default=0.0)
        for name, record in self._devices.load(most):
            link = _link(name, record, alive)
            if link is None or link.last_seen < now - KEPT_FOR:
                self._devices.drop(name)
            else:
                devices.remember(link)

    def saw(self, link: DeviceLink, is_new: bool = False) -> None:
        """Note that a device came or went.

        :param is_new: whether no device had this name before.
        """
        if self._devices is not None and link.name:
            within = {"within": SOON} if is_new else {}
            self._devices.note(link.name, lambda: _record(link), **within)

    def forget(self, name: str) -> Any:
        """Remove a record. Return a Deferred that fires when that is on the disk; None without a state."""
        return None if self._devices is None else self._devices.remove(name)

    def note_alive(self, devices: Devices, now: float) -> None:
        """Note the time, if devices with names are connected."""
        if self._alive is not None and any(link.name for link in devices):
            self._alive.note("time", now, 0.0)


def _record(link: DeviceLink) -> dict[str, object]:
    return {
        "host": link.host,
        "port": link.port,
        "generation": link.generation,
        "since": link.since,
        "last_seen": link.last_seen,
        "aliases": link.aliases,
        "answers": link.answers,
        "online": link.is_online,
    }


def _link(name: str, record: Any, alive: float) -> DeviceLink | None:
    """Return the device of a record; None if this netd does not understand it."""
    try:
        link = DeviceLink(
            NO_PEER,
            str(record["host"]),
            int(record["port"]),
            int(record["generation"]),
            float(record["since"]),
            answers=bool(record["answers"]),
            name=token(name),
            aliases=tuple(map(str, record["aliases"])),
            is_online=False,
        )
        link.last_seen = max(float(record["last_seen"]), alive if record["online"] else 0.0)
    except (KeyError, TypeError, ValueError):
        return None
    return link
