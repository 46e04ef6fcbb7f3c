"""The modules of long lists, by tables of cases: searching, an order that stands still, and the points of small curves."""

from __future__ import annotations

from tests.browser.test_real_modules import ModuleTestCase

ROW = """{
  all: "7 rack-12 10.0.0.5 streaming temp hum temperature °c",
  fields: { agent: "rack-12", host: "10.0.0.5", state: "streaming", channel: "temp hum", label: "temperature", unit: "°c" },
  channels: () => [{ name: "temp temperature", value: 31.5, time: 90 }, { name: "hum ", value: null, time: -Infinity }],
}"""


class ListTests(ModuleTestCase):
    def search(self) -> None:
        """Words, words of one kind, values beside a limit, and silence."""
        script = f"({{ matches, parse }}, all) => all.map((written) => matches({ROW}, parse(written), 100))"
        found = {
            **dict.fromkeys(
                ("", "rack", "RACK-12 temp", "state:streaming", "unit:°C", "temp>30", "temp>=31.5", "silent:9s"), True
            ),
            **dict.fromkeys(("temp=31.5", "temperature<32", "silent:0.1min", "host:10.0 temp>-3e1", "label:temp"), True),
            **dict.fromkeys(("rock", "state:resting", "agent:10", "temp>31.5", "hum>0", "silent:11s", "rack temp<5"), False),
        }
        self.assertEqual(self.run_in("lists/search", script, list(found)), list(found.values()))
        self.check("lists/search", "parse", (("a>b",), [{"word": "a>b"}]), (("silent:",), [{"word": "silent:"}]))
        script = "({ byName }, names) => names.sort(byName)"
        self.assertEqual(self.run_in("lists/search", script, ["b", "a10", "A2"]), ["A2", "a10", "b"])

    def steady(self) -> None:
        """While somebody points at a list, its rows stay where they are, and what is new is counted."""
        script = """async ({ steady }) => {
          const { signal } = await import("/static/app/signal.js");
          const list = signal([["b", 1], ["c", 1]]);
          const stamp = signal("");
          const [keyOf, rankOf] = [([key]) => key, ([, rank]) => rank];
          const still = steady({ list: () => list.value, keyOf, rankOf, stamp: () => stamp.value });
          const seen = [];
          const see = () => seen.push([still.items.value.map(([key]) => key).join(""), still.news.value]);
          see();
          still.attributes.onpointerenter({ pointerType: "mouse" });
          list.value = [["c", 0], ["a", 1], ["b", 1]];
          see();
          list.value = [["c", 0], ["a", 1]];
          see();
          still.button.click();
          see();
          list.value = [["a", 1], ["b", 1], ["c", 1]];
          see();
          stamp.value = "other";
          see();
          still.attributes.onpointerleave();
          list.value = [["d", 0], ["a", 1]];
          see();
          return seen;
        }"""
        seen = [["bc", 0], ["bc", 2], ["c", 2], ["ca", 0], ["ca", 1], ["abc", 0], ["da", 0]]
        self.assertEqual(self.run_in("lists/steady", script), seen)

    def points(self) -> None:
        """The newest points are kept, near ones as one with its range; older ones can be put before."""
        script = """({ Points, POINTS }) => {
          const points = new Points();
          for (let time = 0; time < POINTS + 5; time += 1) points.push(time, time, time, time, 1);
          const many = [points.length, [...points.rows()][0][0], points.last, points.lastTime];
          const few = new Points();
          few.push(10, 1, 1, 1, 1);
          few.push(10.2, 5, 0, 9, 1);
          few.push(11, 2, 2, 2, 1);
          few.prepend([[8, 7, 7, 7], [9, 8, 8, 8], [10.5, 0, 0, 0]]);
          return [many, [...few.rows()], new Points().last];
        }"""
        many, rows, none = self.run_in("plots/spark", script)
        self.assertEqual(many, [120, 5, 124, 124])
        self.assertEqual(rows, [[8, 7, 7, 7], [9, 8, 8, 8], [10, 5, 0, 9], [11, 2, 2, 2]])
        self.assertIsNone(none)

    def anew(self) -> None:
        """Another search begins with the rows in view, and forgets how many were asked for; others follow."""
        script = """async ({ longTable }) => {
          const { signal } = await import("/static/app/signal.js");
          const { h } = await import("/static/app/dom.js");
          const stamp = signal("");
          const [all, makeRow] = [Array.from({ length: 200 }, (_, index) => index), (item) => h("tr", {}, String(item.peek()))];
          const list = () => (stamp.value === "" ? all : all.slice(0, 100));
          const parts = longTable({ columns: [], list, keyOf: (one) => one, makeRow, stamp: () => stamp.value });
          const count = () => parts[0].querySelectorAll("tbody tr").length;
          const drawn = (resolve) => requestAnimationFrame(() => setTimeout(resolve));
          const update = (wait) => new Promise((resolve) => setTimeout(drawn, wait, resolve));
          const seen = [count()];
          parts[1].querySelector("button").click();
          await update(60);
          seen.push(count());
          stamp.value = "other";
          await new Promise((resolve) => new MutationObserver(resolve).observe(parts[0], { subtree: true, childList: true }));
          seen.push(count());
          await update(200);
          seen.push(count());
          return seen;
        }"""
        self.assertEqual(self.run_in("table", script), [50, 100, 20, 50])

    def blocks(self) -> None:
        """What a search finds is there at once as far as it is at the head of the list; the rest, and small changes, follow."""
        script = """async ({ blocks }) => {
          const { signal } = await import("/static/app/signal.js");
          const { h } = await import("/static/app/dom.js");
          const from = (first) => Array.from({ length: 100 }, (_, index) => first + index);
          const list = signal(from(0));
          const parts = { list: () => list.value, keyOf: (one) => one, kind: "", size: 60 };
          const place = h("div", {}, blocks({ ...parts, make: (item) => h("i", {}, String(item.peek())) }));
          document.body.replaceChildren(place);
          const counts = () => [...place.children].map((block) => block.querySelectorAll("i").length);
          const until = async (is) => { while (!is(counts())) await new Promise((done) => setTimeout(done, 10)); };
          await until(([one, other]) => one === 60 && other === 40);
          const all = { subtree: true, childList: true };
          const next = () => new Promise((done) => new MutationObserver(() => done(counts())).observe(place, all));
          list.value = from(1000);
          const seen = [await next()];
          await until(([one, other]) => one === 60 && other === 40);
          list.value = [5, ...from(1000)].slice(0, 100);
          seen.push(await next());
          return [seen, [...place.querySelectorAll("i")].slice(0, 2).map((one) => one.textContent)];
        }"""
        self.assertEqual(self.run_in("lists/blocks", script), [[[30, 0], [60, 40]], ["5", "1000"]])

    def curves(self) -> None:
        """A small curve is there with the next frame, also on a canvas that was not yet in the page when it was asked for."""
        script = """async ({ drawSoon, Points }) => {
          const points = new Points();
          for (let time = 0; time < 20; time += 1) points.push(time, time % 3, 0, 3, 1);
          const canvases = [1, 2].map(() => document.createElement("canvas"));
          for (const canvas of canvases) drawSoon(canvas, points, 0, 20);
          canvases[0].style.setProperty("width", "90px");
          document.body.replaceChildren(canvases[0]);
          await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
          const pixels = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          const inked = (canvas) => pixels(canvas).some((one) => one > 0);
          return [canvases[0].width, ...canvases.map(inked)];
        }"""
        self.assertEqual(self.run_in("plots/spark", script), [90, True, False])

    def test_tables(self) -> None:
        """All tables, in one Chromium."""
        self.search()
        self.steady()
        self.points()
        self.anew()
        self.blocks()
        self.curves()
