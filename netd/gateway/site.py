"""The paths of the gateway: the answer at each, and the access that it needs (gateway protocol)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.codec.jsontext import encode, to_plain
from netd.console.dispatch import Dispatcher
from netd.gateway.answer import HTML, JSON, Answer, plain
from netd.gateway.clients import SHELF, ClientFiles
from netd.gateway.denial import NO_TOKEN, denied
from netd.gateway.files import File
from netd.gateway.guard import PROBES, SCRAPE, TOKEN_NEEDED, TOKENS_UNUSABLE, Guard
from netd.gateway.head import Head
from netd.gateway.page import render_page
from netd.gateway.routes import FORM_BODY, JSON_BODY, OPTIONS, READING, Access, Admission, Handler, SiteRoute
from netd.gateway.signing import SigningIn
from netd.gateway.tickets import without_ticket
from netd.log import LogLimiter
from netd.operations import Caller
from netd.principal import Action, Principal, denial, may
from netd.secrets.private_files import PrivateFileError

__all__ = ["ECHO", "SOCKET", "Site"]

SOCKET, ECHO = "/ws", "/echo"
"""The paths at which connections become WebSockets."""

_HEALTHY = plain(HTTPStatus.OK, "ok")

_FAULT = plain(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of netd's own; its log has it")

NO_LENGTH = plain(
    HTTPStatus.LENGTH_REQUIRED,
    "send the body in one piece, and its length in Content-Length",
    refusal="body without length",
    is_last=True,
)

WRONG_TYPE = {
    JSON_BODY: plain(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"the body must be JSON-RPC 2.0, and Content-Type say {JSON_BODY}",
        refusal="not JSON",
        is_last=True,
    ),
    FORM_BODY: plain(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"the body must be a form, and Content-Type say {FORM_BODY}",
        refusal="not a form",
        is_last=True,
    ),
}
"""The answers to a body of another type than the path takes, by that type."""

NO_BODY_WANTED = plain(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a request for this address has no body", refusal="unwanted body", is_last=True
)

NOT_A_SOCKET = plain(
    HTTPStatus.UPGRADE_REQUIRED,
    "this is a WebSocket: connect with a WebSocket client",
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
)


class Site:
    """The answers to all HTTP requests.

    :param files: by path.
    :param dispatcher: calls the operations.
    :param base: the path before all others that a proxy may leave in requests; it ends in a slash.
    :param most_bytes: most bytes of a body.
    :param further: the paths beside those of each gateway.
    :param why_not_ready: returns the reason for which load balancers should send no clients here, or ``""``.
    """

    _log = Logger()

    def __init__(
        self,
        files: dict[str, File],
        guard: Guard,
        dispatcher: Dispatcher,
        base: str,
        most_bytes: int,
        further: Mapping[str, SiteRoute],
        why_not_ready: Callable[[], str],
        limiter: LogLimiter,
    ) -> None:
        self._guard = guard
        self._dispatcher = dispatcher
        self._base = base
        self._most_bytes = most_bytes
        self._why_not_ready = why_not_ready
        self._limiter = limiter
        self._clients = ClientFiles()
        served = {path: file.answer for path, file in files.items()} | self._clients.paths()
        self._routes = {path: SiteRoute(READING, Access.ANYONE, _serve(answer)) for path, answer in served.items()} | {
            **further,
            "/rpc": SiteRoute(("POST",), Access.KNOWN, self._rpc),
            **SigningIn(guard, dispatcher.audit, self._takes_ticket).routes(),
            "/api": SiteRoute(READING, Access.KNOWN, self._api),
            "/healthz": SiteRoute(READING, Access.ANYONE, lambda _admission: _HEALTHY),
            "/readyz": SiteRoute(READING, Access.ANYONE, self._ready),
            SOCKET: SiteRoute(("GET",), Access.SOON_KNOWN, None),
        }

    def admit(self, head: Head, length: int | None, caller: Caller) -> Admission | Answer:
        """Judge a request by its head: return its admission, or the answer that refuses it.

        :param caller: the caller, with the principal that its address shows: each request proves its sender anew.
        :param length: bytes of its body; None if it comes in chunks.
        """
        asked, head = head, head.below(self._base)
        route = self._routes.get("/" if (head.method, head.path) == (OPTIONS, "*") else head.path)
        if route is not None and _is_asked_for_methods(head, route) and length == 0:
            return Answer(HTTPStatus.NO_CONTENT, extra=(("Allow", ", ".join(route.methods)),))
        try:
            refusal = self._guard.objection(head, caller)
            if refusal is not None:
                return refusal
            if route is None or head.method not in route.methods:
                return self._nothing_there(asked, route)
            ticket, head = without_ticket(head)
            is_for_all = route.access is Access.ANYONE
            found = caller.principal if is_for_all else self._guard.principal(head, caller, ticket)
        except PrivateFileError as error:
            return self._without_tokens(head, caller, error)
        if isinstance(found, Answer):
            self._dispatcher.audit.login_failed(caller, found.refusal)
            return found
        if route.access is Access.KNOWN and not may(found, route.action):
            return _may_not(head, found, route.action)
        if route.handler is None and not head.wants_websocket:
            return NOT_A_SOCKET
        return self._objection_to_body(route, head, length) or Admission(head, caller, found)

    def _takes_ticket(self, target: str) -> bool:
        """Whether a ticket can be made for the address *target*: something is to be downloaded there."""
        route = self._routes.get(target.partition("?")[0])
        return route is not None and "GET" in route.methods and route.access is Access.KNOWN

    def is_socket(self, admission: Admission) -> bool:
        """Return True if the connection is to become a WebSocket."""
        return self._routes[admission.head.path].handler is None

    def answer(self, admission: Admission) -> Deferred[Answer]:
        """Return the answer to a whole request, or a Deferred of it, which never fails."""
        handler = self._routes[admission.head.path].handler
        assert handler is not None
        answers: Deferred[Answer] = maybeDeferred(handler, admission)
        return answers.addErrback(self._failed)

    def _nothing_there(self, asked: Head, route: SiteRoute | None) -> Answer:
        if route is not None:
            allowed = route.methods
            return plain(HTTPStatus.METHOD_NOT_ALLOWED, f"only {allowed[0]} here", ("Allow", ", ".join(allowed)))
        if f"{asked.path}/" == self._base:  # the page's own addresses need the slash
            return plain(HTTPStatus.PERMANENT_REDIRECT, f"the dashboard is at {self._base}", ("Location", self._base))
        if asked.below(self._base).path.startswith(SHELF):
            return self._clients.nothing_there()
        places = f"{self._base} is the dashboard, {self._base}api the operations"
        return plain(HTTPStatus.NOT_FOUND, f"there is nothing at this address; {places}")

    def _objection_to_body(self, route: SiteRoute, head: Head, length: int | None) -> Answer | None:
        if head.method != "POST":
            return None if length == 0 else NO_BODY_WANTED
        if length is None or (length == 0 and not head.get("content-length")):
            return NO_LENGTH
        if length > self._most_bytes:
            return plain(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"a body has at most {self._most_bytes} bytes, not {length}",
                refusal="body too long",
                is_last=True,
            )
        return None if head.body_type == route.takes else WRONG_TYPE[route.takes]

    def _without_tokens(self, head: Head, caller: Caller, error: PrivateFileError) -> Answer:
        skipped = self._limiter.admit("tokens unusable")
        if skipped is not None:
            self._log.error(
                "{who} was turned away: {error} ({skipped} more were)",
                who=caller.who,
                error=str(error),
                skipped=skipped,
                connection=caller.number,
            )
        return _HEALTHY if head.path == "/healthz" else TOKENS_UNUSABLE

    def _failed(self, why: Failure) -> Answer:
        if why.check(PrivateFileError):
            return TOKENS_UNUSABLE
        if why.check(CancelledError):  # its client has left
            return _FAULT
        self._log.failure("a request cannot be answered", why)
        return _FAULT

    def _rpc(self, admission: Admission) -> Deferred[Answer]:
        answers = self._dispatcher.handle(admission.body, admission.caller)
        return answers.addCallback(
            lambda text: Answer(HTTPStatus.NO_CONTENT) if text is None else Answer(HTTPStatus.OK, text, JSON)
        )

    def _api(self, admission: Admission) -> Deferred[Answer]:
        def answer(operations: object) -> Answer:
            vary = (("Vary", "Accept"),)
            if admission.head.wants_page:
                return Answer(HTTPStatus.OK, render_page(to_plain(operations)), HTML, extra=vary)
            return Answer(HTTPStatus.OK, encode(operations), JSON, extra=vary)

        return self._dispatcher.call("system.operations", {}, admission.caller).addCallback(answer)

    def _ready(self, _admission: Admission) -> Answer:
        why = self._why_not_ready()
        return plain(HTTPStatus.SERVICE_UNAVAILABLE, why) if why else plain(HTTPStatus.OK, "ready")


def _may_not(head: Head, principal: Principal, action: Action) -> Answer:
    facts = denial(principal, action)
    if not principal.has_rights:
        return denied(head, TOKEN_NEEDED.format(right="--metrics" if action == SCRAPE else "--role viewer"), facts, NO_TOKEN)
    return denied(head, f"this takes {facts['takes']}, and the {principal} has none", facts, None)


def _is_asked_for_methods(head: Head, route: SiteRoute) -> bool:
    """Return True if the request asks only for the methods of a path. With an ``Origin``, it is a browser's preflight instead."""
    return head.method == OPTIONS in route.methods and head.path not in PROBES and not head.get("origin")


def _serve(answer: Callable[[Head], Answer]) -> Handler:
    return lambda admission: answer(admission.head)
