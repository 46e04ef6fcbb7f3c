"""Wrong secrets, tokens and passwords alike: how many of them a connection, and the address that it comes from, may give.

Whoever gives the right token is never kept waiting for others of the same address: behind a proxy, or on one machine, a neighbour
with a wrong one would lock everybody out. What wrong ones cost is the connection: after a few of them each one needs a new one.
A password can be guessed, and its check costs a third of a second: of these, an address has only so many a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from attrs import define, field

__all__ = ["PASSWORDS", "TRIES", "WINDOW", "Tries", "WrongSecrets", "network_of"]

TRIES = 3
"""Wrong secrets that a connection may give, and that all connections of one address may give within :data:`WINDOW`; from the last
of them on, each ends its connection."""

PASSWORDS = 10
"""Wrong passwords of one address within :data:`WINDOW` after which no further one is checked."""

WINDOW = 60.0
"""Seconds for which the wrong secrets of an address are counted together."""

MOST_ADDRESSES = 1000
"""Addresses that are remembered; over it, the oldest are forgotten."""


def network_of(host: str) -> str:
    """What one owner of addresses has: an address; of IPv6, where each customer has 2**64 of them or more, all of these."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))


@define(eq=False)
class WrongSecrets:
    """Counts wrong secrets by address, for one service.

    :ivar monotonic: the clock, which is never set back.
    """

    monotonic: Callable[[], float]
    _counts: dict[str, tuple[float, int]] = field(factory=dict, init=False)

    def wait(self, host: str) -> float:
        """Seconds until another password from *host* is checked; 0 where that is now."""
        since, count = self._counts.get(network_of(host), (0.0, 0))
        return max(0.0, since + WINDOW - self.monotonic()) if count >= PASSWORDS else 0.0

    def note(self, host: str) -> bool:
        """Count a wrong secret.

        :param host: the address that it came from; of a unix socket, anything that stays the same.
        :returns: whether it was one too many, so that its connection is to be closed.
        """
        network, now = network_of(host), self.monotonic()
        since, count = self._counts.pop(network, (now, 0))
        if now - since >= WINDOW:
            since, count = now, 0
        self._counts[network] = since, count + 1
        if len(self._counts) > MOST_ADDRESSES:
            del self._counts[next(iter(self._counts))]
        return count + 1 >= TRIES


@define(eq=False)
class Tries:
    """The wrong secrets of one connection.

    :ivar host: see :meth:`WrongSecrets.note`.
    :ivar noted: told each of them, for counters and the log.
    :ivar failed: how many there were.
    :ivar is_over: there were too many: nothing more is looked at, the connection is being closed.
    """

    wrong: WrongSecrets
    host: str
    noted: Callable[[], object] = lambda: None
    failed: int = field(default=0, init=False)
    is_over: bool = field(default=False, init=False)

    def fail(self) -> None:
        """The connection has given a wrong secret."""
        self.failed += 1
        self.is_over = self.wrong.note(self.host) or self.failed >= TRIES
        self.noted()
