"""The body of an answer that is too long to be made at once: it is sent in chunks, each when the client has taken those before.

A client that does not read costs no more than one chunk and its outbox: no further chunk is asked for, and the connection's stall
timeout cuts it. The chunks are made in a share of the turns, so that a download of hours makes nobody else wait.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.connection.outbox import SLICE
from netd.connection.peer import Peer
from netd.connection.shares import TurnShare
from netd.connection.turn import Turn
from netd.errors import NetdError

__all__ = ["MOST", "ChunkedBody", "LongAnswers"]

MOST = 64
"""Most long answers of one gateway at a time: each keeps a page of what it is made of, for as long as its client reads."""


@define(eq=False)
class LongAnswers:
    """The long answers that a gateway is sending.

    :ivar share: the share of turns in which their pieces are made.
    """

    share: TurnShare
    under_way: set[ChunkedBody] = field(factory=set)

    @property
    def is_full(self) -> bool:
        """Whether no other can be sent for now."""
        return len(self.under_way) >= MOST


class ChunkedBody:
    """Sends one body.

    :param chunks: yields the pieces. An empty one only lets others have their turn.
    :param answers: the long answers of the gateway, this one soon among them.
    :param write: sends a piece.
    :param finished: called after the last piece. It is not called if the connection is lost, or the pieces cannot be made: then
        the connection is cut, because a body that ends early must not look complete.
    """

    _log = Logger()

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        peer: Peer,
        answers: LongAnswers,
        turn: Turn,
        write: Callable[[bytes], object],
        finished: Callable[[], None],
    ) -> None:
        self._chunks = chunks
        self._peer = peer
        self._answers = answers
        self._turn = turn
        self._write = write
        self._finished = finished
        self._pending: Deferred[Any] | None = None
        self._is_due = False
        self._is_over = False

    def begin(self) -> None:
        """Ask for the first piece."""
        self._answers.under_way.add(self)
        self.resume()

    def resume(self) -> None:
        """Ask for the next piece, unless the client has to take others first, or a piece is on its way."""
        if not self._is_over and self._pending is None and not self._is_due and not self._peer.is_full:
            self._is_due = True
            self._answers.share.start(self._ask())

    def stop(self) -> None:
        """Ask for no more, and close the source of the pieces: the client is gone."""
        self._end()
        if self._pending is not None:
            self._pending.cancel()
        else:
            Deferred.fromCoroutine(self._close()).addErrback(self._failed_to_close)

    def _ask(self) -> Iterator[None]:
        """The next piece, as a piece of work for the share."""
        self._is_due = False
        if not self._is_over:
            pending: Deferred[bytes | None] = Deferred.fromCoroutine(self._next())
            self._pending = pending
            pending.addCallbacks(self._got, self._failed)
        yield

    async def _next(self) -> bytes | None:
        return await anext(self._chunks, None)

    async def _close(self) -> None:
        await self._chunks.aclose()

    def _got(self, piece: bytes | None) -> None:
        self._pending = None
        if piece is None:
            self._end()
            self._finished()
            return
        self._write(piece)
        if self._peer.waiting < SLICE:
            self.resume()
        else:
            self._turn.after(self.resume)  # by then the outbox has been flushed, and knows whether the client is slow

    def _failed(self, why: Failure) -> None:
        self._pending = None
        if self._is_over and why.check(CancelledError):
            return
        self._end()
        if why.check(NetdError):
            self._peer.abort(f"its answer cannot be finished: {why.value}")
        else:
            self._log.failure("an answer cannot be finished", why)
            self._peer.abort("an error in netd")

    def _end(self) -> None:
        self._is_over = True
        self._answers.under_way.discard(self)

    def _failed_to_close(self, why: Failure) -> None:
        self._log.failure("the source of an answer cannot be closed", why)
