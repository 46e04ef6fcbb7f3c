"""The options of ``[manhole]``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import attrs

from netd.config import SectionConfig, auto_or, duration, endpoints, flag, integer, option, secret_file, within
from netd.config.descriptions import addresses, is_loopback

__all__ = ["Config"]


@attrs.frozen(kw_only=True)
class Config(SectionConfig):
    """A login over telnet for whoever looks after the daemon: all operations by hand; a Python prompt behind a second switch.

    Telnet hides nothing from the network in between: keep it on loopback, or on a unix socket. After ten wrong passwords within a
    minute, an address (of IPv6, a /64) has none checked until that minute is over.
    """

    packaged: ClassVar[bool] = False

    listen: tuple[str, ...] = option(
        endpoints,
        "loopback:6023",
        help="Where telnet connects. A unix socket is as good: `unix:/run/netd/manhole.sock:mode=600`.",
        live=True,
    )
    password_file: Path | None = option(
        auto_or(secret_file),
        "auto",
        help="Who may log in; made by `netd passwd NAME`, and read anew at each login. "
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
        within(duration, "1s", "10m"), "30s", help="How long a login may take, all tries together.", live=True
    )
    idle_timeout: float = option(
        within(duration, "1s", "7d"), "15m", help="A session in which nothing is typed for so long ends.", live=True
    )
    max_sessions: int = option(
        integer(1, 100),
        "8",
        help="How many may be logged in at once. Those who have not yet logged in share 16 further places.",
        live=True,
    )

    def __attrs_post_init__(self) -> None:
        exposed = [] if self.allow_remote else [description for description in self.listen if _is_exposed(description)]
        if exposed:
            raise ValueError(
                f"listen: other machines reach {', '.join(exposed)}, and telnet sends passwords unencrypted; "
                "listen on loopback:PORT or a unix socket, or write allow_remote = yes"
            )

    @property
    def passwords(self) -> Path:
        """The password file, ``auto`` resolved."""
        return self.state_directory / "manhole.passwd" if self.password_file is None else self.password_file


def _is_exposed(description: str) -> bool:
    """Whether the endpoint *description* is known to be reached by other machines."""
    return any(address.port and not is_loopback(address.interface) for _, address in addresses((description,)))
