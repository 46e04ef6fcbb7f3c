"""Nodes with relays, over a server that is played: their devices and controllers are connections that a test plays."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import evolve
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netd.bus.local import LocalBus
from netd.carriage import Carriage
from netd.cluster.devices import ClusterDevices
from netd.cluster.membership import Membership
from netd.cluster.nodes import Nodes
from netd.codec.jsontext import decode, encode
from netd.codec.length_header import encode_frame
from netd.kinds import ServiceKind
from netd.message import Message
from netd.relay.config import Config
from netd.relay.grammar import encode_pair
from netd.testing import Connection, WallClock, connect, make_caller
from tests.cluster.clocks import pass_time
from tests.cluster.fake import FakeNet
from tests.relay.bench import frames, pairs

RELAY = ServiceKind("relay", "netd.relay")
CONSOLE = make_caller()


class RelayNode:
    """One node with a relay.

    :ivar presences: subject, online and reason of each event of presence, of all nodes.
    """

    def __init__(self, net: FakeNet, name: str, epoch: str = "", grant: str = "operator", **options: Any) -> None:
        self.net = net
        self.name = name
        self.clock: Any = net.clock
        self.wall = WallClock(net.clock)
        self.bus = LocalBus(self.wall)
        self.carriage = Carriage()
        self.config = evolve(Config(**options), node=name)
        self.relay: Any = RELAY.make_service(self.config, self.clock, self.bus)
        self.relay.use_carriage(self.carriage)
        self.link = net.link(name)
        self.nodes = Nodes(name, "lab", self.link, self.clock, self.wall, lambda member: None)
        self._epochs = iter(f"{epoch or name}{number}" for number in range(100))
        self.devices = ClusterDevices(self.nodes, self.link, self.bus, self.carriage, self.clock, grant)
        self.membership = Membership(self.nodes, [self.devices], self.clock, lambda: 0.5, lambda: next(self._epochs))
        self.presences: list[tuple[str, bool, str]] = []
        self._ports = iter(range(50000, 60000))
        self.bus.subscribe("relay.*.presence.*", self._seen)
        self.link.subscribe("netd.lab.presence.*", self._forwarded)

    def start(self) -> RelayNode:
        """Join."""
        self.relay.privilegedStartService()
        self.relay.startService()
        self.membership.start()
        self.link.start()
        return self

    @property
    def factory(self) -> Any:
        """The factory of the relay's connections."""
        return self.relay._relay

    def device(self, name: str, host: str = "9.9.9.7", **hello: Any) -> Connection:
        """Connect a device of the second dialect."""
        device = connect(self.factory, self.clock, host, next(self._ports))
        device.greeted = device.say(greeting("device", {"name": name, **hello}))  # type: ignore[attr-defined]
        return device

    def controller(self) -> Connection:
        """Connect a controller of the second dialect."""
        controller = connect(self.factory, self.clock, "10.0.0.9", next(self._ports))
        controller.say(greeting("controller", {}))
        return controller

    def controller_of_old(self) -> Connection:
        """Connect what may be a controller of the first dialect."""
        return connect(self.factory, self.clock, "10.0.0.9", next(self._ports))

    def send(self, target: str, text: str = "water", **options: Any) -> list[Any]:
        """Send to a device from a console of this node. The list has the outcome, or the error, once there is one."""
        told: list[Any] = []
        caller = options.pop("caller", CONSOLE)
        try:
            self.relay.send(caller, target, text, **options).addBoth(lambda result: told.append(getattr(result, "value", result)))
        except Exception as error:
            told.append(error)
        return told

    def known(self) -> dict[str, bool]:
        """The devices of other nodes that this one knows, and whether they are connected."""
        return {f"{one.name or one.address}@{one.node}": one.is_online for one in self.devices.directory}

    def heard(self) -> list[tuple[str, bool, str]]:
        """The events of presence since the last call."""
        heard, self.presences = self.presences, []
        return heard

    def _seen(self, message: Message) -> None:
        event = decode(message.encoded(encode))
        self.presences.append((message.subject, event["online"], event["reason"]))
        if not message.origin:  # as the cluster does it with all events
            self.link.post(f"netd.lab.presence.{self.name}", encode([message.subject, event]))

    def _forwarded(self, subject: str, body: bytes, _reply: str) -> None:
        node = subject.rpartition(".")[2]
        own, event = decode(body)
        kind, instance, rest = own.split(".", 2)
        self.bus.publish(Message(f"{kind}.{instance}@{node}.{rest}", event, text=encode(event), origin=node))


def greeting(kind: str, hello: dict[str, Any]) -> bytes:
    """A hello of the second dialect."""
    return encode_frame(f"{kind} ".encode() + encode(hello))


def answer(device: Connection, payload: bytes = b"done", **members: Any) -> bytes:
    """Have *device* answer its newest message. Return the payload of that."""
    envelope, said = pairs(device.heard())[-1]
    device.say(encode_pair({"id": envelope["id"], "status": "acknowledged", **members}, payload))
    return said


class RelayNodesBench(SynchronousTestCase):
    """Two nodes that know each other."""

    options: ClassVar[dict[str, Any]] = {}

    def setUp(self) -> None:
        self.clock = MemoryReactorClock()
        self.clock.advance(1000.0)
        self.net = FakeNet(self.clock)
        self.a = RelayNode(self.net, "A", **self.options).start()
        self.b = RelayNode(self.net, "B", **self.options).start()
        self.wait(1.5)

    def wait(self, seconds: float = 0.1) -> None:
        """Let time pass."""
        pass_time(self.clock, seconds)


__all__ = ["CONSOLE", "RelayNode", "RelayNodesBench", "answer", "frames", "pairs"]
