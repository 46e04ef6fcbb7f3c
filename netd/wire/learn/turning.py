"""Recordings in which the program asks and its server measures: netd is to take the program's part, and to ask the server itself.

``netd learn 7000 --through METER:5025`` records a logger that polls an instrument. A section that listens would be of no use:
nobody knows in advance what the meter is going to answer.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from attrs import evolve

from netd.wire.recording import PROGRAM, SERVER, Direction, Recorded, Recording, Transport

__all__ = ["turned", "with_sides_changed"]

_FEWEST_ANSWERS = 2
_TURNED: Mapping[Direction, Direction] = {Direction.SAID: Direction.HEARD, Direction.HEARD: Direction.SAID}
_SIDES: Mapping[bytes, bytes] = {PROGRAM: SERVER, SERVER: PROGRAM}
_NUMBER = rb"[+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?"
_MEASURED = re.compile(rb"(?:%b *[A-Za-z%%]{0,4}[,; \t\r\n]*)+" % _NUMBER)
"""Numbers, perhaps with units, and nothing else."""
_END = re.compile(rb"[\r\n]+")


def turned(recording: Recording, server: str | None) -> Recording | None:
    """Return *recording* as netd would have it in place of the program; None if it is not the program that asks.

    :param server: HOST:PORT of the program's server, where it is known.
    """
    if recording.transport is not Transport.TCP or recording.is_dialled or not _asks(recording):
        return None
    return with_sides_changed(recording, server)


def with_sides_changed(recording: Recording, server: str | None) -> Recording:
    """Return *recording*, of a program that connects to its server, as netd would have it in place of the program.

    :param server: HOST:PORT of the program's server, where it is known.
    """
    address = (server or "").encode()
    return evolve(recording, is_dialled=True, events=tuple(_event(event, address) for event in recording.events))


def _event(event: Recorded, address: bytes) -> Recorded:
    if event.direction is Direction.OPENED:
        return evolve(event, data=address)
    if event.direction is Direction.CLOSED:
        return evolve(event, data=_SIDES.get(event.data, event.data))
    return evolve(event, direction=_TURNED.get(event.direction, event.direction))


def _asks(recording: Recording) -> bool:
    """Whether most of what the program says is questions that come again, and whose answers are measured values."""
    answers: dict[bytes, list[bytes]] = {}
    for question, answer in _pairs(recording):
        answers.setdefault(question, []).append(answer)
    polled = {question: heard for question, heard in answers.items() if _is_measuring(question, heard)}
    return sum(map(len, polled.values())) * 2 > sum(map(len, answers.values()))


def _is_measuring(question: bytes, heard: list[bytes]) -> bool:
    answered = [one for one in heard if one]
    if len(set(answered)) < _FEWEST_ANSWERS:
        return False
    return question.endswith(b"?") or all(_MEASURED.fullmatch(one) for one in answered)


def _pairs(recording: Recording) -> Iterator[tuple[bytes, bytes]]:
    """What the program said, a line each, with what it heard next, which is empty behind all but the last of several lines."""
    for events in recording.by_connection().values():
        spoken = [event for event in events if event.direction in _TURNED]
        runs = [
            (direction, b"".join(event.data for event in group))
            for direction, group in itertools.groupby(spoken, lambda event: event.direction)
        ]
        for (direction, data), (_, heard) in itertools.pairwise([*runs, (Direction.HEARD, b"")]):
            if direction is Direction.SAID:
                lines = [line.strip() for line in _END.split(data) if line.strip()]
                yield from ((line, heard.strip() if place == len(lines) else b"") for place, line in enumerate(lines, 1))
