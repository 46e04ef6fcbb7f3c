"""The file with which a node logs in at NATS: credentials with a JWT, the seed of an nkey, or ``USER:PASSWORD``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from netd.secrets.nkeys import UserKey, find_seed
from netd.secrets.private_files import PrivateFileError, read_private

__all__ = ["NatsLogin", "is_other_port", "read_login"]

_JWT = re.compile(r"-----BEGIN NATS USER JWT-----\s+(\S+)")
_REMEDY = "name a .creds file, the seed of an nkey, or a line USER:PASSWORD"


@dataclass(frozen=True)
class NatsLogin:
    """How a node proves who it is: by its key, with or without a JWT, or by a password.

    Its text shows no secret.
    """

    key: UserKey | None = None
    jwt: str = ""
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"NatsLogin({self.key.public if self.key is not None else self.user})"

    def remedy(self, refusal: str) -> str:
        """Return what to do when a server refuses it with the words *refusal*."""
        if is_other_port(refusal):
            return "that port is for other servers, not for nodes; take the one of `listen` in its configuration, 4222 by default"
        if self.jwt:
            return "have a new .creds file made for this node"
        if self.key is not None:
            return f"add to users of its account: nkey {self.key.public}; then reload the server"
        return "correct the user and the password" if self.user else "name the file of this node in `credentials`"


def is_other_port(refusal: str) -> bool:
    """Whether a server has refused because its port is for others than nodes, as in "attempted to connect to leaf node port"."""
    return "attempted to connect to" in refusal


def read_login(path: Path) -> NatsLogin:
    """Return what the file at *path* says. Lines that start with ``#`` are left alone, except in a file with a JWT.

    :raises PrivateFileError: naming the file and the remedy if it cannot be used.
    """
    try:
        text = read_private(path, "file of credentials", _REMEDY)
    except FileNotFoundError:
        raise PrivateFileError(f"{path}: there is no such file; `netd cluster init` makes one for each node") from None
    jwt = _JWT.search(text)
    seed = find_seed(text)
    if seed is not None:
        try:
            return NatsLogin(UserKey.of_seed(seed), jwt[1] if jwt is not None else "")
        except ValueError as error:
            raise PrivateFileError(f"{path}: {error}; copy the file again") from None
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    user, colon, password = lines[0].partition(":") if len(lines) == 1 else ("", "", "")
    if not (user and colon and password):
        raise PrivateFileError(f"{path}: is no file of credentials; {_REMEDY}")
    return NatsLogin(user=user, password=password)
