"""Access to a feed through its own port, and to the file of received blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from netd.client.feed import Block, Welcome

__all__ = ["DEFAULT_PORT", "FeedPort", "FeedPorts", "Order"]

DEFAULT_PORT = 8000


@dataclass(frozen=True)
class Order:
    """A request to a feed; see :class:`netd.client.feed.Feed`.

    :ivar proof: see :func:`netd.cli.proof.read_proof`.
    """

    host: str
    port: int
    name: str
    types: tuple[str, ...]
    interval: float | None
    locale: str | None
    seed: int | None
    dialect: str
    proof: Mapping[str, Any] = field(default_factory=dict)


class FeedPort(Protocol):
    """The part of :class:`netd.client.feed.Feed` that commands use."""

    def blocks(self, size: int, collected: Callable[[int], object] | None = None) -> Iterator[Block]: ...
    def close(self) -> None: ...


def _open_feed(order: Order, on_connect: Callable[[Welcome], object], on_disconnect: Callable[[str, float], object]) -> FeedPort:
    import logging  # noqa: PLC0415 - all commands must start fast

    from netd.client.feed import Feed  # noqa: PLC0415

    logging.getLogger("netd.client").addHandler(logging.NullHandler())  # the command reports the same itself, with escapes
    return Feed(
        order.host,
        order.port,
        order.types,
        order.name,
        interval=order.interval,
        locale=order.locale,
        seed=order.seed,
        dialect=order.dialect,
        on_connect=on_connect,
        on_disconnect=on_disconnect,
        **order.proof,
    )


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as log:
        log.write(text)


@dataclass(frozen=True)
class FeedPorts:
    """The functions through which ``netd feed`` reaches the outside.

    :ivar open_feed: takes an order and the callbacks for each connection and each loss; connects when iterated.
    :ivar append: appends text to a file, which it creates if missing; raises ``OSError``.
    """

    open_feed: Callable[[Order, Callable[[Welcome], object], Callable[[str, float], object]], FeedPort] = _open_feed
    append: Callable[[Path, str], object] = _append
