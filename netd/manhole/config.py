"""The options of ``[manhole]``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import attrs

from netd.config import SecuredConfig, auto_or, duration, endpoints, flag, integer, option, secret_file, within
from netd.config.descriptions import addresses, is_loopback
from netd.secrets.passwords import read_password_file
from netd.secrets.private_files import PrivateFileError

__all__ = ["Config"]


@attrs.frozen(kw_only=True)
class Config(SecuredConfig):
    """A login over telnet for administrators: all operations from a menu, and a Python prompt if an option allows it.

    Telnet is not encrypted: listen on loopback, on a unix socket, or with `tls = yes`. After ten wrong passwords from one address
    (with IPv6, one /64) within a minute, no further password from it is checked until that minute is over.
    """

    packaged: ClassVar[bool] = False

    listen: tuple[str, ...] = option(
        endpoints,
        "loopback:6023",
        help="Where telnet connects: one or more endpoints. A unix socket works, too: `unix:/run/netd/manhole.sock:mode=600`.",
        live=True,
    )
    password_file: Path | None = option(
        auto_or(secret_file),
        "auto",
        help="File of users and passwords. `netd passwd NAME` writes it; it is read at each login. `auto` is manhole.passwd in "
        "the state directory.",
        live=True,
    )
    allow_remote: bool = option(
        flag,
        "no",
        help="Whether `listen` may name addresses that other machines can reach. Passwords then cross the network unencrypted.",
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
        help="Most sessions at a time. At most 16 further connections may be at their login.",
        live=True,
    )

    def __attrs_post_init__(self) -> None:
        exposed = (
            [] if self.allow_remote or self.tls else [description for description in self.listen if _is_exposed(description)]
        )
        if exposed:
            raise ValueError(
                f"listen: other machines reach {', '.join(exposed)}, and telnet sends passwords unencrypted; "
                "write tls = yes, listen on loopback:PORT or a unix socket, or write allow_remote = yes"
            )

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`. Here: endpoints that cannot be used, and a password file without usable users."""
        yield from super().objections()
        try:
            read_password_file(self.passwords)
        except PrivateFileError as error:
            yield "password_file", str(error)

    @property
    def passwords(self) -> Path:
        """The path of the password file, with ``auto`` resolved."""
        return self.state_directory / "manhole.passwd" if self.password_file is None else self.password_file


def _is_exposed(description: str) -> bool:
    """Return True if other machines can reach the endpoint *description*."""
    return any(address.port and not is_loopback(address.interface) for _, address in addresses((description,)))
