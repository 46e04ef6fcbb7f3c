"""The dashboard's pure modules, each by tables of cases, in the JavaScript that runs them: a page imports them, and no netd runs.

Each class is one test, with one Chromium for all of its tables.
"""

from __future__ import annotations

import functools
import math
import random
import re
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from netd.bus.subject import token
from netd.gateway.files import FOLDER, read_files
from netd.gateway.head import Head
from tests.browser.chromium import BrowserTestCase
from tests.process import CHECKOUT

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

ORIGIN = "http://localhost:9"
"""Nothing is asked there: the test answers. Browsers trust the name as they do HTTPS."""

LONGEST = 7
"""Characters of a tick, at most: more would not fit beside a plot."""

TABLES: Sequence[tuple[float, float]] = (
    *((101321.0, 101329.0), (1013.2, 1013.3), (293.14, 293.16), (1.23456, 1.234574), (9999990.0, 10000010.0)),
    *((0.0, 1e7), (0.0, 1.0), (20.0, 22.0), (2.5, 12.5), (-5.0, 5.0), (1e5, 9e5), (-1013258.0, -1013250.0), (0.0, 0.0)),
    *((1e16, 1e16 + 2), (429228004229873.0, 429228004229873.0625), (0.1, math.nextafter(0.1, 1)), (1e15, 1e15 + 1)),
    *((123456789.123, 123456789.124), (-1e-5, 1e-5), (1e-9, 3e-9), (1e-9, 1e-9), (-1e-7, 2e-3), (1.5e-12, 1.6e-12)),
    *((-1.7e308, 1.7e308), (1.7e308, 1.7e308), (1e300, 1.1e300), (-1e300, 1e300), (1e300, math.nextafter(1e300, 2e300))),
    *((1e-300, 2e-300), (-1e-300, 1e-300), (1e-300, 1e300), (0.0, 5e-324), (5e-324, 5e-324), (1e-310, 1e-300)),
    *((1e21, 1e21 + 1e8), (1e30, 1e31), (1e-30, 1e-29), (6.62607015e-34, 6.62607016e-34), (-273.15, -273.14999), (99.5, 100.5)),
)
"""The least and the greatest values of forty plots."""


def pairs(count: int) -> list[tuple[float, float]]:
    """Pairs of finite numbers of all sizes, each second one of near neighbours; the same ones each time."""
    chance = random.Random(17)
    found: list[tuple[float, float]] = []
    while len(found) < count:
        bits = chance.getrandbits(64)
        other = bits + chance.getrandbits(chance.randrange(1, 52)) if len(found) % 2 else chance.getrandbits(64)
        low, high = sorted(struct.unpack("<dd", struct.pack("<QQ", bits, other % (1 << 64))))
        if math.isfinite(low) and math.isfinite(high):
            found.append((low, high))
    return found


class ModuleTestCase(BrowserTestCase):
    @functools.cached_property
    def page(self) -> Page:
        """A page of the gateway's files and headers, that can import them."""
        files = read_files(FOLDER)

        def answer(route: Route) -> None:
            path = route.request.url.removeprefix(ORIGIN)
            if path not in files:
                route.fulfill(status=200, content_type="text/html", body="<!doctype html><title>Modules</title>")
                return
            made = files[path].answer(Head("GET", path, "HTTP/1.1", {}))
            route.fulfill(status=made.status, headers=dict(made.headers()), body=made.body)

        page = self.new_page()
        page.route(f"{ORIGIN}/**", answer)
        page.goto(f"{ORIGIN}/modules")
        return page

    def run_in(self, module: str, script: str, *given: Any) -> Any:
        """What *script*, a function of the module and of *given*, gives."""
        return self.page.evaluate(
            f"async (given) => ({script})(await import('/static/app/{module}.js'), ...given)",
            list(given),
        )

    def check(self, module: str, function: str, *cases: tuple[Sequence[Any], Any]) -> None:
        """Each case is the arguments of a function of the module, and what it gives."""
        script = "(module, name, all) => all.map((args) => module[name](...args))"
        found = self.run_in(module, script, function, [list(arguments) for arguments, _ in cases])
        for (arguments, expected), result in zip(cases, found, strict=True):
            self.assertEqual(result, expected, f"{function}{tuple(arguments)}")

    def tearDown(self) -> None:
        self.assertEqual(self.complaints, [])


def place(page: str, kind: str | None = None, section: str | None = None, /, **query: str) -> dict[str, Any]:
    """What an address without an item leads to."""
    return {"page": page, "kind": kind, "instance": section, "item": None, "query": query}


class TickTests(ModuleTestCase):
    SCRIPT = """({ calmRange, ticksOf, tickWords, placeOf }, pairs, most) => pairs.map(([low, high]) => {
      let took = Infinity;
      let range, ticks, words, common;
      for (let tries = 0; tries < 3 && took > 100; tries++) {
        const began = performance.now();
        range = calmRange(low, high);
        ticks = ticksOf(range, most);
        ({ words, common } = tickWords(ticks));
        took = Math.min(took, performance.now() - began);
      }
      const places = [low, high, ...ticks.values].map((value) => placeOf(value, range));
      return { words, common, places, took };
    })"""

    def words(self) -> None:
        """No two ticks of an axis are alike, and all are short, for values of any size and any distance, in no time."""
        self.assertEqual(len(TABLES), 40)
        many = pairs(3000)
        for most in (2, 5, 12):
            found = self.run_in("plots/ticks", self.SCRIPT, [*TABLES, *many], most)
            for pair, one in zip([*TABLES, *many], found, strict=True):
                words = one["words"]
                self.assertEqual(len(set(words)), len(words), f"{pair}: {words}")
                self.assertTrue(2 <= len(words) <= 2 * most + 2, f"{pair}: {words}")
                self.assertTrue(all(len(word) <= LONGEST and "N" not in word for word in words), f"{pair}: {words}")
                self.assertTrue(all(-0.02 <= place <= 1.02 for place in one["places"]), f"{pair}: {one['places']}")
                self.assertLess(one["took"], 100)  # the quickest of three: others use this machine, too

    def readable(self) -> None:
        """The ticks are written by their step; what they share is said once."""
        expected = (
            ((101321, 101329), "101320 101322 101324 101326 101328 101330", ""),
            ((293.14, 293.16), "293.13 293.14 293.15 293.16 293.17", ""),
            ((2.5, 12.5), "0 5 10 15", ""),
            ((0, 1e7), "0 5 10 15", "\u00d7 10⁶"),
            ((1e-9, 3e-9), "1 2 3", "\u00d7 10⁻⁹"),
            ((1.23456, 1.234574), "-45 -40 -35 -30 -25 -20", "\u00d7 10⁻⁶ + 1.2346"),
            ((-10000010, -9999990), "-10 0 10", "\u2212 10000000"),
            ((1e16, 1e16 + 2), "-100 -50 0 50 100", "+ 10000000000000000"),
            ((1e300, 1.1e300), "0.95 1.00 1.05 1.10 1.15", "\u00d7 10³⁰⁰"),
        )
        found = self.run_in("plots/ticks", self.SCRIPT, [pair for pair, _, _ in expected], 5)
        for (pair, words, common), one in zip(expected, found, strict=True):
            self.assertEqual((" ".join(one["words"]), one["common"]), (words, common), str(pair))

    def range(self) -> None:
        """Without values, there is an axis; what must be seen is within it; it ends at zero where no value is below."""
        self.check(
            "plots/ticks",
            "calmRange",
            ((None, None), {"bottom": 0, "top": 1}),
            ((None, None, [5, 6]), {"bottom": 5, "top": 6}),
            ((0.2, 0.4, [0, 1]), {"bottom": 0, "top": 1.5}),
            ((0, 9), {"bottom": 0, "top": 10}),
            ((-9, 0), {"bottom": -10, "top": 0}),
        )
        self.check("plots/ticks", "extent", (([[3, None, -1, 7]]), [-1, 7]), (([[]]), [None, None]), (([[None]]), [None, None]))

    def test_tables(self) -> None:
        """No two ticks are alike, all can be read, and what must be seen is within the range."""
        self.words()
        self.readable()
        self.range()


class PlotTests(ModuleTestCase):
    PAGE = """async ({ plot }, pairs) => {
      const { Series } = await import("/static/app/plots/series.js");
      document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/static/style/plots.css" }));
      const took = [];
      for (const [low, high] of pairs) {
        const series = new Series();
        series.push(1000, low);
        series.push(1001, high);
        series.push(1002, low);
        let began = 0;
        const timed = { fill: (lane) => ((began = performance.now()), series.fill(lane)) };
        let isDrawn;
        const drawn = new Promise((resolve) => (isDrawn = resolve));
        const element = plot({
          curves: () => [{ source: timed }],
          view: () => ({ from: 999, to: 1003, still: null }),
          name: () => "a plot",
          onSummary: () => isDrawn(took.push(performance.now() - began)),
        });
        document.body.replaceChildren(element);
        await drawn;
      }
      return Math.max(...took);
    }"""

    def any_values(self) -> None:
        """Neither neighbours in double precision nor the largest numbers keep the page busy."""
        hard = [*TABLES, *pairs(60)]
        self.assertLess(self.run_in("plots/plot", self.PAGE, hard), 100)

    def test_fault_of_one(self) -> None:
        """A plot that cannot be drawn says so, and the others are drawn as before; it comes back when it can be drawn again."""
        self.page.clock.install()
        drawn = self.run_in(
            "plots/plot",
            """async ({ plot }) => {
              const { Series } = await import("/static/app/plots/series.js");
              const errors = [];
              addEventListener("error", (event) => (event.preventDefault(), errors.push(event.message)));
              const healthy = new Series();
              healthy.push(1000, 1);
              globalThis.broken = { fill: () => { throw new Error("no such ink"); } };
              globalThis.drawings = [0, 0];
              const view = () => ({ from: 999, to: 1001, still: null });
              [globalThis.broken, healthy].forEach((source, index) => document.body.append(
                plot({ curves: () => [{ source }], view, name: () => "x", onSummary: () => (drawings[index] += 1) })));
              globalThis.look = () => ({
                drawings: [...drawings],
                faces: [...document.querySelectorAll(".plot-failed")].map((face) => !face.hidden && face.textContent),
              });
              globalThis.mend = () => void (globalThis.broken.fill = (lane) => healthy.fill(lane));
              return null;
            }""",
        )
        self.assertIsNone(drawn)
        look = lambda: self.page.evaluate("look()")  # noqa: E731 - shorter than its uses
        self.page.clock.run_for(1000)
        self.until(self.page, lambda: look()["faces"][0] == "Cannot be drawn: no such ink", "it says why")
        before = look()["drawings"]
        self.page.clock.run_for(2000)
        self.until(self.page, lambda: look()["drawings"][1] > before[1], "the healthy one goes on")
        self.assertEqual((look()["drawings"][0], look()["faces"][1]), (0, False))
        self.page.evaluate("mend()")
        self.page.clock.run_for(8000)
        self.until(self.page, lambda: look()["drawings"][0] > 0, "it comes back")
        self.page.clock.run_for(1000)
        self.until(self.page, lambda: look()["faces"] == [False, False], "and says nothing more")
        self.assertEqual(len(self.complaints), self.complaints.count("no such ink"))
        self.complaints.clear()

    def names(self) -> None:
        """Whoever does not see a plot is told what it shows; that changes with it."""
        names = self.run_in(
            "plots/plot",
            """async ({ plot }) => {
              const { Series } = await import("/static/app/plots/series.js");
              const { signal } = await import("/static/app/signal.js");
              const series = new Series();
              series.push(1000, 1);
              const name = signal("x: one value");
              const curves = () => [{ source: series }];
              const view = () => ({ from: 999, to: 1001, still: null });
              await new Promise((onSummary) => document.body.append(plot({ curves, view, name: () => name.value, onSummary })));
              const canvas = document.body.lastChild.querySelector("canvas");
              const said = () => `${canvas.getAttribute("role")}: ${canvas.getAttribute("aria-label")}`;
              const before = said();
              name.value = "x: two values";
              await new Promise((resolve) => setTimeout(resolve, 300));
              return [before, said()];
            }""",
        )
        self.assertEqual(names, ["img: x: one value", "img: x: two values"])

    def marks(self) -> None:
        """Words of marks that are near to each other stand below each other, and none is upon another."""
        words = [{"x": x, "width": 40, "isLeft": is_left} for x, is_left in ((0, False), (10, False), (45, False), (50, True))]
        self.check("plots/marks", "linesOf", ((words, 3), [0, 1, 0, 2]), ((words, 1), [0, None, 0, None]), (([], 3), []))

    def test_tables(self) -> None:
        """Plots are drawn quickly whatever their values are, have names, and words that can be read."""
        self.any_values()
        self.names()
        self.marks()


