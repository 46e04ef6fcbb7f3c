"""Environment variables in place of INI lines."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.config.kinds import complaints, configure

PUMP_OPTIONS = "listen, speed, max_message, idle_timeout, mode, liquids, log_level"
WORDS = st.sampled_from(
    ["NETD", "PUMP", "LAB2", "LISTEN", "SPEED", "SAFE", "FAN", "OUT", "FAN_OUT", "MAIN", "PORT", "", "X", "é"]
)


def options(ini: str, environ: dict[str, str]) -> dict[str, Any]:
    """``section.option`` to value, of every section."""
    configuration = configure(ini, environ)
    return {f"{section.name}.{name}": getattr(section.config, name) for section in configuration.sections for name in ["speed"]}


class OverrideTests(SynchronousTestCase):
    def test_main_instance(self) -> None:
        """A variable overrides what the INI says, and the default alike."""
        self.assertEqual(options("[pump]\nspeed = 2\n", {"NETD_PUMP_SPEED": "7"}), {"pump.speed": 7})
        self.assertEqual(options("[pump]\n", {"NETD_PUMP_SPEED": " 7 "}), {"pump.speed": 7})

    def test_other_instance(self) -> None:
        """Each instance has its own variables; hyphens become underscores."""
        ini = "[pump]\n[pump:lab-2]\nlisten = tcp:2\n"
        environ = {"NETD_PUMP_LAB_2_SPEED": "7"}
        self.assertEqual(options(ini, environ), {"pump.speed": 10, "pump:lab-2.speed": 7})

    def test_netd(self) -> None:
        """The daemon's own options have no section name in theirs, and need no section in the file."""
        environ = {"NETD_NAME": "green", "NETD_STOP_TIMEOUT": "1m", "NETD_STATE_DIRECTORY": "/srv/netd"}
        netd = configure("", environ).netd
        self.assertEqual((netd.name, netd.stop_timeout, str(netd.state_directory)), ("green", 60.0, "/srv/netd"))

    def test_empty(self) -> None:
        """An empty variable, as container files produce them, is one that is not set."""
        self.assertEqual(options("[pump]\nspeed = 2\n", {"NETD_PUMP_SPEED": "", "NETD_PUMP_X": ""}), {"pump.speed": 2})

    def test_bad_value(self) -> None:
        """A bad value is reported at its variable."""
        expected = ["environment NETD_PUMP_SPEED: [pump] speed: '2x' is not a whole number (1 to 100)"]
        self.assertEqual(complaints("[pump]\nspeed = 1\n", {"NETD_PUMP_SPEED": "2x"}), expected)

    def test_good_value_mends_a_bad_one(self) -> None:
        """What is overridden need not be right: only what is in force counts."""
        self.assertEqual(options("[pump]\nspeed = many\n", {"NETD_PUMP_SPEED": "7"}), {"pump.speed": 7})

    def test_control_characters(self) -> None:
        """A variable is held to the same characters as the file."""
        for text in ("7\x00", "\udcff"):
            expected = ["environment NETD_PUMP_SPEED: [pump] speed: is not UTF-8 text without control characters"]
            self.assertEqual(complaints("[pump]\n", {"NETD_PUMP_SPEED": text}), expected)

    def test_required(self) -> None:
        """A required option may come from the environment alone."""
        (section,) = configure("[scale]\n", {"NETD_SCALE_UNIT": "kg"}).sections
        self.assertEqual(section.config.unit, "kg")  # type: ignore[attr-defined]


