"""What a connection begins with: requests and handshakes are told apart from everything that our programs say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.stranger import MOST_OPENING, Tongue, bad_request, first_words, page_of, tongue_of

REQUESTS = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /a?b=c HTTP/1.0\r\n",
    b"OPTIONS * HTTP/1.1\r\n",
    b"CONNECT host:443 HTTP/1.1\r\n",
    b"GET http://host/ HTTP/1.1\r\n",
    b"M-SEARCH * HTTP/1.1\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)
HELLO = bytes.fromhex("16030100f8010000f40303") + b"x" * 200

OURS = (
    b"11".ljust(64) + b"raspberrypi",
    b"s142s243s344",
    b'{"session": 42, "channels": {}}\n',
    b'{"command_id": "x", "url": "GET / HTTP/1.1"}\n',
    b"Lars",
    b"Gertrud",
    b"GET",
    b"GET\n",
    b"GET on with it",
    b"Ann Lee",
    b"POST OFFICE 7 a",
    b"\xff\xfd\x01admin\r\n",
    b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
    b"\xef\xbb\xbf{}\n",
    b"\x16\x05\x01",
    b"\x16x",
    b"",
    b"\x00",
    b"|disconnect|",
)


class TongueTests(SynchronousTestCase):
    def test_requests(self) -> None:
        """A first line of HTTP is known, whatever its method and target; in any letters, when it is whole."""
        for request in (*REQUESTS, b"get / HTTP/1.1\r\n", b"Foo /x HTTP/1.1"):
            self.assertIs(Tongue.HTTP, tongue_of(request), request)

    def test_byte_by_byte(self) -> None:
        """Until it is known, it stays possible: at no point does a request look like ours."""
        for request in REQUESTS:
            at = request.index(b"HTTP/") + 6
            for size in range(1, at):
                self.assertIs(Tongue.UNDECIDED, tongue_of(request[:size]), request[:size])
            self.assertIs(Tongue.HTTP, tongue_of(request[:at]))
        self.assertEqual([Tongue.UNDECIDED] * 2 + [Tongue.TLS], [tongue_of(HELLO[:size]) for size in (1, 2, 3)])
        self.assertIs(Tongue.TLS, tongue_of(b"\x16\x03\x04\x00"))

    def test_ours(self) -> None:
        """Nothing that old and newer programs begin with is taken for a request; a name in capitals could still become one."""
        for opening in OURS:
            expected = Tongue.UNDECIDED if opening == b"GET" else Tongue.OURS
            self.assertIs(expected, tongue_of(opening), opening)

    def test_endless_line(self) -> None:
        """A request whose target does not end is one: a body must not come after what was not looked at to the end."""
        self.assertIs(Tongue.UNDECIDED, tongue_of(b"POST /".ljust(MOST_OPENING, b"x")))
        self.assertIs(Tongue.HTTP, tongue_of(b"POST /".ljust(MOST_OPENING + 1, b"x")))

    @given(st.binary(max_size=40))
    def test_more_bytes(self, opening: bytes) -> None:
        """What is decided stays so, however many bytes follow, but for a line that was whole."""
        decided = tongue_of(opening)
        if decided in (Tongue.HTTP, Tongue.TLS):
            self.assertIs(decided, tongue_of(opening + b"x"))

    def test_log(self) -> None:
        """The log gets method and path, without what may be a secret, and the page that asked."""
        request = b"POST /x?token=secret HTTP/1.1\r\nHost: a\r\norigin: https://evil.example\r\n\r\n"
        self.assertEqual(b"POST /x", first_words(request))
        self.assertEqual("; a web page of https://evil.example sent the request", page_of(request))
        self.assertEqual("; a web page sent the request", page_of(b"GET / HTTP/1.1\r\nOrigin: null\r\n"))
        self.assertEqual(("", b"GET / HTTP/1.1"), (page_of(REQUESTS[0]), first_words(REQUESTS[0])))

    def test_answer(self) -> None:
        """The answer is whole, and ends the connection."""
        head, _, body = bad_request("héllo").partition(b"\r\n\r\n")
        self.assertEqual("héllo\n".encode(), body)
        self.assertIn(b"\r\nContent-Length: %d\r\n" % len(body), head)
        self.assertTrue(head.startswith(b"HTTP/1.1 400 Bad Request\r\n") and head.endswith(b"Connection: close"))
