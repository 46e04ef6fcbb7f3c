"""What is kept of the events that somebody follows, and the places of those who follow: ``netd.bus.journal``, cursors."""

from __future__ import annotations

import json
import tracemalloc
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.bus.journal import OVERHEAD, Journal
from netd.console.cursor import AT_ONCE
from netd.message import Message
from netd.operations import Role
from tests.console.links import Bench, LinkUnderTest


def subscribe(viewer: LinkUnderTest, **params: Any) -> None:
    """Have *viewer* ask; the answer is heard with all else."""
    viewer.link.receive(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "bus.subscribe", "params": params}).encode())


class JournalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.later: list[Any] = []
        self.journal = Journal(self.later.append, 4, 10_000)

    def take(self, event: object, subject: str = "a", owner: object = None) -> list[bytes | None]:
        """The texts of what the journal makes of it."""
        return [entry.text for entry in self.journal.take(Message(subject, event), owner)]

    def test_one_entry(self) -> None:
        """All who follow an event have the same entry; one that takes some events only keeps its own."""
        message, owner = Message("a", {"x": 1}), object()
        (entry,) = self.journal.take(message)
        self.assertIs(entry, self.journal.take(message)[0])
        self.assertEqual(b',"time":0.0,"subject":"a","data":{"x":1}}}', entry.text)
        (own,) = self.journal.take(message, owner)
        self.assertEqual((own.text, {(None, "a"), (owner, "a")}), (entry.text, set(self.journal.rings)))
        self.journal.forget_owner(owner)
        self.assertEqual(({(None, "a")}, None, entry.size), (set(self.journal.rings), own.text, self.journal.size))

    def test_turn(self) -> None:
        """Nothing goes before the end of the turn, when all streams have seen it; then all bounds hold."""
        entries = [self.journal.take(Message("a", number))[0] for number in range(50)]
        self.assertEqual((1, 50), (len(self.later), sum(entry.text is not None for entry in entries)))
        self.later.pop()()
        self.assertEqual([entry.text for entry in entries[-4:]], [entry.text for entry in entries if entry.text is not None])
        self.assertEqual(sum(entry.size for entry in entries[-4:]), self.journal.size)

    def test_size(self) -> None:
        """Over the bound of bytes the oldest go, whosever they are; an event larger than the bound goes at once."""
        for number in range(20):
            self.take("x" * 700, f"s{number}")
        self.journal.trim()
        self.assertEqual([f"s{number}" for number in range(11, 20)], [subject for _, subject in self.journal.rings])
        self.take("x" * 10_000)
        self.journal.trim()
        self.assertEqual(({}, 0), (self.journal.rings, self.journal.size))

    def test_rebound(self) -> None:
        """Other bounds hold from the next event on."""
        for number in range(4):
            self.take(number)
        self.journal.bound(2, OVERHEAD * 10)
        self.take(4)
        self.journal.trim()
        self.assertEqual(2, len(self.journal.rings[None, "a"]))

    def test_again(self) -> None:
        """An event that was let go is kept again when somebody asks for it: the newest of its subject is always to be had."""
        message = Message("a", 1)
        (entry,) = self.journal.take(message)
        self.journal.forget("a")
        self.assertIsNone(entry.text)
        self.assertIsNotNone(self.journal.take(message)[0].text)


