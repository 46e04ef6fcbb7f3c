"""From a configuration to a running daemon and back, without a network: the state directory is all that is real."""

from __future__ import annotations

import contextlib
import gc
import io
import shutil
import signal
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ReactorNotRunning
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides, implementer, providedBy

from netd import __version__
from netd.config import SectionConfig, integer, option, parse
from netd.console.dispatch import Dispatcher
from netd.daemon import THRESHOLDS, Daemon, assemble, banner
from netd.errors import NetdError
from netd.interfaces import IBus, IConsole, INetdService, IServiceKind, IStateful, IStatePart, IWitness
from netd.logforms import FORMS, LogObserver
from netd.operations import Operation, OperationTable, Role
from netd.paths import CONTROL_SOCKET
from netd.system import Stopping
from netd.testing import RecordingBus, make_caller, result_of, run_now


class PumpConfig(SectionConfig):
    speed: int = option(integer(1, 100), "10", help="Strokes a minute.")


@implementer(INetdService, IConsole)
class Pump(Service):
    """A service that is a console as well, and may be unable to start."""

    def __init__(self, instance: str, trouble: Exception | None) -> None:
        self.instance = instance
        self.trouble = trouble
        self.table: OperationTable | None = None
        self.stopped: Deferred[None] = Deferred()

    def use_operations(self, table: OperationTable) -> None:
        assert not self.running, "the table comes before the start"
        self.table = table

    def startService(self) -> None:
        if self.trouble is not None:
            raise self.trouble
        super().startService()

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return self.stopped

    def operations(self) -> list[Operation]:
        return [Operation("pump.instance", lambda: self.instance, Role.VIEWER, "Its name")]

    def drain(self) -> Deferred[None]:
        return succeed(None)

    def status(self) -> dict[str, Any]:
        places = [{"address": f"pump{number}", "reach": "the plumber"} for number in (1, 2)]
        return {"kind": "pump", "instance": self.instance, "listening": places}


@implementer(IServiceKind)
class PumpKind:
    """Makes pumps."""

    kind = "pump"
    config = PumpConfig

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.pump: type[Pump] = Pump
        self.made: list[Pump] = []

    def make_service(self, config: SectionConfig, reactor: object, bus: IBus) -> Pump:
        assert IBus.providedBy(bus)
        self.made.append(self.pump(config.instance, self.trouble))
        return self.made[-1]


class StoppedReactor(MemoryReactorClock):
    """A reactor that a signal has stopped already."""

    def stop(self) -> None:
        raise ReactorNotRunning("Can't stop reactor that isn't running.")


class DaemonTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            self.addCleanup(signal.signal, number, signal.signal(number, signal.SIG_DFL))
        self.reactor, self.kind = MemoryReactorClock(), PumpKind()
        self.shown, self.complaints = io.StringIO(), io.StringIO()
        self.patch(sys, "__stdout__", self.shown)
        self.patch(sys, "__stderr__", self.complaints)

    def assemble(self, is_in_foreground: bool = True) -> Daemon:
        """The daemon of an INI with two pumps."""
        ini = f"[netd]\nname = lab7\nstate_directory = {self.folder}\n[pump]\n[pump:lab2]\n"
        configuration = parse(ini, "netd.ini", {"pump": PumpConfig}, {}, 1000, "host")
        return assemble(configuration, {"pump": self.kind}, self.reactor, float, is_in_foreground, run=run_now)

    def start(self, is_in_foreground: bool = True) -> Daemon:
        """The same, started as twistd starts it, and stopped when the test ends."""
        daemon = self.assemble(is_in_foreground)
        self.addCleanup(self.stop, daemon)
        daemon.privilegedStartService()
        daemon.startService()
        return daemon

    def stop(self, daemon: Daemon) -> None:
        """Stop *daemon* if it runs; its pumps take no time."""
        stopped = daemon.stopService()
        for pump in self.kind.made:
            if not pump.stopped.called:
                pump.stopped.callback(None)
        result_of(stopped)


@implementer(IStateful)
class CountingPump(Pump):
    """A pump that counts its starts."""

    def use_state(self, part: IStatePart) -> None:
        assert not self.running, "the state comes before the start"
        self.table = part.table("starts")
        self.starts = dict(self.table.load(1)).get("count", 0) + 1

    def stopService(self) -> Deferred[None]:
        self.table.note("count", self.starts)
        return super().stopService()


