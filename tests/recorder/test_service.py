"""A recorder as its users see it: what is published comes back, also after a restart."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.samples import Samples, SampleTaken
from netd.errors import InvalidArguments, NoSuchTarget, NotPermitted, OperationFailed
from netd.message import Described, Message, Want
from netd.operations import Role
from netd.recorder.results import PastEvent, PastSamples
from netd.recorder.service import LARGE, LAST, PATIENCE
from netd.testing import ServiceKindTests, configured, make_caller, reload, result_of
from tests.recorder.kind import SUBJECT, RecorderKind, RecorderTestCase


class KindTests(ServiceKindTests, SynchronousTestCase):
    kind = RecorderKind()

    def _config(self) -> Any:
        return configured(self.kind, f"folder = {self.mktemp()}")


class RecordingTests(RecorderTestCase):
    def test_samples(self) -> None:
        """Each sample of an agent comes back with its value and its times, in the unit that the agent said."""
        self.bus.describe(SUBJECT, Described("Temperature", "°C"))
        now = self.bus.wall()
        self.publish(SampleTaken(21.5, now, now - 1))
        self.publish(SampleTaken(23.0, now, None), batch=Samples(now, [22.0, 23.0]))
        [item] = self.call("read", SUBJECT, end="+1s").items
        self.assertEqual(item, PastSamples(SUBJECT, "°C", [now] * 3, [21.5, 22.0, 23.0], [now - 1, None, None]))
        [points] = self.call("query", SUBJECT, "-1h", "+1s").series
        self.assertEqual((points.unit, points.label, points.count, points.mean), ("°C", "Temperature", [3], [66.5 / 3]))
        self.assertEqual((points.min, points.max, points.exact), ([21.5], [23.0], True))

    def test_events(self) -> None:
        """Everything that is no number comes back as the JSON that it was."""
        now = self.bus.wall()
        self.publish({"text": "käse", "n": [1, None]}, "relay.main.said.lamp")
        self.publish(True, "custom.flag")
        self.publish({"value": 1, "quality": "poor"}, "custom.rich")
        expected = [
            PastEvent("custom.rich", now, {"value": 1, "quality": "poor"}),
            PastEvent("custom.flag", now, True),
            PastEvent("relay.main.said.lamp", now, {"text": "käse", "n": [1, None]}),
        ]
        self.assertEqual(self.call("events", end="+1s"), expected)
        self.assertEqual([event.subject for event in self.call("events", contains="TEXT", end="+1s")], ["relay.main.said.lamp"])
        self.assertEqual(self.call("read", ">", end="+1s").items, expected[::-1])

    def test_numbers_of_programs(self) -> None:
        """A number, and an object with a number and a time, are samples, whoever publishes them."""
        self.publish(5, "custom.a")
        self.publish({"value": 1.5, "time": 1000}, "custom.b")
        self.publish({"value": True}, "custom.c")
        facts = {one.subject: (one.numeric, one.count) for one in self.call("subjects")}
        self.assertEqual(facts, {"custom.a": (True, 1), "custom.b": (True, 1), "custom.c": (False, 1)})
        [item] = self.call("read", "custom.b", end="+1s").items
        self.assertEqual((item.values, item.agent_times), ([1.5], [1000.0]))

    def test_other_batches(self) -> None:
        """A batch of a third party's events is recorded one by one."""

        @frozen
        class Odd:
            text: str

        self.publish(Odd("b"), "custom.x", batch=[Odd("a"), Odd("b")])
        self.assertEqual([event.data for event in self.call("events", end="+1s")], [{"text": "b"}, {"text": "a"}])

    def test_what_is_recorded(self) -> None:
        """Only subjects of the patterns are, each once, and none that is excluded; a reload changes them at once."""
        self.restart("record = custom.>, custom.a.*, system.>, replay.1.>", "exclude = custom.secret.>")
        self.assertIs(self.bus.wants("custom.a.b"), Want.BATCH)
        for subject in (
            "custom.a.b",
            "custom.secret.x",
            "system.main.vitals",
            "system.main.state",
            "replay.1.x",
            "feed.main.round",
        ):
            self.publish(1, subject)
        self.assertEqual([one.subject for one in self.call("subjects")], ["custom.a.b", "replay.1.x", "system.main.state"])
        self.assertEqual([one.count for one in self.call("subjects")], [1, 1, 1])
        config = configured(self.kind, f"folder = {self.folder}", "record = system.main.vitals", "flush = 5s")
        reload(self.service, config)
        self.assertFalse(self.bus.wants("custom.a.b"))
        self.publish(1, "system.main.vitals")
        self.assertEqual(self.call("subjects", "system.main.vitals")[0].count, 1)

    def test_other_nodes(self) -> None:
        """Each node records what it publishes itself. What others publish is recorded where a pattern names the node."""
        self.restart("record = >, session.main@north.>")
        for node in ("north", "south"):
            for subject in (f"session.main@{node}.lamp", "custom.door"):
                self.bus.publish(Message(subject, 1, origin=node))
        self.publish(1, "custom.lamp")
        self.assertEqual([one.subject for one in self.call("subjects")], ["custom.lamp", "session.main@north.lamp"])
        self.assertEqual(set(self.bus.interests()), {"session.main@north.>"})

    def test_replay_by_a_wide_pattern(self) -> None:
        """What is replayed is not recorded again by a pattern that takes everything."""
        self.restart("record = >")
        self.publish(1, "replay.1.x")
        self.publish(1, "custom.x")
        self.assertEqual([one.subject for one in self.call("subjects")], ["custom.x"])

    def test_restart(self) -> None:
        """What was recorded before a restart is there after it, and the time between is a gap."""
        self.publish(1.0)
        self.restart(after=60.0)
        self.publish(2.0)
        answer = self.call("query", SUBJECT, "-1h", "+1s")
        self.assertEqual(answer.series[0].mean, [1.0, 2.0])
        [gap] = answer.gaps
        first = self.call("read", SUBJECT, end="+1s", limit=1)
        self.assertEqual((first.gaps, self.call("read", SUBJECT, end="+1s", limit=1, after=first.after).gaps), ([gap], []))
        self.assertEqual((round(gap.end - gap.begin), gap.reason), (60, "netd was stopped"))

    def test_asked_before_the_part_goes_on(self) -> None:
        """Whoever asks in the first moment after a restart sees what comes later, too."""
        self.publish(1.0)
        self.stop()
        self.kind.make_service = hold_the_writer(self.kind)  # type: ignore[method-assign]
        self.begun = self.bus.wall()
        self.start()
        self.assertEqual(self.call("query", SUBJECT, "-1h", "+1s").series[0].count, [1])
        self.kind.threads.is_held = False
        self.kind.threads.work()
        self.publish(2.0)
        self.publish({"text": "new"}, "custom.new")
        self.assertEqual(sum(self.call("query", SUBJECT, "-1h", "+1s").series[0].count), 2)
        self.assertEqual([one.subject for one in self.call("subjects")], ["custom.new", SUBJECT])

    def test_another_unit(self) -> None:
        """The same subject in another unit is another series."""
        self.bus.describe(SUBJECT, Described("", "°C"))
        self.publish(20.0)
        self.bus.describe(SUBJECT, Described("", "K"))
        self.publish(293.0)
        self.assertEqual([(one.unit, one.count) for one in self.call("subjects")], [("K", 1), ("°C", 1)])

    def test_forgotten_description(self) -> None:
        """A bus with very many subjects forgets some; a series keeps the unit that it had, until its agent says another."""
        self.bus.describe(SUBJECT, Described("", "°C"))
        self.publish(20.0)
        self.bus.forget(SUBJECT)
        self.publish(21.0)
        self.bus.describe(SUBJECT, Described())
        self.publish(1.0)
        self.assertEqual([(one.unit, one.count) for one in self.call("subjects")], [("", 1), ("°C", 2)])

    def test_no_json(self) -> None:
        """An event that JSON cannot express is counted, and the others are recorded."""
        self.publish(object(), "custom.odd")
        self.publish(1, "custom.x")
        self.assertEqual(self.call("subjects")[0].subject, "custom.x")
        self.assertEqual(self.service.status().counters["unrecorded"], {"no series": 0, "no JSON": 1})

    def test_many_at_once(self) -> None:
        """What comes in bulk is handed over before its time, and `flush` can be changed while netd runs."""
        for number in range(LARGE):
            self.publish(float(number))
        self.assertEqual(self.service.status().counters["recorded"], LARGE)
        reload(self.service, configured(self.kind, f"folder = {self.folder}", "flush = 5s"))
        self.publish(1.0)
        self.reactor.advance(4)
        self.assertEqual(self.service.status().counters["recorded"], LARGE)
        self.reactor.advance(1)
        self.assertEqual(self.service.status().counters["recorded"], LARGE + 1)

    def test_long_at_once(self) -> None:
        """Long events are handed over before their time, too: however long ``flush`` is, they do not fill the memory."""
        for _ in range(70):
            self.publish("x" * 62_000, "custom.long")
        self.assertEqual(self.service.status().counters["recorded"], 68)

    def test_flush_by_the_clock(self) -> None:
        """What came is written every ``flush`` seconds, and nothing is while nothing comes."""
        self.publish(1.0)
        self.assertEqual(self.service.status().counters["recorded"], 0)
        self.reactor.advance(1.0)
        self.assertEqual(self.service.status().counters["recorded"], 1)

    def test_status(self) -> None:
        """The status says what is kept, where, and whether recording goes on."""
        self.publish(1.0)
        self.call("flush")
        status = self.service.status()
        self.assertEqual((status.state, status.reason, status.parts, status.waiting), ("recording", "", 1, 0))
        self.assertEqual(status.directory, str(self.folder))
        self.assertTrue(status.newest_part.endswith(".db"))
        [work] = status.work
        self.assertEqual(work.what, f"records to {self.folder}")
        self.assertRegex(work.how, "^recording: [0-9.]+ KiB of 1 GiB, 30 d$")

    def test_full_disk(self) -> None:
        """While nothing can be written, status and bus say so, with the remedy; then recording goes on, and tells the gap."""
        self.assertEqual([event.state for event in self.told()], [])
        self.reactor.advance(1)
        self.service._store._writer._ready = self.fail_to_write
        self.publish(1.0)
        self.reactor.advance(2)
        status = self.service.status()
        self.assertEqual(status.state, "paused")
        self.assertIn("no space", status.reason)
        self.assertGreater(status.waiting, 0)
        found = self.service._history.query(make_caller(), SUBJECT, "-1h", "+1s")
        self.reactor.advance(PATIENCE)
        [gap] = result_of(found).gaps
        self.assertEqual((None, status.reason), (gap.end, gap.reason))
        listed = self.service._history.subjects(make_caller())
        self.reactor.advance(PATIENCE)
        self.assertIn("no space", str(self.failureResultOf(listed, OperationFailed).value))
        del self.service._store._writer._ready
        self.reactor.advance(2)
        self.assertEqual([event.state for event in self.told()], ["recording", "paused", "recording"])
        self.publish(2.0)
        answer = self.call("query", SUBJECT, "-1h", "+1s")
        self.assertEqual(sum(answer.series[0].count), 2)
        self.assertIn("no space", answer.gaps[0].reason)

    def test_dropping(self) -> None:
        """What no memory is left for is dropped, counted, and told."""
        self.restart("most_waiting = 1MiB")
        self.reactor.advance(1)
        self.kind.threads.is_held = True
        for _ in range(3):
            self.publish("x" * 600_000, "custom.long")
            self.reactor.advance(1)
        self.assertEqual((self.service.status().state, self.service.status().counters["dropped"]), ("dropping", {"waiting": 2}))
        self.kind.threads.is_held = False
        self.kind.threads.work()
        self.reactor.advance(2)
        self.assertEqual([event.state for event in self.told()], ["recording", "dropping", "recording"])
        self.publish("y", "custom.short")
        [gap] = self.call("query", "custom.>", "-1h", "+1s").gaps
        self.assertIn("2 events were dropped", gap.reason)

    def test_busy_after_a_crash(self) -> None:
        """A part that netd left open is examined later where questions are before it, and recording goes on meanwhile."""
        self.publish(1.0)
        self.call("flush")
        writer = self.service._store._writer
        writer.facts = evolve(writer.facts, unchecked=writer.facts.part)
        examined: list[str] = []
        self.service._reader._archive.examine = examined.append  # type: ignore[method-assign]
        run = self.kind.asking.run
        self.kind.asking.run = lambda *_: None  # type: ignore[method-assign, assignment]
        self.reactor.advance(1)
        self.publish(2.0)
        self.reactor.advance(1)
        self.assertEqual((self.service.status().waiting, self.service.status().counters["recorded"], examined), (0, 2, []))
        self.kind.asking.run = run  # type: ignore[method-assign]
        self.reactor.advance(1)
        self.reactor.advance(1)
        self.assertEqual(examined, [writer.facts.part])

    def test_disk_that_hangs(self) -> None:
        """A disk that does not answer keeps netd from ending for some seconds, and no longer."""
        self.publish(1.0)
        self.kind.threads.is_held = self.kind.asking.is_held = True
        stopped = self.service.stopService()
        self.reactor.advance(LAST)
        self.assertNoResult(stopped)
        self.reactor.advance(LAST)
        self.successResultOf(stopped)
        self.kind.asking.work()
        self.kind.threads.is_held = False
        self.kind.threads.work()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.start()
        self.assertEqual(self.call("query", SUBJECT, "-1h", "+1s").series[0].count, [1])

    def test_damaged_part(self) -> None:
        """A part that a question finds damaged is set aside, and recording goes on in another."""
        self.publish(1.0)
        self.call("flush")
        self.restart(after=86400.0)
        part = self.folder / "parts" / "2026-11-30.db"
        part.write_bytes(part.read_bytes()[:100] + b"no pages" * 4000)
        self.publish(2.0)
        [points] = self.call("query", SUBJECT, "-2d", "+1s").series
        self.assertEqual(points.mean[-1], 2.0)
        self.reactor.advance(1)
        self.assertFalse(part.exists())
        self.assertEqual(list(self.service.status().damaged), ["2026-11-30.db.damaged"])
        self.flushLoggedErrors()

    def fail_to_write(self) -> None:
        """What SQLite raises where the disk is full."""
        raise OSError("no space left on device")

    def told(self) -> list[Any]:
        """The events about the recording."""
        return self.bus.events("recorder.main.state")


