"""A connection as machines see it: its polite end, its one expiry, its back-pressure."""

from __future__ import annotations

import socket
import struct
from typing import Any

from twisted.internet.interfaces import INegotiated
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netd.connection.bounds import Bounds, Policy, Traffic
from netd.connection.budget import UNLIMITED, Budget
from netd.connection.peer import GLANCE, LINGER, LINGER_BYTES, STALL_CHECKS, Peer, PeerContext
from netd.connection.turn import Turn
from netd.interfaces import IPeer
from tests.connection.transports import FakeTransport

STALL = 30.0


@implementer(INegotiated)
class FakeTLS(FakeTransport):
    """A transport that cannot close one direction alone."""


class PipeTransport:
    """A transport with the bare minimum: no half-close, no idea how much is unsent."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """Not looked at."""

    def unregisterProducer(self) -> None:
        """Not looked at."""

    def resumeProducing(self) -> None:
        """Not looked at."""

    def loseConnection(self) -> None:
        """Close after what was written."""
        self.steps.append("close")

    def abortConnection(self) -> None:
        """Cut."""
        self.steps.append("abort")


class Owner:
    """Writes down what the peer tells its protocol."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def expired(self) -> None:
        self.calls.append("expired")

    def drained(self) -> None:
        self.calls.append("drained")


class PeerTests(SynchronousTestCase):
    """What all the tests below start from."""

    def setUp(self) -> None:
        """A peer on a transport that takes everything."""
        self.clock = Clock()
        self.owner = Owner()
        self.peer, self.transport = self.make_peer(FakeTransport())

    def make_peer(
        self, transport: FakeTransport, policy: Policy = Policy.PAUSE, size: int = 1 << 20
    ) -> tuple[Peer, FakeTransport]:
        """A peer on *transport*."""
        context = PeerContext(self.clock, Turn(self.clock.callLater), Traffic(), STALL)
        peer = Peer(transport, context, Bounds(policy, size), self.owner)
        peer.attach()
        return peer, transport

    def make_full(self, policy: Policy = Policy.PAUSE, size: int = 1 << 20, unsent: int = 100) -> None:
        """From now on a peer that does not read, with *unsent* bytes in the transport."""
        self.peer, self.transport = self.make_peer(FakeTransport(0), policy, size)
        self.send(bytes(unsent))
        self.transport.take_writes()

    def send(self, item: bytes) -> None:
        """Send, and let the turn end."""
        self.peer.send(item)
        self.clock.advance(0)

    def test_is_a_peer(self) -> None:
        """Machines can be tested with a recording peer, as it is the same to them."""
        verifyObject(IPeer, self.peer)


