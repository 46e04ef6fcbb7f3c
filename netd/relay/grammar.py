"""The events of a relay connection, each read whole at an offset (relay protocol, sections 1 to 3).

Each reader gets the bytes at hand and an offset, and returns what is there and where it ends, or how many bytes (from the offset)
it needs before it can say more.  Nothing is allocated from a declared length.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from netd.codec.jsontext import BadJSON, decode_object, encode
from netd.codec.length_header import HEADER, LONGEST, BadHeader, FrameTooLong, begins_header, parse_header
from netd.codec.token_member import token_in
from netd.errors import ProtocolError
from netd.plaintext import unpadded
from netd.relay.devices import DeviceHello
from netd.relay.rules import RelayRules
from netd.relay.target import NAME

__all__ = [
    "ControllerHello",
    "Envelope",
    "RelayDialect",
    "RelayEvent",
    "RelayInput",
    "UnknownClientType",
    "encode_pair",
    "read_event",
    "read_frame",
    "read_pair",
]

SHORTEST_PING, LONGEST_PING = 1.0, 3600.0
"""Seconds between the pings that a device may ask for."""

NO_TARGET = b"|no target|"
GOODBYE = b"|disconnect|"
CONNECTING = b"conecting"

HELLO_LIMIT = 1 << 12
"""Bytes in a type frame, at most."""

ENVELOPE_LIMIT = 1 << 16
"""Bytes in an envelope, at most."""


class UnknownClientType(ProtocolError):
    """A type frame names neither a device nor a controller."""

    kind = "unknown client type"


class RelayInput(enum.Enum):
    """The kind of an event."""

    DEVICE = "device"
    DEVICE_HELLO = "device {…}"
    CONTROLLER_HELLO = "controller {…}"
    LIST = "list"
    CONNECT = "connect"
    SEND = "send"
    GOODBYE = "|disconnect|"
    FRAME = "frame"
    PAIR = "envelope and payload"


@frozen
class RelayEvent:
    """A whole event.

    :ivar end: the offset behind it.
    :ivar target: the target field's 64 bytes, for ``CONNECT`` and ``SEND``.
    :ivar lead: type frame and target field, for ``CONNECT`` and ``SEND``: what a controller repeats.
    :ivar frame: header and payload for the device, for ``CONNECT`` and ``SEND``: as they came, the header padded with spaces.
    :ivar content: the payload; a :class:`DeviceHello` or :class:`ControllerHello` for those; an :class:`Envelope` for ``PAIR``.
    """

    input: RelayInput
    end: int
    target: bytes = b""
    lead: bytes = b""
    frame: bytes = b""
    content: Any = None


@frozen
class ControllerHello:
    """The hello of a second-dialect controller.

    :ivar token: what proves who it is, if it says so.
    """

    token: str | None = field(default=None, repr=False)


@frozen
class Envelope:
    """An envelope's members, and the payload after it."""

    members: Mapping[str, Any]
    payload: bytes


@frozen
class RelayDialect:
    """The words and limits of one relay's clients.

    :ivar devices: type words that mean device.
    :ivar controllers: type words that mean controller.
    :ivar max_payload: the longest payload, in bytes.
    """

    devices: frozenset[bytes]
    controllers: frozenset[bytes]
    max_payload: int

    @classmethod
    def of(cls, rules: RelayRules) -> RelayDialect:
        """The dialect that *rules* describe."""
        return cls(
            frozenset(word.encode() for word in rules.device_words),
            frozenset(word.encode() for word in rules.controller_words),
            rules.max_payload,
        )


def read_event(received: bytes, at: int, dialect: RelayDialect) -> RelayEvent | int:
    """The next event of a connection that starts each with a type frame.

    :raises ProtocolError: when it cannot become one.
    """
    end = _end_of_frame(received, at, HELLO_LIMIT)
    if end > len(received):
        return end - at
    word = unpadded(received[at + HEADER : end])
    if word in dialect.devices:
        return RelayEvent(RelayInput.DEVICE, end)
    if word == GOODBYE:
        return RelayEvent(RelayInput.GOODBYE, end)
    if word not in dialect.controllers:
        return _hello(word, end, dialect)
    field = end + HEADER
    if len(received) < field:
        return field - at
    target = received[end:field]
    if unpadded(target) == NO_TARGET:
        return RelayEvent(RelayInput.LIST, field)
    sent = _end_of_frame(received, field, dialect.max_payload)
    if sent > len(received):
        return sent - at
    payload = received[field + HEADER : sent]
    said = RelayInput.CONNECT if payload == CONNECTING else RelayInput.SEND
    header = received[field : field + HEADER].replace(b"\0", b" ")  # old devices in Python can read no others
    return RelayEvent(said, sent, target, received[at:field], header + payload, payload)


