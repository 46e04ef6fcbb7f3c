"""Tests of ``netd.gateway.protocol``: connections that become WebSockets, and what they can do then."""

from __future__ import annotations

import json
import weakref

from twisted.internet.error import ConnectionDone
from twisted.logger import LogEvent, LogLevel, capturedLogs, globalLogPublisher
from twisted.python.failure import Failure

from netd.client.websocket import BINARY, CLOSE, PING, PONG, TEXT, encode_frame
from netd.connection.fairness import Lane
from netd.connection.websocket_protocol import HEAD_LIMIT
from netd.gateway.protocol import EARLY_BYTES, EARLY_FRAMES
from netd.message import Message
from netd.operations import Role
from netd.secrets.token_file import remove_token
from netd.secrets.tokens import TOKENS
from tests.feed.bench import MASK, close_frame, pong, say
from tests.gateway.visits import GatewayTestCase, bearer, call, frames, get, handshake, post, replies


class HandshakeTests(GatewayTestCase):
    def test_every_cut(self) -> None:
        """However handshake and first call are cut into segments, the answers are the same."""
        stream = handshake("/ws", "Sec-WebSocket-Protocol: netd.v1") + say(call("test.add", left=1).decode())
        whole = self.visit().say(stream)
        head, _, rest = whole.partition(b"\r\n\r\n")
        self.assertIn(b"\r\nSec-WebSocket-Protocol: netd.v1", head)
        self.assertEqual([json.loads(text)["result"] for _, text in frames(rest)], [2])
        for cut in range(1, len(stream)):
            connection = self.visit()
            self.assertEqual(connection.say(stream[:cut]) + connection.say(stream[cut:]), whole, cut)
            connection.lose()

    def test_subprotocol(self) -> None:
        """A client that names no subprotocol, or another, is served all the same."""
        for header in ([], ["Sec-WebSocket-Protocol: other"]):
            connection = self.open(*header)
            self.assertIsNone(connection.protocol.subprotocol)  # type: ignore[attr-defined]

    def test_after_requests(self) -> None:
        """A connection that served requests before can become a WebSocket, even with all of it sent ahead."""
        connection = self.visit()
        stream = get("/healthz") + post(call("test.add", left=2)) + handshake() + say(call("test.add", left=1).decode())
        first, _, rest = connection.say(stream).partition(b"HTTP/1.1 101 ")
        self.assertEqual([reply.status for reply in replies(first)], [200, 200])
        self.assertEqual([json.loads(text)["result"] for _, text in frames(rest.partition(b"\r\n\r\n")[2])], [2])

    def test_after_a_long_call(self) -> None:
        """A handshake that was sent ahead of an answer waits for it."""
        connection = self.visit()
        self.assertEqual(connection.say(post(call("test.wait")) + handshake()), b"")
        self.waiting[0].callback("done")
        self.assertIn(b"HTTP/1.1 101 ", connection.heard())

    def test_no_upgrade(self) -> None:
        """A browser that opens the address is told what it is."""
        reply = self.ask(get("/ws"))
        self.assertEqual((reply.status, reply.headers["Upgrade"]), (426, "websocket"))
        self.assertEqual(reply.text, "this is a WebSocket: connect with a WebSocket client")

    def test_bad_handshakes(self) -> None:
        """A handshake that is none is refused with a reason, and counted."""
        good = handshake()
        for broken, status in (
            (good.replace(b"Key: dGhl", b"Key: ????"), 400),
            (good.replace(b"Version: 13", b"Version: 7"), 400),
            (good.replace(b"Connection: Upgrade", b"Connection: close"), 400),
            (good.replace(b"HTTP/1.1", b"HTTP/1.0"), 403),
            (good.replace(b"GET /ws", b"POST /ws"), 405),
            (handshake("/other"), 404),
            (handshake("/echo"), 404),
        ):
            self.assertEqual(self.ask(broken).status, status, broken)
        self.assertEqual(self.factory.counters()["refused"], {"bad handshake": 3, "proxy without tokens": 1})

    def test_reasons(self) -> None:
        """A client that speaks another version learns which there are; what it sent is shown as text, in one line."""
        reply = self.ask(handshake().replace(b"Version: 13", b"Version: 7"))
        self.assertEqual(reply.headers["Sec-WebSocket-Version"], "13,8")
        reply = self.ask(handshake().replace(b"Connection: Upgrade", b"Connection: \x1b[2J"))
        self.assertIn("\\x1b[2j", reply.text.lower())

    def test_lightness(self) -> None:
        """A WebSocket, of which there may be thousands, drags nothing of its HTTP along."""
        connection = self.visit()
        conversation = weakref.ref(connection.protocol._conversation)  # type: ignore[attr-defined]
        connection.say(handshake())
        self.assertIsNone(conversation())

    def test_elsewhere(self) -> None:
        """A request that asks for an upgrade where there is none to be had is answered as if it had not."""
        self.assertEqual(self.ask(handshake("/healthz")).status, 200)

    def test_long_head(self) -> None:
        """A handshake is no longer than any other head."""
        self.assertEqual(self.ask(handshake("/ws", "X: " + "x" * HEAD_LIMIT)).status, 431)

    def test_compression(self) -> None:
        """Compression is never agreed to: what inflates a thousandfold is not even tried."""
        head = self.visit().say(handshake("/ws", "Sec-WebSocket-Extensions: permessage-deflate"))
        self.assertIn(b" 101 ", head)
        self.assertNotIn(b"Extensions", head)


