"""Assembly of the control socket."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import quoteStringArgument

from netd.admin.control.protocol import ControlFactory
from netd.console.dispatch import Dispatcher
from netd.errors import NetdError
from netd.listening import ListeningService, make_context
from netd.operations import OperationTable
from netd.paths import CONTROL_SOCKET

__all__ = ["ControlService", "StateDirectoryUnusable", "make_control_service"]

LOCK = "netd.lock"
"""Name of the file inside the state directory that a running daemon has locked. The operating system lets go of the lock when the
daemon ends, however it ends; a file that holds a pid would outlive it, and after a reboot that pid is another program's."""

LONGEST_PATH = 100
"""Bytes in a unix socket's path; the operating system's limit is a little higher."""


class StateDirectoryUnusable(NetdError):
    """The state directory cannot be made or used; the text says why and what to do."""


def make_control_service(state_directory: Path, reactor: Any, table: OperationTable) -> ControlService:
    """Build the control socket of the daemon whose state is in *state_directory*."""
    factory = ControlFactory("control", make_context(reactor, stall_timeout=30.0), Dispatcher(table, "control socket"))
    return ControlService(state_directory, factory, reactor)


class ControlService(ListeningService):
    """Listens on ``control.sock`` in the state directory, mode 0600; makes the directory when it is missing, mode 0700.

    A lock keeps every other daemon out of that directory.
    """

    remedy = "Move what is there away, or choose another `state_directory` in [netd]."

    def __init__(self, state_directory: Path, factory: ControlFactory, reactor: Any) -> None:
        self._state_directory = state_directory
        socket = quoteStringArgument(str(state_directory / CONTROL_SOCKET)).replace("=", r"\=")  # which it forgets
        super().__init__((f"unix:{socket}:mode=600:lockfile=0",), factory, reactor, stop_timeout=1.0)
        self._lock: int | None = None

    def privilegedStartService(self) -> None:
        """Make the directory, take it, then listen; the socket of a daemon that was killed is replaced.

        :raises StateDirectoryUnusable: when the directory cannot be made or written, or another daemon has it.
        :raises netd.listening.CannotListen: when something that is no socket is in the way.
        """
        path = self._state_directory / CONTROL_SOCKET
        if len(str(path).encode()) > LONGEST_PATH:
            raise StateDirectoryUnusable(f"{path}: longer than a unix socket's path may be; choose a shorter `state_directory`")
        try:
            self._state_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self._state_directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.is_socket():
                path.unlink()
        except BlockingIOError:
            raise StateDirectoryUnusable(
                f"another netd runs with the state directory {self._state_directory}; stop it with `netd stop`, "
                "or give this one a `state_directory` of its own in [netd]"
            ) from None
        except OSError as error:
            raise StateDirectoryUnusable(
                f"cannot use the state directory {self._state_directory}: {error.strerror}; choose another with "
                "`state_directory` in [netd] or NETD_STATE_DIRECTORY"
            ) from None
        super().privilegedStartService()

    def stopService(self) -> Deferred[None]:
        """Stop listening, close all connections, then let go of the directory."""
        return super().stopService().addCallback(lambda _: self._unlock())

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
