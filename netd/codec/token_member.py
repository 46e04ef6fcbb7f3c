"""The member ``token`` of a hello, by which a program proves who it is: the same on all wires."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netd.errors import ProtocolError

__all__ = ["TOKEN", "BadToken", "token_in"]

TOKEN = "token"  # noqa: S105 - the word for it

LONGEST = 256
"""Characters of a token at most; one that ``netd token add`` prints has 48 at most."""


class BadToken(ProtocolError):
    """The member ``token`` cannot be one. The message does not quote it."""

    kind = "bad token"


def token_in(members: Mapping[str, Any]) -> str | None:
    """Return the token in *members*; None if there is none.

    :raises BadToken: if the member is no text, or too long.
    """
    token = members.get(TOKEN)
    if token is None:
        return None
    if not isinstance(token, str) or not token or len(token) > LONGEST:
        raise BadToken(f"`{TOKEN}` is a text of 1 to {LONGEST} characters, as `netd token add` prints it")
    return token
