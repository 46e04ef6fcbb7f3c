"""From INI text to objects; every mistake at once, each with its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.config import Configuration, Origin, Section, SectionConfig, load, load_again, parse
from netd.errors import ConfigErrors
from tests.config.kinds import KINDS, Fan, Oven, Pump, Recipe, Safe, complaints, configure

STATE = Path("/home/ada/.local/state/netd")
PIECES = st.sampled_from(
    [
        "[pump]",
        "[pump:a]",
        "[netd]",
        "[oven]",
        "[pmp]",
        "[",
        "]",
        "\n",
        "=",
        " ",
        "speed",
        "listen",
        "tcp:1",
        "name",
        "5",
        ";",
        "\x00",
        "\udc80",
    ]
)


TOGETHER = {**KINDS, "fan": Fan}


class LinesTests(SynchronousTestCase):
    """An option whose lines are read one by one."""

    kinds: ClassVar[dict[str, type[SectionConfig]]] = {"recipe": Recipe}

    def test_semicolons(self) -> None:
        """What stands behind a semicolon is part of such a line; whole lines of comment are none."""
        (section,) = configure("[recipe]\nsteps =\n  stir ; twice\n  ; a comment\n  wait\n", kinds=self.kinds).sections
        self.assertEqual(section.config.steps, ("stir ; twice", "wait"))

    def test_places(self) -> None:
        """Each mistake is told with the number of its own line, past comments and blank lines."""
        text = "[recipe]\n; first\nsteps = stir\n  ; a comment\n  1\n\n  never\n  wait\n"
        self.assertEqual(
            complaints(text, kinds=self.kinds),
            [
                "netd.ini:5: [recipe] steps: '1' is no step; begin it with a letter",
                "netd.ini:7: [recipe] steps: never is no step either",
            ],
        )

    def test_together(self) -> None:
        """So is what the lines say together."""
        text = "[recipe]\nsteps =\n  stop\n  ; a comment\n  wait\n"
        self.assertEqual(complaints(text, kinds=self.kinds), ["netd.ini:5: [recipe] steps: is never reached"])

    def test_environment(self) -> None:
        """A text of the environment has no lines in the file: the place within it is told."""
        found = complaints("[recipe]\n", {"NETD_RECIPE_STEPS": "stir\n1"}, kinds=self.kinds)
        self.assertEqual(found, ["environment NETD_RECIPE_STEPS: [recipe] steps: line 2: '1' is no step; begin it with a letter"])


class SectionTests(SynchronousTestCase):
    def test_sections(self) -> None:
        """Each section is a service, in file order, with its options read and the rest at their defaults."""
        configuration = configure("[oven]\nfan = no\n[pump]\n[pump:lab2]\nlisten = tcp:7003 tcp:7004\nspeed = 99\n")
        self.assertEqual(
            configuration.sections,
            (
                Section("oven", "main", Oven(fan=False, state_directory=STATE, node="lab")),
                Section("pump", "main", Pump(state_directory=STATE, node="lab")),
                Section(
                    "pump",
                    "lab2",
                    Pump(instance="lab2", listen=("tcp:7003", "tcp:7004"), speed=99, state_directory=STATE, node="lab"),
                ),
            ),
        )
        self.assertEqual([section.name for section in configuration.sections], ["oven", "pump", "pump:lab2"])

    def test_main_by_name(self) -> None:
        """`[pump:main]` is `[pump]`."""
        (section,) = configure("[pump:main]\n").sections
        self.assertEqual((section.name, section.instance, section.config.instance), ("pump", "main", "main"))

    def test_nothing_written(self) -> None:
        """An empty file is a daemon without services."""
        self.assertEqual(configure("").sections, ())

    def test_unlimited_and_off(self) -> None:
        """The words for no limit and no listener reach the service as None."""
        pump, oven = configure("[pump]\nidle_timeout = 3s\n[oven]\nlisten = off\n").sections
        self.assertEqual(
            (pump.config, oven.config),
            (
                Pump(idle_timeout=3.0, state_directory=STATE, node="lab"),
                Oven(listen=None, state_directory=STATE, node="lab"),
            ),
        )


class NetdTests(SynchronousTestCase):
    def test_name(self) -> None:
        """A node is called after its host, with what a name cannot hold replaced."""
        for hostname, name in (
            ("lab", "lab"),
            ("-Lab_PC-7-", "Lab_PC-7"),
            ("X-RAY-X", "X-RAY-X"),
            ("pi 3.example.org", "pi-3-example-org"),
            ("..", "netd"),
            ("x" * 99, "x" * 63),
        ):
            self.assertEqual(configure("", hostname=hostname).netd.name, name)
        self.assertEqual(configure("[netd]\nname = green_house-1\n").netd.name, "green_house-1")

    def test_state_directory(self) -> None:
        """State goes where the file says, else where systemd says, else below the user's home."""
        self.assertEqual(configure("[netd]\nstate_directory = /srv/x\n").netd.state_directory, Path("/srv/x"))
        self.assertEqual(configure("", {"STATE_DIRECTORY": "/var/lib/netd-lab"}).netd.state_directory, Path("/var/lib/netd-lab"))
        self.assertEqual(configure("").netd.state_directory, STATE)
        self.assertEqual(parse("", "netd.ini", KINDS, {}, 0, "lab").netd.state_directory, Path("/var/lib/netd"))

    def test_every_service_knows_the_state_directory(self) -> None:
        """The state directory of the daemon is that of each service."""
        configuration = configure("[pump]\n[safe]\n[netd]\nstate_directory = /srv/x\n")
        self.assertEqual({section.config.state_directory for section in configuration.sections}, {Path("/srv/x")})

    def test_every_service_knows_the_time_for_its_end(self) -> None:
        """The daemon's stop_timeout is that of each service."""
        configuration = configure("[pump]\n[safe]\n[netd]\nstop_timeout = 7s\n")
        self.assertEqual({section.config.stop_timeout for section in configuration.sections}, {7.0})

    def test_bad_name(self) -> None:
        """A name that no subject can hold is refused."""
        for name in ("a b", "a.b", "x" * 64, "é"):
            (complaint,) = complaints(f"[netd]\nname = {name}\n")
            self.assertIn("netd.ini:2: [netd] name: ", complaint)
            self.assertIn("is not a node name; write 1 to 63 letters, digits, _ and -, or auto", complaint)

    def test_only_one(self) -> None:
        """There is one daemon: a second [netd], or one with an instance, is refused."""
        self.assertEqual(
            complaints("[netd]\n[netd]\n[netd:two]\n"),
            [
                "netd.ini:2: [netd] given twice, first on line 1; put its options there",
                "netd.ini:3: [netd:two] there is only one [netd]; take out the colon and what follows it",
            ],
        )


