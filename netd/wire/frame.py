"""The two sides of a frame: what it is, and its decoder, which cuts what one peer sends into messages.

Decoders do no more than amortised linear work, whatever the cuts between reads are, and hold one unfinished message at most.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from attrs import field, frozen

from netd.errors import ProtocolError
from netd.wire.checks import Check
from netd.wire.strangers import MARK, SUSPECTS, recognised, stray
from netd.wire.template import cut_short

__all__ = ["Frame", "FrameDecoder", "FramingFailed", "ShiftWatch"]

IN_A_ROW = 3
"""Failing messages in a row, after which a byte may have been lost."""


class FramingFailed(ProtocolError, ValueError):
    """What a peer sends cannot be cut into messages, or is something that netd never reads. The connection is to be closed.

    :ivar messages: the whole messages before that in the same read. They count.
    """

    kind = "framing failed"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.messages: list[bytes] = []


@frozen
class Frame(ABC):
    """How bytes become messages, and how messages become bytes.

    :ivar text: the frame as the configuration has it.
    :ivar check: the sum within each message, if there is one.
    :cvar is_text: whether the end of a connection ends a message, too.
    """

    text: str
    check: Check | None = field(default=None, kw_only=True)
    is_text: ClassVar[bool] = False

    @property
    def silence(self) -> float | None:
        """Seconds without a byte that end a message; None if silence ends none."""
        return None

    @property
    def cuts(self) -> Sequence[bytes]:
        """Byte strings before which a peer's text in a reply is cut, so that nobody writes messages in another's name."""
        return ()

    @property
    def cuts_in_json(self) -> Sequence[bytes]:
        """The same for a text within a string of JSON, which holds no control characters, quotes and backslashes as they are."""
        return tuple(cut for cut in self.cuts if not any(byte < 0x20 or byte in b'"\\' for byte in cut))

    @property
    def can_shift(self) -> bool:
        """Whether one lost byte makes all later messages wrong."""
        return False

    def encode(self, payload: bytes) -> bytes:
        """Return *payload* as it is sent.

        :raises ValueError: when the frame cannot hold it.
        """
        return payload

    def as_one(self, payload: bytes) -> bytes | None:
        """Return *payload*, which is as somebody has written it, without an end of its own; None if it is not one message."""
        cut = cut_short(payload, self.cuts)
        return cut if cut.rstrip() == payload.rstrip() else None

    def is_whole(self, payload: bytes) -> bool:
        """Whether *payload*, in which texts of a peer stand, is one message, however long these are."""
        return True

    @abstractmethod
    def decoder(self, limit: int) -> FrameDecoder:
        """Return a decoder for one peer, which takes messages of at most *limit* bytes."""


class FrameDecoder(ABC):
    """Cuts what one peer sends into messages.

    :ivar limit: the longest message, in bytes.
    :ivar lost: bytes that were skipped, because they belonged to no message. Blanks between messages are not counted.
    :ivar failed: messages that were dropped, because their sum was wrong.
    :ivar is_opening: whether a stranger may still be recognised by the first bytes of the connection.
    """

    __slots__ = ("_check", "_is_suspected", "_is_text", "_opening", "failed", "is_opening", "limit", "lost")

    def __init__(self, frame: Frame, limit: int) -> None:
        self.limit = limit
        self.lost = 0
        self.failed = 0
        self._check = frame.check
        self._is_text = frame.is_text
        self._opening = b""
        self.is_opening = True
        self._is_suspected = False

    @property
    @abstractmethod
    def held(self) -> int:
        """The number of bytes of the unfinished message."""

    def feed(self, received: bytes) -> list[bytes]:
        """Return the messages that *received* completes.

        :raises FramingFailed: also for pickles and Java objects, as soon as they are recognised.
        """
        return self._take(received, self._cut)

    def end(self) -> list[bytes]:
        """Return what the end of the connection, of a datagram or of a pause completes, and begin anew."""
        found = self._admitted(self._end())
        self._opening = b""
        self.is_opening = True
        self._is_suspected = False
        return found

    @abstractmethod
    def _cut(self, received: bytes, found: list[bytes]) -> None:
        """Append the messages that *received* completes to *found*."""

    @abstractmethod
    def _end(self) -> list[bytes]:
        """Forget the unfinished message, and return it if it counts."""

    def _take(self, received: bytes, cut: Callable[[bytes, list[bytes]], object]) -> list[bytes]:
        """Return the messages into which *cut* cuts *received*, unless it is a stranger's."""
        if self.is_opening:
            self._open(received)
        if not self._is_suspected:
            self._is_suspected = any(suspect in received for suspect in SUSPECTS)
        found: list[bytes] = []
        try:
            cut(received, found)
        except FramingFailed as error:
            error.messages = self._admitted(found)
            raise
        return self._admitted(found)

    def _begun(self) -> bytes:
        """Return up to :data:`MARK` first bytes of the unfinished message."""
        return b""

    def _open(self, received: bytes) -> None:
        """Look at the first bytes of a connection."""
        opening = self._opening + received[:MARK]
        problem = recognised(opening, self._is_text, is_whole=False)
        if problem is not None:
            raise FramingFailed(problem)
        self.is_opening = len(opening) < MARK and opening.startswith(SUSPECTS)
        self._opening = opening if self.is_opening else b""

    def _admitted(self, found: list[bytes]) -> list[bytes]:
        """Return the messages of *found* that are for the rules."""
        if self._is_suspected:
            for place, message in enumerate((*found, self._begun())):
                problem = recognised(message, self._is_text, is_whole=place < len(found))
                if problem is not None:
                    failed = FramingFailed(problem)
                    failed.messages = self._checked(found[:place])
                    raise failed
            self._is_suspected = self.held > 0
        return self._checked(found)

    def _checked(self, found: list[bytes]) -> list[bytes]:
        check = self._check
        if check is None:
            return found
        bodies = [body for body in map(check.body, found) if body is not None]
        self.failed += len(found) - len(bodies)
        return bodies

    def _too_long(self, message: bytes | bytearray, is_whole: bool) -> FramingFailed:
        opening = bytes(message[:MARK])
        problem = recognised(opening, self._is_text, is_whole=False)
        if problem is not None:
            return FramingFailed(problem)
        what = "a message of" if is_whole else "a message that has no end after"
        return FramingFailed(f"{what} {len(message)} bytes, at most {self.limit} are taken{stray(opening)}")


class ShiftWatch:
    """Notices that all messages of a frame fail, as they do after a byte was lost.

    :param frame: only where it :attr:`~Frame.can_shift` is anything noticed.
    """

    __slots__ = ("_can_shift", "_in_a_row")

    def __init__(self, frame: Frame) -> None:
        self._can_shift = frame.can_shift
        self._in_a_row = 0

    def passed(self) -> None:
        """A message was as expected: its sum was right, and a rule took it."""
        self._in_a_row = 0

    def failed(self) -> str | None:
        """A message was not. Return the sentence for the log after the third in a row, else None."""
        self._in_a_row += 1
        if not self._can_shift or self._in_a_row != IN_A_ROW:
            return None
        return (
            f"{IN_A_ROW} messages in a row fail; write start=… into frame, the bytes that each message begins with: "
            "then the beginning is found again after a byte was lost"
        )
