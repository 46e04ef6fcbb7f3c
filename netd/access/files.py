"""A look at a file whose lines are credentials, one each: which of them have gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from netd.secrets.private_files import file_stamp

__all__ = ["CredentialFile"]


class CredentialFile:
    """Tells which credentials have gone from a file. A file that is not there has none.

    :param path: returns the path of the file, which a reload may change.
    :param read: returns the credentials in it, or raises :class:`netd.errors.NetdError` if it cannot be trusted.
    """

    def __init__(self, path: Callable[[], Path], read: Callable[[Path], Iterable[str]]) -> None:
        self._path = path
        self._read = read
        self._seen: object = None
        self._lines: frozenset[str] = frozenset()

    def note(self, credential: str) -> None:
        """Note that *credential* has proved somebody: it has gone if the next look does not find it, even if no look ever did."""
        self._lines |= {credential}
        self._seen = None

    def look(self) -> frozenset[str]:
        """Return the credentials that have gone since the last look; see :data:`netd.access.watch.Look`."""
        path = self._path()
        try:
            seen: object = path, file_stamp(path)
        except OSError:
            seen = path
        if seen == self._seen:
            return frozenset()
        lines = frozenset(self._read(path)) if seen != path else frozenset()
        gone, self._lines, self._seen = self._lines - lines, lines, seen
        return gone
