"""Makes a backup. Databases are copied by SQLite, each as of one moment, so that netd may run meanwhile. All of this blocks."""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from netd.backup.manifest import AUTHORITY, CONFIGURATION, MANIFEST, BackupRefused, Manifest, SavedFile
from netd.formats import HEADER, numbers_in

__all__ = ["save"]

LEFT_OUT = (".sock", ".lock", "-wal", "-shm", "-journal")
"""Endings of files that belong to a running process, or to the databases beside them, which are copied with what is in these."""

PATIENCE = 30.0
"""Seconds to wait for a database that netd has locked for a moment, as when it closes the file of a day."""


def save(
    out: BinaryIO,
    directory: Path,
    elsewhere: Mapping[str, Path],
    configuration: Path | None,
    netd: str,
    now: float,
    scratch: Path,
) -> Manifest:
    """Write the archive to *out*, and return its manifest.

    :param directory: the state directory.
    :param elsewhere: directories of recorders outside of it, by their path in the archive.
    :param configuration: the INI, or None to leave it out.
    :param netd: the version of netd.
    :param now: seconds since the epoch.
    :param scratch: a directory with room for the largest database.
    :raises BackupRefused: if a file cannot be read, or *out* cannot be written.
    """
    saved: list[SavedFile] = []
    try:
        with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive, TemporaryDirectory(dir=scratch) as room:
            for name, path in _files(directory, elsewhere):
                saved += _add(archive, name, path, Path(room))
            if configuration is not None:
                _put(archive, CONFIGURATION, configuration.read_bytes(), now)
            manifest = Manifest(netd, now, tuple(saved), {name: str(path) for name, path in elsewhere.items()})
            _put(archive, MANIFEST, manifest.encode(), now)
    except (OSError, sqlite3.Error) as error:
        raise BackupRefused(f"the backup cannot be made: {_described(error)}") from error
    return manifest


def _files(directory: Path, elsewhere: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Yield all files to be saved, with their paths in the archive."""
    for prefix, root in {"": directory, **elsewhere}.items():
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_symlink() or not path.is_file() or _is_left_out(path.name):
                continue
            yield f"{prefix}/{name}" if prefix else name, path


def _is_left_out(name: str) -> bool:
    return name.endswith(LEFT_OUT) or name == "lock" or ".damaged" in name or name.startswith(".")


def _add(archive: tarfile.TarFile, name: str, path: Path, room: Path) -> Iterator[SavedFile]:
    """Add one file, and yield what the manifest says of it. One that has gone meanwhile is left out, as an old day may."""
    with suppress(FileNotFoundError):
        status = path.stat()
        if _is_of_another(path, status):
            return
        if _numbers(path) is None:
            content = path.read_bytes()
            archive.addfile(_member(name, len(content), status.st_mode, status.st_mtime), io.BytesIO(content))
            yield SavedFile(name, len(content), hashlib.sha256(content).hexdigest())
            return
        copy = room / "copy.db"
        try:
            _copy_database(path, copy)
            size, numbers = copy.stat().st_size, _numbers(copy)  # of the original, they may be in the write-ahead log still
            with copy.open("rb") as file:
                counted = _Counted(file)
                archive.addfile(_member(name, size, status.st_mode, status.st_mtime), counted)
        finally:
            copy.unlink(missing_ok=True)
        yield SavedFile(name, size, counted.sum.hexdigest(), *(numbers or ()))


def _is_of_another(path: Path, status: os.stat_result) -> bool:
    """Whether it is the key of an authority that root has made and kept: netd does without it, and so does netd's user here."""
    return path.name == AUTHORITY and os.geteuid() not in {0, status.st_uid}


def _numbers(path: Path) -> tuple[int, int] | None:
    """Return application and version of a database, by its header; None if the file is none."""
    with path.open("rb") as file:
        return numbers_in(file.read(HEADER))


def _copy_database(path: Path, copy: Path) -> None:
    """Copy a database as of one moment, with what its write-ahead log holds."""
    source = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(source, uri=True, timeout=PATIENCE)) as one, closing(sqlite3.connect(copy)) as other:
        one.backup(other)


class _Counted:
    """A file that is read once, with the sum of what was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        data = self._file.read(size)
        self.sum.update(data)
        return data


def _put(archive: tarfile.TarFile, name: str, content: bytes, now: float) -> None:
    archive.addfile(_member(name, len(content), 0o600, now), io.BytesIO(content))


def _member(name: str, size: int, mode: int, changed: float) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, mode & 0o700, int(changed)
    return member


def _described(error: Exception) -> str:
    name = getattr(error, "filename", None)
    return f"{name}: {error.strerror}" if name and isinstance(error, OSError) else str(error)
