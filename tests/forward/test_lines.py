"""Lines of what was recorded."""

from __future__ import annotations

import gzip
import math
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.forward.lines import LONGEST, MOST_BYTES, MOST_MEMBERS, LineBatches, key_of, make_batches
from netd.recorder.pieces import PastMoment
from tests.forward.protocol import Point, read_lines

TIME = 1_796_000_000_000_000


def series(subject: str, unit: str = "") -> Any:
    """A series."""
    return type("Series", (), {"subject": subject, "unit": unit})()


def sample(subject: str, value: object, time: int = TIME, unit: str = "") -> PastMoment:
    """A sample."""
    return PastMoment(time, series(subject, unit), (value, None), None)


def event(subject: str, event: object, time: int = TIME) -> PastMoment:
    """An event."""
    return PastMoment(time, series(subject), event, b"{}")


def made(*moments: PastMoment, most: int = 1000, taken: dict[str, int] | None = None, end: int = TIME + 1000) -> LineBatches:
    """LineBatches of *moments*."""
    return make_batches(moments, end, taken or {}, most, False)


def points(*moments: PastMoment) -> list[Point]:
    """What a server reads."""
    return [point for batch in made(*moments).batches for point in read_lines(batch.body)]


class LineTests(SynchronousTestCase):
    def test_sample(self) -> None:
        """A sample is a line, as the page has it."""
        [batch] = made(sample("session.main.greenhouse.temp", 21.5, unit="°C")).batches
        line = "session,instance=main,agent=greenhouse,channel=temp,unit=°C value=21.5 1796000000000000\n"
        self.assertEqual((batch.body, batch.until), (line.encode(), TIME + 1000))

    def test_tags(self) -> None:
        """Each kind of subject has tags by its tokens; the rest is one tag."""
        keys = {
            "relay.main.presence.pump": "relay,instance=main,event=presence,device=pump",
            "wire.shed.sample.attic.temp": "wire,instance=shed,event=sample,name=attic,channel=temp",
            "session.main.greenhouse": "session,instance=main,agent=greenhouse",
            "room.main.lobby.state": "room,instance=main,room=lobby,event=state",
            "alert.hot.session.main.greenhouse.temp": "alert,alert=hot,subject=session.main.greenhouse.temp",
            "custom.door.one": "custom,subject=door.one",
            "custom": "custom",
        }
        self.assertEqual({subject: key_of(subject, "") for subject in keys}, keys)

    def test_hostile_names(self) -> None:
        """Whatever a name has in it, a server reads one line, and the marks of the protocol as they were."""
        names = {
            "a b": "a b",
            "a,b=c": "a,b=c",
            "end\\": "end_",
            "x\ny": "x_y",
            "\ud800": "_",
            "é": "é",
            "v" * 999: "v" * LONGEST,
        }
        for name, read in names.items():
            [sent] = points(sample("custom.x", 1, unit=name))
            self.assertEqual(sent.tags["unit"], read)
            [sent] = points(event(f"custom.{name}", {name: 1}))
            self.assertEqual((sent.tags["subject"], list(sent.fields)), (read, [read]))
            [sent] = points(event(name, 1))
            self.assertEqual(sent.measurement, read)

    def test_event(self) -> None:
        """The numbers of an event are fields, what is true is 1, and nothing else is sent."""
        told = {
            "a": 1,
            "open": True,
            "t": "x",
            "n": None,
            "time": 5.0,
            "session": 7,
            "_x": 1,
            "": 1,
            "more": {"a": 1},
            "big": 1e300,
        }
        [sent] = points(event("custom.door", told))
        self.assertEqual(sent.fields, {"a": 1.0, "open": 1.0, "big": 1e300})
        self.assertEqual(points(event("custom.door", {"t": "x"}), event("custom.door", "x"), event("custom.door", [1])), [])
        [sent] = points(event("custom.door", {f"m{number}": number for number in range(MOST_MEMBERS + 5)}))
        self.assertEqual(len(sent.fields), MOST_MEMBERS)

    def test_no_numbers(self) -> None:
        """What is no finite number of double precision is left out."""
        self.assertEqual(points(sample("custom.x", math.nan), sample("custom.x", -math.inf), sample("custom.x", 10**400)), [])
        self.assertEqual([point.fields["value"] for point in points(sample("custom.x", -1.5e-300))], [-1.5e-300])

    def test_same_time(self) -> None:
        """Samples of one series with one time get the next microseconds, also where the next piece begins there."""
        moments = [sample("custom.x", number) for number in range(3)] + [sample("custom.x", 9, TIME + 1), sample("custom.y", 1)]
        found = made(*moments, end=TIME + 2)
        times = [int(line.rsplit(b" ", 1)[1]) - TIME for line in found.batches[0].lines]
        self.assertEqual(times, [0, 1, 2, 3, 0])
        self.assertEqual(found.taken, {"custom,subject=x": TIME + 3})
        [again] = made(sample("custom.x", 5, TIME + 2), taken=found.taken).batches
        self.assertTrue(again.lines[0].endswith(str(TIME + 4).encode()))

    def test_batches(self) -> None:
        """LineBatches are bounded in lines and bytes, and each says up to when all is sent."""
        found = made(*[sample("custom.x", number, TIME + number) for number in range(5)], most=2).batches
        self.assertEqual([(len(batch.lines), batch.until - TIME) for batch in found], [(2, 2), (2, 4), (1, 1000)])
        long = {"x" * LONGEST + str(number): 1 for number in range(MOST_MEMBERS)}
        many = [event(f"custom.{'y' * 190}{number}", long, TIME + number) for number in range(2)]
        self.assertLess(sum(map(len, made(*many).batches[0].lines)), MOST_BYTES)

    def test_other_nodes(self) -> None:
        """What another node has published, that node sends."""
        self.assertEqual(made(sample("session.main@north.a.b", 1)).batches, [])

    def test_compressed(self) -> None:
        """A compressed batch has the same lines, and the same bytes each time."""
        bodies = [make_batches([sample("custom.x", 1)], TIME + 1, {}, 10, True).batches[0].body for _ in range(2)]
        self.assertEqual(bodies[0], bodies[1])
        self.assertEqual(read_lines(gzip.decompress(bodies[0]))[0].fields, {"value": 1.0})
