"""The names that mean this machine to itself alone: what ``/etc/hosts`` makes of its own name.

Debian and its relatives let a machine's name mean 127.0.1.1. A browser on it may then ask for the dashboard by that name. No
foreign page can use the name so: what the file says comes before all that a name server could.
"""

from __future__ import annotations

import socket
from pathlib import Path

from netd.config.descriptions import is_loopback

__all__ = ["outward_address", "own_names"]

_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses that nobody has (RFC 5737, RFC 3849): the way to them is the way out of this machine."""


def own_names(hostname: str, table: Path = Path("/etc/hosts")) -> tuple[str, ...]:
    """*hostname* and its short form, in lower case, as far as *table* says that they are loopback addresses."""
    whole = hostname.lower()
    wanted = dict.fromkeys((whole, whole.partition(".")[0]))
    try:
        lines = table.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    known: set[str] = set()
    for line in lines:
        words = line.partition("#")[0].lower().split()
        if words and is_loopback(words[0]):
            known.update(words[1:])
    return tuple(name for name in wanted if name in known)


def outward_address(elsewhere: tuple[tuple[socket.AddressFamily, str], ...] = _ELSEWHERE) -> str | None:
    """The address that this machine has for others, as the routing table says; None where it has no way to them.

    :param elsewhere: addresses of others, each with its family. Nothing is sent there.
    """
    for family, address in elsewhere:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as way:
                way.connect((address, 9))
                return str(way.getsockname()[0])
        except OSError:  # no way out by this family
            continue
    return None
