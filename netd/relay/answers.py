"""The answers to a first-dialect controller: one frame for each event, in order, and none before it is true.

"Sent" is only true when the operating system has taken the frame for the device.  Devices are flushed first in a turn; then the
answers are made.  A device that is still slow then holds back this controller's answers, and its reading, and nobody else's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netd.codec.length_header import encode_frame
from netd.interfaces import IPeer
from netd.relay.devices import DeviceLink
from netd.relay.requests import RequestOutcome, RequestStatus

__all__ = ["NOT_FOUND", "Answers", "Carrying", "Keeping"]

SENT = encode_frame(b"data succesfully sent")
DISCONNECTED = encode_frame(b"|device disconnected|")
NOT_FOUND = encode_frame(b"|target not found|")
QUEUED = encode_frame(b"|queued|")


def _nobody() -> None:
    """Called in place of the connection after its end."""


class Keeping:
    """A message for a device that is away, on its way into the offline queue: its answer waits for the disk.

    It stands in the list of answers in the place of a device.

    :ivar is_clear: whether it is known what becomes of the message.
    :ivar answer: the answer, once that is known.
    """

    __slots__ = ("_waiting", "answer", "is_clear")

    is_online = False

    def __init__(self) -> None:
        self.is_clear = False
        self.answer = NOT_FOUND
        self._waiting: Callable[[], None] | None = None

    def told(self, outcome: RequestOutcome) -> None:
        """Take an outcome of the message, of which the first one counts."""
        if self.is_clear:
            return
        self.is_clear = True
        self.answer = self._answer_for(outcome)
        if self._waiting is not None:
            self._waiting()

    def _answer_for(self, outcome: RequestOutcome) -> bytes:
        return QUEUED if outcome.status in (RequestStatus.QUEUED, RequestStatus.SENT) else NOT_FOUND

    def when_clear(self, callback: Callable[[], None], after_turn: Callable[[Callable[[], None]], None]) -> None:
        """Call *callback* when the first outcome is known."""
        self._waiting = callback


class Carrying(Keeping):
    """A message on its way to a device of another node: its answer waits for that."""

    __slots__ = ()

    def _answer_for(self, outcome: RequestOutcome) -> bytes:
        if outcome.status in (RequestStatus.SENT, RequestStatus.ACKNOWLEDGED):
            return SENT
        if outcome.status is RequestStatus.QUEUED:
            return QUEUED
        return NOT_FOUND if outcome.known == "no" else DISCONNECTED


class Answers:
    """The answers that one connection is owed.

    :param after_turn: calls when all that was sent in this reactor turn has been written.
    :param caught_up: called when answers that had to wait have all been given.
    """

    __slots__ = ("_after_turn", "_caught_up", "_goodbye", "_is_scheduled", "_owed", "_peer")

    def __init__(self, peer: IPeer, after_turn: Callable[[Callable[[], None]], None], caught_up: Callable[[], None]) -> None:
        self._peer = peer
        self._after_turn = after_turn
        self._caught_up = caught_up
        self._owed: list[tuple[Any, bytes, int]] = []  # a DeviceLink, a Keeping or None; answer; how many times
        self._is_scheduled = False
        self._goodbye = ""

    @property
    def are_given(self) -> bool:
        """Whether all answers have been given."""
        return not self._owed

    def add(self, answer: bytes) -> None:
        """Give *answer* when all answers before it have been given."""
        self._owed.append((None, answer, 1))
        self._schedule()

    def add_sent(self, link: DeviceLink, times: int) -> None:
        """Answer for *times* frames, when their fate is known, that they were sent to *link* or that *link* has disconnected."""
        self._owed.append((link, SENT, times))
        if not self._is_scheduled:
            self._is_scheduled = True
            self._after_turn(self._give)

    def add_kept(self, keeping: Keeping) -> None:
        """Answer what becomes of a message, when that is known."""
        self._owed.append((keeping, b"", 1))
        self._schedule()

    def end(self, reason: str) -> None:
        """Close the connection for *reason* when all answers have been given."""
        self._goodbye = reason
        self._schedule()

    def forget(self) -> None:
        """Drop all answers, and the reference to the connection: it is lost."""
        self._owed.clear()
        self._caught_up = _nobody

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._after_turn(self._give)

    def _give(self) -> None:
        """Give the answers that can be given, up to the first that cannot."""
        self._is_scheduled = False
        owed = self._owed
        link, answer, times = owed[0] if len(owed) == 1 else (None, b"", 0)
        if times and (link is None or (link.is_online and link.peer.is_flushed)):
            owed.clear()
            self._peer.send(answer * times)
        elif owed:
            self._give_many()
        if owed:
            self._wait(owed[0][0])
        elif self._goodbye:
            self._peer.close(self._goodbye)

    def _give_many(self) -> None:
        ready = []
        for link, answer, times in self._owed:
            if link is not None and not link.is_clear:
                break
            ready.append(_fate(link, answer) * times)
        del self._owed[: len(ready)]
        if ready:
            self._peer.send(b"".join(ready))

    def _wait(self, link: Any) -> None:
        self._is_scheduled = True
        self._peer.set_reading(False)
        link.when_clear(self._resume, self._after_turn)

    def _resume(self) -> None:
        self._give()
        if not self._owed:
            self._caught_up()


def _fate(link: Any, answer: bytes) -> bytes:
    """Return the answer for a message whose fate is known."""
    if isinstance(link, Keeping):
        return link.answer
    return answer if link is None or link.is_online else DISCONNECTED
