"""What a browser must load, and do, before it shows the dashboard: measured in Chromium."""

from __future__ import annotations

import re
from typing import Any

from tests.browser.chromium import BrowserTestCase, by_id

MOST_BYTES = 60_000
"""What may be loaded, compressed, before something is shown."""

MOST_WITH_PAGE = 132_000
"""What may be loaded with the first page: what draws its plots is a quarter of it."""

FIRST_PAINT = 1000
"""Milliseconds until then, of a processor four times slower than this one."""

AFTER = re.compile(
    r"/app/(?:pages|board|lists|plots)/|/app/(?:history|live|log|table|channels|recorder|instances|subscriptions|sheet|action)\.js|uPlot\.esm"
)
"""What is loaded with a page, or beside it, when the frame around it is there already."""

ATTEMPTS = 3
"""Others use this machine, too: the quickest counts."""

LOADED = """async () => {
  const paint = () => performance.getEntriesByName("first-contentful-paint")[0];
  while (paint() === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return {
    paint: paint().startTime,
    files: all.map(({ name, encodedBodySize, startTime }) => ({ name, size: encodedBodySize, begin: startTime })),
  };
}"""


class LoadTests(BrowserTestCase):
    def load(self) -> dict[str, Any]:
        """What one cold load of the first page took."""
        page = self.new_page()
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.goto(f"http://127.0.0.1:{self.gateway_port}/")
        by_id(page, "connection", connection="live").wait_for()
        by_id(page, "services", face="live").wait_for()
        found: dict[str, Any] = page.evaluate(LOADED)
        page.context.close()
        return found

    def test_cold(self) -> None:
        """The first page is soon there, and no other is loaded with it: nor is what draws plots waited for."""
        self.start_netd()
        loads = [self.load() for _ in range(ATTEMPTS)]
        self.assertLess(min(load["paint"] for load in loads), FIRST_PAINT)
        names = [file["name"].rpartition("/static/")[2] for file in loads[0]["files"]]
        self.assertIn("app/pages/overview.js", names)
        self.assertEqual(
            [name for name in names if name in ("app/pages/sessions.js", "app/pages/bus.js", "app/pages/devices.js")], []
        )
        core = [file for load in loads for file in load["files"] if not AFTER.search(file["name"])]
        self.assertLess(sum(file["size"] for file in core) / ATTEMPTS, MOST_BYTES)
        self.assertLess(sum(file["size"] for file in loads[0]["files"]), MOST_WITH_PAGE)
        self.assertEqual(self.complaints, [])
