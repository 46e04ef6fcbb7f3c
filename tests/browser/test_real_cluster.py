"""The dashboard of a node of a cluster in a real Chromium: devices of all nodes, and a node that dies while it is looked at."""

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


class ClusterPagesTests(BrowserTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.nats = NatsServer(self.folder / "nats")
        self.addCleanup(self.nats.end)

    def node(self, name: str, *sections: str) -> Daemon:
        """A daemon that joins as *name*, started."""
        parts = [f"name = {name}", f"[cluster]\nservers = {self.nats.url}", "[recorder]\n"]
        parts += [f"[{section}]\nlisten = {LOOPBACK}" for section in sections]
        return self.start(self.write_ini("\n".join([*parts, ""]), name))

    def device(self, daemon: Daemon, name: str) -> Device:
        """A device that answers each message."""
        device = Device("127.0.0.1", daemon.port("relay"), name)
        self.play(device, lambda: [message.answer(b"from " + name.encode()) for message in device])
        return device

    def go(self, page: Page, place: str) -> None:
        """Go to another page, without loading the dashboard anew."""
        page.evaluate(f"location.hash = '#/{place}'")
        by_id(page, "page", page=place).wait_for()

    def see(self, page: Page, label: str) -> None:
        for scheme, size in (("light", WIDE), ("dark", WIDE), ("light", NARROW)):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": size[0], "height": size[1]})
            width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            self.assertLessEqual(width[0], width[1], f"{label} must be scrolled sideways")
            self.assertEqual(obstacles(page), [], f"{label} {scheme} {size}")
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SCREENSHOTS / f"cluster-{label}-{scheme}-{size[0]}.png", full_page=True)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})

    def send(self, page: Page, text: str) -> None:
        by_id(page, "send-text").fill(text)
        by_id(page, "send").click()

    def test_a_node_dies(self) -> None:
        """The devices of all nodes are listed and can be sent to; a relay that is chosen stays chosen when its node dies."""
        south = self.node("south", "relay", "session", "gateway")
        self.gateway_port = south.port("gateway")
        self.device(south, "lamp")
        north = self.node("north", "relay", "session")
        far = self.device(north, "greenhouse")
        page = self.look_at("devices", WIDE, "light")
        row = by_id(page, "device-row", device="greenhouse", node="north")
        row.and_(page.locator('[data-presence="online"]')).wait_for()
        by_id(page, "device-row", device="lamp", node="south", presence="online").wait_for()
        by_id(row, "choose-device").click()
        self.send(page, "water")
        outcome = by_id(by_id(page, "send-panel"), "outcome")
        outcome.get_by_text("acknowledged: from greenhouse").wait_for()
        self.see(page, "devices")

        choice = by_id(page, "instance-relay")
        choice.select_option("main@north")
        row.or_(by_id(page, "device-row", device="greenhouse")).wait_for()
        by_id(page, "talk-row").get_by_text("water").wait_for()
        by_id(by_id(page, "being-panel"), "elsewhere").get_by_text("open the dashboard of north").wait_for()
        self.assertEqual(0, by_id(page, "being-form").count())
        north.signal(signal.SIGKILL)
        far.close()
        by_id(page, "instance-away").get_by_text("node north is gone").wait_for(timeout=3000)
        by_id(page, "device-row", device="greenhouse", presence="away").wait_for()
        self.assertEqual("main@north", choice.input_value())
        self.assertEqual(1, by_id(page, "talk-row").get_by_text("water").count())
        self.send(page, "again")

        outcome.get_by_text("node north is not there").wait_for()
        self.see(page, "devices-gone")
        self.go(page, "overview")
        by_id(page, "missing-node", node="north").wait_for()
        by_id(page, "things").get_by_text("1 away").wait_for()
        self.see(page, "overview-gone")
        self.go(page, "devices")
        self.assertEqual("main@north", choice.input_value())

        again = self.node("north", "relay", "session")
        self.device(again, "greenhouse")
        by_id(page, "device-row", device="greenhouse", presence="online").wait_for()
        by_id(page, "instance-away").wait_for(state="detached")
        self.assertEqual("main@north", choice.input_value())
        self.send(page, "welcome")
        outcome.get_by_text("acknowledged: from greenhouse").wait_for()
        self.go(page, "audit")
        for node in ("", "north"):
            by_id(page, "deed", node=node).first.wait_for()
        self.see(page, "audit")
        self.go(page, "overview")
        by_id(page, "things").get_by_text("2 online").wait_for()
        self.assertEqual(by_id(page, "missing-node").count(), 0)
        self.assertEqual(self.complaints, [])
