"""Which services a principal is shown for an operation: those where it may call the operation, or may see some subjects.

This module knows subjects and principals, and no wire.
"""

from __future__ import annotations

from netd.bus.subject import overlaps
from netd.cluster.rights import names_node
from netd.operations import Operation, node_of
from netd.principal import Principal, may

__all__ = ["instances_for", "sees_some", "subjects_of"]


def subjects_of(kind: str, instance: str) -> str:
    """Return the pattern of all subjects of one service."""
    return f"{kind}.{instance}.>"


def instances_for(principal: Principal, operation: Operation, instances: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of *instances* whose *operation* is open to *principal*.

    An operation that checks subjects by itself is shown where the principal sees some subject of the instance. A principal that
    is not confined is shown all operations, also those of higher roles: its user may ask for a better token.
    """
    if principal.subjects is None:
        return instances
    if not may(principal, operation.action):
        return ()
    if operation.spans_services:  # another node refuses callers that see nothing of it
        own = principal.subjects
        return tuple(instance for instance in instances if not node_of(instance) or names_node(own, node_of(instance)))
    kind, action = operation.kind, operation.action
    if not operation.checks_subjects:
        return tuple(instance for instance in instances if may(principal, action, subjects_of(kind, instance)))
    return tuple(instance for instance in instances if sees_some(principal, subjects_of(kind, instance)))


def sees_some(principal: Principal, pattern: str) -> bool:
    """Whether *principal* may see some subject that falls under *pattern*."""
    return principal.subjects is None or any(overlaps(own, pattern) for own in principal.subjects)
