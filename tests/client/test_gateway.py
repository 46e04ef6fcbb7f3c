"""Tests of :mod:`netd.client.gateway` and what is below it, over pairs of connected sockets: no gateway, no waiting."""

from __future__ import annotations

import json
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.client.control import (
    BadAnswer,
    ControlError,
    ControlTimeout,
    Lost,
    NoSuchTarget,
    NotPermitted,
    NotRunning,
    RequestTooLong,
)
from netd.client.gateway import Event, Gateway, Surroundings
from netd.client.gateway_access import Access, NotTrusted, connect_error, read_url
from netd.client.gateway_plan import IDLE
from netd.client.websocket import CLOSE, PONG, FrameDecoder, masked
from netd.codec.websocket import Opcode, frame, text_frame
from tests.client.gateways import UPGRADED, Pairs, response, rpc
from tests.client.test_events import event, params_of, subscribed

SECRET = "T0p-5ecret"

Connect = Callable[[str, int, float], socket.socket]


class GatewayTests(SynchronousTestCase):
    def gateway(self, *script: bytes, hangs_up: bool = False, connect: Connect | None = None, **options: Any) -> Gateway:
        """A client of a gateway that says *script*, one part for each connection."""
        self.pairs = Pairs(*script, hangs_up=hangs_up)
        self.addCleanup(self.pairs.close)
        self.now = self.step = 0.0
        surroundings = Surroundings(
            connect or self.pairs.connect,
            self.clock,
            chance=lambda: 1.0,
            random_bytes=bytes,
            pause=lambda closed, seconds: setattr(self, "now", self.now + seconds),
        )
        self.client = Gateway("http://lab:8080", timeout=3.0, surroundings=surroundings, **options)
        self.addCleanup(self.client.close)
        return self.client

    def clock(self) -> float:
        """Seconds; a step more at each look."""
        self.now += self.step
        return self.now

    def said(self, number: int = 0) -> tuple[list[str], Any]:
        """The first request on a connection: the lines of its head, and its body."""
        head, _, body = self.pairs.servers[number].recv(65536).partition(b"\r\n\r\n")
        return head.decode().split("\r\n"), body


