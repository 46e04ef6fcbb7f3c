"""The bus of one process: order, isolation, memory."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from netd.bus.local import SELDOM, LocalBus
from netd.bus.subject import matches
from netd.interfaces import IBus, ISubscription
from netd.message import UNDESCRIBED, Demand, Described, Message, Want

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.sampled_from(["a", "a.b", "a.c", "b", "b.c.d"])),
        st.tuples(st.just("subscribe"), st.sampled_from(["a", "a.*", "*", ">", "b.>", "*.c", "a.b"])),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
    ),
    max_size=30,
)


class BusTests(SynchronousTestCase):
    """What all the tests below start from."""

    def setUp(self) -> None:
        """A bus, and a list of what was heard."""
        self.bus = LocalBus(float)
        self.heard: list[object] = []

    def hear(self, name: str) -> Callable[[Message], None]:
        """A receiver that writes down its name and the event."""
        return lambda message: self.heard.append((name, message.event))

    def publish(self, subject: str, *events: object) -> None:
        """Publish *events* under *subject*."""
        for event in events:
            self.bus.publish(Message(subject, event))

    def last(self, pattern: str) -> list[tuple[str, object]]:
        """What is retained."""
        return [(message.subject, message.event) for message in self.bus.last(pattern)]


class DeliveryTests(BusTests):
    def test_interfaces(self) -> None:
        """It can be exchanged for any other bus."""
        verifyObject(IBus, self.bus)
        verifyObject(ISubscription, self.bus.subscribe(">", self.hear("all")))

    def test_receivers(self) -> None:
        """Each subscriber gets what its pattern takes, the message itself, in the order of subscription and publication."""
        self.bus.subscribe("relay.*", self.hear("star"))
        self.publish("relay.main", 1)
        self.bus.subscribe(">", self.hear("all"))
        self.publish("relay.main", 2)
        self.publish("relay.main.said", 3)
        self.assertEqual([("star", 1), ("star", 2), ("all", 2), ("all", 3)], self.heard)
        seen: list[Message] = []
        self.bus.subscribe("x", seen.append)
        message = Message("x", {})
        self.bus.publish(message)
        self.assertIs(message, seen[0])

    def test_counts(self) -> None:
        """What was published is counted, heard or not."""
        self.publish("a", 1, 2)
        self.assertEqual(2, self.bus.published)

    def test_published_during_delivery(self) -> None:
        """An answer to a message is heard after that message, by everyone, and receivers never run inside each other."""
        depth: list[int] = []

        def answer(message: Message) -> None:
            depth.append(1)
            self.assertEqual(1, len(depth))
            if message.subject == "question":
                self.publish("answer", 1, 2)
            depth.pop()

        self.bus.subscribe(">", answer)
        self.bus.subscribe(">", self.hear("second"))
        self.publish("question", 0)
        self.assertEqual([("second", 0), ("second", 1), ("second", 2)], self.heard)

    def test_long_chain(self) -> None:
        """Messages that lead to messages ten thousand deep are no recursion."""

        def count_down(message: Message) -> None:
            assert isinstance(message.event, int)
            if message.event:
                self.publish("count", message.event - 1)

        self.bus.subscribe("count", count_down)
        self.bus.subscribe("count", self.hear("count"))
        self.publish("count", 10_000)
        self.assertEqual([("count", n) for n in range(10_000, -1, -1)], self.heard)

    def test_failing_receiver(self) -> None:
        """A receiver that fails is logged with its pattern and the subject; the others, and the publisher, notice nothing."""

        def fail(_: Message) -> None:
            raise ZeroDivisionError("the test's own")

        self.bus.subscribe("a.*", fail)
        self.bus.subscribe("a.*", self.hear("second"))
        with capturedLogs() as events:
            self.publish("a.b", 1, 2)
        self.assertEqual([("second", 1), ("second", 2)], self.heard)
        self.assertEqual("the receiver of a.* failed on a.b", formatEvent(events[0]))
        self.assertEqual(2, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_interrupted(self) -> None:
        """When the daemon is interrupted in a receiver, the bus is not stuck."""

        def interrupt(_: Message) -> None:
            raise KeyboardInterrupt

        subscription = self.bus.subscribe("a", interrupt)
        self.assertRaises(KeyboardInterrupt, self.publish, "a", 1)
        subscription.cancel()
        self.bus.subscribe("a", self.hear("next"))
        self.publish("a", 2)
        self.assertEqual([("next", 2)], self.heard)

    def test_invalid_subject(self) -> None:
        """A message under something that is no subject is logged and dropped: publishing never raises."""
        self.bus.subscribe(">", self.hear("all"))
        with capturedLogs() as events:
            self.publish("a..b\n", 1)
        self.assertEqual(([], [], 0), (self.heard, self.last(">"), self.bus.published))
        self.assertEqual([LogLevel.error], [event["log_level"] for event in events])
        self.assertEqual("nothing can be published under 'a..b\\n': not a subject", formatEvent(events[0]))

    def test_invalid_pattern(self) -> None:
        """Who subscribes to nonsense is told at once, and nothing is left of it."""
        for ask in (lambda: self.bus.subscribe("a..b", self.hear("nobody")), lambda: self.bus.last("a..b")):
            self.assertRaises(ValueError, ask)
        self.assertFalse(self.bus.wants("a"))


class SubscriptionTests(BusTests):
    def test_cancel(self) -> None:
        """After a cancel nothing is heard; a second one is harmless; the same receiver subscribed elsewhere hears on."""
        receive = self.hear("one")
        first = self.bus.subscribe("a", receive)
        self.bus.subscribe("a", receive)
        self.publish("a", 1)
        first.cancel()
        first.cancel()
        self.publish("a", 2)
        self.assertEqual([("one", 1), ("one", 1), ("one", 2)], self.heard)

    def test_cancel_during_delivery(self) -> None:
        """A subscriber that another one cancels does not hear the message that is being delivered, nor those that wait."""

        def cancel(message: Message) -> None:
            if message.event == 1:
                self.publish("a", 2)
                second.cancel()

        self.bus.subscribe("a", cancel)
        second = self.bus.subscribe("a", self.hear("second"))
        self.bus.subscribe("a", self.hear("third"))
        self.publish("a", 1)
        self.assertEqual([("third", 1), ("third", 2)], self.heard)

    def test_cancel_itself(self) -> None:
        """A subscriber that wants one message gets one, and its neighbours miss none."""

        def once(message: Message) -> None:
            self.heard.append(("once", message.event))
            subscription.cancel()

        subscription = self.bus.subscribe("a", once)
        self.bus.subscribe("a", self.hear("all"))
        self.publish("a", 1, 2)
        self.assertEqual([("once", 1), ("all", 1), ("all", 2)], self.heard)

    def test_subscribe_during_delivery(self) -> None:
        """Who subscribes while a message is being delivered does not hear that one, but the next."""

        def subscribe(message: Message) -> None:
            if message.event == 1:
                self.bus.subscribe("a", self.hear("new"))

        self.bus.subscribe("a", subscribe)
        self.publish("a", 1, 2)
        self.assertEqual([("new", 2)], self.heard)

    @given(STEPS)
    def test_any_sequence(self, steps: list[tuple[str, str | int]]) -> None:
        """Whatever is subscribed, cancelled and published in whatever order, each hears exactly its own; memory serves."""
        self.setUp()
        wanted: list[object] = []
        live: list[tuple[int, str]] = []
        subscriptions: list[ISubscription] = []
        newest: dict[str, object] = {}
        for number, (step, argument) in enumerate(steps):
            if step == "subscribe":
                live.append((len(subscriptions), str(argument)))
                subscriptions.append(self.bus.subscribe(str(argument), self.hear(str(len(subscriptions)))))
            elif step == "cancel" and isinstance(argument, int):
                live = [(n, pattern) for n, pattern in live if n != argument]
                for subscription in subscriptions[argument : argument + 1]:
                    subscription.cancel()
            elif step == "publish":
                hearers = [str(n) for n, pattern in live if matches(pattern, str(argument))]
                self.assertEqual(bool(hearers), bool(self.bus.wants(str(argument))))
                wanted += [(hearer, number) for hearer in hearers]
                newest[str(argument)] = number
                self.publish(str(argument), number)
        self.assertEqual(wanted, self.heard)
        for pattern in (">", "a.*", "b"):
            self.assertEqual([(s, newest[s]) for s in sorted(newest) if matches(pattern, s)], self.last(pattern))


class MemoryTests(BusTests):
    def test_last(self) -> None:
        """A console that comes later sees the newest of each subject, by subject."""
        self.publish("b", 1, 2)
        self.publish("a.x", 3)
        self.publish("a.y", 4)
        self.assertEqual([("a.x", 3), ("a.y", 4), ("b", 2)], self.last(">"))
        self.assertEqual([("a.x", 3), ("a.y", 4)], self.last("a.*"))
        self.assertEqual([], self.last("c"))
        self.assertEqual([("b", 2)], self.last("b"))
        self.bus.wants("d")
        self.assertEqual([], self.last("d"))

    def test_newest_is_known_during_delivery(self) -> None:
        """Who asks while hearing a message is told that message, not the one before."""
        self.bus.subscribe("a", lambda _: self.heard.append(self.last("a")))
        self.publish("a", 1, 2)
        self.assertEqual([[("a", 1)], [("a", 2)]], self.heard)

    def test_wants(self) -> None:
        """Events that nobody would receive need not be built; those that someone would, are, known subject or not."""
        self.assertFalse(self.bus.wants("a.b"))
        subscription = self.bus.subscribe("a.*", self.hear("one"))
        self.assertEqual((Want.EACH, Want.NOBODY), (self.bus.wants("a.b"), self.bus.wants("b")))
        self.publish("a.b", 1)
        self.publish("b", 1)
        self.assertEqual((Want.EACH, Want.NOBODY), (self.bus.wants("a.b"), self.bus.wants("b")))
        other = self.bus.subscribe("b", self.hear("other"))
        subscription.cancel()
        self.assertEqual((Want.NOBODY, Want.EACH), (self.bus.wants("a.b"), self.bus.wants("b")))
        other.cancel()
        self.assertFalse(self.bus.wants("b"))

    def test_interests(self) -> None:
        """Whoever asks on behalf of other nodes learns what is wanted, of each pattern the most, and when that has changed."""
        changes: list[dict[str, Demand]] = []
        self.bus.watch_interests(lambda: changes.append(self.bus.interests()))
        first = self.bus.subscribe("a.*", self.hear("one"), Want.NEWEST, 1.0)
        alike = self.bus.subscribe("a.*", self.hear("two"), Want.NEWEST, 1.0)
        more = self.bus.subscribe("a.*", self.hear("three"), Want.BATCH)
        self.bus.subscribe(">", self.hear("four"), is_local=True).cancel()
        for subscription in (first, alike, more):
            subscription.cancel()
        newest, all_of_them = Demand(Want.NEWEST, 1.0), Demand(Want.BATCH, 0.0)
        self.assertEqual([{"a.*": newest}, {"a.*": all_of_them}, {"a.*": all_of_them}, {}], changes)

    def test_local(self) -> None:
        """Who needs only what this node publishes gets nothing of others, and so nothing is built for it."""
        self.bus.subscribe(">", self.hear("local"), is_local=True)
        for subject in ("session.main@north.oven", "custom.door"):
            self.bus.publish(Message(subject, 1, origin="north"))
        self.assertEqual(Want.NOBODY, self.bus.wants("session.main@north.lamp"))
        self.bus.subscribe("session.main@north.*", self.hear("near"), is_local=True)
        self.bus.subscribe(">", self.hear("all"))
        for subject in ("session.main@north.oven", "custom.door"):
            self.bus.publish(Message(subject, 2, origin="north"))
        self.publish("custom.door", 3)
        self.assertEqual([("all", 2), ("all", 2), ("local", 3), ("all", 3)], self.heard)

    def test_lose(self) -> None:
        """Those are told of a loss whose pattern may be concerned and who ask for it; one that fails stops no other."""

        def fail(_count: int) -> None:
            raise ZeroDivisionError("the test's own")

        lost: list[tuple[str, int]] = []
        for pattern in ("session.>", "session.main@north.oven", "session.main.>", "relay.>"):
            self.bus.subscribe(pattern, self.hear(pattern), lost=fail)
            self.bus.subscribe(pattern, self.hear(pattern), lost=lambda count, pattern=pattern: lost.append((pattern, count)))
            self.bus.subscribe(pattern, self.hear(pattern))
        self.bus.lose("session.main@north.>", 7)
        self.assertEqual([("session.>", 7), ("session.main@north.oven", 7)], lost)
        self.assertEqual(2, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_greatest_want(self) -> None:
        """A publisher is told what the most demanding subscriber needs, and of others again when that one has gone."""
        self.publish("a.known", 1)
        wants = [Want.NEWEST, Want.BATCH, Want.EACH, Want.NEWEST]
        subscriptions = [self.bus.subscribe("a.*", self.hear("all"), want) for want in wants]
        seen = [[self.bus.wants(subject) for subject in ("a.known", "a.new")]]
        for subscription in [subscriptions[2], *subscriptions[:2], subscriptions[3]]:
            subscription.cancel()
            seen.append([self.bus.wants(subject) for subject in ("a.known", "a.new")])
        expected = [Want.EACH, Want.BATCH, Want.BATCH, Want.NEWEST, Want.NOBODY]
        self.assertEqual([[want, want] for want in expected], seen)
        self.assertEqual(Want.NOBODY, self.bus.wants("no subject"))

    def test_interval(self) -> None:
        """Where the newest is enough for all, the most impatient of them says how often."""
        self.assertEqual(SELDOM, self.bus.interval("a"))
        slow = self.bus.subscribe("a", self.hear("slow"), Want.NEWEST, 10.0)
        quick = self.bus.subscribe("*", self.hear("quick"), Want.NEWEST, 0.5)
        self.assertEqual((Want.NEWEST, 0.5), (self.bus.wants("a"), self.bus.interval("a")))
        quick.cancel()
        self.assertEqual(10.0, self.bus.interval("a"))
        slow.cancel()
        self.assertEqual(SELDOM, self.bus.interval("a"))

    def test_batch(self) -> None:
        """The events of a batch are counted one by one; its last is the newest of the subject."""
        seen: list[Message] = []
        self.bus.subscribe("a", seen.append, Want.BATCH)
        self.bus.publish(Message("a", 3, batch=[1, 2, 3]))
        self.assertEqual(([1, 2, 3], 3, [("a", 3)]), (seen[0].batch, self.bus.published, self.last("a")))

    def test_retained(self) -> None:
        """Subjects without end, as a flood of reconnecting devices makes them, do not fill the memory: the first ones go."""
        self.bus = LocalBus(float, retained=20)
        for n in range(100):
            self.publish(f"device.{n:03d}", n)
            self.assertLessEqual(len(self.last(">")), 20)
        self.assertEqual([("device.097", 97), ("device.098", 98), ("device.099", 99)], self.last(">")[-3:])
        self.assertGreaterEqual(len(self.last(">")), 18)

    def test_subjects_of_other_nodes_push_out_their_like(self) -> None:
        """However many subjects other nodes have, those of this node stay."""
        self.bus = LocalBus(float, retained=10)
        for n in range(10):
            self.publish(f"device.{n}", n)
        for n in range(100):
            self.publish(f"device@north.{n:02d}", n)
        self.assertEqual(list(range(10)), [n for _, n in self.last("device.*")])
        self.assertEqual([f"device@north.{n}" for n in range(90, 100)], [subject for subject, _ in self.last("device@north.*")])
        self.bus.forget("device@north.99")
        self.publish("device@north.a", 100)
        self.assertEqual(10, len(self.last("device@north.*")))

    def test_a_tenth_goes_at_a_time(self) -> None:
        """Over the number of subjects a tenth of them goes, the first ones, and at least one: no more is lost than makes room."""
        for retained, kept in ((20, 19), (5, 5), (29, 28), (30, 28)):
            self.bus = LocalBus(float, retained=retained)
            for n in range(retained + 1):
                self.publish(f"device.{n:03d}", n)
            self.assertEqual([n for _, n in self.last(">")], list(range(retained + 1))[-kept:], retained)

    def test_forgotten_subjects_are_delivered(self) -> None:
        """A subject that was forgotten, even while its message was waiting, still reaches its subscribers."""
        self.bus = LocalBus(float, retained=2)

        def flood(message: Message) -> None:
            if message.subject == "start":
                for n in range(5):
                    self.publish(f"flood.{n}", n)
                self.publish("start2", "again")

        self.bus.subscribe(">", flood)
        self.bus.subscribe(">", self.hear("all"))
        self.publish("start", "go")
        self.publish("flood.0", "anew")
        self.assertEqual([("all", event) for event in ("go", 0, 1, 2, 3, 4, "again", "anew")], self.heard)

    def test_cancelled_after_its_subject_was_forgotten(self) -> None:
        """A cancel is good for messages of forgotten subjects, too."""
        self.bus = LocalBus(float, retained=1)

        def flood(message: Message) -> None:
            if message.subject == "start":
                self.publish("one", 1)
                self.publish("two", 2)
                subscription.cancel()

        self.bus.subscribe("start", flood)
        subscription = self.bus.subscribe(">", self.hear("all"))
        self.publish("start", 0)
        self.assertEqual([], self.heard)


class RetentionTests(SynchronousTestCase):
    """What the bus remembers, and what not."""

    def test_heavy_messages_are_let_go(self) -> None:
        """What peers say is retained up to a weight; messages without weight stay."""
        bus = LocalBus(float, retained_weight=1000)
        bus.publish(Message("light", 0))
        for number in range(20):
            bus.publish(Message(f"heavy.n{number}", number, weight=100))
        kept = [message.event for message in bus.last("heavy.>")]
        self.assertLessEqual(len(kept), 10)
        self.assertIn(19, kept)
        self.assertEqual(len(bus.last("light")), 1)

    def test_those_of_other_nodes_go_first(self) -> None:
        """What other nodes say pushes out none of what was said here."""
        bus = LocalBus(float, retained_weight=1000)
        for number in range(4):
            bus.publish(Message(f"own.n{number}", number, weight=100))
        for number in range(20):
            bus.publish(Message(f"far.n{number}", number, weight=100, origin="north"))
        self.assertEqual([message.event for message in bus.last("own.*")], [0, 1, 2, 3])
        self.assertIn(19, [message.event for message in bus.last("far.*")])

    def test_too_heavy_alone(self) -> None:
        """One message that would take a large part of the room is delivered, and not retained."""
        bus = LocalBus(float, retained_weight=1000)
        seen: list[Message] = []
        bus.subscribe("a", seen.append)
        bus.publish(Message("a", 1, weight=250))
        self.assertEqual([message.event for message in bus.last("a")], [1])
        bus.publish(Message("a", 2, weight=251))
        self.assertEqual(([message.event for message in seen], bus.last("a")), ([1, 2], []))

    def test_as_much_as_may_be(self) -> None:
        """Up to the weight nothing goes; over it, the oldest heavy ones go until three quarters of it are left."""
        bus = LocalBus(float, retained_weight=1000)
        for number in range(10):
            bus.publish(Message(f"heavy.n{number}", number, weight=100))
        self.assertEqual([message.event for message in bus.last(">")], list(range(10)))
        bus.publish(Message("heavy.x", 10, weight=50))
        self.assertEqual([message.event for message in bus.last(">")], [3, 4, 5, 6, 7, 8, 9, 10])
        bus.publish(Message("heavy.y", 11, weight=250))
        bus.publish(Message("heavy.z", 12, weight=1))
        self.assertEqual([message.event for message in bus.last(">")], [6, 7, 8, 9, 10, 11, 12])

    def test_weight_is_given_back(self) -> None:
        """A heavy message that is forgotten, or replaced by a light one, weighs no more: others keep their place for it."""
        for relieve in (lambda bus: bus.forget("a"), lambda bus: bus.publish(Message("a", "light"))):
            bus = LocalBus(float, retained_weight=1000)
            for number in range(3):
                bus.publish(Message(f"other.n{number}", number, weight=250))
            for _ in range(10):
                bus.publish(Message("a", "heavy", weight=250))
                relieve(bus)
            bus.publish(Message("b", "heavy", weight=250))
            self.assertEqual(len(bus.last("other.>")), 3)
            self.assertEqual(len(bus.last("b")), 1)

    def test_asking_takes_nothing_away(self) -> None:
        """A publisher that asks whether anyone listens finds what is retained untouched."""
        bus = LocalBus(float)
        bus.subscribe("b", print)
        bus.publish(Message("a", 1))
        self.assertFalse(bus.wants("a"))
        self.assertEqual([message.event for message in bus.last("a")], [1])

    def test_time_of_publication(self) -> None:
        """A message says when it was published."""
        bus = LocalBus(lambda: 1732.125)
        message = Message("a", 1)
        bus.publish(message)
        self.assertEqual(message.time, 1732.125)
        elsewhere = Message("a", 1, time=1731.5)
        bus.publish(elsewhere)
        self.assertEqual(elsewhere.time, 1731.5)

    def test_a_newer_message_replaces_the_weight(self) -> None:
        """However often a subject is published, only its newest message weighs."""
        bus = LocalBus(float, retained_weight=1000)
        bus.publish(Message("other", 0, weight=100))
        for _ in range(100):
            bus.publish(Message("a", 1, weight=100))
        bus.publish(Message("a", 2))
        self.assertEqual([message.event for message in bus.last(">")], [2, 0])

    def test_forget(self) -> None:
        """A subject that is forgotten retains nothing, and can be published under again."""
        bus = LocalBus(float)
        bus.publish(Message("a", 1, weight=5))
        bus.forget("a")
        bus.forget("never")
        self.assertEqual(bus.last(">"), [])
        seen: list[Message] = []
        bus.subscribe("a", seen.append)
        bus.publish(Message("a", 2))
        self.assertEqual(len(seen), 1)

    def test_described(self) -> None:
        """The newest description of a subject is kept beside its messages, until the subject is forgotten."""
        bus = LocalBus(float)
        self.assertEqual(bus.described("a"), UNDESCRIBED)
        bus.describe("a", Described("Level", "%"))
        bus.publish(Message("a", 1, weight=5))
        self.assertEqual(bus.described("a"), Described("Level", "%"))
        bus.describe("a", Described("Level", "l"))
        self.assertEqual((bus.described("a").unit, len(bus.last("a"))), ("l", 1))
        bus.forget("a")
        self.assertEqual(bus.described("a"), UNDESCRIBED)

    def test_descriptions_are_bounded(self) -> None:
        """Descriptions go with the subjects that appeared first; what is no subject has none."""
        bus = LocalBus(float, retained=2)
        for subject in ("a", "b", "c", "no subject"):
            bus.describe(subject, Described(unit="K"))
        self.assertEqual([bus.described(subject).unit for subject in ("a", "b", "c", "no subject")], ["", "K", "K", ""])

    def test_wants_nothing_that_cannot_be_published(self) -> None:
        """What is no subject is wanted by nobody."""
        bus = LocalBus(float)
        bus.subscribe(">", print)
        self.assertFalse(bus.wants("no subject"))
