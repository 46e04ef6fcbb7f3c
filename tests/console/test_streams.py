"""Following the bus from a console connection: events, rates, replays, resuming, and reading too slowly."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.bus import journal
from netd.bus.journal import MOST_SUBJECTS, OVERHEAD
from netd.codec.jsontext import BadJSON
from netd.connection.fanout import STEP
from netd.console import streams
from netd.console.custom import MOST_CUSTOM
from netd.console.link import ANSWERS
from netd.console.stream import INDEXED
from netd.console.streams import IDLE, MOST_IDLE, MOST_SUBSCRIPTIONS
from netd.message import Message, Want
from netd.operations import Role
from tests.console.links import Bench, LinkUnderTest


class StreamsTestCase(SynchronousTestCase):
    keep_events = 4
    keep_size = 1 << 20

    def setUp(self) -> None:
        self.bench = Bench(self.keep_events, self.keep_size)
        self.viewer = self.bench.connect(Role.VIEWER)

    def publish(self, *events: Any, subject: str = "pump.main.speed") -> None:
        """Publish *events*, all within one turn."""
        for event in events:
            self.bench.bus.publish(Message(subject, event))

    def lost(self, viewer: LinkUnderTest) -> None:
        """The connection of *viewer* is lost."""
        viewer.peer.lost()
        viewer.link.lost()


class EventTests(StreamsTestCase):
    def test_event(self) -> None:
        """A subscriber is told each event of its pattern with subject, number, time and data, and nothing else."""
        answer = self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.assertEqual({"pattern": "pump.>", "position": "epoch0:0", "recovered": None, "gap": None}, answer)
        self.publish({"rpm": 3})
        self.publish(1, subject="valve.main")
        params = {"pattern": "pump.>", "seq": 1, "time": self.bench.wall(), "subject": "pump.main.speed", "data": {"rpm": 3}}
        self.assertEqual([{"jsonrpc": "2.0", "method": "event", "params": params}], self.viewer.heard())

    def test_one_write(self) -> None:
        """All events of a turn reach all subscribers as the same bytes, in one write each."""
        other = self.bench.connect()
        for viewer in (self.viewer, other):
            viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(1, 2, 3)
        self.bench.reactor.advance(0)
        self.assertEqual(self.viewer.transport.value(), other.transport.value())
        self.assertEqual([1, 2, 3], self.viewer.events())

    def test_answer_comes_first(self) -> None:
        """What was published before a subscription is not part of it, even in the same turn; what comes after follows."""
        other = self.bench.connect()
        other.ask("bus.subscribe", pattern="pump.>")
        self.publish(1)
        self.viewer.link.receive(b'{"jsonrpc": "2.0", "id": 9, "method": "bus.subscribe", "params": {"pattern": "pump.>"}}')
        self.publish(2)
        answer, event = self.viewer.heard()
        self.assertEqual((9, "epoch0:1"), (answer["id"], answer["result"]["position"]))
        self.assertEqual((2, 2), (event["params"]["seq"], event["params"]["data"]))
        self.assertEqual([1, 2], other.events())

    def test_two_patterns(self) -> None:
        """Each subscription of a connection is a stream of its own."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.viewer.ask("bus.subscribe", pattern="*.main.*")
        self.publish(1)
        self.assertEqual({"pump.>", "*.main.*"}, {text["params"]["pattern"] for text in self.viewer.heard()})

    def test_batch(self) -> None:
        """The events of a batch are told one by one, each with a number of its own."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.bench.bus.publish(Message("pump.main.speed", 3, batch=[1, 2, 3]))
        self.publish(4)
        events = [text["params"] for text in self.viewer.heard()]
        self.assertEqual([(1, 1), (2, 2), (3, 3), (4, 4)], [(event["seq"], event["data"]) for event in events])

    def test_long_batch_after_a_trim_was_due(self) -> None:
        """A batch of which some is gone when the second stream numbers it reaches that stream whole."""
        other, third = self.bench.connect(), self.bench.connect()
        self.viewer.ask("bus.subscribe", pattern=">")
        other.ask("bus.subscribe", pattern="pump.>")
        self.publish(*range(10), subject="valve.main")
        third.link.receive(b'{"jsonrpc": "2.0", "id": 9, "method": "bus.subscribe", "params": {"pattern": "door.>"}}')
        self.bench.bus.publish(Message("pump.main.speed", 9, batch=list(range(10))))
        self.assertEqual(list(range(10)) * 2, self.viewer.events())
        self.assertEqual(list(range(10)), other.events())
        third.link.receive(
            b'{"jsonrpc": "2.0", "id": 9, "method": "bus.subscribe", "params": {"pattern": "*.main.*", "replay": 9}}'
        )
        self.assertEqual([6, 7, 8, 9], third.events())

    def test_wants(self) -> None:
        """Publishers are asked for batches, and for the newest alone where every subscriber names an interval."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=0.5)
        self.assertEqual((Want.NEWEST, 0.5), (self.bench.bus.wants("pump.a"), self.bench.bus.interval("pump.a")))
        self.viewer.ask("bus.subscribe", pattern="pump.*")
        self.assertEqual(Want.BATCH, self.bench.bus.wants("pump.a"))

    def test_again(self) -> None:
        """Subscribing to the same pattern again replaces the subscription: no event comes twice."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(1)
        self.assertEqual([1], self.viewer.events())

    def test_unsubscribe(self) -> None:
        """After the end of a subscription nothing comes, and ending it twice is an error that names the pattern."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.assertEqual({"pattern": "pump.>"}, self.viewer.ask("bus.unsubscribe", pattern="pump.>"))
        self.publish(1)
        self.assertEqual([], self.viewer.heard())
        error = self.viewer.ask("bus.unsubscribe", pattern="pump.>")
        self.assertEqual((-32000, "this connection has no subscription of 'pump.>'"), (error["code"], error["message"]))

    def test_lost(self) -> None:
        """When the last subscriber is gone and does not come back, nobody wants the events any more."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.lost(self.viewer)
        self.publish(1)
        self.assertTrue(self.bench.bus.wants("pump.main.speed"))
        self.bench.reactor.advance(IDLE)
        self.assertFalse(self.bench.bus.wants("pump.main.speed"))
        self.assertEqual([], self.bench.reactor.getDelayedCalls())

    def test_too_many_streams(self) -> None:
        """There are only so many different streams: those that nobody follows make room, then further ones are refused."""
        self.patch(streams, "MOST_STREAMS", 2)
        self.viewer.ask("bus.subscribe", pattern="pump.a")
        self.viewer.ask("bus.subscribe", pattern="pump.b")
        error = self.viewer.ask("bus.subscribe", pattern="pump.c")
        self.assertEqual("there are 2 different subscriptions already; use one of a wider pattern", error["message"])
        self.viewer.ask("bus.unsubscribe", pattern="pump.a")
        self.assertEqual("pump.c", self.viewer.ask("bus.subscribe", pattern="pump.c")["pattern"])
        self.assertEqual((True, False), (bool(self.bench.bus.wants("pump.b")), bool(self.bench.bus.wants("pump.a"))))

    def test_too_many(self) -> None:
        """A connection has only so many subscriptions; one too many is refused, and the others go on."""
        for number in range(MOST_SUBSCRIPTIONS):
            self.viewer.ask("bus.subscribe", pattern=f"pump.p{number}")
        error = self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.assertEqual(-32000, error["code"])
        self.publish(1, subject="pump.p7")
        self.assertEqual([1], self.viewer.events())

    def test_few_are_kept_idle(self) -> None:
        """Streams that nobody reads are kept, but not as many as a caller may think of."""
        for number in range(3 * MOST_IDLE):
            self.viewer.ask("bus.subscribe", pattern=f"pump.p{number}")
            self.viewer.ask("bus.unsubscribe", pattern=f"pump.p{number}")
        wanted = [number for number in range(3 * MOST_IDLE) if self.bench.bus.wants(f"pump.p{number}")]
        self.assertEqual(list(range(2 * MOST_IDLE, 3 * MOST_IDLE)), wanted)

    def test_replaced_in_the_same_turn(self) -> None:
        """A replay that has not left yet when its subscription ends does not come."""
        self.publish(1)
        for text in (
            b'{"jsonrpc":"2.0","id":1,"method":"bus.subscribe","params":{"pattern":">","replay":1}}',
            b'{"jsonrpc":"2.0","id":2,"method":"bus.unsubscribe","params":{"pattern":">"}}',
        ):
            self.viewer.link.receive(text)
        self.assertEqual([], self.viewer.events())


class EveryTests(StreamsTestCase):
    def test_newest_of_each_subject(self) -> None:
        """With `every`, the first event comes at once, and then the newest of each subject in each interval."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=0.5)
        self.publish(1, 2, 3)
        self.publish(9, subject="pump.main.heat")
        self.assertEqual([1], self.viewer.events())
        self.bench.reactor.advance(0.5)
        self.assertEqual([3, 9], self.viewer.events())
        self.bench.reactor.advance(0.5)
        self.publish(4)
        self.assertEqual([4], self.viewer.events())

    def test_once_an_interval(self) -> None:
        """After an interval that brought something, the next one has to pass as well."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=0.5)
        self.publish(1, 2)
        self.bench.reactor.advance(0.5)
        self.assertEqual([1, 2], self.viewer.events())
        self.publish(3)
        self.assertEqual([], self.viewer.events())
        self.bench.reactor.advance(0.5)
        self.assertEqual([3], self.viewer.events())

    def test_most_subjects(self) -> None:
        """Of so many subjects the newest is kept within an interval; more are left out, and those that are kept go on."""
        self.viewer.ask("bus.subscribe", pattern=">", every=0.5)
        self.publish(-1, subject="first")
        for number in range(MOST_SUBJECTS + 1):
            self.publish(number, subject=f"pump.p{number}")
        self.publish("newest", subject="pump.p0")
        self.bench.reactor.advance(0.5)
        events = self.viewer.events()
        self.assertEqual([-1, "newest", 1], events[:3])
        self.assertEqual(1 + MOST_SUBJECTS, len(events))

    def test_beside_all(self) -> None:
        """Others have every event of the same pattern meanwhile."""
        other = self.bench.connect()
        other.ask("bus.subscribe", pattern="pump.>")
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=0.5)
        self.publish(1, 2, 3)
        self.assertEqual(([1], [1, 2, 3]), (self.viewer.events(), other.events()))

    def test_no_timer_is_left(self) -> None:
        """The clock of an ended stream stops."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=0.5)
        self.publish(1, 2)
        self.lost(self.viewer)
        self.bench.reactor.advance(IDLE)
        self.assertEqual([], self.bench.reactor.getDelayedCalls())

    def test_end_while_a_timer_runs(self) -> None:
        """A stream that is forgotten while its clock runs takes the clock with it."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=3600)
        self.publish(1, 2)
        self.lost(self.viewer)
        self.bench.reactor.advance(IDLE)
        self.assertEqual([], self.bench.reactor.getDelayedCalls())


class ReplayTests(StreamsTestCase):
    def test_retained_events_follow_the_answer(self) -> None:
        """Replayed events come after the answer, without a number, in order of time; then come new ones."""
        self.publish(2)
        self.bench.reactor.advance(1)
        self.publish(1, subject="pump.main.heat")
        self.viewer.link.receive(
            b'{"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": {"pattern": "pump.>", "replay": 5}}'
        )
        self.publish(3)
        answer, *events = self.viewer.heard()
        self.assertEqual("epoch0:0", answer["result"]["position"])
        seen = [(event["params"]["seq"], event["params"]["time"], event["params"]["data"]) for event in events]
        began = self.bench.wall.offset
        self.assertEqual([(None, began + 1000, 2), (None, began + 1001, 1), (1, began + 1001, 3)], seen)

    def test_newest_though_the_clock_was_set_back(self) -> None:
        """What is repeated comes in the order in which it was published, whatever the wall clock showed."""
        self.publish(1)
        self.bench.wall.step(-3600)
        self.publish(2, subject="pump.main.heat")
        self.viewer.link.receive(
            b'{"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": {"pattern": "pump.>", "replay": 5}}'
        )
        _, *events = self.viewer.heard()
        self.assertEqual([1, 2], [event["params"]["data"] for event in events])

    def test_rate_though_the_clock_was_set_back(self) -> None:
        """With `every`, events go on coming at that rate."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=0.5)
        for step in (-3600, 7200):
            self.publish(1)
            self.viewer.heard()
            self.bench.wall.step(step)
            self.publish(2)
            self.bench.reactor.advance(0.5)
            self.assertEqual([2], [event["params"]["data"] for event in self.viewer.heard()])
            self.bench.reactor.advance(0.5)

    def test_newest_of_the_stream(self) -> None:
        """From a stream that others follow, several of each subject can be had, with their numbers."""
        other = self.bench.connect()
        other.ask("bus.subscribe", pattern="pump.>")
        self.publish(1, 2, 3)
        self.viewer.link.receive(
            b'{"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": {"pattern": "pump.>", "replay": 2}}'
        )
        _, *events = self.viewer.heard()
        self.assertEqual([(2, 2), (3, 3)], [(event["params"]["seq"], event["params"]["data"]) for event in events])


