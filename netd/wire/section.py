"""What the connections of one wire share beside their hub: options, counters, log lines and the way to other services."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Protocol

from attrs import frozen
from twisted.logger import Logger

from netd.connection.protocol import told_of
from netd.log import LogLimiter
from netd.redaction import without_tokens
from netd.wire.calls import WireCalls
from netd.wire.config import Config
from netd.wire.hub import WireHub
from netd.wire.machine import WireMachine
from netd.wire.outlet import WireNote
from netd.wire.plan import WirePlan

__all__ = ["Misfit", "WireSection", "WireTalker"]

EXCERPT = 60
"""Bytes of a message that a log line shows."""

MISFITS = 50
"""How many of the newest things that did not fit are kept for people."""


@frozen
class Misfit:
    """Something that did not fit; see :class:`netd.wire.results.WireMisfit`."""

    time: float
    kind: WireNote
    name: str
    address: str
    why: str
    message: bytes


class WireTalker(Protocol):
    """A connection, or the address of datagrams, as the section sees it."""

    machine: WireMachine

    def act(self, do: Callable[[float], object]) -> None:
        """Call *do* with the present time of the monotonic clock, then publish and wait as is to be done."""

    def follow(self) -> None:
        """Go by other options."""


class WireSection:
    """The state of one ``[wire:NAME]``.

    :param name: the section, as the log names it.
    :ivar hub: set by the service, which makes both.
    :ivar misfits: the newest things that did not fit, oldest first.
    :ivar bytes_in: bytes of datagrams that have come, and *bytes_out* of those that were sent.
    :ivar speaks_freely: whether what is said now is what a person wants said, and no answer to a datagram.
    :ivar talkers: the open connections, and the addresses of datagrams.
    """

    _log = Logger()
    hub: WireHub

    def __init__(self, name: str, config: Config, clock: Any, calls: WireCalls) -> None:
        self.name = name
        self.config = config
        self.clock = clock
        self.calls = calls
        self.limiter = LogLimiter(clock.seconds)
        self.counts: Counter[str] = Counter()
        self.misfits: deque[Misfit] = deque(maxlen=MISFITS)
        self.bytes_in = 0
        self.bytes_out = 0
        self.speaks_freely = False
        self.talkers: dict[WireTalker, None] = {}
        self._plans: dict[tuple[bool, bool], WirePlan] = {}

    def plan(self, is_dialled: bool = False, is_datagram: bool = False) -> WirePlan:
        """Return what machines go by; all of one kind share one, with its compiled rules."""
        key = is_dialled, is_datagram
        if key not in self._plans:
            self._plans[key] = self.config.plan(*key)
        return self._plans[key]

    def plans(self) -> list[WirePlan]:
        """Return all plans in use."""
        return list(self._plans.values())

    def follow(self, config: Config) -> None:
        """Go by *config*, with all connections."""
        self.config = config
        self._plans.clear()
        self.hub.follow(config)
        for talker in list(self.talkers):
            talker.follow()

    def admitted(self) -> list[WireTalker]:
        """Return those of the talkers that are told what others say: all but those which have to prove yet who they are."""
        return [talker for talker in self.talkers if not talker.machine.needs_proof]

    def named(self, host: str) -> str:
        """Return what a peer at *host* is called unless it says a name."""
        for name, address in self.config.names or ():
            if address == host:
                return name
        return self.config.name or host

    def named_remote(self, place: str) -> str:
        """Return what a remote is called: the name of the section, or its address or the end of its path if there are several."""
        if len(self.config.connect or ()) > 1:
            return self.named(place.rpartition("/")[2])
        return self.config.name or self.config.instance

    def note(self, kind: WireNote, address: str, why: str, message: bytes, source: str, most: int = 1, name: str = "") -> None:
        """Count something about the peer *name* at *address*, keep it for people, and log it within limits.

        :param source: its host or device, which has *most* lines of this kind in a minute.
        """
        self.counts[kind.value] += 1
        self.misfits.append(Misfit(self.hub.wall(), kind, name, address, why, message[:EXCERPT]))
        skipped = self.limiter.admit(kind.value, source, most)
        if skipped is not None:
            who = f"{address} ({name})" if name else address
            self._log.warn(
                "{service}: {who}: {why}{excerpt}{remedy}{more}",
                service=self.name,
                who=who,
                why=why,
                excerpt=f": {without_tokens(message[:EXCERPT])!r}" if message else "",
                remedy=f"; `netd wire test {self.config.instance} FILE` shows why" if kind is WireNote.UNMATCHED else "",
                more=told_of(skipped),
            )

    def limited(self, kind: str, text: str, most: int = 1) -> None:
        """See :class:`netd.wire.hub.HubLog`."""
        skipped = self.limiter.admit(kind, "", most)
        if skipped is not None:
            self._log.warn("{service}: {text}{more}", service=self.name, text=text, more=told_of(skipped))
