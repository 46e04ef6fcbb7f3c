"""Arguments in records: cut, few, and without secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import encode
from netd.redaction import LONGEST, MOST, abridged, redacted, scrubbed, without_token_texts

NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=9), inner, max_size=9),
    max_leaves=40,
)


@dataclass
class Point:
    """A value of a command's own type."""

    x: float
    api_token: str


def count(value: Any) -> int:
    """How many values are in *value*."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(count, inner))


class RedactionTests(SynchronousTestCase):
    def test_secrets(self) -> None:
        """A secret is in no record, however it is written and wherever it stands."""
        given_ = {"token": "abc", "a": {"db_Password": [1], "b": [{"SECRET-key": {"c": 1}}]}, "point": Point(1.5, "abc")}
        hidden = {"token": "…", "a": {"db_Password": "…", "b": [{"SECRET-key": "…"}]}, "point": {"x": 1.5, "api_token": "…"}}
        self.assertEqual(redacted(given_), hidden)

    def test_texts_are_cut(self) -> None:
        """A text of 200 characters stays whole, a longer one has 200 with the sign that something is missing."""
        self.assertEqual(abridged("x" * LONGEST), "x" * LONGEST)
        self.assertEqual(abridged("x" * (LONGEST + 1)), "x" * (LONGEST - 1) + "…")
        self.assertEqual(redacted({"n" * 300: "v" * 300}), {"n" * 199 + "…": "v" * 199 + "…"})

    def test_bounds(self) -> None:
        """Neither many values nor deep ones make a record large; what is left out is told."""
        many = redacted({"list": list(range(1000)), "more": 1})
        self.assertEqual((many["list"][98:], many["…"]), ([98, "… 901 more"], "1 more"))
        deep: Any = 1
        for _ in range(40):
            deep = [deep]
        self.assertLess(len(str(redacted({"deep": deep}))), 40)

    def test_what_json_has_not(self) -> None:
        """Bytes and objects are told by their length and their type."""
        self.assertEqual(redacted({"raw": b"\0" * 7, "odd": object()}), {"raw": "7 bytes", "odd": "(object)"})

    @given(st.dictionaries(st.text(max_size=9), NESTED, max_size=20))
    def test_any(self, arguments: dict[str, Any]) -> None:
        """Whatever is given, the record is JSON, and small."""
        record = redacted(arguments)
        encode(record)
        self.assertLessEqual(count(record), 2 * MOST + 1)


class ScrubbedTests(SynchronousTestCase):
    """What is left of secrets in any text."""

    SECRETS = (
        "netd_Zk3x9QpLw0aB7cD2eF4gHi",
        "c2VjcmV0LW9mLXRoZS1sYWItMDEyMzQ1Njc4OQ==",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY",
        "hunter2",
        "correct horse battery staple",
    )

    DRESSES = (
        "Authorization: Bearer {}",
        '{{"token": "{}", "name": "shed"}}',
        'it sent b\'device {{\\"token\\": \\"{}\\"}}\'',
        "password = {}",
        "https://ada:{}@lab.local/",
        "https://lab.local/hook?key={}",
        "secret: '{}'",
        "mail_password={}",
        "nats://ada:a@{}@lab.local:4222",
        "GET / HTTP/1.1, Cookie: netd-8080={}",
        "X-Netd-Page: {}",
        "Authorization: Basic {}",
    )

    def test_every_dress(self) -> None:
        """No secret comes through, however it is written down."""
        for secret in self.SECRETS:
            for dress in self.DRESSES:
                if " " in secret and "//" in dress:
                    continue  # an address has no spaces
                left = scrubbed(f"before {dress.format(secret)}")
                self.assertNotIn(secret.rpartition(" ")[2], left, dress)

    def test_keys_and_hooks(self) -> None:
        """A private key goes, from its first line to its last; so does the path of a webhook that is a secret itself."""
        key = "-----BEGIN PRIVATE KEY-----\nMIGH\nabcd\n-----END PRIVATE KEY-----"
        self.assertEqual(scrubbed(f"a\n{key}\nb"), "a\n…\nb")
        hook = "https://hooks.example/services/T01/XyZ0123456789abcdefghij now"
        self.assertEqual(scrubbed(hook), "https://hooks.example/services/T01/… now")
        letters = "https://hooks.example/services/aBcDeFgHiJkLmNoPqRsTuVwX"
        self.assertEqual(scrubbed(letters), "https://hooks.example/services/…")
        bot = "https://bots.example/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/send"
        self.assertEqual(scrubbed(bot), "https://bots.example/…/send")
        self.assertEqual(scrubbed("netd-8080=AAAAAAAAAAAAAAAAAAAAAA"), "netd-8080=…")

    def test_token_behind_an_escaped_line_feed(self) -> None:
        """Input is shown with its control characters escaped: the letter n before a token does not make a word of the two."""
        token = "netd_" + "aB3d" * 5 + "x1"
        shown = repr(f"hello\n{token}")
        self.assertEqual(r"'hello\nnetd_…'", scrubbed(shown))
        self.assertEqual(r"'hello\nnetd_…'", without_token_texts(shown))

    def test_hostile_lines(self) -> None:
        """A line that was made to be tried from each of its places is done in time that grows with its length alone."""
        for piece in ("http://", "a://", "token=", "/a", '\\"', "password ", "token=\\"):
            self.assertLess(len(scrubbed(piece * 20_000)), 200_001, piece)

    def test_the_rest_stays(self) -> None:
        """What helps is still there: options, metrics, addresses, subjects, errors."""
        for text in (
            "[session] token_timeout = 50ms ; default",
            "[manhole] password_file = /var/lib/netd/manhole.passwd ; netd.ini:12",
            'netd_event_loop_lag_seconds{instance="lab"} 0.0004',
            "relay: 192.168.1.20:49592 refused (bad header): a header is one to seven digits",
            "http://127.0.0.1:8080/static/app/main.js",
            "/var/lib/netd/recorder/main/parts/2026-11-28.db",
            "session.main.greenhouse.temperature-inside",
        ):
            self.assertEqual(scrubbed(text), text)
