"""Puts a backup back: beside the state directory first, checked to the last byte, and then in its place in one step.

So whatever happens meanwhile, there is either all of what was before or all of the backup. All of this blocks.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import IO, BinaryIO

from netd.backup.manifest import AUTHORITY, CONFIGURATION, MANIFEST, BackupRefused, Manifest

__all__ = ["Restored", "restore"]

LOCK = "netd.lock"
"""The file that a running daemon has locked."""

HARMLESS = (LOCK, "control.sock")
"""Files that hold nothing: a directory with no others is as good as empty."""

MOST_TEXT = 1 << 24
"""Bytes of a manifest or of a configuration, at most."""

PIECE = 1 << 20

WHO = "as root, or as the user that owns it"

EXCHANGE = 2
"""The flag of Linux's ``renameat2`` that exchanges two names."""

AT_FDCWD = -100


class Restored:
    """What was put back.

    :ivar manifest: of the archive.
    :ivar before: where the files are that were there before; None if there were none.
    :ivar configuration: the INI in the archive; None if it has none.
    """

    def __init__(self, manifest: Manifest, before: Path | None, configuration: bytes | None) -> None:
        self.manifest = manifest
        self.before = before
        self.configuration = configuration


def restore(archive: BinaryIO, directory: Path, replaces: bool, now: float) -> Restored:
    """Put the files of *archive* into *directory*, the state directory.

    :param replaces: whether files that are there may be moved away, to a directory beside it.
    :param now: seconds since the epoch, for the name of that.
    :raises BackupRefused: if that is not possible; then nothing has changed.
    """
    directory = directory.resolve()
    with _alone(directory):
        is_empty = not directory.exists() or all(path.name in HARMLESS for path in directory.iterdir())
        if not is_empty and not replaces:
            raise BackupRefused(f"{directory} has files: --replace moves them to a directory beside it")
        if directory.is_mount():
            raise BackupRefused(
                f"{directory} is a file system of its own, such as a container's volume, and cannot be exchanged in one step: "
                f"restore with `--state {directory / 'restored'}`, and move the files up while netd is stopped"
            )
        try:
            directory.parent.mkdir(parents=True, exist_ok=True)
            draft = Path(mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        except OSError as error:
            raise BackupRefused(f"nothing can be made in {directory.parent}: {error.strerror}; run this {WHO}") from None
        try:
            manifest, configuration = _unpack(archive, draft)
            _own(draft, directory if directory.exists() else directory.parent)
            _flush(draft)
            before = None if is_empty else directory.with_name(f"{directory.name}.before-{_stamp(now)}")
            _put_in_place(draft, directory, before)
        except (OSError, tarfile.TarError) as error:
            raise BackupRefused(f"the backup cannot be put back: {error}; nothing has changed") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return Restored(manifest, before, configuration)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep daemons out of *directory* meanwhile.

    :raises BackupRefused: if one runs there, or this user may not write there.
    """
    try:
        is_there = directory.exists()
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600) if is_there else None
    except OSError as error:
        raise BackupRefused(f"{directory} cannot be written to: {error.strerror}; run this {WHO}") from None
    if lock is None:
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise BackupRefused(f"netd runs with {directory}: stop it first, with `netd stop` or `systemctl stop netd`") from None
    try:
        yield
    finally:
        os.close(lock)


def _unpack(source: BinaryIO, draft: Path) -> tuple[Manifest, bytes | None]:
    """Write the files below *draft*, and check them against the manifest."""
    sums: dict[str, tuple[int, str]] = {}
    texts: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=source, mode="r|*") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is None:
                    raise BackupRefused(f"{member.name} in this archive is no file: netd has not made it")
                if member.name in (MANIFEST, CONFIGURATION):
                    texts[member.name] = content.read(MOST_TEXT)
                else:
                    sums[member.name] = _write(draft / _safe(member.name), content, member.mode)
    except (tarfile.ReadError, EOFError) as error:
        raise BackupRefused(f"this is no backup, or only the beginning of one: {error}") from None
    if MANIFEST not in texts:
        raise BackupRefused("this backup ends early: its manifest, which comes last, is not there")
    manifest = Manifest.decode(texts[MANIFEST])
    wanted = {file.path: (file.size, file.sum) for file in manifest.files}
    bad = sorted(name for name in {*wanted, *sums} if wanted.get(name) != sums.get(name))
    if bad:
        raise BackupRefused(
            f"this backup is damaged: {', '.join(bad[:5])} {'is' if len(bad) == 1 else 'are'} not as it was saved"
        )
    manifest.check_versions()
    return manifest, texts.get(CONFIGURATION)


def _safe(name: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise BackupRefused(f"{name!r} in this archive leads out of the state directory: netd has not made it")
    return Path(path)


def _write(path: Path, content: IO[bytes], mode: int) -> tuple[int, str]:
    """Write a file, for its owner alone, to the disk. Returns its size and sum."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    found, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while piece := content.read(PIECE):
            file.write(piece)
            found.update(piece)
            size += len(piece)
        os.fchmod(descriptor, (mode & 0o700) | 0o600)
        file.flush()
        os.fsync(descriptor)
    return size, found.hexdigest()


def _own(draft: Path, like: Path) -> None:
    """Give everything below *draft* to the owner of *like*, if this user may."""
    if os.geteuid() != 0:
        return
    status = like.stat()
    for path in (draft, *draft.rglob("*")):
        if path.name == AUTHORITY:
            continue  # the daemon's user signs nothing
        os.chown(path, status.st_uid, status.st_gid)


def _flush(draft: Path) -> None:
    for path in (draft, *(path for path in draft.rglob("*") if path.is_dir())):
        path.chmod(0o700)  # `mkdir` gives its mode to the last directory of a path alone
        _sync(path)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_in_place(draft: Path, directory: Path, before: Path | None) -> None:
    """Give *draft* the name of *directory*, in one step where the system can, and what was there the name *before*."""
    if not directory.exists():
        draft.rename(directory)
    elif not _exchanged(draft, directory):
        aside = before or directory.with_name(f".{directory.name}.empty")
        directory.rename(aside)
        try:
            draft.rename(directory)
        except OSError:
            aside.rename(directory)
            raise
        if before is None:
            shutil.rmtree(aside, ignore_errors=True)
    elif before is not None:
        draft.rename(before)
    _sync(directory.parent)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system cannot."""
    with suppress(OSError, AttributeError):
        rename = ctypes.CDLL(None).renameat2
        return bool(rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), EXCHANGE) == 0)
    return False


def _stamp(now: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
