"""What the gateway's clients do, whatever way they go: calls, over connections that are kept for the next, and WebSockets."""

from __future__ import annotations

import itertools
import os
from typing import Any

from netd.client.control import MAX_ANSWER, BadAnswer, ControlTimeout, Lost, NotRunning, encode_request, read_answer
from netd.client.gateway_access import DEFAULT_URL, Access, connect_error
from netd.client.gateway_http import HttpExchange, Response, check_agreement, rpc_result
from netd.client.way import Connection, Program, Server, W, Way
from netd.client.websocket import WebSocket, make_key

__all__ = ["IDLE", "MOST_IDLE", "NETD", "GatewayPlan", "GatewayProgram"]

NETD = Server("netd", NotRunning, Lost, Lost)

MOST_IDLE = 4
"""Connections that are kept for the next calls."""

IDLE = 4.0
"""Seconds for which a connection is kept for the next call: less than netd keeps one open."""


class GatewayPlan:
    """Calls and WebSockets at one gateway. Any number of threads, or tasks, may be at it.

    :param max_answer: bytes of an answer.
    """

    def __init__(self, way: Way, access: Access, max_answer: int) -> None:
        self._way = way
        self._access = access
        self._max_answer = max_answer
        self._idle: list[tuple[Connection, float]] = []
        self._numbers = itertools.count(1)

    async def call(self, method: str, params: dict[str, Any], timeout: float) -> Any:
        """The result of one operation.

        :raises ControlError: when there is none.
        """
        number = next(self._numbers)
        body = encode_request(number, method, params)[:-1]
        end = self._way.now() + timeout
        connection = await self._reuse() or await self._connect(self._way, end)
        connection.patience = 0.0  # what was said last is answered, or given up
        response = None
        try:
            exchange = HttpExchange(self._access.address, self._access.token(), self._max_answer)
            response = await self._exchange(connection, exchange, exchange.call(body), end)
        finally:
            if response is None or response.is_last or self._way.is_closed or len(self._idle) >= MOST_IDLE:
                await connection.leave()
            else:
                self._idle.append((connection, self._way.now()))
        if response is None:
            raise ControlTimeout(f"netd did not answer {method} within {timeout:g} s")
        is_answer, result = read_answer(rpc_result(self._access.address, response), number)
        if not is_answer:
            raise BadAnswer(f"the answer to {method} is that to another request")
        return result

    async def open_websocket(self, way: Way, timeout: float) -> WebSocket:
        """A WebSocket of its own *way*.

        :raises ControlError: when there is none to be had.
        """
        address, key = self._access.address, make_key(way.random_bytes)
        end = way.now() + timeout
        connection = await self._connect(way, end)
        websocket = None
        try:
            exchange = HttpExchange(address, self._access.token(), self._max_answer)
            response = await self._exchange(connection, exchange, exchange.upgrade(key), end)
            if response is None:
                raise ControlTimeout(f"{address.url} did not answer the handshake within {timeout:g} s")
            check_agreement(address, response, key)
            websocket = WebSocket(connection, way, response.rest, self._max_answer)
        finally:
            if websocket is None:
                connection.patience = 0.0
                await connection.leave()
        return websocket

    def forget(self) -> None:
        """Keep no connection for the next call."""
        self._idle.clear()

    async def _connect(self, way: Way, end: float) -> Connection:
        address, tls = self._access.address, self._access.tls()
        if way.is_closed or self._way.is_closed:
            raise Lost("this client was closed")
        try:
            connection = await way.open(NETD, address.host, address.port, end - way.now(), tls)
        except (OSError, UnicodeError) as error:
            raise connect_error(address, error) from None
        return connection

    async def _reuse(self) -> Connection | None:
        """A connection of an earlier call; None where there is none that is still good: the server has not even said farewell."""
        while self._idle:
            connection, since = self._idle.pop()
            is_fit = False
            try:
                is_fit = self._way.now() - since < IDLE and await connection.receive(0) is None
            except Lost:
                pass
            finally:
                if not is_fit:
                    await connection.leave()
            if is_fit:
                return connection
        return None

    async def _exchange(self, connection: Connection, exchange: HttpExchange, request: bytes, end: float) -> Response | None:
        """The response to *request*; None when it does not come before *end*."""
        await connection.send(request, end)
        response = None
        while response is None:
            left = end - self._way.now()
            try:
                received = await connection.receive(left) if left > 0 else None
            except Lost as lost:
                response = _ended(exchange, lost)
                continue
            if received is None:
                return None
            response = exchange.feed(received)
        return response


class GatewayProgram(Program[W]):
    """What makes a client of a gateway, whatever way it goes.

    :param url, token, token_file, cafile, certificate, key: see :class:`Access`.
    :param timeout: seconds that a call may take, connecting included; also for the answer to a subscription.
    :param max_answer: bytes of an answer.
    :raises ValueError: as :class:`Access` does.
    """

    def __init__(  # noqa: PLR0913 - one for each thing that can be chosen
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        *,
        token_file: str | os.PathLike[str] | None = None,
        cafile: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
        timeout: float = 30.0,
        max_answer: int = MAX_ANSWER,
        surroundings: Any = None,
    ) -> None:
        super().__init__(surroundings)
        self._access = Access(url, token, token_file, cafile, certificate, key)
        self.timeout = timeout
        self._surroundings = surroundings
        self._plan = GatewayPlan(self._way, self._access, max_answer)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._access.address.url}>"


def _ended(exchange: HttpExchange, lost: Lost) -> Response:
    """The response whose end is that of the connection; raises *lost* where that came too early."""
    try:
        response = exchange.feed(b"")
    except BadAnswer:
        response = None
    if response is None:
        raise Lost(f"{lost} instead of answering") from None
    return response
