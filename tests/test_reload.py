"""Reloads of a daemon without a network: what comes into force, what is refused, and that a refused reload changes nothing."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import attrs
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from netd.change import Change
from netd.config import ChangedOption, Configuration, SectionConfig, integer, option, parse
from netd.connection.shares import TurnShare, own_share
from netd.console.dispatch import Dispatcher
from netd.daemon import Daemon, assemble
from netd.errors import ConfigErrors, NetdError
from netd.interfaces import IBus, INetdService, IPaced, IReloadable, IServiceKind, IStateful, IStatePart
from netd.listener import HeldByNetd
from netd.message import Message
from netd.operations import Operation, Role
from netd.reload import Reloader, ReloadRefused, ReloadResult, outcome_of
from netd.testing import make_caller, result_of, run_now


@attrs.frozen(kw_only=True)
class PumpConfig(SectionConfig):
    """Moves liquids."""

    speed: int = option(integer(1, 100), "10", help="Strokes a minute.", live=True)
    pipes: int = option(integer(1, 9), "1", help="How many pipes it has.")


@implementer(INetdService)
class Pump(Service):
    """A service that cannot be changed while it runs.

    :ivar free: fires when its endpoints are.
    """

    def __init__(self, config: PumpConfig, plant: Plant) -> None:
        self.config = config
        self.instance = config.instance
        self.plant = plant
        self.free: Deferred[None] = Deferred()
        self.did: list[str] = []

    def startService(self) -> None:
        super().startService()
        trouble = self.plant.troubles.get(self.instance)
        if trouble is not None:
            raise trouble
        self.did.append("started")

    def stopService(self) -> None:
        super().stopService()
        self.did.append("stopped")

    def operations(self) -> list[Operation]:
        return [Operation("pump.speed", lambda: self.config.speed, Role.VIEWER, "Its speed")]

    def drain(self) -> Deferred[None]:
        self.did.append("drained")
        return self.free

    def status(self) -> dict[str, Any]:
        return {"kind": "pump", "instance": self.instance}


@implementer(IReloadable)
class LivePump(Pump):
    """One that can."""

    def prepare(self, config: PumpConfig, change: Change) -> None:
        """Refuse what the plant forbids."""
        if config.speed > self.plant.fastest:
            change.refuse("speed", f"{config.speed} is too fast today")
        if config.speed == 14:
            change.when_applied(lambda: 1 // 0)
        self.did.append("prepared")
        change.when_applied(lambda: self._use(config))
        change.when_discarded(lambda: self.did.append("discarded"))
        change.when_free(lambda: self.did.append("finished"))
        if config.speed == 13:
            raise ZeroDivisionError

    def _use(self, config: PumpConfig) -> None:
        self.did.append("applied")
        self.config = config


@implementer(IPaced)
class PacedPump(LivePump):
    """One whose work would make others wait."""

    def __init__(self, config: PumpConfig, plant: Plant) -> None:
        super().__init__(config, plant)
        self.share = own_share(Clock(), "pump", 0.01)

    def turn_shares(self) -> list[TurnShare]:
        """One."""
        return [self.share]


@implementer(IStateful)
class StatefulPump(LivePump):
    """One that counts its starts."""

    def use_state(self, part: IStatePart) -> None:
        """Count one more."""
        assert not self.running
        self.table = part.table("starts")
        self.starts = dict(self.table.load(1)).get("count", 0) + 1

    def stopService(self) -> None:
        super().stopService()
        self.table.note("count", self.starts)


@implementer(IServiceKind)
class Plant:
    """Makes pumps.

    :ivar troubles: why an instance cannot start.
    :ivar made: all pumps, in order.
    """

    kind = "pump"
    config = PumpConfig

    def __init__(self, pump: type[Pump]) -> None:
        self.pump = pump
        self.troubles: dict[str, Exception] = {}
        self.fastest = 50
        self.made: list[Pump] = []

    def make_service(self, config: PumpConfig, reactor: object, bus: IBus) -> Pump:
        self.made.append(self.pump(config, self))
        return self.made[-1]


class Reactor(MemoryReactorClock):
    """A reactor that signals can reach."""

    def callFromThread(self, callable: Any) -> None:  # noqa: N802 - Twisted's name
        self.callLater(0, callable)


@implementer(IServiceKind)
class Missing:
    """A kind whose package is not installed."""

    kind = "tap"
    config = PumpConfig

    def make_service(self, config: PumpConfig, reactor: object, bus: IBus) -> Pump:
        raise ModuleNotFoundError("No module named 'valves'", name="valves")


class ReloadTestCase(SynchronousTestCase):
    pump: type[Pump] = LivePump

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(signal.signal, signal.SIGHUP, signal.signal(signal.SIGHUP, signal.SIG_DFL))
        self.reactor, self.plant = Reactor(), Plant(self.pump)
        self.write("[pump]\n[pump:lab2]\n")
        self.daemon = self.assemble()
        self.daemon.privilegedStartService()
        self.daemon.startService()
        self.addCleanup(self.stop)
        for pump in self.plant.made:
            pump.did.clear()

    def write(self, ini: str) -> None:
        """Change the file."""
        self.ini = f"[netd]\nname = lab\nstate_directory = {self.folder}\n{ini}"

    def read(self) -> Configuration:
        """What the file says now; its first line is the fourth."""
        found = parse(self.ini, "netd.ini", {"pump": PumpConfig, "valve": PumpConfig, "tap": PumpConfig}, {}, 1000, "host")
        return attrs.evolve(found, file="/lab/netd.ini")

    def assemble(self) -> Daemon:
        """The daemon."""
        self.patch(sys, "__stdout__", io.StringIO())
        kinds = {"pump": self.plant, "valve": self.plant, "tap": Missing()}
        return assemble(self.read(), kinds, self.reactor, float, read=self.read, run=run_now)

    def stop(self) -> None:
        """Stop the daemon."""
        stopped = self.daemon.stopService()
        self.reactor.advance(10)
        result_of(stopped)

    def call(self, name: str, **parameters: Any) -> Any:
        """What an operation gives, or a Deferred of it."""
        dispatcher = Dispatcher(self.daemon.system.table, self.reactor.seconds, self.daemon.system.bus)
        return dispatcher.call(name, parameters, make_caller())

    def reload(self, ini: str | None = None, **parameters: Any) -> ReloadResult:
        """Reload, after the file was changed to *ini*."""
        if ini is not None:
            self.write(ini)
        result: ReloadResult = result_of(self.reloaded(**parameters))
        return result

    def reloaded(self, **parameters: Any) -> Deferred[ReloadResult]:
        """A reload that was asked for."""
        operation, _, _ = self.daemon.system.table.find("system.reload", {})
        reloaded: Deferred[ReloadResult] = operation.function(**parameters)  # type: ignore[assignment]
        return reloaded

    def refusal(self, ini: str) -> list[str]:
        """Why it is refused to reload *ini*, line by line."""
        error = self.assertRaises(ReloadRefused, self.reload, ini)
        return str(error).splitlines()

    def did(self, at: int) -> list[str]:
        """What the pump number *at* has done."""
        return self.plant.made[at].did


class OptionTests(ReloadTestCase):
    def test_nothing(self) -> None:
        """A file that says the same changes nothing, and says so; services have looked whether their own files have changed."""
        self.assertEqual(self.reload(), ReloadResult("unchanged", (), (), (), (), (), (), "/lab/netd.ini"))
        self.assertEqual(self.did(0), ["prepared", "applied", "finished"])

    def test_live(self) -> None:
        """A live option is in force at once, and told; another service goes on as it was."""
        result = self.reload("[pump]\nspeed = 20\n[pump:lab2]\n")
        self.assertEqual(result.lines(), ["[pump] speed: 10 -> 20"])
        self.assertEqual((20, 10), (result_of(self.call("pump.speed")), result_of(self.call("pump.speed", instance="lab2"))))
        self.assertEqual(len(self.plant.made), 2)

    def test_restart(self) -> None:
        """An option that is not live is told, keeps its value, and is told again."""
        for _ in range(2):
            result = self.reload("[pump]\npipes = 3\n[pump:lab2]\n")
            self.assertEqual(result.lines(), ["[pump] pipes waits for a restart"])
            self.assertEqual(self.plant.made[0].config.pipes, 1)

    def test_netd(self) -> None:
        """The daemon's own limits are live."""
        result = self.reload("memory = 64MiB\nkeep_events = 7\n[pump]\n[pump:lab2]\n")
        self.assertEqual([option.option for option in result.changed], ["memory", "keep_events"])

    def test_check(self) -> None:
        """What a reload would do is told without doing it."""
        self.write("[pump]\nspeed = 20\n[pump:lab3]\n")
        result = self.reload(check=True)
        self.assertEqual((result.status, result.added, result.removed), ("checked", ("pump:lab3",), ("pump:lab2",)))
        self.assertEqual((self.did(0), self.did(1)), (["prepared", "discarded"], []))
        self.assertEqual(self.did(2), ["started", "drained", "stopped"])
        self.plant.made[2].free.callback(None)
        self.assertEqual(result_of(self.call("pump.speed", instance="main")), 10)

    def test_one_behind_the_other(self) -> None:
        """A reload waits until the check before it has closed what it had opened: it may need the same ports."""
        self.write("[pump]\n[pump:lab2]\n[pump:lab3]\n")
        self.reload(check=True)
        operation, _, _ = self.daemon.system.table.find("system.reload", {})
        reloading: Any = operation.function()
        self.assertNoResult(reloading)
        self.plant.made[2].free.callback(None)
        self.assertEqual(result_of(reloading).added, ("pump:lab3",))


