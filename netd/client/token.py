"""The token of a client: the secret by which it proves who it is. ``netd token add`` prints one."""

from __future__ import annotations

import os
from pathlib import Path

from netd.client.way import Server

__all__ = ["ClientToken", "Denial", "check_token"]


class Denial(Exception):
    """The server knows what is asked, and does not permit it to this client. It is asked again, but rarely."""


def check_token(token: str) -> str:
    """*token* without the white space around it.

    :raises ValueError: when it is none; it is not quoted.
    """
    bare = token.strip()
    if not bare or not bare.isascii() or not bare.isprintable() or " " in bare:
        raise ValueError("the token is empty, or has more than plain characters: `netd token add` prints them")
    return bare


class ClientToken:
    """The token that a client shows at each connection, if it has one.

    :param token: what ``netd token add`` has printed.
    :param token_file: or the file that holds it, read anew for each connection: so the token can be exchanged.
    :raises ValueError: when both are given, or *token* cannot be one; it is not quoted.
    """

    def __init__(self, token: str | None = None, token_file: str | os.PathLike[str] | None = None) -> None:
        if token is not None and token_file is not None:
            raise ValueError("token and token_file: give one of them")
        self._token = None if token is None else check_token(token)
        self._file = None if token_file is None else Path(token_file)

    def __repr__(self) -> str:
        return f"<ClientToken{'' if self.is_given else ', none'}>"

    @property
    def is_given(self) -> bool:
        """Whether the client has one."""
        return self._token is not None or self._file is not None

    def read(self, server: Server) -> str | None:
        """The token of now; None where the client has none.

        :raises Exception: ``server.unreachable`` when its file cannot be used.
        """
        if self._file is None:
            return self._token
        try:
            return check_token(self._file.read_text("utf-8"))
        except OSError as error:
            raise server.unreachable(f"cannot read the token in {self._file}: {error.strerror or error}") from None
        except ValueError as error:
            raise server.unreachable(f"{self._file}: the file holds no token: {type(error).__name__}") from None
