r"""Transcripts: what a program and its server said to each other, as a text that people can read and edit.

``netd learn`` writes one, ``netd wire test`` replays it, and a draft is made from it. A transcript has a line for each event::

    ; what a program and its server said to each other
    transport = tcp
    caller = program

       0.000  1  opened  127.0.0.1:50112
       0.013  1  said    T=21.5;H=40\n
       0.014  1  heard   ok\n
      60.020  1  closed  program

These are seconds since the beginning, the number of the connection, what happened, and the rest of the line: bytes as UTF-8
text with escapes, an address, or the side that closed. A line that begins with ``;`` or ``#`` is a comment.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from attrs import evolve, frozen

__all__ = [
    "PROGRAM",
    "SERVER",
    "Direction",
    "Recorded",
    "Recording",
    "RecordingMistake",
    "Transport",
    "escape",
    "read_recording",
    "unescape",
    "write_recording",
]

PROGRAM = b"program"
"""The data of a :attr:`Direction.CLOSED` event: the program hung up."""

SERVER = b"server"
"""The data of a :attr:`Direction.CLOSED` event: its server hung up, or netd in the place of one."""


class RecordingMistake(ValueError):
    """A transcript cannot be read.

    :ivar line: the number of the line, from 1.
    """

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line


class Direction(enum.Enum):
    """What happened in an event; its value is the word in the transcript."""

    OPENED = "opened"
    """A connection began. The data is the address of the program, or the name of its serial port."""
    SAID = "said"
    """The program said the data."""
    HEARD = "heard"
    """The program heard the data from its own server, or from netd as a person told it to (``--say``)."""
    TRIED = "tried"
    """The program waited, and ``netd learn`` said the data of its own accord: no reply that a section has to give."""
    CLOSED = "closed"
    """The connection ended. The data is :data:`PROGRAM` or :data:`SERVER`."""


class Transport(enum.Enum):
    """What carries the bytes; its value is the word in the transcript."""

    TCP = "tcp"
    UDP = "udp"
    SERIAL = "serial"


@frozen
class Recorded:
    """An event of a recording.

    :ivar time: seconds since the beginning, in whole milliseconds once it has been written.
    :ivar connection: number of the connection. By UDP that is an address of a program, and each event holds one datagram.
    :ivar data: bytes as they were read, cut at any place; for the other directions see :class:`Direction`.
    """

    time: float
    connection: int
    direction: Direction
    data: bytes


@frozen
class Recording:
    """What a program and its server said to each other.

    :ivar is_dialled: whether the program is a server or a device on a serial port, which netd dials.
    :ivar events: in the order of their times.
    :ivar began: the beginning in seconds since 1970, or None if nobody knows.
    """

    transport: Transport
    is_dialled: bool
    events: tuple[Recorded, ...]
    began: float | None = None

    def by_connection(self) -> Mapping[int, tuple[Recorded, ...]]:
        """The events of each connection, in the order in which the connections opened."""
        found: dict[int, list[Recorded]] = {}
        for event in self.events:
            found.setdefault(event.connection, []).append(event)
        return {number: tuple(events) for number, events in found.items()}


_ESCAPES: Mapping[str, str] = MappingProxyType({"\n": r"\n", "\r": r"\r", "\t": r"\t", "\0": r"\0", "\\": r"\\"})
_MEANINGS: Mapping[str, bytes] = MappingProxyType({escape[1]: char.encode() for char, escape in _ESCAPES.items()})
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.?))", re.DOTALL)


def escape(data: bytes) -> str:
    r"""Return *data* as one line: printable UTF-8 as it is, the rest as ``\n``, ``\r``, ``\t``, ``\0``, ``\\`` or ``\xHH``.

    Blanks at both ends are escaped, too: many editors take them away.
    """
    text = "".join(map(_escaped, data.decode("utf-8", "surrogateescape")))
    inner = text.strip(" ")
    lead = len(text) - len(text.lstrip(" "))
    return r"\x20" * lead + inner + r"\x20" * (len(text) - lead - len(inner))


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    return char if char.isprintable() else "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


def unescape(text: str) -> bytes:
    """Return the bytes that :func:`escape` made *text* of.

    :raises ValueError: for an escape that does not exist.
    """
    parts: list[bytes] = []
    end = 0
    for found in _ESCAPE.finditer(text):
        parts += (text[end : found.start()].encode(), _meaning(found))
        end = found.end()
    return b"".join((*parts, text[end:].encode()))


def _meaning(found: re.Match[str]) -> bytes:
    if found[1] is not None:
        return bytes.fromhex(found[1])
    if found[2] in _MEANINGS:
        return _MEANINGS[found[2]]
    raise ValueError(rf"\{found[2]} is no escape; there are \n \r \t \0 \\ and \xHH with two hexadecimal digits")


def write_recording(recording: Recording, remarks: Iterable[str] = ()) -> str:
    """Return the transcript of *recording*.

    :param remarks: comments for its head, a line each.
    """
    head = [*(f"; {remark}" for remark in remarks), f"transport = {recording.transport.value}"]
    head.append(f"caller = {'netd' if recording.is_dialled else 'program'}")
    if recording.began is not None:
        head.append(f"began = {datetime.fromtimestamp(recording.began, UTC).isoformat(timespec='milliseconds')}")
    lines = (
        f"{event.time:8.3f} {event.connection:2d}  {event.direction.value:6}  {escape(event.data)}".rstrip(" ")
        for event in recording.events
    )
    return "\n".join((*head, "", *lines, ""))


_HEADER = re.compile(r"([a-z]+)\s*=\s*(.*)")
_EVENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s+([0-9]{1,9})\s+(\w+)(?:\s+(.*))?")
_DIRECTIONS: Mapping[str, Direction] = MappingProxyType({one.value: one for one in Direction})
_TRANSPORTS: Mapping[str, Transport] = MappingProxyType({one.value: one for one in Transport})
_HOW = "write SECONDS CONNECTION opened|said|heard|tried|closed TEXT"


def read_recording(text: str) -> Recording:
    """Read a transcript.

    :raises RecordingMistake: for the first line that is none.
    """
    reader = _TranscriptReader()
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        stripped = line.strip(" \t\r")
        if stripped and stripped[0] not in ";#":
            try:
                reader.take(stripped)
            except ValueError as error:
                raise RecordingMistake(number, str(error)) from error
    return reader.recording()


class _TranscriptReader:
    """A transcript that is read line by line."""

    def __init__(self) -> None:
        self._recording = Recording(Transport.TCP, False, ())
        self._given: set[str] = set()
        self._events: list[Recorded] = []
        self._open: set[int] = set()
        self._seen: set[int] = set()

    def recording(self) -> Recording:
        return evolve(self._recording, events=tuple(self._events))

    def take(self, line: str) -> None:
        """Read one line, which is neither empty nor a comment.

        :raises ValueError: if it is neither a header nor an event that can follow those before.
        """
        header = _HEADER.fullmatch(line)
        if header is not None:
            self._take_header(header[1], header[2])
            return
        found = _EVENT.fullmatch(line)
        if found is None:
            raise ValueError(f"this is no event; {_HOW}")
        if found[3] not in _DIRECTIONS:
            raise ValueError(f"{found[3]} is none of {', '.join(_DIRECTIONS)}")
        event = Recorded(float(found[1]), int(found[2]), _DIRECTIONS[found[3]], unescape(found[4] or ""))
        self._follow(event)
        self._events.append(event)

    def _take_header(self, key: str, value: str) -> None:
        if self._events:
            raise ValueError(f"{key} = {value} stands behind an event; headers stand before all of them")
        if key not in _HEADERS:
            raise ValueError(f"{key} is none of {', '.join(_HEADERS)}")
        if key in self._given:
            raise ValueError(f"{key} is given twice")
        self._given.add(key)
        self._recording = _HEADERS[key](self._recording, value)

    def _follow(self, event: Recorded) -> None:
        """Check that *event* can come after those before it, and take note of connections that open and end."""
        number, direction = event.connection, event.direction
        if self._events and event.time < self._events[-1].time:
            raise ValueError(f"{event.time:g} s is before the event above, {self._events[-1].time:g} s; times never go back")
        if direction is Direction.OPENED:
            if number in self._open:
                raise ValueError(f"connection {number} is open already")
            if number in self._seen:
                raise ValueError(f"connection {number} was closed; number the next one {max(self._seen) + 1}")
            self._open.add(number)
            self._seen.add(number)
        elif number not in self._open:
            raise ValueError(f"connection {number} is not open; write {event.time:.3f} {number} opened ADDRESS before this line")
        elif direction is Direction.CLOSED:
            if event.data not in {PROGRAM, SERVER}:
                raise ValueError("write which side closed: closed program, or closed server")
            self._open.discard(number)


def _with_transport(recording: Recording, value: str) -> Recording:
    if value not in _TRANSPORTS:
        raise ValueError(f"transport = {value}: this is none of {', '.join(_TRANSPORTS)}")
    return evolve(recording, transport=_TRANSPORTS[value])


def _with_caller(recording: Recording, value: str) -> Recording:
    if value not in {"program", "netd"}:
        raise ValueError(f"caller = {value}: write which side connects to the other, program or netd")
    return evolve(recording, is_dialled=value == "netd")


def _with_began(recording: Recording, value: str) -> Recording:
    try:
        began = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"began = {value}: this is no time; write it as 2030-05-01T12:00:00+00:00") from None
    return evolve(recording, began=(began if began.tzinfo is not None else began.replace(tzinfo=UTC)).timestamp())


_HEADERS = MappingProxyType({"transport": _with_transport, "caller": _with_caller, "began": _with_began})