class CloseTests(PeerTests):
    def test_polite(self) -> None:
        """The last word is written, FIN follows it, and what still arrives is read for a second; then the connection is cut."""
        self.peer.send(b"|error: no|")
        self.peer.close("refused")
        self.assertEqual([b"|error: no|"], self.transport.writes)
        self.assertEqual(["resume", "FIN"], self.transport.steps)
        self.assertEqual((False, "refused"), (self.peer.is_open, self.peer.reason))
        self.clock.advance(LINGER - 0.01)
        self.assertEqual(["resume", "FIN"], self.transport.steps)
        self.clock.advance(0.01)
        self.assertEqual(["resume", "FIN", "abort"], self.transport.steps)
        self.assertEqual(([], []), (self.owner.calls, self.clock.getDelayedCalls()))

    def test_peer_closes_its_side(self) -> None:
        """A peer that closes after its FIN is gone at once, and nothing is left to do."""
        self.peer.close("done")
        self.peer.lost()
        self.clock.advance(0)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_nothing_is_sent_after_the_end(self) -> None:
        """What a machine says after its goodbye is not written, and it learns that."""
        self.peer.close("done")
        self.assertFalse(self.peer.send(b"late"))
        self.clock.advance(0)
        self.assertEqual([], self.transport.writes)

    def test_twice(self) -> None:
        """The first reason counts; a second close changes nothing, not even the second that is left."""
        self.peer.close("first")
        self.clock.advance(LINGER / 2)
        self.peer.close("second")
        self.assertEqual(("first", ["resume", "FIN"]), (self.peer.reason, self.transport.steps))
        self.clock.advance(LINGER / 2)
        self.assertEqual("abort", self.transport.steps[-1])

    def test_flood_after_the_end(self) -> None:
        """Input after the end is discarded up to a quarter of a mebibyte; a flood is cut at once."""
        self.peer.close("refused")
        self.peer.discard(bytes(LINGER_BYTES))
        self.assertNotIn("abort", self.transport.steps)
        self.peer.discard(b"x")
        self.assertEqual("abort", self.transport.steps[-1])
        self.assertEqual("refused", self.peer.reason)

    def test_reads_on_after_the_end(self) -> None:
        """A peer that was not being read from is read again, or its last bytes would turn into a reset of the connection."""
        self.peer.set_reading(False)
        self.peer.close("done")
        self.assertTrue(self.transport.is_reading)
        self.peer.set_reading(False)
        self.assertTrue(self.transport.is_reading)

    def test_over_tls(self) -> None:
        """TLS cannot close one direction: the connection is closed after what was written."""
        self.peer, self.transport = self.make_peer(FakeTLS())
        self.peer.send(b"bye")
        self.peer.close("done")
        self.assertEqual(([b"bye"], ["resume", "close"]), (self.transport.writes, self.transport.steps))
        self.clock.advance(LINGER)
        self.assertEqual("abort", self.transport.steps[-1])

    def test_without_half_close(self) -> None:
        """A transport that knows nothing of half-closing is closed in the ordinary way."""
        pipe = PipeTransport()
        context = PeerContext(self.clock, Turn(self.clock.callLater), Traffic(), STALL)
        peer = Peer(pipe, context, Bounds(Policy.PAUSE, 100), self.owner)
        peer.attach()
        peer.close("done")
        self.assertEqual(["close"], pipe.steps)

    def test_slow_reader_gets_all(self) -> None:
        """Who reads slowly is given the time that slow readers get, not a second: the last word is not lost."""
        self.make_full()
        self.send(b"last")
        self.peer.close("done")
        self.assertEqual([b"last"], self.transport.writes)
        self.clock.advance(LINGER)
        self.assertNotIn("abort", self.transport.steps)
        self.clock.advance(STALL)
        self.assertEqual("abort", self.transport.steps[-1])
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_transport_that_writes_later(self) -> None:
        """An ordinary transport hands over the last word a turn later: its peer is no slow one, and gets the usual second."""
        self.peer, self.transport = self.make_peer(FakeTransport(0))
        self.peer.send(b"last")
        self.peer.close("done")
        self.transport.read()
        self.clock.advance(GLANCE)
        self.clock.advance(LINGER - 0.01)
        self.assertNotIn("abort", self.transport.steps)
        self.clock.advance(0.01)
        self.assertEqual("abort", self.transport.steps[-1])
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_slow_reader_that_gets_on(self) -> None:
        """After the end, too, who takes something in each period gets it all, and then its second; who stops is cut."""
        self.make_full(unsent=10)
        self.peer.close("done")
        for _ in range(9):
            self.clock.pump([GLANCE, STALL - 1])
            self.transport.read(1)
            self.clock.advance(1 - GLANCE)
        self.assertNotIn("abort", self.transport.steps)
        self.transport.read()
        self.clock.advance(STALL)
        self.assertNotIn("abort", self.transport.steps)
        self.clock.advance(LINGER)
        self.assertEqual("abort", self.transport.steps[-1])

    def test_pending_expiry_gives_way(self) -> None:
        """An expiry that was pending neither fires nor delays the end."""
        for seconds in (LINGER / 2, 60.0):
            self.setUp()
            self.peer.expire_after(seconds)
            self.peer.close("done")
            self.peer.expire_after(seconds)
            self.clock.pump([LINGER / 4] * 4)
            self.assertEqual((["resume", "FIN", "abort"], []), (self.transport.steps, self.owner.calls))
            self.peer.lost()
            self.assertEqual([], self.clock.getDelayedCalls())


