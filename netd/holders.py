"""The processes that hold a port which netd cannot open, for the error message. They are read from ``/proc`` of Linux.

Linux refuses a port not only while a program listens on it. After a program without ``SO_REUSEADDR`` has stopped listening, the
port stays refused as long as one of the program's connections is open or in TIME_WAIT (60 s). The message tells which it is.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from attrs import frozen

__all__ = ["Holder", "holders_of"]

_LISTEN = "0A"
"""The state of a listening socket in ``/proc/net/tcp``."""

_INTERPRETERS = ("python", "node", "java", "perl", "ruby", "sh", "bash")
"""Programs of which the first argument, the script, tells more than the name."""


@frozen
class Holder:
    """A socket that holds the port.

    :ivar is_listening: whether it listens. Otherwise it is a connection, open or in TIME_WAIT.
    :ivar process: name and pid of the process that has the socket open; None without one, or if this user may not see it.
    :ivar is_own: whether the process is this one.
    """

    is_listening: bool
    process: str | None
    is_own: bool = False


def holders_of(host: str, port: int, proc: Path = Path("/proc")) -> list[Holder] | None:
    """Return all sockets because of which *host* and *port* may be refused, listening ones first.

    None if the operating system does not show its sockets.
    """
    try:
        found = [*_sockets(proc / "self/net/tcp", host, port)]
    except OSError:
        return None
    with suppress(OSError):  # a machine without IPv6
        found += _sockets(proc / "self/net/tcp6", host, port)
    found.sort(key=lambda entry: entry[0] != _LISTEN)
    return [_holder(state == _LISTEN, inode, proc) for state, inode in found]


def _holder(is_listening: bool, inode: str, proc: Path) -> Holder:
    process = _process(inode, proc)
    if process is None:
        return Holder(is_listening, None)
    return Holder(is_listening, f"{_name(process)} (pid {process.name})", process.name == str(os.getpid()))


def _sockets(table: Path, host: str, port: int) -> Iterator[tuple[str, str]]:
    """Return state and inode of each socket in *table* that holds *host* and *port*."""
    try:
        wanted = ip_address(host.partition("%")[0])
    except ValueError:  # a name
        wanted = IPv4Address(0)
    suffix = f":{port:04X}"
    for line in table.read_text(encoding="ascii", errors="replace").splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(suffix) and _overlap(_address(fields[1].partition(":")[0]), wanted):
            yield fields[3], fields[9]


def _address(written: str) -> IPv4Address | IPv6Address:
    """Return the address that the table writes as words of 32 bits, in the byte order of the machine."""
    words = [int(written[at : at + 8], 16) for at in range(0, len(written), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return ip_address(socket.inet_ntop(socket.AF_INET6 if len(words) > 1 else socket.AF_INET, packed))


def _overlap(one: IPv4Address | IPv6Address, other: IPv4Address | IPv6Address) -> bool:
    plain = [getattr(address, "ipv4_mapped", None) or address for address in (one, other)]
    return plain[0] == plain[1] or any(address.is_unspecified for address in plain)


def _process(inode: str, proc: Path) -> Path | None:
    """Return the folder in *proc* of the process that has the socket *inode* open."""
    link = f"socket:[{inode}]"
    for folder in proc.glob("[0-9]*/fd") if inode != "0" else ():
        with suppress(OSError):  # it has ended, or belongs to somebody else
            if any(_leads_to(entry, link) for entry in folder.iterdir()):
                return folder.parent
    return None


def _leads_to(entry: Path, link: str) -> bool:
    """Whether an open file is *link*. The file may be closed by now: of this process, that is the open list of files itself."""
    try:
        return str(entry.readlink()) == link
    except OSError:
        return False


def _name(process: Path) -> str:
    """Return the name by which people know *process*."""
    name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    words = (process / "cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    script = next((word for word in words[1:] if word and not word.startswith("-")), "")
    return f"{name} {os.path.basename(script)}" if script and name.startswith(_INTERPRETERS) else name  # noqa: PTH119 - a word
