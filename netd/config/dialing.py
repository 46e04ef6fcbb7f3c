"""Options that every kind of service has which dials a remote."""

from __future__ import annotations

import attrs

from netd.config.options import SectionConfig, option
from netd.config.parsers import duration, within

__all__ = ["DialingConfig"]


@attrs.frozen(kw_only=True)
class DialingConfig(SectionConfig):
    """Base of the ``Config`` of a kind that dials. The option reference lists these options after the kind's own."""

    dial_timeout: float = option(
        within(duration, "10ms", "1h"),
        "10s",
        help="How long one attempt to reach the remote may take: looking its name up, connecting, and the TLS handshake.",
        live=True,
    )
    reconnect_delay: float = option(
        within(duration, "10ms", "1h"),
        "1s",
        help="The longest wait before the second attempt, doubled for each further one; chance makes it up to half shorter.",
        live=True,
    )
    max_reconnect_delay: float = option(
        within(duration, "10ms", "1d"), "1m", help="The longest wait before any attempt.", live=True
    )
    stall_timeout: float = option(
        within(duration, "100ms", "1d"),
        "8s",
        help="How long the remote may take none of the bytes that wait for it, before the connection is cut.",
        live=True,
    )