class LogLevelTests(ReloadTestCase):
    def test_followed(self) -> None:
        """The log levels of the daemon and of all sections, new ones too, are those of the configuration in force."""
        self.assertEqual({"netd": "info", "pump": "info", "pump:lab2": "info"}, self.call_levels())
        self.reload("log_level = warn\n[pump]\nlog_level = debug\n[pump:lab2]\n[pump:lab3]\n")
        self.assertEqual({"netd": "warn", "pump": "debug", "pump:lab2": "warn", "pump:lab3": "warn"}, self.call_levels())

    def call_levels(self) -> dict[str, str]:
        levels: dict[str, str] = result_of(self.call("system.log")).levels
        return levels


class TurnTests(ReloadTestCase):
    pump = PacedPump

    def test_shares(self) -> None:
        """The daemon divides its turns among its services; what one has spent that is gone stays counted, and it has no share."""
        one, other = self.plant.made
        assert isinstance(one, PacedPump)
        assert isinstance(other, PacedPump)
        one.share.spent, other.share.spent = 0.25, 0.5
        self.assertEqual(self.daemon.system.facts().turns, {"catch up": 0.0, "follow": 0.0, "pass on": 0.0, "pump": 0.75})
        other.free.callback(None)
        self.reload("[pump]\n")
        self.assertEqual(self.daemon.system.facts().turns["pump"], 0.75)
        other.share.spent += 1
        self.assertEqual(self.daemon.system.facts().turns["pump"], 0.75)
        self.plant.troubles["lab3"] = NetdError("no")
        self.assertRaises(ReloadRefused, self.reload, "[pump]\n[pump:lab3]\n")
        self.assertEqual(len(one.share.shares._shares), 4)


