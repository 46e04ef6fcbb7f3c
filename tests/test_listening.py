"""A service that listens: its endpoints, how it tells that one is not to be had, and how politely it ends. No network."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.access.rules import AccessWord
from netd.access.watch import CredentialWatch
from netd.change import Change
from netd.config import ListeningConfig, TlsConfig
from netd.connection.bounds import Bounds, Policy
from netd.connection.factory import PeerFactory
from netd.connection.protocol import PeerProtocol
from netd.listening import CannotListen, ListeningService, make_context
from netd.status import ListeningPlace
from netd.testing import Connection, connect, prepared
from tests.test_listener import ParkedPort
from tests.tls import Authority, Client, write_private


class QuietProtocol(PeerProtocol):
    """A connection on which nothing is said."""

    bounds = Bounds(Policy.PAUSE, 1 << 16)


class QuietFactory(PeerFactory):
    connection = QuietProtocol


@attrs.frozen(kw_only=True)
class Options(ListeningConfig):
    """What such a service can be told."""

    listen: tuple[str, ...]


class Port:
    """A listener, closed when the test says so."""

    def __init__(self, host: object) -> None:
        self.host = host
        self.closed: Deferred[None] = Deferred()
        self.is_closing = False

    def getHost(self) -> object:
        return self.host

    def stopListening(self) -> Deferred[None]:  # noqa: N802 - as Twisted calls it
        self.is_closing = True
        return self.closed


class Reactor(MemoryReactorClock):
    """A reactor on which some ports are taken.

    :ivar taken: the trouble with a port.
    :ivar ports: the listeners.
    """

    def __init__(self) -> None:
        super().__init__()
        self.taken: dict[int, Exception] = {}
        self.ports: list[Port] = []

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Port:  # noqa: N802 - as Twisted calls it
        if port in self.taken:
            raise self.taken[port]
        super().listenTCP(port, factory, backlog, interface)
        self.ports.append(Port((IPv6Address if ":" in interface else IPv4Address)("TCP", interface, port)))
        return self.ports[-1]


class ListeningTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.factory = QuietFactory("pump:lab2", make_context(self.reactor, 30.0))

    def service(self, *listen: str) -> ListeningService:
        """A service on these endpoints that gives connections two seconds to finish."""
        options = Options(listen=listen or ("tcp:7001:interface=127.0.0.1",), stop_timeout=2.0)
        return ListeningService(options, self.factory, self.reactor)

    def started(self, *listen: str) -> ListeningService:
        """The same, started as twistd starts it."""
        service = self.service(*listen)
        service.privilegedStartService()
        service.startService()
        return service


class SecuredListeningTests(ListeningTestCase):
    """`tls = yes`: TLS on the endpoints that are none of TLS already."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.authority = Authority()

    def options(self, *hosts: str, listen: tuple[str, ...] = ("tcp:7001", "loopback:7002", "unix:/run/pump.sock")) -> Options:
        """The options of a service with a certificate for *hosts*."""
        pem = write_private(self.folder / f"{hosts[0]}.pem", *self.authority.issue(*hosts))
        return Options(listen=listen, tls=True, certificates=TlsConfig(certificate=(pem,)))

    def names_seen(self, factory: Any) -> str:
        """The name in the certificate that a client of *factory* is shown."""
        client = Client(factory.buildProtocol(None)).shake_hands()
        shown: Any = client.side.get_peer_certificate()
        client.protocol.connectionLost(Failure(ConnectionDone()))
        return str(shown.get_subject().CN)

    def test_endpoints(self) -> None:
        """TCP endpoints speak TLS, on each loopback address too; a unix socket stays as it is."""
        ListeningService(self.options("lab.local"), self.factory, self.reactor).startService()
        names = {port: self.names_seen(factory) for port, factory, *_ in self.reactor.tcpServers}
        self.assertEqual({7001: "lab.local", 7002: "lab.local"}, names)
        [(_, factory, *_)] = self.reactor.unixServers
        self.assertIs(self.factory, factory)

    def test_reload(self) -> None:
        """Another certificate in [tls] is shown from the next handshake on; the ports stay open."""
        service = ListeningService(self.options("old.local"), self.factory, self.reactor)
        service.startService()
        change = Change()
        service.prepare(self.options("new.local"), change)
        change.apply()
        self.assertEqual(["new.local"] * 4, [self.names_seen(factory) for _, factory, *_ in self.reactor.tcpServers])
        self.assertFalse(any(port.is_closing for port in self.reactor.ports))

    def test_status(self) -> None:
        """The status tells that TLS is spoken, and until when the certificate is good; a unix socket has none."""
        service = ListeningService(self.options("lab.local"), self.factory, self.reactor)
        service.startService()
        first, *_, last = service.listening()
        self.assertRegex(first.reach, r"^every machine that reaches this one; TLS until 20\d\d-\d\d-\d\d$")
        self.assertGreater(first.certificate_end or 0, time.time())
        self.assertEqual((None, "users of this machine who may open the socket file"), (last.certificate_end, last.reach))

    def test_watched(self) -> None:
        """While the service runs, the daemon's look at all files finds a certificate that has changed."""
        watch = CredentialWatch(self.reactor, lambda gone: None, lambda *_change: None)
        service = ListeningService(self.options("lab.local", listen=("tcp:7001",)), self.factory, self.reactor)
        service.use_watch(watch)
        service.startService()
        (self.folder / "lab.local.pem").write_bytes(b"".join(self.authority.issue("new.local")))
        with capturedLogs() as events:
            watch.look()
        self.assertEqual(1, len(events))
        service.stopService()
        (self.folder / "lab.local.pem").unlink()
        with capturedLogs() as events:
            watch.look()
        self.assertEqual([], events)

    def test_unusable(self) -> None:
        """A certificate that is gone since the configuration was read keeps the service from starting, with the file's name."""
        options = self.options("lab.local")
        (self.folder / "lab.local.pem").unlink()
        error = self.assertRaises(CannotListen, ListeningService(options, self.factory, self.reactor).privilegedStartService)
        self.assertIn("lab.local.pem cannot be read: No such file or directory", str(error))


