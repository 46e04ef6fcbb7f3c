"""Tests of ``netd.gateway.guard``: tokens, ``Host`` and ``Origin``, as a client meets them."""

from __future__ import annotations

import json
from base64 import b64encode
from secrets import token_bytes
from typing import Any

from netd.operations import Role
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS
from netd.secrets.tries import MOST_WRONG
from tests.gateway.visits import GatewayTestCase, bearer, call, get, handshake, post, replies

FORWARDING = (
    "X-Forwarded-For: 192.0.2.1",
    "X-Forwarded-Host: lab.example",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Port: 443",
    "X-Forwarded-Server: lab",
    "X-Forwarded-Prefix: /netd",
    "X-Forwarded-Scheme: https",
    "X-Forwarded: x",
    "X-Forwarded-Anything-New: x",
    "Forwarded-For: 192.0.2.1",
    "Via: 1.1 lab",
    "X-Real-IP: 192.0.2.1",
    "X-Real-Port: 4242",
    "X-Client-IP: 192.0.2.1",
    "Client-IP: 192.0.2.1",
    "True-Client-IP: 192.0.2.1",
    "X-Cluster-Client-IP: 192.0.2.1",
    "X-ProxyUser-Ip: 192.0.2.1",
    "WL-Proxy-Client-IP: 192.0.2.1",
    "X-Remote-User: somebody",
    "Remote-User: somebody",
    "X-Originating-IP: 192.0.2.1",
    "X-Original-URI: /netd/",
    "X-Original-Host: lab.example",
    "X-Rewrite-URL: /",
    "X-Scheme: https",
    "X-Script-Name: /netd",
    "X-SSL-Client-CN: somebody",
    "X-Auth-Request-User: somebody",
    "Proxy-Connection: keep-alive",
    "CDN-Loop: cdn",
    "CF-Connecting-IP: 192.0.2.1",
    "CF-Ray: 1",
    "CloudFront-Viewer-Address: 192.0.2.1",
    "Fastly-Client-IP: 192.0.2.1",
    "Fly-Client-IP: 192.0.2.1",
    "X-Envoy-External-Address: 192.0.2.1",
    "X-Amzn-Trace-Id: Root=1",
    "X-Azure-ClientIP: 192.0.2.1",
    "X-Appengine-User-IP: 192.0.2.1",
    "Tailscale-User-Login: somebody",
    "Front-End-Https: on",
    "Max-Forwards: 9",
    "X-Forwarder-For: 192.0.2.1",
    "X_Forwarded_For: 192.0.2.1",
    "X-Via: 1.1 lab",
    "X-HTTP-Host-Override: lab.example",
    "X-Nf-Client-Connection-IP: 192.0.2.1",
    "Cdn-Src-IP: 192.0.2.1",
    "X-User-IP: 192.0.2.1",
    "X-HTTPS: on",
    "WL-Proxy-SSL: true",
    "Surrogate-Capability: key=ESI/1.0",
    "X-Proxied: yes",
    "Script-Name: /netd",
    "X-Ingress-Path: /netd",
    "X-Replaced-Path: /netd/api",
    "X-WebAuth-User: somebody",
    "X-Authenticated-User: somebody",
    "X-Authentik-Username: somebody",
    "X-Goog-Authenticated-User-Email: somebody",
    "X-Ms-Client-Principal-Name: somebody",
    "X-Consumer-Username: somebody",
    "Remote-Groups: staff",
    "Client-Cert: x",
    "X-Client-Verify: SUCCESS",
    "X-Request-Start: t=1",
    "Forwarded: for=192.0.2.1",
)
"""What different proxies add."""

FOREIGN = "Origin: https://evil.example"


