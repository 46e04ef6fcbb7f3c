"""The name of the time zone of this machine, by which programs elsewhere can show its local times."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["LOCALTIME", "zone_name"]

LOCALTIME = Path("/etc/localtime")
"""A link into the database of time zones, or a copy of one of its files."""

_FOLDER = "zoneinfo"


def zone_name(environment: Mapping[str, str], localtime: Path = LOCALTIME) -> str:
    """Return the name of the zone, such as ``Europe/Berlin``; empty where it is not known by name."""
    told = environment.get("TZ", "").lstrip(":")
    if told:
        return _after_folder(Path(told)) if told.startswith("/") else told
    return _after_folder(localtime.resolve())


def _after_folder(path: Path) -> str:
    parts = path.parts
    return "/".join(parts[parts.index(_FOLDER) + 1 :]) if _FOLDER in parts else ""
