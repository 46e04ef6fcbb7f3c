"""``twistd netd``'s own options: what they show, what they refuse, and what they change about twistd."""

from __future__ import annotations

import io
import json
import os
import pwd
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import twisted.plugins
from twisted.application.service import Application, IService
from twisted.logger import ILogObserver, Logger
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from netd.check import default_ini
from netd.secrets.passwords import make_entry, write_entry
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS
from netd.tap import Options, makeService

CHECKOUT = Path(__file__).resolve().parent.parent


class OptionsTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.out, self.errors = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.errors)
        self.patch(os, "environ", {"HOME": str(self.folder), "NETD_USER": pwd.getpwuid(os.geteuid()).pw_name})
        self.ini = self.folder / "my.ini"
        self.ini.write_text(
            f"[netd]\nstate_directory = {self.folder / 'state'}\n[relay:lab2]\nlisten = loopback:0\n", encoding="utf-8"
        )

    def parse(self, *arguments: str, twistd: dict[str, Any] | None = None) -> Options:
        """The options, with twistd's own above them."""
        options = Options()
        options.parent = twistd  # type: ignore[assignment]  # a dict is all that netd takes them for
        options.parseOptions(["-c", str(self.ini), *arguments])
        return options

    def leave(self, *arguments: str) -> int:
        """The status with which twistd ends before it starts anything."""
        code = self.assertRaises(SystemExit, self.parse, *arguments).code
        assert isinstance(code, int)
        return code


class ConfigurationTests(OptionsTestCase):
    def test_good(self) -> None:
        """A good configuration is read without a word."""
        options = self.parse()
        self.assertEqual(["relay:lab2"], [section.name for section in options.configuration.sections])
        self.assertEqual(("", ""), (self.out.getvalue(), self.errors.getvalue()))

    def test_mistakes(self) -> None:
        """All mistakes are listed by file and line, in the file's order, and the status is the one for configurations."""
        self.ini.write_text("[relay]\nlissten = 1\nmax_payload = much\n[relai]\n", encoding="utf-8")
        self.assertEqual(78, self.leave())
        self.assertEqual(
            [f"{self.ini}:{line}:" for line in (2, 3, 4)], [line.split(" ")[0] for line in self.errors.getvalue().splitlines()]
        )
        self.assertEqual("", self.out.getvalue())

    def test_missing_file(self) -> None:
        """A file that is not there is named."""
        self.ini.unlink()
        self.assertEqual(78, self.leave("--check"))
        self.assertEqual(f"{self.ini}: cannot be read: No such file or directory\n", self.errors.getvalue())

    def test_packaged(self) -> None:
        """Without a file the packaged one is read, which is good and runs a relay."""
        options = Options()
        options.parseOptions([])
        self.assertIn("relay", [section.name for section in options.configuration.sections])
        self.assertEqual(CHECKOUT / "etc" / "netd.ini", default_ini(Path(self.mktemp())))

    def test_configuration_of_the_machine(self) -> None:
        """Where the machine's service has a configuration, it is the default, also when it is wrong."""
        of_machine = Path(self.mktemp())
        of_machine.write_text("[relay]\nacces = tokens\n")
        self.assertEqual(of_machine, default_ini(of_machine))

    def test_root(self) -> None:
        """Root is refused before anything is started, and told what to write; the check alone is root's as well."""
        self.patch(os, "environ", {"HOME": str(self.folder)})
        self.patch(os, "geteuid", lambda: 0)
        self.assertEqual(78, self.leave())
        self.assertIn(f"{self.ini}:1: [netd] user: netd does not run as root: write `user = netd`", self.errors.getvalue())
        self.assertEqual(0, self.leave("--check"))

    def test_unknown_option(self) -> None:
        """A misspelt option of the command line is refused."""
        self.assertRaises(UsageError, self.parse, "--chek")


