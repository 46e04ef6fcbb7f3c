"""The dashboard over HTTPS in a real Chromium, which offers HTTP/2 when TLS begins."""

from __future__ import annotations

from tests.browser.chromium import BrowserTestCase, by_id
from tests.process import LOOPBACK, PATIENCE
from tests.tls import make_certificate


class HttpsTests(BrowserTestCase):
    def test_dashboard(self) -> None:
        """The page and its WebSocket come over TLS; the connection is live, and what happens is shown."""
        pem = self.folder / "pem"
        make_certificate(pem)
        gateway = f"[gateway]\nlisten = ssl:{self.gateway_port}:interface=127.0.0.1:privateKey={pem}:certKey={pem}\n"
        daemon = self.start(self.write_ini(f"{gateway}[relay]\nlisten = {LOOPBACK}\n"))
        assert self.browser.is_connected()
        daemon.port("gateway")
        context = self.browser.new_context(ignore_https_errors=True)  # nobody Chromium knows has signed it
        self.addCleanup(context.close)
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        page.on("console", self._take_note)
        page.goto(f"https://localhost:{self.gateway_port}/#/overview")
        by_id(page, "connection", connection="live").wait_for()
        self.assertEqual([], self.complaints)
        self.assertEqual("https:", page.evaluate("location.protocol"))
