"""A cache of legacy relays, in a file of the user: for an hour, commands do not wait again for a welcome that never comes."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from netd.cli.relay import RelayPlace
from netd.paths import home_directory

__all__ = ["OldServers"]

KEPT = 3600.0
"""Seconds for which a server is taken for an old one; netd itself would understand what is said to it then."""

MOST = 100
"""Servers that are kept."""

MOST_BYTES = 1 << 16


class OldServers:
    """The file, read and written as a whole. If that fails, commands only take longer.

    :param wall: the wall clock, in seconds since 1970.
    """

    def __init__(self, environ: Mapping[str, str], wall: Callable[[], float]) -> None:
        cache = environ.get("XDG_CACHE_HOME") or str(home_directory(environ) / ".cache")
        self._path = Path(cache) / "netd" / "old-servers.json"
        self._wall = wall

    def __contains__(self, place: RelayPlace) -> bool:
        return _key(place) in self._read()

    def note(self, place: RelayPlace, is_old: bool) -> None:
        """Store whether the server at *place* is a legacy one."""
        before = self._read()
        known = {key: until for key, until in before.items() if key != _key(place)}
        if is_old:
            known[_key(place)] = self._wall() + KEPT
        if known != before:
            self._write(dict(list(known.items())[-MOST:]))

    def _read(self) -> dict[str, float]:
        try:
            with self._path.open("rb") as file:
                kept = json.loads(file.read(MOST_BYTES))
            now = self._wall()
            return {str(key): float(until) for key, until in kept.items() if now < float(until) <= now + KEPT}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return {}

    def _write(self, known: Mapping[str, float]) -> None:
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, new = tempfile.mkstemp(dir=self._path.parent, prefix=".old-servers-")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(known, file)
                Path(new).replace(self._path)
            except OSError:
                Path(new).unlink()


def _key(place: RelayPlace) -> str:
    return f"{place.host.lower()} {place.port}"
