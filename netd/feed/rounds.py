"""What is delivered: a round of made-up values, or one message of the bus, in the form of each dialect.

Each form is built when the first client needs it, framed once, and the same bytes go to all.  Source of the forms:
``docs/protocols/feed.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

from netd.codec.jsontext import encode
from netd.codec.websocket import text_frame
from netd.message import Message

__all__ = ["TYPES", "Delivery", "Form", "Round", "Sighting"]

TYPES = ("name", "country", "email", "url", "text", "latitude", "currency", "city")
"""The types of values, in the order that clients of the first dialect rely on."""


@frozen
class Form:
    """What a client gets of a delivery; clients of one form get the very same bytes.

    :ivar types: those that it wants; of a source that passes on subjects patterns, where none are all.
    :ivar is_old: whether it gets bare texts, in the order of *types*.
    """

    types: tuple[str, ...]
    is_old: bool = False


class Delivery(Protocol):
    """What clients get at one moment.

    :ivar seq: grows by one with each delivery of a source.
    :ivar time: seconds since the epoch.
    """

    seq: int
    time: float

    def samples(self, types: tuple[str, ...]) -> tuple[bytes, ...]:
        """The samples of *types* for a client of the second dialect, as JSON."""

    def framed(self, form: Form) -> bytes:
        """Everything for clients of *form*: frames, in order."""


class Round:
    """One value of each type, made at one moment.

    :param values: by type, all of :data:`TYPES` or only those that anyone wants.
    """

    __slots__ = ("_framed", "_samples", "seq", "time", "values")

    def __init__(self, seq: int, time: float, values: Mapping[str, str]) -> None:
        self.seq = seq
        self.time = time
        self.values = values
        self._samples: dict[str, bytes] = {}
        self._framed: dict[Form, bytes] = {}

    def samples(self, types: tuple[str, ...]) -> tuple[bytes, ...]:
        """One sample of each of *types*."""
        return tuple(self._sample(kind) for kind in types)

    def framed(self, form: Form) -> bytes:
        """The bare values; or one sample of each type, each in a frame."""
        framed = self._framed.get(form)
        if framed is None:
            payloads = [self.values[kind].encode() for kind in form.types] if form.is_old else self.samples(form.types)
            framed = self._framed[form] = b"".join(map(text_frame, payloads))
        return framed

    def _sample(self, type: str) -> bytes:
        sample = self._samples.get(type)
        if sample is None:
            value = {"type": type, "value": self.values[type], "time": self.time, "seq": self.seq}
            sample = self._samples[type] = encode(value)
        return sample


class Sighting:
    """One message of the bus; its type is its subject. Who wants it is its window's to know.

    :ivar subject: the message's.
    :ivar size: bytes of its event.
    :raises netd.codec.jsontext.BadJSON: when its event cannot be JSON.
    """

    __slots__ = ("_event", "_event_framed", "_framed", "_sample", "seq", "size", "subject", "time")

    def __init__(self, seq: int, time: float, message: Message) -> None:
        self.seq = seq
        self.time = time
        self.subject = message.subject
        self._event = message.encoded(encode)
        self._sample = self._framed = self._event_framed = b""
        self.size = len(self._event)

    def samples(self, types: tuple[str, ...]) -> tuple[bytes, ...]:
        """The sample."""
        if not self._sample:
            self._sample = b'{"type":"%b","value":%b,"time":%b,"seq":%d}' % (
                self.subject.encode(),
                self._event,
                encode(self.time),
                self.seq,
            )
        return (self._sample,)

    def framed(self, form: Form) -> bytes:
        """The event as JSON, or the sample, in a frame."""
        if form.is_old:
            self._event_framed = self._event_framed or text_frame(self._event)
            return self._event_framed
        self._framed = self._framed or text_frame(self.samples(form.types)[0])
        return self._framed
