"""What hours of samples cost a page: its JavaScript heap stays as it is.

The suite looks for half a minute; ``make soak`` for ten. What was seen is left in ``build/heap.csv``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.browser.chromium import BrowserTestCase, by_id
from tests.process import CHECKOUT

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

SECONDS = "SOAK_SECONDS"
"""The environment variable that says for how long, where the suite's half a minute is not meant."""

RATE = 200
"""Samples a second."""

WARM_UP = 20.0
"""Seconds until the plots, of 10 s each, are full, and everything has been compiled and laid out once."""

MOST = 400_000
"""Bytes by which the heap may grow. A page that kept each sample's event would need more within the suite's time."""

PIECE = 30.0
"""Seconds between two looks."""

LOOKS = 8
"""How often the heap is looked at for one figure."""

FIGURES = CHECKOUT / "build" / "heap.csv"


class HeapTests(BrowserTestCase):
    def heap(self, page: Page, inspector: CDPSession) -> int:
        """Bytes in use after what nobody needs has been collected: the least of a few looks, for not all goes at once."""
        looks = []
        for _ in range(LOOKS):
            inspector.send("HeapProfiler.collectGarbage")
            page.wait_for_timeout(300)
            metrics = inspector.send("Performance.getMetrics")["metrics"]
            looks.append(next(int(metric["value"]) for metric in metrics if metric["name"] == "JSHeapUsedSize"))
        return min(looks)

    def test_flat(self) -> None:
        """With 200 samples a second on its plots, a page needs no more memory at the end than at the beginning."""
        daemon = self.start_netd()
        self.start_agent(RATE)
        page = self.look_at("sessions")
        session = self.start_session(page)
        by_id(page, "window").locator('[data-value="10"]').click()
        self.wait_for_samples(page, session)
        inspector = page.context.new_cdp_session(page)
        inspector.send("Performance.enable")
        page.wait_for_timeout(WARM_UP * 1000)
        seconds = float(os.environ.get(SECONDS) or 25)
        before, samples, passed, grown = self.heap(page, inspector), sum(self.totals(session).values()), 0.0, 0
        rows = ["seconds,bytes", f"0,{before}"]
        while passed < seconds:
            piece = min(PIECE, seconds - passed)
            page.wait_for_timeout(piece * 1000)
            passed += piece
            grown = self.heap(page, inspector) - before
            rows.append(f"{passed:.0f},{before + grown}")
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text("\n".join([*rows, ""]), encoding="utf-8")
        taken = sum(self.totals(session).values()) - samples
        self.assertGreater(taken, 0.9 * RATE * seconds, "the agent, or the page, was too slow for this to mean anything")
        self.assertLess(grown, MOST, f"{grown:,} bytes more than the {before:,} before, after {taken:,} samples")
        self.assertEqual(by_id(page, "connection").get_attribute("data-connection"), "live")
        self.assertEqual(daemon.call("session.list")["rows"][0]["bad"], 0)
        self.assertEqual(self.complaints, [])
