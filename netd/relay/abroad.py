"""The devices of other nodes, as one relay reaches them, and its own devices, as other nodes do.

Without a cluster there is no carrier, and none of this does anything. Controllers have it only with the option ``remote``: old
programs do not expect more devices in a list than the relay's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from netd.carriage import UNSENT, Carriage, CarriedReport, DevicePlace, HostedDevice, OwnDevice, place_text
from netd.codec.length_header import HEADER, encode_frame
from netd.errors import NoSuchTarget
from netd.plaintext import short_address
from netd.relay.answers import Carrying, Keeping
from netd.relay.devices import NO_DEVICES, DeviceLink, owner_in_words
from netd.relay.requests import RelayRequest, RequestInput, RequestOutcome, RequestStatus
from netd.relay.target import MalformedTarget, Target, address_text, parse_target

if TYPE_CHECKING:
    from netd.relay.exchange import Exchange

__all__ = ["Abroad", "ListedDevice", "own_target"]

_INPUTS = {
    ("queued", False): RequestInput.KEPT,
    ("sent", False): RequestInput.HANDED,
    ("sent", True): RequestInput.TAKEN,
    ("acknowledged", True): RequestInput.ANSWERED,
    ("failed", True): RequestInput.LOST,
    (UNSENT, True): RequestInput.LOST,
    ("expired", True): RequestInput.EXPIRED,
}
"""What has happened to a message at another node, by its outcome there and whether that is the last one."""


@frozen
class ListedDevice:
    """A device of another node in the list of the second dialect: a :class:`netd.relay.results.DeviceFacts` with its node."""

    name: str
    address: str
    online: bool
    generation: int
    since: float
    last_seen: float
    aliases: tuple[str, ...]
    answers: bool
    node: str


@define(eq=False)
class Abroad:
    """The way of one relay to the devices of other nodes.

    :ivar instance: the instance of the relay.
    """

    instance: str
    exchange: Exchange
    carriage: Carriage = field(factory=Carriage)
    _listed: tuple[bytes, int, bytes] = (b"", -1, b"")

    def places(self, target: Target) -> tuple[DevicePlace, ...]:
        """Return where the device is that *target* names, on this node and others; nothing if only this node can know it.

        :raises netd.errors.NoSuchTarget: if *target* names a node that there is not.
        """
        carrier = self.carriage.carrier
        if carrier is None:
            return ()
        devices = self.exchange.devices
        link = devices.resolve(target)
        if link is None and (name := devices.name_of(target.text)) is not None:
            link = name.link
        own = None if link is None else OwnDevice(link.subject, link.is_online, link.generation)
        key = target.text if target.address is None else address_text(*target.address)
        return tuple(carrier.find(self.instance, key, own))

    def elsewhere(self, target: Target) -> DevicePlace | None:
        """Return the one other node that has the device that *target* names, for a first-dialect controller; or None."""
        try:
            places = self.places(target) if self.exchange.rules.remote else ()
        except NoSuchTarget:
            return None
        return places[0] if len(places) == 1 and not places[0].is_own else None

    def send(
        self,
        target: Target,
        payload: bytes,
        sender: str,
        deadline: float | None,
        report: Callable[[RequestOutcome], None],
        caller: str = "",
    ) -> RelayRequest:
        """Send *payload* to a device of any node, for a second-dialect controller; see :meth:`Exchange.request`."""
        error = ""
        places: tuple[DevicePlace, ...] = ()
        try:
            places = self.places(target)
        except NoSuchTarget as refusal:
            error = str(refusal)
        if len(places) > 1:
            error = place_text(target.text, places)
        if error:
            told = self.exchange.told(None, target.text, payload, caller or sender, report)
            request = self.exchange.new_request(payload, sender, deadline, told)
            request.step(RequestInput.LOST, error=error)
            return request
        if places and not places[0].is_own:
            return self.carry(places[0], payload, sender, deadline, report, caller)
        return self.exchange.request(own_target(places, target), payload, sender, deadline, report, caller)

    def keep_frame(self, target: Target, payload: bytes, sender: Callable[[], tuple[str, int]]) -> Keeping:
        """Do what can be done with a message of a first-dialect controller whose target is no connected device of this relay."""
        place = self.elsewhere(target)
        if place is None:
            return self.exchange.keep_frame(target, payload, sender)
        carrying = Carrying()
        self.carry(place, payload, address_text(*sender()), None, carrying.told)
        return carrying

    def carry(
        self,
        place: DevicePlace,
        payload: bytes,
        sender: str,
        deadline: float | None,
        report: Callable[[RequestOutcome], None],
        caller: str = "",
    ) -> RelayRequest:
        """Send *payload* to a device of another node.

        The relay there publishes the outcome. It hears of no message that has not left this node: of that, this one does.
        """
        who = caller or sender
        request = self.exchange.new_request(b"", sender, deadline, report, caller)
        unsent = self.exchange.told(None, f"{place.target}@{place.node}", payload, who, lambda _: None)
        seconds = None if deadline is None else request.deadline
        self.carriage.carrier.carry(place, payload, sender, who, seconds, partial(_told, request, unsent))
        return request

    def listed(self) -> bytes:
        """The answer to a list event of the first dialect, as a frame, with the connected devices of all nodes."""
        own, carrier = self.exchange.devices.listed, self.carriage.carrier
        if carrier is None:
            return own
        known, version, frame = self._listed
        if known is not own or version != carrier.version:
            takes_names = self.exchange.rules.list_format == "names"
            others = (device for _, device in carrier.elsewhere())
            items = [(device.name or short_address(device.address)) if takes_names else device.address for device in others]
            text = own[HEADER:]
            frame = encode_frame((b"" if text == NO_DEVICES else text) + "".join(f"{item}," for item in items).encode())
            self._listed = own, carrier.version, frame if items else own
        return self._listed[2]

    def described(self) -> Iterable[ListedDevice]:
        """The connected devices of other nodes, for the list of the second dialect."""
        carrier = self.carriage.carrier
        return [] if carrier is None else [_described(node, device) for node, device in carrier.elsewhere()]

    # What other nodes ask for

    def deliver(self, to: str, payload: bytes, sender: str, who: str, seconds: float | None, report: CarriedReport) -> None:
        """See :meth:`netd.interfaces.IDeviceHost.deliver`."""

        def told(outcome: RequestOutcome) -> None:
            report(outcome.status.value, outcome.is_final, outcome.payload, outcome.error, outcome.known)

        refusal = ""
        try:
            target = parse_target(to.encode())
        except MalformedTarget as error:
            refusal = str(error)
        if len(payload) > self.exchange.rules.max_payload:
            refusal = f"{len(payload)} bytes are more than `max_payload` of the device's relay"
        if refusal:
            report(RequestStatus.FAILED.value, True, b"", refusal, "no")
        else:
            self.exchange.request(target, payload, sender, seconds, told, who)

    def lasts(self, status: str) -> float:
        """See :meth:`netd.interfaces.IDeviceHost.lasts`."""
        rules = self.exchange.rules
        return rules.answer_timeout + ((rules.queue_for or 0.0) if status == RequestStatus.QUEUED.value else 0.0)

    def hosted(self) -> Iterable[HostedDevice]:
        """See :meth:`netd.interfaces.IDeviceHost.hosted`."""
        yield from self.exchange.devices
        yield from self.exchange.devices.absent()

    def hosted_named(self, name: str) -> HostedDevice | None:
        """See :meth:`netd.interfaces.IDeviceHost.hosted_named`."""
        known = self.exchange.devices.name_of(name)
        return known.link if known is not None and known.link.name == name else None

    def hosted_as(self, name: str) -> tuple[int, str] | None:
        """See :meth:`netd.interfaces.IDeviceHost.hosted_as`."""
        link = self._holder(name)
        return None if link is None else (link.generation, owner_in_words(link))

    def lose_name(self, name: str, generation: int, owner: str, node: str) -> bool:
        """See :meth:`netd.interfaces.IDeviceHost.lose_name`."""
        link = self._holder(name)
        if link is None or link.generation > generation:
            return False
        if not owner or owner_in_words(link) != owner:
            link.peer.probe()  # it may be the same device, dead, under an earlier address
            return False
        self.exchange.replace_by(link, f"a newer connection on node {node}")
        return True

    def _holder(self, name: str) -> DeviceLink | None:
        """Return the connected device *name*, if it can lose that: an alias cannot, and a first-dialect device is not told."""
        known = self.exchange.devices.name_of(name)
        if known is None:
            return None
        link = known.link
        return link if link.name == name and link.is_online and link.answers else None


def own_target(places: tuple[DevicePlace, ...], target: Target) -> Target:
    """Return what *target* is for this relay alone: without the name of this node."""
    return parse_target(places[0].target.encode()) if places else target


def _told(
    request: RelayRequest,
    unsent: Callable[[RequestOutcome], None],
    status: str,
    is_final: bool,
    payload: bytes,
    error: str,
    known: str,
) -> None:
    """Take an outcome of a message to another node.

    :param unsent: takes the outcome of one that has not left this node.
    """
    if status == UNSENT:
        unsent(RequestOutcome(RequestStatus.FAILED, True, error=error))
    happened = _INPUTS.get((status, is_final))
    if happened is RequestInput.LOST and known == "yes":
        happened = RequestInput.REFUSED
    if happened is not None:
        request.step(happened, payload, error, known)


def _described(node: str, device: HostedDevice) -> ListedDevice:
    times = (device.since, device.last_seen)
    return ListedDevice(
        device.name, device.address, device.is_online, device.generation, *times, device.aliases, device.answers, node
    )