class SectionTests(ReloadTestCase):
    def instances(self) -> list[str]:
        """The services as the status tells them."""
        return [service["instance"] for service in self.daemon.system.facts().services]

    def test_added(self) -> None:
        """A section that is added is a service like any other: it runs, is shown in its place, and has its operations."""
        result = self.reload("[pump]\n[pump:lab3]\nspeed = 30\n[pump:lab2]\n")
        self.assertEqual((result.added, self.did(2)), (("pump:lab3",), ["started"]))
        self.assertEqual(self.instances(), ["main", "lab3", "lab2"])
        self.assertEqual(result_of(self.call("pump.speed", instance="lab3")), 30)

    def test_added_with_a_state(self) -> None:
        """The state of a section that is added is read before the reload begins, and handed over before the start."""
        result_of(self.daemon.stopService())
        self.plant.pump = StatefulPump
        self.daemon = self.assemble()
        self.daemon.privilegedStartService()
        self.daemon.startService()
        for expected in (1, 2, 3):
            self.reload("[pump]\n[pump:lab2]\n[pump:lab3]\n")
            added: Any = self.plant.made[-1]
            self.assertEqual((added.instance, added.starts), ("lab3", expected))
            added.free = succeed(None)
            self.reload("[pump]\n[pump:lab2]\n")

    def test_removed(self) -> None:
        """A section that is removed is stopped: its operations go at once, and nothing of it is retained on the bus."""
        bus = self.daemon.system.bus
        bus.publish(Message("pump.lab2.state", "fine"))
        self.plant.made[1].free.callback(None)
        result = self.reload("[pump]\n")
        self.assertEqual((result.removed, self.did(1)), (("pump:lab2",), ["drained", "stopped"]))
        self.assertEqual(self.instances(), ["main"])
        self.assertEqual(bus.last("pump.>"), [])
        _, instances = next(row for row in self.daemon.system.table if row[0].name == "pump.speed")
        self.assertEqual(instances, ("main",))

    def test_removed_and_does_not_let_go(self) -> None:
        """A section that is removed and never lets go of its endpoints does not hold up reloads for ever."""
        self.write("[pump]\n")
        operation, _, _ = self.daemon.system.table.find("system.reload", {})
        first: Any = operation.function()
        second: Any = operation.function()
        self.reactor.advance(9)
        self.assertNoResult(first)
        self.reactor.advance(1)
        self.assertEqual((result_of(first).removed, result_of(second).status), (("pump:lab2",), "unchanged"))
        self.assertEqual(len(self.flushLoggedErrors(TookTooLong)), 1)

    def test_removed_by_its_own_caller(self) -> None:
        """The answer comes before the end of connections: a gateway that is removed carries it."""
        self.write("[pump]\n")
        operation, _, _ = self.daemon.system.table.find("system.reload", {})
        reloading: Any = operation.function()
        reloading.addCallback(lambda _: self.did(1).append("answered"))
        self.plant.made[1].free.callback(None)
        self.assertEqual(self.did(1), ["drained", "answered", "stopped"])

    def test_removed_and_added_again(self) -> None:
        """A section that comes again while the old one still finishes has its messages for itself."""
        bus = self.daemon.system.bus
        leaving: Deferred[None] = Deferred()
        self.plant.made[1].stopService = lambda: leaving  # type: ignore[method-assign, assignment, return-value]
        self.plant.made[1].free.callback(None)
        self.reload("[pump]\n")
        self.reload("[pump]\n[pump:lab2]\n")
        bus.publish(Message("pump.lab2.state", "fine"))
        leaving.callback(None)
        self.assertEqual([message.subject for message in bus.last("pump.>")], ["pump.lab2.state"])

    def test_stopped(self) -> None:
        """A daemon that stops takes no other configuration, and starts nothing that waits for a port."""
        self.plant.troubles["lab3"] = HeldByNetd("pump:lab3", "cannot listen: netd does")
        self.write("[pump]\n[pump:lab3]\n")
        operation, _, _ = self.daemon.system.table.find("system.reload", {})
        reloading: Any = operation.function()
        made = len(self.plant.made)
        self.daemon.stopService()
        self.plant.made[1].free.callback(None)
        self.assertEqual(result_of(reloading).failures, ())
        self.assertEqual(len(self.plant.made), made)
        self.assertRaises(ReloadRefused, self.reload)
        self.daemon.startService()

    def test_exchanged(self) -> None:
        """A new section can have the port of one that goes: it starts as soon as the port is free."""
        self.plant.troubles["lab3"] = HeldByNetd("pump:lab3", "cannot listen: netd does")
        self.write("[pump]\n[pump:lab3]\n")
        operation, _, _ = self.daemon.system.table.find("system.reload", {})
        reloading: Any = operation.function()
        self.assertEqual(self.instances(), ["main"])
        del self.plant.troubles["lab3"]
        self.plant.made[1].free.callback(None)
        self.assertEqual(result_of(reloading).added, ("pump:lab3",))
        self.assertEqual(self.instances(), ["main", "lab3"])

    def test_not_free_in_the_end(self) -> None:
        """If it is not, that is told, and the next reload tries again."""
        self.plant.troubles["lab3"] = HeldByNetd("pump:lab3", "cannot listen: netd does")
        with capturedLogs() as logged:
            result = self.reload("[pump]\n[pump:lab2]\n[pump:lab3]\n")
        self.assertEqual(result.failures, ("[pump:lab3] cannot listen: netd does",))
        self.assertIn("[pump:lab3] cannot listen: netd does", [formatEvent(event) for event in logged])
        del self.plant.troubles["lab3"]
        self.assertEqual(self.reload().added, ("pump:lab3",))
        self.assertEqual(self.instances(), ["main", "lab2", "lab3"])

    def test_one_after_the_other(self) -> None:
        """A reload waits until the one before has ended; then it reads the file."""
        operation, _, _ = self.daemon.system.table.find("system.reload", {})
        self.write("[pump]\n")
        first: Any = operation.function()
        second: Any = operation.function()
        self.write("[pump]\nspeed = 40\n")
        self.plant.made[1].free.callback(None)
        self.assertEqual(
            (result_of(first).lines(), result_of(second).lines()), (["removed [pump:lab2]"], ["[pump] speed: 10 -> 40"])
        )

    def test_caller_gone(self) -> None:
        """A caller that goes in the middle, as by Ctrl-C in the manhole, stops nothing; the log has what it is not told."""
        operation, _, _ = self.daemon.system.table.find("system.reload", {})
        self.write("[pump]\nspeed = 20\n")
        first: Any = operation.function()
        second: Any = operation.function()
        self.write("[pump]\nspeed = 70\n")
        for reloading in (first, second):
            reloading.cancel()
            self.failureResultOf(reloading, CancelledError)
        self.assertFalse(self.plant.made[1].free.called)
        with capturedLogs() as logged:
            self.plant.made[1].free.callback(None)
        told = [formatEvent(event) for event in logged]
        self.assertIn("the configuration was reloaded: [pump] speed: 10 -> 20; removed [pump:lab2]", told)
        self.assertIn("netd.ini:5: [pump] speed: 70 is too fast today", told)

    def test_stop_in_between(self) -> None:
        """The daemon that stops waits for sections that were removed a moment ago."""
        self.plant.made[1].stopService = lambda: leaving  # type: ignore[method-assign, assignment, return-value]
        leaving: Deferred[None] = Deferred()
        self.plant.made[1].free.callback(None)
        self.reload("[pump]\n")
        stopped = self.daemon.sections.stopService()
        self.assertNoResult(stopped)
        leaving.callback(None)
        result_of(stopped)
        self.daemon.sections.startService()


