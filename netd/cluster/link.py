"""The supervisor of the connections to NATS: one at a time, the next one as soon as one ends.

A connection is given up at the first doubt, and never waited for: reconnecting to the next server costs some milliseconds, and a
server that hangs takes nothing else with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from random import random
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredList, fail, succeed
from twisted.logger import Logger
from zope.interface import implementer

from netd.cluster.config import Config
from netd.cluster.connection import NatsConnection, Receiver, make_client
from netd.cluster.credentials import make_demand
from netd.cluster.interfaces import ILink, LinkLost
from netd.cluster.queue import PostQueue
from netd.cluster.requests import Requests
from netd.codec.units import Bytes, Epoch, Prose
from netd.connection.backoff import Backoff
from netd.errors import NetdError
from netd.interfaces import ISubscription

__all__ = ["Link", "LinkFacts"]

BACKOFF = Backoff(0.15, 1.0)
"""Waits between rounds of attempts at all servers: 0.075 to 0.15 s at first, 0.5 to 1 s in the end."""

SETTLED = 1.5
"""Seconds after which a connection was a good one, so that the next attempt is made at once when it is lost."""

HELD = 4.0
"""Most seconds that posts wait on a new connection, until the other nodes are back, too: an attempt and :data:`BACKOFF`."""

FAREWELL = 1.0
"""Most seconds for sending what still waits when the daemon stops."""

MOST_TOLD = 20
"""The greatest number of different troubles in the log between two connections."""

AWAY = "NATS is away"
"""The reason for not sending anything while there is no connection."""


@frozen
class LinkFacts:
    """The way to NATS, for consoles and metrics.

    :ivar server: the server of the connection; empty without one.
    :ivar since: when it was made, or when the last one was lost.
    :ivar reconnects: connections that were made after the first.
    :ivar queue: events that wait, or that the server has not confirmed.
    :ivar queue_bytes: their size.
    :ivar dropped: events that were dropped because the queue was full.
    :ivar repeated: events that were sent again, because a lost connection may have lost them.
    :ivar bytes_in: bytes of all messages that came.
    :ivar bytes_out: bytes of all messages that went.
    :ivar trouble: what is wrong: why there is no connection, or what the server refuses; empty if nothing is.
    """

    server: str
    since: Epoch
    reconnects: int
    queue: int
    queue_bytes: Bytes
    dropped: int
    repeated: int
    bytes_in: Bytes
    bytes_out: Bytes
    trouble: Prose


@implementer(ISubscription)
class NatsSubscription:
    """A subscription at NATS, on whatever connection there is.

    :param ended: called with it when it is cancelled.
    """

    def __init__(self, pattern: str, receive: Callable[[str, bytes, str], Any], ended: Callable[[Any], object]) -> None:
        self.pattern = pattern
        self._receive: Callable[[str, bytes, str], Any] | None = receive
        self._ended = ended

    def cancel(self) -> None:
        """Receive nothing more."""
        if self._receive is not None:
            self._receive = None
            self._ended(self)

    def take(self, subject: str, body: bytes, reply: str, _is_nobody: bool) -> None:
        """Hand on a message. nats-py may have some more when the subscription has ended."""
        if self._receive is not None:
            self._receive(subject, body, reply)


@implementer(ILink)
class Link:
    """See :class:`netd.cluster.interfaces.ILink`.

    :param reactor: the clock; it runs on :attr:`loop`.
    :param wall: the wall clock, for times that people read.
    :param make: makes a client of NATS.
    :param chance: returns a random number from 0 up to 1.
    :param token: returns a word that no other process has, for the subject of answers.
    :ivar loop: the loop of asyncio, to be set before :meth:`start`.
    """

    _log = Logger()

    def __init__(
        self,
        config: Config,
        reactor: Any,
        wall: Callable[[], float],
        make: Callable[[], Any] = make_client,
        chance: Callable[[], float] = random,
        token: Callable[[], str] = secrets.token_urlsafe,
    ) -> None:
        self._config = config
        self._reactor = reactor
        self._wall = wall
        self._make = make
        self._chance = chance
        self._queue = PostQueue(config.queue)
        self._requests = Requests(f"netd.{config.name}.inbox.{config.node}.{token()}", reactor.callLater)
        self._subscriptions: dict[NatsSubscription, None] = {}  # in order
        self._watchers: list[tuple[Callable[[], Any], Callable[[str], Any]]] = []
        self._flushes: set[Deferred[None]] = set()
        self._connection: NatsConnection | None = None
        self._closing: set[Deferred[None]] = set()
        self._retry: Any = None
        self._held: Any = None
        self._is_running = False
        self._place = self._failures = self._connects = 0
        self._traffic = (0, 0)
        self._since = self._up_at = 0.0
        self._trouble = ""
        self._told: set[str] = set()
        self.loop: Any = None
        self.is_up = False
        self.server = ""

    def start(self) -> None:
        """Connect, now and whenever a connection is lost.

        :raises NetdError: if the reactor does not run on asyncio's loop.
        """
        if self.loop is None:
            raise NetdError(
                "[cluster] needs the reactor on asyncio, which netd has if the section is there at its start: restart it"
            )
        self._is_running = True
        self._since = self._wall()
        self._attempt()

    def stop(self) -> Deferred[Any]:
        """Send what waits, for a second at most, and disconnect. Return a Deferred that fires after that."""
        self._is_running = False
        self.release()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        connection = self._connection
        finished = connection.finish() if connection is not None and self.is_up else succeed(None)
        finished.addTimeout(FAREWELL, self._reactor).addErrback(lambda _: None)  # what then still waits is lost

        def leave(_: None) -> Deferred[Any]:
            if connection is not None:
                connection.end("netd stops")
            return DeferredList(list(self._closing))

        return finished.addCallback(leave)

    def facts(self) -> LinkFacts:
        """Return what consoles show of it."""
        bytes_in, bytes_out = self._traffic if self._connection is None else self._sum(self._connection.traffic())
        return LinkFacts(
            server=self.server,
            since=self._since,
            reconnects=max(0, self._connects - 1),
            queue=len(self._queue),
            queue_bytes=self._queue.size,
            dropped=self._queue.dropped,
            repeated=self._queue.repeated,
            bytes_in=bytes_in,
            bytes_out=bytes_out,
            trouble=self._trouble,
        )

    def post(self, subject: str, body: bytes) -> None:
        """See :meth:`ILink.post`."""
        self._queue.add(subject, body)
        if self._connection is not None:
            self._connection.wake()

    def send(self, subject: str, body: bytes, reply: str = "") -> bool:
        """See :meth:`ILink.send`."""
        connection = self._connection
        if connection is None or not self.is_up or connection.waiting > self._config.queue or len(body) > connection.largest:
            return False
        connection.put(subject, body, reply)
        return True

    def request(self, subject: str, body: bytes, seconds: float) -> Deferred[bytes]:
        """See :meth:`ILink.request`."""
        reply, answer = self._requests.add(subject, seconds)
        if not self.send(subject, body, reply):
            self._requests.forget(reply)
            why = AWAY if not self.is_up else "NATS takes no more for now, or nothing as long"
            return fail(LinkLost(f"{why}; nothing was sent", False))
        return answer

    def subscribe(self, pattern: str, receive: Callable[[str, bytes, str], Any]) -> ISubscription:
        """See :meth:`ILink.subscribe`."""
        subscription = NatsSubscription(pattern, receive, self._unsubscribe)
        self._subscriptions[subscription] = None
        if self._connection is not None:
            self._connection.subscribe(subscription)
        return subscription

    def flush(self, seconds: float) -> Deferred[None]:
        """See :meth:`ILink.flush`."""
        if self._connection is None or not self.is_up:
            return fail(LinkLost(f"{AWAY}; nothing was sent", False))
        flushed: Deferred[None] = Deferred()
        late = self._reactor.callLater(seconds, flushed.errback, LinkLost(f"{self.server} has not answered in time", True))
        self._flushes.add(flushed)

        def settle(result: Any) -> Any:
            self._flushes.discard(flushed)
            if late.active():
                late.cancel()
            return result

        self._connection.flush().addCallback(lambda _: None if flushed.called else flushed.callback(None))
        return flushed.addBoth(settle)

    def release(self) -> None:
        """See :meth:`ILink.release`."""
        if self._held is not None:
            self._held.cancel()
            self._let_go()

    def watch(self, came_up: Callable[[], Any], went_down: Callable[[str], Any]) -> None:
        """See :meth:`ILink.watch`."""
        self._watchers.append((came_up, went_down))

    def _let_go(self) -> None:
        self._held = None
        self._queue.is_held = False
        if self._connection is not None:
            self._connection.wake()

    def _unsubscribe(self, subscription: NatsSubscription) -> None:
        del self._subscriptions[subscription]
        if self._connection is not None:
            self._connection.unsubscribe(subscription)

    def _attempt(self) -> None:
        """Try the next server."""
        self._retry = None
        server = self._config.servers[self._place % len(self._config.servers)]
        try:  # the files are read each time: credentials are renewed while netd runs
            login = self._config.read_login()
            demand = make_demand(self._config.tls_ca, self._config.tls_certificate)
        except (NetdError, OSError) as error:
            self._note_failure(server, str(error))
            return
        connection = NatsConnection(self._make(), self.loop, self._reactor, self._queue)
        connection.opened = lambda: self._came_up(server)
        connection.ended = lambda reason: self._ended(connection, server, reason)
        connection.troubled = self._note_trouble
        self._connection = connection
        receivers: list[Receiver] = [self._requests, *self._subscriptions]
        connection.open(server, f"netd {self._config.node}", login, demand, self._config.is_secured(server), receivers)

    def _came_up(self, server: str) -> None:
        self.is_up, self.server, self._trouble = True, server, ""
        self._connects += 1
        self._since, self._up_at = self._wall(), self._reactor.seconds()
        self._told.clear()
        if self._connects > 1:
            self._queue.is_held = True
            self._held = self._reactor.callLater(HELD, self._let_go)
        self._log.info("cluster: connected to NATS at {server}", server=server)
        for came_up, _ in self._watchers:
            self._tell(came_up)

    def _ended(self, connection: NatsConnection, server: str, reason: str) -> None:
        was_up = self.is_up
        self.release()
        self._connection, self.is_up, self.server = None, False, ""
        self._traffic = self._sum(connection.traffic())
        self._closing.add(connection.closed)
        connection.closed.addCallback(lambda _: self._closing.discard(connection.closed))
        self._queue.repeat()
        self._requests.lose(connection.unsent_replies(), reason)
        for flushed in list(self._flushes):
            flushed.errback(LinkLost(f"NATS was lost ({reason})", True))
        if was_up:
            self._since = self._wall()
            if self._reactor.seconds() - self._up_at > SETTLED:
                self._failures = -1  # the next server is tried at once, and a round of attempts begins with it
            for _, went_down in self._watchers:
                self._tell(went_down, reason)
        if self._is_running:
            self._note_failure(server, reason)

    def _note_failure(self, server: str, reason: str) -> None:
        """Tell why there is no connection, and try the next server: at once, but after each round of all servers with a wait."""
        self._note_trouble(f"{server}: {reason}")
        self._place += 1
        self._failures += 1
        rounds, within = divmod(self._failures, len(self._config.servers))
        delay = 0.0 if within or not rounds else BACKOFF.delay(rounds - 1, self._chance())
        self._retry = self._reactor.callLater(delay, self._attempt)

    def _note_trouble(self, trouble: str) -> None:
        """Show *trouble*, and log it unless it has been since the last connection was made."""
        self._trouble = trouble
        if trouble not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(trouble)
            self._log.warn("cluster: NATS: {trouble}", trouble=trouble)

    def _tell(self, watcher: Callable[..., Any], *arguments: Any) -> None:
        try:
            watcher(*arguments)
        except Exception:
            self._log.failure("cluster: a part of it has failed")

    def _sum(self, traffic: tuple[int, int]) -> tuple[int, int]:
        return self._traffic[0] + traffic[0], self._traffic[1] + traffic[1]
