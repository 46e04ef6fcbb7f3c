"""Tests of :mod:`netd.cli.tail` and :mod:`netd.cli.plot`: events as lines and as curves."""

from __future__ import annotations

import io
import json
import re
import sys
from datetime import datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from netd.cli.plot import MOST_CURVES, MOST_POINTS, WINDOW, Plot, draw, numbers
from netd.cli.tail import REDRAW, PlotScreen, words_line
from netd.client.control import InvalidArguments, Lost, NotRunning
from netd.client.events import Dropped, Event, Gap, Wish
from netd.codec.words import Words
from tests.cli.fakes import NOW, CommandTests, FakeEvents

SAMPLE = Event("session.main.greenhouse.x", {"value": 72.5, "time": NOW}, NOW + 0.25, 7)


class LineTests(CommandTests):
    def test_lines(self) -> None:
        """Each event is a line: when, under which subject, what; losses are told beside."""
        self.events.script = [
            SAMPLE,
            Event("relay.main.presence.x", None, NOW, None),
            Gap(8, 9),
            Gap(10, None),
            Dropped(5, "latest"),
        ]
        result = self.netd("tail", "session.>", "--every", "0.5", "--replay", "3", "--timeout", "2")
        self.assertEqual(result.exit_code, 0)
        self.assertEqual(
            result.stdout,
            f'2023-11-14T22:13:20.250+00:00 session.main.greenhouse.x {{"value": 72.5, "time": {NOW}}}\n'
            "2023-11-14T22:13:20.000+00:00 relay.main.presence.x null\n",
        )
        self.assertEqual(
            result.stderr.splitlines(),
            [
                "netd: events 8 to 9 came while there was no connection, and are lost",
                "netd: events from 10 on came while there was no connection, and are lost",
                "netd: 5 events were dropped: this is read too slowly",
            ],
        )
        wish = Wish("session.>", 0.5, 3)
        self.assertEqual(self.events.opened, [(Path("/home/ada/.local/state/netd/control.sock"), wish, 2.0)])
        self.assertTrue(self.events.is_closed)

    def test_words(self) -> None:
        """A person at a terminal reads the local time and the event in words, its own time only where that is another."""
        moment = datetime.fromtimestamp(NOW + 0.25).astimezone().strftime("%H:%M:%S.250")
        later = {"time": NOW - 90, "seconds": 0.5, "who": "\x1b[2J"}
        members = {
            "time": {"type": "number", "format": "epoch"},
            "seconds": {"type": "number", "format": "seconds", "title": "in"},
        }
        told = (("session.>", {"type": "object", "properties": members}),)
        for event, line in (
            (SAMPLE, f"{moment} session.main.greenhouse.x value 72.5"),
            (
                SAMPLE._replace(data=later),
                f"{moment} session.main.greenhouse.x time {Words(NOW).moment(NOW - 90)}, in 500 ms, who \\x1b[2J",
            ),
            (SAMPLE._replace(subject="custom.x", data={"seconds": 0.5}), f"{moment} custom.x seconds 0.5"),
            (SAMPLE._replace(data=None), f"{moment} session.main.greenhouse.x -"),
            (SAMPLE._replace(data=5), f"{moment} session.main.greenhouse.x 5"),
        ):
            self.assertEqual(words_line(event, False, told), line)
        self.assertIn("\x1b[36msession.main.greenhouse.x\x1b[0m value 72.5", words_line(SAMPLE, has_colour=True))

    def test_all(self) -> None:
        """Without a pattern it is everything."""
        self.netd("tail")
        self.assertEqual(self.events.opened[0][1], Wish(">"))

    def test_json(self) -> None:
        """A program gets one JSON object a line, losses included."""
        self.events.script = [SAMPLE, Gap(8, None), Dropped(5, "latest")]
        lines = [json.loads(line) for line in self.netd("tail", "--json", "--plot").stdout.splitlines()]
        self.assertEqual(
            lines,
            [
                {"subject": "session.main.greenhouse.x", "data": {"value": 72.5, "time": NOW}, "time": NOW + 0.25, "seq": 7},
                {"gap": {"from": 8, "to": None}},
                {"dropped": {"events": 5, "policy": "latest"}},
            ],
        )

    def test_hostile(self) -> None:
        """What a device or a bot says cannot drive the terminal, nor forge a line."""
        self.events.script = [
            Event("a\x1b[2J", {"text": "\x1b]0;x\x07\n\u202eevil"}, NOW, 1),
            lambda hooks: hooks.disconnected("\x1b[2J", 1.0),
        ]
        result = self.netd("tail")
        self.assertEqual(len(result.stdout.splitlines()), 1)
        for text in (result.stdout, result.stderr):
            self.assertTrue(all(one.isprintable() or one == "\n" for one in text), text)
        self.assertIn("\\x1b[2J; trying again in 1.0 s", result.stderr)

    def test_plot_off_a_terminal(self) -> None:
        """Where nobody looks, a plot is lines."""
        self.events.script = [SAMPLE]
        self.assertIn("session.main.greenhouse.x", self.netd("tail", "--plot").stdout)

    def test_errors(self) -> None:
        """A pattern that is none is 2, a daemon that is not there 1."""
        for error, code in ((InvalidArguments("pattern: no", -32602), 2), (NotRunning("not here"), 1), (Lost("lost"), 1)):
            self.events.script = [error]
            self.assertEqual(self.netd("tail").exit_code, code)
        for word in ("nan", "-1", "x"):
            self.assertEqual(self.netd("tail", "--every", word).exit_code, 2)