class ResumeTests(StreamsTestCase):
    def resume(self, since: str) -> tuple[dict[str, Any], list[int]]:
        """What a new connection is answered, and the numbers of the events that follow."""
        viewer = self.bench.connect()
        params = b'{"pattern": "pump.>", "since": "%b"}' % since.encode()
        viewer.link.receive(b'{"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": %b}' % params)
        answer, *events = viewer.heard()
        return answer.get("result", answer), [event["params"]["seq"] for event in events]

    def test_recovered(self) -> None:
        """Who comes back gets what it missed, in order, and then goes on."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(1, 2)
        self.lost(self.viewer)
        self.publish(3)
        self.publish(4, subject="pump.main.heat")
        answer, numbers = self.resume("epoch0:2")
        self.assertEqual((2, None, "epoch0:4"), (answer["recovered"], answer["gap"], answer["position"]))
        self.assertEqual([3, 4], numbers)

    def test_batch(self) -> None:
        """The events of a batch are kept one by one."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.bench.bus.publish(Message("pump.main.speed", 3, batch=[1, 2, 3]))
        self.publish(4)
        answer, numbers = self.resume("epoch0:1")
        self.assertEqual((3, [2, 3, 4]), (answer["recovered"], numbers))

    def test_nothing_missed(self) -> None:
        """Who missed nothing reads that."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(1)
        answer, numbers = self.resume("epoch0:1")
        self.assertEqual((0, None, []), (answer["recovered"], answer["gap"], numbers))

    def test_gap(self) -> None:
        """What is kept no longer is told as a gap; what is kept comes."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(*range(1, 8))
        answer, numbers = self.resume("epoch0:1")
        self.assertEqual((4, {"from": 2, "to": 3}), (answer["recovered"], answer["gap"]))
        self.assertEqual([4, 5, 6, 7], numbers)

    def test_gap_of_a_busy_subject(self) -> None:
        """A busy subject does not push out what a quiet one said."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(0, subject="pump.main.heat")
        self.publish(*range(1, 8))
        answer, numbers = self.resume("epoch0:0")
        self.assertEqual((5, {"from": 2, "to": 4}), (answer["recovered"], answer["gap"]))
        self.assertEqual([1, 5, 6, 7, 8], numbers)

    def test_gap_at_the_end(self) -> None:
        """A gap may be the newest part, when nothing of it could be kept."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(1)
        self.bench.reactor.advance(0)
        (stream,) = self.bench.streams._streams.values()
        self.bench.journal.forget("pump.>")
        self.assertEqual(([], {"from": 1, "to": 1}), stream.resume(0))

    def test_other_epoch(self) -> None:
        """After a restart, and when the stream was forgotten, nothing is known of what was missed."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(1)
        for since, first in (("other:7", 8), ("epoch0:99", 100)):
            answer, numbers = self.resume(since)
            self.assertEqual((None, {"from": first, "to": None}, []), (answer["recovered"], answer["gap"], numbers))

    def test_no_position(self) -> None:
        """What is no position is refused by name."""
        for since in ("", "7", "epoch:", "epoch:-1", "epoch:٣", "epoch:" + "9" * 20):
            answer, _ = self.resume(since)
            self.assertEqual(-32602, answer["error"]["code"], since)
            self.assertTrue(answer["error"]["message"].startswith("since: "), answer)

    def test_hostile_position(self) -> None:
        """A position far back costs no more than what is kept."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(1)
        self.bench.reactor.advance(0)
        (stream,) = self.bench.streams._streams.values()
        stream.seq = 10**15
        found, gap = stream.resume(0)
        self.assertEqual((1, {"from": 2, "to": 10**15}), (len(found), gap))