class CallTests(GatewayTests):
    def test_call(self) -> None:
        """An operation is asked for by name, with the token, over one connection for several calls."""
        gateway = self.gateway(rpc(1, ["a"]), rpc(2, "b"), token=SECRET)
        self.assertEqual(self.pairs.asked, [])
        self.assertEqual(gateway.call("relay.send", target="greenhouse", method=5), ["a"])
        self.assertEqual(self.pairs.asked, [("lab", 8080, 3.0)])
        lines, body = self.said()
        self.assertIn(f"Authorization: Bearer {SECRET}", lines)
        self.assertEqual(
            json.loads(body),
            {"jsonrpc": "2.0", "id": 1, "method": "relay.send", "params": {"target": "greenhouse", "method": 5}},
        )
        self.pairs.servers[0].sendall(rpc(2, "b"))
        self.now += IDLE  # too old to be used again: the server may be about to close it
        self.assertEqual(gateway.call("x"), "b")
        self.assertEqual(len(self.pairs.asked), 2)

    def test_reuse(self) -> None:
        """A connection on which the server has said nothing more is used again; others are not."""
        gateway = self.gateway(rpc(1), rpc(3) + b"x", rpc(4))
        gateway.call("x")
        threading.Timer(0.02, self.pairs.servers[0].sendall, (rpc(2),)).start()
        gateway.call("x")
        self.assertEqual(len(self.pairs.asked), 1)
        self.pairs.servers[0].shutdown(socket.SHUT_RDWR)  # the server is tired of it
        gateway.call("x")
        gateway.call("x")
        self.assertEqual(len(self.pairs.asked), 3)  # nor that which had more to say

    def test_last(self) -> None:
        """A server that wants no second request on a connection gets none."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": 5}).encode()
        gateway = self.gateway(response(body, headers="Connection: close\r\n"), rpc(2, 6))
        self.assertEqual([gateway.call("x"), gateway.call("x")], [5, 6])
        self.assertEqual(len(self.pairs.asked), 2)

    def test_errors(self) -> None:
        """Errors are of the same classes as over the control socket, wherever they come from."""
        gateway = self.gateway(rpc(1, code=-32001, message="no device"), response(b"token", "401 Unauthorized"), rpc(77, 5))
        self.assertRaises(NoSuchTarget, gateway.call, "relay.send")
        self.pairs.servers[0].shutdown(socket.SHUT_RDWR)
        self.assertRaises(NotPermitted, gateway.call, "relay.send")
        self.pairs.servers[1].shutdown(socket.SHUT_RDWR)
        self.assertRaises(BadAnswer, gateway.call, "relay.send")
        self.assertRaises(RequestTooLong, gateway.call, "x", text="x" * (1 << 20))

    def test_lost(self) -> None:
        """A gateway that hangs up instead of answering is told as that."""
        gateway = self.gateway(b"HTTP/1.1 200", hangs_up=True)
        self.assertRaises(Lost, gateway.call, "x")

    def test_too_long(self) -> None:
        """An answer without end does not fill the memory."""
        gateway = self.gateway(response(b"x" * 2000), max_answer=1000)
        self.assertRaises(BadAnswer, gateway.call, "x")

    def test_timeout(self) -> None:
        """The time is for the whole call, however the answer dribbles in."""
        for timeout, step in ((0.05, 0.0), (3.0, 10.0)):
            gateway = self.gateway(b"HTTP/1.1 200 OK\r\n")
            gateway.timeout, self.step = timeout, step
            with self.assertRaisesRegex(ControlTimeout, "did not answer relay.send within"):
                gateway.call("relay.send")

    def test_no_connection(self) -> None:
        """A gateway that is not there is named, with the reason."""

        def refuse(host: str, port: int, timeout: float) -> socket.socket:
            raise ConnectionRefusedError(111, "Connection refused")

        with self.assertRaisesRegex(NotRunning, "cannot reach netd at http://lab:8080: Connection refused"):
            self.gateway(connect=refuse).call("x")

    def test_closed(self) -> None:
        """After close there are no more calls, and one that waits for its answer ends."""
        gateway = self.gateway(b"", rpc(2))
        threading.Timer(0.05, gateway.close).start()
        self.assertRaises(Lost, gateway.call, "x")
        with gateway:
            pass
        self.assertRaises(Lost, gateway.call, "x")

    def test_closed_when_the_answer_comes(self) -> None:
        """A connection is not kept by a client that was closed meanwhile."""
        test = self

        class Closing(socket.socket):
            def recv(self, size: int, flags: int = 0) -> bytes:
                received = super().recv(size, flags)
                test.client.close()
                return received

        def connect(host: str, port: int, timeout: float) -> socket.socket:
            return Closing(fileno=self.pairs.connect(host, port, timeout).detach())

        self.assertEqual(self.gateway(rpc(1, 5), connect=connect).call("x"), 5)
        self.assertEqual(self.pairs.servers[0].recv(65536)[-1:], b"}")
        self.assertEqual(self.pairs.servers[0].recv(65536), b"")


class SecretTests(GatewayTests):
    def test_nowhere(self) -> None:
        """The token is in no text that a client shows of itself."""
        gateway = self.gateway(response(SECRET.encode()[:0], "401 Unauthorized"), token=SECRET)
        self.assertNotIn(SECRET, repr(gateway) + repr(gateway._access) + str(gateway._subscriptions))
        error = self.assertRaises(NotPermitted, gateway.call, "x")
        self.assertNotIn(SECRET, repr(error) + str(error))

    def test_token_file(self) -> None:
        """A token in a file is read anew for each connection: it may be changed while the program runs."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "token"
            access = Access("http://lab", token_file=path)
            with self.assertRaisesRegex(ControlError, "cannot read the token in .*: No such file"):
                access.token()
            path.write_text("one\n", "utf-8")
            self.assertEqual(access.token(), "one")
            path.write_text("two", "utf-8")
            self.assertEqual(access.token(), "two")
            path.write_bytes(b"\xff5ecret")
            error = self.assertRaises(ControlError, access.token)
            self.assertNotIn("ecret", str(error))

    def test_wrong_arguments(self) -> None:
        """What cannot be is refused at once."""
        for wrong in ({"token": "a", "token_file": "b"}, {"cafile": "c"}, {"token": "a b"}):
            self.assertRaises(ValueError, Gateway, "http://lab", **wrong)
        self.assertRaises(ValueError, Gateway, "lab")


