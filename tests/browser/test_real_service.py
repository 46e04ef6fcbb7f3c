"""The page of a third party's kind of service, which nobody wrote for it: in a real Chromium, with a real distribution."""

from __future__ import annotations

import re
import socketserver
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from netd.operations import Role
from tests.browser.access import obstacles
from tests.browser.chromium import NARROW, SCREENSHOTS, WIDE, BrowserTestCase, by_id
from tests.process import CHECKOUT, LOOPBACK
from tests.test_extending import write_files
from tests.test_real_extending import Oven

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.process import Daemon

SITE = Path(__file__).parent / "site"
"""A distribution with the kind ``pump``."""


class ServiceTests(BrowserTestCase):
    def start_pumps(self) -> Daemon:
        """A netd with two pumps."""
        gateway = f"[gateway]\nlisten = tcp:{self.gateway_port}:interface=127.0.0.1\n"
        ini = self.write_ini(f"{gateway}[pump]\nspeed = 42\n[pump:lab]\nspeed = 7\n")
        daemon = self.start(ini, env={"PYTHONPATH": f"{CHECKOUT}:{SITE}"})
        daemon.port("gateway")
        return daemon

    def see(self, page: Page, label: str) -> None:
        """The page can be read and used by all; its picture is kept."""
        by_id(page, "service-number").nth(2).wait_for()
        by_id(page, "answer-pump.valves", face="live").wait_for()
        width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        self.assertLessEqual(width[0], width[1], f"{label} must be scrolled sideways")
        self.assertEqual(obstacles(page), [], label)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"service-{label}.png", full_page=True)

    def test_seen(self) -> None:
        """The rail leads to a page that shows the service's status, what its operations answer, and what it says."""
        self.start_pumps()
        page = self.look_at("overview", WIDE, "light")
        by_id(page, "service-row").get_by_text("speed 42").wait_for()
        by_id(page, "page-pump").click()
        page.get_by_role("heading", name="Pump", exact=True).wait_for()
        self.assertEqual(page.url.partition("#")[2], "/service?kind=pump")
        by_id(page, "service-status").get_by_text("Refused: dry run").wait_for()
        by_id(page, "answer-pump.speed").get_by_text("42").wait_for()
        health = by_id(page, "answer-pump.health").locator(".fact-list > div").all_inner_texts()
        self.assertIn("Motor: running for 2 h 2 min", [" ".join(fact.split()) for fact in health], "by the unit of the result")
        self.assertIn("Log 33.8 KiB", [" ".join(fact.split()) for fact in health])
        valves = by_id(page, "answer-pump.valves")
        valves.get_by_text("<b>inlet</b>").wait_for()
        self.assertEqual(valves.locator("thead th").all_inner_texts(), ["Valve", "Open for", "Leaks"])
        valves.get_by_text("1.5 s").wait_for()
        names = [one.get_attribute("data-name") for one in by_id(page, "service-number").all()]
        self.assertEqual(sorted(map(str, names)), ["pressure bar", "pressure stroke", "temperature"])
        by_id(page, "service-number", name="pressure stroke").get_by_text("1.43 s").wait_for()
        by_id(page, "service-event").get_by_text(re.compile(r"^bar [0-9.]+, stroke 1\.43 s$")).first.wait_for()
        line = by_id(page, "service-number", name="temperature").locator("path")
        before = line.get_attribute("d")
        self.until(page, lambda: line.get_attribute("d") != before, "the line goes on")
        self.see(page, "light")
        by_id(page, "instance-pump").select_option("lab")
        by_id(page, "answer-pump.speed").get_by_text("7", exact=True).wait_for()
        self.assertEqual(page.url.partition("#")[2], "/service?kind=pump&instance=lab")
        self.see(self.look_at("service?kind=pump", WIDE, "dark"), "dark")
        self.see(self.look_at("service?kind=pump", NARROW, "light"), "narrow")
        self.assertEqual(self.complaints, [])

    def test_rate(self) -> None:
        """However much it says, the page is told no more than four events a second of each subject."""
        self.start_pumps()
        page = self.look_at("overview")
        frames: list[str] = []
        page.on("websocket", lambda opened: opened.on("framereceived", lambda frame: frames.append(str(frame))))
        page.reload()
        by_id(page, "page-pump").click()
        by_id(page, "service-event").first.wait_for()
        frames.clear()
        page.wait_for_timeout(2000)
        told = "".join(frames).replace(" ", "").count('"subject":"pump.main.temperature"')
        self.assertTrue(4 <= told <= 9, str(told))

    def test_acting(self) -> None:
        """An operation that needs arguments is a form; what an admin alone may do is asked before it is done."""
        self.start_pumps()
        page = self.look_at("service?kind=pump")
        run = by_id(page, "panel-pump.run")
        by_id(run, "argument-liquid").fill("water & ice")
        by_id(run, "argument-litres").fill("2.5")
        by_id(run, "argument-mode").select_option("strong")
        command = "netd pump run 'water & ice' 2.5 --mode strong --instance main"
        self.until(page, lambda: by_id(run, "command-line").locator("code").inner_text() == command, "the command is shown")
        by_id(page, "act-pump.run").click()
        by_id(run, "outcome", state="ok").get_by_text("Litres: 2.5").wait_for()
        by_id(page, "service-status").get_by_text("water & ice").wait_for()
        by_id(page, "act-pump.empty").click()
        by_id(page, "act-pump.empty-confirm").click()
        by_id(by_id(page, "panel-pump.empty"), "outcome", state="ok").get_by_text("Done.").wait_for()
        by_id(run, "argument-liquid").fill("")
        by_id(page, "act-pump.run").click()
        self.assertEqual(by_id(run, "outcome").get_attribute("data-state"), "ok", "the browser itself asks for the liquid")
        self.assertEqual(self.complaints, [])

    def test_viewer(self) -> None:
        """A viewer of one pump is led to it, sees it, and is offered nothing that changes it."""
        token = self.make_token("wall", Role.VIEWER, "pump.lab.>")
        self.start_pumps()
        page = self.new_page()
        page.goto(f"http://127.0.0.1:{self.gateway_port}/")
        self.sign_in(page, token)
        confinement = by_id(page, "confinement").get_by_role("link", name="Pump")
        confinement.wait_for()
        for name in ("sessions", "feed", "commands", "rooms", "alerts", "cluster"):
            self.assertEqual(by_id(page, f"page-{name}").filter(visible=True).count(), 0, f"nothing to see of {name}")
        confinement.click()
        by_id(page, "answer-pump.speed").get_by_text("7", exact=True).wait_for()
        by_id(page, "service-event").first.wait_for()
        self.assertEqual(by_id(page, "panel-pump.run").count(), 0)
        self.assertEqual(self.complaints, [])

    def test_absent(self) -> None:
        """An address of a kind that does not run says so; that of a kind with a page of its own leads there."""
        self.start_pumps()
        page = self.look_at("service?kind=kettle")
        by_id(page, "no-service").get_by_text("No [kettle] section").wait_for()
        page.goto(f"http://127.0.0.1:{self.gateway_port}/#/service?kind=relay")
        by_id(page, "page", page="devices").wait_for()
        self.assertEqual(self.complaints, [])


