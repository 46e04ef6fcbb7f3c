"""The file of credentials: the tokens and certificates by which programs and people prove their identity, with their rights.

The daemon reads the file ``tokens`` in its state directory, and :mod:`netd.secrets.token_file` writes it for ``netd token``. A
token has 128 random bits at least, which nobody can guess; so a fast hash (SHA-256) is enough, where a password needs a slow one.

A line is one credential (:mod:`netd.secrets.credentials`). A name may have several lines, as while a token is rotated; they agree
in all rights. Blank lines and lines that start with ``#`` are left alone.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from attrs import define, evolve, field, frozen

from netd.plaintext import moment
from netd.principal import Kind
from netd.secrets.credentials import Credential, Evidence, digest_of, parse_credential
from netd.secrets.private_files import PrivateFileError, file_stamp, quoted, read_lines, read_private
from netd.secrets.uses import TokenUses, uses_file

__all__ = ["TOKENS", "Tokens", "how_to_add", "parse_lines", "read_tokens", "token_lines"]

TOKENS = "tokens"
"""Name of the file inside the state directory."""

_UNSEEN = frozenset(("Cf", "Cc", "Mn", "Me", "Zs"))
"""The Unicode categories of characters that people hardly see in a name."""


@frozen
class CredentialTable:
    """The credentials of the file as they are found: by what a peer shows.

    A token is found by the hash of its text. Somebody who guesses cannot steer that hash, so the time of a look-up in a dict
    tells nothing about the tokens.
    """

    tokens: tuple[Credential, ...] = ()
    by_text: dict[str, Credential] = field(factory=dict)
    by_key: dict[str, Credential] = field(factory=dict)
    signed: dict[str, Credential] = field(factory=dict)
    names: frozenset[tuple[Kind, str]] = frozenset()
    kinds: frozenset[Kind] = frozenset()

    @cached_property
    def by_lasting_line(self) -> dict[str, Credential]:
        """The credentials by the hashes of their lines, which browsers' sessions keep."""
        return {digest_of(token.lasting_line): token for token in self.tokens}

    @classmethod
    def of(cls, tokens: Iterable[Credential]) -> CredentialTable:
        """Return the table of *tokens*."""
        kept = tuple(tokens)
        by_evidence: dict[Evidence, dict[str, Credential]] = {evidence: {} for evidence in Evidence}
        for token in kept:
            by_evidence[token.evidence][token.name if token.evidence is Evidence.CA else token.digest] = token
        return cls(
            kept,
            by_evidence[Evidence.TOKEN],
            by_evidence[Evidence.CERTIFICATE],
            by_evidence[Evidence.CA],
            frozenset((token.kind, name) for token in kept for name in (*token.names, *_looks(token))),
            frozenset(token.kind for token in kept),
        )