class NumbersTests(SynchronousTestCase):
    def test_numbers(self) -> None:
        """A number is a curve; of an object its value, or else every number in it but the time."""
        for event, found in (
            (5, [("s", 5.0)]),
            ({"value": 2, "other": 3}, [("s", 2.0)]),
            ({"time": 1, "lag": 0.5, "name": "x", "is": True, "up": 3}, [("s lag", 0.5), ("s up", 3.0)]),
            ("5", []),
            (True, []),
            (None, []),
            ([1], []),
            (10**400, [("s", sys.float_info.max)]),
            (float("nan"), []),
            ({"value": float("nan"), "other": 3}, [("s other", 3.0)]),
            ({"value": -1.7e308}, [("s", -1.7e308)]),
        ):
            self.assertEqual(list(numbers("s", event)), found)


class DrawTests(SynchronousTestCase):
    def test_lines(self) -> None:
        """A rising line rises, from corner to corner."""
        self.assertEqual(draw([(0, 0), (1, 1)], 4, 2), ["⠀⠀⡠⠊", "⡠⠊"])
        self.assertEqual(draw([(0, 0), (1, 1)], 4, 4, is_unicode=False), ["   *", "  *", " *", "*"])
        self.assertEqual(draw([(0, 1)], 3, 2), ["⠁", ""])
        self.assertEqual(draw([(0, 0), (1, 0)], 2, 1), ["⣀⣀"])
        self.assertEqual(draw([], 3, 2), ["", ""])

    @given(
        st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=20), st.integers(1, 30), st.integers(1, 10), st.booleans()
    )
    def test_within(self, points: list[tuple[float, float]], columns: int, rows: int, is_unicode: bool) -> None:
        """Whatever the points, the drawing stays in its place, and a point is always seen."""
        lines = draw(points, columns, rows, is_unicode)
        self.assertEqual(len(lines), rows)
        self.assertTrue(all(len(line) <= columns for line in lines))
        self.assertEqual(bool(points), any(lines))


