"""The memory that connections use: bytes by connection and by address, within one limit.

Pure. Over the limit, the connection to be closed is one of the address that uses most: the one whose use began last, so that an
older connection of that address survives a flood of newer ones. The use of one address can have a limit of its own.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

__all__ = ["Holding", "MemoryLedger"]


class Holding(Protocol):
    """An entry of a ledger: the place of a connection.

    :ivar address: the connection's network, from :func:`netd.secrets.tries.network_of`.
    """

    address: str


H = TypeVar("H", bound=Holding)


class MemoryLedger(Generic[H]):
    """The bytes that are in use, by connection and by address.

    :param limit: bytes in use at most.
    :param of_one: bytes that one address may use of those; None for all of them.
    :ivar total: bytes in use now.
    :ivar most: the greatest *total* so far; whoever reads it may set it back.
    """

    def __init__(self, limit: int, of_one: int | None = None) -> None:
        self.bound(limit, of_one)
        self.total = 0
        self.most = 0
        self._by_holder: dict[H, int] = {}  # in the order in which they began to hold something
        self._by_address: dict[str, int] = {}

    def bound(self, limit: int, of_one: int | None = None) -> None:
        """Apply other limits from now on. Nothing is closed for them until more memory is used."""
        self.limit = limit
        self._of_one = limit if of_one is None else of_one

    @property
    def is_over(self) -> bool:
        """Whether more bytes are in use than the limit allows."""
        return self.total > self.limit

    def change(self, holder: H, by: int) -> None:
        """Add *by* bytes, possibly fewer than none, to the use of *holder*."""
        self.total += by
        self.most = max(self.most, self.total)
        held = self._by_holder.get(holder, 0) + by
        if held:
            self._by_holder[holder] = held
        else:
            self._by_holder.pop(holder, None)
        address = holder.address
        held = self._by_address.get(address, 0) + by
        if held:
            self._by_address[address] = held
        else:
            self._by_address.pop(address, None)

    def forget(self, holder: H) -> None:
        """Remove the entry of *holder*."""
        held = self._by_holder.get(holder)
        if held:
            self.change(holder, -held)

    def is_over_at(self, address: str) -> bool:
        """Whether *address* uses more than one address may."""
        return self._by_address.get(address, 0) > self._of_one

    def victim(self) -> H:
        """Return the entry to give up first. The ledger must not be empty."""
        return self.victim_at(max(self._by_address, key=self._by_address.__getitem__))

    def victim_at(self, address: str) -> H:
        """Return the entry of *address* to give up first. There must be one."""
        return next(holder for holder in reversed(self._by_holder) if holder.address == address)
