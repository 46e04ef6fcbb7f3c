"""What a service says of itself, in ``system.status``: the members that all kinds have."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Prose, Seconds

__all__ = ["Counters", "DialStatus", "ListeningPlace", "ServiceStatus"]

Counters = dict[str, int | dict[str, int]]
"""What a service has counted since its start: a number, or one for each reason."""


@frozen(slots=False)
class ListeningPlace:
    """Where a service listens.

    :ivar address: for people.
    :ivar reach: who may reach it, in words.
    """

    address: str
    reach: str


@frozen(slots=False)
class DialStatus:
    """A remote that a service dials.

    :ivar remote: the endpoint that is dialled.
    :ivar connected_for: age of the connection; None while there is none.
    :ivar next_attempt: time until the next attempt; None while none is pending.
    :ivar failures: attempts that failed, and connections that did not last, in a row.
    :ivar last_failure: why the newest attempt failed or connection ended, with a remedy; None before the first failure.
    """

    remote: str
    state: str
    connected_for: Seconds | None
    next_attempt: Seconds | None
    failures: int
    last_failure: Prose | None


@frozen(slots=False, kw_only=True)
class ServiceStatus:
    """The status of a service. A kind that has more to say adds members in a class of its own.

    :ivar kind: the kind of its section.
    :ivar instance: ``main``, or what follows the colon in the section's name.
    :ivar connections: how many are open.
    """

    kind: str
    instance: str
    listening: list[ListeningPlace]
    connections: int
    counters: Counters
