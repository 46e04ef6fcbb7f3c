"""The user that the daemon runs as: root is refused, or becomes another user once the ports are bound.

A fault in a daemon that runs as root costs the machine. twistd's own ``--uid`` does not do: it gives root up only after the state
directory was checked and locked, so one of the two users finds the other's files in it.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Collection
from pathlib import Path

from netd.control.directory import ELSEWHERE, StateDirectoryUnusable
from netd.secrets.private_files import quoted

__all__ = ["become", "may_read", "objection", "owner_of_files"]

ROOT = 0


def objection(user: str | None, uid: int) -> str:
    """Return why a daemon that *uid* starts cannot run as *user*; empty if it can.

    :param user: the option ``user`` of ``[netd]``; None is the user who starts it, unless that is root.
    """
    if user is None:
        return "" if uid != ROOT else _REFUSED
    try:
        wanted = pwd.getpwnam(user).pw_uid
    except KeyError:
        return f"there is no user {user!r} on this machine: make it with `useradd --system {user}`, or write another"
    if uid not in (ROOT, wanted):
        return f"only root can become {user}: start netd as root or as {user}, or take this out"
    return ""


_REFUSED = (
    "netd does not run as root: write `user = netd`, the user that it becomes once its ports are bound, or start it as another "
    "user; `user = root`, or NETD_USER=root for one start, if root is meant"
)


def owner_of_files(user: str | None) -> tuple[int, int] | None:
    """Return the user and the group that files belong to which root makes before it becomes *user*; None if it becomes nobody."""
    if user is None or os.geteuid() != ROOT:
        return None
    account = pwd.getpwnam(user)
    return account.pw_uid, account.pw_gid


def may_read(path: Path, uid: int, groups: Collection[int]) -> bool:
    """Return whether the user *uid* in these *groups* can read the file, as its mode and those of the folders around it say.

    :raises OSError: if there is none.
    """
    place = path.resolve()
    wanted = [(place, 4), *((folder, 1) for folder in place.parents)]
    return all(_allows(one.stat(), uid, groups, bit) for one, bit in wanted)


def _allows(status: os.stat_result, uid: int, groups: Collection[int], bit: int) -> bool:
    shift = 6 if status.st_uid == uid else 3 if status.st_gid in groups else 0
    return uid == ROOT or bool(status.st_mode >> shift & bit)


def become(user: str | None, state_directory: Path) -> int:
    """Make the state directory for *user*, and become that user, if root has started netd and another one is wanted.

    :param user: as for :func:`objection`, which had none.
    :returns: the number of the user that the daemon runs as now.
    :raises StateDirectoryUnusable: when the directory cannot be made, or belongs to somebody else.
    """
    if user is not None and os.geteuid() == ROOT:
        account = pwd.getpwnam(user)
        if account.pw_uid != ROOT:
            _provide(account, state_directory)
            os.initgroups(account.pw_name, account.pw_gid)
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)  # as root it sets the saved user, too: there is no way back
    return os.geteuid()


def _provide(account: pwd.struct_passwd, directory: Path) -> None:
    try:
        if not directory.exists():
            directory.mkdir(mode=0o700, parents=True)
            os.chown(directory, account.pw_uid, account.pw_gid, follow_symlinks=False)
        owner = directory.stat().st_uid
    except OSError as error:
        raise StateDirectoryUnusable(f"cannot use the state directory {directory}: {error.strerror}; {ELSEWHERE}") from None
    if owner != account.pw_uid:
        raise StateDirectoryUnusable(
            f"the state directory {directory} belongs to another user (uid {owner}), and netd becomes {account.pw_name}: run "
            f"`chown -R {account.pw_name}: {quoted(directory)}`, or {ELSEWHERE}"
        )
