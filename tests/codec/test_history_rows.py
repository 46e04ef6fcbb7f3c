"""Tests of ``netd.codec.history_rows``: what other programs read of the past."""

from __future__ import annotations

import csv
import json
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.history_rows import (
    LONG_HEADER,
    csv_cell,
    csv_rows,
    event_line,
    iso_time,
    json_lines,
    wide_header,
    wide_rows,
)

NOW = 1_795_892_400.25

UNITS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(1 << 62), 1 << 62)


class RowTests(SynchronousTestCase):
    def test_long(self) -> None:
        """A row has time, subject, value and unit; a time has six digits, or is a date in UTC."""
        self.assertEqual(LONG_HEADER, "time,subject,value,unit\n")
        self.assertEqual(
            csv_rows("a.b", "V", [NOW, NOW + 1], [1, 2.5]), "1795892400.250000,a.b,1,V\n1795892401.250000,a.b,2.5,V\n"
        )
        self.assertEqual(csv_rows("a.b", "", [NOW], [1.5], is_iso=True), "2026-11-28T19:00:00.250000Z,a.b,1.5,\n")

    def test_formula(self) -> None:
        """A unit that a spreadsheet would calculate is text there; one that only looks like it is left alone."""
        for unit, cell in (
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=A1", "'\t=A1"),
            ("-", "-"),
            ("°C", "°C"),
            ("m/s", "m/s"),
        ):
            self.assertEqual(csv_rows("a.b", unit, [NOW], [1]), f"1795892400.250000,a.b,1,{cell}\n")

    @given(UNITS, VALUES)
    def test_any_unit(self, unit: str, value: float) -> None:
        """Whatever an agent calls its unit, a row stays a row, and its value keeps all digits."""
        text = csv_rows("a.b", unit, [NOW], [value])
        [row] = csv.reader(StringIO(text, newline=""))
        self.assertEqual((row[1], float(row[2])), ("a.b", float(value)))
        self.assertIn(row[3], (unit, f"'{unit}"))
        self.assertEqual(
            json.loads(json_lines("a.b", unit, [NOW], [value])), {"time": NOW, "subject": "a.b", "value": value, "unit": unit}
        )

    def test_lines(self) -> None:
        """A line of JSON has the agent's own time where it gave one."""
        lines = json_lines("a.b", "%", [NOW, NOW], [1, 2], [None, NOW - 2]).splitlines()
        self.assertEqual([json.loads(line).get("agent_time") for line in lines], [None, NOW - 2])

    def test_event(self) -> None:
        """An event stands in its line as it was published."""
        line = event_line("relay.main.sent.lamp", NOW, '{"text": "on"}')
        self.assertEqual(json.loads(line), {"time": NOW, "subject": "relay.main.sent.lamp", "data": {"text": "on"}})
        self.assertTrue(line.endswith("\n"))

    def test_wide(self) -> None:
        """A column is a series; where it has no value at a time, the cell is empty."""
        self.assertEqual(wide_header(["a", "b [m,s]"]), 'time,a,"b [m,s]"\n')
        rows = list(wide_rows([{2.0: 1.5, 1.0: 1.0}, {2.0: 7}]))
        self.assertEqual(rows, ["1.000000,1.0,\n", "2.000000,1.5,7\n"])
        self.assertEqual(list(wide_rows([{NOW: 1.0}], is_iso=True)), ["2026-11-28T19:00:00.250000Z,1.0\n"])
        self.assertEqual(list(wide_rows([])), [])

    def test_pieces(self) -> None:
        """The pieces of which rows are made."""
        self.assertEqual((csv_cell("a"), csv_cell('a"b'), csv_cell("a\nb")), ("a", '"a""b"', '"a\nb"'))
        self.assertEqual(iso_time(0.000001), "1970-01-01T00:00:00.000001Z")
