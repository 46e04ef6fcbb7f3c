"""The gateway's shell: one connection, which speaks HTTP and may become a WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar

from twisted.logger import LogLevel
from twisted.web.http import datetimeToString

from netd.access.proofs import Proofs
from netd.access.section import SectionAccess
from netd.codec.websocket import CloseCode, Opcode, frame, text_frame
from netd.connection.bounds import Bounds, Policy
from netd.connection.origins import ANY_HOST
from netd.connection.peer import PeerContext
from netd.connection.shares import own_share
from netd.connection.websocket_protocol import WebSocketFactory, WebSocketProtocol
from netd.console.dispatch import Dispatcher
from netd.console.link import ConsoleLink
from netd.errors import Revoked
from netd.gateway.answer import plain
from netd.gateway.chunks import LongAnswers
from netd.gateway.config import Config
from netd.gateway.conversation import GatewayConversation
from netd.gateway.guard import UNKNOWN_TOKEN
from netd.gateway.routes import Admission
from netd.gateway.sessions import BrowserSession, PageLogin
from netd.gateway.site import ECHO, SOCKET, Site
from netd.log import printable
from netd.operations import Caller
from netd.principal import Role
from netd.secrets.tokens import TOKENS, Tokens
from netd.secrets.tries import Tries, WrongSecrets

__all__ = ["SUBPROTOCOL", "GatewayFactory", "GatewayProtocol"]

SUBPROTOCOL = "netd.v1"

LOGIN_TIMEOUT = 8.0
"""Seconds within which the client of a WebSocket must log in, if it needs to."""

ANSWERING = 0.005
"""Seconds of a turn for the chunks of long answers."""

GONE = "its token was removed or changed"
"""The reason of the end of a WebSocket whose credential proves nobody any more."""

EARLY_BYTES, EARLY_FRAMES = 1 << 12, 16
"""Most bytes and frames that a WebSocket may send before its login."""


class GatewayProtocol(WebSocketProtocol):
    """One connection of the gateway."""

    machine = (*WebSocketProtocol.machine, "_conversation", "_link", "_caller")
    factory: GatewayFactory
    bounds: ClassVar[Bounds] = Bounds(Policy.PAUSE, 1 << 20)
    has_own_login = True
    send_buffer = 1 << 18
    _conversation: GatewayConversation | None = None
    _link: ConsoleLink | None = None
    _caller: Caller | None = None
    _is_echo = False
    _early_bytes = 0
    _early_frames = 0

    @property
    def leaving(self) -> Any:
        """The log level of the line at the end of a connection. Only WebSockets have one: a browser opens dozens of others."""
        return LogLevel.debug if self._session is None else LogLevel.info

    # HTTP

    def opened(self) -> None:
        self._caller = Caller(self.peer, f"{self.factory.name} {self.describe()}", self._host())
        factory = self.factory
        self._conversation = GatewayConversation(
            self, self.transport, factory.site, self._caller, factory.context, factory.answers
        )

    def begun(self) -> None:
        if self._conversation is not None:
            self._conversation.begin()

    def read_portion(self, received: bytes) -> None:
        if self._conversation is None:
            super().read_portion(received)
            if not self.is_greeted():
                self._early_bytes += len(received)
                self._bound_early()
        elif self.peer.is_open:
            try:
                self._conversation.receive(received)
                if self._conversation is not None:
                    self.peer.note_unfinished(self._conversation.unfinished + self.factory.intake.waiting(self))
            except Exception:
                self._log.failure("{service}: {who} cannot be served", service=self.factory.name, who=self.describe())
                self.peer.abort("an error in netd")

    def become_websocket(self, admission: Admission, handshake: bytes) -> None:
        """See :class:`netd.gateway.conversation.Host`."""
        assert self._conversation is not None
        self._conversation.lost()
        self._conversation = None
        self._is_echo = admission.head.path == ECHO
        self.expect_handshake()
        super().begun()
        super().read_portion(handshake)

    def expired(self) -> None:
        if self._conversation is None:
            super().expired()
        else:
            self._conversation.expired()

    def finish(self) -> None:
        if self._conversation is None:
            super().finish()
        else:
            self._conversation.finish()

    # WebSocket

    def refuse_handshake(self, status: int, why: str, headers: Any) -> None:
        answer = plain(HTTPStatus(status), printable(why), *headers)
        self.refuse("bad handshake", why, b"")  # no excerpt of the request: it may hold a token
        self.peer.write(answer.render(self.date()))
        self.peer.close("bad handshake")

    def date(self) -> str:
        """See :class:`netd.gateway.conversation.Host`."""
        date: bytes = datetimeToString(self.factory.wall())
        return date.decode()

    def websocket_opened(self) -> None:
        """Let the client call operations; before its login, only ``system.login``."""
        assert self._caller is not None
        self._caller.tries = Tries(self.factory.proofs.wrong, self._host(), self._login_failed)
        if not self._is_echo:
            self._link = ConsoleLink(self.peer, self._hold_requests, text_frame, self.factory.dispatcher, self._caller)
        if not self.is_greeted():
            self.expect_greeting(LOGIN_TIMEOUT)

    def is_greeted(self) -> bool:
        """Whether the client has logged in."""
        return self.peer.principal.role is not Role.NOBODY

    def frame_began(self) -> None:
        """Count the frames before a login. They are limited, because an empty frame costs time, too."""
        if not self.is_greeted():
            self._early_frames += 1
            self._bound_early()

    def revoked(self, why: Revoked) -> None:
        if self._session is not None:
            self.peer.close(GONE, CloseCode.POLICY)
        else:
            self.peer.close(why.kind)

    def judge(self, in_force: frozenset[str], is_open: bool) -> None:
        """Close the WebSocket if it would no longer be admitted.

        :param in_force: the credentials that prove somebody.
        :param is_open: whether no token is needed.
        """
        if self._session is None or not self.peer.is_open or not self.is_greeted():
            return
        credential = self.peer.principal.credential
        if credential is None and not is_open:
            self.peer.close("a token is needed now", CloseCode.POLICY)
        elif credential is not None and credential not in in_force:
            self.peer.close(GONE, CloseCode.POLICY)

    @property
    def browser_session(self) -> BrowserSession | None:
        """The browser's session that the client of the WebSocket has logged in with; None without one."""
        login = self._caller.session if self._caller is not None else None
        return login.session if self._session is not None and isinstance(login, PageLogin) else None

    def end_session(self, why: str) -> None:
        """Close the WebSocket: the browser's session has ended."""
        self.peer.close(why, CloseCode.POLICY)

    def message(self, payload: bytes, is_binary: bool) -> None:
        """Pass a request on, or echo the message."""
        if self._link is not None:
            self._link.receive(payload)
        else:
            self.peer.send(frame(Opcode.BINARY if is_binary else Opcode.TEXT, payload))

    def drained(self) -> None:
        super().drained()
        if self._conversation is not None:
            self._conversation.drained()
        if self._link is not None:
            self._link.drained()

    def websocket_closed(self) -> None:
        """End the subscriptions and all else that lasts as long as this connection."""
        if self._conversation is not None:
            self._conversation.lost()
        if self._link is not None:
            self._link.lost()

    def _host(self) -> str:
        host: str = getattr(self.transport.getPeer(), "host", "")
        return host

    def _login_failed(self) -> None:
        self.refuse(UNKNOWN_TOKEN, "system.login with a token that is unknown", b"")
        assert self._caller is not None
        assert self._caller.tries is not None
        if self._caller.tries.is_over:
            self.factory.context.turn.after(self._give_up)  # after the answer has been sent

    def _bound_early(self) -> None:
        assert self._caller is not None
        if self._caller.tries is not None and self._caller.tries.is_over:
            return  # it is being closed already
        if self.peer.is_open and (self._early_frames > EARLY_FRAMES or self._early_bytes > EARLY_BYTES):
            self.refuse("too much before the login", f"at most {EARLY_FRAMES} frames and {EARLY_BYTES} bytes", b"")
            self.peer.close("log in first, with system.login", CloseCode.POLICY)

    def _give_up(self) -> None:
        self.peer.close("too many unknown tokens", CloseCode.POLICY)

    def _hold_requests(self, is_held: bool) -> None:
        self.hold("requests", is_held)


