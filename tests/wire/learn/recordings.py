"""Recordings that tests write directly: what a program says, and what it hears because of that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netd.wire.recording import PROGRAM, SERVER, Direction, Recorded, Recording, Transport

__all__ = ["asked", "recorded"]

Turn = bytes | tuple[bytes, bytes]
"""What the program says, or that and what it hears because of it."""


def recorded(
    *talks: Sequence[Turn],
    greeting: bytes = b"",
    pause: float = 1.0,
    transport: Transport = Transport.TCP,
    is_dialled: bool = False,
    closed_by: bytes | None = PROGRAM,
) -> Recording:
    """Return what several programs said, one connection after the other.

    :param pause: seconds between two turns.
    :param closed_by: who hangs up; None if the recording ends before.
    """
    events: list[Recorded] = []
    time = 0.0
    for number, turns in enumerate(talks, 1):
        events.append(Recorded(time, number, Direction.OPENED, b"192.0.2.%d:40000" % number))
        if greeting:
            events.append(Recorded(time + 0.001, number, Direction.HEARD, greeting))
        for turn in turns:
            time = round(time + pause, 3)
            said, heard = turn if isinstance(turn, tuple) else (turn, b"")
            events.append(Recorded(time, number, Direction.SAID, said))
            if heard:
                events.append(Recorded(round(time + 0.002, 3), number, Direction.HEARD, heard))
        time = round(time + 0.01, 3)
        if closed_by is not None:
            events.append(Recorded(time, number, Direction.CLOSED, closed_by))
    return Recording(transport, is_dialled, tuple(events))


def asked(*pairs: tuple[bytes, bytes], period: float = 1.0, times: int = 5, is_each: bool = False) -> Recording:
    """Return what an instrument answered that was asked the same again and again.

    :param is_each: whether each question has a connection of its own.
    """
    events: list[Recorded] = []
    time, number = 0.0, 0
    if not is_each:
        number = 1
        events.append(Recorded(0.0, 1, Direction.OPENED, b"192.0.2.9:5025"))
    for turn in range(times):
        for place, (question, answer) in enumerate(pairs):
            time = round(turn * period + place * 0.1, 3)
            if is_each:
                number += 1
                events.append(Recorded(time, number, Direction.OPENED, b"192.0.2.9:5025"))
            events.append(Recorded(time + 0.001, number, Direction.HEARD, question))
            events.append(Recorded(round(time + 0.02, 3), number, Direction.SAID, answer % turn if b"%" in answer else answer))
            if is_each:
                events.append(Recorded(round(time + 0.03, 3), number, Direction.CLOSED, SERVER))
    return Recording(Transport.TCP, True, tuple(events))


def spoken(lines: Iterable[str], end: str = "\n") -> list[Turn]:
    """Return *lines* as what a program says, each ended by *end*."""
    return [f"{line}{end}".encode() for line in lines]
