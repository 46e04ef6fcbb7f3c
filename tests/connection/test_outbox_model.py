"""Whatever is sent to a peer that reads as it likes: nothing is reordered, torn, unbounded or unaccounted for."""

from __future__ import annotations

from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.bounds import Bounds, Policy
from netd.connection.outbox import SLICE
from tests.connection.test_outbox import Scene
from tests.connection.transports import block_of

ROUND = 3
MARK = 5
"""Bytes of an item that tell its number and its length."""

LONGEST = SLICE + 1

BODY = block_of(100 + LONGEST)
"""Each item takes its bytes from another place in it."""

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from([MARK, MARK + 1, 40, SLICE // 2, LONGEST])),
        st.tuples(st.just("read"), st.sampled_from([0, 1, 30, 200, SLICE])),
        st.just(("turn", 0)),
    ),
    max_size=40,
)
BOUNDS = st.builds(
    Bounds,
    st.sampled_from(Policy),
    st.sampled_from([1, 20, 100, SLICE, 3 * SLICE]),
    st.sampled_from([1, 2, 4, 1000]),
)


def make_item(number: int, size: int) -> bytes:
    """An item of *size* bytes that can be told from the others."""
    return b"%02d" % number + size.to_bytes(3, "big") + BODY[number : number + size - MARK]


def take_apart(written: bytes) -> list[int]:
    """The numbers of the items in *written*."""
    numbers = []
    while written:
        size = int.from_bytes(written[2:MARK], "big")
        number = int(written[:2])
        assert written[:size] == make_item(number, size), "an item was torn"
        numbers.append(number)
        written = written[size:]
    return numbers


