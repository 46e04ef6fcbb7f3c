"""Browsers' sessions: what a token that was given once leaves behind, so that a browser need not keep the token.

A session has two halves of 128 random bits. The cookie half cannot be read by scripts, but a browser sends it to each port of the
host. The page key is in the page's own storage, which other ports cannot read, but scripts can. Either half alone is nothing. Of
both, only hashes are kept, in memory and in the state database, so that a restart signs nobody out.

A session gives the rights that its token has at the time: it ends with the token's line. It ends, too, when nobody has used it
for long, and at last by its age.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from attrs import define, evolve, field

from netd.errors import NotPermitted
from netd.interfaces import IStatePart, IStateTable
from netd.plaintext import duration
from netd.principal import Principal, Proof
from netd.secrets.credentials import Credential
from netd.secrets.private_files import PrivateFileError
from netd.secrets.tokens import Tokens

__all__ = ["HALF_BYTES", "MOST_OF_ONE", "MOST_SESSIONS", "BrowserSession", "BrowserSessions", "PageLogin", "new_half"]

HALF_BYTES = 16
"""Random bytes of one half."""

MOST_OF_ONE, MOST_SESSIONS = 20, 1000
"""Sessions of one credential, and of all together. Over that, the session that was used least recently ends."""

NOTED_EVERY = 60.0
"""Seconds between two notes of the use of one session in the state database."""

SOON = 1.0
"""Seconds within which the begin of a session is on the disk."""

ENDED = "this session has ended; sign in again"


class BrowserRules(Protocol):
    """How long sessions last: a gateway's ``Config``."""

    @property
    def session_idle(self) -> float:
        """Seconds without use after which a session ends."""

    @property
    def session_limit(self) -> float:
        """Seconds after its begin at which a session ends, used or not."""


@define(eq=False)
class BrowserSession:
    """One session.

    :ivar key: the hash of its cookie half, by which it is found.
    :ivar page: the hash of its page key.
    :ivar credential: the hash of the line of the token that began it.
    :ivar name: the name of that token.
    :ivar host: the address that it was begun from.
    :ivar began: when, by the monotonic clock.
    :ivar used: when a person last used it, by the same clock.
    :ivar noted: the use that the state database knows of.
    :ivar principal: its principal; None until it is asked for after a restart.
    """

    key: str = field(repr=False)
    page: str = field(repr=False)
    credential: str = field(repr=False)
    name: str
    host: str
    began: float
    used: float
    noted: float
    principal: Principal | None = None


