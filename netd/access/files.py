"""A look at a file whose lines are credentials, one each: which of them have come and gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from netd.access.watch import Tell
from netd.secrets.private_files import file_stamp

__all__ = ["CredentialFile"]


class CredentialFile:
    """Tells which credentials have come to a file, and which have gone from it. A file that is not there has none.

    :param path: returns the path of the file, which a reload may change.
    :param read: returns the credentials in it with their names, or raises :class:`netd.errors.NetdError` if it cannot be trusted.
    :param what: what these credentials are, such as ``SSH key``.
    """

    def __init__(self, path: Callable[[], Path], read: Callable[[Path], Mapping[str, str]], what: str) -> None:
        self._path = path
        self._read = read
        self._what = what
        self._seen: object = None
        self._names: Mapping[str, str] | None = None
        self._noted: set[str] = set()

    def note(self, credential: str) -> None:
        """Note that *credential* has proved somebody: it has gone if the next look does not find it, even if no look ever did."""
        self._noted.add(credential)
        self._seen = None

    def look(self, tell: Tell) -> frozenset[str]:
        """Return the credentials that have gone since the last look; see :data:`netd.access.watch.Look`."""
        path = self._path()
        try:
            seen: object = path, file_stamp(path)
        except OSError:
            seen = path
        if seen == self._seen:
            return frozenset()
        names, before = self._read(path) if seen != path else {}, self._names
        if before is not None:
            self._tell_each(tell, "added", names, before)
            self._tell_each(tell, "removed", before, names)
        gone = frozenset(self._noted.union(before or ()).difference(names))
        self._names, self._seen = names, seen
        self._noted.clear()
        return gone

    def _tell_each(self, tell: Tell, change: str, these: Mapping[str, str], those: Mapping[str, str]) -> None:
        for credential, name in these.items():
            if credential not in those:
                tell(change, self._what, name)
