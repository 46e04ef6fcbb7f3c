"""Tokens: the secrets by which programs and people prove their identity to the gateway, with the rights that each one gives.

The daemon reads the file ``tokens`` in its state directory, and ``netd token`` writes it; both use this module, so their formats
cannot differ. A token has 256 random bits, which nobody can guess; so a fast hash (SHA-256) is enough, where a password needs a
slow one.

A line is ``name role sha256 [subject pattern …]``, the hash in hexadecimal. Blank lines and lines that start with ``#`` are left
alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from attrs import define, field, frozen

from netd.errors import NetdError
from netd.principal import Principal, Proof, Role
from netd.secrets.private_files import NAME, NAMES, PrivateFileError, locked, quoted, read_entries, read_private, replace

__all__ = [
    "PREFIX",
    "ROLES",
    "SECRET_BYTES",
    "TOKENS",
    "AccessToken",
    "Tokens",
    "UnfitToken",
    "add_token",
    "how_to_add",
    "read_tokens",
    "remove_token",
]

TOKENS = "tokens"
"""Name of the file inside the state directory."""

PREFIX = "netd_"
"""The beginning of every token, by which people and scanners for leaked secrets recognise one."""

SECRET_BYTES = 32
"""Random bytes in a token."""

ROLES: Mapping[str, Role] = {role.name.lower(): role for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN)}
"""The roles that a token can have, by the names that people use."""

_MOST_TOKENS = 1000
_HASH = re.compile(r"[0-9a-f]{64}")
_PATTERN = re.compile(r"(?:(?:[A-Za-z0-9_@-]+|\*)\.)*(?:[A-Za-z0-9_@-]+|\*|>)")
_MAX_PATTERN = 512


class UnfitToken(NetdError):
    """A name, role or subject pattern is not valid. The message says what is."""


@frozen
class AccessToken:
    """One line of the file.

    :ivar name: a letter or digit, then letters, digits, ``.``, ``_``, ``@`` or ``-``; at most 64 characters.
    :ivar role: viewer, operator or admin.
    :ivar digest: the SHA-256 of the token's text, in hexadecimal.
    :ivar subjects: the subject patterns that its bearer is confined to; None for all subjects.
    """

    name: str
    role: Role
    digest: str = field(repr=False)
    subjects: tuple[str, ...] | None = None

    @property
    def principal(self) -> Principal:
        """The principal that shows this token."""
        return Principal(self.name, self.role, self.subjects, Proof.TOKEN, self.to_line())

    def to_line(self) -> str:
        """Return the line of the file, without its end."""
        return " ".join((self.name, self.role.name.lower(), self.digest, *(self.subjects or ())))


@define(eq=False)
class Tokens:
    """The tokens of one daemon, read again whenever the file has changed.

    :ivar path: the path of the file, which need not exist.
    """

    path: Path
    _seen: object = field(default=None, init=False)
    _tokens: tuple[AccessToken, ...] = field(default=(), init=False)

    @property
    def is_empty(self) -> bool:
        """Whether there are no tokens.

        :raises PrivateFileError: when the file cannot be trusted.
        """
        return not self._current()

    def lines(self) -> frozenset[str]:
        """Return the lines of all tokens.

        :raises PrivateFileError: when the file cannot be trusted.
        """
        return frozenset(token.to_line() for token in self._current())

    def find(self, token_text: str) -> AccessToken | None:
        """Return the token whose text is *token_text*, or None.

        All tokens are compared, each in constant time, so that the time tells nothing about them.

        :raises PrivateFileError: when the file cannot be trusted.
        """
        digest = _digest(token_text)
        found = None
        for token in self._current():
            if hmac.compare_digest(digest, token.digest):
                found = token
        return found

    def _current(self) -> tuple[AccessToken, ...]:
        """Return the tokens, read again if the file has changed since. A file that cannot be trusted is tried anew each time."""
        try:
            status = self.path.stat()
            seen: object = (status.st_dev, status.st_ino, status.st_ctime_ns, status.st_mtime_ns, status.st_size)
        except OSError:
            seen = None
        if seen is None or seen != self._seen:
            self._seen = None
            self._tokens = tuple(read_tokens(self.path).values())
            self._seen = seen
        return self._tokens


def read_tokens(path: Path) -> dict[str, AccessToken]:
    """Return the tokens by name, in the order of the file; none when there is no file.

    :raises PrivateFileError: when the file is open to others or malformed. It names each bad line as ``file:line``.
    """
    return read_entries(path, _lines(path), _parse, f"run {how_to_add(path)}")


def how_to_add(path: Path) -> str:
    """Return the command that adds a token to *path*. It names the directory, as the command line may use another by default."""
    return f"`netd token add NAME --role admin --state {quoted(path.parent)}`"


def add_token(path: Path, name: str, role: Role | str, subjects: Iterable[str], new_secret: Callable[[int], bytes]) -> str:
    """Make a token, and put it into the file. A file that does not exist is made, with mode 0600.

    :param role: viewer, operator or admin.
    :param subjects: the subject patterns that its bearer is confined to; empty for all subjects.
    :param new_secret: returns so many random bytes: ``secrets.token_bytes``.
    :returns: the token's text. The file holds only its hash.
    :raises UnfitToken: when *name*, *role* or a pattern is not valid.
    :raises PrivateFileError: when there is a token of that name already, or the file cannot be read or written.
    """
    text = PREFIX + base64.urlsafe_b64encode(new_secret(SECRET_BYTES)).rstrip(b"=").decode()
    token = AccessToken(_checked_name(name), _checked_role(role), _digest(text), _checked_subjects(subjects))

    def with_token(lines: list[str], tokens: dict[str, AccessToken]) -> list[str]:
        if name in tokens:
            raise PrivateFileError(
                f"{path}: there is a token {name} already: choose another name, or run `netd token remove {name}` first"
            )
        if len(tokens) >= _MOST_TOKENS:
            raise PrivateFileError(f"{path}: holds {_MOST_TOKENS} tokens, which is as many as can be")
        return [*lines, token.to_line()]

    _rewrite(path, with_token)
    return text


def remove_token(path: Path, name: str) -> bool:
    """Remove the token *name* from the file. Return False if there is none of that name.

    :raises PrivateFileError: when the file cannot be read or written.
    """
    removed: list[bool] = []

    def without_token(lines: list[str], tokens: dict[str, AccessToken]) -> list[str]:
        removed.append(name in tokens)
        return [line for line in lines if line.startswith("#") or line.split()[:1] != [name]]

    _rewrite(path, without_token)
    return removed[0]


def _rewrite(path: Path, change: Callable[[list[str], dict[str, AccessToken]], list[str]]) -> None:
    path = Path(os.path.realpath(path))
    try:
        with locked(path):
            lines = _lines(path)
            changed = change(lines, read_tokens(path))
            if changed != lines:
                replace(path, "".join(f"{line}\n" for line in changed))
    except OSError as error:
        raise PrivateFileError(f"{path}: cannot be rewritten: {error.strerror}") from error


def _lines(path: Path) -> list[str]:
    try:
        return read_private(path, "file of tokens", f"run {how_to_add(path)}").splitlines()
    except FileNotFoundError:
        if path.is_symlink():  # perhaps into a file system that is not mounted yet; without tokens, the gateway would be open
            raise PrivateFileError(f"{path}: is a symbolic link to what is not there: remove it, or put the file there") from None
        return []


def _parse(line: str) -> AccessToken:
    fields = line.split()
    if len(fields) < 3 or not _HASH.fullmatch(fields[2]):
        raise ValueError("is not of the form name role sha256 [subject pattern …]")
    name, role, digest, *subjects = fields
    try:
        return AccessToken(_checked_name(name), _checked_role(role), digest, _checked_subjects(subjects))
    except UnfitToken as error:
        raise ValueError(str(error)) from None


def _checked_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise UnfitToken(f"{name!r:.80} is not a name: {NAMES}")
    return name


def _checked_role(role: Role | str) -> Role:
    known = role if isinstance(role, Role) else ROLES.get(role)
    if known not in ROLES.values() or known is None:
        raise UnfitToken(f"{role!r:.80} is not a role: it is one of {', '.join(ROLES)}")
    return known


def _checked_subjects(subjects: Iterable[str]) -> tuple[str, ...] | None:
    given = tuple(subjects)
    wrong = next((pattern for pattern in given if len(pattern) > _MAX_PATTERN or not _PATTERN.fullmatch(pattern)), None)
    if wrong is not None:
        raise UnfitToken(f"{wrong!r:.80} is no subject pattern; write one as in session.> or relay.*.presence.*")
    return given or None


def _digest(token_text: str) -> str:
    return hashlib.sha256(token_text.encode("utf-8", "surrogatepass")).hexdigest()
