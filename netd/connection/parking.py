"""Parked ports: a parked port accepts no connection, and keeps its address from other programs.

A connection to a parked TCP port is refused at once, as if no program listened: clients try again later or elsewhere, and a load
balancer notices with its next probe. That is possible on Linux, where a listening socket that is shut down for reading stays
bound. On other systems, and with unix sockets, which cannot listen a second time, newcomers wait, connected, until the port is
opened again or closed. The same holds for a socket that belongs to systemd, which netd must not shut down.
"""

from __future__ import annotations

import socket
from contextlib import suppress

from twisted.internet import tcp

__all__ = ["park", "unpark"]

REFUSING = (socket.AF_INET, socket.AF_INET6)
"""Families of sockets that can stop to listen and begin again."""


def park(port: tcp.Port, is_shared: bool) -> None:
    """Accept no more connections at *port*, without closing it.

    :param is_shared: whether other processes have the socket, too.
    """
    port.stopReading()
    listener = port.socket
    if is_shared or listener.family not in REFUSING:
        return
    address = listener.getsockname()
    try:
        listener.shutdown(socket.SHUT_RD)
    except OSError:  # not Linux
        return
    with suppress(OSError):  # a port that the system had chosen was released, and is bound again; any other is still bound
        listener.bind(address)
    # While no socket listens, another program could bind the port if both sockets had SO_REUSEADDR: netd's loses it.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)


def unpark(port: tcp.Port, backlog: int) -> None:
    """Accept again at *port*.

    :raises OSError: when another program listens there after all.
    """
    listener = port.socket
    if listener.family in REFUSING:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # otherwise, open connections prevent listening
        listener.listen(backlog)
    port.startReading()
