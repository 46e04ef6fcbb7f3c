"""What is attached to console connections: devices of a relay, places in rooms.

To the exchange or the room, an attached program is one like any other: it has a peer, whose bytes become notifications. A
console connection may have several of them, told apart by name, and each ends with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from netd.errors import OperationFailed
from netd.operations import CallerLink
from netd.principal import Principal

__all__ = ["AttachedPeer", "Attachments"]

PeerT = TypeVar("PeerT", bound="AttachedPeer")

_NONE: Mapping[str, Any] = MappingProxyType({})


class AttachedPeer:
    """Base of a :class:`netd.interfaces.IPeer` over a console connection. A kind adds ``send``, ``close`` and ``expire_after``.

    :param name: tells it from what else is attached to *console*.
    :param facts: the first members of each notification, by which a page knows the program that it is for.
    """

    is_flushed = True  # each message is handed to the console connection at once

    def __init__(self, console: CallerLink, name: str, facts: Mapping[str, object]) -> None:
        self.console = console
        self.name = name
        self._facts = facts

    @property
    def principal(self) -> Principal:
        """The principal of the console connection."""
        return self.console.principal

    @property
    def is_full(self) -> bool:
        """Whether the console connection takes nothing."""
        return self.console.is_full

    def note_unfinished(self, size: int, is_new: bool = False) -> bool:
        """Return True: messages from a console connection are always whole."""
        return True

    def set_reading(self, enabled: bool) -> None:
        """Do nothing: messages come as requests, each of which is answered."""

    def probe(self) -> None:
        """Probe the console connection."""
        self.console.probe()

    def silence(self) -> float:
        """Return the seconds since the last byte from the console connection."""
        return self.console.silence()

    def tell(self, method: str, members: Mapping[str, object]) -> None:
        """Notify the console connection."""
        self.console.notify(method, {**self._facts, **members})

    def leave(self, reason: str) -> None:
        """Take the program out of the service: it has left, or its console connection is lost. Override."""
        raise NotImplementedError  # a device and a bot have ways of their own out of their services


class Attachments(Generic[PeerT]):
    """All attachments of one service to console connections.

    :param is_accepting: returns whether the service accepts programs now.
    """

    def __init__(self, is_accepting: Callable[[], bool]) -> None:
        self._is_accepting = is_accepting
        self._consoles: dict[CallerLink, dict[str, PeerT]] = {}

    def __iter__(self) -> Iterator[PeerT]:
        """All that is attached. It may be detached meanwhile."""
        return iter([peer for mine in self._consoles.values() for peer in mine.values()])

    def check_accepting(self) -> None:
        """Raise an error unless the service accepts programs now.

        :raises OperationFailed: with the remedy.
        """
        if not self._is_accepting():
            raise OperationFailed("netd is draining: it accepts nothing new until it is resumed (`netd resume`)")

    def of(self, console: CallerLink) -> Mapping[str, PeerT]:
        """Return what is attached to *console*, by name."""
        return self._consoles.get(console, _NONE)

    def attach(self, peer: PeerT) -> None:
        """Keep *peer* until :meth:`detach`, or the end of its console connection, which makes it leave."""
        console = peer.console
        mine = self._consoles.get(console)
        if mine is None:
            mine = self._consoles[console] = {}
            console.when_lost(partial(self._lost, console))
        mine[peer.name] = peer

    def detach(self, peer: PeerT) -> None:
        """Forget *peer*, unless another one has its name by now."""
        mine = self._consoles.get(peer.console)
        if mine is not None and mine.get(peer.name) is peer:
            del mine[peer.name]

    def _lost(self, console: CallerLink) -> None:
        for peer in self._consoles.pop(console).values():
            peer.leave(console.reason or "its connection closed")