class CallTests(GatewayTestCase):
    def test_calls(self) -> None:
        """A WebSocket calls operations, one or several in a message; a message may be binary."""
        connection = self.open()
        self.assertEqual(self.call(connection, "test.add", left=1), 2)
        self.assertEqual(self.call(connection, "test.ad", left=1)["code"], -32601)
        batch = b"[" + call("test.add", left=1) + b"," + call("test.add", None, left=1) + b"]"
        [(opcode, text)] = frames(connection.say(encode_frame(BINARY, batch, MASK)))
        self.assertEqual((opcode, [one["result"] for one in json.loads(text)]), (TEXT, [2]))
        self.assertEqual(connection.say(say(call("test.add", None, left=1).decode())), b"")

    def test_out_of_order(self) -> None:
        """A call that takes long holds up no other."""
        connection = self.open()
        heard = connection.say(say(call("test.wait", 1).decode()), say(call("test.add", 2, left=1).decode()))
        self.assertEqual([json.loads(text)["id"] for _, text in frames(heard)], [2])
        self.waiting[0].callback("done")
        self.assertEqual([json.loads(text)["id"] for _, text in frames(connection.heard())], [1])

    def test_many_calls(self) -> None:
        """A client with 64 unanswered calls is not read from, nor is what was read already, until one is answered."""
        connection = self.open()
        connection.say(say(call("test.wait").decode()) * 200)
        self.assertLess(len(self.waiting), 90)
        self.assertGreaterEqual(len(self.waiting), 64)
        self.assertEqual(connection.transport.producerState, "paused")
        while self.waiting:
            self.waiting.pop(0).callback("done")
            self.reactor.advance(0)
        self.assertEqual(len(frames(connection.heard())), 200)
        self.assertEqual(connection.transport.producerState, "producing")

    def test_answers_that_are_not_read(self) -> None:
        """A client that calls and does not read costs its bound and a little, and loses no answer."""
        connection = self.open()
        connection.transport.producer.pauseProducing()
        connection.say(say(call("test.much").decode()) * 300)
        self.assertLess(connection.protocol.peer.waiting, 4_000_000)
        connection.transport.producer.resumeProducing()
        self.assertEqual(len(frames(connection.heard())), 300)

    def test_subscription(self) -> None:
        """Events of the bus come by themselves, in one write a turn."""
        connection = self.open()
        self.assertEqual(self.call(connection, "bus.subscribe", pattern="custom.>")["position"], "epoch:0")
        for value in (1, 2):
            self.bus.publish(Message("custom.x", value))
        writes: list[bytes] = []
        connection.transport.write = writes.append  # type: ignore[method-assign]
        connection.heard()
        events = [json.loads(text)["params"] for _, text in frames(b"".join(writes))]
        self.assertEqual(
            [(event["seq"], event["subject"], event["data"]) for event in events], [(1, "custom.x", 1), (2, "custom.x", 2)]
        )
        self.assertEqual(len(writes), 1)

    def test_slow_subscriber(self) -> None:
        """Who reads too slowly is told what it lost, when there is room again."""
        connection = self.open()
        self.call(connection, "bus.subscribe", pattern="custom.>", policy="latest")
        connection.transport.producer.pauseProducing()
        for value in range(10):
            self.bus.publish(Message("custom.x", value))
            self.reactor.advance(0)
        connection.transport.producer.resumeProducing()
        notice, event = [json.loads(text) for _, text in frames(connection.heard())]
        self.assertEqual((notice["method"], notice["params"]["count"]), ("dropped", 9))
        self.assertEqual(event["params"]["data"], 9)

    def test_subscriptions_end_with_the_connection(self) -> None:
        """A browser that is closed is no listener any more."""
        connection = self.open()
        self.call(connection, "bus.subscribe", pattern="custom.>")
        self.call(connection, "test.stay")
        connection.lose()
        self.assertEqual(self.lost, ["gateway 127.0.0.1:50412"])
        self.reactor.advance(200)
        self.assertFalse(self.bus.wants("custom.x"))


