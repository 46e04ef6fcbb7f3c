"""What tests of the gateway stand on: a started one with a few operations, and visitors without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.bus.journal import Journal
from netd.client.websocket import FrameDecoder
from netd.config.descriptions import is_loopback
from netd.connection.budget import Budget
from netd.connection.shares import TurnShares
from netd.connection.turn import Turn
from netd.console.custom import CustomValues
from netd.console.operations import BusConsole
from netd.console.streams import EventStreams
from netd.errors import OperationFailed
from netd.gateway.config import Config
from netd.gateway.service import make_service
from netd.lifecycle import Lifecycle
from netd.operations import Caller, Operation, OperationTable, Role
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS, Tokens
from netd.system import System
from netd.testing import Connection, MemoryState, RecordingBus, WallClock, result_of
from tests.feed.bench import KEY, say

__all__ = ["GatewayTestCase", "Reply", "bearer", "call", "frames", "get", "handshake", "post", "replies"]

STATUS_LINE = b"HTTP/1."


@frozen
class Reply:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body of a plain answer, which is one line."""
        line = self.body.decode()
        assert line.endswith("\n"), line
        assert line.count("\n") == 1, line
        return line[:-1]


def replies(stream: bytes, is_head: bool = False) -> list[Reply]:
    """All answers in *stream*, which ends where an answer does."""
    found = []
    while stream:
        head, _, stream = stream.partition(b"\r\n\r\n")
        assert head.startswith(STATUS_LINE), head
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = [line.split(": ", 1) for line in lines]
        headers = dict(pairs)
        assert len(headers) == len(pairs), pairs
        length = 0 if is_head else int(headers.get("Content-Length", 0))
        body, stream = stream[:length], stream[length:]
        assert len(body) == length, (length, body)
        found.append(Reply(int(first.split()[1]), headers, body))
    return found


