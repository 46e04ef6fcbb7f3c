"""Assembly of the control socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.endpoints import quoteStringArgument

from netd.admin.control.protocol import ControlFactory
from netd.console.dispatch import Dispatcher
from netd.errors import NetdError
from netd.listening import ListeningService, make_context
from netd.operations import OperationTable
from netd.paths import CONTROL_SOCKET

__all__ = ["ControlService", "StateDirectoryUnusable", "make_control_service"]

LONGEST_PATH = 100
"""Bytes in a unix socket's path; the operating system's limit is a little higher."""


class StateDirectoryUnusable(NetdError):
    """The state directory cannot be made or used; the text says why and what to do."""


def make_control_service(state_directory: Path, reactor: Any, table: OperationTable) -> ControlService:
    """Build the control socket of the daemon whose state is in *state_directory*."""
    factory = ControlFactory("control", make_context(reactor, stall_timeout=30.0), Dispatcher(table, "control socket"))
    return ControlService(state_directory, factory, reactor)


class ControlService(ListeningService):
    """Listens on ``control.sock`` in the state directory, mode 0600; makes the directory when it is missing, mode 0700."""

    def __init__(self, state_directory: Path, factory: ControlFactory, reactor: Any) -> None:
        self._state_directory = state_directory
        socket = quoteStringArgument(str(state_directory / CONTROL_SOCKET))
        super().__init__((f"unix:{socket}:mode=600:lockfile=1",), factory, reactor, stop_timeout=1.0)

    def privilegedStartService(self) -> None:
        """Make the directory, then listen.

        :raises StateDirectoryUnusable: when that cannot be done.
        :raises netd.listening.CannotListen: when another daemon listens there.
        """
        path = self._state_directory / CONTROL_SOCKET
        if len(str(path).encode()) > LONGEST_PATH:
            raise StateDirectoryUnusable(f"{path}: longer than a unix socket's path may be; choose a shorter `state_directory`")
        try:
            self._state_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StateDirectoryUnusable(
                f"cannot make the state directory {self._state_directory}: {error.strerror}; choose another with "
                "`state_directory` in [netd] or NETD_STATE_DIRECTORY"
            ) from None
        super().privilegedStartService()
