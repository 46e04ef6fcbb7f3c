"""The daemon: it builds the services of a configuration, puts their operations into one table, and starts and stops them."""

from __future__ import annotations

import gc
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.threads import deferToThreadPool
from twisted.logger import ILogObserver, Logger
from twisted.python.failure import Failure

from netd.access.changes import TokenChanges
from netd.access.diary import UseDiary
from netd.access.proofs import Proofs
from netd.boards.operations import BOARDS, Boards
from netd.bus.journal import Journal
from netd.bus.local import LocalBus
from netd.cluster.results import CHANGED, NodeChanged
from netd.codec.jsontext import to_plain
from netd.config import Configuration, NetdConfig
from netd.config.exposures import exposures
from netd.connection.budget import Budget
from netd.connection.shares import TurnShares
from netd.connection.turn import Turn
from netd.console.custom import CUSTOM_STATE, CustomValues
from netd.console.operations import BusConsole
from netd.console.streams import EventStreams
from netd.control.service import ControlService, make_control_service
from netd.descriptors import DescriptorsService
from netd.doctor.watch import Doctor
from netd.errors import ConfigErrors, NetdError, OperationFailed
from netd.everywhere.history import EverywhereHistory
from netd.heap import HeapService
from netd.interfaces import INetdService, IOpening, IServiceKind
from netd.kinds import sections_of
from netd.lifecycle import Lifecycle
from netd.logforms import LogObserver
from netd.loglevels import LogLevels
from netd.message import EventKind
from netd.notify import NotifyService, make_notify_service
from netd.operations import OfferedTwice, OperationTable
from netd.paths import own_uid, state_directory
from netd.privileges import become
from netd.reload import Reloader
from netd.secrets.private_files import quoted
from netd.secrets.tokens import TOKENS, Tokens
from netd.secrets.tries import WrongSecrets
from netd.sections import NotInstalled, Sections
from netd.state.file import STATE_FILE, StateFile
from netd.state.state import Run, State
from netd.system import System
from netd.threads import Threads
from netd.timezone import zone_name
from netd.vitals import VitalsService

__all__ = ["Daemon", "assemble", "banner"]

FOLLOWING, CATCHING_UP, PASSING = 0.01, 0.005, 0.002
"""Most seconds of a turn for handing events to subscribers, for sending them to subscribers that are far behind, and for passing
on what an interval held back."""

MOST_WAITING = 1000
"""Reads of the state database that may wait for its thread."""

FAILED = 1
"""Exit status when a service cannot start: a port that is taken, a state directory that cannot be used."""

HARMLESS = {
    signal.SIGUSR1: "there is no log file to begin anew",
    signal.SIGUSR2: "it means nothing to netd",
}
"""Signals that would end the process, and the text in the log for each that has no handler."""

THRESHOLDS = (10_000, 5, 20)
"""Thresholds of the garbage collector. With Python's own, it visits all objects each second while a console asks for long lists
again and again: 70 ms with 2000 sessions. With these, it does so after a million new objects. The price is memory: 7500
connections that come and go leave about 3 MiB more to be collected later."""


OPEN = "There are no tokens: everyone on this machine is administrator. `netd token add NAME --role admin{option}` makes one."


