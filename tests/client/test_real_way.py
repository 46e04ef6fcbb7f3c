"""The way over sockets, on real ones."""

from __future__ import annotations

import contextlib
import socket
import threading

from twisted.trial.unittest import SynchronousTestCase

from netd.client.way_sockets import waiter_for
from tests.process import PATIENCE


class WaiterTests(SynchronousTestCase):
    def test_wait(self) -> None:
        """Something to read, and the end, end the wait for it; room to write ends the other."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        wait = waiter_for(ours)
        self.assertEqual((wait(0.01, False), wait(PATIENCE, True)), (False, True))
        theirs.close()
        self.assertEqual((wait(PATIENCE, False), wait(None, False), wait(None, True)), (True, True, True))

    def test_closed_by_another_thread(self) -> None:
        """A thread that waits is woken by another one that hangs up, however soon the socket is gone after that."""
        for _ in range(100):
            ours, theirs = socket.socketpair()
            begun, over = threading.Event(), threading.Event()
            threading.Thread(target=self.wait_for_end, args=(ours, begun, over), daemon=True).start()
            begun.wait(PATIENCE)
            ours.shutdown(socket.SHUT_RDWR)
            ours.close()
            theirs.close()
            self.assertTrue(over.wait(PATIENCE))

    @staticmethod
    def wait_for_end(connection: socket.socket, begun: threading.Event, over: threading.Event) -> None:
        """Wait on *connection*, and tell when that is over, whatever came of it."""
        wait = waiter_for(connection)
        begun.set()
        with contextlib.suppress(OSError):
            wait(2 * PATIENCE, False)
        over.set()
