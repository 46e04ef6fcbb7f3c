"""The service of one gateway: its files, its guard, its listeners."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from socket import gethostname
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from zope.interface import implementer

from netd.access.section import SectionAccess
from netd.change import Change
from netd.config.descriptions import is_exposed, is_loopback
from netd.config.options import section_name
from netd.connection.protocol import describe_address
from netd.console.dispatch import Dispatcher
from netd.errors import NetdError
from netd.gateway.config import Config
from netd.gateway.files import FOLDER, PAGES, File, read_files
from netd.gateway.graphite.answers import Graphite
from netd.gateway.guard import SCRAPE, Guard
from netd.gateway.history import HistoryFiles
from netd.gateway.past import Past
from netd.gateway.protocol import GatewayFactory
from netd.gateway.results import GatewayServiceStatus, SessionsEnded, SignedInBrowser
from netd.gateway.routes import VISIT, Access, SiteRoute
from netd.gateway.scraping import Scraping
from netd.gateway.sessions import BrowserSession, BrowserSessions
from netd.gateway.site import ECHO, Site
from netd.gateway.tickets import Tickets
from netd.gateway.values import MOST_VALUES, ValuesFollowing
from netd.interfaces import IActing, IBus, IConsole, INetdService, IStateful, IStatePart, ITurnShare
from netd.lifecycle import ServingState, state_on
from netd.listening import ListeningService, make_context
from netd.operations import Operation, OperationTable, Role
from netd.own_name import outward_address, own_names
from netd.plaintext import moment
from netd.principal import Action, Kind
from netd.secrets.private_files import PrivateFileError
from netd.secrets.tokens import Tokens, how_to_add

__all__ = ["GatewayService", "OpenToAll", "make_service"]

_NEAR = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound
"""The address at which a program on this machine reaches an endpoint that listens on a wildcard address."""


JUDGED_EVERY = 0.5
"""Seconds between two looks at the file of tokens. Open WebSockets whose token is gone are closed."""


OPEN = "there are no tokens: everyone on this machine is administrator; {remedy} makes one"
"""The line in the log when there are no tokens any more."""


class OpenToAll(NetdError):
    """There are no tokens, and other machines can reach the gateway. The message names the remedy."""


def make_service(config: Config, reactor: Any, bus: IBus) -> GatewayService:
    """Build the gateway of one ``[gateway]`` section."""
    name = section_name("gateway", config.instance)
    return GatewayService(
        config,
        GatewayFactory(name, make_context(reactor, config.stall_timeout, config.dead_timeout), config, bus.wall),
        bus,
        reactor,
    )


@implementer(IActing, INetdService, IConsole, IStateful)
class GatewayService(ListeningService):
    """One gateway."""

    def __init__(self, config: Config, factory: GatewayFactory, bus: IBus, reactor: Any) -> None:
        super().__init__(config, factory, reactor)
        self._bus = bus
        self._config = config
        self._gateway = factory
        self._table = OperationTable()
        self._sessions = BrowserSessions(self._tokens, config, reactor.seconds, bus.wall, secrets.token_bytes)
        self._sessions.ended = self._session_ended
        self._tickets = Tickets(reactor.seconds, secrets.token_bytes)
        self._values = ValuesFollowing(bus, self._left_out)
        self._files: dict[str, File] = {}
        self._in_force: frozenset[str] | None = None
        self._is_open = False
        self._trouble = ""
        self._judging = LoopingCall(self._judge)
        self._judging.clock = reactor

    @property
    def _tokens(self) -> Tokens:
        return self._gateway.proofs.tokens

    def use_operations(self, table: OperationTable) -> None:
        """Serve the operations in *table*. Called once, before ``startService``."""
        self._table = table

    def use_state(self, part: IStatePart) -> None:
        """See :class:`netd.interfaces.IStateful`. Browsers that were signed in before a restart still are."""
        self._sessions.use_state(part)

    def use_access(self, access: SectionAccess) -> None:
        """See :class:`netd.interfaces.IAdmitting`. The tokens, and the count of wrong ones, are those of the whole daemon."""
        super().use_access(access)
        if access.proofs is not None:
            self._gateway.proofs, self._sessions.tokens = access.proofs, access.proofs.tokens

    def privilegedStartService(self) -> None:
        """Read the files, and listen.

        :raises OpenToAll: if clients on other machines could do everything.
        :raises PrivateFileError: if the file of tokens cannot be trusted.
        :raises CannotListen: if an endpoint cannot be opened.
        """
        self._set_up()
        super().privilegedStartService()
        self._check_ports()

    def startService(self) -> None:
        """Start the gateway, after :meth:`privilegedStartService` or without it."""
        self._set_up()
        super().startService()
        self._check_ports()
        self._judging.start(JUDGED_EVERY)
        self._values.follow(self._config.metrics_values or ())

    def stopService(self) -> Deferred[None]:
        """Stop watching the file of tokens, then stop as any listening service does."""
        if self._judging.running:
            self._judging.stop()
        self._values.stop()
        return super().stopService().addCallback(lambda _: self._gateway.answers.share.stop())

    def prepare(self, config: Config, change: Change) -> None:
        """Prepare for *config*. It is refused if clients on other machines could do everything then."""
        super().prepare(config, change)
        unknown = [description for description in config.listen if description not in self._listen]
        try:
            exposed = [where for where in config.listen if is_exposed(where) or (where in unknown and is_exposed(where) is None)]
            why = config.open_to_all(self._tokens, exposed)
        except PrivateFileError as error:
            why = str(error)
        if why:
            change.refuse("", why)

    def follow(self, config: Config) -> None:
        """Apply *config* to further requests, and to open WebSockets."""
        super().follow(config)
        self._config = self._sessions.rules = config
        self._gateway.follow(config)
        self._values.follow(config.metrics_values or ())
        self._gateway.site = self._make_site()

    def turn_shares(self) -> list[ITurnShare]:
        """Its shares for what clients send, and for long answers."""
        return [*super().turn_shares(), self._gateway.answers.share]

    def actions(self) -> list[Action]:
        """See :class:`netd.interfaces.IActing`. What callers may do beyond that is up to the operations."""
        return [VISIT, SCRAPE]

    def operations(self) -> list[Operation]:
        """Return the operations about browsers that are signed in."""
        listed, ends = "List the browsers that are signed in", "Sign out the browsers that a token of this name signed in"
        return [
            Operation("gateway.sessions", self.list_sessions, Role.ADMIN, listed),
            Operation("gateway.sign_out", self.sign_out, Role.ADMIN, ends),
        ]

    def list_sessions(self) -> list[SignedInBrowser]:
        """List the sessions, the longest used first."""
        now, wall = self._reactor.seconds(), self._bus.wall()
        open_sockets = [connection.browser_session for connection in self._gateway.connections]  # type: ignore[attr-defined]
        return [
            SignedInBrowser(
                name=one.name,
                host=one.host,
                began=wall - (now - one.began),
                used=wall - (now - one.used),
                left=self._sessions.left(one)[1],
                websockets=open_sockets.count(one),
            )
            for one in self._sessions
        ]

    def sign_out(self, name: str) -> SessionsEnded:
        """End all sessions that a token called *name* began; their WebSockets are closed."""
        return SessionsEnded(self._sessions.end_all_of(name, "signed out by an administrator"))

    def status(self) -> GatewayServiceStatus:
        """Facts about this gateway."""
        connections = self._gateway.connections
        return GatewayServiceStatus(
            kind="gateway",
            instance=self.instance,
            listening=self.listening(),
            url=self._url(),
            url_for_others=self._url_for_others(),
            open=self._is_open,
            connections=len(connections),
            websockets=sum(connection.peer.session is not None for connection in connections),  # type: ignore[attr-defined]
            counters=self._gateway.counters(),
        )

    def _set_up(self) -> None:
        if self.is_accepting:
            return
        self._refuse_if_open([description for description in self._listen if is_exposed(description)])
        self._files = read_files(FOLDER, PAGES)
        self._gateway.dispatcher = Dispatcher(self._table, self._gateway.context.clock.seconds, self._bus)
        self._gateway.site = self._make_site()

    def _make_site(self) -> Site:
        config, factory = self._config, self._gateway
        hosts = (*(config.hosts or ()), *own_names(gethostname()))
        return Site(
            self._files,
            Guard(factory.name, factory.proofs, hosts, config.origins or (), self._sessions, self._tickets),
            factory.dispatcher,
            config.base,
            config.max_message,
            self._further_routes(),
            self._why_not_ready,
            factory.log_limiter,
        )

    def _further_routes(self) -> dict[str, SiteRoute]:
        past = Past(self._gateway.dispatcher, self._bus.wall)
        echo = {ECHO: SiteRoute(("GET",), Access.KNOWN, None)} if self._config.echo else {}
        scraping = Scraping(self._gateway.dispatcher, self._values.seen_by)
        return HistoryFiles(past).routes() | Graphite(past).routes() | scraping.routes() | echo

    def _judge(self) -> None:
        """Look at the tokens: close the WebSockets whose token is gone, and log it if there are no tokens any more.

        Sessions end here, too, when their time is over.
        While the file cannot be trusted, open WebSockets are left alone, and each new request that needs a token is refused.
        """
        try:
            in_force, is_open = self._tokens.in_force(), not self._tokens.has(Kind.USER)
        except PrivateFileError as error:
            if str(error) != self._trouble:
                self._log.error("{service}: nobody is let in: {error}", service=self._gateway.name, error=str(error))
            self._in_force, self._is_open, self._trouble = None, False, str(error)
            return
        self._trouble = ""
        self._sessions.judge()
        if is_open and not self._is_open:
            self._log.warn(f"{{service}}: {OPEN}", service=self._gateway.name, remedy=how_to_add(self._tokens.path))
        if (in_force, is_open) != (self._in_force, self._is_open):
            self._in_force, self._is_open = in_force, is_open
            for connection in list(self._gateway.connections):
                connection.judge(in_force, is_open)  # type: ignore[attr-defined]

    def _left_out(self, subject: str) -> None:
        self._log.warn(
            "{service}: /metrics has the values of {most} subjects, and no more: {subject} is left out, and others may be; "
            "name fewer in `metrics_values`",
            service=self._gateway.name,
            most=MOST_VALUES,
            subject=subject,
        )

    def _session_ended(self, session: BrowserSession, why: str) -> None:
        for connection in list(self._gateway.connections):
            if connection.browser_session is session:  # type: ignore[attr-defined]
                connection.end_session(why)  # type: ignore[attr-defined]

    def _check_ports(self) -> None:
        """Check the sockets of systemd, whose addresses are known only once they listen."""
        unknown = [listener for listener in self._listeners if is_exposed(listener.description) is None]
        hosts = [port.getHost() for listener in unknown for port in listener.ports]
        self._refuse_if_open([describe_address(host) for host in hosts if not is_loopback(getattr(host, "host", "localhost"))])

    def _refuse_if_open(self, exposed: list[str]) -> None:
        objection = self._config.open_to_all(self._tokens, exposed)
        if objection:
            raise OpenToAll(f"[{self._gateway.name}] {objection}")

    def _why_not_ready(self) -> str:
        now = state_on(self._bus)
        if now is None or now.state is ServingState.SERVING:
            return ""
        end = ""
        if now.until is not None:
            is_past = now.until <= self._bus.wall()
            end = f"; what was open ended at {moment(now.until)}" if is_past else f"; what is open ends at {moment(now.until)}"
        return f"{now.state.value} since {moment(now.since)}{end}"

    def _url(self) -> str | None:
        for host, port, scheme in self._places():
            return _address(scheme, _NEAR.get(host, host), port)
        return None

    def _url_for_others(self) -> str | None:
        for host, port, scheme in self._places():
            if host in _NEAR:
                address = outward_address()
                return None if address is None else _address(scheme, address, port)
            if not is_loopback(host):
                return _address(scheme, host, port)
        return None

    def _places(self) -> Iterator[tuple[str, int, str]]:
        """Yield host, port and scheme of each endpoint that has a host."""
        for listener in self._listeners:
            address: Any = listener.ports[0].getHost() if listener.ports else None
            host = getattr(address, "host", None)
            if host is not None:
                yield host, address.port, "https" if listener.is_secured else "http"


def _address(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}/" if ":" in host else f"{scheme}://{host}:{port}/"
