"""What can be done from the dashboard, in a real Chromium: each operation, by hand, and what becomes of it."""

from __future__ import annotations

import logging
import re
import secrets
import threading
from typing import TYPE_CHECKING, Any

from netd.client.relay import Device
from netd.client.relay_messages import device_hello
from netd.operations import Role
from netd.secrets.passwords import SALT_BYTES, make_entry, write_entry
from tests.browser.access import obstacles
from tests.browser.chromium import CHANNELS, SCREENSHOTS, BrowserTestCase, by_id
from tests.process import LOOPBACK, Daemon, frame

if TYPE_CHECKING:
    from playwright.sync_api import Page


COMMANDS = """\
from netd.command import command


@command("total")
def total(values: list[int]):
    "The sum."
    return sum(values)
"""
"""A function that takes a JSON array."""

SHOW = """
(isSeen) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => !isSeen });
  document.dispatchEvent(new Event("visibilitychange"));
}
"""
"""What a browser does when a tab is seen, or no longer: here without another tab, which a headless one does not hide."""


class Sending(threading.Thread):
    """Sends to a device from elsewhere, and waits for what becomes of it.

    :ivar outcome: that; empty before it is known.
    """

    def __init__(self, daemon: Daemon, target: str, text: str) -> None:
        super().__init__()
        self._daemon, self._arguments = daemon, {"target": target, "text": text, "instance": "lab"}
        self.outcome: dict[str, Any] = {}
        self.start()

    def run(self) -> None:
        """Send it."""
        self.outcome = self._daemon.call("relay.send", **self._arguments)


class DeviceTests(BrowserTestCase):
    """Two relays with a device each of the same name; the page is about the second."""

    def setUp(self) -> None:
        super().setUp()
        self.daemon = self.start_netd("relay:lab")
        quiet = logging.NullHandler()
        logging.getLogger("netd.client").addHandler(quiet)
        self.addCleanup(logging.getLogger("netd.client").removeHandler, quiet)
        there, here = (self.daemon.port(relay) for relay in ("relay:lab", "relay"))
        self.device = Device("127.0.0.1", there, "greenhouse", on_disconnect=lambda *why: self.device.close())
        other = Device("127.0.0.1", here, "greenhouse")
        self.play(self.device, lambda: self.device.run(lambda payload: payload))
        self.play(other, lambda: other.run(lambda payload: payload))

    def focused(self, page: Page) -> object:
        """The name of what the keyboard would press."""
        return page.evaluate("document.activeElement.dataset.testid")

    def online(self, instance: str) -> list[str]:
        """The names of the devices that are connected to one relay."""
        return [device["name"] for device in self.daemon.call("relay.devices", instance=instance)["rows"] if device["online"]]

    def test_disconnect(self) -> None:
        """A device is disconnected by its button, after a question, which Escape takes back; its namesake at another relay stays.

        When it was heard last is kept up to date before.
        """
        page = self.look_at("devices?instance=lab")
        row = by_id(page, "device-row", device="greenhouse")
        seen = by_id(row, "last-seen")
        self.until(page, lambda: "s ago" in seen.inner_text(), "it was heard some seconds ago")
        self.device.say("hello")
        self.until(page, lambda: seen.inner_text() == "just now", "it was heard just now")
        self.assertEqual(by_id(page, "instance-relay").input_value(), "lab")
        by_id(row, "choose-device").click()
        by_id(row, "disconnect").focus()
        for key, next_focused in (("Enter", "disconnect-confirm"), ("Escape", "disconnect"), ("Enter", "disconnect-confirm")):
            page.keyboard.press(key)
            self.until(page, lambda wanted=next_focused: self.focused(page) == wanted, f"{next_focused} has the focus")
        self.assertEqual((self.online("main"), self.online("lab")), (["greenhouse"], ["greenhouse"]))
        page.get_by_text("netd relay disconnect greenhouse --instance lab").wait_for()
        page.keyboard.press("Enter")
        by_id(by_id(page, "devices-list"), "outcome", state="ok").get_by_text("greenhouse").wait_for()
        by_id(row, "presence", state="gone").wait_for()
        self.assertEqual((self.online("main"), self.online("lab")), (["greenhouse"], []))
        page.reload()
        by_id(row, "presence", state="gone").wait_for()
        by_id(page, "instance-relay").select_option("main")
        by_id(row, "presence", state="ok").wait_for()
        self.assertIn("instance=main", page.url)
        self.assertEqual(self.complaints, [])

    def test_be_a_device(self) -> None:
        """Whoever is a device on the page reads what it is sent, and answers by hand, or refuses, or lets it answer by itself.

        A message whose sender has given up says so. The keyboard is led from being it to the first message, and on.
        """
        page = self.look_at("devices?instance=lab")
        by_id(page, "device-row", device="greenhouse").wait_for()
        by_id(page, "being-name").fill("panel")
        by_id(page, "being-name").press("Enter")
        by_id(page, "being-panel").get_by_text("You are panel").wait_for()
        chosen = by_id(page, "being-way").locator('[aria-pressed="true"]').and_(page.locator(":focus"))
        chosen.wait_for()
        self.until(page, lambda: "panel" in self.online("lab"), "it is connected")
        by_keyboard = Sending(self.daemon, "panel", "by keyboard")
        by_id(page, "reply-text").and_(page.locator(":focus")).wait_for()
        page.keyboard.type("typed")
        page.keyboard.press("Enter")
        chosen.wait_for()
        by_keyboard.join()
        self.assertEqual(by_keyboard.outcome["status"], "acknowledged")
        for said, answer, status in (("how warm?", "21 <b>°C", "acknowledged"), ("open", "", "failed")):
            sending = Sending(self.daemon, "panel", said)
            row = by_id(page, "received-row").filter(has_text=said)
            by_id(row, "reply-text").fill(answer)
            by_id(row, "reply" if answer else "refuse").click()
            row.filter(has_text="answered: 21 <b>°C" if answer else "refused").wait_for()
            sending.join()
            self.assertEqual(sending.outcome["status"], status)
        self.daemon.call("relay.send", target="panel", text="too late", instance="lab", deadline=0.5)
        by_id(page, "received-row", state="trouble").filter(has_text="expired").wait_for()
        by_id(page, "being-way").locator('[data-value="itself"]').click()
        by_id(page, "being-answer").fill("done")
        by_id(page, "page-overview").click()
        Sending(self.daemon, "panel", "light on").join()
        by_id(page, "page-devices").click()
        by_id(page, "received-row").filter(has_text="answered: done").wait_for()
        by_id(page, "be-no-device").click()
        self.until(page, lambda: "panel" not in self.online("lab"), "it is gone")
        by_id(page, "being-name").and_(page.locator(":focus")).wait_for()
        by_id(page, "being-name").fill("another")
        by_id(page, "being-name").press("Enter")
        by_id(page, "being-panel").get_by_text("You are another").wait_for()
        self.assertEqual(by_id(page, "received-row").count(), 0)
        self.assertEqual(self.complaints, [])


