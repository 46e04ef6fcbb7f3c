"""What is seen while a program is recorded: onto the tape with it, and the news to a person. Pure: the time is handed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from attrs import Factory, define

from netd.wire.learn.conversation import conversation_of
from netd.wire.learn.hidden import starred
from netd.wire.learn.refusals import refusal
from netd.wire.recording import PROGRAM, Direction, Recorded, Recording, Transport, escape
from netd.wire.tools.shapes import shape_of
from netd.wire.tools.tape import WireTape

__all__ = ["PATIENCE", "WireWitness"]

PATIENCE = 3.0
"""Seconds without a byte after which a program is waiting for something."""

MOST_NEWS = 20
"""Kinds of message in each direction that are shown as they come."""

MOST_ATTEMPTS = 50
"""Kinds of message after which something is tried. A program that says something new each time has more kinds than that."""

MOST_GREETED = 5
"""Connections that are shown as they come; further ones are only counted."""

_SHOWN = 100
"""Characters of a message that are shown."""

_LOOKED_AT = 4096
"""Bytes of the beginning of a connection that may tell that no section can serve the program."""


@define
class _Overheard:
    """A connection while it is open.

    :ivar last: what the program has said since it heard something.
    :ivar tried: the shape of the message after which something was tried, until the program goes on.
    """

    head: bytearray = Factory(bytearray)
    last: bytes = b""
    tried: bytes | None = None


class WireWitness:
    """Sees all connections of a program.

    :param tell: writes a line to a person.
    :param attempt: what is tried where the program waits, and nobody else answers it; None for nothing.
    :param is_asked_for: whether a person has chosen *attempt*: then it is what its server would say.
    :ivar went_on: the first messages after which a program went on as soon as something was tried, by their shapes.
    """

    def __init__(
        self, tape: WireTape, tell: Callable[[str], object], attempt: bytes | None = None, is_asked_for: bool = False
    ) -> None:
        self.went_on: dict[bytes, bytes] = {}
        self._tape = tape
        self._tell = tell
        self._attempt = attempt
        self._direction = Direction.HEARD if is_asked_for else Direction.TRIED
        self._open: dict[int, _Overheard] = {}
        self._shapes: set[tuple[Direction, bytes]] = set()
        self._news: Counter[Direction] = Counter()
        self._attempted: set[bytes] = set()
        self._is_refused = self._is_full_told = False

    def opened(self, time: float, address: str) -> int:
        """A program connects from *address*; return the number of its connection."""
        number = self._tape.open(time, address)
        self._open[number] = _Overheard()
        if number <= MOST_GREETED:
            more = "; further connections are recorded, too, and not shown" if number == MOST_GREETED else ""
            self._show(time, number, f"opened  {address}{more}")
        self._look_at_limit()
        return number

    def said(self, time: float, number: int, data: bytes) -> None:
        """The program says *data*."""
        overheard = self._open[number]
        if overheard.tried is not None:
            self._goes_on(time, number, overheard)
        overheard.last = data
        self._record(time, number, Direction.SAID, data)
        if number <= MOST_GREETED and len(overheard.head) < _LOOKED_AT:
            overheard.head += data[:_LOOKED_AT]
            self._look_for_refusal(time, number, overheard)

    def heard(self, time: float, number: int, data: bytes) -> None:
        """Its server says *data* to the program."""
        self._record(time, number, Direction.HEARD, data)

    def closed(self, time: float, number: int, side: bytes) -> None:
        """The connection has ended; *side* ended it first."""
        del self._open[number]
        self._tape.add(time, number, Direction.CLOSED, side)
        if number <= MOST_GREETED:
            self._show(time, number, f"closed  by {'the program' if side == PROGRAM else 'its server'}")
        self._look_at_limit()

    def waits(self, time: float, number: int) -> bytes | None:
        """The program says nothing for :data:`PATIENCE`; return what is to be tried, or None."""
        overheard = self._open[number]
        shape = shape_of(overheard.last)
        is_new = shape not in self._attempted
        if self._attempt is None or not (is_new or shape in self.went_on) or len(self._attempted) > MOST_ATTEMPTS:
            return None
        self._attempted.add(shape)
        overheard.tried = shape
        if is_new:
            after = f" after {_shown(overheard.last)}" if overheard.last else ""
            self._show(time, number, f"tried   {escape(self._attempt)}: the program waits{after}")
            self._shapes.add((self._direction, shape_of(self._attempt)))
        self._record(time, number, self._direction, self._attempt)
        return self._attempt

    def answers_at_once(self, number: int) -> bool:
        """Whether the program is known to wait after what it said last, and to go on after the attempt."""
        return shape_of(self._open[number].last) in self.went_on

    def end(self) -> None:
        """Say nothing any more: what happens now is the end of the recording."""
        self._tell = lambda _line: None

    def _goes_on(self, time: float, number: int, overheard: _Overheard) -> None:
        shape, overheard.tried = overheard.tried, None
        if shape is not None and shape not in self.went_on:
            self.went_on[shape] = overheard.last
            self._show(time, number, f"went on after {escape(self._attempt or b'')}")

    def _record(self, time: float, number: int, direction: Direction, data: bytes) -> None:
        self._tape.add(time, number, direction, data)
        self._look_at_limit()
        for piece in _pieces(data):
            key = direction, shape_of(piece)
            if key not in self._shapes and self._news[direction] <= MOST_NEWS:
                self._shapes.add(key)
                self._news[direction] += 1
                is_last = self._news[direction] > MOST_NEWS
                text = "more kinds of message, which are recorded and not shown" if is_last else _shown(piece)
                self._show(time, number, f"{direction.value:6}  {text}")

    def _look_for_refusal(self, time: float, number: int, overheard: _Overheard) -> None:
        """Tell at once that no section can serve the program: nobody waits for a recording of it."""
        opened = Recorded(0.0, 1, Direction.OPENED, b"")
        events = (opened, Recorded(0.0, 1, Direction.SAID, bytes(overheard.head)))
        refused = None if self._is_refused else refusal(conversation_of(Recording(Transport.TCP, False, events)))
        if refused is not None:
            self._is_refused = True
            self._show(time, number, f"no section can serve this: {refused}")

    def _look_at_limit(self) -> None:
        if self._tape.is_full and not self._is_full_told:
            self._is_full_told = True
            self._tell("the recording is full; what comes now is passed on, and not recorded. Ctrl-C ends it")

    def _show(self, time: float, number: int, text: str) -> None:
        self._tell(f"{time:8.3f} {number:2d}  {text}")


def _pieces(data: bytes) -> Iterator[bytes]:
    """The lines of *data*, each with its end; all of it where it has none."""
    return iter(data.splitlines(keepends=True)) if b"\0" not in data else iter((data,))


def _shown(data: bytes) -> str:
    """The beginning of *data* on one line, its secrets starred."""
    text = escape(starred(data))
    return f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text
