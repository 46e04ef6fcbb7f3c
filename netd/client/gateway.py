"""The gateway's client for programs that block: any operation of netd from anywhere, and the events of its bus.

    with Gateway("http://lab:8080", token_file="lab.token") as gateway:
        print(gateway.call("relay.send", target="greenhouse", text="water"))
        for item in gateway.subscribe("session.>", every=0.5):
            print(item)

Standard library only.  What goes over the wire is in ``docs/protocols/gateway.md``; the errors are those of
:mod:`netd.client.control`, for operations have the same codes everywhere.
"""

from __future__ import annotations

import base64
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple

from netd.client.control import MAX_ANSWER, BadAnswer, ControlTimeout, Lost, encode_request, read_answer
from netd.client.events import DROP_OLDEST, Dropped, Event, Gap, Item, Stream, Wish
from netd.client.gateway_access import DEFAULT_URL, Access, connect_error
from netd.client.gateway_sockets import Connection, WebSocket
from netd.client.gateway_wire import Messages, NotTrusted, check_agreement, rpc_request, rpc_result, upgrade_request
from netd.client.subscription import Hooks, Pacing, Subscription

__all__ = [
    "Dropped",
    "Event",
    "Gap",
    "Gateway",
    "Hooks",
    "Item",
    "NotTrusted",
    "Subscription",
    "Surroundings",
]

IDLE = 4.0
"""Seconds for which a connection is kept for the next call: less than netd keeps one open."""


def open_socket(host: str, port: int, timeout: float) -> socket.socket:
    """A connected TCP socket that sends at once.

    :raises OSError: when there is no connection within *timeout* seconds.
    """
    connection = socket.create_connection((host, port), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Surroundings(NamedTuple):
    """The outside world of a client, so that tests can hand in another.

    :ivar connect: opens a socket to host and port, within so many seconds.
    :ivar random_bytes: so many unpredictable bytes.
    """

    connect: Callable[[str, int, float], socket.socket] = open_socket
    pacing: Pacing = Pacing()
    random_bytes: Callable[[int], bytes] = os.urandom


class Gateway:
    """A gateway of netd. Connections are made when they are needed.

    Calls may be made from several threads at once; each subscription is used by one thread, over a connection of its own.

    :param url, token, token_file, cafile: see :class:`Access`.
    :param timeout: seconds that a call may take, connecting included; also for the answer to a subscription.
    :param max_answer: bytes of an answer.
    :raises ValueError: as :class:`Access` does.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        *,
        token_file: str | os.PathLike[str] | None = None,
        cafile: str | os.PathLike[str] | None = None,
        timeout: float = 30.0,
        max_answer: int = MAX_ANSWER,
        surroundings: Surroundings = Surroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self._access = Access(url, token, token_file, cafile)
        self.timeout = timeout
        self._max_answer = max_answer
        self._surroundings = surroundings
        self._clock = surroundings.pacing.clock
        self._lock = threading.Lock()
        self._is_closed = False
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._subscriptions: list[Subscription] = []
        self._last_id = 0

    def __repr__(self) -> str:
        return f"<Gateway {self._access.address.url}>"

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up for good, from any thread: subscriptions end, calls raise ``Lost``."""
        with self._lock:
            self._is_closed = True
            subscriptions = list(self._subscriptions)
            connections = [*self._idle, *self._busy]
            self._idle.clear()
        for subscription in subscriptions:
            subscription.close()
        for connection in connections:
            connection.close()

    def call(self, method: str, /, **params: Any) -> Any:
        """The result of one operation: plain JSON values.

        :param method: for example ``relay.send``.
        :param params: its arguments by name; ``instance`` is taken by every operation.
        :raises RemoteError: of the class that belongs to the code, when netd answers with an error.
        :raises ControlError: of the class named for what happened, when there is no answer.
        """
        with self._lock:
            self._last_id += 1
            request_id = self._last_id
        body = encode_request(request_id, method, params)[:-1]
        address, until = self._access.address, self._clock() + self.timeout
        with self._connected(until) as connection:
            try:
                connection.send(rpc_request(address, self._access.token(), body), until - self._clock())
                response = connection.read_response(until, self._max_answer)
            except TimeoutError as error:
                raise ControlTimeout(f"netd did not answer {method} within {self.timeout:g} s") from error
            if not response.is_last and not response.rest:
                self._keep(connection)
        is_answer, result = read_answer(rpc_result(address, response), request_id)
        if not is_answer:
            raise BadAnswer(f"the answer to {method} is that to another request")
        return result

    def subscribe(
        self,
        pattern: str,
        *,
        every: float | None = None,
        replay: int = 0,
        policy: str = DROP_OLDEST,
        hooks: Hooks = Hooks(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> Subscription:
        """The events of all subjects that match *pattern*: an iterator, see :class:`netd.client.subscription.Subscription`.

        :param pattern, every, replay, policy: see :class:`netd.client.events.Wish`.
        :param hooks: told when the connection comes and goes.
        """
        stream = Stream(Wish(pattern, every, replay, policy))
        subscription = Subscription(stream, self._open_websocket, self.timeout, hooks=hooks, pacing=self._surroundings.pacing)
        with self._lock:
            self._subscriptions = [*(one for one in self._subscriptions if not one.is_closed), subscription]
        return subscription

    @contextmanager
    def _connected(self, until: float) -> Iterator[Connection]:
        """A connection for one call; closed in the end, unless it was kept."""
        connection = self._reuse() or self._connect(until - self._clock())
        with self._lock:
            self._busy.add(connection)
            is_closed = self._is_closed
        try:
            if is_closed:
                raise Lost("this client was closed")
            yield connection
        finally:
            with self._lock:
                self._busy.discard(connection)
            if not connection.is_kept:
                connection.close()

    def _keep(self, connection: Connection) -> None:
        connection.idle_since = self._clock()
        with self._lock:
            connection.is_kept = not self._is_closed
            if connection.is_kept:
                self._idle.append(connection)

    def _reuse(self) -> Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            connection.is_kept = False
            if self._clock() - connection.idle_since < IDLE and connection.is_fit():
                return connection
            connection.close()

    def _connect(self, seconds: float) -> Connection:
        address, tls = self._access.address, self._access.tls()
        opened: socket.socket | None = None
        try:
            opened = self._surroundings.connect(address.host, address.port, seconds)
            if tls is not None:
                opened.settimeout(seconds)
                opened = tls.wrap_socket(opened, server_hostname=address.host)
        except (OSError, UnicodeError) as error:
            if opened is not None:
                opened.close()
            raise connect_error(address, error) from error
        return Connection(opened, self._clock)

    def _open_websocket(self) -> WebSocket:
        address, token = self._access.address, self._access.token()
        until = self._clock() + self.timeout
        key = base64.b64encode(self._surroundings.random_bytes(16)).decode("ascii")
        with self._connected(until) as connection:
            try:
                connection.send(upgrade_request(address, token, key), until - self._clock())
                response = connection.read_response(until, self._max_answer)
            except TimeoutError as error:
                raise ControlTimeout(f"{address.url} did not answer the handshake within {self.timeout:g} s") from error
            check_agreement(address, response, key)
            connection.is_kept = True
        messages = Messages(response.rest, self._max_answer, self._surroundings.random_bytes)
        return WebSocket(connection, messages, self._clock, self.timeout)
