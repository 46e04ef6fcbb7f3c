"""Declaring options: what a kind's author writes, and what the class then knows."""

from __future__ import annotations

import attrs
from twisted.trial.unittest import SynchronousTestCase

from netd.config import REQUIRED, NetdConfig, SectionConfig, integer, option, options_of, section_name
from netd.config.options import section_help, variable_name
from tests.config.kinds import KINDS, Pump, Safe, Scale, configure


class OptionTests(SynchronousTestCase):
    def test_defaults(self) -> None:
        """A class built without arguments holds what the defaults say."""
        pump = Pump()
        self.assertEqual(pump.listen, ("tcp:7001:interface=127.0.0.1",))
        self.assertEqual((pump.speed, pump.max_message, pump.idle_timeout), (10, 65536, None))
        self.assertEqual(pump.liquids, ("water", "oil"))

    def test_defaults_are_what_the_loader_gives(self) -> None:
        """A service under test behaves as one whose section is empty."""
        (section,) = configure("[pump]\n").sections
        self.assertEqual(section.config, Pump(state_directory=section.config.state_directory, node="lab"))

    def test_frozen(self) -> None:
        """Nobody changes the configuration of a running service."""
        self.assertRaises(attrs.exceptions.FrozenInstanceError, setattr, Pump(), "speed", 11)

    def test_required(self) -> None:
        """An option without a default must be given, in code as in the INI."""
        self.assertRaises(TypeError, Scale)
        self.assertEqual(Scale(unit="g").unit, "g")
        self.assertIs(options_of(Scale)["unit"].default, REQUIRED)

    def test_options_of(self) -> None:
        """The options are known by name, in the order of declaration; what the loader sets is none of them."""
        self.assertEqual(
            list(options_of(Pump)), ["listen", "speed", "max_message", "idle_timeout", "mode", "liquids", "log_level"]
        )
        self.assertEqual(list(options_of(SectionConfig)), ["log_level"])
        self.assertEqual(
            list(options_of(NetdConfig)),
            [
                "name",
                "state_directory",
                "user",
                "nofile",
                "log",
                "log_level",
                "stop_timeout",
                "dead_timeout",
                "memory",
                "keep_events",
                "keep_size",
            ],
        )
        speed = options_of(Pump)["speed"]
        self.assertEqual(
            (speed.default, speed.help, speed.parser.describes), ("10", "Strokes a minute.", "whole number, 1 to 100")
        )

    def test_bad_default(self) -> None:
        """A default that its own parser refuses is noticed by the first test that builds the class."""

        @attrs.frozen(kw_only=True)
        class Wrong(SectionConfig):
            size: int = option(integer(1, 9), "10", help="Too much.")

        self.assertRaises(ValueError, Wrong)

    def test_section_help(self) -> None:
        """The help of a section is the first paragraph of its class, on one line."""
        self.assertEqual(section_help(Pump), "Moves liquids from one flask to another.")

        @attrs.frozen(kw_only=True)
        class Silent(SectionConfig):
            pass

        self.assertEqual(section_help(Silent), "")

    def test_packaged(self) -> None:
        """A kind runs out of the box unless it says otherwise."""
        self.assertEqual([name for name, kind in KINDS.items() if not kind.packaged], ["safe"])
        self.assertFalse(Safe.packaged)


class NameTests(SynchronousTestCase):
    def test_section_name(self) -> None:
        """The instance `main` is the section without a colon."""
        self.assertEqual(section_name("relay", "main"), "relay")
        self.assertEqual(section_name("relay", "lab2"), "relay:lab2")

    def test_variable_name(self) -> None:
        """Each option of each instance has one environment variable."""
        self.assertEqual(variable_name("relay", "main", "max_payload"), "NETD_RELAY_MAX_PAYLOAD")
        self.assertEqual(variable_name("relay", "lab-2", "listen"), "NETD_RELAY_LAB_2_LISTEN")
        self.assertEqual(variable_name("netd", "main", "name"), "NETD_NAME")
