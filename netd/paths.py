"""The directory of netd's state, and the files that come with netd: the same rules for the daemon and for the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["CONTROL_SOCKET", "SERVICE", "home_directory", "own_uid", "packaged", "state_directory"]

CONTROL_SOCKET = "control.sock"
"""Name of the control socket inside the state directory."""

SERVICE = Path("/var/lib/netd")
"""The state directory of root's daemon, and of the machine's service."""


def own_uid() -> int:
    """Return the number of the user that this process runs as; -1 on Windows, where users have none."""
    getuid = getattr(os, "getuid", None)
    return -1 if getuid is None else int(getuid())


def home_directory(environ: Mapping[str, str]) -> Path:
    """Return the user's home directory: ``HOME``, or ``USERPROFILE``, which is its name on Windows."""
    return Path(environ.get("HOME") or environ.get("USERPROFILE") or "/")


def state_directory(environ: Mapping[str, str], uid: int) -> Path:
    """Return the state directory of a daemon whose configuration names none.

    ``NETD_STATE_DIRECTORY`` comes first, then systemd's ``STATE_DIRECTORY``. Without either, it is ``/var/lib/netd`` for root and
    ``$XDG_STATE_HOME/netd`` (``~/.local/state/netd``) for other users.
    """
    named = environ.get("NETD_STATE_DIRECTORY") or environ.get("STATE_DIRECTORY", "").split(":")[0]
    if named:
        return Path(named)
    if uid == 0:
        return SERVICE
    home = environ.get("XDG_STATE_HOME") or str(home_directory(environ) / ".local" / "state")
    return Path(home) / "netd"


def packaged(name: str, folder: str = "etc") -> Path:
    """Return the path of a file that comes with netd: inside the installed package, or in *folder* of a checkout."""
    package = Path(__file__).parent
    installed = package / Path(folder).name / name
    return installed if installed.exists() else package.parent / folder / name
