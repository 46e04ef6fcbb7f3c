"""Tests of ``netd.gateway.conversation`` and ``channel``: requests over a connection, their limits and their clocks."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from netd.connection.websocket_protocol import HEAD_LIMIT
from tests.gateway.visits import GatewayTestCase, bearer, call, get, handshake, post, replies

SAFETY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

WORDS = st.one_of(
    st.sampled_from(["", "localhost", "0", "3", "chunked", "application/json", "close", "Upgrade", "websocket", "13"]),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=12),
)
"""What stands in headers, and what does not."""


SMUGGLING = (
    b"Content-Length: 5\r\nContent-Length: 5",
    b"Content-Length: 5, 5",
    b"Content-Length: +5",
    b"Content-Length: 0x5",
    b"Content-Length: 1_0",
    b"Content-Length: 5 5",
    b"Content-Length: \xb2",
    b"Content-Length:",
    b"Content-Length : 5",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    b"Transfer-Encoding: identity\r\nContent-Length: 5",
    b"Content-Length: 5\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: \x0bchunked\r\nContent-Length: 5",
    b"Transfer-Encoding : chunked\r\nContent-Length: 5",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding:",
    b"X: y\nContent-Length: 5",
    b"X: y\rContent-Length: 5",
    b"X\x00: y",
    b": y",
)
"""What two programs may read two ends of a body out of (RFC 9112, sections 5, 6 and 11.2)."""


def smuggled(lines: bytes) -> bytes:
    """A request with these header *lines*, and one behind it that is never to be answered."""
    kind = b"Content-Type: application/json"
    return b"POST /rpc HTTP/1.1\r\nHost: localhost\r\n%b\r\n%b\r\n\r\nhello%b" % (kind, lines, get("/healthz"))


class RequestTests(GatewayTestCase):
    def test_headers(self) -> None:
        """Every answer keeps browsers safe, good or bad, and tells nobody a version."""
        broken = (b"nonsense\r\n\r\n", get("/x", host=None), get("/x" * 9000), get("/nothing"), handshake(host="evil"))
        for asked in (get("/"), get("/healthz"), get("/metrics"), post(b"{}"), post(b"", kind="text/plain"), *broken):
            reply = self.ask(asked)
            for name, value in SAFETY.items():
                self.assertEqual(reply.headers.get(name), value, (asked[:40], name))
            self.assertEqual(reply.headers["Date"], "Tue, 14 Nov 2023 22:13:20 GMT")
            self.assertNotIn("Server", reply.headers)

    def test_keep_alive(self) -> None:
        """A browser asks for all it needs on one connection."""
        connection = self.visit()
        for _request in range(3):
            [reply] = replies(connection.say(get("/healthz")))
            self.assertEqual((reply.status, reply.text), (200, "ok"))
            self.assertNotIn("Connection", reply.headers)
        self.assertFalse(connection.is_closing)
        self.assertEqual(self.factory.counters()["accepted"], 1)

    def test_last_request(self) -> None:
        """A client that says that it will ask no more is closed after its answer; so is one of HTTP/1.0."""
        for asked in (get("/healthz", "Connection: close"), get("/healthz", version="1.0")):
            connection = self.visit()
            [reply] = replies(connection.say(asked))
            self.assertEqual((reply.status, connection.is_closing), (200, True))
            self.assertEqual(connection.protocol.peer.reason, "answered")

    def test_connection_options(self) -> None:
        """That a client asks no more stands anywhere among its options; what only looks like it is none of them."""
        for options, is_last in (
            ((b"Connection: close, TE",), True),
            ((b"Connection: TE,Close",), True),
            ((b"Connection: keep-alive", b"Connection: close"), True),
            ((b"Connection: keep-alive",), False),
            ((b"Connection: closed",), False),
            ((b"Connection: ",), False),
        ):
            connection = self.visit()
            [reply] = replies(connection.say(get("/healthz", *(line.decode() for line in options))))
            self.assertEqual((reply.status, connection.is_closing), (200, is_last), options)
            self.assertEqual(reply.headers.get("Connection"), "close" if is_last else None)

    def test_absolute_target(self) -> None:
        """A program that takes netd for a proxy is served where it names netd itself, and is told where it does not."""
        self.assertEqual(self.ask(get("http://localhost:8080/readyz")).text, "ready")
        for target in ("http://evil/api", "http://localhost/api", "http://evil@localhost:8080/api"):
            self.assertEqual(self.ask(get(target)).text, "a request must have exactly one Host header", target)
        connection = self.visit()
        heard = connection.say(handshake("http://localhost:8080/ws"))
        self.assertTrue(heard.startswith(b"HTTP/1.1 101 "), heard)

    def test_every_cut(self) -> None:
        """However requests are cut into segments, the answers are the same."""
        stream = post(call("test.add", left=1)) + b"\r\n" + get("/healthz")
        whole = [reply.body for reply in replies(self.visit().say(stream))]
        self.assertEqual(whole, [b'{"jsonrpc":"2.0","id":1,"result":2}', b"ok\n"])
        for cut in range(1, len(stream)):
            connection = self.visit()
            heard = connection.say(stream[:cut], stream[cut:])
            self.assertEqual([reply.body for reply in replies(heard)], whole, cut)

    def test_byte_by_byte(self) -> None:
        """The slowest honest client is served like any other."""
        stream = post(call("test.add", left=1))
        heard = self.visit().say(*(stream[at : at + 1] for at in range(len(stream))))
        self.assertEqual([json.loads(reply.body)["result"] for reply in replies(heard)], [2])

    def test_pipelining(self) -> None:
        """Requests sent ahead are answered in order, each after the one before."""
        connection = self.visit()
        first = connection.say(post(call("test.wait")) + get("/healthz") + post(call("test.add", left=5)))
        self.assertEqual(first, b"")
        self.assertEqual(connection.transport.producerState, "paused")
        self.waiting[0].callback("done")
        bodies = [reply.body for reply in replies(connection.heard())]
        self.assertEqual([json.loads(bodies[0])["result"], bodies[1], json.loads(bodies[2])["result"]], ["done", b"ok\n", 6])
        self.assertEqual(connection.transport.producerState, "producing")

    def test_waiting_for_an_answer(self) -> None:
        """What is sent while an answer is awaited is not even read before that."""
        connection = self.visit()
        connection.say(post(call("test.wait")))
        self.assertEqual(connection.transport.producerState, "paused")
        self.assertEqual(connection.say(get("/healthz")), b"")
        self.waiting[0].callback("done")
        self.assertEqual([len(reply.body) for reply in replies(connection.heard())], [40, 3])

    def test_pipelining_is_bounded(self) -> None:
        """Who asks and does not read costs one answer over the bound, however much was sent ahead."""
        connection = self.visit()
        connection.transport.producer.pauseProducing()
        connection.say(post(call("test.much")) * 20)
        self.assertLess(connection.protocol.peer.waiting, 700_000)
        self.assertEqual(connection.transport.producerState, "paused")
        connection.transport.producer.resumeProducing()
        self.assertGreater(len(replies(connection.heard())), 1)

    def test_line_ends_between_requests(self) -> None:
        """Old clients that end a body with a line end too many are understood."""
        connection = self.visit()
        self.assertEqual(len(replies(connection.say(get("/healthz") + b"\r\n\r\n" + get("/healthz") + b"\r\n"))), 2)

    def test_head_request(self) -> None:
        """HEAD gives the headers of GET, and no body."""
        whole = self.ask(get("/"))
        head = self.ask(get("/", method="HEAD"))
        self.assertEqual((head.status, head.headers), (200, whole.headers))
        self.assertGreater(int(head.headers["Content-Length"]), 0)

    def test_expectation(self) -> None:
        """A client that asks first whether its body is wanted is told; one whose body is not wanted reads why instead."""
        body = call("test.add", left=1)
        connection = self.visit()
        asked = post(body, "Expect: 100-continue")[: -len(body)]
        self.assertEqual(connection.say(asked), b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertEqual(len(replies(connection.say(body))), 1)
        [reply] = replies(self.visit().say(get("/rpc", "Content-Length: 99", "Expect: 100-continue", method="POST")))
        self.assertEqual(reply.status, 415)

    def test_gone_before_the_answer(self) -> None:
        """A client that leaves while its request is carried out leaves nothing behind."""
        connection = self.visit()
        connection.say(post(call("test.wait")))
        connection.lose()
        self.waiting[0].callback("late")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_own_fault(self) -> None:
        """A fault of netd's own is a 500 for the caller, and a traceback in the log."""
        self.service._table._operations.clear()
        self.assertEqual(self.ask(get("/api")).status, 500)
        self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_fault_while_reading(self) -> None:
        """A fault that leaves the connection in no known state ends it, and is logged."""
        connection = self.visit()
        self.factory.site._routes["/healthz"] = None  # type: ignore[assignment]
        del self.factory.site._guard
        self.assertEqual(connection.say(get("/healthz")), b"")
        self.assertTrue(connection.is_closing)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)


