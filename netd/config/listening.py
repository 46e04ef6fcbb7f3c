"""The options that all kinds which listen for connections have in common."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from netd.config.foresight import objection
from netd.config.options import option
from netd.config.parsers import duration, integer, unlimited_or, within
from netd.config.tls import SecuredConfig

__all__ = ["ListeningConfig"]


@attrs.frozen(kw_only=True)
class ListeningConfig(SecuredConfig):
    """Base of the ``Config`` of a kind that listens. The option reference lists these options after the kind's own."""

    stall_timeout: float = option(
        within(duration, "100ms", "1d"),
        "8s",
        help="A connection is cut if bytes wait for the peer and it takes none of them for so long.",
        live=True,
    )
    silent_timeout: float = option(
        within(duration, "100ms", "30d"),
        "1h",
        help="How long a connection may stay without its first byte. From that byte on, the other timeouts here apply.",
        live=True,
    )
    max_silent: int = option(
        integer(1, 1_000_000),
        "5000",
        help="Most connections that have not said yet what they are. Above, netd closes the oldest one of the address with most "
        "of them. In all sections together they may take a quarter of netd's descriptors.",
        live=True,
    )
    max_connections: int | None = option(
        unlimited_or(integer(1, 1_000_000)),
        "40000",
        help="Most connections at a time. Above, netd closes one that has not said yet what it is, or else refuses the new one.",
        live=True,
    )
    max_connections_per_address: int | None = option(
        unlimited_or(integer(1, 1_000_000)),
        "20000",
        help="Most connections at a time from one address; with IPv6, from one /64 network.",
        live=True,
    )

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`. Here: endpoints of ``listen`` on which this machine cannot listen."""
        return [("listen", why) for why in map(objection, getattr(self, "listen", ())) if why]
