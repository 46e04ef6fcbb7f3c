"""Probes of a quiet TCP connection: the operating system asks the other side, and whether it answered is read here."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from netd.connection.vigil import signs_of

__all__ = ["PROBING", "begin_probe"]

PROBING = 5.0
"""Seconds within which the other side must answer a probe."""

_PROBES = (("TCP_USER_TIMEOUT", 0), ("TCP_KEEPCNT", 4), ("TCP_KEEPINTVL", 1), ("TCP_KEEPIDLE", 1))
"""The number of probes, the seconds between them, and the seconds of silence before the first. That one is set last, because
setting it sends a probe at once. ``TCP_USER_TIMEOUT`` is switched off meanwhile: after one lost probe, it would end a connection
that has been idle for longer than its limit."""


def begin_probe(transport: Any) -> Callable[[], bool] | None:
    """Send probes to the other side of *transport*: one now, and one each second.

    :returns: a function to call :data:`PROBING` seconds later. It stops the probes and returns False if no sign of life came.
        None instead where *transport* is no TCP connection.
    """
    handle = getattr(transport, "socket", None)
    if not isinstance(handle, socket.socket) or handle.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    numbers = {getattr(socket, name): value for name, value in _PROBES if hasattr(socket, name)}
    before = {number: handle.getsockopt(socket.IPPROTO_TCP, number) for number in numbers}
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for number, value in numbers.items():
        handle.setsockopt(socket.IPPROTO_TCP, number, value)

    def finish() -> bool:
        signs = signs_of(transport)
        is_alive = signs is None or not signs.is_dead(PROBING)  # elsewhere than on Linux, the count of probes decides
        for number, value in before.items():
            handle.setsockopt(socket.IPPROTO_TCP, number, value)
        return is_alive

    return finish
