"""Writing the file of credentials, for ``netd token`` and ``netd cert``: adding, rotating and removing.

The file is replaced as a whole under a lock, so that two commands at the same moment both count. The daemon never writes it.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve

from netd.principal import Kind, Role
from netd.secrets.credentials import KINDS, Credential, Evidence, digest_of, make_credential
from netd.secrets.private_files import PrivateFileError, drafted, locked, replace
from netd.secrets.tokens import parse_lines, token_lines

__all__ = [
    "PREFIX",
    "PROGRAM_BYTES",
    "SECRET_BYTES",
    "NoSuchToken",
    "add_credential",
    "add_key",
    "add_token",
    "remove_token",
    "rotate_token",
]

PREFIX = "netd_"
"""The beginning of every token, by which people and scanners for leaked secrets recognise one."""

SECRET_BYTES = 32
"""Random bytes in the token of a user."""

PROGRAM_BYTES = 16
"""Random bytes in the token of a program: a device's hello with one must fit into 127 bytes."""

MOST_LINES = 2000
"""Lines of the file at most, where netd writes it: each is checked whenever the file has changed."""


class NoSuchToken(PrivateFileError):
    """There is no credential of that name."""


Row = tuple[str, Credential | None]
"""A line of the file, and its credential; None for a blank line or a note."""


def add_token(  # noqa: PLR0913 - one for each field of the line
    path: Path,
    name: str,
    word: Role | str,
    subjects: Iterable[str],
    new_secret: Callable[[int], bytes],
    *,
    only: Iterable[str] = (),
    sends: Iterable[str] = (),
    until: float | None = None,
    copy: Path | None = None,
) -> str:
    """Make a token, and put its line into the file. A file that does not exist is made, with mode 0600.

    :param word: a role, or the kind of a program.
    :param subjects: the subject patterns that its bearer is confined to; empty for all subjects.
    :param new_secret: returns so many random bytes: ``secrets.token_bytes``.
    :param until: its end, in seconds since the epoch; None for none.
    :param copy: a file for the token's text, which is made or replaced with mode 0600.
    :returns: the token's text. The file of credentials holds only its hash.
    :raises UnfitCredential: when an argument is not valid.
    :raises PrivateFileError: when the name is taken, or a file cannot be read or written.
    """
    word = word.name.lower() if isinstance(word, Role) else word
    text = _new_text(KINDS.get(word, Kind.USER), new_secret)
    token = make_credential(name, word, digest_of(text), subjects, only, sends, until)
    with _copied(copy, text):
        add_credential(path, token)
    return text


def add_credential(path: Path, token: Credential) -> None:
    """Put the line of *token* into the file; its name must be new there.

    :raises PrivateFileError: when the name is taken, or the file cannot be read or written.
    """

    def with_token(rows: list[Row]) -> list[str]:
        if any(one is not None and one.name == token.name for _, one in rows):
            raise PrivateFileError(
                f"{path}: there is a token {token.name} already: choose another name, run `netd token rotate {token.name}` for a "
                f"new one with the same rights, or `netd token remove {token.name}` first"
            )
        return [*(line for line, _ in rows), token.to_line()]

    _rewrite(path, with_token)


def add_key(path: Path, name: str, word: str, digest: str, instead_of: str | None = None) -> None:
    """Let certificates of a key prove a name. If the name is there already, it keeps its other rights.

    :param word: the kind of the program, where the name is new.
    :param digest: the SHA-256 of the public key, in hexadecimal.
    :param instead_of: the digest of an earlier key, whose line goes.
    :raises UnfitCredential: when the name is not valid.
    :raises PrivateFileError: when the name is that of another kind, or the file cannot be read or written.
    """
    token = make_credential(name, word, digest, evidence=Evidence.CERTIFICATE)

    def with_key(rows: list[Row]) -> list[str]:
        model = next((one for _, one in rows if one is not None and one.name == name), token)
        if model.kind is not token.kind:
            raise PrivateFileError(f"{path}: {name} is there already, as {model.word}: choose another name")
        kept = [line for line, one in rows if one is None or (one.evidence, one.digest) != (Evidence.CERTIFICATE, instead_of)]
        return [*kept, evolve(model, digest=digest, until=None, evidence=Evidence.CERTIFICATE).to_line()]

    _rewrite(path, with_key)