class StartTests(ListeningTestCase):
    def test_endpoints(self) -> None:
        """A service listens on all its endpoints, once each, and says who reaches it there."""
        service = self.started(
            "tcp:7001:interface=127.0.0.1", "tcp:7002:interface=0.0.0.0", r"tcp6:7003:interface=\:\:1", "unix:/run/pump.sock"
        )
        self.assertEqual(
            [
                ListeningPlace("127.0.0.1:7001", "this machine only"),
                ListeningPlace("0.0.0.0:7002", "every machine that reaches this one"),
                ListeningPlace("[::1]:7003", "this machine only"),
                ListeningPlace("unix:/run/pump.sock", "users of this machine who may open the socket file"),
            ],
            service.listening(),
        )
        self.assertEqual([7001, 7002, 7003], [server[0] for server in self.reactor.tcpServers])
        self.assertEqual(1, len(self.reactor.unixServers))

    def test_start_with_privileges(self) -> None:
        """Ports are taken before privileges are given up: those below 1024 are to be had."""
        self.service("tcp:70").privilegedStartService()
        self.assertEqual([70], [server[0] for server in self.reactor.tcpServers])

    def test_start_without_privileges(self) -> None:
        """A service that is added to a daemon which runs already listens, too."""
        self.service().startService()
        self.assertEqual(1, len(self.reactor.tcpServers))

    def test_constructor_touches_nothing(self) -> None:
        """Until it is started, a service takes no port."""
        service = self.service()
        self.assertEqual(([], []), (self.reactor.tcpServers, service.listening()))

    def refusal(self, *listen: str) -> str:
        """What a person reads when the service cannot start."""
        return str(self.assertRaises(CannotListen, self.started, *listen))

    def test_missing_address(self) -> None:
        """An address that this machine does not have is told with section, endpoint, cause and remedy."""
        cause = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        self.reactor.taken[7002] = CannotListenError("10.9.9.9", 7002, cause)
        self.assertEqual(
            "[pump:lab2] cannot listen on tcp:7002:interface=10.9.9.9: Cannot assign requested address. "
            "Stop what uses it, or choose another with `listen`.",
            self.refusal("tcp:7001", "tcp:7002:interface=10.9.9.9"),
        )

    def test_forbidden_port(self) -> None:
        """So is a port that this user may not take, however the operating system says it."""
        self.reactor.taken[70] = PermissionError(errno.EACCES, "Permission denied")
        self.assertIn("cannot listen on tcp:70: Permission denied.", self.refusal("tcp:70"))
        self.reactor.taken[71] = CannotListenError(None, 71, "no luck")  # as Twisted itself does
        self.assertIn("cannot listen on tcp:71: no luck.", self.refusal("tcp:71"))

    def test_fault_of_ours(self) -> None:
        """A bug is not mistaken for a port that is taken."""
        self.reactor.taken[7001] = ZeroDivisionError()
        self.assertRaises(ZeroDivisionError, self.started)

    def test_other_systemd_sockets(self) -> None:
        """Where systemd has handed over others, they are named; and of two with one name nobody knows which is meant."""
        self.patch(os, "environ", {"LISTEN_FDNAMES": "relay:feed:feed"})
        for name, said in (
            ("pump", "no such socket. There are: relay, feed, feed."),
            ("feed", "several sockets of this name"),
        ):
            error = self.assertRaises(CannotListen, self.service(f"systemd:domain=INET:name={name}").startService)
            self.assertIn(said, str(error))

    def test_missing_systemd_socket(self) -> None:
        """A socket that systemd should have handed over, and has not, is told so."""
        for description in ("systemd:domain=INET:index=7", "systemd:domain=INET:name=pump"):
            self.assertEqual(
                f"[pump:lab2] cannot listen on {description}: systemd has handed over no such socket. "
                "Start netd by its socket unit, or choose another with `listen`.",
                self.refusal(description),
            )


