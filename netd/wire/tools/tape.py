"""A recording in the making: events in their order, up to a limit. Pure: the time is handed in."""

from __future__ import annotations

from attrs import evolve

from netd.wire.recording import Direction, Recorded, Recording, Transport

__all__ = ["MOST_BYTES", "MOST_EVENTS", "WireTape"]

MOST_BYTES = 16 * 1024 * 1024
"""Bytes of a recording. More of the same teaches nothing new."""

MOST_EVENTS = 200_000
"""Events of a recording: each takes memory, however few bytes it has."""


class WireTape:
    """Writes down what a program and its server say.

    A full tape takes nothing more, not even the ends of connections: a conversation with a hole in it would teach nonsense.

    :param began: the present time in seconds since 1970.
    :ivar is_full: whether something was not recorded.
    """

    def __init__(self, transport: Transport, is_dialled: bool, began: float, most: int = MOST_BYTES) -> None:
        self.is_full = False
        self._heading = Recording(transport, is_dialled, (), round(began, 3))
        self._events: list[Recorded] = []
        self._left = most
        self._connections = 0

    def open(self, time: float, address: str) -> int:
        """A connection begins; return its number."""
        self._connections += 1
        self.add(time, self._connections, Direction.OPENED, address.encode())
        return self._connections

    def add(self, time: float, connection: int, direction: Direction, data: bytes) -> None:
        """Something happens on a connection."""
        if self.is_full or len(data) > self._left or len(self._events) >= MOST_EVENTS:
            self.is_full = True
            return
        self._left -= len(data)
        before = self._events[-1].time if self._events else 0.0
        self._events.append(Recorded(max(round(time, 3), before), connection, direction, data))

    def recording(self) -> Recording:
        """Return what was recorded so far."""
        return evolve(self._heading, events=tuple(self._events))
