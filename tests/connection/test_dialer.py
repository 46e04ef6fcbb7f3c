"""A connection that is kept up: each state with each input, the waits, and what people are told."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone, DNSLookupError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.bounds import Bounds, Policy
from netd.connection.dialer import LASTED, Dialer, DialerState
from netd.connection.dialing import DialledFactory, DialledProtocol
from netd.connection.protocol import LINES
from netd.listening import make_context
from netd.testing import Connection, FakeRemote


class PlainProtocol(DialledProtocol):
    """Does nothing."""

    bounds: ClassVar[Bounds] = Bounds(Policy.REFUSE, 100)


class PlainFactory(DialledFactory):
    connection = PlainProtocol


@frozen
class Rules:
    """What the dialers of these tests go by."""

    dial_timeout: float = 10.0
    reconnect_delay: float = 1.0
    max_reconnect_delay: float = 60.0


ALMOST_ONE = 0.999999
"""The longest waits."""


class DialerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.factory = PlainFactory("bridge", make_context(self.reactor, 8.0))
        self.remote = FakeRemote(self.reactor)
        self.chance = ALMOST_ONE
        endpoint = TCP4ClientEndpoint(self.reactor, "10.0.0.7", 5025)
        self.dialer = Dialer(self.factory, endpoint, "tcp:10.0.0.7:5025", Rules(), lambda: self.chance)

    def status(self, *facts: str) -> list[Any]:
        """Some of the facts, times rounded."""
        status = self.dialer.status()
        return [round(said, 2) if isinstance(said, float) else said for said in (getattr(status, fact) for fact in facts)]

    def connected(self) -> Connection:
        """The remote's end of a connection that is there."""
        self.dialer.start()
        return self.remote.accept()

    def bring_to(self, state: DialerState) -> None:
        """Bring a new dialer there."""
        self.setUp()
        if state is DialerState.STOPPED:
            return
        self.dialer.start()
        if state is DialerState.WAITING:
            self.remote.refuse()
        elif state is not DialerState.DIALLING:
            self.remote.accept()
        if state is DialerState.LAST:
            self.dialer.pause()
        self.assertIs(self.dialer.state, state)

    def test_every_pair(self) -> None:
        """What a person wants in each state: a start dials or goes on, a pause ends in a stop; twice is as good as once."""
        for state in DialerState:
            self.bring_to(state)
            self.dialer.start()
            wanted = {DialerState.STOPPED: DialerState.DIALLING, DialerState.LAST: DialerState.CONNECTED}.get(state, state)
            self.assertIs(self.dialer.state, wanted)
            self.bring_to(state)
            for _ in range(2):
                self.dialer.pause()
            is_connected = state in (DialerState.CONNECTED, DialerState.LAST)
            self.assertIs(self.dialer.state, DialerState.LAST if is_connected else DialerState.STOPPED)
            if not is_connected:
                self.assertEqual((self.reactor.getDelayedCalls(), self.remote.is_called), ([], False))

    def test_moved(self) -> None:
        """Another remote is dialled at once, or when the connection to the one before has ended; a stopped dialer stays so."""
        for state in DialerState:
            self.bring_to(state)
            before = len(self.remote.calls)
            connection = self.dialer.connection
            self.dialer.use(TCP4ClientEndpoint(self.reactor, "10.0.0.8", 5025), "tcp:10.0.0.8:5025")
            if connection is not None:
                self.assertFalse(connection.peer.is_open)
                connection.connectionLost(Failure(ConnectionDone()))
                self.reactor.advance(1)
            is_dialled = state not in (DialerState.STOPPED, DialerState.LAST)
            self.assertEqual((self.remote.is_called, len(self.remote.calls) - before), (is_dialled, int(is_dialled)))
            self.assertEqual(self.status("remote", "failures"), ["tcp:10.0.0.8:5025", int(state is DialerState.CONNECTED)])
            self.dialer.start()
            self.assertEqual(self.remote.calls[-1], ("10.0.0.8", 5025))
            self.dialer.pause()
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_same_remote(self) -> None:
        """An endpoint with another time limit is for the next attempt: what is there stays."""
        connection = self.connected()
        self.dialer.use(TCP4ClientEndpoint(self.reactor, "10.0.0.7", 5025, 3), "tcp:10.0.0.7:5025")
        self.assertFalse(connection.is_closing)
        connection.lose()
        self.reactor.advance(1)
        self.assertEqual(self.reactor.tcpClients[-1][3], 3)

    def test_for_ever(self) -> None:
        """A remote that is not there is dialled again for ever, at longer and longer intervals."""
        self.dialer.start()
        waits = []
        for _ in range(9):
            self.remote.refuse()
            waits.append(self.status("next_attempt")[0])
            self.reactor.advance(self.dialer.status().next_attempt)
        self.assertEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60])
        self.assertEqual((len(self.remote.calls), self.factory.dials["refused"]), (10, 9))

    def test_chance(self) -> None:
        """Waits are up to half shorter by chance."""
        self.chance = 0.0
        self.dialer.start()
        self.remote.refuse()
        self.assertEqual(self.status("next_attempt"), [0.5])

    def test_lost(self) -> None:
        """A connection that is lost is made anew; one that had lasted is not waited for longer than at first."""
        connection = self.connected()
        for lasted, wait in ((0, 1), (0, 2), (LASTED - 1, 4), (LASTED, 1), (0, 2)):
            self.reactor.advance(lasted)
            connection.lose()
            self.assertEqual(self.status("state", "next_attempt"), ["waiting", wait])
            self.assertIsNone(self.dialer.connection)
            self.reactor.advance(wait)
            connection = self.remote.accept()

    def test_status(self) -> None:
        """People see what it is at, since when, when it dials again, and what was wrong last."""
        facts = ("remote", "state", "connected_for", "next_attempt", "failures", "last_failure")
        self.assertEqual(self.status(*facts), ["tcp:10.0.0.7:5025", "stopped", None, None, 0, None])
        self.dialer.start()
        self.assertEqual(self.status(*facts[1:]), ["dialling", None, None, 0, None])
        self.remote.refuse()
        self.reactor.advance(0.25)
        refused = "Connection refused: start the program there, or correct the port"
        self.assertEqual(self.status(*facts[1:]), ["waiting", None, 0.75, 1, refused])
        self.reactor.advance(0.75)
        connection = self.remote.accept()
        self.reactor.advance(20)
        self.assertEqual(self.status(*facts[1:]), ["connected", 20, None, 1, refused])
        connection.lose()
        self.assertEqual(self.status(*facts[1:]), ["waiting", None, 1, 1, "the connection ended: the remote closed it"])

    def test_drained(self) -> None:
        """After a pause an open connection goes on, and none follows it; a start takes the pause back."""
        connection = self.connected()
        self.dialer.pause()
        self.assertFalse(connection.is_closing)
        self.dialer.start()
        connection.lose()
        self.assertEqual(self.status("state"), ["waiting"])
        self.reactor.advance(1)
        connection = self.remote.accept()
        self.dialer.pause()
        connection.lose()
        self.assertEqual((self.status("state", "next_attempt"), self.reactor.getDelayedCalls()), (["stopped", None], []))
        self.dialer.start()
        self.assertTrue(self.remote.is_called)

    def test_paused_while_dialling(self) -> None:
        """An attempt that is given up is no failure of the remote."""
        self.dialer.start()
        self.dialer.pause()
        self.assertEqual(self.status("state", "failures", "last_failure"), ["stopped", 0, None])

    def test_log(self) -> None:
        """The log says that the connection is there, and why it cannot be had: each reason once a minute at most."""
        with capturedLogs() as events:
            self.dialer.start()
            for error in (None, None, None, DNSLookupError()):
                self.remote.refuse(error)
                self.reactor.advance(60)
            self.remote.accept()
        told = [(event["log_level"], formatEvent(event)) for event in events if event["log_namespace"].startswith("netd.")]
        refused = "bridge: cannot reach tcp:10.0.0.7:5025: Connection refused: start the program there, or correct the port;"
        unknown = "bridge: cannot reach tcp:10.0.0.7:5025: the name has no address: check the name, or write the address;"
        self.assertEqual(
            told,
            [
                (LogLevel.warn, f"{refused} it is dialled again in 1.0 s"),
                (LogLevel.warn, f"{refused} it is dialled again in 2.0 s"),
                (LogLevel.warn, f"{refused} it is dialled again in 4.0 s"),
                (LogLevel.warn, f"{unknown} it is dialled again in 8.0 s"),
                (LogLevel.info, "bridge: connected to tcp:10.0.0.7:5025"),
            ],
        )

    def test_many_connections_in_the_log(self) -> None:
        """A remote that closes each connection at once does not fill the log either."""
        with capturedLogs() as events:
            self.dialer.start()
            for _ in range(2 * LINES):
                self.remote.accept().lose()
                self.dialer.pause()
                self.dialer.start()
        told = [event for event in events if str(event.get("log_format")).startswith("{service}: connected")]
        self.assertEqual(len(told), LINES)

    def test_many_failures_in_the_log(self) -> None:
        """Failures of one kind that follow fast are counted instead of logged."""
        self.chance = 0.0
        with capturedLogs() as events:
            self.dialer.start()
            for wait in (0.5, 1, 2, 4, 8, 16, 30):
                self.remote.refuse()
                self.reactor.advance(wait)
            self.remote.refuse()
        told = [str(formatEvent(event)) for event in events if event.get("log_level") is LogLevel.warn]
        self.assertEqual([line.partition("again in ")[2] for line in told], ["0.5 s", "30.0 s (6 more like it were not logged)"])


