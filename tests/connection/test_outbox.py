"""What waits for a slow peer: bounded, in order, and accounted for."""

from __future__ import annotations

from collections.abc import Hashable

from attrs import define, field
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from netd.connection.bounds import Bounds, Policy, Traffic
from netd.connection.outbox import SLICE, Outbox
from netd.connection.turn import Turn
from tests.connection.transports import FakeTransport, block_of


class RecordingOutbox(Outbox):
    """An outbox that writes down what it asks of its connection.

    :ivar calls: ``pause``, ``resume``, ``full``, ``empty``, ``give up``.
    """

    def __init__(self, transport: FakeTransport, turn: Turn, bounds: Bounds, traffic: Traffic) -> None:
        super().__init__(transport, turn, bounds, traffic)
        self.calls: list[str] = []

    def pause_source(self, pause: bool) -> None:
        self.calls.append("pause" if pause else "resume")

    def fullness_changed(self) -> None:
        self.calls.append("full" if self.is_full else "empty")

    def give_up(self) -> None:
        self.calls.append("give up")


@define
class Scene:
    """An outbox, its transport and the clock whose turns end."""

    bounds: Bounds
    room: int | None = None
    traffic: Traffic = field(factory=Traffic)
    clock: Clock = field(factory=Clock)
    transport: FakeTransport = field(init=False)
    outbox: RecordingOutbox = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.transport = FakeTransport(self.room)
        self.outbox = RecordingOutbox(self.transport, Turn(self.clock.callLater), self.bounds, self.traffic)
        self.outbox.attach()

    def send(self, *items: bytes, key: Hashable = None) -> list[bool]:
        """Send *items* in one turn, let it end, and tell which were taken."""
        taken = [self.outbox.send(item, key) for item in items]
        self.clock.advance(0)
        return taken

    def fill(self) -> None:
        """Write one byte that the peer does not take: from now on everything waits."""
        assert self.room == 0
        self.send(b"!", key="fill")
        assert self.outbox.is_full
        assert not self.outbox.is_flushed
        self.transport.take_writes()
        self.outbox.calls.clear()


def full(policy: Policy, size: int, items: int = 100) -> Scene:
    """A scene in which the transport is full from the start."""
    scene = Scene(Bounds(policy, size, items), room=0)
    scene.fill()
    return scene


