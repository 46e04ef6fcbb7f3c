"""A flood of newcomers on each wire, by real processes: whoever was there before is answered all the same."""

from __future__ import annotations

import json
import re
import secrets
import select
import socket
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from netd.client.websocket import TEXT, encode_frame
from netd.operations import Role
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS
from tests.connection.newcomers import handshake
from tests.process import LOOPBACK, PATIENCE, Daemon, RealTestCase, frame

RATE, VOLUME, SECONDS = 200, 800_000, 2.0
"""New connections a second, bytes a second of all of them, and how long."""

SPACING = 0.05
"""Seconds between two questions of the one that was there before."""

SOON = 0.25
"""Seconds in which it is to be answered."""

INI = f"""\
[relay]
listen = {LOOPBACK}
[feed]
listen = {LOOPBACK}
[command]
listen = {LOOPBACK}
persistent = yes
functions = commands.py
[room]
listen = {LOOPBACK}
turns = no
size = 10000
[session]
listen = {LOOPBACK}
accept_unsolicited = yes
sessions_per_host = 1000
[gateway]
listen = {LOOPBACK}
"""

MASK = bytes(4)

Question = Callable[[int], bytes]


def _call(number: int, method: str, **params: object) -> bytes:
    request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return encode_frame(TEXT, json.dumps(request).encode(), MASK)


class NewcomersTests(RealTestCase):
    daemon: Daemon

    def setUp(self) -> None:
        super().setUp()
        (self.folder / "commands.py").write_text(
            'from netd.command import command\n\n\n@command("ping")\ndef ping():\n    return 1\n', encoding="utf-8"
        )
        self.state.mkdir(0o700)
        self.token = add_token(self.state / TOKENS, "operator", Role.OPERATOR, (), secrets.token_bytes)
        self.daemon = self.start(self.write_ini(INI))

    def test_gateway(self) -> None:
        """An operator's calls, beside WebSockets without a token that send pings."""
        connection = self._websocket("gateway", "/ws", f"Authorization: Bearer {self.token}")
        self._check("gateway", connection, connection, lambda number: _call(number, "relay.devices"), b'"result"')

    def test_gateway_over_http(self) -> None:
        """The same, beside requests that are sent ahead of each other's answers."""
        connection = self._websocket("gateway", "/ws", f"Authorization: Bearer {self.token}")
        self._check("gateway-http", connection, connection, lambda number: _call(number, "relay.devices"), b'"result"')

    def test_feed(self) -> None:
        """Subscriptions, beside pings."""
        connection = self._websocket("feed", "/", "Sec-WebSocket-Protocol: netd.feed.v1")
        question = encode_frame(TEXT, b'{"subscribe": {"interval": 3600}}', MASK)
        self._check("feed", connection, connection, lambda _: question, b'"subscribed"')

    def test_command(self) -> None:
        """Commands, beside lines that are none."""
        connection = self.connect(self.daemon.port("command"))
        self._check("command", connection, connection, lambda number: b'{"command_id": "ping", "id": %d}\n' % number, b'"id"')

    def test_relay(self) -> None:
        """Events of a controller, beside events of others."""
        connection = self.connect(self.daemon.port("relay"))
        question = frame(b"python") + b"127.0.0.1:1".ljust(64) + frame(b"x")
        self._check("relay", connection, connection, lambda _: question, b"|target not found|")

    def test_room(self) -> None:
        """What one bot says to another, beside bots that say too much."""
        port = self.daemon.port("room")
        speaker, listener = self.connect(port), self.connect(port)
        speaker.sendall(b"alice\n")
        listener.sendall(b"bob\n")
        self._check("room", speaker, listener, lambda number: b"hello%d\n" % number, b"hello")

    def test_session(self) -> None:
        """Samples that somebody watches, beside those of other agents."""
        agent = self.connect(self.daemon.port("session"))
        agent.sendall(b"s1910\ns2911\ns3912\n")
        watcher = self._websocket("gateway", "/ws", f"Authorization: Bearer {self.token}")
        watcher.sendall(_call(1, "bus.subscribe", pattern="session.*.*.y"))
        self._check("session", agent, watcher, lambda number: b"y%d\n" % (777_000 + number), b'"value":777')

    def _websocket(self, service: str, path: str, *headers: str) -> socket.socket:
        connection = self.connect(self.daemon.port(service))
        connection.sendall(handshake(path, *headers))
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1)
        self.assertIn(b" 101 ", head)
        return connection

    def _check(self, flood: str, speaker: socket.socket, listener: socket.socket, question: Question, mark: bytes) -> None:
        time.sleep(1.0)  # from then on it is no newcomer
        port = self.daemon.port(flood.partition("-")[0])
        newcomers = self.program(Path(__file__).with_name("newcomers.py"), flood, port, RATE, VOLUME, SECONDS)
        waits = self._ask(speaker, listener, question, mark)
        newcomers.wait_for(r'"connections": \d+')
        # Half of them, not all: the flood and other tests want the processor, too. Without fairness it is seconds, or never.
        self.assertLess(statistics.median(waits), SOON, f"{flood}: {newcomers.output} {sorted(waits)}")

    def _ask(self, speaker: socket.socket, listener: socket.socket, question: Question, mark: bytes) -> list[float]:
        """Ask again and again while the flood lasts; how long each answer took."""
        asked: list[float] = []
        waits: list[float] = []
        heard, begin, end = b"", time.monotonic(), 0.0
        count = round(SECONDS / SPACING)
        while len(waits) < count:
            now = time.monotonic()
            self.assertLess(now - begin, PATIENCE, f"{len(asked)} asked, answered after {waits}")
            if len(asked) < count and now >= begin + len(asked) * SPACING:
                speaker.sendall(question(len(asked)))
                asked.append(now)
            end = begin + len(asked) * SPACING
            if select.select([listener], [], [], min(max(0.0, end - time.monotonic()), SPACING))[0]:
                segment = listener.recv(1 << 16)
                self.assertTrue(segment, "the connection was closed")
                *found, heard = re.split(re.escape(mark), heard + segment)
                waits += [time.monotonic() - asked[len(waits) + place] for place in range(len(found))]
        return waits
