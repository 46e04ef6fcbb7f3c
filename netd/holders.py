"""Who has a port that is not to be had: by name, where the operating system shows it.

Linux refuses a port also while nobody listens on it: as long as a connection of the program that had it is still open, or in
TIME_WAIT (60 s), and that program did not ask for ``SO_REUSEADDR``. The two are told apart here, by ``/proc``.
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
"""The state of a socket that listens, as ``/proc/net/tcp`` has it."""

_INTERPRETERS = ("python", "node", "java", "perl", "ruby", "sh", "bash")
"""Programs whose first argument tells more than their own name."""


@frozen
class Holder:
    """A socket that has the port.

    :ivar is_listening: whether it listens; otherwise it is a connection, or what is left of one.
    :ivar process: name and pid of the process that has it open, or None where there is none, or none that this user may see.
    :ivar is_own: whether that is this process.
    """

    is_listening: bool
    process: str | None
    is_own: bool = False


def holders_of(host: str, port: int, proc: Path = Path("/proc")) -> list[Holder] | None:
    """All sockets because of which *host* and *port* may be refused; those that listen come first.

    None where the operating system does not show them.
    """
    try:
        found = [*_sockets(proc / "net/tcp", host, port)]
    except OSError:
        return None
    with suppress(OSError):  # a machine without IPv6
        found += _sockets(proc / "net/tcp6", host, port)
    found.sort(key=lambda entry: entry[0] != _LISTEN)
    return [_holder(state == _LISTEN, inode, proc) for state, inode in found]


def _holder(is_listening: bool, inode: str, proc: Path) -> Holder:
    process = _process(inode, proc)
    if process is None:
        return Holder(is_listening, None)
    return Holder(is_listening, f"{_name(process)} (pid {process.name})", process.name == str(os.getpid()))


def _sockets(table: Path, host: str, port: int) -> Iterator[tuple[str, str]]:
    """State and inode of the sockets in *table* that have *host* and *port*."""
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
    """An address as the table has it: words of 32 bits in the byte order of the machine."""
    words = [int(written[at : at + 8], 16) for at in range(0, len(written), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return ip_address(socket.inet_ntop(socket.AF_INET6 if len(words) > 1 else socket.AF_INET, packed))


def _overlap(one: IPv4Address | IPv6Address, other: IPv4Address | IPv6Address) -> bool:
    plain = [getattr(address, "ipv4_mapped", None) or address for address in (one, other)]
    return plain[0] == plain[1] or any(address.is_unspecified for address in plain)


def _process(inode: str, proc: Path) -> Path | None:
    """The folder of the process that has the socket *inode* open."""
    link = f"socket:[{inode}]"
    for folder in proc.glob("[0-9]*/fd") if inode != "0" else ():
        with suppress(OSError):  # it has ended, or belongs to somebody else
            if any(_leads_to(entry, link) for entry in folder.iterdir()):
                return folder.parent
    return None


def _leads_to(entry: Path, link: str) -> bool:
    """Whether an open file is *link*. It may be closed by now: of this very process, the one by which the list was read is."""
    try:
        return str(entry.readlink()) == link
    except OSError:
        return False


def _name(process: Path) -> str:
    """What a person knows *process* by."""
    name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    words = (process / "cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    script = next((word for word in words[1:] if word and not word.startswith("-")), "")
    return f"{name} {os.path.basename(script)}" if script and name.startswith(_INTERPRETERS) else name  # noqa: PTH119 - a word
