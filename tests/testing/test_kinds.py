"""The rules for kinds of service, held against a real kind, and against made-up ones that break each of them."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import ClientFactory, Factory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from netd.config import SectionConfig
from netd.interfaces import IBus, IDrainable, INetdService, IPublisher, IServiceKind, IStateful, IStatePart
from netd.kinds import ServiceKind
from netd.message import EventKind
from netd.operations import Operation, Role
from netd.testing import ServiceKindTests, wired

RELAY = ServiceKind("relay", "netd.relay")


class RelayKindTests(ServiceKindTests, SynchronousTestCase):
    """The relay keeps what every kind must keep."""

    kind = RELAY


@implementer(INetdService)
class Pump(Service):
    """A service without a fault: it listens, and has one operation."""

    instance = "main"

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor

    def startService(self) -> None:
        super().startService()
        self.reactor.listenTCP(7001, Factory())

    def stopService(self) -> Any:
        super().stopService()
        return succeed(None)

    def operations(self) -> list[Operation]:
        return [Operation("pump.stop", lambda: None, Role.ADMIN, "Stop it")]

    def status(self) -> dict[str, Any]:
        return {"listening": [], "counters": {}}

    def drain(self) -> Any:
        return succeed(None)


@implementer(IServiceKind)
class PumpKind:
    """Makes services of the class that the test hands in."""

    kind = "pump"
    config = SectionConfig

    def __init__(self, service_class: Callable[[Any], Any]) -> None:
        self.service_class = service_class

    def make_service(self, config: SectionConfig, reactor: object, bus: IBus) -> Any:
        return self.service_class(reactor)


class RuleTests(SynchronousTestCase):
    def broken_rules(self, service_class: Callable[[Any], Any]) -> list[str]:
        """The tests of the kit that a kind with this service does not pass."""

        class Case(ServiceKindTests, SynchronousTestCase):
            kind = PumpKind(service_class)

        outcome = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(outcome)
        self.assertEqual(9, outcome.testsRun)
        return [case.id().rpartition(".")[2] for case, _ in (*outcome.failures, *outcome.errors)]

    def test_faultless(self) -> None:
        """A kind that keeps the rules passes."""
        self.assertEqual([], self.broken_rules(Pump))

    def test_service_that_does_not_listen(self) -> None:
        """A kind whose service only follows the bus, or only calls out, passes, and there is no factory to connect to."""

        class Follower(Pump):
            def startService(self) -> None:
                Service.startService(self)

        self.assertEqual([], self.broken_rules(Follower))
        service, factory, _reactor, _bus = wired(PumpKind(Follower))
        self.assertEqual((True, None), (bool(service.running), factory))

    def test_state(self) -> None:
        """A service that cannot begin with what it has left itself is found."""

        @implementer(IStateful)
        class Forgetful(Pump):
            def use_state(self, part: IStatePart) -> None:
                self.table = part.table("starts")
                self.starts = [int(value) for _, value in self.table.load(1)]
                self.table.note("last", self.written)

        Forgetful.written = "1"  # type: ignore[attr-defined]
        self.assertEqual([], self.broken_rules(Forgetful))
        Forgetful.written = "yesterday"  # type: ignore[attr-defined]
        self.assertEqual(["test_begins_with_any_state"], self.broken_rules(Forgetful))

    def test_interface(self) -> None:
        """A service without a part that the daemon calls is found."""

        class NoDrain(Pump):
            drain = None  # type: ignore[assignment]  # this is what the test is about

        self.assertEqual(["test_provides_the_interfaces"], self.broken_rules(NoDrain))

    def test_eager(self) -> None:
        """A service that takes a port or a timer before it is started is found."""

        class TakesPort(Pump):
            def __init__(self, reactor: Any) -> None:
                super().__init__(reactor)
                reactor.listenTCP(7001, Factory())

        class TakesTimer(Pump):
            def __init__(self, reactor: Any) -> None:
                super().__init__(reactor)
                reactor.callLater(1, print)

        class Dials(Pump):
            def __init__(self, reactor: Any) -> None:
                super().__init__(reactor)
                reactor.connectTCP("10.0.0.7", 5025, ClientFactory())

        self.assertIn("test_building_touches_nothing", self.broken_rules(Dials))
        self.assertIn("test_building_touches_nothing", self.broken_rules(TakesPort))
        self.assertIn("test_building_touches_nothing", self.broken_rules(TakesTimer))

    def test_names(self) -> None:
        """An operation that is not named for its kind, or says nothing of itself, is found."""

        class Misnamed(Pump):
            def operations(self) -> list[Operation]:
                return [Operation("stop", lambda: None, Role.ADMIN, "Stop it")]

        class Foreign(Pump):
            def operations(self) -> list[Operation]:
                return [Operation("history.stop", lambda: None, Role.ADMIN, "Stop it")]

        class Usurper(Pump):
            def operations(self) -> list[Operation]:
                return [Operation("system.stop", lambda: None, Role.ADMIN, "Stop it", kind="pump")]

        class Mute(Pump):
            def operations(self) -> list[Operation]:
                return [Operation("pump.stop", lambda: None, Role.ADMIN, "")]

        for service_class in (Misnamed, Foreign, Usurper, Mute):
            self.assertEqual(["test_operations_carry_the_kind"], self.broken_rules(service_class), service_class)

    def test_events(self) -> None:
        """Events under another kind's subjects are found."""

        @implementer(IPublisher)
        class Liar(Pump):
            def events(self) -> list[EventKind]:
                return [EventKind("valve.main.opened", int)]

        self.assertEqual(["test_events_carry_the_kind"], self.broken_rules(Liar))

    def test_nouns(self) -> None:
        """An operation may have another noun than its kind, when it says whose it is."""

        class Historian(Pump):
            def operations(self) -> list[Operation]:
                return [Operation("history.query", lambda: None, Role.VIEWER, "Query", kind="pump")]

        self.assertEqual([], self.broken_rules(Historian))

    def test_leftovers(self) -> None:
        """A service that leaves a timer, never finishes stopping, or has a status that is no JSON is found."""

        class LeavesTimer(Pump):
            def startService(self) -> None:
                super().startService()
                self.reactor.callLater(60, print)

        class NeverStops(Pump):
            def stopService(self) -> Any:
                return Deferred()

        class Opaque(Pump):
            def status(self) -> dict[str, Any]:
                return {"reactor": self.reactor}

        class GoesOnDialling(Pump):
            def startService(self) -> None:
                super().startService()
                self.reactor.connectTCP("10.0.0.7", 5025, ClientFactory())

        for service_class in (LeavesTimer, NeverStops, Opaque):
            self.assertEqual(["test_stops_without_a_trace"], self.broken_rules(service_class), service_class)

        @implementer(IDrainable)
        class DialsWhilePaused(Pump):
            def pause(self) -> None:
                self.reactor.connectTCP("10.0.0.7", 5025, ClientFactory())

            def finish(self) -> Any:
                return succeed(None)

            def resume(self) -> None:
                pass

        self.assertEqual(["test_pauses_and_resumes"], self.broken_rules(DialsWhilePaused))
        both = ["test_leaves_its_remote", "test_stops_without_a_trace"]
        self.assertEqual(both, self.broken_rules(GoesOnDialling))