class ShowTests(OptionsTestCase):
    def test_check(self) -> None:
        """`--check` says what would run."""
        self.assertEqual(0, self.leave("--check"))
        self.assertEqual(f"{self.ini}: good; it runs relay:lab2\n", self.out.getvalue())

    def test_check_of_open_doors(self) -> None:
        """A section that others reach is refused before anything is done, until it is said who may connect; check tells who."""
        state = self.folder / "state"
        lines = f"[netd]\nstate_directory = {state}\n[room]\n[relay]\nlisten = tcp:0\n"
        for arguments in ((), ("--check",)):
            self.ini.write_text(lines, encoding="utf-8")
            self.assertEqual(78, self.leave(*arguments))
        told = f"{self.ini}:5: [relay] listen: other machines reach tcp:0: write who may connect: `access = peers`, with `peers ="
        self.assertEqual(2, self.errors.getvalue().count(told))
        self.assertFalse(state.exists())
        self.errors.truncate(self.errors.seek(0))
        self.ini.write_text(f"{lines}access = peers tokens\npeers = 192.168.1.0/24 10.0.0.7\n", encoding="utf-8")
        self.assertEqual(0, self.leave("--check"))
        admitted = "[relay] admits 192.168.1.0/24, 10.0.0.7/32, programs with a token"
        self.assertEqual(f"{self.ini}: good; it runs room, relay\n{admitted}\n", self.out.getvalue())
        self.assertIn("warning: [relay] takes tokens, and nobody has one yet: run `netd token add", self.errors.getvalue())
        add_token(state / TOKENS, "panel", "viewer", (), bytes)
        self.errors.truncate(self.errors.seek(0))
        self.assertEqual(0, self.leave("--check"))
        warning = "warning: [relay] takes tokens on tcp:0 without encryption: whoever is on the network in between can read them."
        self.assertIn(warning, self.errors.getvalue())
        self.errors.truncate(self.errors.seek(0))
        self.ini.write_text(f"{lines}access = anyone\n", encoding="utf-8")
        self.assertEqual(0, self.leave("--check"))
        self.assertIn("warning: [relay] admits anyone on tcp:0: every program on every machine", self.errors.getvalue())
        self.errors.truncate(self.errors.seek(0))
        self.ini.write_text(lines.replace("tcp:0", "loopback:0") + "access = loopback tokens\n", encoding="utf-8")
        self.assertEqual((0, ""), (self.leave("--check"), self.errors.getvalue()))

    def test_check_of_what_cannot_start(self) -> None:
        """`--check` refuses what the start would refuse, in the same words, with all of it at once."""
        state = self.folder / "state"
        self.ini.write_text(
            f"[netd]\nstate_directory = {state}\n[relay:lab2]\nlisten = loopback:0\n[gateway]\nlisten = tcp:0\n[manhole]\n",
            encoding="utf-8",
        )
        self.assertEqual(78, self.leave("--check"))
        gateway, manhole = self.errors.getvalue().splitlines()
        self.assertTrue(
            gateway.startswith(f"{self.ini}:5: [gateway] other machines reach tcp:0, and there are no tokens"), gateway
        )
        self.assertIn(f"Run `netd token add NAME --role admin --state {state}`", gateway)
        self.assertTrue(
            manhole.startswith(f"{self.ini}:7: [manhole] password_file: {state / 'manhole.passwd'}: there is no password file"),
            manhole,
        )
        self.assertEqual("", self.out.getvalue())
        self.assertEqual(0, self.leave("--origin"))
        add_token(state / TOKENS, "panel", "viewer", (), bytes)
        write_entry(state / "manhole.passwd", make_entry("ada", "secret", bytes(16)))
        self.assertEqual(0, self.leave("--check"))

    def test_check_finds_all_at_once(self) -> None:
        """What is written wrongly, what the machine lacks and what a file lacks are listed together, in the order of the file."""
        (self.folder / "broken.py").write_text("import a_module_that_nobody_has\n", encoding="utf-8")
        self.ini.write_text(
            f"[netd]\nstate_directory = {self.ini}\n"
            "[feed]\nlocales = xx_YY, en_US\norigins = https://lab.example/\n"
            "[feed:lab2]\nlisten = loopback:0\nlocales = de_XX\n"
            "[command]\nfunctions = ./broken.py\n"
            "[relay]\nlisten = tcp:0:interface=127.0.0.1, tcp:0\n"
            "[room]\naccess = anyone\nlisten = tcp:0:interface=no-such-name.invalid\n"
            "[room:lab2]\naccess = anyone\nlisten = tcp:0:interface=203.0.113.77\n"
            "[gateway]\n",
            encoding="utf-8",
        )
        os.environ["NETD_XYZZY"] = "1"
        self.assertEqual(78, self.leave("--check"))
        lines = self.errors.getvalue().splitlines()
        starts = [
            f"{self.ini}:2: [netd] state_directory: cannot use the state directory {self.ini}",
            f"{self.ini}:4: [feed] locales: Faker does not know xx_YY",
            f"{self.ini}:5: [feed] origins: 'https://lab.example/' is no origin",
            f"{self.ini}:8: [feed:lab2] locales: Faker does not know de_XX; it knows de_AT, de_CH, de_DE",
            f"{self.ini}:10: [command] functions: {self.folder / 'broken.py'}:1: ModuleNotFoundError",
            f"{self.ini}:12: [relay] listen: 'tcp:0:interface=127.0.0.1, tcp:0'",
            f"{self.ini}:15: [room] listen: tcp:0:interface=no-such-name.invalid: there is no address of the name",
            f"{self.ini}:18: [room:lab2] listen: tcp:0:interface=203.0.113.77: this machine has no address 203.0.113.77",
            f"{self.ini}:19: [gateway] {self.ini}/tokens: cannot be read: Not a directory",
            "environment NETD_XYZZY: unknown variable",
        ]
        self.assertEqual(starts, [line[: len(start)] for line, start in zip(lines, starts, strict=True)])

    def test_check_beside_another_mistake(self) -> None:
        """A mistake in one option hides nothing of what is wrong with others of its section; each line is that of the option."""
        (self.folder / "broken.py").write_text("import a_module_that_nobody_has\n", encoding="utf-8")
        (self.folder / "bad.py").write_text("(\n", encoding="utf-8")
        for source, why in (
            ("nothere.py", ": No such file or directory"),
            ("broken.py", ":1: ModuleNotFoundError"),
            ("bad.py", ":1: '(' was never closed"),
        ):
            self.errors.truncate(self.errors.seek(0))
            self.ini.write_text(
                f"[netd]\nstate_directory = {self.folder / 'state'}\n[command]\nfunctions = ./{source}\ntimeout = 10 s\n",
                encoding="utf-8",
            )
            self.assertEqual(78, self.leave("--check"))
            starts = [
                f"{self.ini}:4: [command] functions: {self.folder / source}{why}",
                f"{self.ini}:5: [command] timeout: '10 s' is not a duration",
            ]
            lines = self.errors.getvalue().splitlines()
            self.assertEqual(starts, [line[: len(start)] for line, start in zip(lines, starts, strict=True)])

    def test_check_of_one_option(self) -> None:
        """An option that is wrong is told once: the default in its place draws no second complaint."""
        self.ini.write_text(
            f"[netd]\nstate_directory = {self.folder / 'state'}\n[manhole]\npassword_file = ~no-such-user/x\n", encoding="utf-8"
        )
        self.assertEqual(78, self.leave("--check"))
        (line,) = self.errors.getvalue().splitlines()
        self.assertTrue(line.startswith(f"{self.ini}:4: [manhole] password_file: "), line)

    def test_check_changes_nothing(self) -> None:
        """`--check` makes no directory, and tells of tokens that are no tokens, also where none are needed."""
        state = self.folder / "state"
        self.ini.write_text(f"[netd]\nstate_directory = {state}\n[gateway]\n", encoding="utf-8")
        self.assertEqual(0, self.leave("--check"))
        self.assertEqual(["my.ini"], [path.name for path in self.folder.iterdir()])
        state.mkdir(mode=0o700)
        (state / TOKENS).write_text("nonsense\n", encoding="utf-8")
        (state / TOKENS).chmod(0o600)
        self.assertEqual(78, self.leave("--check"))
        self.assertIn(f"{self.ini}:3: [gateway] {state / TOKENS}:1: is not of the form", self.errors.getvalue())

    def test_check_of_nothing(self) -> None:
        """A configuration without a section is good, and said to run nothing."""
        self.ini.write_text("", encoding="utf-8")
        self.assertEqual(0, self.leave("--check"))
        self.assertEqual(f"{self.ini}: good; it runs no service\n", self.out.getvalue())

    def test_origin(self) -> None:
        """`--origin` shows each option in force and where it comes from: file and line, environment, or default."""
        os.environ["NETD_RELAY_LAB2_MAX_PAYLOAD"] = "2MiB"
        self.assertEqual(0, self.leave("--origin"))
        lines = self.out.getvalue().splitlines()
        self.assertIn(f"[netd] state_directory = {self.folder / 'state'} ; {self.ini}:2", lines)
        self.assertIn("[relay:lab2] max_payload = 2MiB ; environment NETD_RELAY_LAB2_MAX_PAYLOAD", lines)
        self.assertIn("[relay:lab2] list_format = addresses ; default", lines)

    def test_show_config(self) -> None:
        """`--show-config` shows the same without the places."""
        self.assertEqual(0, self.leave("--show-config"))
        lines = self.out.getvalue().splitlines()
        self.assertIn("[relay:lab2] listen = loopback:0", lines)
        self.assertNotIn(" ; ", self.out.getvalue())