class AdminTests(BrowserTestCase):
    def test_admin(self) -> None:
        """An admin publishes on the bus, sees who is at the manhole, and stops netd, after a question that "Keep" takes back.

        The keyboard's first two keys lead past the list of pages.
        """
        self.state.mkdir(mode=0o700)
        write_entry(self.state / "manhole.passwd", make_entry("lena", secrets.token_urlsafe(), secrets.token_bytes(SALT_BYTES)))
        daemon = self.start_netd("manhole")
        overview = self.look_at("overview")
        by_id(overview, "manhole").get_by_text("Nobody is logged in. Connect with:").wait_for()
        self.connect(daemon.port("manhole"))
        page = self.look_at("bus")
        page.keyboard.press("Tab")
        page.get_by_role("link", name="Skip to the page").and_(page.locator(":focus")).wait_for()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        by_id(page, "bus-pattern").and_(page.locator(":focus")).wait_for()
        by_id(page, "bus-suggestion").get_by_text("yours").click()
        for text, event in (('{"light": "on"}', {"light": "on"}), ("lights out", "lights out")):
            by_id(page, "publish-subject").fill("lab.note")
            by_id(page, "publish-data").fill(text)
            by_id(page, "publish").click()
            by_id(page, "bus-row", subject="custom.lab.note").filter(has_text=text.replace(": ", ":")).wait_for()
            self.assertEqual([one["data"] for one in daemon.call("bus.last", pattern="custom.>")], [event])
        by_id(page, "publish-panel").get_by_text("netd bus publish custom.lab.note --data 'lights out'").wait_for()
        by_id(page, "page-overview").click()
        by_id(page, "manhole-session").get_by_text("not logged in").wait_for()
        by_id(page, "stop").click()
        by_id(page, "stop-keep").click()
        by_id(page, "stop").click()
        by_id(page, "stop-confirm").click()
        self.assertEqual(daemon.wait(), 0)
        by_id(page, "connection", connection="reconnecting").wait_for()
        self.assertEqual([one for one in self.complaints if "WebSocket connection to" not in one], [])


