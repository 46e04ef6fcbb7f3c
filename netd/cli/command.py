"""Access to a command server through its own port: from other machines, and for legacy servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from netd.cli.relay import RelayPlace, place

__all__ = ["DEFAULT_PORT", "CallerPort", "command_place", "open_caller"]

DEFAULT_PORT = 65432


class CallerPort(Protocol):
    """The part of :class:`netd.client.command.Caller` that commands use."""

    def close(self) -> None: ...
    def call(self, command_id: str, arguments: Mapping[str, Any], /) -> Any: ...
    def commands(self) -> list[dict[str, Any]]: ...


def command_place(text: str) -> RelayPlace:
    """Parse ``HOST:PORT``, or ``HOST`` with the usual port of a command server. Used as a click type."""
    return place(text, DEFAULT_PORT)


def open_caller(where: RelayPlace, timeout: float, **proof: Any) -> CallerPort:
    """A caller that connects on its first call. It waits *timeout* seconds for each answer."""
    from netd.client.command import Caller  # noqa: PLC0415 - only one command needs it, and all must start fast

    return Caller(where.host, where.port, timeout, **proof)
