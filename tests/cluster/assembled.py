"""Whole nodes in one process, on one clock: bus, table, the service ``[cluster]`` and others, over a server that is played."""

from __future__ import annotations

import random
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from netd.carriage import Carriage
from netd.cluster.config import Config
from netd.cluster.service import ClusterService
from netd.codec.jsontext import to_plain
from netd.console.dispatch import Dispatcher
from netd.operations import Caller, Operation, OperationTable, Role
from netd.testing import RecordingBus, WallClock, make_caller
from tests.cluster.clocks import pass_time
from tests.cluster.fake import FakeLink, FakeNet

__all__ = ["AssembledCluster", "AssembledNode"]

CONSOLE = make_caller()


class AssembledNode:
    """One node.

    :ivar factories: what its services listen with, by kind.
    """

    def __init__(self, net: FakeNet, name: str, seed: int, **options: Any) -> None:
        self.name = name
        self.net = net
        self.wall = WallClock(net.clock)
        self.bus = RecordingBus(self.wall)
        self.table = OperationTable()
        self.carriage = Carriage()
        self.link: FakeLink = net.link(name)
        chance = random.Random(f"{seed} {name}")
        config = Config(node=name, servers=("nats://fake:4222",), **options)
        self.cluster = ClusterService(
            config, self.link, net.clock, self.bus, chance.random, lambda: f"{chance.getrandbits(32):08x}"
        )
        self.services: list[Any] = []
        self.factories: dict[str, Any] = {}
        self._dispatcher = Dispatcher(self.table, net.clock.seconds, self.bus)
        self.table.add([Operation("system.status", self._status, Role.VIEWER, "Status")])
        self._use(self.cluster)

    def start(self) -> None:
        """Join."""
        self.cluster.startService()

    def add(self, kind: Any, config: Any = None) -> Any:
        """Run a service of *kind* on this node, and return it."""
        reactor = self.net.clock
        assert isinstance(reactor, MemoryReactorClock)
        before = len(reactor.tcpServers)
        service = kind.make_service(config or kind.config(), reactor, self.bus)
        self._use(service)
        service.privilegedStartService()
        service.startService()
        if len(reactor.tcpServers) > before:
            self.factories[kind.kind] = reactor.tcpServers[before][1]
        self.services.append(service)
        return service

    def call(self, name: str, caller: Caller = CONSOLE, **arguments: Any) -> Deferred[Any]:
        """Call an operation, as a console of this node does."""
        return self._dispatcher.call(name, arguments, caller)

    def _status(self, caller: Caller) -> Any:
        return SimpleNamespace(services=[to_plain(service.status()) for service in self.services])

    def _use(self, service: Any) -> None:
        if hasattr(service, "use_operations"):
            service.use_operations(self.table)
        if hasattr(service, "use_carriage"):
            service.use_carriage(self.carriage)
        self.table.add(service.operations(), service.instance)

    def kill(self) -> None:
        """End it as ``kill -9`` does: nobody is told, and nothing of it runs any more."""
        self.link.die()


class AssembledCluster:
    """Nodes that have met.

    :param seed: decides all chances.
    """

    def __init__(
        self, seed: int = 0, names: Iterable[str] = ("A", "B", "C"), clock: MemoryReactorClock | None = None, **options: Any
    ) -> None:
        self.clock = clock or MemoryReactorClock()
        self.net = FakeNet(self.clock, seed)
        self.nodes = {name: AssembledNode(self.net, name, seed, **options) for name in names}

    def __getitem__(self, name: str) -> AssembledNode:
        return self.nodes[name]

    def start(self) -> None:
        """Have all nodes join, and know each other."""
        for node in self.nodes.values():
            node.start()
        self.pass_time(1.5)

    def pass_time(self, seconds: float) -> None:
        """Let *seconds* pass."""
        pass_time(self.clock, seconds)

    def result(self, deferred: Deferred[Any], within: float = 2.0) -> Any:
        """Return the result of *deferred*, after some time if need be. An exception is raised."""
        results: list[Any] = []
        failures: list[Any] = []
        deferred.addCallbacks(results.append, failures.append)
        until = self.clock.seconds() + within
        while not results and not failures and self.clock.seconds() < until:
            self.pass_time(0.01)
        if failures:
            failures[0].raiseException()
        assert results, "there is no result"
        return results[0]
