"""The user at the other end of a unix socket, from the operating system."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from functools import cache
from typing import Any

__all__ = ["is_own_user", "user_at"]

_CREDENTIALS = struct.Struct("3i")
"""Process, user and group, in Linux's ``struct ucred`` (``SO_PEERCRED``)."""


def user_at(transport: Any) -> str:
    """Return the name of the user whose process has connected *transport*.

    On systems without ``SO_PEERCRED``, which is Linux's, that is the daemon's own user: the mode of the socket file keeps all
    others but root out.
    """
    uid = _uid_at(transport)
    return _name_of(os.geteuid() if uid is None else uid)


def is_own_user(transport: Any) -> bool:
    """Return True if the process that has connected *transport* is root's, or of the daemon's own user.

    False where the operating system does not tell: the mode of the socket file may let others in.
    """
    return _uid_at(transport) in (0, os.geteuid())


def _uid_at(transport: Any) -> int | None:
    option = getattr(socket, "SO_PEERCRED", None)
    handle = getattr(transport, "socket", None)
    if option is None or handle is None:
        return None
    _process, uid, _group = _CREDENTIALS.unpack(handle.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return int(uid)


@cache
def _name_of(uid: int) -> str:
    """Return the name of a user. Cached, because the look-up blocks, and may go to a directory server."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
