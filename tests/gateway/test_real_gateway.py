"""The gateway for real: a twistd, and clients that others wrote."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import ssl
import time
import urllib.error
import urllib.request
from contextlib import closing
from typing import Any

import pandas
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connect_websocket

from netd.client import history
from netd.operations import Role
from netd.recorder.blocks import Columns
from netd.recorder.intake import SeriesName
from netd.recorder.micros import MICRO
from netd.recorder.part_file import open_part
from netd.recorder.part_names import day_of
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS
from tests.gateway.visits import call
from tests.process import LOOPBACK, PATIENCE, Daemon, RealTestCase
from tests.tls import make_certificate


class RealGatewayTestCase(RealTestCase):
    def start_gateway(self, listen: str = LOOPBACK, *lines: str) -> Daemon:
        """A daemon with a gateway alone."""
        return self.start(self.write_ini("\n".join(["[gateway]", f"listen = {listen}", *lines, ""])))

    def fetch(self, url: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Status and body of one request."""
        request = urllib.request.Request(url, body, {name.replace("_", "-"): text for name, text in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def connect_to(self, url: str, **options: Any) -> ClientConnection:
        """A WebSocket, closed when the test ends."""
        connection = connect_websocket(url, open_timeout=PATIENCE, close_timeout=PATIENCE, max_size=None, **options)
        self.addCleanup(connection.close)
        return connection


class HttpTests(RealGatewayTestCase):
    def test_one_port(self) -> None:
        """Page, calls, metrics and probes are on one connection of one port; the daemon ends by a call."""
        daemon = self.start_gateway()
        port = daemon.port("gateway")
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            for path, start in (
                ("/", b"<!doctype html>"),
                ("/healthz", b"ok"),
                ("/metrics", b"# HELP"),
                ("/api", b"[{"),
                ("/netd.js", b""),
            ):
                connection.request("GET", path)
                response = connection.getresponse()
                self.assertEqual(response.status, 200, path)
                self.assertTrue(response.read().startswith(start), path)
            connection.request("POST", "/rpc", call("system.stop"), {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        self.assertEqual(answer["result"], {"status": "stopping"})
        self.assertEqual(daemon.wait(), 0)

    def test_long_answers(self) -> None:
        """A client that reads a long answer slowly gets all of it."""
        daemon = self.start_gateway()
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.settimeout(PATIENCE)
            slow.connect(("127.0.0.1", daemon.port("gateway")))
            head = b"Host: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
            body = b"[" + b",".join(call("system.operations", number) for number in range(100)) + b"]"
            slow.sendall(b"POST /rpc HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
            received = b""
            while segment := slow.recv(4096):
                received += segment
        answers = json.loads(received.partition(b"\r\n\r\n")[2])
        self.assertEqual([answer["id"] for answer in answers], list(range(100)))

    def test_past(self) -> None:
        """Pandas reads what was recorded from the gateway in one line, and from the files while the daemon runs: the same."""
        parts = self.state / "recorder" / "main" / "parts"
        parts.mkdir(parents=True)
        yesterday = time.time() // 86400 * 86400 - 3600
        part = open_part(parts / f"{day_of(yesterday)}.db")
        part.prepare()
        times = [round((yesterday + number / 100) * MICRO) for number in range(40_000)]
        part.append({SeriesName("custom.fast", "", "V"): Columns(times, [number / 8 for number in range(40_000)])})
        part.finish(None)
        part.settle()
        daemon = self.start(self.write_ini(f"[gateway]\nlisten = {LOOPBACK}\n[recorder]\n"))
        url = f"http://127.0.0.1:{daemon.port('gateway')}"
        said = b"[" + b",".join(call("bus.publish", number, subject="custom.now", data=number) for number in range(50)) + b"]"
        self.fetch(f"{url}/rpc", said, Content_Type="application/json")
        frame = pandas.read_csv(f"{url}/history.csv?pattern=custom.>&begin=-2d")
        self.assertEqual(dict(frame.groupby("subject").value.agg("sum")), {"custom.fast": 99_997_500.0, "custom.now": 1225.0})
        with history.open(self.state) as past:
            own = past.frame("custom.>", "-2d")
        self.assertEqual((len(own), own.value.sum()), (40_050, frame.value.sum()))
        self.assertEqual(list(own.value), list(frame.value))

    def test_tls(self) -> None:
        """Behind TLS, everything is the same."""
        pem = self.folder / "pem"
        make_certificate(pem)
        daemon = self.start_gateway(f"ssl:0:interface=127.0.0.1:privateKey={pem}:certKey={pem}")
        port = daemon.port("gateway")
        trust = ssl.create_default_context(cafile=str(pem))
        with urllib.request.urlopen(f"https://localhost:{port}/healthz", timeout=PATIENCE, context=trust) as response:
            self.assertEqual(response.read(), b"ok\n")
        connection = self.connect_to(f"wss://localhost:{port}/ws", ssl=trust)
        connection.send(call("system.status").decode())
        status = json.loads(connection.recv(PATIENCE))["result"]
        self.assertEqual(status["services"][0]["url"], f"https://127.0.0.1:{port}/")


class TokenTests(RealGatewayTestCase):
    def test_open_to_all(self) -> None:
        """A gateway that others could reach does not start without tokens, in one line that says what to do."""
        daemon = self.start_gateway("tcp:0")
        self.assertEqual(daemon.wait(), 1)
        self.assertRegex(daemon.output, r"(?m)^netd: \[gateway\] other machines reach tcp:0, .* Run `netd token add NAME --role")
        self.assertNotIn("Traceback", daemon.output)

    def test_added_while_running(self) -> None:
        """A token that is made while the daemon runs counts at once, for requests and for WebSockets that are open."""
        port = self.start_gateway().port("gateway")
        url, dashboard = f"http://127.0.0.1:{port}/api", self.connect_to(f"ws://127.0.0.1:{port}/ws")
        self.assertEqual(self.fetch(url)[0], 200)
        adding = ["token", "add", "panel", "--role", "viewer", "--state", str(self.state), "--json"]
        made = self.run_python("-c", "from netd.cli.main import main; main()", *adding)
        self.assertEqual(made.returncode, 0, made.stderr)
        token = json.loads(made.stdout)["token"]
        self.assertEqual(self.fetch(url)[0], 401)
        self.assertEqual(self.fetch(url, Authorization=f"Bearer {token}")[0], 200)
        with self.assertRaises(ConnectionClosed) as closed:
            dashboard.recv(PATIENCE)
        assert closed.exception.rcvd is not None
        self.assertEqual(closed.exception.rcvd.reason, "a token is needed now")

    def test_with_a_token(self) -> None:
        """With a token it starts; the token opens it, and nothing else does."""
        self.state.mkdir(mode=0o700)
        token = add_token(self.state / TOKENS, "panel", Role.VIEWER, (), secrets.token_bytes)
        port = self.start_gateway("tcp:0:interface=127.0.0.1").port("gateway")
        url = f"http://127.0.0.1:{port}"
        self.assertEqual(self.fetch(f"{url}/api")[0], 401)
        self.assertEqual(self.fetch(f"{url}/api", Authorization=f"Bearer {token}x")[0], 401)
        self.assertEqual(self.fetch(f"{url}/api", Authorization=f"Bearer {token}")[0], 200)
        with self.assertRaises(InvalidStatus) as refused:
            self.connect_to(f"ws://127.0.0.1:{port}/ws", additional_headers={"Authorization": "Bearer x"})
        self.assertEqual(refused.exception.response.status_code, 401)
        connection = self.connect_to(f"ws://127.0.0.1:{port}/ws")
        connection.send(call("system.login", token=token).decode())
        self.assertEqual(json.loads(connection.recv(PATIENCE))["result"]["role"], "viewer")


class WebSocketTests(RealGatewayTestCase):
    def test_subscription(self) -> None:
        """What one publishes, another sees, with the vitals of the daemon."""
        port = self.start_gateway().port("gateway")
        reader, writer = (self.connect_to(f"ws://127.0.0.1:{port}/ws", subprotocols=["netd.v1"]) for _ in range(2))
        self.assertEqual(reader.subprotocol, "netd.v1")
        reader.send(call("bus.subscribe", pattern="custom.>").decode())
        self.assertIn("position", json.loads(reader.recv(PATIENCE))["result"])
        writer.send(call("bus.publish", subject="custom.greeting", data={"says": "h\xe9"}).decode())
        writer.recv(PATIENCE)
        self.assertEqual(json.loads(reader.recv(PATIENCE))["params"]["data"], {"says": "h\xe9"})
        reader.send(call("bus.subscribe", pattern="system.main.vitals").decode())
        reader.recv(PATIENCE)
        self.assertEqual(json.loads(reader.recv(PATIENCE))["params"]["data"]["connections"], 2)

    def test_conformance(self) -> None:
        """Fragments, pings between them, long messages and texts of every kind are what RFC 6455 wants; the end is told."""
        daemon = self.start_gateway(LOOPBACK, "echo = yes", "max_message = 8MiB")
        port = daemon.port("gateway")
        connection = self.connect_to(f"ws://127.0.0.1:{port}/echo")
        for message in ("", "h\xe9\U0001f980", "x" * 125, "x" * 126, "x" * 65535, "x" * 65536, b"", b"\x00\xff" * 40_000):
            connection.send(message)
            self.assertEqual(connection.recv(PATIENCE), message)
        connection.send(iter(["one ", "h\xe9", "", " three"]))
        self.assertEqual(connection.recv(PATIENCE), "one h\xe9 three")
        small = b"y" * 64
        connection.send(small for _ in range(1 << 14))
        self.assertEqual(connection.recv(PATIENCE), small * (1 << 14))
        self.assertTrue(connection.ping(b"here").wait(PATIENCE))
        daemon.call("system.stop")
        with self.assertRaises(ConnectionClosed) as closed:
            connection.recv(PATIENCE)
        assert closed.exception.rcvd is not None
        self.assertEqual((closed.exception.rcvd.code, closed.exception.rcvd.reason), (1001, "netd stops"))

    def test_too_long(self) -> None:
        """A message over the limit ends its connection with the code for that, and no other connection."""
        port = self.start_gateway(LOOPBACK, "echo = yes", "max_message = 1KiB").port("gateway")
        connection, bystander = (self.connect_to(f"ws://127.0.0.1:{port}/echo") for _ in range(2))
        connection.send("x" * 1025)
        with self.assertRaises(ConnectionClosed) as closed:
            connection.recv(PATIENCE)
        assert closed.exception.rcvd is not None
        self.assertEqual(closed.exception.rcvd.code, 1009)
        bystander.send("still here")
        self.assertEqual(bystander.recv(PATIENCE), "still here")
