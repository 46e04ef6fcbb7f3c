"""The queue of messages that may be sent twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.cluster.queue import PostQueue


def taken(queue: PostQueue) -> list[str]:
    """The subjects of all that is handed out now."""
    found = []
    while (message := queue.take()) is not None:
        found.append(message[0])
    return found


class PostQueueTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.queue = PostQueue(100, 8)

    def add(self, *subjects: str, size: int = 9) -> None:
        for subject in subjects:
            self.queue.add(subject, bytes(size))

    def test_order(self) -> None:
        """Messages leave in the order in which they came, and stay until the server has them."""
        self.add("a", "b")
        self.assertEqual(["a", "b"], taken(self.queue))
        self.assertEqual((2, 20, 2), (len(self.queue), self.queue.size, self.queue.handed))
        self.queue.confirm(1)
        self.assertEqual((1, 10), (len(self.queue), self.queue.size))
        self.queue.confirm(2)
        self.queue.confirm(2)
        self.assertEqual((0, 0), (len(self.queue), self.queue.size))

    def test_repeat(self) -> None:
        """What a lost connection may have lost goes first on the next one, before what came since."""
        self.add("a", "b", "c")
        taken(self.queue)
        self.queue.confirm(1)
        self.add("d")
        self.queue.repeat()
        self.assertEqual(["b", "c", "d"], taken(self.queue))
        self.assertEqual((2, 0), (self.queue.repeated, self.queue.dropped))
        self.queue.confirm(self.queue.handed)
        self.assertEqual(0, len(self.queue))

    def test_too_many_bytes(self) -> None:
        """Above the size, the oldest message that waits is dropped and counted."""
        self.add("a", "b", size=39)
        self.add("c", size=39)
        self.assertEqual(["b", "c"], taken(self.queue))
        self.assertEqual((1, 80), (self.queue.dropped, self.queue.size))
        self.add("d", size=500)
        self.assertEqual((2, 80), (self.queue.dropped, self.queue.size))

    def test_too_many(self) -> None:
        """Many small messages are bounded by their number."""
        self.add(*"abcdefghij", size=0)
        self.assertEqual(list("cdefg"), taken(self.queue), "half of the queue and one more may be on the way")
        self.assertEqual(2, self.queue.dropped)

    def test_window(self) -> None:
        """Half of the queue may be on its way; the server is asked long before."""
        self.add("a", "b", "c", "d", size=19)
        self.assertFalse(self.queue.is_asking)
        self.assertEqual("a", (self.queue.take() or [""])[0])
        self.assertTrue(self.queue.is_asking)
        self.assertEqual(["b", "c"], taken(self.queue))
        self.queue.confirm(2)
        self.assertEqual(["d"], taken(self.queue))

    def test_held(self) -> None:
        """A queue that is held hands out nothing, and takes all."""
        self.queue.is_held = True
        self.add("a")
        self.assertEqual([], taken(self.queue))
        self.queue.is_held = False
        self.assertEqual(["a"], taken(self.queue))

    @given(st.lists(st.one_of(st.integers(0, 60), st.sampled_from(["take", "confirm", "repeat"])), max_size=80))
    def test_bounds(self, steps: list[int | str]) -> None:
        """Whatever happens: the bounds hold, nothing overtakes, and each message is confirmed, waits or was dropped."""
        queue, number, seen = PostQueue(200, 10), 0, [-1]
        for step in steps:
            if isinstance(step, int):
                queue.add(str(number), bytes(step))
                number += 1
            elif step == "take":
                message = queue.take()
                if message is not None:
                    seen.append(int(message[0]))
                    self.assertGreater(seen[-1], seen[-2])
            elif step == "confirm":
                queue.confirm(queue.handed)
            else:
                queue.repeat()
                seen = [-1]
            self.assertLessEqual(len(queue), 10)
            self.assertLessEqual(queue.size, 200)
