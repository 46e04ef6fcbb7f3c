"""The newest values of the subjects under ``custom``, which people and programs publish. A restart finds them again.

A value is promised: it is on the disk before its publisher gets the answer. Who publishes a measurement many times a second would
wear out a card in this way. So promises are given at a bounded rate, and what comes faster is written every some seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from netd.codec.jsontext import encode
from netd.interfaces import IBus, IStateful, IStatePart, IStateTable
from netd.message import Message

__all__ = ["CUSTOM_STATE", "MOST_CUSTOM", "CustomValues"]

CUSTOM_STATE = "custom.main"
"""The owner of the values in the state database."""

MOST_CUSTOM = 1000
"""Subjects under ``custom`` whose newest events are kept, at most: without this bound, they would push out those of services."""

BURST, A_SECOND = 20.0, 1.0
"""Values that can be promised at once, and how many more with each second."""

WITHIN = 10.0
"""Seconds within which a value is written that is not promised."""


@implementer(IStateful)
class CustomValues:
    """The values, by subject; the one that was published last comes last.

    :param monotonic: the clock by which the rate of promises is bounded.
    """

    def __init__(self, bus: IBus, monotonic: Callable[[], float]) -> None:
        self._bus = bus
        self._monotonic = monotonic
        self._subjects: dict[str, None] = {}
        self._table: IStateTable | None = None
        self._credit = BURST
        self._counted = monotonic()

    def use_state(self, part: IStatePart) -> None:
        """See :class:`netd.interfaces.IStateful`. The values are retained on the bus, each with the time of its publication."""
        self._table = part.table("value")
        for subject, kept in self._table.load(MOST_CUSTOM):
            text = encode(kept["data"])
            self._subjects[subject] = None
            self._bus.publish(Message(subject, kept["data"], weight=len(text), text=text, time=kept["time"]))

    def publish(self, subject: str, data: object, text: bytes) -> Deferred[bool]:
        """Publish *data*, whose JSON is *text*.

        :returns: a Deferred of whether the value is on the disk, which fires when that is known.
        """
        self._subjects.pop(subject, None)
        self._subjects[subject] = None
        if len(self._subjects) > MOST_CUSTOM:
            oldest = next(iter(self._subjects))
            self.remove(oldest).addErrback(lambda _: None)  # the state has logged why the disk refuses
            self._bus.forget(oldest)
        message = Message(subject, data, weight=len(text), text=text)
        self._bus.publish(message)
        if self._table is None:
            return succeed(False)
        kept = {"time": message.time, "data": data}
        if not self._may_promise():
            self._table.note(subject, kept, WITHIN)
            return succeed(False)
        stored: Deferred[None] = self._table.put(subject, kept)
        return stored.addCallbacks(lambda _: True, lambda _: False)

    def remove(self, subject: str) -> Deferred[None]:
        """Forget the value of *subject*, if there is one. The Deferred fires when it is off the disk.

        If the disk refuses, it is tried again until it takes it: a restart would bring a value back that nobody can see.
        """
        if subject not in self._subjects or self._table is None:
            self._subjects.pop(subject, None)
            return succeed(None)
        del self._subjects[subject]
        removed: Deferred[None] = self._table.remove(subject)
        return removed.addErrback(self._refused, subject, self._table)

    def _refused(self, why: Failure, subject: str, table: IStateTable) -> Failure:
        if subject not in self._subjects:  # it has not been published again
            table.drop(subject, WITHIN)
        return why

    def _may_promise(self) -> bool:
        now = self._monotonic()
        self._credit = min(BURST, self._credit + (now - self._counted) * A_SECOND)
        self._counted = now
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True