class RefusalTests(ReloadTestCase):
    def test_missing_package(self) -> None:
        """A section whose package is not installed is a mistake of the file's, at a reload and at the start."""
        told = "netd.ini:5: [tap] needs the Python module valves, which is not installed for"
        error = self.assertRaises(ReloadRefused, self.reload, "[pump]\n[tap]\n")
        self.assertIn(told, str(error))
        self.assertIn(told, str(self.assertRaises(ConfigErrors, self.assemble)))

    def test_all_mistakes(self) -> None:
        """What is wrong with the file, with what a service makes of it, and with a new service is told at once, by its lines."""
        self.plant.troubles["lab3"] = NetdError("[pump:lab3] it leaks; mend it")
        told = self.refusal("[pump]\nspeed = 70\n[pump:lab2]\nspeed = fast\n[pump:lab3]\n[pmp]\n")
        self.assertEqual(
            told,
            [
                "netd.ini:5: [pump] speed: 70 is too fast today",
                "netd.ini:7: [pump:lab2] speed: 'fast' is not a whole number (1 to 100)",
                "netd.ini:8: [pump:lab3] it leaks; mend it",
                "netd.ini:9: [pmp] unknown section (did you mean [pump]?); kinds are netd, pump, tap, tls, valve",
            ],
        )

    def test_offered_twice(self) -> None:
        """Two new sections that offer the same operation are refused, as at the start."""
        [told] = self.refusal("[pump]\n[pump:lab2]\n[pump:lab3]\n[valve:lab3]\n")
        self.assertIn("netd.ini:7: [valve:lab3] pump.speed of the instance lab3 is offered twice", told)
        self.assertEqual(self.did(2), ["started", "drained", "stopped"])
        self.plant.made[2].free.callback(None)

    def test_nothing_has_changed(self) -> None:
        """All that was prepared is taken back: options, and services that were started."""
        self.refusal("[pump]\nspeed = 20\n[pump:lab2]\nspeed = 70\n[pump:lab3]\n")
        self.assertEqual([self.did(at)[-1] for at in range(3)], ["discarded", "discarded", "stopped"])
        self.plant.made[2].free.callback(None)
        self.assertEqual(result_of(self.call("pump.speed", instance="main")), 10)
        self.assertEqual(self.reload("[pump]\n[pump:lab2]\n").status, "unchanged")

    def test_unreadable(self) -> None:
        """A file that is gone changes nothing."""
        reloader = Reloader(self.read(), load_missing, self.daemon.sections, lambda netd: None, lambda: None)
        error = self.failureResultOf(reloader.reload(), ReloadRefused).value
        self.assertIn("/nowhere/netd.ini: cannot be read: No such file", str(error))

    def test_fault(self) -> None:
        """A fault of a service's own takes everything back, and is no refusal."""
        self.write("[pump]\nspeed = 20\n[pump:lab2]\nspeed = 13\n")
        operation, _, _ = self.daemon.system.table.find("system.reload", {})
        self.failureResultOf(operation.function(), ZeroDivisionError)  # type: ignore[arg-type]
        self.assertEqual((self.did(0), self.did(1)), (["prepared", "discarded"], ["prepared", "discarded"]))

    def test_in_the_place_of_another(self) -> None:
        """What is wrong with a section that waits for a port of netd's own is found while the port still has its service."""
        self.plant.troubles["lab3"] = HeldByNetd("pump:lab3", "cannot listen: netd does")
        told = self.refusal("[pump]\n[pump:lab3]\nspeed = 70\n")
        self.assertEqual(told, ["netd.ini:6: [pump:lab3] speed: 70 is too fast today"])
        self.assertNotIn("drained", self.did(1))


