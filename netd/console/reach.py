"""How far a caller reaches who is confined to some subjects: one rule, for dispatcher and operations alike.

It knows subjects and callers, and no wire.
"""

from __future__ import annotations

from netd.bus.subject import covers, split_pattern
from netd.errors import NotPermitted
from netd.operations import Caller, Operation

__all__ = ["check_reach", "instances_for", "may_see"]

EVERYWHERE = ("system", "bus")
"""Kinds of operations that are the daemon's own: what they tell is cut to what their caller may see."""


def may_see(caller: Caller, subject: str) -> bool:
    """Whether all that falls under *subject*, which may be a pattern, is among the subjects of *caller*.

    :raises ValueError: when *subject* is no pattern.
    """
    return caller.subjects is None or any(covers(own, subject) for own in caller.subjects)


def check_reach(caller: Caller, subject: str) -> None:
    """As :func:`may_see`.

    :raises NotPermitted: when it is not; the text names the subjects.
    :raises ValueError: when *subject* is no pattern.
    """
    if not may_see(caller, subject):
        raise NotPermitted(f"{subject} is not among the subjects of this token: {', '.join(caller.subjects or ())}")


def instances_for(caller: Caller, operation: Operation, instances: tuple[str, ...]) -> tuple[str, ...]:
    """Those of *instances* whose *operation* is open to *caller*; where it looks itself, those of which it sees something."""
    if caller.subjects is None:
        return instances
    if operation.role > caller.role:
        return ()
    if not operation.checks_subjects:
        return tuple(instance for instance in instances if may_see(caller, f"{operation.service}.{instance}.>"))
    if operation.service in EVERYWHERE:
        return instances
    return tuple(instance for instance in instances if _sees_some(caller.subjects, operation.service, instance))


def _sees_some(subjects: tuple[str, ...], kind: str, instance: str) -> bool:
    """Whether something under ``kind.instance`` can fall under one of *subjects*."""
    return any(_can_fall_under(split_pattern(pattern), kind, instance) for pattern in subjects)


def _can_fall_under(tokens: tuple[str, ...], *above: str) -> bool:
    is_open = tokens[-1] == ">"
    wanted = tokens[:-1] if is_open else tokens
    is_deep_enough = is_open or len(wanted) > len(above)
    return is_deep_enough and all(want in ("*", got) for want, got in zip(wanted, above, strict=False))
