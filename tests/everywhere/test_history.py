"""The past of all nodes: asked of each recorder, and merged."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.bus.subject import matches
from netd.errors import InvalidArguments, NoSuchTarget, NotInTime, NotPermitted, OperationFailed
from netd.everywhere.history import PATIENCE, EverywhereHistory
from netd.operations import Caller, Operation, Role
from netd.recorder.results import (
    Gap,
    HistoryPage,
    HistoryPoints,
    NoteFacts,
    PastEvent,
    PastSamples,
    RunFacts,
    SeriesFacts,
    SeriesPoints,
)
from netd.testing import make_caller, result_of
from tests.cluster.clocks import pass_time
from tests.cluster.fake import FakeNet
from tests.cluster.test_calls import CallingNode

HOUR = 3600.0
BEGIN = 1_700_000_000.0 // HOUR * HOUR
DAY = (BEGIN, BEGIN + 24 * HOUR)


class Recorder:
    """A recorder with a sample of each subject each hour. It can be slow, and can fail.

    :ivar subjects: what it has recorded.
    """

    def __init__(self, *subjects: str) -> None:
        self.subjects = list(subjects)
        self.asked: list[tuple[str, Any]] = []
        self.is_slow = False
        self.error: Exception | None = None
        self.run = 7

    def operations(self) -> list[Operation]:
        """The operations of a recorder that are asked of all nodes, and one that is not."""
        told = {"subjects": self.series, "query": self.query, "read": self.read, "events": self.events, "runs": self.runs}
        return [
            Operation(f"history.{verb}", one, Role.VIEWER, "…", checks_subjects=True, spans_services=True, kind="recorder")
            for verb, one in {**told, "flush": self.flush}.items()
        ]

    def found(self, caller: Caller, pattern: str | list[str]) -> list[str]:
        """The subjects that are asked for."""
        patterns = [pattern] if isinstance(pattern, str) else pattern
        for one in patterns:
            caller.check(one)
        return [subject for subject in self.subjects if any(matches(one, subject) for one in patterns)]

    def answer(self, verb: str, asked: Any, result: Any) -> Deferred[Any]:
        """Answer now, never, or with an error."""
        self.asked.append((verb, asked))
        if self.error is not None:
            raise self.error
        return Deferred() if self.is_slow else succeed(result)

    def series(
        self, caller: Caller, pattern: str | list[str] = ">", since: float | str | None = None
    ) -> Deferred[list[SeriesFacts]]:
        facts = [SeriesFacts(one, "", "K", *DAY, 24, True) for one in self.found(caller, pattern)]
        return self.answer("subjects", pattern, facts)

    def query(
        self,
        caller: Caller,
        pattern: str | list[str],
        begin: float | str = "-1h",
        end: float | str = "now",
        points: int = 1000,
        run: int | None = None,
        clock: str = "netd",
    ) -> Deferred[HistoryPoints]:
        assert isinstance(begin, float) and isinstance(end, float), "all nodes are asked for the same time"
        found = self.found(caller, pattern)
        series = [SeriesPoints(one, "", "K", True, [begin], [1.0], [3.0], [float(len(one))], [2]) for one in found]
        note = NoteFacts(1, begin, None, "session.main.>", "look", None, "ann")
        result = HistoryPoints(begin, end, 1.0, series, [Gap(begin, begin + 1, "stopped")], [note])
        return self.answer("query", (pattern, begin, end, points, run), result)

    def read(
        self,
        caller: Caller,
        pattern: str | list[str],
        begin: float | str = "-1h",
        end: float | str = "now",
        run: int | None = None,
        after: str | None = None,
        limit: int = 10_000,
    ) -> Deferred[HistoryPage]:
        begin, end = DAY if run is not None else (float(begin), float(end))
        items: list[Any] = []
        hour = max(begin, float(after or 0))
        while hour < end:
            for one in self.found(caller, pattern):
                event = PastEvent(one, hour, {"said": 1})
                items.append(event if "said" in one else PastSamples(one, "K", [hour], [1.0], None))
            hour += HOUR
            if len(items) >= limit:
                break
        gaps = [Gap(begin, begin + 1, "stopped")] if after is None else []
        page = HistoryPage(items, str(hour) if hour < end else None, gaps)
        return self.answer("read", (pattern, begin, end, after, limit), page)

    def events(
        self,
        caller: Caller,
        pattern: str | list[str] = ">",
        begin: float | str = "-1d",
        end: float | str = "now",
        contains: str | None = None,
        newest: int = 100,
        run: int | None = None,
    ) -> Deferred[list[PastEvent]]:
        found = [PastEvent(one, BEGIN + len(one), {"n": 1}) for one in self.found(caller, pattern)]
        return self.answer("events", pattern, found[:newest])

    def runs(self, caller: Caller, contains: str | None = None, newest: int = 50) -> Deferred[list[RunFacts]]:
        run = RunFacts(self.run, "night", BEGIN + self.run, None, ["session.main.>"], {}, "ann")
        return self.answer("runs", None, [run])

    def flush(self) -> bool:
        return True


class HistoryBench(SynchronousTestCase):
    """Three nodes: A and B record, C does not."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.net = FakeNet(self.clock)
        self.recorders = {"A": Recorder("session.main.t", "custom.x"), "B": Recorder("session.main.t", "relay.main.said.p")}
        self.nodes = {name: CallingNode(self.net, name, has_pumps=False) for name in "ABC"}
        for name, node in self.nodes.items():
            node.table.watch(EverywhereHistory(node.table, self.clock, node.bus.wall).changed)
            if name in self.recorders:
                node.table.add(self.recorders[name].operations())
            node.start()
        pass_time(self.clock, 2.0)

    def begin(self, verb: str, at: str = "A", caller: Caller | None = None, **params: Any) -> Deferred[Any]:
        """Ask at a node."""
        return self.nodes[at].dispatcher.call(f"history.{verb}", params, caller or make_caller())

    def ask(self, verb: str, at: str = "A", caller: Caller | None = None, **params: Any) -> Any:
        """What a node answers."""
        begun = self.begin(verb, at, caller, **params)
        pass_time(self.clock, 0.1)
        return result_of(begun)


