"""Console connections for tests: a real peer over a transport without network, and what it was told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.testing import MemoryReactorClock, StringTransport

from netd.bus.journal import Journal
from netd.bus.local import LocalBus
from netd.connection.bounds import Bounds, Policy
from netd.connection.peer import Peer
from netd.connection.shares import TurnShares
from netd.connection.turn import Turn
from netd.console.custom import CustomValues
from netd.console.dispatch import Dispatcher
from netd.console.link import ConsoleLink
from netd.console.operations import BusConsole
from netd.console.streams import EventStreams
from netd.listening import make_context
from netd.operations import Caller, OperationTable, Role
from netd.testing import WallClock, make_caller


def line(text: bytes) -> bytes:
    """How these connections frame a text."""
    return text + b"\n"


class LinkUnderTest:
    """One console connection.

    :ivar held: whether it was told not to read.
    """

    def __init__(self, bench: Bench, role: Role = Role.ADMIN, subjects: tuple[str, ...] | None = None) -> None:
        self._bench = bench
        self.transport = StringTransport()
        self.peer = Peer(self.transport, bench.context, Bounds(Policy.PAUSE, 1 << 20), self)
        self.peer.attach()
        self.held = False
        self.peer.prove(make_caller(role, subjects).principal)
        self.caller = Caller(self.peer, "console")
        self.link = ConsoleLink(self.peer, self.hold, line, bench.dispatcher, self.caller)
        self._number = 0

    def hold(self, held: bool) -> None:
        self.held = held

    def expired(self) -> None:
        raise AssertionError("nobody asked for an expiry")

    def drained(self) -> None:
        self.link.drained()

    def identified(self) -> None:
        """It has logged in."""

    def ask(self, method: str, **params: Any) -> Any:
        """The answer to one request: its result, or its error."""
        self._number += 1
        self.link.receive(json.dumps({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}).encode())
        answer = next(text for text in self.heard() if text.get("id") == self._number)
        return answer["result"] if "result" in answer else answer["error"]

    def heard(self) -> list[dict[str, Any]]:
        """What was said since the last time; answers and notifications."""
        self._bench.reactor.advance(0)
        said: bytes = self.transport.value()
        self.transport.clear()
        return [json.loads(text) for text in said.splitlines()]

    def events(self) -> list[Any]:
        """The data of the events among what was heard."""
        return [text["params"]["data"] for text in self.heard() if text.get("method") == "event"]

    def clog(self) -> None:
        """Take nothing more."""
        self.transport.producer.pauseProducing()

    def unclog(self) -> None:
        """Take everything again."""
        self.transport.producer.resumeProducing()


class Bench:
    """A bus, its streams, and their operations in a table.

    :ivar step: seconds that handing something to a few subscribers takes.
    """

    def __init__(self, keep_events: int = 4, keep_size: int = 1 << 20) -> None:
        self.reactor = MemoryReactorClock()
        self.reactor.advance(1000)
        self.wall = WallClock(self.reactor)
        self.bus = LocalBus(self.wall)
        self.context = make_context(self.reactor, 30.0)
        epochs: Iterator[str] = (f"epoch{number}" for number in range(1000))
        turn = Turn(self.reactor.callLater)
        self.step = 0.0
        self._next_turn: list[Callable[[], None]] = []
        shares = TurnShares(self._look, lambda _seconds, call: self._next_turn.append(call))
        self.following, self.catching_up = shares.share("follow", 0.01), shares.share("catch up", 0.005)
        self.passing = shares.share("pass on", 0.003)
        self.journal = Journal(turn.after, keep_events, keep_size)
        self.streams = EventStreams(
            self.bus, self.reactor, turn, self.following, self.catching_up, self.passing, lambda: next(epochs), self.journal
        )
        self.table = OperationTable()
        self.table.add(BusConsole(self.bus, self.streams, CustomValues(self.bus, self.reactor.seconds)).operations())
        self.dispatcher = Dispatcher(self.table, self.reactor.seconds, self.bus)

    def connect(self, role: Role = Role.ADMIN, subjects: tuple[str, ...] | None = None) -> LinkUnderTest:
        """A console connection."""
        return LinkUnderTest(self, role, subjects)

    def go_on(self) -> None:
        """The next turn, for what is being handed out."""
        self.reactor.advance(0)
        calls, self._next_turn = self._next_turn, []
        for call in calls:
            call()
        self.reactor.advance(0)

    def _look(self) -> float:
        self.reactor.rightNow += self.step
        return self.reactor.seconds()
