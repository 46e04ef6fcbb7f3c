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
    "PROVE_FIRST",
    "Action",
    "Identified",
    "Kind",
    "Principal",
    "Proof",
    "Role",
    "check",
    "denial",
    "may",
]

LOGIN_FIRST = "say who you are first: a token, in `Authorization: Bearer …` or by system.login"
"""Told to a principal without any role where a role is needed."""

PROVE_FIRST = "this address alone is not admitted: say who you are by a token, which `netd token add` makes, in the first message"
"""Told to an unknown principal that does what programs of the wires do."""


class Role(enum.IntEnum):
    """What a principal may do with operations; each role may do all that a lower one may."""

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


class Kind(enum.Enum):
    """What a principal is. The file of credentials has the value as a word, except for a user's, whose word is its role."""

    USER = "user"
    """A person, or a program of the consoles: role and subjects tell what it may do."""
    DEVICE = "device"
    AGENT = "agent"
    BOT = "bot"
    COMMAND = "command"
    """A program that runs commands."""
    FEED = "feed"
    """A program that reads feeds."""
    METRICS = "metrics"
    """A program that reads the figures of the daemon, as Prometheus does."""


class Proof(enum.Enum):
    """The evidence for a principal. ``system.whoami`` tells the value."""

    NONE = "none"
    """No evidence, and an address that proves nothing either."""
    LOOPBACK = "loopback"
    """An address that only this machine has."""
    PEERS = "peers"
    """An address that the section's ``peers`` name."""
    ANYONE = "anyone"
    """None is needed: the section has ``access = anyone``."""
    UNIX = "unix"
    """The operating system names the user of a process on this machine."""
    PASSWORD = "password"  # noqa: S105 - the word for it
    KEY = "key"
    """A key of SSH."""
    TOKEN = "token"  # noqa: S105 - the word for it
    CERTIFICATE = "certificate"
    """A client certificate, shown in a TLS handshake."""
    SESSION = "session"
    """A browser's session, which a token began."""
    NODE = "node"
    """Another node of the cluster vouches for its caller."""
    SECTION = "section"
    """A section of the configuration acts by itself."""


_BY_ADDRESS = frozenset((Proof.LOOPBACK, Proof.PEERS, Proof.ANYONE))
"""Proofs that programs give which cannot say anything about themselves."""

_NOUNS = {
    Proof.UNIX: "user",
    Proof.PASSWORD: "user",
    Proof.KEY: "user",
    Proof.TOKEN: "token",
    Proof.CERTIFICATE: "certificate",
    Proof.SESSION: "token",
    Proof.SECTION: "section",
}
"""The kind of thing that a name belongs to, by proof."""


@frozen
class Principal:
    """The other side of a connection: a user, a program, or somebody at an address. Connections may share one object.

    :ivar name: None where nothing but the address is known, which the connection has.
    :ivar role: :attr:`Role.NOBODY` for all kinds but users.
    :ivar subjects: the patterns of subjects that the principal is confined to; None where it is not confined.
    :ivar credential: the line of the credential that proved it, as its file has it: when that line changes, the proof is over.
        None where there is no such line.
    :ivar only: the names that it may take or run, as the kind has it; empty for its own name alone.
    :ivar sends: the devices that a device may send messages to.
    """

    name: str | None
    role: Role
    subjects: tuple[str, ...] | None
    proof: Proof
    credential: str | None = field(default=None, repr=False)
    kind: Kind = Kind.USER
    only: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()

    def __str__(self) -> str:
        """For the log, e.g. ``token panel``; empty where the address tells all that is known. Another node says it as a whole."""
        if self.name is None:
            return ""
        noun = _NOUNS.get(self.proof, "") if self.kind is Kind.USER else self.kind.value
        return f"{noun} {self.name}".lstrip()

    @property
    def has_rights(self) -> bool:
        """Whether the principal has any right that its address alone does not give."""
        return self.role is not Role.NOBODY or self.kind is not Kind.USER

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it may take or run where an action is about its own name."""
        return self.only or ((self.name,) if self.name is not None else ())

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
    :ivar role: the least role that a user needs for it.
    :ivar kinds: the kinds of principals that may do it without a role.
    :ivar is_open: open to principals that only their address proves, unless it takes a role above operator: programs of before
        netd cannot prove anything.
    :ivar is_own: principals of :attr:`kinds` may do it to their own names alone.
    :ivar is_sending: principals of :attr:`kinds` may do it to the names of their :attr:`Principal.sends` alone.
    """

    name: str
    role: Role
    kinds: frozenset[Kind] = frozenset()
    is_open: bool = False
    is_own: bool = False
    is_sending: bool = False


