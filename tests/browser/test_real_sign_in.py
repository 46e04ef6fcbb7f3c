"""Signing in to the dashboard in a real Chromium, and what thieves and other servers of the host can do with what they get."""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netd.operations import Role
from tests.browser.access import obstacles
from tests.browser.chromium import NARROW, SCREENSHOTS, WIDE, BrowserTestCase, by_id

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    from tests.process import Daemon

STORAGES = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, document.documentElement.outerHTML])"

ATTACK = """
async (gateway) => {
  const tried = {};
  const attempt = async (name, act) => {
    try {
      tried[name] = await act();
    } catch (error) {
      tried[name] = error.name;
    }
  };
  const json = { "Content-Type": "application/json" };
  const send = (path, init) =>
    fetch(gateway + path, { method: "POST", credentials: "include", ...init }).then((one) => one.status);
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "system.stop" });
  await attempt("call", () => send("rpc", { headers: json, body }));
  await attempt("call with a key", () => send("rpc", { headers: { ...json, "X-Netd-Page": "a".repeat(22) }, body }));
  await attempt("sign out", () => send("session", { headers: json, body: "{}" }));
  await attempt("sign out by a form", () => send("session", { mode: "no-cors", body: "{}" }));
  await attempt("read", () => fetch(gateway + "api", { credentials: "include" }).then((one) => one.text()));
  await attempt("socket", () => new Promise((resolve) => {
    const socket = new WebSocket(gateway.replace("http", "ws") + "ws", "netd.v1");
    socket.onopen = () => resolve("open");
    socket.onerror = () => resolve("refused");
  }));
  await attempt("storage", () => Object.keys(localStorage).length);
  await attempt("frame", () => new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.onload = () => resolve(frame.contentDocument === null ? "another page's" : "empty");
    frame.src = gateway;
    document.body.append(frame);
  }));
  return tried;
}
"""
"""What a page of another port of the same host tries."""


