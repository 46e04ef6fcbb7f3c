"""Who is at a connection, and the one rule of what that principal may do.

Every connection has a principal from its first moment on: one that is known by its address alone, until a proof replaces it.
Console operations and the programs on the wires ask the same :func:`may`, with an action and the subject that it is about. The
module knows no wire, no file and no service.
"""

from __future__ import annotations

import enum
from typing import Protocol

from attrs import field, frozen

from netd.bus.subject import covers
from netd.errors import NotPermitted

__all__ = [
    "ANONYMOUS",
    "LOCAL",
    "LOCAL_ADMIN",
    "LOGIN_FIRST",
    "Action",
    "Identified",
    "Principal",
    "Proof",
    "Role",
    "check",
    "may",
]

LOGIN_FIRST = "say who you are first: a token, in `Authorization: Bearer …` or by system.login"
"""Told to a principal without any role where a role is needed."""


class Role(enum.IntEnum):
    """What a principal may do with operations; each role may do all that a lower one may."""

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


class Proof(enum.Enum):
    """By what a principal is known. The values are what ``system.whoami`` tells."""

    NONE = "none"
    """By its address alone."""
    LOOPBACK = "loopback"
    """By its address, which only this machine has."""
    UNIX = "unix"
    """By the operating system: the user of a process on this machine."""
    PASSWORD = "password"  # noqa: S105 - the word for it
    TOKEN = "token"  # noqa: S105 - the word for it


_NOUNS = {Proof.UNIX: "user", Proof.PASSWORD: "user", Proof.TOKEN: "token"}
"""What the name of a principal is the name of."""


@frozen
class Principal:
    """Who is at a connection. Connections whose principals are alike may share one object.

    :ivar name: None where nothing but the address is known; that is the connection's to tell.
    :ivar role: what it may do with operations.
    :ivar subjects: the subject patterns that it is confined to; None for one that is not confined.
    :ivar proof: by what it is known.
    :ivar credential: the line of the credential that proved it, as its file has it: when that line changes, the proof is over.
        None where there is no such line.
    """

    name: str | None
    role: Role
    subjects: tuple[str, ...] | None
    proof: Proof
    credential: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """For the log, e.g. ``token panel``; empty where the address tells all that is known."""
        return "" if self.name is None else f"{_NOUNS[self.proof]} {self.name}"

    def sees(self, subject: str) -> bool:
        """Whether all that falls under *subject*, which may be a pattern, is among its subjects.

        :raises ValueError: when *subject* is no pattern.
        """
        return self.subjects is None or any(covers(own, subject) for own in self.subjects)


class Identified(Protocol):
    """What has a principal: a connection, whatever it is made of."""

    @property
    def principal(self) -> Principal:
        """Who is at the other end."""


ANONYMOUS = Principal(None, Role.NOBODY, None, Proof.NONE)
"""The principal of a connection before, or without, a proof."""

LOCAL = Principal(None, Role.NOBODY, None, Proof.LOOPBACK)
"""The same, where only this machine can have made the connection and that matters."""

LOCAL_ADMIN = Principal(None, Role.ADMIN, None, Proof.LOOPBACK)
"""The same, where everyone on this machine may do everything."""


@frozen
class Action:
    """Something that principals do.

    :ivar name: ``kind.verb``, as refusals name it.
    :ivar role: the least role that it takes.
    :ivar is_open: a principal without a name may do it, whatever its role: programs of before have no way to prove who they are.
    """

    name: str
    role: Role
    is_open: bool = False


def may(principal: Principal, action: Action, subject: str | None = None) -> bool:
    """Whether *principal* may do *action* to what is published under *subject*.

    :param subject: a subject, or a pattern all of which is needed; None where the action is about none, or its subjects are asked
        about one by one, later.
    :raises ValueError: when *subject* is no pattern.
    """
    return _refusal(principal, action, subject) is None


def check(principal: Principal, action: Action, subject: str | None = None) -> None:
    """As :func:`may`.

    :raises NotPermitted: when it may not; the text says what is missing.
    :raises ValueError: when *subject* is no pattern.
    """
    why = _refusal(principal, action, subject)
    if why is not None:
        raise NotPermitted(why)


def _refusal(principal: Principal, action: Action, subject: str | None) -> str | None:
    if action.is_open and principal.name is None:
        return None
    if principal.role < action.role:
        if principal.role is Role.NOBODY:
            return LOGIN_FIRST
        return f"{action.name} needs the role {action.role.name.lower()}; this caller has the role {principal.role.name.lower()}"
    if subject is not None and not principal.sees(subject):
        return f"{action.name} needs a token for the subjects {subject}; this one is for {', '.join(principal.subjects or ())}"
    return None
