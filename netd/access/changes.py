"""Tells the log which credentials come and go: ``netd token`` writes to the file itself, and calls no operation."""

from __future__ import annotations

from twisted.logger import Logger

from netd.secrets.credentials import Credential
from netd.secrets.tokens import Tokens

__all__ = ["TokenChanges"]


class TokenChanges:
    """A look at the file of credentials that logs what has changed since the last one. Names are told, and never digests."""

    _log = Logger()

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._known: tuple[Credential, ...] | None = None

    def look(self) -> frozenset[str]:
        """Log what has come and gone; see :data:`netd.access.watch.Look` for the rest."""
        known, before = self._tokens.known(), self._known
        if before is not None and known is not before:
            self._tell("added", known, before)
            self._tell("taken away", before, known)
        self._known = known
        return self._tokens.take_gone()

    def _tell(self, what: str, these: tuple[Credential, ...], those: tuple[Credential, ...]) -> None:
        others = {one.lasting_line for one in those}
        for one in these:
            if one.lasting_line not in others:
                self._log.info("a credential was {what}: {name} ({word})", what=what, name=one.name, word=one.word)