class SettledTests(ModuleTestCase):
    def test_busy(self) -> None:
        """What is asked for is done at once; while it is asked for all the time, again and again, and never twice at a time."""
        done, most, last = self.run_in(
            "live",
            """async ({ settled }) => {
              const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
              const began = performance.now();
              const [done, running] = [[], { now: 0, most: 0, asked: 0 }];
              const soon = settled(async () => {
                running.most = Math.max(running.most, ++running.now);
                done.push(performance.now() - began);
                running.asked = 0;
                await wait(30);
                running.now -= 1;
              }, 50);
              for (let step = 0; step < 200; step += 1) {
                soon();
                running.asked += 1;
                await wait(10);
              }
              await wait(1200);
              return [done, running.most, running.asked];
            }""",
        )
        self.assertLess(done[0], 50)
        self.assertTrue(4 <= len(done) <= 12, str(done))
        self.assertLess(max(after - before for before, after in pairwise(done)), 1500)
        self.assertEqual((most, last), (1, 0), "what was asked for last is done, too")


class RoomTests(ModuleTestCase):
    SCRIPT = """({ merged }, steps) => {
      let known = new Map();
      const seen = [];
      for (const listed of steps) {
        known = merged(known, listed.map(([room, state]) => ({ room, state })), new Map());
        seen.push([...known.values()].map(({ room, isOver }) => (isOver ? -room : room)));
      }
      return seen;
    }"""

    def test_places(self) -> None:
        """Rooms that talk are shown before those that gather; each keeps its place; few that are over stay."""
        talking = [[room, "talking"] for room in range(1, 31)]
        gathering = [[room, "gathering"] for room in range(101, 131)]
        steps = [[*gathering[:10], *talking], talking[10:], [], talking[:25]]
        first, second, third, fourth = self.run_in("pages/rooms", self.SCRIPT, steps)
        self.assertEqual(first, list(range(1, 25)))
        self.assertEqual(len(second), 24)
        self.assertEqual({room for room in second if room > 0}, set(range(11, 31)))
        self.assertEqual(second[10:24], list(range(11, 25)), "each keeps its place")
        self.assertEqual(third, [-abs(room) for room in second])
        self.assertEqual(
            {room for room in fourth if room > 0}, {room for room, _ in talking[:25]} & {abs(room) for room in fourth}
        )
        self.assertGreaterEqual(sum(room > 0 for room in fourth), 21)
        gathered = self.run_in("pages/rooms", self.SCRIPT, [gathering, [*gathering, *talking[:2]]])
        self.assertEqual(len(gathered[1]), 24)
        self.assertLessEqual({1, 2}, set(gathered[1]))


class FormatTests(ModuleTestCase):
    def measure(self) -> None:
        """A value has the digits that it was said with, up to twelve; of a computed one, six tell all. No more are made up."""
        cases = (
            (21.5, "21.5", "21.500"),
            (101325.12, "101325.12", "101325"),
            (1e16, "1e+16", "1.00e+16"),
            (1.234567e-9, "1.234567e-9", "1.23e-9"),
            (0.1 + 0.2, "0.3", "0.3000"),
            (0.479425538604203, "0.479426", "0.4794"),
            (1012.25666446452, "1012.26", "1012.3"),
            (1.23456789012e-7, "1.23456789012e-7", "1.23e-7"),
            (123456.654321, "123456.654321", "123457"),
            (-0.05, "-0.05", "-0.0500"),
            (10_000_000, "10000000", "10000000"),
            (429228004229873.0625, "429228004229873", "429228004229873"),
            (-1.7e308, "-1.7e+308", "-1.70e+308"),
            (5e-324, "5e-324", "4.94e-324"),
            (0, "0", "0.0000"),
            (100, "100", "100.00"),
        )
        script = "({ measure, precisionOf }, values) => values.map((one) => [measure(one, precisionOf(one)), measure(one)])"
        found = self.run_in("format", script, [value for value, _, _ in cases])
        self.assertEqual(found, [[exact, usual] for _, exact, usual in cases])
        both = "({ measure, precisionOf }) => measure(21, precisionOf(21, precisionOf(20.25)))"
        self.assertEqual(self.run_in("format", both), "21.00")
        told = "({ measure, precisionOf: p }, values) => measure(values.at(-1), values.reduce((last, one) => p(one, last), null))"
        for values, text in (
            ([0.00123456789123456, 21.123456789012345, 21], "21.0000"),
            ([21.123456789012345, 0.1 / 3], "0.0333"),
        ):
            self.assertEqual(self.run_in("format", told, values), text)
        self.check("format", "measure", ((None,), "\u2013"), ((math.inf,), "\u2013"), ((math.nan,), "\u2013"))

    def times(self) -> None:
        """Times are said in the two largest units that fit."""
        self.check(
            "format",
            "duration",
            *(((0,), "0 s"), ((-3,), "0 s"), ((59.9,), "59 s"), ((88,), "1 min 28 s"), ((3600,), "1 h"), ((90061,), "1 d 1 h")),
        )
        self.check("format", "ago", ((10, 11), "just now"), ((10, 98), "1 min 28 s ago"), ((11, 10), "just now"))
        self.check(
            "format",
            "shortSpan",
            *(((0,), "0.0 ms"), ((0.00001,), "< 0.1 ms"), ((0.0123,), "12 ms"), ((1.25,), "1.25 s"), ((125,), "2 min 5 s")),
            ((math.nan,), "\u2013"),
        )

    def numbers(self) -> None:
        """Numbers, sizes and rates are written so that they can be read."""
        self.check("format", "count", ((1234567,), "1\u202f234\u202f567"), ((math.nan,), "\u2013"), ((0,), "0"))
        self.check(
            "format", "rate", ((0,), "0"), ((1.26,), "1.3"), ((12.6,), "13"), ((1234,), "1\u202f234"), ((math.inf,), "\u2013")
        )
        self.check("format", "bytes", ((12,), "12 B"), ((2048,), "2.0 KiB"), ((3 << 20,), "3.0 MiB"))
        self.check("format", "plural", ((1, "device"), "1 device"), ((2, "device"), "2 devices"), ((0, "device"), "0 devices"))

    def foreign_text(self) -> None:
        """What would be invisible, or turn the text around, is made visible; what is long is cut; what is no text is counted."""
        self.check("format", "visible", (("a\u202eb\u0000\n",), "a\\u{202e}b\\u{0}\n"), (("21.5 °C",), "21.5 °C"))
        self.check("format", "excerpt", (("abcdef", 3), "abc… (6 characters)"), (("abc", 3), "abc"))
        self.check("format", "payload", (("aGVsbG8=",), "hello"), (("/w==",), "1 bytes that are no text"), (("",), ""))

    def test_tables(self) -> None:
        """Values, times, numbers and texts of others are written as people read them."""
        self.measure()
        self.times()
        self.numbers()
        self.foreign_text()


class SubjectTests(ModuleTestCase):
    def covers(self) -> None:
        """A pattern covers what it matches, and the patterns of which it matches everything."""
        cases = {
            True: ("a.b a.b", "a.* a.b", "a.> a.b.c", "> a", "a.* a.*", "a.> a.*", "*.b a.b"),
            False: ("a.b a.c", "a.* a", "a.> a", "a.* a.b.c", "a.b a.*", "a.* a.>", "a.b.c a.b", "a a.b"),
        }
        self.check("subjects", "covers", *((words.split(), is_so) for is_so, all_of in cases.items() for words in all_of))

    def common(self) -> None:
        """Two patterns have in common what both match."""
        self.check(
            "subjects",
            "common",
            *(
                (("a.*", "*.b"), "a.b"),
                (("a.>", "*.b.c"), "a.b.c"),
                (("a.b", "a.>"), "a.b"),
                (("a", "b"), None),
                (("a", "a.b"), None),
            ),
        )

    def names(self) -> None:
        """A name is in subjects what netd makes of it."""
        cases = (("oven", "oven"), ("('::1', 80)", "1-80"), ("Küche 2", "K-che-2"), ("-°-", "_"), ("a" * 63 + "-b", "a" * 63))
        self.check("subjects", "tokenOf", *(((name,), token) for name, token in cases))
        self.assertEqual([token(name) for name, _ in cases], [expected for _, expected in cases])

    def within(self) -> None:
        """Of a pattern, a token hears what its own patterns cover; none of the parts covers another."""
        self.check(
            "subjects",
            "within",
            (("a.>", None), ["a.>"]),
            (("a.>", ["a.b", "a.*", "c.>"]), ["a.*"]),
            (("a.b", ["a.>"]), ["a.b"]),
            (("a.b", ["c.>"]), []),
        )

    def deeds(self) -> None:
        """Each kind of event of the audit tells who did what; the same event is the same deed, whoever tells it."""
        call = {"who": "user a", "from": "x", "operation": "relay.send", "arguments": {"target": "pump", "deadline": None}}
        told = {**call, "outcome": "done", "error": "", "seconds": 0.5, "time": 3}
        events = [
            {"subject": "audit.main.relay.send", "data": told, "time": 4},
            {
                "subject": "audit.main.board.write",
                "data": {**told, "arguments": {"board": {}, "name": "lab"}, "time": 2.5},
                "time": 4,
            },
            {
                "subject": "relay.m.outcome.a",
                "data": {"device": "a", "from": "y", "request": "on", "status": "failed"},
                "time": 2,
            },
            {
                "subject": "command.m.run",
                "data": {"command_id": "c", "from": "z", "arguments": {"n": [1]}, "outcome": "success"},
                "time": 1,
            },
        ]
        found = self.run_in(
            "deeds",
            """(module, events) => {
              const deeds = module.merged([], [...events, events[0]].map(module.deedOf), 9);
              const shown = deeds.map((one) => [one.who, one.from, one.what, one.given, one.about, one.state, one.time]);
              return [shown, deeds.filter((deed) => module.mentions(deed, " PUMP ")).length, module.merged(deeds, [], 2).length];
            }""",
            events,
        )
        shown = [
            ["user a", "x", "relay.send", "target=pump", "pump", "ok", 3],
            ["user a", "x", "relay.send", "board={} name=lab", "lab", "ok", 2.5],
            ["", "y", "message", "on", "a", "trouble", 2],
            ["", "z", "command", "n=[1]", "c", "ok", 1],
        ]
        self.assertEqual(found, [shown, 1, 2])
        call = {"who": "user a", "from": "x", "operation": "relay.send", "arguments": {}, "outcome": "done", "error": ""}
        outcome = {"device": "a", "from": "user a, x", "request": "on", "status": "sent"}
        script = (
            "(module, events) => module.merged([], events.map(module.deedOf), 9).map(({ what, who, from }) => [what, who, from])"
        )
        for seconds, expected in ((0.001, ["message"]), (5, ["relay.send", "message"])):
            events = [
                {"subject": "audit.main.relay.send", "data": call, "time": 10 + seconds},
                {"subject": "relay.m.outcome.a", "data": outcome, "time": 10},
            ]
            self.assertEqual(self.run_in("deeds", script, events), [[what, "user a", "x"] for what in expected])
        script = (
            "(module, subjects) => subjects.map((subject) => module.deedOf({ subject, data: { arguments: {} }, time: 1 }).where)"
        )
        subjects = ["audit.main.relay.send", "audit.main@b.relay.send"]
        self.assertEqual(["main", "main@b"], self.run_in("deeds", script, subjects))

    def test_tables(self) -> None:
        """Patterns are read as netd reads them."""
        self.covers()
        self.deeds()
        self.common()
        self.names()
        self.within()


