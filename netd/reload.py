"""A reload: the configuration is read again, all changes are prepared, and then come into force together, or not at all.

``netd reload``, SIGHUP and the operation ``system.reload`` all run it. All steps that can fail come first: the file is read,
ports are opened, files of functions are run, services of added sections are started. If one step fails, all of them are undone.
The steps that follow cannot fail: services apply their new options, operations are exchanged, removed sections finish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Literal

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, DeferredList, DeferredLock, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.change import Change
from netd.config import ChangedOption, Configuration, Difference, NetdConfig, Section, compare
from netd.errors import ConfigErrors, ConfigProblem, NetdError, OperationFailed
from netd.interfaces import INetdService, IReloadable
from netd.listener import HeldByNetd
from netd.operations import Operation, OperationTable
from netd.principal import Role
from netd.sections import Sections

__all__ = ["ReloadRefused", "ReloadResult", "Reloader", "outcome_of"]


ReloadStatus = Literal["reloaded", "unchanged", "checked"]


class ReloadRefused(OperationFailed):
    """The configuration cannot be used, and nothing has changed. The text lists all mistakes, one a line."""


@frozen
class ReloadResult:
    """What a reload has changed, or would change.

    :ivar status: ``reloaded``; ``unchanged`` when the configuration is the one in force; ``checked`` when it was only looked at.
    :ivar changed: live options, which have their new values.
    :ivar restart: options that keep their old values until netd is started again.
    :ivar added: sections that have been started.
    :ivar removed: sections that are finishing.
    :ivar files: files whose content is new, and what came of that.
    :ivar failures: what could not be done at the last moment, one sentence each; the next reload tries again.
    :ivar file: the path of the file that was read.
    """

    status: ReloadStatus
    changed: tuple[ChangedOption, ...]
    restart: tuple[ChangedOption, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    files: tuple[str, ...]
    failures: tuple[str, ...]
    file: str

    def lines(self) -> list[str]:
        """The same for people, one thing a line."""
        return [
            *(f"[{option.section}] {option.option}: {option.before} -> {option.after}" for option in self.changed),
            *(f"added [{name}]" for name in self.added),
            *(f"removed [{name}]" for name in self.removed),
            *self.files,
            *(f"[{option.section}] {option.option} waits for a restart" for option in self.restart),
            *self.failures,
        ]


@define(eq=False)
class Reloader:
    """Brings new configurations into force.

    :ivar configuration: the configuration in force.
    :ivar read: reads the configuration in the file, as at the start.
    :ivar sections: the services.
    :ivar use_netd: applies the options of ``[netd]``.
    :ivar settled: called when a new configuration is in force.
    :ivar fetch: reads the state of sections that are to be added (``kind.instance``), and returns a Deferred.
    :ivar begins: called when a reload begins.
    :ivar ended: called when it has ended, with a phrase that tells its outcome.
    """

    _log = Logger()

    configuration: Configuration
    read: Callable[[], Configuration]
    sections: Sections
    use_netd: Callable[[NetdConfig], None]
    settled: Callable[[], object]
    fetch: Callable[[Iterable[str]], Deferred[Any]] = lambda owners: succeed(None)
    begins: Callable[[], object] = lambda: None
    ended: Callable[[str], object] = lambda outcome: None
    _lock: DeferredLock = field(factory=DeferredLock)
    _discarded: Deferred[Any] = field(factory=lambda: succeed(None))

    def operations(self) -> list[Operation]:
        """Return the operation ``system.reload``."""
        told = "Read the configuration again, and bring it into force; or tell what that would change"
        return [Operation("system.reload", self.reload, Role.ADMIN, told)]

    def reload(self, check: bool = False) -> Deferred[ReloadResult]:
        """Bring the configuration in the file into force. A reload waits for an earlier one.

        Cancelling the Deferred does not cancel the reload.

        :param check: only tell what a reload would change.
        :raises ReloadRefused: through the Deferred, with all mistakes.
        """
        outcome: Deferred[Any] = Deferred(lambda _: None)

        def tell(result: Any) -> None:
            if isinstance(result, Failure) and not check:
                self._note_refusal(result)
            if not check:
                self.ended(outcome_of(result))
            if not outcome.called:
                outcome.callback(result)
            elif isinstance(result, Failure):
                self._note_fault(result)
            self.sections.end_removed()  # after the answer: it may leave by a connection of theirs

        def run() -> Deferred[Any]:
            if not check:
                self.begins()
            told: Deferred[Any] = maybeDeferred(self._read).addCallback(self._check if check else self._apply)
            told.addCallback(self._note).addBoth(tell)
            return told.addBoth(lambda _: self._discarded)  # the next reload may want the endpoints that this one has tried

        self._lock.run(run)
        return outcome

    def reload_by_signal(self) -> None:
        """Reload because of a signal. Only the log tells the result."""
        self.reload().addErrback(self._note_fault)

    def _read(self) -> Deferred[_Wanted]:
        """Read the configuration, and then the state of the sections that are new in it."""
        try:
            wanted = _Wanted(self.read(), [])
        except ConfigErrors as errors:
            if errors.rest is None:
                raise ReloadRefused(str(errors)) from None
            wanted = _Wanted(errors.rest, list(errors.problems))
        running = {section.name for section in self.configuration.sections}
        added = [f"{section.kind}.{section.instance}" for section in wanted.configuration.sections if section.name not in running]
        return self.fetch(added).addCallback(lambda _: wanted)

    def _check(self, wanted: _Wanted) -> Deferred[ReloadResult]:
        preparation = self._prepare(wanted)
        self._discarded = preparation.discard()
        return succeed(preparation.result("checked"))

    def _apply(self, wanted: _Wanted) -> Deferred[ReloadResult]:
        preparation = self._prepare(wanted)
        self.use_netd(preparation.difference.merged.netd)
        applied = preparation.apply()

        def done(result: ReloadResult) -> ReloadResult:
            self.configuration = preparation.in_force
            self.settled()
            return result

        return applied.addCallback(done)

    def _prepare(self, wanted: _Wanted) -> Preparation:
        if not self.sections.running:
            raise ReloadRefused("netd stops")
        preparation = Preparation(self.sections, self.configuration, wanted.configuration, wanted.problems)
        try:
            preparation.prepare()
        except BaseException:  # a user's function may raise anything
            self._discarded = preparation.discard()
            raise
        if preparation.problems:
            self._discarded = preparation.discard()
            problems = sorted(preparation.problems, key=lambda problem: problem.line)
            raise ReloadRefused(str(ConfigErrors(tuple(problems))))
        return preparation

    def _note(self, reload: ReloadResult) -> ReloadResult:
        if reload.status != "checked":
            what = "; ".join(reload.lines()) or f"nothing has changed in {reload.file}"
            self._log.info("the configuration was reloaded: {what}", what=what)
        return reload

    def _note_refusal(self, failure: Failure) -> None:
        if failure.check(ReloadRefused) is not None:
            self._log.error("the configuration cannot be reloaded, and the one in force stays:")
            for line in str(failure.value).splitlines():
                self._log.error("{line}", line=line)

    def _note_fault(self, failure: Failure) -> None:
        if failure.check(ReloadRefused) is None:
            self._log.failure("the configuration could not be reloaded: a fault of netd's own", failure)


def outcome_of(result: ReloadResult | Failure) -> str:
    """Return what became of a reload, as one phrase."""
    if isinstance(result, Failure):
        return (
            f"refused: {result.getErrorMessage()}" if result.check(ReloadRefused) else "the reload failed, and the log says why"
        )
    changed, waiting = len(result.changed), len(result.restart)
    sections = len(result.added) + len(result.removed)
    told = [
        f"{changed} option{'' if changed == 1 else 's'} changed",
        *([f"{sections} section{'' if sections == 1 else 's'} added or removed"] if sections else []),
        *([f"{waiting} for the next start"] if waiting else []),
        *([f"{len(result.failures)} failed, and the log says why"] if result.failures else []),
    ]
    return ", ".join(told)


@frozen
class _Wanted:
    """A configuration that was read, with the defaults in place of its mistakes."""

    configuration: Configuration
    problems: list[ConfigProblem]


class Preparation:
    """The preparation of one reload.

    :param problems: the mistakes known already. Sections with a mistake are not prepared.
    """

    _log = Logger()

    def __init__(
        self, sections: Sections, current: Configuration, wanted: Configuration, problems: Iterable[ConfigProblem]
    ) -> None:
        self._sections = sections
        self._wanted = wanted
        self.problems = list(problems)
        self._left_out = {problem.section for problem in self.problems}
        fixed = {name for name, service in sections.by_name.items() if not IReloadable.providedBy(service)}
        self.difference: Difference = compare(current, wanted, fixed)
        self._changes: dict[str, Change] = {}
        self._started: dict[str, INetdService] = {}
        self._coming = OperationTable()
        self._waiting: list[Section] = []
        self._failures: list[str] = []
        self._failed: set[str] = set()

    @property
    def in_force(self) -> Configuration:
        """The configuration in force after :meth:`apply`, without sections that could not be started."""
        merged = self.difference.merged
        return evolve(merged, sections=tuple(section for section in merged.sections if section.name not in self._failed))

    def prepare(self) -> None:
        """Run all steps that can fail, and add their mistakes to :attr:`problems`."""
        self.problems += self.difference.problems
        for section in self.difference.merged.sections:
            if section.name in self._left_out:
                continue
            if section.name in self.difference.added:
                self.problems += self._start(section)
            else:
                self.problems += self._prepare(section)

    def discard(self) -> Deferred[Any]:
        """Undo :meth:`prepare`. Return a Deferred that fires when the endpoints opened by it are closed."""
        for change in self._changes.values():
            change.discard()
        released = [free for change in self._changes.values() for free in change.released]
        return DeferredList([*released, *(self._sections.abandon(name, service) for name, service in self._started.items())])

    def apply(self) -> Deferred[ReloadResult]:
        """Bring all changes into force. The Deferred fires when the last endpoints are open."""
        for name, change in self._changes.items():
            self._carry_out(name, change.apply)
            self._carry_out(name, partial(self._sections.offer, name))
        released = [free for change in self._changes.values() for free in change.released]
        released += [self._sections.remove(name) for name in self.difference.removed]
        for name, service in self._started.items():
            self._sections.adopt(name, service)
        return DeferredList(released).addCallback(lambda _: self._finish())

    def result(self, status: ReloadStatus) -> ReloadResult:
        """Return the result: the changes that have been made, or would be."""
        difference = self.difference
        return ReloadResult(
            status,
            changed=tuple(changed for changed in difference.changed if changed.is_live),
            restart=tuple(changed for changed in difference.changed if not changed.is_live),
            added=difference.added,
            removed=difference.removed,
            files=tuple(f"[{name}] {note}" for name, change in self._changes.items() for note in change.notes),
            failures=tuple(self._failures),
            file=self.difference.merged.file,
        )

    def _prepare(self, section: Section) -> Iterator[ConfigProblem]:
        service: Any = self._sections.by_name.get(section.name)
        if IReloadable.providedBy(service):
            change = self._changes[section.name] = Change()
            yield from self._mistakes(section, service, change)

    def _start(self, section: Section) -> Iterator[ConfigProblem]:
        try:
            self._started[section.name] = self._sections.start(section, self._coming)
        except HeldByNetd:
            self._waiting.append(section)
            yield from self._foresee(section)
        except NetdError as error:
            yield self._wanted.problem(section.name, "", str(error).removeprefix(f"[{section.name}] "))

    def _carry_out(self, name: str, step: Callable[[], object]) -> None:
        """Run a step that should not fail. If it does, its service is at fault, and other services still get their changes."""
        try:
            step()
        except Exception as error:
            self._log.failure("[{name}] could not apply its configuration", name=name)
            self._failures.append(f"[{name}] {type(error).__name__}: {error}; this is a fault of the service, and the log has it")

    def _foresee(self, section: Section) -> Iterator[ConfigProblem]:
        """Yield what would keep *section* from starting later, once removed sections have freed its endpoints."""
        service: Any = self._sections.build(section)
        if IReloadable.providedBy(service):
            change = Change()
            try:
                yield from self._mistakes(section, service, change)
            finally:
                change.discard()

    def _mistakes(self, section: Section, service: Any, change: Change) -> Iterator[ConfigProblem]:
        service.prepare(section.config, change)
        for option, why in change.mistakes:
            yield self._wanted.problem(section.name, option, why)

    def _finish(self) -> ReloadResult:
        if self._sections.running:  # the daemon may have been stopped meanwhile
            for name, change in self._changes.items():
                self._carry_out(name, change.finish)
                self._failures += change.failures
            for section in self._waiting:
                self._start_late(section)
        self._sections.sort([section.name for section in self.difference.merged.sections])
        is_empty = self.difference.is_empty and not any(change.notes for change in self._changes.values())
        return self.result("unchanged" if is_empty else "reloaded")

    def _start_late(self, section: Section) -> None:
        try:
            self._sections.adopt(section.name, self._sections.start(section))
        except NetdError as error:
            self._log.error("{error}", error=error)
            self._failures.append(str(error))
            self._failed.add(section.name)
