"""The words for times."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.times import BadTime, moment, period

NOW = 1_795_892_400.0


def local(*parts: int) -> float:
    """A time of the machine's own zone."""
    return datetime(*parts).timestamp()  # type: ignore[arg-type,misc]  # noqa: DTZ001 - local, as meant


class MomentTests(SynchronousTestCase):
    def test_words(self) -> None:
        """Each word for a time means what a person would expect."""
        midnight = datetime.fromtimestamp(NOW).replace(hour=0, minute=0, second=0)  # noqa: DTZ006
        for said, meant in [
            (12.5, 12.5),
            (7, 7.0),
            ("1795892400", NOW),
            ("1795892400.25", NOW + 0.25),
            ("-5", -5.0),
            ("now", NOW),
            (" Now ", NOW),
            ("-8h", NOW - 8 * 3600),
            ("8h", NOW - 8 * 3600),
            ("1h30m", NOW - 5400),
            ("+1h", NOW + 3600),
            ("now-1h", NOW - 3600),
            ("-1h30m", NOW - 5400),
            ("-1.5h", NOW - 5400),
            ("-250ms", NOW - 0.25),
            ("-2days", NOW - 2 * 86400),
            ("-1week", NOW - 7 * 86400),
            ("-1mon", NOW - 30 * 86400),
            ("-1y", NOW - 365 * 86400),
            ("today", midnight.timestamp()),
            ("22:15", midnight.replace(hour=22, minute=15).timestamp()),
            ("7:05:30", midnight.replace(hour=7, minute=5, second=30).timestamp()),
            ("today 14:00", midnight.replace(hour=14).timestamp()),
            ("Yesterday 14:00", (midnight - timedelta(days=1)).replace(hour=14).timestamp()),
            ("2026-11-28", local(2026, 11, 28)),
            ("20261128", local(2026, 11, 28)),
            ("2026-11-28T22:00", local(2026, 11, 28, 22)),
            ("2026-11-28 22:00:30", local(2026, 11, 28, 22, 0, 30)),
            ("22:00_20261128", local(2026, 11, 28, 22)),
            ("2026-11-28T22:00Z", 1795903200.0),
            ("2026-11-28T22:00+01:00", 1795899600.0),
        ]:
            self.assertEqual(moment(said, NOW), meant, said)

    def test_yesterday(self) -> None:
        """Yesterday begins at midnight, also where a day of the zone has 23 or 25 hours."""
        begun = datetime.fromtimestamp(moment("yesterday", NOW))  # noqa: DTZ006
        self.assertEqual((begun.hour, begun.minute), (0, 0))
        self.assertTrue(NOW - 2 * 86400 - 7200 <= begun.timestamp() < NOW - 86400 + 7200)

    def test_no_times(self) -> None:
        """What means no time is refused, with the words that there are."""
        for said in (
            "",
            "noon",
            "-8x",
            "now8h",
            "24:01",
            "22:1",
            "today22:00",
            "2026-13-01",
            "-",
            "99:99_20261128",
            "1e400",
            "-9999999999999",
            "99991231T99",
        ):
            error = self.assertRaises(BadTime, moment, said, NOW)
            self.assertIn("time", str(error), said)
        self.assertIn("'x' is no unit", str(self.assertRaises(BadTime, moment, "-8x", NOW)))
        for number in (float("nan"), float("inf"), 1e300):
            self.assertRaises(BadTime, moment, number, NOW)

    def test_period(self) -> None:
        """Two times are a period if the first is before the second; what is wrong is told by its name."""
        self.assertEqual(period("-1h", "now", NOW), (NOW - 3600, NOW))
        for begin, end, why in (
            ("now", "8h", "begin: now is not before the end, 8h"),
            (5.0, 5.0, "begin: 5.0 is not before the end, 5.0"),
            ("noon", "now", "begin: 'noon' is no time"),
            ("now", "noon", "end: 'noon' is no time"),
        ):
            error = self.assertRaises(BadTime, period, begin, end, NOW)
            self.assertIn(why, str(error))

    @given(st.text(max_size=40) | st.floats())
    def test_anything(self, said: str | float) -> None:
        """Whatever is said, it is a time within four digits of a year, or refused."""
        with contextlib.suppress(BadTime):
            self.assertLessEqual(abs(moment(said, NOW)), 253_402_300_800)
