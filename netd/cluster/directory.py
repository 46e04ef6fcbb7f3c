"""The devices of the other nodes, as far as this one knows, and where a device is to be found.

A device is known by what its own node says. Of one device, what has the greater generation is newer, whatever the clocks: a
generation is a Lamport clock over the cluster. Of one connection, its end is newer than its beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import define, field

from netd.bus.subject import token
from netd.carriage import DevicePlace, OwnDevice
from netd.cluster.marks import mark_of, summed
from netd.errors import NoSuchTarget
from netd.message import NAME

__all__ = ["MOST", "Directory", "NodeDevices", "RemoteDevice", "read_row", "row_of"]

MOST = 200_000
"""Devices of other nodes that are known. A node that would exceed them is asked for each name."""


@define(eq=False, slots=True)
class RemoteDevice:
    """A device of another node; see :class:`netd.carriage.HostedDevice`.

    :ivar edition: that of the list that has named it last.
    :ivar is_assumed: whether its node has been gone since. Whatever the node tells then is newer.
    """

    node: str
    instance: str
    subject: str
    name: str
    address: str
    is_online: bool
    generation: int
    since: float
    last_seen: float
    aliases: tuple[str, ...]
    answers: bool
    edition: int = 0
    is_assumed: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others of its node."""
        return self.instance, self.subject

    @property
    def keys(self) -> tuple[str, ...]:
        """The texts by which it is found."""
        own = (self.name, *self.aliases) if self.name else ()
        return (*own, self.address) if self.is_online else own

    @property
    def mark(self) -> int:
        """Its part of the sum of its node; see :mod:`netd.cluster.marks`."""
        return mark_of(self.instance, self.subject, self.generation) if self.is_online else 0

    @property
    def age(self) -> tuple[int, bool]:
        """Grows with what is newer of one device."""
        return self.generation, not self.is_online


@define(eq=False)
class NodeDevices:
    """The devices of one node.

    :ivar devices: by instance and subject.
    :ivar as_of: since when nothing is known of them, by the wall clock; None while something is.
    :ivar is_kept: whether they are known one by one.
    :ivar edition: of the list of them that comes or has come last.
    :ivar marks: the sum of the marks of those that are connected. Its node says the same sum, unless something was lost.
    :ivar changes: see :meth:`Directory.begin_list`.
    """

    devices: dict[tuple[str, str], RemoteDevice] = field(factory=dict)
    as_of: float | None = None
    is_kept: bool = True
    edition: int = 0
    marks: int = 0
    changes: int = 0


