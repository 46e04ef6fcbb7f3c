"""Tests of ``netd.feed.grammar``: what clients say, in both dialects."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import ProtocolError
from netd.feed.grammar import (
    BadFeedRequest,
    BlockReport,
    Named,
    Remark,
    Subscribe,
    check_types,
    encode_block,
    read_request,
    read_words,
)


class WordsTests(SynchronousTestCase):
    """The first dialect."""

    def test_greeting(self) -> None:
        """A client that says its name has one, whatever the capital letters around it."""
        self.assertEqual(read_words("Connected with client-1"), Named("client-1"))
        self.assertEqual(read_words("connected with Anna's Pi\n"), Named("Anna's Pi"))

    def test_reports(self) -> None:
        """Both wordings of a report are understood, with and without what people put around them."""
        self.assertEqual(
            read_words("Client Client-1 received block number 3 in time 2.0374722480773926 sec"),
            BlockReport("Client-1", 3, 2.0374722480773926),
        )
        self.assertEqual(read_words("client client-1 received 3 block in 2.04 time"), BlockReport("client-1", 3, 2.04))
        self.assertEqual(read_words("client the blue one received 1 blocks in 1e-3 time"), BlockReport("the blue one", 1, 0.001))
        self.assertEqual(read_words(" client x received block number 0 in time 7 \n"), BlockReport("x", 0, 7.0))

    def test_remarks(self) -> None:
        """Anything else is a remark: no number that nobody could mean is taken for a report."""
        for text in (
            "",
            "hello",
            "connected with ",
            "client x received block number -1 in time 2",
            "client x received block number 3 in time nan",
            "client x received 3 block in 1e999 time",
            "client x received \uff13 block in 2 time",
            "client " + "x" * 5000 + " received 3 block in 2 time",
        ):
            self.assertEqual(read_words(text), Remark(text))

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Whatever is said means something."""
        self.assertIsInstance(read_words(text), Named | BlockReport | Remark)


class RequestTests(SynchronousTestCase):
    """The second dialect."""

    def read(self, **request: Any) -> Any:
        """What the request means."""
        return read_request(json.dumps(request).encode())

    def test_subscribe(self) -> None:
        """All that can be wanted, and what is left out."""
        self.assertEqual(self.read(subscribe={}), Subscribe())
        self.assertEqual(
            self.read(
                subscribe={
                    "name": "n",
                    "types": ["city", "name", "city"],
                    "block": 3,
                    "interval": 1,
                    "locale": "de_DE",
                    "seed": 0,
                    "x": 1,
                }
            ),
            Subscribe("n", ("city", "name"), 3, 1.0, "de_DE", 0),
        )
        self.assertEqual(self.read(subscribe={"types": None, "block": None, "interval": None, "seed": None}), Subscribe())

    def test_token_in_a_remark(self) -> None:
        """A subscription that is taken for a remark, because its handshake named no dialect, tells nobody the token in it."""
        self.assertEqual(read_words('{"token": "netd_AbCdEfGhIjKlMnOpQrStUv"}'), Remark('{"token": "netd_…"}'))
        self.assertEqual(self.read(remark="netd_AbCdEfGhIjKlMnOpQrStUv; netd_client"), Remark("netd_…; netd_client"))

    def test_report_and_remark(self) -> None:
        """A client tells what it received, or anything else."""
        self.assertEqual(self.read(report={"block": 3, "seconds": 2.5}), BlockReport("", 3, 2.5))
        self.assertEqual(self.read(remark="hello"), Remark("hello"))

    def test_complaints(self) -> None:
        """What is wrong is said with the member's name and what it should be."""
        for wrong, complaint in (
            ({"subscribe": 5}, "`subscribe` is an object"),
            ({"subscribe": {"name": "x" * 64}}, "`subscribe.name` is a text of at most 63 characters"),
            ({"subscribe": {"types": "name"}}, "`subscribe.types` is a list of at most 32 texts"),
            ({"subscribe": {"types": [1]}}, "`subscribe.types` is a list of at most 32 texts"),
            ({"subscribe": {"block": 0}}, "`subscribe.block` is a whole number from 1 to 1000"),
            ({"subscribe": {"block": True}}, "`subscribe.block` is a whole number from 1 to 1000"),
            ({"subscribe": {"interval": "1s"}}, "`subscribe.interval` is a number of seconds, 0 or more"),
            ({"subscribe": {"seed": -1}}, "`subscribe.seed` is a whole number from 0 to 9223372036854775808"),
            ({"report": {"block": 1}}, "`report.seconds` is a number of seconds, 0 or more"),
            ({"report": {"block": 1, "seconds": 10**400}}, "`report.seconds` is a number of seconds, 0 or more"),
            ({"remark": 5}, "a request is an object with one of `subscribe`, `report` and `remark`"),
        ):
            self.assertEqual(str(self.assertRaises(BadFeedRequest, self.read, **wrong)), complaint)

    @given(
        st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda value: json.dumps(value).encode())
    )
    def test_any_bytes(self, payload: bytes) -> None:
        """Nothing that comes is worse than a protocol error."""
        with contextlib.suppress(ProtocolError):
            read_request(payload)

    def test_types(self) -> None:
        """A type that is not made is named, with those that are."""
        check_types(("name", "city"))
        self.assertIn("no type 'x'; there are name, country", str(self.assertRaises(BadFeedRequest, check_types, ("name", "x"))))

    def test_block(self) -> None:
        """A block is one JSON text around samples that are JSON already."""
        self.assertEqual(json.loads(encode_block(2, 1.5, [b"1", b"2"])), {"block": 2, "seconds": 1.5, "samples": [1, 2]})
