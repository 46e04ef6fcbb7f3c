"""Checks of the state directory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from netd.errors import NetdError
from netd.paths import CONTROL_SOCKET

__all__ = ["ELSEWHERE", "LONGEST_PATH", "StateDirectoryUnusable", "check_owner", "check_path", "objection"]

LONGEST_PATH = 100
"""Bytes of a unix socket's path at most. The operating system's limit is a little higher, and differs."""

ELSEWHERE = "choose another with `state_directory` in [netd] or NETD_STATE_DIRECTORY"
"""The remedy for most problems of a state directory."""


class StateDirectoryUnusable(NetdError):
    """The state directory cannot be made or used. The message says why, and what to do."""


def check_path(directory: Path) -> None:
    """Check the length of the control socket's path.

    :raises StateDirectoryUnusable: if it is too long.
    """
    path = directory / CONTROL_SOCKET
    if len(str(path).encode()) > LONGEST_PATH:
        raise StateDirectoryUnusable(f"{path}: longer than a unix socket's path may be; choose a shorter `state_directory`")


def check_owner(directory: Path, status: os.stat_result, uid: int) -> None:
    """Check that only root and the user *uid* may write in *directory*.

    :param status: the status of the directory.
    :raises StateDirectoryUnusable: if another user may.
    """
    if status.st_uid not in (uid, 0):
        raise StateDirectoryUnusable(
            f"the state directory {directory} belongs to another user (uid {status.st_uid}; this is {uid}); run "
            f"`chown {uid} {directory}`, or {ELSEWHERE}"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StateDirectoryUnusable(
            f"other users may write in the state directory {directory}; run `chmod go-w {directory}`, or {ELSEWHERE}"
        )


def objection(directory: Path, uid: int) -> str:
    """A sentence that says why *directory* cannot be the state directory; empty if it can. Nothing is changed.

    :param uid: the user that the daemon will run as. For root, the directory may belong to any user, as whom the daemon may run.
    """
    try:
        check_path(directory)
        if directory.is_dir():
            status = directory.stat()
            check_owner(directory, status, uid or status.st_uid)
    except StateDirectoryUnusable as error:
        return str(error)
    why = _unwritable(directory)
    return f"cannot use the state directory {directory}: {why}; {ELSEWHERE}" if why else ""


def _unwritable(directory: Path) -> str:
    if directory.is_dir():
        return "" if os.access(directory, os.W_OK | os.X_OK) else "this user may not write in it"
    if os.path.lexists(directory):
        return "it is no directory"
    nearest = next(parent for parent in directory.absolute().parents if parent.exists())
    is_fit = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return "" if is_fit else f"it is not there, and cannot be made in {nearest}"