class SeriesTests(ModuleTestCase):
    def series(self, script: str, *given: Any) -> Any:
        """What *script*, a function of an empty series, gives."""
        return self.run_in("plots/series", f"({{ Series }}, ...given) => ({script})(new Series(), ...given)", *given)

    def window(self) -> None:
        """A window has its samples, and the line to those on either side; the figures are of those within alone."""
        found = self.series(
            """(one) => {
              for (let time = 0; time < 10; time += 1) one.push(time, time * time);
              return one.window(3, 6, 100);
            }"""
        )
        self.assertEqual(found["times"][1:-1], [3, 4, 5, 6])
        self.assertEqual(found["values"][1:-1], [9, 16, 25, 36])
        for at, time, value in ((0, 2.985, 8.925), (-1, 6.045, 36.585)):
            self.assertAlmostEqual(found["times"][at], time, places=9)
            self.assertAlmostEqual(found["values"][at], value, places=9)
        self.assertEqual(found["summary"], {"count": 4, "min": 9, "max": 36, "mean": 21.5})

    def gaps(self) -> None:
        """A silence that is long for this series is a gap, and so is what somebody calls one; what is told again is left out."""
        found = self.series(
            """(one) => {
              for (let step = 0; step < 20; step += 1) one.push(step / 10, 1);
              one.push(8, 2);
              one.gap();
              one.push(8.1, 3);
              one.push(1, 99);
              return [one.window(0, 10, 1000), one.total, one.last, one.lastTime];
            }"""
        )
        self.assertEqual([value for value in found[0]["values"] if value != 1], [None, 2, None, 3])
        self.assertEqual(found[1:], [22, 3, 8.1])

    def folded(self) -> None:
        """Samples that netd has folded into one last as long as they say: after single ones that is no gap."""
        found = self.series(
            """(one) => {
              const folded = (time, count) => one.push(time, 2, true, { min: 1, max: 3, count });
              for (let step = 0; step < 40; step += 1) one.push(step / 20, 1);
              for (const time of [4, 6, 8]) folded(time, 40);
              for (const time of [18, 28, 70]) folded(time, 200);
              return one.window(0, 100, 100).values;
            }"""
        )
        self.assertEqual([value for value in found if value != 1], [2, 2, 2, 2, 2, None, 2])

    def set_back(self) -> None:
        """When the clock of the samples is set back, what it had called later is forgotten, and the samples go on after a gap."""
        found = self.series(
            """(one) => {
              for (let time = 1000; time < 1010; time += 1) one.push(time, 1);
              one.push(1004.5, 2);
              const before = one.total;
              one.push(1004.5, 2, true);
              one.push(1005.5, 3, true);
              const kept = [one.window(1000, 1010, 100), before, one.lastTime];
              one.push(10, 4, true);
              return [...kept, one.window(0, 2000, 100).values, one.oldest];
            }"""
        )
        self.assertEqual([time for time in found[0]["times"] if not 1004.1 < time < 1004.2], [*range(1000, 1005), 1004.5, 1005.5])
        self.assertEqual(found[0]["values"], [1, 1, 1, 1, 1, None, 2, 3])
        self.assertEqual(found[1:], [10, 1005.5, [4], 10])

    def thinned(self) -> None:
        """However many samples there are, a plot has a point for each column of pixels, and no peak is missing."""
        found = self.series(
            """(one) => {
              for (let step = 0; step < 10000; step += 1) one.push(step / 1000, step === 5005 ? 50 : step % 2);
              return one.window(0, 10, 100);
            }"""
        )
        self.assertLessEqual(len(found["times"]), 102)
        self.assertEqual(found["times"], sorted(found["times"]))
        self.assertEqual((max(found["highs"]), found["summary"]["max"], found["summary"]["count"]), (50, 50, 10000))
        self.assertTrue(all(0.4 < value < 1 for value in found["values"][1:-1]), "the line is the mean")

    def long(self) -> None:
        """An hour of many samples is kept in a bounded number of rows, and what was least, greatest and usual of it is."""
        found = self.series(
            """(one) => {
              for (let step = 0; step < 500000; step += 1) one.push(step / 200, step === 1000 ? -7 : 2);
              return [one.window(0, 2500, 500).summary, one.raw.length, one.old.length, one.oldest];
            }"""
        )
        self.assertEqual((found[0]["min"], found[0]["max"], found[0]["count"]), (-7, 2, 500000))
        self.assertAlmostEqual(found[0]["mean"], 2 - 9 / 500000, places=9)
        self.assertEqual(found[1], 8192)
        self.assertLess(found[2], 7200)
        self.assertEqual(found[3], 0)

    def extremes(self) -> None:
        """The mean of the largest numbers is a number, and that of equal ones is just this."""
        script = """(one, values) => {
          for (let step = 0; step < 40000; step += 1) one.push(step / 1000, values[step % values.length]);
          return one.window(0, 50, 100).summary;
        }"""
        largest = 1.7e308
        self.assertEqual(self.series(script, [largest])["mean"], largest)
        self.assertEqual(self.series(script, [0.1])["mean"], 0.1)
        both = self.series(script, [largest, -largest])
        self.assertLess(abs(both["mean"]), 1e300)
        self.assertEqual((both["min"], both["max"]), (-largest, largest))

    def test_tables(self) -> None:
        """Samples are kept in bounded memory, with their gaps, peaks and means."""
        self.window()
        self.gaps()
        self.folded()
        self.set_back()
        self.thinned()
        self.long()
        self.extremes()


class GridTests(ModuleTestCase):
    SCRIPT = """({ windowOf }, points, from, to, columns) => windowOf(
      { fill: (lane) => points.forEach((one) => (one === null ? lane.gap() : lane.add(...one))) }, from, to, columns)"""

    def window(self, *points: tuple[float, ...] | None, end: float = 10) -> dict[str, Any]:
        """Ten columns of a second each, with *points*: (time, low, mean, high, count), or None for a gap."""
        found: dict[str, Any] = self.run_in("plots/grid", self.SCRIPT, points, 0, end, 10)
        return found

    def columns(self) -> None:
        """A column has the least, the mean and the greatest value of its points; it stays one as time goes on."""
        found = self.window((2.1, 1, 2, 3, 4), (2.9, 0, 4, 9, 4), (5, 6, 6, 6, 1))
        self.assertEqual((found["values"], found["lows"], found["highs"]), ([3, 6], [0, 6], [9, 6]))
        self.assertEqual(found["summary"], {"count": 9, "min": 0, "max": 9, "mean": 30 / 9})

    def gaps(self) -> None:
        """A gap between two columns is a null; one within a column, or between neighbours, cannot be seen."""
        self.assertEqual(self.window((2, 1, 1, 1, 1), None, (5, 2, 2, 2, 1))["values"], [1, None, 2])
        self.assertEqual(self.window((2, 1, 1, 1, 1), None, (3, 2, 2, 2, 1))["values"], [1, 2])
        self.assertEqual(self.window((2, 1, 1, 1, 1), (5, 2, 2, 2, 1))["values"], [1, 2])
        self.assertEqual(self.window(None)["values"], [])

    def edges(self) -> None:
        """The line goes to the edges where there are samples beyond, also where all are beyond; not over a gap."""
        self.assertEqual(self.window((-6.5, 0, 0, 0, 1), (3.5, 10, 10, 10, 1))["values"], [6, 10])
        self.assertEqual(self.window((6.5, 0, 0, 0, 1), (16.5, 10, 10, 10, 1))["values"], [0, 5])
        self.assertEqual(self.window((-9.5, 0, 0, 0, 1), (20.5, 30, 30, 30, 1))["values"], [9, 21])
        self.assertEqual(self.window((-6.5, 0, 0, 0, 1), None, (3.5, 10, 10, 10, 1))["values"][-1], 10)
        self.assertEqual(self.window((6.5, 0, 0, 0, 1), None, (16.5, 10, 10, 10, 1))["values"], [0])
        self.assertEqual(self.window((-6.5, 0, 0, 0, 1), (3.5, 10, 10, 10, 1))["summary"]["count"], 1)

    def of_uplot(self) -> None:
        """Where nothing was, uPlot is told undefined, so that it joins the points; and null for each column of a gap."""
        found = self.run_in(
            "plots/grid",
            """({ Grid, Lane }) => {
              const lane = new Lane(new Grid(0, 7, 7));
              lane.add(0.5, 1, 1, 1, 1);
              lane.add(2.5, 2, 2, 2, 1);
              lane.gap();
              lane.add(6.5, 3, 3, 3, 1);
              lane.close();
              const words = lane.values(lane.means).map(String);
              return [words, lane.nearest(2, 1), lane.nearest(0, 0), lane.hasBand, lane.filled];
            }""",
        )
        words = ["undefined", "1", "undefined", "2", *["null"] * 3, "3", *["undefined"] * 2]
        self.assertEqual(found, [words, 1, -1, False, 3])

    def test_tables(self) -> None:
        """Series are put on the pixels of a plot, with their gaps and the line to its edges."""
        self.columns()
        self.gaps()
        self.edges()
        self.of_uplot()
        self.check("plots/grid", "roundUp", ((0.3,), 0.5), ((1,), 1), ((86.4,), 100), ((0.05,), 0.05), ((2.1e-7,), 5e-7))


