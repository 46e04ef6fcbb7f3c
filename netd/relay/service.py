"""The relay of one section: exchange, listeners and operations put together."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from itertools import chain
from typing import Any, Literal

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import LoopingCall
from zope.interface import implementer

from netd.access.section import SectionAccess
from netd.carriage import Carriage, CarriedReport, DevicePlace, HostedDevice, place_text
from netd.codec.units import ABSENT, Seconds
from netd.config import section_name
from netd.connection.turn import Turn
from netd.errors import InvalidArguments, NoSuchTarget, NotPermitted, OperationFailed
from netd.interfaces import IActing, IBus, ICarried, IDeviceHost, INetdService, IPublisher, IStateful, IStatePart
from netd.listening import ListeningService, make_context
from netd.message import EventKind
from netd.operations import Caller, Operation, Role
from netd.paging import LIMIT, ListPager
from netd.principal import Action
from netd.relay.abroad import own_target
from netd.relay.config import Config
from netd.relay.devices import DeviceLink, Devices
from netd.relay.events import DeviceOutcome, DevicePresence, DeviceRefused, DeviceSaid, DeviceSent
from netd.relay.exchange import NO_SUCH_DEVICE, Exchange
from netd.relay.guests import Guests
from netd.relay.payload import payload_of
from netd.relay.protocol import RelayFactory
from netd.relay.records import ALIVE_EVERY
from netd.relay.requests import RequestOutcome, RequestStatus
from netd.relay.results import DeviceFacts, DeviceList, RelayServiceStatus, SendResult
from netd.relay.rights import CONNECT, LIST, SEND
from netd.relay.target import MalformedTarget, Target, parse_target
from netd.status import Counters

__all__ = ["RelayService", "make_service"]

AT_ONCE = (RequestStatus.SENT, RequestStatus.QUEUED)
"""What answers a caller who does not wait."""


def make_service(config: Config, reactor: Any, bus: IBus) -> RelayService:
    """Build the relay of one ``[relay]`` section."""
    context = make_context(reactor, config.stall_timeout, config.dead_timeout)
    exchange = Exchange(
        config,
        Devices(bus.wall, config),
        bus,
        f"relay.{config.instance}",
        reactor.seconds,
        reactor.callLater,
        context.turn.after,
    )
    factory = RelayFactory(section_name("relay", config.instance), context, exchange, config.device_queue)
    return RelayService(config, factory, reactor)


@implementer(IActing, INetdService, IPublisher, IStateful, ICarried, IDeviceHost)
class RelayService(ListeningService):
    """One relay."""

    def __init__(self, config: Config, factory: RelayFactory, reactor: Any) -> None:
        super().__init__(config, factory, reactor)
        self._relay = factory
        self._exchange = factory.exchange
        self._alive = LoopingCall(self._exchange.note_alive)
        self._alive.clock = reactor
        self._attachments = Guests(factory.exchange, config.instance, lambda: self.is_accepting)

    def use_state(self, part: IStatePart) -> None:
        """See :class:`netd.interfaces.IStateful`."""
        self._exchange.use_state(part)

    def use_access(self, access: SectionAccess) -> None:
        """See :meth:`netd.listening.ListeningService.use_access`."""
        super().use_access(access)
        self._exchange.devices.reserves = access

    def use_carriage(self, carriage: Carriage) -> None:
        """See :class:`netd.interfaces.ICarried`."""
        self._exchange.abroad.carriage = carriage

    def startService(self) -> None:
        """Listen, and note once a minute that the daemon is alive."""
        super().startService()
        self._alive.start(ALIVE_EVERY, now=False)
        self._exchange.abroad.carriage.join(self.instance, self)

    def stopService(self) -> Deferred[None]:
        """See :meth:`netd.listening.ListeningService.stopService`."""
        if self._alive.running:
            self._alive.stop()
        self._exchange.abroad.carriage.leave(self.instance, self)
        return super().stopService()

    def finish(self) -> Deferred[None]:
        """End the devices that are console connections, then close all other connections."""
        self._attachments.end(self.farewell)
        return super().finish()

    def follow(self, config: Config) -> None:
        """Use *config*, also for open connections."""
        super().follow(config)
        self._exchange.follow(config)
        self._relay.bound_devices(config.device_queue)

    def operations(self) -> list[Operation]:
        """Return the operations of a relay."""
        return [
            Operation("relay.devices", self.devices, Role.VIEWER, "List the devices, connected ones first", checks_subjects=True),
            Operation(
                "relay.send",
                self.send,
                Role.OPERATOR,
                "Send text or base64 bytes to a device and tell what became of it",
                checks_subjects=True,
            ),
            Operation("relay.disconnect", self.disconnect, Role.OPERATOR, "Close a device's connection"),
            Operation("relay.forget", self.forget, Role.OPERATOR, "Forget a named device that is away", checks_subjects=True),
            *self._attachments.operations(),
        ]

    def actions(self) -> list[Action]:
        """See :class:`netd.interfaces.IActing`."""
        return [CONNECT, LIST, SEND]

    def events(self) -> list[EventKind]:
        """See :class:`netd.interfaces.IPublisher`."""
        return [
            EventKind(f"relay.{self.instance}.presence.*", DevicePresence),
            EventKind(f"relay.{self.instance}.refused", DeviceRefused),
            EventKind(f"relay.{self.instance}.sent.*", DeviceSent),
            EventKind(f"relay.{self.instance}.said.*", DeviceSaid),
            EventKind(f"relay.{self.instance}.outcome.*", DeviceOutcome),
        ]

    def status(self) -> RelayServiceStatus:
        """Facts about this relay."""
        exchange = self._exchange
        counts: Counters = {"messages": exchange.messages, "outcomes": dict(exchange.settled), **exchange.counts}
        return RelayServiceStatus(
            kind="relay",
            instance=self.instance,
            listening=self.listening(),
            connections=len(self._relay.connections),
            devices=len(exchange.devices),
            queued=exchange.queues.messages,
            counters={**self._relay.counters(), **counts},
        )

    def devices(
        self,
        caller: Caller,
        contains: str = "",
        state: Literal["online", "away"] | None = None,
        newest: bool = False,
        limit: int = LIMIT,
        after: str | None = None,
    ) -> DeviceList:
        """Return a page of the devices whose presence *caller* may see: connected ones, then named ones that are away.

        :param contains: a text in the device's name, address or aliases.
        :param state: whether only devices that are online, or away, are meant.
        :param newest: whether the devices that connected last come first.
        :param limit: most rows of the page, up to 1000.
        :param after: what the page before gave as ``after``.
        """
        exchange = self._exchange
        pager: ListPager[DeviceLink] = ListPager(contains, state, newest, limit, after)
        sees_all = caller.principal.subjects is None  # a check of each of thousands of devices would only cost time
        for link in chain(exchange.devices, exchange.devices.absent()):
            if sees_all or caller.may(exchange.subject("presence", link.subject)):
                is_away = not link.is_online
                pager.take(link, "away" if is_away else "online", link.words, is_away, link.generation, link.name)
        rows, end = pager.page()
        return DeviceList([link.describe() for link in rows], dict(pager.counts), pager.matching, end)

    def send(
        self,
        caller: Caller,
        target: str,
        text: str | None = None,
        base64: str | None = None,
        deadline: Seconds | None = None,
        wait: bool = True,
    ) -> Deferred[SendResult]:
        """Carry a payload to a device.

        :param wait: whether to wait for the device's answer. Otherwise the outcome is ``sent`` or ``queued``. For a device
            that is away it is ``queued`` at once, unless *deadline* says for how long to wait.
        :returns: a Deferred of the outcome.
        :raises NoSuchTarget: if *target* is not known.
        :raises NotPermitted: if *caller* may not see the messages to *target*.
        """
        to = _target(target)
        places = self._exchange.abroad.places(to)
        place = self._permitted(caller, places, target) if places else None
        if place is None or place.is_own:
            to, place = own_target(places, to), None
            self._check_sees(caller, "sent", to, target)
        if deadline is not None and not deadline > 0:
            raise InvalidArguments("deadline: a number of seconds above 0")
        payload = payload_of(text, base64)
        if len(payload) > self._exchange.rules.max_payload:
            raise InvalidArguments(f"text: {len(payload)} bytes are more than `max_payload` of this relay")
        outcome: Deferred[SendResult] = Deferred(lambda _: None)

        def report(told: RequestOutcome) -> None:
            is_queued = told.status is RequestStatus.QUEUED and deadline is None  # for hours: nobody waits for so long
            if outcome.called or not (told.is_final or is_queued or (not wait and told.status in AT_ONCE)):
                return
            if told.error == NO_SUCH_DEVICE:
                outcome.errback(NoSuchTarget(f"no device {target!r} is connected{_hint(target)}; `relay.devices` lists them"))
            else:
                outcome.callback(_describe(told))

        if place is None:
            self._exchange.request(to, payload, "console", deadline, report, caller.who)
        else:
            self._exchange.abroad.carry(place, payload, "console", deadline, report, caller.who)
        return outcome

    def disconnect(self, target: str) -> DeviceFacts:
        """Close the connection of a device.

        :raises NoSuchTarget: if the device is not connected.
        """
        link = self._exchange.devices.resolve(_target(target))
        if link is None:
            raise NoSuchTarget(f"no device {target!r} is connected{_hint(target)}")
        self._exchange.disconnect(link, "disconnected by an operator")
        link.peer.close("disconnected by an operator")
        return link.describe()

    def forget(self, caller: Caller, target: str) -> Deferred[DeviceFacts]:
        """Forget a named device that is not connected, with its queued messages and its events on the bus.

        :raises NoSuchTarget: if no such device is known.
        :raises NotPermitted: if *caller* may not see its presence.
        :raises OperationFailed: if it is connected.
        """
        to = _target(target)
        devices = self._exchange.devices
        self._check_sees(caller, "presence", to, target)
        name = devices.name_of(to.text)
        if devices.resolve(to) is not None:
            raise OperationFailed(f"the device {target!r} is connected; `relay.disconnect` ends that")
        if name is None:
            raise NoSuchTarget(f"no device {target!r} is known; `relay.devices` lists them")
        self._exchange.forget(name)
        self._exchange.abroad.carriage.changed()
        forgotten = maybeDeferred(self._exchange.records.forget, name.link.name)
        return forgotten.addCallback(lambda _: name.link.describe())

    @property
    def turn(self) -> Turn:
        """The turn of its connections."""
        return self._relay.context.turn

    def hosted(self) -> Iterable[HostedDevice]:
        """See :class:`netd.interfaces.IDeviceHost`, as for all that follow."""
        return self._exchange.abroad.hosted()

    def hosted_named(self, name: str) -> HostedDevice | None:
        """Return the device of this name, connected or away."""
        return self._exchange.abroad.hosted_named(name)

    def hosted_as(self, name: str) -> tuple[int, str] | None:
        """Return generation and owner of the connected device *name*."""
        return self._exchange.abroad.hosted_as(name)

    def deliver(self, to: str, payload: bytes, sender: str, who: str, seconds: float | None, report: CarriedReport) -> None:
        """Send *payload* to a device, for another node."""
        self._exchange.abroad.deliver(to, payload, sender, who, seconds, report)

    def lasts(self, status: str) -> float:
        """Return the seconds that a message without a deadline has after *status*."""
        return self._exchange.abroad.lasts(status)

    def raise_generation(self, generation: int) -> int:
        """Give further devices a generation above this one."""
        return self._exchange.devices.raise_generation(generation)

    def lose_name(self, name: str, generation: int, owner: str, node: str) -> bool:
        """Close the connection of *name*, which a newer one at another node has taken."""
        return self._exchange.abroad.lose_name(name, generation, owner, node)

    def _permitted(self, caller: Caller, places: tuple[DevicePlace, ...], said: str) -> DevicePlace:
        """Return the one of *places* that *caller* can mean.

        :raises NotPermitted: if it may see none of them.
        :raises OperationFailed: if it may see several.
        """
        seen = tuple(place for place in places if caller.may(place.under("sent")))
        if len(seen) > 1:
            raise OperationFailed(place_text(said, seen))
        if not seen:
            raise _unseen(caller, said)
        return seen[0]

    def _check_sees(self, caller: Caller, kind: str, to: Target, said: str) -> None:
        """Like :meth:`netd.operations.Caller.check`. Its error does not tell which device an alias or an address stands for."""
        if not caller.may(self._exchange.subject(kind, self._exchange.devices.subject_of(to))):
            raise _unseen(caller, said)


def _unseen(caller: Caller, said: str) -> NotPermitted:
    seen = ", ".join(caller.principal.subjects or ())
    return NotPermitted(f"{said!r:.80} is none of the devices of this token, which sees {seen}")


def _target(text: str) -> Target:
    try:
        return parse_target(text.encode())
    except (MalformedTarget, UnicodeEncodeError) as error:
        raise InvalidArguments(f"target: {error}") from None


def _hint(target: str) -> str:
    """Return a hint if *target* names a node, or is an address without a port, which many devices may have in common."""
    name, at, node = target.rpartition("@")
    if at:
        return f" to node {node}: {name!r} alone means the node that has it"
    try:
        host = ip_address(target.strip("[]"))
    except ValueError:
        return ""
    return f" (an address is host and port: {f'[{host}]' if ':' in target else host}:PORT)"


def _describe(outcome: RequestOutcome) -> SendResult:
    has_answer = outcome.status in (RequestStatus.ACKNOWLEDGED, RequestStatus.FAILED)
    answer = outcome.payload if has_answer else ABSENT
    return SendResult(outcome.status.value, outcome.error or ABSENT, answer, outcome.known or ABSENT)
