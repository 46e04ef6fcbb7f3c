"""The limits of connections and of their memory: one budget for the daemon, with a share for each service.

Pure: the shells report that a connection came, was identified, or left, and the budget asks connections to close. A connection is
*unidentified* until it has sent a whole valid first message. When there are too many connections, the newcomer is let in and the
oldest unidentified connection is closed, of the address that has most of them. So a flood displaces its own connections, and a
client that sends its first message at once is served even during one.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import Protocol

from attrs import frozen

from netd.codec.units import Bytes
from netd.connection.crowd import Crowd
from netd.connection.ledger import MemoryLedger
from netd.connection.refusals import RefusalLedger

__all__ = ["NO_LIMIT", "UNLIMITED", "Budget", "CapacityFacts", "Occupant", "Place", "Quota", "Refusal", "Share"]

NO_LIMIT = 1 << 62
"""More connections than there can be."""

UNIDENTIFIED = 4
"""Unidentified connections may have a quarter (one in this many) of all places and of all memory."""

PROVED_BY_ONE = 4
"""The connections that one credential has proved may have a quarter of all places, too: a stolen token keeps nobody else out."""

UNIDENTIFIED_MEMORY = 1 << 26
"""Bytes that unidentified connections may use at most, however large that quarter is."""

UNIDENTIFIED_MEMORY_OF_ONE = 1 << 24
"""Bytes that the unidentified connections of one address may use: sixteen unfinished commands of the greatest default size."""

GRAIN = 1 << 10
"""Bytes. Smaller changes are not entered: most messages are small and whole, and would pay for two entries each."""


class Refusal(enum.Enum):
    """The reason for which a connection is refused, or is closed."""

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
        """Close the connection. The budget has already taken its place away.

        :param is_at_once: True to free its descriptor and memory before this returns; False to do so in the next reactor turn,
            because the connection may be in the middle of a call.
        """


@frozen
class Quota:
    """The limits of one section; see :class:`netd.config.ListeningConfig`.

    :ivar connections: connections at a time.
    :ivar per_address: connections of one address at a time.
    :ivar silent: unidentified connections at a time.
    :ivar silent_timeout: seconds for which a connection may send nothing.
    """

    connections: int = NO_LIMIT
    per_address: int = NO_LIMIT
    silent: int = NO_LIMIT
    silent_timeout: float = 3600.0


UNLIMITED = Quota()


class Place:
    """The place of one connection in the budget.

    :ivar address: the connection's network, from :func:`netd.secrets.tries.network_of`.
    :ivar since: the time at which the connection came, in seconds of the monotonic clock.
    :ivar number: the number of the connection, by which the log tells it from all others since the start.
    :ivar occupant: the connection; None before it is made, and after its end.
    :ivar is_identified: whether the connection has sent a whole valid first message.
    :ivar is_taken: False from the connection's end on.
    """

    __slots__ = (
        "_credential",
        "_kept",
        "_share",
        "_waiting",
        "address",
        "is_identified",
        "is_taken",
        "number",
        "occupant",
        "since",
    )

    def __init__(self, share: Share, address: str, since: float, occupant: Occupant | None) -> None:
        self._share = share
        self.address = address
        self.since = since
        self.number = share.budget.next_number()
        self.occupant = occupant
        self.is_identified = False
        self.is_taken = True
        self._credential: str | None = None
        self._kept = 0
        self._waiting = 0

    def identify(self) -> None:
        """The connection has sent its first valid message: newcomers do not displace it any more."""
        if not self.is_identified and self.is_taken:
            self.is_identified = True
            self._share.identified(self)
            self.note_unfinished(0)

    def doubt(self) -> None:
        """The connection has proved nothing after all: it is a newcomer again."""
        if self.is_identified and self.is_taken:
            self.is_identified = False
            self._share.doubted(self)

    def prove(self, credential: str | None) -> bool:
        """Count the connection for *credential*, and no longer for an earlier one. Return False if that has its share already."""
        if credential != self._credential and self.is_taken:
            if not self._share.budget.proved(self._credential, credential):
                return False
            self._credential = credential
        return True

    def arrive(self, size: int) -> bool:
        """Count *size* bytes from an unidentified connection as memory, before its machine has looked at them.

        :meth:`note_unfinished` corrects the figure afterwards. Counted later, a flood of long first reads would pass the limit.

        :returns: False when the connection was closed over it.
        """
        self._kept += size
        self._share.budget.held(self, size, is_at_once=True)
        return self.is_taken

    def note_unfinished(self, size: int) -> None:
        """Set how many received bytes the connection holds: those of a message that is not whole yet."""
        change = size - self._kept
        if self.is_taken and (not -GRAIN < change < GRAIN or not size):
            self._kept = size
            self._share.budget.held(self, change)

    def note_waiting(self, size: int) -> None:
        """Set how many bytes wait to be sent to the connection."""
        change = size - self._waiting
        if self.is_taken and (not -GRAIN < change < GRAIN or not size):
            self._waiting = size
            self._share.budget.held(self, change)

    def leave(self) -> None:
        """Give the place back: the connection is gone. A second call does nothing."""
        if self.is_taken:
            self.prove(None)
            self.is_taken = False
            self._share.left(self)
            self.occupant = None


@frozen(slots=False)
class CapacityFacts:
    """The connections of all services, and the limits of them all.

    :ivar connections: open connections.
    :ivar unidentified: those of them that have not sent a whole valid first message.
    :ivar limit: how many connections there may be.
    :ivar waiting: bytes that connections keep in memory: unfinished messages, and what their peers have not read yet.
    :ivar memory: how many bytes that may be.
    """

    connections: int
    unidentified: int
    limit: int
    waiting: Bytes
    memory: Bytes


class Share:
    """One service's part of the budget.

    :ivar quota: the service's own limits.
    :ivar budget: the budget of the daemon.
    """

    def __init__(self, budget: Budget, quota: Quota) -> None:
        self.quota = quota
        self.budget = budget
        self._count = 0
        self._per_address: dict[str, int] = {}
        self._unidentified: Crowd[Place] = Crowd()

    def admit(self, address: str, occupant: Occupant | None = None) -> Place | Refusal:
        """Return a place for a newcomer from *address*, displacing other connections for it if need be."""
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
        """Return a place for a connection that exists already, whatever the limits say."""
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

    def doubted(self, place: Place) -> None:
        """From :meth:`Place.doubt`. The place counts as that of a newcomer, for which another one may have to go."""
        if len(self._unidentified) >= self.quota.silent:
            victim = self._unidentified.victim(place.address, self.budget.monotonic())
            displace(victim or place, Refusal.SILENT, is_at_once=False)
        if place.is_taken:
            self._unidentified.add(place)
            self.budget.unidentified.add(place)

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
        """Yield each limit: the refusal it stands for, whether it is reached now, and the connections that may be displaced.

        A generator, because displacing one connection for a limit may bring the figures of the next one down.
        """
        quota, budget = self.quota, self.budget
        yield Refusal.PER_ADDRESS, self._per_address.get(address, 0) >= quota.per_address, self._unidentified
        yield Refusal.SECTION, self._count >= quota.connections, self._unidentified
        yield Refusal.SILENT, len(self._unidentified) >= quota.silent, self._unidentified
        yield Refusal.UNIDENTIFIED, len(budget.unidentified) >= max(1, budget.limit // UNIDENTIFIED), budget.unidentified
        yield Refusal.DAEMON, budget.is_full, budget.unidentified


def displace(place: Place, refusal: Refusal, is_at_once: bool = True) -> None:
    """Take *place* from its connection, and close that."""
    occupant = place.occupant
    place.leave()
    if occupant is not None:
        occupant.make_room(refusal, is_at_once)


class Budget:
    """The budget of the daemon.

    :param monotonic: the clock, which is never set back.
    :param memory: bytes that all connections together may use.
    :ivar limit: how many connections all services together may have; set once the number of descriptors is known.
    :ivar unidentified: the unidentified connections of all services.
    :ivar refusals: what was refused lately.
    """

    def __init__(self, monotonic: Callable[[], float], memory: int = NO_LIMIT) -> None:
        self.monotonic = monotonic
        self.limit = NO_LIMIT
        self.unidentified: Crowd[Place] = Crowd()
        self.refusals = RefusalLedger()
        self.memory: MemoryLedger[Place] = MemoryLedger(memory)
        self.unidentified_memory: MemoryLedger[Place] = MemoryLedger(memory)
        self.bound_memory(memory)
        self._count = 0
        self._by_credential: dict[str, int] = {}
        self._last = 0

    def next_number(self) -> int:
        """Return a number that no connection has had."""
        self._last += 1
        return self._last

    def bound_memory(self, memory: int) -> None:
        """Set how many bytes all connections together may use from now on."""
        limit = min(memory // UNIDENTIFIED, UNIDENTIFIED_MEMORY)
        self.memory.bound(memory)
        self.unidentified_memory.bound(limit, min(limit, UNIDENTIFIED_MEMORY_OF_ONE))

    @property
    def taken(self) -> int:
        """The number of connections."""
        return self._count

    @property
    def is_full(self) -> bool:
        """Whether a newcomer needs the place of another connection."""
        return self._count >= self.limit

    def facts(self) -> CapacityFacts:
        """How much of the budget is in use."""
        memory = self.memory
        return CapacityFacts(self._count, len(self.unidentified), self.limit, memory.total, memory.limit)

    def share(self, quota: Quota) -> Share:
        """Return the share of one more service."""
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

    def proved(self, before: str | None, after: str | None) -> bool:
        """From :meth:`Place.prove`: a connection of the credential *before* is one of *after*, unless that has its share."""
        counts = self._by_credential
        if after is not None:
            if counts.get(after, 0) >= max(1, self.limit // PROVED_BY_ONE):
                return False
            counts[after] = counts.get(after, 0) + 1
        if before is not None:
            counts[before] -= 1
            if not counts[before]:
                del counts[before]
        return True

    def held(self, place: Place, change: int, is_at_once: bool = False) -> None:
        """Add *change* bytes to the memory of the connection in *place*. Over a limit, connections are displaced.

        :param is_at_once: whether they can be closed at once, because none of them is in the middle of a call.
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
