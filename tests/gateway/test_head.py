"""Tests of ``netd.gateway.head``: what is read off a request's head."""

from __future__ import annotations

from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.gateway.head import Head


def head(**headers: str) -> Head:
    """A head with these headers."""
    return Head("GET", "/", "HTTP/1.1", {name.replace("_", "-"): text for name, text in headers.items()})


class HeadTests(SynchronousTestCase):
    def test_read(self) -> None:
        """The query is no part of the path; names of headers are the same in any case."""
        read = Head.read(b"GET /api?x=/y HTTP/1.1", [(b"Host", [b"here"]), (b"X-Caf\xe9", [b"\xff"])])
        self.assertEqual(read, Head("GET", "/api", "HTTP/1.1", {"host": "here", "x-caf\xe9": "\xff"}, "x=/y"))
        self.assertEqual((read.get("host"), read.get("origin")), ("here", ""))

    def test_absolute(self) -> None:
        """A whole address says the same as its path does, as long as it names the host that ``Host`` names."""
        for target, path, host in (
            (b"http://Here:80/api?x=http://y", "/api", "here:80"),
            (b"HTTPS://here:80", "/", "here:80"),
            (b"http://here:80?x", "/", "here:80"),
            (b"http://there/api", "/api", ""),
            (b"http://me@here:80/api", "/api", ""),
            (b"http:///api", "/api", ""),
            (b"ftp://here:80/api", "ftp://here:80/api", "here:80"),
            (b"/http://there/", "/http://there/", "here:80"),
        ):
            read = Head.read(b"GET %b HTTP/1.1" % target, [(b"Host", [b"here:80"])])
            self.assertEqual((read.path, read.get("host")), (path, host), target)
        self.assertEqual(Head.read(b"GET http://here/ HTTP/1.0", []).get("host"), "")

    def test_repeated(self) -> None:
        """Of a header that comes twice, neither is taken alone."""
        self.assertEqual(Head.read(b"GET / HTTP/1.1", [(b"Host", [b"a", b"b"])]).get("host"), "a, b")

    def test_token(self) -> None:
        """The scheme is the same in any case; another scheme is a token that nobody has."""
        for given_header, token in (("Bearer x", "x"), ("bearer  x ", "x"), ("Digest x", ""), ("Bearer", ""), ("", "")):
            self.assertEqual(head(authorization=given_header).token, token, given_header)
        self.assertIsNone(head().token)

    def test_password(self) -> None:
        """A form with user and password, such as Grafana's, takes a token for the password; whatever is no such pair, is none."""
        for pair, token in ((b"grafana:x", "x"), (b":x:y", "x:y"), (b"x", ""), (b"x:", ""), (b"", "")):
            self.assertEqual(head(authorization=f"basic {b64encode(pair).decode()}").token, token, pair)
        for broken in ("Basic x", "Basic \xe9", "Basic"):
            self.assertEqual(head(authorization=broken).token, "", broken)

    def test_body_type(self) -> None:
        """A type is the same in any case, with or without parameters."""
        for given_header, kind in (
            ("application/json", "application/json"),
            ("Application/JSON;charset=utf-8", "application/json"),
            (" text/json ", "text/json"),
            ("", ""),
        ):
            self.assertEqual(head(content_type=given_header).body_type, kind, given_header)

    def test_websocket(self) -> None:
        """One of several upgrades will do."""
        for upgrade, wanted in (("websocket", True), ("h2c, WebSocket", True), ("websockets", False), ("", False)):
            self.assertIs(head(upgrade=upgrade).wants_websocket, wanted, upgrade)

    def test_page(self) -> None:
        """Browsers get a page, programs do not."""
        for accept, wanted in (("text/html,application/xhtml+xml,*/*;q=0.8", True), ("*/*", False), ("application/json", False)):
            self.assertIs(head(accept=accept).wants_page, wanted, accept)

    def test_tags(self) -> None:
        """A client may name several that it has, weak ones too, or any."""
        for known, has_it in (('"a"', True), ('"b", W/"a"', True), ("*", True), ('"b"', False), ("a", False), ("", False)):
            self.assertIs(head(if_none_match=known).has_tag('"a"'), has_it, known)

    @given(st.dictionaries(st.binary(max_size=9), st.lists(st.binary(max_size=30), min_size=1, max_size=3)))
    def test_arbitrary_headers(self, headers: dict[bytes, list[bytes]]) -> None:
        """Whatever stands in a header, looking at it is safe."""
        read = Head.read(b"GET / HTTP/1.1", headers.items())
        self.assertIsInstance((read.token, read.body_type, read.wants_websocket, read.wants_page, read.has_tag("x")), tuple)
