"""The devices of all nodes as one: what the others have, who has a name, and messages from node to node.

What other nodes have is learned from a list, which each of them is asked for when it is there, and then from the events of
presence, which the cluster carries like all others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Any

from attrs import frozen
from zope.interface import implementer

from netd.carriage import Carriage, CarriedReport, DevicePlace, HostedDevice, OwnDevice
from netd.cluster.delivering import Delivering
from netd.cluster.directory import Directory, RemoteDevice, read_row, row_of
from netd.cluster.interfaces import ILink
from netd.cluster.listing import DeviceListing
from netd.cluster.marks import OwnMarks
from netd.cluster.member import Member
from netd.cluster.names import Names
from netd.cluster.nodes import Nodes
from netd.cluster.sending import Sending
from netd.codec.jsontext import decode_object, encode
from netd.connection.shares import own_share
from netd.connection.turn import Turn
from netd.errors import OperationFailed, ProtocolError
from netd.interfaces import IBus, ICarrier, ISubscription
from netd.message import Message
from netd.operations import Operation, Role

__all__ = ["ClusterDevices", "RemotePresence"]

DEVICES = "devices"
"""What other nodes are asked for. The version of it in a hello changes with what no event of presence tells."""

PRESENCE = "relay.*.presence.*"

PART = 1000
"""Devices of one part of a list."""

PART_SIZE = 300_000
"""Bytes of one part, about."""

SHARE = 0.005
"""Most seconds of a turn for telling that the devices of a node have gone."""


@frozen
class RemotePresence:
    """The event of a device of a node that is gone, or has not told: as ``relay.<instance>.presence.<device>`` of a relay."""

    device: str
    address: str
    online: bool
    generation: int
    last_seen: float
    reason: str
    since: float
    aliases: tuple[str, ...]
    answers: bool


@implementer(ICarrier)
class ClusterDevices:
    """The devices of all nodes.

    :param grant: the most that callers of other nodes may do here.
    :ivar directory: what the other nodes have.
    :ivar share: the share of the turn for telling of many devices at once.
    """

    def __init__(self, nodes: Nodes, link: ILink, bus: IBus, carriage: Carriage, reactor: Any, grant: str) -> None:
        turn = Turn(reactor.callLater)
        self.carriage = carriage
        self.directory = Directory(nodes.name)
        self.sending = Sending(nodes, link, reactor, turn.after)
        self.delivering = Delivering(nodes, link, carriage, grant, reactor, turn.after)
        self.names = Names(nodes, link, carriage, self.directory)
        self.share = own_share(reactor, DEVICES, SHARE)
        self._listing = DeviceListing(nodes.name, carriage, self.directory, self.share)
        self._is_closed = grant == "nothing"
        self._nodes = nodes
        self._bus = bus
        self._seconds = reactor.seconds
        self._marks = OwnMarks()
        self._subscription: ISubscription | None = None
        nodes.watch(lambda member: None, self._gone, self._unreachable, lambda member: self.directory.forget(member.name))
        nodes.answer(DEVICES, self._list)
        nodes.follow(DEVICES, self._take_part, lambda member: self.directory.marks(member.name))

    def start(self) -> None:
        """Begin: the other nodes are about to hear of this one."""
        self.sending.start()
        self.delivering.start()
        self.names.start()
        self._subscription = self._bus.subscribe(PRESENCE, self._present)
        self.carriage.carrier = self
        self._begin_marks()

    def stop(self) -> None:
        """End: this node leaves."""
        self.carriage.carrier = None
        if self._subscription is not None:
            self._subscription.cancel()
        self.names.stop()
        self.delivering.stop()
        self.sending.stop()
        self.share.stop()

    def operations(self) -> list[Operation]:
        """Return the operations about devices."""
        told = "List the devices of all nodes, connected ones first"
        return [Operation("cluster.devices", self._listing.list_devices, Role.VIEWER, told, spans_services=True)]

    def counters(self) -> dict[str, int]:
        """Return what was counted."""
        return {**self.sending.counts, **self.delivering.counts, **self.names.counts}

    # netd.interfaces.ICarrier

    @property
    def version(self) -> int:
        """See :class:`ICarrier`, as for all that follow."""
        return self.directory.version

    def hosts_changed(self) -> None:
        """Have the other nodes ask for the list anew."""
        self._begin_marks()

    def find(self, instance: str, target: str, own: OwnDevice | None) -> tuple[DevicePlace, ...]:
        """Return where a device is."""
        return self.directory.find(instance, target, own)

    def carry(
        self, place: DevicePlace, payload: bytes, sender: str, who: str, seconds: float | None, report: CarriedReport
    ) -> None:
        """Send a message to a device of another node."""
        self.sending.carry(place, payload, sender, who, seconds, report)

    def elsewhere(self) -> Iterator[tuple[str, HostedDevice]]:
        """Iterate over the connected devices of other nodes."""
        return ((device.node, device) for device in self.directory if device.is_online and self.directory.knows(device))

    @property
    def _shown(self) -> Mapping[str, Any]:
        """The relays whose devices other nodes may see."""
        return {} if self._is_closed else self.carriage.hosts

    # What other nodes have

    def _begin_marks(self) -> None:
        hosted = ((name, device) for name, host in self._shown.items() for device in host.hosted())
        self._marks.begin((name, device.subject, device.generation) for name, device in hosted if device.is_online)
        self._nodes.note(DEVICES, self._marks.sum)

    def _list(self, after: Any) -> dict[str, Any]:
        """Answer another node: the devices behind *after*, which is the instance and the generation of the last one before."""
        begin, least = _read_after(after)
        rows: list[tuple[Any, ...]] = []
        size, is_whole = 0, True
        for name in sorted(name for name in self._shown if name >= begin):
            own = [one for one in self._shown[name].hosted() if name != begin or one.generation > least]
            own.sort(key=_generation_of)  # they nearly are: a relay goes through its devices as they came
            for device in own:
                if len(rows) == PART or size > PART_SIZE:
                    is_whole = False
                    break
                rows.append(row_of(name, device))
                size += 200 + sum(map(len, device.aliases))
        last = None if is_whole else [rows[-1][0], rows[-1][5]]
        greatest = max((host.raise_generation(0) for host in self.carriage.hosts.values()), default=0)
        told = {"first": after is None, "changes": self._marks.changes, "generation": greatest}
        return {**told, "rows": rows, "after": last}

    def _take_part(self, member: Member, answer: Any) -> Any:
        """Take a part of another node's list. Return where to go on.

        Local subscribers are told of devices that have come or gone while this node heard nothing of that one.
        """
        if not isinstance(answer, dict) or not isinstance(answer.get("rows"), list):
            return None
        directory, node = self.directory, member.name
        if answer.get("first") is True:
            changes = answer.get("changes")
            directory.begin_list(node, changes if type(changes) is int else 0)
        elif node not in directory.nodes:
            return None
        directory.note_generation(answer.get("generation"))
        changed = []
        for row in answer["rows"]:
            device = read_row(node, row)
            if device is None or not directory.put(device):
                continue
            if device.is_online and device.name:
                self.names.meets(device)
            if self._is_shown(device) != device.is_online:
                changed.append(device)
        greatest = {name: host.raise_generation(directory.greatest) for name, host in self.carriage.hosts.items()}
        after = answer.get("after") if answer["rows"] and directory.nodes[node].is_kept else None
        if after is None:
            changed += directory.end_list(node)
            self.names.claims.learned(node, greatest)
        self._tell(changed, "")
        return after

    def _is_shown(self, device: RemoteDevice) -> bool:
        """Whether local subscribers take *device* for connected, by the newest event of its presence."""
        for message in self._bus.last(_subject_of(device)):
            event = message.event
            return event.online if isinstance(event, RemotePresence) else _is_online(message)
        return False

    def _present(self, message: Message) -> None:
        """A device has come or gone, here or elsewhere."""
        event = message.event
        if isinstance(event, RemotePresence):
            return
        _, instance, _, subject = message.subject.split(".")
        if "@" not in instance:
            self.names.came_here(instance, subject)
            if not self._shown:
                return
            self._marks.note(instance, subject, event.generation, event.online)  # type: ignore[attr-defined]  # of a relay
            self._nodes.note(DEVICES, self._marks.sum)
            return
        device = _device_of(message, instance, subject)
        if device is None:
            return
        if not self.directory.put(device):
            known = self.directory.at(device.node, device.key)
            if known is not None:  # an old event came late: local subscribers have to read the newest one last
                self._tell([known], "")
                return
        for host in self.carriage.hosts.values():
            host.raise_generation(device.generation)
        if device.is_online and device.name:
            self.names.came_elsewhere(device)

    def _gone(self, member: Member, reason: str) -> None:
        self.sending.gone(member, reason)
        self.delivering.gone(member.name)
        self.names.claims.lost(member.name)
        self._tell(self.directory.end(member.name, self._seen(member)), f"node {member.name} is gone")

    def _seen(self, member: Member) -> float:
        """When *member* was there last, by its own wall clock, as all times of its devices are."""
        known = self.directory.nodes.get(member.name)
        lost = None if known is None else known.as_of
        seen = self._bus.wall() - (self._seconds() - member.seen) if lost is None else lost
        return seen + (member.skew or 0.0)

    def _unreachable(self) -> None:
        self.sending.unreachable()
        now = self._bus.wall()
        for node in self.directory.nodes:
            self.names.claims.lost(node)
            self.directory.lose(node, now)

    def _tell(self, devices: list[RemoteDevice], reason: str) -> None:
        """Publish the presence of devices whose own node does not do it."""
        if devices:
            self.share.start(self._publish(devices, reason))

    def _publish(self, devices: list[RemoteDevice], reason: str) -> Iterator[None]:
        for device in devices:
            known = self.directory.at(device.node, device.key)
            if known is None or known is device:  # otherwise its node has told something newer meanwhile
                subject = _subject_of(device)
                event = _event_of(device, known is device and device.is_online, reason)
                self._bus.publish(Message(subject, event, origin=device.node))
            yield


_generation_of = attrgetter("generation")


def _read_after(after: Any) -> tuple[str, int]:
    """Return instance and generation behind which another node wants to go on."""
    if after is None:
        return "", -1
    if not isinstance(after, list) or len(after) != 2 or not isinstance(after[0], str) or type(after[1]) is not int:
        raise OperationFailed("a list goes on after an instance and a generation")
    return after[0], after[1]


def _subject_of(device: RemoteDevice) -> str:
    return f"relay.{device.instance}@{device.node}.presence.{device.subject}"


def _is_online(message: Message) -> bool:
    try:
        return decode_object(message.encoded(encode)).get("online") is True
    except ProtocolError:
        return False


def _event_of(device: RemoteDevice, is_online: bool, reason: str) -> RemotePresence:
    where = (device.name or device.address, device.address, is_online, device.generation, device.last_seen)
    why = "" if is_online else reason or f"node {device.node} has it no more"
    return RemotePresence(*where, why, device.since, device.aliases, device.answers)


def _device_of(message: Message, name: str, subject: str) -> RemoteDevice | None:
    """Return the device of an event of presence of another node; None if it is none."""
    instance, _, node = name.partition("@")
    try:
        facts = decode_object(message.encoded(encode))
    except ProtocolError:
        return None
    address, label = facts.get("address"), facts.get("device")
    times = (facts.get("since"), facts.get("last_seen"))
    whose = (facts.get("online"), facts.get("generation"), *times, facts.get("aliases"), facts.get("answers"))
    return read_row(node, [instance, subject, "" if label == address else label, address, *whose])
