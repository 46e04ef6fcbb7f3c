"""The gateway behind a real nginx: by the recipe that comes with netd, and by a configuration that says as little as can be."""

from __future__ import annotations

import json
import secrets
from contextlib import closing

from netd.client.events import Event
from netd.client.gateway import Gateway
from netd.operations import Role
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS
from tests.gateway.test_real_gateway import RealGatewayTestCase
from tests.gateway.visits import call
from tests.nginx import recipe, start_nginx
from tests.process import LOOPBACK, PATIENCE


class ProxyTests(RealGatewayTestCase):
    def token(self) -> str:
        """A token that is there before netd is."""
        self.state.mkdir(mode=0o700)
        return add_token(self.state / TOKENS, "proxied", Role.ADMIN, (), secrets.token_bytes)

    def look_round(self, url: str, token: str) -> None:
        """Find the page, its parts, calls and events, at *url*."""
        for path in ("", "static/app/main.js", "netd.js", "healthz"):
            self.assertEqual(self.fetch(f"{url}/{path}")[0], 200, path)
        self.assertEqual(self.fetch(f"{url}/api")[0], 401)
        with closing(Gateway(url, token=token)) as gateway:
            self.assertEqual(gateway.call("system.whoami")["name"], "proxied")
            with gateway.subscribe("system.main.vitals") as events:
                event = events.take(PATIENCE)
                assert isinstance(event, Event), event
                self.assertEqual(event.subject, "system.main.vitals")

    def test_recipe(self) -> None:
        """By ``etc/nginx.conf``, with a token, everything is at /netd/, for browsers and for programs."""
        token = self.token()
        port = start_nginx(self, recipe(self.start_gateway().port("gateway")))
        self.look_round(f"http://127.0.0.1:{port}/netd", token)

    def test_path_that_stays(self) -> None:
        """A proxy that leaves the path before what it asks for needs ``base``, and nothing else."""
        token = self.token()
        gateway = self.start_gateway(LOOPBACK, "base = /netd/").port("gateway")
        port = start_nginx(self, recipe(gateway).replace(f"{gateway}/;", f"{gateway};"))
        self.look_round(f"http://127.0.0.1:{port}/netd", token)

    def test_without_tokens(self) -> None:
        """By the recipe, but without tokens, nobody is served, and the answer says what to do."""
        port = start_nginx(self, recipe(self.start_gateway().port("gateway")))
        status, answer = self.fetch(f"http://127.0.0.1:{port}/netd/")
        self.assertEqual((status, b"passed this on (x-forwarded-for)" in answer), (403, True), answer)

    def test_bare(self) -> None:
        """An nginx that was told nothing but where to pass requests adds no header: nobody behind it is administrator."""
        gateway = self.start_gateway().port("gateway")
        port = start_nginx(self, f"location / {{ proxy_pass http://127.0.0.1:{gateway}; }}")
        for path, body in (("", None), ("api", None), ("metrics", None), ("rpc", call("system.whoami"))):
            status, answer = self.fetch(f"http://127.0.0.1:{port}/{path}", body, Content_Type="application/json")
            self.assertEqual((status, b"passed this on (HTTP/1.0)" in answer), (403, True), (path, answer))
        self.assertEqual(self.fetch(f"http://127.0.0.1:{port}/healthz")[0], 200)
        status, answer = self.fetch(f"http://127.0.0.1:{gateway}/rpc", call("system.whoami"), Content_Type="application/json")
        self.assertEqual((status, json.loads(answer)["result"]["role"]), (200, "admin"))
