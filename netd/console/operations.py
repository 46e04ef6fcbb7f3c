"""The operations of the bus: show the newest events, follow subjects, and publish.

Services publish under subjects that begin with their kind; people and programs may publish under ``custom``, and nowhere else.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen
from twisted.internet.defer import Deferred

from netd.bus.subject import covers, is_own_subject, split_pattern
from netd.codec.jsontext import BadJSON, encode
from netd.codec.units import Seconds
from netd.console.cursor import SlowPolicy
from netd.console.custom import CustomValues
from netd.console.link import ConsoleLink
from netd.console.results import Forgotten, LastEvent, Published, Subscribed, Unsubscribed
from netd.console.stream import StreamKey
from netd.console.streams import EventStreams
from netd.errors import InvalidArguments, OperationFailed
from netd.interfaces import IBus
from netd.operations import Caller, Operation, Role
from netd.state.state import all_of

__all__ = ["BusConsole"]

CUSTOM = "custom.>"
"""The subjects under which callers may publish."""

MAX_DATA = 1 << 16
"""Bytes of JSON in an event that a caller publishes."""

SHORTEST, LONGEST = 0.01, 3600.0
"""Seconds between two events of a subject that a caller may ask for."""

MOST_REPLAYED = 1000
"""Past events of each subject that a caller may ask for, at most."""


MAX_LAST = 1 << 22
"""Bytes of events and subjects in one answer of ``bus.last``, at most."""


@frozen
class BusConsole:
    """The operations ``bus.…``."""

    bus: IBus
    streams: EventStreams
    custom: CustomValues

    def operations(self) -> list[Operation]:
        """Return the operations. Viewers may look and follow, operators may publish."""
        return [
            Operation("bus.last", self.last, Role.VIEWER, "Show the newest event of each subject", spans_services=True),
            Operation("bus.publish", self.publish, Role.OPERATOR, "Publish under custom.…", spans_services=True),
            Operation(
                "bus.forget",
                self.forget,
                Role.OPERATOR,
                "Forget kept events, such as one published by mistake",
                spans_services=True,
            ),
            *self._lasting(),
        ]

    def _lasting(self) -> list[Operation]:
        follow, end = "Follow subjects on this connection", "Stop following subjects"
        return [
            Operation("bus.subscribe", self.subscribe, Role.VIEWER, follow, spans_services=True, is_lasting=True),
            Operation("bus.unsubscribe", self.unsubscribe, Role.VIEWER, end, spans_services=True, is_lasting=True),
        ]

    def last(self, caller: Caller, pattern: str = ">") -> list[LastEvent]:
        """Return the newest event of each subject under *pattern*."""
        _check(caller, pattern)
        messages = self.bus.last(pattern)
        size = 0
        for message in messages:
            size += message.weight + len(message.subject)
            if size > MAX_LAST:
                raise OperationFailed(
                    f"pattern: the newest events of {pattern} are over {MAX_LAST >> 20} MiB; ask for fewer subjects"
                )
        return [LastEvent(found.subject, found.time, found.event) for found in messages]

    def publish(self, caller: Caller, subject: str, data: object = None) -> Deferred[Published]:
        """Publish *data* under a subject that begins with ``custom``.

        :returns: a Deferred, which waits for the disk if the value is promised (:mod:`netd.console.custom`).
        """
        if not is_own_subject(subject) or not covers(CUSTOM, subject):
            raise InvalidArguments(f"subject: {subject!r:.80} is none that begins with `custom.`, of [A-Za-z0-9_-] between dots")
        _check(caller, subject)
        try:
            text = encode(data)
        except BadJSON as error:
            raise InvalidArguments(f"data: {error}") from None
        size = len(text)
        if size > MAX_DATA:
            raise OperationFailed(f"data: {size} bytes of JSON; at most {MAX_DATA} can be published")
        return self.custom.publish(subject, data, text).addCallback(lambda kept: Published(subject, size, kept))

    def forget(self, caller: Caller, subject: str) -> Deferred[Forgotten]:
        """Drop the kept events of *subject*, or of all subjects under a pattern, so that later subscribers do not get them.

        :returns: a Deferred of the subjects of which events were kept.
        """
        _check(caller, subject, "subject")
        found = [message.subject for message in self.bus.last(subject)]
        removed = [self.custom.remove(one) for one in found]
        for one in found:
            self.bus.forget(one)
        self.streams.forget(subject)
        return all_of(removed).addCallback(lambda _: Forgotten(subject, found))

    def subscribe(
        self,
        caller: Caller,
        pattern: str,
        every: Seconds | None = None,
        replay: int = 0,
        policy: Literal["drop-oldest", "latest"] = "drop-oldest",
        since: str | None = None,
        fold: bool = False,
        together: bool = False,
    ) -> Subscribed:
        """Subscribe the caller's connection to the events of *pattern* (gateway protocol, "Subscriptions")."""
        _check(caller, pattern)
        if every is not None and not SHORTEST <= every <= LONGEST:
            raise InvalidArguments(f"every: {every} is not between {SHORTEST} and {LONGEST:.0f} seconds")
        if fold and every is None:
            raise InvalidArguments("fold: needs `every`, the seconds whose numbers are folded into one event")
        if not 0 <= replay <= MOST_REPLAYED:
            raise InvalidArguments(f"replay: {replay} is not between 0 and {MOST_REPLAYED}")
        return self.streams.subscribe(_link(caller), StreamKey(pattern, every, fold, together), replay, SlowPolicy(policy), since)

    def unsubscribe(self, caller: Caller, pattern: str) -> Unsubscribed:
        """End a subscription of the caller's connection."""
        if not self.streams.unsubscribe(_link(caller), pattern):
            raise OperationFailed(f"this connection has no subscription of {pattern!r:.80}")
        return Unsubscribed(pattern)


def _check(caller: Caller, pattern: str, argument: str = "pattern") -> None:
    try:
        split_pattern(pattern)
    except ValueError as error:
        raise InvalidArguments(f"{argument}: {error}") from None
    caller.check(pattern)


def _link(caller: Caller) -> ConsoleLink:
    assert isinstance(caller.link, ConsoleLink), "every link that stays is one"
    return caller.link
