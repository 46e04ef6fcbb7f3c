"""The reactor on asyncio: what ends a turn comes before what has arrived."""

from __future__ import annotations

import asyncio
import socket
import time

from twisted.trial.unittest import TestCase

from netd.clock import make_monotonic
from netd.promptreactor import PromptReactor


class PromptReactorTests(TestCase):
    def setUp(self) -> None:
        self.loop = asyncio.SelectorEventLoop()
        self.addCleanup(self.loop.close)
        self.reactor = PromptReactor(self.loop)
        make_monotonic(self.reactor, time.monotonic)
        self.addCleanup(self._end)

    def _end(self) -> None:
        for reader in self.reactor.removeAll():
            reader.connectionLost(None)
        for reader in list(self.reactor._internalReaders):
            self.reactor.removeReader(reader)
            reader.connectionLost(None)

    def test_turn_ends_first(self) -> None:
        """Calls without delay come in order, each in the next round of the loop, and before the sockets that can be read then."""
        here, there = socket.socketpair()
        self.addCleanup(here.close)
        self.addCleanup(there.close)
        order: list[str] = []

        def arrive() -> None:
            order.append("arrived")
            self.loop.remove_reader(here)
            self.loop.stop()

        def turn() -> None:
            self.reactor.callLater(60.0, order.append, "much later").cancel()
            self.reactor.callLater(0.01, order.append, "later")
            self.reactor.callLater(0, order.append, "first")
            self.reactor.callLater(0, order.append, "second")
            there.send(b"x")
            self.loop.add_reader(here, arrive)

        self.loop.call_soon(turn)
        self.loop.run_forever()
        self.assertEqual(["first", "second", "arrived"], order)
        self.reactor.callLater(0.02, self.loop.stop)
        self.loop.run_forever()
        self.assertEqual(["first", "second", "arrived", "later"], order)
