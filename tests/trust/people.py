"""The columns of the table of actions: principals of each kind, by each proof."""

from __future__ import annotations

from collections.abc import Iterator

from netd.access.rules import ANYBODY, PEER
from netd.principal import ANONYMOUS, LOCAL, Kind, Principal, Proof, Role

__all__ = ["COLUMNS", "CONFINED", "CONSOLES", "OTHER", "OWN", "SENDS", "WORDS", "principals"]

OWN = "door-lock"
"""The name that every program has, or may run."""

OTHER = "window"
"""A name that none of them may have or run."""

SENDS = "bell"
"""The device that the device may send to."""

CONFINED = ("relay.>",)
"""The subjects of the confined operator."""

_USERS = {
    "viewer": (Role.VIEWER, None),
    "operator": (Role.OPERATOR, None),
    "admin": (Role.ADMIN, None),
    "confined": (Role.OPERATOR, CONFINED),
}

_PROGRAMS = {kind.value: kind for kind in Kind if kind is not Kind.USER}

WORDS = {**{name: role.name.lower() for name, (role, _) in _USERS.items()}, **{name: name for name in _PROGRAMS}}
"""The word of each column's credential in the file of credentials."""

CONSOLES = ("gateway.visit", "gateway.metrics")
"""The actions of the gateway, where an address has no rights once a user has a token."""

COLUMNS = ("unknown", "by address", *_USERS, *_PROGRAMS)
"""The columns of the table, which must be all that there are."""


def principals(column: str) -> Iterator[Principal]:
    """The principals of a column: one for each proof that it can give."""
    if column == "unknown":
        yield ANONYMOUS
    elif column == "by address":
        yield from (LOCAL, PEER, ANYBODY)
    elif column in _USERS:
        role, subjects = _USERS[column]
        for proof in (Proof.TOKEN, Proof.CERTIFICATE, Proof.SESSION, Proof.PASSWORD, Proof.KEY, Proof.UNIX):
            yield Principal(column, role, subjects, proof, f"{column} line")
    else:
        only, sends = ((OWN,), ()) if column == "command" else ((), (SENDS,) if column == "device" else ())
        name = "nightly" if column == "command" else OWN
        for proof in (Proof.TOKEN, Proof.CERTIFICATE):
            yield Principal(name, Role.NOBODY, None, proof, f"{name} line", _PROGRAMS[column], only, sends)
