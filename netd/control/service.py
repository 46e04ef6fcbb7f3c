"""The service of the control socket, and the lock of the state directory."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import quoteStringArgument

from netd.console.dispatch import Dispatcher
from netd.control.directory import ELSEWHERE, StateDirectoryUnusable, check_owner, check_path
from netd.control.protocol import ControlFactory
from netd.interfaces import IBus
from netd.listening import ListeningService, make_context
from netd.operations import MAIN, OperationTable
from netd.paths import CONTROL_SOCKET
from netd.secrets.private_files import quoted

__all__ = ["ControlService", "make_control_service"]

LOCK = "netd.lock"
"""Name of the file in the state directory that a running daemon has locked. The operating system releases the lock however the
daemon ends. A file with a pid would stay, and after a reboot that pid belongs to another program."""

STALL_TIMEOUT = 8.0
"""Seconds after which a caller is cut that reads none of the bytes waiting for it."""


def make_control_service(
    state_directory: Path, reactor: Any, table: OperationTable, bus: IBus, become: Callable[[], int] = os.geteuid
) -> ControlService:
    """Build the control socket of the daemon whose state is in *state_directory*.

    :param become: see :class:`ControlService`.
    """
    factory = ControlFactory("control", make_context(reactor, STALL_TIMEOUT), Dispatcher(table, reactor.seconds, bus))
    return ControlService(state_directory, factory, reactor, become)


@frozen
class ControlRules:
    """What the control socket goes by. It has no section: it can always be reached, whatever the configuration says."""

    listen: tuple[str, ...]
    instance: str = MAIN
    stop_timeout: float = 1.0


class ControlService(ListeningService):
    """Listens on ``control.sock``, mode 0600, in the state directory, which is made with mode 0700 if it is missing.

    A lock keeps other daemons out of that directory. Only root and the daemon's own user may write in it: another user could put
    a socket of its own, or a link, where callers look for the daemon's.

    It starts after all services that bind ports: before it looks at the directory, the daemon gives root up.

    :param become: becomes the user that the daemon is to run as, and returns the number of that user.
    :ivar state_directory: the directory.
    """

    remedy = "Move what is there away, or choose another `state_directory` in [netd]."

    def __init__(self, state_directory: Path, factory: ControlFactory, reactor: Any, become: Callable[[], int]) -> None:
        self.state_directory = state_directory
        socket = quoteStringArgument(str(state_directory / CONTROL_SOCKET)).replace("=", r"\=")  # which it forgets
        super().__init__(ControlRules((f"unix:{socket}:mode=600:lockfile=0",)), factory, reactor)
        self._become = become
        self._lock: int | None = None

    def privilegedStartService(self) -> None:
        """Become the daemon's user, make and lock the directory, then listen. The socket of a killed daemon is replaced.

        :raises StateDirectoryUnusable: when the directory cannot be made or written, other users may write in it, or another
            daemon has locked it.
        :raises netd.listening.CannotListen: when a file that is no socket is in the way.
        """
        check_path(self.state_directory)
        uid = self._become()
        path = self.state_directory / CONTROL_SOCKET
        try:
            self._take_directory(uid)
            if path.is_socket():
                path.unlink()
        except BlockingIOError:
            raise StateDirectoryUnusable(
                f"another netd runs with the state directory {self.state_directory}; "
                f"stop it with `netd stop --state {quoted(self.state_directory)}`, "
                "or give this one a `state_directory` of its own in [netd]"
            ) from None
        except OSError as error:
            raise StateDirectoryUnusable(
                f"cannot use the state directory {self.state_directory}: {error.strerror}; {ELSEWHERE}"
            ) from None
        super().privilegedStartService()

    def _take_directory(self, uid: int) -> None:
        """Make the directory, check its owner, and lock it.

        All three steps go through one descriptor, so that they concern the same directory even if the path is changed meanwhile.
        """
        self.state_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory = os.open(self.state_directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            check_owner(self.state_directory, os.fstat(directory), uid)
            self._lock = self._open_lock(directory)
        finally:
            os.close(directory)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _open_lock(self, directory: int) -> int:
        try:
            return os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise StateDirectoryUnusable(
                f"{self.state_directory / LOCK} is a symbolic link, which netd never makes; see who made it, and remove it"
            ) from None

    def stopService(self) -> Deferred[None]:
        """Stop listening, close all connections, then release the directory: nothing more may be written in it."""
        return super().stopService().addCallback(lambda _: self._unlock())

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