class ReloadTests(BrowserTestCase):
    def test_reload(self) -> None:
        """The configuration is read again from the page: it says what would change, what is wrong where, and what has changed.

        A section that was added can be used at once.
        """
        gateway = f"[gateway]\nlisten = tcp:{self.gateway_port}:interface=127.0.0.1\n"
        relay = f"[relay]\nlisten = {LOOPBACK}\n"
        ini = self.write_ini(gateway + relay)
        self.start(ini).port("gateway")
        page = self.look_at("overview")
        panel = by_id(page, "daemon")
        by_id(page, "check-reload").click()
        panel.get_by_text("Nothing would change.").wait_for()
        self.write_ini(f"{gateway}{relay}stop_timeout = soon\n")
        by_id(page, "reload").click()
        mistake = by_id(panel, "outcome", state="trouble")
        mistake.get_by_text(f"{ini.name}:").wait_for()
        refused = r"^Nothing has changed\. The reload was refused:\n.*:\d+: \[relay\] stop_timeout: "
        self.assertRegex(mistake.inner_text(), refused)
        self.write_ini(f"{gateway}{relay}max_payload = 2KiB\n[room]\nlisten = {LOOPBACK}\n")
        by_id(page, "check-reload").click()
        panel.get_by_text("[room] would be started").wait_for()
        by_id(page, "page-rooms").wait_for(state="hidden")
        by_id(page, "reload").click()
        panel.get_by_text("[room] is started").wait_for()
        self.assertIn("max_payload", by_id(panel, "outcome", state="ok").inner_text())
        self.assertEqual(panel.get_by_text("would be started").count(), 0, "what has changed replaces what would change")
        by_id(page, "page-rooms").click()
        by_id(page, "join-name").fill("Maria")
        by_id(page, "join-room").click()
        page.get_by_text("You are here as Maria").wait_for()
        self.assertEqual(self.complaints, [])


class DrainTests(BrowserTestCase):
    def test_drain(self) -> None:
        """Drained from the page, netd says on every page who is still connected and for how long; it is taken back from there."""
        daemon = self.start_netd()
        self.connect(daemon.port("relay")).sendall(frame(device_hello("greenhouse", [])))
        page = self.look_at("overview")
        panel = by_id(page, "daemon")
        by_id(page, "resume").wait_for(state="hidden")
        by_id(page, "within").fill("90")
        panel.get_by_text("netd drain --within 90s").wait_for()
        by_id(page, "drain").click()
        by_id(page, "drain-confirm").click()
        by_id(panel, "outcome", state="ok").get_by_text("open connections are closed in 1 min 30 s").wait_for()
        phase = by_id(page, "phase")
        phase.get_by_text(re.compile("^draining: 1 open, closed in 1 min (2|30)")).wait_for()
        page.set_viewport_size({"width": 360, "height": 800})
        width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        self.assertLessEqual(width[0], width[1])
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / "draining-narrow.png", full_page=True)
        self.assertEqual(obstacles(page), [])
        by_id(page, "page-devices").click()
        phase.wait_for()
        page.reload()
        phase.wait_for()
        by_id(page, "page-overview").click()
        by_id(page, "resume").click()
        by_id(panel, "outcome", state="ok").get_by_text("netd accepts connections again").wait_for()
        phase.wait_for(state="hidden")
        daemon.call("system.drain", within=0.1)
        phase.get_by_text("drained: nobody is connected").wait_for()
        self.assertEqual(self.complaints, [])


