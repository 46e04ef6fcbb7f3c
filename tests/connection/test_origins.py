"""Tests of ``netd.connection.origins``: web pages from here and from elsewhere."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.connection.origins import ANY_HOST, ANY_ORIGIN, is_own_origin, takes_origin


class OriginTests(SynchronousTestCase):
    def test_own_origin(self) -> None:
        """Host and port must be the same, to the letter; what is no address of a page is nobody's own."""
        self.assertTrue(is_own_origin("https://Feed.example", "feed.example", ("feed.example",)))
        for origin, host in (("http://feed.example:8001", "feed.example:8000"), ("file://x", "x"), ("http://[", "["), ("x", "x")):
            self.assertFalse(is_own_origin(origin, host, (ANY_HOST,)))

    def test_made_up_names(self) -> None:
        """A page from under a foreign name is foreign, even if its name means this machine by now."""
        for place in ("localhost:8000", "LOCALHOST", "127.0.0.1:8000", "192.0.2.7", "[::1]:8000", "lab.local:8000"):
            self.assertTrue(is_own_origin(f"http://{place}", place, ("lab.local",)), place)
        for place in ("evil.example:8000", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "lab.local."):
            self.assertFalse(takes_origin((), f"http://{place}", place, ("lab.local",)), place)
        self.assertTrue(is_own_origin("http://evil.example", "evil.example", (ANY_HOST,)))

    def test_taken(self) -> None:
        """Beside the own pages, those are taken that the option names, or all."""
        self.assertTrue(takes_origin((), "http://here:8080", "here:8080", ("here",)))
        self.assertFalse(takes_origin((), "https://there.example", "here:8080"))
        self.assertTrue(takes_origin(("https://there.example",), "https://THERE.example", "here:8080"))
        self.assertTrue(takes_origin((ANY_ORIGIN,), "null", "here:8080"))

    def test_below_a_name(self) -> None:
        """``*`` before a name stands for all that is below it, with its scheme and port, and for nothing that only looks so."""
        origins = ("https://*.example.org", "http://*.lab:8080")
        for origin in ("https://a.example.org", "https://A.B.Example.org", "http://desk.lab:8080"):
            self.assertTrue(takes_origin(origins, origin, "here:8080"), origin)
        for origin in (
            "https://example.org",
            "https://.example.org",
            "https://badexample.org",
            "https://a.example.org.evil.example",
            "https://evil.example/.example.org",
            "https://evil.example:1.example.org",
            "https://a..example.org",
            "http://a.example.org",
            "https://a.example.org:8443",
            "http://desk.lab",
            "null",
        ):
            self.assertFalse(takes_origin(origins, origin, "here:8080"), origin)