class BeginningTests(StreamsTestCase):
    keep_events = 100
    keep_size = 1 << 24

    def test_past_goes_first(self) -> None:
        """What is resumed or replayed goes before what the same turn brings, whoever else listens."""
        other = self.bench.connect()
        other.ask("bus.subscribe", pattern="pump.>")
        self.publish(1, 2, 3)
        self.bench.reactor.advance(0)
        for extra in (b'"since": "epoch0:1"', b'"replay": 2'):
            viewer = self.bench.connect()
            self.publish(8)
            params = b'{"pattern": "pump.>", %b}' % extra
            viewer.link.receive(b'{"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": %b}' % params)
            self.publish(9)
            _, *events = viewer.heard()
            numbers = [event["params"]["seq"] for event in events]
            self.assertEqual(sorted(numbers), numbers)
            self.assertEqual(9, events[-1]["params"]["data"])
            self.assertGreater(len(numbers), 2)

    def test_long_past(self) -> None:
        """However much was missed, who reads gets all of it that is kept."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        for number in range(60):
            self.publish([number, "x" * 50_000])
        viewer = self.bench.connect()
        viewer.link.receive(
            b'{"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": {"pattern": "pump.>", "since": "epoch0:0"}}'
        )
        viewer.clog()
        self.bench.reactor.advance(0)
        viewer.unclog()
        for _ in range(20):
            self.bench.go_on()
        answer, *events = viewer.heard()
        self.assertEqual((60, None), (answer["result"]["recovered"], answer["result"]["gap"]))
        self.assertEqual(list(range(60)), [event["params"]["data"][0] for event in events])

    def test_busy_subject_beside_a_quiet_one(self) -> None:
        """What a busy subject said long ago takes no room behind a quiet subject's old word."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(0, subject="pump.main.heat")
        for number in range(5000):
            self.publish(number)
        self.bench.reactor.advance(0)
        (stream,) = self.bench.streams._streams.values()
        self.assertIn((None, "pump.main.heat"), self.bench.journal.rings)
        self.assertLess(len(self.bench.journal._order), 500)
        self.publish(1)
        self.bench.reactor.advance(0)
        self.assertLess(len(stream._entries), 500)

    def test_most_subjects(self) -> None:
        """Beyond the number of subjects, those that were heard of longest ago are forgotten, and new ones kept."""
        self.patch(journal, "MOST_SUBJECTS", 10)
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        for number in range(25):
            self.publish(number, subject=f"pump.p{number}")
        self.bench.reactor.advance(0)
        self.assertEqual([f"pump.p{number}" for number in range(15, 25)], [subject for _, subject in self.bench.journal.rings])