class AssemblyTests(DaemonTestCase):
    def test_sections(self) -> None:
        """Each section of the INI is a service, beside the control socket; nothing acts yet."""
        daemon = self.assemble()
        self.assertEqual(["main", "lab2"], [pump.instance for pump in self.kind.made])
        self.assertEqual((2, 9), (len(list(daemon.sections)), len(list(daemon))))
        self.assertEqual(([], [], ""), (self.reactor.unixServers, list(self.folder.iterdir()), self.shown.getvalue()))

    def test_one_table(self) -> None:
        """The operations of all services and of the daemon are in one table, which each console gets."""
        daemon = self.assemble()
        table = daemon.system.table
        self.assertEqual([table] * 2, [pump.table for pump in self.kind.made])
        offered = {operation.name: instances for operation, instances in table}
        self.assertEqual(("lab2", "main"), offered["pump.instance"])
        self.assertEqual(("main",), offered["system.stop"])
        operation, _, _ = table.find("pump.instance", {"instance": "lab2"})
        self.assertEqual("lab2", operation.function())

    def test_stop_operation(self) -> None:
        """`system.stop` ends the daemon when its answer has had the time to leave, not before."""
        dispatcher = Dispatcher(self.assemble().system.table, self.reactor.seconds, RecordingBus())
        self.assertEqual(Stopping("stopping"), result_of(dispatcher.call("system.stop", {}, make_caller())))
        self.assertFalse(self.reactor.hasStopped)
        self.reactor.advance(1)
        self.assertTrue(self.reactor.hasStopped)

    def test_stop_of_what_has_stopped(self) -> None:
        """`system.stop` in the moment after a SIGTERM changes nothing, and is no error."""
        self.reactor = StoppedReactor()
        self.assemble().system.stop()
        self.reactor.advance(1)
        self.assertEqual([], self.flushLoggedErrors())


class BannerTests(SynchronousTestCase):
    def test_table(self) -> None:
        """The table has a line for each place, in columns, with an instance's name where there is one; and the way to end it."""
        status = {
            "version": "1.2",
            "name": "lab7",
            "configuration": "/lab/netd.ini",
            "services": [
                {"kind": "relay", "instance": "main", "listening": [{"address": "127.0.0.1:5050", "reach": "this machine only"}]},
                {
                    "kind": "pump",
                    "instance": "lab2",
                    "listening": [{"address": "a", "reach": "b"}, {"address": "c", "reach": "d"}],
                },
                {"kind": "clock", "instance": "main", "listening": [], "url": "http://127.0.0.1:8080/"},
            ],
        }
        self.assertEqual(
            [
                "netd 1.2 is up as lab7",
                "",
                "service    listens on            who may reach it",
                "---------  --------------------  ----------------------------------------",
                "relay      127.0.0.1:5050        this machine only",
                "pump:lab2  a                     b",
                "pump:lab2  c                     d",
                "control    unix:/s/control.sock  this user only; the netd command uses it",
                "",
                "The configuration is in /lab/netd.ini",
                "The dashboard is at http://127.0.0.1:8080/",
                "Stop it with Ctrl-C or `netd stop`.",
            ],
            banner(status, Path("/s"), Path("/s")).splitlines(),
        )

    def test_remotes(self) -> None:
        """What a service dials stands among the places where others listen."""
        remote = {"remote": "tcp:broker.lan:1883", "state": "dialling"}
        told = self.told([{"kind": "bridge", "instance": "main", "dialling": [remote]}])
        self.assertIn("service  listens on                 who may reach it, or the state", told.splitlines())
        self.assertIn("bridge   dials tcp:broker.lan:1883  dialling", told.splitlines())

    def test_work(self) -> None:
        """What a service without an endpoint does stands there, too."""
        work = {"what": "records to /s/recorder/main", "how": "recording: 0 B of 1 GiB, 30 d"}
        told = self.told([{"kind": "recorder", "instance": "main", "listening": [], "work": [work]}])
        self.assertIn("recorder  records to /s/recorder/main  recording: 0 B of 1 GiB, 30 d", told.splitlines())

    def test_for_others(self) -> None:
        """Where other machines reach the dashboard, the terminal shows the address for them, and no address twice."""
        near, far = "http://127.0.0.1:8080/", "http://10.0.0.5:8080/"
        for url, for_others, expected in (
            (near, None, f"The dashboard is at {near}"),
            (near, far, f"The dashboard is at {near}, for other machines at {far}"),
            (far, far, f"The dashboard is at {far}"),
        ):
            gateway = {"kind": "gateway", "instance": "main", "listening": [], "url": url, "url_for_others": for_others}
            self.assertIn(expected, self.told([gateway]).splitlines())

    def test_open(self) -> None:
        """Where everyone on this machine is administrator, the terminal says so."""
        gateway = {"kind": "gateway", "instance": "main", "listening": [], "url": "http://127.0.0.1:8080/"}
        for is_open in (False, True):
            told = self.told([{**gateway, "open": is_open}])
            self.assertEqual(
                is_open, "everyone on this machine is administrator. `netd token add NAME --role admin` makes one." in told
            )

    def test_elsewhere(self) -> None:
        """The commands name the state directory where the command line would not look for it by itself."""
        gateway = {"kind": "gateway", "instance": "main", "listening": [], "url": "http://127.0.0.1:8080/", "open": True}
        told = self.told([gateway], Path("/my lab"))
        for command in ("stop", "token add NAME --role admin"):
            self.assertIn(f"`netd {command} --state '/my lab'`", told)

    def told(self, services: list[dict[str, Any]], state_directory: Path = Path("/s")) -> str:
        return banner(
            {"version": "1.2", "name": "lab7", "configuration": "/x", "services": services}, state_directory, Path("/s")
        )


