"""The name of the machine's time zone."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.timezone import zone_name


class ZoneTests(SynchronousTestCase):
    def test_environment(self) -> None:
        """The environment's zone comes before the machine's, with or without a colon, or as the path of its file."""
        nowhere = Path("/nowhere/localtime")
        self.assertEqual("Asia/Kolkata", zone_name({"TZ": "Asia/Kolkata"}, nowhere))
        self.assertEqual("Asia/Kolkata", zone_name({"TZ": ":Asia/Kolkata"}, nowhere))
        self.assertEqual("Asia/Kolkata", zone_name({"TZ": "/usr/share/zoneinfo/Asia/Kolkata"}, nowhere))
        self.assertEqual("", zone_name({}, nowhere))

    def test_link(self) -> None:
        """Without one, it is the name that the link of the machine leads to."""
        self.assertEqual("Europe/Berlin", zone_name({}, Path("/usr/share/zoneinfo/Europe/Berlin")))
