"""Tests of ``netd.session.service``, ``dialer``, ``protocol`` and ``config``: sessions from their section, without a network."""

from __future__ import annotations

import itertools
from ipaddress import ip_network
from typing import Any

from twisted.internet.address import HostnameAddress, IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from netd.errors import Gone, InvalidArguments, NoSuchTarget, OperationFailed
from netd.kinds import ServiceKind
from netd.session.addresses import Forbidden
from netd.session.config import Config
from netd.session.session import PARTING
from netd.testing import Connection, ServiceKindTests, connect, reload, result_of, wired
from tests.session.bench import hello

KIND = ServiceKind("session", "netd.session")


class SessionKindTests(ServiceKindTests, SynchronousTestCase):
    """Sessions keep what every kind of service must keep."""

    kind = KIND


@implementer(IHostnameResolver)
class Resolver:
    """A resolver that answers what, and when, the test wants.

    :ivar answers: addresses of each name; None never answers.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[Any] | None] = {}
        self.asked: list[str] = []

    def resolveHostName(self, receiver: Any, name: str, *rest: Any, **more: Any) -> None:  # noqa: N802 - Twisted's name
        """As the interface says."""
        self.asked.append(name)
        receiver.resolutionBegan(None)
        answers = self.answers[name]
        if answers is not None:
            for answer in answers:
                receiver.addressResolved(answer)
            receiver.resolutionComplete()
        else:
            self.late = receiver.resolutionComplete


class ServiceTests(SynchronousTestCase):
    """Runs a service, and plays its agents."""

    def setUp(self) -> None:
        self._start()

    def _start(self, **options: Any) -> None:
        self.service, self.factory, self.reactor, self.bus = wired(KIND, Config(**options))
        self.resolver = Resolver()
        self.reactor.installNameResolver(self.resolver)
        self.addCleanup(self._leaves_nothing, self.service, self.factory, self.reactor)

    def _leaves_nothing(self, service: Any, factory: Any, reactor: Any) -> None:
        stopped = service.stopService()
        for _ in range(40):
            for connection in [*factory.connections, *service._controls.connections]:
                if connection.transport.disconnecting or connection.transport.disconnected:
                    connection.connectionLost(Failure(ConnectionDone()))
            reactor.advance(0.5)
        result_of(stopped)
        self.assertEqual((reactor.getDelayedCalls(), factory.connections, service._controls.connections), ([], set(), set()))

    def _told(self, deferred: Deferred[Any]) -> list[Any]:
        outcomes: list[Any] = []
        deferred.addBoth(outcomes.append)
        return outcomes

    def _sessions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = result_of(self.service.sessions()).rows
        return found

    def _dialled(self) -> Any:
        """The newest dialling: host, port, factory, timeout, source."""
        self.reactor.advance(0)
        return self.reactor.tcpClients[-1]

    def _connected(self) -> Connection:
        """The newest dialling succeeds; the agent's end of the control connection."""
        host, port, factory, _, _ = self._dialled()
        address = (IPv6Address if ":" in host else IPv4Address)("TCP", host, port)
        protocol = factory.buildProtocol(address)
        transport = StringTransport(peerAddress=address)
        protocol.makeConnection(transport)
        return Connection(protocol, transport, self.reactor)

    def _stream(self, host: str = "127.0.0.1") -> tuple[list[Any], Connection, Connection]:
        """A session that streams: outcome of its start, its control connection, its data connection."""
        outcome = self._told(self.service.start(host))
        control = self._connected()
        session = int(control.heard())
        self.reactor.advance(1)
        data = connect(self.factory, self.reactor, self._dialled()[0])
        data.say(b"s1%d" % session)
        self.reactor.advance(0.05)
        return outcome, control, data