class MistakeTests(SynchronousTestCase):
    def test_five_mistakes_five_lines(self) -> None:
        """Five slips in one file are five lines, in file order, and not one run each."""
        ini = """\
[pump]
sped = 1
speed = 1000
liquids = water,
[ovne]
[oven]
fan
[netd]
"""
        self.assertEqual(
            complaints(ini),
            [
                "netd.ini:2: [pump] sped: unknown option (did you mean speed?)",
                "netd.ini:3: [pump] speed: 1000 is out of range (1 to 100)",
                "netd.ini:4: [pump] liquids: 'water,' has an empty item; take out the comma too many",
                "netd.ini:5: [ovne] unknown section (did you mean [oven]?); kinds are netd, oven, pump, safe, scale, tls",
                "netd.ini:7: [oven] neither [section] nor option = value; write option = value",
            ],
        )

    def test_file_before_environment(self) -> None:
        """Mistakes in the environment come behind all those in the file."""
        found = complaints("[pump]\nspeed = 0\n", {"NETD_PUMP_X": "1", "NETD_STOP_TIMEOUT": "1"})
        self.assertEqual(
            [complaint.split(": ")[0] for complaint in found],
            ["netd.ini:2", "environment NETD_PUMP_X", "environment NETD_STOP_TIMEOUT"],
        )

    def test_unknown_section(self) -> None:
        """A section that is no kind draws the kinds; its options are not complained of."""
        kinds = "kinds are netd, oven, pump, safe, scale, tls"
        self.assertEqual(
            complaints("[zebra]\nx = 1\n[pmp:lab2]\n[Pump]\n"),
            [
                f"netd.ini:1: [zebra] unknown section; {kinds}",
                f"netd.ini:3: [pmp:lab2] unknown section (did you mean [pump:lab2]?); {kinds}",
                f"netd.ini:4: [Pump] unknown section (did you mean [pump]?); {kinds}",
            ],
        )

    def test_unknown_option(self) -> None:
        """An option that nothing comes near draws all that there are."""
        self.assertEqual(
            complaints("[safe]\nzebra = 1\n"),
            ["netd.ini:2: [safe] zebra: unknown option; options are key_file, fan_out, log_level"],
        )

    def test_bad_instance(self) -> None:
        """An instance is named by a word that also serves in subjects and variables."""
        expected = "is not 1 to 32 letters, digits, _ and -"
        self.assertEqual(
            complaints(f"[pump:]\n[pump:a b]\n[pump:{'x' * 33}]\n"),
            [
                f"netd.ini:1: [pump:] instance '' {expected}",
                f"netd.ini:2: [pump:a b] instance 'a b' {expected}",
                f"netd.ini:3: [pump:{'x' * 33}] instance '{'x' * 33}' {expected}",
            ],
        )

    def test_section_twice(self) -> None:
        """A repeated section names the first one; what is wrong inside it is found as well."""
        self.assertEqual(
            complaints("[pump]\nspeed = 1\n[pump:main]\nspeed = 0\n[pump]\n[scale]\nunit = g\n[scale]\n"),
            [
                "netd.ini:3: [pump] given twice, first on line 1; put its options there, or name another instance [pump:NAME]",
                "netd.ini:4: [pump] speed: 0 is out of range (1 to 100)",
                "netd.ini:5: [pump] given twice, first on line 1; put its options there, or name another instance [pump:NAME]",
                "netd.ini:8: [scale] given twice, first on line 6; put its options there, or name another instance [scale:NAME]",
            ],
        )

    def test_option_twice(self) -> None:
        """A repeated option names the first one."""
        self.assertEqual(
            complaints("[pump]\nspeed = 1\nmode = gentle\nspeed = 2\n"),
            ["netd.ini:4: [pump] speed: given twice, first on line 2; keep one"],
        )

    def test_missing_option(self) -> None:
        """An option that must be written is asked for at its section."""
        self.assertEqual(complaints("\n[scale]\n"), ["netd.ini:2: [scale] unit: is missing; write unit = … (text)"])

    def test_empty_value(self) -> None:
        """A line with nothing after its = is no way to ask for the default."""
        self.assertEqual(
            complaints("[pump]\nspeed =\n"),
            ["netd.ini:2: [pump] speed: is empty; write a value, or leave the line out for the default"],
        )

    def test_bad_value_on_a_later_line(self) -> None:
        """A value over several lines is reported where its option stands."""
        self.assertEqual(
            complaints("[pump]\nlisten = tcp:1\n    tcp:x\n"),
            ["netd.ini:2: [pump] listen: tcp:x: port 'x' is not a number from 0 to 65535"],
        )

    def test_options_that_do_not_go_together(self) -> None:
        """What only the kind knows to be wrong is reported at its section."""
        self.assertEqual(
            complaints("\n[oven]\nleast = 250\n"), ["netd.ini:2: [oven] least 250 is above greatest 200; exchange them"]
        )
        self.assertEqual(
            complaints("[oven]\nleast = 250\ngreatest = much\n"),
            ["netd.ini:3: [oven] greatest: 'much' is not a whole number (0 to 300)"],
        )

    def test_values_are_not_shown_for_unknown_options(self) -> None:
        """A password in the wrong place does not reach the log."""
        self.assertNotIn("hunter2", "".join(complaints("[safe]\npassword = hunter2\npassword: hunter2\n[sfe]\nx = hunter2\n")))

    @given(st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=20).map("".join)))
    def test_any_text(self, text: str) -> None:
        """Any text is a configuration, or a list of mistakes with their places; never a traceback."""
        try:
            configuration = parse(text, "x.ini", KINDS, {}, 0, "lab")
        except ConfigErrors as errors:
            self.assertTrue(errors.problems)
            self.assertTrue(all(problem.place.startswith("x.ini:") for problem in errors.problems))
        else:
            self.assertIsInstance(configuration, Configuration)