class PlotTests(SynchronousTestCase):
    def test_curve(self) -> None:
        """A curve has its name, its last, least and greatest value, and their place on the left."""
        plot = Plot()
        self.assertEqual(plot.lines(80, 24), [("no numbers yet", "note")])
        for second, value in enumerate((60.0, 80.0, 72.5)):
            plot.add("heart", NOW + second, value)
        (title, kind), *curve = plot.lines(60, 10)
        self.assertEqual((title, kind), ("heart  72.5  (least 60, greatest 80)", "title"))
        self.assertEqual([text.split()[0] for text, _ in (curve[0], curve[-1])], ["80", "60"])
        self.assertTrue(all(len(text) <= 60 for text, _ in curve))

    def test_extremes(self) -> None:
        """Every number that an event can hold is drawn between its least and its greatest value, which are told apart.

        They are next to each other in double precision, as far apart as can be, or integers that no float holds.
        """
        for values, scale in (
            ((-1.7e308, 1.7e308), ["1.7e+308", "-1.7e+308"]),
            ((-sys.float_info.max, sys.float_info.max), ["1.8e+308", "-1.8e+308"]),
            ((-(10**400), 10**400), ["1.8e+308", "-1.8e+308"]),
            ((0.0, 5e-324), ["4.94e-324", "0"]),
            ((101321.0, 101329.0), ["101329", "101321"]),
            ((429228004229873.0, 429228004229873.0625), ["+0.0625", "+0"]),
            ((1e16, 1e16 + 2), ["+2", "+0"]),
            ((-0.5, 0.25), ["0.25", "-0.5"]),
        ):
            plot = Plot()
            for second, value in enumerate(values):
                ((name, number),) = numbers("s", {"value": value})
                plot.add(name, NOW + second * WINDOW / 2, number)
            (title, _), *curve = plot.lines(60, 10)
            drawn = [text[10:] for text, _ in curve]
            self.assertEqual([text[:9].strip() for text in (curve[0][0], curve[-1][0])], scale)
            self.assertNotEqual(drawn[0].strip("\u2800"), "", "it reaches the top")
            self.assertNotEqual(drawn[-1].strip("\u2800"), "", "and the bottom")
            found = re.fullmatch(r"s  \S+  \(least (\S+), greatest (\S+)\)", title)
            assert found, title
            self.assertNotEqual(found[1], found[2], title)

    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
    def test_any_numbers(self, values: list[float]) -> None:
        """No numbers are too large, too small or too near to each other for a plot, and none makes it wider."""
        plot = Plot()
        for second, value in enumerate(values):
            plot.add("s", NOW + second, value)
        lines = plot.lines(60, 10)
        self.assertEqual([kind for _, kind in lines], ["title", *["curve"] * (len(lines) - 1)])
        self.assertTrue(all(len(text) <= 60 for text, kind in lines if kind == "curve"))
        top, bottom = (lines[place][0][:9] for place in (1, -1))
        self.assertEqual(top == bottom, min(values) == max(values))

    def test_size(self) -> None:
        """However many curves there are, they fit the terminal, and those that do not are counted."""
        plot = Plot()
        for number in range(MOST_CURVES + 3):
            plot.add(f"c{number}", NOW, 1.0)
        plot.add(f"c{MOST_CURVES}", NOW, 2.0)
        for rows in (5, 10, 24, 60):
            lines = plot.lines(80, rows)
            shown = sum(kind == "title" for _, kind in lines)
            self.assertLessEqual(len(lines), rows)
            self.assertEqual(lines[-1][0].split()[1], str(MOST_CURVES + 3 - shown))

    def test_clock_that_is_set(self) -> None:
        """When netd's clock is set back or forth, the plot goes on with what comes then."""
        for step in (-3600, 3600):
            plot = Plot()
            for second in range(10):
                plot.add("heat", 10_000 + second, 1.0)
            for second in range(10):
                plot.add("heat", 10_000 + step + second, float(second))
            title, *_ = plot.lines(60, 12)
            self.assertEqual(title, ("heat  9  (least 0, greatest 9)", "title"))

    def test_bounded(self) -> None:
        """However long it runs, it keeps one window, and only so many points of it; a curve that stopped says so."""
        plot = Plot()
        plot.add("old", NOW - WINDOW - 1, 5.0)
        for step in range(2 * MOST_POINTS):
            plot.add("new", NOW + step / 1000, float(step))
        plot.add("slow", NOW, 1.0)
        plot.add("slow", NOW + WINDOW + 1, 2.0)
        curves = plot._curves
        self.assertEqual((len(curves["new"]._points), len(curves["slow"]._points)), (MOST_POINTS, 1))
        self.assertIn(("old  silent for 60 s", "title"), plot.lines(80, 40))
        names = Plot()
        for number in range(3 * MOST_POINTS):
            names.add(str(number), NOW, 1.0)
        self.assertEqual((len(names._curves), len(names._left_out)), (MOST_CURVES, MOST_POINTS))


class ScreenTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 0.0
        self.out = io.StringIO()
        console = Console(file=self.out, force_terminal=True, width=60, height=12, legacy_windows=False, _environ={})
        self.screen = PlotScreen(console, lambda: self.now)

    def drawn(self) -> str:
        """What was written since the last look."""
        text = self.out.getvalue()
        self.out.seek(0)
        self.out.truncate()
        return text

    def test_redraws(self) -> None:
        """What is new is drawn, ten times a second at most; where nothing is new, nothing is drawn."""
        with self.screen:
            self.drawn()
            self.screen.redraw()
            self.assertIn("waiting for events", self.drawn())
            self.screen.add(SAMPLE)
            self.screen.redraw()
            self.assertEqual(self.drawn(), "")
            self.now += REDRAW
            self.screen.redraw()
            self.assertIn("session.main.greenhouse.x  72.5", self.drawn())
            self.now += REDRAW
            self.screen.redraw()
            self.assertEqual(self.drawn(), "")
            self.screen.add(Dropped(5, "latest"))
            self.screen.redraw()
            self.assertIn("5 events were dropped", self.drawn())

    def test_follow(self) -> None:
        """Events are taken as they come; the end of a connection is told below the plot, and nothing drives the terminal."""
        events = FakeEvents()
        notes: list[str] = []

        def lose(hooks: object) -> None:
            notes.append("gone\x1b[2J; trying again")
            self.now += 1

        events.script = [Event("a\x1b[2J", 5, NOW, 1), None, lose, None]
        with self.screen:
            self.assertRaises(KeyboardInterrupt, self.screen.follow, events, notes)
        drawn = self.drawn()
        self.assertIn("gone\\x1b[2J; trying again", drawn)
        self.assertIn("a\\x1b[2J  5", drawn)
        self.assertNotIn("\x1b[2Ja", drawn)