class AnswersTests(StreamsTestCase):
    def test_many_requests_of_one_that_does_not_read(self) -> None:
        """A caller that asks and does not read makes netd hold a bounded amount of answers, not one for each request."""
        self.publish("x" * 60_000)
        self.viewer.clog()
        for number in range(500):
            self.viewer.link.receive(b'{"jsonrpc": "2.0", "id": %d, "method": "bus.last"}' % number)
        self.assertTrue(self.viewer.held)
        self.assertLess(self.viewer.peer.waiting, ANSWERS + 100_000)
        self.viewer.unclog()
        answers = self.viewer.heard()
        while self.viewer.peer.waiting:
            answers += self.viewer.heard()
        self.assertEqual(list(range(500)), [answer["id"] for answer in answers])
        self.assertFalse(self.viewer.held)

    def test_batch_of_long_answers(self) -> None:
        """Of a batch whose answers become too long the rest is refused."""
        self.publish("x" * 60_000)
        batch = [{"jsonrpc": "2.0", "id": number, "method": "bus.last"} for number in range(100)]
        self.viewer.link.receive(json.dumps(batch).encode())
        (answers,) = self.viewer.heard()
        refused = [answer for answer in answers if "error" in answer]
        self.assertEqual(100, len(answers))
        self.assertIn("ask for less", refused[-1]["error"]["message"])
        self.assertLess(len(answers) - len(refused), 75)

    def test_last_of_too_much(self) -> None:
        """`bus.last` of more than one answer holds says so."""
        for number in range(100):
            self.bench.bus.publish(Message(f"custom.p{number}", "x" * 60_000, weight=60_000))
        self.assertIn("fewer subjects", self.viewer.ask("bus.last")["message"])

    def test_forget(self) -> None:
        """What was published by mistake can be taken away: who comes later does not get it, nor by a replay; the rest stays."""
        operator = self.bench.connect(Role.OPERATOR)
        self.viewer.ask("bus.subscribe", pattern=">")
        self.viewer.ask("bus.subscribe", pattern="custom.>", every=60)
        for subject in ("custom.mistake", "custom.lamp", "custom.mistake"):
            operator.ask("bus.publish", subject=subject, data=1)
        self.publish(2)
        kept = self.bench.journal.size
        answer = operator.ask("bus.forget", subject="custom.mistake")
        self.assertEqual(answer, {"subject": "custom.mistake", "forgotten": ["custom.mistake"]})
        self.assertEqual(operator.ask("bus.last", pattern="custom.mistake"), [])
        self.assertLess(self.bench.journal.size, kept)
        self.bench.reactor.advance(60)
        late = self.bench.connect()
        for pattern, every in ((">", "null"), ("custom.>", "60")):
            params = f'{{"pattern": "{pattern}", "replay": 10, "every": {every}}}'
            late.link.receive(f'{{"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": {params}}}'.encode())
        told = {text["params"]["subject"] for text in late.heard() if "params" in text}
        audited = {"audit.main.bus.forget", "audit.main.bus.publish"}
        self.assertEqual(told - audited, {"custom.lamp", "pump.main.speed"})
        forgotten = operator.ask("bus.forget", subject=">")["forgotten"]
        self.assertEqual(set(forgotten) - audited, {"custom.lamp", "pump.main.speed"})
        self.assertEqual(operator.ask("bus.forget", subject="custom.mistake")["forgotten"], [])

    def test_forget_by_whom(self) -> None:
        """A viewer takes nothing away, and an operator only what its token shows."""
        self.assertEqual(self.viewer.ask("bus.forget", subject="pump.>")["code"], -32002)
        confined = self.bench.connect(Role.OPERATOR, ("custom.lamp",))
        error = confined.ask("bus.forget", subject="custom.>")
        self.assertEqual(error["message"], "bus.forget needs a token for the subjects custom.>; this one is for custom.lamp")
        self.assertIn("subject: ", confined.ask("bus.forget", subject="a..b")["message"])

    def test_custom_subjects(self) -> None:
        """Whoever publishes under ever new subjects pushes out no other retained event."""
        self.publish(1)
        operator = self.bench.connect(Role.OPERATOR)
        for number in range(MOST_CUSTOM + 50):
            operator.ask("bus.publish", subject=f"custom.p{number}")
        self.assertEqual(MOST_CUSTOM, len(self.bench.bus.last("custom.>")))
        self.assertEqual(1, len(self.bench.bus.last("pump.>")))


