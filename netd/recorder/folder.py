"""The directory of a recorder: its parts, and the catalog beside them. No other user than netd's own enters it."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from netd.recorder.part_names import CATALOG, DAMAGED, PARTS, PartName
from netd.recorder.retention import PartOnDisk

__all__ = ["RecorderFolder"]

SIDE_FILES = ("", "-wal", "-shm", "-journal")
"""The endings of the files of a database, behind its name."""


MOST_DAMAGED = 8
"""Parts that are kept although they are damaged. A disk that spoils each new file would otherwise be filled with them."""


class RecorderFolder:
    """The files below *path*, ``<state>/recorder/<instance>``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts = path / PARTS
        self.catalog = path / CATALOG
        self._lock: int | None = None

    def make(self) -> None:
        """Make the directories that are missing.

        :raises OSError: if there can be none.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for directory in (self.path, self.parts):
            directory.mkdir(mode=0o700, exist_ok=True)

    def lock(self) -> None:
        """Keep other recorders out, until :meth:`unlock` or the end of the process. Two that write to one part would spoil it.

        :raises OSError: if another one writes here.
        """
        if self._lock is not None:
            return
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise OSError(f"another recorder writes to {self.path}: give one of them another folder") from None
        self._lock = lock

    def unlock(self) -> None:
        """Let others in."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def list_parts(self) -> list[PartOnDisk]:
        """Return all parts that can be read, oldest first."""
        found: dict[PartName, int] = {}
        with os.scandir(self.parts) as entries:
            for entry in entries:
                base = next(entry.name.removesuffix(suffix) for suffix in (*SIDE_FILES[1:], "") if entry.name.endswith(suffix))
                name = PartName.read(base)
                if name is not None and entry.is_file(follow_symlinks=False):
                    found[name] = found.get(name, 0) + entry.stat(follow_symlinks=False).st_size
        return [PartOnDisk(name, found[name]) for name in sorted(found) if self.path_of(name).exists()]

    def path_of(self, name: PartName) -> Path:
        """Return the path of a part."""
        return self.parts / str(name)

    def is_closed(self, name: PartName) -> bool:
        """Whether a part was closed: its header says that it needs no WAL. netd may read each part that it has left open.

        A journal beside it is left when the power goes while the header is written. SQLite then takes the header back, which a
        reader cannot do.

        This is not to be asked of a part that this process has open: see :func:`netd.recorder.database.connect`.
        """
        path = self.path_of(name)
        try:
            with path.open("rb") as file:
                return file.read(20)[18:20] == b"\1\1" and not path.with_name(f"{path.name}-journal").exists()
        except PermissionError:
            return True

    def remove(self, name: PartName) -> None:
        """Delete a part."""
        self._unlink(self.path_of(name))

    def set_aside(self, path: Path) -> Path:
        """Rename the damaged database at *path*, and what belongs to it, so that ``sqlite3 .recover`` can have a try.

        :returns: its new path.
        """
        number, aside = 0, path.with_name(f"{path.name}{DAMAGED}")
        while aside.exists():
            number += 1
            aside = path.with_name(f"{path.name}{DAMAGED}.{number}")
        for suffix in SIDE_FILES:
            beside = path.with_name(f"{path.name}{suffix}")
            if beside.exists():
                beside.rename(f"{aside}{suffix}")
        for old in self.damaged()[:-MOST_DAMAGED]:
            self._unlink(old)
        return aside

    def damaged(self) -> list[Path]:
        """Return the parts that were set aside, oldest first."""
        found = [path for path in self.parts.glob(f"*.db{DAMAGED}*") if not path.name.endswith(SIDE_FILES[1:])]
        return sorted(found, key=lambda path: path.stat().st_mtime)

    def free_bytes(self) -> tuple[int, int]:
        """Return how many bytes of the file system are free for this user, and how many it has."""
        total, _, free = shutil.disk_usage(self.path)
        return free, total

    def _unlink(self, path: Path) -> None:
        for suffix in (*SIDE_FILES[1:], ""):  # the database last: what a crash leaves over is then found again
            path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
