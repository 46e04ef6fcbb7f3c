"""The service of the control socket, and the lock of the state directory."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import quoteStringArgument

from netd.config.options import NETD
from netd.console.dispatch import Dispatcher
from netd.control.protocol import ControlFactory
from netd.errors import NetdError
from netd.listening import ListeningService, make_context
from netd.operations import OperationTable
from netd.paths import CONTROL_SOCKET
from netd.secrets.private_files import quoted

__all__ = ["ControlService", "StateDirectoryUnusable", "make_control_service"]

LOCK = "netd.lock"
"""Name of the file in the state directory that a running daemon has locked. The operating system releases the lock however the
daemon ends. A file with a pid would stay, and after a reboot that pid belongs to another program."""

STALL_TIMEOUT = 8.0
"""Seconds after which a caller is cut that reads none of the bytes waiting for it."""

LONGEST_PATH = 100
"""Bytes of a unix socket's path at most. The operating system's limit is a little higher, and differs."""


ELSEWHERE = "choose another with `state_directory` in [netd] or NETD_STATE_DIRECTORY"


class StateDirectoryUnusable(NetdError):
    """The state directory cannot be made or used. The message says why, and what to do."""


def make_control_service(state_directory: Path, reactor: Any, table: OperationTable) -> ControlService:
    """Build the control socket of the daemon whose state is in *state_directory*."""
    factory = ControlFactory("control", make_context(reactor, STALL_TIMEOUT), Dispatcher(table, reactor.seconds))
    return ControlService(state_directory, factory, reactor, os.geteuid())


class ControlService(ListeningService):
    """Listens on ``control.sock``, mode 0600, in the state directory, which is made with mode 0700 if it is missing.

    A lock keeps other daemons out of that directory. Only root and the daemon's own user may write in it: another user could put
    a socket of its own, or a link, where callers look for the daemon's.

    :param uid: the user that the daemon runs as.
    """

    remedy = "Move what is there away, or choose another `state_directory` in [netd]."

    def __init__(self, state_directory: Path, factory: ControlFactory, reactor: Any, uid: int) -> None:
        self._state_directory = state_directory
        socket = quoteStringArgument(str(state_directory / CONTROL_SOCKET)).replace("=", r"\=")  # which it forgets
        super().__init__((f"unix:{socket}:mode=600:lockfile=0",), factory, reactor, stop_timeout=1.0)
        self._uid = uid
        self._lock: int | None = None

    def objections(self) -> Iterable[tuple[str, str, str]]:
        """Yield what is wrong with the state directory. For root, it may belong to any user: the daemon may run as that one."""
        try:
            self._check_path()
            self._look_at_directory()
        except StateDirectoryUnusable as error:
            yield NETD, "state_directory", str(error)

    def _look_at_directory(self) -> None:
        directory = self._state_directory
        if directory.is_dir():
            status = directory.stat()
            self._check_owner(status, self._uid or status.st_uid)
            is_fit = os.access(directory, os.W_OK | os.X_OK)
            why = "this user may not write in it"
        else:
            nearest = next(parent for parent in directory.absolute().parents if parent.exists())
            is_fit = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK) and not os.path.lexists(directory)
            why = f"it is not there, and cannot be made in {nearest}" if not os.path.lexists(directory) else "it is no directory"
        if not is_fit:
            raise StateDirectoryUnusable(f"cannot use the state directory {directory}: {why}; {ELSEWHERE}")

    def _check_path(self) -> None:
        path = self._state_directory / CONTROL_SOCKET
        if len(str(path).encode()) > LONGEST_PATH:
            raise StateDirectoryUnusable(f"{path}: longer than a unix socket's path may be; choose a shorter `state_directory`")

    def privilegedStartService(self) -> None:
        """Make and lock the directory, then listen. The socket that a killed daemon has left is replaced.

        :raises StateDirectoryUnusable: when the directory cannot be made or written, other users may write in it, or another
            daemon has locked it.
        :raises netd.listening.CannotListen: when a file that is no socket is in the way.
        """
        self._check_path()
        path = self._state_directory / CONTROL_SOCKET
        try:
            self._take_directory()
            if path.is_socket():
                path.unlink()
        except BlockingIOError:
            raise StateDirectoryUnusable(
                f"another netd runs with the state directory {self._state_directory}; "
                f"stop it with `netd stop --state {quoted(self._state_directory)}`, "
                "or give this one a `state_directory` of its own in [netd]"
            ) from None
        except OSError as error:
            raise StateDirectoryUnusable(
                f"cannot use the state directory {self._state_directory}: {error.strerror}; {ELSEWHERE}"
            ) from None
        super().privilegedStartService()

    def _take_directory(self) -> None:
        """Make the directory, check its owner, and lock it.

        All three steps go through one descriptor, so that they concern the same directory even if the path is changed meanwhile.
        """
        self._state_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory = os.open(self._state_directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._check_owner(os.fstat(directory), self._uid)
            self._lock = self._open_lock(directory)
        finally:
            os.close(directory)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _check_owner(self, status: os.stat_result, uid: int) -> None:
        directory = self._state_directory
        if status.st_uid not in (uid, 0):
            raise StateDirectoryUnusable(
                f"the state directory {directory} belongs to another user (uid {status.st_uid}; this is {uid}); run "
                f"`chown {uid} {directory}`, or {ELSEWHERE}"
            )
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise StateDirectoryUnusable(
                f"other users may write in the state directory {directory}; run `chmod go-w {directory}`, or {ELSEWHERE}"
            )

    def _open_lock(self, directory: int) -> int:
        try:
            return os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise StateDirectoryUnusable(
                f"{self._state_directory / LOCK} is a symbolic link, which netd never makes; see who made it, and remove it"
            ) from None

    def stopService(self) -> Deferred[None]:
        """Stop listening, close all connections, then release the directory."""
        return super().stopService().addCallback(lambda _: self._unlock())

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