class KeepTests(StreamsTestCase):
    keep_events = 1000
    keep_size = 10_000

    def test_bound(self) -> None:
        """Over the bound the older half of everything is let go, the newest stay, and the sum is kept right."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        for number in range(500):
            self.publish(number)
            if number % 100 == 99:
                self.bench.reactor.advance(0)
            self.assertLessEqual(self.bench.journal.size, self.keep_size)
        self.lost(self.viewer)
        (stream,) = self.bench.streams._streams.values()
        kept = [kept for kept in self.bench.journal._order if kept.text is not None]
        self.assertEqual((500, kept[-1]), (stream._numbers[-1], stream._entries[-1]))
        self.assertEqual(self.bench.journal.size, sum(len(one.text or b"") + OVERHEAD + INDEXED for one in kept))
        self.assertEqual(kept, [kept for ring in self.bench.journal.rings.values() for kept in ring])
        self.bench.reactor.advance(IDLE)
        self.assertEqual(0, self.bench.journal.size)


class ManyTests(StreamsTestCase):
    """More subscribers than can be told within one turn."""

    keep_events = 100

    def setUp(self) -> None:
        super().setUp()
        self.many = [self.bench.connect() for _ in range(3 * STEP)]
        for viewer in self.many:
            viewer.ask("bus.subscribe", pattern="pump.>")
        self.bench.step = 0.02

    def told(self) -> list[int]:
        """How many of the events each has been told so far."""
        return [viewer.transport.value().count(b'"event"') for viewer in self.many]

    def test_others_are_served_in_between(self) -> None:
        """They are told over several turns; what comes meanwhile goes to all of them after it, in one write."""
        self.publish(1)
        self.bench.reactor.advance(0)
        self.assertEqual([1] * STEP + [0] * 2 * STEP, self.told())
        self.publish(2)
        self.bench.go_on()
        self.publish(3)
        self.bench.go_on()
        self.assertEqual([1] * 3 * STEP, self.told())
        for _ in range(5):
            self.bench.go_on()
        for viewer in self.many:
            self.assertEqual([1, 2, 3], viewer.events())

    def test_joined_meanwhile(self) -> None:
        """Who joins while others are still being told gets what comes from then on, with the right numbers."""
        self.publish(1)
        self.bench.reactor.advance(0)
        self.publish(2)
        answer = self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.assertEqual("epoch0:2", answer["position"])
        self.publish(3)
        for _ in range(20):
            self.bench.go_on()
        self.assertEqual([3], self.viewer.events())
        for viewer in self.many:
            self.assertEqual([1, 2, 3], viewer.events())

    def test_too_much(self) -> None:
        """When more comes than can be told, nothing else is done until what waits is told: no more than a bound of it waits."""
        self.patch(streams, "MOST_COLLECTED", 10_000)
        for _ in range(100):
            self.publish("x" * 1000)
            self.bench.reactor.advance(0)
            self.assertLessEqual(self.bench.streams.collected, 10_000)
        self.assertGreater(min(self.told()), 80)
        for _ in range(10):
            self.bench.go_on()
        self.assertEqual(([100] * 3 * STEP, 0), (self.told(), self.bench.streams.collected))

    def replace(self, viewer: LinkUnderTest, option: str) -> list[tuple[str, object]]:
        """Publish 1 and, while that is being told, 2; have *viewer* subscribe anew with *option*; publish 3. What it was told."""
        self.publish(1)
        self.bench.reactor.advance(0)
        self.publish(2)
        params = f'{{"pattern": "pump.>", {option}}}'
        viewer.link.receive(f'{{"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": {params}}}'.encode())
        self.publish(3)
        for _ in range(20):
            self.bench.go_on()
        told = [(text["method"], text["params"]) for text in viewer.heard() if "method" in text]
        return [(method, params["count"] if method == "dropped" else params["data"]) for method, params in told]

    def test_replaced_meanwhile(self) -> None:
        """Who subscribes anew while others are being told is told how much it has not been told, and goes on after it."""
        told = self.replace(self.many[0], '"policy": "latest"')
        self.assertEqual([("event", 1), ("dropped", 1), ("event", 3)], told)
        told = self.replace(self.many[-1], '"policy": "latest"')
        self.assertEqual([("event", 1), ("event", 2), ("event", 3), ("dropped", 2), ("event", 3)], told)

    def test_resumed_meanwhile(self) -> None:
        """Who resumes from where it was meanwhile has everything once, and is told of no loss."""
        self.assertEqual([("event", 1), ("event", 2), ("event", 3)], self.replace(self.many[0], '"since": "epoch0:1"'))
        told = self.replace(self.many[-1], '"since": "epoch0:3"')
        self.assertEqual([("event", 1), ("event", 2), ("event", 3)] * 2, told)

    def test_lost_elsewhere(self) -> None:
        """What another node has published and did not come is told as lost, in its place, whoever has been told what so far."""
        self.publish(1)
        self.bench.reactor.advance(0)
        self.publish(2)
        self.bench.bus.lose("pump.>", 5)
        self.publish(3)
        for _ in range(20):
            self.bench.go_on()
        for viewer in (self.many[0], self.many[-1]):
            told = [(text["method"], text["params"]) for text in viewer.heard() if "method" in text]
            found = [(method, params["count"] if method == "dropped" else params["data"]) for method, params in told]
            self.assertEqual([("event", 1), ("event", 2), ("dropped", 5), ("event", 3)], found)
        self.assertEqual(0, self.bench.streams.collected)

    def test_late_and_gone(self) -> None:
        """Who joined between two events that wait to be told has the second; who is replaced by then is told of the loss."""
        self.publish(1)
        self.bench.reactor.advance(0)
        self.publish(2)
        for viewer in (self.viewer, other := self.bench.connect()):
            viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(3)
        for _ in range(4):  # the first hand-out has ended, the second is under way
            self.bench.go_on()
        other.link.receive(b'{"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": {"pattern": "pump.>"}}')
        for _ in range(20):
            self.bench.go_on()
        self.assertEqual([3], self.viewer.events())
        (notice,) = [text for text in other.heard() if "method" in text]
        self.assertEqual(("dropped", 1), (notice["method"], notice["params"]["count"]))

    def test_late_and_gone_with_more(self) -> None:
        """Of what came before it joined, and of what came after, each is counted once as lost, whenever it is replaced."""
        subscribe = b'{"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": {"pattern": "pump.>"}}'
        self.publish(1)
        self.bench.reactor.advance(0)
        self.publish(2)
        early, other = self.bench.connect(), self.bench.connect()
        for viewer in (early, other):
            viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(3)
        self.bench.reactor.advance(0)
        early.link.receive(subscribe)  # 3 waits to be handed out
        for _ in range(4):
            self.bench.go_on()
        self.publish(4)
        other.link.receive(subscribe)  # 3 is under way, and 4 waits
        for _ in range(20):
            self.bench.go_on()
        lost = [
            [text["params"]["count"] for text in viewer.heard() if text.get("method") == "dropped"] for viewer in (early, other)
        ]
        self.assertEqual([[1], [2]], lost)

    def test_forgotten_with_what_waits(self) -> None:
        """A stream that is forgotten while events of it wait gives their room back."""
        self.publish(1)
        self.bench.reactor.advance(0)
        self.publish(2)
        self.bench.reactor.advance(0)
        for viewer in self.many:
            self.lost(viewer)
        for number in range(MOST_IDLE):
            self.viewer.ask("bus.subscribe", pattern=f"valve.p{number}")
            self.viewer.ask("bus.unsubscribe", pattern=f"valve.p{number}")
        for _ in range(20):
            self.bench.go_on()
        self.assertEqual(0, self.bench.streams.collected)

    def test_one_fails(self) -> None:
        """A connection with a fault is given up; all others are told, those of the other kind too."""
        broken = self.many[3]

        def fail(_: bytes) -> None:
            raise ZeroDivisionError("the test's own")

        broken.transport.write = fail
        self.bench.step = 0.0
        self.publish(1)
        self.bench.reactor.advance(0)
        self.assertEqual([1] * 3 + [0] + [1] * (3 * STEP - 4), self.told())
        self.assertEqual((False, 1), (broken.peer.is_open, len(self.flushLoggedErrors(ZeroDivisionError))))

    def test_some_leave(self) -> None:
        """Those who leave while others are being told are told nothing more, and the others all of it."""
        self.publish(1)
        self.bench.reactor.advance(0)
        for viewer in self.many[STEP : 2 * STEP]:
            self.lost(viewer)
        for _ in range(5):
            self.bench.go_on()
        self.assertEqual([1] * STEP + [0] * STEP + [1] * STEP, self.told())


class ReplacedTests(StreamsTestCase):
    """Subscriptions that take the place of others."""

    def test_of_a_resting_one(self) -> None:
        """A stream that rests, and is about to be forgotten, is followed again at another's expense, not at its follower's."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=1.0)
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        for number in range(MOST_IDLE - 1):
            self.viewer.ask("bus.subscribe", pattern=f"pump.p{number}")
            self.viewer.ask("bus.unsubscribe", pattern=f"pump.p{number}")
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=1.0)
        self.publish(1)
        self.assertEqual([1], self.viewer.events())
        self.bench.reactor.advance(2 * IDLE)
        self.publish(2)
        self.assertEqual([2], self.viewer.events())
        self.lost(self.viewer)
        self.bench.reactor.advance(2 * IDLE)
        self.assertEqual([], self.bench.reactor.getDelayedCalls())

    def test_of_the_same(self) -> None:
        """A subscription that follows one to the same stream makes nobody forget what rests."""
        for number in range(MOST_IDLE):
            self.viewer.ask("bus.subscribe", pattern=f"pump.p{number}")
            self.viewer.ask("bus.unsubscribe", pattern=f"pump.p{number}")
        for policy in ("latest", "drop-oldest"):
            self.viewer.ask("bus.subscribe", pattern="pump.>", policy=policy)
        self.bench.bus.publish(Message("valve.main", 1))
        self.assertTrue(self.bench.bus.wants("pump.p0"))
        answer = self.viewer.ask("bus.subscribe", pattern="pump.p0", since="epoch0:0")
        self.assertEqual(0, answer["recovered"])


