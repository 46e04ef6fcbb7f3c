"""Options that every kind of service has which listens for connections."""

from __future__ import annotations

import attrs

from netd.config.options import SectionConfig, option
from netd.config.parsers import duration, within

__all__ = ["ListeningConfig"]


@attrs.frozen(kw_only=True)
class ListeningConfig(SectionConfig):
    """Base of the ``Config`` of a kind that listens. The option reference lists these options after the kind's own."""

    stall_timeout: float = option(
        within(duration, "100ms", "1d"),
        "8s",
        help="How long a peer may take none of the bytes that wait for it, before its connection is cut.",
    )
