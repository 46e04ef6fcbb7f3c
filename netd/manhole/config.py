"""The options of ``[manhole]``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import attrs

from netd.config import SectionConfig, auto_or, duration, endpoints, flag, integer, option, secret_file, within
from netd.config.descriptions import addresses, is_loopback
from netd.secrets.passwords import PasswordFileError, read_password_file

__all__ = ["Config"]


@attrs.frozen(kw_only=True)
class Config(SectionConfig):
    """A login over telnet for administrators: all operations from a menu, and a Python prompt if an option allows it.

    Telnet is not encrypted: keep it on loopback, or on a unix socket. After ten wrong passwords of an address (of IPv6, a /64)
    within a minute, no further password of it is checked until that minute is over.
    """

    packaged: ClassVar[bool] = False

    listen: tuple[str, ...] = option(
        endpoints,
        "loopback:6023",
        help="Where telnet connects. A unix socket will do, too: `unix:/run/netd/manhole.sock:mode=600`.",
        live=True,
    )
    password_file: Path | None = option(
        auto_or(secret_file),
        "auto",
        help="The file of the people who may log in. `netd passwd NAME` writes it; it is read at each login. "
        "`auto` is manhole.passwd in the state directory.",
        live=True,
    )
    allow_remote: bool = option(
        flag,
        "no",
        help="Whether `listen` may name addresses that other machines reach. Passwords then cross the network unencrypted.",
        live=True,
    )
    python: bool = option(flag, "no", help="Whether `python` in the menu leads to a Python prompt inside the daemon.", live=True)
    login_timeout: float = option(
        within(duration, "1s", "10m"), "30s", help="How long a login may take, with all its tries.", live=True
    )
    idle_timeout: float = option(
        within(duration, "1s", "7d"), "15m", help="How long nothing may be typed before the session ends.", live=True
    )
    max_sessions: int = option(
        integer(1, 100),
        "8",
        help="Sessions at the same time, at most. Connections that have not logged in yet share 16 further places.",
        live=True,
    )

    def __attrs_post_init__(self) -> None:
        exposed = [] if self.allow_remote else [description for description in self.listen if _is_exposed(description)]
        if exposed:
            raise ValueError(
                f"listen: other machines reach {', '.join(exposed)}, and telnet sends passwords unencrypted; "
                "listen on loopback:PORT or a unix socket, or write allow_remote = yes"
            )

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`: the endpoints, and a password file with which nobody can log in."""
        yield from super().objections()
        try:
            read_password_file(self.passwords)
        except PasswordFileError as error:
            yield "password_file", str(error)

    @property
    def passwords(self) -> Path:
        """The path of the password file, with ``auto`` resolved."""
        return self.state_directory / "manhole.passwd" if self.password_file is None else self.password_file


def _is_exposed(description: str) -> bool:
    """Return True if other machines can reach the endpoint *description*."""
    return any(address.port and not is_loopback(address.interface) for _, address in addresses((description,)))
