"""Tests of ``netd.gateway.cookies``: the names of cookies, their flags, and whose page asks."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.gateway.cookies import cookie_in, is_own_page, names_cookie_twice, setting, unsetting
from netd.gateway.head import Head

VALUE = "abcdefghijklmnopqrstuv"


def head(**headers: str) -> Head:
    """A request with these headers; an underscore in a name stands for a hyphen."""
    return Head("POST", "/session", "HTTP/1.1", {name.replace("_", "-"): text for name, text in headers.items()})


class CookieTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Each port has a cookie of its own, and https another than http: no gateway overwrites the cookie of another."""
        for host, scheme, name in (
            ("lab:8080", "http", "netd-8080"),
            ("lab", "http", "netd-80"),
            ("[::1]:8080", "http", "netd-8080"),
            ("[::1]", "http", "netd-80"),
            ("lab", "https", "__Host-netd"),
            ("lab:8443", "https", "__Host-netd-8443"),
        ):
            _, text = setting(head(host=host, origin=f"{scheme}://{host}"), VALUE, 60)
            flags = "; Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if scheme == "https" else "")
            self.assertEqual(text, f"{name}={VALUE}{flags}; Max-Age=60")
            self.assertEqual(cookie_in(head(host=host, cookie=f"a=b; {name}={VALUE}; c")), VALUE, host)

    def test_taken_away(self) -> None:
        """The cookie that is taken away is the one that was set."""
        asked = head(host="lab", origin="https://lab")
        self.assertEqual(unsetting(asked)[1], "__Host-netd=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0")

    def test_behind_a_proxy(self) -> None:
        """Behind a proxy with TLS, a browser without ``Origin`` gets the cookie for https, too."""
        for said, name in (("https", "__Host-netd"), ("HTTPS ", "__Host-netd"), ("http", "netd-80"), ("", "netd-80")):
            _, text = setting(head(host="lab", sec_fetch_site="same-origin", x_forwarded_proto=said), VALUE, 60)
            self.assertEqual(text.partition("=")[0], name, said)

    def test_others(self) -> None:
        """The cookies of other ports, and what is no value of ours, are none."""
        for cookie in ("", "netd-9000=" + VALUE, "netd-8080=x", "netd-8080=", "Netd-8080=" + VALUE, f"netd-8080={VALUE}x"):
            self.assertEqual(cookie_in(head(host="lab:8080", cookie=cookie)), "", cookie)

    def test_https_first(self) -> None:
        """A page of https, to which the browser sends the cookie of http as well, is signed in by its own."""
        other = VALUE[::-1]
        asked = head(host="lab", cookie=f"netd-80={other}; __Host-netd={VALUE}")
        self.assertEqual((cookie_in(asked), names_cookie_twice(asked)), (VALUE, False))

    def test_of_the_scheme(self) -> None:
        """Where the page's origin is told, only the cookie of its scheme counts: another port can plant that of the other."""
        both = f"__Host-netd-8080={VALUE[::-1]}; netd-8080={VALUE}"
        self.assertEqual(cookie_in(head(host="lab:8080", origin="http://lab:8080", cookie=both)), VALUE)
        self.assertEqual(cookie_in(head(host="lab:8080", origin="https://lab:8080", cookie=both)), VALUE[::-1])

    def test_twice(self) -> None:
        """Two cookies of one name are told from one: only another server of the host can have set the second."""
        once = f"netd-8080={VALUE}"
        for cookie, is_twice in ((once, False), (f"{once};{once}", True), ("a=1;a=2", False)):
            self.assertEqual(names_cookie_twice(head(host="lab:8080", cookie=cookie)), is_twice, cookie)

    def test_own_page(self) -> None:
        """A page is the gateway's own by its origin, port included, or by what the browser says where it sends no origin."""
        for headers, is_own in (
            ({"origin": "http://lab:8080"}, True),
            ({"origin": "https://lab:8080"}, True),
            ({"origin": "http://lab:9000"}, False),
            ({"origin": "http://lab"}, False),
            ({"origin": "null", "sec_fetch_site": "same-origin"}, False),
            ({"origin": "http://evil.example"}, False),
            ({"sec_fetch_site": "same-origin"}, True),
            ({"sec_fetch_site": "same-site"}, False),
            ({"sec_fetch_site": "none"}, False),
            ({}, False),
        ):
            self.assertIs(is_own_page(head(host="lab:8080", **headers)), is_own, headers)
