"""One connection to one NATS server, by the official client, nats-py. Only this module of netd imports it.

nats-py can reconnect by itself, but after a partition it waits for the old socket to close, and never tries another server: it is
nats-io/nats.py #671. So each connection has a client of its own, which is abandoned at the first doubt:
:mod:`netd.cluster.link` makes the next one.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from netd.cluster.credentials import TlsDemand, login_arguments
from netd.cluster.queue import PostQueue
from netd.errors import text_of
from netd.secrets.nats_login import NatsLogin, is_other_port

__all__ = ["NatsConnection", "Receiver", "make_client"]


class Receiver(Protocol):
    """What takes the messages under a pattern of subjects."""

    @property
    def pattern(self) -> str: ...

    def take(self, subject: str, body: bytes, reply: str, is_nobody: bool) -> object:
        """Take a message.

        :param is_nobody: whether it is the server's word that nobody is there to answer.
        """


CONNECTING = 3.0
"""Most seconds for looking up a name, connecting, TLS and login."""

CONNECT_TIMEOUT = 2
"""Seconds of these for one step."""

CLOSING = 1.0
"""Most seconds for closing the connection properly. Nobody waits for it but a daemon that stops."""

TICK = 0.25
"""Seconds between two looks for the answer to a PING. Patience is counted in looks: after a reactor that was blocked, there is
one at once, and the answers that have arrived meanwhile are read before the next."""

REST, PATIENCE = 1.0, 9
"""Seconds between an answer and the next PING, and ticks that an answer may take. A server that hangs is found in 3.25 s."""

ASKED_FOR_EVER = 3600
"""Seconds that nats-py gives a PING. It must never give up: it then stumbles over the late PONG, and reads nothing more."""

PENDING = 1 << 20
"""Bytes that nats-py collects before the writer waits for the socket."""

LARGEST = 1 << 20
"""Bytes of a message that a server has to take: netd's longest ones are a little shorter. It is the default of nats-server."""

ROOM = PENDING // 4
"""Of these bytes, so many may be taken while messages are sent without waiting for the writer."""

AT_ONCE = 64
"""Messages after which the writer lets others have a turn."""

_NOBODY = "503"


def _nothing() -> None:
    """Nothing is demanded."""