class MistakeTests(SynchronousTestCase):
    def test_unknown_option(self) -> None:
        """A slip in a variable's name is an error with the nearest name, else with all options."""
        self.assertEqual(
            complaints("[pump]\n", {"NETD_PUMP_SPED": "1", "NETD_PUMP_QQQQQQQ": "1"}),
            [
                f"environment NETD_PUMP_QQQQQQQ: [pump] qqqqqqq: unknown option; options are {PUMP_OPTIONS}",
                "environment NETD_PUMP_SPED: [pump] sped: unknown option (did you mean NETD_PUMP_SPEED?)",
            ],
        )

    def test_unknown_option_of_an_instance(self) -> None:
        """The longest section that a variable begins with is the one whose option is unknown."""
        self.assertEqual(
            complaints("[pump]\n[pump:lab2]\nlisten = tcp:2\n", {"NETD_PUMP_LAB2_SPED": "1"}),
            ["environment NETD_PUMP_LAB2_SPED: [pump:lab2] sped: unknown option (did you mean NETD_PUMP_LAB2_SPEED?)"],
        )

    def test_absent_section(self) -> None:
        """A variable alone starts no service: it says which section to add."""
        self.assertEqual(
            complaints("", {"NETD_PUMP_SPEED": "1", "NETD_SAFE_LAB2_FAN_OUT": "1", "NETD_OVEN_SPEED": "1"}),
            [
                "environment NETD_OVEN_SPEED: [oven] there is no section [oven]; add it",
                "environment NETD_PUMP_SPEED: [pump] speed: there is no section [pump]; add it",
                "environment NETD_SAFE_LAB2_FAN_OUT: [safe:lab2] fan_out: there is no section [safe:lab2]; add it",
            ],
        )

    def test_absent_instance(self) -> None:
        """With another instance there, the section to add and the nearest variable are named."""
        self.assertEqual(
            complaints("[pump]\n", {"NETD_PUMP_LAB2_SPEED": "1"}),
            [
                "environment NETD_PUMP_LAB2_SPEED: [pump:lab2] speed: there is no section [pump:lab2]; add it"
                " (did you mean NETD_PUMP_SPEED?)"
            ],
        )
        self.assertEqual(
            complaints("[pump:lab2]\n", {"NETD_PUMP_SPEED": "1", "NETD_PUMP_X": "1"}),
            [
                "environment NETD_PUMP_SPEED: [pump] speed: there is no section [pump]; add it"
                " (did you mean NETD_PUMP_LAB2_SPEED?)",
                "environment NETD_PUMP_X: [pump] there is no section [pump]; add it",
            ],
        )

    def test_main_has_no_name(self) -> None:
        """`main` is not written in a variable's name."""
        self.assertEqual(
            complaints("[pump]\n", {"NETD_PUMP_MAIN_SPEED": "1"}),
            ["environment NETD_PUMP_MAIN_SPEED: [pump] main_speed: unknown option (did you mean NETD_PUMP_SPEED?)"],
        )

    def test_two_instances_alike(self) -> None:
        """A variable that could mean either of two instances is refused, not given to one of them."""
        ini = "[pump:a-b]\n[pump:a_b]\nlisten = tcp:2\n"
        self.assertEqual(
            complaints(ini, {"NETD_PUMP_A_B_SPEED": "1"}),
            [
                "environment NETD_PUMP_A_B_SPEED: [pump:a-b] speed: means [pump:a-b] and [pump:a_b] alike;"
                " rename one of them, or write the option there"
            ],
        )

    def test_of_no_section(self) -> None:
        """A variable that names no section there could be is one that does nothing: it is told, with the one that was meant."""
        for variable, hint in (
            ("NETD_NETD_STATE_DIRECTORY", " (did you mean NETD_STATE_DIRECTORY?)"),
            ("NETD_NETD_STOP_TIMEOUT", " (did you mean NETD_STOP_TIMEOUT?)"),
            ("NETD_NETD_STOP_TIMOUT", " (did you mean NETD_STOP_TIMEOUT?)"),
            ("NETD_STATE_DIR", " (did you mean NETD_STATE_DIRECTORY?)"),
            ("NETD_PUMPS_SPEED", " (did you mean NETD_PUMP_SPEED?)"),
            ("NETD_PUM_SPEED", " (did you mean NETD_PUMP_SPEED?)"),
            ("NETD_pump_speed", " (did you mean NETD_PUMP_SPEED?)"),
            ("netd_pump_speed", " (did you mean NETD_PUMP_SPEED?)"),
            ("NETD_NAME_", " (did you mean NETD_NAME?)"),
            ("NETD_XYZZY", "; an option of [netd] is NETD_OPTION, one of [relay] NETD_RELAY_OPTION"),
        ):
            self.assertEqual([f"environment {variable}: unknown variable{hint}"], complaints("[pump]\n", {variable: "1"}))

    def test_other_variables(self) -> None:
        """What is not ours is left alone: other prefixes, what platforms inject, and the command line's."""
        environ = {
            "NETD_PORT": "tcp://10.0.0.1:80",
            "NETD_SERVICE_HOST": "10.0.0.1",
            "NETD_BIN": "/srv/netd/bin",
            "NETD_CONTEXT": "lab",
            "NETD_": "1",
            "NETDATA_SPEED": "1",
            "PUMP_SPEED": "1",
            "NETD_PUMP_SERVICE_HOST": "10.0.0.1",
            "NETD_PUMP_SERVICE_PORT": "7001",
            "NETD_PUMP_SERVICE_PORT_CONTROL": "7001",
            "NETD_PUMP_PORT": "tcp://10.0.0.1:7001",
            "NETD_PUMP_PORT_7001_TCP": "tcp://10.0.0.1:7001",
            "NETD_PUMP_PORT_7001_TCP_ADDR": "10.0.0.1",
        }
        self.assertEqual(complaints("[pump]\n", environ), [])

    def test_port_that_no_platform_set(self) -> None:
        """A port number by hand is a slip, though its variable is called like a platform's."""
        (complaint,) = complaints("[pump]\n", {"NETD_PUMP_PORT": "7001"})
        self.assertIn("environment NETD_PUMP_PORT: [pump] port: unknown option", complaint)

    @given(st.dictionaries(st.lists(WORDS, max_size=5).map("_".join), st.sampled_from(["1", "", "tcp:1", "tcp://x"]), max_size=4))
    def test_any_environment(self, environ: dict[str, str]) -> None:
        """Any environment is taken or complained of, never a traceback."""
        for complaint in complaints("[pump]\n[pump:lab2]\nlisten=tcp:9\n[safe:x]\n", environ):
            self.assertTrue(complaint.startswith(("environment NETD_", "netd.ini:")))