class FaultTests(ReloadTestCase):
    def test_applying(self) -> None:
        """A service that fails at what must not fail is told and logged; the others get their options all the same."""
        result = self.reload("[pump]\nspeed = 14\n[pump:lab2]\nspeed = 20\n")
        [failure] = result.failures
        self.assertIn("[pump] ZeroDivisionError: ", failure)
        self.assertEqual(result_of(self.call("pump.speed", instance="lab2")), 20)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class FixedTests(ReloadTestCase):
    pump = Pump

    def test_waits_for_a_restart(self) -> None:
        """A kind that does not take part runs on as it is; its options wait for a restart, whatever they say."""
        result = self.reload("[pump]\nspeed = 20\n[pump:lab2]\n")
        self.assertEqual(result.lines(), ["[pump] speed waits for a restart"])
        self.assertEqual(result_of(self.call("pump.speed", instance="main")), 10)


class OutcomeTests(SynchronousTestCase):
    def test_done(self) -> None:
        """A reload is one phrase: how much has changed, how much waits, and how much has failed."""
        changed = (ChangedOption("pump", "speed", "1", "2", "netd.ini:5", True),) * 2
        nothing = ReloadResult("unchanged", (), (), (), (), (), (), "netd.ini")
        self.assertEqual("0 options changed", outcome_of(nothing))
        self.assertEqual(
            "1 option changed, 2 for the next start", outcome_of(attrs.evolve(nothing, changed=changed[:1], restart=changed))
        )
        much = attrs.evolve(nothing, changed=changed, added=("a",), removed=("b",), failures=("it leaks",))
        self.assertEqual("2 options changed, 2 sections added or removed, 1 failed, and the log says why", outcome_of(much))
        self.assertIn(", 1 section added or removed", outcome_of(attrs.evolve(nothing, added=("a",))))

    def test_failed(self) -> None:
        """A refusal is told with its first mistakes; of a fault of netd's own, the log tells more."""
        self.assertEqual("refused: netd.ini:5: no", outcome_of(Failure(ReloadRefused("netd.ini:5: no"))))
        self.assertEqual("the reload failed, and the log says why", outcome_of(Failure(ZeroDivisionError())))


