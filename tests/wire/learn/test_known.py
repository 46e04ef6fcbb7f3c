"""Programs that speak a protocol of the recipes are drafted by the recipe, and others are not."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.config import read_section
from netd.wire.learn import draft
from netd.wire.recipes import recipes
from netd.wire.recording import Recording, Transport, read_recording
from tests.wire.learn.recordings import recorded, spoken

KNOWN = ("gps-tracker", "nmea", "scale", "statsd", "syslog")


def by_recipe(recording: Recording) -> str:
    """The first line of the draft, as far as the name of the recipe; empty if it is by none."""
    first = draft(recording, "shed").section.split("\n", 1)[0]
    return first.partition("by the recipe ")[2].partition(",")[0]


class KnownProtocolTests(SynchronousTestCase):
    def test_recipes(self) -> None:
        """The example of each recipe that can be told by its words is drafted by that recipe, for the place it came from."""
        found = {name: by_recipe(read_recording(recipe.transcript)) for name, recipe in recipes().items()}
        self.assertEqual({name: name if name in KNOWN else "" for name in recipes()}, found)

    def test_section(self) -> None:
        """The draft has the name and the place that are wanted, the rules of the recipe, and says how much it explains."""
        recording = recorded(spoken(["ST,GS,+ 1.250kg", "US,GS,+ 1.310kg", "ST,GS,+ 1.355kg", "ST,GS,+ 1.300kg"], "\r\n"))
        found = draft(recording, "bench", "tcp:7001:interface=127.0.0.1")
        self.assertIn("by the recipe scale, which explains 4 of 4 messages", found.section)
        self.assertIn(
            "[wire:bench]\nlisten = tcp:7001:interface=127.0.0.1\nrules =\n    sample ST,GS,{weight}{unit}\n", found.section
        )
        self.assertEqual((f"this is {recipes()['scale'].title}",), found.remarks)
        read_section(found.section)

    def test_other_programs(self) -> None:
        """A recipe that leaves a tenth of the messages unexplained, or would say something else, is none."""
        rows = ["ST,GS,+ 1.250kg"] * 5
        self.assertEqual("scale", by_recipe(recorded(spoken(rows))))
        self.assertEqual("", by_recipe(recorded(spoken([*rows, "HELLO", "AGAIN"]))))
        self.assertEqual("", by_recipe(recorded([(b"ST,GS,+ 1.250kg\n", b"OK\n")] * 5)))
        self.assertEqual("", by_recipe(recorded(spoken(rows[:1]))))
        self.assertEqual("", by_recipe(recorded(spoken(["US,GS,+ 1.250kg"] * 5))))
        counted = [b"visits:%d|c\n" % number for number in range(5)]
        self.assertEqual("statsd", by_recipe(recorded(counted, transport=Transport.UDP)))