class LogTests(OptionsTestCase):
    def observer(self, ini: str = "", **twistd: Any) -> Any:
        """What netd logs to where twistd is told so; None where twistd decides."""
        own = {"nodaemon": True, "logger": None, "logfile": None, "syslog": False, **twistd}
        self.ini.write_text(f"[netd]\nstate_directory = {self.folder / 'state'}\n{ini}", encoding="utf-8")
        application = Application("netd")
        daemon = makeService(self.parse(twistd=own))
        daemon.setServiceParent(application)
        return application.getComponent(ILogObserver)

    def log(self, observer: Any, text: str) -> None:
        Logger(namespace="test", observer=observer).info(text)

    def test_foreground(self) -> None:
        """On a terminal, what peers say cannot move the cursor: netd's own observer escapes it."""
        self.log(self.observer(), "a\x1b[2Jb")
        self.assertIn("[test#info] a\\x1b[2Jb\n", self.out.getvalue())

    def test_form(self) -> None:
        """The form is the one that the configuration names, also for a file and on `-`."""
        self.log(self.observer("log = journal\n", logfile="-"), "hello")
        self.assertEqual("<6>hello\n", self.out.getvalue())
        file = self.folder / "netd.log"
        self.log(self.observer("log = json\n", logfile=str(file)), "hello")
        self.assertEqual("hello", json.loads(file.read_text(encoding="utf-8"))["message"])

    def test_level(self) -> None:
        """The level is that of the configuration."""
        self.log(self.observer("log_level = warn\n"), "hello")
        self.assertEqual("", self.out.getvalue())

    def test_file_in_the_background(self) -> None:
        """In the background the file is twistd's: where none is named, in the directory of the start."""
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(self.folder)
        self.log(self.observer(nodaemon=False), "hello")
        self.assertIn("hello", (self.folder / "twistd.log").read_text(encoding="utf-8"))

    def test_file_that_cannot_be(self) -> None:
        """A file that cannot be opened is told before anything is started."""
        ended = self.assertRaises(SystemExit, self.observer, logfile=str(self.folder / "nowhere" / "netd.log"))
        self.assertEqual(1, ended.code)
        self.assertEqual(
            f"netd: cannot log to {self.folder}/nowhere/netd.log: No such file or directory\n", self.errors.getvalue()
        )

    def test_choice_of_the_operator(self) -> None:
        """Syslog, or an observer that was asked for, is obeyed."""
        self.assertEqual([None, None], [self.observer(syslog=True), self.observer(logger="their.observer")])


