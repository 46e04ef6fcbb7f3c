"""The keys file: the SSH keys of the people who may log in to the manhole.

The daemon reads the file at each login, and ``netd key`` writes it; both use this module. Public keys are no secrets, but whoever
can write the file can let anybody in, so it is kept like one.

A line is ``type base64 NAME``, the form of OpenSSH's ``authorized_keys``, with the login name as its comment. A person may have
several keys. Blank lines and lines that start with ``#`` are left alone. Options before the type are refused: netd knows none,
and a ``from=`` or ``restrict`` that is silently ignored would let in whom it was written against.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import field, frozen

from netd.secrets.private_files import NAME, NAMES, PrivateFileError, locked, quoted, read_private, replace

__all__ = ["KEYS", "TYPES", "LoginKey", "add_key", "fingerprint_of", "read_keys", "read_public_key", "remove_keys"]

KEYS = "manhole.keys"
"""Name of the file inside the state directory."""

TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
"""The types of keys that open the manhole."""

LEAST_RSA = 2048
"""Bits of an RSA key, at least."""

MOST_KEYS = 1000


@frozen
class LoginKey:
    """One line of the keys file.

    :ivar name: the login name.
    :ivar type: one of :data:`TYPES`.
    :ivar blob: the public key as the protocol sends it.
    """

    name: str
    type: str
    blob: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """The key as ``ssh-keygen -l`` shows it."""
        return fingerprint_of(self.blob)

    def to_line(self) -> str:
        """Return the line of the file, without its end."""
        return f"{self.type} {base64.b64encode(self.blob).decode('ascii')} {self.name}"


def fingerprint_of(blob: bytes) -> str:
    """Return the fingerprint of a public key, as OpenSSH shows it: ``SHA256:`` and Base64."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode("ascii")


def read_keys(path: Path) -> list[LoginKey]:
    """Return the keys in the order of the file; none when there is no file.

    :raises PrivateFileError: when the file is open to others or malformed. It names each bad line as ``file:line``.
    """
    found, problems = [], []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            found.append(_parse(line))
        except ValueError as error:
            problems.append(f"{path}:{number}: {error}")
    if problems:
        raise PrivateFileError("\n".join(problems))
    return found


def read_public_key(text: str, name: str) -> LoginKey:
    """Return the key in *text*, the content of a file such as ``id_ed25519.pub``, for the login name *name*.

    :raises PrivateFileError: when *text* is something else, or *name* is no login name.
    """
    if not NAME.fullmatch(name):
        raise PrivateFileError(f"{name!r:.80} is not a login name: {NAMES}")
    if "PRIVATE KEY" in text:
        raise PrivateFileError("this is a private key, which stays where it is: give the public one, whose name ends in .pub")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) != 1:
        raise PrivateFileError(
            "a file with one public key is needed, as `ssh-keygen -t ed25519` writes it beside the private one"
        )
    try:
        return _parse(" ".join((*lines[0].split()[:2], name)))
    except ValueError as error:
        raise PrivateFileError(str(error)) from None


def add_key(path: Path, key: LoginKey) -> bool:
    """Put *key* into the file. Return False if it is there already. A file that does not exist is made, with mode 0600.

    :raises PrivateFileError: when the file cannot be read or written.
    """
    added: list[bool] = []

    def with_key(keys: list[LoginKey], lines: list[str]) -> list[str]:
        if len(keys) >= MOST_KEYS:
            raise PrivateFileError(f"{path}: holds {MOST_KEYS} keys, which is as many as can be")
        added.append(key not in keys)
        return [*lines, key.to_line()] if added[0] else lines

    _rewrite(path, with_key)
    return added[0]


def remove_keys(path: Path, name: str, fingerprint: str | None = None) -> int:
    """Remove the keys of *name*, or the one with *fingerprint*. Return how many there were.

    :raises PrivateFileError: when the file cannot be read or written.
    """
    gone: list[LoginKey] = []

    def without_keys(keys: list[LoginKey], lines: list[str]) -> list[str]:
        gone.extend(key for key in keys if key.name == name and fingerprint in (None, key.fingerprint))
        return [line for line in lines if not _is_one_of(line, gone)]

    _rewrite(path, without_keys)
    return len(gone)


def _is_one_of(line: str, keys: list[LoginKey]) -> bool:
    return bool(line.strip()) and not line.startswith("#") and _parse(line) in keys


def _rewrite(path: Path, change: Callable[[list[LoginKey], list[str]], list[str]]) -> None:
    """Replace the file by the lines that *change* makes of its keys and lines, under a lock."""
    path = Path(os.path.realpath(path))
    try:
        with locked(path):
            lines = _lines(path)
            changed = change(read_keys(path), lines)
            if changed != lines:
                replace(path, "".join(f"{line}\n" for line in changed))
    except OSError as error:
        raise PrivateFileError(f"{path}: cannot be rewritten: {error.strerror}") from error


def _lines(path: Path) -> list[str]:
    try:
        return read_private(path, "file of keys", f"run `netd key add NAME FILE --state {quoted(path.parent)}`").splitlines()
    except FileNotFoundError:
        return []


def _parse(line: str) -> LoginKey:
    kind, _, rest = line.strip().partition(" ")
    encoded, _, name = rest.strip().partition(" ")
    if kind not in TYPES:
        if kind.startswith(("ssh-", "ecdsa-", "sk-")):
            raise ValueError(f"keys of the type {kind[:40]} are not taken: make one with `ssh-keygen -t ed25519`")
        raise ValueError("does not begin with the type of a key: options such as from= or command= are not known here")
    if not NAME.fullmatch(name.strip()):
        raise ValueError(f"does not end with a login name: {NAMES}")
    try:
        blob = base64.b64decode(encoded, validate=True)
        fields = list(_fields(blob))
    except (binascii.Error, ValueError):
        raise ValueError("holds no key: its Base64 is cut off or damaged") from None
    if fields[:1] != [kind.encode("ascii")]:
        raise ValueError("holds a key of another type than it begins with")
    if kind == "ssh-rsa" and int.from_bytes(fields[-1], "big").bit_length() < LEAST_RSA:
        raise ValueError(f"holds an RSA key of under {LEAST_RSA} bits: make one with `ssh-keygen -t ed25519`")
    return LoginKey(name.strip(), kind, blob)


def _fields(blob: bytes) -> Iterator[bytes]:
    """The strings of which *blob* is made (RFC 4251, section 5), all of them.

    :raises ValueError: when it is cut off.
    """
    position = 0
    while position < len(blob):
        end = position + 4 + int.from_bytes(blob[position : position + 4], "big")
        if end > len(blob):
            raise ValueError("cut off")
        yield blob[position + 4 : end]
        position = end
