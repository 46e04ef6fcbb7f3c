"""Objections of ``netd check`` to an endpoint: reasons why netd will not be able to listen on it. Nothing here listens.

A port in use is no objection: netd itself may be running while its configuration is checked. To see whether the machine has an
address, a socket is bound to it and closed at once. The socket never listens, so that no client can connect to it.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from ipaddress import ip_address
from pathlib import Path

from netd.config.descriptions import LOOPBACK, arguments_of

__all__ = ["objection"]

PRIVILEGED = 1024
"""Ports below this one need a permission on most systems."""

LONGEST_PATH = 107 if sys.platform == "linux" else 103
"""Bytes in the path of a unix socket, at most."""


def objection(description: str) -> str:
    """Return the reason why netd cannot listen on the (checked) *description*; empty if none was found."""
    kind, arguments = arguments_of(description)
    if kind == "unix":
        why = _objection_to_path(Path(arguments["address"]))
    elif kind == LOOPBACK:
        why = _objection_to_address("127.0.0.1", int(arguments["port"]))
    elif "interface" in arguments:
        why = _objection_to_address(arguments["interface"], int(arguments["port"]))  # the same for UDP: the port is not bound
    else:
        return ""
    return f"{description}: {why}" if why else ""


def _objection_to_address(interface: str, port: int) -> str:
    host, _, scope = interface.partition("%")
    try:
        address = ip_address(host).compressed
    except ValueError:
        return _objection_to_name(interface, port)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        place = socket.getaddrinfo(interface, port if port < PRIVILEGED else 0, family, socket.SOCK_STREAM)[0][4]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except socket.gaierror:
        return f"there is no network interface {scope}"
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return ""
        if error.errno in (errno.EACCES, errno.EPERM):
            return f"port {port} needs a permission that this user lacks: choose one from {PRIVILEGED}, or start netd as root"
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return f"this machine has no address {interface}; `ip address` shows those that it has"
        return os.strerror(error.errno or 0)
    return ""


def _objection_to_name(name: str, port: int) -> str:
    if name in (found for _, found in socket.if_nameindex()):
        return f"{name} is a network interface: write its address, as `ip address show {name}` tells it"
    try:
        address: str = socket.gethostbyname(name)
    except OSError:
        return f"there is no address of the name {name!r}; write interface=ADDRESS, as in interface=192.168.1.20"
    return _objection_to_address(address, port)


def _objection_to_path(path: Path) -> str:
    length = len(os.fsencode(path))
    if length > LONGEST_PATH:
        return f"its path has {length} bytes, and that of a unix socket at most {LONGEST_PATH}: choose a shorter one"
    if os.path.exists(path):  # noqa: PTH110 - a Path raises where this user may not look
        return "" if path.is_socket() else f"{path} is there already, and is no socket: move it away"
    if not os.path.isdir(path.parent):  # noqa: PTH112 - likewise
        return f"there is no directory {path.parent}: make it"
    return "" if os.access(path.parent, os.W_OK | os.X_OK) else f"this user may not write in {path.parent}"
