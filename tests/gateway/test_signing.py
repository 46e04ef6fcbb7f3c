"""Tests of ``netd.gateway.signing``: browsers sign in, act, download and sign out, and others cannot in their place."""

from __future__ import annotations

import json
from typing import Any

from twisted.logger import formatEvent, globalLogPublisher

from netd.client.websocket import CLOSE, PING, PONG, encode_frame
from netd.gateway.head import Head
from netd.operations import Role
from netd.secrets.token_file import add_token, remove_token
from netd.secrets.tokens import TOKENS
from netd.secrets.tries import MOST_WRONG
from netd.testing import Connection, MemoryState
from tests.feed.bench import MASK
from tests.gateway.visits import GatewayTestCase, Reply, bearer, call, frames, get, handshake, post

ORIGIN = "Origin: http://localhost:8080"
OTHER_PORT = "Origin: http://localhost:9000"
WHOAMI = call("system.whoami")


class BrowserTestCase(GatewayTestCase):
    """A gateway with a token, and a browser that may sign in.

    :ivar cookie: the header with its cookie.
    :ivar page: the page key.
    """

    cookie = "Cookie: a=b"
    page = ""

    def setUp(self) -> None:
        super().setUp()
        self.text = self.token("ann", Role.OPERATOR)

    def ask_session(self, *headers: str, **body: Any) -> Reply:
        """The answer to a POST to ``/session``."""
        return self.ask(post(json.dumps(body).encode(), *headers, path="/session"))

    def sign_in(self, text: str = "") -> Reply:
        """Sign in. The browser keeps what it is given."""
        reply = self.ask_session(ORIGIN, self.cookie, token=text or self.text)
        self.assertEqual(reply.status, 200, reply.body)
        self.cookie = f"Cookie: a=b; {reply.headers['Set-Cookie'].partition(';')[0]}"
        self.page = json.loads(reply.body)["page"]
        return reply

    @property
    def key(self) -> str:
        """The header with the page key."""
        return f"X-Netd-Page: {self.page}"

    def rpc(self, *headers: str) -> Any:
        """Who the sender of a request with these headers is; the status if it is refused."""
        reply = self.ask(post(WHOAMI, *headers))
        return json.loads(reply.body)["result"] if reply.status == 200 else reply.status

    def page_socket(self, *headers: str) -> Connection:
        """The WebSocket of a page with this cookie, before its first message."""
        connection = self.visit()
        self.assertIn(b" 101 ", connection.say(handshake("/ws", *(headers or (ORIGIN, self.cookie)))))
        return connection

    def signed_in_socket(self) -> Connection:
        """The same, after its first message."""
        connection = self.page_socket()
        self.assertEqual(self.call(connection, "system.login", page=self.page)["name"], "ann")
        return connection


