"""Origins and host names in an INI: each spelling either matches the one that browsers send, or is refused with the right one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.config.pages import host_names, web_origins
from netd.config.parsers import Parser
from netd.connection.origins import takes_origin


class PagesTestCase(SynchronousTestCase):
    def refusal(self, parser: Parser[tuple[str, ...]], written: str) -> str:
        """Why *written* is refused."""
        return str(self.assertRaises(ValueError, parser, written))


class OriginTests(PagesTestCase):
    def test_good(self) -> None:
        """What browsers send is taken as it is, in any letter case; so are the words for all, and for pages of files."""
        for written, origins in (
            ("https://example.org", ("https://example.org",)),
            ("HTTPS://Example.Org:8443", ("https://example.org:8443",)),
            ("http://localhost:3000, http://127.0.0.1:3000", ("http://localhost:3000", "http://127.0.0.1:3000")),
            ("http://[::1]:3000", ("http://[::1]:3000",)),
            ("https://*.example.org", ("https://*.example.org",)),
            ("https://xn--bcher-kva.example", ("https://xn--bcher-kva.example",)),
            ("chrome-extension://abcdefgh", ("chrome-extension://abcdefgh",)),
            ("*", ("*",)),
            ("null", ("null",)),
        ):
            self.assertEqual(origins, web_origins(written), written)

    def test_what_matches_nothing(self) -> None:
        """What no browser sends is refused, and the message says what one does send."""
        for written, meant in (
            ("http://localhost:3000/", "http://localhost:3000"),
            ("https://example.org/panel/index.html", "https://example.org"),
            ("https://example.org?x=y", "https://example.org"),
            ("https://example.org#x", "https://example.org"),
            ("https://me@example.org", "https://example.org"),
            ("https://example.org:443", "https://example.org"),
            ("http://example.org:80", "http://example.org"),
            ("https://example.org:", "https://example.org"),
            ("https://example.org:08443", "https://example.org:8443"),
            ("wss://example.org", "https://example.org"),
            ("ws://localhost:3000", "http://localhost:3000"),
            ("example.org", "https://example.org"),
            ("localhost:3000", "https://localhost:3000"),
            ("*.example.org", "https://*.example.org"),
            ("//example.org", "https://example.org"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("http://[0:0::1]:3000", "http://[::1]:3000"),
            ("https://*.example.org/", "https://*.example.org"),
        ):
            self.assertEqual(f"{written!r} is no origin: browsers send {meant}; write that", self.refusal(web_origins, written))
            self.assertEqual((meant,), web_origins(meant))

    def test_files(self) -> None:
        """A file URL is no origin: the message tells the origin that browsers send for such pages."""
        for written in ("file://", "file:///srv/page.html", "FILE:"):
            self.assertIn("browsers send null; write that", self.refusal(web_origins, written))

    def test_what_means_nothing(self) -> None:
        """What cannot be understood is refused, too."""
        for written in (
            "https://",
            "http://:3000",
            "https://a..b:x",
            "https://exa mple.org",
            "https://[::1",
            "https://lab:99999",
            "",
        ):
            self.refusal(web_origins, written)
        self.assertIn("by commas", self.refusal(web_origins, "https://a.example https://b.example"))
        for written in (
            "https://*",
            "https://a.*.org",
            "http://localhost:*",
            "*://example.org",
            "https://*.*.org",
            "https://*example.org",
        ):
            self.assertIn("a * stands alone, or before the first dot", self.refusal(web_origins, written), written)

    @given(st.text(max_size=30) | st.from_regex(r"https?://[a-z0-9.:\[\]*/-]{0,20}", fullmatch=True))
    def test_all_that_is_taken_can_match(self, written: str) -> None:
        """Whatever is written is refused, or taken as some page's origin: what is taken is its own canonical form."""
        try:
            found = web_origins(written)
        except ValueError:
            return
        self.assertEqual(found, web_origins(", ".join(found)))
        for origin in found:
            page = origin.replace("*.", "a.") if origin != "*" else "https://any.example"
            self.assertTrue(takes_origin(found, page, "elsewhere"), origin)


class HostTests(PagesTestCase):
    def test_good(self) -> None:
        """Names and addresses are taken, in any letter case."""
        self.assertEqual(("lab.local", "lab", "192.0.2.7", "fd00::7"), host_names("Lab.local, lab, 192.0.2.7, FD00::7"))

    def test_what_matches_nothing(self) -> None:
        """Schemes, ports and paths are no part of a name."""
        for written, meant in (
            ("http://lab.local", "lab.local"),
            ("lab.local:8080", "lab.local"),
            ("https://lab.local:8080/netd/", "lab.local"),
            ("[fd00::7]", "fd00::7"),
            ("[fd00::7]:8080", "fd00::7"),
            ("fd00:0::7", "fd00::7"),
            ("bücher.local", "xn--bcher-kva.local"),
        ):
            self.assertIn(f"is no name of a machine: write {meant}, without", self.refusal(host_names, written), written)

    def test_what_means_nothing(self) -> None:
        """A wildcard is no name: which names are this machine's must be known one by one."""
        for written in ("*", "*.lab.local", "a b", "lab.local.", "/", "[fd00::7", "-lab"):
            self.refusal(host_names, written)
