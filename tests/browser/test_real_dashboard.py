"""The dashboard in a real Chromium: what a person sees, presses and is told."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

from netd.client.relay import Device
from netd.client.relay_messages import device_hello
from netd.client.room import Bot
from netd.client.room_plan import NETD
from netd.operations import Role
from netd.secrets.token_file import remove_token
from netd.secrets.tokens import TOKENS
from tests.browser.access import obstacles
from tests.browser.chromium import CHANNELS, NARROW, PAGES, SCREENSHOTS, WIDE, BrowserTestCase, by_id
from tests.process import LOOPBACK, PATIENCE, Program, frame

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

    from tests.browser.chromium import Scheme

DEMO = (sys.executable, "-c", "from netd.cli.main import main; main()", "demo", "--state")

LIVELY = {
    "overview": '[data-testid="page"] canvas',
    "board": '[data-testid="new-board"]',
    "sessions": '[data-testid="channel-mean"]:text-matches("[0-9]")',
    "history": '[data-testid="history-range"]',
    "devices": '[data-testid="device-row"]',
    "feed": '[data-testid="feed-type"] li',
    "commands": '[data-testid="page"] form',
    "rooms": '[data-testid="room-message"]',
    "bus": '[data-testid="bus-row"]',
}
"""What must be there before a page is looked at, while the demonstration plays."""

OFFERED = {
    *("make-board", "start-session", "stop-session", "ping-session", "send", "be-device", "run-command", "join-room", "publish"),
    *("drain", "stop", "reload", "check-reload"),
}
"""Buttons that change something, that those who may not press them are shown."""

CHANGING = {*OFFERED, "choose-device", "disconnect", "end-room"}
"""All buttons that change something, or lead to that."""

DRAWINGS = """
async () => {
  const drawn = new Map();
  const { clearRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...area) {
    drawn.set(this.canvas, (drawn.get(this.canvas) ?? 0) + 1);
    clearRect.apply(this, area);
  };
  await new Promise((resolve) => setTimeout(resolve, 1000));
  CanvasRenderingContext2D.prototype.clearRect = clearRect;
  return Math.max(...drawn.values());
}
"""
"""How often the busiest plot is drawn in a second."""

HOSTILE = '<img src=x onerror="document.title=666">'


class PageTests(BrowserTestCase):
    def see(self, page: Page, name: str, label: str) -> None:
        """A page that lives: nothing loading, nothing failed, no wider than the window, and to be read and used by all.

        Its picture is kept.
        """
        page.locator(LIVELY[name]).first.wait_for()
        self.until(page, lambda: page.locator('[data-face="loading"]').count() == 0, f"{name} has loaded")
        self.assertEqual(page.locator('[data-face="failed"]').all_inner_texts(), [], name)
        width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        self.assertLessEqual(width[0], width[1], f"{name}, {label}, must be scrolled sideways")
        self.assertEqual(obstacles(page), [], f"{name}, {label}")
        self.assertEqual(page.evaluate("document.getAnimations().length"), 0, "what moves, for those who want nothing to move")
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}-{label}.png", full_page=True)

    def test_every_page(self) -> None:
        """Each page opens, light, dark and on a phone, by its address and from the rail, lives, and complains of nothing."""
        self.start_netd()
        demo = Program([*DEMO, self.state], self.folder)
        self.addCleanup(demo.end)
        looks: tuple[tuple[tuple[int, int], Scheme, str], ...] = (
            (WIDE, "light", "light"),
            (WIDE, "dark", "dark"),
            (NARROW, "light", "narrow"),
        )
        for size, scheme, label in looks:
            page = self.look_at(PAGES[-1], size, scheme)
            for name in PAGES:
                if label == "light":
                    page.goto(f"http://127.0.0.1:{self.gateway_port}/?{name}#/{name}")
                else:
                    by_id(page, f"page-{name}").click()
                by_id(page, "page", page=name).wait_for()
                self.see(page, name, label)
            page.close()
        self.assertEqual(self.complaints, [])

    def test_strip(self) -> None:
        """The strip shows its facts whole, however wide the window is, beside the warning that there are no tokens.

        It keeps its height while netd drains, and however long netd is up.
        """
        daemon = self.start_netd()
        page = self.look_at("overview", WIDE, "light")
        page.get_by_text("no tokens: all are admin").wait_for()
        self.until(page, lambda: by_id(page, "strip-lag").locator("dd").inner_text() != "\u2013", "the strip has its facts")
        cut = "(facts) => facts.filter((fact) => fact.scrollWidth > fact.clientWidth).map((fact) => fact.textContent)"
        sizes = {}
        for width in (1440, 1280, 1040, 970, 800, 360):
            page.set_viewport_size({"width": width, "height": 800})
            self.assertEqual(page.eval_on_selector_all(".strip-facts dd", cut), [], f"at {width} px")
            sizes[width] = page.eval_on_selector(".strip", "(strip) => strip.offsetHeight")
        self.connect(daemon.port("relay")).sendall(frame(device_hello("greenhouse", [])))
        by_id(page, "service-row").get_by_text("1 device").wait_for()
        daemon.call("system.drain", within=119.0)
        by_id(page, "phase").get_by_text("closed in 1 min").wait_for()
        by_id(page, "service-row").get_by_text("(draining)").first.wait_for()
        write = "(up) => (up.textContent = '59 min 59 s')"
        for width in (1440, 1280, 1040, 970, 800):
            page.set_viewport_size({"width": width, "height": 800})
            page.eval_on_selector('[data-testid="strip-uptime"] dd', write)
            self.assertEqual(page.eval_on_selector(".strip", "(strip) => strip.offsetHeight"), sizes[width], f"at {width} px")
            self.assertEqual(page.eval_on_selector_all(".strip-facts dd", cut), [], f"at {width} px")


class SessionTests(BrowserTestCase):
    def pictures(self, page: Page) -> list[str]:
        """What is drawn on each plot."""
        return [plot.evaluate("(canvas) => canvas.toDataURL()") for plot in by_id(page, "channel").locator("canvas").all()]

    def test_plots(self) -> None:
        """A session that is started from the page draws three moving plots, until it is stopped from the page.

        However many samples come, none is drawn more than 20 times a second.
        """
        daemon = self.start_netd()
        self.start_agent(rate=150)
        page = self.look_at("sessions")
        session = self.start_session(page)
        self.wait_for_samples(page, session)
        before = self.pictures(page)
        self.assertEqual(len(before), len(CHANNELS))
        self.until(page, lambda: not set(before) & set(self.pictures(page)), "all three plots have moved")
        self.assertLessEqual(page.evaluate(DRAWINGS), 21)
        by_id(session, "stop-session").click()
        by_id(page, "session-state").get_by_text("ended").first.wait_for()
        (listed,) = daemon.call("session.list")["rows"]
        self.assertEqual(listed["state"], "ended")
        page.wait_for_timeout(500)
        totals = self.totals(by_id(page, "session"))
        page.wait_for_timeout(500)
        self.assertEqual(self.totals(by_id(page, "session")), totals)
        self.assertEqual(self.complaints, [])

    def test_pause(self) -> None:
        """A view that stands still says since when; it shows a longer and a shorter time when asked to, and nothing newer."""
        self.start_netd()
        self.start_agent(rate=150)
        page = self.look_at("sessions")
        session = self.start_session(page)
        self.wait_for_samples(page, session, 570)  # of eleven seconds: the shortest time is not all that there is
        by_id(page, "pause").click()
        channel = by_id(page, "channel", channel=CHANNELS[0])
        channel.get_by_text(re.compile("^paused at [0-9:]{8}$")).wait_for()
        page.wait_for_timeout(500)
        canvas = channel.locator("canvas")
        seen: dict[str, tuple[str, str]] = {}
        for seconds in ("60", "10", "60", "10"):
            by_id(page, "window").locator(f'[data-value="{seconds}"]').click()
            page.wait_for_timeout(500)
            look = (by_id(channel, "channel-mean").inner_text(), canvas.evaluate("(canvas) => canvas.toDataURL()"))
            self.assertEqual(seen.setdefault(seconds, look), look, "it stands still")
        for long, short in zip(seen["60"], seen["10"], strict=True):
            self.assertNotEqual(long, short)
        self.wait_for_samples(page, session)
        by_id(page, "pause").get_by_text("Resume").wait_for()
        by_id(page, "pause").click()
        channel.get_by_text(re.compile("^at [0-9:]{8}$")).wait_for()
        self.assertEqual(self.complaints, [])

    def test_out_of_sight(self) -> None:
        """While another page is looked at for a minute, a watched session costs nothing; looked at again, it has no hole."""
        self.start_netd()
        self.start_agent(rate=150)
        page = self.look_at("overview")
        page.clock.install()
        frames: list[str] = []
        page.on("websocket", lambda opened: opened.on("framereceived", lambda frame: frames.append(str(frame))))
        page.reload()
        by_id(page, "page-sessions").click()
        session = self.start_session(page)
        self.wait_for_samples(page, session)
        by_id(page, "page-devices").click()
        by_id(page, "page", page="devices").wait_for()  # the minute begins when the other page has gone
        page.clock.fast_forward(61_000)
        page.wait_for_timeout(1500)
        frames.clear()
        page.wait_for_timeout(2000)
        samples = [frame for frame in frames if '"pattern":"session.main.127-0-0-1.*"' in frame.replace(" ", "")]
        self.assertEqual(samples, [], f"{len(samples)} of {len(frames)}")
        by_id(page, "page-sessions").click()
        self.wait_for_samples(page, session)
        whole = """async () => {
          const { watched } = await import("./static/app/pages/session_watch.js");
          const { windowOf } = await import("./static/app/plots/grid.js");
          const [watch] = watched.value.values();
          const channel = watch.channels.value.get("x");
          const now = channel.live.lastTime;
          const { times, values } = windowOf(channel, now - 8, now, 80);
          const isOrdered = times.every((time, index) => index === 0 || time >= times[index - 1]);
          return isOrdered && values.length > 70 && !values.includes(null);
        }"""
        self.until(page, lambda: page.evaluate(whole), "what it missed is asked of the recorder")
        self.assertEqual(self.complaints, [])

    def test_resting(self) -> None:
        """When an agent goes, what was said of it as it was is said no longer, and when it is dialled again is counted down."""
        self.start_netd()
        agent = self.start_agent(rate=30)
        page = self.look_at("sessions")
        session = self.start_session(page)
        by_id(session, "ping-session").click()
        card = by_id(page, "session")
        card.get_by_text("Pinged").wait_for()
        agent.close()
        card.get_by_text(re.compile("it is dialled again (now|in [0-9]+ s)$")).wait_for()
        self.until(page, lambda: card.get_by_text("Pinged").count() == 0, "the ping is forgotten")
        card.get_by_text(re.compile("it is dialled again in [2-9] s$")).wait_for()
        card.get_by_text(re.compile("it is dialled again (now|in 1 s)$")).wait_for()
        self.assertEqual(self.complaints, [])

    def test_restart(self) -> None:
        """While netd is silent, or away, the page says so; when it is back, the page is too, and works, without a reload.

        What is shown of a session is called past meanwhile; the session is dialled again, and its plots go on, with a gap.
        """
        daemon = self.start_netd()
        self.start_agent(rate=150)
        page = self.look_at("sessions")
        self.wait_for_samples(page, self.start_session(page))
        began = time.time()
        page.evaluate("globalThis.isTheSamePage = true")
        daemon.signal(signal.SIGSTOP)
        by_id(page, "strip", state="stale").get_by_text("stale since").wait_for()
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        connection = by_id(page, "connection")
        by_id(page, "connection", connection="reconnecting").wait_for()
        self.until(page, lambda: "reconnecting" in connection.inner_text(), "it says that it is reconnecting")
        by_id(page, "session").first.get_by_text("stale").first.wait_for()
        by_id(page, "session-state", state="gone").get_by_text("was streaming").first.wait_for()
        facts = by_id(page, "session").first.locator("header + .hint")
        before = facts.inner_text()
        page.wait_for_timeout(1500)
        self.assertEqual(facts.inner_text(), before)
        self.start_netd()
        by_id(page, "connection", connection="live").wait_for()
        session = by_id(page, "session").filter(has=by_id(page, "session-state").get_by_text("streaming", exact=True))
        session.wait_for()
        self.wait_for_samples(page, session)
        before = """async (began) => {
          const { watched } = await import("./static/app/pages/session_watch.js");
          const { windowOf } = await import("./static/app/plots/grid.js");
          const [watch] = watched.value.values();
          const { values } = windowOf(watch.channels.value.get("x"), began - 2, began, 50);
          return values.some((value) => value !== null);
        }"""
        self.until(page, lambda: page.evaluate(before, began), "what was before netd's end is there")
        self.assertTrue(page.evaluate("globalThis.isTheSamePage"))
        self.assertEqual([one for one in self.complaints if "WebSocket connection to" not in one], [])


class DeviceTests(BrowserTestCase):
    def test_message(self) -> None:
        """A device that is chosen from the list gets what is written, and its answer and what became of it are shown."""
        daemon = self.start_netd()
        heard: list[bytes] = []
        device = Device("127.0.0.1", daemon.port("relay"), "greenhouse")

        def receive(payload: bytes) -> str:
            heard.append(payload)
            return "21.5 °C & <b>rising</b>"

        self.play(device, lambda: device.run(receive))
        page = self.look_at("devices")
        by_id(by_id(page, "device-row", device="greenhouse"), "choose-device").click()
        by_id(page, "send-text").fill("how warm?")
        by_id(page, "send").click()
        row = by_id(page, "sent-row", state="ok")
        row.get_by_text("acknowledged: 21.5 °C & <b>rising</b>").wait_for()
        self.assertEqual(heard, [b"how warm?"])
        by_id(page, "send-target").fill("nobody")
        by_id(page, "send").click()
        by_id(page, "sent-row", state="trouble").wait_for()
        self.assertEqual(self.complaints, [])

    def test_many(self) -> None:
        """Of many devices, a phone shows some lines and more on request; what is chosen can be sent to without scrolling.

        The sheet for that is read before the list.
        """
        daemon = self.start_netd()
        with contextlib.ExitStack() as stack:
            for number in range(120):
                hello = device_hello(f"greenhouse-{number:03}", [])
                connected = stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port("relay")), PATIENCE))
                connected.sendall(str(len(hello)).encode().ljust(64) + hello)
            page = self.look_at("devices", NARROW)
            rows = by_id(page, "device-row")
            self.until(page, lambda: by_id(page, "more").is_visible(), "there are more")
            self.assertEqual(rows.count(), 50)
            heights = [box["height"] for box in (rows.nth(place).bounding_box() for place in range(3)) if box]
            self.assertTrue(all(height < 48 for height in heights), str(heights))
            self.assertLess(page.evaluate("document.documentElement.scrollHeight"), 3500)
            self.assertFalse(by_id(page, "send-text").is_visible())
            by_id(by_id(page, "device-row", device="greenhouse-040"), "choose-device").click()
            self.assertEqual(page.evaluate("document.activeElement.dataset.testid"), "send-text")
            box = by_id(page, "send").bounding_box()
            assert box
            self.assertLess(box["y"] + box["height"], NARROW[1])
            is_before = "(sheet) => sheet.compareDocumentPosition(document.querySelector('[data-testid=devices-list]'))"
            self.assertEqual(by_id(page, "send-panel").evaluate(is_before), 4, "it is read before the list")
            page.keyboard.press("Escape")
            by_id(page, "send-text").wait_for(state="hidden")
            for shown in (100, 120):
                by_id(page, "more").click()
                self.until(page, lambda wanted=shown: rows.count() == wanted, f"{shown} rows")
            self.assertFalse(by_id(page, "more").is_visible())
            self.assertEqual(obstacles(page), [])
        self.assertEqual(self.complaints, [])


class OverviewTests(BrowserTestCase):
    def test_what_runs(self) -> None:
        """Pages and patterns of services that do not run are not offered; rooms that are over share a line of "Lately"."""
        daemon = self.start(
            self.write_ini(
                f"[gateway]\nlisten = tcp:{self.gateway_port}:interface=127.0.0.1\n[room]\nlisten = {LOOPBACK}\nsize = 2\n"
            )
        )
        daemon.port("gateway")
        page = self.look_at("bus")
        by_id(page, "page-feed").wait_for(state="hidden")
        self.assertTrue(by_id(page, "page-rooms").is_visible())
        offered = by_id(page, "bus-suggestion").all_inner_texts()
        self.assertEqual(offered, ["everything", "rooms", "who did what", "netd itself", "yours"])
        by_id(page, "page-overview").click()
        for name in ("Anna", "Bob", "Cleo", "Dora"):
            bot = Bot("127.0.0.1", daemon.port("room"), name, lambda own, heard: own, dialect=NETD)
            self.play(bot, bot.run)
        row = by_id(page, "lately-row", kind="room")
        row.get_by_text("1 other room before").wait_for()
        self.assertEqual(row.count(), 1)
        self.assertEqual(self.complaints, [])


class HostileTests(BrowserTestCase):
    def test_bot(self) -> None:
        """A bot that is named, and talks, like a piece of a page is shown as the text that it is; none of its script runs.

        The room is over soon: it takes a line then, which says how it ended, and what was said can still be read.
        """
        daemon = self.start_netd()
        page = self.look_at("rooms")
        for name in (HOSTILE, "Bob", "Cleo", "Dora"):
            bot = Bot("127.0.0.1", daemon.port("room"), name, lambda own, heard: f"{own}{HOSTILE}", dialect=NETD)
            self.play(bot, bot.run)
        by_id(page, "rooms-over").get_by_text("1 room is over").click()
        by_id(page, "room", face="over").wait_for()
        by_id(page, "room-transcript").click()
        by_id(page, "room-message").filter(has_text=HOSTILE).first.wait_for()
        self.assertIn(HOSTILE, by_id(page, "room").inner_text())
        self.assertNotEqual(by_id(page, "room-outcome").inner_text(), "")
        self.assertEqual(page.locator("img").count(), 0)
        self.assertNotIn("666", page.title())
        self.assertEqual(self.complaints, [])


class TokenTests(BrowserTestCase):
    def changing(self, page: Page) -> set[str]:
        """The buttons of all pages that change something: none of those that a viewer is shown works, and each says why."""
        shown = set()
        for name in PAGES:
            by_id(page, f"page-{name}").click()
            by_id(page, "page", page=name).wait_for()
            self.until(page, lambda: page.locator('[data-face="loading"]').count() == 0, f"{name} has loaded")
            if name == "sessions":
                by_id(page, "open-start").click()
                by_id(page, "start-session").wait_for()
            for testid in CHANGING:
                for button in by_id(page, testid).locator("visible=true").all():
                    shown.add(testid)
                    self.assertTrue(button.is_disabled(), testid)
                    reason = page.locator(f"#{button.get_attribute('aria-describedby')}")
                    self.assertRegex(reason.inner_text(), "takes the role (operator|admin); you are signed in as viewer", testid)
        return shown

    def test_viewer(self) -> None:
        """Where there are tokens, the page asks for one, says that a wrong one is wrong, and lets a viewer see and not stop.

        No other button that is not for viewers works, either, and each that is shown says why.
        """
        token = self.make_token("wall", Role.VIEWER)
        daemon = self.start_netd()
        self.start_agent(rate=30)
        daemon.call("session.start", host="127.0.0.1")
        device = Device("127.0.0.1", daemon.port("relay"), "greenhouse")
        self.play(device, lambda: device.run(lambda payload: payload))
        page = self.new_page()
        page.goto(f"http://127.0.0.1:{self.gateway_port}/#/sessions")
        by_id(page, "sign-in").wait_for()
        by_id(page, "connection", connection="unauthorised").wait_for()
        self.sign_in(page, f"{token}x")
        self.until(page, lambda: by_id(page, "sign-in-outcome").inner_text() != "", "it says that the token is wrong")
        self.assertTrue(by_id(page, "sign-in").is_visible())
        self.sign_in(page, token)
        by_id(page, "sign-in").wait_for(state="hidden")
        by_id(page, "connection", connection="live").wait_for()
        self.wait_for_samples(page, by_id(page, "session"))
        stop = by_id(page, "stop-session")
        self.assertTrue(stop.is_disabled())
        self.assertIn("operator", stop.get_attribute("title") or "")
        self.assertEqual(daemon.call("session.list")["rows"][0]["state"], "streaming")
        self.assertEqual(self.changing(page), OFFERED)
        self.assertEqual(self.complaints, [])

    def test_refused(self) -> None:
        """The dialog says why a token is refused: also of one that was removed, which ends the session.

        The page does not give it again: not by itself, and not when it is loaded anew.
        """
        token = self.make_token("wall", Role.VIEWER)
        self.make_token("other", Role.VIEWER)
        daemon = self.start_netd()
        page = self.new_page()
        page.goto(f"http://127.0.0.1:{self.gateway_port}/#/sessions")
        self.sign_in(page, token)
        by_id(page, "connection", connection="live").wait_for()
        remove_token(self.state / TOKENS, "wall")
        daemon.signal(signal.SIGHUP)
        outcome = by_id(page, "sign-in-outcome")
        outcome.get_by_text("removed or changed").wait_for()
        by_id(page, "connection", connection="unauthorised").wait_for()
        for wrong in ("one", "two", "three"):
            self.sign_in(page, wrong)
            outcome.get_by_text("unknown").wait_for()
            page.wait_for_timeout(1000)  # it would have tried again by now
            self.assertEqual(by_id(page, "connection").get_attribute("data-connection"), "unauthorised")
        page.reload()
        by_id(page, "sign-in").wait_for()
        (gateway,) = (one for one in daemon.call("system.status")["services"] if one["kind"] == "gateway")
        self.assertEqual(gateway["counters"]["refused"], {"unknown token": 3})
        self.assertEqual(self.complaints, [])


class SlowTests(BrowserTestCase):
    def test_lost_events(self) -> None:
        """A page that could not keep up says how many events it has lost, and is live all along."""
        daemon = self.start_netd()
        page = self.look_at("bus")
        by_id(page, "bus-pattern").fill("custom.>")
        by_id(page, "bus-listen").click()
        daemon.call("bus.publish", subject="custom.flood", data="first")
        by_id(page, "bus-row", subject="custom.flood").first.wait_for()
        questions: list[Dialog] = []

        def keep(question: Dialog) -> None:  # playwright takes no method of a list
            questions.append(question)

        page.on("dialog", keep)
        page.evaluate("() => void setTimeout(alert)")  # which holds the page up for as long as the machine needs for the flood
        self.until(page, lambda: bool(questions), "the page is held up")
        for _ in range(400):
            daemon.call("bus.publish", subject="custom.flood", data="x" * 60_000)
        questions[0].accept()
        by_id(page, "bus-lost").first.wait_for()
        self.assertRegex(by_id(page, "bus-lost").first.inner_text(), r"\d+")
        by_id(page, "connection", connection="live").wait_for()
        self.assertEqual(self.complaints, [])
