"""A real Chromium that looks at a real netd, and programs for it to look at.

Each test has a Chromium of its own: while playwright runs, no other event loop can, and other tests of the same process need one.
Whatever a page complains of, on its console or because of its content security policy, fails the test.
"""

from __future__ import annotations

import contextlib
import functools
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from netd.client.session import Agent
from netd.operations import Role
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS
from tests.debian import program
from tests.process import CHECKOUT, LOOPBACK, PATIENCE, Daemon, RealTestCase

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, ViewportSize

__all__ = ["CHANNELS", "PAGES", "SCREENSHOTS", "BrowserTestCase", "by_id", "free_ports"]

SCREENSHOTS = CHECKOUT / "build" / "screenshots"
"""Where tests leave what they saw, for people to look at."""

PAGES = ("overview", "board", "sessions", "history", "devices", "feed", "commands", "rooms", "bus")

CHANNELS = ("x", "y", "z")

WIDE, NARROW = (1440, 900), (360, 740)
"""A desk and a phone: width and height in CSS pixels."""

WATCH = "addEventListener('securitypolicyviolation', (e) => console.error('CSP:', e.violatedDirective, e.blockedURI, e.sample))"
"""Run in each page before its own scripts."""

ARGUMENTS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP lab.test 127.0.0.1",
)
"""The sandbox needs what root in a container lacks; the pages are all ours. ``lab.test`` is this machine by another name, which
Chromium takes for another machine's."""


REFUSED = "the server responded with a status of 401"
"""What Chromium itself notes when somebody has given a wrong token."""

Scheme = Literal["light", "dark"]


class Actor(Protocol):
    """A program for the page to look at: one of :mod:`netd.client`'s."""

    def close(self) -> None:
        """End it, from any thread."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A Chromium, for as long as the context lasts.

    :raises AssertionError: where something is missing, and how to get it.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise AssertionError("the dashboard's tests need playwright: pip install 'netd[test]'") from error
    path = program("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        yield browser
        browser.close()


def by_id(place: Page | Locator, testid: str, **attributes: object) -> Locator:
    """What the dashboard calls *testid*, with ``data-`` *attributes* of these values."""
    wanted = "".join(f'[data-{name}="{value}"]' for name, value in attributes.items())
    return place.locator(f'[data-testid="{testid}"]{wanted}')


def free_ports(count: int) -> list[int]:
    """So many ports of loopback that nobody listens on: for what must know them before, or come back to them."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


