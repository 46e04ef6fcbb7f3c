"""Tests of :mod:`netd.client.events`: what a subscription makes of messages, and where it goes on after a lost connection."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.client.control import BadAnswer, InvalidArguments
from netd.client.events import LATEST, Dropped, Event, Gap, Item, Stream, Wish


def told(method: str, **params: Any) -> bytes:
    """A notification."""
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": {"pattern": "a.>", **params}}).encode()


def event(seq: int | None, data: Any = 1) -> bytes:
    """An event of the subscription."""
    return told("event", seq=seq, time=5, subject="a.b", data=data)


def subscribed(request: int, position: str, recovered: int | None = None, gap: dict[str, int | None] | None = None) -> bytes:
    """The answer to a subscription."""
    result = {"pattern": "a.>", "position": position, "recovered": recovered, "gap": gap}
    return json.dumps({"jsonrpc": "2.0", "id": request, "result": result}).encode()


def params_of(request: bytes) -> dict[str, Any]:
    """What a request for a subscription says."""
    asked = json.loads(request)
    assert asked["method"] == "bus.subscribe"
    params: dict[str, Any] = asked["params"]
    return params


class StreamTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stream = Stream(Wish("a.>"))

    def receive(self, text: bytes, stream: Stream | None = None) -> Item | None:
        """The one item that *text* tells."""
        items = (stream or self.stream).receive(text)
        self.assertLessEqual(len(items), 1)
        return items[0] if items else None

    def test_wish(self) -> None:
        """All that is wished for is said, and nothing that is not."""
        self.assertEqual(params_of(self.stream.open()), {"pattern": "a.>", "policy": "drop-oldest"})
        self.assertEqual(
            params_of(Stream(Wish("a.>", 0.5, 3, LATEST)).open()),
            {"pattern": "a.>", "every": 0.5, "replay": 3, "policy": "latest"},
        )
        self.assertRaises(ValueError, Stream(Wish("a.>", float("nan"))).open)

    def test_items(self) -> None:
        """Events, and what was dropped, are given as they are; before the answer the subscription is not live."""
        self.stream.open()
        self.assertIsNone(self.receive(subscribed(99, "x:1")))
        self.assertFalse(self.stream.is_live)
        self.assertIsNone(self.receive(subscribed(1, "c7:0")))
        self.assertTrue(self.stream.is_live)
        self.assertEqual(self.receive(event(1, {"value": 2})), Event("a.b", {"value": 2}, 5.0, 1))
        self.assertEqual(self.receive(event(None)), Event("a.b", 1, 5.0, None))
        self.assertEqual(self.receive(told("dropped", count=118, policy=LATEST)), Dropped(118, LATEST))

    def test_of_no_concern(self) -> None:
        """What is for another subscription, or of a newer netd, is passed over."""
        other = json.dumps({"method": "event", "params": {"pattern": "b.>", "seq": 7, "time": 1, "subject": "b.c", "data": 1}})
        for text in (other.encode(), told("later"), b'{"method": "event"}', b'{"method": "room.line", "params": [1]}'):
            self.assertIsNone(self.receive(text))

    def test_resume(self) -> None:
        """After a lost connection it asks for what followed the last event, and says what is gone."""
        self.stream.open()
        self.receive(subscribed(1, "c7:40"))
        self.assertEqual(params_of(self.stream.open())["since"], "c7:40")
        self.receive(subscribed(2, "c7:40", 0))
        self.receive(event(41))
        request = self.stream.open()
        self.assertFalse(self.stream.is_live)
        self.assertEqual(params_of(request)["since"], "c7:41")
        self.assertEqual(self.receive(subscribed(3, "c7:60", 5, {"from": 42, "to": 55})), Gap(42, 55))
        self.assertEqual(params_of(self.stream.open())["since"], "c7:41")  # lost again, before anything came
        self.receive(subscribed(4, "c7:60", 5))
        self.receive(event(60))
        self.assertEqual(params_of(self.stream.open())["since"], "c7:60")

    def test_nothing_left(self) -> None:
        """What is gone is told once."""
        self.stream.open()
        self.receive(subscribed(1, "c7:0"))
        self.stream.open()
        self.assertEqual(self.receive(subscribed(2, "c7:9", 0, {"from": 1, "to": 9})), Gap(1, 9))
        self.assertEqual(params_of(self.stream.open())["since"], "c7:9")

    def test_restart(self) -> None:
        """A netd that was restarted counts anew, and nobody knows what was missed; a replay is wished for again."""
        stream = Stream(Wish("a.>", replay=2))
        stream.open()
        stream.receive(subscribed(1, "c7:5"))
        self.assertEqual((params_of(stream.open())["replay"], stream.is_live), (2, False))
        self.assertEqual(self.receive(subscribed(2, "d8:3", None, {"from": 6, "to": None}), stream), Gap(6, None))
        self.assertEqual(params_of(stream.open())["since"], "d8:3")

    def test_replayed_events_do_not_turn_back(self) -> None:
        """A replay of old events does not make the next connection ask for what was there already."""
        self.stream.open()
        self.receive(subscribed(1, "c7:9"))
        self.receive(event(4))
        self.assertEqual(params_of(self.stream.open())["since"], "c7:9")

    def test_fold_and_together(self) -> None:
        """Events that come in one message are the events that they are one by one; folded numbers have the range of theirs."""
        stream = Stream(Wish("a.>", 1.0, fold=True, together=True))
        params = params_of(stream.open())
        self.assertEqual({"pattern": "a.>", "policy": "drop-oldest", "every": 1.0, "fold": True, "together": True}, params)
        answer = json.loads(subscribed(1, "c7:3"))
        answer["result"]["subjects"] = ["a.x"]
        stream.receive(json.dumps(answer).encode())
        items = [[0, 5, 2.5, 1, 3, 7], [1, 5, 4], [1, 6, {"state": "on"}]]
        state = {"state": "on"}
        told_x = Event("a.x", {"time": 5, "value": 2.5, "min": 1, "max": 3, "count": 7}, 5.0, 4)
        told_y = Event("a.y", {"time": 5, "value": 4, "min": 4, "max": 4, "count": 1}, 5.0, 5)
        self.assertEqual(
            [told_x, told_y, Event("a.y", state, 6.0, 6)],
            stream.receive(told("events", seq=6, subjects=["a.y"], items=items)),
        )
        self.assertEqual([Event("a.z", True, 1.0, None)], stream.receive(told("events", seq=None, items=[["a.z", 1, True]])))
        self.assertEqual("c7:6", params_of(stream.open())["since"])
        for items in ([[7, 1, 1]], [[0, 1]], [[0, 1, 1, 1]], [5]):
            self.assertRaises(BadAnswer, stream.receive, told("events", seq=7, items=items))

    def test_refused(self) -> None:
        """A pattern that is none is told as the error that it is."""
        self.stream.open()
        error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "pattern: no"}}
        self.assertRaises(InvalidArguments, self.stream.receive, json.dumps(error).encode())

    def test_not_netd(self) -> None:
        """What netd never says is an error that quotes it."""
        self.stream.open()
        for text in (
            b"",
            b"\xff",
            b"[]",
            b"[" * 100_000,
            b"{}",
            told("event", seq="x", time=1, subject="a", data=1),
            told("event", seq=1),
            told("dropped", count=None, policy=""),
            b'{"jsonrpc": "2.0", "id": 1, "result": 5}',
            subscribed(1, "nothing"),
            subscribed(1, "c:1", None, {"from": 1}),
        ):
            self.assertRaises(BadAnswer, self.stream.receive, text)

    @given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5))
    def test_any_answer(self, result: Any) -> None:
        """Whatever the answer, it is taken or is one clear error."""
        stream = Stream(Wish("a.>"))
        stream.open()
        text = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()
        self.assertRaises(BadAnswer, stream.receive, text)