class PastTests(ModuleTestCase):
    """What was recorded, of a recorder that is a function of the test, by a clock that the test moves."""

    MAKE = """({ Archive, Past }) => {
      globalThis.clock = { now: 100000, timers: [], asked: [], answer: null };
      const { timers, asked } = clock;
      const archive = new Archive({
        ask: (subjects, wish) => new Promise((resolve, reject) => asked.push({ subjects, wish, resolve, reject })),
        isThere: () => true,
        now: () => clock.now,
        later: (act, milliseconds) => (timers.push({ act, milliseconds }), timers.at(-1)),
        never: (timer) => timers.splice(timers.indexOf(timer), 1),
        answered: () => {},
      });
      globalThis.archive = archive;
      globalThis.past = (subject) => new Past(archive, subject);
      globalThis.ring = () => timers.splice(0).forEach(({ act }) => act());
      globalThis.say = async (index, make) => {
        const { subjects, wish, resolve } = asked[index];
        const series = subjects.map((subject) => ({ subject, ...make(wish) }));
        resolve({ series, gaps: clock.gaps ?? [] });
        await new Promise((done) => setTimeout(done));
      };
      globalThis.steady = ({ from, to, width }) => {
        const times = [];
        for (let time = from; time < Math.min(to, clock.now); time += width) times.push(time);
        const all = (value) => times.map(() => value);
        return { times, min: all(1), max: all(3), mean: all(2), count: all(5) };
      };
      return null;
    }"""

    def past(self, script: str) -> Any:
        """What *script* gives, of an archive of its own."""
        self.run_in("plots/past", self.MAKE)
        return self.page.evaluate(f"async () => ({script})()")

    def one_question(self) -> None:
        """Plots of one window are one question, asked when nobody moves them any more: for more than that, in round buckets."""
        asked, waits, values, again = self.past(
            """async () => {
              const [one, other] = [past("a"), past("b")];
              const before = one.window(90000, 93600, 900).values;
              other.window(90000, 93600, 900);
              const waits = clock.timers.map(({ milliseconds }) => milliseconds);
              ring();
              one.window(50000, 53600, 900); // one question at a time
              await say(0, steady);
              ring();
              other.window(90300, 93900, 900);
              ring();
              const values = one.window(90000, 93600, 900).values;
              return [clock.asked.map(({ subjects, wish }) => ({ subjects, ...wish })), waits,
                [before.length, values.length, values[0]], clock.asked.length];
            }"""
        )
        self.assertEqual(asked[0], {"subjects": ["a", "b"], "from": 89100, "to": 94500, "width": 5, "points": 1080})
        self.assertEqual((waits, values[0], values[2]), ([120], 0, 2))
        self.assertGreater(values[1], 700)
        self.assertEqual(again, 2, "the other window of the same was asked for afterwards, and nothing twice")
        self.assertEqual(asked[1]["subjects"], ["a"])

    def long(self) -> None:
        """A day that nothing is known of is asked for in wide buckets at once, then as finely as it is drawn; and only once."""
        asked, waits, back = self.past(
            """async () => {
              const one = past("a");
              const waits = [];
              const draw = () => {
                one.window(10000, 96400, 900);
                waits.push(clock.timers.at(-1)?.milliseconds);
              };
              draw();
              ring();
              draw();
              await say(0, steady);
              draw();
              ring();
              await say(1, steady);
              draw();
              one.window(10000, 96400, 200); // small ones need few buckets anyway
              past("b").window(10000, 96400, 200);
              ring();
              return [clock.asked.map(({ wish }) => wish.width), waits, one.window(10000, 96400, 900).values.length];
            }"""
        )
        self.assertEqual(asked[:2], [1000, 100])
        self.assertEqual(asked[2:], [500], "of a small plot, buckets as fine as it is drawn")
        self.assertEqual((waits[0], waits[2]), (20, 120))
        self.assertGreater(back, 800)

    def beside(self) -> None:
        """A small plot beside a large one wants other buckets: both are asked for, and neither puts off the other."""
        widths, rings, again = self.past(
            """async () => {
              const one = past("a");
              let rings = 0;
              const both = () => {
                const before = clock.timers[0];
                one.window(90000, 93600, 900);
                one.window(90000, 93600, 60);
                if (before !== undefined && clock.timers[0] !== before) rings += 1;
              };
              for (let turn = 0; turn < 5; turn += 1) both();
              ring();
              await say(0, steady);
              ring();
              await say(1, steady);
              both();
              return [clock.asked.map(({ wish }) => wish.width), rings, clock.timers.length];
            }"""
        )
        self.assertEqual((widths, rings, again), ([5, 100], 0, 0))

    def stretched(self) -> None:
        """Until another answer comes, the old one is drawn in its place; where nothing is known, nothing is."""
        wide, part, back = self.past(
            """async () => {
              const one = past("a");
              one.window(90000, 93600, 900);
              ring();
              await say(0, steady);
              const narrow = one.window(91000, 91360, 900);
              const wide = one.window(80000, 100000, 900);
              const { length } = clock.asked;
              one.window(90000, 93600, 900);
              ring();
              return [narrow.times.length, [wide.times[0], wide.times.at(-1)], clock.asked.length - length];
            }"""
        )
        self.assertGreater(wide, 70)
        self.assertTrue(89000 < part[0] < 89200 and 94400 < part[1] < 94600, str(part))
        self.assertEqual(back, 0, "what is known is not asked for again")

    def gaps(self) -> None:
        """A gap that is told, or a silence of more than eight usual intervals, is one; buckets without samples are not."""
        found = self.past(
            """async () => {
              clock.gaps = [{ begin: 90020, end: 90021, reason: "dropped" }];
              const one = past("a");
              one.window(90000, 90090, 90);
              ring();
              const times = [90000, 90002, 90004, 90014, 90018, 90022, 90024, 90026, 90060, 90062];
              await say(0, () => ({ times, min: times, max: times, mean: times, count: times.map(() => 1) }));
              const { values } = one.window(90000, 90090, 90);
              return [values, archive.gaps];
            }"""
        )
        expected = [90000, 90002, 90004, 90014, 90018, None, 90022, 90024, 90026, None, 90060, 90062]
        self.assertEqual(found[0], expected)
        self.assertEqual(found[1], [{"begin": 90020, "end": 90021, "reason": "dropped"}])

    def news(self) -> None:
        """What has just been said may not be recorded yet: it is asked for once more, and then no more."""
        asked = self.past(
            """async () => {
              const one = past("a");
              const counts = [];
              for (let second = 0; second < 12; second += 1) {
                one.window(99940, 100000, 600);
                ring();
                for (let index = counts.at(-1) ?? 0; index < clock.asked.length; index += 1) await say(index, steady);
                counts.push(clock.asked.length);
                clock.now += 1;
              }
              return counts;
            }"""
        )
        self.assertEqual((asked[0], asked[-1]), (1, 2), str(asked))

    def trouble(self) -> None:
        """An error is told, and netd is asked again after a while; a late answer to another user's question is dropped."""
        said, waits, late = self.past(
            """async () => {
              const one = past("a");
              one.window(90000, 90090, 90);
              ring();
              clock.asked[0].reject(Object.assign(new Error("no such part"), { code: -32602 }));
              await new Promise((done) => setTimeout(done));
              one.window(90000, 90090, 90);
              const { trouble } = archive;
              const waits = clock.timers.map(({ milliseconds }) => milliseconds);
              ring();
              archive.clear();
              await say(1, steady);
              return [trouble, waits, one.answers.length];
            }"""
        )
        self.assertEqual((said, waits, late), ("no such part", [5000], 0))

    def bounded(self) -> None:
        """Old answers are forgotten, those that are drawn are not."""
        kept, shown = self.past(
            """async () => {
              const one = past("a");
              for (let step = 0; step < 100; step += 1) {
                one.window(90000 - step * 400, 90090 - step * 400, 90);
                ring();
                await say(step, steady);
                one.window(90000 - step * 400, 90090 - step * 400, 90);
                clock.now += 20;
              }
              return [one.answers.length, one.window(90000 - 99 * 400, 90090 - 99 * 400, 90).values.length];
            }"""
        )
        self.assertEqual(kept, 64)
        self.assertGreater(shown, 80)

    def test_tables(self) -> None:
        """Plots are filled from what was recorded, with few questions."""
        self.one_question()
        self.long()
        self.beside()
        self.stretched()
        self.gaps()
        self.news()
        self.trouble()
        self.bounded()


class SubscriptionTests(ModuleTestCase):
    def test_earlier(self) -> None:
        """Events of an earlier subscription to the same pattern, which are on their way still, are not those of a new one."""
        found = self.run_in(
            "../netd",
            """async ({ Netd }) => {
              let socket;
              const asked = [];
              globalThis.WebSocket = class {
                constructor() { socket = this; queueMicrotask(() => this.onopen()); }
                send(text) { asked.push(JSON.parse(text)); }
                close() {}
              };
              const say = (message) => socket.onmessage({ data: JSON.stringify({ jsonrpc: "2.0", ...message }) });
              const turn = () => new Promise((done) => setTimeout(done, 0));
              const netd = new Netd({ url: "ws://x/ws" }).open();
              await turn();
              say({ id: asked[0].id, result: [] });
              await turn();
              const heard = [];
              const options = { every: 1, fold: true, together: true };
              netd.subscribe("a.*", options, () => heard.push("earlier")).close();
              netd.subscribe("a.*", { ...options, every: 2 }, ({ subject, data }) => heard.push([subject, data.value]));
              const [first, , second] = asked.slice(1);
              const items = (seq, value) => say({ method: "events", params: { pattern: "a.*", seq, items: [[0, 1, value]] } });
              say({ id: first.id, result: { pattern: "a.*", position: "x:7", recovered: null, gap: null, subjects: ["a.old"] } });
              items(8, 1);
              say({ id: second.id, result: { pattern: "a.*", position: "y:3", recovered: null, gap: null, subjects: ["a.b"] } });
              await turn();
              items(4, 2);
              netd.close();
              return heard;
            }""",
        )
        self.assertEqual(found, [["a.b", 2]])

    def every(self) -> None:
        """Samples come as often as a plot has pixels: in steps of 1, 2 and 5, and at most 20 times a second."""
        self.check(
            "subscriptions",
            "everyFor",
            *(
                ((60 / 900,), 0.05),
                ((600 / 900,), 0.5),
                ((0.2,), 0.2),
                ((3600 / 900,), 2),
                ((0,), 0.05),
                ((0.999,), 0.5),
                ((20,), 20),
            ),
        )

    def plans(self) -> None:
        """Channels of one parent are subscribed to at once, from four on; and few patterns are made of however many."""
        plan = "({ planned }, wants, most) => [...planned(wants.map(([pattern, every]) => ({ pattern, every })), most)]"
        few = [["s.m.a.x", 1], ["s.m.a.y", 0.5], ["s.m.b.x", 2]]
        self.assertEqual(self.run_in("subscriptions", plan, few), few)
        four = [[f"s.m.a.{name}", number] for number, name in enumerate("wxyz", 1)]
        self.assertEqual(self.run_in("subscriptions", plan, four), [["s.m.a.*", 1]])
        wild = [["s.m.a.*", 5], ["s.m.a.x", 1], ["s.m.*.y", 2]]
        self.assertEqual(self.run_in("subscriptions", plan, wild), [["s.m.a.*", 1], ["s.m.*.y", 2]])
        many = [[f"s.m.{number}.x", 1] for number in range(100)]
        self.assertEqual(self.run_in("subscriptions", plan, many, 40), [["s.m.*.*", 1]])
        both = [*many, ["c.m.one", 3]]
        self.assertEqual(self.run_in("subscriptions", plan, both, 40), [["c.m.one", 3], ["s.m.*.*", 1]])
        self.check("subscriptions", "sourceOf", (("s.m.a.x", ["s.m.b.*", "s.m.*.*", "s.>"]), "s.m.*.*"), (("c.x", ["s.>"]), None))

    def test_tables(self) -> None:
        """Pages subscribe to what they show, in few subscriptions."""
        self.every()
        self.plans()


class TimeTests(ModuleTestCase):
    def ticks(self, begin: str, hours: float, zone: str, most: int = 8) -> list[str]:
        """Words of the ticks from *begin*, in UTC."""
        script = """({ timeTicks }, begin, hours, most, zone) => {
          const from = Date.parse(begin) / 1000;
          return timeTicks(from, from + hours * 3600, most, zone).map(({ word, day }) => `${word}${day ? ` ${day}` : ""}`);
        }"""
        found: list[str] = self.run_in("plots/times", script, begin, hours, most, zone)
        return found

    def summer_time(self) -> None:
        """In March an hour is missing, in October one is there twice: ticks stand at local times on both sides."""
        spring = self.ticks("2026-03-28T23:00Z", 6, "Europe/Berlin")
        self.assertEqual(spring, ["00:00 Mar 29", "01:00", "03:00", "04:00", "05:00", "06:00"])
        autumn = self.ticks("2026-10-24T22:00Z", 6, "Europe/Berlin")
        self.assertEqual(autumn, ["00:00 Oct 25", "01:00", "02:00", "02:00", "03:00", "04:00"])
        days = self.ticks("2026-03-27T23:00Z", 71, "Europe/Berlin", 6)
        self.assertEqual(days[:3], ["00:00 Mar 28", "12:00", "00:00 Mar 29"])
        self.assertEqual(self.ticks("2026-03-27T23:00Z", 24 * 5 - 1, "Europe/Berlin", 6)[-1], "Apr 1")

    def zones(self) -> None:
        """Half an hour beside others, and the same moment in two zones."""
        self.assertEqual(
            self.ticks("2026-11-28T18:00Z", 2, "Asia/Kolkata", 4), ["23:30 Nov 28", "00:00 Nov 29", "00:30", "01:00"]
        )
        self.assertEqual(self.ticks("2026-11-28T18:00Z", 3, "UTC", 4), ["18:00 Nov 28", "19:00", "20:00"])
        self.check(
            "plots/times",
            "offsetAt",
            ((0, "UTC"), 0),
            ((1774746000 - 1, "Europe/Berlin"), 3600),
            ((1774746000, "Europe/Berlin"), 7200),
            ((1774746000, "Asia/Kolkata"), 19800),
        )

    def lengths(self) -> None:
        """From a twentieth of a second to a year, there are some ticks and not too many, each with another time, in order."""
        script = """({ timeTicks }, spans, zones) => spans.flatMap((span) => zones.map((zone) => {
          const ticks = timeTicks(1774700000.123, 1774700000.123 + span, 8, zone).map(({ time }) => time);
          return [span, ticks.length, ticks.every((time, index) => index === 0 || time > ticks[index - 1])];
        }))"""
        spans = [0.05, 1, 7, 60, 3600, 86400, 7 * 86400, 30 * 86400, 365 * 86400, 10 * 365 * 86400]
        for span, count, is_ordered in self.run_in("plots/times", script, spans, ["Europe/Berlin", "Asia/Kolkata", "UTC"]):
            self.assertTrue(1 <= count <= 12, f"{count} ticks in {span} s")
            self.assertTrue(is_ordered)
        self.assertEqual(self.ticks("2026-11-28T18:00Z", 1 / 3600, "UTC", 4)[1:], ["18:00:00.5"])
        self.assertEqual(self.ticks("2026-01-01T00:00Z", 365 * 24, "UTC", 5)[:2], ["Jan 2026", "Apr"])

    def test_tables(self) -> None:
        """The axis of time has round local times, in any zone."""
        self.summer_time()
        self.zones()
        self.lengths()


