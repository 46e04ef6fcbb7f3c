"""What travels on the bus: a subject and an event."""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import define, field

__all__ = ["NAME", "Message"]

NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
"""What nodes, devices and the like may be named: such a name is one token of a subject as it is."""


@define(frozen=True, slots=True)
class Message:
    """One event under one subject. Immutable; shared by all subscribers.

    :ivar subject: NATS grammar, tokens ``[A-Za-z0-9_-]+`` joined by dots.
    :ivar event: an attrs object or a plain JSON value. Nobody changes it after publication.
    :ivar weight: bytes of memory that a peer's own words take in it; of those a bus retains only so much.
    :ivar time: when it was published, by the wall clock, in seconds since the epoch; 0 before. A clock that is set back makes
        newer messages look older: their order is *number*'s.
    :ivar number: grows with each message on its bus; 0 before it is published.
    """

    subject: str
    event: object
    weight: int = field(default=0, kw_only=True, eq=False, repr=False)
    time: float = field(default=0.0, init=False, eq=False, repr=False)
    number: int = field(default=0, init=False, eq=False, repr=False)
    _encoded: bytes | None = field(default=None, init=False, eq=False, repr=False)

    def stamp(self, time: float, number: int) -> None:
        """Note when it is published, and behind how many others. For the bus alone."""
        object.__setattr__(self, "time", time)
        object.__setattr__(self, "number", number)

    def encoded(self, encode: Callable[[object], bytes]) -> bytes:
        """The event as JSON, encoded by the first subscriber that asks and kept for the others.

        :param encode: ``netd.codec.jsontext.encode``; handed in because the vocabulary knows no codec.
        """
        if self._encoded is None:
            object.__setattr__(self, "_encoded", encode(self.event))
        assert self._encoded is not None
        return self._encoded
