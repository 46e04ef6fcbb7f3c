"""``netd.js``, as a page of somebody else's uses it: in a real Chromium, with a real netd, over connections that break."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import secrets
import socket
import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from netd.operations import Role
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS
from tests.browser.chromium import BrowserTestCase, free_ports
from tests.process import LOOPBACK, PATIENCE, Daemon

PRELUDE = """async () => {
  const { Netd } = await import("/netd.js");
  globalThis.heard = {};                                  // what each test keeps, by a name of its own
  globalThis.keep = (name, what) => (heard[name] ??= []).push(what);
  globalThis.failure = (promise) => promise.then(() => null, ({ name, code, message }) => ({ name, code, message }));
  globalThis.settled = () => new Promise((resolve) => setTimeout(resolve, 300));
  globalThis.connect = (options = {}, name = "states") => {
    const netd = new Netd(options);
    netd.addEventListener("state", ({ detail }) => keep(name, detail.name));
    return netd.open();
  };
  globalThis.reached = (netd, name) => new Promise((resolve) => {
    const look = () => netd.state.name === name && resolve(netd.state);
    netd.addEventListener("state", look);
    look();
  });
}"""
"""What the pages of all tests have."""


class Wire:
    """A way to a port, over a port of its own, that can be cut.

    :ivar port: where it begins.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        self._is_cut = False

    def run(self) -> None:
        """Carry what comes, until closed."""
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._is_cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._target), timeout=PATIENCE)
                self._ends += near, far
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def cut(self) -> None:
        """Break all connections, and let no other through."""
        with self._lock:
            self._is_cut = True
            ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):  # the other end was first
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def mend(self) -> None:
        """Let connections through again."""
        self._is_cut = False

    def close(self) -> None:
        """End it."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while piece := source.recv(1 << 16):
                sink.sendall(piece)
        except OSError:
            return


class NetdJsTestCase(BrowserTestCase):
    def write_gateway_ini(self, *lines: str) -> Path:
        """A gateway that keeps its port over a restart, two relays, and a room for two without turns."""
        listen = f"listen = {LOOPBACK}\n"
        gateway = "\n".join([f"[gateway]\nlisten = tcp:{self.gateway_port}:interface=127.0.0.1", *lines, ""])
        return self.write_ini(f"{gateway}[relay]\n{listen}[relay:attic]\n{listen}[room]\n{listen}size = 2\nturns = no\n")

    def start_gateway(self, *lines: str) -> Daemon:
        """A netd, up."""
        daemon = self.start(self.write_gateway_ini(*lines))
        daemon.port("gateway")
        return daemon

    def start_wire(self) -> Wire:
        """A way to the gateway that can be cut."""
        wire = Wire(self.gateway_port)
        self.play(wire, wire.run)
        return wire

    def visit(self, port: int | None = None) -> Page:
        """A page of the gateway's origin without a program of its own."""
        page = self.page_at(f"http://127.0.0.1:{port or self.gateway_port}/healthz")
        page.evaluate(PRELUDE)
        return page

    def page_at(self, address: str) -> Page:
        """The page at *address*, which needs no icon."""
        page = self.new_page()
        page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        page.goto(address)
        return page

    def ask(self, daemon: Daemon, text: str, target: str = "panel", **options: Any) -> str:
        """What a device answers to *text*: its status, and its answer or its error."""
        outcome = daemon.call("relay.send", target=target, text=text, **options)
        return f"{outcome['status']}: {outcome.get('error') or base64.b64decode(outcome.get('answer', '')).decode()}"

    def heard(self, page: Page, name: str) -> list[Any]:
        """What the page has kept under *name*."""
        found: list[Any] = page.evaluate("(name) => heard[name] ?? []", name)
        return found

    def until_heard(self, page: Page, name: str, wanted: list[Any]) -> None:
        """Return as soon as the page has kept just *wanted* under *name*."""
        self.until(page, lambda: len(self.heard(page, name)) >= len(wanted), f"{wanted} as {name}")
        self.assertEqual(self.heard(page, name), wanted)

    def come_back(self, page: Page) -> None:
        """Return when `netd` of the page is connected again."""
        page.evaluate("netd.retry()")
        page.evaluate("reached(netd, 'live')")