class ZoomTests(ModuleTestCase):
    def test_tables(self) -> None:
        """Zooming keeps the time at the pointer and has bounds; keys move by a quarter, and zoom in and out to the same."""
        hour = {"from": 0, "to": 3600}
        self.check(
            "plots/zoom",
            "scaled",
            ((hour, 0.5, 900), {"from": 450, "to": 2250}),
            ((hour, 1e-9, 1800), {"from": 1799.975, "to": 1800.025}),
            ((hour, 1e9, 0), {"from": 0, "to": 400 * 86400}),
        )
        self.check(
            "plots/zoom",
            "viewAfter",
            (("ArrowLeft", hour), {"from": -900, "to": 2700}),
            (("ArrowRight", hour), {"from": 900, "to": 4500}),
            (("+", hour), {"from": 360, "to": 3240}),
            (("-", {"from": 360, "to": 3240}), hour),
        )
        self.check(
            "plots/zoom",
            "markedAfter",
            (("ArrowRight", hour, None, None), {"anchor": 1800, "end": 1872}),
            (("ArrowLeft", hour, {"anchor": 1800, "end": 36}, 5), {"anchor": 1800, "end": 0}),
            (("ArrowRight", hour, None, 100), {"anchor": 100, "end": 172}),
        )
        self.check("plots/zoom", "between", ((5, 3), {"from": 3, "to": 5}))


class ScaleTests(ModuleTestCase):
    def logarithmic(self) -> None:
        """A logarithmic scale is of whole powers of ten, at least one, and only where all values are above zero."""
        log = {"isLog": True}
        self.check(
            "plots/scales",
            "rangeOf",
            ((2, 300, log), {"bottom": 1, "top": 1000, "isLog": True}),
            ((5, 5, log), {"bottom": 1, "top": 10, "isLog": True}),
            ((1, 1, log), {"bottom": 1, "top": 10, "isLog": True}),
            ((0, 9, log), {"bottom": 0, "top": 10}),
            ((None, None, log), {"bottom": 0, "top": 1}),
            ((5e-324, 1.7e308, log), {"bottom": 1e-307, "top": 1e308, "isLog": True}),
        )
        self.check(
            "plots/scales",
            "ticksIn",
            (
                ({"bottom": 0.01, "top": 100, "isLog": True}, 5),
                {"places": [0, 0.25, 0.5, 0.75, 1], "words": ["0.01", "0.1", "1", "10", "100"], "common": ""},
            ),
            (
                ({"bottom": 1e-9, "top": 1e9, "isLog": True}, 2),
                {"places": [0, 0.5, 1], "words": ["1e-9", "1", "1e9"], "common": ""},
            ),
        )
        self.check(
            "plots/scales", "placeIn", ((10, {"bottom": 1, "top": 100, "isLog": True}), 0.5), ((5, {"bottom": 0, "top": 10}), 0.5)
        )
        self.check(
            "plots/scales", "whyNotLog", ((1,), ""), ((None,), ""), ((0,), "A logarithmic scale takes values above 0 only.")
        )

    def axes(self) -> None:
        """Two units share a plot; a third has one of its own."""
        script = "({ sharing }, units) => sharing(units, (unit) => unit)"
        found = self.run_in("plots/scales", script, ["K", "hPa", "K", "V", "hPa", "A", "s"])
        self.assertEqual(found, [["K", "hPa", "K", "hPa"], ["V", "A"], ["s"]])

    def test_tables(self) -> None:
        """Scales follow their values, and units their axes."""
        self.logarithmic()
        self.axes()


class RecordedTests(ModuleTestCase):
    NOW = 1795900000.0  # 2026-11-28T21:06:40Z

    def said(self, text: str, zone: str = "UTC") -> float | None:
        found: float | None = self.run_in("said_times", "({ timeSaid }, ...given) => timeSaid(...given)", text, self.NOW, zone)
        return found

    def times(self) -> None:
        """Times are read as people write them, by the clocks of any zone, and written so that they can be read."""
        day = 1795824000.0
        expected = {
            "now": self.NOW,
            "-8h": self.NOW - 8 * 3600,
            "-1h30min": self.NOW - 5400,
            "8h": self.NOW - 8 * 3600,
            " - 90 s ": self.NOW - 90,
            "yesterday": day - 86400,
            "yesterday 14:30": day - 86400 + 14.5 * 3600,
            "today": day,
            "14:03:05.5": day + 14 * 3600 + 185.5,
            "2026-11-28T22:00": day + 22 * 3600,
            "2026-11-28 22:00+05:30": day + 22 * 3600 - 19800,
            "2026-11-28 22:00Z": day + 22 * 3600,
            "1795900000.25": self.NOW + 0.25,
            **dict.fromkeys(("", "soon", "2026-02-30", "25:00", "-8 parsecs", "12", "14:70", "-"), None),
        }
        for text, time in expected.items():
            self.assertEqual(self.said(text), time, text)
        self.assertEqual(self.said("2026-11-28 22:00", "Asia/Kolkata"), day + 22 * 3600 - 19800)
        self.assertEqual(self.said("2026-03-29 03:00", "Europe/Berlin"), 1774746000)
        self.assertEqual(self.said("2026-03-29 01:59", "Europe/Berlin"), 1774746000 - 60)
        self.check(
            "said_times",
            "timeWritten",
            ((self.NOW, "Asia/Kolkata"), "2026-11-29 02:36:40"),
            ((0.9, "UTC"), "1970-01-01 00:00:00"),
        )
        self.check(
            "said_times", "spanWritten", ((3600,), "1h"), ((5400,), "90min"), ((0.5,), "0.5s"), ((604800,), "1w"), ((90,), "90s")
        )

    def addresses(self) -> None:
        """An address has what is shown, and is made of it again; nonsense in it is left out."""
        script = """({ shownBy, addressFor }, hash, now) => {
          const query = Object.fromEntries(new URLSearchParams(hash.split("?")[1]));
          const shown = shownBy(query, now, "UTC");
          return [shown, addressFor(shown)];
        }"""
        whole = "#/history?s=a.b,c.d+e.f&from=1795800000&to=1795900000.5&run=3"
        shown, again = self.run_in("history/address", script, whole, self.NOW)
        self.assertEqual(shown["plots"], [["a.b"], ["c.d", "e.f"]])
        self.assertEqual((shown["fixed"], shown["run"], again), ({"from": 1795800000, "to": 1795900000.5}, 3, whole))
        live = "#/history?s=a.b&from=-6h"
        shown, again = self.run_in("history/address", script, live, self.NOW)
        self.assertEqual((shown["fixed"], shown["seconds"], again), (None, 21600, live))
        shown, _ = self.run_in("history/address", script, "#/history?from=yesterday&to=-1h", self.NOW)
        self.assertEqual(shown["fixed"], {"from": 1795737600, "to": self.NOW - 3600})
        shown, again = self.run_in("history/address", script, "#/history?s=,+&from=bogus&to=9&run=x", self.NOW)
        self.assertEqual((shown["plots"], shown["fixed"], shown["run"], again), ([], None, None, "#/history"))

        self.assertEqual(
            shown["trouble"], "This is no time: bogus, 9. Write one such as yesterday, 14:00, -8h or 2026-11-28 22:00."
        )

    def windows(self) -> None:
        """A span until now goes on with time; from a time of the clock, an address shows another person the same."""
        day, now = 1795824000.0, self.NOW
        self.check(
            "history/address",
            "windowSaid",
            (("-8h", "now", now, "UTC"), {"seconds": 8 * 3600}),
            (("90 s", "", now, "UTC"), {"seconds": 90}),
            (("14:00", "now", now, "UTC"), {"fixed": {"from": day + 14 * 3600, "to": now}}),
            (("yesterday", "-1h", now, "UTC"), {"fixed": {"from": day - 86400, "to": now - 3600}}),
            (("-1h", "-2h", now, "UTC"), {"trouble": "The beginning is not before the end."}),
            (
                ("", "soon", now, "UTC"),
                {
                    "trouble": "This is no time: an empty beginning, soon."
                    " Write one such as yesterday, 14:00, -8h or 2026-11-28 22:00."
                },
            ),
        )

    def plots(self) -> None:
        """A subject is added and removed, drawn over another, and taken apart."""
        two = [["a"], ["b", "c"]]
        self.check(
            "history/address", "toggled", ((two, "d"), [*two, ["d"]]), ((two, "a"), [["b", "c"]]), ((two, "b"), [["a"], ["c"]])
        )
        self.check(
            "history/address",
            "overlaid",
            ((two, "a", 1), [["b", "c", "a"]]),
            ((two, "b", 1), two),
            ((two, "d", 0), [["a", "d"], ["b", "c"]]),
        )
        self.check(
            "history/address",
            "joined",
            ((two, 1), [["a"], ["b"], ["c"]]),
            (([["a"], ["b"]], 1), [["a", "b"]]),
            (([["a"], ["b"]], 0), [["a", "b"]]),
            (([["a"]], 0), [["a"]]),
        )

    def tree(self) -> None:
        """The tree shows a level at a time; a branch that has nothing beside it is told with the next one."""
        names = ["session.main.a.x", "session.main.a.y", "session.main.b.x", "custom.lab.t10", "custom.lab.t9", "custom.lab"]
        series = [{"subject": name, "label": "Stage" if name.endswith("x") else "", "unit": "K"} for name in names]
        series = [{**series[0], "unit": ""}, *series]
        script = """({ below }, series, path) =>
          below(series, path).map(({ path, name, leaf, count }) => [path, name, leaf !== null, count])"""
        self.assertEqual(
            self.run_in("history/tree", script, series, ""),
            [["custom", "custom", False, 3], ["session.main", "session.main", False, 3]],
        )
        self.assertEqual(self.run_in("history/tree", script, series, "session.main")[0], ["session.main.a", "a", False, 2])
        self.assertEqual([name for _, name, *_ in self.run_in("history/tree", script, series, "custom.lab")], ["t9", "t10"])
        found = "({ matching }, series, text) => matching(series, text).map(({ subject }) => subject)"
        self.assertEqual(self.run_in("history/tree", found, series, "stage b"), ["session.main.b.x"])

    def figures(self) -> None:
        """The slope of a selection, in a unit in which it can be read; marks that are near are one; the next one is found."""
        self.check("history/figures", "slopeOf", (([0, 1, 2], [1, 3, 5]), 2), (([0, 1, 2], [1, None, 5]), 2))
        script = "({ slopeOf }) => Number.isNaN(slopeOf([1], [2])) && Number.isNaN(slopeOf([1, 1], [2, 3]))"
        self.assertTrue(self.run_in("history/figures", script))
        self.check(
            "history/figures",
            "readable",
            ((2,), [2, "s"]),
            ((0.01,), [0.6, "min"]),
            ((0.0001,), [0.0001 * 3600, "h"]),
            ((1e-6,), [1e-6 * 86400, "d"]),
        )
        marks = [
            {"time": time, "until": until, "kind": "note", "word": ""}
            for time, until in ((1, None), (5, None), (6, 9), (40, None))
        ]
        groups = self.run_in("history/figures", "({ clustered }, marks) => clustered(marks, (time) => 2 * time, 12)", marks)
        self.assertEqual([(group["x"], len(group["all"])) for group in groups], [(2, 2), (80, 1)])
        self.check("history/figures", "nextOf", ((marks, 5, 1), marks[2]), ((marks, 5, -1), marks[0]), ((marks, 40, 1), None))

    def events(self) -> None:
        """Of the events beside samples, those that change something are marks; attempts to come back are not."""
        said = (
            (
                1,
                "audit.main.relay.send",
                {"operation": "relay.send", "arguments": {"text": "on"}, "outcome": "done", "who": "ann"},
            ),
            (2, "audit.main.relay.send", {"operation": "relay.send", "outcome": "refused", "who": "bob"}),
            (3, "session.main.oven", {"state": "streaming"}),
            (4, "session.main.oven", {"state": "resting", "reason": "it went"}),
            (5, "session.main.oven", {"state": "dialling"}),
            (6, "session.main.oven", {"state": "resting", "reason": "nobody there"}),
            (7, "alert.main.hot", {"alert": "hot", "state": "firing"}),
            (8, "session.main.oven", {"state": "streaming"}),
        )
        events = [{"time": time, "subject": subject, "data": data} for time, subject, data in reversed(said)]
        script = "({ ofEvents }, events) => ofEvents(events).map(({ time, kind, word, who }) => [time, kind, word, who ?? null])"
        self.assertEqual(
            self.run_in("history/marks", script, events),
            [
                [1, "command", "relay.send text=on", "ann"],
                [3, "connect", "oven connected", None],
                [4, "gone", "oven resting: it went", None],
                [7, "alert", "hot: firing", None],
                [8, "connect", "oven connected", None],
            ],
        )
        far = {**events[0], "subject": events[0]["subject"].replace(".main.", ".main@north.")}
        self.assertIn("on north", self.run_in("history/marks", script, [far])[0][2])

    def test_tables(self) -> None:
        """What the page of the history reads and writes."""
        self.events()
        self.times()
        self.addresses()
        self.windows()
        self.plots()
        self.tree()
        self.figures()


