"""A cluster to which a seed does everything that a network can do, and what must be true of it all the same.

Three nodes with real relays, devices that answer, fall silent and move, consoles and controllers that send to them. A run is told
by its seed alone: ``SEED=17`` in the environment repeats one, ``SEEDS=5000`` makes more of them.
"""

from __future__ import annotations

import random
from bisect import insort
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, field
from twisted.internet.base import DelayedCall
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from netd.kinds import ServiceKind
from netd.relay.config import Config
from netd.relay.grammar import encode_pair
from netd.testing import Connection, connect
from tests.cluster.assembled import AssembledCluster, AssembledNode
from tests.cluster.fake import Faults
from tests.cluster.relays import greeting
from tests.relay.bench import pairs

__all__ = ["SeededWorld"]

RELAY = ServiceKind("relay", "netd.relay")

NAMES = ("A", "B", "C")
DEVICES = ("boiler", "door", "lamp", "pump")

TROUBLE = 5.0
"""Seconds of faults."""

REST = 5.0
"""Seconds after the last fault until all nodes see the same."""

LONGEST = 2.0
"""The longest deadline of a request, in seconds."""


@define(eq=False)
class Asked:
    """One request, by its text, which no other one has.

    :ivar told: its final outcomes: status, answer and what is known.
    """

    text: str
    node: AssembledNode
    told: list[tuple[str, bytes, str]] = field(factory=list)


class PlayedDevice:
    """A device that connects again and again, to whatever node; it answers most of the time.

    :ivar got: how often each message has come.
    :ivar answered: the messages that it has answered.
    """

    def __init__(self, world: SeededWorld, name: str) -> None:
        self.name = name
        self.got: Counter[str] = Counter()
        self.answered: set[str] = set()
        self.connection: Connection | None = None
        self.node: AssembledNode | None = None
        self._world = world

    def move(self) -> None:
        """Connect to another node. The old connection ends some time later, unless its node ends it first."""
        world, old = self._world, self.connection
        self.node = world.any_node()
        connection = connect(self.node.factories["relay"], world.clock, "9.9.9.7", world.port())
        self.connection = connection
        transport: Any = connection.transport
        transport.write = partial(self._received, connection)
        transport.loseConnection = transport.abortConnection = partial(self._closed, connection)
        connection.protocol.dataReceived(greeting("device", {"name": self.name}))
        if old is not None:
            world.later(world.random.random() * 2.0, self.lose, old)

    def lose(self, connection: Connection) -> None:
        """Lose a connection, once."""
        if not connection.transport.disconnected:
            connection.transport.disconnected = True
            connection.protocol.connectionLost(Failure(ConnectionDone()))

    def _closed(self, connection: Connection, *_: Any) -> None:
        """The relay has closed the connection: another one has the name. The device comes back after a while."""
        self._world.later(0.0, self.lose, connection)
        if connection is self.connection and self._world.is_troubled:
            self._world.later(1.0, self.move)

    def _received(self, connection: Connection, data: bytes) -> None:
        for envelope, payload in pairs(data):
            if "id" in envelope:
                text = payload.decode()
                self.got[text] += 1
                if self._world.random.random() < 0.8:
                    answer = encode_pair({"id": envelope["id"], "status": "acknowledged"}, f"done {text}".encode())
                    self._world.later(self._world.random.random() * 0.5, self._answer, connection, text, answer)

    def _answer(self, connection: Connection, text: str, answer: bytes) -> None:
        if not connection.transport.disconnected and connection.transport not in self._world.dead:
            self.answered.add(text)
            connection.protocol.dataReceived(answer)


class PlayedController:
    """A controller of the relay's wire on one node. Each request has an id of its own."""

    def __init__(self, world: SeededWorld, node: AssembledNode) -> None:
        self.node = node
        self._asked: dict[int, Asked] = {}
        self._connection = connect(node.factories["relay"], world.clock, "10.0.0.9", world.port())
        transport: Any = self._connection.transport
        transport.write = self._received
        self._connection.protocol.dataReceived(greeting("controller", {}))

    def send(self, target: str, asked: Asked, deadline: float) -> None:
        """Send to a device."""
        number = len(self._asked) + 1
        self._asked[number] = asked
        envelope = {"id": number, "to": target, "deadline": deadline}
        self._connection.protocol.dataReceived(encode_pair(envelope, asked.text.encode()))

    def _received(self, data: bytes) -> None:
        for envelope, payload in pairs(data):
            if envelope.get("final") and envelope.get("id") in self._asked:
                self._asked[envelope["id"]].told.append((envelope["status"], payload, envelope.get("known", "")))


