"""The machine's own name, if ``/etc/hosts`` gives it a loopback address.

Debian and its relatives give a machine's name the address 127.0.1.1. A browser on the machine may then ask for the dashboard by
that name. That is safe: ``/etc/hosts`` takes precedence over name servers, so no foreign page can point the name elsewhere.
"""

from __future__ import annotations

import socket
from pathlib import Path

from netd.config.descriptions import is_loopback

__all__ = ["outward_address", "own_names"]

_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses reserved for documentation (RFC 5737, RFC 3849). The route to them is the default route."""


def own_names(hostname: str, table: Path = Path("/etc/hosts")) -> tuple[str, ...]:
    """Return those of *hostname* and its short form, in lower case, to which *table* gives a loopback address."""
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
    """Return the address of this machine on its default route; None without such a route.

    :param elsewhere: addresses outside of this machine, each with its family. Nothing is sent there.
    """
    for family, address in elsewhere:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as way:
                way.connect((address, 9))
                return str(way.getsockname()[0])
        except OSError:  # no route for this family
            continue
    return None
