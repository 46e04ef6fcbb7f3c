"""Tests of ``netd.feed.window`` and ``audience``: what of the bus reaches which client, and at what price."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.fanout import BLOCK
from netd.feed.audience import MOST_SUBJECTS, Interest
from netd.feed.rounds import Form
from netd.feed.streams import FeedSurroundings
from netd.feed.window import MOST_COLLECTED, PIECE, STEP, Window
from netd.message import Message
from netd.testing import RecordingBus, WallClock
from tests.feed.bench import FakeMember, texts


class WindowTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bus = RecordingBus()
        self.after: list[Callable[[], None]] = []
        self.work: list[Iterator[None]] = []
        clock = Clock()
        surroundings = FeedSurroundings(clock.seconds, WallClock(clock), clock.callLater, self.after.append, self.work.append)
        self.window = Window(surroundings, self.bus, "session.>")
        self.window.start()
        self.addCleanup(self.window.stop)
        self.member = FakeMember()

    def join(self, *types: str, is_full: bool = False, is_apart: bool = False) -> FakeMember:
        """A newer client that wants *types*."""
        member = FakeMember(is_full)
        self.window.join(member, Form(types), is_apart)
        return member

    def say(self, *subjects: str, event: object = 1) -> None:
        """Publish something under each of *subjects*."""
        for subject in subjects:
            self.bus.publish(Message(subject, event))

    def begin(self) -> None:
        """The turn ends."""
        after = self.after[:]
        self.after.clear()
        for callback in after:
            callback()

    def deliver(self) -> None:
        """The turn ends, and all is delivered."""
        self.begin()
        while self.work:
            list(self.work.pop(0))

    def types(self, member: FakeMember) -> list[str]:
        """The subjects that *member* heard of."""
        return [json.loads(text)["type"] for text in member.heard()]

    def test_passes_on(self) -> None:
        """What is published under the pattern reaches the clients, numbered; what is not does not. A turn is one write."""
        old, newer = FakeMember(), self.join()
        self.window.join(old, Form((), is_old=True), is_apart=False)
        self.say("session.1", "relay.1", "session.2")
        self.deliver()
        self.assertEqual((old.heard(), len(old.blocks), len(newer.blocks)), (["1", "1"], 1, 1))
        self.assertEqual([json.loads(text)["seq"] for text in newer.heard()], [1, 2])
        self.say("session.3")
        self.deliver()
        self.assertEqual(self.types(newer), ["session.1", "session.2", "session.3"])

    def test_patterns(self) -> None:
        """Each client gets what falls under its own patterns, and who wants the same of a turn shares the bytes."""
        every, same, one = self.join(), self.join("session.*", "session.1"), self.join("session.2", "x")
        none = self.join("relay.>")
        self.say("session.1", "session.2", "session.1")
        self.deliver()
        self.assertEqual(self.types(every), ["session.1", "session.2", "session.1"])
        self.assertEqual(same.blocks[0], every.blocks[0])
        self.assertEqual((same.blocks, self.types(one), none.blocks), (every.blocks, ["session.2"], []))

    def test_apart(self) -> None:
        """A client that collects blocks gets each message that it wants, by itself; one that leaves meanwhile no more."""
        member, leaver, narrow = self.join(is_apart=True), self.join(is_apart=True), self.join("session.2", is_apart=True)
        self.say(*["session.1", "session.2"] * STEP)
        self.begin()
        [work] = self.work
        next(work)
        self.assertEqual(len(member.got), STEP)
        self.window.leave(leaver)
        list(work)
        self.assertEqual((len(member.got), len(leaver.got), len(narrow.got)), (2 * STEP, 0, STEP))

    def test_slow(self) -> None:
        """A client that reads slowly gets messages in pieces to keep or to lose; small ones are kept or lost together."""
        slow = self.join(is_full=True)
        self.say(*[f"session.{number}" for number in range(40)])
        self.say("session.long", event="x" * 2 * PIECE)
        self.deliver()
        self.assertEqual(slow.blocks, [])
        sizes = [len(item) for item, _ in slow.spilled]
        self.assertTrue(all(PIECE - 100 < size <= PIECE for size in sizes[:-2]), sizes)
        self.assertGreater(sizes[-1], 2 * PIECE)
        self.assertEqual([key for _, key in slow.spilled][-2:], [40, 41])
        self.assertEqual(len(texts(b"".join(item for item, _ in slow.spilled))), 41)

    def test_much(self) -> None:
        """More than one block is several writes, none of them longer."""
        member = self.join()
        self.say(*["session.x"] * 5, event="x" * (BLOCK // 3))
        self.deliver()
        self.assertEqual((len(member.heard()), len(member.blocks)), (5, 3))
        self.assertLessEqual(max(map(len, member.blocks)), BLOCK)

    def test_while_delivering(self) -> None:
        """What is said while the turn before is being delivered comes after it, and needs no other turn."""
        members = [self.join() for _ in range(20)]
        self.say("session.1")
        self.begin()
        [work] = self.work
        next(work)
        self.say("session.2", "session.3")
        self.assertEqual(self.after, [])
        list(work)
        self.assertEqual([self.types(member) for member in members], [["session.1", "session.2", "session.3"]] * 20)

    def test_too_much(self) -> None:
        """Of what comes faster than it can be delivered the oldest is lost and counted, and clients see the gap."""
        member = self.join()
        self.say(*["session.x"] * 5, event="x" * (MOST_COLLECTED // 4))
        self.assertEqual(self.window.late, 2)
        self.deliver()
        self.assertEqual(member.spilled and len(member.spilled), 3)
        self.assertEqual([key for _, key in member.spilled], [3, 4, 5])

    def test_unfit(self) -> None:
        """An event that cannot be JSON is counted and left out."""
        member = self.join()
        self.say("session.1", event=object())
        self.deliver()
        self.assertEqual((member.blocks, self.window.unfit), ([], 1))

    def test_only_with_clients(self) -> None:
        """The window is a subscriber of the bus while it has clients, and only then: others need not publish for nobody."""
        self.assertFalse(self.bus.wants("session.1"))
        first, second = self.join(), self.join("session.2", is_apart=True)
        self.assertTrue(self.bus.wants("session.1"))
        self.window.leave(first)
        self.assertTrue(self.bus.wants("session.1"))
        self.window.leave(second)
        self.assertFalse(self.bus.wants("session.1"))

    def test_nothing_old(self) -> None:
        """Who comes after all others have left hears nothing of what was said to those."""
        first = self.join()
        self.say("session.1")
        self.window.leave(first)
        second = self.join()
        self.deliver()
        self.assertEqual((first.blocks, second.blocks), ([], []))
        self.say("session.2")
        self.deliver()
        self.assertEqual(self.types(second), ["session.2"])

    def test_stop(self) -> None:
        """A stopped window is no subscriber of the bus; it can be started again."""
        self.join()
        self.window.stop()
        self.window.stop()
        self.assertFalse(self.bus.wants("session.1"))
        self.window.start()
        self.window.start()
        self.assertTrue(self.bus.wants("session.1"))


class InterestTests(SynchronousTestCase):
    def test_forgets(self) -> None:
        """However many subjects there are, what is remembered of them is bounded, and the answers stay right."""
        interest = Interest(("session.*.x", "relay.>"))
        for _ in range(2):
            for number in range(MOST_SUBJECTS + 1):
                self.assertEqual(interest.wants(f"session.{number}.{'xy'[number % 2]}"), number % 2 == 0)
        self.assertLessEqual(len(interest._known), MOST_SUBJECTS)
