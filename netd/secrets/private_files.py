"""Files that hold secrets: the password file and the file of tokens.

Such a file is read only if no other user can read or change it, and it is replaced as a whole or not at all. The daemon reads,
the command line writes.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from netd.errors import NetdError
from netd.paths import own_uid

__all__ = [
    "MOST_BYTES",
    "NAME",
    "NAMES",
    "PrivateFileError",
    "drafted",
    "file_stamp",
    "locked",
    "quoted",
    "read_entries",
    "read_lines",
    "read_private",
    "replace",
]

MOST_BYTES = 2**20
"""The longest file that is read."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""The name of an entry."""

NAMES = "use 1 to 64 letters, digits, '.', '_', '@' or '-', beginning with a letter or a digit"
"""The form of :data:`NAME` in words, for messages."""

_NOT_WAITING = getattr(os, "O_NONBLOCK", 0)
"""Opens a named pipe without waiting for a writer. Windows has no named pipes among its files, and no such flag."""


class PrivateFileError(NetdError):
    """A file that holds secrets, or a new entry for one, cannot be used. The message names the place and the remedy."""


def read_private(path: Path, noun: str, remedy: str) -> str:
    """Return the text of the file at *path*. Bytes that are not UTF-8 are replaced, so that they spoil only their own line.

    :param noun: what the file should be, for messages.
    :param remedy: what to do if it is something else, for messages.
    :raises FileNotFoundError: when there is no such file.
    :raises PrivateFileError: when it is not a regular file, is open to others, belongs to another user, or is too long.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | _NOT_WAITING), "rb") as file:  # a pipe must not stop the daemon
            _check(path, os.fstat(file.fileno()), remedy)
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise
    except PermissionError as error:
        uid = os.geteuid()
        told = f"this user (uid {uid}) may not: use `sudo`; or, if it is netd's user, run `chown {uid} {quoted(path)}`"
        raise PrivateFileError(f"{path}: cannot be read: {told}") from error
    except OSError as error:
        raise PrivateFileError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise PrivateFileError(f"{path}: is longer than {MOST_BYTES} bytes: that is no {noun}; {remedy}")
    return content.decode("utf-8", "replace")


def file_stamp(path: Path) -> tuple[int, ...]:
    """Return a value that differs if the file at *path* has changed, or another one has its name: a look costs 1 µs.

    :raises OSError: when there is no such file, or it cannot be looked at.
    """
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_ctime_ns, status.st_mtime_ns, status.st_size


class _Named(Protocol):
    @property
    def name(self) -> str: ...


EntryT = TypeVar("EntryT", bound=_Named)


def read_lines(path: Path, lines: Iterable[str], take: Callable[[str], object], remedy: str) -> None:
    """Call *take* with each of *lines* that is neither blank nor starts with ``#``.

    :param take: takes a line. It raises ValueError with what is wrong with the line, and PrivateFileError with another remedy.
    :param remedy: what to do after a bad line is removed, for messages.
    :raises PrivateFileError: naming each bad line as ``file:line``.
    """
    problems = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            take(line)
        except ValueError as error:
            problems.append(f"{path}:{number}: {error}: remove the line, then {remedy}")
        except PrivateFileError as error:
            problems.append(f"{path}:{number}: {error}")
    if problems:
        raise PrivateFileError("\n".join(problems))


def read_entries(path: Path, lines: Iterable[str], parse: Callable[[str], EntryT], remedy: str) -> dict[str, EntryT]:
    """Return the entries in *lines*, one a line, by name; see :func:`read_lines`.

    :param parse: makes an entry of a line, or raises ValueError with what is wrong with it.
    """
    entries: dict[str, EntryT] = {}

    def take(line: str) -> None:
        entry = parse(line)
        if entry.name in entries:
            raise PrivateFileError(f"{entry.name} stands here a second time: remove one of the two lines")
        entries[entry.name] = entry

    read_lines(path, lines, take, remedy)
    return entries


def replace(path: Path, text: str | bytes) -> None:
    """Replace the file at *path*: write *text* to a new file beside it, mode 0600, flush that to the disk, then rename it.

    A crash leaves the old file or the new one, never a part. When root writes, the file keeps its owner, or gets that of its
    directory, because the daemon runs as that user and must be able to read it.

    :raises OSError: when that fails. The old file is still there then.
    """
    with drafted(path, text):
        """The draft is whole: it takes the place of the file."""


@contextmanager
def drafted(path: Path, text: str | bytes) -> Iterator[None]:
    """Write the file as :func:`replace` does, and put it in its place at the end of the ``with``; after an error, leave no trace.

    So what must be done before the file counts, such as noting the hash of a token in it, happens only if it can be written.
    """
    descriptor, draft_name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(draft_name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if os.geteuid() == 0:
                owner = (path if path.exists() else path.parent).stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(text.encode() if isinstance(text, str) else text)
            file.flush()
            os.fsync(file.fileno())
        yield
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
    """Lock *path* against other callers of this function. Its directory is made, with mode 0700, if it is missing.

    The lock is on the directory: a lock on the file would stay with the old file when that is replaced.

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
    """Return the absolute *path*, quoted for a shell."""
    return shlex.quote(str(path.absolute()))


def _check(path: Path, status: os.stat_result, remedy: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise PrivateFileError(f"{path}: is not a regular file: {remedy}")
    if own_uid() < 0:
        return  # on Windows, a file's mode does not tell who may read it; a user's own folder is closed to other users there
    uid = os.geteuid()
    granted = os.environ.get("CREDENTIALS_DIRECTORY")
    if granted and path.absolute().is_relative_to(granted):
        return  # systemd grants access by a list, which shows as the group's mode; nobody else reaches the directory
    if status.st_mode & 0o077:
        raise PrivateFileError(f"{path}: is open to other users: run `chmod 600 {quoted(path)}`")
    if uid not in (0, status.st_uid) and status.st_uid != 0:
        raise PrivateFileError(
            f"{path}: belongs to another user (uid {status.st_uid}; this is {uid}): run `chown {uid} {quoted(path)}`"
        )