class Neighbour(BaseHTTPRequestHandler):
    """Another server on the same host, which keeps the cookies that browsers send it."""

    cookies: list[str] = []  # noqa: RUF012 - each test has a class of its own

    def do_GET(self) -> None:
        """Serve an empty page."""
        self.cookies.append(self.headers.get("Cookie", ""))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>neighbour</title><body>")

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class SignInTests(BrowserTestCase):
    def test_life(self) -> None:
        """A token is given once: reloads, further tabs and restarts need none, until somebody signs out, in all tabs."""
        token = self.make_token("ops", Role.OPERATOR)
        self.make_token("other", Role.VIEWER)
        daemon = self.start_netd()
        page = self.new_page()
        self.arrive(page)
        self.assertEqual(obstacles(page), [])
        self.shoot(page, "sign-in")
        self.warns(page)
        self.arrive(page)
        self.by_keyboard(page, token)
        self.is_kept_nowhere(page.context, page, token)
        page.reload()
        by_id(page, "connection", connection="live").wait_for()
        tab = page.context.new_page()
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.goto(page.url)
        by_id(tab, "connection", connection="live").wait_for()
        self.account(page)
        self.downloads(page)
        self.assertEqual(len(daemon.call("gateway.sessions")), 1)
        daemon.end()
        daemon = self.start_netd()
        for one in (page, tab):
            by_id(one, "connection", connection="live").wait_for()
        by_id(page, "account").click()
        by_id(page, "sign-out").click()
        for one in (page, tab):
            by_id(one, "sign-in").wait_for()
        self.assertEqual(daemon.call("gateway.sessions"), [])
        self.by_keyboard(tab, token)
        by_id(page, "connection", connection="live").wait_for()  # it follows
        self.assertEqual(daemon.call("gateway.sign_out", name="ops"), {"ended": 1})
        by_id(page, "sign-in-outcome").get_by_text("signed out by an administrator").wait_for()
        expected = ("WebSocket connection to", "Cross-Origin-Opener-Policy")  # netd was away; plain http from elsewhere
        self.assertEqual([one for one in self.complaints if not any(some in one for some in expected)], [])

    def test_thieves(self) -> None:
        """Neither half of a session is worth anything to a thief, nor is a page of another port, or one in a frame."""
        token = self.make_token("ops", Role.ADMIN)
        daemon = self.start_netd()
        page = self.new_page()
        self.arrive(page)
        self.sign_in(page, token)
        by_id(page, "connection", connection="live").wait_for()
        neighbour, cookies = self.start_neighbour()
        other = page.context.new_page()
        other.goto(neighbour)
        cookie = cookies[0]  # Chromium sends it to every port of the host
        self.assertIn(f"netd-{self.gateway_port}=", cookie)
        key = page.evaluate("Object.entries(localStorage).find(([name]) => name.startsWith('netd.page'))[1]")
        self.replays(cookie, key)
        tried = other.evaluate(ATTACK, f"http://127.0.0.1:{self.gateway_port}/")
        self.assertEqual(tried.pop("frame"), "another page's")
        self.assertEqual(
            tried,
            {
                "call": "TypeError",
                "call with a key": "TypeError",
                "sign out": "TypeError",
                "sign out by a form": "TypeError",
                "read": "TypeError",
                "socket": "refused",
                "storage": 0,
            },
        )
        self.assertEqual(other.frames[-1].evaluate("document.body.innerText.includes('netd')"), False)
        self.assertEqual(len(daemon.call("gateway.sessions")), 1)
        self.in_an_address(page, daemon, token)
        by_id(page, "connection", connection="live").wait_for()

    def arrive(self, page: Page) -> None:
        """Open the dashboard, which asks who is there."""
        page.goto(f"http://127.0.0.1:{self.gateway_port}/#/sessions")
        by_id(page, "sign-in").wait_for()

    def warns(self, page: Page) -> None:
        """Over plain http from elsewhere, the page warns before it sends a token."""
        self.assertFalse(by_id(page, "unencrypted").is_visible())
        page.goto(f"http://lab.test:{self.gateway_port}/")
        by_id(page, "unencrypted").wait_for()
        self.assertEqual(by_id(page, "sign-in-button").inner_text(), "Sign in unencrypted")
        self.assertEqual(obstacles(page), [])
        self.shoot(page, "sign-in-unencrypted")

    def by_keyboard(self, page: Page, token: str) -> None:
        """Sign in without a mouse: the field for the token has the focus."""
        page.keyboard.type(token)
        page.keyboard.press("Enter")
        by_id(page, "connection", connection="live").wait_for()

    def is_kept_nowhere(self, context: BrowserContext, page: Page, token: str) -> None:
        """The browser has the cookie, which no script reads, and the page key; the token is nowhere."""
        self.assertNotIn(token, page.evaluate(STORAGES) + json.dumps(context.cookies()) + page.url)
        (cookie,) = context.cookies()
        self.assertEqual(
            (cookie["name"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]),
            (f"netd-{self.gateway_port}", True, "Strict", "/"),
        )
        self.assertEqual(page.evaluate("document.cookie"), "")

    def account(self, page: Page) -> None:
        """The strip tells who is signed in, and until when; the keyboard closes what it opened."""
        by_id(page, "account").click()
        by_id(page, "account-unused").wait_for()
        self.assertEqual(by_id(page, "account-role").inner_text(), "look and act (operator)")
        self.assertEqual(obstacles(page), [])
        self.shoot(page, "account")
        page.keyboard.press("Escape")
        by_id(page, "account-panel").wait_for(state="hidden")

    def downloads(self, page: Page) -> None:
        """A download is an address with a ticket, which is good once."""
        address = page.evaluate("import('./static/app/session.js').then(({ withTicket }) => withTicket('api?of=all', null))")
        url = f"http://127.0.0.1:{self.gateway_port}/{address}"
        self.assertEqual([self.status(url), self.status(url)], [200, 401])

    def replays(self, cookie: str, key: str) -> None:
        """What was stolen is shown from elsewhere, with whatever headers a thief likes; only both halves together would do."""
        own = f"http://127.0.0.1:{self.gateway_port}"
        for headers in (
            {"Cookie": cookie},
            {"Cookie": cookie, "Origin": own},
            {"Cookie": cookie, "Origin": own, "X-Netd-Page": "a" * 22},
            {"Cookie": cookie, "Sec-Fetch-Site": "same-origin", "X-Netd-Page": ""},
            {"X-Netd-Page": key},
            {"X-Netd-Page": key, "Origin": own},
        ):
            self.assertEqual(self.status(f"{own}/rpc", b'{"jsonrpc":"2.0","id":1,"method":"system.stop"}', headers), 401, headers)
            self.assertEqual(self.status(f"{own}/api", None, headers), 401, headers)

    def in_an_address(self, page: Page, daemon: Daemon, token: str) -> None:
        """A token in an address is refused, and no line of the log has it."""
        answer = page.context.new_page().goto(f"http://127.0.0.1:{self.gateway_port}/?token={token}")
        assert answer is not None
        self.assertEqual(answer.status, 400)
        daemon.wait_for("token in an address")
        self.assertNotIn(token[:16], daemon.output)

    def start_neighbour(self) -> tuple[str, list[str]]:
        """Another server on the host, its address and the cookies that it has been sent."""
        handler = type("OwnNeighbour", (Neighbour,), {"cookies": []})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/", handler.cookies

    def status(self, url: str, body: bytes | None = None, headers: Any = None) -> int:
        """The status of the answer to a request that no browser has made."""
        request = urllib.request.Request(url, body, {"Content-Type": "application/json", **(headers or {})})
        with contextlib.closing(self._opened(request)) as answer:
            status: int = answer.status
            return status

    def _opened(self, request: urllib.request.Request) -> Any:
        try:
            return urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            return error

    def shoot(self, page: Page, name: str) -> None:
        """Leave pictures for people to look at: light and dark, wide and narrow."""
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        for size in (WIDE, NARROW):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{size[0]}.png")
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        page.emulate_media(color_scheme="light")
