"""The service of one ``[mqtt]``: the bus, the broker, Home Assistant and commands put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from netd import __version__
from netd.bus.subject import matches
from netd.change import Change
from netd.codec.jsontext import encode
from netd.config import section_name
from netd.connection.shares import own_share
from netd.console.dispatch import Dispatcher
from netd.dialing import DialingService
from netd.interfaces import IBus, IConsole, INetdService, IPaced, IStateful, IStatePart, IStateTable, ITurnShare
from netd.listening import make_context
from netd.log import told_of
from netd.mqtt.commands import TopicCommands
from netd.mqtt.config import Config
from netd.mqtt.discovery import Discovery, DiscoveryPlan
from netd.mqtt.following import OFFLINE, BusFollowing, FollowingWorld
from netd.mqtt.machine import Arrival, BrokerFacts, MqttPlan
from netd.mqtt.outgoing import Outgoing, Publication
from netd.mqtt.protocol import MqttConnection, MqttFactory
from netd.mqtt.results import MqttServiceStatus
from netd.mqtt.topics import DeviceKey, SubjectKind, SubjectRoute, Topics
from netd.operations import Operation, OperationTable
from netd.reaction.caller import caller_of
from netd.reaction.condition import value_of
from netd.reaction.sending import SENDING

__all__ = ["MqttService", "make_service"]

PUBLISHING = 0.005
"""Most seconds of a turn for what is published when a connection begins."""

TELL_EVERY = 0.5
"""Seconds for which a change of a device may wait until Home Assistant is told: the channels of an agent come one by one."""

MOST_REMEMBERED = 10_000
"""Devices of earlier runs that are remembered."""

SOON = 1.0
"""Seconds within which a new device is written to the state database."""

LOGGED_EVERY = 3600.0
"""Seconds between two lines of the log about what topics call: a home calls the same for years."""


def make_service(config: Config, reactor: Any, bus: IBus) -> MqttService:
    """Build the service of one ``[mqtt]`` section."""
    context = make_context(reactor, config.stall_timeout, config.dead_timeout)
    return MqttService(config, MqttFactory(section_name("mqtt", config.instance), context), reactor, bus)


@implementer(INetdService, IConsole, IPaced, IStateful)
class MqttService(DialingService):
    """One broker.

    :ivar outgoing: the publications that wait. They outlive a connection.
    """

    _log = Logger()

    def __init__(self, config: Config, factory: MqttFactory, reactor: Any, bus: IBus) -> None:
        super().__init__(config, factory, reactor)
        self.instance = config.instance
        self._mqtt = factory
        self._clock = reactor
        self._bus = bus
        self._section = section_name("mqtt", config.instance)
        self._publishing = own_share(reactor, "publish", PUBLISHING)
        self._operations = OperationTable()
        self._table: IStateTable | None = None
        self._known: dict[str, DeviceKey] = {}
        self._absent: dict[str, DeviceKey] = {}  # those of earlier runs that have not come back
        self._counts: Counter[str] = Counter()
        self._last_objection: str | None = None
        self._password: str | None = None
        self._facts: BrokerFacts | None = None
        self._is_pumping = False
        self._telling: Any = None
        self._unwatch: Callable[[], None] | None = None
        factory.owner = self
        self._use(config)

    def use_operations(self, table: OperationTable) -> None:
        """See :class:`netd.interfaces.IConsole`. Topics call what people call, and no way leads past the checks of that."""
        self._operations = table
        self._commands = self._make_commands()

    def use_state(self, part: IStatePart) -> None:
        """See :class:`netd.interfaces.IStateful`: the devices that the broker has been told of."""
        self._table = part.table("device")
        for text, _ in self._table.load(MOST_REMEMBERED):
            key = DeviceKey.read(text)
            if key is not None:
                self._known[text] = self._absent[text] = key

    def turn_shares(self) -> list[ITurnShare]:
        """The share for what is published when a connection begins."""
        return [self._publishing]

    def startService(self) -> None:
        """Dial the broker. With QoS 1, follow the bus from now on: what comes before the first connection is kept, too."""
        self._password = self._config.password()
        self._unwatch = self._bus.watch_forgotten(self._forgotten)
        super().startService()
        if self.outgoing.qos:
            self._following.begin()

    def stopService(self) -> Deferred[None]:
        """Say goodbye, and follow the bus no longer."""
        self._rest()
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        return super().stopService()

    def prepare(self, config: Config, change: Change) -> None:  # type: ignore[override]  # its own kind of options
        """Prepare for *config*: the password is read again."""
        for option, why in config.objections():
            change.refuse(option, why)
        super().prepare(config, change)

    def follow(self, config: Config) -> None:  # type: ignore[override]  # its own kind of options
        """Use *config*. What the broker has been told may be wrong then: netd says goodbye, and begins anew."""
        password = config.password()
        has_changed = (_told(config), password) != (_told(self._config), self._password)
        self._password = password
        if has_changed:
            self._rest()
            self._use(config)
            if self.outgoing.qos:
                self._following.begin()
        super().follow(config)
        if has_changed and self.connection is not None and self.connection.peer.is_open:
            self.connection.finish()

    def operations(self) -> list[Operation]:
        """Return no operations: publish with `bus.publish`, and see `system.status`."""
        return []

    def status(self) -> MqttServiceStatus:
        """Facts about this section."""
        outgoing, connection = self.outgoing, self.connection
        sent = connection.mqtt.sent if isinstance(connection, MqttConnection) and self._facts is not None else 0
        dialled = self._dialer.status()
        state = "connected" if self._facts is not None else "logging in" if connection is not None else dialled.state
        counters = self._mqtt.counters()
        dropped = Counter(counters["dropped"]) + self._counts + outgoing.counts + self._following.counts
        counters |= {
            "published": self._mqtt.published + sent,
            "dropped": dict(dropped),
            "commands": dict(self._commands.counts),
        }
        return MqttServiceStatus(
            kind="mqtt",
            instance=self.instance,
            listening=[],
            connections=len(self._mqtt.connections),
            counters=counters,
            dialling=self.dialling(),
            state=state,
            waiting=outgoing.waiting + outgoing.flying,
            size=outgoing.size,
            devices=self._discovery.size,
            last_objection=self._last_objection,
        )

    # MqttOwner: what the connection tells

    def plan(self) -> MqttPlan:
        """What a connection begins with."""
        config = self._config
        filters = [*self._commands.filters(), *([self._home_status] if config.discovery is not None else [])]
        secret = None if self._password is None else self._password.encode()
        return MqttPlan(config.client_id, self._topics.status, tuple(filters), config.username, secret)

    def welcomed(self, facts: BrokerFacts) -> None:
        """Publish everything that the broker should retain, and follow the bus."""
        self._facts = facts
        if self.outgoing.qos and not facts.qos:
            self.objected("QoS 1", "this broker takes QoS 0 alone")
        self._discovery.interrupt()
        self._following.begin()
        self._publishing.start(self._greet())

    def arrived(self, arrival: Arrival) -> None:
        """Carry a command out, or tell Home Assistant everything again: it has started anew."""
        if arrival.topic != self._home_status:
            self._commands.arrived(arrival)
        elif arrival.payload == b"online":
            self._publishing.start(self._tell_home(self._discovery.everything()))

    def objected(self, what: str, why: str) -> None:
        """Note and log (limited) that the broker does not take something."""
        self._last_objection = f"{what}: {why}"
        skipped = self._mqtt.log_limiter.admit("objected")
        if skipped is not None:
            self._log.warn(
                "{section}: the broker does not take {what}: {why}{more}",
                section=self._section,
                what=what,
                why=why,
                more=told_of(skipped),
            )

    def parted(self) -> None:
        """Follow the bus no longer, unless everything is kept."""
        self._facts = None
        if not self.outgoing.qos:
            self._following.end()
        self.outgoing.connection_lost()

    # The bus

    def _publish(self, publication: Publication) -> None:
        self.outgoing.add(publication)
        if not self._is_pumping and self._facts is not None:
            self._is_pumping = True
            self._mqtt.context.turn.after(self._pump)

    def _pump(self) -> None:
        self._is_pumping = False
        if isinstance(self.connection, MqttConnection):
            self.connection.pump()

    def _saw(self, route: SubjectRoute, event: Any) -> None:
        key = route.device
        assert key is not None, "only events of devices are told"
        text = key.text
        self._absent.pop(text, None)
        if text not in self._known:
            self._remember(key)
        if self._config.discovery is not None:
            self._discovery.see(route, self._bus.described(route.subject))
            self._tell_soon()

    def _remember(self, key: DeviceKey) -> None:
        if len(self._known) < MOST_REMEMBERED:
            self._known[key.text] = key
            if self._table is not None:
                self._table.note(key.text, True, SOON)

    def _forgotten(self, subject: str) -> None:
        """Take back what the broker retains of a subject that is forgotten."""
        route = self._topics.route(subject)
        if not (route.is_value and any(matches(each, subject) for each in self._config.publish)):
            return
        self._following.forget(subject)
        self._publish(Publication(route.topic, b"", is_retained=True))
        key = route.device
        if key is None:
            return
        if self._config.discovery is not None and self._discovery.forget(route):
            self._publish(self._discovery.farewell(key))
        if route.kind is SubjectKind.SAMPLE:
            self._tell_soon()
            return
        self._absent.pop(key.text, None)
        if self._known.pop(key.text, None) is not None:
            if route.kind is SubjectKind.PRESENCE:
                self._publish(Publication(self._topics.of_device(key, "status"), b"", is_retained=True))
            if self._table is not None:
                self._table.drop(key.text)

    # What is published in steps

    def _greet(self) -> Iterator[None]:
        yield from self._following.snapshot()
        for key in list(self._absent.values()):
            self._publish(self._absence(key))  # it was there in an earlier run, and may be so still for the broker
            yield
        if self._config.discovery is not None:
            yield from self._tell_home(self._discovery.everything())

    def _tell_home(self, publications: Iterable[Publication]) -> Iterator[None]:
        for publication in publications:
            self._publish(publication)
            yield

    def _tell_soon(self) -> None:
        if self._discovery.is_stale and self._telling is None and self._facts is not None:
            self._telling = self._clock.callLater(TELL_EVERY, self._tell_changes)

    def _tell_changes(self) -> None:
        self._telling = None
        if self._facts is not None:
            self._publishing.start(self._tell_home(self._discovery.changes()))

    def _absence(self, key: DeviceKey) -> Publication:
        if key.kind != "session":
            return Publication(self._topics.of_device(key, "status"), OFFLINE, is_retained=True)
        ended = {"agent": key.name, "state": "ended", "reason": "netd has started anew", "time": self._bus.wall()}
        return Publication(self._topics.of_subject(key.presence_subject), encode(ended), is_retained=True)

    # Assembling

    def _use(self, config: Config) -> None:
        self._config = config
        self._topics = Topics(config.topics)
        self._home_status = f"{config.discovery}/status"
        self.outgoing = Outgoing(config.qos, config.backlog)
        world = FollowingWorld(self._bus, self._clock.seconds, self._clock.callLater, self._publish, self._saw)
        self._following = BusFollowing(world, self._topics, config.publish, config.every)
        plan = DiscoveryPlan(
            prefix=config.discovery or "",
            identity=config.client_id.replace("-", "_"),
            node=config.node,
            version=__version__,
            every=config.every,
            classes=dict(config.channels or ()),
            kinds=config.commands or frozenset(),
            patterns=config.publish,
        )
        self._discovery = Discovery(plan, self._topics, self._clock.seconds, self._class_objected)
        self._commands = self._make_commands()

    def _make_commands(self) -> TopicCommands:
        config = self._config
        return TopicCommands(
            self._topics,
            config.commands or frozenset(),
            (config.topics, *(() if config.discovery is None else (config.discovery,))),
            Dispatcher(self._operations, self._clock.seconds, self._bus, LOGGED_EVERY),
            caller_of(self._section),
            self._target_of,
            self._publish,
            self._clock.seconds,
            self._mqtt.log_limiter,
        )

    def _target_of(self, key: DeviceKey) -> str:
        known = self._bus.last(key.presence_subject)
        name = value_of(known[-1].event, SENDING[key.kind].named) if known else None
        return name if isinstance(name, str) else key.name

    def _class_objected(self, channel: str, name: str, unit: str) -> None:
        unit = f"the unit {unit!r}" if unit else "no unit"
        self.objected(f"{channel}={name}", f"the channel has {unit}, which Home Assistant does not know for that class")

    def _rest(self) -> None:
        """Follow nothing, and keep what was counted."""
        self._following.end()
        self._counts += self._following.counts + self.outgoing.counts
        self._following.counts.clear()
        self.outgoing.counts.clear()
        self._publishing.stop()
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None


def _told(config: Config) -> tuple[object, ...]:
    """Return the options that change what the broker is told."""
    return (
        *(config.username, config.password_file, config.topics, config.publish, config.every, config.qos, config.backlog),
        *(config.commands, config.discovery, config.channels),
    )
