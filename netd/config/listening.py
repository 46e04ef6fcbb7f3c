"""Options that every kind of service has which listens for connections."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from netd.config.foresight import objection
from netd.config.options import SectionConfig, option
from netd.config.parsers import duration, integer, unlimited_or, within

__all__ = ["ListeningConfig"]


@attrs.frozen(kw_only=True)
class ListeningConfig(SectionConfig):
    """Base of the ``Config`` of a kind that listens. The option reference lists these options after the kind's own."""

    stall_timeout: float = option(
        within(duration, "100ms", "1d"),
        "8s",
        help="How long a peer may take none of the bytes that wait for it, before its connection is cut.",
        live=True,
    )
    silent_timeout: float = option(
        within(duration, "100ms", "30d"),
        "1h",
        help="How long a connection may say nothing at all. From its first byte on, the other clocks of this section run.",
        live=True,
    )
    max_silent: int = option(
        integer(1, 1_000_000),
        "5000",
        help="Connections that have not said yet what they are, at most, and in all sections a quarter of what netd has "
        "descriptors for. Over it, the oldest one is closed of the address that has most of them.",
        live=True,
    )
    max_connections: int | None = option(
        unlimited_or(integer(1, 1_000_000)),
        "40000",
        help="Connections at a time. Over it, those go first that have not said yet what they are; then newcomers are refused.",
        live=True,
    )
    max_connections_per_address: int | None = option(
        unlimited_or(integer(1, 1_000_000)),
        "20000",
        help="The same from one address; of IPv6, from one /64 network.",
        live=True,
    )

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`: the endpoints of ``listen`` that the machine does not have."""
        return [("listen", why) for why in map(objection, getattr(self, "listen", ())) if why]
