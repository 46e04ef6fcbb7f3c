"""Names that belong to whoever proves them: of devices, agents and bots for which there are credentials.

A name without a credential belongs to the connection that has it, and each service has rules for who may take it over. A name
with one is taken by nobody without its proof, not from this machine either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from netd.errors import NotPermitted
from netd.principal import Kind, Principal

__all__ = ["NOTHING_RESERVED", "Reserves", "check_owns", "owns", "refusal", "usurped"]


class Reserves(Protocol):
    """Knows which names have credentials."""

    def is_reserved(self, kind: Kind, name: str) -> bool:
        """Return True if a credential of *kind* is for *name*."""


class _NothingReserved:
    """For services outside of a daemon: there are no credentials."""

    def is_reserved(self, kind: Kind, name: str) -> bool:
        return False


NOTHING_RESERVED: Reserves = _NothingReserved()


def owns(reserves: Reserves, principal: Principal, kind: Kind, name: str) -> bool:
    """Return True if no credential stands between *principal* and *name*, which a program of *kind* wants."""
    return (principal.kind is kind and name in principal.names) or not reserves.is_reserved(kind, name)


def check_owns(reserves: Reserves, principal: Principal, kind: Kind, name: str) -> None:
    """Raise an error unless *principal* :func:`owns` the *name*.

    :raises NotPermitted: with the remedy.
    """
    if not owns(reserves, principal, kind, name):
        raise NotPermitted(refusal(kind, name))


def usurped(reserves: Reserves, principal: Principal, kind: Kind, names: Iterable[str]) -> str:
    """Return why a connection loses one of its *names*, for which a credential has come since; empty if it keeps them."""
    return next((refusal(kind, name) for name in names if not owns(reserves, principal, kind, name)), "")


def refusal(kind: Kind, name: str) -> str:
    """Return why nobody is *name* without its token."""
    return (
        f"the name {name!r:.80} belongs to the {kind.value} whose credential has it: connect with its token (`netd token rotate "
        f"{name}` prints a new one)"
    )
