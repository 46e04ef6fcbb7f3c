"""What all connections of the daemon share: places and memory. One budget for the daemon, a share of it for each service.

Pure: it is told who comes, speaks and leaves, and asks connections to go. A connection is *unidentified* until it has said a
whole valid first message. When there are too many, newcomers are not turned away for the sake of those: the oldest unidentified
one goes, of the address that has most of them. So a flood displaces itself, and whoever speaks at once gets in.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import Protocol

from attrs import frozen

from netd.connection.crowd import Crowd
from netd.connection.ledger import MemoryLedger

__all__ = ["NO_LIMIT", "UNLIMITED", "Budget", "Occupant", "Place", "Quota", "Refusal", "Share"]

NO_LIMIT = 1 << 62
"""More connections than there can be."""

UNIDENTIFIED = 4
"""The part of all places, and of all memory, that unidentified connections may have: one in so many."""

UNIDENTIFIED_MEMORY = 1 << 26
"""Bytes that they may have in any case."""

UNIDENTIFIED_MEMORY_OF_ONE = 1 << 24
"""Bytes that those of one address may have: sixteen of the longest commands that are half said, with the default options."""

GRAIN = 1 << 10
"""Bytes. A change by less is not worth an entry."""


class Refusal(enum.Enum):
    """Why a connection is not let in, or has to go."""

    PER_ADDRESS = "too many connections of its address"
    SECTION = "too many connections"
    SILENT = "too many silent connections"
    UNIDENTIFIED = "too many unidentified connections"
    DAEMON = "no descriptors left"
    UNIDENTIFIED_MEMORY = "too much memory for unidentified connections"
    MEMORY = "too much memory"


class Occupant(Protocol):
    """A connection, as the budget sees it."""

    def make_room(self, refusal: Refusal, is_at_once: bool) -> None:
        """Close: at once, so that all that it has is free when this returns, or in the next turn of the reactor.

        The budget has let go of it already.
        """


@frozen
class Quota:
    """What one section may have; see :class:`netd.config.ListeningConfig`.

    :ivar silent: unidentified connections.
    :ivar silent_timeout: seconds for which a connection may say nothing.
    """

    connections: int = NO_LIMIT
    per_address: int = NO_LIMIT
    silent: int = NO_LIMIT
    silent_timeout: float = 3600.0


UNLIMITED = Quota()


class Place:
    """What one connection has of the budget.

    :ivar address: who has it, as :func:`netd.secrets.tries.network_of` has it.
    :ivar since: when it came, in seconds.
    :ivar occupant: the connection; None before there is one, and after its end.
    :ivar is_identified: whether it has said a whole valid first message.
    :ivar is_taken: False from its end on.
    """

    __slots__ = ("_kept", "_share", "_waiting", "address", "is_identified", "is_taken", "occupant", "since")

    def __init__(self, share: Share, address: str, since: float, occupant: Occupant | None) -> None:
        self._share = share
        self.address = address
        self.since = since
        self.occupant = occupant
        self.is_identified = False
        self.is_taken = True
        self._kept = 0
        self._waiting = 0

    def identify(self) -> None:
        """The connection has said what it is: nobody displaces it any more."""
        if not self.is_identified and self.is_taken:
            self.is_identified = True
            self._share.identified(self)
            self.keep(0)

    def arrive(self, size: int) -> bool:
        """The connection, which is unidentified, has sent so much: that counts as kept until :meth:`keep` says what is.

        :returns: False when the connection had to go for that.
        """
        self._kept += size
        self._share.budget.held(self, size, is_at_once=True)
        return self.is_taken

    def keep(self, size: int) -> None:
        """So many bytes are kept of what the connection has sent: those of a message that is not whole."""
        change = size - self._kept
        if self.is_taken and (not -GRAIN < change < GRAIN or not size):
            self._kept = size
            self._share.budget.held(self, change)

    def queue(self, size: int) -> None:
        """So many bytes wait to be sent to the connection."""
        change = size - self._waiting
        if self.is_taken and (not -GRAIN < change < GRAIN or not size):
            self._waiting = size
            self._share.budget.held(self, change)

    def leave(self) -> None:
        """The connection is gone. Leaving twice is harmless."""
        if self.is_taken:
            self.is_taken = False
            self._share.left(self)
            self.occupant = None


class Share:
    """What one service has of the budget.

    :ivar quota: its limits.
    :ivar budget: that of all services.
    """

    def __init__(self, budget: Budget, quota: Quota) -> None:
        self.quota = quota
        self.budget = budget
        self._count = 0
        self._per_address: dict[str, int] = {}
        self._unidentified: Crowd[Place] = Crowd()

    def admit(self, address: str, occupant: Occupant | None = None) -> Place | Refusal:
        """A place for a newcomer from *address*; others may have to go for it."""
        now = self.budget.monotonic()
        for refusal, is_over, crowd in self._limits(address):
            if is_over:
                find = crowd.oldest_of if refusal is Refusal.PER_ADDRESS else crowd.victim
                displaced = find(address, now)
                if displaced is None:
                    return refusal
                displace(displaced, refusal)
        return self.occupy(address, occupant)

    def occupy(self, address: str, occupant: Occupant | None) -> Place:
        """A place for a connection that is there already, however many there are."""
        place = Place(self, address, self.budget.monotonic(), occupant)
        self._count += 1
        self._per_address[address] = self._per_address.get(address, 0) + 1
        self._unidentified.add(place)
        self.budget.came(place)
        return place

    def identified(self, place: Place) -> None:
        """From :meth:`Place.identify`."""
        self._unidentified.discard(place)
        self.budget.identified(place)

    def left(self, place: Place) -> None:
        """From :meth:`Place.leave`."""
        self._count -= 1
        self._unidentified.discard(place)
        self.budget.left(place)
        count = self._per_address[place.address] - 1
        if count:
            self._per_address[place.address] = count
        else:
            del self._per_address[place.address]

    def _limits(self, address: str) -> Iterator[tuple[Refusal, bool, Crowd[Place]]]:
        """Each limit: why a newcomer from *address* is refused over it, whether it is reached by now, and who may go."""
        quota, budget = self.quota, self.budget
        yield Refusal.PER_ADDRESS, self._per_address.get(address, 0) >= quota.per_address, self._unidentified
        yield Refusal.SECTION, self._count >= quota.connections, self._unidentified
        yield Refusal.SILENT, len(self._unidentified) >= quota.silent, self._unidentified
        yield Refusal.UNIDENTIFIED, len(budget.unidentified) >= max(1, budget.limit // UNIDENTIFIED), budget.unidentified
        yield Refusal.DAEMON, budget.is_full, budget.unidentified


def displace(place: Place, refusal: Refusal, is_at_once: bool = True) -> None:
    """Make the connection in *place* go."""
    occupant = place.occupant
    place.leave()
    if occupant is not None:
        occupant.make_room(refusal, is_at_once)


class Budget:
    """The daemon's.

    :param monotonic: the clock, which is never set back.
    :param memory: bytes that all connections together may make the daemon hold.
    :ivar limit: connections of all services together; set when it is known how many descriptors there are.
    :ivar unidentified: connections of all services that have not said what they are.
    """

    def __init__(self, monotonic: Callable[[], float], memory: int = NO_LIMIT) -> None:
        self.monotonic = monotonic
        self.limit = NO_LIMIT
        self.unidentified: Crowd[Place] = Crowd()
        self.memory: MemoryLedger[Place] = MemoryLedger(memory)
        self.unidentified_memory: MemoryLedger[Place] = MemoryLedger(memory)
        self.bound_memory(memory)
        self._count = 0

    def bound_memory(self, memory: int) -> None:
        """Let all connections together make the daemon hold so many bytes from now on."""
        limit = min(memory // UNIDENTIFIED, UNIDENTIFIED_MEMORY)
        self.memory.bound(memory)
        self.unidentified_memory.bound(limit, min(limit, UNIDENTIFIED_MEMORY_OF_ONE))

    @property
    def is_full(self) -> bool:
        """Whether nobody can come without somebody going."""
        return self._count >= self.limit

    def share(self, quota: Quota) -> Share:
        """The share of one more service."""
        return Share(self, quota)

    def came(self, place: Place) -> None:
        """From :meth:`Share.occupy`."""
        self._count += 1
        self.unidentified.add(place)

    def left(self, place: Place) -> None:
        """From :meth:`Share.left`."""
        self._count -= 1
        self.identified(place)
        self.memory.forget(place)

    def identified(self, place: Place) -> None:
        """From :meth:`Share.identified`."""
        self.unidentified.discard(place)
        self.unidentified_memory.forget(place)

    def held(self, place: Place, change: int, is_at_once: bool = False) -> None:
        """From *place*: it makes the daemon hold so many bytes more, or fewer. Over a limit, connections have to go.

        :param is_at_once: whether they can be closed now: nothing of them is at work.
        """
        self.memory.change(place, change)
        if not place.is_identified:
            self.unidentified_memory.change(place, change)
        if change > 0:
            while self.unidentified_memory.is_over_at(place.address):
                displace(self.unidentified_memory.victim_at(place.address), Refusal.UNIDENTIFIED_MEMORY, is_at_once)
            while self.unidentified_memory.is_over:
                displace(self.unidentified_memory.victim(), Refusal.UNIDENTIFIED_MEMORY, is_at_once)
            while self.memory.is_over:
                displace(self.memory.victim(), Refusal.MEMORY, is_at_once)
