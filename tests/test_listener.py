"""One description and its ports: loopback by all its addresses, ports that are taken, and ports that are not free yet."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

from twisted.internet import tcp
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import succeed
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.factory import PeerFactory
from netd.holders import Holder
from netd.listener import AGAIN, PATIENCE, CannotListen, HeldByNetd, Listener, reach_of
from netd.listening import make_context
from tests.tls import make_certificate

ALL = ["127.0.0.1", "::1", "127.0.1.1"]


class Port:
    """A listener."""

    def __init__(self, host: Any) -> None:
        self.host = host
        self.is_open = True

    def getHost(self) -> Any:
        return self.host

    def stopListening(self) -> Any:  # noqa: N802 - as Twisted calls it
        self.is_open = False
        return succeed(None)


class Machine(MemoryReactorClock):
    """A machine with some addresses, and some ports in use.

    :ivar troubles: the error number for an address.
    :ivar held: who has the addresses that are in use.
    """

    def __init__(self) -> None:
        super().__init__()
        self.troubles: dict[str, int] = {}
        self.held: list[Holder] | None = []
        self.asked: list[tuple[str, int]] = []
        self.chosen = 40000

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:  # noqa: N802 - as Twisted calls it
        trouble = self.troubles.get(interface)
        if trouble is not None:
            raise CannotListenError(interface, port, OSError(trouble, os.strerror(trouble)))
        super().listenTCP(port, factory, backlog, interface)
        self.chosen += port == 0
        return Port((IPv6Address if ":" in interface else IPv4Address)("TCP", interface, port or self.chosen))

    def holders(self, host: str, port: int) -> list[Holder] | None:
        """See :func:`netd.holders.holders_of`."""
        self.asked.append((host, port))
        return self.held

    def listens(self) -> list[str]:
        """The addresses that are listened on."""
        return [server[3] for server in self.tcpServers]


class ListenerTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.machine = Machine()
        self.opened: list[Any] = []

    def make(self, description: str = "loopback:5050", name: str = "relay") -> Listener:
        """A listener of a service."""
        factory = PeerFactory(name, make_context(self.machine, 30.0))
        return Listener(description, factory, self.machine, "Do something.", self.opened.append, holders=self.machine.holders)

    def opens(self, description: str = "loopback:5050") -> Listener:
        """The same, opened."""
        listener = self.make(description)
        listener.open()
        return listener

    def refusal(self, description: str = "loopback:5050", name: str = "relay") -> str:
        """What a person reads when that cannot be listened on."""
        return str(self.assertRaises(CannotListen, self.make(description, name).open))


class LoopbackTests(ListenerTestCase):
    def test_all_addresses(self) -> None:
        """`localhost` is found by IPv4, by IPv6 and by the machine's own name; for people it is one place."""
        listener = self.opens()
        self.assertEqual(ALL, self.machine.listens())
        self.assertEqual([("127.0.0.1:5050", "this machine only")], [(place.address, place.reach) for place in listener.places()])
        self.assertEqual(listener.ports, self.opened)

    def test_absent_addresses(self) -> None:
        """A machine without IPv6, or one whose loopback is 127.0.0.1 alone, serves what it has."""
        for host, trouble in (("::1", errno.EAFNOSUPPORT), ("::1", errno.EADDRNOTAVAIL), ("127.0.1.1", errno.EADDRNOTAVAIL)):
            self.machine = Machine()
            self.machine.troubles = {host: trouble}
            self.opens()
            self.assertEqual([each for each in ALL if each != host], self.machine.listens())

    def test_no_address(self) -> None:
        """A machine without any of them says so."""
        self.machine.troubles = dict.fromkeys(ALL, errno.EADDRNOTAVAIL)
        self.assertEqual("[relay] cannot listen on loopback:5050: Cannot assign requested address. Do something.", self.refusal())

    def test_one_port_for_all(self) -> None:
        """A port that the system chooses is the same on each address; where it is taken, that address goes without."""
        listener = self.opens("loopback:0")
        self.assertEqual([("127.0.0.1", 40001), ("::1", 40001), ("127.0.1.1", 40001)], [at(port) for port in listener.ports])
        self.machine.troubles = {"::1": errno.EADDRINUSE}
        listener = self.opens("loopback:0")
        self.assertEqual([("127.0.0.1", 40002), ("127.0.1.1", 40002)], [at(port) for port in listener.ports])

    def test_backlog(self) -> None:
        """How many may wait can be written, as with every type."""
        self.opens("loopback:5050:backlog=7")
        self.assertEqual({7}, {server[2] for server in self.machine.tcpServers})

    def test_behind_a_proxy(self) -> None:
        """A proxy on this machine can be in front, and say whose each connection is."""
        self.opens("haproxy:loopback:5050")
        self.assertEqual({"_GuardedFactory"}, {type(server[1]).__name__ for server in self.machine.tcpServers})

    def test_close(self) -> None:
        """All of them are closed together."""
        listener = self.opens()
        ports = list(listener.ports)
        self.assertEqual(3, len(listener.close()))
        self.assertEqual(([], [False] * 3), (listener.places(), [port.is_open for port in ports]))


