"""Memory that connections make the daemon hold: bytes by connection and by address, within one limit.

Pure. Over the limit somebody has to go: of the address that holds most, whoever began to hold something last. What one address
may have can be limited, too.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

__all__ = ["Holding", "MemoryLedger"]


class Holding(Protocol):
    """What a ledger consists of.

    :ivar address: who has it, as :func:`netd.secrets.tries.network_of` has it.
    """

    address: str


H = TypeVar("H", bound=Holding)


class MemoryLedger(Generic[H]):
    """Bytes that are held.

    :param limit: how many there may be.
    :param of_one: how many of those one address may have; None for all of them.
    :ivar total: how many there are.
    :ivar most: how many there were at a time, since somebody has set it.
    """

    def __init__(self, limit: int, of_one: int | None = None) -> None:
        self.bound(limit, of_one)
        self.total = 0
        self.most = 0
        self._by_holder: dict[H, int] = {}  # in the order in which they began to hold something
        self._by_address: dict[str, int] = {}

    def bound(self, limit: int, of_one: int | None = None) -> None:
        """Hold other limits from now on; what is held already stays until more comes."""
        self.limit = limit
        self._of_one = limit if of_one is None else of_one

    @property
    def is_over(self) -> bool:
        """Whether more is held than may be."""
        return self.total > self.limit

    def change(self, holder: H, by: int) -> None:
        """*holder* has *by* bytes more, or fewer."""
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
        """*holder* has nothing any more."""
        held = self._by_holder.get(holder)
        if held:
            self.change(holder, -held)

    def is_over_at(self, address: str) -> bool:
        """Whether *address* has more than one may have."""
        return self._by_address.get(address, 0) > self._of_one

    def victim(self) -> H:
        """Who goes first. There must be somebody."""
        return self.victim_at(max(self._by_address, key=self._by_address.__getitem__))

    def victim_at(self, address: str) -> H:
        """Who goes first of *address*, which must have something."""
        return next(holder for holder in reversed(self._by_holder) if holder.address == address)
