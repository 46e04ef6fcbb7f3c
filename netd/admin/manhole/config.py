"""The options of ``[manhole]``."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import ClassVar

import attrs

from netd.config.descriptions import addresses
from netd.config.options import SectionConfig, option
from netd.config.parsers import auto_or, duration, endpoints, flag, integer, secret_file, within

__all__ = ["Config", "is_loopback"]


@attrs.frozen(kw_only=True)
class Config(SectionConfig):
    """A login over telnet for whoever looks after the daemon: every operation by hand, and a Python prompt behind a second switch.

    Telnet hides nothing from the network in between: keep it on loopback, or on a unix socket.
    """

    packaged: ClassVar[bool] = False

    listen: tuple[str, ...] = option(
        endpoints,
        "tcp:6023:interface=127.0.0.1",
        help="Where telnet connects. A unix socket is as good: `unix:/run/netd/manhole.sock:mode=600`.",
    )
    password_file: Path | None = option(
        auto_or(secret_file),
        "auto",
        help="Who may log in; made by `netd passwd NAME`, and read anew at each login. `auto` is manhole.passwd in the state directory.",
    )
    allow_remote: bool = option(
        flag, "no", help="Whether `listen` may name addresses that other machines reach. Passwords then cross the network unencrypted."
    )
    python: bool = option(flag, "no", help="Whether `python` in the menu leads to a Python prompt inside the daemon.")
    login_timeout: float = option(within(duration, "1s", "10m"), "30s", help="How long a login may take, all tries together.")
    idle_timeout: float = option(within(duration, "1s", "7d"), "15m", help="A session in which nothing is typed for so long ends.")
    max_sessions: int = option(integer(1, 100), "8", help="How many may be connected at once.")

    @property
    def passwords(self) -> Path:
        """The password file, ``auto`` resolved."""
        return self.state_directory / "manhole.passwd" if self.password_file is None else self.password_file

    def exposed(self) -> tuple[str, ...]:
        """The endpoints of ``listen`` that other machines could reach, though ``allow_remote`` is off."""
        if self.allow_remote:
            return ()
        return tuple(
            description
            for description, address in addresses(self.listen)
            if not address.interface.startswith("/") and not is_loopback(address.interface)
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches *host*, an IP address or a name. Of names, only ``localhost`` is trusted."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