class TlsTests(SynchronousTestCase):
    def test_contexts(self) -> None:
        """Certificates are checked, always; a file of them that is none is an error that names it."""
        self.assertIsNone(Access("http://lab").tls())
        context = Access("https://lab").tls()
        assert context is not None
        self.assertEqual((context.verify_mode, context.check_hostname), (ssl.CERT_REQUIRED, True))
        with self.assertRaisesRegex(NotTrusted, "/nowhere/ca.pem"):
            Access("https://lab", cafile="/nowhere/ca.pem").tls()

    def test_errors(self) -> None:
        """Each way in which there can be no connection is told as what it means."""
        place = read_url("https://lab")
        unsigned = ssl.SSLCertVerificationError(1, "x")
        unsigned.verify_code = 18
        for error, error_class, said in (
            (unsigned, NotTrusted, "https://lab: the server's certificate is self-signed"),
            (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), NotTrusted, "https://lab: this port does not speak TLS"),
            (TimeoutError(), ControlTimeout, "nobody takes the connection"),
            (socket.gaierror(-2, "Name or service not known"), NotRunning, "Name or service not known"),
            (UnicodeError("label too long"), NotRunning, "label too long"),
        ):
            told = connect_error(place, error)
            self.assertIsInstance(told, error_class)
            self.assertIn(said, str(told))

    def test_no_tls_there(self) -> None:
        """A server without TLS is told as that."""
        pairs = Pairs(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.addCleanup(pairs.close)
        gateway = Gateway("https://lab", surroundings=Surroundings(pairs.connect))
        self.assertRaises(NotTrusted, gateway.call, "x")


class SubscribeTests(GatewayTests):
    def test_events(self) -> None:
        """Events come over a WebSocket of the subscription's own; leaving it says goodbye."""
        script = (
            UPGRADED + text_frame(subscribed(1, "c:0")) + text_frame(event(1)) + frame(Opcode.PING, b"p") + text_frame(event(2))
        )
        gateway = self.gateway(script, token=SECRET)
        with gateway.subscribe("a.>", every=0.5, replay=2, policy="latest") as subscription:
            self.assertEqual([next(subscription), next(subscription)], [Event("a.b", 1, 5.0, 1), Event("a.b", 1, 5.0, 2)])
        lines, rest = self.said()
        self.assertIn(f"Authorization: Bearer {SECRET}", lines)
        heard = messages_in(rest)
        wanted = {"pattern": "a.>", "every": 0.5, "replay": 2, "policy": "latest"}
        self.assertEqual(params_of(heard[0][1]), wanted)
        self.assertEqual(heard[1:], [(PONG, b"p"), (CLOSE, b"\x03\xe8")])

    def test_resumes(self) -> None:
        """A new connection logs in again, and goes on where the last one was."""
        gateway = self.gateway(
            UPGRADED + text_frame(subscribed(1, "c:0")) + text_frame(event(1)) + frame(Opcode.CLOSE, b"\x03\xe9"),
            UPGRADED + text_frame(subscribed(2, "c:2", 1)) + text_frame(event(2)),
            token=SECRET,
        )
        subscription = gateway.subscribe("a.>")
        self.assertEqual([next(subscription)[3], next(subscription)[3]], [1, 2])
        lines, rest = self.said(1)
        self.assertIn(f"Authorization: Bearer {SECRET}", lines)
        self.assertEqual(params_of(messages_in(rest)[0][1])["since"], "c:1")

    def test_refused(self) -> None:
        """A token that is not known ends the subscription with an error."""
        gateway = self.gateway(response(b"", "401 Unauthorized"))
        self.assertRaises(NotPermitted, next, gateway.subscribe("a.>"))

    def test_no_handshake(self) -> None:
        """A server that says nothing is given up."""
        gateway = self.gateway(b"")
        gateway.timeout = 0.02
        self.assertRaises(ControlTimeout, next, gateway.subscribe("a.>"))

    def test_close(self) -> None:
        """Closing the gateway ends its subscriptions, also one that waits in another thread; later ones have no connection."""
        gateway = self.gateway(UPGRADED + text_frame(subscribed(1, "c:0")))
        subscription = gateway.subscribe("a.>")
        gateway.subscribe("b.>").close()
        threading.Timer(0.05, gateway.close).start()
        self.assertEqual(list(subscription), [])
        self.pairs.script.append(UPGRADED)
        self.assertRaises(Lost, next, gateway.subscribe("a.>"))


def messages_in(stream: bytes) -> list[tuple[int, bytes]]:
    """The messages that a client sent."""
    unmasked, at = b"", 0
    while at < len(stream):  # frames of up to 125 bytes, and up to 65535
        size, start = stream[at + 1] & 127, at + 2
        if size == 126:
            size, start = int.from_bytes(stream[start : start + 2], "big"), start + 2
        unmasked += frame(Opcode(stream[at] & 15), masked(stream[start + 4 : start + 4 + size], stream[start : start + 4]))
        at = start + 4 + size
    decoder = FrameDecoder()
    decoder.feed(unmasked)
    return list(iter(decoder.next_message, None))  # type: ignore[arg-type]