class SignInTests(BrowserTestCase):
    def test_in(self) -> None:
        """A right token from the own page begins a session; the cookie cannot be read by scripts nor sent from other sites."""
        reply = self.sign_in()
        self.assertEqual({**json.loads(reply.body), "page": ""}, {"page": "", "name": "ann", "role": "operator"})
        name, _, rest = reply.headers["Set-Cookie"].partition("=")
        self.assertEqual((name, rest[22:]), ("netd-8080", "; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800"))
        self.assertEqual(reply.headers["Cache-Control"], "no-store")
        rights = self.rpc(ORIGIN, self.cookie, self.key)
        self.assertEqual((rights["name"], rights["role"], rights["proof"]), ("ann", "operator", "session"))

    def test_own_page_only(self) -> None:
        """Pages of other origins, of another port of the host too, and programs cannot sign anybody in or out."""
        self.sign_in()
        for headers in ((OTHER_PORT,), ("Origin: null",), ("Origin: http://evil.example",), (), ("Sec-Fetch-Site: same-site",)):
            for body in ({"token": self.text}, {}):
                reply = self.ask_session(*headers, self.cookie, **body)
                self.assertEqual((reply.status, reply.headers.get("Set-Cookie")), (403, None), headers)
        self.assertEqual(self.rpc(ORIGIN, self.cookie, self.key)["name"], "ann")
        self.assertEqual(self.ask_session("Sec-Fetch-Site: same-origin", token=self.text).status, 200)

    def test_no_form(self) -> None:
        """A form of another site, which needs no leave to be sent, has none of the types that are taken."""
        for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
            self.assertEqual(self.ask(post(b"{}", ORIGIN, kind=kind, path="/session")).status, 415)

    def test_wrong(self) -> None:
        """Wrong tokens are refused alike, counted, and cost the connection in the end; no cookie is set."""
        for token in ("netd_x", 7, ["x"], {"a": 1}):
            reply = self.ask_session(ORIGIN, token=token)
            self.assertEqual((reply.status, reply.headers.get("Set-Cookie")), (401, None))
            self.assertIn("token is unknown", json.loads(reply.body)["error"])
        self.assertEqual(reply.headers["Connection"], "close")
        self.assertEqual(self.factory.counters()["refused"], {"unknown token": 4})
        for body in (b"[]", b"{", b"7"):
            self.assertEqual(self.ask(post(body, ORIGIN, path="/session")).status, 400)

    def test_far_too_many_wrong(self) -> None:
        """After ten wrong tokens of an address within a minute, further ones get no reason; a right one signs in all the same."""
        for _ in range(MOST_WRONG - 1):
            self.assertEqual(self.ask_session(ORIGIN, token="netd_x").status, 401)
        reply = self.ask_session(ORIGIN, token="netd_x")
        self.assertEqual((reply.status, reply.headers["Connection"]), (429, "close"))
        self.assertIn("too many wrong tokens came from your address", json.loads(reply.body)["error"])
        self.sign_in()

    def test_unusable_tokens(self) -> None:
        """While the tokens cannot be read, nobody signs in, and the answer says why."""
        (self.state / TOKENS).chmod(0o644)
        self.assertEqual(self.ask_session(ORIGIN, token=self.text).status, 503)

    def test_fixation(self) -> None:
        """A cookie that somebody planted is worth nothing after the sign-in: the id is a new one, and the old session ends."""
        self.sign_in(self.token("mallory", Role.VIEWER))
        planted, key = self.cookie, self.key
        self.page_socket()
        socket = self.page_socket()
        self.call(socket, "system.login", page=self.page)
        self.sign_in()
        self.assertNotEqual(planted, self.cookie)
        self.assertEqual(self.rpc(ORIGIN, planted, key), 401)
        self.assertEqual(self.rpc(ORIGIN, planted, self.key), 401)
        self.assertIn((CLOSE, b"\x03\xf0signed out"), frames(socket.heard()))
        invented = self.ask_session(ORIGIN, f"Cookie: netd-8080={'a' * 22}", token=self.text)
        self.assertNotIn("a" * 22, invented.headers["Set-Cookie"])

    def test_two_cookies(self) -> None:
        """Of two cookies of the name, one is another server's: none counts, and the sign-in says what to do."""
        self.sign_in()
        twice = f"{self.cookie}; netd-8080={'a' * 22}"
        self.assertEqual(self.rpc(ORIGIN, twice, self.key), 401)
        refused = json.loads(self.ask(get("/metrics", ORIGIN, twice, self.key)).body)
        self.assertIn("Remove the cookies of this site", refused["error"])
        reply = self.ask_session(ORIGIN, twice, token=self.text)
        self.assertEqual(reply.status, 403)
        self.assertIn("Remove the cookies of this site", json.loads(reply.body)["error"])
        socket = self.page_socket(ORIGIN, twice)
        self.assertEqual(self.call(socket, "system.login", page=self.page)["code"], -32002)

    def test_audited(self) -> None:
        """Who signs in and out is seen by whoever follows the audit; secrets are not."""
        told: list[Any] = []
        self.bus.subscribe("audit.>", lambda message: told.append(message.event))
        self.sign_in()
        self.ask_session(ORIGIN, self.cookie)
        self.ask_session(ORIGIN, token="netd_wrong")
        self.reactor.advance(1)
        self.call(self.page_socket(), "system.login", page="not-this-page")
        operations = [(event["operation"], event["outcome"]) for event in told]
        expected = [("gateway.signed_in", "done"), ("gateway.signed_out", "done"), ("system.login", "refused")]
        self.assertEqual(operations[:3], expected)
        self.assertEqual(operations[3:], [("system.login", "refused")])
        for secret in (self.text, self.page, "netd_wrong", "not-this-page"):
            self.assertNotIn(secret, repr(told))