class ReloadTests(ServiceTests):
    """Options that change while an agent streams."""

    def test_times(self) -> None:
        """A session that streams goes on, and sees the new time for silence."""
        outcome, _, data = self._stream()
        reload(self.service, Config(idle_timeout=5.0, reconnect=False))
        data.say(b"x1")
        self.reactor.advance(0.05)
        self.reactor.advance(4)
        self.assertEqual(self._sessions()[0].state, "streaming")
        self.reactor.advance(30)
        self.assertNotEqual(self._sessions()[0].state, "streaming")
        self.assertEqual(len(outcome), 1)

    def test_agents(self) -> None:
        """Networks, port and place to dial from are the new ones, without a restart."""
        self.assertRaises(Forbidden, self.service.start, "10.1.1.1")
        reload(self.service, Config(agents=(ip_network("10.1.0.0/16"),), agent_port=99, dial_from="10.1.0.9", dial_timeout=3.0))
        self._told(self.service.start("10.1.1.1"))
        host, port, _, timeout, source = self._dialled()
        self.assertEqual((host, port, timeout, source), ("10.1.1.1", 99, 3.0, ("10.1.0.9", 0)))
        self.assertEqual(self.service.status().agent_port, 99)
        self.assertRaises(Forbidden, self.service.start, "127.0.0.1")

    def test_channels(self) -> None:
        """Agents that come from now on announce the new channels."""
        reload(self.service, Config(channels=(("a", "Air", "bar"), ("b", "", ""))))
        _, _, data = self._stream()
        data.say(b"a7")
        self.reactor.advance(0.05)
        [facts] = self._sessions()
        self.assertEqual((facts.channels["a"].last, facts.channels["a"].label), (7, "Air"))