class LifeTests(DaemonTestCase):
    def test_start(self) -> None:
        """When everything is up, and not before, the terminal shows where it is."""
        daemon = self.assemble()
        self.addCleanup(self.stop, daemon)
        daemon.privilegedStartService()
        self.assertEqual("", self.shown.getvalue())
        daemon.startService()
        self.assertTrue(self.shown.getvalue().startswith(f"netd {__version__} is up as lab7\n"))
        self.assertIn(f"`netd stop --state {self.folder}`", self.shown.getvalue())
        self.assertEqual(str(self.folder / CONTROL_SOCKET), self.reactor.unixServers[0][0])
        self.assertEqual([True, True], [pump.running for pump in self.kind.made])

    def test_garbage_collector(self) -> None:
        """While the daemon runs, the collector spares what was there at its start; afterwards it is as it was."""
        before = (gc.get_threshold(), gc.get_freeze_count())
        daemon = self.start()
        self.assertEqual(gc.get_threshold(), THRESHOLDS)
        self.assertGreater(gc.get_freeze_count(), before[1] + 1000)
        self.stop(daemon)
        self.assertEqual((gc.get_threshold(), gc.get_freeze_count()), before)

    def test_harmless_signals(self) -> None:
        """Signals that would end the process are answered with a line in the log."""
        self.start()
        for number, what in (
            (signal.SIGUSR1, "SIGUSR1: there is no log file to begin anew; nothing has changed"),
            (signal.SIGUSR2, "SIGUSR2: it means nothing to netd; nothing has changed"),
        ):
            handler = signal.getsignal(number)
            assert callable(handler)
            with capturedLogs() as events:
                handler(number, None)
            self.assertEqual([what], [formatEvent(event) for event in events])

    def test_signals_of_others(self) -> None:
        """What minds a signal already goes on: twistd with a log file, and nohup."""
        rotate = lambda number, frame: None  # noqa: E731
        signal.signal(signal.SIGUSR1, rotate)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.start()
        self.assertEqual((rotate, signal.SIG_IGN), (signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGHUP)))

    def test_output_for_programs(self) -> None:
        """Where programs read the log on standard output, one line of it tells the start, and no table stands between."""
        daemon = self.assemble()
        self.addCleanup(self.stop, daemon)
        daemon.log_to(LogObserver(FORMS["json"], daemon.levels, self.shown.write), shows_table=False)
        with capturedLogs() as events:
            daemon.privilegedStartService()
            daemon.startService()
        self.assertEqual("", self.shown.getvalue())
        self.assertIn(f"netd {__version__} is up as lab7", [formatEvent(event) for event in events])

    def test_output_that_cannot_be_written(self) -> None:
        """A standard output that is full, or a pipe that nobody reads, costs the table and not the daemon."""
        with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - a device
            self.patch(sys, "__stdout__", full)
            self.start()
            self.assertEqual(
                "netd: standard output cannot be written: No space left on device; netd runs on\n", self.complaints.getvalue()
            )
            with contextlib.suppress(OSError):
                full.close()

    def test_stop(self) -> None:
        """Stopping takes as long as the slowest service, and says so in the log."""
        daemon = self.start()
        with capturedLogs() as events:
            stopped = daemon.stopService()
        self.assertIn("netd stops", events[0]["log_format"])
        self.kind.made[0].stopped.callback(None)
        self.assertNoResult(stopped)
        self.kind.made[1].stopped.callback(None)
        self.successResultOf(stopped)
        self.assertEqual([False, False], [pump.running for pump in self.kind.made])

    def test_witness(self) -> None:
        """A service that keeps what others say stops when all others have stopped."""
        daemon = self.start()
        first, second = self.kind.made
        directlyProvides(first, IWitness, providedBy(first))
        stopped = daemon.stopService()
        self.assertEqual((first.running, second.running), (1, 0))
        second.stopped.callback(None)
        self.assertEqual((first.running, second.running), (0, 0))
        self.assertNoResult(stopped)
        first.stopped.callback(None)
        self.successResultOf(stopped)

    def test_state(self) -> None:
        """A service finds what it left; the next daemon gets the state directory when all of it is written, and not before."""
        self.kind.pump = CountingPump
        daemon = self.start()
        self.assertEqual([1, 1], [pump.starts for pump in self.kind.made])  # type: ignore[attr-defined]
        self.assertEqual(str(self.folder / "state.db"), daemon.system.facts().stored.file)
        stopped = daemon.stopService()
        self.assertRaises(SystemExit, self.assemble().privilegedStartService)
        for pump in self.kind.made[:2]:
            pump.stopped.callback(None)
        result_of(stopped)
        self.kind.made.clear()
        self.start()
        self.assertEqual([2, 2], [pump.starts for pump in self.kind.made])  # type: ignore[attr-defined]

    def test_state_of_a_newer_netd(self) -> None:
        """A state database that this netd cannot read stays as it is: one clear line ends the daemon."""
        self.stop(self.start())
        connection = sqlite3.connect(self.folder / "state.db")
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        self.kind.made.clear()
        self.assertRaises(SystemExit, self.start)
        self.assertIn("state.db was written by a newer netd", self.complaints.getvalue())

    def test_cannot_start(self) -> None:
        """In the foreground, one clear line and the status 1 end a daemon that cannot start; there is no table."""
        self.kind.trouble = NetdError("the pump is dry; fill it")
        error = self.assertRaises(SystemExit, self.start)
        self.assertEqual(
            (1, "netd: the pump is dry; fill it\n", ""), (error.code, self.complaints.getvalue(), self.shown.getvalue())
        )

    def test_cannot_listen(self) -> None:
        """So does trouble with a listener or the state directory, which shows before privileges are given up."""
        self.start()
        second = self.assemble()
        self.assertRaises(SystemExit, second.privilegedStartService)
        self.assertTrue(self.complaints.getvalue().startswith("netd: another netd runs with the state directory"))

    def test_cannot_start_in_the_background(self) -> None:
        """A daemon that has left the terminal logs the line, and leaves it to twistd to tell the terminal and end."""
        self.kind.trouble = NetdError("the pump is dry; fill it")
        with capturedLogs() as events:
            error = self.assertRaises(NetdError, self.start, False)
        self.assertEqual("", self.complaints.getvalue())
        self.assertIn(error, [event.get("error") for event in events])

    def test_bug(self) -> None:
        """A bug is not dressed up as a clear line: its traceback is wanted."""
        self.kind.trouble = ZeroDivisionError()
        self.assertRaises(ZeroDivisionError, self.start)