class LoginTests(GatewayTestCase):
    def test_on_the_handshake(self) -> None:
        """A program gives its token with the handshake, and is who that says from the first message on."""
        token = self.token("panel", Role.VIEWER)
        connection = self.open(bearer(token))
        self.assertEqual(self.call(connection, "test.add", left=1), 2)
        self.assertEqual(self.call(connection, "test.wait")["code"], -32002)
        self.reactor.advance(15)
        self.assertFalse(connection.is_closing)
        self.assertEqual(connection.protocol.describe(), "127.0.0.1:50412, token panel")

    def test_in_the_first_message(self) -> None:
        """A browser gives its token in its first message; until then it may do nothing else."""
        token = self.token("panel", Role.VIEWER, "test.main.>", "custom.>")
        connection = self.open()
        self.assertEqual(self.call(connection, "test.add", left=1)["code"], -32002)
        self.assertEqual(self.call(connection, "system.login", token="netd_x")["code"], -32002)
        granted = {"name": "panel", "role": "viewer", "subjects": ["test.main.>", "custom.>"], "proof": "token"}
        self.assertEqual(self.call(connection, "system.login", token=token), granted)
        self.assertEqual(self.call(connection, "test.add", left=1), 2)
        self.assertEqual(self.call(connection, "bus.subscribe", pattern=">")["code"], -32002)
        self.reactor.advance(15)
        self.assertFalse(connection.is_closing)
        self.assertEqual(connection.protocol.describe(), "127.0.0.1:50412, token panel")

    def test_early_frames(self) -> None:
        """Before its login a WebSocket may send only so many frames: a flood of pings without a token ends soon."""
        token = self.token()
        patient, flooder = self.open(), self.open()
        self.call(patient, "system.login", token=token)
        ping = encode_frame(PING, b"", MASK)
        self.assertEqual([kind for kind, _ in frames(patient.say(ping * 40))], [PONG] * 40)
        said = frames(flooder.say(ping * 40))
        self.assertIn((CLOSE, b"\x03\xf0log in first, with system.login"), said)
        self.assertEqual([kind for kind, _ in said if kind != CLOSE], [PONG] * EARLY_FRAMES)
        self.assertEqual(self.factory.counters()["refused"], {"too much before the login": 1})

    def test_early_bytes(self) -> None:
        """Nor may it send much."""
        self.token()
        connection = self.open()
        connection.say(say("x" * (EARLY_BYTES + 100)))
        self.assertTrue(connection.is_closing)

    def test_standing(self) -> None:
        """Connections with a token are known by it, over HTTP and over WebSockets; all others share their address."""
        token = self.token("panel")
        connection = self.open()
        self.assertEqual(connection.protocol.standing(), (Lane.UNKNOWN, "127.0.0.1"))
        self.call(connection, "system.login", token=token)
        lane, key = connection.protocol.standing()
        self.assertEqual((lane, key.split()[0]), (Lane.KNOWN, "panel"))
        plain = self.visit()
        plain.say(b"GET /api HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token.encode() + b"\r\n\r\n")
        self.assertEqual(plain.protocol.standing(), (lane, key))

    def test_unknown_tokens(self) -> None:
        """The third unknown token is answered, and ends the connection; what is sent behind it is not looked at.

        The next connection has one try. It is counted, logged once, and shown among the metrics; the log has none of the tokens.
        """
        token = self.token()
        connection = self.open()
        with capturedLogs() as logged:
            for _ in range(2):
                self.assertEqual(self.call(connection, "system.login", token="netd_x")["code"], -32002)
            guesses = [json.loads(call("system.login", number, token=f"netd_{number}")) for number in range(20)]
            said = frames(connection.say(say(json.dumps(guesses)) + say(call("system.login", 99, token=token).decode())))
        self.assertEqual(said[-1], (CLOSE, b"\x03\xf0too many unknown tokens"))
        *batch, last = [json.loads(text) for _, text in said[:-1]]
        why = [answer["error"]["message"].partition(";")[0] for answer in (*batch[0], last)]
        self.assertEqual(why, ["this token is unknown"] + ["too many unknown tokens"] * 20)
        self.assertTrue(connection.is_closing)
        self.assertEqual(self.factory.counters()["refused"], {"unknown token": 3})
        self.assertEqual(["unknown token"], [event["kind"] for event in logged if "kind" in event])
        self.assertNotIn("netd_x", repr(logged))
        again = self.open()
        (_, answer), (kind, _) = frames(again.say(say(call("system.login", token="netd_x").decode())))
        self.assertEqual((json.loads(answer)["error"]["code"], kind), (-32002, CLOSE))
        metrics = self.ask(get("/metrics", bearer(token))).body
        self.assertIn(b'netd_refused_total{kind="gateway",reason="unknown token",section="gateway"} 4.0', metrics)

    def test_not_said(self) -> None:
        """Who does not say who that is within eight seconds is told so and closed, whatever else is said."""
        self.token()
        connection = self.open()
        for _second in range(7):
            self.reactor.advance(1)
            self.assertEqual(self.call(connection, "test.add", left=1)["code"], -32002)
        self.reactor.advance(1)
        self.assertEqual(frames(connection.heard()), [(CLOSE, b"\x03\xf0not greeted in time")])
        self.assertTrue(connection.is_closing)

    def test_token_removed(self) -> None:
        """Whoever's token is removed is closed within two seconds; others, and those with other tokens, stay."""
        connection, other = self.open(bearer(self.token("panel"))), self.open(bearer(self.token("other")))
        later = self.open()
        self.call(later, "system.login", token=self.token("third"))
        self.reactor.advance(2)
        remove_token(self.state / TOKENS, "panel")
        remove_token(self.state / TOKENS, "third")
        self.reactor.advance(2)
        for gone in (connection, later):
            self.assertEqual(frames(gone.heard()), [(CLOSE, b"\x03\xf0its token was removed or changed")])
        self.assertFalse(other.is_closing)

    def test_first_token(self) -> None:
        """When the first token is made, who came in without one is closed."""
        connection = self.open()
        self.reactor.advance(2)
        self.assertFalse(connection.is_closing)
        self.token()
        self.reactor.advance(2)
        self.assertEqual(frames(connection.heard()), [(CLOSE, b"\x03\xf0a token is needed now")])

    def test_unusable_tokens(self) -> None:
        """While the file cannot be trusted, nobody is closed for it; when it can be again, it counts."""
        connection = self.open(bearer(self.token()))
        (self.state / TOKENS).chmod(0o644)
        self.reactor.advance(2)
        self.assertFalse(connection.is_closing)
        (self.state / TOKENS).chmod(0o600)
        remove_token(self.state / TOKENS, "panel")
        self.reactor.advance(2)
        self.assertTrue(connection.is_closing)

    def test_second_login(self) -> None:
        """Who has rights connects anew for others: subscriptions do not outlive them."""
        token = self.token()
        connection = self.open(bearer(token))
        self.assertEqual(self.call(connection, "system.login", token=token)["code"], -32002)

    def test_unknown_on_the_handshake(self) -> None:
        """A token that is given and unknown is no handshake."""
        self.token()
        self.assertEqual(self.ask(handshake("/ws", bearer("netd_x"))).status, 401)

    def test_pings_begin_after_the_login(self) -> None:
        """Who has logged in is asked now and then whether it is still there."""
        token = self.token()
        connection = self.open()
        self.call(connection, "system.login", token=token)
        self.reactor.advance(8)
        self.reactor.advance(20)
        self.assertEqual(frames(connection.heard()), [(PING, b"")])


class CrowdTests(GatewayTestCase):
    def test_one_token(self) -> None:
        """A token that has a quarter of all connections gets no more, in words, by header and by login; another one does."""
        stolen, other = (f"Authorization: Bearer {self.token(name)}" for name in ("stolen", "other"))
        unproved, first, *_others = self.open(), *(self.open(stolen) for _ in range(5))
        self.factory.share.budget.limit = 20
        reply = self.ask(get("/metrics", stolen))
        self.assertEqual(reply.status, 429)
        self.assertEqual(reply.text, "the token stolen has a quarter of all connections that netd has room for, and gets no more")
        self.assertEqual(self.ask(handshake("/ws", stolen)).status, 429)
        error = self.call(unproved, "system.login", token=stolen.rpartition(" ")[2])
        self.assertIn("has a quarter of all connections", error["message"])
        self.assertEqual(self.ask(get("/metrics", other)).status, 200)
        first.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.ask(get("/metrics", stolen)).status, 200)