class Plain:
    """What ``LATEST`` and ``DROP_OLDEST`` mean, done in the plainest way, for a peer that reads all that was written or nothing.

    :ivar written: what has left.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._waiting: list[tuple[int, bytes]] = []
        self._is_full = False
        self.written = b""

    def send(self, item: bytes, key: int) -> None:
        """Let *item* wait, in the place of that of the same key; while there is too much, the oldest goes."""
        if not self._is_full:
            self._is_full = bool(item)
            self.written += item
            return
        waiting, bounds = self._waiting, self._bounds
        found = [at for at, (other, _) in enumerate(waiting) if other == key and bounds.policy is Policy.LATEST]
        if found:
            waiting[found[0]] = (key, item)
        else:
            waiting.append((key, item))
        while len(waiting) > 1 and (len(waiting) > bounds.items or self.size() > bounds.size):
            del waiting[0]

    def size(self) -> int:
        """Bytes that wait."""
        return sum(len(item) for _, item in self._waiting)

    def read(self) -> None:
        """The peer reads all that was written: what waits is written."""
        self._is_full = self.size() > 0
        self.written += b"".join(item for _, item in self._waiting)
        self._waiting.clear()


class Model:
    """Plays steps on an outbox, and knows what was offered.

    :ivar offered: the key of each item, by number.
    :ivar refused: the numbers that ``send`` said no to.
    """

    def __init__(self, bounds: Bounds, room: int) -> None:
        self.scene = Scene(bounds, room=room)
        self.offered: list[int] = []
        self.refused: set[int] = set()
        self.is_paused = False

    def play(self, step: str, size: int) -> None:
        """Take one step."""
        if step == "send":
            self._send(size)
        elif step == "read":
            self.scene.transport.read(size)
        else:
            self.scene.clock.advance(0)

    def _send(self, size: int) -> None:
        number = len(self.offered)
        policy = self.scene.bounds.policy
        key = number // ROUND if policy is Policy.ROUND else number * 7 % 3
        self.offered.append(key)
        if not self.scene.outbox.send(make_item(number, size), key):
            self.refused.add(number)

    def written(self) -> list[int]:
        """The numbers of the items written so far."""
        return take_apart(self.scene.transport.written)


class ModelTests(SynchronousTestCase):
    @given(BOUNDS, st.sampled_from([0, 50, SLICE]), STEPS)
    @example(Bounds(Policy.LATEST, 20), 0, [("send", 5), ("turn", 0), *[("send", size) for size in (5, 5, 5, 40, 40)]])
    @example(Bounds(Policy.ROUND, 20), 6, [("send", 5), ("send", 5), ("turn", 0), *[("send", 40)] * 12, ("read", 200)])
    @example(Bounds(Policy.PAUSE, 1), 0, [("send", 5), ("turn", 0), ("send", 5), ("read", 200), ("turn", 0)])
    def test_any_sequence(self, bounds: Bounds, room: int, steps: list[tuple[str, int]]) -> None:
        """A slow peer's outbox keeps its promises at every moment, and all it was given is accounted for in the end."""
        model = Model(bounds, room)
        for step, size in steps:
            model.play(step, size)
            self.check_moment(model)
        model.scene.clock.advance(0)
        before = len(model.written())
        model.scene.transport.read()
        model.scene.clock.advance(0)
        self.check_end(model, len(model.written()) - before)

    def check_moment(self, model: Model) -> None:
        """What holds after each step."""
        outbox, bounds = model.scene.outbox, model.scene.bounds
        written = model.written()
        self.assertEqual(outbox.written, len(model.scene.transport.written))
        self.assertEqual(len(written), len(set(written)))
        self.assertFalse(model.refused & set(written))
        if bounds.policy is Policy.LATEST:
            for key in range(3):
                of_key = [number for number in written if model.offered[number] == key]
                self.assertEqual(sorted(of_key), of_key)
        else:
            self.assertEqual(sorted(written), written)
        calls = Counter(outbox.calls)
        self.assertIn(calls["pause"] - calls["resume"], (0, 1))
        is_within = outbox.waiting <= bounds.size
        if bounds.policy is Policy.PAUSE:
            self.assertTrue(is_within or calls["pause"] > calls["resume"])
        elif bounds.policy in (Policy.REFUSE, Policy.DISCONNECT):
            self.assertTrue(is_within)
        elif bounds.policy is not Policy.ROUND:
            self.assertLessEqual(outbox.waiting, max(bounds.size, LONGEST))  # the newest stays, and may be too long alone

    def check_end(self, model: Model, waited: int) -> None:
        """What holds when the peer has read everything at last. *waited* items were waiting before."""
        outbox, bounds, dropped = model.scene.outbox, model.scene.bounds, model.scene.traffic.dropped
        written = model.written()
        calls = Counter(outbox.calls)
        self.assertEqual((0, calls["pause"]), (outbox.waiting, calls["resume"]))
        if bounds.policy is Policy.DISCONNECT:
            self.assertEqual(dropped["disconnected"], calls["give up"])
            self.assertEqual(calls["give up"], int(bool(model.refused)))
            return
        self.assertEqual(len(model.offered), len(written) + sum(dropped.values()))
        self.assertTrue(outbox.is_flushed)
        if bounds.policy is Policy.PAUSE:
            self.assertEqual(list(range(len(model.offered))), written)
        elif bounds.policy is Policy.ROUND:
            of_round, offered = Counter(model.offered[number] for number in written), Counter(model.offered)
            self.assertTrue(all(of_round[key] in (0, offered[key]) for key in offered), "a round was torn")
        else:
            self.assertLessEqual(waited, bounds.items)
            self.assertEqual(len(model.refused), dropped["refused"])

    @given(
        st.builds(
            Bounds,
            st.sampled_from([Policy.LATEST, Policy.DROP_OLDEST]),
            st.sampled_from([10, 25, 1000]),
            st.sampled_from([1, 2, 5, 1000]),
        ),
        st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 7), st.integers(0, 9))), max_size=60),
    )
    @example(
        Bounds(Policy.LATEST, 1000, 2), [(key, 1) for key in (0, 1, 2, 3, 4, 3, 1, 4)] + [None, None, (4, 1), (4, 1), (5, 1)]
    )
    def test_plain_meaning(self, bounds: Bounds, steps: list[tuple[int, int] | None]) -> None:
        """Step by step a slow peer gets, and is made to wait for, exactly what the words of the policy say."""
        scene, plain = Scene(bounds, room=0), Plain(bounds)
        for number, step in enumerate(steps):
            if step is None:
                plain.read()
                scene.transport.read(scene.transport.unsent)
            else:
                key, size = step
                item = bytes([number]) * size
                plain.send(item, key)
                scene.send(item, key=key)
            self.assertEqual((plain.written, plain.size()), (scene.transport.written, scene.outbox.waiting))
