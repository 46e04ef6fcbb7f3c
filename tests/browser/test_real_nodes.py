"""The page of the nodes of a cluster in a real Chromium: a node dies in front of it, and comes back."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from netd.client.relay import Device
from tests.browser.access import obstacles
from tests.browser.chromium import NARROW, SCREENSHOTS, WIDE, BrowserTestCase, by_id
from tests.cluster.nats_server import NatsServer
from tests.process import LOOPBACK, Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Page


class NodesPageTests(BrowserTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.nats = NatsServer(self.folder / "nats")
        self.addCleanup(self.nats.end)

    def node(self, name: str, *sections: str) -> Daemon:
        """A daemon that joins as *name*, started."""
        parts = [f"name = {name}", f"[cluster]\nservers = {self.nats.url}"]
        parts += [f"[{section}]\nlisten = {LOOPBACK}" for section in sections]
        return self.start(self.write_ini("\n".join([*parts, ""]), name))

    def north(self) -> Daemon:
        """The node that dies, with a device."""
        daemon = self.node("north", "relay", "session")
        device = Device("127.0.0.1", daemon.port("relay"), "greenhouse")
        self.play(device, lambda: list(device))
        self.device = device
        return daemon

    def see(self, page: Page, label: str) -> None:
        width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        self.assertLessEqual(width[0], width[1], f"{label} must be scrolled sideways")
        self.assertEqual(obstacles(page), [], label)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"nodes-{label}.png", full_page=True)

    def test_death(self) -> None:
        """The devices of a node that is killed are grey within 2.5 s, its sessions are named; it comes back without a reload."""
        south = self.node("south", "relay", "gateway")
        self.gateway_port = south.port("gateway")
        north = self.north()
        north.call("session.start", host="127.0.0.1", name="oven", wait=False)  # which a restart finds again
        page = self.look_at("nodes", WIDE, "light")
        card = by_id(page, "node", node="north", usable="true")
        device, session = (by_id(card, "node-thing", name=name) for name in ("greenhouse", "oven"))
        device.and_(page.locator('[data-state="ok"]')).wait_for()
        session.wait_for()
        self.assertEqual(by_id(page, "node", node="south").count(), 1)
        self.see(page, "there")
        north.signal(signal.SIGKILL)
        self.device.close()
        gone = by_id(page, "node", node="north", usable="false")
        by_id(gone, "node-thing", name="greenhouse", state="gone").wait_for(timeout=2500)
        by_id(gone, "node-thing", name="oven", state="gone").wait_for()
        by_id(page, "node-row", node="north", state="gone").wait_for()
        self.see(page, "gone")
        self.north()
        device.and_(page.locator('[data-state="ok"]')).wait_for()
        session.wait_for()
        page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        self.see(page, "narrow")
        self.assertEqual(self.complaints, [])
