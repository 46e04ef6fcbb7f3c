"""The doctor of a running daemon: it notes what only shows over time, and answers ``system.doctor``."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from netd.codec.jsontext import to_plain
from netd.config import Configuration
from netd.connection.refusals import RefusalLedger
from netd.console.reach import subjects_of
from netd.doctor.clock import examine_clock
from netd.doctor.findings import Diagnosis, Examination, examination, problem, warning
from netd.doctor.inside import examine_daemon, examine_services, lost_in
from netd.doctor.machine import (
    examine_certificates,
    examine_configuration,
    examine_disks,
    examine_exposures,
    examine_sections,
    folders_of,
    installed_versions,
)
from netd.doctor.strangers import examine_refusals
from netd.doctor.versions import examine_versions
from netd.operations import Caller, Operation, Role
from netd.plaintext import moment
from netd.status import section_of
from netd.system import System
from netd.timezone import zone_name

__all__ = ["Doctor"]

EVERY = 60.0
"""Seconds between two looks."""

LOOKS = 10
"""Looks that are kept: what is told of them is of the last ten minutes."""

STEP = 2.0
"""Seconds by which the wall clock must move against the monotonic one to count as set."""

STEPS = 8
"""Steps of the clock that are told."""

PATIENCE = 5.0
"""Seconds that disks and files may take. A file system on a network that is away never answers."""

Run = Callable[[Callable[[], Any], Callable[[Any], None]], object]
"""Runs a function in a thread, and reports its result or its ``Failure`` in the reactor's thread."""


@define(eq=False)
class Doctor(Service):
    """Looks at the daemon once a minute, and at everything when asked.

    :ivar system: tells the status, and the delays of the event loop.
    :ivar refusals: what was refused lately.
    :ivar read: reads the configuration anew; raises :class:`netd.errors.ConfigErrors`.
    :ivar in_force: returns the configuration in force.
    :ivar clock: the reactor.
    :ivar wall: the wall clock, in seconds since the epoch.
    :ivar run: see :data:`Run`.
    """

    system: System
    refusals: RefusalLedger
    read: Callable[[], Configuration]
    in_force: Callable[[], Configuration]
    clock: Any
    wall: Callable[[], float]
    run: Run
    _lost: deque[dict[str, int]] = field(init=False)
    _steps: deque[tuple[float, float]] = field(init=False)
    _ahead: float | None = None
    _looking: Any = None

    def __attrs_post_init__(self) -> None:
        self._lost, self._steps = deque(maxlen=LOOKS), deque(maxlen=STEPS)

    def startService(self) -> None:
        """Begin to look."""
        super().startService()  # type: ignore[no-untyped-call]
        self._looking = LoopingCall(self._look)
        self._looking.clock = self.clock
        self._looking.start(EVERY, now=True)

    def stopService(self) -> None:
        """Look no more."""
        if self._looking is not None and self._looking.running:
            self._looking.stop()
        super().stopService()  # type: ignore[no-untyped-call]

    def operations(self) -> list[Operation]:
        """The doctor's operation."""
        told = "Look at everything, and say what is not well and what to do"
        return [Operation("system.doctor", self.examine, Role.VIEWER, told, spans_services=True)]

    def examine(self, caller: Caller) -> Deferred[Examination]:
        """Look at everything. A confined caller is told what is about services of which it may see all."""
        facts = to_plain(self.system.facts())
        allowed = {
            section_of(service): caller.may(subjects_of(service["kind"], service["instance"])) for service in facts["services"]
        }
        found = [finding for finding in self._inside(facts) if allowed.get(finding.section, True)]
        answer: Deferred[Examination] = Deferred()

        def finish(of_machine: Any) -> None:
            if answer.called:
                return
            if late.active():
                late.cancel()
            told = [_unfinished(of_machine)] if isinstance(of_machine, Failure) else of_machine
            answer.callback(examination([*found, *(finding for finding in told if allowed.get(finding.section, True))]))

        slow = problem("disk", f"a disk or a file has not answered within {PATIENCE:.0f} s", "see to the mounted file systems")
        late = self.clock.callLater(PATIENCE, finish, [slow])
        self.run(self._machine, finish)
        return answer

    def _look(self) -> None:
        self._lost.append(lost_in(to_plain(self.system.facts().services)))
        now = self.wall()
        before, self._ahead = self._ahead, now - self.clock.seconds()
        if before is not None and abs(self._ahead - before) >= STEP:
            self._steps.append((now, self._ahead - before))

    def _inside(self, facts: Mapping[str, Any]) -> Iterator[Diagnosis]:
        services = facts["services"]
        yield from examine_daemon(facts, max(self.system.lags, default=0.0))
        yield from examine_services(services)
        now = lost_in(services)
        for section, count in now.items():
            lost = count - self._lost[0].get(section, 0) if self._lost else 0
            if lost > 0:
                text = f"{lost} messages of [{section}] were lost within the last ten minutes: their clients read too slowly"
                yield warning(
                    "queues",
                    text,
                    "`netd top` shows them; see `policy` and the sizes of queues in docs/configuration.md",
                    section,
                )
        for when, by in self._steps:
            text = f"the clock was set by {by:+.1f} s before {moment(when)}"
            yield warning("clock", text, "have chrony keep it right, which slews it: a step tears what is recorded")
        sections = [section_of(service) for service in services]
        yield from examine_refusals(self.refusals, sections, self.clock.seconds())

    def _machine(self) -> list[Diagnosis]:
        """Look at the machine, in a thread."""
        now = self.wall()
        in_force = self.in_force()
        written, findings = examine_configuration(self.read, in_force.file)
        return [
            *findings,
            *(examine_sections(written) if written is not None else ()),
            *examine_exposures(written or in_force),
            *examine_disks(folders_of(in_force), is_running=True),
            *examine_certificates(written or in_force, now),
            *examine_versions(installed_versions(), {section.kind for section in in_force.sections}, now),
            *examine_clock(now, zone_name(os.environ)),
        ]


def _unfinished(failure: Failure) -> Diagnosis:
    return problem("doctor", f"the machine could not be looked at: {failure.getErrorMessage()}", "the log has the traceback")
