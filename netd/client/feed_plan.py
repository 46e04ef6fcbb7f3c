"""What a client of the feed does, whatever way it goes."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from netd.client.again import Backoff, Comeback
from netd.client.feed_messages import (
    AUTO,
    FEED,
    OLD,
    SUBPROTOCOL,
    Block,
    Collector,
    ConnectionLost,
    Conversation,
    FeedError,
    Refused,
    Sample,
    Welcome,
    Wish,
    check_arguments,
    end_of_handshake,
    place_text,
    request_head,
)
from netd.client.tls import ClientTls
from netd.client.token import ClientToken
from netd.client.way import CONNECT_TIMEOUT, Connection, Program, W, Way
from netd.client.websocket import WebSocket, make_key

__all__ = ["FeedClient", "FeedProgram"]


class FeedClient:
    """What a client of the feed does, whatever way it goes: connect, receive, report, and connect again for ever, with backoff.

    The arguments are those of :class:`Feed`.

    :ivar pending: samples that have come and are not taken yet.
    """

    _log = logging.getLogger("netd.client.feed")

    def __init__(
        self,
        way: Way,
        place: tuple[str, int],
        path: str,
        wish: Wish,
        dialect: str,
        on_connect: Callable[[Welcome], object] | None,
        on_disconnect: Callable[[str, float], object] | None,
        token: ClientToken,
    ) -> None:
        check_arguments(place[1], path, dialect, wish)
        self.pending: deque[Sample] = deque()
        self._way = way
        self._place = place
        self._path = path
        self._token = token
        self._wish = wish
        self._dialect = dialect
        self._on_connect = on_connect
        self._comeback = Comeback(way, Backoff(way.chance, 2.0, 0.5), on_disconnect, self._log)
        self._live: tuple[WebSocket, Conversation] | None = None

    async def fill(self) -> bool:
        """Return when there are pending samples; False when the way is closed.

        :raises Refused: when the server does not have what is wanted.
        """
        while not self._way.is_closed:
            if self.pending:
                return True
            try:
                websocket, conversation = self._live or await self._connect()
                message = await websocket.read()
                assert message is not None, "it waits for ever"
                self.pending.extend(conversation.read(message, self._way.wall_clock()))
            except Refused:
                await self._hang_up()
                raise
            except FeedError as error:
                await self._hang_up()
                await self._comeback.wait(error)
        return False

    def collector(self, size: int | None, collected: Callable[[int], object] | None) -> Collector:
        """What makes blocks; see :meth:`Feed.blocks`."""
        return Collector(self._wish.block if size is None else size, self._way.now, collected)

    async def collect(self, collector: Collector, sample: Sample) -> Block | None:
        """The block that *sample* completes, if it does; reported."""
        block = collector.add(sample, self._comeback.connected_at or 0.0)
        if block is not None:
            await self.report(block.number, block.seconds)
        return block

    async def report(self, block: int, seconds: float) -> bool:
        """Tell the server that a block was received.

        :returns: False when there is no connection: reports are not kept.
        """
        return await self._try_to_write(lambda conversation: conversation.report(block, seconds))

    async def remark(self, text: str) -> bool:
        """Tell the server something else, for its log. Returns as :meth:`report` does."""
        return await self._try_to_write(lambda conversation: conversation.remark(text))

    async def _try_to_write(self, text_in: Callable[[Conversation], bytes]) -> bool:
        if self._live is None:
            return False
        websocket, conversation = self._live
        try:
            await websocket.write(text_in(conversation))
        except ConnectionLost:
            return False
        return True

    async def _connect(self) -> tuple[WebSocket, Conversation]:
        connection = await self._way.reach(FEED, *self._place)
        live = None
        try:
            live = await self._greet(connection)
        finally:
            if live is None:  # refused, silent, or cancelled
                await connection.leave()
        self._live = live
        self._comeback.connected()
        self._log.info("connected, dialect %s", live[1].dialect)
        if self._on_connect is not None:
            self._on_connect(Welcome(live[1].dialect))
        return live

    async def _greet(self, connection: Connection) -> tuple[WebSocket, Conversation]:
        key = make_key(self._way.random_bytes)
        subprotocol = None if self._dialect == OLD else SUBPROTOCOL
        end = self._way.now() + CONNECT_TIMEOUT
        token = self._token.read(FEED)
        await connection.send(request_head(place_text(*self._place), self._path, key, subprotocol, token), end)
        received, outcome = b"", None
        while outcome is None:
            received += await connection.receive_by(end)
            outcome = end_of_handshake(received, key)
        agreed, first = outcome
        websocket, conversation = WebSocket(connection, self._way, first), Conversation(self._wish, self._dialect, agreed)
        greeting = conversation.greeting()
        if greeting is not None:
            await websocket.write(greeting)
        end = self._way.now() + CONNECT_TIMEOUT
        while not conversation.has_begun:
            message = await websocket.read(end)
            if message is None:
                raise connection.given_up("did not answer the subscription in time")
            conversation.read(message, 0.0)
        return websocket, conversation

    async def _hang_up(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            await live[0].leave()


class FeedProgram(Program[W]):
    """What makes a client of the feed, whatever way it goes.

    :param types: those that are wanted; none for all.
    :param name: what the server calls this client in its reports.
    :param interval: seconds between rounds; this, *locale* and *seed* are the server's own in the old dialect.
    :param seed: the same seed gives the same values, from the first on, at each connection.
    :param block: samples that the server is to collect and send together, 1 to 1000; an old server sends each by itself.
    :param dialect: ``"auto"``, ``"netd"`` or ``"old"``: see the module.
    :param on_connect: called with a :class:`Welcome` after each connection.
    :param on_disconnect: called with the reason, and the seconds until the next attempt.
    :param token: what proves who this program is: see :class:`netd.client.token.ClientToken`, also for *token_file*.
    :param cafile: the authority of the server's certificate, with which TLS is used: see :class:`netd.client.tls.ClientTls`,
        also for *certificate* and *key*.
    :raises ValueError: when an argument cannot be, or the old dialect has no such type.
    """

    def __init__(  # noqa: PLR0913 - one for each thing that can be chosen
        self,
        host: str = "127.0.0.1",
        port: int = 8000,
        types: Sequence[str] = (),
        name: str | None = None,
        *,
        interval: float | None = None,
        locale: str | None = None,
        seed: int | None = None,
        block: int = 1,
        path: str = "/",
        dialect: str = AUTO,
        on_connect: Callable[[Welcome], object] | None = None,
        on_disconnect: Callable[[str, float], object] | None = None,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        cafile: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
        surroundings: Any = None,
    ) -> None:
        super().__init__(surroundings, ClientTls(cafile, certificate, key))
        wish = Wish(tuple(types), name, interval, locale, seed, block)
        proof = ClientToken(token, token_file)
        self._client = FeedClient(self._way, (host, port), path, wish, dialect, on_connect, on_disconnect, proof)