class CallTests(NetdJsTestCase):
    def test_calls(self) -> None:
        """A page calls at once, before the connection is there, and as often as it likes; each call gets its own answer."""
        self.start_gateway()
        page = self.visit()
        answers = page.evaluate(
            """async () => {
              globalThis.netd = connect();
              const early = netd.call("system.status");
              const many = ["a", "b", "c"].map((one) => netd.call("bus.publish", { subject: `custom.${one}`, data: one }));
              const { services } = await early;
              await Promise.all(many);
              const kept = await netd.call("bus.last", { pattern: "custom.*" });
              return [services.map(({ kind }) => kind), kept.map(({ data }) => data), netd.who, netd.operations.length > 20];
            }"""
        )
        kinds, kept, who, has_operations = answers
        self.assertEqual(sorted(kinds), ["gateway", "relay", "relay", "room"])
        self.assertEqual(sorted(kept), ["a", "b", "c"])
        self.assertEqual((who["role"], has_operations), ("admin", True))
        self.assertEqual(self.heard(page, "states"), ["connecting", "live"])
        self.assertEqual(self.complaints, [])

    def test_errors(self) -> None:
        """What netd refuses is an error with netd's code and words; what takes too long, and what no one can answer, has ours."""
        self.start_gateway()
        page = self.visit()
        errors = page.evaluate(
            """async () => {
              const netd = connect();
              const { Netd } = await import("/netd.js");
              await netd.attach("sleeper", () => new Promise(() => {}));
              return Promise.all([
                failure(netd.call("relay.list")),
                failure(netd.call("relay.send", { target: "nobody", text: "on" })),
                failure(netd.call("bus.publish", { subject: 5, data: 1 })),
                failure(netd.call("relay.send", { target: "sleeper", text: "on" }, { timeout: 0.3 })),
                failure(new Netd().call("system.status")),
              ]);
            }"""
        )
        self.assertEqual([error["code"] for error in errors], [-32601, -32001, -32602, "timeout", "closed"])
        self.assertEqual({error["name"] for error in errors}, {"NetdError"})
        for error, words in zip(
            errors, ("did you mean relay.send", "'nobody'", "subject", "within 0.3 s", "not conn"), strict=True
        ):
            self.assertIn(words, error["message"])
        self.assertEqual(self.complaints, [])

    def test_without_websocket(self) -> None:
        """Where there is no WebSocket, as in old Node.js, opening says so and how to get one; nothing waits without a word."""
        self.start_gateway()
        page = self.visit()
        error = page.evaluate(
            """async () => {
              const { Netd } = await import("/netd.js");
              delete globalThis.WebSocket;
              return failure((async () => new Netd({ url: "ws://127.0.0.1:1/ws" }).open())());
            }"""
        )
        self.assertEqual((error["name"], error["code"]), ("NetdError", "unsupported"))
        self.assertIn("install the package ws", error["message"])
        self.assertEqual(self.complaints, [])

    def test_token(self) -> None:
        """A token is said in the first message, never in the address; one that is unknown is told, and another can be given."""
        self.state.mkdir(mode=0o700)
        token = add_token(self.state / TOKENS, "panel", Role.VIEWER, (), secrets.token_bytes)
        self.start_gateway()
        page = self.visit()
        sockets: list[str] = []
        sent: list[str] = []
        page.on("websocket", lambda ws: (sockets.append(ws.url), ws.on("framesent", lambda text: sent.append(str(text)))))
        seen = page.evaluate(
            """async (token) => {
              globalThis.netd = connect({ token: "x".repeat(43) });
              const { reason } = await reached(netd, "unauthorised");
              const early = netd.call("system.status");
              netd.login(token);
              const { name } = await early;
              return [reason, name, netd.who, await failure(netd.call("bus.publish", { subject: "custom.x", data: 1 }))];
            }""",
            token,
        )
        reason, _name, who, refused = seen
        self.assertIn("token", reason)
        self.assertEqual((who["name"], who["role"]), ("panel", "viewer"))
        self.assertEqual(refused["code"], -32002)
        self.assertEqual(self.heard(page, "states"), ["connecting", "unauthorised", "connecting", "live"])
        self.assertEqual(set(sockets), {f"ws://127.0.0.1:{self.gateway_port}/ws"})
        logins = [text for text in sent if "system.login" in text]
        self.assertEqual(([sent[0]], len(logins)), (logins[:1], 2))
        self.assertEqual(self.complaints, [])

    def test_close(self) -> None:
        """A page that closes is told of nothing more, its calls fail, and it stays away until it opens again."""
        daemon = self.start_gateway()
        page = self.visit()
        errors = page.evaluate(
            """async () => {
              globalThis.netd = connect();
              netd.subscribe("custom.>", {}, ({ data }) => keep("events", data));
              await netd.attach("sleeper", () => new Promise(() => {}));
              const asked = failure(netd.call("relay.send", { target: "sleeper", text: "on" }));
              netd.close();
              return [await asked, await failure(netd.call("system.status")), netd.state.name];
            }"""
        )
        self.assertEqual([errors[0]["code"], errors[1]["code"], errors[2]], ["disconnected", "closed", "closed"])
        self.until(page, lambda: daemon.call("system.status")["services"][0]["websockets"] == 0, "closed")
        daemon.call("bus.publish", subject="custom.x", data=1)
        page.evaluate("settled()")
        self.assertEqual(self.heard(page, "states"), ["connecting", "live", "closed"])
        self.assertEqual(self.heard(page, "events"), [])
        page.evaluate("reached(netd.open(), 'live')")
        self.assertTrue(self.ask(daemon, "on", "sleeper", deadline=0.2).startswith("expired: "))
        self.assertEqual(self.complaints, [])

    def test_page_of_another(self) -> None:
        """A page from elsewhere that `origins` names has netd.js from the gateway, and calls; another has neither."""
        friend, stranger = free_ports(2)
        (self.folder / "index.html").write_text("<!doctype html><title>Another's</title>", encoding="utf-8")
        for port in (friend, stranger):
            handler = functools.partial(QuietHandler, directory=str(self.folder))
            server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.addCleanup(server.server_close)
            self.addCleanup(server.shutdown)
        self.start_gateway(f"origins = http://127.0.0.1:{friend}")
        use = """async (port) => {
          const { Netd } = await import(`http://127.0.0.1:${port}/netd.js`);
          return (await new Netd({ url: `ws://127.0.0.1:${port}/ws` }).open().call("system.status")).services.length;
        }"""
        page = self.page_at(f"http://127.0.0.1:{friend}/")
        self.assertEqual(page.evaluate(use, self.gateway_port), 4)
        self.assertEqual(self.complaints, [])
        page = self.page_at(f"http://127.0.0.1:{stranger}/")
        self.assertIn("import", page.evaluate(f"(port) => ({use})(port).catch((error) => error.message)", self.gateway_port))


