"""The principal of a connection, and the one rule of what a principal may do.

Each connection has a principal from its beginning: an anonymous one, known by its address alone, until a proof puts another in
its place. Consoles and wires ask the same question, :func:`may`, with an action and the subject that the action is about. This
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
    """The evidence for a principal. ``system.whoami`` tells the value."""

    NONE = "none"
    """No evidence but the address."""
    LOOPBACK = "loopback"
    """An address that only this machine has."""
    UNIX = "unix"
    """The operating system names the user of a process on this machine."""
    PASSWORD = "password"  # noqa: S105 - the word for it
    TOKEN = "token"  # noqa: S105 - the word for it
    NODE = "node"
    """Another node of the cluster vouches for its caller."""


_NOUNS = {Proof.UNIX: "user", Proof.PASSWORD: "user", Proof.TOKEN: "token"}
"""The kind of thing that a principal's name belongs to, by proof."""


@frozen
class Principal:
    """The other side of a connection: a user, the bearer of a token, or somebody at an address. Connections may share one object.

    :ivar name: None where nothing but the address is known, which the connection has.
    :ivar subjects: the patterns of subjects that the principal is confined to; None where it is not confined.
    :ivar credential: the line of the credential that proved it, as its file has it: when that line changes, the proof is over.
        None where there is no such line.
    """

    name: str | None
    role: Role
    subjects: tuple[str, ...] | None
    proof: Proof
    credential: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """For the log, e.g. ``token panel``; empty where the address tells all that is known. Another node says it as a whole."""
        return "" if self.name is None else f"{_NOUNS.get(self.proof, '')} {self.name}".lstrip()

    def sees(self, subject: str) -> bool:
        """Return True if everything under *subject*, which may be a pattern, is among the principal's subjects.

        :raises ValueError: when *subject* is no pattern.
        """
        return self.subjects is None or any(covers(own, subject) for own in self.subjects)


class Identified(Protocol):
    """Anything that has a principal: a connection, whatever it is made of."""

    @property
    def principal(self) -> Principal:
        """The other side of the connection."""


ANONYMOUS = Principal(None, Role.NOBODY, None, Proof.NONE)
"""The principal of a connection without a proof."""

LOCAL = Principal(None, Role.NOBODY, None, Proof.LOOPBACK)
"""The principal of a connection that only this machine can have made, where that makes a difference."""

LOCAL_ADMIN = Principal(None, Role.ADMIN, None, Proof.LOOPBACK)
"""The same, while everyone on this machine is administrator."""


@frozen
class Action:
    """Something that principals do.

    :ivar name: ``kind.verb``, which refusals name.
    :ivar role: the least role that the action takes.
    :ivar is_open: open to principals without a name, whatever their role: legacy programs cannot prove anything.
    """

    name: str
    role: Role
    is_open: bool = False


def may(principal: Principal, action: Action, subject: str | None = None) -> bool:
    """Return True if *principal* may do *action* to everything under *subject*.

    :param subject: a subject, or a pattern all of which is needed; None where the action is about no subject, or asks about its
        subjects one by one, later.
    :raises ValueError: when *subject* is no pattern.
    """
    return _refusal(principal, action, subject) is None


def check(principal: Principal, action: Action, subject: str | None = None) -> None:
    """Raise an error unless *principal* may do *action*; see :func:`may`.

    :raises NotPermitted: saying what is missing.
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
