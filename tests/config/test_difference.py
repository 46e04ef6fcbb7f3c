"""What a reload would change: options, sections, and what waits for a restart."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.config import ChangedOption, compare
from tests.config.kinds import Oven, Pump, configure


class DifferenceTests(SynchronousTestCase):
    def test_nothing(self) -> None:
        """Another spelling of the same values, in another order, changes nothing."""
        difference = compare(
            configure("[pump]\nidle_timeout = 60s\nspeed = 10\n[oven]\n"), configure("[oven]\n[pump]\nidle_timeout = 1m\n")
        )
        self.assertTrue(difference.is_empty)

    def test_live(self) -> None:
        """A live option is told with its old and its new text and the line of the new one, and comes into force."""
        difference = compare(configure("[pump]\n"), configure("[pump]\n\nspeed = 20\n"))
        self.assertEqual(difference.changed, (ChangedOption("pump", "speed", "10", "20", "netd.ini:3", True),))
        self.assertEqual(difference.merged.sections[0].config.speed, 20)  # type: ignore[attr-defined]
        self.assertFalse(difference.is_empty)

    def test_back_to_the_default(self) -> None:
        """A line that is taken out brings the default back."""
        (changed,) = compare(configure("[pump]\nspeed = 20\n"), configure("[pump]\n")).changed
        self.assertEqual((changed.before, changed.after, changed.place), ("20", "10", "default"))

    def test_restart(self) -> None:
        """An option that is not live keeps the value in force, also where it is shown, until the daemon starts again."""
        before = configure("[pump]\nmax_message = 1KiB\n")
        difference = compare(before, configure("[pump]\nmax_message = 2KiB\nspeed = 20\n"))
        self.assertEqual(
            [(changed.option, changed.is_live) for changed in difference.changed], [("speed", True), ("max_message", False)]
        )
        config = difference.merged.sections[0].config
        assert isinstance(config, Pump)
        self.assertEqual((config.speed, config.max_message), (20, 1024))
        self.assertIn("[pump] max_message = 1KiB ; netd.ini:2", difference.merged.origin_lines())
        self.assertIn("[pump] speed = 20 ; netd.ini:3", difference.merged.origin_lines())
        again = compare(difference.merged, configure("[pump]\nmax_message = 2KiB\nspeed = 20\n"))
        self.assertEqual([(changed.option, changed.before) for changed in again.changed], [("max_message", "1KiB")])

    def test_fixed(self) -> None:
        """Nothing of a section is live whose service cannot follow."""
        difference = compare(configure("[pump]\n"), configure("[pump]\nspeed = 20\n"), fixed={"pump"})
        self.assertEqual([changed.is_live for changed in difference.changed], [False])
        self.assertEqual(difference.merged.sections[0].config.speed, 10)  # type: ignore[attr-defined]

    def test_sections(self) -> None:
        """Sections that come and go are told by their names, and their options are no changes."""
        elsewhere = "listen = tcp:7003\n"
        difference = compare(configure(f"[pump]\n[pump:old]\n{elsewhere}"), configure(f"[oven]\n[pump]\n[pump:new]\n{elsewhere}"))
        self.assertEqual((difference.added, difference.removed), (("oven", "pump:new"), ("pump:old",)))
        self.assertEqual(difference.changed, ())
        self.assertEqual([section.name for section in difference.merged.sections], ["oven", "pump", "pump:new"])

    def test_netd(self) -> None:
        """The state directory stays where it is for the sections, too, and for those that are added."""
        before = configure("[pump]\n")
        difference = compare(before, configure("[netd]\nstate_directory = /srv/elsewhere\nstop_timeout = 9s\n[pump]\n[oven]\n"))
        state = before.netd.state_directory
        self.assertEqual(difference.merged.netd.state_directory, state)
        self.assertEqual({section.config.state_directory for section in difference.merged.sections}, {state})
        self.assertEqual({section.config.stop_timeout for section in difference.merged.sections}, {9.0})
        told = {changed.option: (changed.after, changed.is_live) for changed in difference.changed}
        self.assertEqual(told, {"state_directory": ("/srv/elsewhere", False), "stop_timeout": ("9s", True)})
        self.assertNotEqual(state, Path("/srv/elsewhere"))

    def test_do_not_go_together(self) -> None:
        """A live option that does not fit to one that waits for a restart is a mistake, with its section's line."""
        (problem,) = compare(configure("[oven]\n"), configure("\n[oven]\nleast = 250\ngreatest = 260\n")).problems
        self.assertEqual(
            str(problem),
            "netd.ini:2: [oven] least 250 is above greatest 200; exchange them (greatest cannot change without a restart of "
            "netd; until then the old value counts)",
        )
        self.assertEqual(Oven().greatest, 200)
