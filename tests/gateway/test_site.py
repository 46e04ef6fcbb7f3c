"""Tests of ``netd.gateway.site``: what there is at which path."""

from __future__ import annotations

import json

from netd.gateway.files import FOLDER
from netd.lifecycle import STATE, DaemonStateChanged, ServingState
from netd.message import Message
from netd.sdk import SDKS
from tests.feed.bench import say
from tests.gateway.visits import GatewayTestCase, call, frames, get, post, replies


class ServedFileTests(GatewayTestCase):
    def test_dashboard(self) -> None:
        """The address itself is the dashboard."""
        reply = self.ask(get("/"))
        self.assertEqual((reply.status, reply.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        self.assertEqual(reply.body, (FOLDER / "index.html").read_bytes())
        self.assertEqual(self.ask(get("/?x=y")).body, reply.body)

    def test_module(self) -> None:
        """The browser's module has an address of its own."""
        reply = self.ask(get("/netd.js"))
        self.assertEqual((reply.status, reply.headers["Content-Type"]), (200, "text/javascript; charset=utf-8"))
        self.assertEqual(reply.body, self.ask(get("/static/netd.js")).body)

    def test_asked_again(self) -> None:
        """A browser that has a file already asks whether it still holds, and gets no second copy."""
        first = self.ask(get("/"))
        self.assertEqual(first.headers["Cache-Control"], "no-cache")
        again = self.ask(get("/", f"If-None-Match: {first.headers['ETag']}"))
        self.assertEqual((again.status, again.body, again.headers["ETag"]), (304, b"", first.headers["ETag"]))
        self.assertNotIn("Content-Type", again.headers)
        self.assertEqual(self.ask(get("/", 'If-None-Match: "other"')).status, 200)

    def test_nothing_else(self) -> None:
        """No path leads out of the folder, however it is written."""
        for path in (
            "/static/",
            "/static",
            "/static/../service.py",
            "/static/%2e%2e/service.py",
            "//static/index.html",
            "/static//index.html",
            "/static/index.html/",
            "/STATIC/index.html",
            "/index.html",
            "/service.py",
            "/static/..%2f..%2fpasswords.py",
            "/static/index.html%00",
            "http://localhost:8080/static/../service.py",
            "*",
        ):
            self.assertEqual(self.ask(get(path)).status, 404, path)

    def test_methods(self) -> None:
        """Files are read, not written."""
        for method in ("POST", "PUT", "DELETE", "PATCH", "get"):
            reply = self.ask(get("/", method=method))
            self.assertEqual((reply.status, reply.headers["Allow"]), (405, "GET, HEAD, OPTIONS"), method)


class RpcTests(GatewayTestCase):
    def answers(self, body: bytes) -> object:
        """The JSON that *body* is answered with."""
        reply = self.ask(post(body))
        self.assertEqual((reply.status, reply.headers["Content-Type"]), (200, "application/json"))
        self.assertEqual(reply.headers["Cache-Control"], "no-store")
        return json.loads(reply.body)

    def test_call(self) -> None:
        """An operation is called by one request."""
        self.assertEqual(self.answers(call("test.add", left=1, right=2)), {"jsonrpc": "2.0", "id": 1, "result": 3})

    def test_errors(self) -> None:
        """What is wrong with a call is told as JSON-RPC tells it; HTTP has nothing to add."""
        for body, code in (
            (b"{", -32700),
            (b"", -32700),
            (b"\xff", -32700),
            (b"{}", -32600),
            (call("test.ad"), -32601),
            (call("test.add", left="x"), -32602),
            (call("bus.subscribe", pattern=">"), -32602),
            (call("test.fail"), -32000),
        ):
            answer = self.answers(body)
            assert isinstance(answer, dict)
            self.assertEqual(answer["error"]["code"], code, body)

    def test_batch(self) -> None:
        """Several calls in one request are answered together, those that want it."""
        batch = b"[" + b",".join([call("test.add", left=1), call("test.add", None, left=1), call("test.fail", 2)]) + b"]"
        answer = self.answers(batch)
        assert isinstance(answer, list)
        self.assertEqual([one["id"] for one in answer], [1, 2])

    def test_notification(self) -> None:
        """A call that wants no answer gets none."""
        reply = self.ask(post(call("test.add", None, left=1)))
        self.assertEqual((reply.status, reply.body), (204, b""))
        self.assertNotIn("Content-Length", reply.headers)

    def test_connection_goes_on_after_a_notification(self) -> None:
        """An answer without a body does not swallow the next."""
        connection = self.visit()
        heard = connection.say(post(call("test.add", None, left=1)), get("/healthz"))
        self.assertEqual([reply.status for reply in replies(heard)], [204, 200])

    def test_reading(self) -> None:
        """A call is posted: what only reads cannot call."""
        reply = self.ask(get("/rpc"))
        self.assertEqual((reply.status, reply.headers["Allow"]), (405, "POST"))


class ApiTests(GatewayTestCase):
    def test_for_programs(self) -> None:
        """A program gets the table of operations, as the operation itself gives it."""
        reply = self.ask(get("/api"))
        self.assertEqual((reply.headers["Content-Type"], reply.headers["Vary"]), ("application/json", "Accept"))
        listed = json.loads(self.ask(post(call("system.operations"))).body)["result"]
        self.assertEqual(json.loads(reply.body), listed)
        self.assertIn("test.add", {operation["name"] for operation in listed})

    def test_for_people(self) -> None:
        """A browser gets a page, on which text is text."""
        reply = self.ask(get("/api", "Accept: text/html, */*"))
        self.assertEqual(reply.headers["Content-Type"], "text/html; charset=utf-8")
        page = reply.body.decode()
        self.assertIn("Add &lt;b&gt;two&lt;/b&gt; numbers", page)
        self.assertNotIn("<b>", page)
        for operation in json.loads(self.ask(get("/api")).body):
            self.assertIn(f"<code>{operation['name']}</code>", page)
        self.assertEqual(self.ask(get("/static/api.css")).status, 200)


class MetricsTests(GatewayTestCase):
    def test_metrics(self) -> None:
        """Prometheus finds the facts of the status, of this very connection too."""
        reply = self.ask(get("/metrics"))
        self.assertTrue(reply.headers["Content-Type"].startswith("text/plain; version="))
        lines = reply.body.decode().splitlines()
        self.assertIn('netd_connections{kind="gateway",section="gateway"} 1.0', lines)
        self.assertIn("netd_event_loop_lag_seconds 0.0", lines)


class BaseTests(GatewayTestCase):
    options = {"base": "/lab/netd/", "echo": True}  # noqa: RUF012 - read only

    def test_below_the_base(self) -> None:
        """A proxy may leave the path that it is asked for, or take it away: both find everything."""
        for path in ("/", "/netd.js", "/static/app/main.js", "/api", "/metrics", "/healthz"):
            below = self.ask(get(f"/lab/netd{path}"))
            self.assertEqual((below.status, below.headers["Content-Type"]), (200, self.ask(get(path)).headers["Content-Type"]))
        self.assertEqual(self.ask(post(call("test.add", left=1), path="/lab/netd/rpc")).status, 200)
        for base in ("", "/lab/netd"):
            self.assertEqual(self.call(self.open(path=f"{base}/ws"), "test.add", left=1), 2)
            self.assertEqual(frames(self.open(path=f"{base}/echo").say(say("hello"))), [(1, b"hello")])

    def test_without_its_slash(self) -> None:
        """A path that was typed without its slash leads on to the dashboard, whose own addresses need the slash."""
        reply = self.ask(get("/lab/netd?x=y"))
        self.assertEqual((reply.status, reply.headers["Location"]), (308, "/lab/netd/"))

    def test_nothing_else(self) -> None:
        """Another path is none, and the answer says where things are."""
        for path in ("/lab/", "/lab/netdx", "/lab/netd//", "/lab/netd/lab/netd/", "/lab/netd/nothing", "//lab/netd/"):
            self.assertEqual(self.ask(get(path)).status, 404, path)
        reply = self.ask(get("/lab"))
        self.assertEqual(
            reply.text, "there is nothing at this address; /lab/netd/ is the dashboard, /lab/netd/api the operations"
        )


class HealthTests(GatewayTestCase):
    def test_probes(self) -> None:
        """A supervisor learns whether the process answers, and whether it takes more."""
        connection = self.visit()
        self.assertEqual([reply.text for reply in replies(connection.say(get("/healthz"), get("/readyz")))], ["ok", "ready"])
        since = "since 2026-11-28 10:01:12 UTC"
        for state, until, why in (
            (ServingState.DRAINING, None, f"draining {since}"),
            (
                ServingState.DRAINING,
                1795860102.0,
                f"draining {since}; what is open ends at 2026-11-28 10:01:42 UTC",
            ),
            (
                ServingState.DRAINING,
                0.0,
                f"draining {since}; what was open ended at 1970-01-01 00:00:00 UTC",
            ),
            (ServingState.STOPPING, None, f"stopping {since}"),
        ):
            self.bus.publish(Message(STATE, DaemonStateChanged(state, 1795860072.0, until)))
            alive, ready = replies(connection.say(get("/healthz"), get("/readyz")))
            self.assertEqual((alive.status, alive.text, ready.status, ready.text), (200, "ok", 503, why))
        self.bus.publish(Message(STATE, DaemonStateChanged(ServingState.SERVING, 1795860132.0, None)))
        self.assertEqual([reply.text for reply in replies(connection.say(get("/readyz")))], ["ready"])

    def test_options(self) -> None:
        """A load balancer that asks by OPTIONS, in HTTP/1.0 and without Host, finds netd alive."""
        bare = "OPTIONS {} HTTP/1.0\r\n\r\n"
        for path, status, text in (("/healthz", 200, "ok"), ("/readyz", 200, "ready"), ("/", 204, ""), ("*", 204, "")):
            reply = self.ask(bare.format(path).encode())
            self.assertEqual((reply.status, reply.body.decode().strip()), (status, text), path)
        self.assertEqual(self.ask(bare.format("/").encode()).headers["Allow"], "GET, HEAD, OPTIONS")
        for path, status in (("/rpc", 405), ("/ws", 405), ("/nothing", 404)):
            self.assertEqual(self.ask(get(path, method="OPTIONS")).status, status, path)
        self.bus.publish(Message(STATE, DaemonStateChanged(ServingState.DRAINING, 0.0, None)))
        self.assertEqual(self.ask(bare.format("/readyz").encode()).status, 503)

    def test_unknown_path(self) -> None:
        """Who asks for something else is told where things are."""
        reply = self.ask(get("/favicon"))
        self.assertEqual(
            (reply.status, reply.text), (404, "there is nothing at this address; / is the dashboard, /api the operations")
        )


class ClientTests(GatewayTestCase):
    def test_one_file(self) -> None:
        """A program elsewhere fetches its client from the gateway; one that has it already asks whether it still holds."""
        for sdk in SDKS.values():
            reply = self.ask(get(f"/clients/{sdk.name}"))
            self.assertEqual((reply.status, reply.headers["Content-Type"]), (200, "text/plain; charset=utf-8"))
            self.assertEqual(reply.body.decode(), sdk.text())
            again = self.ask(get(f"/clients/{sdk.name}", f"If-None-Match: {reply.headers['ETag']}"))
            self.assertEqual((again.status, again.headers["Cache-Control"]), (304, "no-cache"))

    def test_head(self) -> None:
        """Whoever asks for the head alone gets no more."""
        reply = self.ask(get("/clients/relay.py", method="HEAD"))
        self.assertEqual((reply.status, reply.body), (200, b""))
        self.assertEqual(int(reply.headers["Content-Length"]), len(SDKS["relay"].text().encode()))

    def test_list(self) -> None:
        """There is a list of them, and whoever asks for another one is told which there are."""
        listed = self.ask(get("/clients/")).body.decode()
        missed = self.ask(get("/clients/gateway.py"))
        self.assertEqual(missed.status, 404)
        for sdk in SDKS.values():
            self.assertIn(sdk.name, listed)
            self.assertIn(sdk.name, missed.body.decode())