class GatewayFactory(WebSocketFactory):
    """Makes the connections of one gateway.

    :ivar site: answers the HTTP requests; set before the first connection.
    :ivar dispatcher: calls the operations; set before the first connection.
    :ivar proofs: finds the credentials of tokens, and counts wrong ones. In a daemon, all sections have the same.
    :ivar wall: the wall clock, in seconds since the epoch.
    :ivar answers: the long answers that are under way.
    """

    connection = GatewayProtocol
    subprotocols = (SUBPROTOCOL,)
    hosts = (ANY_HOST,)  # the guard judges them
    site: Site
    dispatcher: Dispatcher

    def __init__(self, name: str, context: PeerContext, rules: Config, wall: Callable[[], float]) -> None:
        super().__init__(name, context, rules)
        self.access = SectionAccess(name, rules.access_rules)
        self.proofs = Proofs(Tokens(rules.state_directory / TOKENS), WrongSecrets(context.clock.seconds))
        self.wall = wall
        self.answers = LongAnswers(own_share(context.clock, "answer", ANSWERING))

    def follow(self, rules: Config) -> None:  # type: ignore[override]  # a gateway has further options
        super().follow(rules)
        bases = ("", rules.base.removesuffix("/"))
        self.paths = tuple(dict.fromkeys(f"{base}{path}" for base in bases for path in (SOCKET, ECHO)))
