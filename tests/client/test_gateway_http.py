"""Tests of :mod:`netd.client.gateway_http`: requests and responses as bytes, and what these mean."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.client.control import BadAnswer, ControlError, ControlTimeout, InvalidRequest, NotPermitted, NotRunning
from netd.client.gateway_access import read_url
from netd.client.gateway_http import HttpExchange, Response, check_agreement, rpc_result
from netd.client.websocket import accept_of

PLACE = read_url("http://lab:8080")
KEY = "AAAAAAAAAAAAAAAAAAAAAA=="


class RequestTests(SynchronousTestCase):
    def test_call(self) -> None:
        """A call is a POST with the body's length, and the token in its header alone."""
        head, _, body = HttpExchange(read_url("http://lab/p"), "T0K3N", 9).call(b"{}").partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.assertEqual(lines[:2], ["POST /p/rpc HTTP/1.1", "Host: lab"])
        self.assertIn("Content-Type: application/json", lines)
        self.assertIn("Content-Length: 2", lines)
        self.assertIn("Authorization: Bearer T0K3N", lines)
        self.assertEqual(body, b"{}")
        self.assertNotIn(b"Authorization", HttpExchange(PLACE, None, 9).call(b"{}"))

    def test_upgrade(self) -> None:
        """A WebSocket is asked for with the subprotocol and, not in the address, the token."""
        lines = HttpExchange(PLACE, "T0K3N", 9).upgrade(KEY).decode().split("\r\n")
        self.assertEqual(lines[0], "GET /ws HTTP/1.1")
        self.assertIn("Sec-WebSocket-Protocol: netd.v1", lines)
        self.assertIn("Authorization: Bearer T0K3N", lines)


def read(*segments: bytes, limit: int = 1000, upgrade: bool = False) -> Response | None:
    """The response in *segments*; an empty one is the end of the connection."""
    exchange = HttpExchange(PLACE, None, limit)
    exchange.upgrade(KEY) if upgrade else exchange.call(b"{}")
    response = None
    for segment in segments:
        response = exchange.feed(segment)
        if response is not None:
            break
    return response


class ResponseTests(SynchronousTestCase):
    def test_forms(self) -> None:
        """A body has a length, or comes in chunks, or ends with the connection; each cut anywhere is the same."""
        for stream, ends in (
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", False),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", False),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n", False),
            (b"HTTP/1.1 200 OK\r\n\r\nhello", True),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", False),
        ):
            end = [b""] if ends else []
            for cut in range(1, len(stream)):
                response = read(stream[:cut], stream[cut:], *end)
                assert response is not None
                self.assertEqual((response.status, response.reason, response.body), (200, "OK", b"hello"))
                self.assertEqual(response.rest, b"")

    def test_rest(self) -> None:
        """What follows is kept: the first frames may come with the handshake."""
        response = read(b"HTTP/1.1 101 Switching Protocols\r\nX: y\r\n\r\n\x81\x00", upgrade=True)
        assert response is not None
        self.assertEqual((response.body, response.rest, response.headers), (b"", b"\x81\x00", {"x": "y"}))
        response = read(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert response is not None
        self.assertFalse(response.is_last)
        response = read(b"HTTP/1.1 204 No Content\r\nConnection: Close\r\n\r\n")
        assert response is not None
        self.assertTrue(response.is_last)

    def test_bad(self) -> None:
        """What is no response, or too long, is refused before it fills the memory."""
        for stream in (
            b"SSH-2.0-OpenSSH\r\n\r\n",
            b"HTTP/2 200 OK\r\n\r\n",
            b"HTTP/1.1 20\r\n\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
            b"x" * 20_000,
            b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001,
            b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 20_000,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"x" * 20_000,
        ):
            self.assertRaises(BadAnswer, read, stream)

    def test_cut_off(self) -> None:
        """A connection that ends within a response has given none."""
        for stream in (
            b"",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        ):
            self.assertRaises(BadAnswer, read, *([stream, b""] if stream else [b""]))

    @given(st.lists(st.binary(min_size=1, max_size=20)))
    def test_any_bytes(self, segments: list[bytes]) -> None:
        """Whatever comes is a response, or one clear error."""
        for prefix in (b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"):
            try:
                read(prefix or b"H", *segments, b"")
            except BadAnswer as error:
                self.assertTrue(str(error))


class MeaningTests(SynchronousTestCase):
    def response(self, status: int, body: bytes = b"", **headers: str) -> Response:
        """A response with these."""
        return Response(status, "Reason", {name.replace("_", "-"): value for name, value in headers.items()}, body)

    def test_statuses(self) -> None:
        """Each status means an error of its own class, which names the gateway and quotes what it said."""
        self.assertEqual(rpc_result(PLACE, self.response(200, b"{}")), b"{}")
        for status, error_class in (
            (400, InvalidRequest),
            (401, NotPermitted),
            (403, NotPermitted),
            (404, BadAnswer),
            (408, ControlTimeout),
            (413, InvalidRequest),
            (415, InvalidRequest),
            (502, NotRunning),
            (503, NotRunning),
            (204, BadAnswer),
            (302, BadAnswer),
        ):
            error: ControlError = self.assertRaises(error_class, rpc_result, PLACE, self.response(status, b"draining\n"))
            self.assertIn("http://lab:8080", str(error))
            self.assertIn(f"{status} Reason: draining", str(error))
        page = self.assertRaises(BadAnswer, rpc_result, PLACE, self.response(404, b"<html>"))
        self.assertTrue(str(page).endswith("404 Reason"))

    def test_one_hint(self) -> None:
        """The command that makes a token is told once: by netd, or where a proxy has answered, by the client."""
        for body in (b"a token is needed; `netd token add NAME --role operator` makes one\n", b"<html>", b""):
            error = self.assertRaises(NotPermitted, rpc_result, PLACE, self.response(401, body))
            self.assertEqual(str(error).count("`netd token add NAME --role operator` makes one"), 1)

    def test_facts(self) -> None:
        """Of the facts of a refusal, the client tells the sentence."""
        body = b'{"error": "a token is needed", "asked": "POST /rpc", "takes": "the role viewer"}'
        error = self.assertRaises(NotPermitted, rpc_result, PLACE, self.response(401, body))
        self.assertIn("(401 Reason: a token is needed)", str(error))
        for other in (b'{"error": 7}', b"[]", b"7", b"[" * 100_000):
            self.assertIn(other[:4].decode(), str(self.assertRaises(NotPermitted, rpc_result, PLACE, self.response(403, other))))

    def test_agreement(self) -> None:
        """A WebSocket is one only where the key is answered and the subprotocol agreed to."""
        good = {"sec_websocket_accept": accept_of(KEY), "sec_websocket_protocol": "netd.v1"}
        check_agreement(PLACE, self.response(101, **good), KEY)
        for wrong in ({**good, "sec_websocket_accept": "x"}, {**good, "sec_websocket_protocol": "y"}):
            self.assertRaises(BadAnswer, check_agreement, PLACE, self.response(101, **wrong), KEY)
        self.assertRaises(NotPermitted, check_agreement, PLACE, self.response(401), KEY)
