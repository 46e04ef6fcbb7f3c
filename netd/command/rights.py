"""What programs may do at a command service: run commands, and list those that they may run."""

from __future__ import annotations

from attrs import evolve

from netd.principal import Action, Kind, Role

__all__ = ["LISTING", "RUN", "action_of"]

RUN = Action("command.run", Role.OPERATOR, frozenset({Kind.COMMAND}), is_open=True, is_own=True)
"""To run a command that declares no role of its own."""

LISTING = Action("command.list", Role.VIEWER, frozenset({Kind.COMMAND}), is_open=True)
"""To list the commands that the caller may run."""


def action_of(role: Role) -> Action:
    """Return the action of running a command that takes *role*."""
    return RUN if role is RUN.role else evolve(RUN, role=role)