class HalfTests(BrowserTestCase):
    """What one half of a session is worth to whoever has stolen it."""

    def setUp(self) -> None:
        super().setUp()
        self.sign_in()

    def test_cookie(self) -> None:
        """A cookie alone is nobody, wherever it is shown from."""
        for headers in ((), (ORIGIN,), (OTHER_PORT,), ("Sec-Fetch-Site: same-origin",)):
            self.assertIn(self.rpc(self.cookie, *headers), (401, 403), headers)
        self.assertEqual(self.ask(get("/metrics", self.cookie)).status, 401)
        socket = self.page_socket()
        self.assertEqual(self.call(socket, "system.operations")["code"], -32002)

    def test_page_key(self) -> None:
        """A page key alone is nobody, and neither is one with the cookie of another session."""
        mine, key = self.cookie, self.key
        for headers in ((key,), (key, ORIGIN), (key, OTHER_PORT), (key, ORIGIN, "Cookie: netd-8080=")):
            self.assertIn(self.rpc(*headers), (401, 403), headers)
        self.cookie = "Cookie: a=b"
        self.sign_in()
        self.assertEqual(self.rpc(ORIGIN, self.cookie, key), 401)
        self.assertEqual(self.rpc(ORIGIN, mine, self.key), 401)
        self.assertEqual(self.rpc(ORIGIN, mine, key)["name"], "ann")
        socket = self.page_socket(ORIGIN)
        self.assertEqual(self.call(socket, "system.login", page=self.page)["code"], -32002)

    def test_both(self) -> None:
        """Even both halves are refused from a page of another port, and without any sign that the own page asks."""
        for headers in ((OTHER_PORT,), (), ("Origin: null",), ("Sec-Fetch-Site: cross-site",)):
            self.assertIn(self.rpc(self.cookie, self.key, *headers), (401, 403), headers)
        self.start(origins=("http://localhost:9000",))  # which may connect, but not as this browser
        self.sign_in()
        self.assertEqual(self.rpc(OTHER_PORT, self.cookie, self.key), 401)
        socket = self.page_socket(OTHER_PORT, self.cookie)
        self.assertEqual(self.call(socket, "system.login", page=self.page)["code"], -32002)

    def test_no_leave_for_others(self) -> None:
        """A page of another origin has to ask before it may send the header, and is never permitted to."""
        asks = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-netd-page,content-type")
        reply = self.ask(get("/rpc", OTHER_PORT, *asks, method="OPTIONS"))
        self.assertEqual((reply.status, [name for name in reply.headers if name.startswith("Access-")]), (403, []))

    def test_token_wins(self) -> None:
        """A token that a request shows counts, and not the cookie beside it."""
        other = self.token("bob", Role.VIEWER)
        self.assertEqual(self.rpc(ORIGIN, self.cookie, self.key, bearer(other))["name"], "bob")
        self.assertEqual(self.rpc(ORIGIN, self.cookie, self.key, bearer("netd_x")), 401)

    def test_refusals_are_counted(self) -> None:
        """What is shown in vain is counted, and its log lines hold neither half."""
        events: list[str] = []
        observe = lambda event: events.append(formatEvent(event))  # noqa: E731
        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.rpc(ORIGIN, self.key)
        self.rpc(OTHER_PORT, self.key)
        self.assertEqual(self.factory.counters()["refused"], {"unknown session": 1, "foreign origin": 1})
        self.assertNotIn(self.page, "".join(events))