class OpenTests(GatewayTestCase):
    """No tokens, on loopback."""

    options = {"hosts": ("lab.local",), "origins": ("https://desk.example", "https://*.desk.example")}  # noqa: RUF012 - read only

    def test_own_names(self) -> None:
        """Whoever names this machine, by any of its names, may do everything."""
        for host in (
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "127.0.0.1",
            "[::1]:8080",
            "[::1]",
            "lab.local",
            "lab.local:80",
        ):
            self.assertEqual(self.ask(get("/api", host=host)).status, 200, host)
        self.assertEqual(self.ask(get("/api"), local=None).status, 200)
        self.assertEqual(self.ask(get("/api"), local="::1").status, 200)

    def test_foreign_names(self) -> None:
        """A page whose name was made to lead here, and everybody else who calls this machine otherwise, is turned away."""
        for host in ("evil.example", "localhost.evil.example", "10.0.0.1:8080", "[2001:db8::1]", "127.0.0.1.evil.example", "lab"):
            for asked in (get("/", host=host), get("/api", host=host), handshake(host=host)):
                reply = self.ask(asked)
                self.assertEqual(reply.status, 403, host)
        self.assertEqual(reply.text, "this machine is not known as 'lab'; the option `hosts` of [gateway] gives it further names")
        self.assertEqual(set(self.factory.counters()["refused"]), {"foreign host"})

    def test_no_name(self) -> None:
        """A request says once whom it is for; one of HTTP/1.0 need not, but is not for anybody then."""
        for host in (
            None,
            "",
            "a\r\nHost: b",
            "localhost, localhost",
            "[::1",
            "[::1]x",
            "localhost:http",
            "user@localhost",
            "local host",
        ):
            self.assertEqual(self.ask(get("/api", host=host)).status, 400, host)
        self.assertEqual(self.ask(get("/api", host=None, version="1.0")).status, 403)

    def test_probes(self) -> None:
        """Programs that look whether netd lives need no name for it, or have their own, as HAProxy's checks do; pages may not."""
        for path in ("/healthz", "/readyz"):
            for host in (None, "www.example", "10.0.0.3:8080"):
                self.assertEqual(self.ask(get(path, host=host)).status, 200, path)
                self.assertEqual(self.ask(get(path, "X-Forwarded-For: 192.0.2.1", host=host, version="1.0")).status, 200, path)
                self.assertEqual(self.ask(get(path, FOREIGN, host=host)).status, 400 if host is None else 403, path)
            self.assertEqual(self.ask(get(path, host="a, b")).status, 400, path)

    def test_proxy(self) -> None:
        """What a proxy passes on comes from anywhere: with any header of a proxy it is not served without tokens."""
        for header in FORWARDING:
            reply = self.ask(get("/api", header))
            self.assertEqual(reply.status, 403, header)
            name = header.partition(":")[0].lower()
            self.assertEqual(
                reply.text,
                f"a proxy passed this on ({name}), and there are no tokens: everybody behind it would be administrator. "
                "`netd token add NAME --role admin` makes one",
            )
        for asked in (get("/", header), post(call("test.add", left=1), header), handshake("/ws", header), get("/api", "Via:")):
            self.assertEqual(self.ask(asked).status, 403)
        self.assertEqual(self.ask(get("/api", header, FOREIGN, host="lab.example")).text, reply.text)
        self.assertEqual(set(self.factory.counters()["refused"]), {"proxy without tokens"})
        token = self.token()
        self.assertEqual(self.ask(get("/api", header, bearer(token))).status, 200)

    def test_password(self) -> None:
        """A program whose form has user and password, as Grafana's, gives a token as the password; a wrong one is refused."""
        pair = f"anybody:{self.token()}".encode()
        self.assertEqual(self.ask(get("/api", f"Authorization: Basic {b64encode(pair).decode()}")).status, 200)
        reply = self.ask(get("/api", f"Authorization: Basic {b64encode(pair + b'x').decode()}"))
        self.assertEqual((reply.status, reply.headers["WWW-Authenticate"][:6]), (401, "Bearer"))

    def test_bare_proxy(self) -> None:
        """A proxy that adds no header, as nginx does unless it is told to, speaks HTTP/1.0: nobody behind it is administrator."""
        for asked in (get("/", version="1.0"), get("/api", "Connection: close", version="1.0")):
            reply = self.ask(asked)
            self.assertEqual(reply.status, 403)
            self.assertIn("a proxy passed this on (HTTP/1.0)", reply.text)
        self.assertEqual(self.ask(get("/healthz", version="1.0")).status, 200)
        token = self.token()
        self.assertEqual(self.ask(get("/api", bearer(token), version="1.0")).status, 200)

    def test_headers_of_programs(self) -> None:
        """Headers that browsers and programs send by themselves are no sign of a proxy."""
        own = (
            "User-Agent: x",
            "Referer: http://localhost:8080/",
            "Sec-Fetch-Site: same-origin",
            "Cookie: a=b",
            "X-Requested-With: XMLHttpRequest",
            "X-Request-ID: 7",
            "traceparent: 00-1-2-01",
            "Cache-Control: no-cache",
            "Upgrade-Insecure-Requests: 1",
            "Client-Version: 3",
            "X-Real-Time: yes",
            "From: me",
        )
        self.assertEqual(self.ask(get("/api", *own)).status, 200)

    def test_foreign_pages(self) -> None:
        """A page from elsewhere can neither read nor post nor connect."""
        for asked in (
            get("/", FOREIGN),
            get("/api", FOREIGN),
            post(call("test.add", left=1), FOREIGN),
            handshake("/ws", FOREIGN),
        ):
            reply = self.ask(asked)
            self.assertEqual(reply.status, 403)
        self.assertEqual(
            reply.text,
            "web pages from 'https://evil.example' are not served; the option `origins` of [gateway] names those that are",
        )
        for origin in ("null", "http://localhost:8081", "http://localhost", "http://127.0.0.1:8080", "https://desk.example.org"):
            self.assertEqual(self.ask(get("/", f"Origin: {origin}")).status, 403, origin)

    def test_own_pages(self) -> None:
        """The dashboard's own page may, and those that the options name."""
        for origin in ("http://localhost:8080", "https://desk.example", "https://a.b.desk.example"):
            self.assertEqual(self.ask(post(call("test.add", left=1), f"Origin: {origin}")).status, 200, origin)
            self.open(f"Origin: {origin}")

    def test_no_preflight(self) -> None:
        """No foreign page is ever told that it may post."""
        preflight = get("/rpc", "Origin: https://desk.example", "Access-Control-Request-Method: POST", method="OPTIONS")
        reply = self.ask(preflight)
        self.assertEqual((reply.status, reply.headers["Allow"]), (405, "POST"))
        self.assertFalse([name for name in reply.headers if name.startswith("Access-Control")])

    def test_unknown_token(self) -> None:
        """A token that nobody made is unknown, even where none is needed."""
        self.assertEqual(self.ask(get("/api", bearer("netd_x"))).status, 401)

    def test_from_elsewhere(self) -> None:
        """A listener that others reach is never open, whatever became of the tokens."""
        self.assertEqual(self.ask(get("/api", host="10.0.0.1"), local="10.0.0.1").status, 401)
        self.assertEqual(self.ask(get("/healthz", host="10.0.0.1"), local="10.0.0.1").status, 200)

    def test_long_names_are_cut(self) -> None:
        """An answer does not repeat kilobytes, nor anything that is not printable."""
        reply = self.ask(get("/", "Origin: \x07" + "x" * 9000))
        self.assertLess(len(reply.text), 400)
        self.assertIn("\\x07xxx", reply.text)