def assemble(
    configuration: Configuration,
    kinds: dict[str, IServiceKind],
    reactor: Any,
    wall: Callable[[], float],
    is_in_foreground: bool = True,
    read: Callable[[], Configuration] | None = None,
    run: Run | None = None,
    loop: Any = None,
) -> Daemon:
    """Build every service of *configuration*, wire it to the bus and to the table of operations.

    :param reactor: its clock must be monotonic.
    :param wall: the wall clock, in seconds since the epoch.
    :param read: reads the configuration anew, for a reload; raises :class:`netd.errors.ConfigErrors`.
    :param run: runs a function in the thread of the state database; by default in a thread of its own.
    :param loop: the loop of asyncio on which the reactor runs; None if it runs on none.
    :raises netd.errors.ConfigErrors: if two sections offer the same operation.
    """

    def stop() -> None:
        with suppress(ReactorNotRunning):  # a signal or another caller has stopped it already
            reactor.stop()

    bus, table = LocalBus(wall), OperationTable(sections_of(kinds.values()))
    table.watch(EverywhereHistory(table, reactor, wall).changed)
    netd = configuration.netd
    state = State(StateFile(netd.state_directory / STATE_FILE), run or _one_thread(reactor), reactor, wall)
    boards = Boards(bus)
    custom = CustomValues(bus, reactor.seconds)
    state.join(BOARDS, boards)
    state.join(CUSTOM_STATE, custom)
    budget = Budget(reactor.seconds, netd.memory)

    def running() -> Iterable[INetdService]:
        return sections.by_name.values()

    lifecycle = Lifecycle(running, bus, reactor)
    shares = TurnShares(reactor.seconds, reactor.callLater)
    sections = Sections(kinds, reactor, bus, table, budget, shares, lifecycle.admit, state)
    sections.loop = loop
    tokens = Tokens(netd.state_directory / TOKENS, wall)
    sections.proofs = Proofs(tokens, WrongSecrets(reactor.seconds))
    sections.watch.add(TokenChanges(tokens).look)
    # The answer to the call that stops the daemon leaves at the end of this turn, so the stop comes a little later.
    system = System(
        name=netd.name,
        configuration=configuration.file,
        services=sections.by_name.values(),
        table=table,
        bus=bus,
        monotonic=reactor.seconds,
        tokens=tokens,
        lifecycle=lifecycle,
        spent=shares.spent,
        capacity=budget.facts,
        stop_daemon=lambda: reactor.callLater(0.05, stop),
        stored=state.facts,
        timezone=zone_name(os.environ),
        own_events=[*boards.events(), *_cluster_events(configuration)],
    )
    turn = Turn(reactor.callLater)
    journal = Journal(turn.after, netd.keep_events, netd.keep_size)
    following, catching_up = shares.share("follow", FOLLOWING), shares.share("catch up", CATCHING_UP)
    passing = shares.share("pass on", PASSING)
    streams = EventStreams(bus, reactor, turn, following, catching_up, passing, lambda: secrets.token_hex(6), journal)

    descriptors = DescriptorsService(budget, netd.nofile)

    def use_netd(changed: NetdConfig) -> None:
        descriptors.wanted = changed.nofile
        budget.bound_memory(changed.memory)
        journal.bound(changed.keep_events, changed.keep_size)

    levels = LogLevels(lambda: sections.by_name)

    def settled() -> None:
        descriptors.measure()
        levels.follow(reloader.configuration)

    notify = _notify_service(reactor, lifecycle, budget)
    reloader = Reloader(
        configuration,
        read or (lambda: configuration),
        sections,
        use_netd,
        settled,
        state.fetch,
        notify.reload_begins,
        notify.reload_ended,
    )
    bus_console = BusConsole(bus, streams, custom)
    doctor = Doctor(system, budget.refusals, reloader.read, lambda: reloader.configuration, reactor, wall, _one_thread(reactor))
    offered = (system, doctor, reloader, bus_console, boards, levels)
    table.add([operation for one in offered for operation in one.operations()])
    _start_sections(configuration, sections)
    levels.follow(configuration)

    become_user = partial(_become, netd, descriptors)
    control = make_control_service(netd.state_directory, reactor, table, bus, become_user)

    def in_pool(function: Any, *arguments: Any) -> Deferred[Any]:
        return deferToThreadPool(reactor, reactor.getThreadPool(), function, *arguments)

    others: list[Any] = [
        sections.watch,
        UseDiary(tokens, reactor, in_pool),
        VitalsService(reactor, bus, system.note_lag, system.vitals),
        descriptors,
        doctor,
        HeapService(reactor, budget),
    ]

    daemon = Daemon(system, sections, control, others, state, notify, levels, is_in_foreground)
    daemon.handle(signal.SIGHUP, lambda: reactor.callFromThread(reloader.reload_by_signal))
    return daemon


def _become(netd: NetdConfig, descriptors: DescriptorsService) -> int:
    descriptors.ask()  # while netd is root still, which may have more than others
    return become(netd.user, netd.state_directory)