class ReloadTests(ListeningTestCase):
    def prepared(self, service: ListeningService, **options: Any) -> Change:
        """What *service* would do to go by these options."""
        return prepared(service, Options(**{"listen": ("tcp:7001:interface=127.0.0.1",), **options}))

    def test_moved_port(self) -> None:
        """The new port is listened on before the old one is closed, and shown; connections of the old one stay."""
        service = self.started()
        connection = connect(self.factory, self.reactor)
        change = self.prepared(service, listen=("tcp:7005:interface=127.0.0.1",))
        self.assertFalse(self.reactor.ports[0].is_closing)
        change.apply()
        self.assertEqual(([True, False], False), ([port.is_closing for port in self.reactor.ports], connection.is_closing))
        self.assertEqual([ListeningPlace("127.0.0.1:7005", "this machine only")], service.listening())

    def test_limits(self) -> None:
        """Limits and clocks are those of the new configuration, for connections that are open, too."""
        service = self.started()
        change = self.prepared(service, stall_timeout=3.0, dead_timeout=9.0, stop_timeout=7.0, max_connections=2, max_silent=1)
        change.apply()
        context, share = self.factory.context, self.factory.share
        self.assertEqual((3.0, 9.0, 9.0), (context.stall_timeout, context.dead_timeout, self.factory.vigil.limit))
        self.assertEqual((2, 1), (share.quota.connections, share.quota.silent))
        connect(self.factory, self.reactor)
        service.stopService()
        self.reactor.ports[0].closed.callback(None)
        self.assertIn(7.0, [call.getTime() for call in self.reactor.getDelayedCalls()])

    def test_silence(self) -> None:
        """A shorter time for silence counts for connections that are silent already, and so does a longer one."""
        service = self.started()
        self.prepared(service, silent_timeout=10.0).apply()
        first = connect(self.factory, self.reactor)
        self.prepared(service, silent_timeout=2.0).apply()
        self.reactor.advance(1.9)
        self.assertFalse(first.is_closing)
        self.reactor.advance(0.2)
        self.assertTrue(first.is_closing)
        second = connect(self.factory, self.reactor)
        self.prepared(service, silent_timeout=4.0).apply()
        self.reactor.advance(3.9)
        self.assertFalse(second.is_closing)
        self.reactor.advance(0.2)
        self.assertTrue(second.is_closing)

    def test_drained(self) -> None:
        """A service that accepts nothing opens no port; it knows the new ones for when it does."""
        service = self.started()
        service.drain()
        change = self.prepared(service, listen=("tcp:7005",))
        change.apply()
        self.assertEqual(1, len(self.reactor.ports))
        service.startService()
        self.assertEqual(7005, self.reactor.ports[1].getHost().port)  # type: ignore[attr-defined]