class SparklineTests(ModuleTestCase):
    def lines(self) -> None:
        """A line begins at the left and ends at the right, the least value at the foot. A gap is open; one value is no line."""
        points = [{"time": time, "value": value} for time, value in ((10, 1), (11, 3), (14, 2))]
        self.check(
            "plots/sparkline",
            "lineThrough",
            ((points, 100, 24), "M0 22L25 2L100 12"),
            (([*points, {"time": 15, "value": None}, {"time": 20, "value": 3}], 100, 24), "M0 22L10 2L40 12M100 2"),
            ((points[:1], 100, 24), ""),
            (([], 100, 24), ""),
        )

    def flat(self) -> None:
        """What does not change is a line in the middle, and the largest numbers are no trouble."""
        same = [{"time": time, "value": 5} for time in (1, 2)]
        large = [{"time": time, "value": value} for time, value in ((1, -1.7e308), (2, 1.7e308), (2, 0))]
        self.check(
            "plots/sparkline",
            "lineThrough",
            ((same, 100, 24), "M0 12L100 12"),
            ((large, 100, 24), "M0 22L100 2L100 12"),
            (([{"time": 1, "value": 1}, {"time": 1, "value": 2}], 100, 24), "M100 22L100 2"),
        )

    def test_tables(self) -> None:
        """A number that changes is a line, whatever it is."""
        self.lines()
        self.flat()


UNITS = (
    ("seconds", 7320, "2 h 2 min"),
    ("bytes", 2048, "2.0 KiB"),
    ("rate", 12.6, "13 /s"),
    ("port", 10000, "10000"),
    ("elsewhere", 10000, "10\u202f000"),
)
"""Formats of JSON Schema, numbers, and how they are written."""


class ServiceTests(ModuleTestCase):
    def written(self) -> None:
        """Any JSON is written so that it can be read."""
        self.check(
            "pages/values",
            "written",
            *(((None,), "\u2013"), (("",), "\u2013"), ((True,), "yes"), ((False,), "no"), ((1234567,), "1\u202f234\u202f567")),
            *(
                ((0.1 + 0.2,), "0.3"),
                ((1e-9,), "1e-9"),
                (([],), "none"),
                (([1, "a", None],), "1, a, \u2013"),
                (("a\u202eb",), "a\\u{202e}b"),
            ),
            (([{"a": 1}],), '[{"a":1}]'),
        )

    def units(self) -> None:
        """A number is written by the unit that its schema names; so are those in lists."""
        self.check(
            "pages/values",
            "written",
            *(((value, {"format": unit}), text) for unit, value, text in UNITS),
            ((0.5, {"anyOf": [{"type": "null"}, {"format": "seconds"}]}), "500 ms"),
            (([1, 120], {"items": {"format": "seconds"}}), "1 s, 2 min"),
            ((0, {"format": "seconds"}), "0 s"),
            (("text", {"format": "seconds"}), "text"),
            ((3, {"format": "__defineGetter__"}), "3"),
            (("('::1', 7)", {"format": "address"}), "[::1]:7"),
            (("aGVsbG8=", {"anyOf": [{"type": "null"}, {"contentEncoding": "base64"}]}), "hello"),
        )

    def members(self) -> None:
        """Facts within facts keep their path; a table has the columns of all its rows."""
        status = {"speed": 1, "counters": {"refused": {"dry run": 2}}, "motor": {"hours_run": 3}, "valves": [1]}
        seconds = {"format": "seconds"}
        schema = {
            "properties": {
                "motor": {"anyOf": [{"type": "null"}, {"additionalProperties": seconds}]},
                "speed": {"type": "integer"},
            }
        }
        found = [
            ["Speed", 1, {"type": "integer"}],
            ["Refused: dry run", 2, {}],
            ["Motor: hours run", 3, seconds],
            ["Valves", [1], {}],
        ]
        several = {"dialling": [{"state": "up"}, {"state": "down"}], "one": [{"a": 1}], "none": []}
        named = [["Dialling 1: state", "up", {}], ["Dialling 2: state", "down", {}], ["One: a", 1, {}], ["None", [], {}]]
        self.check("pages/values", "flattened", ((several,), named))
        self.check("pages/values", "flattened", ((status, ["counters"], schema), found), (({},), []))
        self.check(
            "pages/values", "columnsOf", (([[{"a": 1}, {"b": 2, "a": 3}]]), ["a", "b"]), (([[1, "x"]]), [""]), (([[]]), [])
        )

    def statuses(self) -> None:
        """Of the schema of all statuses, that of one kind is found."""
        pump = {"properties": {"kind": {"const": "pump"}, "speed": {}}}
        result = {"properties": {"services": {"items": {"anyOf": [{"properties": {"kind": {"const": "x"}}}, pump]}}}}
        self.check("schema", "statusOf", ((result, "pump"), pump), ((result, "kettle"), {}), (({}, "pump"), {}))

    def numbers(self) -> None:
        """Each number of an event is followed under its own name, up to a bound; times and all else are no measurements."""
        timed = {"properties": {"since": {"format": "epoch"}, "for": {"format": "seconds"}}}
        self.check(
            "pages/service_events",
            "numbersIn",
            (("flow", 3, {"format": "bytes"}), [["flow", 3, {"format": "bytes"}]]),
            (("flow", {"bar": 2.5, "time": 1, "name": "x", "on": True}), [["flow bar", 2.5, {}]]),
            (("flow", {"time": 1, "since": 2, "for": 3}, timed), [["flow time", 1, {}], ["flow for", 3, {"format": "seconds"}]]),
            *((("flow", data), []) for data in ("x", None, [1, 2])),
        )
        found = self.run_in(
            "pages/service_events",
            """({ withNumbers }) => {
              let known = new Map();
              for (let step = 0; step < 300; step += 1) known = withNumbers(known, { name: "flow", data: step, time: step });
              for (let step = 0; step < 40; step += 1)
                known = withNumbers(known, { name: `n${step}`, data: step + 0.25, time: step });
              const { points, precision } = known.get("flow");
              const same = withNumbers(known, { name: "n", data: "no number", time: 0 });
              return [known.size, points.length, points[0].value, precision, same === known];
            }""",
        )
        self.assertEqual(found, [24, 240, 60, {"decimals": 0, "digits": 3}, True])

    def test_tables(self) -> None:
        """What is known of nothing but that it is JSON is shown as facts, tables and lines."""
        self.written()
        self.units()
        self.members()
        self.statuses()
        self.numbers()


class ArgumentFormTests(ModuleTestCase):
    SCRIPT = """({ argumentForm }, schema, written, required) => {
      const form = argumentForm([{ name: "it", required, schema, default: 1 }], () => {});
      const input = form.element.querySelector("[data-testid=argument-it]");
      input.value = written;
      try {
        return form.read();
      } catch (error) {
        return error.message;
      }
    }"""

    def read(self, schema: dict[str, Any], written: str, required: bool = True) -> Any:
        """The arguments that a form with one input gives, or the error."""
        return self.run_in("pages/argument_form", self.SCRIPT, schema, written, required)

    def fit(self) -> None:
        """What is written becomes a value of the first type that takes it; nothing is left out."""
        number_or_null = {"anyOf": [{"type": "number"}, {"type": "null"}]}
        for schema, written, value in (
            ({"type": "string"}, "5", "5"),
            ({"type": "string"}, "", ""),
            ({"type": "integer"}, "5", 5),
            ({"type": "number"}, "5", 5),
            (number_or_null, "2.5", 2.5),
            ({"type": ["integer", "string"]}, "5", 5),
            ({"type": ["integer", "string"]}, "5x", "5x"),
            ({}, "[1, 2]", [1, 2]),
            ({}, "word", "word"),
            ({"type": "array"}, "[1]", [1]),
            ({"type": "object"}, '{"a": 1}', {"a": 1}),
            ({"enum": ["a", 2]}, "2", 2),
            ({"type": "boolean"}, "true", True),
        ):
            self.assertEqual(self.read(schema, written), {"it": value}, f"{schema} {written!r}")
        for schema in ({"type": "string"}, {"type": "integer"}, {"enum": ["a"]}, {"type": "boolean"}):
            self.assertEqual(self.read(schema, "", required=False), {}, str(schema))

    def unfit(self) -> None:
        """A value that does not fit is told with its argument, the wanted type, and why."""
        for schema, written, error in (
            ({"type": "array"}, "{}", "it must be a JSON array, not {}"),
            ({"type": ["array", "null"]}, "[1", "it must be a JSON array or null, not [1: "),
            ({"type": "integer"}, "2.5", "it must be a whole number, not 2.5"),
            ({"type": "integer"}, "", "it: this argument is missing."),
        ):
            self.assertIn(error, self.read(schema, written))

    def test_tables(self) -> None:
        """Forms made of JSON Schemas give the values that people mean."""
        self.fit()
        self.unfit()


