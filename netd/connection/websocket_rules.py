"""The options that WebSocket connections go by; the ``Config`` of a kind with WebSockets is one."""

from __future__ import annotations

from typing import Protocol

__all__ = ["WebSocketRules"]


class WebSocketRules(Protocol):
    """Limits and clocks of a service's WebSocket connections, and the web pages that may make them.

    ``origins`` are web origins (``https://example.org``) beside the server's own, or None. ``max_message`` is in bytes, of a
    client's message. After ``ping_interval`` seconds of silence a client is pinged; it has ``ping_timeout`` seconds to answer, or
    to say anything else.
    """

    @property
    def origins(self) -> tuple[str, ...] | None: ...
    @property
    def max_message(self) -> int: ...
    @property
    def ping_interval(self) -> float: ...
    @property
    def ping_timeout(self) -> float: ...