class BrowserSessions:
    """The sessions of one gateway.

    :param monotonic: the clock, which is never set back.
    :param wall: the wall clock, in seconds since the epoch. Only the state database has its times.
    :param new_secret: returns so many random bytes: ``secrets.token_bytes``.
    :ivar tokens: the tokens that began them.
    :ivar rules: how long sessions last.
    :ivar ended: called with each session that ends, and the reason.
    """

    def __init__(
        self,
        tokens: Tokens,
        rules: BrowserRules,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
        new_secret: Callable[[int], bytes],
    ) -> None:
        self.tokens = tokens
        self._monotonic = monotonic
        self._wall = wall
        self._new_secret = new_secret
        self._table: IStateTable | None = None
        self._sessions: dict[str, BrowserSession] = {}
        self.rules = rules
        self.ended: Callable[[BrowserSession, str], object] = lambda session, why: None

    def use_state(self, part: IStatePart) -> None:
        """See :class:`netd.interfaces.IStateful`. The sessions of before go on."""
        self._table = part.table("sessions")
        now, wall = self._monotonic(), self._wall()
        for key, kept in self._table.load(MOST_SESSIONS):
            try:
                began, used = (now - max(0.0, wall - kept[name]) for name in ("began", "used"))
                page, credential, name, host = (str(kept[one]) for one in ("page", "credential", "name", "host"))
            except (TypeError, KeyError):  # not in the form of this version: its owner signs in again, and netd starts
                self._table.drop(key)
                continue
            self._sessions[key] = BrowserSession(key, page, credential, name, host, began, used, used)

    def __iter__(self) -> Iterator[BrowserSession]:
        """The sessions, oldest first."""
        return iter([*self._sessions.values()])

    def begin(self, token: Credential, host: str) -> tuple[BrowserSession, str, str]:
        """Begin a session for the bearer of *token*.

        :param host: the address of the browser.
        :returns: the session, its cookie half and its page key.
        """
        cookie, page = new_half(self._new_secret), new_half(self._new_secret)
        now = self._monotonic()
        principal = _within_session(token)
        session = BrowserSession(
            _hash(cookie), _hash(page), _hash(principal.credential or ""), token.name, host, now, now, now, principal
        )
        self._make_room([one for one in self._sessions.values() if one.credential == session.credential], MOST_OF_ONE)
        self._make_room(list(self._sessions.values()), MOST_SESSIONS)
        self._sessions[session.key] = session
        self._note(session, SOON)
        return session, cookie, page

    def with_cookie(self, cookie: str) -> BrowserSession | None:
        """Return the session of which *cookie* is the cookie half. It says who is there, and gives no right to anything."""
        return self._sessions.get(_hash(cookie)) if cookie else None

    def find(self, cookie: str, page: str) -> BrowserSession:
        """Return the session with these two halves.

        :raises NotPermitted: if there is none, or it has just ended.
        :raises PrivateFileError: if the tokens cannot be read.
        """
        session = self.with_cookie(cookie)
        if session is None or not hmac.compare_digest(session.page, _hash(page)):
            raise NotPermitted(ENDED)
        why = self._over(session)
        if why:
            self.end(session, why)
            raise NotPermitted(f"{why}; sign in again")
        return session

    def use(self, session: BrowserSession) -> None:
        """Note that a person uses *session* now, and with it the token that began it.

        :raises PrivateFileError: if the tokens cannot be read.
        """
        session.used = self._monotonic()
        token = self.tokens.of_credential(session.credential)
        if token is not None:
            self.tokens.uses.note(token, self._wall(), session.host)
        if session.used - session.noted >= NOTED_EVERY:
            self._note(session, NOTED_EVERY)

    def left(self, session: BrowserSession) -> tuple[float, float]:
        """Return the seconds for which *session* goes on at most, and those for which it goes on without further use."""
        now = self._monotonic()
        at_most = max(0.0, session.began + self.rules.session_limit - now)
        return at_most, min(at_most, max(0.0, session.used + self.rules.session_idle - now))

    def is_there(self, session: BrowserSession) -> bool:
        """Whether *session* has not ended."""
        return self._sessions.get(session.key) is session

    def end(self, session: BrowserSession, why: str) -> None:
        """End *session*, and tell :attr:`ended`. A restart does not bring it back."""
        if self._sessions.pop(session.key, None) is None:
            return
        if self._table is not None:
            self._table.drop(session.key)
        self.ended(session, why)

    def end_all_of(self, name: str, why: str) -> int:
        """End the sessions of the token *name*. Return their number."""
        ending = [one for one in self._sessions.values() if one.name == name]
        for session in ending:
            self.end(session, why)
        return len(ending)

    def judge(self) -> None:
        """End the sessions whose time or token is over.

        While the file of tokens cannot be trusted, it ends none for their tokens: requests are refused meanwhile.
        """
        for session in list(self._sessions.values()):
            try:
                why = self._over(session)
            except PrivateFileError:
                return
            if why:
                self.end(session, why)

    def _over(self, session: BrowserSession) -> str:
        """Return why *session* is over; empty if it goes on. The principal is that of the token's line as it is now."""
        now = self._monotonic()
        if now - session.began >= self.rules.session_limit:
            return f"this session has ended after {duration(self.rules.session_limit)}"
        if now - session.used >= self.rules.session_idle:
            return f"this session has ended: nobody used it for {duration(self.rules.session_idle)}"
        token = self.tokens.of_credential(session.credential)
        if token is None:
            return "its token was removed or changed, or its end has come"
        if session.principal is None:
            session.principal = _within_session(token)
        return ""

    def _make_room(self, among: list[BrowserSession], most: int) -> None:
        if len(among) >= most:
            self.end(min(among, key=lambda one: one.used), f"there are {most} later sessions")

    def _note(self, session: BrowserSession, within: float) -> None:
        session.noted = session.used
        if self._table is not None:
            moved = self._wall() - self._monotonic()
            kept: dict[str, Any] = {name: getattr(session, name) for name in ("page", "credential", "name", "host")}
            self._table.note(session.key, {**kept, "began": session.began + moved, "used": session.used + moved}, within)


@define(eq=False)
class PageLogin:
    """What a connection brought of a session: the cookie half. The page key turns it into the session's principal.

    :ivar cookie: the cookie half.
    :ivar session: the session, once the page key has come.
    """

    sessions: BrowserSessions
    cookie: str = field(repr=False)
    session: BrowserSession | None = None

    def prove(self, page: str) -> Principal:
        """See :class:`netd.operations.CallerSession`.

        :raises PrivateFileError: if the tokens cannot be read.
        """
        self.session = self.sessions.find(self.cookie, page)
        assert self.session.principal is not None, "find has seen to it"
        return self.session.principal

    def use(self) -> None:
        """See :class:`netd.operations.CallerSession`."""
        if self.session is not None:
            self.sessions.use(self.session)

    def left(self) -> tuple[float, float] | None:
        """See :class:`netd.operations.CallerSession`."""
        return None if self.session is None else self.sessions.left(self.session)


def new_half(new_secret: Callable[[int], bytes]) -> str:
    """Return a new random text of 128 bits: half a session, or a ticket."""
    return base64.urlsafe_b64encode(new_secret(HALF_BYTES)).rstrip(b"=").decode()


def _within_session(token: Credential) -> Principal:
    return evolve(token.principal, proof=Proof.SESSION)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
