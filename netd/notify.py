"""Tells the service manager (systemd) what the daemon does: it starts, is ready, reloads or stops, and its loop turns.

The messages are those of ``sd_notify(3)``. A lost message does no harm, because each one tells the whole state. Without a service
manager nothing is sent, and no timer runs.
"""

from __future__ import annotations

import enum
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from twisted.application.service import Service

__all__ = ["EVERY", "NotifyService", "NotifyState", "make_notify_service"]

EVERY = 10.0
"""Most seconds between two messages."""

STEP = 0.2
"""Seconds between two looks at the ports during the start."""

EXTENSION = 30_000_000
"""Microseconds by which each message extends the time that a start or a stop may take. Whoever stops sending is killed then."""

MOST_STATUS = 500
"""Characters of the status line. A refused reload may have many mistakes; the first ones tell enough."""


class NotifyState(enum.Enum):
    """The state of the daemon, with the assignments that tell it."""

    STARTING = f"EXTEND_TIMEOUT_USEC={EXTENSION}"
    READY = "READY=1"
    RELOADING = "RELOADING=1"
    STOPPING = f"STOPPING=1\nEXTEND_TIMEOUT_USEC={EXTENSION}"


class NotifyService(Service):
    """Sends the state at each change, and at intervals.

    The timer is one of the event loop's: when something holds the loop, no message is sent, and the watchdog of systemd acts.

    :param address: the socket of the service manager; empty where there is none.
    :param watchdog: seconds within which the service manager wants a message; None if it watches nothing.
    :param describe: returns the line that ``systemctl status`` shows.
    :param is_opening: whether a port is still tried, because old connections to it are ending.
    """

    def __init__(
        self, address: str, watchdog: float | None, clock: Any, describe: Callable[[], str], is_opening: Callable[[], bool]
    ) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._beat = "" if watchdog is None else "WATCHDOG=1"
        self._every = EVERY if watchdog is None else min(EVERY, watchdog / 3)
        self._clock = clock
        self._describe = describe
        self._is_opening = is_opening
        self._state = NotifyState.STARTING
        self._reloads_since = ""
        self._outcome = ""
        self._timer: Any = None

    def startService(self) -> None:
        """Tell that all ports are bound, now or when those are that open late."""
        super().startService()  # type: ignore[no-untyped-call]
        if self._address:
            self._turn()

    def stopService(self) -> None:
        """Send nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().stopService()  # type: ignore[no-untyped-call]

    def reload_begins(self) -> None:
        """Tell that the configuration is read again."""
        self._reloads_since = f"MONOTONIC_USEC={int(self._clock.seconds() * 1e6)}"
        self._enter(NotifyState.RELOADING)

    def reload_ended(self, outcome: str) -> None:
        """Tell what became of the reload. The status line keeps it until the next one."""
        self._outcome = f"; {outcome}"
        if self._state is NotifyState.RELOADING:
            self._enter(NotifyState.READY)

    def stops(self) -> None:
        """Tell that the daemon finishes what is open. It goes on telling so until :meth:`stopService`."""
        self._enter(NotifyState.STOPPING)

    def _enter(self, state: NotifyState) -> None:
        self._state = state
        if self._timer is not None:
            self._tell()

    def _turn(self) -> None:
        if self._state is NotifyState.STARTING and not self._is_opening():
            self._state = NotifyState.READY
        self._tell()
        self._timer = self._clock.callLater(STEP if self._state is NotifyState.STARTING else self._every, self._turn)

    def _tell(self) -> None:
        """Send the state. Never raises, and never waits: a service manager that is busy gets the next message."""
        status = " ".join(f"{self._describe()}{self._outcome}".split())[:MOST_STATUS]
        since = self._reloads_since if self._state is NotifyState.RELOADING else ""
        lines = [self._state.value, since, f"MAINPID={os.getpid()}", f"STATUS={status}", self._beat]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as ours:
                ours.sendto("\n".join(filter(None, lines)).encode(), self._address)
        except (OSError, ValueError):
            pass  # the service manager is gone, or busy: the daemon goes on all the same


def make_notify_service(
    environ: Mapping[str, str], clock: Any, describe: Callable[[], str], is_opening: Callable[[], bool]
) -> NotifyService:
    """Build the service for the service manager that *environ* names.

    ``WATCHDOG_USEC`` counts only if ``WATCHDOG_PID`` is this process or not set: otherwise another process is watched.
    """
    text, watched = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID") or str(os.getpid())
    microseconds = int(text) if text.isascii() and text.isdigit() and watched == str(os.getpid()) else 0
    address = environ.get("NOTIFY_SOCKET", "")
    return NotifyService(
        address if address.startswith(("/", "@")) else "", microseconds / 1e6 or None, clock, describe, is_opening
    )