def read_frame(received: bytes, at: int, dialect: RelayDialect) -> RelayEvent | int:
    """The next frame of a first-dialect device.

    :raises ProtocolError: when it cannot become one.
    """
    end = _end_of_frame(received, at, dialect.max_payload)
    if end > len(received):
        return end - at
    payload = received[at + HEADER : end]
    return RelayEvent(RelayInput.GOODBYE if payload == GOODBYE else RelayInput.FRAME, end, content=payload)


def read_pair(received: bytes, at: int, dialect: RelayDialect) -> RelayEvent | int:
    """The next envelope with its payload, of a connection that speaks the second dialect.

    :raises ProtocolError: when it cannot become one.
    """
    middle = _end_of_frame(received, at, ENVELOPE_LIMIT)
    if middle > len(received):
        return middle - at
    members = decode_object(received[at + HEADER : middle])
    end = _end_of_frame(received, middle, dialect.max_payload)
    if end > len(received):
        return end - at
    return RelayEvent(RelayInput.PAIR, end, content=Envelope(members, received[middle + HEADER : end]))


def encode_pair(envelope: Mapping[str, Any], payload: bytes = b"") -> bytes:
    """An envelope and its payload, to leave in one write.

    :raises FrameTooLong: when one of them is longer than seven digits can say.
    """
    text = encode(envelope)
    longest = max(len(text), len(payload))
    if longest > LONGEST:
        raise FrameTooLong(longest, LONGEST)
    return b"%-64d%b%-64d%b" % (len(text), text, len(payload), payload)


def _end_of_frame(received: bytes, at: int, limit: int) -> int:
    """The offset behind the frame at *at*, as far as it is known: behind its header, if that is not whole.

    A frame is whole if that is not behind the end of *received*.
    """
    body = at + HEADER
    if len(received) < body:
        if not begins_header(received[at:]):
            raise BadHeader
        return body
    length = parse_header(received[at:body])
    if length > limit:
        raise FrameTooLong(length, limit)
    return body + length


def _hello(word: bytes, end: int, dialect: RelayDialect) -> RelayEvent:
    role, _, text = word.partition(b" ")
    if role not in (b"device", b"controller") or not text.lstrip().startswith(b"{"):
        devices, controllers = (
            ", ".join(sorted(w.decode(errors="replace") for w in words)) for words in (dialect.devices, dialect.controllers)
        )
        why = f"unknown client type; a device says {devices}, a controller says {controllers}"
        if b" " in word and word.startswith((*dialect.devices, *dialect.controllers)):
            why += "; the length before it was wrong: lengths count bytes, not characters"  # of a text that ends in a digit
        raise UnknownClientType(why)
    try:
        members = decode_object(text)
    except BadJSON as error:
        raise UnknownClientType(f"the hello is {error}") from None
    if role == b"controller":
        return RelayEvent(RelayInput.CONTROLLER_HELLO, end, content=ControllerHello(token_in(members)))
    name, aliases = members.get("name", ""), members.get("aliases", [])
    if not isinstance(aliases, list) or len(aliases) > 16:
        raise UnknownClientType("the hello's `aliases` is a list of at most 16 names")
    for text_of in ([name] if name != "" else []) + aliases:
        if not isinstance(text_of, str) or NAME.fullmatch(text_of) is None:
            raise UnknownClientType("the hello's names are 1 to 63 characters of A-Z a-z 0-9 _ -")
    if aliases and not name:
        raise UnknownClientType("the hello has aliases, but no name")
    hello = DeviceHello(name, tuple(aliases), _ping(members.get("ping")), token_in(members))
    return RelayEvent(RelayInput.DEVICE_HELLO, end, content=hello)


def _ping(asked: object) -> float | None:
    """Return the seconds between pings, within bounds. The welcome tells the device which interval it gets."""
    if asked is None:
        return None
    if isinstance(asked, bool) or not isinstance(asked, int | float):
        raise UnknownClientType("the hello's `ping` is a number of seconds")
    return min(max(asked, SHORTEST_PING), LONGEST_PING)
