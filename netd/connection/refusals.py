"""What was refused lately, and which protocol it looks like: for the person whose program is not let in.

Pure. Refusals of one kind that a network gets from a service are one entry, so that a flood displaces nobody else's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import define

__all__ = ["MOST_REFUSALS", "NOT_ADMITTED", "PROOFS", "UNKNOWN_PROXY", "RefusalLedger", "Refused", "wire_of"]

NOT_ADMITTED = "not admitted"
"""The kind of refusals of connections that neither their address nor a proof admits."""

UNKNOWN_PROXY = "unknown proxy"
"""The kind of refusals of connections to a port for proxies that are from elsewhere."""

MOST_REFUSALS = 64
"""Entries that are kept."""

PROOFS = ("not permitted", "name held", "wrong token", "too many wrong tokens")
"""Kinds of refusals of programs that reached the right section, and may not do there what they want, or are not who they say."""

MOST_REASONS = 3
"""Reasons that an entry keeps. A peer may be refused for several, and the newest alone would hide the others."""

LOOKED_AT = 256
"""Bytes of the opening by which the protocol is recognised."""

WIRES = (
    (re.compile(rb"GET [^\r\n]*\r\n(?:.*\r\n)*?(?i:upgrade): *websocket"), "a WebSocket client", "gateway"),
    (re.compile(rb"[A-Z]{3,7} \S+(?: HTTP/|$)"), "an HTTP client, such as a browser", "gateway"),
    (re.compile(rb"\x16\x03[\x00-\x04]"), "a TLS client", "tls"),
    (re.compile(rb"PROXY |\r\n\r\n\x00\r\nQUIT\n"), "a proxy that tells its client's address", "haproxy"),
    (re.compile(rb"SSH-"), "an SSH client", "manhole"),
    (re.compile(rb"\xff[\xfb-\xfe]"), "a telnet client", "manhole"),
    (re.compile(rb"\x10.{1,4}\x00[\x04\x06]MQ", re.DOTALL), "an MQTT client", "cluster"),
    (re.compile(rb"\s*\{.*\"command_id\"", re.DOTALL), "a client of commands", "command"),
    (re.compile(rb"[0-9]{1,7} {20,}"), "a device or controller of a relay", "relay"),
    (re.compile(rb"s[123][0-9]+|[xyz]-?[0-9.]+|\s*\{\"session\""), "the data connection of an agent", "session"),
    (re.compile(rb"\s*[\[{]"), "a client that speaks JSON", "command"),
)
"""Openings, what such connections look like, and the kind of section that serves them. The first one that fits counts."""


@define
class Refused:
    """Refusals of one kind.

    :ivar service: the section that refused.
    :ivar address: the peer of the newest one, for people.
    :ivar kind: the kind of refusal, as it is counted.
    :ivar reasons: the newest reasons, each once, the newest one first.
    :ivar wire: what the opening looks like; empty if nothing was read.
    :ivar serves: the kind of section that serves such programs, or ``tls`` or ``haproxy``; empty if that is not known.
    :ivar count: how many there were.
    :ivar last: the time of the newest one, by the monotonic clock.
    """

    service: str
    address: str
    kind: str
    reasons: tuple[str, ...]
    wire: str
    serves: str
    count: int
    last: float


def wire_of(opening: bytes) -> tuple[str, str]:
    """Return what a connection with this opening looks like, and the kind of section that serves it; both may be empty."""
    opening = opening[:LOOKED_AT]
    if not opening:
        return "", ""
    return next(((wire, serves) for pattern, wire, serves in WIRES if pattern.match(opening)), ("an unknown protocol", ""))


class RefusalLedger:
    """The newest refusals of all services."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str, str], Refused] = {}

    def note(self, service: str, network: str, kind: str, address: str, why: str, opening: bytes, now: float) -> None:
        """Note that *service* has refused a peer.

        :param network: the network of the peer, by which entries are told apart.
        """
        wire, serves = wire_of(opening)
        key = service, network, kind, wire
        entry = self._entries.pop(key, None)
        if entry is None:
            if len(self._entries) >= MOST_REFUSALS:
                del self._entries[next(iter(self._entries))]
            entry = Refused(service, address, kind, (), wire, serves, count=0, last=now)
        entry.count += 1
        entry.address, entry.last = address, now
        entry.reasons = (why, *(known for known in entry.reasons if known != why))[:MOST_REASONS]
        self._entries[key] = entry

    def __iter__(self) -> Iterator[Refused]:
        """The entries, the newest first."""
        return reversed(list(self._entries.values()))
