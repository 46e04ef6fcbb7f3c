"""Names of parts: sorted as they were begun, and none that leads out of the directory."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.recorder.part_names import PartName, day_of


class PartNameTests(SynchronousTestCase):
    def test_round_trip(self) -> None:
        """What a part is called is read again, and sorted by day and number, not by letters."""
        names = [PartName("2026-11-28"), PartName("2026-11-28", 2), PartName("2026-11-28", 10), PartName("2026-11-29")]
        self.assertEqual(["2026-11-28.db", "2026-11-28.2.db", "2026-11-28.10.db", "2026-11-29.db"], [str(name) for name in names])
        self.assertEqual(names, [PartName.read(str(name)) for name in names])
        self.assertEqual(names, sorted(names, reverse=False))
        self.assertEqual(PartName("2026-11-28", 3), names[1].following)

    def test_other_names(self) -> None:
        """Paths, other files and look-alikes are no parts."""
        for name in (
            "../2026-11-28.db",
            "/etc/2026-11-28.db",
            "2026-11-28.db/..",
            "2026-11-28.db\n",
            "2026-11-28.db\0",
            "2026-11-28.0.db",
            "2026-11-28.-1.db",
            "2026-11-28.db.damaged",
            "2026-11-28.db-wal",
            "catalog.db",
            "",
            "\uff12026-11-28.db",
        ):
            self.assertIsNone(PartName.read(name), name)

    def test_days(self) -> None:
        """A day is a UTC day, also of a clock that shows anything; the end of a day that is in no calendar is long ago."""
        self.assertEqual("2026-11-28", day_of(1795910399.999999))
        self.assertEqual("2026-11-29", day_of(1795910400))
        self.assertEqual(("1970-01-01", "0001-01-01", "9999-12-31"), (day_of(0), day_of(-62135596800), day_of(1e300)))
        self.assertEqual(1795910400, PartName("2026-11-28").end)
        self.assertEqual(0, PartName("2026-19-28").end)