class MergeTests(HistoryBench):
    def test_subjects(self) -> None:
        """Each node lists what all nodes have recorded, under the names that it has for it."""
        at_a = [one.subject for one in self.ask("subjects")]
        self.assertEqual(["custom.x", "relay.main@B.said.p", "session.main.t", "session.main@B.t"], at_a)
        at_c = [one.subject for one in self.ask("subjects", "C")]
        self.assertEqual(["custom.x", "relay.main@B.said.p", "session.main@A.t", "session.main@B.t"], at_c)

    def test_listed(self) -> None:
        """The list of recorders is an operation like all others, so that it is a command, too, while there are others."""
        table = self.nodes["C"].table
        self.assertEqual(("main", "main@A", "main@B"), {one.name: where for one, where in table}["history.nodes"])
        self.assertEqual(["A", "B"], [one.node for one in self.ask("nodes", "C")])
        self.assertEqual(["A", "B"], [one["node"] for one in self.ask("nodes", "A", instance="@C")])
        for name in "AB":
            self.nodes[name].link.die()
        pass_time(self.clock, 700.0)
        self.assertNotIn("history.nodes", [one.name for one, _ in table])

    def test_query(self) -> None:
        """Curves of all nodes come together, over the same time; gaps and notes of other nodes say whose they are."""
        found = self.ask("query", pattern="session.*.t", begin=DAY[0], end=DAY[1], points=10)
        self.assertEqual(["session.main.t", "session.main@B.t"], [one.subject for one in found.series])
        self.assertEqual(["stopped", "node B: stopped"], [gap.reason for gap in found.gaps])
        self.assertEqual(["session.main.>", "session.main@B.>"], [note.subject for note in found.notes])
        self.assertEqual("main@B", found.notes[1].instance)
        self.assertEqual([("query", (["session.*.t"], *DAY, 10, None))], self.recorders["B"].asked)

    def test_one_time(self) -> None:
        """A time such as -1h is made a number by the node that is asked: the clocks of the others may differ."""
        self.nodes["B"].bus.wall.step(3600)  # type: ignore[attr-defined]
        self.ask("query", pattern="session.>")
        [(_, at_a)], [(_, at_b)] = self.recorders["A"].asked, self.recorders["B"].asked
        self.assertEqual(at_a, at_b)

    def test_whose(self) -> None:
        """A subject with a node's name is asked of that node in its own names; one of this node is asked of nobody else."""
        found = self.ask("query", pattern=["session.main@B.t"])
        self.assertEqual(["session.main@B.t"], [one.subject for one in found.series])
        self.assertEqual(["session.main.t"], self.recorders["B"].asked[0][1][0])
        self.ask("query", pattern="session.main.t")
        self.assertEqual(1, len(self.recorders["B"].asked))

    def test_shared(self) -> None:
        """What several nodes have recorded of one subject under custom is one series."""
        self.recorders["B"].subjects.append("custom.x")
        [one] = self.ask("query", pattern="custom.x", begin=DAY[0], end=DAY[1]).series
        self.assertEqual(([BEGIN], [1.0], [3.0], [8.0], [4]), (one.times, one.min, one.max, one.mean, one.count))
        [facts] = self.ask("subjects", pattern="custom.x")
        self.assertEqual(48, facts.count)

    def test_recorded_here(self) -> None:
        """A node answers for itself; what another one has recorded of it counts while it does not answer."""
        self.recorders["A"].subjects.append("session.main@B.t")
        subjects = [one.subject for one in self.ask("subjects", pattern="session.*.t")]
        self.assertEqual(["session.main.t", "session.main@B.t"], subjects)
        self.recorders["B"].error = OperationFailed("the disk is away")
        self.assertEqual(subjects, [one.subject for one in self.ask("subjects", pattern="session.*.t")])
        self.recorders["A"].subjects.pop()
        self.assertEqual(subjects[:1], [one.subject for one in self.ask("subjects", pattern="session.*.t")])

    def test_events(self) -> None:
        """The newest events of all nodes, newest first, and no more than were asked for."""
        found = self.ask("events")
        self.assertEqual(
            ["relay.main@B.said.p", "session.main.t", "session.main@B.t", "custom.x"], [one.subject for one in found]
        )
        self.assertEqual(2, len(self.ask("events", newest=2)))

    def test_runs(self) -> None:
        """Runs of all nodes, newest first; each node counts its own, and a run of another one says whose it is."""
        self.recorders["B"].run = 9
        theirs, mine = self.ask("runs")
        self.assertEqual((9, "main@B", ["session.main@B.>"]), (theirs.run, theirs.instance, theirs.patterns))
        self.assertEqual((7, ["session.main.>"]), (mine.run, mine.patterns))

    def test_run(self) -> None:
        """The number of a run means one of this node; one of another takes its instance."""
        self.ask("query", pattern="session.>", run=7)
        self.ask("read", pattern="session.>", run=7)
        self.assertEqual([], self.recorders["B"].asked)
        self.ask("query", pattern="session.main.t", run=7, begin=1.0, end=2.0, instance="main@B")
        self.assertEqual(1, len(self.recorders["B"].asked))
        self.assertIn(
            "takes its `instance`", str(self.assertRaises(InvalidArguments, self.ask, "query", "C", pattern=">", run=7))
        )

    def test_instance(self) -> None:
        """Whoever names a recorder gets that one alone; operations that change something mean the own one, as ever."""
        found = self.ask("subjects", instance="main")
        self.assertEqual(["session.main.t", "custom.x"], [one.subject for one in found])
        self.assertTrue(self.ask("flush"))

    def test_alone(self) -> None:
        """Where no other node records, nothing is merged; and no node that records is a mistake that is told."""
        self.nodes["B"].table.remove("main")
        pass_time(self.clock, 1.0)
        self.assertEqual(["session.main.t", "custom.x"], [one.subject for one in self.ask("subjects")])
        self.assertRaises(InvalidArguments, self.ask, "query", "C", pattern="session.main.t")

    def test_too_many(self) -> None:
        """The answer has as many series as one of one recorder."""
        for name in "AB":
            self.recorders[name].subjects = [f"session.main.t{number}" for number in range(11)]
        self.assertIn("22 series", str(self.assertRaises(OperationFailed, self.ask, "query", pattern="session.>")))

    def test_bad_questions(self) -> None:
        """Mistakes are told as by one recorder."""
        for params in ({"pattern": "a..b"}, {"pattern": ">", "begin": "now"}, {"pattern": ">", "end": "never"}):
            self.assertRaises(InvalidArguments, self.ask, "query", **params)


