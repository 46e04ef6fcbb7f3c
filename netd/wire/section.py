"""What the connections of one wire share beside their hub: options, counters, log lines and the way to other services."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, Protocol, runtime_checkable

from attrs import frozen
from twisted.logger import Logger

from netd.log import LogLimiter, told_of
from netd.redaction import without_tokens
from netd.wire.calls import WireCalls
from netd.wire.config import Config
from netd.wire.hub import WireHub
from netd.wire.outlet import Report, WireNote
from netd.wire.plan import WirePlan
from netd.wire.remotes import place_of

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


@runtime_checkable
class WireTalker(Protocol):
    """A peer that something can be said to: a connection, the address of datagrams, or a remote that is dialled each time."""

    @property
    def is_proven(self) -> bool:
        """Whether it need not prove who it is any more."""

    def speak(self, payload: bytes) -> None:
        """Say *payload*, framed as the section has it."""

    def send(self, text: str, report: Report) -> None:
        """Send *text* as ``send`` has it, and tell *report* what acknowledges it."""

    def ask(self, text: str, report: Report) -> None:
        """Say *text*, and tell *report* the next message."""

    def leave(self, reason: str) -> None:
        """End the connection."""

    def follow(self) -> None:
        """Go by other options."""


class WireSection:
    """The state of one ``[wire:NAME]``.

    :param name: the section, as the log names it.
    :ivar hub: set by the service, which makes both.
    :ivar misfits: the newest things that did not fit, oldest first.
    :ivar bytes_in: bytes of datagrams that have come, and *bytes_out* of those that were sent.
    :ivar speaks_freely: whether what is said now is what a person wants said, and no answer to a datagram.
    :ivar talkers: the peers that something can be said to.
    :ivar errands: those of them that are dialled each time, by name.
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
        self.errands: dict[str, WireTalker] = {}
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
        return [talker for talker in self.talkers if talker.is_proven]

    def named(self, host: str) -> str:
        """Return what a peer at *host* is called unless it says a name."""
        for name, address in self.config.names or ():
            if address == host:
                return name
        return self.config.name or host

    def named_remote(self, remote: str, host: str = "") -> str:
        """Return what a remote is called: the name of the section; if it has several, their own ones.

        :param remote: its description.
        :param host: its address, where it is connected.
        """
        remotes = self.config.connect or ()
        if len(remotes) <= 1:
            return self.config.name or self.config.instance
        places = [place_of(one) for one in remotes]
        place = place_of(remote)
        known = {address: name for name, address in self.config.names or ()}
        is_shared = [one.host for one in places].count(place.host) > 1
        shared = f"{place.host}:{place.port}" if place.port else remote
        return known.get(host) or known.get(place.host) or (shared if is_shared else place.host)

    def peer(self, name: str) -> WireTalker | None:
        """Return the peer that is called *name*; None if it is not there."""
        link: object = self.hub.roster.link_of(name)
        return link if isinstance(link, WireTalker) else self.errands.get(name)

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
                remedy=f"; `netd wire misfits --instance {self.config.instance}` shows why" if kind is WireNote.UNMATCHED else "",
                more=told_of(skipped),
            )

    def limited(self, kind: str, text: str, most: int = 1) -> None:
        """See :class:`netd.wire.hub.HubLog`."""
        skipped = self.limiter.admit(kind, "", most)
        if skipped is not None:
            self._log.warn("{service}: {text}{more}", service=self.name, text=text, more=told_of(skipped))
