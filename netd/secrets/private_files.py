"""Files that hold secrets: read only when nobody else can read or change them, and replaced as a whole or not at all.

The password file and the tokens are such files. The daemon reads them, the command line writes them.
"""

from __future__ import annotations

import os
import shlex
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netd.errors import NetdError
from netd.paths import own_uid

__all__ = ["MOST_BYTES", "PrivateFileError", "locked", "quoted", "read_private", "replace"]

MOST_BYTES = 2**20
"""The longest file that is read."""

_NOT_WAITING = getattr(os, "O_NONBLOCK", 0)
"""Opens without waiting for whoever is at the other end of a pipe; Windows has no pipes among its files."""


class PrivateFileError(NetdError):
    """A file that holds secrets cannot be used; the text says where and what to do about it."""


def read_private(path: Path, noun: str, remedy: str) -> str:
    """The content of the file at *path*. A byte that is not UTF-8 spoils its own line only.

    :param noun: what it should be, for errors.
    :param remedy: what to do about something else in its place.
    :raises FileNotFoundError: when there is none.
    :raises PrivateFileError: when it is not a regular file, is open to others, belongs to another user, or is too long.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | _NOT_WAITING), "rb") as file:  # a pipe must not stop the daemon
            _check(path, os.fstat(file.fileno()), remedy)
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PrivateFileError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise PrivateFileError(f"{path}: is longer than {MOST_BYTES} bytes: that is no {noun}; {remedy}")
    return content.decode("utf-8", "replace")


def replace(path: Path, text: str) -> None:
    """Write *text* beside *path*, mode 0600, make sure that it is on the disk, then give it the name.

    Written by root, the file stays (or becomes) that of the user who owns it (or its directory): the daemon must be able to read
    it.

    :raises OSError: when that is not possible; then the old file is still there.
    """
    descriptor, draft_name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(draft_name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if os.geteuid() == 0:
                owner = (path if path.exists() else path.parent).stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink()
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep all others who do the same from changing *path* meanwhile; makes its directory, mode 0700, when that is missing.

    What is locked is the directory: a lock on the file itself would stay with the old one when it is replaced.

    :raises OSError: when the directory cannot be used.
    """
    import fcntl  # noqa: PLC0415 - not there on Windows, where tokens of gateways are read and nothing is written

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def quoted(path: Path) -> str:
    """*path* as a shell takes it, in whatever directory."""
    return shlex.quote(str(path.absolute()))


def _check(path: Path, status: os.stat_result, remedy: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise PrivateFileError(f"{path}: is not a regular file: {remedy}")
    if own_uid() < 0:
        return  # Windows: who may read a file is not in its mode, and a user's own folder is closed to other users
    uid = os.geteuid()
    if status.st_mode & 0o077:
        raise PrivateFileError(f"{path}: is open to other users: run `chmod 600 {quoted(path)}`")
    if uid not in (0, status.st_uid) and status.st_uid != 0:
        raise PrivateFileError(
            f"{path}: belongs to another user (uid {status.st_uid}; this is {uid}): run `chown {uid} {quoted(path)}`"
        )
