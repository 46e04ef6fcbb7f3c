"""Ports that take a break: a parked port accepts nobody, and keeps its address from everybody else.

A newcomer at a parked TCP port is refused at once, as if nobody listened: programs try again later or elsewhere, and a load
balancer sees it with its next probe. Linux allows that: a listening socket that is shut down for reading stays bound. Other
systems do not, and a unix socket cannot listen a second time; there newcomers wait, connected, until the port is opened again or
closed. So they do at a socket that is systemd's as well: it is not netd's to shut.
"""

from __future__ import annotations

import socket
from contextlib import suppress

from twisted.internet import tcp

__all__ = ["park", "unpark"]

REFUSING = (socket.AF_INET, socket.AF_INET6)
"""Families of sockets that can stop to listen and begin again."""


def park(port: tcp.Port, is_shared: bool) -> None:
    """Accept nothing more at *port*, which is not closed.

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
    with suppress(OSError):  # a port that the system had chosen is let go of, and taken again; all others are bound still
        listener.bind(address)
    # While nobody listens, another program could have the port, if both sides asked to share it: netd's does not any more.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)


def unpark(port: tcp.Port, backlog: int) -> None:
    """Accept again at *port*.

    :raises OSError: when another program listens there after all.
    """
    listener = port.socket
    if listener.family in REFUSING:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else connections that are open stand in the way
        listener.listen(backlog)
    port.startReading()
