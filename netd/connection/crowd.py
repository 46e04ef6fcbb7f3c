"""Places by the address that has them, oldest first: who has most of them, and which of those is to go.

Pure, and a few dictionary operations for each newcomer however many there are: it is asked most when there are too many.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

__all__ = ["CHANCE", "Crowd", "CrowdMember"]

CHANCE = 1.0
"""Seconds for which a place is safe from newcomers of its own address: whoever speaks at once is not driven out by a flood."""


class CrowdMember(Protocol):
    """What a crowd consists of.

    :ivar address: who has it, as :func:`netd.secrets.tries.network_of` has it.
    :ivar since: when it came, in seconds.
    """

    address: str
    since: float


M = TypeVar("M", bound=CrowdMember)


class Crowd(Generic[M]):
    """Members by address."""

    def __init__(self) -> None:
        self._members: dict[str, dict[M, None]] = {}
        # The addresses that have n members, for each n, and the greatest n: it changes by one at a time.
        self._by_size: dict[int, dict[str, None]] = {}
        self._greatest = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, member: M) -> None:
        """Take *member* in, the newest of its address."""
        members = self._members.setdefault(member.address, {})
        members[member] = None
        self._count += 1
        self._move(member.address, len(members) - 1, len(members))

    def discard(self, member: M) -> None:
        """Let go of *member*, if it is here."""
        members = self._members.get(member.address)
        if members is None or member not in members:
            return
        del members[member]
        self._count -= 1
        self._move(member.address, len(members) + 1, len(members))
        if not members:
            del self._members[member.address]

    def size_of(self, address: str) -> int:
        """Members of *address*."""
        return len(self._members.get(address, ()))

    def victim(self, newcomer: str, now: float) -> M | None:
        """The member that makes room for one from the address *newcomer*: the oldest of the address that has most of them.

        :returns: None when that is the newcomer's own, and none of it has had its :data:`CHANCE` yet.
        """
        if not self._count:
            return None
        own = self.size_of(newcomer)
        if own < self._greatest:
            greatest = next(iter(self._by_size[self._greatest]))
            return next(iter(self._members[greatest]))
        return self.oldest_of(newcomer, now)

    def oldest_of(self, address: str, now: float) -> M | None:
        """The oldest member of *address*, if it has had its :data:`CHANCE`."""
        oldest = next(iter(self._members.get(address, ())), None)
        return oldest if oldest is not None and now - oldest.since >= CHANCE else None

    def _move(self, address: str, before: int, after: int) -> None:
        """*address* has *after* members, not *before*."""
        if before:
            others = self._by_size[before]
            del others[address]
            if not others:
                del self._by_size[before]
        if after:
            self._by_size.setdefault(after, {})[address] = None
        if after > self._greatest or self._greatest not in self._by_size:
            self._greatest = after