class TogetherTests(SynchronousTestCase):
    """What sections ask of each other."""

    def test_single(self) -> None:
        """A kind that can be there once is refused a second time, under another name or the same."""
        told = ["netd.ini:3: [fan:two] there is only one [fan], and line 1 has it; take out one of the two"]
        self.assertEqual(told, complaints("[fan]\n[oven]\n[fan:two]\n", kinds=TOGETHER))
        told = ["netd.ini:2: [fan] given twice, first on line 1; put its options there"]
        self.assertEqual(told, complaints("[fan]\n[fan]\n", kinds=TOGETHER))
        self.assertEqual([], complaints("[fan:two]\n", kinds=TOGETHER))

    def test_needs(self) -> None:
        """An option that does nothing without another kind of section is refused, where it is written, unless that is there."""
        told = "cools: does nothing without a section [oven]; add one, or take this out"
        self.assertEqual([f"netd.ini:2: [fan] {told}"], complaints("[fan]\ncools = yes\n", kinds=TOGETHER))
        environ = {"NETD_FAN_COOLS": "yes"}
        self.assertEqual([f"environment NETD_FAN_COOLS: [fan] {told}"], complaints("[fan]\n", environ, TOGETHER))
        self.assertEqual([], complaints("[fan]\n", kinds=TOGETHER))
        self.assertEqual([], complaints("[fan]\ncools = yes\n[oven:two]\n", kinds=TOGETHER))
        broken = complaints("[fan]\ncools = yes\n[oven]\nleast = x\n", kinds=TOGETHER)
        self.assertEqual(1, len(broken), broken)  # a mistake in the section that is needed is no missing section


