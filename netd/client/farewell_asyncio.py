"""Hanging up, for the asyncio clients, without taking back what was said last.

A connection that is closed while something that came is unread is reset, and a reset reaches the other side ahead of what it
has not read yet. So :func:`hang_up` says that nothing more follows, and discards what comes until the other side hangs up, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

__all__ = ["FAREWELL", "Farewell", "hang_up"]

FAREWELL = 1.0
"""Seconds that hanging up takes at most."""


class Farewell(asyncio.Protocol):
    """Takes a connection over from its streams, until its end. That needs no task; who reads the streams reads their end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ended: asyncio.Future[None]) -> None:
        self._reader = reader
        self._writer = writer  # it would close the connection at once when nobody held it any more
        self._transport = cast(asyncio.Transport, writer.transport)
        self._streams = cast("asyncio.Protocol | None", self._transport.get_protocol())
        self._timer: asyncio.TimerHandle | None = None
        self._ended = ended

    def begin(self, last_word: bytes) -> None:
        """Say *last_word* and that nothing follows; wake who reads the streams."""
        if self._streams is None:  # the connection has ended
            self._ended.set_result(None)
            return
        if last_word:
            self._writer.write(last_word)
        self._timer = asyncio.get_running_loop().call_later(FAREWELL, self._transport.abort)
        self._transport.set_protocol(self)
        self._reader.feed_eof()
        if self._transport.can_write_eof():  # not through TLS: there, the last word is to make the other side hang up
            self._transport.write_eof()
        self._transport.pause_reading()
        self._transport.resume_reading()  # also tells anew of an end that the streams were told of

    async def wait(self) -> None:
        """Return when the connection has ended. Whoever is cancelled meanwhile ends it at once."""
        try:
            await asyncio.shield(self._ended)
        except asyncio.CancelledError:
            self._transport.abort()
            raise

    def call_at_end(self, callback: Callable[[], object]) -> None:
        """Call *callback* when the connection has ended."""
        self._ended.add_done_callback(lambda _: callback())

    def pause_writing(self) -> None:
        """Much is unsent."""
        cast(asyncio.Protocol, self._streams).pause_writing()

    def resume_writing(self) -> None:
        """Much of it has been sent."""
        cast(asyncio.Protocol, self._streams).resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection has ended; so it has for who waits to write."""
        if self._timer is not None:
            self._timer.cancel()
        cast(asyncio.Protocol, self._streams).connection_lost(error)
        if not self._ended.done():
            self._ended.set_result(None)


def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, last_word: bytes = b"") -> Farewell:
    """Begin to hang up; from now on nothing may be written.

    :returns: what can be waited for; the connection ends by itself, within :data:`FAREWELL` seconds, while the event loop runs.
    """
    farewell = Farewell(reader, writer, asyncio.get_running_loop().create_future())
    farewell.begin(last_word)
    return farewell
