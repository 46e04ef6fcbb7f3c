"""Assembly of one command service: the user's functions, the threads, the listeners, the operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from netd.change import Change
from netd.codec.jsontext import BadJSON, check_numbers
from netd.command.commands import COMMAND_ID, ID, LIST, BadFunctions, Command, Commands
from netd.command.config import Config
from netd.command.events import Run
from netd.command.execution import CommandOutcome, CommandStatus, Execution
from netd.command.functions import Functions, load_functions, stamps_of
from netd.command.preparation import CommandContext, check_runs, made_for, may_run
from netd.command.protocol import CommandFactory
from netd.command.results import CommandFacts, CommandResult, CommandServiceStatus, ThreadFacts
from netd.command.watcher import Watcher
from netd.config import section_name
from netd.errors import InvalidArguments, NoSuchTarget, NotInTime, OperationFailed
from netd.interfaces import IActing, IBus, INetdService, IPublisher
from netd.listening import ListeningService, make_context
from netd.log import LogLimiter
from netd.message import EventKind
from netd.operations import Caller, Operation, Role
from netd.principal import Action
from netd.threads import Threads

__all__ = ["CommandService", "make_service"]


def make_service(config: Config, reactor: Any, bus: IBus) -> CommandService:
    """Build the service of one ``[command]`` section. The functions are loaded when it starts."""
    limiter = LogLimiter(reactor.seconds)
    threads = Threads(reactor, size=config.threads, most_waiting=config.max_waiting)
    execution = Execution(reactor, threads, config.timeout, bus, f"command.{config.instance}.run", limiter)
    commands = CommandContext(config, Commands(), execution.run, reactor.seconds, f"command.{config.instance}")
    context = make_context(reactor, config.stall_timeout, config.dead_timeout)
    factory = CommandFactory(section_name("command", config.instance), context, commands)
    return CommandService(config, factory, execution, reactor)


@implementer(IActing, INetdService, IPublisher)
class CommandService(ListeningService):
    """Runs the user's functions for whoever connects."""

    def __init__(self, config: Config, factory: CommandFactory, execution: Execution, reactor: Any) -> None:
        super().__init__(config, factory, reactor, None if config.persistent else factory)
        self._config = config
        self._factory: CommandFactory = factory
        self._execution = execution
        self._context = factory.commands
        self._functions = Functions((), (), ())
        self._trouble: str | None = None
        self._watcher = Watcher(reactor, self._stamps, self._load_changed)

    def startService(self) -> None:
        """Load the functions (as the user that the daemon runs as), then take connections.

        :raises netd.command.commands.BadFunctions: naming the section, and file and line of what is broken.
        """
        try:
            functions = load_functions(self._config.sources())
            self._use(functions, self._commands_of(functions, self._config))
        except BadFunctions as error:
            raise BadFunctions(f"[{self._factory.name}] functions: {error}") from error
        super().startService()
        self._watch()

    def stopService(self) -> Deferred[None]:
        """Answer what runs, then end; a thread whose function does not return is left behind."""
        self._watcher.stop()
        stopped = super().stopService()
        return stopped.addCallback(lambda _: self._execution.threads.stop())

    def prepare(self, config: Config, change: Change) -> None:
        """Get ready to go by *config*: its functions are run, if they are others or a file has changed."""
        super().prepare(config, change)
        try:
            sources = self._sources(config)
            if self._functions.is_current(sources):
                self._trouble = None
                self._commands_of(self._functions, config)  # `access` may take tokens from now on
                return
            functions = load_functions(sources)
            commands = self._commands_of(functions, config)
        except BadFunctions as error:
            change.refuse("functions", str(error))
            return
        change.notes.append(f"functions: {_summary(functions, commands)}")
        change.when_applied(lambda: self._use(functions, commands))

    def follow(self, config: Config) -> None:
        """Go by *config*; what runs keeps the time that it was given."""
        super().follow(config)
        self._config = self._context.rules = config
        self._execution.timeout = config.timeout
        self._execution.threads.resize(config.threads, config.max_waiting)
        self._watch()

    def operations(self) -> list[Operation]:
        """Return the operations of the command service."""
        return [
            Operation("command.list", self.list, Role.VIEWER, "List the commands with their arguments and help"),
            Operation("command.run", self.run, Role.OPERATOR, "Run a command and tell its result"),
        ]

    def actions(self) -> list[Action]:
        """See :class:`netd.interfaces.IActing`."""
        return list({command.action: None for command in self._commands})

    def events(self) -> list[EventKind]:
        """See :class:`netd.interfaces.IPublisher`."""
        return [
            EventKind(f"command.{self.instance}.run", Run),
        ]

    def status(self) -> CommandServiceStatus:
        """Facts about this service."""
        execution = self._execution
        return CommandServiceStatus(
            kind="command",
            instance=self.instance,
            listening=self.listening(),
            connections=len(self._factory.connections),
            commands=sum(1 for _ in self._commands),
            running=execution.open,
            trouble=self._trouble,
            threads=ThreadFacts(execution.threads.busy, self._config.threads, execution.threads.waiting),
            counters={**self._factory.counters(), "runs": dict(execution.counts)},
        )

    def list(self, caller: Caller) -> list[CommandFacts]:
        """The commands that *caller* may run."""
        return self._commands.describe(lambda command: may_run(self._context, caller.principal, command))

    def run(self, caller: Caller, command_id: str, arguments: dict[str, Any] | None = None) -> Deferred[CommandResult]:
        """Run a command.

        :returns: a Deferred of what it has returned.
        :raises NoSuchTarget: when there is none of that name.
        :raises InvalidArguments: naming the argument that is missing, unknown or of the wrong type.
        :raises NotPermitted: when the caller may not run it.
        :raises NotInTime: when the function has not returned within the service's time-out.
        """
        command = self._commands.find(command_id)
        if command is None:
            hint = self._commands.nearest(command_id, lambda known: may_run(self._context, caller.principal, known))
            raise NoSuchTarget(f"there is no command {command_id!r}{f' ({hint})' if hint else ''}; `command.list` lists them")
        check_runs(self._context, command, caller.principal)
        command = made_for(self._context, command, caller.principal)
        taken = [name for name in (COMMAND_ID, ID) if name in (arguments or {})]
        if taken:
            raise InvalidArguments(f"arguments: none can be called {taken[0]!r}, which is the protocol's own")
        answer: Deferred[CommandResult] = Deferred(lambda _: None)

        def report(outcome: CommandOutcome) -> None:
            if answer.called:
                return
            try:
                answer.callback(_told(command_id, outcome))
            except OperationFailed as error:
                answer.errback(error)

        bound = command.bind({COMMAND_ID: command_id, **(arguments or {})})
        outcome = self._execution.run(command, bound, report, lambda: caller.who)
        if outcome is not None:
            report(outcome)
        return answer

    @property
    def _commands(self) -> Commands:
        return self._context.commands

    def _watch(self) -> None:
        """Watch the files, or do not, as the options say."""
        if self._config.watch:
            self._watcher.start()
        else:
            self._watcher.stop()

    def _stamps(self) -> object:
        return stamps_of(self._config.sources())

    def _sources(self, config: Config) -> tuple[Path | str, ...]:
        """Files and modules of *config*.

        :raises BadFunctions: when ``auto`` would put netd's example in the place of a file that has gone.
        """
        sources = config.sources()
        if config.functions is None and self._functions.sources == (config.beside,) != sources:
            raise BadFunctions(f"{config.beside}: the file has gone; put it back, name another in `functions`, or restart netd")
        return sources

    def _load_changed(self) -> None:
        """A file has another content: run it, and use it if it is good."""
        try:
            sources = self._sources(self._config)
            if self._functions.is_current(sources):  # a reload was quicker, or the old content is back
                self._trouble = None
                return
            functions = load_functions(sources)
            self._use(functions, self._commands_of(functions, self._config))
        except BadFunctions as error:
            self._trouble = f"the old functions stay, because: {error}"
            self._log.error("{service}: the old functions stay, because: {error}", service=self._factory.name, error=error)

    def _commands_of(self, functions: Functions, config: Config) -> Commands:
        """Return *functions* and the function that lists them, as commands.

        :raises BadFunctions: if two of them have the same name, or a parameter of one is a proof by *config*.
        """
        own = Command(LIST, self._list_to, False, (), False, "", "List the commands.", "netd itself")
        commands = Commands([own, *functions.commands])
        if config.access_rules.takes_tokens:
            commands.check_names()
        return commands

    def _list_to(self, is_shown: Callable[[Command], bool]) -> Sequence[CommandFacts]:
        """The commands that a program may run, for the program."""
        return self._commands.describe(is_shown)

    def _use(self, functions: Functions, commands: Commands) -> None:
        """Run *commands* from now on; a command that runs ends as it began."""
        self._functions, self._trouble = functions, None
        self._context.commands = commands
        self._log.info("{service}: {what}", service=self._factory.name, what=_summary(functions, commands))


def _summary(functions: Functions, commands: Commands) -> str:
    sources = ", ".join(str(source) for source in functions.sources)
    return f"{sum(1 for _ in commands)} commands: {LIST}, and those of {sources}"


def _told(command_id: str, outcome: CommandOutcome) -> CommandResult:
    if outcome.status is not CommandStatus.SUCCESS:
        raise (NotInTime if outcome.status is CommandStatus.EXPIRED else OperationFailed)(outcome.error)
    try:
        check_numbers(outcome.result)
    except BadJSON as error:
        raise OperationFailed(f"the result of {command_id} {error}") from None
    return CommandResult("success", outcome.result)