class WriteTests(SynchronousTestCase):
    def test_is_a_producer(self) -> None:
        """Twisted's transports can pause and resume it."""
        verifyObject(IPushProducer, Scene(Bounds(Policy.REFUSE, 10)).outbox)

    def test_one_write_a_turn(self) -> None:
        """All that one turn brings leaves in one segment; nothing leaves before the turn's end."""
        scene = Scene(Bounds(Policy.REFUSE, 100))
        scene.outbox.send(b"header")
        scene.outbox.send(b"payload")
        self.assertEqual(([], 13, False), (scene.transport.writes, scene.outbox.waiting, scene.outbox.is_flushed))
        scene.clock.advance(0)
        self.assertEqual([b"headerpayload"], scene.transport.writes)
        self.assertEqual((0, True, 13), (scene.outbox.waiting, scene.outbox.is_flushed, scene.outbox.written))
        scene.send(b"next")
        self.assertEqual([b"headerpayload", b"next"], scene.transport.writes)
        self.assertEqual([], scene.clock.getDelayedCalls())

    def test_single_item_is_not_copied(self) -> None:
        """A big payload that is alone in its turn is handed over as it is."""
        scene = Scene(Bounds(Policy.REFUSE, 1 << 20))
        payload = bytes(1000)
        scene.send(payload)
        self.assertIs(payload, scene.transport.writes[0])

    def test_empty_items(self) -> None:
        """Nothing to say is said without harm."""
        scene = full(Policy.DROP_OLDEST, 10)
        self.assertEqual([True, True], scene.send(b"", b"a"))
        scene.transport.read()
        self.assertEqual(b"a", scene.transport.written)
        self.assertTrue(scene.outbox.is_flushed)

    def test_full_transport_gets_nothing_more(self) -> None:
        """While the operating system takes nothing, what is sent waits here, where it is bounded; then it goes in order."""
        scene = full(Policy.REFUSE, 100)
        scene.send(b"a", b"b")
        scene.send(b"c")
        self.assertEqual(([], 3, False), (scene.transport.writes, scene.outbox.waiting, scene.outbox.is_flushed))
        scene.transport.read()
        self.assertEqual([b"abc"], scene.transport.writes)
        self.assertEqual((0, True), (scene.outbox.waiting, scene.outbox.is_flushed))
        self.assertEqual(["empty"], scene.outbox.calls)

    def test_slices(self) -> None:
        """A long backlog is handed over in slices: as soon as the peer stops again, the rest stays here."""
        items = [block_of(SLICE // 4, n) for n in range(12)]
        scene = full(Policy.REFUSE, 1 << 20)
        scene.send(*items)
        scene.transport.read(1 + SLICE + 100)
        self.assertEqual([b"".join(items[:4]), b"".join(items[4:8])], scene.transport.writes)
        self.assertEqual((SLICE, True, False), (scene.outbox.waiting, scene.outbox.is_full, scene.outbox.is_flushed))
        scene.transport.read()
        self.assertEqual(b"".join(items), scene.transport.written)
        self.assertEqual((0, False, True), (scene.outbox.waiting, scene.outbox.is_full, scene.outbox.is_flushed))

    def test_long_turn(self) -> None:
        """More than a slice in one turn stops at the first one that the peer does not take."""
        items = [block_of(SLICE, n) for n in range(4)]
        scene = Scene(Bounds(Policy.REFUSE, 1 << 20), room=SLICE + 1)
        scene.send(*items)
        self.assertEqual((items[:2], 2 * SLICE), (scene.transport.writes, scene.outbox.waiting))
        scene.transport.read()
        self.assertEqual(b"".join(items), scene.transport.written)

    def test_more_than_the_bounds_in_one_turn(self) -> None:
        """The bounds are for slow peers: one that takes everything gets a burst of any size."""
        for policy in Policy:
            scene = Scene(Bounds(policy, 10, 3))
            items = [b"%03d" % n for n in range(50)]
            self.assertEqual([True] * 50, [scene.outbox.send(item, n // 8) for n, item in enumerate(items)])
            self.assertLessEqual(scene.outbox.waiting, 10)
            scene.clock.advance(0)
            self.assertEqual(b"".join(items), scene.transport.written)
            self.assertEqual(({}, []), (dict(scene.traffic.dropped), scene.outbox.calls))

    def test_finish(self) -> None:
        """At the end all that waits is handed over, full or not; then nothing is taken, and the transport is left."""
        scene = full(Policy.REFUSE, 100)
        scene.send(b"a", b"b")
        scene.outbox.finish()
        self.assertEqual([b"ab"], scene.transport.writes)
        self.assertEqual((0, 3), (scene.outbox.waiting, scene.outbox.written))
        self.assertIsNone(scene.transport.producer)
        scene.outbox.finish()
        self.assertEqual([False], scene.send(b"c"))
        self.assertEqual([b"ab"], scene.transport.writes)

    def test_finish_with_nothing_waiting(self) -> None:
        """An end without a last word writes nothing."""
        scene = Scene(Bounds(Policy.REFUSE, 100))
        scene.outbox.finish()
        self.assertEqual([], scene.transport.writes)

    def test_drop(self) -> None:
        """After a cut nothing is written, not even what this turn brought."""
        for policy in Policy:
            scene = Scene(Bounds(policy, 100))
            scene.outbox.send(b"a", "key")
            scene.outbox.drop()
            self.assertEqual([False], scene.send(b"b"))
            self.assertEqual(([], 0), (scene.transport.writes, scene.outbox.waiting))

    def test_nothing_is_said_to_be_flushed_that_was_lost(self) -> None:
        """When a connection breaks with bytes in the outbox, nobody is told that they were sent."""
        for policy in Policy:
            scene = Scene(Bounds(policy, 100))
            scene.outbox.send(b"a")
            scene.outbox.stopProducing()
            scene.clock.advance(0)
            self.assertFalse(scene.outbox.is_flushed)
            self.assertEqual(([False], []), (scene.send(b"b"), scene.transport.writes))

    def test_nothing_is_said_to_be_flushed_that_was_dropped(self) -> None:
        """Nor when it was cut, and the transport has some last words."""
        scene = full(Policy.REFUSE, 100)
        scene.send(b"a")
        scene.outbox.drop()
        scene.transport.read()
        self.assertFalse(scene.outbox.is_flushed)


class RefuseTests(SynchronousTestCase):
    def test_refuses(self) -> None:
        """A sender is told at once that there is no room; what was taken before it arrives, and later there is room again."""
        scene = full(Policy.REFUSE, 5)
        self.assertEqual([True, True, False, True, False], scene.send(b"aa", b"bb", b"cc", b"d", b"e"))
        self.assertEqual((5, {"refused": 2}), (scene.outbox.waiting, dict(scene.traffic.dropped)))
        scene.transport.read()
        self.assertEqual([b"aabbd"], scene.transport.writes)
        self.assertEqual([True], scene.send(b"cc"))

    def test_items(self) -> None:
        """The number of items is bounded, too."""
        scene = full(Policy.REFUSE, 100, items=2)
        self.assertEqual([True, True, False], scene.send(b"a", b"b", b"c"))

    def test_the_turn_in_which_it_fills_up(self) -> None:
        """What does not fit after the peer has taken all it can is refused, and nothing else."""
        scene = Scene(Bounds(Policy.REFUSE, SLICE), room=1000)
        taken = scene.send(*[bytes(SLICE)] * 4)
        self.assertEqual([True, True, False, False], taken)
        self.assertEqual(SLICE, scene.outbox.waiting)
        scene = Scene(Bounds(Policy.REFUSE, SLICE), room=1000)
        self.assertEqual([True, False], scene.send(bytes(SLICE), bytes(2 * SLICE)))
        self.assertEqual((0, SLICE), (scene.outbox.waiting, len(scene.transport.written)))

    def test_rebind(self) -> None:
        """Other bounds hold from now on: a connection that turns out to be a device may have more waiting."""
        scene = full(Policy.REFUSE, 2)
        self.assertEqual([False], scene.send(b"aaa"))
        scene.outbox.rebind(Bounds(Policy.REFUSE, 3))
        self.assertEqual([True, False], scene.send(b"aaa", b"b"))


class DropOldestTests(SynchronousTestCase):
    def test_drops(self) -> None:
        """A slow viewer sees the newest, in order; what it missed is counted."""
        scene = full(Policy.DROP_OLDEST, 4)
        self.assertEqual([True] * 5, scene.send(b"aa", b"bb", b"cc", b"d", b"e"))
        self.assertEqual((4, {"drop-oldest": 2}), (scene.outbox.waiting, dict(scene.traffic.dropped)))
        scene.transport.read()
        self.assertEqual([b"ccde"], scene.transport.writes)

    def test_items(self) -> None:
        """The number of items is bounded, too."""
        scene = full(Policy.DROP_OLDEST, 100, items=2)
        scene.send(b"a", b"b", b"c", b"d")
        scene.transport.read()
        self.assertEqual(([b"cd"], 2), (scene.transport.writes, scene.traffic.dropped["drop-oldest"]))

    def test_the_newest_stays(self) -> None:
        """An item that is over the bounds by itself still arrives: the newest is what matters."""
        scene = full(Policy.DROP_OLDEST, 4)
        scene.send(b"a", b"b", b"too long")
        scene.transport.read()
        self.assertEqual([b"too long"], scene.transport.writes)

    def test_long_drought(self) -> None:
        """However often the oldest make room, the newest arrive, in order, and as many as the bounds say."""
        scene = full(Policy.DROP_OLDEST, 1 << 20, items=10)
        for number in range(100):
            scene.send(b"%02d" % number)
            self.assertEqual(2 * min(number + 1, 10), scene.outbox.waiting)
        self.assertEqual({"drop-oldest": 90}, dict(scene.traffic.dropped))
        scene.transport.read(1)
        self.assertEqual(b"90919293949596979899", scene.transport.written)
        scene.send(b"..")
        self.assertEqual(2, scene.outbox.waiting)
        scene.transport.read()
        self.assertEqual(b"90919293949596979899..", scene.transport.written)

    def test_rebind(self) -> None:
        """What was dropped takes no room under other bounds."""
        scene = full(Policy.DROP_OLDEST, 1 << 20, items=5)
        scene.send(*[b"%d" % number for number in range(7)])
        scene.outbox.rebind(Bounds(Policy.REFUSE, 1 << 20, 6))
        self.assertEqual([True, False], scene.send(b"7", b"8"))
        scene.transport.read()
        self.assertEqual([b"234567"], scene.transport.writes)


@define(eq=False)
class CountingKey:
    """A key that writes down how often it was compared with another.

    :ivar compared: shared by all keys of a test; its length is the count.
    """

    number: int
    compared: list[int]

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        self.compared.append(self.number)
        return isinstance(other, CountingKey) and self.number == other.number


class LatestTests(SynchronousTestCase):
    def test_nothing_dropped_nothing_counted(self) -> None:
        """An item that is over the bounds by itself waits, and nothing is said to be dropped."""
        for policy in (Policy.LATEST, Policy.DROP_OLDEST):
            scene = full(policy, 3)
            scene.send(b"long", key="x")
            self.assertEqual((4, {}), (scene.outbox.waiting, dict(scene.traffic.dropped)))

    def test_conflates_in_place(self) -> None:
        """A slow viewer gets one value of each channel, the newest, in the order in which the channels came."""
        scene = full(Policy.LATEST, 100)
        for key, item in (("x", b"x1"), ("y", b"y1"), ("x", b"x22"), ("z", b"z1"), ("y", b"y2")):
            self.assertEqual([True], scene.send(item, key=key))
        self.assertEqual((7, {"conflated": 2}), (scene.outbox.waiting, dict(scene.traffic.dropped)))
        scene.transport.read()
        self.assertEqual([b"x22y2z1"], scene.transport.writes)

    def test_nothing_is_conflated_for_a_fast_peer(self) -> None:
        """A viewer that keeps up gets every value, also several of a channel in one turn."""
        scene = Scene(Bounds(Policy.LATEST, 100))
        scene.send(b"x1", b"x2", key="x")
        self.assertEqual([b"x1x2"], scene.transport.writes)

    def test_over_the_bounds(self) -> None:
        """With too many channels the oldest go."""
        scene = full(Policy.LATEST, 4)
        for n in range(4):
            scene.send(b"%02d" % n, key=n)
        self.assertEqual((4, {"latest": 2}), (scene.outbox.waiting, dict(scene.traffic.dropped)))
        scene.send(b"!!", key=3)
        scene.transport.read()
        self.assertEqual([b"02!!"], scene.transport.writes)

    def test_growing_value(self) -> None:
        """A value that replaces a shorter one does not get past the bounds."""
        scene = full(Policy.LATEST, 6)
        scene.send(b"a1", key="a")
        scene.send(b"b1", key="b")
        scene.send(b"b22222", key="b")
        self.assertEqual((6, {"conflated": 1, "latest": 1}), (scene.outbox.waiting, dict(scene.traffic.dropped)))
        scene.transport.read()
        self.assertEqual([b"b22222"], scene.transport.writes)

    def test_newest_of_several_is_replaced(self) -> None:
        """When several values of a channel wait already, the newer one does not get ahead of any of them."""
        scene = Scene(Bounds(Policy.LATEST, 1 << 20), room=0)
        values = [block_of(SLICE // 2, n) for n in range(5)]
        scene.send(*values, key="x")
        self.assertEqual([b"".join(values[:2])], scene.transport.take_writes())
        scene.send(b"y1", key="y")
        scene.send(b"x5", key="x")
        scene.transport.read()
        self.assertEqual(values[2] + values[3] + b"x5" + b"y1", scene.transport.written)

    def test_dropped_values_are_not_replaced(self) -> None:
        """A channel whose value was dropped for want of room comes again at the end, as one that is new."""
        scene = full(Policy.LATEST, 1 << 20, items=4)
        for number in range(9):
            scene.send(b"%d" % number, key=number % 6)
        scene.send(b"a", key=3)
        scene.send(b"b", key=2)
        self.assertEqual({"latest": 6, "conflated": 1}, dict(scene.traffic.dropped))
        scene.transport.read()
        self.assertEqual([b"67ba"], scene.transport.writes)

    def test_many_channels(self) -> None:
        """The time that a value takes does not grow with the number of channels that wait."""
        scene = full(Policy.LATEST, 1 << 20, items=10_000)
        compared: list[int] = []
        for _ in range(2):
            for number in range(2000):
                scene.outbox.send(b"x", CountingKey(number, compared))
        self.assertLessEqual(len(compared), 4000)
        self.assertEqual((2000, {"conflated": 2000}), (scene.outbox.waiting, dict(scene.traffic.dropped)))

    def test_written_values_are_not_replaced(self) -> None:
        """A value that has left is followed by the newer one."""
        scene = full(Policy.LATEST, 100)
        scene.send(b"x1", key="x")
        scene.transport.read(2)
        scene.send(b"x2", key="x")
        scene.transport.read()
        self.assertEqual(b"x1x2", scene.transport.written)

    def test_written_values_among_others(self) -> None:
        """Nor is another one replaced in its place, however much has left before."""
        scene = full(Policy.LATEST, 1 << 20)
        blocks = {key: block_of(SLICE, number) for number, key in enumerate("uvwxyz")}
        for key, block in blocks.items():
            scene.send(block, key=key)
        scene.transport.read(2)
        scene.transport.read(SLICE)
        self.assertEqual([blocks["u"], blocks["v"]], scene.transport.writes)
        for item, key in ((b"u2", "u"), (b"v2", "v"), (b"y2", "y")):
            scene.send(item, key=key)
        scene.transport.read()
        wanted = [*(blocks[key] for key in "uvwx"), b"y2", blocks["z"], b"u2", b"v2"]
        self.assertEqual(b"".join(wanted), scene.transport.written)


class RoundTests(SynchronousTestCase):
    def send_round(self, scene: Scene, number: int, size: int = 3) -> None:
        """Send a round of *size* items of two bytes."""
        scene.send(*[b"%d%s" % (number, "abcdefgh"[n].encode()) for n in range(size)], key=number)

    def test_whole_rounds_go(self) -> None:
        """A slow feed client loses whole rounds, the oldest: its place in the round tells it the type."""
        scene = full(Policy.ROUND, 14)
        for number in range(1, 5):
            self.send_round(scene, number)
        self.assertEqual((12, {"round": 6}), (scene.outbox.waiting, dict(scene.traffic.dropped)))
        scene.transport.read()
        self.assertEqual([b"3a3b3c4a4b4c"], scene.transport.writes)

    def test_items(self) -> None:
        """The number of items is bounded, too."""
        scene = full(Policy.ROUND, 100, items=6)
        for number in range(1, 4):
            self.send_round(scene, number)
        scene.transport.read()
        self.assertEqual([b"2a2b2c3a3b3c"], scene.transport.writes)

    def test_started_round_is_finished(self) -> None:
        """A round of which a part has left is never torn, however long the peer stops in the middle."""
        scene = Scene(Bounds(Policy.ROUND, 14), room=0)
        scene.outbox.send(b"1a", 1)
        scene.clock.advance(0)
        for item in (b"1b", b"1c"):
            scene.send(item, key=1)
        for number in range(2, 6):
            self.send_round(scene, number)
        self.assertEqual((10, {"round": 9}), (scene.outbox.waiting, dict(scene.traffic.dropped)))
        scene.transport.read()
        self.assertEqual(b"1a1b1c5a5b5c", scene.transport.written)

    def test_items_beside_a_started_round(self) -> None:
        """What is left of a started round counts among the items that wait, and not as dropped."""
        scene = Scene(Bounds(Policy.ROUND, 100, items=6), room=0)
        scene.send(b"1a", key=1)
        scene.send(b"1b", b"1c", key=1)
        for number in (2, 3):
            self.send_round(scene, number)
        self.assertEqual({"round": 3}, dict(scene.traffic.dropped))
        scene.transport.read()
        self.assertEqual(b"1a1b1c3a3b3c", scene.transport.written)

    def test_newest_round_stays(self) -> None:
        """A round that is over the bounds by itself is sent whole."""
        scene = full(Policy.ROUND, 5)
        self.send_round(scene, 1)
        self.send_round(scene, 2)
        self.assertEqual({"round": 3}, dict(scene.traffic.dropped))
        scene.transport.read()
        self.assertEqual([b"2a2b2c"], scene.transport.writes)

    def test_nothing_dropped_nothing_counted(self) -> None:
        """Reasons appear among the counters only when they have happened."""
        scene = full(Policy.ROUND, 5)
        self.send_round(scene, 1)
        self.assertEqual({}, dict(scene.traffic.dropped))


class PauseTests(SynchronousTestCase):
    def test_pause_and_resume_once(self) -> None:
        """A controller that does not read its answers is not read from until it has taken all of them; nothing is lost."""
        scene = full(Policy.PAUSE, 3)
        self.assertEqual([True] * 6, scene.send(b"a", b"b", b"c", b"d", b"e", b"f"))
        self.assertEqual(["pause"], scene.outbox.calls)
        scene.transport.read(1)
        self.assertEqual(["pause", "full"], scene.outbox.calls[:2])
        self.assertNotIn("resume", scene.outbox.calls)
        scene.transport.read()
        self.assertEqual(1, scene.outbox.calls.count("resume"))
        self.assertEqual((b"abcdef", {}), (scene.transport.written, dict(scene.traffic.dropped)))
        scene.transport.read()
        self.assertEqual(1, scene.outbox.calls.count("resume"))

    def test_resumed_before_it_is_told(self) -> None:
        """The source goes on before anyone hears that all was taken."""
        scene = full(Policy.PAUSE, 1)
        scene.send(b"aa")
        scene.transport.read()
        self.assertEqual(["pause", "resume", "empty"], scene.outbox.calls)

    def test_not_paused_below_the_bounds(self) -> None:
        """A short wait does not stop the source."""
        scene = full(Policy.PAUSE, 3)
        scene.send(b"abc")
        scene.transport.read()
        self.assertEqual(["empty"], scene.outbox.calls)

    def test_again(self) -> None:
        """The second time is like the first."""
        scene = full(Policy.PAUSE, 1)
        for _ in range(2):
            scene.send(b"aa")
            scene.transport.read(3)
            self.assertTrue(scene.outbox.is_flushed)
            scene.send(b"!")
        self.assertEqual(["pause", "resume", "empty", "full"] * 2, scene.outbox.calls)


class DisconnectTests(SynchronousTestCase):
    def test_gives_up(self) -> None:
        """A peer over the bounds is given up once; nothing more is taken or written for it."""
        scene = full(Policy.DISCONNECT, 3)
        self.assertEqual([True, False, False], scene.send(b"aaa", b"b", b"c"))
        self.assertEqual(
            (["give up"], 0, {"disconnected": 1}), (scene.outbox.calls, scene.outbox.waiting, dict(scene.traffic.dropped))
        )
        scene.transport.read()
        self.assertEqual([], scene.transport.writes)
