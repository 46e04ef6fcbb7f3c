"""Whether the other side of a quiet TCP connection is still there: the operating system asks, and its answer is read here."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from netd.connection.vigil import signs_of

__all__ = ["PROBING", "begin_probe"]

PROBING = 5.0
"""Seconds in which a sign of life must come."""

_PROBES = (("TCP_USER_TIMEOUT", 0), ("TCP_KEEPCNT", 4), ("TCP_KEEPINTVL", 1), ("TCP_KEEPIDLE", 1))
"""Probes, seconds between them, and seconds of silence before the first, which comes last here: setting it sends one at once. A
time limit for all of them would end a connection that has been idle for longer after a single lost probe."""


def begin_probe(transport: Any) -> Callable[[], bool] | None:
    """Ask the other side of *transport* at once, and once a second, whether it is there.

    :returns: a function to be called :data:`PROBING` seconds later, which stops that, and returns False when no sign of life
        came; None where there is no TCP connection to ask through.
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