class SubscriptionTests(NetdJsTestCase):
    def test_callback_and_iterator(self) -> None:
        """Events come to callbacks and to loops alike, in order; a subscription that is closed has no more of them."""
        self.start_gateway()
        page = self.visit()
        taken = page.evaluate(
            """async () => {
              const netd = connect();
              const publish = (data) => netd.call("bus.publish", { subject: "custom.x", data });
              await publish(0);
              const take = ({ subject, data }) => keep("callback", [subject, data]);
              const callback = netd.subscribe("custom.*", { replay: 1 }, take);
              const loop = netd.subscribe("custom.>");
              const reading = (async () => {
                const taken = [];
                for await (const { data, seq } of loop) {
                  taken.push([data, seq]);
                  if (data === 3) break;
                }
                return [taken, loop.isOpen];
              })();
              for (const data of [1, 2]) await publish(data);
              await settled();
              callback.close();
              for (const data of [3, 4]) await publish(data);
              return reading;
            }"""
        )
        self.assertEqual(taken, [[[1, 1], [2, 2], [3, 3]], False])
        self.assertEqual(self.heard(page, "callback"), [["custom.x", 0], ["custom.x", 1], ["custom.x", 2]])
        self.assertEqual(self.complaints, [])

    def test_fold_and_together(self) -> None:
        """Numbers come folded, and many events in one message; whoever wants each event has each, as long as it is there."""
        self.start_gateway()
        page = self.visit()
        taken = page.evaluate(
            """async () => {
              const netd = connect();
              const publish = (data) => netd.call("bus.publish", { subject: "custom.x", data });
              const folded = [];
              const whole = [];
              const options = { every: 0.2, fold: true, together: true };
              const take = ({ subject, data, seq }) => folded.push([subject, data.value ?? data, data.count, seq]);
              netd.subscribe("custom.*", options, take);
              for (const data of [1, 9, 2]) await publish(data);
              while (folded.length < 2) await settled();
              const other = netd.subscribe("custom.*", {}, ({ data }) => whole.push(data));
              for (const data of [3, 4, "on"]) await publish(data);
              while (whole.length < 3) await settled();
              other.close();
              for (const data of [5, 6]) await publish(data);
              while (folded.at(-1)[1] !== 6) await settled();
              const last = folded.at(-1);
              return [folded.slice(0, 5), last[0], last[2] >= 1, whole];
            }"""
        )
        x = "custom.x"
        numbers = [[x, 1, 1, 1], [x, 2, 2, 2], [x, 3, None, 1], [x, 4, None, 2], [x, "on", None, 3]]
        self.assertEqual(taken, [numbers, x, True, [3, 4, "on"]])
        self.assertEqual(self.complaints, [])

    def test_refused(self) -> None:
        """A pattern that netd does not take is told to the callback, and thrown where a loop waits for events."""
        self.start_gateway()
        page = self.visit()
        seen = page.evaluate(
            """async () => {
              const netd = connect();
              const one = netd.subscribe("a..b", { onError: ({ code, message }) => keep("errors", [code, message]) }, () => {});
              const read = async () => { for await (const event of netd.subscribe("b..c")) keep("events", event); };
              return [await failure(read()), one.isOpen, (await netd.call("system.status")).services.length];
            }"""
        )
        thrown, is_open, services = seen
        self.assertEqual((thrown["code"], is_open, services), (-32602, False, 4))
        [[code, message]] = self.heard(page, "errors")
        self.assertEqual(code, -32602)
        self.assertIn("a..b", message)
        self.assertEqual(self.complaints, [])

    def test_fault_of_the_page(self) -> None:
        """A callback that throws is the page's own fault, told on its console: the next callback, and the next event, are not."""
        self.start_gateway()
        page = self.visit()
        page.evaluate(
            """async () => {
              globalThis.netd = connect();
              const bad = () => { throw new Error("the page's own"); };
              netd.subscribe("custom.*", {}, bad);
              netd.subscribe("custom.*", {}, ({ data }) => keep("events", data));
              await netd.join("Maria", bad, { onLeft: bad });
              for (const data of [1, 2]) await netd.call("bus.publish", { subject: "custom.x", data });
            }"""
        )
        self.until_heard(page, "events", [1, 2])
        page.evaluate("netd.close()")
        self.assertEqual(page.evaluate("netd.state.name"), "closed")
        self.assertEqual(set(self.complaints), {"the page's own"})

    def test_resumed(self) -> None:
        """When a connection breaks, what was published meanwhile comes after it, in order: nothing twice, nothing lost."""
        daemon = self.start_gateway()
        wire = self.start_wire()
        page = self.visit(wire.port)
        answers: list[str] = []
        page.on("websocket", lambda ws: ws.on("framereceived", lambda text: answers.append(str(text))))
        page.evaluate(
            """async () => {
              globalThis.netd = connect();
              netd.subscribe("custom.>", { onGap: (gap) => keep("gaps", gap) }, ({ data }) => keep("events", data));
              await netd.call("system.status");
            }"""
        )
        for number in range(3):
            daemon.call("bus.publish", subject="custom.x", data=number)
        self.until_heard(page, "events", [0, 1, 2])
        wire.cut()
        page.evaluate("reached(netd, 'reconnecting')")
        for number in range(3, 9):
            daemon.call("bus.publish", subject=f"custom.{number % 2}", data=number)
        wire.mend()
        self.come_back(page)
        page.evaluate("netd.call('system.status')")  # and so it has subscribed again
        daemon.call("bus.publish", subject="custom.x", data=9)
        self.until_heard(page, "events", list(range(10)))
        self.assertEqual(self.heard(page, "gaps"), [])
        self.assertEqual(sum('"recovered":6,' in text for text in answers), 1, answers)
        self.assertEqual(self.heard(page, "states")[-2:], ["connecting", "live"])

    def test_restarted(self) -> None:
        """After a restart of netd, subscriptions and devices are there again; that events may have been lost is told."""
        daemon = self.start_gateway()
        page = self.visit()
        page.evaluate(
            """async () => {
              globalThis.netd = connect();
              netd.subscribe("custom.>", { onGap: (gap) => keep("gaps", gap) }, ({ data }) => keep("events", data));
              await netd.attach("panel", ({ text }) => text.toUpperCase(), { onDetached: (why) => keep("detached", why) });
              await netd.join("Maria", () => {}, { onLeft: (why) => keep("left", why) });
            }"""
        )
        for number in range(2):
            daemon.call("bus.publish", subject="custom.x", data=number)
        self.until_heard(page, "events", [0, 1])
        self.assertEqual(daemon.stop(), 0)
        page.evaluate("reached(netd, 'reconnecting')")
        asked = page.evaluate_handle("({ answer: netd.call('system.status') })")
        daemon = self.start_gateway()
        self.come_back(page)
        self.assertEqual(len(asked.evaluate("({ answer }) => answer")["services"]), 4)
        daemon.call("bus.publish", subject="custom.x", data=2)
        self.until_heard(page, "events", [0, 1, 2])
        self.assertEqual(self.heard(page, "gaps"), [{"from": 3, "to": None}])
        self.assertEqual(self.ask(daemon, "on"), "acknowledged: ON")
        self.assertEqual(self.heard(page, "detached"), [])
        self.assertEqual(len(self.heard(page, "left")), 1)