class CollisionTests(SynchronousTestCase):
    def test_two_sections(self) -> None:
        """Two sections on one port are found before either of them listens."""
        self.assertEqual(
            complaints("[oven]\nlisten = tcp:80\n[pump]\nspeed = 5\nlisten = tcp:81 tcp:80:interface=127.0.0.1\n"),
            ["netd.ini:5: [pump] listen: tcp:80:interface=127.0.0.1 is taken by [oven] listen (netd.ini:2); choose another"],
        )

    def test_two_defaults(self) -> None:
        """A second instance that leaves its port at the default is told so at its section."""
        self.assertEqual(
            complaints("[pump]\n\n[pump:lab2]\n"),
            ["netd.ini:3: [pump:lab2] listen: tcp:7001:interface=127.0.0.1 is taken by [pump] listen (default); choose another"],
        )

    def test_within_one_option(self) -> None:
        """One endpoint written twice is found as well."""
        self.assertEqual(
            complaints("[pump]\nlisten = tcp:80 tcp:80\n"),
            ["netd.ini:2: [pump] listen: tcp:80 is taken by [pump] listen (netd.ini:2); choose another"],
        )

    def test_loopback(self) -> None:
        """Two sections on one port of loopback are one mistake, though they meet at several addresses."""
        for other in ("loopback:80", "tcp:80", "tcp:80:interface=127.0.0.1"):
            self.assertEqual(
                complaints(f"[oven]\nlisten = {other}\n[pump]\nlisten = loopback:80\n"),
                ["netd.ini:4: [pump] listen: loopback:80 is taken by [oven] listen (netd.ini:2); choose another"],
            )
        self.assertEqual(complaints("[oven]\nlisten = loopback:80\n[pump]\nlisten = loopback:81 loopback:82\n"), [])

    def test_from_the_environment(self) -> None:
        """A port from the environment collides like any other."""
        self.assertEqual(
            complaints("[oven]\n[pump]\n", {"NETD_OVEN_LISTEN": "tcp:7001"}),
            [
                "netd.ini:2: [pump] listen: tcp:7001:interface=127.0.0.1 is taken by [oven] listen"
                " (environment NETD_OVEN_LISTEN); choose another"
            ],
        )

    def test_ipv6_takes_ipv4(self) -> None:
        """Both wildcards on one port are found before the daemon starts; where the system keeps them apart, they are good."""
        ini = "[pump]\nlisten = tcp:80 tcp6:80\n"
        self.assertEqual(
            complaints(ini), ["netd.ini:2: [pump] listen: tcp6:80 is taken by [pump] listen (netd.ini:2); choose another"]
        )
        parse(ini, "netd.ini", KINDS, {}, 0, "lab", takes_ipv4=False)

    def test_control_socket(self) -> None:
        """A service on netd's own control socket would be replaced by it: it is told so, wherever that socket is."""
        problem = "listen: unix:{} is taken by netd's own control socket; choose another"
        for ini, path in (
            ("[netd]\nstate_directory = /srv/x\n[pump]\nlisten = unix:{}\n", "/srv/x/control.sock"),
            ("[pump]\n\n\nlisten = unix:{}\n", f"{STATE}/run/../control.sock"),
        ):
            self.assertEqual(complaints(ini.format(path)), [f"netd.ini:4: [pump] {problem.format(path)}"])
        self.assertEqual(complaints("[pump]\nlisten = unix:/srv/x/control.sock\n"), [])

    def test_repeated_section(self) -> None:
        """A section that is written twice does not also collide with itself."""
        self.assertEqual(len(complaints("[pump]\n[pump]\n")), 1)


