"""The options of ``[manhole]``."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import attrs

from netd.access.rules import AccessWord
from netd.config import AdmittingConfig, auto_or, duration, endpoints, flag, integer, off_or, option, secret_file, within
from netd.config.descriptions import addresses, is_loopback
from netd.errors import LineError
from netd.secrets.passwords import read_password_file
from netd.secrets.private_files import PrivateFileError, quoted
from netd.secrets.ssh_keys import KEYS, read_keys

__all__ = ["Config"]


@attrs.frozen(kw_only=True)
class Config(AdmittingConfig):
    """A login over telnet or SSH for administrators: all operations from a menu, and a Python prompt if an option allows it.

    Telnet is not encrypted, and serves this machine alone, unless `tls = yes` encrypts it. SSH takes passwords and the keys of
    `netd key add NAME FILE`. After ten wrong passwords from one address (with IPv6, one /64) within a minute, no further password
    from it is checked until that minute is over.
    """

    packaged: ClassVar[bool] = False
    choices: ClassVar[str] = (
        "`access = peers`, with `peers = 192.168.1.0/24`; or `access = anyone`, if whoever can log in may do so from anywhere"
    )

    listen: tuple[str, ...] | None = option(
        off_or(endpoints),
        "loopback:6023",
        help="Where telnet connects: one or more endpoints of this machine alone; or off. A unix socket works, too: "
        "`unix:/run/netd/manhole.sock:mode=600`.",
        live=True,
    )
    ssh: tuple[str, ...] | None = option(
        off_or(endpoints),
        "off",
        help="Where SSH connects: one or more endpoints, such as `tcp:6022:interface=127.0.0.1`. The host key, ed25519, is made "
        "at the first start.",
    )
    password_file: Path | None = option(
        auto_or(secret_file),
        "auto",
        help="File of users and passwords. `netd passwd NAME` writes it; it is read at each login. `auto` is manhole.passwd in "
        "the state directory.",
        live=True,
    )
    python: bool = option(flag, "no", help="Whether `python` in the menu leads to a Python prompt inside the daemon.", live=True)
    login_timeout: float = option(
        within(duration, "1s", "10m"), "30s", help="How long a login may take, with all its attempts.", live=True
    )
    idle_timeout: float = option(
        within(duration, "1s", "7d"), "15m", help="How long a session may be without input before it ends.", live=True
    )
    max_sessions: int = option(
        integer(1, 100),
        "8",
        help="Most sessions at a time. At most 256 further connections may be at their login.",
        live=True,
    )

    def __attrs_post_init__(self) -> None:
        if not (self.listen or self.ssh):
            raise ValueError("listen: is off, and so is ssh: nobody could connect; leave the section out instead")
        exposed = [] if self.tls else [description for description in self.listen or () if _is_exposed(description)]
        if exposed:
            raise ValueError(
                f"listen: other machines reach {', '.join(exposed)}, and telnet sends passwords unencrypted; "
                "listen on loopback:PORT or a unix socket, and let other machines log in by `ssh = …`; or write tls = yes"
            )

    @property
    def endpoints(self) -> Mapping[str, tuple[str, ...]]:
        """The endpoints of telnet and of SSH."""
        return {"listen": self.listen or (), "ssh": self.ssh or ()}

    def mistakes(self, unread: Container[str]) -> Iterator[tuple[str, str | LineError]]:
        """See :meth:`SectionConfig.mistakes`. Here: tokens, which nobody can type."""
        yield from super().mistakes(unread)
        if AccessWord.TOKENS in (self.access or ()):
            yield "access", f"tokens do not open the manhole, but keys and passwords: write {self.choices}"

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`. Here: files by which nobody could log in, too."""
        yield from super().objections()
        yield from self.objections_to_doors()

    def objections_to_doors(self) -> Iterable[tuple[str, str]]:
        """Yield why nobody could log in: by telnet without a password, by SSH with neither a password nor a key."""
        keys = 0
        try:
            keys = len(read_keys(self.state_directory / KEYS)) if self.ssh else 0
        except PrivateFileError as error:
            yield "ssh", str(error)
        if self.listen or not keys:
            try:
                read_password_file(self.passwords)
            except PrivateFileError as error:
                key = f"; or let a key in: `netd key add NAME FILE.pub --state {quoted(self.state_directory)}`"
                instead = "; or log in with a key, and write `listen = off`" if keys else "" if self.listen else key
                yield "password_file" if self.listen else "ssh", f"{error}{instead}"

    @property
    def passwords(self) -> Path:
        """The path of the password file, with ``auto`` resolved."""
        return self.state_directory / "manhole.passwd" if self.password_file is None else self.password_file


def _is_exposed(description: str) -> bool:
    """Return True if other machines can reach the endpoint *description*."""
    return any(address.port and not is_loopback(address.interface) for _, address in addresses((description,)))