class EndTests(ListeningTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.running = self.started("tcp:7001", "tcp:7002")

    def close_ports(self) -> None:
        """The listeners are closed."""
        for port in self.reactor.ports:
            port.closed.callback(None)

    def test_drain(self) -> None:
        """Draining closes the listeners and leaves the connections alone; it is done when all listeners are."""
        caller = connect(self.factory, self.reactor)
        drained = self.running.drain()
        self.assertEqual(([True, True], []), ([port.is_closing for port in self.reactor.ports], self.running.listening()))
        self.reactor.ports[0].closed.callback(None)
        self.assertNoResult(drained)
        self.reactor.ports[1].closed.callback(None)
        self.successResultOf(drained)
        self.assertFalse(caller.is_closing)
        self.successResultOf(self.running.drain())

    def test_pause(self) -> None:
        """While it pauses, people read that nobody can connect; endpoints stay, and so do connections."""
        caller = connect(self.factory, self.reactor)
        before = self.running.listening()
        self.running.pause()
        self.assertFalse(self.running.is_accepting)
        self.assertEqual({"nobody: netd is draining"}, {place.reach for place in self.running.listening()})
        self.assertEqual([False, False], [port.is_closing for port in self.reactor.ports])
        self.assertFalse(caller.is_closing)
        self.running.resume()
        self.assertEqual((True, before), (self.running.is_accepting, self.running.listening()))

    def test_resume_with_one_that_is_taken(self) -> None:
        """An endpoint that is not to be had any more keeps none of the others closed."""
        first, _ = self.running._listeners
        first.ports.append(ParkedPort(IPv4Address("TCP", "127.0.0.1", 7001)))
        self.running.pause()
        self.assertIn("Address already in use", str(self.assertRaises(CannotListen, self.running.resume)))
        one, two = [place.reach for place in self.running.listening()]
        self.assertIn("another program has taken the address", one)
        self.assertNotIn("nobody", two)
        first.ports.pop()

    def test_endpoints_while_it_pauses(self) -> None:
        """An endpoint that a reload adds meanwhile accepts nobody either, until the service resumes."""
        self.running.pause()
        change = prepared(self.running, Options(listen=("tcp:5051",)))
        change.apply()
        self.assertEqual(["nobody: netd is draining"], [place.reach for place in self.running.listening()])
        self.running.resume()
        self.assertNotIn("nobody", str(self.running.listening()))

    def test_no_endpoint_left(self) -> None:
        """A service whose only endpoint could not be opened in the end tries again with the next reload."""
        self.running._listeners.close()
        prepared(self.running, Options(listen=("tcp:5051",))).apply()
        self.assertEqual(1, len(self.running.listening()))

    def test_sockets_of_systemd(self) -> None:
        """Where a socket of systemd listens is known when it does: one that others reach needs `access`, too."""
        service = ListeningService(Options(listen=("systemd:domain=INET:name=pump",)), self.factory, self.reactor)
        for host, is_good in (("127.0.0.1", True), ("0.0.0.0", False)):
            port = SimpleNamespace(getHost=lambda host=host: IPv4Address("TCP", host, 7001))
            found = SimpleNamespace(description="systemd:domain=INET:name=pump", ports=[port])
            service._listeners = [found]  # type: ignore[assignment]
            if is_good:
                service._check_sockets()
            else:
                why = str(self.assertRaises(CannotListen, service._check_sockets))
                self.assertIn("[pump:lab2] other machines reach 0.0.0.0:7001: write who may connect: `access = peers`", why)

    def test_admitted(self) -> None:
        """Where it is written who may connect, that is shown in place of who can reach the address."""
        options = Options(listen=("tcp:7001:interface=0.0.0.0",), access=(AccessWord.TOKENS, AccessWord.LOOPBACK))
        service = ListeningService(options, self.factory, self.reactor)
        service.startService()
        self.assertEqual([ListeningPlace("0.0.0.0:7001", "programs on this machine, programs with a token")], service.listening())
        prepared(service, Options(listen=("tcp:7001:interface=0.0.0.0",), access=(AccessWord.ANYONE,))).apply()
        self.assertEqual(["anyone"], [place.reach for place in service.listening()])

    def test_does_not_listen(self) -> None:
        """A service that has not started, or has drained for good, opens nothing in a reload."""
        for service in (ListeningService(Options(listen=("tcp:5050",)), self.factory, self.reactor), self.running):
            service.drain()
            prepared(service, Options(listen=("tcp:5051",))).apply()
            self.assertEqual([], service.listening())

    def test_pause_before_the_start(self) -> None:
        """So it is with a service that starts while the daemon drains."""
        late = ListeningService(Options(listen=("tcp:5050",)), self.factory, Reactor())
        late.pause()
        late.startService()
        self.assertEqual((False, 1), (late.is_accepting, len(late.listening())))
        late.resume()
        self.assertTrue(late.is_accepting)

    def test_finish(self) -> None:
        """Finishing closes connections and leaves the endpoints; stopping meanwhile waits for the same end, and both are told."""
        caller = connect(self.factory, self.reactor)
        finished = self.running.finish()
        self.assertTrue(caller.is_closing)
        stopped = self.running.stopService()
        self.close_ports()
        self.assertNoResult(finished)
        caller.protocol.connectionLost(Failure(ConnectionDone()))
        self.successResultOf(finished)
        self.successResultOf(stopped)

    def test_stop_without_connections(self) -> None:
        """A service with no connection has stopped as soon as its listeners are closed; no timer is left."""
        stopped = self.running.stopService()
        self.assertNoResult(stopped)
        self.close_ports()
        self.successResultOf(stopped)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_polite_stop(self) -> None:
        """Each connection is told politely, and the service has stopped when the last one has gone."""
        callers = [connect(self.factory, self.reactor) for _ in range(2)]
        stopped = self.running.stopService()
        self.assertFalse(callers[0].is_closing, "nobody is closed while somebody may still come in")
        self.close_ports()
        self.assertTrue(all(caller.is_closing for caller in callers))
        self.assertEqual({"netd stops"}, {caller.protocol.peer.reason for caller in callers})
        callers[0].lose()
        self.assertNoResult(stopped)
        callers[1].lose()
        self.successResultOf(stopped)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_deadline(self) -> None:
        """Whoever does not go in time is cut, with a line in the log; the daemon does not wait for ever."""
        caller = self.stubborn()
        stopped = self.running.stopService()
        self.close_ports()
        self.reactor.advance(1.9)
        self.assertFalse(caller.transport.disconnected)
        with capturedLogs() as events:
            self.reactor.advance(0.2)
        self.assertTrue(caller.transport.disconnected)
        self.assertIn(("pump:lab2", 1), [(event.get("service"), event.get("count")) for event in events])
        caller.lose()
        self.successResultOf(stopped)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_end_of_those_that_are_cut(self) -> None:
        """The daemon does not end before each connection that it cut has its own last line in the log, with who and why."""
        callers = [self.stubborn(), self.stubborn()]
        for caller in callers:
            caller.say(b"hello")
        stopped = self.running.stopService()
        self.close_ports()
        self.reactor.advance(2.0)
        with capturedLogs() as events:
            stopped.addCallback(lambda _: self.assertEqual(2, len([e for e in events if "bytes_in" in e])))
            for caller in callers:
                self.assertNoResult(stopped)
                caller.lose()
        self.successResultOf(stopped)
        self.assertEqual(["netd stops"] * 2, [event["why"] for event in events if "bytes_in" in event])

    def test_name_in_the_log(self) -> None:
        """Twisted's own log lines name the section, and no class of netd's."""
        self.assertEqual("pump:lab2", self.factory.logPrefix())

    def test_reasons(self) -> None:
        """A service that drains, and may go on later, does not say that netd stops: neither politely nor when it cuts."""
        caller, stubborn = connect(self.factory, self.reactor), self.stubborn()
        self.running.pause()
        finished = self.running.finish()
        with capturedLogs() as events:
            caller.lose()
            self.reactor.advance(2.0)
            stubborn.lose()
        self.successResultOf(finished)
        self.assertEqual(["netd drains"] * 2, [event["why"] for event in events if "bytes_in" in event])

    def test_one_of_two_is_stubborn(self) -> None:
        """One that goes in time does not make the service forget the one that does not."""
        caller, stubborn = connect(self.factory, self.reactor), self.stubborn()
        stopped = self.running.stopService()
        self.close_ports()
        caller.lose()
        self.assertNoResult(stopped)
        stubborn.lose()
        self.successResultOf(stopped)

    def stubborn(self) -> Connection:
        """A connection whose other side keeps it open for longer than a polite end takes."""
        caller = connect(self.factory, self.reactor)
        caller.transport._tempDataLen = 1  # type: ignore[attr-defined]  # as in the transports of TCP
        return caller