def get(path: str, *headers: str, method: str = "GET", host: str | None = "localhost:8080", version: str = "1.1") -> bytes:
    """A request without a body."""
    lines = [f"{method} {path} HTTP/{version}", *([f"Host: {host}"] if host is not None else []), *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def post(body: bytes, *headers: str, kind: str = "application/json", path: str = "/rpc") -> bytes:
    """A request with a body."""
    return get(path, f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers, method="POST") + body


def call(method: str, request_id: int | None = 1, **params: Any) -> bytes:
    """A JSON-RPC request; a notification where *request_id* is None."""
    request = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(request if request_id is None else {**request, "id": request_id}).encode()


def handshake(path: str = "/ws", *headers: str, host: str = "localhost:8080") -> bytes:
    """A client's handshake."""
    return get(
        path,
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        *headers,
        host=host,
    )


def frames(stream: bytes) -> list[tuple[int, bytes]]:
    """All messages and control frames in *stream*."""
    decoder = FrameDecoder()
    decoder.feed(stream)
    found = []
    while (message := decoder.next_message()) is not None:
        found.append(message)
    return found


class GatewayTestCase(SynchronousTestCase):
    """A started gateway.

    :ivar waiting: what the operation ``test.wait`` waits for.
    :ivar lost: who of those that called ``test.stay`` is gone.
    """

    options: dict[str, Any] = {}  # noqa: RUF012 - read only

    def setUp(self) -> None:
        self.state = Path(self.mktemp()).absolute()
        self.state.mkdir()
        self.reactor = MemoryReactorClock()
        self.waiting: list[Deferred[str]] = []
        self.lost: list[str] = []
        self.start(**self.options)

    def start(self, **options: Any) -> None:
        """Another gateway, in place of the one before."""
        if hasattr(self, "service"):
            self.end()
        self.bus = RecordingBus(WallClock(self.reactor))
        self.service = make_service(Config(state_directory=self.state, **options), self.reactor, self.bus)
        self.factory = self.service._gateway
        table = OperationTable()
        tokens = Tokens(self.state / TOKENS)
        seconds = self.reactor.seconds
        self.stopped: list[bool] = []
        lifecycle = Lifecycle(lambda: [self.service], self.bus, self.reactor)
        shares = TurnShares(self.reactor.seconds, self.reactor.callLater)

        def stop() -> None:
            self.stopped.append(True)

        stored = MemoryState(self.reactor, self.bus.wall).facts
        system = System(
            "lab",
            "/etc/netd.ini",
            [self.service],
            table,
            self.bus,
            seconds,
            tokens,
            lifecycle,
            shares.spent,
            Budget(seconds).facts,
            stop,
            stored,
        )
        turn = Turn(self.reactor.callLater)
        journal = Journal(turn.after, 16, 1 << 20)
        following, catching_up, passing = (shares.share(name, 0.01) for name in ("follow", "catch up", "pass on"))
        streams = EventStreams(self.bus, self.reactor, turn, following, catching_up, passing, lambda: "epoch", journal)
        bus_console = BusConsole(self.bus, streams, CustomValues(self.bus, self.reactor.seconds))
        table.add([*system.operations(), *bus_console.operations(), *self.own_operations()])
        self.service.use_operations(table)
        self.service.privilegedStartService()
        self.service.startService()
        self.addCleanup(self.stop)

    def end(self) -> None:
        """The gateway stops, and its clients leave."""
        stopped = self.service.stopService()
        for connection in list(self.factory.connections):
            connection.connectionLost(Failure(ConnectionDone()))
        result_of(stopped)

    def stop(self) -> None:
        """Nothing is left of it: no connection, no timer."""
        self.end()
        self.reactor.advance(200)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def own_operations(self) -> list[Operation]:
        """Of the kind ``test``."""
        return [
            Operation("test.add", _add, Role.VIEWER, "Add <b>two</b> numbers"),
            Operation("test.wait", self._wait, Role.OPERATOR, "Wait"),
            Operation("test.fail", _fail, Role.VIEWER, "Fail"),
            Operation("test.much", _much, Role.VIEWER, "Give much"),
            Operation("test.stay", self._stay, Role.VIEWER, "Wait for the caller's end"),
        ]

    def token(self, name: str = "panel", role: Role = Role.ADMIN, *subjects: str) -> str:
        """A token that was made just now."""
        return add_token(self.state / TOKENS, name, role, subjects, lambda size: name.encode().ljust(size, b"-"))

    def visit(self, local: str | None = "127.0.0.1") -> Connection:
        """A connection to the gateway at the address *local*; at a unix socket where that is None."""
        here: Any = UNIXAddress(b"/run/gateway.sock") if local is None else IPv4Address("TCP", local, 8080)
        there: Any = UNIXAddress(b"") if local is None else IPv4Address("TCP", local if is_loopback(local) else "10.0.0.9", 50412)
        protocol = self.factory.buildProtocol(there)
        transport = StringTransport(hostAddress=here, peerAddress=there)
        protocol.makeConnection(transport)
        return Connection(protocol, transport, self.reactor)

    def ask(self, *pieces: bytes, local: str | None = "127.0.0.1") -> Reply:
        """The answer to the one request that *pieces* make, on a connection of its own."""
        [reply] = replies(self.visit(local).say(*pieces), b"HEAD " in pieces[0])
        return reply

    def open(self, *headers: str, path: str = "/ws") -> Connection:
        """A connection that is a WebSocket."""
        connection = self.visit()
        head, _, rest = connection.say(handshake(path, *headers)).partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
        self.assertEqual(rest, b"")
        return connection

    def call(self, connection: Connection, method: str, **params: Any) -> Any:
        """Result or error of one call on a WebSocket."""
        [(_, text)] = frames(connection.say(say(call(method, **params).decode())))
        answer = json.loads(text)
        return answer["result"] if "result" in answer else answer["error"]

    def _stay(self, caller: Caller) -> None:
        assert caller.link is not None
        caller.link.when_lost(lambda: self.lost.append(caller.who))

    def _wait(self) -> Deferred[str]:
        self.waiting.append(Deferred())
        return self.waiting[-1]


def _add(left: int, right: int = 1) -> int:
    return left + right


def _fail() -> None:
    raise OperationFailed("as asked")


def _much() -> str:
    return "x" * 300_000


def bearer(token: str) -> str:
    """The header that gives *token*."""
    return f"Authorization: Bearer {token}"