class SessionTests(ServiceTests):
    def test_old_agent(self) -> None:
        """An old agent is dialled, connects back, announces and streams, and whoever started it sees that."""
        outcome, _, data = self._stream()
        self.assertEqual(self._dialled()[:2], ("127.0.0.1", 10001))
        self.assertEqual([getattr(outcome[0], fact) for fact in ("session", "host", "state")], [1, "127.0.0.1", "streaming"])
        for token in (b"s22", b"s33", b"x111", b"y222", b"z333"):
            data.say(token)
            self.reactor.advance(0.05)
        [facts] = self._sessions()
        self.assertEqual({name: one.last for name, one in facts.channels.items()}, {"x": 111, "y": 222, "z": 333})
        status = self.service.status()
        self.assertEqual([status.connections, status.sessions, status.streaming], [1, 1, 1])
        self.assertEqual([status.counters[fact] for fact in ("started", "samples", "bad")], [1, 3, 0])

    def test_many_sessions(self) -> None:
        """A long list takes several turns, so that nobody waits for it, and is whole; a console may give up meanwhile."""
        self._start(sessions_per_host=1000, channels=(("x", "", ""),))
        for _ in range(50):
            self.service.start("127.0.0.1", wait=False)
        ticks = itertools.count(0.0, 0.001)
        self.service._describing.shares.monotonic = lambda: next(ticks)  # describing takes long
        listed = self._told(self.service.sessions())
        self.service.sessions().addErrback(lambda _: None).cancel()
        self.assertEqual(len(listed), 0)
        self.reactor.advance(0)
        self.assertEqual(len({facts.session for facts in listed[0].rows}), 50)

    def test_words_travel_alone(self) -> None:
        """Ping and stop are each a write of their own, a second apart at least."""
        _, control, _ = self._stream()
        self.service.ping(1)
        outcome = self._told(self.service.stop("127.0.0.1"))
        self.assertEqual(control.heard(), b"ping")
        self.reactor.advance(0.9)
        self.assertEqual(control.heard(), b"")
        self.reactor.advance(0.1)
        self.assertEqual((control.heard(), control.is_closing, outcome), (b"stop", False, []))

    def test_stop(self) -> None:
        """A stop is told when all has closed: stop, grace, close."""
        _, control, data = self._stream()
        outcome = self._told(self.service.stop(1))
        data.say(b"x5\n")
        self.assertFalse(control.is_closing or data.is_closing)
        self.reactor.advance(1)
        self.assertTrue(control.is_closing and data.is_closing)
        control.lose()
        data.lose()
        self.assertEqual((outcome[0].state, outcome[0].samples), ("ended", 1))
        self.assertEqual([facts.state for facts in self._sessions()], ["ended"])

    def test_one_read_of_everything(self) -> None:
        """An agent whose whole life comes in one read is understood."""
        self.service.start("127.0.0.1")
        self._connected()
        connect(self.factory, self.reactor).say(b"s11s22s33x111y222z333x1")
        self.reactor.advance(0.05)
        self.assertEqual(self._sessions()[0].samples, 4)

    def test_newer_agent(self) -> None:
        """A newer agent names its channels; one that nobody waits for is told so before it is hung up on."""
        self.service.start("127.0.0.1")
        self._connected()
        connect(self.factory, self.reactor).say(hello(1, temp={"unit": "°C"}), b"temp 5\n")
        self.assertEqual(self._sessions()[0].channels["temp"].last, 5)
        lost = connect(self.factory, self.reactor)
        self.assertIn(b'{"error":"no session of that id', lost.say(hello(7)))
        self.assertTrue(lost.is_closing)
        self.assertEqual(self.service.status().counters["refused"], {"not expected": 1})

    def test_silence_is_closed(self) -> None:
        """A connection that says nothing is kept for an hour; one that has begun to say whose it is has eight seconds."""
        silent, slow = connect(self.factory, self.reactor), connect(self.factory, self.reactor)
        self.reactor.advance(8)
        slow.say(b"s")
        self.reactor.advance(8)
        self.assertEqual((silent.is_closing, slow.is_closing), (False, True))
        self.reactor.advance(3600)
        self.assertTrue(silent.is_closing)

    def test_question(self) -> None:
        """An agent that asks whether this is netd is told, once; however its question is cut."""
        asked = (((b"netd?\n",), b"netd"), ((b"net", b"d?\n", b"netd?\n"), b"netd"), ((b"hello?\n",), b""))
        for number, (pieces, answer) in enumerate(asked, 1):
            _, control, _ = self._stream(f"127.0.0.{number}")
            self.assertEqual(control.say(*pieces), answer)

    def test_talkative_agent(self) -> None:
        """What an agent says on the control connection means nothing; one that goes on is hung up on."""
        _, control, _ = self._stream()
        control.say(b"hello")
        self.assertFalse(control.is_closing)
        control.say(b"x" * 5000)
        self.assertTrue(control.is_closing)

    def test_agent_goes(self) -> None:
        """An agent that closes its control connection is dialled again, at the same address, without a look-up."""
        self.resolver.answers["pi.lab"] = [IPv4Address("TCP", "127.0.0.7", 0)]
        _, control, data = self._stream("pi.lab")
        control.lose()
        self.assertTrue(data.is_closing)
        data.lose()
        self.assertEqual(self._sessions()[0].state, "resting")
        self.reactor.advance(1)
        self.assertEqual((self._dialled()[0], len(self.reactor.tcpClients), self.resolver.asked), ("127.0.0.7", 2, ["pi.lab"]))

    def test_agent_goes_while_netd_drains(self) -> None:
        """An agent is not dialled while it could not connect back; when netd serves again, it is."""
        _, control, data = self._stream()
        self.service.pause()
        control.lose()
        data.lose()
        self.reactor.advance(1)
        self.reactor.advance(0)
        [facts] = self._sessions()
        self.assertEqual((facts.state, len(self.reactor.tcpClients)), ("resting", 1))
        self.assertIn("netd is draining, and dials no agents; it is dialled again in", facts.reason)
        self.service.resume()
        self.reactor.advance(10)
        self._dialled()
        self.assertEqual(len(self.reactor.tcpClients), 2)

    def test_daemon_stops(self) -> None:
        """When the daemon stops, agents hear stop and get their grace before anything closes."""
        _, control, data = self._stream()
        stopped = self._told(self.service.stopService())
        self.assertEqual((control.heard(), control.is_closing), (b"stop", False))
        self.reactor.advance(1)
        control.lose()
        data.lose()
        self.reactor.advance(0)
        self.assertEqual(len(stopped), 1)

    def test_daemon_stops_when_all_is_said(self) -> None:
        """An agent that does not close its control connection still hears stop: the daemon waits until that is on its way."""
        _, control, data = self._stream()
        stopped = self._told(self.service.stopService())
        self.reactor.advance(1)
        self.reactor.advance(PARTING)
        self.assertEqual([facts.state for facts in self._sessions()], ["ended"])
        data.lose()
        self.reactor.advance(0)
        self.assertEqual((control.is_closing, stopped), (True, []))
        control.lose()
        self.assertEqual(len(stopped), 1)

    def test_daemon_stops_in_the_middle(self) -> None:
        """A service that stops right after a sample leaves no timer behind."""
        _, control, data = self._stream()
        data.say(b"x1\n", b"x2\n")
        stopped = self._told(self.service.stopService())
        for connection in (control, data):
            connection.lose()
        self.assertEqual((len(stopped), self.reactor.getDelayedCalls()), (1, []))

    def test_nothing_follows(self) -> None:
        """The last samples of an agent reach who asks the bus within two seconds, though nothing follows them."""
        _, _, data = self._stream()
        for token in (b"x1", b"y2", b"z3"):
            data.say(token)
            self.reactor.advance(0.2)
        self.reactor.advance(1)
        self.reactor.advance(1)
        newest = {message.subject[-1]: message.event.value for message in self.bus.last("session.main.*.*")}
        self.assertEqual(newest, {"x": 1, "y": 2, "z": 3})

    def test_daemon_stops_without_patience(self) -> None:
        """What has not closed in time is cut."""
        self._start(stop_timeout=0.5, stop_grace=10.0)
        _, control, data = self._stream()
        self.service.stopService()
        self.assertFalse(control.is_closing)
        self.reactor.advance(0.5)
        self.assertTrue(control.is_closing and data.is_closing)


