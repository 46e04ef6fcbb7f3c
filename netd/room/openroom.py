"""A room without turns: each line of a bot reaches the others at once (room protocol, section 4).

All lines of one reactor turn are joined into one block, once, for all bots that said nothing in it; a bot that spoke gets the
block without its own lines. An old bot does not end its messages: each read of it counts as a message, and it is sent one at a
time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netd.interfaces import Cancellable
from netd.plaintext import unpadded
from netd.room.observer import Observer, RoomState
from netd.room.pager import Pager
from netd.room.results import RoomFacts
from netd.room.rules import RoomRules
from netd.room.seat import PIECE, Seat, SeatInput
from netd.room.texts import Flooding, Text, line_of, readable, welcome

__all__ = ["OpenRoom"]

RATE = 1 << 14
"""Bytes that a bot may say in one :data:`WINDOW`, each line counting :data:`netd.room.seat.PIECE` more."""

WINDOW = 1.0
"""Seconds."""


class OpenRoom:
    """One room whose bots talk as they please, until the last has left or an operator ends it.

    :param after_turn: calls when the reactor turn ends.
    :ivar id: unique among the rooms of one service.
    :ivar round: always 0.
    """

    round = 0

    def __init__(
        self,
        id: int,
        rules: RoomRules,
        later: Callable[[float, Callable[[], Any]], Cancellable],
        after_turn: Callable[[Callable[[], None]], None],
        observer: Observer,
    ) -> None:
        self.id = id
        self.rules = rules
        self.state = RoomState.TALKING
        self._later = later
        self._after_turn = after_turn
        self._observer = observer
        self._seats: dict[str, Seat] = {}
        self._said: list[tuple[Seat, bytes]] = []
        self._window: Cancellable | None = None
        self._pagers: dict[Seat, Pager] = {}

    @property
    def present(self) -> list[Seat]:
        """The bots that are here, in the order of joining."""
        return list(self._seats.values())

    @property
    def has_place(self) -> bool:
        """Whether another bot may join."""
        return self.state is RoomState.TALKING and len(self._seats) < self.rules.size

    def describe(self) -> RoomFacts:
        """Facts about it."""
        bots = [seat.describe() for seat in self.present]
        return RoomFacts(self.id, self.state.value, 0, 0, self.rules.size, bots)

    def join(self, seat: Seat) -> None:
        """Give a bot a place, and welcome it.

        :raises NameTaken: when another bot here has that name, and this one can be told so.
        """
        said_name = seat.name
        seat.claim_name(self._seats)
        self._seats[seat.name] = seat
        seat.greet(welcome(said_name, len(self._seats), self.rules.size))
        if not seat.reads_lines:
            pager = self._pagers[seat] = Pager(seat, self.rules.max_reply, self._later)
            pager.begin()
        self._observer.presence_changed(self, seat, "joined", "")

    def hear(self, seat: Seat, said: bytes, _happened: SeatInput) -> bool:
        """Take a line of a bot, or of an old bot the bytes of one read.

        :returns: False when it is empty.
        :raises Flooding: when the bot says too much within one :data:`WINDOW`.
        """
        if self._window is None:
            self._window = self._later(WINDOW, self._next_window)
        seat.received += len(said) + PIECE
        if seat.received > RATE:
            raise Flooding(f"You send too much at once: at most {RATE} bytes a second.")
        pager = self._pagers.get(seat)
        if pager is None:
            line = line_of(said, self.rules.max_reply)
        else:
            pager.has_spoken()
            line = Text.of(readable(unpadded(said), self.rules.max_reply)).line
        if line == b"\n":
            return False
        if not self._said:
            self._after_turn(self._pass_on)
        self._said.append((seat, line))
        return True

    def leave(self, seat: Seat, reason: str) -> None:
        """Remove a bot, whose connection is gone."""
        if self.state is RoomState.OVER or not seat.step(SeatInput.LEFT):
            return
        del self._seats[seat.name]
        self._stop_paging(seat)
        self._observer.presence_changed(self, seat, "left", reason)
        if not self._seats:
            self._finish("the last bot has left")

    def end(self, reason: str) -> None:
        """End the room at once."""
        if self.state is not RoomState.OVER:
            self._finish(reason)

    def _pass_on(self) -> None:
        said, self._said = self._said, []
        if self.state is RoomState.OVER:
            return
        everything = b"".join([line for _, line in said])
        own: dict[Seat, list[tuple[int, int]]] = {}
        at = 0
        for seat, line in said:
            end = at + len(line)
            own.setdefault(seat, []).append((at, end))
            at = end
        for seat, pager in self._pagers.items():
            for other, line in said:
                if other is not seat:
                    pager.send(line[:-1])
        for seat in self._seats.values():
            if seat in self._pagers:
                continue
            spans = own.get(seat)
            block = everything if spans is None else _without(everything, spans)
            if block:
                seat.send(block)
        if self._observer.wants_everything(self):
            for seat, line in said:
                self._observer.said(self, seat.name, line[:-1], True)
        else:
            self._observer.said(self, said[-1][0].name, said[-1][1][:-1], True)

    def _stop_paging(self, seat: Seat) -> None:
        pager = self._pagers.pop(seat, None)
        if pager is not None:
            pager.stop()

    def _next_window(self) -> None:
        self._window = None
        for seat in self._seats.values():
            seat.received = 0

    def _finish(self, reason: str) -> None:
        self.state = RoomState.OVER
        if self._window is not None:
            self._window.cancel()
            self._window = None
        self._observer.progressed(self, reason)
        for seat in self.present:
            seat.step(SeatInput.LEFT)
            self._stop_paging(seat)
            self._observer.presence_changed(self, seat, "left", reason)
            seat.close(reason)
        self._seats.clear()


def _without(everything: bytes, spans: list[tuple[int, int]]) -> bytes:
    """Return *everything* without the bytes in *spans*, which are in order."""
    pieces, at = [], 0
    for start, end in spans:
        pieces.append(everything[at:start])
        at = end
    pieces.append(everything[at:])
    return b"".join(pieces)
