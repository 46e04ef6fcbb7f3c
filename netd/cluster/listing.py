"""The list of the devices of all nodes, by the page. Each node shows the same rows in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

from attrs import frozen
from twisted.internet.defer import Deferred

from netd.carriage import Carriage, HostedDevice
from netd.cluster.directory import Directory
from netd.codec.units import ABSENT, Absent, Address, Epoch
from netd.connection.shares import TurnShare
from netd.operations import Caller
from netd.paging import LIMIT, ListPager

__all__ = ["ClusterDevice", "ClusterDeviceList", "DeviceListing"]

STEP = 100
"""Devices that are looked at before somebody else may have the turn."""


@frozen(slots=False)
class ClusterDevice:
    """A device of some node, connected or away.

    :ivar instance: the relay that it is connected to on its node.
    :ivar online: None while its node cannot be reached.
    :ivar generation: grows with each connection of any device of the cluster.
    :ivar since: time at which it connected.
    :ivar last_seen: time of its last byte, by the clock of its node.
    :ivar answers: it speaks the second dialect.
    :ivar as_of: since when nothing is known of it; absent while its node is there.
    """

    name: str
    node: str
    instance: str
    address: Address
    online: bool | None
    generation: int
    since: Epoch
    last_seen: Epoch
    aliases: tuple[str, ...]
    answers: bool
    as_of: Epoch | Absent = ABSENT


@frozen(slots=False)
class ClusterDeviceList:
    """A page of the list of devices of all nodes.

    :ivar counts: number of devices that contain the text, by state: `online`, `away` or `unknown`.
    :ivar matching: number of those in the wanted state, on all pages.
    :ivar after: end of this page, from which the next one goes on; None on the last page.
    """

    rows: list[ClusterDevice]
    counts: dict[str, int]
    matching: int
    after: str | None


Row = tuple[str, str, HostedDevice, float | None]
"""Node, instance, device, and since when nothing is known of it."""


class DeviceListing:
    """The operation ``cluster.devices``.

    :param own: the name of this node.
    :param share: the share of the turn that the listing takes: with a hundred thousand devices, it takes many turns.
    """

    def __init__(self, own: str, carriage: Carriage, directory: Directory, share: TurnShare) -> None:
        self._own = own
        self._carriage = carriage
        self._directory = directory
        self._share = share

    def list_devices(
        self,
        caller: Caller,
        contains: str = "",
        state: Literal["online", "away", "unknown"] | None = None,
        node: str | None = None,
        newest: bool = False,
        limit: int = LIMIT,
        after: str | None = None,
    ) -> Deferred[ClusterDeviceList]:
        """Return a page of the devices of all nodes whose presence *caller* may see, as ``relay.devices`` does.

        A device that has moved is listed where it was last; one that several nodes have at the same time, once for each.

        :param contains: a text in the device's name, address, aliases or node.
        :param state: whether only devices that are online, away, or on a node that cannot be reached, are meant.
        :param node: the node whose devices are meant.
        :param newest: whether the devices that connected last come first.
        :param limit: most rows of the page, up to 1000.
        :param after: what the page before gave as ``after``.
        """
        pager: ListPager[Row] = ListPager(contains, state, newest, limit, after)
        told: Deferred[ClusterDeviceList] = Deferred(lambda _: None)
        self._share.start(self._collect(caller, node, pager, told))
        return told

    def _collect(
        self, caller: Caller, node: str | None, pager: ListPager[Row], told: Deferred[ClusterDeviceList]
    ) -> Iterator[None]:
        sees_all = caller.principal.subjects is None
        for number, row in enumerate(self._rows(node)):
            where, _, device, as_of = row
            if sees_all or caller.may(self._subject(row)):
                word = "online" if device.is_online else "away"
                group = 0 if device.is_online else 2
                if as_of is not None:
                    word, group = "unknown", 1
                tie = f"{device.name or device.address} {where}"
                pager.take(row, word, partial(_words, row), group, device.generation, tie)
            if number % STEP == 0:
                yield
        rows, end = pager.page()
        if not told.called:
            told.callback(ClusterDeviceList([_described(row) for row in rows], dict(pager.counts), pager.matching, end))

    def _rows(self, node: str | None) -> Iterator[Row]:
        if node in (None, self._own):
            for instance, host in list(self._carriage.hosts.items()):
                for device in list(host.hosted()):
                    if device.is_online or not self._is_elsewhere(instance, device, self._own):
                        yield self._own, instance, device, None
        for name, known in list(self._directory.nodes.items()):
            if node in (None, name):
                for other in list(known.devices.values()):
                    if other.is_online or not self._is_elsewhere(other.instance, other, name):
                        yield name, other.instance, other, known.as_of

    def _is_elsewhere(self, instance: str, away: HostedDevice, node: str) -> bool:
        """Whether a device that is away from *node* is on another one, or was there later."""
        others: list[HostedDevice] = [
            other
            for other in self._directory.named(away.name)
            if other.node != node and other.name == away.name and other.instance == instance
        ]
        if node != self._own and (host := self._carriage.hosts.get(instance)) is not None:
            own = host.hosted_named(away.name)
            others += [] if own is None else [own]
        return any(other.is_online or other.generation > away.generation for other in others)

    def _subject(self, row: Row) -> str:
        node, instance, device, _ = row
        return f"relay.{instance}{'' if node == self._own else f'@{node}'}.presence.{device.subject}"


def _words(row: Row) -> str:
    node, _, device, _ = row
    return f"{device.name} {device.address} {' '.join(device.aliases)} {node}"


def _described(row: Row) -> ClusterDevice:
    node, instance, device, as_of = row
    online = device.is_online if as_of is None else None
    times = (device.generation, device.since, device.last_seen)
    whose = (device.aliases, device.answers, ABSENT if as_of is None else as_of)
    return ClusterDevice(device.name, node, instance, device.address, online, *times, *whose)