def _notify_service(reactor: Any, lifecycle: Lifecycle, budget: Budget) -> NotifyService:
    def describe() -> str:
        taken = budget.taken
        return f"{lifecycle.state.value}, {taken} connection{'' if taken == 1 else 's'}"

    def is_opening() -> bool:
        return any(service.is_opening for service in lifecycle.services() if IOpening.providedBy(service))

    return make_notify_service(os.environ, reactor, describe, is_opening)


def _start_sections(configuration: Configuration, sections: Sections) -> None:
    for section in configuration.sections:
        try:
            sections.adopt(section.name, sections.start(section))
        except (OfferedTwice, NotInstalled) as error:
            why = str(error).removeprefix(f"[{section.name}] ")
            raise ConfigErrors((configuration.problem(section.name, "", why),)) from None
    for exposure in exposures(configuration):
        Daemon._log.warn("{exposure}", exposure=exposure)


def _cluster_events(configuration: Configuration) -> list[EventKind]:
    """The events about nodes. They are the daemon's own, because each node tells what it sees itself, and none passes that on."""
    is_clustered = any(section.kind == "cluster" for section in configuration.sections)
    return [EventKind(CHANGED, NodeChanged)] if is_clustered else []


def _one_thread(reactor: Any) -> Run:
    """Return a function that runs others in one thread, one at a time."""
    threads = Threads(reactor, 1, MOST_WAITING)

    def run(function: Callable[[], Any], report: Callable[[Any], None]) -> None:
        if threads.run(function, report) is None:
            report(Failure(OperationFailed("too much waits for the disk")))

    return run


