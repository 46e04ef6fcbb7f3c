"""The room's client side: a :class:`Bot` takes a place in a room, answers in character, and ends with the room.

Two dialects: ``"old"`` is understood by every server, older ones included; in ``"netd"`` all messages are lines, so that it takes
no silence to tell where one ends (``docs/protocols/room.md``).

A *character* is any function of a name and a :class:`Heard` that returns a reply; four are shipped (:data:`CHARACTERS`)::

    def echo(name, heard):
        return f"{name}: {heard.text}, you say?"

    Bot("127.0.0.1", 4242, "Lars", echo).run()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netd.client.room_characters import BAD, CHARACTERS, GOOD, Character, Heard, curious, grumpy, happy, lazy
from netd.client.room_plan import Exchange, NotConnected, Refused, RoomError, RoomProgram
from netd.client.way_sockets import Blocking, SocketWay, Surroundings, carry_out

__all__ = [
    "BAD",
    "CHARACTERS",
    "GOOD",
    "Bot",
    "Character",
    "Exchange",
    "Heard",
    "NotConnected",
    "Refused",
    "RoomError",
    "Surroundings",
    "curious",
    "grumpy",
    "happy",
    "lazy",
]


class Bot(RoomProgram[SocketWay], Blocking):
    """A bot for one room."""

    def run(self, on_exchange: Callable[[Exchange], object] | None = None) -> int:
        """Take a place, reply to everything, and return when the room is over (or :meth:`close` was called).

        :param on_exchange: called with each thing heard and replied.
        :returns: how many replies were given.
        :raises RoomError: when there is no place to be had.
        """
        replies = 0
        for exchange in self.exchanges():
            replies += 1
            if on_exchange is not None:
                on_exchange(exchange)
        return replies

    def exchanges(self) -> Iterator[Exchange]:
        """What was heard and replied, as it happens, until the room is over; raises as :meth:`run` does."""
        try:
            while True:
                exchange = carry_out(self._part.next())
                if exchange is None:
                    return
                yield exchange
        finally:
            carry_out(self._part.leave())
