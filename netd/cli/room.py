"""Access to a room through its own port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from netd.client.room import Exchange

__all__ = ["DEFAULT_PORT", "BotPort", "open_bot"]

DEFAULT_PORT = 4242


class BotPort(Protocol):
    """The part of :class:`netd.client.room.Bot` that commands use."""

    def close(self) -> None: ...
    def exchanges(self) -> Iterator[Exchange]: ...


def open_bot(
    host: str,
    port: int,
    name: str,
    character: str,
    dialect: str,
    on_welcome: Callable[[str], object],
    **proof: Any,
) -> BotPort:
    """A bot with a real connection, which it opens when it runs."""
    from netd.client.room import Bot  # noqa: PLC0415 - only few commands need it, and all must start fast

    return Bot(host, port, name, character, dialect=dialect, on_welcome=on_welcome, **proof)