class AwayTests(HistoryBench):
    def test_slow(self) -> None:
        """A node that does not answer delays the answer by a bounded time, and is named."""
        self.recorders["B"].is_slow = True
        begun = self.begin("query", pattern="session.>")
        pass_time(self.clock, PATIENCE - 0.1)
        self.assertNoResult(begun)
        pass_time(self.clock, 0.2)
        found = result_of(begun)
        self.assertEqual(["session.main.t"], [one.subject for one in found.series])
        self.assertEqual("node B is missing: it did not answer within 3 s", found.gaps[-1].reason)
        mine, theirs = self.ask("nodes")
        self.assertEqual(("", "main", True, ""), (mine.node, mine.instance, mine.answers, mine.why))
        self.assertEqual(("B", "main@B", False), (theirs.node, theirs.instance, theirs.answers))

    def test_dead(self) -> None:
        """A node that is gone delays nothing."""
        self.nodes["B"].link.die()
        pass_time(self.clock, 10.0)
        self.assertEqual("node B is missing: node B is not there", self.ask("query", pattern=">").gaps[-1].reason)
        self.assertEqual(
            ["session.main.t", "custom.x"],
            [one.subject for one in sorted(self.ask("subjects"), key=lambda one: -len(one.subject))],
        )

    def test_kept_here(self) -> None:
        """Of a node that is gone, the gap begins where what is kept of it here ends; there is none if all of it is."""
        self.recorders["A"].subjects.append("session.main@B.t")
        self.nodes["B"].link.die()
        pass_time(self.clock, 10.0)
        for verb in ("query", "read"):
            found = self.ask(verb, pattern="session.>", begin=DAY[0], end=DAY[1] + 60.0)
            self.assertEqual((DAY[1], DAY[1] + 60.0), (found.gaps[-1].begin, found.gaps[-1].end))
            found = self.ask(verb, pattern="session.>", begin=DAY[0], end=DAY[1])
            self.assertEqual(["stopped"], [gap.reason for gap in found.gaps])

    def test_all_away(self) -> None:
        """Where no recorder answers, the question fails with the reason."""
        self.recorders["A"].error = self.recorders["B"].error = OperationFailed("the disk is away")
        for at in "ABC":
            self.assertIn("the disk is away", str(self.assertRaises(OperationFailed, self.ask, "subjects", at)))

    def test_before(self) -> None:
        """Before the first question nothing is known of a recorder."""
        self.assertEqual([None, None], [one.answers for one in self.ask("nodes")])

    def test_late_answer(self) -> None:
        """An answer that comes too late changes nothing."""
        waiting: Deferred[Any] = Deferred()
        self.recorders["B"].answer = lambda *_: waiting  # type: ignore[method-assign]
        begun = self.begin("subjects")
        pass_time(self.clock, PATIENCE + 0.1)
        waiting.callback([])
        pass_time(self.clock, 0.1)
        self.assertEqual(2, len(result_of(begun)))