class OriginTests(SynchronousTestCase):
    def test_origin_lines(self) -> None:
        """`netd config --origin` shows every option in force and where it is written."""
        ini = "[safe]\nkey_file = /etc/netd/safe.key\n[oven:b]\nlisten = tcp:1\n   tcp:2\n[netd]\nname = green\n"
        self.assertEqual(
            configure(ini, {"NETD_OVEN_B_LEAST": "30"}).origin_lines(),
            (
                "[netd] name = green ; netd.ini:7",
                "[netd] state_directory = /home/ada/.local/state/netd ; default",
                "[netd] user = auto ; default",
                "[netd] nofile = auto ; default",
                "[netd] log = auto ; default",
                "[netd] log_level = info ; default",
                "[netd] stop_timeout = 5s ; default",
                "[netd] dead_timeout = 30s ; default",
                "[netd] memory = 256MiB ; default",
                "[netd] keep_events = 256 ; default",
                "[netd] keep_size = 16MiB ; default",
                "[safe] key_file = /etc/netd/safe.key ; netd.ini:2",
                "[safe] fan_out = 3 ; default",
                "[safe] log_level = auto ; default",
                "[oven:b] listen = tcp:1 tcp:2 ; netd.ini:4",
                "[oven:b] least = 30 ; environment NETD_OVEN_B_LEAST",
                "[oven:b] greatest = 200 ; default",
                "[oven:b] fan = yes ; default",
                "[oven:b] log_level = auto ; default",
            ),
        )

    def test_origins(self) -> None:
        """The same is there for programs."""
        self.assertIn(Origin("pump", "speed", "5", "netd.ini:2"), configure("[pump]\nspeed = 5\n").origins)

    def test_secrets_stay_in_their_files(self) -> None:
        """Of a secret, its path is shown and its file is never opened."""
        folder = Path(self.mktemp())
        folder.mkdir()
        key = folder / "key"
        os.mkfifo(key)  # whoever opened it would wait for ever
        configuration = configure(f"[safe]\nkey_file = {key}\n")
        self.assertIn(f"[safe] key_file = {key} ; netd.ini:2", configuration.origin_lines())
        self.assertEqual(configuration.sections[0].config, Safe(key_file=key, state_directory=STATE, node="lab"))


