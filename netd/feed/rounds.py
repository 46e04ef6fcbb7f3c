"""What is delivered: a round of made-up values, or one message of the bus, in the form of each dialect.

Each form is built when the first client needs it, framed once, and the same bytes go to all.  Source of the forms:
``docs/protocols/feed.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from netd.bus.subject import matches
from netd.message import Message
from netd.wire.jsontext import encode
from netd.wire.websocket import text_frame

__all__ = ["TYPES", "Delivery", "Round", "Sighting"]

TYPES = ("name", "country", "email", "url", "text", "latitude", "currency", "city")
"""The types of values, in the order that clients of the first dialect rely on."""


class Delivery(Protocol):
    """What clients get at one moment.

    :ivar seq: grows by one with each delivery of a source.
    :ivar time: seconds since the epoch.
    """

    seq: int
    time: float

    def texts(self) -> bytes:
        """Everything for a client of the first dialect: frames, in order."""

    def samples(self, types: tuple[str, ...]) -> tuple[bytes, ...]:
        """The samples of *types* for a client of the second dialect, as JSON."""

    def messages(self, types: tuple[str, ...]) -> bytes:
        """The same, each in a frame."""


class Round:
    """One value of each type, made at one moment.

    :param values: by type, all of :data:`TYPES` or only those that anyone wants.
    """

    __slots__ = ("_messages", "_samples", "_texts", "seq", "time", "values")

    def __init__(self, seq: int, time: float, values: Mapping[str, str]) -> None:
        self.seq = seq
        self.time = time
        self.values = values
        self._texts = b""
        self._samples: dict[str, bytes] = {}
        self._messages: dict[tuple[str, ...], bytes] = {}

    def texts(self) -> bytes:
        """The eight bare values."""
        if not self._texts:
            self._texts = b"".join(text_frame(self.values[kind].encode()) for kind in TYPES)
        return self._texts

    def samples(self, types: tuple[str, ...]) -> tuple[bytes, ...]:
        """One sample of each of *types*."""
        return tuple(self._sample(kind) for kind in types)

    def messages(self, types: tuple[str, ...]) -> bytes:
        """One sample of each of *types*, each in a frame."""
        messages = self._messages.get(types)
        if messages is None:
            messages = self._messages[types] = b"".join(map(text_frame, self.samples(types)))
        return messages

    def _sample(self, type: str) -> bytes:
        sample = self._samples.get(type)
        if sample is None:
            value = {"type": type, "value": self.values[type], "time": self.time, "seq": self.seq}
            sample = self._samples[type] = encode(value)
        return sample


class Sighting:
    """One message of the bus; its type is its subject, and clients name types by patterns.

    :raises netd.wire.jsontext.BadJSON: when its event cannot be JSON.
    """

    __slots__ = ("_event", "_sample", "_subject", "seq", "time")

    def __init__(self, seq: int, time: float, message: Message) -> None:
        self.seq = seq
        self.time = time
        self._subject = message.subject
        self._event = message.encoded(encode)
        self._sample = b""

    def texts(self) -> bytes:
        """The event, as JSON."""
        return text_frame(self._event)

    def samples(self, types: tuple[str, ...]) -> tuple[bytes, ...]:
        """The sample, if its subject is wanted."""
        if types and not any(matches(pattern, self._subject) for pattern in types):
            return ()
        if not self._sample:
            self._sample = b'{"type":"%b","value":%b,"time":%b,"seq":%d}' % (
                self._subject.encode(),
                self._event,
                encode(self.time),
                self.seq,
            )
        return (self._sample,)

    def messages(self, types: tuple[str, ...]) -> bytes:
        """The sample in a frame, or nothing."""
        return b"".join(map(text_frame, self.samples(types)))
