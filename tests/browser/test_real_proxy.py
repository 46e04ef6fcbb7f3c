"""The dashboard through a real nginx, under the path of a site that was there before."""

from __future__ import annotations

from netd.operations import Role
from tests.browser.chromium import BrowserTestCase, by_id
from tests.nginx import recipe, start_nginx
from tests.tls import make_certificate


class ProxyTests(BrowserTestCase):
    def test_under_a_path(self) -> None:
        """At /netd/ of another site, behind TLS, by the recipe that comes with netd, somebody signs in and sees a session stream.

        Though netd itself speaks plain http there, the cookie is one of https.
        """
        token = self.make_token("desk", Role.ADMIN)
        self.start_netd()
        self.start_agent(rate=30)
        pem = self.folder / "pem"
        make_certificate(pem)
        port = start_nginx(self, recipe(self.gateway_port), pem)
        site = f"https://127.0.0.1:{port}"
        page = self.new_page(trusts_all=True)
        sockets: list[str] = []
        page.on("websocket", lambda opened: sockets.append(opened.url))
        page.goto(f"{site}/netd#/sessions")
        self.sign_in(page, token)
        by_id(page, "connection", connection="live").wait_for()
        self.assertEqual((page.url, by_id(page, "open").count()), (f"{site}/netd/#/sessions", 0))
        session = self.start_session(page)
        self.wait_for_samples(page, session)
        self.assertEqual(set(sockets), {f"{site.replace('http', 'ws')}/netd/ws"})
        page.reload()
        by_id(page, "connection", connection="live").wait_for()
        (cookie,) = page.context.cookies()
        self.assertEqual((cookie["name"], cookie["secure"], cookie["httpOnly"]), (f"__Host-netd-{port}", True, True))
        address = page.evaluate("import('./static/app/session.js').then(({ withTicket }) => withTicket('history.csv', null))")
        self.assertIn("time,subject,value,unit", page.evaluate(f"fetch('{address}').then((answer) => answer.text())"))
        self.assertEqual(self.complaints, [])

    def test_open(self) -> None:
        """Without tokens, and without a proxy, the dashboard says that all are administrators."""
        self.start_netd()
        page = self.look_at("overview")
        by_id(page, "open").get_by_text("no tokens: all are admin").wait_for()
        self.assertEqual(self.complaints, [])
