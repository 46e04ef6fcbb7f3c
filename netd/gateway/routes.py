"""The words of the gateway's table of paths: what each path takes, which access it needs, and how it is answered."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from attrs import frozen

from netd.gateway.head import Head
from netd.operations import Caller
from netd.principal import Action, Principal, Role

__all__ = ["FORM_BODY", "JSON_BODY", "OPTIONS", "READING", "VISIT", "Access", "Admission", "Handler", "SiteRoute"]

OPTIONS = "OPTIONS"
"""The method that asks for the methods of a path. Load balancers probe with it, and take any answer but 2xx for a failure."""

READING = ("GET", "HEAD", OPTIONS)

JSON_BODY, FORM_BODY = "application/json", "application/x-www-form-urlencoded"
"""The types of bodies that paths take."""


VISIT = Action("gateway.visit", Role.VIEWER)
"""The right that every request needs, except for those of pages, before the operation is known."""


class Access(enum.Enum):
    """The access that a path needs."""

    ANYONE = enum.auto()
    KNOWN = enum.auto()
    """For senders with a token, or on this machine while there are no tokens."""
    SOON_KNOWN = enum.auto()
    """Like :attr:`KNOWN`, and for senders that can log in on the WebSocket that the request opens."""


@frozen
class Admission:
    """A request that was admitted by its head.

    :ivar caller: the caller at the connection.
    :ivar principal: its sender, which is the connection's principal from now on; anonymous if no access is needed.
    :ivar body: its body, once that is complete.
    """

    head: Head
    caller: Caller
    principal: Principal
    body: bytes = b""


Handler = Callable[[Admission], Any]
"""Returns the answer to a request, or a Deferred of it."""


@frozen
class SiteRoute:
    """One path.

    :ivar handler: None for a WebSocket.
    :ivar takes: the type of the body of a POST.
    :ivar action: the right that it takes, where access is for senders that are known.
    """

    methods: tuple[str, ...]
    access: Access
    handler: Handler | None
    takes: str = JSON_BODY
    action: Action = VISIT
