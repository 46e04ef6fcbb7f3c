"""The guard: the sender of a request, and refusals because of ``Host`` or ``Origin`` (gateway protocol, "Who may do what").

While there are no tokens, every program that reaches this machine's loopback may do everything, and a web page can make its
visitor's browser send requests there. So ``Host`` must name this machine: a foreign page can let its own name resolve to this
machine, but the request then carries that name. And ``Origin`` must not be that of a foreign page.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from math import ceil

from attrs import frozen

from netd.access.proofs import Proofs, TooManyWrongTokens, WrongToken
from netd.config.descriptions import is_loopback
from netd.connection.origins import ANY_HOST, takes_origin
from netd.errors import NotPermitted
from netd.gateway.answer import Answer, plain
from netd.gateway.cookies import cookie_in, is_own_page, names_cookie_twice
from netd.gateway.denial import BAD_TOKEN, denied
from netd.gateway.forwarding import forwarded_by
from netd.gateway.head import Head
from netd.gateway.routes import VISIT
from netd.gateway.sessions import BrowserSessions, PageLogin
from netd.gateway.tickets import Tickets
from netd.operations import Caller
from netd.principal import ANONYMOUS, LOCAL, LOCAL_ADMIN, Action, Kind, Principal, Role, denial

__all__ = ["PAGE_KEY", "SCRAPE", "TOKEN_NEEDED", "UNKNOWN_SESSION", "UNKNOWN_TOKEN", "Guard"]

UNKNOWN_TOKEN = "unknown token"  # noqa: S105 - what is wrong, and no token
"""The name of a refusal because of an unknown token, in counters and log."""

UNKNOWN_SESSION = "unknown session"
"""The name of a refusal because of a cookie or a page key that is none, or that stands alone."""

PAGE_KEY = "x-netd-page"
"""The header that gives the page key. Pages of other origins cannot add it without asking first, and are never permitted to."""

SCRAPE = Action("gateway.metrics", Role.VIEWER, frozenset({Kind.METRICS}))
"""The right to read the figures of the daemon at ``/metrics``."""

TOKEN_NEEDED = "a token is needed, as in `Authorization: Bearer TOKEN`; `netd token add NAME {right}` makes one"  # noqa: S105

TICKET_UNKNOWN = "this address was good once, within 30 s of being made, and is no more"

TWO_COOKIES = (
    "the browser sent two cookies of the same name: another server of this host has set one. "
    "Remove the cookies of this site in the browser, and sign in again"
)

ALONE = "a session counts only from the page that was signed in; a program shows a token, as in `Authorization: Bearer TOKEN`"

IN_ADDRESS = plain(
    HTTPStatus.BAD_REQUEST,
    "a token never stands in an address, which logs and histories keep: give it in `Authorization: Bearer TOKEN`, and make a new "
    "one in place of this, with `netd token add`",
    refusal="token in an address",
    is_last=True,
)

_TOKEN_LIKE = re.compile(r"netd_[A-Za-z0-9_-]{16}|(?:^|[&;])(?:access_)?token=", re.IGNORECASE)
"""What looks like a token in the path or the query of an address, or is called one."""

TOKENS_UNUSABLE = plain(
    HTTPStatus.SERVICE_UNAVAILABLE, "the tokens cannot be read; netd's log says why", refusal="tokens unusable"
)

PROBES = ("/healthz", "/readyz")
"""Paths that only tell whether netd runs. Load balancers ask for them with another ``Host``, or without one."""


@frozen
class Guard:
    """Judges requests.

    :ivar section: the gateway's section, for messages.
    :ivar proofs: finds the credentials of tokens, and counts wrong ones.
    :ivar hosts: names of this machine, in lower case, beside ``localhost`` and loopback addresses.
    :ivar origins: origins of web pages, in lower case, that are served beside the gateway's own.
    :ivar sessions: the sessions of browsers.
    :ivar tickets: what lets single downloads in.
    """

    section: str
    proofs: Proofs
    hosts: tuple[str, ...]
    origins: tuple[str, ...]
    sessions: BrowserSessions
    tickets: Tickets

    def objection(self, head: Head, caller: Caller) -> Answer | None:
        """Return the answer that refuses this request from any sender; None if it is in order.

        :param caller: the caller, with the principal that its address shows.
        :raises PrivateFileError: if the tokens cannot be read.
        """
        host, origin = head.get("host"), head.get("origin")
        is_open, is_probe = self.is_open(caller.principal), head.path in PROBES and not origin
        if head.version != "HTTP/1.0" and not _host_name(host) and (host or not is_probe):
            return plain(
                HTTPStatus.BAD_REQUEST, "a request must have exactly one Host header", refusal="bad request", is_last=True
            )
        if is_probe:
            return None
        if _TOKEN_LIKE.search(head.query) or _TOKEN_LIKE.search(head.path):
            return IN_ADDRESS
        if is_open and (shown_by := forwarded_by(head)):
            return _behind_proxy(shown_by)
        hosts = self.hosts if is_open else (ANY_HOST,)  # with tokens, a foreign page gains nothing by its name: it has no token
        if origin and not takes_origin(self.origins, origin, host, hosts):
            return plain(
                HTTPStatus.FORBIDDEN,
                f"web pages from {origin!a:.200} are not served; the option `origins` of [{self.section}] names those that are",
                refusal="foreign origin",
            )
        if is_open and not self._is_own_name(_host_name(host)):
            return plain(
                HTTPStatus.FORBIDDEN,
                f"this machine is not known as {host!a:.200}; the option `hosts` of [{self.section}] gives it further names",
                refusal="foreign host",
            )
        return None

    def principal(self, head: Head, caller: Caller, ticket: str) -> Principal | Answer:
        """Return the sender of a request: the bearer of its token, a browser's session, or the principal of its address.

        :param caller: the caller, with the principal that its address shows. It is given the session that came with the request.
        :param ticket: the ticket in the address, which *head* no longer has.
        :raises PrivateFileError: if the tokens cannot be read.
        """
        caller.session = None
        if head.token is not None:
            return self._bearer(head, caller)
        if ticket:
            return self._of_ticket(head, ticket)
        if PAGE_KEY in head.headers:
            return self._within_session(head, caller)
        if head.wants_websocket and is_own_page(head):
            caller.session = self._login(head)  # the page key comes as the first message
        return LOCAL_ADMIN if self.is_open(caller.principal) else caller.principal

    def _bearer(self, head: Head, caller: Caller) -> Principal | Answer:
        try:
            return self.proofs.find(head.token or "", caller.host, *Kind).principal
        except TooManyWrongTokens as error:
            again = "Retry-After", str(ceil(error.seconds))
            return plain(HTTPStatus.TOO_MANY_REQUESTS, str(error), again, refusal=error.kind, is_last=True)
        except WrongToken as error:
            return self._deny(head, str(error), refusal=UNKNOWN_TOKEN, is_last=error.is_last)

    def _of_ticket(self, head: Head, ticket: str) -> Principal | Answer:
        found = self.tickets.take(ticket, head.target)
        is_good = found is not None and (found.session is None or self.sessions.is_there(found.session))
        if found is None or not is_good or not self._is_current(found.principal):
            return self._deny(head, TICKET_UNKNOWN, refusal="unknown ticket")
        return found.principal

    def _within_session(self, head: Head, caller: Caller) -> Principal | Answer:
        if not is_own_page(head):
            return self._deny(head, ALONE, refusal=UNKNOWN_SESSION)
        if names_cookie_twice(head):
            return self._deny(head, TWO_COOKIES, refusal=UNKNOWN_SESSION)
        login = self._login(head)
        try:
            found = login.prove(head.get(PAGE_KEY))
        except NotPermitted as error:
            return self._deny(head, str(error), refusal=UNKNOWN_SESSION)
        caller.session = login
        login.use()
        return found

    def _login(self, head: Head) -> PageLogin:
        """Return what the request brought of a session. Of two cookies, either may be that of another server: none counts."""
        return PageLogin(self.sessions, "" if names_cookie_twice(head) else cookie_in(head))

    @staticmethod
    def _deny(head: Head, why: str, refusal: str, is_last: bool = False) -> Answer:
        facts = {**denial(ANONYMOUS, VISIT), "you": f"nobody: {refusal}"}
        return denied(head, why, facts, BAD_TOKEN, refusal, is_last)

    def _is_current(self, principal: Principal) -> bool:
        credential = principal.credential
        return self.is_open(LOCAL) if credential is None else credential in self.proofs.tokens.in_force()

    def is_open(self, principal: Principal) -> bool:
        """Return True if *principal* may do everything, because it is on this machine and no user has a token.

        :raises PrivateFileError: if the tokens cannot be read.
        """
        return principal is LOCAL and not self.proofs.tokens.has(Kind.USER)

    def _is_own_name(self, name: str) -> bool:
        return name in self.hosts or is_loopback(name)


def _behind_proxy(shown_by: str) -> Answer:
    return plain(
        HTTPStatus.FORBIDDEN,
        f"a proxy passed this on ({shown_by}), and there are no tokens: everybody behind it would be administrator. "
        "`netd token add NAME --role admin` makes one",
        refusal="proxy without tokens",
    )


def _host_name(host: str) -> str:
    """Return the name in a ``Host`` header, without its port, in lower case; empty if the header holds more than one name."""
    name = host.strip().lower()
    if name.startswith("["):
        inner, bracket, port = name[1:].partition("]")
        return inner if bracket and _is_port(port) else ""
    name, colon, port = name.partition(":")
    return name if _is_port(colon + port) and not set(name) & set(", /@") else ""


def _is_port(text: str) -> bool:
    return not text or (text[0] == ":" and (len(text) == 1 or (text[1:].isascii() and text[1:].isdecimal())))