class DeviceTests(NetdJsTestCase):
    def test_answers(self) -> None:
        """A page is a device: what its function returns, or promises, is the answer; what it throws is an error."""
        daemon = self.start_gateway()
        page = self.visit()
        page.evaluate(
            """async () => {
              const netd = connect();
              globalThis.panel = await netd.attach("panel", async ({ from, text, base64 }) => {
                if (text === "throw") throw new Error("no such lamp");
                if (text === "word") throw "broken";
                if (text === "nothing") return;
                return base64 ?? `${from}: ${text}`;
              });
            }"""
        )

        for text, answer in (
            ("h\xe9", "acknowledged: console: h\xe9"),
            ("nothing", "acknowledged: "),
            ("throw", "failed: no such lamp"),
            ("word", "failed: broken"),
        ):
            self.assertEqual(self.ask(daemon, text), answer)
        outcome = daemon.call("relay.send", target="panel", base64="/w==")
        self.assertEqual(base64.b64decode(outcome["answer"]), b"/w==")
        page.evaluate("panel.detach()")
        self.assertEqual([device["online"] for device in daemon.call("relay.devices")["rows"]], [False])
        self.assertEqual(self.complaints, [])

    def test_replaced(self) -> None:
        """A name that another takes is told once, and not taken back: not at once, and not after a lost connection."""
        daemon = self.start_gateway()
        wire = self.start_wire()
        page = self.visit(wire.port)
        attached: list[str] = []
        page.on(
            "websocket", lambda ws: ws.on("framesent", lambda text: "relay.attach" in str(text) and attached.append(str(text)))
        )
        page.evaluate(
            """async () => {
              globalThis.netd = connect();
              const other = connect();
              await netd.attach("panel", () => "the first", { onDetached: (why) => keep("first", why) });
              globalThis.second = await other.attach("panel", () => "the second", { onDetached: (why) => keep("second", why) });
              await settled();
              other.addEventListener("state", ({ detail }) => keep("other", detail.name));
            }"""
        )
        self.assertEqual(self.heard(page, "first"), ["replaced by a newer connection of the same name"])
        self.assertEqual(len(attached), 2)
        self.assertEqual(self.ask(daemon, "who?"), "acknowledged: the second")
        wire.cut()
        page.evaluate("reached(netd, 'reconnecting')")
        wire.mend()
        self.come_back(page)
        self.until(page, lambda: "live" in self.heard(page, "other"), "the other connection again")
        page.evaluate("settled()")
        self.assertEqual(len(attached), 3)
        self.assertEqual(self.ask(daemon, "who?"), "acknowledged: the second")
        self.assertEqual((len(self.heard(page, "first")), self.heard(page, "second")), (1, []))

    def test_attached_twice(self) -> None:
        """The same page may take its own name again: the first function is told, the second answers."""
        daemon = self.start_gateway()
        page = self.visit()
        page.evaluate(
            """async () => {
              const netd = connect();
              for (const number of [1, 2]) {
                const onDetached = (why) => keep("detached", number);
                await netd.attach("panel", () => number, { instance: "main", onDetached });
              }
            }"""
        )
        self.assertEqual(self.ask(daemon, "who?"), "acknowledged: 2")
        self.assertEqual(self.heard(page, "detached"), [1])
        self.assertEqual(self.complaints, [])

    def test_late_answer(self) -> None:
        """An answer that is ready only after the connection broke is no answer to anything asked since."""
        daemon = self.start_gateway()
        wire = self.start_wire()
        page = self.visit(wire.port)
        sent: list[str] = []
        page.on("websocket", lambda ws: ws.on("framesent", lambda text: sent.append(str(text))))
        page.evaluate(
            """async () => {
              globalThis.netd = connect();
              const answer = ({ text }) => new Promise((resolve) => { globalThis.finish = resolve; keep("asked", text); });
              await netd.attach("panel", answer);
            }"""
        )
        asking = threading.Thread(target=daemon.call, args=("relay.send",), kwargs={"target": "panel", "text": "slow"})
        asking.start()
        self.addCleanup(asking.join, PATIENCE)
        self.until_heard(page, "asked", ["slow"])
        wire.cut()
        page.evaluate("reached(netd, 'reconnecting')")
        wire.mend()
        page.evaluate("finish('too late')")
        self.come_back(page)
        page.evaluate("netd.call('system.status')")
        self.assertEqual([text for text in sent if "relay.answer" in text], [])

    def test_two_instances(self) -> None:
        """With two relays, a page is a device of the same name at both, and each is asked, and taken away, by itself."""
        daemon = self.start_gateway()
        page = self.visit()
        page.evaluate(
            """async () => {
              const netd = connect();
              for (const instance of ["main", "attic"]) {
                const onDetached = (why) => keep("detached", instance);
                globalThis[instance] = await netd.attach("panel", ({ text }) => `${instance} ${text}`, { instance, onDetached });
              }
            }"""
        )
        for instance in ("main", "attic"):
            self.assertEqual(self.ask(daemon, "on", instance=instance), f"acknowledged: {instance} on")
        page.evaluate("attic.detach()")
        self.assertEqual([device["online"] for device in daemon.call("relay.devices", instance="attic")["rows"]], [False])
        self.assertEqual(self.ask(daemon, "off", instance="main"), "acknowledged: main off")
        daemon.call("relay.disconnect", target="panel", instance="main")
        self.until_heard(page, "detached", ["main"])
        self.assertEqual(self.complaints, [])


