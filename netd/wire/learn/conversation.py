"""A recording as the reasoning needs it: one talk a connection, and what stood before each answer and each pause."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve, frozen

from netd.wire.recording import PROGRAM, Direction, Recorded, Recording, Transport

__all__ = ["Conversation", "Spoken", "Talk", "conversation_of"]

MOST_BYTES = 2_000_000
"""Bytes of a recording that are looked at. More of the same teaches nothing new."""

_TICK = 1e-6
"""Seconds between two events at least."""

PAUSE = 0.2
"""Seconds of silence after which a program has most likely said all of a message."""


@frozen
class Spoken:
    """Bytes that one side said at once.

    :ivar time: seconds since the beginning of the recording.
    :ivar is_said: whether the program said them; otherwise it heard them.
    """

    time: float
    is_said: bool
    data: bytes


@frozen
class Talk:
    """One connection, or the datagrams of one address.

    :ivar hung_up: whether the program closed the connection.
    :ivar is_whole: whether the end of the connection is in the recording.
    """

    number: int
    spoken: tuple[Spoken, ...]
    opened: float
    closed: float
    hung_up: bool
    is_whole: bool

    def side(self, is_said: bool) -> tuple[Spoken, ...]:
        """What one side said, or the other."""
        return tuple(one for one in self.spoken if one.is_said is is_said)

    def bytes_of(self, is_said: bool) -> bytes:
        """All bytes of one side."""
        return b"".join(one.data for one in self.spoken if one.is_said is is_said)

    def runs(self, is_said: bool, pause: float = PAUSE) -> Iterator[bytes]:
        """The bytes of one side up to each answer of the other, each pause and the end.

        These are no segments: the network cuts segments anywhere.
        """
        run: list[bytes] = []
        end = 0.0
        for one in self.spoken:
            if run and (one.is_said is not is_said or one.time - end >= pause):
                yield b"".join(run)
                run = []
            if one.is_said is is_said:
                run.append(one.data)
                end = one.time
        if run:
            yield b"".join(run)


@frozen
class Conversation:
    """All talks of a recording.

    :ivar is_dialled: whether netd dials the program, which is then an instrument or a server.
    :ivar began: the beginning of the recording in seconds since 1970, or None if nobody knows.
    :ivar is_cut: whether the recording is longer than what is looked at.
    """

    transport: Transport
    is_dialled: bool
    talks: tuple[Talk, ...]
    began: float | None
    is_cut: bool

    def runs(self, is_said: bool = True, pause: float = PAUSE) -> list[bytes]:
        """The runs of all talks: see :meth:`Talk.runs`."""
        return [run for talk in self.talks for run in talk.runs(is_said, pause)]

    def beginning(self, most: int) -> Conversation:
        """The first *most* pieces of each of the first *most* talks."""
        talks = tuple(evolve(talk, spoken=talk.spoken[:most]) for talk in self.talks[:most])
        return evolve(self, talks=talks)

    def has(self, is_said: bool) -> bool:
        """Whether one side said anything at all."""
        return any(one.is_said is is_said for talk in self.talks for one in talk.spoken)


def conversation_of(recording: Recording) -> Conversation:
    """Return the talks of *recording*; only the beginning of a long one.

    Recordings have whole milliseconds. Times that are the same become different ones, in the order of the events: what was heard
    would seem to be said before its cause.
    """
    events: dict[int, list[Recorded]] = {}
    size, looked_at, newest = 0, 0, -1.0
    for event in recording.events:
        size += len(event.data)
        if size > MOST_BYTES:
            break
        looked_at += 1
        newest = max(event.time, newest + _TICK)
        events.setdefault(event.connection, []).append(evolve(event, time=newest))
    last = max(newest, recording.events[-1].time) if recording.events else 0.0
    talks = (_talk(number, of_one, last) for number, of_one in events.items())
    return Conversation(
        recording.transport, recording.is_dialled, tuple(talks), recording.began, looked_at < len(recording.events)
    )


def _talk(number: int, events: list[Recorded], last: float) -> Talk:
    spoken = tuple(
        Spoken(event.time, event.direction is Direction.SAID, event.data)
        for event in events
        if event.direction in {Direction.SAID, Direction.HEARD} and event.data
    )
    end = next((event for event in events if event.direction is Direction.CLOSED), None)
    return Talk(
        number,
        spoken,
        opened=events[0].time,
        closed=end.time if end is not None else last,
        hung_up=end is not None and end.data == PROGRAM,
        is_whole=end is not None,
    )