class PlaceTests(ModuleTestCase):
    def places(self) -> None:
        """An address names a page and a service, or else the first page; a kind's own page comes before the general one."""
        self.check(
            "router",
            "placeAt",
            (("",), place("overview")),
            (("#/nowhere",), place("overview")),
            (("#/boards",), place("board")),
            (("#/devices",), place("devices", "relay")),
            (("#/sessions?instance=lab%202",), place("sessions", "session", "lab 2", instance="lab 2")),
            (("#/service?kind=echo",), place("service", "echo", kind="echo")),
            (("#/service?kind=echo&instance=a",), place("service", "echo", "a", kind="echo", instance="a")),
            (("#/service?kind=room",), place("rooms", "room", kind="room")),
            (("#/service",), place("overview")),
            (("#/bus/a/b?wall&turn=30",), {**place("bus", wall="", turn="30"), "item": "a/b"}),
        )

    def nodes(self) -> None:
        """The services of other nodes have these nodes' names; a node that does not answer has none."""
        script = """async ({ askNodes, farServices, isFar, nodeOf }) => {
          const instances = ["main", "main@away", "main@north"];
          const call = async (name, { instance }) => {
            if (instance === "@away") throw new Error("it does not answer");
            return { services: [{ kind: "relay", instance: "main" }, { kind: "relay", instance: "lab" }] };
          };
          await askNodes({ operations: [{ name: "system.status", instances }], call });
          const first = farServices().map(({ instance }) => instance);
          await askNodes({ operations: [], call });
          return [first, farServices(), isFar({ instance: "main" }), isFar({ instance: "main@north" }), nodeOf("main@north")];
        }"""
        self.assertEqual(self.run_in("nodes", script), [["main@north", "lab@north"], [], False, True, "north"])

    def tokens(self) -> None:
        """A token is taken out of an address, of which the rest stays as it was written."""
        self.check(
            "token",
            "tokenIn",
            (("#/bus",), {"token": None, "rest": "#/bus"}),
            (("#/bus?wall&a=%20",), {"token": None, "rest": "#/bus?wall&a=%20"}),
            (("#/bus?wall&token=a%2Bb&turn=30",), {"token": "a+b", "rest": "#/bus?wall&turn=30"}),
            (("#/bus?token=a",), {"token": "a", "rest": "#/bus"}),
            (("#/bus?token=&x",), {"token": None, "rest": "#/bus?x"}),
        )

    def addresses(self) -> None:
        """Each address leads back to what it is made of."""
        self.check(
            "router",
            "addressOf",
            (("relay",), "#/devices"),
            (("relay", "lab 2"), "#/devices?instance=lab+2"),
            (("echo", "a"), "#/service?kind=echo&instance=a"),
            (("echo",), "#/service?kind=echo"),
        )

    def titles(self) -> None:
        """The page of a third party's kind has its name; what Overview tells of it are its first few facts."""
        script = "({ titleOf, pageOfKind, isForeign }, kind) => [titleOf(pageOfKind(kind), kind), isForeign(kind)]"
        for kind, expected in (
            ("relay", ["Devices", False]),
            ("gateway", ["Gateway", False]),
            ("heat_pump", ["Heat pump", True]),
            ("constructor", ["Constructor", True]),
        ):
            self.assertEqual(self.run_in("pages", script, kind), expected)
        facts = "({ SERVICE }, status) => SERVICE.facts(status)"
        status = {
            "kind": "x",
            "instance": "main",
            "connections": 3,
            "speed": 4.5,
            "on": True,
            "liquid": "ice",
            "no": "",
            "a_b": 1,
            "c": 2,
        }
        self.assertEqual(self.run_in("pages", facts, status), ["speed 4.5", "liquid ice", "a b 1"])

    def test_tables(self) -> None:
        """Addresses, titles and facts of pages are those of the one table."""
        self.places()
        self.nodes()
        self.tokens()
        self.addresses()
        self.titles()


