"""The reports of clients about their blocks, kept by client over all its connections."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from attrs import define, field

from netd.feed.results import ClientFacts
from netd.interfaces import IStatePart, IStateTable

__all__ = ["FeedClient", "ReportLedger"]

REMARKS = 20
"""Remarks kept of one client."""

KEPT_FOR = 365 * 86400.0
"""Seconds after which a restart forgets a client that has not come back."""

LONGEST_REMARK = 500
"""Characters kept of one remark."""


@define(eq=False)
class FeedClient:
    """One client, by the name that it has given.

    :ivar last_seen: the time of its last message, or of its end, in seconds since the epoch.
    :ivar name: its name as it was written last, or its address if it has none.
    :ivar blocks: how many blocks it has reported.
    :ivar last_block: the number that it gave the last one, or None.
    :ivar seconds: how long all of them took together.
    :ivar connections: how many are open now.
    :ivar is_noted: whether it will be written to the state anyway.
    """

    name: str
    address: str
    last_seen: float
    blocks: int = 0
    last_block: int | None = None
    seconds: float = 0.0
    connections: int = 0
    is_noted: bool = False
    remarks: deque[str] = field(factory=lambda: deque(maxlen=REMARKS))

    @property
    def rate(self) -> float | None:
        """Blocks a second, or None while they took no time."""
        return self.blocks / self.seconds if self.seconds > 0 else None

    def entry(self) -> dict[str, object]:
        """What is written of it now."""
        self.is_noted = False
        members: dict[str, object] = {"name": self.name, "address": self.address, "last_seen": self.last_seen}
        counted = {"blocks": self.blocks, "last_block": self.last_block, "seconds": self.seconds}
        return members | counted | {"remarks": list(self.remarks)}

    def describe(self) -> ClientFacts:
        """Facts about it."""
        return ClientFacts(
            client=self.name,
            address=self.address,
            online=self.connections > 0,
            blocks=self.blocks,
            last_block=self.last_block,
            seconds=self.seconds,
            rate=self.rate,
            last_seen=self.last_seen,
            remarks=list(self.remarks),
        )


class ReportLedger:
    """All clients of one feed that have sent a message. Names that differ only in capital letters are the same.

    :param wall: the wall clock, in seconds since the epoch.
    :param remembered: how many clients are kept; over it, the one that appeared first is forgotten, absent ones before others.
    :ivar blocks: how many blocks were reported to this run.
    """

    def __init__(self, wall: Callable[[], float], remembered: int = 1000) -> None:
        self._wall = wall
        self._remembered = remembered
        self._clients: dict[str, FeedClient] = {}
        self._table: IStateTable | None = None
        self.blocks = 0

    def load(self, part: IStatePart) -> None:
        """Find the clients of earlier runs that had given a name; none of them is connected."""
        self._table = part.table("client")
        for key, entry in self._table.load(self._remembered, KEPT_FOR):
            try:
                client = FeedClient(entry["name"], entry["address"], float(entry["last_seen"]))
                client.blocks, client.last_block = int(entry["blocks"]), entry["last_block"]
                client.seconds = float(entry["seconds"])
                client.remarks.extend(entry["remarks"])
            except (KeyError, TypeError, ValueError):
                self._table.drop(key)  # of a netd with other entries
            else:
                self._clients[key] = client

    def __iter__(self) -> Iterator[FeedClient]:
        return iter(self._clients.values())

    def open(self, name: str, address: str) -> FeedClient:
        """Return the client *name*, with one more connection."""
        key = name.casefold()
        client = self._clients.get(key)
        if client is None:
            self._make_room()
            client = self._clients[key] = FeedClient(name, address, self._wall())
        client.name, client.address = name, address
        client.connections += 1
        return client

    def close(self, client: FeedClient, silence: float = 0.0) -> None:
        """Remove one connection of the client. It has ended, *silence* seconds after its last byte, or has got another name."""
        client.connections -= 1
        if not client.connections:
            client.last_seen = self._wall() - silence
            self._note(client)

    def report(self, client: FeedClient, block: int, seconds: float) -> None:
        """Note that the client has received a block."""
        client.blocks += 1
        client.last_block = block
        client.seconds += seconds
        client.last_seen = self._wall()
        self.blocks += 1
        self._note(client)

    def remark(self, client: FeedClient, text: str) -> None:
        """Note a remark of the client."""
        client.remarks.append(text[:LONGEST_REMARK])
        client.last_seen = self._wall()
        self._note(client)

    def _note(self, client: FeedClient) -> None:
        """Have *client* written within a minute. One without a name is another client with each connection."""
        if self._table is not None and not client.is_noted and client.name != client.address:
            client.is_noted = True
            self._table.note(client.name.casefold(), client.entry)

    def _make_room(self) -> None:
        if len(self._clients) >= self._remembered:
            absent = (key for key, client in self._clients.items() if not client.connections)
            oldest = next(absent, next(iter(self._clients)))
            del self._clients[oldest]
            if self._table is not None:
                self._table.drop(oldest)