class UnspeakableTests(StreamsTestCase):
    def test_no_json(self) -> None:
        """An event that cannot be JSON is logged, and takes no number; those around it arrive."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(1, object(), 2)
        texts = [text["params"] for text in self.viewer.heard()]
        self.assertEqual([(1, 1), (2, 2)], [(params["seq"], params["data"]) for params in texts])
        self.assertEqual(1, len(self.flushLoggedErrors(BadJSON)))

    def test_no_json_in_a_batch(self) -> None:
        """Of a batch, the other events arrive all the same."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.bench.bus.publish(Message("pump.main.speed", 3, batch=[1, object(), 3]))
        texts = [text["params"] for text in self.viewer.heard()]
        self.assertEqual([(1, 1), (2, 3)], [(params["seq"], params["data"]) for params in texts])
        self.assertEqual(1, len(self.flushLoggedErrors(BadJSON)))

    def test_no_json_in_the_past(self) -> None:
        """Nor does one keep a subscription from its replay."""
        self.publish(1, subject="pump.main.heat")
        self.publish(object())
        self.viewer.ask("bus.subscribe", pattern="pump.>", replay=1)
        self.assertEqual(1, len(self.flushLoggedErrors(BadJSON)))
        self.publish(2)
        self.assertEqual([2], self.viewer.events())