class DocumentedTests(BrowserTestCase):
    """The kinds of ``docs/extending.md``, as they stand there."""

    def test_pages(self) -> None:
        """What listens and what dials are looked at alike: both have their status, operations and events on a page."""
        site = self.folder / "site"
        write_files(site)
        oven = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Oven)
        oven.daemon_threads = True
        threading.Thread(target=oven.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(oven.server_close)
        self.addCleanup(oven.shutdown)
        gateway = f"[gateway]\nlisten = tcp:{self.gateway_port}:interface=127.0.0.1\n"
        remote = f"tcp:127.0.0.1:{oven.server_address[1]}"
        instrument = f"[instrument]\nremote = {remote}\nquery = MEAS:TEMP?\nevery = 100ms\n"
        daemon = self.start(
            self.write_ini(f"{gateway}[echo]\nlisten = {LOOPBACK}\n{instrument}"), env={"PYTHONPATH": f"{CHECKOUT}:{site}"}
        )
        daemon.port("gateway")
        page = self.look_at("overview")
        by_id(page, "service-row").get_by_text(f"dials {remote}").wait_for()
        self.connect(daemon.port("echo"))
        by_id(page, "page-echo").click()
        by_id(page, "answer-echo.count").get_by_text("1", exact=True).wait_for()
        by_id(page, "page-instrument").click()
        by_id(page, "service-status").get_by_text(re.compile("^connected for [0-9]+ s$")).wait_for()
        by_id(page, "service-number", name="reading value").get_by_text("21.5").wait_for()
        by_id(page, "argument-question").fill("*IDN?")
        by_id(page, "act-instrument.ask").click()
        by_id(page, "outcome", state="ok").get_by_text("ACME oven 7").wait_for()
        self.assertEqual(obstacles(page), [])
        self.assertEqual(self.complaints, [])
