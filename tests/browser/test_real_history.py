"""The page of the history in a real Chromium, of a real netd that records: with pointer, with keys alone, on a phone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from netd.operations import Role
from tests.browser.access import obstacles
from tests.browser.chromium import CHANNELS, NARROW, SCREENSHOTS, WIDE, BrowserTestCase, by_id

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SUBJECT = "session.main.127-0-0-1.{}"

DRAWN = """(drawn) => {
  const canvas = new OffscreenCanvas(drawn.width, drawn.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(drawn, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let inked = 0;
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] > 200 && data[at + 2] > data[at] + 60) inked += 1;
  return inked;
}"""
"""How many pixels of a plot have the colour of its line."""


class HistoryTests(BrowserTestCase):
    def record(self) -> None:
        """Start a netd that records an agent, and stop the session after some samples."""
        self.daemon = self.start_netd()
        self.start_agent(rate=30)
        self.daemon.call("session.start", host="127.0.0.1")
        end = time.monotonic() + 20
        while not any(one["count"] > 60 for one in self.daemon.call("history.subjects", pattern="session.>")):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.2)

    def leaf(self, page: Page, channel: str) -> Locator:
        return by_id(page, "leaf", subject=SUBJECT.format(channel))

    def has_line(self, page: Page, index: int = 0) -> None:
        """Return when a plot has been drawn."""
        canvas = by_id(page, "history-plot").nth(index).locator("canvas")
        canvas.wait_for()
        self.until(page, lambda: canvas.evaluate(DRAWN) > 50, "there is a line")

    def see(self, page: Page, label: str) -> None:
        width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        self.assertLessEqual(width[0], width[1], f"{label} must be scrolled sideways")
        self.assertEqual(obstacles(page), [], label)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"history-{label}.png", full_page=True)

    def test_page(self) -> None:
        """What was recorded is found, drawn, zoomed, selected, noted, shared by its address, and got as a file."""
        self.record()
        page = self.look_at("history", WIDE, "light")
        by_id(page, "recording", state="ok").wait_for()
        self.by_keys(page)
        self.by_pointer(page)
        self.see(page, "plots")
        self.by_address(page)
        self.on_phone()
        self.assertEqual(self.complaints, [])

    def test_confined(self) -> None:
        """A token for one channel finds this one, and its plot; nothing tells of the others."""
        token = self.make_token("guest", Role.VIEWER, SUBJECT.format("x"))
        self.record()
        page = self.new_page()
        page.goto(f"http://127.0.0.1:{self.gateway_port}/#/history")
        self.sign_in(page, token)
        self.leaf(page, "x").click()
        self.has_line(page)
        self.assertEqual(by_id(page, "leaf").count(), 1)
        self.assertTrue(by_id(page, "note").is_hidden())
        self.assertEqual(self.complaints, [])

    def by_keys(self, page: Page) -> None:
        """A plot is chosen, zoomed, put over another and taken back without a pointer; a note is written at a selection."""
        self.leaf(page, "x").focus()
        page.keyboard.press("Enter")
        self.has_line(page)
        self.leaf(page, "y").focus()
        page.keyboard.press("Enter")
        self.has_line(page, 1)
        over = by_id(page, "history-plot").first.locator(".u-over")
        over.focus()
        before = page.url
        page.keyboard.press("+")
        by_id(page, "live").wait_for()
        self.assertNotEqual(page.url, before)
        page.keyboard.press("ArrowLeft")
        moved = page.url
        page.keyboard.press("Backspace")
        self.assertNotEqual(page.url, moved)
        page.keyboard.press("End")
        by_id(page, "live").wait_for(state="detached")
        for _ in range(3):
            page.keyboard.press("Shift+ArrowLeft")
        by_id(page, "selected", subject=SUBJECT.format("x")).wait_for()
        page.keyboard.press("n")
        by_id(page, "note-text").fill("by keys alone")
        page.keyboard.press("Enter")
        by_id(page, "happening", kind="note").get_by_text("by keys alone").wait_for()
        focused = "document.activeElement.matches('.u-over')"
        self.until(page, lambda: bool(page.evaluate(focused)), "the plot has the focus again")
        page.keyboard.press("o")
        self.until(page, lambda: by_id(page, "history-card").count() == 1, "both are in one plot")
        self.until(page, lambda: bool(page.evaluate(focused)), "the joined plot has the focus")
        self.assertEqual(by_id(page, "legend").count(), 2)

    def place(self, page: Page) -> tuple[float, float, float]:
        """The left, a height in the middle, and the right of the first plot, in the window."""
        over = by_id(page, "history-plot").first.locator(".u-over")
        over.scroll_into_view_if_needed()
        box = over.bounding_box()
        assert box is not None
        return box["x"] + 40, box["y"] + box["height"] / 2, box["x"] + box["width"] - 1

    def by_pointer(self, page: Page) -> None:
        """Dragging pans and leaves live; Shift and drag selects; the pointer's values are told; a file can be had."""
        left, top, right = self.place(page)
        entries = page.evaluate("history.length")
        page.mouse.move(left, top)
        page.mouse.down()
        page.mouse.move(left + 30, top, steps=5)
        page.mouse.up()
        by_id(page, "live").wait_for()
        self.assertEqual(page.evaluate("history.length"), entries + 1, "a gesture is one entry")
        shown = "import('/static/app/history/state.js').then(({ view }) => view.read().to - view.read().from)"
        before = page.evaluate(shown)
        page.mouse.wheel(0, -100)
        self.until(page, lambda: abs(page.evaluate(shown) / before - 0.8) < 0.01, "a notch of the wheel leaves four fifths")
        by_id(page, "live").click()
        left, top, right = self.place(page)
        page.keyboard.down("Shift")
        page.mouse.move(right - 60, top)
        page.mouse.down()
        page.mouse.move(right, top, steps=5)
        page.mouse.up()
        page.keyboard.up("Shift")
        count = by_id(by_id(page, "selected", subject=SUBJECT.format("x")), "selected-count")
        self.until(page, lambda: count.inner_text() not in ("", "\u2013", "0"), "the selection has samples")
        page.mouse.move(right - 2, top)
        value = by_id(page, "value", subject=SUBJECT.format("x")).locator("dd")
        self.until(page, lambda: "\u2013" not in value.inner_text(), "the value at the pointer is told")
        with page.expect_download() as got:
            by_id(page, "csv").click()
        rows = got.value.path().read_text(encoding="utf-8").splitlines()
        self.assertIn(SUBJECT.format("x"), rows[1])
        with page.expect_download() as got:
            by_id(page, "png").click()
        self.assertEqual(got.value.path().read_bytes()[:4], b"\x89PNG")

    def by_address(self, page: Page) -> None:
        """The address shows the same to others, a run too; Back shows what was before; times in words are read, or refused."""
        other = self.look_at(page.url.rpartition("#/")[2], WIDE, "dark")
        self.until(other, lambda: by_id(other, "legend").count() == 2, "both are in the plot")
        self.has_line(other)
        by_id(other, "from").fill("soon")
        other.keyboard.press("Enter")
        by_id(other, "range-trouble").get_by_text("This is no time: soon.").wait_for()
        by_id(other, "from").fill("-10min")
        by_id(other, "to").fill("-1s")
        other.keyboard.press("Enter")
        by_id(other, "live").wait_for()
        other.go_back()
        by_id(other, "live").wait_for(state="detached")
        by_id(other, "zone").select_option("UTC")
        self.see(other, "dark")
        run = self.daemon.call("history.begin", name="first")["run"]
        page.evaluate("(run) => (location.hash = `#/history?run=${run}`)", run)
        by_id(page, "live").wait_for()
        self.assertEqual(by_id(page, "run", run=run).get_attribute("aria-pressed"), "true")
        other.close()

    def on_phone(self) -> None:
        """On a phone, the list is a sheet, and plots have the whole width."""
        page = self.look_at("history?s=" + ",".join(SUBJECT.format(name) for name in CHANNELS), NARROW, "light")
        self.has_line(page)
        self.assertFalse(self.leaf(page, "x").is_visible())
        by_id(page, "tree-handle").click()
        self.leaf(page, "z").wait_for()
        by_id(page, "tree-handle").click()
        plot = by_id(page, "history-plot").first.bounding_box()
        assert plot is not None
        self.assertGreater(plot["width"], 280)
        self.see(page, "phone")
        page.close()
