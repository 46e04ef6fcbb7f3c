"""Tests of :mod:`netd.client.subscription`: connections come and go, and the iterator goes on; without a network."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.client.control import ControlError, ControlTimeout, InvalidArguments, Lost, NotPermitted, NotRunning
from netd.client.events import Event, Gap, Stream, Wish
from netd.client.subscription import Hooks, Subscription
from netd.client.way_sockets import SocketWay, Surroundings
from tests.client.test_events import event, params_of, subscribed


class FakePort:
    """A connection over which comes what the test says: messages, silences in seconds, and an error in the end."""

    def __init__(self, *script: bytes | float | ControlError) -> None:
        self.script = list(script)
        self.written: list[bytes] = []
        self.has_left = False
        self.test: SubscriptionTests

    @property
    def is_closed(self) -> bool:
        """Whether it was left, or its way is closed."""
        return self.has_left or self.test.subject.is_closed

    async def write(self, text: bytes) -> None:
        """Keep it."""
        self.written.append(text)

    async def read(self, end: float | None = None) -> bytes | None:
        """The next of the script; after it the connection is lost, as it is once it was closed."""
        if self.is_closed:
            raise Lost("closed")
        said = self.script.pop(0) if self.script else Lost("netd closed the connection")
        if isinstance(said, ControlError):
            raise said
        if isinstance(said, bytes):
            return said
        left = said if end is None else max(0.0, end - self.test.now)
        self.test.now += min(said, left)
        if said > left:
            self.script.insert(0, said - left)
            return None
        return await self.read(end)

    async def leave(self) -> None:
        """Note it."""
        self.has_left = True


class SubscriptionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        self.told: list[Any] = []

    def subscription(self, *ports: FakePort | ControlError | Callable[[], FakePort]) -> Subscription:
        """A subscription over one of *ports* after the other; after the last, it is closed."""
        self.ports = list(ports)
        self.opened: list[FakePort] = []
        hooks = Hooks(lambda: self.told.append("connected"), lambda reason, delay: self.told.append((reason, delay)))
        way = SocketWay(Surroundings(clock=lambda: self.now, chance=lambda: 1.0, pause=self.pause))
        self.subject = Subscription(way, Stream(Wish("a.>")), self.connect, 10.0, hooks)
        return self.subject

    def pause(self, closed: threading.Event, seconds: float) -> None:
        """Time passes."""
        self.pauses.append(seconds)
        self.now += seconds

    async def connect(self) -> FakePort:
        """The next connection."""
        if not self.ports:
            self.subject.close()
            raise NotRunning("nobody is there")
        port = self.ports.pop(0)
        if isinstance(port, ControlError):
            raise port
        if not isinstance(port, FakePort):
            port = port()
        port.test = self
        self.opened.append(port)
        return port

    def test_goes_on(self) -> None:
        """A lost connection is made again, ever more rarely, and what was missed comes; losses are told."""
        first = FakePort(subscribed(1, "c:0"), event(1))
        second = FakePort(subscribed(3, "c:3", 1, {"from": 2, "to": 2}), event(3))
        subscription = self.subscription(first, NotRunning("not there"), second)
        self.assertEqual(list(subscription), [Event("a.b", 1, 5.0, 1), Gap(2, 2), Event("a.b", 1, 5.0, 3)])
        self.assertEqual(params_of(second.written[0])["since"], "c:1")
        self.assertEqual(
            self.told[:4],
            ["connected", ("netd closed the connection", 2.0), ("not there", 4.0), "connected"],
        )
        self.assertEqual(self.pauses, [2.0, 4.0, 8.0])
        self.assertTrue(first.is_closed and second.is_closed)

    def test_lasting_connection(self) -> None:
        """After a connection that lasted, the next attempt is made soon."""
        lost = [FakePort(subscribed(number, "c:0")) for number in (1, 2, 3)]
        lost.append(FakePort(subscribed(4, "c:0"), 60.0))
        list(self.subscription(*lost))
        self.assertEqual(self.pauses, [2.0, 4.0, 8.0, 2.0])

    def test_never_connected(self) -> None:
        """Where there never was a connection, the error is raised: a wrong address is not tried for ever."""
        subscription = self.subscription(NotRunning("cannot reach"), FakePort(subscribed(2, "c:0"), event(1)))
        self.assertRaises(NotRunning, next, subscription)
        self.assertEqual(next(subscription), Event("a.b", 1, 5.0, 1))  # whoever wants to, tries again

    def test_refused(self) -> None:
        """A subscription that netd refuses is over, however well it went before."""
        error = json.dumps({"jsonrpc": "2.0", "id": 2, "error": {"code": -32602, "message": "pattern: no"}}).encode()
        port = FakePort(subscribed(1, "c:0"))
        subscription = self.subscription(port, FakePort(error))
        self.assertRaises(InvalidArguments, next, subscription)
        subscription = self.subscription(FakePort(subscribed(1, "c:0")), NotPermitted("token", -32002))
        self.assertRaises(NotPermitted, next, subscription)

    def test_no_answer(self) -> None:
        """A server that takes the connection and says nothing is given up."""
        error = self.assertRaises(ControlTimeout, next, self.subscription(FakePort(11.0)))
        self.assertEqual(str(error), "netd did not answer bus.subscribe within 10 s")

    def test_take(self) -> None:
        """Whoever waits no longer than so many seconds loses nothing, connected or not."""
        subscription = self.subscription(
            FakePort(subscribed(1, "c:0"), 5.0, event(1)), FakePort(subscribed(2, "c:1", 0), event(2))
        )
        self.assertIsNone(subscription.take(2.0))
        self.assertEqual(self.now, 1002.0)
        self.assertEqual(subscription.take(4.0), Event("a.b", 1, 5.0, 1))
        self.assertIsNone(subscription.take(0.2))  # the connection was lost: not yet time for the next
        self.assertEqual(subscription.take(3.0), Event("a.b", 1, 5.0, 2))

    def test_gap_at_once(self) -> None:
        """What is gone is told without waiting for the next event."""
        subscription = self.subscription(
            FakePort(subscribed(1, "c:0")), FakePort(subscribed(2, "d:0", None, {"from": 1, "to": None}), 50.0)
        )
        self.assertEqual(subscription.take(3.0), Gap(1, None))

    def test_long_silence(self) -> None:
        """Iterating goes on through days without an event."""
        subscription = self.subscription(FakePort(subscribed(1, "c:0"), 90_000.0, event(1)))
        self.assertEqual(next(subscription), Event("a.b", 1, 5.0, 1))

    def test_closed(self) -> None:
        """Closing ends the iteration, also while it waits to try again, or connects."""
        subscription = self.subscription(FakePort(subscribed(1, "c:0"), event(1), event(2)))
        next(subscription)
        subscription.close()
        self.assertEqual((list(subscription), subscription.is_closed, self.opened[0].is_closed), ([], True, True))

        def pause(closed: threading.Event, seconds: float) -> None:
            self.subject.close()

        self.pause = pause  # type: ignore[method-assign]
        self.assertEqual(list(self.subscription(FakePort(subscribed(1, "c:0")), FakePort())), [])
        self.assertEqual(len(self.opened), 1)

    def test_closed_while_connecting(self) -> None:
        """A connection that is made too late is closed at once."""
        late = FakePort(5.0, subscribed(1, "c:0"))

        def closing() -> FakePort:
            self.subject.close()
            return late

        subscription = self.subscription(closing)
        self.assertEqual((list(subscription), late.is_closed, self.now), ([], True, 1000.0))

    def test_with(self) -> None:
        """Leaving the with closes it."""
        with self.subscription(FakePort(subscribed(1, "c:0"), event(1))) as subscription:
            next(subscription)
        self.assertTrue(self.opened[0].is_closed)