class NonsenseTests(HistoryBench):
    def answer(self, value: Any) -> None:
        """Have B answer so, whatever it is asked."""
        self.recorders["B"].answer = lambda *_: succeed(value)  # type: ignore[method-assign]

    def test_nonsense(self) -> None:
        """A node whose answer cannot be read is one that has not answered: the others' answers are shown."""
        uneven = {"subject": "custom.x", "label": "", "unit": "", "exact": True, "times": [1.0, 2.0]}
        lists = {"min": [], "max": [1.0], "mean": [1.0], "count": [1]}
        rest: dict[str, Any] = {"begin": 1.0, "end": 2.0, "width": 1.0, "gaps": [], "notes": []}
        for value in (5, {"series": 5}, {**rest, "series": [{**uneven, **lists}]}):
            self.answer(value)
            found = self.ask("query", pattern="session.>")
            self.assertEqual(["session.main.t"], [one.subject for one in found.series])
            self.assertIn("node B is missing: its answer cannot be read", found.gaps[-1].reason)
            for verb in ("subjects", "events", "runs"):
                self.assertTrue(self.ask(verb))
        self.answer({"items": [5], "after": None, "gaps": []})
        self.assertIn("cannot be read", self.ask("read", pattern="session.>").gaps[-1].reason)
        self.assertFalse(self.ask("nodes")[1].answers)

    def test_endless_pages(self) -> None:
        """A recorder whose pages are empty and go on for ever keeps a question from no end: its caller is told where to go on."""
        self.answer({"items": [], "after": "5", "gaps": []})
        begun = self.begin("read", pattern="session.main@B.t")
        pass_time(self.clock, 10.0)
        page = result_of(begun)
        self.assertEqual(([], True), (page.items, page.after is not None))


