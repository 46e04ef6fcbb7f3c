"""Tests of ``netd.gateway.history``: the past as files."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO

import pandas
from twisted.internet.defer import Deferred

from netd import __version__
from netd.operations import Operation, Role
from tests.gateway.recorded import NOW, RecordedTestCase
from tests.gateway.visits import GatewayTestCase, bearer, get


class CsvTests(RecordedTestCase):
    def test_long(self) -> None:
        """Without any field there is a row for each sample of the last hour."""
        reply = self.fetch(get("/history.csv"))
        self.assertEqual((reply.status, reply.headers["Content-Type"]), (200, "text/csv; charset=utf-8"))
        self.assertEqual(reply.headers["Content-Disposition"], 'attachment; filename="history.csv"')
        rows = list(csv.DictReader(StringIO(reply.body.decode())))
        self.assertEqual(len(rows), 15)
        self.assertIn({"time": "1699999940.000000", "subject": "session.main.cellar.temp", "value": "8.25", "unit": "°C"}, rows)

    def test_pandas(self) -> None:
        """Pandas reads it as it comes, with numbers as numbers."""
        frame = pandas.read_csv(BytesIO(self.fetch(get("/history.csv?pattern=session.main.*.temp")).body))
        self.assertEqual(list(frame.columns), ["time", "subject", "value", "unit"])
        self.assertEqual((len(frame), frame.value.dtype.kind, frame.time.iloc[0]), (14, "f", NOW - 60))

    def test_time_and_pattern(self) -> None:
        """Pattern and times choose the rows; a time can be written as a date, too."""
        reply = self.fetch(get("/history.csv?pattern=session.*.greenhouse.*&begin=-58s&end=now-56s&time=iso"))
        self.assertEqual(
            reply.body.decode().splitlines()[1:],
            [
                "2023-11-14T22:12:22.000000Z,session.main.greenhouse.temp,22.0,°C",
                "2023-11-14T22:12:23.000000Z,session.main.greenhouse.temp,23.0,°C",
            ],
        )

    def test_several_patterns(self) -> None:
        """Several patterns are one file."""
        reply = self.fetch(get("/history.csv?pattern=session.main.greenhouse.temp&pattern=session.main.cellar.temp"))
        found = {row["subject"] for row in csv.DictReader(StringIO(reply.body.decode()))}
        self.assertEqual(found, {"session.main.greenhouse.temp", "session.main.cellar.temp"})

    def test_run(self) -> None:
        """A run brings its own times, and its number into the name of the file."""
        self.record({"session.main.cellar.temp": ("°C", [(NOW - 45, 7.5)])})
        reply = self.fetch(get("/history.csv?run=1"))
        self.assertEqual(reply.body.decode().splitlines()[1:], ["1699999955.000000,session.main.cellar.temp,7.5,°C"])
        self.assertEqual(reply.headers["Content-Disposition"], 'attachment; filename="run-1.csv"')
        self.assertEqual(self.fetch(get("/history.csv?run=1&end=now")).status, 400)
        self.assertEqual(self.fetch(get("/history.csv?run=2")).status, 404)

    def test_many_pages(self) -> None:
        """A long time comes whole, page after page; the question stays the same while the clock goes on."""
        samples = [(NOW - 3600 + number / 10, float(number)) for number in range(15_000)]
        self.record({"custom.fast": ("", samples), "custom.second": ("", samples)})
        rows = self.fetch(get("/history.csv?pattern=custom.>"), seconds=0.2).body.decode().splitlines()
        self.assertEqual((len(rows), rows[-1]), (30_001, "1699997899.900000,custom.second,14999.0,"))

    def test_points(self) -> None:
        """With points, each row is the mean of a stretch of time."""
        reply = self.fetch(get(f"/history.csv?pattern=session.main.greenhouse.temp&begin={NOW - 60}&end={NOW - 40}&points=10"))
        rows = list(csv.DictReader(StringIO(reply.body.decode())))
        self.assertEqual([(float(row["time"]) - NOW, row["value"]) for row in rows[:2]], [(-60.0, "20.5"), (-58.0, "22.5")])

    def test_wide(self) -> None:
        """In the wide layout a series is a column, and a time that only one of them has leaves the others empty."""
        asked = f"/history.csv?pattern=session.main.*.temp&begin={NOW - 60}&end={NOW - 40}&points=20&layout=wide"
        frame = pandas.read_csv(BytesIO(self.fetch(get(asked)).body))
        self.assertEqual(list(frame.columns), ["time", "session.main.cellar.temp", "session.main.greenhouse.temp"])
        self.assertEqual((len(frame), int(frame["session.main.cellar.temp"].count())), (10, 4))

    def test_comments(self) -> None:
        """A line about what is missing comes only if it is asked for."""
        line = self.fetch(get("/history.csv?comments=yes&begin=1699990000&end=1700000000")).body.decode().splitlines()[0]
        begun = f"# netd {__version__}, pattern >, begin 1699990000.0, end 1700000000.0, gaps: "
        self.assertTrue(line.startswith(begun), line)

    def test_mistakes(self) -> None:
        """A field that cannot be is named in one line of text, before anything is sent."""
        for query, told in (
            ("begin=yesteryear", "begin: "),
            ("points=x", "points: 'x' is not a whole number"),
            ("layout=wide", "layout: wide needs `points`"),
            ("layout=broad", "layout: 'broad' is none of long, wide"),
            ("start=1", "there is no field 'start'; there are pattern, begin, end"),
        ):
            reply = self.fetch(get(f"/history.csv?{query}"))
            self.assertEqual(reply.status, 400, query)
            self.assertTrue(reply.text.startswith(told), reply.text)

    def test_failure(self) -> None:
        """What cannot be read further does not look complete."""
        self.record({"custom.fast": ("", [(NOW - 3000 + number / 10, 1.0) for number in range(25_000)])})
        connection = self.visit()
        connection.transport.producer.pauseProducing()
        connection.say(get("/history.csv?pattern=custom.>"))
        self.stop_recorder()
        connection.transport.producer.resumeProducing()
        heard = b""
        for _turn in range(30):
            self.reactor.advance(0)
            heard += connection.heard()
        self.assertTrue(heard.startswith(b"HTTP/1.1 200 "))
        self.assertFalse(heard.endswith(b"0\r\n\r\n"))
        self.assertEqual(connection.protocol.peer.reason, "its answer cannot be finished: netd stops")

    def test_instance(self) -> None:
        """With several recorders, the one that is named is asked."""
        self.assertEqual(self.fetch(get("/history.csv?instance=main")).status, 200)
        self.assertEqual(self.fetch(get("/history.csv?instance=other")).status, 400)

    def test_confined(self) -> None:
        """A token for some subjects gets these, and is refused any others."""
        token = bearer(self.token("cellar", Role.VIEWER, "session.main.cellar.>"))
        for path in ("/history.csv", "/history.jsonl"):
            reply = self.fetch(get(path, token))
            self.assertEqual(reply.status, 403, path)
            self.assertNotIn(b"greenhouse", reply.body)
            reply = self.fetch(get(f"{path}?pattern=session.main.cellar.*", token))
            self.assertEqual((reply.status, reply.body.count(b"cellar.temp"), reply.body.count(b"greenhouse")), (200, 4, 0), path)

    def test_without_token(self) -> None:
        """Nobody reads the past without a token, where there are tokens."""
        self.token()
        self.assertEqual(self.fetch(get("/history.csv")).status, 401)


class LeavingTests(GatewayTestCase):
    """Beside a recorder that takes long."""

    def own_operations(self) -> list[Operation]:
        """A question that waits until it is given up."""
        self.given_up: list[Deferred[str]] = []
        return [Operation("history.read", self._read, Role.VIEWER, "Read")]

    def _read(self, pattern: str, begin: float, end: float, limit: int) -> Deferred[str]:
        return Deferred(self.given_up.append)

    def test_left_before_it_begins(self) -> None:
        """Nothing is read any more for a client that has left before its first page was there."""
        connection = self.visit()
        connection.say(get("/history.csv"))
        self.assertEqual(len(self.given_up), 0)
        connection.lose()
        self.assertEqual(len(self.given_up), 1)
        self.assertEqual(self.flushLoggedErrors(), [])


class JsonLinesTests(RecordedTestCase):
    def test_lines(self) -> None:
        """Each sample and each event is a line of its own."""
        reply = self.fetch(get("/history.jsonl"))
        self.assertEqual(reply.headers["Content-Type"], "application/x-ndjson")
        lines = [json.loads(line) for line in reply.body.splitlines()]
        self.assertEqual(len(lines), 16)
        self.assertIn({"time": NOW - 30, "subject": "relay.main.sent.lamp", "data": {"text": "on"}}, lines)
        self.assertIn({"time": NOW - 60, "subject": "session.main.cellar.temp", "value": 8.25, "unit": "°C"}, lines)

    def test_layout(self) -> None:
        """What CSV alone has is refused."""
        self.assertEqual(self.fetch(get("/history.jsonl?layout=wide")).status, 400)


class NoRecorderTests(GatewayTestCase):
    def test_no_recorder(self) -> None:
        """Without a recorder, the answer says how to get one."""
        for path in ("/history.csv", "/render?target=a.b"):
            reply = self.ask(get(path))
            self.assertEqual(reply.status, 404)
            self.assertIn("a section [recorder] in its configuration", reply.text)
