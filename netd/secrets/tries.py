"""The limits for wrong secrets, tokens and passwords alike, of a connection and of the address that it comes from.

A right token is always accepted at once, whatever others of the same address have tried: behind a proxy, or on a shared machine,
one user with a wrong token would otherwise lock out all the others. A wrong one costs the connection, after a few, and after ten
in a minute its bearer gets no reason any more. Passwords can be guessed, and checking one takes a third of a second: therefore
only so many of an address are checked in a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from attrs import define, field

__all__ = ["MOST_WRONG", "TRIES", "WINDOW", "Tries", "WrongSecrets", "network_of"]

TRIES = 3
"""The wrong secret that ends its connection: the third of one connection, or of all connections of one address within
:data:`WINDOW`. After it, each further one of that address does."""

MOST_WRONG = 10
"""Wrong secrets of one address within :data:`WINDOW`. After them, none of its passwords is checked, and a wrong token gets no
reason."""

WINDOW = 60.0
"""Seconds for which the wrong secrets of an address are counted together."""

MOST_ADDRESSES = 1000
"""Addresses that are remembered at most. Over that, the one whose last wrong secret is oldest is forgotten."""


def network_of(host: str) -> str:
    """Return the network of *host* by which limits count: an IPv4 address by itself, an IPv6 address with its /64.

    Providers give each customer a /64 at least, so a limit for single IPv6 addresses would be none.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))


@define(eq=False)
class WrongSecrets:
    """Counts wrong secrets by address. All sections of a daemon share one for tokens; each manhole has one for passwords.

    :ivar monotonic: the clock, which is never set back.
    """

    monotonic: Callable[[], float]
    _counts: dict[str, tuple[float, int]] = field(factory=dict, init=False)

    def wait(self, host: str) -> float:
        """Return the seconds for which *host* has had its tries; 0 if it has some left."""
        since, count = self._counts.get(network_of(host), (0.0, 0))
        return max(0.0, since + WINDOW - self.monotonic()) if count >= MOST_WRONG else 0.0

    def count(self, host: str) -> int:
        """Return the wrong secrets of *host* that still count."""
        since, count = self._counts.get(network_of(host), (0.0, 0))
        return count if self.monotonic() - since < WINDOW else 0

    def note(self, host: str) -> bool:
        """Count a wrong secret.

        :param host: the address that it came from. For a unix socket, any constant.
        :returns: True if the connection is to be closed over it.
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
    :ivar noted: called for each wrong secret, for counters and the log.
    :ivar failed: how many there were.
    :ivar is_over: whether there were too many. Then the connection is being closed, and no further secret is looked at.
    """

    wrong: WrongSecrets
    host: str
    noted: Callable[[], object] = lambda: None
    failed: int = field(default=0, init=False)
    is_over: bool = field(default=False, init=False)

    @property
    def wait(self) -> float:
        """The seconds for which the address has had its tries; see :meth:`WrongSecrets.wait`."""
        return self.wrong.wait(self.host)

    def fail(self) -> None:
        """Count a wrong secret of this connection."""
        self.failed += 1
        self.is_over = self.wrong.note(self.host) or self.failed >= TRIES
        self.noted()