class LimitTests(GatewayTestCase):
    def refused(self, *pieces: bytes) -> tuple[int, str]:
        """Status and text of the answer, after which the connection is closed."""
        connection = self.visit()
        [reply] = replies(connection.say(*pieces))
        self.assertTrue(connection.is_closing, pieces)
        self.assertEqual(reply.headers["Connection"], "close")
        return reply.status, reply.text

    def counted(self) -> dict[str, int]:
        """What was refused, by kind."""
        counted: dict[str, int] = self.factory.counters()["refused"]
        return counted

    def test_no_request(self) -> None:
        """What is no request is told so, in one line, and counted."""
        for broken in (
            b"nonsense\r\n\r\n",
            b"GET / HTTP/2.0\r\n\r\n",
            b"GET  / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\nX : 1\r\nY: 2\r\n\r\n",
            b"POST /rpc HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"POST /rpc HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST /rpc HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
            b"POST /rpc HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\nX: y\r\n\r\n",
            b"POST /rpc HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            *map(smuggled, SMUGGLING),
            get("/", *(f"X{number}: y" for number in range(501))),
        ):
            self.assertEqual(self.refused(broken), (400, "this is no HTTP/1.1 request"), broken[:50])
        self.assertEqual(self.counted(), {"bad request": 11 + len(SMUGGLING)})

    def test_folded_lines(self) -> None:
        """A header on two lines is one header: no length is read off its second line."""
        body = call("test.add", left=1)
        asked = post(body, "X: y\r\n Content-Length: 3").replace(
            b"Content-Length: %d" % len(body), b"Content-Length:\r\n\t%d" % len(body)
        )
        answers = replies(self.visit().say(asked + get("/healthz")))
        self.assertEqual([reply.body for reply in answers], [b'{"jsonrpc":"2.0","id":1,"result":2}', b"ok\n"])

    def test_refused_before_its_end(self) -> None:
        """An answer to HEAD has no body, even where the request is not read to its end."""
        for asked in (get("/", "X: " + "y" * HEAD_LIMIT, method="HEAD"), get("/", "Content-Length: 5", method="HEAD")):
            connection = self.visit()
            [reply] = replies(connection.say(asked), is_head=True)
            self.assertIn(reply.status, (413, 431))
            self.assertTrue(connection.is_closing)

    def test_long_head(self) -> None:
        """A head over 16 KiB is refused as soon as it is, whole or not; one of exactly so much is read."""
        filler = "X: " + "y" * (HEAD_LIMIT - len(get("/healthz")) - len("X: \r\n"))
        connection = self.visit()
        self.assertEqual(replies(connection.say(get("/healthz", filler)))[0].status, 200)
        self.assertEqual(self.refused(get("/healthz", filler + "y"))[0], 431)
        connection = self.visit()
        self.assertEqual(connection.say(b"GET / HTTP/1.1\r\nX: ", b"x" * (HEAD_LIMIT - 19)), b"")
        self.assertEqual(replies(connection.say(b"x"))[0].status, 431)
        self.assertEqual(self.counted(), {"head too long": 2})

    def test_long_body(self) -> None:
        """A body over the limit is refused before any of it is read."""
        self.start(max_message=1024)
        asked = get("/rpc", "Content-Type: application/json", "Content-Length: 1025", method="POST")
        self.assertEqual(self.refused(asked), (413, "a body has at most 1024 bytes, not 1025"))
        reply = self.ask(post(b'"' + b"x" * 1022 + b'"'))
        self.assertEqual((reply.status, json.loads(reply.body)["error"]["code"]), (200, -32600))
        self.assertEqual(self.counted(), {"body too long": 1})

    def test_no_form_is_parsed(self) -> None:
        """A form, which Twisted would parse on the reactor, is refused by its head: only JSON is read."""
        for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/jsonp"):
            head = get("/rpc", f"Content-Type: {kind}", "Content-Length: 9", method="POST")
            self.assertEqual(self.refused(head)[0], 415, kind)
        self.assertEqual(self.refused(get("/rpc", "Content-Length: 9", method="POST"))[0], 415)
        twice = get("/rpc", "Content-Type: text/plain", "Content-Type: application/json", "Content-Length: 9", method="POST")
        self.assertEqual(self.refused(twice)[0], 415)
        self.assertEqual(self.ask(post(call("test.add", left=1), kind="Application/JSON; charset=utf-8")).status, 200)

    def test_body_without_length(self) -> None:
        """A body in chunks, which need not end, is not begun with."""
        chunked = get("/rpc", "Content-Type: application/json", "Transfer-Encoding: chunked", method="POST")
        self.assertEqual(self.refused(chunked)[0], 411)
        connection = self.visit()
        [reply] = replies(connection.say(get("/rpc", "Content-Type: application/json", method="POST")))
        self.assertEqual((reply.status, reply.headers["Connection"], connection.is_closing), (411, "close", True))
        self.assertEqual(self.counted(), {"body without length": 2})

    def test_unwanted_body(self) -> None:
        """Whoever sends a body to an address that takes none is told so."""
        self.assertEqual(self.refused(get("/healthz", "Content-Length: 5"))[0], 413)
        self.assertEqual(self.refused(get("/healthz", "Transfer-Encoding: chunked"))[0], 413)
        self.assertEqual(self.refused(get("/nothing", "Content-Length: 5", method="POST"))[0], 404)

    def test_tokens_do_not_reach_the_log(self) -> None:
        """Of a bad request, the first line alone is logged; of a bad handshake, nothing."""
        said: list[Any] = []
        token = f"\r\n{bearer(self.token())}\r\n".encode()
        for broken in (b"GET /healthz HTTP/1.1" + token + b"Host: a\r\nHost: b\r\n\r\n", handshake().replace(b": 13", b": 7")):
            connection = self.visit()
            connection.protocol.refuse = lambda *_arguments: said.append(_arguments)  # type: ignore[method-assign]
            connection.say(broken.replace(b"\r\n", token, 1))
        self.assertEqual(
            [(kind, excerpt) for kind, _, excerpt in said], [("bad request", b"GET /healthz HTTP/1.1"), ("bad handshake", b"")]
        )

    @given(st.lists(st.binary(max_size=300), max_size=6), st.booleans())
    @settings(max_examples=300, deadline=None)
    def test_arbitrary_bytes(self, pieces: list[bytes], begins_well: bool) -> None:
        """Nothing that comes fails in netd, or leaves anything behind."""
        connection = self.visit()
        connection.say(*([b"GET /healthz HTTP/1.1\r\n"] if begins_well else []), *pieces)
        connection.lose()
        self.assertEqual(self.flushLoggedErrors(), [])

    @given(
        st.sampled_from(["/", "/rpc?a=b&&c", "/ws", "/api", "/x", "*", "//", "/%zz?%"]),
        st.sampled_from(["GET", "POST", "HEAD", "OPTIONS"]),
        st.lists(
            st.tuples(
                st.sampled_from(
                    ["Host", "Content-Length", "Transfer-Encoding", "Content-Type", "Connection", "Upgrade", "Origin"]
                ),
                WORDS,
            )
            | st.tuples(
                st.sampled_from(
                    [
                        "Expect",
                        "Authorization",
                        "Cookie",
                        "If-None-Match",
                        "Accept",
                        "Sec-WebSocket-Key",
                        "Sec-WebSocket-Version",
                        "\tx",
                    ]
                ),
                WORDS,
            ),
            max_size=8,
        ),
        st.binary(max_size=20),
    )
    @settings(max_examples=400, deadline=None)
    def test_arbitrary_requests(self, path: str, method: str, headers: list[tuple[str, str]], rest: bytes) -> None:
        """Whatever stands in a request, it is answered in order, or waited for; nothing fails in netd."""
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers), "", ""]
        connection = self.visit()
        heard = connection.say("\r\n".join(lines).encode("latin-1") + rest)
        first = heard.partition(b"\r\n")[0]
        self.assertTrue(not first or first.startswith(b"HTTP/1.1 "), first)
        connection.lose()
        self.assertEqual(self.flushLoggedErrors(), [])