def may(principal: Principal, action: Action, subject: str | None = None, name: str | None = None) -> bool:
    """Return True if *principal* may do *action* to everything under *subject*.

    :param subject: a subject, or a pattern all of which is needed; None where the action is about no subject, or asks about its
        subjects one by one, later.
    :param name: the device, agent, command, … that the action is about; None where it is about none, or asks later.
    :raises ValueError: when *subject* is no pattern.
    """
    return _refusal(principal, action, subject, name) is None


def check(principal: Principal, action: Action, subject: str | None = None, name: str | None = None) -> None:
    """Raise an error unless *principal* may do *action*; see :func:`may`.

    :raises NotPermitted: saying what is missing.
    :raises ValueError: when *subject* is no pattern.
    """
    why = _refusal(principal, action, subject, name)
    if why is not None:
        raise NotPermitted(why, denial(principal, action, subject))


def denial(principal: Principal, action: Action, subject: str | None = None) -> dict[str, str]:
    """Return the facts of a refusal, as :class:`netd.errors.NotPermitted` has them: pages show all refusals alike."""
    role = action.role.name.lower()
    kinds = "".join(f", or a token of the kind {kind}" for kind in sorted(kind.value for kind in action.kinds))
    confined = f" --subject '{subject}'" if subject is not None and principal.subjects is not None else ""
    return {
        "asked": action.name,
        "takes": f"the role {role}{kinds}" + (f", for {subject}" if confined else ""),
        "you": _described(principal),
        "remedy": f"netd token add NAME --role {role}{confined}",
    }


def _described(principal: Principal) -> str:
    if principal.kind is not Kind.USER:
        return str(principal)
    if principal.role is Role.NOBODY:
        return "nobody yet: no token was given"
    confined = "" if principal.subjects is None else f", for {', '.join(principal.subjects)} alone"
    return f"{str(principal) or 'on this machine'}, {principal.role.name.lower()}{confined}"


def _refusal(principal: Principal, action: Action, subject: str | None, name: str | None) -> str | None:
    if action.is_open and principal.name is None and principal.proof in _BY_ADDRESS and action.role <= Role.OPERATOR:
        return None
    why = _kind_refusal(principal, action, name) if principal.kind in action.kinds else _role_refusal(principal, action)
    if why is None and subject is not None and not principal.sees(subject):
        why = f"{action.name} needs a token for the subjects {subject}; this one is for {', '.join(principal.subjects or ())}"
    return why


def _role_refusal(principal: Principal, action: Action) -> str | None:
    if principal.role >= action.role:
        return None
    if principal.kind is not Kind.USER:
        kinds = "".join(f", or the token of {_with_article(kind.value)}" for kind in sorted(action.kinds, key=lambda k: k.value))
        return f"{action.name} needs the role {action.role.name.lower()}{kinds}; this caller is the {principal}"
    if principal.role is Role.NOBODY:
        if action.is_open and principal.proof in _BY_ADDRESS:
            return f"{action.name} needs the role {action.role.name.lower()} here, and of this program only the address is known"
        return PROVE_FIRST if action.is_open and principal is ANONYMOUS else LOGIN_FIRST
    return f"{action.name} needs the role {action.role.name.lower()}; this caller has the role {principal.role.name.lower()}"


def _kind_refusal(principal: Principal, action: Action, name: str | None) -> str | None:
    if not (action.is_own or action.is_sending) or name is None:
        return None
    allowed = principal.sends if action.is_sending else principal.names
    if name in allowed:
        return None
    for_whom = f"for {', '.join(allowed)} alone" if allowed else "for no name at all"
    return f"{action.name} for {name!r:.80} is not permitted: the {principal} may do it {for_whom}"


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