class EchoTests(GatewayTestCase):
    options = {"echo": True, "max_message": 1 << 22}  # noqa: RUF012 - read only

    def test_echo(self) -> None:
        """Every message comes back, as what it was."""
        connection = self.open(path="/echo")
        for opcode, payload in ((TEXT, "h\xe9".encode()), (BINARY, b"\xff\x00"), (TEXT, b""), (BINARY, b"x" * 70_000)):
            self.assertEqual(frames(connection.say(encode_frame(opcode, payload, MASK))), [(opcode, payload)])

    def test_not_for_nobody(self) -> None:
        """Where there are tokens, one is needed here too."""
        token = self.token()
        self.assertEqual(self.ask(handshake("/echo")).status, 401)
        connection = self.open(bearer(token), path="/echo")
        self.assertEqual(len(frames(connection.say(say("x")))), 1)

    def test_small_fragments(self) -> None:
        """A long message in small fragments, as conformance suites send it, is put together again."""
        connection = self.open(path="/echo")
        size, count = 64, 8000
        stream = encode_frame(BINARY, b"x" * size, MASK)
        first, other, last = (bytes((code,)) + stream[1:] for code in (2, 0, 0x80))
        [(opcode, payload)] = frames(connection.say(first + other * (count - 2) + last))
        self.assertEqual((opcode, len(payload)), (BINARY, size * count))

    def test_not_read(self) -> None:
        """Who sends and does not read is not read from."""
        connection = self.open(path="/echo")
        connection.transport.producer.pauseProducing()
        for _message in range(100):
            connection.say(encode_frame(BINARY, b"x" * 50_000, MASK))
            if connection.transport.producerState == "paused":
                break
        self.assertLess(connection.protocol.peer.waiting, 1_200_000)
        self.assertEqual(connection.transport.producerState, "paused")


