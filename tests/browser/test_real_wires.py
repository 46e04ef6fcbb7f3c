"""The page of wires in a real Chromium: what a home-made program says, what is said to it, and what did not fit."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from netd.operations import Role
from tests.browser.access import obstacles
from tests.browser.chromium import NARROW, SCREENSHOTS, WIDE, BrowserTestCase, by_id, free_ports
from tests.process import LOOPBACK, PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.process import Daemon

INI = """\
[gateway]
listen = tcp:{gateway}:interface=127.0.0.1
[wire:shed]
listen = {listen}
rules =
    name hello {{name}}
    sample T={{temp °C}};H={{hum %}}
    event echo {{what}}
    ignore never {{*}}
[wire:meter]
connect = tcp:127.0.0.1:{meter}
ask = 1s MEAS:VOLT? => sample {{voltage V}}
[wire:gone]
connect = tcp:127.0.0.1:{gone}
rules = sample {{x}}
"""


class WireTests(BrowserTestCase):
    def peer(self, port: int, *said: str) -> socket.socket:
        """A program that has connected and said something."""
        program = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.addCleanup(program.close)
        for one in said:
            program.sendall(one.encode() + b"\n")
        return program

    def see(self, page: Page, label: str) -> None:
        """The page can be read and used by all; its picture is kept."""
        by_id(page, "peer-row").first.wait_for()
        width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        self.assertLessEqual(width[0], width[1], f"{label} must be scrolled sideways")
        self.assertEqual(obstacles(page), [], label)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"wires-{label}.png", full_page=True)

    def signed_in(self, token: str, name: str, size: tuple[int, int] = WIDE) -> Page:
        """The page *name*, as it is for who has *token*."""
        page = self.new_page(size, "dark" if size == NARROW else "light")
        page.goto(f"http://127.0.0.1:{self.gateway_port}/#/{name}")
        self.sign_in(page, token)
        by_id(page, "connection", connection="live").wait_for()
        return page

    def start_wires(self) -> Daemon:
        """A netd with three wires: one that listens, an instrument that has answered once, and one that reaches nobody."""
        (gone,) = free_ports(1)
        meter = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(meter.close)
        daemon = self.start(
            self.write_ini(INI.format(gateway=self.gateway_port, listen=LOOPBACK, meter=meter.getsockname()[1], gone=gone))
        )
        instrument, _ = meter.accept()
        self.addCleanup(instrument.close)
        instrument.recv(100)
        instrument.sendall(b"5.02\n")
        return daemon

    def read(self, page: Page, program: socket.socket) -> None:
        """Look at what *program* and the others have said, from Overview on."""
        by_id(page, "trouble", section="wire:gone").get_by_text("Connection refused").wait_for()
        by_id(page, "thing", kind="wire").get_by_text("3 online").wait_for()
        by_id(page, "service-row").get_by_text("wire:shed", exact=True).click()
        row = by_id(page, "peer-row", peer="greenhouse", presence="connected")
        row.get_by_text("temp 21.5\u00a0°C · hum 40\u00a0%").wait_for()
        by_id(by_id(page, "wire-row", wire="gone"), "wire-trouble").get_by_text("Connection refused").wait_for()
        taken = [one.get_attribute("data-taken") for one in by_id(page, "rule-row").all()]
        self.assertEqual(taken, ["2", "1", "1", "0"])
        by_id(page, "misfit", kind="unmatched").get_by_text("what <b>?").wait_for()
        by_id(page, "said-row").get_by_text("rain").wait_for()
        by_id(row, "choose-peer").click()
        by_id(by_id(page, "peer"), "channel", channel="temp").wait_for()
        program.sendall(b"T=22.5;H=41\n")
        row.get_by_text("temp 22.5\u00a0°C · hum 41\u00a0%").wait_for()
        by_id(page, "peer-search").fill("temp>30")
        row.wait_for(state="detached")
        by_id(page, "peer-search").fill("°c")
        row.wait_for()
        self.see(page, "light")
        page.get_by_role("button", name="Small multiples").click()
        by_id(page, "mini", channel="temp").get_by_text("22.5").wait_for()
        page.get_by_role("button", name="List", exact=True).click()

    def act(self, page: Page, program: socket.socket) -> None:
        """Send to *program*, ask it, tell all, and close its connection."""
        by_id(page, "send-text").fill("fan on")
        by_id(page, "send").click()
        self.assertEqual(program.recv(100), b"fan on\n")
        by_id(by_id(page, "send-panel"), "outcome", state="ok").wait_for()
        by_id(page, "ask").click()
        self.assertEqual(program.recv(100), b"fan on\n")
        program.sendall(b"it is\n")
        page.get_by_text("answered: it is").wait_for()
        by_id(page, "tell").click()
        page.get_by_text("told to 2 peers").wait_for()
        by_id(page, "close-peer").click()
        by_id(page, "close-peer-confirm").click()
        by_id(page, "peer-row", peer="greenhouse", presence="away").wait_for()
        by_id(page, "instance-wire").select_option("meter")
        by_id(page, "question-row", answered="1").get_by_text("MEAS:VOLT?").wait_for()

    def test_wires(self) -> None:
        """Peers, values, rules and misfits are seen as they come; texts and questions reach a peer, and it can be closed.

        A viewer of one peer sees that one alone, and can press nothing that fails.
        """
        everything = self.make_token("ada", Role.OPERATOR)
        confined = self.make_token("plots", Role.VIEWER, "wire.shed.presence.greenhouse", "wire.shed.sample.greenhouse.*")
        port = self.start_wires().port("wire:shed")
        program = self.peer(port, "hello greenhouse", "T=21.5;H=40")
        self.peer(port, "hello cellar", "echo rain", "what <b>?")
        page = self.signed_in(everything, "overview")
        self.read(page, program)
        self.act(page, program)
        narrow = self.signed_in(confined, "wires?instance=shed", NARROW)
        by_id(narrow, "peer-row", peer="greenhouse", presence="away").wait_for()
        self.assertEqual(by_id(narrow, "peer-row").count(), 1)
        self.assertTrue(by_id(narrow, "send").is_disabled())
        self.assertFalse(by_id(narrow, "close-peer").is_visible())
        self.see(narrow, "narrow")
        self.assertEqual(self.complaints, [])