@define(eq=False)
class Tokens:
    """The credentials of one daemon, read again whenever the file has changed.

    A file that is lost proves nobody any more. The names that it reserved stay reserved, and what takes a token goes on taking
    one, until the file is back or the daemon is started anew.

    :ivar path: the path of the file, which need not exist.
    :ivar wall: the wall clock, in seconds since the epoch, by which credentials end.
    :ivar uses: when each was used last.
    """

    path: Path
    wall: Callable[[], float] = time.time
    uses: TokenUses = field(init=False)
    _seen: object = field(default=None, init=False)
    _parsed: dict[str, Credential] = field(factory=dict, init=False)
    _table: CredentialTable = field(factory=CredentialTable, init=False)
    _over: frozenset[str] = field(default=frozenset(), init=False)
    _gone: set[str] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self.uses = TokenUses(uses_file(self.path))

    def known(self) -> tuple[Credential, ...]:
        """Return all credentials, in the order of the file.

        :raises PrivateFileError: when the file cannot be trusted.
        """
        return self._current().tokens

    def in_force(self) -> frozenset[str]:
        """Return the credentials that prove somebody now.

        :raises PrivateFileError: when the file cannot be trusted.
        """
        now = self.wall()
        return frozenset(token.lasting_line for token in self._current().tokens if not token.is_over(now))

    def has(self, *kinds: Kind) -> bool:
        """Return True if there is a credential of any of *kinds*. One that has ended counts: its end must not open anything.

        :raises PrivateFileError: when the file cannot be trusted.
        """
        return not self._current().kinds.isdisjoint(kinds)

    def reserved(self) -> frozenset[tuple[Kind, str]]:
        """Return the names that are reserved. It is the same object as long as the file stays the same.

        :raises PrivateFileError: when the file cannot be trusted.
        """
        return self._current().names

    def holds(self, kind: Kind, name: str) -> bool:
        """Return True if *name* is reserved: a credential of *kind* is for it, even if that has ended.

        The name of a bot is any text, which people read: one that looks like a reserved name is reserved, too.

        :raises PrivateFileError: when the file cannot be trusted.
        """
        names = self._current().names
        return (kind, name) in names or (kind is Kind.BOT and (kind, look_of(name)) in names)

    def find(self, token_text: str, host: str = "") -> Credential | None:
        """Return the credential of the token *token_text*; None for an unknown token, and for one whose end has passed.

        :param host: the address that shows it, which is noted as its last use.
        :raises PrivateFileError: when the file cannot be trusted.
        """
        return self._used(self._current().by_text.get(digest_of(token_text)), host)

    def find_key(self, digest: str, host: str = "") -> Credential | None:
        """Return the credential of a certificate's public key, like :meth:`find`.

        :param digest: the SHA-256 of the key (DER, SubjectPublicKeyInfo), in hexadecimal.
        :raises PrivateFileError: when the file cannot be trusted.
        """
        return self._used(self._current().by_key.get(digest), host)

    def find_signed(self, name: str, host: str = "") -> Credential | None:
        """Return the credential of certificates that name *name* and that the section's ``client_ca`` has signed.

        :raises PrivateFileError: when the file cannot be trusted.
        """
        return self._used(self._current().signed.get(name), host)

    def objection(self, token_text: str) -> str:
        """Return what is wrong with a token that :meth:`find` did not return, and the remedy.

        :raises PrivateFileError: when the file cannot be trusted.
        """
        found = self._current().by_text.get(digest_of(token_text))
        if found is not None and found.until is not None:
            return f"this token has ended on {moment(found.until)}; `netd token rotate {found.name}` makes another"
        return "this token is unknown; `netd token list` on netd's machine shows which there are"

    def take_gone(self) -> frozenset[str]:
        """Return the credentials that have ended, changed or gone since the last call: no connection may keep them.

        :raises PrivateFileError: when the file cannot be trusted. Nothing is taken then.
        """
        now = self.wall()
        current = self._current().tokens
        over = frozenset(token.lasting_line for token in current if token.is_over(now))
        self._gone |= over - self._over
        self._over = over
        gone = frozenset(self._gone)
        self._gone.clear()
        return gone

    def _used(self, found: Credential | None, host: str) -> Credential | None:
        if found is None or found.is_over(now := self.wall()):
            return None
        self.uses.note(found, now, host)
        return found

    def of_credential(self, digest: str) -> Credential | None:
        """Return the credential whose :attr:`Credential.lasting_line` has this SHA-256; None if it is gone, changed or has ended.

        :raises PrivateFileError: when the file cannot be trusted.
        """
        found = self._current().by_lasting_line.get(digest)
        return None if found is None or found.is_over(self.wall()) else found

    def _current(self) -> CredentialTable:
        """Return the table, made anew if the file has changed since. A file that cannot be trusted is tried anew each time."""
        try:
            seen: object = file_stamp(self.path)
        except OSError:
            seen = None
        if seen is None or seen != self._seen:
            self._seen = None
            self._read(is_lost=seen is None)
            self._seen = seen
        return self._table

    def _read(self, is_lost: bool) -> None:
        parsed = parse_lines(self.path, token_lines(self.path), self._parsed)
        table = CredentialTable.of(parsed.values())
        if is_lost and not parsed:  # what it had reserved or closed is not opened by that
            table = evolve(table, names=self._table.names, kinds=self._table.kinds)
        kept = {token.lasting_line for token in table.tokens}
        # A credential that comes back before it was taken counts as gone all the same: a connection may have it from before.
        self._gone.update(token.lasting_line for token in self._table.tokens if token.lasting_line not in kept)
        self._parsed, self._table = parsed, table


def look_of(name: str) -> str:
    """Return what people see of *name*: without compatibility forms, capital letters, accents, and what has no width."""
    parts = unicodedata.normalize("NFKD", name.casefold())
    return "".join(one for one in parts if unicodedata.category(one) not in _UNSEEN).casefold()


def _looks(token: Credential) -> Iterable[str]:
    return map(look_of, token.names) if token.kind is Kind.BOT else ()


def read_tokens(path: Path) -> list[Credential]:
    """Return the credentials, in the order of the file; none when there is no file.

    :raises PrivateFileError: when the file is open to others or malformed. It names each bad line as ``file:line``.
    """
    return [*parse_lines(path, token_lines(path)).values()]


def token_lines(path: Path) -> list[str]:
    """Return all lines of the file, also blank ones and notes; none when there is no file.

    :raises PrivateFileError: when the file is open to others.
    """
    try:
        return read_private(path, "file of tokens", f"run {how_to_add(path)}").splitlines()
    except FileNotFoundError:
        if path.is_symlink():  # perhaps into a file system that is not mounted yet; without tokens, the gateway would be open
            raise PrivateFileError(f"{path}: is a symbolic link to what is not there: remove it, or put the file there") from None
        return []


def how_to_add(path: Path) -> str:
    """Return the command that adds a token to *path*. It names the directory, as the command line may use another by default."""
    return f"`netd token add NAME --role admin --state {quoted(path.parent)}`"


def parse_lines(
    path: Path, lines: Iterable[str], known: Mapping[str, Credential] = MappingProxyType({})
) -> dict[str, Credential]:
    """Return the credentials in *lines*, by line.

    :param known: what has been parsed before: parsing costs 24 µs a line, and a change is about one or two of a thousand.
    :raises PrivateFileError: naming each bad line.
    """
    found: dict[str, Credential] = {}
    by_name: dict[str, Credential] = {}
    digests: set[tuple[Evidence, str]] = set()

    def take(line: str) -> None:
        token = known.get(line) or parse_credential(line)
        first = by_name.setdefault(token.name, token)
        if token.rights != first.rights:
            raise ValueError(f"gives {token.name} other rights than a line before: all lines of a name have the same")
        proof = token.evidence, token.name if token.evidence is Evidence.CA else token.digest
        if proof in digests:
            raise PrivateFileError(
                f"{token.name} stands here a second time with the same {token.evidence.value}: remove one of the two lines"
            )
        digests.add(proof)
        found[line] = token

    read_lines(path, lines, take, f"run {how_to_add(path)}")
    return found
