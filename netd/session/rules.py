"""What one session service allows."""

from __future__ import annotations

from attrs import frozen

from netd.session.lines import ChannelSpec

__all__ = ["Rules"]


@frozen(kw_only=True)
class Rules:
    """See ``netd.session.config`` for each. Times are in seconds.

    :ivar channels: those of the configuration, in the order in which agents of the first dialect announce them.
    """

    channels: tuple[ChannelSpec, ...]
    accept_unsolicited: bool
    sessions_per_host: int
    max_sessions: int
    connect_back_timeout: float
    announce_timeout: float
    token_timeout: float
    idle_timeout: float
    stop_grace: float
    reconnect: bool
    reconnect_delay: float
    max_reconnect_delay: float
