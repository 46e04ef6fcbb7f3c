"""What the service manager hears of the daemon, from a socket of the test's own."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.notify import EVERY, MOST_STATUS, STEP, NotifyService, make_notify_service


class NotifyTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, folder)
        self.address = str(folder / "notify")
        self.clock = Clock()
        self.addCleanup(lambda: self.assertEqual([], self.clock.getDelayedCalls()))  # runs after all other cleanups
        self.clock.advance(100)
        self.is_opening = False
        self.manager = self.listen(self.address)

    def listen(self, address: str) -> socket.socket:
        """A socket as the service manager has it."""
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(address)
        manager.setblocking(False)
        return manager

    def start(self, **environ: str) -> NotifyService:
        """The service, started with the environment that systemd gives."""
        found = {"NOTIFY_SOCKET": self.address} | environ
        service = make_notify_service(found, self.clock, lambda: "serving, 3 connections", lambda: self.is_opening)
        service.startService()
        self.addCleanup(service.stopService)
        return service

    def heard(self) -> list[list[str]]:
        """The assignments of each message that has come."""
        messages = []
        while True:
            try:
                messages.append(self.manager.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return messages


class StateTests(NotifyTestCase):
    def test_ready(self) -> None:
        """The start is over once the service runs; the message names the process, and says how it does."""
        self.start()
        self.assertEqual([["READY=1", f"MAINPID={os.getpid()}", "STATUS=serving, 3 connections"]], self.heard())

    def test_late_port(self) -> None:
        """While a port is tried still, the start goes on, and the service manager gives it time."""
        self.is_opening = True
        self.start()
        self.assertEqual([["EXTEND_TIMEOUT_USEC=30000000"]], [message[:1] for message in self.heard()])
        self.is_opening = False
        self.clock.advance(STEP)
        self.assertEqual(["READY=1"], [message[0] for message in self.heard()])
        self.is_opening = True
        self.clock.advance(EVERY)
        self.assertEqual(["READY=1"], [message[0] for message in self.heard()])

    def test_reload(self) -> None:
        """A reload is told with its beginning, and with what became of it; later messages tell it still."""
        service = self.start()
        self.heard()
        service.reload_begins()
        service.reload_ended("2 options changed")
        begun, ended = self.heard()
        self.assertEqual(["RELOADING=1", "MONOTONIC_USEC=100000000"], begun[:2])
        self.assertEqual(["READY=1", "STATUS=serving, 3 connections; 2 options changed"], [ended[0], ended[2]])
        self.clock.advance(EVERY)
        self.assertEqual([ended], self.heard())

    def test_long_outcome(self) -> None:
        """A refusal with many lines is one line of bounded length, and no line of its own can pass for an assignment."""
        self.start().reload_ended("refused: x.ini:3: bad\nSTOPPING=1\n" + "x" * 9000)
        self.clock.advance(EVERY)
        for message in self.heard():
            self.assertEqual(3, len(message))
            self.assertLessEqual(len(message[2]), len("STATUS=") + MOST_STATUS)

    def test_stop(self) -> None:
        """A stop is told, and goes on being told, each time with more time to finish; a reload changes that no more."""
        service = self.start()
        service.stops()
        service.reload_ended("0 options changed")
        self.clock.advance(EVERY)
        self.assertEqual([["STOPPING=1", "EXTEND_TIMEOUT_USEC=30000000"]] * 2, [message[:2] for message in self.heard()[1:]])

    def test_before_the_start_and_after_the_end(self) -> None:
        """A daemon that could not start, or has ended, tells nothing."""
        service = make_notify_service({"NOTIFY_SOCKET": self.address}, self.clock, str, bool)
        service.reload_begins()
        service.stops()
        service.stopService()
        self.assertEqual([], self.heard())


class WatchdogTests(NotifyTestCase):
    def test_beats(self) -> None:
        """The watchdog hears from the loop three times within its limit."""
        self.start(WATCHDOG_USEC="3000000", WATCHDOG_PID=str(os.getpid()))
        self.clock.pump([0.5] * 6)
        self.assertEqual(["WATCHDOG=1"] * 4, [message[-1] for message in self.heard()])

    def test_long_limit(self) -> None:
        """With an hour's limit the status line stays fresh all the same."""
        self.start(WATCHDOG_USEC="3600000000")
        self.clock.advance(EVERY)
        self.assertEqual(["WATCHDOG=1"] * 2, [message[-1] for message in self.heard()])

    def test_not_for_us(self) -> None:
        """A watchdog for another process, or with a limit that is none, is not fed."""
        for environ in ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}):
            self.start(**environ)
            self.assertNotIn("WATCHDOG=1", self.heard()[0])


class SocketTests(NotifyTestCase):
    def test_abstract(self) -> None:
        """An address that begins with @ is in the abstract name space."""
        name = f"netd-test-{os.getpid()}"
        self.manager = self.listen(f"\0{name}")
        self.start(NOTIFY_SOCKET=f"@{name}")
        self.assertEqual(1, len(self.heard()))

    def test_nobody_there(self) -> None:
        """Without a service manager there is no timer, and an address that nobody has, or nobody can have, does no harm."""
        for address in ("", "vsock:2:1234"):
            self.start(NOTIFY_SOCKET=address)
            self.assertEqual([], self.clock.getDelayedCalls())
        for address in ("/nowhere/notify", "/" + "x" * 300, "/a\0b"):
            self.start(NOTIFY_SOCKET=address)
            self.clock.advance(EVERY)
        self.assertEqual([], self.heard())