class SlowTests(StreamsTestCase):
    def test_oldest_are_dropped(self) -> None:
        """Who reads nothing loses the oldest; when it reads again it is told how many, and has the newest in order."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.viewer.clog()
        total = 10_000
        for number in range(total):
            self.publish(number)
            self.bench.reactor.advance(0)
        self.viewer.unclog()
        told, *events = self.viewer.heard()
        count = total - len(events)
        self.assertGreater(count, 0)
        self.assertEqual(
            ("dropped", {"pattern": "pump.>", "count": count, "policy": "drop-oldest"}), (told["method"], told["params"])
        )
        self.assertEqual(list(range(count, total)), [event["params"]["data"] for event in events])
        self.assertEqual({"drop-oldest": count}, dict(self.bench.context.traffic.dropped))

    def test_bytes_are_bounded(self) -> None:
        """However long the events, and however many the subscriptions, a connection costs no more than its bound."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.viewer.ask("bus.subscribe", pattern=">")
        self.viewer.clog()
        for _ in range(64):
            self.publish("x" * 50_000)
            self.bench.reactor.advance(0)
            self.assertLessEqual(self.bench.journal.size, self.keep_size)
        self.viewer.unclog()
        heard = self.viewer.heard()
        counts = {text["params"]["pattern"]: text["params"]["count"] for text in heard if text["method"] == "dropped"}
        events = [text["params"]["pattern"] for text in heard if text["method"] == "event"]
        for pattern in ("pump.>", ">"):
            self.assertEqual(64, counts[pattern] + events.count(pattern))

    def test_latest(self) -> None:
        """With `latest` only the newest of each subject waits, and the loss is told, too."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", policy="latest")
        self.viewer.clog()
        self.publish(1, 2, 3)
        self.bench.reactor.advance(0)
        self.publish(9, subject="pump.main.heat")
        self.publish(4)
        self.bench.reactor.advance(0)
        self.viewer.unclog()
        told, *events = self.viewer.heard()
        self.assertEqual({"pattern": "pump.>", "count": 3, "policy": "latest"}, told["params"])
        self.assertEqual([9, 4], [event["params"]["data"] for event in events])

    def test_clogs_again(self) -> None:
        """A connection that fills up again in the middle of what waited goes on there, with nothing lost or doubled."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.viewer.clog()
        for number in range(4):
            self.publish([number, "x" * 50_000])
        self.bench.reactor.advance(0)
        write = self.viewer.transport.write

        def write_and_fill(block: bytes) -> None:
            write(block)
            self.viewer.clog()

        self.viewer.transport.write = write_and_fill
        numbers = []
        for _ in range(5):
            self.viewer.unclog()
            numbers += [event[0] for event in self.viewer.events()]
        self.assertEqual([0, 1, 2, 3], numbers)

    def test_order_after_latest(self) -> None:
        """With `latest`, too, numbers ascend: whoever resumes from the last one has missed nothing that it was not told of."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", policy="latest")
        self.viewer.clog()
        for subject in ("pump.a", "pump.b", "pump.a", "pump.c", "pump.b"):
            self.publish(1, subject=subject)
        self.bench.reactor.advance(0)
        self.viewer.unclog()
        _, *events = self.viewer.heard()
        self.assertEqual([3, 4, 5], [event["params"]["seq"] for event in events])

    def test_busy_beside_quiet(self) -> None:
        """A busy subscription of a connection that does not read takes nothing from a quiet one beside it."""
        self.viewer.ask("bus.subscribe", pattern="valve.>")
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.viewer.clog()
        self.publish("open", subject="valve.main")
        for _ in range(40):
            self.publish("x" * 50_000)
            self.bench.reactor.advance(0)
        self.viewer.unclog()
        heard = self.viewer.heard()
        valves = [text for text in heard if text["params"]["pattern"] == "valve.>"]
        self.assertEqual(["event"], [text["method"] for text in valves])

    def test_subscribing_again_while_slow(self) -> None:
        """What waited for a subscription that is replaced is told as lost."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.viewer.clog()
        self.publish(1, 2, 3)
        self.bench.reactor.advance(0)
        self.viewer.link.receive(b'{"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": {"pattern": "pump.>"}}')
        self.viewer.unclog()
        told = [text["params"]["count"] for text in self.viewer.heard() if text.get("method") == "dropped"]
        self.assertEqual([3], told)

    def test_much_at_once_to_a_quick_reader(self) -> None:
        """A reader that takes everything loses nothing, however much one turn brings."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(*([number, "x" * 60_000] for number in range(40)))
        self.assertEqual(list(range(40)), [event[0] for event in self.viewer.events()])

    def test_others_go_on(self) -> None:
        """One that does not read costs the others nothing."""
        other = self.bench.connect()
        for viewer in (self.viewer, other):
            viewer.ask("bus.subscribe", pattern="pump.>")
        self.viewer.clog()
        self.publish(1)
        self.assertEqual([1], other.events())
        self.publish(2)
        self.assertEqual([2], other.events())
        self.viewer.unclog()
        self.assertEqual([1, 2], self.viewer.events())

    def test_more_than_a_block(self) -> None:
        """A turn that brings more than is written at once arrives whole and in order."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(*([number, "x" * 30_000] for number in range(8)))
        self.assertEqual(list(range(8)), [event[0] for event in self.viewer.events()])

    def test_lost_while_it_waits(self) -> None:
        """A connection that is lost with events waiting leaves nothing behind."""
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.viewer.clog()
        self.publish(1)
        self.bench.reactor.advance(0)
        self.lost(self.viewer)
        self.assertEqual({}, self.viewer.link.backlogs)


