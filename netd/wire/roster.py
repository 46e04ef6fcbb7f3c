"""The names of a wire's peers: which are known, which connections have them, and who comes and goes."""

from __future__ import annotations

from collections.abc import Callable, Container
from hashlib import blake2s
from typing import Protocol

from attrs import define, field

from netd.bus.subject import token
from netd.interfaces import IBus
from netd.message import Message
from netd.plaintext import is_text
from netd.wire.channels import LateSamples, WireChannel
from netd.wire.events import WirePresence
from netd.wire.plain import PlainReader

__all__ = ["WireLinked", "WireName", "WireRoster", "free_token"]

LONGEST = 128
"""Characters of a name: of a peer, or of a channel."""


class WireLinked(Protocol):
    """A connection, or the address of datagrams, as the hub sees it."""

    @property
    def address(self) -> str:
        """Where it comes from."""

    @property
    def messages(self) -> int:
        """How many messages it has sent."""

    @property
    def heard(self) -> float:
        """When the last byte came, in seconds since 1970."""

    def replaced(self, reason: str) -> None:
        """End: another has its name."""


@define(eq=False)
class WireName:
    """A name: of a peer that is or was there, or for which another speaks.

    :ivar number: in the order in which the names became known.
    :ivar links: its connections.
    :ivar is_said: whether it is one that a peer has said, which one connection has alone.
    :ivar late: its samples that are not counted yet, by what reads them.
    """

    name: str
    token: str
    number: int
    address: str = ""
    since: float | None = None
    last_seen: float | None = None
    reason: str = ""
    is_said: bool = False
    links: list[WireLinked] = field(factory=list)
    channels: dict[str, WireChannel] = field(factory=dict)
    late: dict[PlainReader, LateSamples] = field(factory=dict)


class WireRoster:
    """The names of one wire.

    :param prefix: the first tokens of the subjects of presence.
    :param limit: called when a name is refused, with the option that is the reason, and a line for the log.
    :ivar most: how many names are known at most.
    :ivar names: all of them, in the order in which they became known.
    """

    def __init__(self, bus: IBus, prefix: str, most: int, limit: Callable[[str, str], object]) -> None:
        self._bus = bus
        self._prefix = prefix
        self._limit = limit
        self.most = most
        self.names: dict[str, WireName] = {}
        self._by_token: dict[str, WireName] = {}

    def known(self, name: str) -> WireName | None:
        """Return what is known of *name*, from now on at the latest; None if there are too many names."""
        known = self.names.get(name)
        if known is None:
            if len(self.names) >= self.most:
                self._limit("max_names", f"max_names ({self.most}) reached; new names are ignored")
                return None
            if not self.is_good(name):
                return None
            known = self.names[name] = WireName(name, self.token_of(name), len(self.names))
            self._by_token[known.token] = known
        return known

    def is_known(self, name: str) -> bool:
        """Whether something was heard of *name* before."""
        return name in self.names

    def token_of(self, name: str) -> str:
        """Return the token of *name* in subjects, which is that of no other name; of a new name, the one that it will have."""
        known = self.names.get(name)
        return free_token(name, self._by_token) if known is None else known.token

    def is_good(self, name: str) -> bool:
        """Whether a peer or a channel may be called so by what somebody says."""
        if is_text(name) and len(name) <= LONGEST:
            return True
        self._limit("bad name", f"{name[:40]!r} is no name: one has at most {LONGEST} characters of text; it is ignored")
        return False

    def arrive(self, link: WireLinked, name: str, is_said: bool) -> bool:
        """*link* is called *name* from now on. Return False if there are too many names."""
        known = self.known(name)
        if known is None:
            return False
        took = ""
        if is_said:
            for other in [other for other in known.links if other is not link]:
                took = other.address
                self._leave(known, other, "")
                other.replaced(f"another connection is called {name} now")
        if link not in known.links:
            known.links.append(link)
        known.is_said = is_said
        if len(known.links) == 1:
            known.since = self._bus.wall()
            known.address = link.address
            known.reason = f"it took the name from {took}" if took else ""
            self._tell(known, online=True)
        return True

    def depart(self, link: WireLinked, name: str, reason: str) -> None:
        """*link* is called *name* no longer: it is gone, or has another name."""
        known = self.names.get(name)
        if known is not None and link in known.links:
            self._leave(known, link, reason)

    def _leave(self, known: WireName, link: WireLinked, reason: str) -> None:
        known.links.remove(link)
        known.last_seen = link.heard
        if not known.links and reason:
            known.reason = reason
            self._tell(known, online=False)

    def _tell(self, known: WireName, online: bool) -> None:
        wall = self._bus.wall()
        seen = wall if online or known.last_seen is None else known.last_seen
        event = WirePresence(known.name, known.address, online, seen, known.reason, known.since or wall)
        self._bus.publish(Message(f"{self._prefix}.presence.{known.token}", event))

    def link_of(self, name: str) -> WireLinked | None:
        """Return the newest connection of *name*; None if it is not there."""
        known = self.names.get(name)
        return known.links[-1] if known is not None and known.links else None

    @property
    def online(self) -> list[str]:
        """The names of all peers that are there."""
        return [known.name for known in self.names.values() if known.links]


def free_token(name: str, taken: Container[str]) -> str:
    """Return a token of *name* that is not *taken*. The second of a kind has a digest of its name, which stays the same."""
    free = token(name)
    while free in taken:
        free = f"{free}-{blake2s(name.encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"
    return free