class CursorTests(SynchronousTestCase):
    def begin(self, keep_events: int = 4, keep_size: int = 1 << 20) -> None:
        """A bus and one viewer."""
        self.bench = Bench(keep_events, keep_size)
        self.viewer = self.bench.connect(Role.VIEWER)

    def publish(self, *events: Any, subject: str = "pump.main.speed") -> None:
        """Publish *events*, all within one turn, which ends."""
        for event in events:
            self.bench.bus.publish(Message(subject, event))
        self.bench.reactor.advance(0)

    def test_two_patterns(self) -> None:
        """Two patterns keep an event once."""
        self.begin()
        for pattern in ("pump.>", "*.main.*"):
            self.viewer.ask("bus.subscribe", pattern=pattern)
        self.publish(1)
        one, other = [stream._entries for stream in self.bench.streams._streams.values()]
        self.assertIs(one[0], other[0])
        self.assertEqual(1, len(self.bench.journal._order))

    def test_sampled_beside_a_busy_subject(self) -> None:
        """Whoever takes one event in a while can resume, though a thousand others of the subject came in between."""
        self.begin()
        self.bench.connect().ask("bus.subscribe", pattern="pump.>")
        subscribe(self.viewer, pattern="pump.>", every=60)
        for minute in range(3):
            self.publish(*range(minute * 1000, minute * 1000 + 1000))
            self.bench.reactor.advance(60)
        heard = [text["params"] for text in self.viewer.heard() if "params" in text]
        self.assertEqual([0, 999, 1999, 2999], [event["data"] for event in heard])
        late = self.bench.connect()
        subscribe(late, pattern="pump.>", every=60, since="epoch1:1")
        answer, *events = late.heard()
        self.assertEqual((3, None), (answer["result"]["recovered"], answer["result"]["gap"]))
        self.assertEqual([999, 1999, 2999], [event["params"]["data"] for event in events])

    def test_large_batch(self) -> None:
        """A batch of more events than are kept reaches whoever keeps up; the end of it is kept."""
        self.begin()
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.bench.bus.publish(Message("pump.main.speed", 99, batch=list(range(100))))
        self.assertEqual(list(range(100)), self.viewer.events())
        late = self.bench.connect()
        subscribe(late, pattern="pump.>", since="epoch0:0")
        answer, *events = late.heard()
        self.assertEqual({"from": 1, "to": 96}, answer["result"]["gap"])
        self.assertEqual([96, 97, 98, 99], [event["params"]["data"] for event in events])

    def test_older_than_the_stream(self) -> None:
        """What others have followed is the past of a pattern that is followed later; its events have no number there."""
        self.begin()
        self.viewer.ask("bus.subscribe", pattern=">")
        self.publish(1, 2, 3)
        self.publish(4, subject="pump.main.heat")
        for every, expected in ((None, [1, 2, 3, 4]), (60, [3, 4])):
            late = self.bench.connect()
            subscribe(late, pattern="pump.>", replay=10, every=every)
            _, *events = late.heard()
            self.assertEqual([(None, value) for value in expected], [(e["params"]["seq"], e["params"]["data"]) for e in events])

    def test_far_behind(self) -> None:
        """A reader that is far behind is sent a few blocks at once, and the rest in steps, while others are served."""
        self.begin(keep_events=20_000, keep_size=1 << 26)
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(*["x" * 1000] * 2000)
        self.viewer.heard()
        late = self.bench.connect()
        subscribe(late, pattern="pump.>", since="epoch0:0")
        first = late.heard()
        self.assertTrue(AT_ONCE * 50 < len(first) < 400, len(first))
        self.bench.step = 0.003
        portions = [len(first) - 1]
        while sum(portions) < 2000:
            self.publish(1) if len(portions) == 1 else None
            self.bench.go_on()
            self.assertEqual(1 if len(portions) == 1 else 0, len(self.viewer.events()))
            portions.append(len(late.heard()))
            self.assertTrue(0 < portions[-1] < 200, portions)
        self.bench.go_on()
        self.publish(2)
        heard = late.events()
        self.assertEqual(2, heard[-1])
        self.assertEqual(2002, sum(portions) + len(heard))

    def test_gone_while_catching_up(self) -> None:
        """A connection that ends, or gets full, in the middle of what it missed is left alone, and goes on when it has room."""
        self.begin(keep_events=20_000, keep_size=1 << 26)
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(*[[number, "x" * 1000] for number in range(2000)])
        for ends in (True, False):
            late = self.bench.connect()
            subscribe(late, pattern="pump.>", since="epoch0:0")
            self.bench.step = 0.006
            first = late.heard()
            late.clog()
            self.bench.go_on()
            if ends:
                late.peer.lost()
                late.link.lost()
            late.unclog()
            for _ in range(50):
                self.bench.go_on()
            events = [text["params"]["data"][0] for text in [*first, *late.heard()] if text.get("method") == "event"]
            self.assertEqual(list(range(len(events))), events)
            self.assertEqual(ends, len(events) < 2000)

    def test_answered_while_catching_up(self) -> None:
        """What a connection is told in between keeps its place among what it catches up with."""
        self.begin(keep_events=20_000, keep_size=1 << 26)
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(*["x" * 1000] * 1000)
        late = self.bench.connect()
        subscribe(late, pattern="pump.>", since="epoch0:0")
        late.heard()
        late.link.notify("note", None)  # it is collected until the end of the turn
        (go_on,) = self.bench._next_turn
        self.bench._next_turn.clear()
        go_on()
        self.bench.go_on()
        methods = [text["method"] for text in late.heard()]
        self.assertEqual(("note", {"event"}), (methods[0], set(methods[1:])))

    def test_fault_while_catching_up(self) -> None:
        """A fault of one connection far behind costs that connection alone."""
        self.begin(keep_events=20_000, keep_size=1 << 26)
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.publish(*["x" * 1000] * 1000)
        late = self.bench.connect()
        subscribe(late, pattern="pump.>", since="epoch0:0")
        late.heard()
        (stream,) = self.bench.streams._streams.values()
        cursor = next(cursor for cursor in stream.cursors if cursor.is_behind)
        cursor.frame = lambda text: text[1 // 0 :]
        for _ in range(5):
            self.bench.go_on()
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertFalse(late.peer.is_open)
        self.publish(1)
        self.assertEqual(1, self.viewer.events()[-1])

    def test_lost_is_counted(self) -> None:
        """What a connection lost that never read again is counted when it ends."""
        self.begin()
        self.viewer.ask("bus.subscribe", pattern="pump.>")
        self.viewer.clog()
        for number in range(20):
            self.publish(number)
        self.viewer.peer.lost()
        self.viewer.link.lost()
        self.assertEqual({"drop-oldest": 20 - 4}, dict(self.bench.context.traffic.dropped))

    def test_lost_with_much(self) -> None:
        """Counting that for many subscriptions is spread over turns."""
        self.begin()
        for pattern in ("pump.>", "pump.main.*", "*.main.*"):
            self.viewer.ask("bus.subscribe", pattern=pattern)
        self.viewer.clog()
        for number in range(20):
            self.publish(number)
        self.bench.reactor.advance(0)
        self.bench.step = 0.004
        self.viewer.peer.lost()
        self.viewer.link.lost()
        dropped = self.bench.context.traffic.dropped
        self.assertEqual({"drop-oldest": 2 * (20 - 4)}, dict(dropped))
        self.bench.go_on()
        self.assertEqual({"drop-oldest": 3 * (20 - 4)}, dict(dropped))

    def test_exact_bytes(self) -> None:
        """Whoever keeps up is sent, byte for byte, what it always was."""
        self.begin()
        subscribe(self.viewer, pattern="pump.>", replay=1)
        self.publish({"rpm": 3.0}, "ä")
        self.publish(None, subject="pump.main.heat")
        said = self.viewer.transport.value().split(b"\n")
        time = json.dumps(self.bench.wall()).encode()
        head = b'{"jsonrpc":"2.0","method":"event","params":{"pattern":"pump.>","seq":'
        self.assertEqual(
            [
                b'{"jsonrpc":"2.0","id":1,"result":{"pattern":"pump.>","position":"epoch0:0","recovered":null,"gap":null}}',
                head + b'1,"time":%b,"subject":"pump.main.speed","data":{"rpm":3.0}}}' % time,
                head + b'2,"time":%b,"subject":"pump.main.speed","data":"\xc3\xa4"}}' % time,
                head + b'3,"time":%b,"subject":"pump.main.heat","data":null}}' % time,
                b"",
            ],
            said,
        )

    def test_replay_of_much(self) -> None:
        """A replay of more than may be kept is told, and not kept."""
        self.begin(keep_size=10_000)
        for number in range(40):
            self.publish("x" * 700, subject=f"pump.s{number}")
        subscribe(self.viewer, pattern="pump.>", replay=1)
        self.assertEqual(40, len(self.viewer.events()))
        self.assertLessEqual(self.bench.journal.size, 10_000)

    def test_many_patterns(self) -> None:
        """However many patterns an event falls under, what is kept stays within its bound."""
        self.begin(keep_events=1000, keep_size=1 << 20)
        for number in range(500):
            if number % 60 == 0:
                viewer = self.bench.connect()
            tokens = [token if number >> place & 1 else "*" for place, token in enumerate("abcdefghi")]
            subscribe(viewer, pattern=".".join(tokens))
            viewer.clog()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(400):
            self.publish("x" * 100, subject="a.b.c.d.e.f.g.h.i")
        self.assertLessEqual(self.bench.journal.size, 1 << 20)
        self.assertLess(tracemalloc.get_traced_memory()[0] - before, 1.5 * (1 << 20))


class Follower:
    """A viewer with one subscription, and what it knows: where it is, counting what it was told and what it was told is lost.

    :param is_together: whether it asks for the events of a turn in one message.
    :ivar position: the number up to which all is accounted for.
    """

    def __init__(self, bench: Bench, is_together: bool) -> None:
        self.viewer = bench.connect()
        self._options = {"together": True} if is_together else {}
        self._subjects: list[str] = []
        self.position = 0
        self.last = 0
        self._asked: list[int | None] = []
        self._begins_after = 0

    def subscribe(self, chance: Random) -> None:
        """Begin, or begin anew: with or without a past, or from where it was."""
        self.read()
        options: dict[str, Any] = {"pattern": "pump.>", "policy": chance.choice(["latest", "drop-oldest"]), **self._options}
        since = self.position if chance.random() < 0.4 else None
        if since is not None:
            options["since"] = f"epoch0:{since}"
        elif chance.random() < 0.4:
            options["replay"] = 3
        self._asked.append(since)
        subscribe(self.viewer, **options)

    def read(self) -> None:
        """Hear what was said, and see that it adds up."""
        said: bytes = self.viewer.transport.value()
        self.viewer.transport.clear()
        for text in map(json.loads, said.splitlines()):
            if "result" in text:
                self._answered(text["result"])
            elif text["method"] == "dropped":
                self.position += text["params"]["count"]
            elif text["method"] == "event":
                self._told(text["params"]["subject"], text["params"]["seq"], text["params"]["data"])
            else:
                seq, items = text["params"]["seq"], text["params"]["items"]
                self._subjects += text["params"].get("subjects", [])
                for at, (place, _, data) in enumerate(items, 1 - len(items)):
                    subject = place if isinstance(place, str) else self._subjects[place]
                    self._told(subject, None if seq is None else seq + at, data)

    def _told(self, subject: str, seq: int | None, data: Any) -> None:
        assert subject == f"pump.{data[1]}", "an event keeps its subject"
        if seq is not None and seq > self._begins_after:
            assert seq > self.last, "numbers ascend"
            self.last = seq
            self.position += 1

    def _answered(self, answer: dict[str, Any]) -> None:
        since = self._asked.pop(0)
        self._subjects = answer.get("subjects", [])
        self._begins_after = int(answer["position"].split(":")[1])
        if since is not None:  # what lies between is recovered, or lost for good
            self.last = self.position = since
            self.position += self._begins_after - since - answer["recovered"]
            self._begins_after = since


class LivesTests(SynchronousTestCase):
    """Six subscribers who clog, come back, resume, replay and replace what they have, at random."""

    def test_lives(self) -> None:
        """Whatever happens: numbers ascend, what is told and what is told as lost add up, and nothing is left behind."""
        for seed in range(300):
            with self.subTest(seed=seed):
                self.live(Random(seed), False)

    def test_lives_together(self) -> None:
        """The same holds where the events of a turn come in one message, and each event keeps its subject."""
        for seed in range(300):
            with self.subTest(seed=seed):
                self.live(Random(seed), True)

    def live(self, chance: Random, is_together: bool) -> None:
        """One life."""
        bench = Bench(keep_events=chance.choice([1, 4, 50]), keep_size=chance.choice([3000, 100_000, 1 << 20]))
        bench.step = chance.choice([0, 0, 0.004])
        followers = [Follower(bench, is_together) for _ in range(6)]
        published = 0
        for follower in followers:
            follower.subscribe(chance)
        for _ in range(60):
            follower = chance.choice(followers)
            match chance.randrange(8):
                case 0:
                    follower.viewer.clog()
                case 1:
                    follower.viewer.unclog()
                case 2:
                    follower.subscribe(chance)
                case 3:
                    bench.go_on()
                case _:
                    for _ in range(chance.choice([1, 1, 5])):
                        published += 1
                        text = "x" * chance.choice([1, 10, 40_000])
                        pump = chance.randrange(3)
                        bench.bus.publish(Message(f"pump.{pump}", [published, pump, text]))
            follower.read()
            if chance.random() < 0.5:
                bench.reactor.advance(0)
        bench.step = 0
        for follower in followers:
            follower.viewer.unclog()
        for _ in range(20):
            bench.go_on()
        for follower in followers:
            follower.read()
            self.assertEqual((published, {}), (follower.position, follower.viewer.link.backlogs))
        self.assertEqual(0, bench.streams.collected)
        bench.journal.trim()
        self.assertLessEqual(bench.journal.size, bench.journal._most_size)
        self.assertTrue(all(len(ring) <= bench.journal._most for ring in bench.journal.rings.values()))