def rotate_token(
    path: Path,
    name: str,
    new_secret: Callable[[int], bytes],
    now: float,
    overlap: float,
    until: float | None = None,
    copy: Path | None = None,
) -> str:
    """Make another token with the same rights. The older tokens of that name end after *overlap*; those that have ended go.

    Certificates of that name stay as they are.

    :param now: seconds since the epoch.
    :param overlap: seconds for which the older tokens are still good; 0 removes them.
    :param until: the end of the new one, in seconds since the epoch; None for none.
    :param copy: see :func:`add_token`.
    :returns: the new token's text.
    :raises NoSuchToken: if there is no credential of that name.
    :raises PrivateFileError: when a file cannot be read or written.
    """
    kind = next((token.kind for token in parse_lines(path, token_lines(path)).values() if token.name == name), Kind.USER)
    text = _new_text(kind, new_secret)

    def with_another(rows: list[Row]) -> list[str]:
        model = next((token for _, token in rows if token is not None and token.name == name), None)
        if model is None:
            raise NoSuchToken(f"{path}: there is no token {name!r}; `netd token list` lists them")
        lines = []
        for line, token in rows:
            if token is None or token.name != name or token.evidence is not Evidence.TOKEN:
                lines.append(line)
            elif overlap and not token.is_over(now):
                end = now + overlap
                lines.append(evolve(token, until=end if token.until is None else min(token.until, end)).to_line())
        return [*lines, evolve(model, digest=digest_of(text), until=until, evidence=Evidence.TOKEN).to_line()]

    with _copied(copy, text):
        _rewrite(path, with_another)
    return text


def remove_token(path: Path, name: str, is_old: bool = False) -> int:
    """Remove the credentials of *name* from the file. Return how many there were.

    :param is_old: remove only those tokens that a newer one of that name has replaced.
    :raises NoSuchToken: if there is no credential of that name.
    :raises PrivateFileError: when the file cannot be read or written.
    """
    removed: list[str] = []

    def without(rows: list[Row]) -> list[str]:
        named = [(line, token) for line, token in rows if token is not None and token.name == name]
        if not named:
            raise NoSuchToken(f"{path}: there is no token {name!r}; `netd token list` lists them")
        shown = [line for line, token in named if token.evidence is Evidence.TOKEN]
        removed.extend(shown[:-1] if is_old else (line for line, _ in named))
        return [line for line, _ in rows if line not in removed]

    _rewrite(path, without)
    return len(removed)


def _new_text(kind: Kind, new_secret: Callable[[int], bytes]) -> str:
    secret = new_secret(SECRET_BYTES if kind is Kind.USER else PROGRAM_BYTES)
    return PREFIX + base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def _rewrite(path: Path, change: Callable[[list[Row]], list[str]]) -> None:
    path = Path(os.path.realpath(path))
    try:
        with locked(path):
            lines = token_lines(path)
            tokens = parse_lines(path, lines)
            changed = change([(line, tokens.get(line)) for line in lines])
            if len(changed) > max(MOST_LINES, len(lines)):
                raise PrivateFileError(f"{path}: holds {MOST_LINES} lines, which is as many as can be: remove some tokens first")
            parse_lines(path, changed)  # nothing is written that the daemon could not read
            if changed != lines:
                replace(path, "".join(f"{line}\n" for line in changed))
    except OSError as error:
        raise PrivateFileError(f"{path}: cannot be rewritten: {error.strerror}") from error


@contextmanager
def _copied(copy: Path | None, text: str) -> Iterator[None]:
    """Write *text* to the file *copy*, which counts if the ``with`` ends well. A file that holds something else is left alone.

    :raises PrivateFileError: when that is not possible.
    """
    if copy is None:
        yield
        return
    try:
        if copy.exists() and not copy.read_bytes().startswith(PREFIX.encode()):
            raise PrivateFileError(f"{copy}: holds something else than a token: name another file, or remove it")
        with drafted(copy, f"{text}\n"):
            yield
    except OSError as error:
        raise PrivateFileError(f"{copy}: cannot be written: {error.strerror}") from error
