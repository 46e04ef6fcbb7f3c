"""Tests of :mod:`netd.client.gateway_wire`: addresses, requests, responses and messages as bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.client.control import BadAnswer, ControlError, ControlTimeout, InvalidRequest, Lost, NotPermitted, NotRunning
from netd.client.feed import PING, accept_of, encode_frame
from netd.client.gateway_wire import (
    Address,
    Messages,
    Response,
    ResponseReader,
    check_agreement,
    check_token,
    read_url,
    rpc_request,
    rpc_result,
    upgrade_request,
)
from netd.codec.websocket import Opcode, frame, text_frame

PLACE = read_url("http://lab:8080")
KEY = "AAAAAAAAAAAAAAAAAAAAAA=="


class AddressTests(SynchronousTestCase):
    def test_addresses(self) -> None:
        """Host, port and path are those of the address; usual ports are left out where HTTP leaves them out."""
        self.assertEqual(PLACE, Address("lab", 8080, False, "lab:8080", ""))
        self.assertEqual(read_url("https://lab/netd/"), Address("lab", 443, True, "lab", "/netd"))
        self.assertEqual(read_url("http://[::1]:80"), Address("::1", 80, False, "[::1]", ""))
        for url in ("http://lab:8080", "https://lab/netd"):
            self.assertEqual(read_url(url).url, url)

    def test_no_address(self) -> None:
        """What is no address, or has a secret in it, is refused, and not repeated."""
        for url in (
            "",
            "lab",
            "lab:8080",
            "ftp://lab",
            "http://",
            "http://lab:0",
            "http://lab:99999",
            "http://lab:x",
            "http://[::1",
            "http://ada:secret@lab",
            "http://secret@lab",
            "http://lab/?token=secret",
            "http://lab/#secret",
            "http://lab/a b",
            "http://lab/\r\nX: secret",
            "http://läb",
        ):
            with self.assertRaisesRegex(ValueError, "write http://HOST:PORT or https://HOST:PORT") as caught:
                read_url(url)
            self.assertNotIn("secret", str(caught.exception))

    def test_tokens(self) -> None:
        """A token that could forge a header is refused, and not repeated."""
        self.assertEqual(check_token(" abc-_9\n"), "abc-_9")
        for token in ("", " ", "se cret", "secret\r\nX: y", "secrét"):
            with self.assertRaises(ValueError) as caught:
                check_token(token)
            self.assertNotIn("cr", str(caught.exception))


class RequestTests(SynchronousTestCase):
    def test_rpc(self) -> None:
        """A call is a POST with the body's length, and the token in its header alone."""
        head, _, body = rpc_request(read_url("http://lab/p"), "T0K3N", b"{}").partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.assertEqual(lines[:2], ["POST /p/rpc HTTP/1.1", "Host: lab"])
        self.assertIn("Content-Type: application/json", lines)
        self.assertIn("Content-Length: 2", lines)
        self.assertIn("Authorization: Bearer T0K3N", lines)
        self.assertEqual(body, b"{}")
        self.assertNotIn(b"Authorization", rpc_request(PLACE, None, b"{}"))

    def test_upgrade(self) -> None:
        """A WebSocket is asked for with the subprotocol and, not in the address, the token."""
        lines = upgrade_request(PLACE, "T0K3N", KEY).decode().split("\r\n")
        self.assertEqual(lines[0], "GET /ws HTTP/1.1")
        self.assertIn("Sec-WebSocket-Protocol: netd.v1", lines)
        self.assertIn("Authorization: Bearer T0K3N", lines)


def read(*segments: bytes, limit: int = 1000) -> Response | None:
    """The response in *segments*; an empty one is the end of the connection."""
    reader = ResponseReader(limit)
    response = None
    for segment in segments:
        response = reader.feed(segment)
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
        response = read(b"HTTP/1.1 101 Switching Protocols\r\nX: y\r\n\r\n\x81\x00")
        assert response is not None
        self.assertEqual((response.body, response.rest, response.headers), (b"", b"\x81\x00", {"x": "y"}))
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
            b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 20_000,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"x" * 20_000,
        ):
            self.assertRaises(BadAnswer, read, stream)

    def test_cut_off(self) -> None:
        """A connection that ends within a response is lost."""
        for stream in (
            b"",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        ):
            segments = (stream, b"") if stream else (b"",)
            self.assertRaises(Lost, read, *segments)

    @given(st.lists(st.binary(min_size=1, max_size=20)))
    def test_any_bytes(self, segments: list[bytes]) -> None:
        """Whatever comes is a response, or one clear error."""
        for prefix in (b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"):
            try:
                read(prefix or b"H", *segments, b"")
            except (BadAnswer, Lost) as error:
                self.assertTrue(str(error))


class MeaningTests(SynchronousTestCase):
    def response(self, status: int, body: bytes = b"", **headers: str) -> Response:
        """A response with these."""
        return Response(status, "Reason", {name.replace("_", "-"): value for name, value in headers.items()}, body, b"")

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

    def test_agreement(self) -> None:
        """A WebSocket is one only where the key is answered and the subprotocol agreed to."""
        good = {"sec_websocket_accept": accept_of(KEY), "sec_websocket_protocol": "netd.v1"}
        check_agreement(PLACE, self.response(101, **good), KEY)
        for wrong in ({**good, "sec_websocket_accept": "x"}, {**good, "sec_websocket_protocol": "y"}):
            self.assertRaises(BadAnswer, check_agreement, PLACE, self.response(101, **wrong), KEY)
        self.assertRaises(NotPermitted, check_agreement, PLACE, self.response(401), KEY)


class MessagesTests(SynchronousTestCase):
    def messages(self, first: bytes = b"", limit: int = 1000) -> Messages:
        """An open WebSocket."""
        return Messages(first, limit, bytes)

    def test_messages(self) -> None:
        """Text is given, pings are answered, all else is passed over."""
        messages = self.messages(text_frame(b"one") + frame(Opcode.PING, b"p"))
        messages.feed(frame(Opcode.BINARY, b"b") + frame(Opcode.PONG, b"") + text_frame(b"two"))
        self.assertEqual([messages.next_message() for _ in range(3)], [b"one", b"two", None])
        self.assertEqual(messages.replies(), encode_frame(10, b"p", bytes(4)))
        self.assertEqual(messages.replies(), b"")

    def test_close(self) -> None:
        """A farewell is answered in kind, and told."""
        messages = self.messages(frame(Opcode.CLOSE, b"\x03\xe9netd stops"))
        error = self.assertRaises(Lost, messages.next_message)
        self.assertEqual(str(error), "the server closed the connection (1001: netd stops)")
        self.assertEqual(messages.replies(), messages.close_frame(b"\x03\xe9"))

    def test_not_a_websocket(self) -> None:
        """What is no frame of a server, or too long, is an error."""
        self.assertRaises(BadAnswer, self.messages(b"HTTP/1.1").next_message)
        self.assertRaises(BadAnswer, self.messages(text_frame(b"x" * 1001)).next_message)

    def test_frames(self) -> None:
        """What is sent is masked."""
        self.assertEqual(self.messages().text_frame(b"x"), b"\x81\x81\0\0\0\0x")
        self.assertEqual(self.messages().ping_frame(), encode_frame(PING, b"", bytes(4)))
        self.assertEqual(self.messages().close_frame(), b"\x88\x82\0\0\0\0\x03\xe8")
