"""Credentials in memory, for tests of machines: what a section's access knows of the file of tokens."""

from __future__ import annotations

from typing import Any

from netd.access.rules import AccessRules, AccessWord
from netd.access.section import SectionAccess
from netd.errors import NotPermitted
from netd.principal import Kind, Principal, Proof, Role

__all__ = ["Credentials", "TokenAccess"]


class Credentials:
    """The credentials of one section.

    :ivar shown: the kinds for which each token was shown.
    """

    takes_tokens = True

    def __init__(self) -> None:
        self.shown: list[tuple[Kind, ...]] = []
        self._principals: dict[str, Principal] = {}

    def add(self, name: str, kind: Kind, role: Role = Role.NOBODY, number: int = 1, **rights: Any) -> str:
        """Make a credential, and return its token. A *number* makes another line of the same name."""
        token = f"netd_{name}-{number}"
        principal = Principal(name, role, rights.pop("subjects", None), Proof.TOKEN, f"{name} {token}", kind, **rights)
        self._principals[token] = principal
        return token

    def prove(self, peer: Any, text: str, *kinds: Kind) -> None:
        """See :meth:`netd.access.section.SectionAccess.prove`."""
        self.shown.append(kinds)
        found = self._principals.get(text)
        if found is None or found.kind not in kinds:
            raise NotPermitted("unknown token" if found is None else f"a token of another kind: {found}")
        peer.principal = found

    def is_reserved(self, kind: Kind, name: str) -> bool:
        """See :meth:`netd.access.section.SectionAccess.is_reserved`."""
        return any(one.kind is kind and name in one.names for one in self._principals.values())


class TokenAccess(SectionAccess):
    """The access of a section that admits nobody by the address, over credentials in memory."""

    def __init__(self, credentials: Credentials) -> None:
        super().__init__("lab", AccessRules(frozenset({AccessWord.TOKENS})))
        self._credentials = credentials

    def prove(self, peer: Any, text: str, *kinds: Kind) -> None:
        """See :meth:`Credentials.prove`; the connection is the real one."""
        shown = _Shown()
        self._credentials.prove(shown, text, *kinds)
        peer.prove(shown.principal)

    def is_reserved(self, kind: Kind, name: str) -> bool:
        """See :meth:`Credentials.is_reserved`."""
        return self._credentials.is_reserved(kind, name)


class _Shown:
    principal: Principal
