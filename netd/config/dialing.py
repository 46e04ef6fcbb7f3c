"""The options that all kinds which dial a remote have in common."""

from __future__ import annotations

import attrs

from netd.config.options import SectionConfig, option
from netd.config.parsers import duration, within

__all__ = ["DialingConfig", "first_delay", "longest_delay"]


def first_delay() -> float:
    """Declare ``reconnect_delay``. A kind that derives from another base than :class:`DialingConfig` uses it, too."""
    return option(
        within(duration, "10ms", "1h"),
        "1s",
        help="Wait before the second attempt. Each further wait is twice as long. Chance makes each up to half shorter.",
        live=True,
    )


def longest_delay() -> float:
    """Declare ``max_reconnect_delay``, as :func:`first_delay` does the other."""
    return option(within(duration, "10ms", "1d"), "1m", help="Longest wait before an attempt.", live=True)


@attrs.frozen(kw_only=True)
class DialingConfig(SectionConfig):
    """Base of the ``Config`` of a kind that dials. The option reference lists these options after the kind's own."""

    dial_timeout: float = option(
        within(duration, "10ms", "1h"),
        "10s",
        help="How long one attempt to reach the remote may take: looking up its name, connecting, and the TLS handshake.",
        live=True,
    )
    reconnect_delay: float = first_delay()
    max_reconnect_delay: float = longest_delay()
    stall_timeout: float = option(
        within(duration, "100ms", "1d"),
        "8s",
        help="The connection is cut if bytes wait for the remote and it takes none of them for so long.",
        live=True,
    )
