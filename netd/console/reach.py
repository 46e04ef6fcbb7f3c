"""Which instances of an operation a principal is shown: those that it may call, or of which it sees something.

It knows subjects and principals, and no wire.
"""

from __future__ import annotations

from netd.bus.subject import overlaps
from netd.operations import Operation
from netd.principal import Principal, may

__all__ = ["instances_for", "sees_some", "subjects_of"]


def subjects_of(kind: str, instance: str) -> str:
    """All subjects of one service, as a pattern."""
    return f"{kind}.{instance}.>"


def instances_for(principal: Principal, operation: Operation, instances: tuple[str, ...]) -> tuple[str, ...]:
    """Those of *instances* whose *operation* is open to *principal*; where it looks itself, those of which that sees something.

    A principal that is not confined is shown all, those of higher roles too: it may ask for a better token.
    """
    if principal.subjects is None:
        return instances
    if not may(principal, operation.action):
        return ()
    if operation.spans_services:
        return instances
    kind, action = operation.kind, operation.action
    if not operation.checks_subjects:
        return tuple(instance for instance in instances if may(principal, action, subjects_of(kind, instance)))
    return tuple(instance for instance in instances if sees_some(principal, subjects_of(kind, instance)))


def sees_some(principal: Principal, pattern: str) -> bool:
    """Whether *principal* sees something of what falls under *pattern*."""
    return principal.subjects is None or any(overlaps(own, pattern) for own in principal.subjects)
