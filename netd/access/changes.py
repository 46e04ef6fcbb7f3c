"""Tells which tokens come and go: ``netd token`` writes to the file itself, and calls no operation."""

from __future__ import annotations

from netd.access.watch import Tell
from netd.secrets.credentials import Credential
from netd.secrets.tokens import Tokens

__all__ = ["TokenChanges"]


class TokenChanges:
    """A look at the file of credentials that tells what has changed since the last one. Names are told, and never digests."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._known: tuple[Credential, ...] | None = None

    def look(self, tell: Tell) -> frozenset[str]:
        """Tell what has come and gone; see :data:`netd.access.watch.Look` for the rest."""
        known, before = self._tokens.known(), self._known
        if before is not None and known is not before:
            _tell_each(tell, "added", known, before)
            _tell_each(tell, "removed", before, known)
        self._known = known
        return self._tokens.take_gone()


def _tell_each(tell: Tell, change: str, these: tuple[Credential, ...], those: tuple[Credential, ...]) -> None:
    others = {one.lasting_line for one in those}
    for one in these:
        if one.lasting_line not in others:
            tell(change, one.word, one.name)
