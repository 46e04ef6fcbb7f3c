"""The options that a feed goes by, as its pure modules see them: :class:`netd.feed.config.Config` is one."""

from __future__ import annotations

from typing import Protocol

from netd.connection.websocket_rules import WebSocketRules

__all__ = ["FeedRules"]


class FeedRules(WebSocketRules, Protocol):
    """See :mod:`netd.feed.config` for each. Times are in seconds, sizes in bytes.

    ``pattern`` are the subjects that are passed on; None for a feed that makes its values.
    """

    @property
    def pattern(self) -> str | None: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    @property
    def interval(self) -> float: ...
    @property
    def per_client(self) -> bool: ...
    @property
    def seed(self) -> int | None: ...
    @property
    def min_interval(self) -> float: ...
    @property
    def max_streams(self) -> int: ...
    @property
    def backlog(self) -> int: ...
    @property
    def handshake_timeout(self) -> float: ...
