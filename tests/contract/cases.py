"""What a case is: one call, who may make it, and what comes of it wherever it is made."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Protocol

from attrs import field, frozen

from netd.operations import Role

__all__ = ["ROLE", "THERE", "Case", "Code", "Fault", "Row", "invalid", "missing"]

THERE = object()
"""In arguments and results: what the company of the case has told."""

ROLE = object()
"""In results: the name of the caller's role."""


class Code(enum.IntEnum):
    """The codes of errors (console protocol)."""

    NOT_JSON = -32700
    INVALID_REQUEST = -32600
    NO_SUCH_OPERATION = -32601
    INVALID_ARGUMENTS = -32602
    FAILED = -32000
    NO_SUCH_TARGET = -32001
    NOT_PERMITTED = -32002
    OUTDATED = -32004


@frozen
class Fault:
    """An error.

    :ivar is_form: it is in the form of the call: what takes typed words finds it by itself, and says it in words of its own.
    """

    code: Code
    text: str
    is_form: bool = field(default=False, kw_only=True)


def missing(name: str) -> Fault:
    """An argument must be given."""
    return Fault(Code.INVALID_ARGUMENTS, f"{name}: this argument is missing", is_form=True)


def invalid(text: str, *, is_form: bool = False) -> Fault:
    """An argument is not right."""
    return Fault(Code.INVALID_ARGUMENTS, text, is_form=is_form)


class Company(Protocol):
    """See :data:`tests.contract.company.Company`."""

    def __call__(self, world: Any) -> Any: ...


@frozen
class Case:
    """One call.

    :ivar what: a few words for the name of the test, behind that of the operation.
    :ivar result: a pattern of it (:mod:`tests.contract.patterns`); what it is where there is no fault.
    :ivar company: who is there.
    :ivar before: calls over the same connection, which must be done before.
    :ivar exit: that of the command line, where the result itself says that something went wrong.
    """

    what: str
    arguments: Mapping[str, Any] = field(factory=dict)
    result: Any = field(default=None, kw_only=True)
    fault: Fault | None = field(default=None, kw_only=True)
    company: Company | None = field(default=None, kw_only=True)
    before: tuple[tuple[str, Mapping[str, Any]], ...] = field(default=(), kw_only=True)
    exit: int = field(default=0, kw_only=True)


@frozen
class Row:
    """One operation.

    :ivar role: the least that may call it.
    :ivar lasts: it makes sense only on a connection that stays.
    :ivar is_last: it ends the daemon, or its taking of connections: it has tests of its own.
    """

    role: Role
    cases: tuple[Case, ...]
    lasts: bool = field(default=False, kw_only=True)
    is_last: bool = field(default=False, kw_only=True)

    def refusal(self, operation: str) -> Fault:
        """What comes of a lasting operation where connections do not stay."""
        needs = "needs a connection that stays open: a WebSocket (/ws), or the control socket"
        return Fault(Code.INVALID_ARGUMENTS, f"{operation} {needs}", is_form=True)

    def forbidden(self, operation: str, role: Role) -> Fault:
        """What comes of it for a role that is too low."""
        takes, has = self.role.name.lower(), role.name.lower()
        return Fault(Code.NOT_PERMITTED, f"{operation} needs the role {takes}; this caller has the role {has}")