def banner(status: dict[str, Any], state_directory: Path, found: Path) -> str:
    """The text that the terminal shows after the start: each service with its endpoints and who may reach them, and how to stop.

    :param found: the state directory that the command line uses without ``--state``.
    """
    option = "" if state_directory == found else f" --state {quoted(state_directory)}"
    has_states = any(service.get("dialling") or service.get("work") for service in status["services"])
    rows = [("service", "listens on", "who may reach it, or the state" if has_states else "who may reach it")]
    for service in status["services"]:
        label = service["kind"] if service["instance"] == "main" else f"{service['kind']}:{service['instance']}"
        rows += [(label, place["address"], place["reach"]) for place in service.get("listening", ())]
        rows += [(label, f"dials {remote['remote']}", remote["state"]) for remote in service.get("dialling", ())]
        rows += [(label, work["what"], work["how"]) for work in service.get("work", ())]
    rows.append(("control", f"unix:{state_directory}/control.sock", "this user only; the netd command uses it"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    dashboards = [
        _dashboard(service["url"], service.get("url_for_others")) for service in status["services"] if service.get("url")
    ]
    return "\n".join(
        [
            f"netd {status['version']} is up as {status['name']}",
            "",
            *lines,
            "",
            f"The configuration is in {status['configuration']}",
            *dashboards,
            *([OPEN.format(option=option)] if any(service.get("open") for service in status["services"]) else []),
            f"Stop it with Ctrl-C or `netd stop{option}`.",
        ]
    )


def _dashboard(url: str, for_others: str | None) -> str:
    return f"The dashboard is at {url}" + (f", for other machines at {for_others}" if for_others not in (None, url) else "")


class Daemon(MultiService):
    """All services of one netd process.

    :param control: the control socket, which locks the state directory.
    :param services: the other services that belong to no section.
    :param state: the state database. Services load their parts of it before they start.
    :param notify: tells the service manager what the daemon does, from the end of the start to the end of the stop.
    :ivar levels: the log levels of all sections.
    :param is_in_foreground: whether its output is still seen by the person who started it.
    """

    _log = Logger()

    def __init__(
        self,
        system: System,
        sections: Sections,
        control: ControlService,
        services: list[Any],
        state: State,
        notify: NotifyService,
        levels: LogLevels,
        is_in_foreground: bool = True,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.system = system
        self.sections = sections
        self._control = control
        self._state = state
        self._notify = notify
        self.levels = levels
        self._is_in_foreground = is_in_foreground
        self._handlers: dict[int, Callable[[], object]] = {}
        self._observer: LogObserver | None = None
        self._shows_table = True
        self._thresholds: tuple[int, int, int] | None = None
        for service in (sections, control, *services, notify):
            service.setServiceParent(self)

    def handle(self, number: signal.Signals, act: Callable[[], object]) -> None:
        """Have *act* called on a signal, inside of the signal's handler."""
        self._handlers[number] = act

    def log_to(self, observer: LogObserver, shows_table: bool = True) -> None:
        """Log to *observer*, unless the command line of twistd names another.

        :param shows_table: whether the table of the start is printed. It must not stand between lines that programs read.
        """
        self._observer = observer
        self._shows_table = shows_table

    def setServiceParent(self, parent: Any) -> None:
        """See twisted.application.service.IService. twistd asks the application for its observer of the log."""
        if self._observer is not None:
            parent.setComponent(ILogObserver, self._observer)
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]

    def privilegedStartService(self) -> None:
        """Open all endpoints.

        :raises SystemExit: if that fails in the foreground, after one line that says why.
        :raises netd.errors.NetdError: if it fails in the background. The process in the terminal, which waits for it, then prints
            the error and removes the pid file. After a ``SystemExit`` it would wait for ever.
        """
        self._mind_signals()
        self._or_fail(super().privilegedStartService)

    def startService(self) -> None:
        """Start all services, then print the banner."""
        self._mind_signals()
        self._or_fail(self._state.open)
        self._or_fail(super().startService)
        self.system.lifecycle.start()
        self._thresholds = gc.get_threshold()
        gc.collect()
        gc.freeze()  # the objects of the start stay for good: without this, each collection would visit all of them
        gc.set_threshold(*THRESHOLDS)
        facts = self.system.facts()
        if self._shows_table:
            _print(banner(to_plain(facts), self._control.state_directory, state_directory(os.environ, own_uid())))
        else:
            self._log.info("netd {version} is up as {name}", version=facts.version, name=facts.name)

    def stopService(self) -> Deferred[Any]:
        """Drain every service, and write the state. The control socket ends last: it has the lock of the state directory.

        So whoever waits for the end of its connection, as `netd stop` does, can start netd again then.
        """
        self._log.info("netd stops: it takes no new connections, and finishes the open ones")
        self.system.lifecycle.stop()
        self._notify.stops()
        Service.stopService(self)
        others = [service for service in reversed(self.services) if service not in (self._control, self._notify)]
        stopped: Deferred[Any] = DeferredList([maybeDeferred(service.stopService) for service in others])
        stopped.addCallback(lambda _: self._state.close())
        stopped.addCallback(lambda _: self._control.stopService())
        stopped.addBoth(self._fall_silent)
        return stopped.addBoth(self._leave_collector)

    def _fall_silent(self, result: Any) -> Any:
        self._notify.stopService()
        return result

    def _leave_collector(self, result: Any) -> Any:
        if self._thresholds is not None:
            gc.set_threshold(*self._thresholds)
            gc.unfreeze()
        return result

    def _or_fail(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except NetdError as error:
            if not self._is_in_foreground:
                self._log.critical("netd cannot start: {error}", error=error)
                raise
            print(f"netd: {error}", file=sys.__stderr__, flush=True)
            raise SystemExit(FAILED) from None

    def _mind_signals(self) -> None:
        """Install handlers for signals that would end the process. Signals with a handler are left alone."""
        for number in (*self._handlers, *HARMLESS):
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, self._signalled)

    def _signalled(self, number: int, _frame: object) -> None:
        received = signal.Signals(number)
        if received in self._handlers:
            self._handlers[received]()
            return
        self._log.info("{signal}: {what}; nothing has changed", signal=received.name, what=HARMLESS[received])


def _print(text: str) -> None:
    """Print to the real standard output, because twistd has replaced ``sys.stdout`` by its log.

    An error, such as a full disk or a closed pipe, is reported, and the daemon goes on.
    """
    try:
        print(text, file=sys.__stdout__, flush=True)
    except OSError as error:
        with suppress(OSError):
            print(f"netd: standard output cannot be written: {error.strerror}; netd runs on", file=sys.__stderr__, flush=True)
