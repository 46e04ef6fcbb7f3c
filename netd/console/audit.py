"""The audit: who has called which operation, with which arguments, and with which outcome.

Each call of an operation of role operator or above becomes an event when it has ended, also one that was refused. The events are
ordinary ones: whoever wants to keep them subscribes. While nobody does, a call costs one question more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from attrs import define, field

from netd.codec.units import Address, Epoch, Took
from netd.errors import NetdError, NotPermitted
from netd.interfaces import IBus
from netd.log import LogLimiter
from netd.message import EventKind, Message
from netd.operations import MAIN, Caller, Operation, Role
from netd.principal import ANONYMOUS, Principal
from netd.redaction import abridged, redacted

__all__ = ["AUDITED", "Audit", "AuditedCall", "Pending"]

EVERY = 1.0
"""Seconds between two events about refused calls of one operation by callers without a role. Anybody can make as many as the
network carries, and would fill the records with them."""

LOGIN = "system.login"
"""The operation that events of failed logins name, whatever the console."""

# A class cannot have a member called `from`, which the relay's protocol, too, calls a sender.
AuditedCall = TypedDict(
    "AuditedCall",
    {
        "who": str,
        "from": Address,
        "role": str,
        "operation": str,
        "node": str,
        "arguments": dict[str, Any],
        "outcome": str,
        "error": str,
        "seconds": Took,
        "time": Epoch,
    },
)
"""``audit.<instance>.<service>.<verb>``: an operation of role operator or above was called, and the call has ended.

``who`` is the caller's principal (``token panel``, ``user root``), and empty where only its address is known; ``from`` is the
console and the address. ``node`` is the node that the operation was to be carried out by; empty for this one. Where a caller of
another node has called, ``who`` names its node. ``outcome`` is ``done``, ``failed`` or ``refused``.
"""

AUDITED = EventKind("audit.>", AuditedCall)


class _Unnamed:
    """Somebody who has left no trace but what he did."""

    principal = ANONYMOUS


@define(eq=False)
class Audit:
    """Publishes the ends of calls.

    :ivar monotonic: the clock by which calls are measured.
    """

    bus: IBus
    monotonic: Callable[[], float]
    _refused: LogLimiter = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._refused = LogLimiter(self.monotonic, EVERY)

    def begin(self, operation: Operation, instance: str, given: Mapping[str, Any] | list[Any], caller: Caller) -> Pending | None:
        """Note the beginning of a call. Returns None if nobody wants to know its end.

        Of operations that are open to all, which is the login, only failures are published: somebody may be trying tokens.
        """
        if operation.role is Role.VIEWER:
            return None
        name, _, node = instance.partition("@")
        subject = f"audit.{name or MAIN}.{operation.name}"  # the event is this node's own, whichever one carries it out
        if not self.bus.wants(subject):
            return None
        return self._pending(subject, operation.name, _by_name(operation, given), caller, operation.role > Role.VIEWER, node)

    def note(self, name: str, caller: Caller, arguments: Mapping[str, Any], seconds: float = 0.0) -> None:
        """Publish something that is no operation of the table, such as the opening of a prompt."""
        subject = f"audit.{MAIN}.{name}"
        if self.bus.wants(subject):
            pending = self._pending(subject, name, arguments, caller, True)
            pending.started -= seconds
            pending.end("done")

    def credential_changed(self, change: str, what: str, name: str) -> None:
        """Publish that a credential was ``added`` or ``removed``. Whoever may write its file has done it, on this machine."""
        self.note(f"credential.{change}", Caller(_Unnamed(), "its file"), {"name": name, "what": what})

    def login_failed(self, caller: Caller, why: str) -> None:
        """Publish a wrong token or password that came by another way than ``system.login``."""
        subject = f"audit.{MAIN}.{LOGIN}"
        if self.bus.wants(subject):
            self._pending(subject, LOGIN, {}, caller, False).refused(NotPermitted(why))

    def may_publish(self, operation: str, host: str) -> bool:
        """Return False if a refused call of *operation* from *host* by a caller without a role is one too many."""
        return self._refused.admit(operation, host) is not None

    def _pending(
        self, subject: str, name: str, arguments: Mapping[str, Any], caller: Caller, tells_success: bool, node: str = ""
    ) -> Pending:
        return Pending(self, subject, name, caller, caller.principal, redacted(arguments), self.monotonic(), tells_success, node)


@define(eq=False)
class Pending:
    """A call that has begun.

    :ivar principal: the caller's principal at the beginning: a login can change it before the end.
    """

    audit: Audit
    subject: str
    name: str
    caller: Caller
    principal: Principal
    arguments: dict[str, Any]
    started: float
    tells_success: bool
    node: str = ""

    def done(self, result: Any) -> Any:
        """Publish that the call has its result, which is passed on."""
        if self.tells_success:
            self.end("done")
        return result

    def failed(self, failure: Any) -> Any:
        """Publish the failure, which is passed on. Of an exception that is a fault of netd's own, only the log has the text."""
        error = failure.value
        if isinstance(error, NetdError):
            self.refused(error, "refused" if isinstance(error, NotPermitted) else "failed")
        else:
            self.end("failed", f"internal error ({type(error).__name__})")
        return failure

    def refused(self, error: NetdError, outcome: str = "refused") -> None:
        """Publish *error*, unless the caller has no role and such events come too often."""
        if self.principal.role is not Role.NOBODY or self.audit.may_publish(self.name, self.caller.host):
            self.end(outcome, str(error))

    def end(self, outcome: str, error: str = "") -> None:
        """Publish the end of the call."""
        bus = self.audit.bus
        event: AuditedCall = {
            "who": str(self.principal),
            "from": self.caller.origin,
            "role": self.principal.role.name.lower(),
            "operation": self.name,
            "node": self.node,
            "arguments": self.arguments,
            "outcome": outcome,
            "error": abridged(error),
            "seconds": max(0.0, self.audit.monotonic() - self.started),
            "time": bus.wall(),
        }
        bus.publish(Message(self.subject, event))


def _by_name(operation: Operation, given: Mapping[str, Any] | list[Any]) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return {name: value for name, value in given.items() if name != "instance"}  # which is in the subject
    names = [argument.name for argument in operation.arguments]
    return dict(zip([*names, *map(str, range(len(names), len(given)))], given, strict=False))