class Directory:
    """What is known of all other nodes.

    :param own: the name of this node.
    :ivar version: grows with each change.
    :ivar greatest: the greatest generation that was seen.
    """

    def __init__(self, own: str, most: int = MOST) -> None:
        self.nodes: dict[str, NodeDevices] = {}
        self.version = 0
        self.greatest = 0
        self._own = own
        self._most = most
        self._size = 0
        self._index: dict[str, tuple[RemoteDevice, ...]] = {}

    def __iter__(self) -> Iterator[RemoteDevice]:
        for known in self.nodes.values():
            yield from known.devices.values()

    def put(self, device: RemoteDevice) -> bool:
        """Take what a node says of a device. Return False if something newer is known, or nothing is kept of this node."""
        self.greatest = max(self.greatest, device.generation)
        known = self.nodes.setdefault(device.node, NodeDevices())
        if not known.is_kept:
            return False
        before = known.devices.get(device.key)
        if before is not None and not before.is_assumed and before.age > device.age:
            before.edition = known.edition
            return False
        if before is None and self._size >= self._most:
            self.clear(device.node)
            known.is_kept = False
            return False
        device.edition = known.edition
        known.marks += device.mark - (before.mark if before is not None else 0)
        self._take_out(before)
        if device.name or device.is_online:
            known.devices[device.key] = device
            self._size += 1
            for text in device.keys:
                self._index[text] = (*self._index.get(text, ()), device)
        elif before is not None:
            del known.devices[device.key]
        self.version += 1
        return True

    def note_generation(self, generation: Any) -> None:
        """Note the greatest generation of a node, which the devices of it that are listed need not have."""
        if _is_generation(generation):
            self.greatest = max(self.greatest, generation)

    def begin_list(self, node: str, changes: int = 0) -> None:
        """A whole list of the node's devices comes.

        :param changes: changes that no event of presence has told; the list has them.
        """
        known = self.nodes.setdefault(node, NodeDevices())
        known.changes = changes
        known.edition += 1
        known.as_of, known.is_kept = None, True

    def end_list(self, node: str) -> list[RemoteDevice]:
        """The list is whole: forget, and return, what it has not named."""
        known = self.nodes[node]
        rest = [device for device in known.devices.values() if device.edition != known.edition]
        for device in rest:
            known.marks -= device.mark
            self._take_out(device)
            del known.devices[device.key]
        self.version += 1
        return rest

    def lose(self, node: str, now: float) -> None:
        """Nothing is known of the node's devices any more; what was known is kept."""
        known = self.nodes.get(node)
        if known is not None and known.as_of is None:
            known.as_of = now
            self.version += 1

    def end(self, node: str, seen: float) -> list[RemoteDevice]:
        """The node is gone, and so are its devices. Return those that were connected, as they are now.

        :param seen: when the node was there last, by the wall clock, and so were they: their own time of a last byte is that of
            their connection, or of the list, and may be days old.
        """
        known = self.nodes.get(node)
        if known is None:
            return []
        known.as_of, known.marks = None, 0
        for device in known.devices.values():  # another process may count on from less, where its clock was set back
            device.is_assumed = True
        ended = [device for device in known.devices.values() if device.is_online]
        for device in ended:
            self._take_out(device)
            device.is_online = False
            device.last_seen = max(device.last_seen, seen)
            if device.name:
                self._size += 1
                for text in device.keys:
                    self._index[text] = (*self._index.get(text, ()), device)
            else:
                del known.devices[device.key]
        self.version += 1
        return ended

    def clear(self, node: str) -> None:
        """Forget the devices of a node."""
        known = self.nodes.get(node)
        for device in () if known is None else list(known.devices.values()):
            self._take_out(device)
        if known is not None:
            known.devices.clear()
            known.marks = 0
            self.version += 1

    def forget(self, node: str) -> None:
        """Forget a node."""
        self.clear(node)
        self.nodes.pop(node, None)

    def at(self, node: str, key: tuple[str, str]) -> RemoteDevice | None:
        """Return the device of *node* with this instance and subject."""
        known = self.nodes.get(node)
        return None if known is None else known.devices.get(key)

    def marks(self, node: str) -> int | None:
        """Return what the node would say of its devices, if they are as they are known; None if that is not known one by one."""
        known = self.nodes.get(node)
        return summed(known.marks, known.changes) if known is not None and known.is_kept else None

    def named(self, text: str) -> tuple[RemoteDevice, ...]:
        """Return the devices of that name, alias or address; each node's own, connected or not."""
        return self._index.get(text, ())

    def knows(self, device: RemoteDevice) -> bool:
        """Whether anything is known of the device's node at the moment."""
        return self.nodes[device.node].as_of is None

    def find(self, instance: str, target: str, own: OwnDevice | None) -> tuple[DevicePlace, ...]:
        """See :meth:`netd.interfaces.ICarrier.find`."""
        name, at, node = target.rpartition("@")
        if at and NAME.fullmatch(node):
            return self._at(instance, name, node)
        found = self.named(target)
        if own is not None and own.is_online:
            others = [device for device in found if device.is_online and device.name == target and device.instance == instance]
            mine = DevicePlace(self._own, instance, target, own.subject, is_own=True)
            return (mine, *(_place(device, target) for device in others if self.knows(device)))
        best = _nearest([device for device in found if device.is_online and self.knows(device)], instance)
        best = best or _nearest([device for device in found if device.is_online], instance)
        if best:
            return tuple(_place(device, target) for device in best)
        last = max(found, key=lambda device: (device.instance == instance, device.generation), default=None)
        if last is None or (own is not None and own.generation >= last.generation):
            return ()
        return (_place(last, target),)

    def _at(self, instance: str, name: str, node: str) -> tuple[DevicePlace, ...]:
        if node == self._own:
            return (DevicePlace(node, instance, name, name, is_own=True),)
        if node not in self.nodes:
            raise NoSuchTarget(f"there is no node {node}; `cluster.nodes` lists them")
        there = _nearest([device for device in self.named(name) if device.node == node], instance)
        return (_place(there[0], name) if there else DevicePlace(node, instance, name, name),)

    def _take_out(self, device: RemoteDevice | None) -> None:
        if device is None:
            return
        self._size -= 1
        for text in device.keys:
            rest = tuple(other for other in self._index[text] if other is not device)
            if rest:
                self._index[text] = rest
            else:
                del self._index[text]


def _nearest(devices: list[RemoteDevice], instance: str) -> list[RemoteDevice]:
    """Return those of relays of the name *instance*, or all if there are none."""
    return [device for device in devices if device.instance == instance] or devices


def _place(device: RemoteDevice, target: str) -> DevicePlace:
    return DevicePlace(device.node, device.instance, target, device.subject)


def row_of(instance: str, device: Any) -> tuple[Any, ...]:
    """Return what a node tells others of its *device*."""
    times = (device.since, device.last_seen)
    whose = (device.name, device.address, device.is_online, device.generation, *times, device.aliases, device.answers)
    return instance, device.subject, *whose


def read_row(node: str, row: Any) -> RemoteDevice | None:
    """Return the device of a row of another node; None if it is none."""
    if not isinstance(row, list) or len(row) < 10:
        return None
    instance, subject, name, address, is_online, generation, since, last_seen, aliases, answers = row[:10]
    texts: Iterable[Any] = (instance, subject, name, address, *(aliases if isinstance(aliases, list) else (None,)))
    times = (since, last_seen)
    if not all(isinstance(text, str) for text in texts) or not all(map(_is_time, times)):
        return None
    if not NAME.fullmatch(instance) or token(subject) != subject or not _is_generation(generation):
        return None
    return RemoteDevice(
        node, instance, subject, name, address, is_online is True, generation, since, last_seen, tuple(aliases), answers is True
    )


def _is_generation(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 53


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1 << 53
