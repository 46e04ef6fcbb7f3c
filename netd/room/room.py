"""One room: bots gather, the host speaks, the turn goes round, and all leave (room protocol, section 3).

A round ends when each awaited bot has replied, has left, or has had its time. Then the reply of the bot whose turn it is goes to
the others, and a confirmation to the bot itself. The next round chooses from the replies to these. So a bot that replies never
has two messages to read at once, which an old bot would take for one. Time, chance and the bus belong to
:class:`netd.room.rooms.Rooms`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from itertools import islice
from typing import Any, ClassVar

from netd.interfaces import Cancellable
from netd.room.observer import READING, Observer, RoomState
from netd.room.results import RoomFacts
from netd.room.rules import RoomRules
from netd.room.seat import Seat, SeatInput, SeatState
from netd.room.texts import CONFIRMATION, Flooding, Text, joined, opening, readable, welcome

__all__ = ["FLOOD", "Room", "RoomInput"]

FLOOD = 1 << 16
"""Bytes that a bot may send between two messages to it. Over that, its connection is closed."""

MOST_VOICES = 50
"""Replies that are joined into one message at most, in rooms that pass on all replies."""

IS_OVER = "the room is over"


RoomAction = Callable[["Room", str], None]


class RoomInput(enum.Enum):
    """An event in the life of a room."""

    FILLED = "the last place is taken"
    TIME = "its time has passed"
    REPLIED = "nobody is awaited any more"
    DONE = "the last round is done"
    EMPTIED = "the last bot has left"
    ENDED = "an operator ends it"


class Room:
    """One room.

    :param sentence: the sentence that the host says.
    :param later: calls a function after so many seconds; returns something to cancel.
    :ivar id: a number that is unique among the rooms of one service.
    :ivar round: how many rounds are done or were skipped.
    """

    def __init__(
        self,
        id: int,
        rules: RoomRules,
        sentence: str,
        later: Callable[[float, Callable[[], Any]], Cancellable],
        observer: Observer,
    ) -> None:
        self.id = id
        self.rules = rules
        self._passes_all = rules.replies == "all"
        self.state = RoomState.GATHERING
        self.round = 0
        self._sentence = sentence
        self._later = later
        self._observer = observer
        self._seats: list[Seat] = []
        self._awaited: set[Seat] = set()
        self._names: dict[str, Seat] = {}
        self._present = 0
        self._timer: Cancellable | None = None

    @property
    def has_place(self) -> bool:
        """Whether another bot may join."""
        return self.state is RoomState.GATHERING

    @property
    def present(self) -> list[Seat]:
        """The bots that are here, in the order of joining."""
        return [seat for seat in self._seats if seat.state is not SeatState.GONE]

    def describe(self) -> RoomFacts:
        """Facts about it."""
        bots = [seat.describe() for seat in self.present]
        return RoomFacts(self.id, self.state.value, self.round, self.rules.rounds, self.rules.size, bots)

    # What bots do

    def join(self, seat: Seat) -> None:
        """Give a bot a place, and welcome it. To be called only while :attr:`has_place`.

        :raises NameTaken: see :meth:`netd.room.seat.Seat.claim_name`.
        """
        said_name = seat.name
        seat.claim_name(self._names)
        self._names[seat.name] = seat
        self._seats.append(seat)
        self._present += 1
        seat.greet(welcome(said_name, self._present, self.rules.size))
        self._observer.presence_changed(self, seat, "joined", "")
        if self._present == self.rules.size:
            self._step(RoomInput.FILLED)

    def hear(self, seat: Seat, said: bytes, happened: SeatInput) -> bool:
        """Take what a bot has said.

        :returns: False when the bot was not asked.
        :raises Flooding: when it has sent more than :data:`FLOOD`.
        """
        was_asked = seat.hear(said, happened, self.rules.max_reply)
        if seat.received > FLOOD:
            raise Flooding("You send too much. Wait for a message, then reply to it.")  # not reading on would hide that it leaves
        if was_asked:
            self._note_heard(seat)
        return was_asked

    def quiet(self, seat: Seat) -> None:
        """End the reply of a bot, after a silence."""
        seat.step(SeatInput.QUIET)
        self._note_heard(seat)

    def leave(self, seat: Seat, reason: str) -> None:
        """Remove a bot, whose connection is gone."""
        if self.state is RoomState.OVER or not seat.step(SeatInput.LEFT):
            return
        self._present -= 1
        self._awaited.discard(seat)
        if self.state is RoomState.GATHERING:
            self._seats.remove(seat)
            self._names.pop(seat.name, None)
        self._observer.presence_changed(self, seat, "left", reason)
        if self._present == 0:
            self._step(RoomInput.EMPTIED)
        elif not self._awaited:
            self._step(RoomInput.REPLIED)

    def end(self, reason: str) -> None:
        """End the room at once."""
        self._step(RoomInput.ENDED, reason)

    # Its course

    def _step(self, happened: RoomInput, reason: str = "") -> None:
        transition = self.TRANSITIONS.get((self.state, happened))
        if transition is None:
            return
        action, state = transition
        has_moved, self.state = state is not self.state, state
        if has_moved:
            self._observer.progressed(self, reason or happened.value)
        action(self, reason or happened.value)

    def _note_heard(self, seat: Seat) -> None:
        """Note whether *seat* is still awaited, now that it has said something, and go on if no bot is."""
        if seat.is_awaited:
            self._awaited.add(seat)
            return
        if seat in self._awaited:
            self._awaited.discard(seat)
            if self.state is RoomState.PARTING:
                self._dismiss(seat, IS_OVER)
            if not self._awaited:
                self._step(RoomInput.REPLIED)

    def _do_await_start(self, _why: str) -> None:
        delay = self.rules.start_delay
        self._restart(delay if all(seat.reads_lines for seat in self.present) else max(delay, READING))

    def _do_open(self, _why: str) -> None:
        text = opening(self.rules.host, self._sentence)
        self._observer.said(self, self.rules.host, self._sentence.encode(), True)
        for seat in self.present:
            self._ask(seat, text, SeatInput.ASKED)
        self._restart(self.rules.reply_timeout)

    def _do_give_up_waiting(self, _why: str) -> None:
        """Go on without the bots that have not replied. A reply that has begun counts as it is."""
        awaited, self._awaited = self._awaited, set()
        for seat in self._seats:
            if seat in awaited:
                seat.step(SeatInput.LATE)
                if seat.state is SeatState.SILENT:
                    reason = f"did not reply within {self.rules.reply_timeout:g} s"
                    self._observer.presence_changed(self, seat, "silent", reason)
        self._step(RoomInput.REPLIED)

    def _do_next_turn(self, _why: str) -> None:
        """Pass on the reply, or the replies, of this round. Rounds without any reply are skipped."""
        speakers = self._all_speakers() if self._passes_all else self._next_speaker()
        self._tell_observer(speakers)
        if self._passes_all:
            self._pass_all_on(speakers)
        elif speakers:
            self._pass_on(speakers[0])
        if not speakers or self.round >= self.rules.rounds:
            self._step(RoomInput.DONE)
        else:
            self._restart(self.rules.reply_timeout)
            self._observer.progressed(self, "")

    def _next_speaker(self) -> list[Seat]:
        """Return the next bot, in the order of joining, that has something to say. The others lose their turn."""
        while self.round < self.rules.rounds:
            seat = self._seats[self.round % len(self._seats)]
            self.round += 1
            if seat.has_something_to_say:
                return [seat]
        return []

    def _all_speakers(self) -> list[Seat]:
        """Return all bots that have something to say."""
        speakers = [seat for seat in self._seats if seat.has_something_to_say]
        self.round = self.round + 1 if speakers else self.rules.rounds
        return speakers

    def _pass_on(self, speaker: Seat) -> None:
        text = Text.of(readable(speaker.reply, self.rules.max_reply))
        for seat in self._seats:
            if not seat.can_listen:
                continue
            if seat is speaker:
                self._ask(seat, CONFIRMATION, SeatInput.THANKED)
            else:
                self._ask(seat, text, SeatInput.ASKED)

    def _pass_all_on(self, speakers: list[Seat]) -> None:
        """Send each bot the replies of the others in one message, because an old bot would take several for one."""
        said = [(speaker, speaker.reply) for speaker in speakers]
        for seat in self._seats:
            if not seat.can_listen:
                continue
            others = list(islice((reply for speaker, reply in said if speaker is not seat), MOST_VOICES))
            if others:
                self._ask(seat, Text.of(joined(others, self.rules.max_reply)), SeatInput.ASKED)
            elif speakers:
                self._ask(seat, CONFIRMATION, SeatInput.THANKED)

    def _tell_observer(self, speakers: list[Seat]) -> None:
        if not self._observer.wants_everything(self):
            for speaker in speakers:
                self._observer.said(self, speaker.name, speaker.reply, True)
            return
        for seat in self._seats:
            if seat.has_something_to_say:
                self._observer.said(self, seat.name, seat.reply, self._passes_all or seat in speakers)

    def _ask(self, seat: Seat, text: Text, happened: SeatInput) -> None:
        seat.tell(text, happened)
        self._awaited.add(seat)

    def _do_part(self, _why: str) -> None:
        """Give each awaited bot the time that it had for the welcome to read the last message; dismiss the others."""
        for seat in self.present:
            if seat not in self._awaited:
                self._dismiss(seat, IS_OVER)
        self._restart(self.rules.start_delay)
        if not self._awaited:
            self._step(RoomInput.REPLIED)

    def _do_finish(self, why: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._awaited.clear()
        for seat in self.present:
            self._dismiss(seat, IS_OVER if self.round >= self.rules.rounds else why)

    def _dismiss(self, seat: Seat, reason: str) -> None:
        seat.step(SeatInput.LEFT)
        self._present -= 1
        self._observer.presence_changed(self, seat, "left", reason)
        seat.close(reason)

    def _restart(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._later(seconds, self._time_passed)

    def _time_passed(self) -> None:
        self._timer = None
        self._step(RoomInput.TIME)

    TRANSITIONS: ClassVar[dict[tuple[RoomState, RoomInput], tuple[RoomAction, RoomState]]] = {
        (RoomState.GATHERING, RoomInput.FILLED): (_do_await_start, RoomState.FULL),
        (RoomState.GATHERING, RoomInput.ENDED): (_do_finish, RoomState.OVER),
        (RoomState.FULL, RoomInput.TIME): (_do_open, RoomState.TALKING),
        (RoomState.FULL, RoomInput.EMPTIED): (_do_finish, RoomState.OVER),
        (RoomState.FULL, RoomInput.ENDED): (_do_finish, RoomState.OVER),
        (RoomState.TALKING, RoomInput.TIME): (_do_give_up_waiting, RoomState.TALKING),
        (RoomState.TALKING, RoomInput.REPLIED): (_do_next_turn, RoomState.TALKING),
        (RoomState.TALKING, RoomInput.DONE): (_do_part, RoomState.PARTING),
        (RoomState.TALKING, RoomInput.EMPTIED): (_do_finish, RoomState.OVER),
        (RoomState.TALKING, RoomInput.ENDED): (_do_finish, RoomState.OVER),
        (RoomState.PARTING, RoomInput.TIME): (_do_finish, RoomState.OVER),
        (RoomState.PARTING, RoomInput.REPLIED): (_do_finish, RoomState.OVER),
        (RoomState.PARTING, RoomInput.EMPTIED): (_do_finish, RoomState.OVER),
        (RoomState.PARTING, RoomInput.ENDED): (_do_finish, RoomState.OVER),
    }
    """What is done with each input in each state, and how far the room is then. An absent pair changes nothing: a bot that leaves
    before the room is full gives up its place, and that is all."""
