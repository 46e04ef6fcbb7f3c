"""The names that mean this machine to itself alone: what ``/etc/hosts`` makes of its own name.

Debian and its relatives let a machine's name mean 127.0.1.1. A browser on it may then ask for the dashboard by that name. No
foreign page can use the name so: what the file says comes before all that a name server could.
"""

from __future__ import annotations

from pathlib import Path

from netd.config.descriptions import is_loopback

__all__ = ["own_names"]


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