class ReadTests(HistoryBench):
    def pages(self, limit: int, at: str = "A", **params: Any) -> list[HistoryPage]:
        """All pages."""
        asked = {"pattern": "session.>", "begin": DAY[0], "end": DAY[1], "limit": limit, **params}
        pages = [self.ask("read", at, **asked)]
        while pages[-1].after is not None:
            pages.append(self.ask("read", at, **asked, after=pages[-1].after))
        return pages

    def test_all(self) -> None:
        """Every item comes once, hour by hour, whatever the size of a page; gaps come with the first."""
        for limit in (1, 5, 1000):
            pages = self.pages(limit)
            items = [item for page in pages for item in page.items]
            self.assertEqual(48, len({(item.subject, item.times[0]) for item in items}))
            self.assertEqual(48, len(items))
            times = [item.times[0] for item in items]
            self.assertEqual(sorted(times), times)
            self.assertEqual(["stopped", "node B: stopped"], [gap.reason for gap in pages[0].gaps])
            self.assertEqual([], [gap for page in pages[1:] for gap in page.gaps])
        self.assertEqual(1, len(self.pages(1000)))

    def test_long(self) -> None:
        """A long time has larger slices: in each, one node comes after the other."""
        items = [item for page in self.pages(100, end=BEGIN + 48 * HOUR) for item in page.items]
        self.assertEqual(96, len({(item.subject, item.times[0]) for item in items}))

    def test_events(self) -> None:
        """Events of other nodes are events."""
        items = [item for page in self.pages(10, pattern="relay.>") for item in page.items]
        self.assertEqual(({"relay.main@B.said.p"}, 24), ({item.subject for item in items}, len(items)))

    def test_node_lost(self) -> None:
        """A node that is away at the beginning is a gap; one that goes away later fails the reading: it would have a hole."""
        first = self.ask("read", pattern="session.>", begin=DAY[0], end=DAY[1], limit=5)
        self.recorders["B"].is_slow = True
        begun = self.begin("read", pattern="session.>", begin=DAY[0], end=DAY[1], limit=5, after=first.after)
        pass_time(self.clock, PATIENCE + 0.1)
        self.assertRaises(NotInTime, result_of, begun)
        begun = self.begin("read", pattern="session.>", begin=DAY[0], end=DAY[1], limit=5)
        pass_time(self.clock, PATIENCE + 0.1)
        self.assertIn("node B is missing", result_of(begun).gaps[-1].reason)

    def test_bad_place(self) -> None:
        """A place that no page has named is refused."""
        for after in (
            "",
            "[]",
            "{}",
            "[1,2,[],0,0,null]",
            '[1,2,["main"],0,1,null]',
            '[2,1,["main"],0,0,null]',
            "[1]",
            '["a",2,["m"],0,0,1]',
            '[1,2,["main"],-1,0,null]',
            '[1,2,["main"],1e400,0,null]',
            '[1,Infinity,["main"],0,0,null]',
            '[1,1%s,["main"],0,0,null]' % ("0" * 400),
            "[" * 100_000,
        ):
            self.assertRaises(InvalidArguments, self.ask, "read", pattern=">", after=after)
        self.assertRaises(InvalidArguments, self.ask, "read", pattern=">", after='[1,2,["main@C"],0,0,null]')


class HistoryRightsTests(HistoryBench):
    def test_confined(self) -> None:
        """A confined token gets what its subjects cover, on whichever node it lies."""
        theirs = make_caller(subjects=("session.main@B.>",))
        self.assertEqual(
            ["session.main@B.t"], [one.subject for one in self.ask("query", "C", theirs, pattern="session.main@B.t").series]
        )
        both = make_caller(subjects=("session.>",))
        self.assertEqual(2, len(self.ask("query", caller=both, pattern="session.>").series))
        mine = make_caller(subjects=("session.main.>",))
        self.assertEqual(1, len(self.ask("query", caller=mine, pattern="session.main.t").series))
        self.assertEqual([], [one for one in self.ask("nodes", caller=mine) if one.answers is False])
        for pattern in ("session.>", "session.main@B.t"):
            self.assertRaises((NotPermitted, InvalidArguments), self.ask, "query", caller=mine, pattern=pattern)
        self.assertRaises(NotPermitted, self.ask, "query", caller=theirs, pattern="session.>")

    def test_missing_target(self) -> None:
        """An error of the own recorder is that of the question."""
        self.recorders["A"].error = NoSuchTarget("there is no run 9")
        self.assertRaises(NoSuchTarget, self.ask, "query", pattern=">", run=9)
