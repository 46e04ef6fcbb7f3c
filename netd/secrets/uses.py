"""When each credential was used last, and from where: what tells an administrator which ones can go.

It is kept in memory, and in a file of its own beside the file of credentials, which only ``netd token`` writes. A line is
``hash epoch address``: the first 16 digits of the credential's hash (for a certificate by name, the name), and ``-`` where the
address is that of this machine's own sockets. The file is only information: lines that cannot be read are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from attrs import define, field, frozen

from netd.secrets.credentials import Credential, Evidence
from netd.secrets.private_files import PrivateFileError, read_private, replace

__all__ = ["LastUse", "TokenUses", "uses_file"]

DIGITS = 16
"""Digits of a hash that stand in the file: enough to tell credentials apart, and nothing that proves one."""


@frozen
class LastUse:
    """The last use of a credential.

    :ivar time: seconds since the epoch.
    :ivar host: the address; empty for a socket that only this machine has.
    """

    time: float
    host: str


def uses_file(tokens: Path) -> Path:
    """Return the path of the file that belongs to the file of credentials at *tokens*."""
    return tokens.with_name(f"{tokens.name}.used")


def _key(token: Credential) -> str:
    return token.name if token.evidence is Evidence.CA else token.digest[:DIGITS]


@define(eq=False)
class TokenUses:
    """The last use of each credential.

    :ivar path: the file, which need not exist.
    :ivar is_changed: whether something was used since the file was written.
    """

    path: Path
    is_changed: bool = field(default=False, init=False)
    _last: dict[str, LastUse] = field(factory=dict, init=False)

    def note(self, token: Credential, now: float, host: str) -> None:
        """Note that *token* is used at *now*, in seconds since the epoch, from *host*."""
        self._last[_key(token)] = LastUse(now, host)
        self.is_changed = True

    def of(self, token: Credential) -> LastUse | None:
        """Return the last use of *token*; None if none is known."""
        return self._last.get(_key(token))

    def load(self) -> None:
        """Read the file. What is newer in memory stays."""
        try:
            lines = read_private(self.path, "file of uses", "remove it").splitlines()
        except (FileNotFoundError, PrivateFileError):
            return
        for fields in map(str.split, lines):
            if len(fields) == 3 and fields[1].isascii() and fields[1].isdecimal():
                self._last.setdefault(fields[0], LastUse(float(fields[1]), "" if fields[2] == "-" else fields[2]))

    def render(self, tokens: Iterable[Credential]) -> str:
        """Return the text of the file, with the uses of *tokens* alone; all others are forgotten. Then nothing is changed."""
        kept = {_key(token) for token in tokens}
        self._last = {key: use for key, use in self._last.items() if key in kept}
        self.is_changed = False
        return "".join(f"{key} {use.time:.0f} {use.host or '-'}\n" for key, use in self._last.items())

    def write(self, text: str) -> None:
        """Replace the file by *text*. It blocks: call it in a thread.

        :raises OSError: when that fails.
        """
        replace(self.path, text)
