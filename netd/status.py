"""The status of a service in ``system.status``: the members that all kinds have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from netd.codec.units import Epoch, Prose, Seconds

__all__ = ["Counters", "DialStatus", "ListeningPlace", "ServiceStatus", "Work", "section_of"]

Counters = dict[str, int | dict[str, int]]
"""Counters of a service since its start: a number, or a number for each reason."""


@frozen(slots=False)
class ListeningPlace:
    """Where a service listens.

    :ivar address: the endpoint, for people.
    :ivar reach: a phrase that says who can reach it.
    :ivar certificate_end: the end of the certificate that is shown there; None without TLS.
    """

    address: str
    reach: str
    certificate_end: Epoch | None = None


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


@frozen(slots=False)
class Work:
    """What a service without an endpoint does: a line of the tables of ``netd status`` and of the start.

    :ivar what: a phrase, as ``records to /var/lib/netd/recorder/main``.
    :ivar how: the state, and its bounds.
    """

    what: str
    how: str


@frozen(slots=False, kw_only=True)
class ServiceStatus:
    """The status of a service. Kinds add members in subclasses.

    :ivar kind: the kind of its section.
    :ivar instance: ``main``, or what follows the colon in the section's name.
    :ivar connections: number of open connections.
    """

    kind: str
    instance: str
    listening: list[ListeningPlace]
    connections: int
    counters: Counters


def section_of(status: Mapping[str, Any]) -> str:
    """Return the name of the section of a service with this status: ``relay``, ``relay:lab2``."""
    kind, instance = str(status["kind"]), status["instance"]
    return kind if instance == "main" else f"{kind}:{instance}"