class CommandTests(BrowserTestCase):
    def test_unfit_argument(self) -> None:
        """An argument that is no JSON, or other JSON than it takes, is not sent: a sentence says what is wrong with it."""
        (self.folder / "commands.py").write_text(COMMANDS, encoding="utf-8")
        self.start_netd()
        page = self.look_at("commands")
        outcome = by_id(by_id(page, "run-panel"), "outcome")
        for text, why in (("[1, 2", r"\[1, 2: .*(Expected|expected)"), ('{"a": 1}', r'\{"a": 1\}$')):
            by_id(page, "argument-values").fill(text)
            by_id(page, "run-command").click()
            outcome.get_by_text(re.compile(f"^values must be a JSON array, not {why}")).wait_for()
        by_id(page, "argument-values").fill("[1, 2]")
        by_id(page, "run-command").click()
        outcome.get_by_text("Success: 3").wait_for()
        self.assertEqual(self.complaints, [])

    def test_first_run(self) -> None:
        """While nothing was run, the page shows a command line that works, whatever functions there are."""
        (self.folder / "commands.py").write_text(COMMANDS, encoding="utf-8")
        daemon = self.start_netd()
        page = self.look_at("commands")
        by_id(page, "all-runs").get_by_text("netd call command.list").wait_for()
        daemon.call("command.run", command_id="command.list")
        by_id(by_id(page, "all-runs"), "run-row").get_by_text("command.list").wait_for()
        self.assertEqual(self.complaints, [])


class HiddenTests(BrowserTestCase):
    def test_hidden(self) -> None:
        """A tab that nobody sees asks netd for nothing; when it is seen again, it asks at once."""
        self.start_netd()
        page = self.new_page()
        asked: list[str | bytes] = []

        def note(said: str | bytes) -> None:
            asked.append(said)

        page.on("websocket", lambda socket: socket.on("framesent", note))
        page.goto(f"http://127.0.0.1:{self.gateway_port}/#/commands")
        by_id(page, "commands-list", face="live").wait_for()
        page.evaluate(SHOW, False)
        asked.clear()
        page.wait_for_timeout(4500)  # it asks every four seconds
        self.assertEqual(asked, [])
        page.evaluate(SHOW, True)
        page.wait_for_timeout(500)
        self.assertIn('"command.list"', " ".join(map(str, asked)))
        self.assertEqual(self.complaints, [])


class HistoryTests(BrowserTestCase):
    def test_reload(self) -> None:
        """A reload shows what was seen before: more than the samples that netd keeps one by one."""
        self.start_netd()
        self.start_agent(rate=750)
        page = self.look_at("sessions")
        session = self.start_session(page)
        first = self.oldest(page)
        self.wait_for_samples(page, session, 450)  # netd keeps 256
        page.reload()
        self.wait_for_samples(page, session, 1)
        self.assertLess(self.oldest(page), first + 0.5)
        self.assertEqual(self.complaints, [])

    def oldest(self, page: Page) -> float:
        """When the first sample of the first plot came, in seconds since the epoch."""
        first = by_id(page, "channel", channel=CHANNELS[0])
        self.until(page, lambda: (first.get_attribute("data-oldest") or "Infinity") != "Infinity", "there are samples")
        return float(first.get_attribute("data-oldest") or 0)


class ConfinedTests(BrowserTestCase):
    def test_subjects(self) -> None:
        """With a token for some subjects, the page shows what is under them, and says calmly of all else that it does not."""
        token = self.make_token("plots", Role.VIEWER, "session.main.127-0-0-1.>")
        daemon = self.start_netd()
        self.start_agent(rate=60)
        daemon.call("session.start", host="127.0.0.1")
        page = self.new_page()
        page.goto(f"http://127.0.0.1:{self.gateway_port}/#/sessions")
        self.sign_in(page, token)
        by_id(page, "connection", connection="live").wait_for()
        self.wait_for_samples(page, by_id(page, "session"))
        by_id(page, "sessions-list", face="refused").wait_for()
        by_id(page, "page-bus").click()
        self.assertEqual(by_id(page, "bus-pattern").input_value(), "session.main.127-0-0-1.>")
        by_id(page, "bus-row").first.wait_for()
        by_id(page, "bus-pattern").fill(">")
        by_id(page, "bus-listen").click()
        by_id(page, "bus-error").get_by_text("does not hear all of >").wait_for()
        for name in ("devices", "feed", "commands", "rooms"):
            self.assertFalse(by_id(page, f"page-{name}").is_visible())
            page.goto(f"http://127.0.0.1:{self.gateway_port}/#/{name}")
            by_id(page, "page", page=name).wait_for()
            by_id(page, "no-service").get_by_text("session.main.127-0-0-1.>").wait_for()
        by_id(page, "page-overview").click()
        by_id(page, "confinement").get_by_role("link", name="Sessions").wait_for()
        by_id(page, "lately", face="refused").wait_for()
        by_id(page, "services", face="refused").wait_for()
        self.assertNotIn("Nothing has connected", by_id(page, "daemon").inner_text())
        self.assertEqual(page.locator('[data-face="failed"]').count(), 0)
        self.assertEqual(self.complaints, [])
