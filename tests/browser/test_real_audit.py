"""Who did what, and what alerts: the pages Audit and Alerts, in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netd.client.control import ControlError
from tests.browser.access import obstacles
from tests.browser.chromium import NARROW, SCREENSHOTS, WIDE, BrowserTestCase, by_id

if TYPE_CHECKING:
    from playwright.sync_api import Page

ALERTS = """
[alert:hot]
when = custom.temp > 30
then = publish custom.alarm
until = acknowledged
[alert:door]
when = custom.door.* open = yes
"""


class AuditTests(BrowserTestCase):
    def see(self, page: Page, label: str) -> None:
        """The page can be read and used by all; its picture is kept."""
        width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        self.assertLessEqual(width[0], width[1], f"{label} must be scrolled sideways")
        self.assertEqual(obstacles(page), [], label)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{label}.png", full_page=True)

    def test_seen(self) -> None:
        """What was done before the page was opened is there, and what is done then comes on top; alerts are acknowledged."""
        ini = self.write_whole_ini()
        ini.write_text(f"{ini.read_text()}{ALERTS}")
        daemon = self.start(ini)
        daemon.port("gateway")
        with self.assertRaises(ControlError):
            daemon.call("relay.send", target="pump", text="<b>on</b>")
        for value in (20, 31, 35):
            daemon.call("bus.publish", subject="custom.temp", data=value)
        page = self.look_at("audit")
        by_id(page, "deed", state="trouble").first.wait_for()
        self.assertIn("<b>on</b>", by_id(page, "deed", state="trouble").first.inner_text())
        daemon.call("bus.publish", subject="custom.door.north", data={"open": True})
        by_id(page, "deed").filter(has_text="custom.door.north").wait_for()
        self.see(page, "audit-light")
        by_id(page, "audit-filter").fill("pump")
        self.until(page, lambda: by_id(page, "deed").count() == 1, "the message alone is left, and tells what came of the call")
        dark = self.look_at("audit", WIDE, "dark")
        by_id(dark, "deed").first.wait_for()
        self.see(dark, "audit-dark")
        narrow = self.look_at("audit", NARROW)
        by_id(narrow, "deed").first.wait_for()
        self.see(narrow, "audit-narrow")
        self.strip_with_alarm(page)
        by_id(page, "alarms").click()
        hot = by_id(page, "alert-row", subject="custom.temp")
        hot.get_by_text("firing").wait_for()
        self.see(page, "alerts-light")
        daemon.call("bus.publish", subject="custom.temp", data=3)
        hot.get_by_text("unacknowledged").wait_for()
        by_id(hot, "acknowledge").click()
        hot.wait_for(state="detached")
        self.see(self.look_at("alerts", NARROW, "dark"), "alerts-narrow")
        self.assertEqual(self.complaints, [])

    def strip_with_alarm(self, page: Page) -> None:
        """The name of the node stays whole beside an alert, however long its name is."""
        page.set_viewport_size({"width": 1280, "height": 800})
        write = "(word) => (word.textContent = 'greenhouse-temperature-too-hot firing, 2 more')"
        page.eval_on_selector(".alarms .badge > span:last-child", write)
        is_whole = "(name) => name.clientWidth > 0 && name.scrollWidth <= name.clientWidth"
        self.assertTrue(page.eval_on_selector('[data-testid="strip-node"] dd', is_whole))
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
