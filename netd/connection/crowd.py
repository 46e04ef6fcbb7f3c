"""Unidentified connections by address, oldest first: the address that has most of them, and the one to be displaced.

Pure. Each call takes a few dictionary operations however many members there are, because most calls come during a flood.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

__all__ = ["CHANCE", "Crowd", "CrowdMember"]

CHANCE = 1.0
"""Seconds for which newcomers of its own address do not displace a connection: time to send a first message during a flood."""


class CrowdMember(Protocol):
    """A member of a crowd: the place of a connection.

    :ivar address: the connection's network, from :func:`netd.secrets.tries.network_of`.
    :ivar since: the time at which the connection came, in seconds.
    """

    address: str
    since: float


M = TypeVar("M", bound=CrowdMember)


class Crowd(Generic[M]):
    """Members by address."""

    def __init__(self) -> None:
        self._members: dict[str, dict[M, None]] = {}
        # For each n, the addresses that have n members; and the greatest n. A member comes or goes one at a time, so the greatest
        # n moves by one at most, and no search for it is ever needed.
        self._by_size: dict[int, dict[str, None]] = {}
        self._greatest = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, member: M) -> None:
        """Add *member* as the newest of its address."""
        members = self._members.setdefault(member.address, {})
        members[member] = None
        self._count += 1
        self._move(member.address, len(members) - 1, len(members))

    def discard(self, member: M) -> None:
        """Remove *member*, if it is here."""
        members = self._members.get(member.address)
        if members is None or member not in members:
            return
        del members[member]
        self._count -= 1
        self._move(member.address, len(members) + 1, len(members))
        if not members:
            del self._members[member.address]

    def size_of(self, address: str) -> int:
        """Return how many members *address* has."""
        return len(self._members.get(address, ()))

    def victim(self, newcomer: str, now: float) -> M | None:
        """Return the member to displace for a newcomer from the address *newcomer*: the oldest of the address that has most.

        :returns: None when that address is the newcomer's own and its oldest member is younger than :data:`CHANCE`.
        """
        if not self._count:
            return None
        own = self.size_of(newcomer)
        if own < self._greatest:
            greatest = next(iter(self._by_size[self._greatest]))
            return next(iter(self._members[greatest]))
        return self.oldest_of(newcomer, now)

    def oldest_of(self, address: str, now: float) -> M | None:
        """Return the oldest member of *address* if it is older than :data:`CHANCE`, else None."""
        oldest = next(iter(self._members.get(address, ())), None)
        return oldest if oldest is not None and now - oldest.since >= CHANCE else None

    def _move(self, address: str, before: int, after: int) -> None:
        """Note that *address* has *after* members now, and had *before*."""
        if before:
            others = self._by_size[before]
            del others[address]
            if not others:
                del self._by_size[before]
        if after:
            self._by_size.setdefault(after, {})[address] = None
        if after > self._greatest or self._greatest not in self._by_size:
            self._greatest = after