class SignalTests(ReloadTestCase):
    def hang_up(self) -> list[str]:
        """What the log has after SIGHUP."""
        with capturedLogs() as logged:
            os.kill(os.getpid(), signal.SIGHUP)
            self.reactor.advance(0)
        return [formatEvent(event) or "" for event in logged]

    def test_reload(self) -> None:
        """SIGHUP is a reload; the log tells what has changed."""
        self.write("[pump]\nspeed = 20\n[pump:lab2]\n")
        self.assertEqual(self.hang_up(), ["the configuration was reloaded: [pump] speed: 10 -> 20"])
        self.assertEqual(self.hang_up(), ["the configuration was reloaded: nothing has changed in /lab/netd.ini"])

    def test_refused(self) -> None:
        """Mistakes are in the log, each with its place."""
        self.write("[pump]\nspeed = 0\n[pump:lab2]\nspeed = 70\n")
        self.assertEqual(
            self.hang_up(),
            [
                "the configuration cannot be reloaded, and the one in force stays:",
                "netd.ini:5: [pump] speed: 0 is out of range (1 to 100)",
                "netd.ini:7: [pump:lab2] speed: 70 is too fast today",
            ],
        )

    def test_refused_by_command(self) -> None:
        """Whoever reads the log sees what was refused on somebody's command, too; what was only looked at is no news."""
        self.write("[pump]\nspeed = 0\n[pump:lab2]\n")
        with capturedLogs() as logged:
            self.failureResultOf(self.reloaded(check=True), ReloadRefused)
            self.assertEqual(logged, [])
            self.failureResultOf(self.reloaded(), ReloadRefused)
        self.assertEqual(
            [formatEvent(event) for event in logged],
            [
                "the configuration cannot be reloaded, and the one in force stays:",
                "netd.ini:5: [pump] speed: 0 is out of range (1 to 100)",
            ],
        )

    def test_bug(self) -> None:
        """A fault of a service's own is in the log, too, and the daemon runs on."""
        self.write("[pump]\nspeed = 13\n[pump:lab2]\n")
        self.hang_up()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


def load_missing() -> Configuration:
    """Read a file that is not there."""
    from netd.config import load

    return load(Path("/nowhere/netd.ini"), {}, {}, 1000, "host")
