"""The service of one manhole: its listeners, the check of passwords, and the dialogues of each connection."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from attrs import evolve
from twisted.conch.ssh.keys import Key
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from zope.interface import implementer

from netd.access.files import CredentialFile
from netd.access.watch import CredentialWatch
from netd.change import Change
from netd.config.options import section_name
from netd.connection.budget import Budget, Quota
from netd.connection.factory import BesideFactory, PeerFactory
from netd.connection.protocol import describe_address
from netd.console.audit import Audit
from netd.console.dispatch import Dispatcher
from netd.interfaces import IBus, IConsole, INetdService
from netd.listening import ListeningService, make_context
from netd.manhole.config import Config
from netd.manhole.doorkeeper import Doorkeeper, InThread
from netd.manhole.grammar import MenuGrammar
from netd.manhole.host_key import HOST_KEY, fingerprint, load_host_key
from netd.manhole.login import Login
from netd.manhole.menu import OperatorMenu
from netd.manhole.prompt import PythonPrompt, operations_namespace
from netd.manhole.protocol import ManholeFactory
from netd.manhole.results import ManholeSession
from netd.manhole.ssh import SshProtocol
from netd.manhole.terminal import Terminal
from netd.operations import Caller, Operation, OperationTable, Role
from netd.principal import Proof
from netd.secrets.passwords import password_entries
from netd.secrets.private_files import PrivateFileError
from netd.secrets.ssh_keys import KEYS, LoginKey, read_keys
from netd.secrets.tries import Tries, WrongSecrets
from netd.status import ListeningPlace, ServiceStatus

__all__ = ["ManholeService", "make_service"]

QUOTA = Quota(silent=256)
"""Places of connections that have not logged in. When all are taken, the oldest of the address that has most is displaced: while
fewer addresses than these attack, a person who types keeps the place. :mod:`netd.descriptors` keeps descriptors for them."""

STALL_TIMEOUT = 8.0
"""Seconds after which a terminal is cut that reads none of its output."""


def make_service(config: Config, reactor: Any, bus: IBus) -> ManholeService:
    """Build the manhole of one ``[manhole]`` section."""

    def in_thread(function: Any, *arguments: Any) -> Deferred[Any]:
        return deferToThreadPool(reactor, reactor.getThreadPool(), function, *arguments)

    return ManholeService(config, reactor, bus, in_thread)


@implementer(INetdService, IConsole)
class ManholeService(ListeningService):
    """One manhole.

    :param in_thread: calls a function in a thread and returns a Deferred of its result.
    """

    def __init__(self, config: Config, reactor: Any, bus: IBus, in_thread: InThread) -> None:
        self._config = config
        self._bus = bus
        self._table = OperationTable()
        self._wrong = WrongSecrets(reactor.seconds)
        self._doorkeeper = Doorkeeper(config.passwords, in_thread, self._wrong)
        self._host_key: Key | None = None
        self._manhole = ManholeFactory(
            section_name("manhole", config.instance), make_context(reactor, STALL_TIMEOUT, config.dead_timeout), config, self
        )
        self._ssh = self._manhole.beside(SshProtocol)
        self._keys = CredentialFile(
            lambda: self._config.state_directory / KEYS,
            lambda path: {key.to_line(): key.name for key in read_keys(path)},
            "SSH key",
        )
        self._passwords = CredentialFile(
            lambda: self._config.passwords,
            lambda path: {entry.to_line(): entry.name for entry in password_entries(path).values()},
            "password",
        )
        self._forget_files: list[Callable[[], None]] = []
        super().__init__(config, self._manhole, reactor)

    def use_budget(self, budget: Budget, quota: Quota) -> None:
        """Use a budget of its own, on descriptors that the daemon keeps back: an administrator must get in when it is full."""
        super().use_budget(Budget(budget.monotonic), QUOTA)

    def use_operations(self, table: OperationTable) -> None:
        """Offer *table* in the menu. Called once, before ``startService``."""
        self._table = table

    def use_watch(self, watch: CredentialWatch) -> None:
        """Have those put out whose key or password is gone, or has changed."""
        super().use_watch(watch)
        self._forget_files = [watch.add(file.look) for file in (self._keys, self._passwords)]

    def endpoints_of(self, config: Config) -> tuple[str, ...]:
        return tuple(where for described in config.endpoints.values() for where in described)

    def factory_of(self, description: str) -> PeerFactory | BesideFactory:
        return self._ssh if description in (self._config.ssh or ()) else self._manhole

    def privilegedStartService(self) -> None:
        """Check that somebody can log in, then listen.

        :raises PrivateFileError: when nobody could log in. The message names the option and the command to run.
        :raises CannotListen: when an endpoint cannot be opened.
        """
        self._check_doors()
        super().privilegedStartService()

    def startService(self) -> None:
        """Load the host key, then listen, unless that was done before privileges were given up. The key is not root's.

        :raises PrivateFileError: when nobody could log in, or the host key can be neither read nor made.
        """
        self._check_doors()
        if self._config.ssh and self._host_key is None:
            try:
                self._host_key = load_host_key(self._config.state_directory / HOST_KEY)
            except PrivateFileError as error:
                raise PrivateFileError(f"[{self._manhole.name}] ssh: {error}") from error
        super().startService()

    def prepare(self, config: Config, change: Change) -> None:
        """Prepare for *config*, by which somebody must be able to log in."""
        super().prepare(config, change)
        for option, why in config.objections_to_doors():
            change.refuse(option, why)

    def follow(self, config: Config) -> None:
        """Apply *config*. Sessions that exist keep their ``idle_timeout``."""
        super().follow(config)
        self._config = self._manhole.rules = config
        self._doorkeeper.path = config.passwords

    def stopService(self) -> Deferred[None]:
        """Look at the files no more, then end like any service."""
        for forget in self._forget_files:
            forget()
        return super().stopService()

    def operations(self) -> list[Operation]:
        """Return the operations of a manhole."""
        return [Operation("manhole.sessions", self.sessions, Role.ADMIN, "Who is connected to the manhole")]

    def status(self) -> ServiceStatus:
        """Return facts about this manhole."""
        return ServiceStatus(
            kind="manhole",
            instance=self.instance,
            listening=self.listening(),
            connections=len(self._manhole.connections),
            counters=self._manhole.counters(),
        )

    def listening(self) -> list[ListeningPlace]:
        """The places where it listens; those of SSH with the fingerprint that clients ask their users about."""
        return [
            evolve(place, reach=f"{place.reach}; ssh, host key {fingerprint(self.host_key)}" if is_ssh else place.reach)
            for is_ssh, place in (
                (listener.description in (self._config.ssh or ()), place)
                for listener in self._listeners
                for place in listener.places(self._admitted)
            )
        ]

    def sessions(self) -> list[ManholeSession]:
        """Return the open sessions, sorted by user and address."""
        described = (ManholeSession(session.peer.principal.name, session.describe()) for session in self._manhole.sessions())
        return sorted(described, key=attrgetter("who"))

    def _caller(self, terminal: Terminal) -> Caller:
        address = terminal.transport.getPeer()
        return Caller(terminal.peer, f"{self._manhole.name} {describe_address(address)}", getattr(address, "host", ""))

    def _check_doors(self) -> None:
        for option, why in self._config.objections_to_doors():
            raise PrivateFileError(f"[{self._manhole.name}] {option}: {why}")

    # For the connections; see netd.manhole.protocol.Doors

    @property
    def host_key(self) -> Key:
        """The key by which clients of SSH know this netd."""
        assert self._host_key is not None, "it was loaded before the first connection"
        return self._host_key

    def login_keys(self) -> list[LoginKey]:
        """The keys that open the manhole, by the file as it is now."""
        return read_keys(self._config.state_directory / KEYS)

    def tries(self, terminal: Terminal) -> Tries:
        """Return the count of wrong passwords of one connection."""
        audit, caller = Audit(self._bus, self._manhole.context.clock.seconds), self._caller(terminal)
        return Tries(self._wrong, caller.host, lambda: audit.login_failed(caller, "this name or password is wrong"))

    def check(self, name: str, password: str, host: str) -> Deferred[str | None]:
        """Check a password; see :class:`netd.manhole.doorkeeper.Doorkeeper`."""
        return self._doorkeeper.check(name, password, host)

    def is_flooded_from(self, host: str) -> bool:
        """See :class:`netd.manhole.doorkeeper.Doorkeeper`."""
        return self._doorkeeper.is_flooded_from(host)

    def login(self, terminal: Terminal) -> Login:
        """Return the first dialogue of a connection by telnet."""
        return Login(terminal, self._doorkeeper, self.tries(terminal), self._config.login_timeout, self.welcome)

    def welcome(self, terminal: Terminal) -> None:
        """Begin the menu at *terminal*, whose peer has the user as its principal."""
        principal = terminal.peer.principal
        (self._keys if principal.proof is Proof.KEY else self._passwords).note(principal.credential or "")
        monotonic = self._manhole.context.clock.seconds
        dispatcher = Dispatcher(self._table, monotonic, self._bus)
        caller = self._caller(terminal)

        def call(name: str, parameters: dict[str, Any]) -> Deferred[Any]:
            return dispatcher.call(name, parameters, caller)

        def enter_python(menu: OperatorMenu) -> None:
            namespace = {"netd": operations_namespace(self._table, call), "bus": self._bus}
            opened = monotonic()
            dispatcher.audit.note("manhole.python", caller, {"prompt": "opened"})

            def closed() -> None:
                dispatcher.audit.note("manhole.python", caller, {"prompt": "closed"}, monotonic() - opened)

            terminal.converse(
                PythonPrompt(terminal, namespace, self._config.idle_timeout, lambda: terminal.converse(menu), closed)
            )

        idle_timeout = self._config.idle_timeout
        terminal.converse(
            OperatorMenu(
                terminal,
                MenuGrammar(self._table, self._config.python),
                call,
                idle_timeout,
                self._bus.wall,
                enter_python if self._config.python else None,
            )
        )