class WalkTests(SynchronousTestCase):
    """Any order of what services, remotes and time do."""

    ACTS = ("start", "pause", "move", "accept", "refuse", "lose", "a moment", "long")

    @settings(deadline=None)
    @given(st.lists(st.sampled_from(ACTS), max_size=30))
    def test_any_order(self, acts: list[str]) -> None:
        """There is one attempt, one wait or one connection at a time, as the state says, and nothing is left after a pause."""
        reactor = MemoryReactorClock()
        factory = PlainFactory("bridge", make_context(reactor, 8.0))
        remote = FakeRemote(reactor)
        dialer = Dialer(factory, TCP4ClientEndpoint(reactor, "10.0.0.1", 1), "1", Rules(), lambda: ALMOST_ONE)
        ends: list[Connection] = []
        for number, act in enumerate(acts):
            self.perform(act, number, dialer, remote, reactor, ends)
            is_connected = dialer.state in (DialerState.CONNECTED, DialerState.LAST)
            self.assertEqual(
                (remote.is_called, dialer.status().next_attempt is not None, dialer.connection is not None),
                (dialer.state is DialerState.DIALLING, dialer.state is DialerState.WAITING, is_connected),
            )
            self.assertEqual(len(factory.connections), int(is_connected))
        dialer.pause()
        for connection in list(factory.connections):
            connection.peer.abort("enough")
            connection.connectionLost(Failure(ConnectionDone()))
        reactor.advance(0)
        self.assertEqual((reactor.getDelayedCalls(), dialer.state), ([], DialerState.STOPPED))

    def perform(
        self, act: str, number: int, dialer: Dialer, remote: FakeRemote, reactor: MemoryReactorClock, ends: list[Connection]
    ) -> None:
        """Do one of the acts, if it is possible."""
        if act == "start":
            dialer.start()
        elif act == "pause":
            dialer.pause()
        elif act == "move":
            dialer.use(TCP4ClientEndpoint(reactor, "10.0.0.2", number), str(number))
        elif act == "accept" and remote.is_called:
            ends.append(remote.accept())
        elif act == "refuse" and remote.is_called:
            remote.refuse()
        elif act == "lose" and dialer.connection is not None:
            ends.pop().lose()
        elif act in ("a moment", "long"):
            reactor.advance(0.1 if act == "a moment" else 61)
