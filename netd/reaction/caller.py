"""The caller of operations that a section of the configuration is."""

from __future__ import annotations

from attrs import frozen

from netd.operations import Caller
from netd.principal import Principal, Proof, Role

__all__ = ["caller_of"]


@frozen
class _Actor:
    principal: Principal


def caller_of(section: str) -> Caller:
    """Return the caller that *section* is: an operator, whom audit and log name by the section."""
    return Caller(_Actor(Principal(section, Role.OPERATOR, None, Proof.SECTION)), "configuration")