def hold_the_writer(kind: RecorderKind) -> Any:
    """What makes recorders of *kind* whose writer does not begin yet."""
    make = kind.make_service

    def made(*arguments: Any) -> Any:
        service = make(*arguments)
        kind.threads.is_held = True
        return service

    return made


class QuestionTests(RecorderTestCase):
    """Arguments, runs, notes, and who may ask for what."""

    def test_arguments(self) -> None:
        """A mistake is told by the name of its argument."""
        for verb, arguments, words in [
            ("query", {"pattern": "a..b"}, "pattern: "),
            ("query", {"pattern": []}, "0 patterns"),
            ("query", {"pattern": ">", "begin": "noon"}, "begin: "),
            ("query", {"pattern": ">", "begin": "now"}, "begin: now is not before the end, now"),
            ("query", {"pattern": ">", "points": 5}, "points: "),
            ("read", {"pattern": ">", "limit": 0}, "limit: "),
            ("read", {"pattern": ">", "after": "x"}, "after"),
            ("events", {"newest": 0}, "newest: "),
            ("read", {"pattern": ">", "begin": "now", "end": "8h"}, "begin: now is not before the end, 8h"),
            ("events", {"begin": "+1s"}, "begin: +1s is not before the end, now"),
            ("replay", {"begin": "today", "end": "yesterday"}, "begin: today is not before the end, yesterday"),
            ("annotate", {"text": ""}, "text: "),
            ("annotate", {"text": "x", "until": "-1h"}, "until: "),
            ("begin", {"name": "n" * 201}, "name: "),
            ("begin", {"facts": {"a": "x" * 20_000}}, "facts: "),
            ("begin", {"patterns": ["a..b"]}, "patterns: "),
            ("delete", {}, "before, part: "),
        ]:
            error = self.assertRaises(InvalidArguments, self.call, verb, **arguments)
            self.assertIn(words, str(error), (verb, arguments))

    def test_no_such_run(self) -> None:
        """A run that does not exist is nothing that could be asked for, replayed or written about."""
        for verb, arguments in [
            ("query", {"pattern": ">"}),
            ("read", {"pattern": ">"}),
            ("events", {}),
            ("replay", {}),
            ("annotate", {"text": "x"}),
        ]:
            error = self.assertRaises(NoSuchTarget, self.call, verb, **arguments, run=44)
            self.assertIn("there is no run 44", str(error), verb)
        self.assertEqual((self.call("replays"), self.call("query", ">").notes), ([], []))

    def test_numbers_that_sqlite_does_not_know(self) -> None:
        """Numbers of more than 64 bits are those of no run and of no place, and no fault of netd's."""
        self.publish({"a": 1})
        huge = 10**30
        for verb, named in [
            ("annotate", {"text": "x", "run": huge}),
            ("query", {"pattern": ">", "run": huge}),
            ("events", {"run": -huge}),
            ("finish", {"number": huge}),
        ]:
            self.assertRaises(NoSuchTarget, self.call, verb, **named)
        place = "2026-11-30.db/{}/{}/{}/{}/{}"
        for at in range(5):
            numbers = [0] * 5
            numbers[at] = huge
            self.assertRaises(InvalidArguments, self.call, "read", ">", after=place.format(*numbers))
        self.assertRaises(InvalidArguments, self.call, "begin", patterns=["custom.a"] * 21)

    def test_too_much(self) -> None:
        """An answer that would be too long is refused with what was asked for, and how many."""
        for number in range(21):
            self.publish(1.0, f"custom.c{number}")
        error = self.assertRaises(OperationFailed, self.call, "query", "custom.>", "-1h", "+1s")
        self.assertIn("more than 20 series: custom.c0, custom.c1", str(error))
        patterns = [f"custom.c{number}" for number in range(20)]
        self.assertEqual(len(self.call("query", patterns, "-1h", "+1s").series), 20)
        error = self.assertRaises(OperationFailed, self.call, "query", patterns, "-1h", "+1s", points=10_000)
        self.assertIn("ask for 5000 points", str(error))

    def test_long_events(self) -> None:
        """An answer of events that is over 4 MiB is refused, with the remedy."""
        for number in range(70):
            self.publish("x" * 62_000, f"custom.c{number}")
        error = self.assertRaises(OperationFailed, self.call, "events", "custom.>", end="+1s")
        self.assertIn("ask for fewer", str(error))
        self.assertEqual(len(self.call("events", "custom.>", end="+1s", newest=60)), 60)
        self.assertEqual(len(self.call("read", "custom.>", end="+1s").items), 17)  # a page ends with the event that fills it

    def test_runs(self) -> None:
        """A run has a number; questions about it are about its time and its subjects."""
        self.publish(0.0)
        self.reactor.advance(1)
        run = self.call("begin", "cooling", ["session.>"], {"sample": "Nb"})
        self.publish(1.0)
        self.publish(5.0, "custom.x")
        self.reactor.advance(1)
        self.assertEqual(self.call("query", ">", run=run.run).series[0].mean, [1.0])
        ended = self.call("finish")
        self.publish(2.0)
        self.assertEqual((ended.run, ended.name, ended.facts, ended.end), (run.run, "cooling", {"sample": "Nb"}, self.bus.wall()))
        [points] = self.call("query", ">", run=run.run).series
        self.assertEqual((points.subject, points.mean), (SUBJECT, [1.0]))
        self.assertEqual(self.call("runs", "NB"), [ended])
        self.assertEqual(self.call("runs", "other"), [])
        for verb, named in (("finish", {}), ("finish", {"number": 7}), ("query", {"pattern": ">", "run": 7})):
            self.assertRaises(NoSuchTarget, self.call, verb, **named)

    def test_notes(self) -> None:
        """Notes come with the points of their time."""
        note = self.call("annotate", "opened the door", subject=SUBJECT)
        self.assertEqual((note.text, note.subject, note.time, note.who), ("opened the door", SUBJECT, self.bus.wall(), note.who))
        self.assertEqual(self.call("query", SUBJECT, "-1h", "+1s").notes, [note])
        self.assertEqual(self.call("query", SUBJECT, "-1h", "-1s").notes, [])

    def test_confined(self) -> None:
        """Whoever is confined to some subjects sees no other, neither samples, nor events, notes and runs."""
        self.publish(1.0)
        self.publish({"a": 1}, "session.main.other")
        self.call("annotate", "secret")
        self.call("annotate", "theirs", subject=SUBJECT)
        self.call("begin", "all")
        self.call("begin", "own", ["session.main.greenhouse.*"])
        caller = make_caller(Role.OPERATOR, ("session.main.greenhouse.>",))
        for verb, arguments in [
            ("subjects", {}),
            ("query", {"pattern": ["session.main.greenhouse.*", "session.>"]}),
            ("read", {"pattern": ">"}),
            ("events", {}),
            ("annotate", {"text": "x"}),
            ("annotate", {"text": "x", "subject": "session.>"}),
            ("begin", {}),
        ]:
            self.assertRaises(NotPermitted, self.call, verb, caller=caller, **arguments)
        self.assertRaises(InvalidArguments, self.call, "finish", caller=caller)
        own = "session.main.greenhouse.>"
        self.assertEqual([one.subject for one in self.call("subjects", own, caller=caller)], [SUBJECT])
        answer = self.call("query", own, "-1h", "+1s", caller=caller)
        self.assertEqual(([one.subject for one in answer.series], [note.text for note in answer.notes]), ([SUBJECT], ["theirs"]))
        self.assertEqual([run.name for run in self.call("runs", caller=caller)], ["own"])
        self.call("begin", "newer")
        self.assertEqual([run.name for run in self.call("runs", newest=1, caller=caller)], ["own"])
        self.assertEqual(str(self.assertRaises(NoSuchTarget, self.call, "finish", 1, caller=caller)), "there is no run 1")
        for verb, arguments in [("query", {"pattern": own}), ("annotate", {"text": "x", "subject": own})]:
            error = self.assertRaises(NoSuchTarget, self.call, verb, run=1, caller=caller, **arguments)
            self.assertEqual(str(error), "there is no run 1")
            self.call(verb, run=2, caller=caller, **arguments)
        self.assertEqual(self.call("finish", 2, caller=caller).name, "own")

    def test_delete(self) -> None:
        """Closed days are deleted by name or by time; the hours of a day that is gone still answer."""
        self.publish(1.0)
        self.call("flush")
        self.bus.wall.step(86400)
        self.publish(2.0)
        self.call("flush")
        self.reactor.advance(60)
        self.assertEqual(self.service.status().parts, 2)
        [deleted] = self.call("delete", before="now").parts
        self.assertRaises(NoSuchTarget, self.call, "delete", part=deleted)
        [points] = self.call("query", SUBJECT, "-2d", "+1s", points=100).series
        self.assertEqual((points.mean, points.exact), ([1.0, 2.0], False))
        self.assertEqual(self.call("subjects")[0].count, 2)
        caller = make_caller(Role.ADMIN, ("session.>",))
        self.assertRaises(NotPermitted, self.call, "delete", before="now", caller=caller)
