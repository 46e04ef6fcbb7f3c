"""The host key of the manhole's SSH: made at the first start, and kept, because clients remember it."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import BadKeyError, EncryptedKeyError, Key

from netd.secrets.private_files import PrivateFileError, locked, quoted, read_private, replace
from netd.secrets.ssh_keys import fingerprint_of

__all__ = ["HOST_KEY", "fingerprint", "load_host_key"]

HOST_KEY = "manhole.host-key"
"""Name of the file inside the state directory: an ed25519 key, in OpenSSH's own form."""


def load_host_key(path: Path) -> Key:
    """Return the host key at *path*, which is made, with mode 0600, if there is none.

    :raises PrivateFileError: when the file cannot be read or made, or holds something else.
    """
    try:
        with locked(path):
            if not path.exists():
                made = Key(Ed25519PrivateKey.generate())
                replace(path, made.toString("openssh", subtype="v1").decode("ascii"))
    except OSError as error:
        raise PrivateFileError(f"{path}: the host key cannot be made: {error.strerror}") from error
    remedy = f"move it away, and a new one is made, which clients have to be told of: run `mv {quoted(path)} {quoted(path)}.old`"
    text = read_private(path, "host key", remedy)
    try:
        key: Key = Key.fromString(text, type="private_openssh")
    except (BadKeyError, EncryptedKeyError, ValueError) as error:
        raise PrivateFileError(f"{path}: is no host key ({error}): {remedy}") from error
    if key.sshType() != b"ssh-ed25519":
        raise PrivateFileError(f"{path}: is no key of the type ssh-ed25519: {remedy}")
    return key


def fingerprint(key: Key) -> str:
    """Return the fingerprint of *key*, as ``ssh`` shows it to whoever connects for the first time."""
    return fingerprint_of(key.public().blob())
