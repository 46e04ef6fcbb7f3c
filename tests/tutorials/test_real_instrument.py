"""The tutorial of a lab instrument, with a simulator of one."""

from __future__ import annotations

from tests.tutorials.instrument import PowerSupply
from tests.tutorials.reader import TutorialTestCase


class InstrumentTests(TutorialTestCase):
    def test_page(self) -> None:
        """The instrument is asked in its turn, does what it is told, an alert sees its limit, and pandas has the numbers."""
        supply = PowerSupply()
        self.addCleanup(supply.end)
        self.follow("lab-instrument.md", {"192.168.1.7:5025": f"127.0.0.1:{supply.server_address[1]}"})
