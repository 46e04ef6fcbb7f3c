"""The tokens that programs and people show, on all wires and consoles of one daemon, and the limits for wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from attrs import define

from netd.errors import NotPermitted
from netd.principal import Kind
from netd.secrets.credentials import Credential
from netd.secrets.private_files import PrivateFileError
from netd.secrets.tokens import Tokens
from netd.secrets.tries import WrongSecrets

__all__ = ["UNUSABLE", "Proofs", "TooManyWrongTokens", "WrongToken"]

UNUSABLE = "the tokens cannot be read; netd's log says why"
"""Told to whoever shows a token while the file cannot be trusted."""


class WrongToken(NotPermitted):
    """A token is unknown, has ended, or is of another kind.

    :ivar is_last: whether the connection is to be closed over it: there were too many.
    """

    kind: ClassVar[str] = "wrong token"

    def __init__(self, why: str, is_last: bool) -> None:
        super().__init__(why)
        self.is_last = is_last


class TooManyWrongTokens(WrongToken):
    """An address has shown so many wrong tokens within a minute that further ones are refused without a reason.

    :ivar seconds: the time until the next one gets a reason.
    """

    kind = "too many wrong tokens"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many wrong tokens came from your address; try again in {max(1, round(seconds))} s", True)
        self.seconds = seconds


@define(eq=False)
class Proofs:
    """Finds the credentials of tokens, and counts the wrong ones by address.

    A right token is never delayed, whatever others of the same address have shown: looking it up costs less than refusing it.
    A wrong one that is one too many gets no reason, no line in the audit, and ends its connection.
    """

    tokens: Tokens
    wrong: WrongSecrets

    def find(self, text: str, host: str, *kinds: Kind) -> Credential:
        """Return the credential of the token *text*, which *host* shows.

        :param kinds: the kinds of programs that may show it here, beside users; none where it is for users alone.
        :raises WrongToken: if there is none, or of another kind.
        :raises PrivateFileError: if the file of credentials cannot be trusted.
        """
        found = self.tokens.find(text, host)
        if found is None:
            why = self.tokens.objection(text)
        elif found.is_user or found.kind in kinds:
            return found
        else:
            why = f"this is the token of the {found.principal}; {_wanted(kinds)}"
        is_last, wait = self.wrong.note(host), self.wrong.wait(host)
        raise TooManyWrongTokens(wait) if wait else WrongToken(why, is_last)

    def find_certificate(self, digest: str, names: Sequence[str], host: str) -> Credential | None:
        """Return the credential of a certificate that OpenSSL has verified, which *host* shows; None if it is nobody's.

        :param digest: the SHA-256 of its public key, in hexadecimal.
        :param names: the names of the client in it, best first. A name counts where a line says that the authority proves it.
        :raises PrivateFileError: if the file of credentials cannot be trusted.
        """
        found = self.tokens.find_key(digest, host)
        return found or next(filter(None, (self.tokens.find_signed(name, host) for name in names)), None)

    def holds(self, kind: Kind, name: str) -> bool:
        """Return True if *name* is reserved; also while the file cannot be trusted: then nobody new is let in by a name."""
        try:
            return self.tokens.holds(kind, name)
        except PrivateFileError:
            return True


def _wanted(kinds: tuple[Kind, ...]) -> str:
    if not kinds:
        return "here one of a user is needed: `netd token add NAME --role operator` makes one"
    word = kinds[0].value
    option = f"--{word} C" if kinds[0] is Kind.COMMAND else f"--{word}"
    return f"here that of another kind is needed: `netd token add NAME {option}` makes one"
