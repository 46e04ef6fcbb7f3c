"""What results look like, and that nothing in them reaches the terminal as a command to it."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontypes import schema
from netd.codec.units import Bytes, Epoch, Measured, Rate, Seconds
from netd.codec.words import Words
from netd.errors import NetdError
from netd.manhole.rendering import MAX_CHARACTERS, escape, render
from netd.plaintext import is_shown

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(["since", "uptime"]), inner, max_size=4)
    ),
    max_leaves=12,
)


NOW = 1_700_000_000.0


@frozen(slots=False)
class Heart:
    last: Measured
    unit: str
    since: Epoch
    lag: Seconds | None
    kept: Bytes
    rate: Rate
    samples: int


def read_as(value: object, described: dict[str, Any] | None = None) -> str:
    """What a person reads of *value*, which is as *described*."""
    return render(value, Words(NOW, UTC), described or {})


class RenderTests(SynchronousTestCase):
    def test_table(self) -> None:
        """A list of objects is a table of all their members, in columns."""
        rows = [{"name": "greenhouse", "online": True}, {"name": "attic", "online": False, "seen": 2.5}]
        self.assertEqual(
            [
                "name        online  seen",
                "----------  ------  ----",
                "greenhouse  true",
                "attic       false   2.5",
            ],
            read_as(rows).splitlines(),
        )

    def test_object(self) -> None:
        """An object is one line a member; what is inside is indented, tables too."""
        value = {"kind": "relay", "listening": [{"port": 5050}], "counters": {"in": 1, "dropped": {}}, "aliases": ["a", "b"]}
        self.assertEqual(
            [
                "kind: relay",
                "listening:",
                "  port",
                "  ----",
                "  5050",
                "counters:",
                "  in: 1",
                "  dropped: none",
                "aliases:",
                "  a",
                "  b",
            ],
            read_as(value).splitlines(),
        )

    def test_plain_values(self) -> None:
        """Words and numbers are shown as themselves; bytes as the text that they are."""
        for value, shown in (
            (None, "done"),
            ("two\nlines", "two\nlines"),
            ("", ""),
            (7, "7"),
            (True, "true"),
            ([], "nothing"),
            ({}, "nothing"),
            ([1, [2, 3]], "1\n[2,3]"),
            ({"answer": b"hi\xff"}, "answer: hi\\xff"),
            ({"a": None}, "a: null"),
        ):
            self.assertEqual(shown, read_as(value))

    def test_units(self) -> None:
        """Moments, spans, sizes and rates are words, wherever they stand; all other numbers stay."""
        heart = {"last": 68.5, "unit": "bpm", "since": NOW, "lag": 0.0033, "kept": 2048, "rate": 5.19, "samples": 1700000000}
        said = [
            "last: 68.5 bpm",
            "unit: bpm",
            "since: 22:13:20",
            "lag: 3.3 ms",
            "kept: 2 KiB",
            "rate: 5.19/s",
            "samples: 1700000000",
        ]
        self.assertEqual(said, read_as(heart, schema(Heart)).splitlines())
        self.assertIn("68.5 bpm", read_as([heart], schema(list[Heart])))
        self.assertIn("{last: 68.5 bpm, ", read_as([{"channels": {"heart": heart}}], schema(list[dict[str, dict[str, Heart]]])))
        self.assertEqual("lag: null", read_as({"lag": None}, schema(Heart)))
        self.assertEqual("since: true\nlag: soon", read_as({"since": True, "lag": "soon"}, schema(Heart)))
        self.assertIn("since: 1700000000.0", read_as(heart))

    def test_containers_in_a_table(self) -> None:
        """What is nested in a row is one cell of words, shortened; nobody reads JSON."""
        rows = [
            {
                "aliases": ["gh", "g"],
                "at": [{"port": 1, "reach": "all"}, {"port": 2}],
                "counters": {"in": 1, "why": {"a": 2}, "l": [1, 2]},
            },
            {"aliases": [], "at": [], "counters": {}},
        ]
        lines = read_as(rows).splitlines()
        self.assertEqual("gh, g    port: 1, reach: all; port: 2  in: 1, why: {a: 2}, l: [1, 2]", lines[2])
        self.assertEqual("none     none                          none", lines[3])
        self.assertEqual(60, len(read_as([{"a": {"b": "x" * 100}}]).splitlines()[2]))

    def test_long_cell(self) -> None:
        """One long text does not push the other columns off the screen; alone, it is shown whole."""
        self.assertEqual(60, len(read_as([{"a": "x" * 100}]).splitlines()[2]))
        self.assertEqual("a: " + "x" * 100, read_as({"a": "x" * 100}))

    def test_very_long_result(self) -> None:
        """A result that would flood the terminal is cut, and says so."""
        shown = read_as([f"line {number}" for number in range(100_000)])
        self.assertLess(len(shown), MAX_CHARACTERS + 100)
        self.assertRegex(shown.splitlines()[-1], r"^… and [0-9]+ more lines: too much to show here$")

    def test_what_cannot_be_shown(self) -> None:
        """A result that is no plain value is an error, not a crash."""
        self.assertRaises(NetdError, read_as, [[object()]])

    def test_hostile_text(self) -> None:
        """A device cannot name itself so that the operator's terminal clears, beeps, lies or reads backwards."""
        self.assertEqual(
            "\\x1b[2J\\x07\\x9b1m\\u202e\\x0d\\x0atab\\x09\\ud800\\U000e0001",
            escape("\x1b[2J\x07\x9b1m\u202e\r\ntab\t\ud800\U000e0001"),
        )
        for value in ("\x1b[2J", ["\x1b[2J"], {"\x1b[2J": "\x1b[2J"}, [{"\x1b[2J": "\x1b[2J"}], {"a": b"\x1b[2J"}, [["\x1b[2J"]]):
            self.assertNotIn("\x1b", read_as(value))
            self.assertIn("[2J", read_as(value))

    @given(VALUES)
    def test_any_value(self, value: Any) -> None:
        """Whatever an operation returns, what is shown is printable lines."""
        try:
            text = read_as(value)
        except NetdError:  # a lone surrogate inside a nested container has no JSON
            return
        self.assertTrue(all(map(is_shown, text.replace("\n", ""))), text)