class AbortTests(PeerTests):
    def test_abort(self) -> None:
        """A cut is a cut: what waits is lost, and nothing is sent any more."""
        self.peer.send(b"lost")
        self.peer.abort("netd stops")
        self.clock.advance(0)
        self.assertEqual(([], ["abort"]), (self.transport.writes, self.transport.steps))
        self.assertEqual((False, "netd stops"), (self.peer.is_open, self.peer.reason))
        self.assertFalse(self.peer.send(b"late"))
        self.peer.close("late")
        self.assertEqual((["abort"], "netd stops"), (self.transport.steps, self.peer.reason))

    def test_abort_of_a_closing_connection(self) -> None:
        """The reason of the close stays the reason."""
        self.peer.close("done")
        self.peer.abort("netd stops")
        self.assertEqual("done", self.peer.reason)

    def test_last_words_of_the_transport(self) -> None:
        """When a cut connection's transport says that it has room again, nobody is told that the lost bytes were taken."""
        self.make_full()
        self.send(b"lost")
        self.peer.abort("netd stops")
        self.transport.read()
        self.assertEqual([], self.owner.calls)

    def test_over_its_bounds(self) -> None:
        """Where the policy is to disconnect, a peer that reads too slowly is cut with that reason."""
        self.make_full(Policy.DISCONNECT, size=3)
        self.send(b"abc")
        self.assertEqual([], self.transport.steps)
        self.send(b"d")
        self.assertEqual((["abort"], "reads too slowly"), (self.transport.steps, self.peer.reason))
        self.peer.lost()
        self.assertEqual([], self.clock.getDelayedCalls())


class ExpiryTests(PeerTests):
    def test_expires_once(self) -> None:
        """A machine is told that its time is over, once, at the time, and no timer stays."""
        self.peer.expire_after(8)
        self.clock.advance(7.9)
        self.assertEqual([], self.owner.calls)
        self.clock.pump([0.1, 10])
        self.assertEqual((["expired"], []), (self.owner.calls, self.clock.getDelayedCalls()))

    def test_cleared(self) -> None:
        """A cleared expiry does not fire, and may be asked for anew."""
        self.peer.expire_after(8)
        self.peer.expire_after(None)
        self.peer.expire_after(None)
        self.clock.advance(8)
        self.assertEqual([], self.owner.calls)
        self.peer.expire_after(1)
        self.clock.advance(1)
        self.assertEqual(["expired"], self.owner.calls)

    def test_postponed(self) -> None:
        """A peer that gets on in time is never expired; when it stops, it is, counted from its last sign of life."""
        self.peer.expire_after(8)
        for _ in range(10):
            self.clock.advance(5)
            self.peer.expire_after(8)
        self.assertEqual([], self.owner.calls)
        self.clock.advance(7.9)
        self.assertEqual([], self.owner.calls)
        self.clock.advance(0.2)
        self.assertEqual(["expired"], self.owner.calls)

    def test_brought_forward(self) -> None:
        """A shorter expiry replaces a longer one."""
        self.peer.expire_after(60)
        self.peer.expire_after(1)
        self.clock.advance(1)
        self.assertEqual(["expired"], self.owner.calls)
        self.clock.advance(60)
        self.assertEqual(["expired"], self.owner.calls)

    def test_cleared_and_shorter(self) -> None:
        """After clearing, a new expiry counts from now, whatever was pending before."""
        self.peer.expire_after(2)
        self.peer.expire_after(None)
        self.clock.advance(1)
        self.peer.expire_after(2)
        self.clock.advance(1)
        self.assertEqual([], self.owner.calls)
        self.clock.advance(1)
        self.assertEqual(["expired"], self.owner.calls)

    def test_no_timer_churn(self) -> None:
        """A busy connection that moves its expiry with every message uses one timer, which is not touched."""
        self.peer.expire_after(8)
        self.clock.advance(0)
        (timer,) = self.clock.getDelayedCalls()
        for _ in range(1000):
            self.clock.advance(0.001)
            self.peer.expire_after(8)
        self.peer.expire_after(None)
        self.peer.expire_after(8)
        self.assertEqual([timer], self.clock.getDelayedCalls())
        self.assertEqual(8, timer.getTime())

    def test_lost(self) -> None:
        """A connection that breaks takes its timer with it, also one that was cleared."""
        for seconds in (8.0, None):
            self.setUp()
            self.peer.expire_after(8)
            self.clock.advance(0)
            self.peer.expire_after(seconds)
            self.peer.lost()
            self.assertEqual([], self.clock.getDelayedCalls())
            self.peer.expire_after(8)
            self.assertEqual([], self.clock.getDelayedCalls())

    def test_cleared_at_once(self) -> None:
        """An expiry that is cleared within the turn that asked for it, or whose connection is lost in it, makes no timer."""
        for clear in (lambda: self.peer.expire_after(None), self.peer.lost):
            self.peer.expire_after(8)
            clear()
            self.clock.advance(0)
            self.assertEqual([], self.clock.getDelayedCalls())

    def test_time_passes_before_the_turn_ends(self) -> None:
        """An expiry counts from when it was asked for, however long the turn takes."""
        self.peer.expire_after(8)
        self.clock.advance(7)
        self.assertEqual([], self.owner.calls)
        self.clock.advance(1)
        self.assertEqual(["expired"], self.owner.calls)