class ClockTests(GatewayTestCase):
    def test_silence(self) -> None:
        """A silent client is pinged after ten seconds, and cut after fifteen more without an answer."""
        connection = self.open()
        self.reactor.advance(10)
        self.assertEqual(frames(connection.heard()), [(PING, b"")])
        self.reactor.advance(14)
        connection.say(pong())
        self.reactor.advance(10)
        self.assertEqual(frames(connection.heard()), [(PING, b"")])
        self.reactor.advance(15)
        self.assertEqual((connection.is_closing, connection.protocol.peer.reason), (True, "answers no ping"))

    def test_stop(self) -> None:
        """When netd stops, WebSockets are told."""
        connection = self.open()
        connection.protocol.finish()
        self.assertEqual(frames(connection.heard()), [(CLOSE, b"\x03\xe9netd stops")])


class LogTests(GatewayTestCase):
    def levels(self) -> list[LogEvent]:
        """What is logged from now on."""
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        return events

    def test_requests(self) -> None:
        """A page that is loaded fills no log."""
        events = self.levels()
        connection = self.visit()
        connection.say(get("/"))
        connection.lose()
        self.assertEqual([event["log_level"] for event in events], [LogLevel.debug])

    def test_websockets(self) -> None:
        """A WebSocket leaves one line, which says who it was."""
        connection = self.open(bearer(self.token()))
        events = self.levels()
        connection.say(close_frame(b"\x03\xe8"))
        connection.lose()
        [line] = events
        self.assertEqual((line["log_level"], line["who"]), (LogLevel.info, "127.0.0.1:50412, token panel"))
        self.assertEqual(line["why"], "closed by the client (1000)")