class BusConsoleTests(StreamsTestCase):
    def test_last(self) -> None:
        """The newest event of each subject, with its time."""
        self.publish(1, 2)
        self.assertEqual([{"subject": "pump.main.speed", "time": self.bench.wall(), "data": 2}], self.viewer.ask("bus.last"))
        self.assertEqual([], self.viewer.ask("bus.last", pattern="valve.>"))

    def test_publish(self) -> None:
        """An operator publishes under `custom`, and nowhere else."""
        operator = self.bench.connect(Role.OPERATOR)
        self.viewer.ask("bus.subscribe", pattern="custom.>")
        published = operator.ask("bus.publish", subject="custom.note", data="hello")
        self.assertEqual({"subject": "custom.note", "size": 7, "kept": False}, published)
        self.assertEqual(["hello"], self.viewer.events())
        for subject in ("pump.main.speed", "custom", "custom.>", "custom.a b", "", "customs.a"):
            self.assertEqual(-32602, operator.ask("bus.publish", subject=subject, data=1)["code"], subject)
        self.assertEqual(-32002, self.viewer.ask("bus.publish", subject="custom.a", data=1)["code"])

    def test_publish_too_much(self) -> None:
        """What is too long is refused, with the limit."""
        error = self.bench.connect().ask("bus.publish", subject="custom.note", data="x" * (1 << 16))
        self.assertIn("65536", error["message"])

    def test_bad_arguments(self) -> None:
        """Each bad argument is named."""
        for name, value in (
            ("pattern", "a..b"),
            ("every", 0),
            ("every", 1e9),
            ("replay", -1),
            ("replay", 1001),
            ("policy", "pause"),
        ):
            error = self.viewer.ask("bus.subscribe", **{"pattern": "pump.>", name: value})
            self.assertEqual((-32602, True), (error["code"], error["message"].startswith(f"{name}: ")), error)
        self.assertEqual(-32602, self.viewer.ask("bus.last", pattern="a..b")["code"])

    def test_confined(self) -> None:
        """Who is confined to some subjects follows, sees and publishes those, and reads which they are otherwise."""
        self.publish(1)
        self.publish(2, subject="valve.main")
        confined = self.bench.connect(Role.OPERATOR, ("pump.*.speed", "custom.mine.>"))
        self.assertEqual([1], [found["data"] for found in confined.ask("bus.last", pattern="pump.main.speed")])
        self.assertEqual("pump.*.speed", confined.ask("bus.subscribe", pattern="pump.*.speed")["pattern"])
        self.assertEqual("custom.mine.a", confined.ask("bus.publish", subject="custom.mine.a", data=1)["subject"])
        for method, params in (
            ("bus.last", {}),
            ("bus.subscribe", {"pattern": "pump.>"}),
            ("bus.subscribe", {"pattern": "*.main.speed"}),
            ("bus.publish", {"subject": "custom.other", "data": 1}),
        ):
            self.assertEqual(-32002, confined.ask(method, **params)["code"], (method, params))

    def test_no_connection(self) -> None:
        """A caller whose connection ends with the answer reads that it needs another."""
        self.viewer.caller.link = None
        self.assertIn("needs a connection that stays open", self.viewer.ask("bus.subscribe", pattern=">")["message"])
