"""Tests of :mod:`netd.wire.tools.recorder`: what is opened, and what a person is told about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.holders import Holder
from netd.wire.recording import Transport
from netd.wire.tools.drafts import Attempted, LearnFailed
from netd.wire.tools.order import LearnOrder
from netd.wire.tools.recorder import WireRecorder, remedy
from tests.wire.tools.test_drafts import PLAIN


class RecordingReactor(MemoryReactorClock):
    """A reactor in memory on which ports can be taken."""

    running = True
    taken: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self.stopped = 0
        self.udp: list[tuple[Any, ...]] = []

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:  # noqa: N802
        """Listen, unless the port is taken."""
        if self.taken == port:
            raise CannotListenError(interface, port, OSError(98, "Address already in use"))
        return super().listenTCP(port, factory, backlog, interface)

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> Any:  # noqa: N802, N803
        """Listen for datagrams, unless the port is taken."""
        if self.taken == port:
            raise CannotListenError(interface, port, OSError(13, "Permission denied"))
        self.udp.append((port, protocol, interface, maxPacketSize))

    def call_hooks(self) -> None:
        """Do what a reactor does when it begins to run."""
        while self.whenRunningHooks:
            called, arguments, _ = self.whenRunningHooks.pop(0)
            called(*arguments)

    def stop(self) -> None:
        self.stopped += 1


class RecorderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = RecordingReactor()
        self.told: list[str] = []

    def recorder(self, **options: Any) -> WireRecorder:
        order = LearnOrder(**{**PLAIN, "into": ".", **options})
        return WireRecorder(order, self.reactor, 1903867200.0, self.told.append)

    def begin(self, **options: Any) -> WireRecorder:
        recorder = self.recorder(**options)
        recorder.begin()
        self.reactor.call_hooks()
        return recorder

    def end(self) -> None:
        """The reactor shuts down."""
        for trigger in self.reactor.triggers["before"]["shutdown"]:
            trigger[0](*trigger[1], **trigger[2])

    def test_listens(self) -> None:
        """One port of the loopback, until a person or the time ends it; what comes after that is not recorded."""
        recorder = self.begin(seconds=60.0)
        ((port, factory, _, interface),) = self.reactor.tcpServers
        self.assertEqual((9000, "127.0.0.1"), (port, interface))
        self.assertEqual(
            [
                "listens on tcp port 9000 of 127.0.0.1; for a program on another machine: --interface 0.0.0.0",
                "there is no old server: what the program waits for is tried after 3 s; --through HOST:PORT records both",
                "recording; it ends after 60 s, or with Ctrl-C",
            ],
            self.told,
        )
        program = factory.buildProtocol(None)
        program.makeConnection(StringTransport())
        self.reactor.advance(60)
        self.assertEqual(1, self.reactor.stopped)
        self.assertEqual(2, len(recorder.recording().events))
        self.end()
        program.dataReceived(b"late\n")
        self.assertEqual(2, len(recorder.recording().events))

    def test_all_addresses(self) -> None:
        """Other machines reach it where that is asked for, and the addresses to connect to are named."""
        self.begin(interface="0.0.0.0")
        self.assertRegex(self.told[0], r"listens on tcp port 9000 of 127\.0\.0\.1.*: programs on other machines reach it")
        self.begin(interface="192.0.2.1")
        self.assertEqual("listens on tcp port 9000 of 192.0.2.1", self.told[3])

    def test_through(self) -> None:
        """An old server is named; nothing is tried, since it answers."""
        recorder = self.begin(through=("127.0.0.1", 9001))
        self.assertIn("passes everything on to the old server at 127.0.0.1:9001", self.told)
        self.assertEqual((), recorder.attempted())

    def test_through_itself(self) -> None:
        """A port that would be passed on to itself is refused."""
        for options in ({}, {"interface": "0.0.0.0"}, {"through": ("localhost", 9000)}):
            recorder = self.recorder(**{"through": ("127.0.0.1", 9000), **options})
            self.assertIn("the port of netd learn itself", str(self.assertRaises(LearnFailed, recorder.begin)))
        self.begin(through=("192.0.2.1", 9000))

    def test_attempts(self) -> None:
        """After which messages the program went on is known at the end; what a person has chosen is no attempt."""
        recorder = self.begin()
        program = self.reactor.tcpServers[0][1].buildProtocol(None)
        program.makeConnection(StringTransport())
        program.dataReceived(b"HELLO\n")
        self.reactor.advance(3)
        program.dataReceived(b"T=1\n")
        self.assertEqual((Attempted(b"HELLO\n", b"OK\n"),), recorder.attempted())
        self.assertEqual((), self.recorder(say=r"yes\n").attempted())

    def test_mistaken_text(self) -> None:
        """An escape that there is not is told."""
        mistake = self.assertRaises(LearnFailed, self.recorder, say=r"\q")
        self.assertIn(r"--say: \q is no escape", str(mistake))

    def test_datagrams(self) -> None:
        """Datagrams of any size are taken; the old server's name is looked up before."""
        self.begin(udp=True)
        self.begin(udp=True, through=("localhost", 9001))
        self.assertEqual([(9000, "127.0.0.1", 65536)] * 2, [(one[0], *one[2:]) for one in self.reactor.udp])
        nowhere = self.recorder(udp=True, through=("nowhere.invalid", 1))
        self.assertIn("--through: nowhere.invalid: ", str(self.assertRaises(LearnFailed, nowhere.begin)))

    def test_taken(self) -> None:
        """A port that is taken is told, with what to do."""
        self.reactor.taken = 9000
        why = str(self.assertRaises(LearnFailed, self.recorder().begin))
        self.assertIn("port 9000 of 127.0.0.1: Address already in use", why)
        self.assertIn("netd learn OTHER --through 127.0.0.1:9000", why)
        self.assertIn("Permission denied", str(self.assertRaises(LearnFailed, self.recorder(udp=True).begin)))

    def test_remedies(self) -> None:
        """The program that has the port is named; a port below 1024 needs another remedy."""
        order = LearnOrder(**{**PLAIN, "into": "."})
        self.assertIn(
            " by old.py (pid 7). Stop that program", remedy(order, [Holder(False, None), Holder(True, "old.py (pid 7)")])
        )

    def test_serial(self) -> None:
        """A serial port is opened, and nothing is tried on what may be a machine; one that is not there has its remedy."""
        recorder = self.recorder(port=None, device="serial:/dev/no-such-port:9600")
        self.assertRegex(str(self.assertRaises(LearnFailed, recorder.begin)), "^/dev/no-such-port: .*plug it in")
        self.assertEqual((Transport.SERIAL, True), (recorder.recording().transport, recorder.recording().is_dialled))
        wrong = self.recorder(port=None, device="serial:/dev/ttyACM0")
        self.assertIn("serial:/dev/ttyACM0:115200", str(self.assertRaises(LearnFailed, wrong.begin)))

    def test_serial_port_that_is_there(self) -> None:
        """What a board says is recorded."""
        board, port = os.openpty()
        self.addCleanup(os.close, board)
        self.addCleanup(os.close, port)
        path = Path(os.ttyname(port))
        recorder = self.begin(port=None, device=f"serial:{path}:9600")
        self.assertEqual(f"opens {path} at 9600 baud", self.told[0])
        (event,) = recorder.recording().events
        self.assertEqual(str(path).encode(), event.data)
        for reader in self.reactor.getReaders():
            reader.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(b"program", recorder.recording().events[-1].data)