class RelativePathTests(SynchronousTestCase):
    """Of a file in ``/etc/netd``."""

    INI = "[netd]\nstate_directory = state\n[safe]\nkey_file = keys/../safe.key\n[pump]\nlisten = unix:pump.sock:mode=600 tcp:1\n"

    def configure(self, ini: str, environ: dict[str, str]) -> Configuration:
        """What *ini* says there."""
        return parse(ini, "netd.ini", KINDS, environ, 0, "lab", Path("/etc/netd"))

    def test_beside_the_file(self) -> None:
        """Relative paths mean the same wherever the daemon is started: they begin where the file is."""
        configuration = self.configure(self.INI, {})
        safe, pump = (section.config for section in configuration.sections)
        assert isinstance(safe, Safe)
        assert isinstance(pump, Pump)
        self.assertEqual(Path("/etc/netd/state"), configuration.netd.state_directory)
        self.assertEqual({Path("/etc/netd/state")}, {safe.state_directory, pump.state_directory})
        self.assertEqual(Path("/etc/netd/keys/../safe.key"), safe.key_file)
        self.assertEqual(("unix:/etc/netd/pump.sock:mode=600", "tcp:1"), pump.listen)

    def test_as_written(self) -> None:
        """`netd config --origin` shows what is written."""
        lines = self.configure(self.INI, {}).origin_lines()
        for line in (
            "[netd] state_directory = state ; netd.ini:2",
            "[safe] key_file = keys/../safe.key ; netd.ini:4",
            "[pump] listen = unix:pump.sock:mode=600 tcp:1 ; netd.ini:6",
        ):
            self.assertIn(line, lines)

    def test_absolute_and_automatic(self) -> None:
        """Absolute paths, home directories, `auto` and `off` are what they were."""
        ini = "[netd]\nstate_directory = auto\n[safe]\nkey_file = auto\n[safe:b]\nkey_file = ~/k\n[oven]\nlisten = off\n"
        configuration = self.configure(ini, {})
        configs: list[Any] = [section.config for section in configuration.sections]
        self.assertEqual(Path("/var/lib/netd"), configuration.netd.state_directory)
        self.assertEqual((None, Path("~/k").expanduser(), None), (configs[0].key_file, configs[1].key_file, configs[2].listen))

    def test_environment(self) -> None:
        """A path in the environment is relative to where its writer is, as everywhere in a shell; the command line agrees."""
        environ = {"NETD_STATE_DIRECTORY": "state", "NETD_SAFE_KEY_FILE": "k", "NETD_PUMP_LISTEN": "unix:x"}
        configuration = self.configure("[safe]\n[pump]\n", environ)
        configs: list[Any] = [section.config for section in configuration.sections]
        self.assertEqual(Path("state"), configuration.netd.state_directory)
        self.assertEqual((Path("k"), ("unix:x",)), (configs[0].key_file, configs[1].listen))

    def test_control_socket(self) -> None:
        """A relative socket in a relative state directory collides with the control socket, too."""
        ini = "[netd]\nstate_directory = state\n[pump]\nlisten = unix:state/control.sock\n"
        self.assertIn("is taken by netd's own control socket", str(self.assertRaises(ConfigErrors, self.configure, ini, {})))

    def test_bad_endpoint(self) -> None:
        """A certificate that is not there is named by the path at which it was looked for."""
        error = self.assertRaises(ConfigErrors, self.configure, "[pump]\nlisten = ssl:1:privateKey=none.pem\n", {})
        self.assertIn("/etc/netd/none.pem cannot be read: No such file or directory", str(error))