class BrowserTestCase(RealTestCase):
    """Tests that look at a netd through Chromium.

    :ivar complaints: what pages said on their consoles, for errors and warnings, and uncaught exceptions.
    """

    def setUp(self) -> None:
        super().setUp()
        self.gateway_port, self.session_port, self.agent_port = free_ports(3)
        self.complaints: list[str] = []

    @functools.cached_property
    def browser(self) -> Browser:
        """A Chromium of this test's own, until it ends.

        :raises AssertionError: where something is missing, and how to get it.
        """
        context = chromium()
        browser = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return browser

    def write_whole_ini(self, *more: str) -> Path:
        """An INI file with every service that the dashboard shows; gateway and sessions keep their ports over a restart.

        :param more: sections of further services.
        """
        gateway, session = (f"listen = tcp:{port}:interface=127.0.0.1" for port in (self.gateway_port, self.session_port))
        others = "".join(f"[{section}]\nlisten = {LOOPBACK}\n" for section in ("relay", "feed", "command", "room", *more))
        return self.write_ini(f"[gateway]\n{gateway}\n[session]\n{session}\nagent_port = {self.agent_port}\n[recorder]\n{others}")

    def start_netd(self, *more: str) -> Daemon:
        """One with every service, and with *more* sections, up. Chromium starts at the same time."""
        daemon = self.start(self.write_whole_ini(*more))
        assert self.browser.is_connected()
        daemon.port("gateway")
        return daemon

    def play(self, actor: Actor, part: Callable[[], Any]) -> None:
        """Let *actor* do its *part* until the test ends."""
        thread = threading.Thread(target=part)
        thread.start()
        self.addCleanup(thread.join, PATIENCE)
        self.addCleanup(actor.close)

    def start_agent(self, rate: float) -> Agent:
        """An agent where netd dials, with *rate* samples a second on its three channels together."""
        every = len(CHANNELS) / rate
        began = time.monotonic()
        sources = {
            name: lambda place=place: (time.monotonic() - began) * (place + 1) % 10.0 for place, name in enumerate(CHANNELS)
        }
        agent = Agent(sources, port=self.agent_port, server_port=self.session_port, every=every)
        agent.listen()
        self.play(agent, agent.run)
        return agent

    def new_page(self, size: tuple[int, int] = WIDE, scheme: Scheme = "light", trusts_all: bool = False) -> Page:
        """An empty page, in a profile of its own. What it complains of is kept.

        :param trusts_all: whether it takes certificates that nobody Chromium knows has signed.
        """
        width, height = size
        viewport: ViewportSize = {"width": width, "height": height}
        context = self.browser.new_context(
            viewport=viewport, color_scheme=scheme, reduced_motion="reduce", ignore_https_errors=trusts_all
        )
        self.addCleanup(context.close)
        context.set_default_timeout(PATIENCE * 1000)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.on("console", self._take_note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _take_note(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"} and REFUSED not in said.text:
            self.complaints.append(said.text)

    def make_token(self, name: str, role: Role, *subjects: str) -> str:
        """A token of the netd that is started afterwards, or that runs."""
        self.state.mkdir(mode=0o700, exist_ok=True)
        return add_token(self.state / TOKENS, name, role, subjects, secrets.token_bytes)

    def sign_in(self, page: Page, token: str) -> None:
        """Give the dialog a token."""
        by_id(page, "token").fill(token)
        by_id(page, "sign-in-button").click()

    def look_at(self, name: str, size: tuple[int, int] = WIDE, scheme: Scheme = "light") -> Page:
        """The dashboard's page *name*, opened by its address, connected."""
        page = self.new_page(size, scheme)
        page.goto(f"http://127.0.0.1:{self.gateway_port}/#/{name}")
        by_id(page, "page", page=re.split("[/?]", name)[0]).wait_for()
        by_id(page, "connection", connection="live").wait_for()
        return page

    def until(self, page: Page, is_so: Callable[[], bool], what: str) -> None:
        """Return as soon as *is_so*; *what* was hoped for."""
        end = time.monotonic() + PATIENCE
        while not is_so():
            self.assertLess(time.monotonic(), end, f"never: {what}")
            page.wait_for_timeout(50)

    def start_session(self, page: Page) -> Locator:
        """Press the button that starts a session with the agent; the session's panel, which streams."""
        by_id(page, "session-host").or_(by_id(page, "open-start")).filter(visible=True).first.wait_for()
        if not by_id(page, "session-host").is_visible():
            by_id(page, "open-start").click()
        by_id(page, "session-host").fill("127.0.0.1")
        by_id(page, "start-session").click()
        session = by_id(page, "session").filter(has=by_id(page, "session-state").get_by_text("streaming", exact=True))
        session.wait_for()
        outcome = by_id(by_id(page, "start-panel"), "outcome", state="ok")  # not an error of the page itself
        outcome.get_by_text("streams").wait_for()
        return session

    def totals(self, session: Locator) -> dict[str, int]:
        """How many samples each plot of a session has taken."""
        return {
            channel.get_attribute("data-channel") or "": int(channel.get_attribute("data-total") or 0)
            for channel in by_id(session, "channel").all()
        }

    def wait_for_samples(self, page: Page, session: Locator, more: int = 10) -> None:
        """Return when each of three plots has taken some *more* samples."""
        before = self.totals(session)

        def have_grown() -> bool:
            now = self.totals(session)
            return tuple(now) == CHANNELS and all(now[name] >= before.get(name, 0) + more for name in now)

        self.until(page, have_grown, f"{more} more samples on each of {', '.join(CHANNELS)}")
