"""Messages of other nodes. Most are handed on as the text that came: their values are read when somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import define, frozen

from netd.codec.jsontext import BadJSON, decode
from netd.message import Batch, Message

__all__ = ["FarBatch", "FarMessage", "FarSamples", "read"]


@define(slots=True, init=False, eq=False)
class FarMessage(Message):
    """A message whose *event* is read from its text at the first use. To make one costs half of what another message does.

    :param time: when its node published it.
    """

    def __init__(self, subject: str, text: bytes, time: float, origin: str, batch: Batch | None = None) -> None:
        self_: Any = self  # the type checker knows that nobody else assigns to a message
        self_.subject = subject
        self_.weight = len(text)
        self_.batch = batch
        self_.text = text
        self_.time = time
        self_.origin = origin
        self_.number = 0
        self_.entries = ()

    def __getattr__(self, name: str) -> Any:
        """Called for *event* until it is known."""
        if name != "event":
            raise AttributeError(name)
        self_: Any = self
        self_.event = read(self.text or b"null")
        return self.event


@frozen
class FarSamples:
    """A batch of samples, as columns.

    :ivar newest: the newest of them, whose other members all have.
    """

    newest: dict[str, Any]
    values: Sequence[float]
    agent_times: Sequence[float | None] = ()

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        if not self.agent_times:
            return ({**self.newest, "value": value} for value in self.values)
        both = zip(self.values, self.agent_times, strict=True)
        return ({**self.newest, "value": value, "agent_time": said} for value, said in both)


@frozen
class FarBatch:
    """A batch of other events, each a JSON text."""

    texts: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Any]:
        return map(read, self.texts)


def read(text: bytes) -> Any:
    """Return the value of *text*, which is JSON; null where its numbers are out of range."""
    try:
        return decode(text)
    except BadJSON:
        return None