class KeepTests(PeerTests):
    """Messages that are not whole."""

    def test_steady(self) -> None:
        """A message that comes at a KiB a second is waited for, however long that takes."""
        for second in range(1000):
            self.assertTrue(self.peer.note_unfinished(1024 * (second + 1)))
            self.clock.advance(1)

    def test_slow(self) -> None:
        """One that grows by a KiB every six seconds is given up soon."""
        kept = 0
        while self.peer.note_unfinished(kept := kept + 1024):
            self.clock.advance(6)
            self.assertLess(self.clock.seconds(), 30)

    def test_small(self) -> None:
        """A line that somebody types, letter by letter, is waited for."""
        for letters in range(1, 100):
            self.assertTrue(self.peer.note_unfinished(letters))
            self.clock.advance(5)

    def test_new_message(self) -> None:
        """Each message has its own time, whether the one before it ended in the same read or not."""
        self.assertTrue(self.peer.note_unfinished(2000))
        self.clock.advance(100)
        self.assertTrue(self.peer.note_unfinished(2000, is_new=True))
        self.clock.advance(100)
        self.assertTrue(self.peer.note_unfinished(0))
        self.assertTrue(self.peer.note_unfinished(2000))
        self.clock.advance(100)
        self.assertFalse(self.peer.note_unfinished(2001))

    def test_not_read_from(self) -> None:
        """While a peer is not read from, it is not slow."""
        self.peer.note_unfinished(2000)
        self.peer.set_reading(False)
        self.clock.advance(1000)
        self.peer.set_reading(True)
        self.clock.advance(1)
        self.assertTrue(self.peer.note_unfinished(2001))

    def test_memory(self) -> None:
        """What is kept, what waits here and what waits in the transport count as memory, until the connection is gone."""
        budget = Budget(self.clock.seconds)
        self.make_full(unsent=5000)
        self.peer.place = place = budget.share(UNLIMITED).occupy("a", None)
        self.peer.note_unfinished(3000)
        self.send(bytes(2000))
        self.assertEqual(10_000, budget.memory.total)
        self.transport.read()
        self.assertEqual(3000, budget.memory.total)
        place.leave()
        self.peer.lost()
        self.assertEqual(0, budget.memory.total)


class DeafSocket(socket.socket):
    """A socket whose system says what a test has it say of the other side."""

    facts = b""

    def getsockopt(self, *asked: int) -> Any:
        """As ``TCP_INFO`` is."""
        return self.facts


