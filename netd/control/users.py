"""The user at the other end of a unix socket, as the operating system tells it."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from functools import cache
from typing import Any

__all__ = ["user_at"]

_CREDENTIALS = struct.Struct("3i")
"""Process, user and group, as Linux has them (``SO_PEERCRED``)."""


def user_at(transport: Any) -> str:
    """The name of the user that connected *transport*.

    Where the operating system does not tell (``SO_PEERCRED`` is Linux's), it is the daemon's own: the mode of the socket's file
    keeps all others but root out.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    handle = getattr(transport, "socket", None)
    if option is None or handle is None:
        return _name_of(os.geteuid())
    _process, uid, _group = _CREDENTIALS.unpack(handle.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return _name_of(uid)


@cache
def _name_of(uid: int) -> str:
    """Asked once for each user: the answer may come over the network, and everybody waits for it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
