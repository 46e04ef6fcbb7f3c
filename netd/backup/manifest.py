"""The manifest of a backup: what is in it, of which version, with a sum of each file. It is the archive's last member.

So an archive that was cut off has none, and is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import asdict, field, frozen
from attrs.validators import instance_of

from netd.errors import NetdError
from netd.formats import FORMATS

__all__ = ["AUTHORITY", "CONFIGURATION", "MANIFEST", "BackupRefused", "Manifest", "SavedFile"]

MANIFEST = "MANIFEST.json"
CONFIGURATION = "configuration.ini"
"""Names in the archive that belong to no file of the state directory."""

AUTHORITY = "ca.key"
"""The name of the key of an authority, as `netd cert init` makes it."""

VERSION = 1
"""The version of archives that is written; later ones that can be read are brought up when they are restored."""

NEWER = "was made by a newer netd: restore it with that one, or a newer one still"


class BackupRefused(NetdError):
    """A backup cannot be made or put back. The message says why, and what to do."""


@frozen
class SavedFile:
    """A file in the archive.

    :ivar path: relative to the state directory, with slashes.
    :ivar sum: SHA-256 of its content, in hexadecimal.
    :ivar application: the number of its kind, if it is a database; else 0.
    :ivar version: the version of its format, if it is a database; else 0.
    """

    path: str = field(validator=instance_of(str))
    size: int = field(validator=instance_of(int))
    sum: str = field(validator=instance_of(str))
    application: int = field(default=0, validator=instance_of(int))
    version: int = field(default=0, validator=instance_of(int))


@frozen
class Manifest:
    """What is in an archive.

    :ivar netd: the version of netd that made it.
    :ivar made: when, in seconds since the epoch.
    :ivar elsewhere: directories of recorders outside of the state directory: the path in the archive, and the path there.
    """

    netd: str
    made: float
    files: tuple[SavedFile, ...]
    elsewhere: Mapping[str, str]

    def encode(self) -> bytes:
        """Return it as JSON."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1).encode()

    @classmethod
    def decode(cls, text: bytes) -> Manifest:
        """Return the manifest in *text*.

        :raises BackupRefused: if it is none, or that of a newer netd.
        """
        try:
            read: dict[str, Any] = json.loads(text)
            version = int(read["version"])
            if version > VERSION:
                raise BackupRefused(f"this backup {NEWER}")
            files = tuple(SavedFile(**one) for one in read["files"])
            return cls(str(read["netd"]), float(read["made"]), files, dict(read["elsewhere"]))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise BackupRefused(f"the manifest of this backup cannot be read: {error}") from None

    def check_versions(self) -> None:
        """Check that this netd can read all databases.

        :raises BackupRefused: if a newer netd has written one of them.
        """
        for file in self.files:
            known = FORMATS.get(file.application)
            if known is not None and file.version > known.version:
                raise BackupRefused(f"{file.path} in this backup, the {known.kind}, {NEWER} (its format is {file.version})")