class StallTests(PeerTests):
    def test_cut(self) -> None:
        """A peer that takes nothing at all is cut after the stall timeout, with that reason."""
        self.make_full()
        self.clock.advance(STALL - 0.1)
        self.assertEqual([], self.transport.steps)
        self.clock.advance(0.1)
        self.assertEqual((["abort"], "does not read"), (self.transport.steps, self.peer.reason))
        self.peer.lost()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_why(self) -> None:
        """One that is gone, and one that is there and does not read, are told apart: only the first gives no sign of life."""
        half = int(STALL * 500)
        for unanswered, silence, reason in (
            (1, half, f"no sign of life for {STALL / 2:.0f} s"),
            (1, half - 1, "does not read"),
            (0, 60_000, "does not read"),
        ):
            self.make_full()
            handle = self.transport.socket = DeafSocket()  # type: ignore[attr-defined]
            self.addCleanup(handle.close)
            handle.facts = struct.pack("2xBB48xII", unanswered, 0, silence, silence)
            self.clock.advance(STALL)
            self.assertEqual(reason, self.peer.reason)
            self.peer.lost()

    def test_progress_keeps_alive(self) -> None:
        """A peer on a slow line, that takes a little in each period, is never cut; once it stops, it is."""
        self.make_full(unsent=10)
        for _ in range(9):
            self.clock.advance(STALL - 1)
            self.transport.read(1)
            self.clock.advance(1)
        self.assertEqual([], self.transport.steps)
        self.clock.advance(STALL)
        self.assertEqual(["abort"], self.transport.steps)

    def test_a_last_bite(self) -> None:
        """A peer that takes something and then nothing more is cut soon after the stall timeout, not after twice as long."""
        self.make_full(unsent=10)
        self.clock.pump([1] * 2)
        self.transport.read(1)
        self.clock.pump([1] * int(STALL + STALL / STALL_CHECKS))
        self.assertEqual(["abort"], self.transport.steps)

    def test_progress_of_a_long_backlog(self) -> None:
        """A peer that empties the transport again and again, and has the next part waiting each time, gets on: it is not cut."""
        self.make_full(unsent=10)
        for _ in range(20):
            self.send(bytes(1000))
            self.clock.advance(STALL - 1)
            self.transport.read(self.transport.unsent)
            self.assertEqual([], self.transport.steps)
            self.assertEqual(1000, self.transport.unsent)
        self.clock.advance(STALL)
        self.assertEqual("abort", self.transport.steps[-1])
        self.peer.lost()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_drained(self) -> None:
        """A peer that has taken everything is no longer watched; those who waited are told."""
        self.make_full()
        self.send(b"more")
        self.transport.read()
        self.assertEqual(["drained"], self.owner.calls)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_not_drained_yet(self) -> None:
        """Nobody is told before all was taken."""
        self.make_full()
        self.send(b"more")
        self.transport.read(100)
        self.assertEqual([], self.owner.calls)
        self.transport.read(4)
        self.assertEqual(["drained"], self.owner.calls)

    def test_closing_is_not_a_stall(self) -> None:
        """While a connection is being closed there is one clock, not two."""
        self.make_full()
        self.peer.close("done")
        self.assertEqual(1, len(self.clock.getDelayedCalls()))

    def test_filled_by_its_last_word(self) -> None:
        """A transport that fills up with the last word is not watched twice, either."""
        self.peer, self.transport = self.make_peer(FakeTransport(0))
        self.peer.send(b"last")
        self.peer.close("done")
        self.clock.advance(0)
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        self.clock.advance(STALL)
        self.assertEqual(("done", "abort"), (self.peer.reason, self.transport.steps[-1]))

    def test_lost(self) -> None:
        """A connection that breaks while it is full leaves no timer."""
        self.make_full()
        self.peer.lost()
        self.assertEqual([], self.clock.getDelayedCalls())


class BackPressureTests(PeerTests):
    def test_machine(self) -> None:
        """A machine can stop reading, and go on."""
        self.peer.set_reading(False)
        self.assertFalse(self.transport.is_reading)
        self.peer.set_reading(True)
        self.assertTrue(self.transport.is_reading)

    def test_outbox(self) -> None:
        """A peer that does not take its answers is not read from until it has."""
        self.make_full(size=3)
        self.send(b"answers")
        self.assertFalse(self.transport.is_reading)
        self.transport.read()
        self.assertTrue(self.transport.is_reading)

    def test_both(self) -> None:
        """With two reasons to stop, reading goes on when both are gone, whichever goes first."""
        for outbox_first in (True, False):
            self.setUp()
            self.make_full(size=3)
            self.send(b"answers")
            self.peer.set_reading(False)
            for step in (self.transport.read, lambda: self.peer.set_reading(True))[:: 1 if outbox_first else -1]:
                self.assertFalse(self.transport.is_reading)
                step()
            self.assertTrue(self.transport.is_reading)

    def test_machine_asks_while_the_outbox_stops(self) -> None:
        """A machine that asks for more does not get it while the outbox has too much."""
        self.make_full(size=3)
        self.send(b"answers")
        self.peer.set_reading(True)
        self.assertFalse(self.transport.is_reading)


class StandstillTests(PeerTests):
    """The clock of a peer that is not read from stands still."""

    def test_expiry_while_not_read(self) -> None:
        """A peer that nobody reads from cannot be late; what it had left runs on when it is read again."""
        self.peer.expire_after(10)
        self.clock.advance(4)
        self.peer.set_reading(False)
        self.clock.advance(100)
        self.assertEqual([], self.owner.calls)
        self.peer.set_reading(True)
        self.clock.advance(5.9)
        self.assertEqual([], self.owner.calls)
        self.clock.advance(0.1)
        self.assertEqual(["expired"], self.owner.calls)

    def test_expiry_asked_for_while_not_read(self) -> None:
        """An expiry asked for, or cleared, meanwhile counts from when it is read again."""
        self.peer.set_reading(False)
        self.peer.expire_after(10)
        self.clock.advance(100)
        self.peer.set_reading(True)
        self.clock.advance(10)
        self.assertEqual(["expired"], self.owner.calls)
        self.peer.expire_after(5)
        self.peer.set_reading(False)
        self.peer.expire_after(None)
        self.peer.set_reading(True)
        self.clock.advance(100)
        self.assertEqual(["expired"], self.owner.calls)