class RoomTests(NetdJsTestCase):
    def test_room(self) -> None:
        """Pages meet in a room: what one says the other reads; who leaves can say nothing more."""
        daemon = self.start_gateway()
        page = self.visit()
        refused = page.evaluate(
            """async () => {
              const netd = connect();
              const seats = {};
              for (const name of ["Maria", "Ana"])
                seats[name] = await netd.join(` ${name} `, ({ text }) => keep(name, text), { onLeft: () => keep("left", name) });
              await seats.Maria.say("I like to play!");
              await settled();
              const twice = await failure(netd.join("Maria", () => keep("wrong", 1), { instance: "main" }));
              await seats.Ana.say("me too");
              await settled();
              await seats.Maria.leave();
              return [seats.Maria.name, twice.code, (await failure(seats.Maria.say("more"))).code];
            }"""
        )
        self.assertEqual(refused, ["Maria", -32602, -32001])
        self.assertEqual(self.heard(page, "Ana")[-1], "I like to play!")
        self.assertIn("Maria has been sucessfully connected", self.heard(page, "Maria")[0])
        self.assertEqual(self.heard(page, "Maria")[-1], "me too")
        self.assertEqual((self.heard(page, "wrong"), self.heard(page, "left")), ([], []))
        self.assertEqual(daemon.stop(), 0)
        self.until_heard(page, "left", ["Ana"])

    def test_joined_while_away(self) -> None:
        """Who asks for a place while netd is away gets it as soon as it is back, and hears what is said there."""
        self.start_gateway()
        wire = self.start_wire()
        page = self.visit(wire.port)
        page.evaluate("async () => { globalThis.netd = connect(); await reached(netd, 'live'); }")
        wire.cut()
        page.evaluate("reached(netd, 'reconnecting')")
        page.evaluate(
            """async () => {
              const onLeft = (why) => keep("left", why);
              globalThis.joining = netd.join("Maria", ({ text }) => keep("lines", text), { instance: "main", onLeft });
              netd.retry();
              await reached(netd, "reconnecting");
            }"""
        )
        wire.mend()
        self.come_back(page)
        page.evaluate(
            """async () => {
              await joining;
              const { say } = await netd.join("Ana", () => {});
              await say("hello");
              await settled();
            }"""
        )
        self.assertEqual((self.heard(page, "lines")[-1], self.heard(page, "left")), ("hello", []))


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """A server of files that keeps no log."""

    def log_message(self, *_said: object) -> None:
        """Say nothing."""