class DocumentationTests(ModuleTestCase):
    def test_examples(self) -> None:
        """The examples of ``docs/dashboard.md`` work: signals that the page follows, a whole page, and a plot."""
        text = (CHECKOUT / "docs" / "dashboard.md").read_text(encoding="utf-8")
        signals, page, plot = re.findall(r"^```js\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        modules = {"signals": f"{signals}\nexport {{ list, hint }};", "example": page, "plot": f"{plot}\nexport {{ figure }};"}

        def answer(route: Route) -> None:
            name = route.request.url.rpartition("/")[2].removesuffix(".js")
            route.fulfill(content_type="text/javascript", body=modules[name])

        for name in modules:
            self.page.route(f"{ORIGIN}/static/app/pages/{name}.js", answer)
        script = """async ({ list, hint }) => {
          await new Promise((done) => setTimeout(done, 150));
          return [list.outerHTML, hint.textContent];
        }"""
        expected = '<ul class="names" title="3 people"><li>Anna</li><li>Bob</li><li>Cleo</li><!----></ul>'
        self.assertEqual(self.run_in("pages/signals", script), [expected, "a crowd"])
        shown = """async ({ pumps }) => {
          const { status } = await import("/static/app/connection.js");
          status.value = { name: "lab", services: [{ kind: "pump", instance: "main", listening: [], counters: {} }] };
          document.body.replaceChildren(pumps());
          await new Promise((done) => setTimeout(done, 500));
          return [document.querySelector("h2").textContent, document.querySelector("[data-testid=valves]").dataset.face];
        }"""
        self.assertEqual(self.run_in("pages/example", shown), ["Valves", "failed"], "there is no netd to ask")
        self.assertTrue(self.run_in("pages/plot", "({ figure }) => figure instanceof HTMLElement"))


class PanelTests(ModuleTestCase):
    def test_empty(self) -> None:
        """An empty panel may have a command that makes something appear, which may come and go."""
        script = """async ({ panel }) => {
          const { signal } = await import("/static/app/signal.js");
          const command = signal(null);
          const empty = { text: "Nothing.", command: () => command.value };
          document.body.replaceChildren(panel({ title: "Pumps", testid: "pumps", face: () => ({ name: "empty" }), empty }));
          const shown = () => document.querySelector(".panel-bare .command-line code")?.textContent ?? "";
          const found = [];
          for (const one of [null, "netd pump", "netd room", null]) {
            command.value = one;
            await new Promise((done) => setTimeout(done, 150));
            found.push(shown());
          }
          return found;
        }"""
        self.assertEqual(self.run_in("panel", script), ["", "netd pump", "netd room", ""])


class ReloadTests(ModuleTestCase):
    def test_words(self) -> None:
        """What a reload has changed, or would change, is told a thing a line."""
        nothing: dict[str, Any] = {name: [] for name in ("changed", "restart", "added", "removed", "files", "failures")}
        option = {"section": "relay", "option": "stall", "before": "1s", "after": "2s", "place": "netd.ini:4"}
        all_of_it = {
            "changed": [option],
            "restart": [option],
            "added": ["room"],
            "removed": ["feed"],
            "files": ["[command] functions: 3 new"],
            "failures": ["it broke"],
        }
        changed = "[relay] stall: 1s \u2192 2s (netd.ini:4)"
        did = ["Changed:", changed, "[room] is started", "[feed] finishes", *all_of_it["files"]]
        did += ["Waiting for a restart of netd:", changed, "Failed:", "it broke"]
        would = ["A reload would change:", changed, "[room] would be started", "[feed] would finish"]
        self.check(
            "pages/daemon",
            "changes",
            (({**nothing, "status": "unchanged"},), "Nothing has changed."),
            (({**nothing, "status": "checked"},), "Nothing would change."),
            (({**all_of_it, "status": "reloaded"},), "\n".join(did)),
            (({**all_of_it, "status": "checked", "files": [], "restart": [], "failures": []},), "\n".join(would)),
            (({**nothing, "status": "checked", "restart": [option]},), f"Would wait for a restart of netd:\n{changed}"),
        )


class ServiceFactTests(ModuleTestCase):
    def test_dialled(self) -> None:
        """What a service dials is told as `netd status` tells it, and counts as a connection while there is one."""
        none: dict[str, Any] = {"remote": "tcp:oven:5025", "connected_for": None, "next_attempt": None, "last_failure": None}
        up, waiting = none | {"state": "connected", "connected_for": 73.6}, none | {"state": "waiting", "next_attempt": 2.4}
        dialling = none | {"state": "dialling"}
        self.check(
            "pages",
            "dialText",
            ((up,), "connected for 1 min 13 s"),
            ((up | {"state": "connected, not dialled again"},), "connected for 1 min 13 s, not dialled again"),
            ((waiting,), "waiting, dials again in 3 s"),
            ((dialling,), "dialling"),
        )
        self.check(
            "pages",
            "connectionsOf",
            (({"dialling": [up, dialling]},), 1),
            (({"dialling": [up], "connections": 3},), 3),
            (({"listening": []},), None),
        )

    def test_troubles(self) -> None:
        """Whatever a service cannot reach is told with the reason; what it only waits for is none."""
        remote = {"remote": "tcp:oven:5025", "connected_for": None, "last_failure": "refused"}
        self.check(
            "pages",
            "troublesOf",
            (
                ({"dialling": [remote, remote | {"connected_for": 3}, remote | {"last_failure": None}]},),
                ["tcp:oven:5025: refused"],
            ),
            (({"state": "waiting", "reason": "full"},), ["waiting: full"]),
            (({"state": "paused", "last_failure": "too many"},), ["paused: too many"]),
            (({"state": "carries", "last_failure": "away"},), []),
            (({"kind": "relay"},), []),
        )

    def test_facts(self) -> None:
        """A service without facts of its own is told by what it has counted."""
        echo = {"kind": "echo", "instance": "main", "listening": [], "connections": 1}
        self.check(
            "pages",
            "factsOf",
            ((echo | {"speed": 42, "counters": {"accepted": 3}},), ["speed 42"]),
            ((echo | {"counters": {"accepted": 3, "silent": 0, "refused": {"full": 1}}},), ["accepted 3"]),
            ((echo | {"counters": {"accepted": 0}},), ["nothing so far"]),
        )


class VitalsTests(ModuleTestCase):
    def test_kept(self) -> None:
        """How netd did is kept from the start; a restart and a missing second are gaps, and no rate is made up of them."""
        found = self.run_in(
            "vitals",
            """({ vitalsSeries, note }) => {
              const vitals = (time, started, published) =>
                ({ time, started, uptime: time - started, published, connections: 3, lag: 0.002 });
              const all = [vitals(101, 100, 10), vitals(102, 100, 30), vitals(110, 100, 190), vitals(121, 120, 5)];
              all.forEach((now, index) => note({ now, before: all[index - 1] ?? null }));
              return Object.fromEntries(
                Object.entries(vitalsSeries).map(([name, one]) => [name, one.window(0, 200, 1000).values]),
              );
            }""",
        )
        self.assertEqual(found["connections"], [3, 3, None, 3, None, 3])
        self.assertEqual(found["lag"], [2, 2, None, 2, None, 2])
        self.assertEqual(found["rate"], [20, None, 20])


class RedrawTests(ModuleTestCase):
    def test_seen(self) -> None:
        """What is out of sight is neither drawn nor brought up to date; it is, as soon as it is seen, until it ends."""
        found = self.run_in(
            "plots/redraw",
            """async ({ redraw, whileRead }) => {
              const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
              const element = document.createElement("p");
              element.textContent = "a plot";
              element.style.setProperty("margin-top", "5000px");
              document.body.replaceChildren(element);
              const counts = { drawn: 0, read: 0 };
              const drawing = redraw(element, () => ((counts.drawn += 1), 0), () => {});
              const end = whileRead(element, () => (counts.read += 1));
              await wait(600);
              const unseen = { ...counts };
              element.style.setProperty("margin-top", "0");
              await wait(1500);
              const seen = { ...counts };
              drawing.end();
              end();
              await wait(600);
              return [unseen, seen, counts];
            }""",
        )
        unseen, seen, ended = found
        self.assertEqual(unseen, {"drawn": 0, "read": 0})
        self.assertTrue(3 <= seen["drawn"] <= 31, str(seen))
        self.assertTrue(2 <= seen["read"] <= 6, str(seen))
        self.assertEqual(ended, seen)

    def test_moved(self) -> None:
        """Plots that a hand moves and that one frame is too short for are drawn in turns; none waits for long."""
        frames = self.run_in(
            "plots/redraw",
            """async ({ redraw }) => {
              const frame = () => new Promise((done) => requestAnimationFrame(done));
              document.body.replaceChildren();
              const counts = new Array(6).fill(0);
              const drawings = counts.map((_, index) => {
                const element = document.createElement("p");
                document.body.append(element);
                const draw = () => {
                  counts[index] += 1;
                  for (const end = performance.now() + 4; performance.now() < end; );
                  return 1e6;
                };
                return redraw(element, draw, () => {});
              });
              while (counts.includes(0)) await frame();
              counts.fill(0);
              const frames = [];
              for (let round = 0; round < 12; round += 1) {
                for (const one of drawings) one.now(true);
                await frame();
                frames.push([...counts]);
              }
              for (const one of drawings) one.end();
              return frames;
            }""",
        )
        for before, after in pairwise([[0] * 6, *frames]):
            self.assertLessEqual(sum(after) - sum(before), 2, "two are longer than a frame's share")
        self.assertGreater(min(frames[-1]), 0)
        self.assertLessEqual(max(frames[-1]) - min(frames[-1]), 1)


class CommandLineTests(ModuleTestCase):
    def quoting(self) -> None:
        """A word is written so that a shell gives it back."""
        self.check(
            "commandline",
            "quoted",
            (("plain-1.txt",), "plain-1.txt"),
            (("",), "''"),
            (("it's",), "'it'\\''s'"),
            (("a b",), "'a b'"),
            (("$HOME",), "'$HOME'"),
            ((5,), "5"),
        )

    def lines(self) -> None:
        """What has no value is left out; a flag is a word."""
        self.check(
            "commandline",
            "commandLine",
            (
                ("send", "a b", ["--deadline", None], ["--no-wait", True], ["--file", "x"], None),
                "netd send 'a b' --no-wait --file x",
            ),
            ((["--a", False], ["--b", ""], ["--c", 0]), "netd --c 0"),
        )

    def operations(self) -> None:
        """An operation is the command that netd makes of it: what it needs as words, in their order, the rest as options."""
        arguments = [
            {"name": "liquid", "required": True},
            {"name": "bar_max", "required": False},
            {"name": "quiet", "required": False},
            {"name": "parts", "required": True},
        ]
        operation = {"name": "pump.run-dry", "arguments": arguments}
        self.check(
            "operation_line",
            "operationLine",
            ((operation, {}, None), "netd pump run-dry LIQUID PARTS"),
            ((operation, {"liquid": ""}, "lab"), "netd pump run-dry LIQUID PARTS --instance lab"),
            (
                (operation, {"liquid": "x y", "bar_max": 2.5, "quiet": False, "parts": [1]}, None),
                "netd pump run-dry 'x y' --bar-max 2.5 --no-quiet '[1]'",
            ),
            ((operation, {"liquid": "x", "quiet": True, "parts": 1}, None), "netd pump run-dry x --quiet 1"),
        )

    def arguments(self) -> None:
        """An argument of `netd call` is JSON where a word could be taken for something else."""
        self.check(
            "operation_line",
            "namedArgument",
            (("a", "x"), "a=x"),
            (("a", "5"), 'a:="5"'),
            (("a", "5", {"type": "string"}), "a=5"),
            (("a", "on"), 'a:="on"'),
            (("a", 5), "a=5"),
            (("a", True), "a=true"),
            (("a", [1]), "a:=[1]"),
            (("a", None), "a:=null"),
        )

    def words(self) -> None:
        """What netd calls an operation is called a command here."""
        self.check(
            "commandline",
            "asCommands",
            (("see `relay.devices`, `session.stop 3`",), "see `netd devices`, `netd session stop 3`"),
            (("`netd token add`",), "`netd token add`"),
        )

    def test_tables(self) -> None:
        """Command lines can be copied into a shell."""
        self.quoting()
        self.lines()
        self.operations()
        self.arguments()
        self.words()


class SignalTests(ModuleTestCase):
    def signals(self, script: str) -> Any:
        """What *script* gives, a function of the module and of something that returns after the next update of the page."""
        return self.run_in("signal", f"(all) => ({script})(all, () => new Promise((done) => setTimeout(done, 150)))")

    def effects(self) -> None:
        """An effect runs at once, and once for all changes before an update; not for what stays the same, and not when over."""
        found = self.signals(
            """async ({ signal, computed, effect }, updated) => {
              const [first, second] = [signal(1), signal(1)];
              const isLarge = computed(() => first.value + second.value > 10);
              const seen = [];
              const one = effect(() => seen.push(isLarge.value));
              first.value = 2;
              second.value = 3;
              await updated();
              first.value = 20;
              first.value = 21;
              await updated();
              one.end();
              first.value = 0;
              await updated();
              return seen;
            }"""
        )
        self.assertEqual(found, [False, True])

    def scopes(self) -> None:
        """What was made together ends together; what an effect has made ends before it makes it anew."""
        found = self.signals(
            """async ({ signal, effect, scope, onCleanup }, updated) => {
              const value = signal("a");
              const seen = [];
              const [made, end] = scope(() => {
                effect(() => {
                  const now = value.value;
                  effect(() => onCleanup(() => seen.push(`end ${now}`)));
                  seen.push(now);
                });
                return "made";
              });
              value.value = "b";
              await updated();
              end();
              value.value = "c";
              await updated();
              return [made, ...seen];
            }"""
        )
        self.assertEqual(found, ["made", "a", "end a", "b", "end b"])

    def fault(self) -> None:
        """An effect that throws does not keep others from running."""
        found = self.signals(
            """async ({ signal, effect }, updated) => {
              addEventListener("error", (event) => event.preventDefault());
              const value = signal(0);
              const seen = [];
              effect(() => { if (value.value > 0) throw new Error("broken"); });
              effect(() => seen.push(value.value));
              value.value = 1;
              await updated();
              return seen;
            }"""
        )
        self.assertEqual(found, [0, 1])
        self.complaints.clear()

    def test_tables(self) -> None:
        """A page changes when, and only when, what it shows has changed."""
        self.effects()
        self.scopes()
        self.fault()


class WireRowTests(ModuleTestCase):
    def test_events(self) -> None:
        """A peer that comes or goes keeps its values; its channels are called as in subjects."""
        script = """({ changed, stateOf }, known, data) => {
          const rows = new Map(known);
          changed(rows, { data });
          return [...rows.values()].map((one) => [stateOf(one), one.since, one.reason, Object.keys(one.values)]);
        }"""
        came = {"name": "oven", "address": "h:1", "online": True, "last_seen": 5, "reason": "it took the name", "since": 5}
        self.assertEqual([["connected", 5, "", []]], self.run_in("pages/wire_rows", script, [], came))
        known = [["oven", came | {"messages": 3, "values": {"temp": {}}}]]
        gone = came | {"online": False, "reason": "closed"}
        self.assertEqual([["away", None, "closed", ["temp"]]], self.run_in("pages/wire_rows", script, known, gone))
        value = {"value": 1, "unit": "°C", "label": "", "time": 5, "samples": 1}
        spoken = {"name": "box 1", "online": False, "address": "", "values": {"in side": value}}
        channels = {"in-side": {"label": "in side", "unit": "°C"}}
        session = {"session": "box 1", "title": "box 1", "agent": "box-1", "state": "streaming", "channels": channels}
        self.check("pages/wire_rows", "asSession", ((spoken,), session))
        self.check("pages/wire_rows", "stateOf", ((spoken,), "spoken for"))


class DeviceRowTests(ModuleTestCase):
    """Rows of devices of all nodes, and the messages to and from them."""

    TAKEN = """({ take }, rows, told, key, more) => {
      const all = new Map(rows);
      take(all, told, key, more);
      return [...all];
    }"""

    @staticmethod
    def device(name: str, where: str = "main", generation: int = 1, *, online: bool | None = True) -> dict[str, Any]:
        node = where.partition("@")[2] or "south"
        return {"name": name, "address": "h:1", "where": where, "generation": generation, "online": online, "node": node}

    def events(self) -> None:
        """An event of an older connection changes nothing; a device without a name goes with its connection."""
        known = [["main@b lamp", {"name": "lamp", "generation": 5, "online": None, "as_of": 3}]]
        old = {"device": "lamp", "address": "h:1", "generation": 4, "online": False, "reason": "gone"}
        self.assertEqual(known, self.run_in("pages/device_rows", self.TAKEN, known, old, "main@b lamp", {}))
        new = old | {"generation": 6, "online": True}
        taken = {"name": "lamp", "generation": 6, "online": True, "address": "h:1", "node": "b"}
        self.assertEqual(
            [["main@b lamp", taken]], self.run_in("pages/device_rows", self.TAKEN, known, new, "main@b lamp", {"node": "b"})
        )
        nameless = {"device": "h:1", "address": "h:1", "generation": 7, "online": False, "reason": "gone"}
        self.assertEqual(
            [], self.run_in("pages/device_rows", self.TAKEN, [["main h:1", {"generation": 7}]], nameless, "main h:1")
        )

    def places(self) -> None:
        """A device that has moved is listed where it was last; one that several nodes have at a time, at each."""
        here, there = self.device("lamp", generation=3, online=False), self.device("lamp", "main@b", 4)
        self.check(
            "pages/device_rows",
            "settled",
            (([here, there],), [there]),
            (([here, there | {"online": False}],), [there | {"online": False}]),
            (([here | {"generation": 9}, there],), [there]),
            (([here | {"online": True}, there],), [here | {"online": True}, there]),
            (([here, there | {"where": "lab@b"}],), [here, there | {"where": "lab@b"}]),
            (([here | {"generation": 9}, there | {"online": None}],), [here | {"generation": 9}, there | {"online": None}]),
        )
        self.check(
            "pages/device_rows",
            "whereOf",
            (({"instance": "lab", "node": "b"}, "a"), "lab@b"),
            (({"instance": "lab", "node": "a"}, "a"), "lab"),
        )
        self.check(
            "pages/device_rows", "stateOf", *((({"online": one},), name) for one, name in ((True, "online"), (None, "unknown")))
        )

    def targets(self) -> None:
        """A device is sent to by its name; by its node too where others have the name, or where it has none."""
        targets = """({ targetsOf }, devices) => [...targetsOf(devices).values()]"""
        lamps = [self.device("lamp"), self.device("lamp", "main@b"), self.device("pump", "main@b"), self.device("", "main@b")]
        found = self.run_in("pages/device_rows", targets, lamps)
        self.assertEqual(["lamp@south", "lamp@b", "pump", "h:1@b"], found)

    def lines(self) -> None:
        """Messages stand in the order of their times, those that are told again once."""
        script = """({ entered }, lines) => lines.reduce((all, [line, isNew]) => entered(all, line, isNew, 3), [])
            .map(({ time, said }) => `${time} ${said}`)"""
        line = {"device": "lamp", "where": "main", "direction": "to"}
        told = [(line | {"time": time, "said": said}, new) for time, said, new in (
            (2, "b", True), (1, "a", False), (2, "b", False), (4, "d", True), (3, "c", True), (4, "d", True),
        )]  # fmt: skip
        self.assertEqual(["4 d", "4 d", "3 c"], self.run_in("pages/device_lines", script, told))
        self.assertEqual(["2 b", "1 a"], self.run_in("pages/device_lines", script, told[:3]))

    def absences(self) -> None:
        """A page says why a node cannot be used, and nothing where there is no cluster."""
        script = """(module, states, nodes) => {
          module.nodeStates.value = states.map(([name, state]) => ({ name, state }));
          return nodes.map(module.absence);
        }"""
        states = [("a", "here"), ("b", "gone"), ("c", "unreachable"), ("d", "suspect")]
        told = ["", "", "node b is gone", "node c cannot be reached", "", "there is no node e"]
        self.assertEqual(told, self.run_in("nodes", script, states, ["", "a", "b", "c", "d", "e"]))
        self.assertEqual([""], self.run_in("nodes", script, [], ["b"]))

    def test_tables(self) -> None:
        """The devices of a cluster are told as netd tells them."""
        self.events()
        self.places()
        self.targets()
        self.lines()
        self.absences()
