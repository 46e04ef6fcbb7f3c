"""Hellos: what is written is read, and everything else is refused."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.cluster.hello import ASPECTS, MOST, PROTOCOL, Hello, NoHello, read_hello, write_hello

FACTS = {"v": PROTOCOL, "node": "B", "epoch": "e1", "beat": 3, "sent": 1700000000.5, "wants": 2, "devices": 7}


def body(**changed: Any) -> bytes:
    """A hello with some members changed; those that are None are left out."""
    return json.dumps({name: value for name, value in (FACTS | changed).items() if value is not None}).encode()


class HelloTests(SynchronousTestCase):
    def test_round_trip(self) -> None:
        """A hello is read as it was written, and is about 110 bytes: each node sends one a second."""
        hello = Hello("B", "e1", 3, 1700000000.25, {"wants": 1, "devices": 2, "history": 3}, is_last=True)
        self.assertEqual(hello, read_hello(write_hello(hello)))
        self.assertLess(len(write_hello(hello)), 130)

    def test_members_of_later_versions(self) -> None:
        """Members that are not known are ignored."""
        self.assertEqual(read_hello(body()), read_hello(body(colour="red")))

    def test_another_version(self) -> None:
        """Of another version of the protocol the name alone is read."""
        hello = read_hello(json.dumps({"v": 2, "node": "B", "beats": []}).encode())
        self.assertEqual(("B", 2), (hello.node, hello.protocol))

    def test_refused(self) -> None:
        """A wrong type, a name that is none, a number out of range: each is refused, and the text says which member it is."""
        for name, values in {
            "node": ("a@b", "", "a.b", "a b", "*", 5, None, "x" * 64),
            "epoch": ("a@b", "", 5, None, ["e"]),
            "beat": (-1, 1.5, "3", True, 1 << 60, None),
            "sent": ("now", -1.0, 1e300, True, None),
            "v": ("1", True, None, -1),
            "wants": ("2", -1, 0.5),
        }.items():
            for value in values:
                error = self.assertRaises(NoHello, read_hello, body(**{name: value}))
                self.assertIn(name, str(error))

    def test_too_long(self) -> None:
        """A hello of a MiB is refused before it is decoded."""
        self.assertIn("too many", str(self.assertRaises(NoHello, read_hello, b" " * (MOST + 1))))

    @given(st.binary(max_size=200))
    def test_any_bytes(self, text: bytes) -> None:
        """Whatever comes is a hello or is refused."""
        with contextlib.suppress(NoHello):
            read_hello(text)

    @given(
        st.dictionaries(
            st.sampled_from(["v", "node", "epoch", "beat", "sent", "left", *ASPECTS]),
            st.one_of(
                st.integers(),
                st.text(max_size=5),
                st.none(),
                st.floats(allow_nan=False, allow_infinity=False),
                st.lists(st.integers()),
            ),
        )
    )
    def test_any_members(self, facts: dict[str, Any]) -> None:
        """Whatever the members are, the object is a hello or is refused."""
        try:
            hello = read_hello(json.dumps(facts).encode())
        except NoHello:
            return
        self.assertNotIn("@", hello.node)