class LoadTests(SynchronousTestCase):
    def load(self, content: bytes | None) -> Configuration:
        self.path = Path(self.mktemp())
        if content is not None:
            self.path.write_bytes(content)
        return load(self.path, KINDS, {"HOME": "/home/ada"}, 1000, "lab")

    def problems(self, content: bytes | None) -> list[str]:
        errors = self.assertRaises(ConfigErrors, self.load, content)
        return str(errors).replace(str(self.path), "netd.ini").splitlines()

    def test_file(self) -> None:
        """A file is read as UTF-8, and its path is how messages and origins name it."""
        configuration = self.load("[scale]\nunit = µg\n".encode())
        self.assertIn(f"[scale] unit = µg ; {self.path}:2", configuration.origin_lines())

    def test_relative_paths(self) -> None:
        """Relative paths begin in the directory of the file, not in that from which the daemon is started."""
        netd = self.load(b"[netd]\nstate_directory = state\n").netd
        self.assertEqual(self.path.parent.resolve() / "state", netd.state_directory)
        folder = self.path.parent / "below"
        folder.mkdir()
        again = load(folder / ".." / self.path.name, KINDS, {}, 1000, "lab").netd
        self.assertEqual(netd.state_directory, again.state_directory, "without what the way to the file went up and down")

    def test_no_file(self) -> None:
        """A file that is not there is an error with its path."""
        self.assertEqual(self.problems(None), ["netd.ini: cannot be read: No such file or directory"])

    def test_directory(self) -> None:
        """A directory in place of the file is an error with its path."""
        folder = Path(self.mktemp())
        folder.mkdir()
        errors = self.assertRaises(ConfigErrors, load, folder, KINDS, {}, 0, "lab")
        self.assertEqual(str(errors), f"{folder}: cannot be read: Is a directory")

    def test_pipe(self) -> None:
        """A pipe can be read at the start. A reload does not wait for somebody to write to it, and does not take it for empty."""
        pipe = Path(self.mktemp())
        os.mkfifo(pipe)
        errors = self.assertRaises(ConfigErrors, load_again, pipe, KINDS, {}, 0, "lab")
        self.assertIn(f"{pipe}: is no regular file", str(errors))
        self.assertRaises(ConfigErrors, load_again, pipe.with_suffix(".absent"), KINDS, {}, 0, "lab")

    def test_new_kind(self) -> None:
        """A reload says that a kind which was installed meanwhile needs a restart, and adds nothing to other mistakes."""
        file = Path(self.mktemp())
        file.write_text("[echo]\n[pump]\nspeed = 0\n")
        at_start = str(self.assertRaises(ConfigErrors, load, file, KINDS, {}, 0, "lab")).splitlines()
        again = str(self.assertRaises(ConfigErrors, load_again, file, KINDS, {}, 0, "lab")).splitlines()
        hint = "; a kind that was installed since netd started needs a restart"
        self.assertEqual(again, [f"{at_start[0]}{hint}", *at_start[1:]])
        file.write_text("[pump]\nspeed = 1\n")
        self.assertEqual(load_again(file, KINDS, {}, 0, "lab").file, str(file.absolute()))

    def test_too_large(self) -> None:
        """A device file or a log given by accident is not read to its end."""
        self.load(b"#" * 2**20)
        self.assertEqual(self.problems(b"#" * (2**20 + 1)), ["netd.ini: is larger than 1048576 bytes; this is no configuration"])

    def test_bytes_that_are_no_text(self) -> None:
        """Lines that are not UTF-8 or hold NUL bytes are named, beside all other mistakes."""
        self.assertEqual(
            self.problems(b"[pump]\nmode = \xe9\nspeed = 1\x00\nspeed = 0\n"),
            [
                "netd.ini:2: [pump] not UTF-8 in column 8 (byte 0xe9); save the file as UTF-8",
                "netd.ini:3: [pump] control character U+0000 in column 10; take it out",
                "netd.ini:4: [pump] speed: 0 is out of range (1 to 100)",
            ],
        )