class StartTests(ServiceTests):
    """What can come of a start."""

    def _fails(self, deferred: Deferred[Any], error: type[Exception]) -> str:
        return str(self.assertRaises(error, result_of, deferred))

    def test_unreachable(self) -> None:
        """Who starts a session with an agent that is not there reads why, and that it is tried again."""
        outcome = self.service.start("127.0.0.1")
        self._dialled()[2].clientConnectionFailed(None, Failure(ConnectError()))
        why = self._fails(outcome, Gone)
        self.assertRegex(why, r"session 1: cannot reach the agent at 127.0.0.1 port 10001: .*; it is dialled again in \d\.\d s")
        self.assertRegex(self._sessions()[0].reason, "cannot reach")

    def test_unreachable_for_good(self) -> None:
        """Without ``reconnect`` it is not tried again."""
        self._start(reconnect=False)
        outcome = self.service.start("127.0.0.1")
        self._dialled()[2].clientConnectionFailed(None, Failure(ConnectError()))
        self.assertNotIn("dialled again", self._fails(outcome, Gone))
        self.assertEqual(self.service.status().sessions, 0)

    def test_without_waiting(self) -> None:
        """Who does not wait hears that the agent is being dialled."""
        self.assertEqual(result_of(self.service.start("127.0.0.1", wait=False)).state, "dialling")

    def test_impatient_console(self) -> None:
        """A console that gives up while it waits disturbs nothing."""
        outcome = self.service.start("127.0.0.1")
        outcome.addErrback(lambda _: None)
        outcome.cancel()
        self._connected()
        connect(self.factory, self.reactor).say(b"s11\n")
        self.assertEqual(self._sessions()[0].state, "streaming")
        ended = self.service.stop(1)
        ended.addErrback(lambda _: None)
        ended.cancel()

    def test_twice(self) -> None:
        """A second start is an error that names the session."""
        self._stream()
        self.assertIn("session 1 (streaming) already", str(self.assertRaises(OperationFailed, self.service.start, "127.0.0.1")))

    def test_forbidden_address(self) -> None:
        """An address outside of the allow-list is not dialled."""
        why = str(self.assertRaises(Forbidden, self.service.start, "10.0.0.1"))
        self.assertIn("add it in [session] and run `netd reload`, or in NETD_SESSION_AGENTS and start netd again", why)
        lab2, *_ = wired(KIND, Config(instance="lab2"))
        why = str(self.assertRaises(Forbidden, lab2.start, "10.0.0.1"))
        self.assertIn("in [session:lab2] and run `netd reload`, or in NETD_SESSION_LAB2_AGENTS and", why)
        self.assertRaises(InvalidArguments, self.service.start, "127.1")
        self.assertEqual(self.reactor.tcpClients, [])

    def test_resolved_address(self) -> None:
        """The list is held against what a name resolves to, and the first that may be dialled is dialled, as an address."""
        self.resolver.answers["pi.lab"] = [
            HostnameAddress(b"pi.lab", 0),
            IPv4Address("TCP", "10.0.0.1", 0),
            IPv6Address("TCP", "::ffff:127.0.0.1", 0),
            IPv4Address("TCP", "127.0.0.9", 0),
            IPv4Address("TCP", "127.0.0.10", 0),
        ]
        outcome = self._told(self.service.start("pi.lab", wait=False))
        self.assertEqual(self._dialled()[0], "127.0.0.9")
        self.assertEqual((outcome[0].host, outcome[0].address), ("pi.lab", "127.0.0.9"))

    def test_rebound_name(self) -> None:
        """A name that resolves to something forbidden is refused, with the address."""
        self.resolver.answers["evil.example"] = [IPv4Address("TCP", "169.254.169.254", 0)]
        self.assertIn("169.254.169.254", self._fails(self.service.start("evil.example"), Forbidden))
        self.assertEqual(self.reactor.tcpClients, [])

    def test_unknown_name(self) -> None:
        """A name without an address is an error that says so."""
        self.resolver.answers["nobody.lab"] = []
        self.assertIn("no address of nobody.lab", self._fails(self.service.start("nobody.lab"), OperationFailed))

    def test_slow_look_up(self) -> None:
        """A look-up that takes too long is given up, and what comes later means nothing."""
        self.resolver.answers["slow.lab"] = None
        outcome = self.service.start("slow.lab")
        self.reactor.advance(10)
        self.assertIn("could not be looked up in time", self._fails(outcome, OperationFailed))
        self.resolver.late()
        self.assertEqual(self.reactor.tcpClients, [])

    def test_ipv6(self) -> None:
        """An IPv6 agent is dialled as such."""
        self._start(agents=(ip_network("::1"),))
        self._stream("::1")
        self.assertEqual(self._dialled()[0], "::1")
        self.assertEqual(self._sessions()[0].state, "streaming")

    def test_dial_from(self) -> None:
        """The control connection comes from the configured address, and goes to the configured port."""
        self._start(dial_from="127.0.0.3", agent_port=7, dial_timeout=3.0)
        self.service.start("127.0.0.1", wait=False)
        host, port, _, timeout, source = self._dialled()
        self.assertEqual((host, port, timeout, source), ("127.0.0.1", 7, 3.0, ("127.0.0.3", 0)))

    def test_connect_back_from(self) -> None:
        """The networks of the configuration may be connected back from."""
        self._start(connect_back_from=(ip_network("192.168.0.0/16"),))
        self.service.start("127.0.0.1")
        self._connected()
        connect(self.factory, self.reactor, "192.168.1.1").say(b"s11\n")
        self.assertEqual(self._sessions()[0].state, "streaming")

    def test_deadline_of_draining(self) -> None:
        """A session that a drain ended says so, and not that netd stops."""
        self.service.start("127.0.0.1", wait=False)
        self.service.pause()
        self.service.finish()
        self.assertEqual(self._sessions()[0].reason, "netd drains")

    def test_not_listening(self) -> None:
        """Nobody is dialled while agents cannot connect back."""
        result_of(self.service.drain())
        self.assertIn("cannot connect back", str(self.assertRaises(OperationFailed, self.service.start, "127.0.0.1")))

    def test_nobody(self) -> None:
        """Stop and ping of what is not there are errors; so is a ping of what does not stream."""
        self.assertRaises(NoSuchTarget, self.service.stop, 5)
        self.assertRaises(NoSuchTarget, self.service.ping, "nobody")
        self.service.start("127.0.0.1", wait=False)
        self.assertIn("is dialling", str(self.assertRaises(OperationFailed, self.service.ping, 1)))
