"""Tickets: each lets one request for one address in, within half a minute. Pure.

A browser downloads a file by following an address, to which no page can add a header, and a secret that stays good must not
stand in an address. A ticket is good for nothing any more by the time that a log or a history can keep it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import define, evolve, field, frozen

from netd.gateway.head import Head
from netd.gateway.sessions import BrowserSession, new_half
from netd.principal import Principal

__all__ = ["GOOD_FOR", "MOST_TICKETS", "Ticket", "Tickets", "without_ticket"]

GOOD_FOR = 30.0
"""Seconds within which a ticket is used, or never."""

MOST_TICKETS = 1000
"""Tickets that wait to be used. Over that, the oldest is forgotten."""

_TICKET = re.compile(r"(?:(.*)&)?ticket=([A-Za-z0-9_-]{1,64})")


@frozen
class Ticket:
    """One ticket.

    :ivar target: the path and the query that it is for.
    :ivar until: when it ends, by the monotonic clock.
    :ivar session: the browser's session that asked for it, with which it ends; None if a token did.
    """

    target: str
    principal: Principal
    until: float
    session: BrowserSession | None


@define(eq=False)
class Tickets:
    """The tickets of one gateway that wait to be used.

    :ivar monotonic: the clock, which is never set back.
    :ivar new_secret: returns so many random bytes.
    """

    monotonic: Callable[[], float]
    new_secret: Callable[[int], bytes]
    _waiting: dict[str, Ticket] = field(factory=dict, init=False)

    def make(self, target: str, principal: Principal, session: BrowserSession | None) -> str:
        """Return the text of a new ticket for *target*."""
        text = new_half(self.new_secret)
        self._waiting[text] = Ticket(target, principal, self.monotonic() + GOOD_FOR, session)
        while len(self._waiting) > MOST_TICKETS:
            del self._waiting[next(iter(self._waiting))]
        return text

    def take(self, text: str, target: str) -> Ticket | None:
        """Return the ticket *text*, which is used up now; None if there is none for *target*."""
        ticket = self._waiting.pop(text, None)
        return ticket if ticket is not None and ticket.target == target and self.monotonic() < ticket.until else None


def without_ticket(head: Head) -> tuple[str, Head]:
    """Return the ticket at the end of the address, and the head without it; an empty text if there is none."""
    found = _TICKET.fullmatch(head.query)
    return (found[2], evolve(head, query=found[1] or "")) if found else ("", head)
