"""Signing in and out (``/session``), and tickets for downloads (``/ticket``): gateway protocol, "Browsers"."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from netd.access.proofs import TooManyWrongTokens, WrongToken
from netd.codec.jsontext import BadJSON, decode_object, encode
from netd.console.audit import Audit
from netd.errors import NotPermitted
from netd.gateway.answer import JSON, Answer, plain
from netd.gateway.cookies import cookie_in, is_own_page, names_cookie_twice, setting, unsetting
from netd.gateway.guard import TWO_COOKIES, UNKNOWN_SESSION, UNKNOWN_TOKEN, Guard
from netd.gateway.routes import Access, Admission, SiteRoute
from netd.gateway.sessions import BrowserSession, PageLogin
from netd.gateway.tickets import GOOD_FOR
from netd.operations import Caller
from netd.principal import Kind, Role
from netd.secrets.credentials import Credential

__all__ = ["SIGNED_OUT", "SigningIn"]

SIGNED_OUT = "signed out"
"""The reason of a session's end, and of those of its WebSockets."""

NOT_A_PAGE = "sessions are for the dashboard's own page; a program shows its token, as in `Authorization: Bearer TOKEN`"

NOT_A_USER = "the {who} may not look at the dashboard; `netd token add NAME --role viewer` makes a token for a person"


class SigningIn:
    """Answers the requests.

    :param takes_ticket: whether there is something to be downloaded at an address.
    """

    def __init__(self, guard: Guard, audit: Audit, takes_ticket: Callable[[str], bool]) -> None:
        self._guard = guard
        self._audit = audit
        self._takes_ticket = takes_ticket

    def routes(self) -> dict[str, SiteRoute]:
        """Return the paths."""
        return {
            "/session": SiteRoute(("POST",), Access.ANYONE, self._session),
            "/ticket": SiteRoute(("POST",), Access.KNOWN, self._ticket),
        }

    def _session(self, admission: Admission) -> Answer:
        """Begin a session for the bearer of ``token``; without one, end the session that the cookie names."""
        head, caller = admission.head, admission.caller
        if not is_own_page(head):
            return self._refuse(HTTPStatus.FORBIDDEN, NOT_A_PAGE, UNKNOWN_SESSION)
        try:
            token = decode_object(admission.body).get("token", "")
        except BadJSON as error:
            return plain(HTTPStatus.BAD_REQUEST, f"the body {error}")
        if not token:
            return self._sign_out(admission)
        if names_cookie_twice(head):
            return self._refuse(HTTPStatus.FORBIDDEN, TWO_COOKIES, UNKNOWN_SESSION)
        try:
            found = self._guard.proofs.find(token if isinstance(token, str) else "", caller.host, *Kind)
        except WrongToken as error:
            self._audit.login_failed(caller, UNKNOWN_TOKEN)
            if isinstance(error, TooManyWrongTokens):
                return self._refuse(HTTPStatus.TOO_MANY_REQUESTS, str(error), error.kind, error.is_last)
            return self._refuse(HTTPStatus.UNAUTHORIZED, str(error), UNKNOWN_TOKEN, error.is_last)
        if found.role is Role.NOBODY:
            why = NOT_A_USER.format(who=found.principal)
            self._audit.login_failed(caller, why)
            return self._refuse(HTTPStatus.FORBIDDEN, why, NotPermitted.kind)
        return self._sign_in(admission, found)

    def _sign_in(self, admission: Admission, token: Credential) -> Answer:
        """Begin a session. The one of before ends, so that whoever planted its cookie has gained nothing."""
        head, sessions = admission.head, self._guard.sessions
        before = sessions.with_cookie(cookie_in(head))
        if before is not None:
            sessions.end(before, SIGNED_OUT)
        session, cookie, page = sessions.begin(token, admission.caller.host)
        self._note("signed_in", session, admission.caller)
        told: dict[str, Any] = {"page": page, "name": token.name, "role": token.role.name.lower()}
        return Answer(HTTPStatus.OK, encode(told), JSON, extra=(setting(head, cookie, sessions.rules.session_limit),))

    def _sign_out(self, admission: Admission) -> Answer:
        session = self._guard.sessions.with_cookie(cookie_in(admission.head))
        if session is not None:
            self._guard.sessions.end(session, SIGNED_OUT)
            self._note("signed_out", session, admission.caller)
        return Answer(HTTPStatus.NO_CONTENT, extra=(unsetting(admission.head),))

    def _ticket(self, admission: Admission) -> Answer:
        """Make a ticket for the address ``path``, which the page has written as it will ask for it, without the first slash."""
        try:
            path = decode_object(admission.body).get("path", "")
        except BadJSON as error:
            return plain(HTTPStatus.BAD_REQUEST, f"the body {error}")
        target = f"/{path.removeprefix('/')}" if isinstance(path, str) else ""
        if not self._takes_ticket(target):
            return plain(HTTPStatus.BAD_REQUEST, "path: nothing is to be downloaded at this address")
        login = admission.caller.session
        session = login.session if isinstance(login, PageLogin) else None
        ticket = self._guard.tickets.make(target, admission.principal, session)
        return Answer(HTTPStatus.OK, encode({"ticket": ticket, "seconds": GOOD_FOR}), JSON)

    def _note(self, what: str, session: BrowserSession, caller: Caller) -> None:
        self._audit.note(f"gateway.{what}", caller, {"name": session.name, "host": session.host})

    @staticmethod
    def _refuse(status: HTTPStatus, why: str, refusal: str, is_last: bool = False) -> Answer:
        return Answer(status, encode({"error": why}), JSON, refusal=refusal, reason=why, is_last=is_last)