class TlsTests(ListenerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pem = Path(self.mktemp()).absolute()
        make_certificate(self.pem)

    def test_endpoints(self) -> None:
        """TLS listens where it is told to, by default everywhere; a proxy's header comes before it."""
        pem = self.pem
        for description, host, port, factory in (
            (f"ssl:5051:privateKey={pem}", "0.0.0.0", 5051, "SecuredFactory"),
            (f"ssl:5051:privateKey={pem}:certKey={pem}:interface=127.0.0.1", "127.0.0.1", 5051, "SecuredFactory"),
            (f"tls:{pem.parent}", "::", 443, "SecuredFactory"),
            (f"haproxy:ssl:5051:privateKey={pem}", "0.0.0.0", 5051, "_GuardedFactory"),
        ):
            self.opens(description)
            server = self.machine.tcpServers[-1]
            self.assertEqual((host, port, factory), (server[3], server[0], type(server[1]).__name__), description)

    def test_gone(self) -> None:
        """A certificate that went away after the configuration was read is one line, as any endpoint that is not to be had."""
        self.pem.unlink()
        text = f"[relay] cannot listen on ssl:5051:privateKey={self.pem}: {self.pem} cannot be read: No such file or directory"
        self.assertEqual(text, self.refusal(f"ssl:5051:privateKey={self.pem}"))


class TakenTests(ListenerTestCase):
    """Somebody else listens on the port."""

    def setUp(self) -> None:
        super().setUp()
        self.machine.troubles = {"127.0.0.1": errno.EADDRINUSE}
        self.machine.held = [Holder(True, "python3 old_server.py (pid 12)"), Holder(False, None)]

    def test_who(self) -> None:
        """The program is named, and so is the one option that gives netd another port."""
        self.assertEqual(
            "[relay] cannot listen on loopback:5050: python3 old_server.py (pid 12) listens on 127.0.0.1:5050 already. "
            "Stop it, or choose another port: `listen = loopback:PORT` in [relay], or at a start the environment variable "
            "NETD_RELAY_LISTEN=loopback:PORT.",
            self.refusal(),
        )
        self.assertEqual([("127.0.0.1", 5050)], self.machine.asked)
        self.assertEqual([], self.machine.getDelayedCalls())

    def test_own(self) -> None:
        """A port of netd's own may be given up in a moment: that is told apart."""
        self.machine.held = [Holder(True, "netd (pid 1)", is_own=True)]
        self.assertRaises(HeldByNetd, self.opens)
        self.machine.held.append(Holder(True, "other (pid 2)"))
        self.assertIn("other (pid 2)", str(self.assertRaises(CannotListen, self.opens)))

    def test_own_unix_socket(self) -> None:
        """So is a unix socket, by the lock beside it."""
        path = Path(self.mktemp()).absolute()
        cause = OSError(errno.EADDRINUSE, "Address already in use")

        def refuse(*_arguments: Any, **_more: Any) -> None:
            raise CannotListenError(None, str(path), cause)

        self.machine.listenUNIX = refuse  # type: ignore[method-assign]
        for pid, kind in ((os.getpid(), HeldByNetd), (1, CannotListen)):
            lock = Path(f"{path}.lock")
            lock.unlink(missing_ok=True)
            lock.symlink_to(str(pid))
            self.assertIs(type(self.assertRaises(CannotListen, self.opens, f"unix:{path}")), kind)

    def test_failure_leaves_no_lock(self) -> None:
        """A unix socket of another program's stays that of another program: the lock of the attempt to listen on it goes."""
        path = Path(self.mktemp()).absolute()
        lock = Path(f"{path}.lock")

        def refuse(*_arguments: Any, **_more: Any) -> None:
            lock.symlink_to(str(os.getpid()))
            raise CannotListenError(None, str(path), OSError(errno.EADDRINUSE, "Address already in use"))

        self.machine.listenUNIX = refuse  # type: ignore[method-assign]
        for _ in range(2):
            self.assertIs(type(self.assertRaises(CannotListen, self.opens, f"unix:{path}")), CannotListen)
            self.assertFalse(lock.is_symlink())

    def test_instance(self) -> None:
        """Another instance has its own section and variable; what else was written about the endpoint stays in the advice."""
        text = self.refusal("tcp:5050:interface=127.0.0.1:backlog=5", "relay:lab2")
        self.assertIn("`listen = tcp:PORT:interface=127.0.0.1:backlog=5` in [relay:lab2]", text)
        self.assertIn(" NETD_RELAY_LAB2_LISTEN=tcp:PORT:interface=127.0.0.1:backlog=5.", text)

    def test_hidden(self) -> None:
        """A program of somebody else cannot be named: the command that can is."""
        self.machine.held = [Holder(True, None)]
        self.assertIn("another program listens on 127.0.0.1:5050 already (as root, `ss -ltnp sport = :5050`", self.refusal())

    def test_not_to_be_seen(self) -> None:
        """Where the operating system tells nothing, a port in use is somebody's."""
        self.machine.held = None
        self.assertIn("another program listens on 127.0.0.1:5050 already", self.refusal())

    def test_second_address(self) -> None:
        """Whoever has one of the addresses of `localhost` would get a part of the programs: netd does not start beside it."""
        self.machine.troubles = {"::1": errno.EADDRINUSE}
        self.assertIn("listens on [::1]:5050 already", self.refusal())


class LateTests(ListenerTestCase):
    """Nobody listens on the port, and yet it is not to be had: connections of an old server are still ending."""

    def setUp(self) -> None:
        super().setUp()
        self.machine.troubles = {"127.0.0.1": errno.EADDRINUSE}
        self.machine.held = [Holder(False, None)]
        with capturedLogs() as events:
            self.listener = self.opens()
        self.assertEqual(["127.0.0.1:5050"], [event["address"] for event in events])

    def places(self) -> dict[str, str]:
        return {place.address: place.reach for place in self.listener.places()}

    def wait(self, seconds: float) -> list[Any]:
        """Let so much time pass; what is logged."""
        with capturedLogs() as events:
            for _ in range(round(seconds / AGAIN)):
                self.machine.advance(AGAIN)
        return events

    def test_told(self) -> None:
        """The other addresses are open, and this one is said to come."""
        self.assertEqual(["::1", "127.0.1.1"], self.machine.listens())
        self.assertEqual(["[::1]:5050", "127.0.0.1:5050"], list(self.places()))
        self.assertIn("old connections to this port are still ending; tried for up to 70 s", self.places()["127.0.0.1:5050"])

    def test_opens_later(self) -> None:
        """As soon as the last of them is gone, netd listens, and says so."""
        self.assertEqual([], self.wait(62))
        self.assertTrue(self.listener.is_opening)
        self.machine.troubles = {}
        (event,) = self.wait(AGAIN)
        self.assertEqual("127.0.0.1:5050", event["address"])
        self.assertEqual(({"::1", "127.0.1.1", "127.0.0.1"}, 3), (set(self.machine.listens()), len(self.opened)))
        self.assertEqual([], self.machine.getDelayedCalls())
        self.assertNotIn("nobody", " ".join(self.places().values()))
        self.assertFalse(self.listener.is_opening)

    def test_gives_up(self) -> None:
        """After 70 s that was not the reason: an error says so, and the status too."""
        (event,) = self.wait(PATIENCE + 5)
        self.assertIn("[relay] cannot listen on loopback:5050: Address already in use. Do something.", str(event["error"]))
        self.assertIn("nobody: it could not be opened, and the log says why", self.places()["127.0.0.1:5050"])
        self.assertFalse(self.listener.is_opening)
        self.assertEqual([], self.machine.getDelayedCalls())

    def test_connection_that_stays(self) -> None:
        """A program whose connection on that port does not end is named then: a child of the old server, or a client."""
        self.machine.held = [Holder(False, None), Holder(False, "python3 child.py (pid 4)")]
        (event,) = self.wait(PATIENCE + 5)
        self.assertIn("python3 child.py (pid 4) still has a connection on 127.0.0.1:5050. Stop it, or", str(event["error"]))

    def test_somebody_comes(self) -> None:
        """Somebody who listens there meanwhile is named at once."""
        self.machine.held = [Holder(True, "python3 (pid 3)")]
        (event,) = self.wait(3 * AGAIN)
        self.assertIn("python3 (pid 3) listens on 127.0.0.1:5050 already", str(event["error"]))
        self.assertEqual([], self.machine.getDelayedCalls())

    def test_other_trouble(self) -> None:
        """A port below 1024 whose turn comes after privileges were given up is told at once, too."""
        self.machine.troubles = {"127.0.0.1": errno.EACCES}
        (event,) = self.wait(3 * AGAIN)
        self.assertIn("Permission denied", str(event["error"]))

    def test_closed_meanwhile(self) -> None:
        """A service that stops tries no more."""
        self.listener.close()
        self.assertEqual(([], []), (self.machine.getDelayedCalls(), self.listener.places()))

    def test_every_address(self) -> None:
        """It may be every address of the place that has to be waited for; other types than loopback wait as well."""
        self.machine.troubles = dict.fromkeys([*ALL, ""], errno.EADDRINUSE)
        for description, count in (("loopback:7", 3), ("tcp:7", 1)):
            listener = self.opens(description)
            self.assertEqual(([], count), (listener.ports, len(listener.places())))
            listener.close()


class ReachTests(SynchronousTestCase):
    def test_words(self) -> None:
        """Nobody has to know what 0.0.0.0 or a zone means to see who may connect."""
        for host, words in (
            ("127.0.0.1", "this machine only"),
            ("127.8.0.1", "this machine only"),
            ("::1", "this machine only"),
            ("0.0.0.0", "every machine that reaches this one"),
            ("", "every machine that reaches this one"),
            ("::", "every machine that reaches this one"),
            ("192.168.1.20", "machines that reach 192.168.1.20"),
            ("fe80::1%eth0", "machines that reach fe80::1%eth0"),
        ):
            self.assertEqual(words, reach_of((IPv6Address if ":" in host else IPv4Address)("TCP", host, 1)))
        self.assertEqual("users of this machine who may open the socket file", reach_of(UNIXAddress(b"/run/pump.sock")))


def at(port: Any) -> tuple[str, int]:
    """Where *port* listens."""
    return port.getHost().host, port.getHost().port


class ParkedPort(tcp.Port):
    """A port whose address somebody else has taken, until the test says otherwise."""

    def __init__(self, host: IPv4Address) -> None:
        self.host = host
        self.socket = self
        self.family = socket.AF_UNIX
        self.is_taken = True

    def getHost(self) -> IPv4Address:
        return self.host

    def stopReading(self) -> None:
        """It is parked."""

    def startReading(self) -> None:
        """It accepts again, or would."""
        if self.is_taken:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


class ParkingTests(ListenerTestCase):
    def test_taken(self) -> None:
        """Where an address was taken meanwhile, the error says which, people read why nobody is accepted, and can try again."""
        listener = self.make("tcp:5050")
        port = ParkedPort(IPv4Address("TCP", "127.0.0.1", 5050))
        listener.ports.append(port)
        listener.park()
        self.assertEqual("nobody: netd is draining", listener.places()[0].reach)
        why = str(self.assertRaises(CannotListen, listener.unpark))
        self.assertEqual(why, "[relay] cannot listen on tcp:5050: Address already in use. Do something.")
        self.assertIn("another program has taken the address", listener.places()[0].reach)
        port.is_taken = False
        listener.unpark()
        self.assertEqual("this machine only", listener.places()[0].reach)