class EndTests(BrowserTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.sign_in()

    def test_out(self) -> None:
        """Signing out takes the cookie away, ends the session, and closes its WebSockets alone."""
        socket, before = self.signed_in_socket(), self.cookie
        other = self.open(bearer(self.text))
        reply = self.ask_session(ORIGIN, self.cookie)
        self.assertEqual((reply.status, reply.headers["Set-Cookie"].partition(";")[0]), (204, "netd-8080="))
        self.assertIn("Max-Age=0", reply.headers["Set-Cookie"])
        self.assertEqual(frames(socket.heard()), [(CLOSE, b"\x03\xf0signed out")])
        self.assertEqual(self.rpc(ORIGIN, before, self.key), 401)
        self.assertFalse(other.is_closing)
        self.assertEqual(self.ask_session(ORIGIN, before).status, 204)

    def test_token_removed(self) -> None:
        """When the token goes, so do its sessions and their WebSockets, within a second."""
        socket = self.signed_in_socket()
        remove_token(self.state / TOKENS, "ann")
        self.token("other")
        self.reactor.advance(1)
        [(opcode, text)] = frames(socket.heard())
        self.assertEqual(
            (opcode, text[:2], text[2:]), (CLOSE, b"\x03\xf0", b"its token was removed or changed, or its end has come")
        )
        self.assertEqual(self.rpc(ORIGIN, self.cookie, self.key), 401)

    def test_unused(self) -> None:
        """A page that is open and that nobody uses is signed out in the end; pings and what the page does itself do not count."""
        self.start(session_idle=60.0)
        self.sign_in()
        socket = self.signed_in_socket()
        for _ in range(5):
            self.keep_alive(socket, 10)
            self.call(socket, "system.status")
            self.assertLessEqual(self.call(socket, "system.session")["idle_left"], 50)
        left = self.call(socket, "system.session", used=True)
        self.assertEqual((left["idle_left"], left["left"]), (60.0, 604800.0 - 50))
        for _ in range(5):
            self.keep_alive(socket, 10)
        self.assertFalse(socket.is_closing)
        self.reactor.advance(10)
        self.assertIn((CLOSE, b"\x03\xf0this session has ended: nobody used it for 1 min"), frames(socket.heard()))

    def keep_alive(self, socket: Connection, seconds: float) -> None:
        """So much later; pings are answered."""
        self.reactor.advance(seconds)
        for opcode, payload in frames(socket.heard()):
            if opcode == PING:
                socket.say(encode_frame(PONG, payload, MASK))

    def test_restart(self) -> None:
        """A restart signs nobody out."""
        state = MemoryState(self.reactor, self.bus.wall)
        self.service.use_state(state.part("gateway.main"))
        self.cookie = "Cookie: a=b"
        self.sign_in()
        self.reactor.advance(60)
        self.start()
        self.assertEqual(self.rpc(ORIGIN, self.cookie, self.key), 401)
        self.service.use_state(MemoryState(self.reactor, self.bus.wall, state.disk).part("gateway.main"))
        self.assertEqual(self.rpc(ORIGIN, self.cookie, self.key)["name"], "ann")

    def test_operations(self) -> None:
        """An administrator sees who is signed in, and signs a name out."""
        self.signed_in_socket()
        self.reactor.advance(30)
        admin = self.open(bearer(self.token("root", Role.ADMIN)))
        self.service._gateway.dispatcher._table.add(self.service.operations())
        (listed,) = self.call(admin, "gateway.sessions")
        self.assertEqual((listed["name"], listed["host"], listed["websockets"]), ("ann", "127.0.0.1", 1))
        self.assertEqual((listed["used"] - listed["began"], listed["left"]), (0.0, 8 * 3600.0 - 30))
        self.assertEqual(self.call(admin, "gateway.sign_out", name="ann"), {"ended": 1})
        self.assertEqual(self.call(admin, "gateway.sessions"), [])
        self.assertEqual(self.rpc(ORIGIN, self.cookie, self.key), 401)

    def test_no_session(self) -> None:
        """A connection without a session has none to tell of."""
        admin = self.open(bearer(self.text))
        self.assertIn("not opened by a browser", self.call(admin, "system.session")["message"])
        self.assertIn("not opened by a browser", self.call(self.socket_with_token(), "system.session")["message"])
        for given in ({}, {"token": "a", "page": "b"}):
            self.assertEqual(self.call(self.open(), "system.login", **given)["code"], -32602)
        self.assertIn("no session came", self.call(self.open(), "system.login", page="x")["message"])

    def socket_with_token(self) -> Connection:
        """The WebSocket of the own page, which logs in by token all the same."""
        socket = self.page_socket()
        self.call(socket, "system.login", token=self.text)
        return socket


class TicketTests(BrowserTestCase):
    PATH = "api?a=b"

    def setUp(self) -> None:
        super().setUp()
        self.sign_in()

    def ticket(self, *headers: str, path: object = PATH) -> Reply:
        """The answer to a POST to ``/ticket``."""
        return self.ask(post(json.dumps({"path": path}).encode(), *headers, path="/ticket"))

    def address(self) -> str:
        """An address with a ticket."""
        answer = json.loads(self.ticket(ORIGIN, self.cookie, self.key).body)
        self.assertEqual(answer["seconds"], 30.0)
        return f"/{self.PATH}&ticket={answer['ticket']}"

    def test_download(self) -> None:
        """A ticket lets one download in, for which a browser can show nothing else."""
        address = self.address()
        self.assertEqual(self.ask(get(address, self.cookie)).status, 200)
        self.assertEqual(self.ask(get(address, self.cookie)).status, 401)

    def test_other_address(self) -> None:
        """It is good for its address, and for half a minute."""
        self.assertEqual(self.ask(get(self.address().replace("a=b", "a=c"))).status, 401)
        address = self.address()
        self.reactor.advance(30)
        self.assertEqual(self.ask(get(address)).status, 401)

    def test_ends_with_its_session(self) -> None:
        """Signing out ends it, and so does the end of the token."""
        address = self.address()
        self.ask_session(ORIGIN, self.cookie)
        self.assertEqual(self.ask(get(address)).status, 401)
        ticket = json.loads(self.ticket(bearer(self.text)).body)["ticket"]
        remove_token(self.state / TOKENS, "ann")
        self.token("other")
        self.assertEqual(self.ask(get(f"/{self.PATH}&ticket={ticket}")).status, 401)

    def test_without_tokens(self) -> None:
        """Where no token is needed, a ticket works, too, until there is one."""
        remove_token(self.state / TOKENS, "ann")
        first, second = (json.loads(self.ticket().body)["ticket"] for _ in range(2))
        self.assertEqual(self.ask(get(f"/{self.PATH}&ticket={first}")).status, 200)
        self.token("other")
        self.assertEqual(self.ask(get(f"/{self.PATH}&ticket={second}")).status, 401)

    def test_refused(self) -> None:
        """Who may not have the file gets no ticket for it, and there is none for what is not downloaded."""
        self.assertEqual(self.ticket(ORIGIN, self.cookie).status, 401)
        for path in ("", "rpc", "ws", "nothing", 7, None, "//evil.example/"):
            self.assertEqual(self.ticket(bearer(self.text), path=path).status, 400, path)
        self.assertEqual(self.ask(post(b"[", bearer(self.text), path="/ticket")).status, 400)


class AddressTests(BrowserTestCase):
    def test_token(self) -> None:
        """A token in an address is refused, even where it is a right one, and never logged."""
        events: list[str] = []
        observe = lambda event: events.append(formatEvent(event))  # noqa: E731
        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        text = self.text
        for address in (f"/api?token={text}", f"/?access_token={text}", f"/{text}/api", f"/metrics?x&TOKEN={text}"):
            reply = self.ask(get(address))
            self.assertEqual(reply.status, 400, address)
            self.assertIn("never stands in an address", reply.text)
            self.reactor.advance(60)
        self.assertIn("token in an address", "".join(events))
        self.assertNotIn(self.text[:20], "".join(events))
        self.assertEqual(self.ask(handshake(f"/ws?token={self.text}")).status, 400)

    def test_others(self) -> None:
        """What only looks a little like one is served."""
        for address in ("/api?pattern=token", "/api?target=netd_short", "/netd.js?broken=1"):
            self.assertEqual(self.ask(get(address, bearer(self.text))).status, 200, address)


class DenialTests(BrowserTestCase):
    def test_page(self) -> None:
        """A person in a browser reads what was asked, what it takes, who they are, and the command that gives it."""
        reply = self.ask(get("/metrics", "Accept: text/html"))
        self.assertEqual((reply.status, reply.headers["Content-Type"]), (401, "text/html; charset=utf-8"))
        self.assertIn("A token is needed, as in <code>Authorization: Bearer TOKEN</code>", reply.body.decode())
        for said in ("You may not", "GET /metrics", "the role viewer", "nobody yet", "netd token add NAME --role viewer"):
            self.assertIn(said, reply.body.decode())

    def test_escaped(self) -> None:
        """Nothing of the address is markup."""
        reply = self.ask(get("/render", "Accept: text/html"))
        self.assertNotIn(b"<script", reply.body)
        self.assertIn(b'href="./static/api.css"', reply.body)
        deep = self.ask(get("/metrics/find", "Accept: text/html"))
        self.assertIn(b'href="../static/api.css"', deep.body)

    def test_json(self) -> None:
        """A program gets the same facts as JSON."""
        reply = self.ask(get("/api"))
        self.assertEqual(
            {**json.loads(reply.body), "error": ""},
            {
                "error": "",
                "asked": "GET /api",
                "takes": "the role viewer",
                "you": "nobody yet: no token was given",
                "remedy": "netd token add NAME --role viewer",
            },
        )

    def test_operation(self) -> None:
        """An operation that is refused tells the same."""
        self.sign_in()
        error = self.call(self.signed_in_socket(), "system.stop")
        self.assertEqual(
            (error["code"], error["data"]),
            (
                -32002,
                {
                    "asked": "system.stop",
                    "takes": "the role admin",
                    "you": "token ann, operator",
                    "remedy": "netd token add NAME --role admin",
                },
            ),
        )


class MetricsTests(GatewayTestCase):
    def test_token(self) -> None:
        """A token for metrics reads the figures, and is good for nothing else: the answer says what it is."""
        viewer, text = self.token("ann", Role.VIEWER), self.program("prometheus", "metrics")
        for token in (viewer, text):
            reply = self.ask(get("/metrics", bearer(token)))
            self.assertEqual(reply.status, 200, reply.body)
            self.assertIn(b"netd_uptime_seconds", reply.body)
        for asked in (get("/api", bearer(text)), get("/history.csv", bearer(text)), post(WHOAMI, bearer(text))):
            reply = self.ask(asked)
            self.assertEqual((reply.status, reply.headers.get("WWW-Authenticate")), (403, None))
            self.assertEqual(json.loads(reply.body)["you"], "metrics prometheus")
        reply = self.ask(get("/metrics", bearer(self.program("door-lock", "device"))))
        self.assertEqual(reply.status, 403)
        self.assertEqual(json.loads(reply.body)["takes"], "the role viewer, or a token of the kind metrics")
        for path, right in (("/metrics", "--metrics"), ("/api", "--role viewer")):
            self.assertIn(f"`netd token add NAME {right}` makes one".encode(), self.ask(get(path)).body)
        reply = self.ask(post(json.dumps({"token": text}).encode(), ORIGIN, path="/session"))
        self.assertIn("may not look at the dashboard", json.loads(reply.body)["error"])

    def test_program_signs_in(self) -> None:
        """The token of a program that is shown to sign in is audited and counted as what it is: known, and not permitted."""
        told: list[Any] = []
        self.bus.subscribe("audit.>", lambda message: told.append(message.event))
        text = self.program("door-lock", "device")
        reply = self.ask(post(json.dumps({"token": text}).encode(), ORIGIN, path="/session"))
        self.assertEqual(reply.status, 403)
        (event,) = told
        self.assertEqual((event["operation"], event["outcome"]), ("system.login", "refused"))
        self.assertIn("the device door-lock may not look at the dashboard", event["error"])
        self.assertEqual(self.factory.counters()["refused"], {"not permitted": 1})

    def program(self, name: str, kind: str) -> str:
        """The token of a program."""
        return add_token(self.state / TOKENS, name, kind, (), lambda size: name.encode().ljust(size, b"-"))


class HeadTests(GatewayTestCase):
    def test_target(self) -> None:
        """The target is the address as it was asked for, without scheme and host."""
        for query, target in (("", "/a"), ("b=c", "/a?b=c")):
            self.assertEqual(Head("GET", "/a", "HTTP/1.1", {}, query).target, target)