class QuickClock(MemoryReactorClock):
    """The clock, which spends less time on keeping its timers in order."""

    def callLater(self, delay: float, callable: Any, *args: Any, **kw: Any) -> DelayedCall:  # noqa: N802 - of Twisted's clock
        """See :class:`Clock`, which sorts all calls anew for each one."""
        call = DelayedCall(self.seconds() + delay, callable, args, kw, self.calls.remove, lambda _: None, self.seconds)
        insort(self.calls, call, key=DelayedCall.getTime)
        return call

    def _sortCalls(self) -> None:  # noqa: N802 - of Twisted's clock
        self.calls.sort(key=DelayedCall.getTime)


class SeededWorld:
    """One run.

    :ivar dead: transports of killed nodes: nobody reads what is written there.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.cluster = AssembledCluster(seed, NAMES, clock=QuickClock())
        self.clock: Any = self.cluster.clock
        self.asked: list[Asked] = []
        self.lost: list[AssembledNode] = []
        self.dead: set[Any] = set()
        self.end = 0.0
        self._ports = iter(range(20000, 60000))
        self._seed = seed
        for name in NAMES:
            self._equip(self.cluster[name])
        self.devices = [PlayedDevice(self, name) for name in DEVICES]
        self.controllers = {name: PlayedController(self, self.cluster[name]) for name in NAMES}

    @property
    def is_troubled(self) -> bool:
        """Whether there still are faults."""
        return bool(self.clock.seconds() < self.end)

    def port(self) -> int:
        """A port that nobody else has."""
        return next(self._ports)

    def any_node(self) -> AssembledNode:
        """Some node."""
        return self.cluster[self.random.choice(NAMES)]

    def later(self, seconds: float, function: Callable[..., object], *arguments: object) -> None:
        """Call *function* after so many seconds."""
        self.clock.callLater(seconds, function, *arguments)

    def run(self) -> list[str]:
        """Let everything happen. Return what is wrong."""
        self.end = self.clock.seconds() + TROUBLE + 1.5
        for device in self.devices:
            device.move()
        self.cluster.start()
        for _ in range(12):
            self.later(self.random.random() * TROUBLE * 0.9, self._trouble)
        for _ in range(25):
            self.later(self.random.random() * (TROUBLE + 1.0), self._send)
        self.cluster.pass_time(TROUBLE)
        self._heal()
        self.cluster.pass_time(REST)
        wrong = self._differences()
        self.cluster.pass_time(LONGEST)
        return wrong + self._untrue()

    def _equip(self, node: AssembledNode) -> None:
        node.add(RELAY, Config(node=node.name, remote=True))

    # What happens

    def _send(self) -> None:
        device, node = self.random.choice(DEVICES), self.any_node()
        asked = Asked(f"message {len(self.asked)}", node)
        self.asked.append(asked)
        deadline = 0.5 + self.random.random() * (LONGEST - 0.5)
        if self.random.random() < 0.5:
            self.controllers[node.name].send(device, asked, deadline)
            return
        sent = node.call("relay.send", target=device, text=asked.text, deadline=deadline)
        sent.addCallbacks(partial(self._told, asked), partial(self._refused, asked))

    def _told(self, asked: Asked, result: Any) -> None:
        answer = result.answer if isinstance(result.answer, bytes) else b""
        asked.told.append((result.status, answer, result.known if isinstance(result.known, str) else ""))

    def _refused(self, asked: Asked, failure: Failure) -> None:
        asked.told.append(("failed", b"", "no"))

    def _trouble(self) -> None:
        chance = self.random.random
        kind = self.random.choice(self.TROUBLES)
        kind(self, chance)

    def _bad_network(self, chance: Callable[[], float]) -> None:
        most = 0.3 * chance()
        self.cluster.net.faults = Faults(most * chance(), most * chance(), most, most * chance(), 1.5 * chance())

    def _stall(self, chance: Callable[[], float]) -> None:
        left = self.end - self.clock.seconds()
        self.any_node().link.stall(min(left, 4.0 * chance()))

    def _lose_nats(self, chance: Callable[[], float]) -> None:
        link = self.any_node().link
        if link.is_up:
            link.go_down()
            self.later(min(self.end - self.clock.seconds(), 3.0 * chance()), self._find_nats, link)

    def _find_nats(self, link: Any) -> None:
        if not link.is_up and link not in self.dead:
            link.go_up()

    def _split(self, chance: Callable[[], float]) -> None:
        one = self.random.choice(NAMES)
        self.cluster.net.partition({one}, set(NAMES) - {one})
        self.later(min(self.end - self.clock.seconds(), 4.0 * chance()), self.cluster.net.partition)

    def _kill(self, chance: Callable[[], float]) -> None:
        """A node is killed, and is there again as a new process at once or a little later."""
        if self.lost:
            return
        old = self.any_node()
        self.lost.append(old)
        self.dead.add(old.link)
        old.kill()
        for device in self.devices:
            if device.node is old and device.connection is not None:
                device.connection.transport.disconnected = True
                device.connection = None
                self.later(chance(), device.move)
        new = self.cluster.nodes[old.name] = AssembledNode(self.cluster.net, old.name, self._seed + 1)
        self._equip(new)
        self.controllers[old.name] = PlayedController(self, new)
        self.later(min(self.end - self.clock.seconds(), 2.0 * chance()), new.start)

    def _move(self, chance: Callable[[], float]) -> None:
        self.random.choice(self.devices).move()

    def _step_clock(self, chance: Callable[[], float]) -> None:
        self.any_node().wall.step(7200.0 * (chance() - 0.5))

    TROUBLES = (_bad_network, _bad_network, _stall, _lose_nats, _split, _kill, _move, _move, _move, _step_clock)

    def _heal(self) -> None:
        self.cluster.net.heal()

    # What must be true

    def _differences(self) -> list[str]:
        """What a node sees otherwise than it is."""
        wrong = []
        nodes = list(self.cluster.nodes.values())
        truth = {node.name: self._own_devices(node) for node in nodes}
        for node in nodes:
            states = {name: member.state.value for name, member in node.cluster.nodes.members.items()}
            if states != {name: "there" for name in NAMES if name != node.name}:
                wrong.append(f"{node.name} sees the nodes {states}")
            listed = {name: self._listed(node, name) for name in NAMES if name != node.name}
            others = {name: devices for name, devices in truth.items() if name != node.name}
            if listed != others:
                wrong.append(f"{node.name} lists {listed}, and there are {others}")
            shown = {name: self._shown(node, name) for name in NAMES if name != node.name}
            if shown != others:
                wrong.append(f"{node.name} shows {shown}, and there are {others}")
        return wrong

    def _own_devices(self, node: AssembledNode) -> set[str]:
        return {device.name for device in node.carriage.hosts["main"].hosted() if device.is_online}

    def _listed(self, node: AssembledNode, other: str) -> set[str]:
        assert node.carriage.carrier is not None
        return {device.name for name, device in node.carriage.carrier.elsewhere() if name == other}

    def _shown(self, node: AssembledNode, other: str) -> set[str]:
        """The devices of another node that are online by the newest events of presence, which a dashboard shows."""
        found = set()
        for message in node.bus.last(f"relay.main@{other}.presence.*"):
            event: Any = message.event
            is_online = event["online"] if isinstance(event, dict) else event.online
            if is_online:
                found.add(message.subject.rpartition(".")[2])
        return found

    def _untrue(self) -> list[str]:
        """What was promised about outcomes, and is not so."""
        wrong = []
        got: Counter[str] = Counter()
        for device in self.devices:
            got.update(device.got)
        answered = {text for device in self.devices for text in device.answered}
        for asked in self.asked:
            text, told = asked.text, asked.told
            if len(told) > 1 or (not told and asked.node not in self.lost):
                wrong.append(f"{text} of {asked.node.name} has the final outcomes {told}")
            for status, answer, known in told:
                if status == "acknowledged" and (text not in answered or answer != f"done {text}".encode()):
                    wrong.append(f"{text} is acknowledged with {answer!r}, and no device has answered it")
                if known == "no" and got[text]:
                    wrong.append(f"{text} is {status}, known: no, and a device has got it")
                if known == "yes" and not got[text]:
                    wrong.append(f"{text} is {status}, known: yes, and no device has got it")
            if got[text] > 1:
                wrong.append(f"{text} came {got[text]} times")
        return wrong