class ReactorTests(OptionsTestCase):
    """A section that uses asyncio. Reactors are chosen in processes of their own: tests/test_real_reactor.py."""

    def setUp(self) -> None:
        super().setUp()
        folder = self.folder / "plugins"
        folder.mkdir()
        (folder / "oven_plugin.py").write_text(
            "from netd.kinds import ServiceKind\noven = ServiceKind('oven', 'tests.asyncio_kind')\n", encoding="utf-8"
        )
        self.patch(twisted.plugins, "__path__", [*twisted.plugins.__path__, str(folder)])
        self.addCleanup(sys.modules.pop, "twisted.plugins.oven_plugin", None)
        with self.ini.open("a", encoding="utf-8") as file:
            file.write("[oven]\n")

    def test_objections(self) -> None:
        """What would keep the section from starting is told, too, before a reactor is chosen."""
        with self.ini.open("a", encoding="utf-8") as file:
            file.write("heat = no\n")
        self.assertEqual(78, self.leave())
        self.assertIn(f"{self.ini}:6: [oven] heat: is off\n", self.errors.getvalue())

    def test_checked(self) -> None:
        """`--check` says that the configuration is good, whatever the reactor."""
        self.assertEqual(0, self.leave("--check"))


class MakeServiceTests(OptionsTestCase):
    def test_service(self) -> None:
        """The service is whole, and has touched nothing: no port, no state directory."""
        service = makeService(self.parse())
        self.assertTrue(IService.providedBy(service))
        self.assertEqual(["lab2"], [relay.instance for relay in service.system.services])
        self.assertFalse((self.folder / "state").exists())

    def test_read_again(self) -> None:
        """A reload reads the file by its name at the start, and the variables, whatever the directory is by then."""
        here = Path.cwd()
        self.addCleanup(os.chdir, here)
        os.chdir(self.ini.parent)
        self.ini = Path(self.ini.name)
        self.patch(os, "environ", {**os.environ, "NETD_RELAY_LAB2_MAX_PAYLOAD": "7"})
        options = self.parse()
        with self.ini.open("a", encoding="utf-8") as file:
            file.write("[room]\n")
        os.chdir("/")
        relay, room = options.read().sections
        self.assertEqual((relay.config.max_payload, room.name), (7, "room"))  # type: ignore[attr-defined]

    def test_same_operations(self) -> None:
        """Two kinds that offer the same operation are an error of the configuration, for check, start and reload alike."""
        folder = self.folder / "plugins"
        folder.mkdir()
        (folder / "hall_plugin.py").write_text("from netd.kinds import ServiceKind\nhall = ServiceKind('hall', 'netd.room')\n")
        self.patch(twisted.plugins, "__path__", [*twisted.plugins.__path__, str(folder)])
        self.addCleanup(sys.modules.pop, "twisted.plugins.hall_plugin", None)
        with self.ini.open("a", encoding="utf-8") as file:
            file.write("[room]\nlisten = loopback:0\n[hall]\nlisten = loopback:0\n")
        told = f"{self.ini}:7: [hall] room.list of the instance main is offered twice, by the kinds room and room; "
        self.assertEqual(78, self.leave("--check"))
        self.assertIn(told, self.errors.getvalue())
        options = self.parse()
        self.assertEqual(78, self.assertRaises(SystemExit, makeService, options).code)
        self.assertEqual(2, self.errors.getvalue().count(told))