class ClockTests(GatewayTestCase):
    def test_silent_newcomer(self) -> None:
        """A connection on which nothing is said is closed after an hour, without a word; line ends alone are no request."""
        silent, drips = self.visit(), self.visit()
        self.reactor.advance(10)
        for _second in range(8):
            self.assertFalse(drips.is_closing)
            drips.say(b"\r\n")
            self.reactor.advance(1)
        self.assertEqual((drips.heard(), drips.is_closing, silent.is_closing), (b"", True, False))
        self.reactor.advance(3600)
        self.assertEqual((silent.heard(), silent.is_closing), (b"", True))

    def test_slow_head(self) -> None:
        """A head that drips is cut off eight seconds after its first byte, and told so."""
        connection = self.visit()
        self.reactor.advance(5)
        for _second in range(8):
            self.assertEqual(connection.say(b"G"), b"")
            self.reactor.advance(1)
        [reply] = replies(connection.heard())
        self.assertEqual((reply.status, reply.text), (408, "the request did not arrive in time"))
        self.assertTrue(connection.is_closing)
        self.assertEqual(self.factory.counters()["refused"], {"too slow": 1})

    def test_slow_body(self) -> None:
        """A body has thirty seconds, however it drips."""
        connection = self.visit()
        connection.say(post(b"x" * 100)[:-100])
        for _second in range(29):
            self.assertEqual(connection.say(b"x"), b"")
            self.reactor.advance(1)
        self.reactor.advance(1)
        self.assertEqual(replies(connection.heard())[0].status, 408)
        self.assertTrue(connection.is_closing)

    def test_idle(self) -> None:
        """A connection may wait twenty seconds for its next request, and begins anew with each."""
        connection = self.visit()
        for _request in range(3):
            connection.say(get("/healthz"))
            self.reactor.advance(19)
        self.assertFalse(connection.is_closing)
        self.reactor.advance(1.1)
        self.assertEqual((connection.heard(), connection.is_closing), (b"", True))
        self.assertEqual(connection.protocol.peer.reason, "idle")

    def test_slow_second_head(self) -> None:
        """On a connection that is kept, a head that drips has no more time than on a new one."""
        connection = self.visit()
        connection.say(get("/healthz"))
        for _second in range(8):
            connection.say(b"G")
            self.reactor.advance(1)
        self.assertEqual(replies(connection.heard())[0].status, 408)

    def test_long_operation(self) -> None:
        """A request that takes netd long is waited for."""
        connection = self.visit()
        connection.say(post(call("test.wait")))
        self.reactor.advance(3600)
        self.assertFalse(connection.is_closing)
        self.waiting[0].callback("done")
        self.assertEqual(replies(connection.heard())[0].status, 200)


class StopTests(GatewayTestCase):
    def test_idle_connection(self) -> None:
        """When netd stops, connections that wait for nothing are closed."""
        connection = self.visit()
        connection.say(get("/healthz"))
        connection.protocol.finish()
        self.assertTrue(connection.is_closing)

    def test_request_under_way(self) -> None:
        """When netd stops, who has asked gets the answer first."""
        connection = self.visit()
        connection.say(post(call("test.wait")))
        connection.protocol.finish()
        self.assertFalse(connection.is_closing)
        self.waiting[0].callback("done")
        [reply] = replies(connection.heard())
        self.assertEqual((reply.status, reply.headers["Connection"], connection.is_closing), (200, "close", True))
