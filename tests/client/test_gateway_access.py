"""Tests of :mod:`netd.client.gateway_access`: addresses and tokens."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.client.gateway_access import Address, read_url
from netd.client.token import check_token

PLACE = read_url("http://lab:8080")


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
