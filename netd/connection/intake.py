"""Received bytes, handed to their connections in portions, so that a flood of tiny messages delays no other connection.

This is for decoders whose cost is in the messages, not in the bytes: a read of 64 KiB may hold ten thousand of the smallest
messages. Bytes that cannot be decoded at once wait here, and their connection is not read from meanwhile.
:mod:`netd.connection.fairness` says which connection gets the next portion.
"""

from __future__ import annotations

from typing import Protocol

from netd.connection.fairness import Contender, Standing, Turns

__all__ = ["PORTION", "SMALL_READ", "Intake", "IntakeReader"]

PORTION = 1 << 8
"""Bytes of one portion: a millisecond's work if they are the smallest messages."""

SMALL_READ = 1 << 10
"""Bytes that are handed over at once, without the queue, while no connection waits."""


class IntakeReader(Protocol):
    """A connection that reads in portions."""

    @property
    def portion(self) -> int:
        """Bytes of its next portion, which are about a millisecond's work; :data:`PORTION` if it does not know better."""

    def read_portion(self, received: bytes) -> bytes | None:
        """Decode *received*, and act on it. Return what is left for the next portion, because the rest has cost enough."""

    def pause(self, paused: bool) -> None:
        """Stop reading from the transport (True), or go on (False)."""

    def standing(self) -> Standing:
        """Return the connection's lane and key now; see :mod:`netd.connection.fairness`."""


class _Unread(Contender):
    """The bytes of one connection that it has not read yet.

    :ivar kept: those bytes.
    :ivar is_held: whether the connection gets no portion for now; see :meth:`Intake.hold`.
    """

    __slots__ = ("_reader", "is_held", "kept")

    def __init__(self, turns: Turns, reader: IntakeReader) -> None:
        super().__init__(turns)
        self._reader = reader
        self.kept = b""
        self.is_held = False

    def standing(self) -> Standing:
        return self._reader.standing()

    def serve(self) -> None:
        """Hand over one portion."""
        if not self.kept or self.is_held:
            return
        size = self._reader.portion
        portion, self.kept = self.kept[:size], self.kept[size:]
        left = self._reader.read_portion(portion)
        if left:
            self.kept = left + self.kept
        self.go_on()

    def go_on(self) -> None:
        """Line up for the next portion, or let the transport be read again when none is left."""
        if self.is_held:
            return
        if self.kept:
            self.line_up()
        else:
            self._reader.pause(False)


class Intake:
    """The unread bytes of all connections of one service."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._unread: dict[IntakeReader, _Unread] = {}

    def take(self, reader: IntakeReader, received: bytes) -> None:
        """Hand *received* to *reader*: at once when it is little and nothing waits, else in portions."""
        unread, turns = self._unread.get(reader) or self._unread_of(reader), self._turns
        if unread.kept:
            unread.kept += received
            return
        if unread.is_new:
            unread.speak(turns.monotonic())
        if turns.has_time and len(received) <= SMALL_READ and not unread.is_held:
            began = turns.monotonic()
            received = reader.read_portion(received) or b""
            turns.spend(turns.monotonic() - began)
            if not received:
                return
        unread.kept = received
        reader.pause(True)
        if not unread.is_held:
            unread.line_up()

    def waiting(self, reader: IntakeReader) -> int:
        """Return how many bytes *reader* has not read yet."""
        unread = self._unread.get(reader)
        return 0 if unread is None else len(unread.kept)

    def hold(self, reader: IntakeReader, is_held: bool) -> None:
        """Hand *reader* nothing, not even bytes that were received before (True), or go on (False)."""
        unread = self._unread.get(reader) or self._unread_of(reader)
        if is_held:
            unread.is_held = True
            reader.pause(True)
        elif unread.is_held:
            unread.is_held = False
            unread.go_on()

    def forget(self, reader: IntakeReader) -> bytes:
        """Forget *reader*, which is gone, and return the bytes that it has not read."""
        unread = self._unread.pop(reader, None)
        if unread is None:
            return b""
        kept, unread.kept = unread.kept, b""
        unread.leave()
        return kept

    def _unread_of(self, reader: IntakeReader) -> _Unread:
        unread = self._unread[reader] = _Unread(self._turns, reader)
        return unread
