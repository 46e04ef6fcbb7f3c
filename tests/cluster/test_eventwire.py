"""Events as bytes: there and back, and whatever else may come."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.cluster.eventwire import (
    LONGEST_BODY,
    LONGEST_WORD,
    MOST_WANTS,
    BadEvents,
    NewestEvent,
    NewestQuestion,
    event_item,
    events_bodies,
    newest_answer,
    newest_question,
    read_events,
    read_newest,
    read_newest_question,
    read_wants,
    wants_answer,
)
from netd.codec.jsontext import decode, encode
from netd.message import Demand, Described, Want

VALUES = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5) | st.floats(-1e9, 1e9)
EVENTS = st.recursive(VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3))
ITEM = event_item(b'"session.main.oven.temp"', 1732125000.25, b'{"value":1.5}')
SAMPLES = {"values": [1.0, 2.5, 1e30], "agent_times": [1.5, None, 2.0], "label": "temperature", "unit": "K"}


def body_of(*items: bytes, last: int = 0, epoch: str = "e1") -> bytes:
    """One message of *items*, one event each."""
    [(body, _)] = events_bodies(epoch, (last or len(items)) - len(items), [(item, 1) for item in items])
    return body


class EventsTests(SynchronousTestCase):
    @given(st.lists(st.tuples(EVENTS, st.floats(0, 2e9)), min_size=1, max_size=8), st.integers(0, 2**40))
    def test_there_and_back(self, told: list[tuple[object, float]], before: int) -> None:
        """Whatever JSON can say comes as it was, with its subject and time, and as the text that it was."""
        items = [(event_item(b'"a.b"', time, encode(event)), 1) for event, time in told]
        [(body, count)] = events_bodies("e1", before, items)
        found = read_events(body)
        self.assertEqual((len(told), "e1", before + len(told)), (count, found.epoch, found.last))
        self.assertEqual([(event, time) for event, time in told], [(decode(bytes(one.event)), one.time) for one in found.events])
        self.assertEqual([encode(event) for event, _ in told], [bytes(one.event) for one in found.events])

    def test_more(self) -> None:
        """Batches and descriptions come with an event; members that are not known are ignored."""
        item = event_item(b'"a.b"', 1.0, b'{"value":3}', SAMPLES | {"colour": "red"})
        other = event_item(b'"a.c"', 1.0, b"2", {"batch": [1, {"x": 2}]})
        [(body, count)] = events_bodies("e1", 10, [(item, 3), (other, 2)])
        found = read_events(body)
        more: Any = found.events[0].more
        self.assertEqual((5, 15, [3, 2]), (count, found.last, [one.number for one in found.events]))
        self.assertEqual(
            ([1.0, 2.5, 1e30], [1.5, None, 2.0], "temperature", "K"), (more.values, more.agent_times, more.label, more.unit)
        )
        more = found.events[1].more
        self.assertEqual([b"1", b'{"x":2}'], [bytes(text) for text in more.batch])

    def test_parts(self) -> None:
        """Many events go in several messages, each within the bound; numbers go on, but where an event is too long."""
        items = [(event_item(b'"a.b"', 1.0, b'"%b"' % (b"x" * size)), 2) for size in [100_000] * 11 + [LONGEST_BODY] + [100_000]]
        found = [(len(body), count, read_events(body).last) for body, count in events_bodies("e" * 63, 7, items)]
        self.assertTrue(all(size <= LONGEST_BODY for size, _, _ in found))
        self.assertEqual([(10, 17), (10, 27), (2, 29), (2, 33)], [(count, last) for _, count, last in found])
        self.assertEqual([], list(events_bodies("e1", 0, [])))

    def test_refused(self) -> None:
        """Each thing that is wrong has its words."""
        deep = event_item(b'"a.b"', 1.0, b"[" * 70 + b"]" * 70)
        for body, why in (
            (b"x" * (LONGEST_BODY + 1), "too many"),
            (b"\xff", "codec"),
            (b'["e1",1,[["a.b",1,"\xff"]]]', "codec"),
            (b"{}", "Expected"),
            (b'["e1",1,[["a.b",1,' + b"[" * 50_000 + b"]" * 50_000 + b"]]]", "recursion"),
            (b'["e 1",1,[["a.b",1,2]]]', "no epoch"),
            (b'["e1",1,[]]', "no event"),
            (b'["e1",1,[["a.b",-1,2]]]', "-1.0 is no time"),
            (b'["e1",1,[["a.b",1e300,2]]]', "is no time"),
            (b'["e1",0,[["a.b",1,2]]]', "has no number 0"),
            (b'["e1",2,[["a.b",1,2,{"batch":[1,2,3]}]]]', "has no number 2"),
            (b'["e1",2,[["a.b",1,2,{"values":[1,2],"agent_times":[1]}]]]', "other times than values"),
            (b'["e1",2,[["a.b",1,2,{"values":[1,"2"]}]]]', "Expected"),
            (b'["e1",2,[["a.b",1,2,{"label":"%b"}]]]' % (b"x" * (LONGEST_WORD + 1)), "is longer than 200"),
            (body_of(deep), "nested more than 64 deep"),
            (b'["e1",2,[["a.b",1,2,{"batch":[' + b"[" * 70 + b"]" * 70 + b",2]}]]]", "nested more than 64 deep"),
        ):
            self.assertRaisesRegex(BadEvents, why, read_events, body)

    def test_deep_together(self) -> None:
        """Many events with few brackets each are not deep."""
        found = read_events(body_of(*[event_item(b'"a.b"', 1.0, b'[[["[[["]]]', {"batch": [[1], [2]]})] * 40, last=100))
        self.assertEqual(40, len(found.events))

    def test_mutated(self) -> None:
        """Of 20,000 bodies that were damaged on the way, each is read or refused."""
        chance = random.Random(7)
        whole = body_of(ITEM, event_item(b'"a.b"', 1.0, '{"text":"grün \\n"}'.encode(), SAMPLES), ITEM, last=99)
        outcomes = {True: 0, False: 0}
        for _ in range(20_000):
            body = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                at = chance.randrange(max(1, len(body) - 20))
                kind = chance.randrange(4)
                if kind == 0:
                    body[at : at + 1] = bytes([chance.randrange(256)])
                elif kind == 1:
                    del body[at : at + chance.randint(1, 20)]
                elif kind == 2:
                    body[at:at] = chance.choice([b"[", b"]", b"{", b'"', b",", b"0", b"-", b"1e999", b"null", b"\\u0000"])
                else:
                    del body[at + 1 :]
            try:
                found = read_events(bytes(body))
            except BadEvents as error:
                self.assertTrue(str(error))
                outcomes[False] += 1
            else:
                self.assertTrue(found.events)
                outcomes[True] += 1
        self.assertGreater(min(outcomes.values()), 1000, outcomes)


class WantsTests(SynchronousTestCase):
    def test_there_and_back(self) -> None:
        """What is wanted comes as it was."""
        wants = {"session.>": Demand(Want.NEWEST, 0.5), "relay.*.x": Demand(Want.BATCH, 0.0)}
        self.assertEqual(wants, read_wants(decode(encode(wants_answer(wants)))))

    def test_refused(self) -> None:
        """What is no list of wants is refused."""
        good = ["a.b", 2, 0.0]
        for told in (None, {}, [1], [["a..b", 2, 0.0]], [[1, 2, 0.0]], [["a", 9, 0.0]], [["a", True, 0.0]], [["a", 2]],
                     [["a", 2, -1.0]], [["a", 2, float("nan")]], [good] * (MOST_WANTS + 1)):  # fmt: skip
            self.assertRaises(BadEvents, read_wants, told)


class NewestTests(SynchronousTestCase):
    def test_question(self) -> None:
        """A question comes as it was; others are refused."""
        question = NewestQuestion("north", "e1", {"session.>": Demand(Want.BATCH, 0.0)}, "session.main.x")
        told: Any = decode(encode(newest_question(question)))
        self.assertEqual(question, read_newest_question(told))
        for wrong in ({"node": "no rth"}, {"node": 1}, {"epoch": None}, {"after": 3}, {"wants": 7}):
            self.assertRaises(BadEvents, read_newest_question, told | wrong)
        self.assertRaises(BadEvents, read_newest_question, [])

    def test_answer(self) -> None:
        """Events come with their time, text and description, as many as have room; longer ones never."""
        events = [NewestEvent("a.b", 1.5, b'{"x":1}', Described("temperature", "K")), NewestEvent("a.c", 2.0, b"null")]
        self.assertEqual((events, False), read_newest(decode(encode(newest_answer(events)))))
        long = [NewestEvent(f"a.n{n}", 1.0, encode("x" * 300_000)) for n in range(2)]
        self.assertEqual((long[:1], True), read_newest(decode(encode(newest_answer(long)))))
        too_long = NewestEvent("a.a", 1.0, encode("x" * LONGEST_BODY))
        self.assertEqual((events, False), read_newest(decode(encode(newest_answer([too_long, *events])))))

    def test_refused(self) -> None:
        """What holds no events is refused."""
        good = ["a.b", 1.0, 1, "", ""]
        for told in (
            None,
            {},
            {"events": []},
            {"events": [], "more": True},
            {"events": [1], "more": False},
            {"events": [good[:4]], "more": False},
        ):
            self.assertRaises(BadEvents, read_newest, told)
        for at, wrong in ((0, "a@b.c"), (0, 7), (1, -1.0), (1, "x"), (1, float("nan")), (1, True), (3, None), (4, "x" * 201)):
            self.assertRaises(BadEvents, read_newest, {"events": [[*good[:at], wrong, *good[at + 1 :]]], "more": False})
