"""Tests of :mod:`netd.console.folding` and :mod:`netd.console.together`: many numbers, and many events, in few messages."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.bus.journal import MOST_SUBJECTS
from netd.codec.samples import Samples, SampleTaken
from netd.console import folding, together
from netd.message import Message, Want
from netd.operations import Role
from netd.session.events import StateChanged
from tests.console.links import Bench, LinkUnderTest


class ConsoleTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = Bench(keep_events=4)
        self.viewer = self.bench.connect(Role.VIEWER)

    def publish(self, *events: Any, subject: str = "pump.a.speed") -> None:
        """Publish *events*, all within one turn."""
        for event in events:
            self.bench.bus.publish(Message(subject, event))

    def said(self, viewer: LinkUnderTest | None = None) -> list[dict[str, Any]]:
        """The parameters of the notifications."""
        return [text["params"] for text in (viewer or self.viewer).heard() if "params" in text]


class FoldTests(ConsoleTestCase):
    def folded(self) -> list[tuple[Any, ...]]:
        """Value, least, greatest and number of each event that was told."""
        return [tuple(event["data"][name] for name in ("value", "min", "max", "count")) for event in self.said()]

    def test_spike(self) -> None:
        """A spike within the interval is told, and so is how many numbers there were."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=1, fold=True)
        self.publish(3)
        self.assertEqual([(3, 3, 3, 1)], self.folded())
        self.publish(4, 99, -7, 5)
        self.assertEqual([], self.folded())
        self.bench.reactor.advance(1)
        self.assertEqual([(5, -7, 99, 4)], self.folded())
        self.bench.reactor.advance(1)
        self.publish(6)
        self.assertEqual([(6, 6, 6, 1)], self.folded())

    def test_event(self) -> None:
        """A folded event is an event like any other; its time is that of the newest number."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=1, fold=True)
        self.publish(SampleTaken(2.5, 12.0))
        time = self.bench.wall()
        data = {"time": time, "value": 2.5, "min": 2.5, "max": 2.5, "count": 1}
        self.assertEqual([{"pattern": "pump.>", "seq": 1, "time": time, "subject": "pump.a.speed", "data": data}], self.said())

    def test_batches(self) -> None:
        """Publishers are asked for batches, and a batch is folded as a whole."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=1, fold=True)
        self.assertIs(Want.BATCH, self.bench.bus.wants("pump.a.speed"))
        samples = Samples(1.0, [1.0, 9.0, 2.0])
        self.bench.bus.publish(Message("pump.a.speed", SampleTaken(2.0, 1.0), batch=samples))
        self.bench.bus.publish(Message("pump.a.heat", 5, batch=[4, {"value": 6}, 5]))
        self.bench.reactor.advance(1)
        self.assertEqual([(2, 1, 9, 3), (5, 4, 6, 3)], self.folded())

    def test_no_numbers(self) -> None:
        """An event that is no number comes as it is: the newest of its subject."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=1, fold=True)
        state = StateChanged(1, "a", "a", "", "streaming", 1, "", 0.0, {})
        events = ["on", None, True, {"value": "x"}, {"value": True}, state, [1, 2]]
        for event in events:
            self.publish(1, "over", event)
            self.bench.reactor.advance(1)
        data = [event["data"] for event in self.said()]
        texts = [one for one in data if not isinstance(one, dict) or "count" not in one]
        self.assertEqual(events[:5], texts[:5])
        self.assertEqual(("streaming", [1, 2]), (texts[5]["state"], texts[6]))
        self.bench.bus.publish(Message("pump.a.speed", 5, batch=[4, "x", 5]))
        self.bench.reactor.advance(1)
        self.assertEqual([5], [event["data"] for event in self.said()])

    def test_not_finite(self) -> None:
        """What is no finite number is not folded, because it would hide all others."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=1, fold=True)
        self.publish(1, float("nan"), 2, float("inf"))
        self.bench.reactor.advance(1)
        self.assertEqual([1, None, 2], [data if data is None else data["value"] for data in (e["data"] for e in self.said())])

    def test_needs_every(self) -> None:
        """Without an interval there is nothing to fold."""
        error = self.viewer.ask("bus.subscribe", pattern="pump.>", fold=True)
        self.assertEqual("fold: needs `every`, the seconds whose numbers are folded into one event", error["message"])

    def test_forgotten(self) -> None:
        """What was published by mistake, and is forgotten, is not told with the interval's end."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=1, fold=True)
        self.publish(1, 2)
        self.publish(3, subject="pump.a.heat")
        self.said()
        self.bench.connect().ask("bus.forget", subject="pump.*.heat")
        self.bench.reactor.advance(1)
        self.assertEqual([(2, 2, 2, 1)], self.folded())

    def test_too_many_subjects(self) -> None:
        """The numbers of so many subjects are folded; those of further ones are told like other events."""
        self.patch(folding, "MOST_SUBJECTS", 2)
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=1, fold=True)
        for number in range(4):
            self.publish(number, subject=f"pump.a.{number}")
        self.bench.reactor.advance(1)
        self.assertEqual({"pump.a.0", "pump.a.1", "pump.a.2", "pump.a.3"}, {event["subject"] for event in self.said()})

    def test_resume(self) -> None:
        """Folded events are kept for a client that comes back, beside the many that they are made of."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=1, fold=True)
        self.bench.connect().ask("bus.subscribe", pattern="pump.>")
        for _ in range(3):
            self.publish(*range(100))
            self.bench.reactor.advance(1)
        self.assertEqual([(0, 0, 0, 1), (99, 1, 99, 99), (99, 0, 99, 100), (99, 0, 99, 100)], self.folded())
        late = self.bench.connect()
        answer = late.ask("bus.subscribe", pattern="pump.>", every=1, fold=True, since="epoch0:1")
        self.assertEqual((3, None), (answer["recovered"], answer["gap"]))

    def test_plain_beside_it(self) -> None:
        """A subscription with the same interval that does not fold has the newest alone, as ever."""
        other = self.bench.connect()
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=1, fold=True)
        other.ask("bus.subscribe", pattern="pump.>", every=1)
        self.publish(1, 9, 2)
        self.bench.reactor.advance(1)
        self.assertEqual([1, 2], other.events())
        self.assertEqual([(1, 1, 1, 1), (2, 2, 9, 2)], self.folded())

    def begin_passing(self, count: int = 100) -> None:
        """An interval of one second has ended; what passes takes several turns."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=1, fold=True, together=True)
        self.publish(-1)
        for number in range(count):
            self.publish(number, subject=f"pump.p{number}.speed")
        self.said()
        self.bench.step = 0.002
        self.bench.reactor.advance(1)

    def values(self) -> list[Any]:
        """The numbers of what comes in this turn."""
        return [item[2] for told in self.said() for item in told["items"]]

    def test_thousands(self) -> None:
        """What many subjects have to tell at the end of an interval is divided among turns, in order and once each."""
        self.begin_passing()
        turns = [self.values()]
        self.assertIn(len(turns[0]), range(1, 100))
        while len(turns) < 10:
            self.bench.go_on()
            turns.append(self.values())
        self.assertEqual([*range(100)], [value for turn in turns for value in turn])
        self.assertGreater(len([turn for turn in turns if turn]), 1)

    def test_slower_than_interval(self) -> None:
        """The end of the next interval waits for what still passes; numbers are folded meanwhile."""
        self.begin_passing()
        seen = self.values()
        self.publish(7, 9, 8)
        self.bench.reactor.advance(1)
        self.assertEqual([], self.values())
        for _ in range(10):
            self.bench.go_on()
            seen += self.values()
        self.assertEqual([*range(100)], seen)
        self.bench.reactor.advance(1)
        self.assertEqual([[8, 7, 9, 3]], [item[2:] for told in self.said() for item in told["items"]])

    def test_forgotten_while_passing(self) -> None:
        """What waits for its turn can be forgotten as well, and nothing of a stream that has ended comes."""
        self.begin_passing()
        seen = self.values()
        self.bench.connect().ask("bus.forget", subject="pump.p99.speed")
        for _ in range(10):
            self.bench.go_on()
            seen += self.values()
        self.assertEqual([*range(99)], seen)
        self.bench.streams.unsubscribe(self.viewer.link, "pump.>")
        self.bench.step = 0.0
        self.bench.reactor.advance(1000)
        self.begin_passing()
        self.bench.streams.unsubscribe(self.viewer.link, "pump.>")
        for _ in range(20):
            self.bench.connect().ask("bus.subscribe", pattern="pump.>", every=1)
        self.bench.reactor.advance(1000)
        self.bench.go_on()
        self.assertFalse(self.bench.passing.is_waiting)


class TogetherTests(ConsoleTestCase):
    def test_one_message(self) -> None:
        """All events of a turn come in one message, and each subject is named once."""
        answer = self.viewer.ask("bus.subscribe", pattern="pump.>", together=True)
        expected = {"pattern": "pump.>", "position": "epoch0:0", "recovered": None, "gap": None, "subjects": []}
        self.assertEqual(expected, answer)
        self.publish({"rpm": 3}, 4)
        self.publish(None, subject="pump.a.heat")
        time = self.bench.wall()
        items = [[0, time, {"rpm": 3}], [0, time, 4], [1, time, None]]
        subjects = ["pump.a.speed", "pump.a.heat"]
        self.assertEqual([{"pattern": "pump.>", "seq": 3, "subjects": subjects, "items": items}], self.said())
        self.publish(5)
        self.assertEqual([{"pattern": "pump.>", "seq": 4, "items": [[0, time, 5]]}], self.said())

    def test_later(self) -> None:
        """A later subscriber learns the names so far with its answer, and new ones as the others do."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", together=True)
        self.publish(1)
        self.publish(2, subject="pump.a.heat")
        late = self.bench.connect()
        self.assertEqual(["pump.a.speed", "pump.a.heat"], late.ask("bus.subscribe", pattern="pump.>", together=True)["subjects"])
        self.publish(3, subject="pump.a.load")
        (told,) = self.said(late)
        self.assertEqual((["pump.a.load"], 2), (told["subjects"], told["items"][0][0]))

    def test_resume(self) -> None:
        """A client that comes back is sent what it missed, and is told what is lost before it."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", together=True)
        self.publish(*range(3))
        self.publish(9, subject="pump.a.heat")
        self.publish(*range(3, 6))
        late = self.bench.connect()
        late.link.receive(
            json.dumps(
                {
                    "jsonrpc": "2.0",
                    "id": 1,
                    "method": "bus.subscribe",
                    "params": {"pattern": "pump.>", "together": True, "since": "epoch0:1"},
                }
            ).encode()
        )
        answer, *events = (text.get("result", text.get("params")) for text in late.heard())
        self.assertEqual((["pump.a.speed", "pump.a.heat"], {"from": 2, "to": 2}), (answer["subjects"], answer["gap"]))
        self.assertEqual([(7, [[0, 2], [1, 9], [0, 3], [0, 4], [0, 5]])], [(e["seq"], _without_time(e)) for e in events])

    def test_slow(self) -> None:
        """A reader that is slow learns the names of subjects whose events it has all lost."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", together=True)
        self.viewer.clog()
        self.publish(1, subject="pump.a.heat")
        self.bench.connect().ask("bus.forget", subject="pump.a.heat")
        self.publish(*range(10))
        self.bench.reactor.advance(0)
        self.viewer.unclog()
        lost, told = self.said()
        self.assertEqual(7, lost["count"])
        self.assertEqual((11, ["pump.a.heat", "pump.a.speed"]), (told["seq"], told["subjects"]))
        self.assertEqual([[1, 6], [1, 7], [1, 8], [1, 9]], _without_time(told))
        self.viewer.clog()
        self.publish(1, subject="pump.b.heat")
        self.bench.reactor.advance(0)
        self.bench.connect().ask("bus.forget", subject="pump.b.heat")
        self.viewer.unclog()
        lost, told = self.said()
        self.assertEqual((1, 12, ["pump.b.heat"], []), (lost["count"], told["seq"], told["subjects"], told["items"]))

    def test_older(self) -> None:
        """A replayed event from before the stream's beginning has no number, and its name in place."""
        self.bench.connect().ask("bus.subscribe", pattern=">")
        self.publish(1, 2)
        self.viewer.link.receive(
            b'{"jsonrpc":"2.0","id":1,"method":"bus.subscribe","params":{"pattern":"pump.>","together":true,"replay":2}}'
        )
        _, told = self.viewer.heard()
        self.assertEqual(
            (None, [["pump.a.speed", 1], ["pump.a.speed", 2]]), (told["params"]["seq"], _without_time(told["params"]))
        )

    def test_older_and_newer(self) -> None:
        """What is older than the stream, and the first event of it, come in messages of their own."""
        other = self.bench.connect()
        other.ask("bus.subscribe", pattern=">")
        self.publish(1, subject="pump.a.heat")
        other.ask("bus.subscribe", pattern="pump.>", together=True)
        self.publish(2)
        self.viewer.link.receive(
            b'{"jsonrpc":"2.0","id":1,"method":"bus.subscribe","params":{"pattern":"pump.>","together":true,"replay":2}}'
        )
        _, older, newer = (text.get("params") for text in self.viewer.heard())
        self.assertEqual((None, [["pump.a.heat", 1]]), (older["seq"], _without_time(older)))
        self.assertEqual((1, [[0, 2]]), (newer["seq"], _without_time(newer)))

    def test_too_many_subjects(self) -> None:
        """A stream gives an index to so many subjects; the events of further ones have the name."""
        self.patch(together, "MOST_SUBJECTS", 1)
        self.viewer.ask("bus.subscribe", pattern="pump.>", together=True)
        self.publish(1)
        self.publish(2, subject="pump.a.heat")
        (told,) = self.said()
        self.assertEqual([[0, 1], ["pump.a.heat", 2]], _without_time(told))
        self.assertEqual(10_000, MOST_SUBJECTS)

    def test_blocks(self) -> None:
        """What is large comes in several messages, each of them bounded."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", together=True)
        self.publish(*["x" * 30_000] * 7)
        told = self.said()
        self.assertEqual([(3, 3), (6, 3), (7, 1)], [(message["seq"], len(message["items"])) for message in told])

    def test_folded(self) -> None:
        """Folded numbers are columns; of a single number, the value alone is."""
        self.viewer.ask("bus.subscribe", pattern="pump.>", every=1, fold=True, together=True)
        self.publish(SampleTaken(1.5, 0.0))
        self.publish(SampleTaken(2.5, 0.0), SampleTaken(9.0, 0.0), SampleTaken(3.5, 0.0))
        self.publish("on", subject="pump.a.state")
        self.publish(7, subject="pump.a.heat")
        self.bench.reactor.advance(1)
        first, then = self.said()
        self.assertEqual([[0, 1.5]], _without_time(first))
        self.assertEqual([[1, "on"], [0, 3.5, 2.5, 9.0, 3], [2, 7]], _without_time(then))


def _without_time(told: dict[str, Any]) -> list[list[Any]]:
    return [[place, *rest] for place, _, *rest in told["items"]]