class TokenTests(GatewayTestCase):
    def test_needed(self) -> None:
        """Once there is a token, it is needed, and the answer says where it goes."""
        token = self.token()
        for asked in (get("/api"), get("/metrics"), post(call("test.add", left=1))):
            reply = self.ask(asked)
            self.assertEqual((reply.status, reply.headers["WWW-Authenticate"]), (401, 'Bearer realm="netd"'))
        self.assertIn("netd token add NAME --role viewer", reply.text)
        self.assertEqual(self.ask(get("/api", bearer(token))).status, 200)

    def test_unknown(self) -> None:
        """A token that was never made, or belongs to no more, is answered alike, and counted."""
        self.token()
        answers = {self.ask(get("/api", bearer(token))).body for token in ("netd_x", "", "x" * 5000)}
        answers.add(self.ask(get("/api", "Authorization: Basic eDp5")).body)
        twice = get("/api", bearer(self.token("a")), bearer(self.token("b")))
        answers.add(self.ask(twice).body)
        (answer,) = answers
        self.assertIn(b"this token is unknown; `netd token list` on netd's machine shows which there are", answer)
        self.assertEqual(self.factory.counters()["refused"], {"unknown token": 5})

    def test_unknown_is_audited(self) -> None:
        """Whoever tries tokens is seen: one event a second of each address, without the token."""
        told: list[Any] = []
        self.bus.subscribe("audit.>", lambda message: told.append(message.event))
        self.token()
        for token in ("netd_x", "netd_y"):
            self.ask(get("/api", bearer(token)))
        [event] = told
        self.assertEqual((event["operation"], event["outcome"], event["arguments"]), ("system.login", "refused", {}))
        self.assertIn("127.0.0.1", event["from"])

    def test_far_too_many_unknown(self) -> None:
        """After ten unknown tokens of an address within a minute, further ones get no reason; a right one is not delayed."""
        token = self.token()
        for _ in range(MOST_WRONG - 1):
            self.assertEqual(self.ask(get("/api", bearer("netd_x"))).status, 401)
        for _ in range(2):
            reply = self.ask(get("/api", bearer("netd_x")))
            self.assertEqual((reply.status, reply.headers["Retry-After"], reply.headers["Connection"]), (429, "60", "close"))
            self.assertEqual(reply.text, "too many wrong tokens came from your address; try again in 60 s")
        self.assertEqual(self.factory.counters()["refused"], {"unknown token": MOST_WRONG - 1, "too many wrong tokens": 2})
        self.assertEqual(self.ask(get("/api", bearer(token))).status, 200)
        self.reactor.advance(60)
        self.assertEqual(self.ask(get("/api", bearer("netd_x"))).status, 401)

    def test_ended(self) -> None:
        """A token whose end has passed is told so, with the remedy."""
        token = add_token(self.state / TOKENS, "ann", Role.VIEWER, (), token_bytes, until=1.0)
        reply = self.ask(get("/api", bearer(token)))
        self.assertEqual(reply.status, 401)
        self.assertIn("this token has ended on 1970-01-01 00:00:01 UTC; `netd token rotate ann` makes another", reply.text)

    def test_too_many_unknown(self) -> None:
        """After a few unknown tokens within a minute, each further one costs its sender the connection; a right one does not."""
        token = self.token()
        connection = self.visit()
        for closes in (False, False, True):
            self.assertFalse(connection.is_closing)
            (reply,) = replies(connection.say(get("/api", bearer("netd_x"))))
            self.assertEqual((reply.status, reply.headers.get("Connection")), (401, "close" if closes else None))
        self.assertTrue(connection.is_closing)
        connection = self.visit()
        connection.say(get("/api", bearer("netd_x")) + get("/api", bearer("netd_y")))
        self.assertTrue(connection.is_closing)
        self.assertEqual(self.factory.counters()["refused"], {"unknown token": 4})
        self.assertEqual(self.ask(get("/api", bearer(token))).status, 200)
        self.reactor.advance(60)
        connection = self.visit()
        connection.say(get("/api", bearer("netd_x")))
        self.assertFalse(connection.is_closing)

    def test_public(self) -> None:
        """The dashboard's files and the probes need none: there is nothing to be learned from them."""
        self.token()
        for path in ("/", "/netd.js", "/healthz", "/readyz", "/static/api.css"):
            self.assertEqual(self.ask(get(path)).status, 200, path)

    def test_names(self) -> None:
        """With tokens, this machine may be called by any name: a foreign page has no token."""
        token = self.token()
        self.assertEqual(self.ask(get("/api", bearer(token), host="lab.example")).status, 200)
        self.assertEqual(self.ask(get("/api", bearer(token), "Origin: https://lab.example", host="lab.example")).status, 200)
        self.assertEqual(self.ask(get("/api", bearer(token), FOREIGN, host="lab.example")).status, 403)

    def test_roles(self) -> None:
        """A token does what its role may, and no more."""
        viewer = bearer(self.token("viewer", Role.VIEWER))
        self.assertIn("result", json.loads(self.ask(post(call("test.add", left=1), viewer)).body))
        refusal = json.loads(self.ask(post(call("system.stop"), viewer)).body)["error"]
        self.assertEqual(refusal["code"], -32002)
        self.assertEqual(self.stopped, [])
        self.assertIn("result", json.loads(self.ask(post(call("system.stop"), bearer(self.token("boss")))).body))
        self.assertEqual(self.stopped, [True])

    def test_subjects(self) -> None:
        """A token for some subjects sees what those cover, over HTTP as anywhere."""
        narrow = bearer(self.token("narrow", Role.ADMIN, "test.main.>"))
        self.assertIn("result", json.loads(self.ask(post(call("test.add", left=1), narrow)).body))
        self.assertEqual(json.loads(self.ask(post(call("system.drain"), narrow)).body)["error"]["code"], -32002)
        listed = {operation["name"] for operation in json.loads(self.ask(get("/api", narrow)).body)}
        self.assertLess({"test.add", "system.status"}, listed)
        self.assertNotIn("system.stop", listed)
        for subjects, sees in (("test.main.>", False), ("gateway.>", True)):
            reply = self.ask(get("/metrics", bearer(self.token(subjects[:4], Role.VIEWER, subjects))))
            self.assertEqual((reply.status, b'kind="gateway"' in reply.body, b"netd_uptime" in reply.body), (200, sees, True))

    def test_removed_while_running(self) -> None:
        """A token that is taken out of the file is unknown from that moment on."""
        token = self.token()
        self.token("other")
        path = self.state / TOKENS
        self.assertEqual(self.ask(get("/api", bearer(token))).status, 200)
        path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("panel ")))
        self.assertEqual(self.ask(get("/api", bearer(token))).status, 401)

    def test_unusable(self) -> None:
        """A file of tokens that others can read opens nothing to anybody; the process can still be seen to live."""
        token = self.token()
        (self.state / TOKENS).chmod(0o644)
        for asked in (get("/api"), get("/api", bearer(token)), get("/readyz"), handshake()):
            reply = self.ask(asked)
            self.assertEqual((reply.status, reply.text), (503, "the tokens cannot be read; netd's log says why"))
        self.assertEqual(self.ask(get("/healthz")).status, 200)