def make_client() -> Client:
    """Return a client of NATS, which does nothing yet."""
    logging.getLogger("asyncio").addFilter(_is_news)
    return Client()


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a word of asyncio says more than how nats-py makes TLS, which it says whenever a server hangs up."""
    return "eof_received() has no effect when using ssl" not in record.getMessage()


class _Taker:
    """Takes each message of a subscription while nats-py reads it, where nats-py expects a future that takes one.

    A callback of nats-py's has a task and a queue of its own: it runs a turn of the loop later, and what the queue cannot hold is
    dropped. Here nothing waits in between: the next bytes are read when these messages were taken.
    """

    def __init__(self, take: Callable[[Msg], None]) -> None:
        self.set_result = take

    def cancelled(self) -> bool:
        """Whether it takes nothing more: never."""
        return False


class NatsConnection:
    """A connection: it opens, lives and ends, once each.

    :param queue: the messages that may be sent twice; those that the server has are confirmed there.
    :ivar opened: called when it is open.
    :ivar ended: called once with the reason, whether it was open or not.
    :ivar troubled: called with what the server refuses while the connection lives on.
    :ivar closed: fires when it has ended and its socket is closed, or is left to the operating system.
    """

    _log = Logger()

    opened: Callable[[], object]
    ended: Callable[[str], object]
    troubled: Callable[[str], object]

    def __init__(self, client: Any, loop: Any, reactor: Any, queue: PostQueue) -> None:
        self._client = client
        self._loop = loop
        self._reactor = reactor
        self._queue = queue
        self._urgent: deque[tuple[Callable[..., Awaitable[object]], tuple[Any, ...]]] = deque()
        self._urgent_size = 0
        self._made: dict[Receiver, Any] = {}
        self._tasks: set[Any] = set()
        self._wake = asyncio.Event()
        self._timer: Any = None
        self._is_open = False
        self._is_over = False
        self._is_idle = False  # the writer waits, and nothing waits for it
        self._is_asking = False
        self._ticks = 0
        self._finishing: Deferred[None] | None = None
        self._problem: Exception | None = None
        self._login = NatsLogin()
        self.closed: Deferred[None] = Deferred()

    def open(
        self, server: str, name: str, login: NatsLogin, demand: TlsDemand, is_secured: bool, receivers: Iterable[Receiver]
    ) -> None:
        """Connect, and subscribe for *receivers*.

        :param name: the name of this node, for those who look after the server.
        :param demand: the TLS, which the server may want even if this node does not.
        :param is_secured: whether a server without TLS is refused.
        """
        check = demand.check if is_secured else _nothing
        self._login = login
        if login.key is not None and not login.jwt:
            self._client._public_nkey = login.key.public  # which connect() takes from the package nkeys alone
        arguments = {
            "servers": [server],
            "name": name,
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,  # with the next line: try twice at once, then fail
            "reconnect_time_wait": 0,
            "connect_timeout": CONNECT_TIMEOUT,
            "ping_interval": ASKED_FOR_EVER,
            "pending_size": PENDING,
            "no_echo": True,
            "tls": demand,
            "error_cb": self._note_error,
            "closed_cb": self._note_closed,
            **login_arguments(login, check),
        }
        self._timer = self._reactor.callLater(CONNECTING, self.end, f"no answer within {CONNECTING:g} s")
        self._run(self._connect(arguments, check, receivers), self._connected)

    def end(self, reason: str) -> None:
        """Abandon it. What waits for it is not sent. Later calls change nothing."""
        if self._is_over:
            return
        self._is_over = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        closing = self._loop.create_task(self._close())
        closing.add_done_callback(lambda _: self.closed.callback(None))
        self.ended(reason)

    def put(self, subject: str, body: bytes, reply: str) -> None:
        """Send a message after the others that were put, and before what waits in the queue."""
        if self._is_idle and self._client.pending_data_size < ROOM:
            self._post_now(subject, body, reply)
        else:
            self._urgent_size += len(body)
            self._put(self._publish, subject, body, reply)

    def subscribe(self, receiver: Receiver) -> None:
        """Subscribe for *receiver*."""
        self._put(self._subscribe, receiver)

    def unsubscribe(self, receiver: Receiver) -> None:
        """End the subscription of *receiver*."""
        self._put(self._unsubscribe, receiver)

    def flush(self) -> Deferred[None]:
        """Return a Deferred that fires when the server has all that was put; it never fires when the connection ends first."""
        flushed: Deferred[None] = Deferred()

        async def act() -> None:
            self._run(self._round_trip(), lambda _: None if flushed.called else flushed.callback(None))

        self._put(act)
        return flushed

    def finish(self) -> Deferred[None]:
        """Return a Deferred that fires when the server has everything, also all that waits in the queue."""
        if self._finishing is None:
            self._finishing = Deferred()
            self._wake_up()
        return self._finishing

    def wake(self) -> None:
        """Note that the queue has a message. It is sent at once if nothing else waits."""
        if self._is_idle and self._client.pending_data_size < ROOM and (message := self._queue.take()) is not None:
            self._post_now(*message)
            if self._queue.is_asking:
                self._ask()
        if self._queue.is_waiting or not self._is_idle:
            self._wake_up()

    @property
    def waiting(self) -> int:
        """Bytes that were put and not yet sent."""
        return self._urgent_size

    @property
    def largest(self) -> int:
        """Bytes of the largest message that the server takes."""
        return int(self._client.max_payload)

    def unsent_replies(self) -> set[str]:
        """Return the reply subjects of messages that were put and certainly not sent."""
        return {arguments[2] for act, arguments in self._urgent if act == self._publish}

    def traffic(self) -> tuple[int, int]:
        """Return the bytes of all bodies that came in and that went out."""
        return self._client.stats["in_bytes"], self._client.stats["out_bytes"]

    def _put(self, act: Callable[..., Awaitable[object]], *arguments: Any) -> None:
        self._urgent.append((act, arguments))
        self._wake_up()

    def _run(self, work: Coroutine[Any, Any, Any], done: Callable[[Any], object]) -> None:
        """Run *work* beside everything else. When it fails, the connection ends."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._note_done, done))

    def _note_done(self, done: Callable[[Any], object], task: Any) -> None:
        self._tasks.discard(task)
        if self._is_over or task.cancelled():
            return
        error = task.exception()
        if error is None:
            done(task.result())
        else:
            self.end(self._words(error))

    async def _connect(self, arguments: dict[str, Any], check: Callable[[], None], receivers: Iterable[Receiver]) -> None:
        await self._client.connect(**arguments)
        check()
        for receiver in receivers:
            await self._subscribe(receiver)

    async def _subscribe(self, receiver: Receiver) -> None:
        self._made[receiver] = await self._client.subscribe(receiver.pattern, future=_Taker(partial(self._take, receiver)))

    async def _unsubscribe(self, receiver: Receiver) -> None:
        await self._made.pop(receiver).unsubscribe()

    def _connected(self, _: None) -> None:
        self._is_open = True
        self._set_timer(REST, self._ask)
        self._run(self._write(), lambda _: None)
        self.opened()
        if self.largest < LARGEST:
            self.troubled(f"it takes messages of {self.largest} bytes at most: set its max_payload to {LARGEST}, its default")

    def _ask(self) -> None:
        """Send a PING, unless one is under way."""
        if not self._is_asking:
            self._is_asking, self._ticks = True, 0
            self._set_timer(TICK, self._tick)
            self._run(self._round_trip(), self._answered)

    def _tick(self) -> None:
        self._ticks += 1
        if self._ticks >= PATIENCE:
            self.end("it does not answer")
        else:
            self._set_timer(TICK, self._tick)

    def _answered(self, _: None) -> None:
        self._is_asking = False
        self._set_timer(REST, self._ask)
        self._wake_up()

    def _set_timer(self, seconds: float, act: Callable[[], None]) -> None:
        """Replace the one timer."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self._reactor.callLater(seconds, act)

    async def _round_trip(self) -> None:
        """Send a PING, and confirm what was sent before when the PONG is there."""
        handed = self._queue.handed
        for _ in range(3):
            if not self._client.pending_data_size:
                break
            await asyncio.sleep(0)  # nats-py writes a PING past the messages that it has collected, so these come first
        # Where the socket takes nothing for now, the PING confirms nothing; a later one does.
        is_written = not self._client.pending_data_size
        # Not flush(), which takes a reader that has ended for a PONG.
        await self._client.rtt(ASKED_FOR_EVER)
        if is_written:
            self._queue.confirm(handed)

    async def _write(self) -> None:
        urgent, queue, count = self._urgent, self._queue, 0
        while not self._is_over:  # nats-py's publish() swallows the cancelling of a task that waits for the socket
            if urgent:
                act, arguments = urgent.popleft()
                await act(*arguments)
            elif (message := queue.take()) is not None:
                await self._post(*message)
                if queue.is_asking:
                    self._ask()
            else:
                await self._rest()
                count = 0
            count += 1
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _rest(self) -> None:
        """Wait until there is something to do."""
        if self._finishing is not None and not self._finishing.called and not len(self._queue):
            self._finishing.callback(None)
        elif self._finishing is not None and not self._finishing.called:
            self._ask()
        self._wake.clear()
        self._is_idle = True
        await self._wake.wait()

    def _wake_up(self) -> None:
        self._is_idle = False
        self._wake.set()

    def _post_now(self, subject: str, body: bytes, reply: str = "") -> None:
        """Do what the writer would do in the next turn of the loop. Where nats-py would wait, it has the message already."""
        try:
            self._post(subject, body, reply).send(None)
        except StopIteration:
            pass
        except Exception as error:
            self._loop.call_soon(self.end, self._words(error))  # the caller is in the middle of its own work

    async def _publish(self, subject: str, body: bytes, reply: str) -> None:
        self._urgent_size -= len(body)
        await self._post(subject, body, reply)

    async def _post(self, subject: str, body: bytes, reply: str = "") -> None:
        try:
            await self._client.publish(subject, body, reply)
        except (errors.MaxPayloadError, errors.BadSubjectError) as error:
            self.troubled(f"a message of {len(body)} bytes to {subject!r:.200} was not sent: {text_of(error)}")

    def _take(self, receiver: Receiver, message: Msg) -> None:
        if self._is_over:
            return  # it was read together with others, and the next connection may bring newer ones already
        is_nobody = message.headers is not None and message.headers.get("Status") == _NOBODY
        try:
            receiver.take(message.subject, message.data, message.reply, is_nobody)
        except Exception:
            self._log.failure("cluster: a message to {subject!r} was not taken", subject=message.subject)

    async def _note_error(self, error: Exception) -> None:
        self._problem = error
        if not self._is_open:
            return  # connect() goes on, and fails with an error of its own
        if "permissions violation" in str(error).lower():
            self.troubled(f"the account lacks a right: {self._words(error)}")
        else:
            self.end(self._words(error))

    async def _note_closed(self) -> None:
        self.end(self._words(self._client.last_error or errors.ConnectionClosedError()))

    async def _close(self) -> None:
        with suppress(Exception, asyncio.CancelledError):
            async with asyncio.timeout(CLOSING):
                await self._client.close()
        await asyncio.sleep(0)

    def _words(self, error: BaseException) -> str:
        """Return what is wrong in words for people."""
        if isinstance(error, errors.NoServersError) and self._problem is not None:
            error = self._problem  # of the attempt itself
        if isinstance(error, ConnectionRefusedError):
            return "nothing listens there"
        if isinstance(error, socket.gaierror):
            return "there is no address of that name"
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {error.verify_message}; the authority's belongs into tls_ca"
        if isinstance(error, TimeoutError):
            return "no answer"
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        if isinstance(error, errors.UnexpectedEOF):
            return "the NATS server has closed the connection"
        text = text_of(error).removeprefix("nats: ").strip("'")
        if "authorization" in text.lower():
            return f"it refuses the credentials: {text}; {self._login.remedy(text)}"
        return f"{text}; {self._login.remedy(text)}" if is_other_port(text) else text
