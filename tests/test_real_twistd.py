"""What ``twistd`` shows of netd: options, mistakes, help; and kinds of service that somebody else has added."""

from __future__ import annotations

import re
from pathlib import Path

from tests.process import LOOPBACK, TWISTD, RealTestCase

FIVE_MISTAKES = """\
[relay]
lissten = tcp:0
max_payload = 10 parsecs
list_format = pretty
login_timeout =
[relai]
"""

PLUGIN = """\
from netd.kinds import ServiceKind

pump = ServiceKind("pump", "pumps")
"""

CONFIG = """\
import attrs

from netd.config import SectionConfig, integer, option


@attrs.frozen(kw_only=True)
class Config(SectionConfig):
    \"\"\"Moves liquids.\"\"\"

    speed: int = option(integer(1, 100), "10", help="Strokes a minute.")
"""

SERVICE = """\
from twisted.application.service import Service
from twisted.internet.defer import succeed
from zope.interface import implementer

from netd.interfaces import INetdService
from netd.operations import Operation, Role


@implementer(INetdService)
class Pump(Service):
    def __init__(self, config):
        self.instance = config.instance
        self._speed = config.speed

    def operations(self):
        return [Operation("pump.speed", self.speed, Role.VIEWER, "Strokes a minute")]

    def speed(self) -> int:
        return self._speed

    def status(self):
        return {"kind": "pump", "instance": self.instance, "listening": [], "counters": {}}

    def drain(self):
        return succeed(None)


def make_service(config, reactor, bus):
    return Pump(config)
"""


class OptionsTests(RealTestCase):
    def test_mistakes(self) -> None:
        """All mistakes come at once, each with its file and line, and with status 78; nothing has started."""
        ini = self.write_ini(FIVE_MISTAKES)
        outcome = self.twistd("-n", "--pidfile=", "netd", "-c", ini)
        self.assertEqual((78, ""), (outcome.returncode, outcome.stdout))
        places = [line.partition(" ")[0] for line in outcome.stderr.splitlines()]
        self.assertEqual([f"{ini}:{line}:" for line in (4, 5, 6, 7, 8)], places, outcome.stderr)
        self.assertFalse(self.state.exists())

    def test_check(self) -> None:
        """A good configuration is called good, and nothing is started or made."""
        ini = self.write_ini(f"[relay]\nlisten = {LOOPBACK}\n[relay:lab2]\nlisten = {LOOPBACK}\n")
        outcome = self.twistd("netd", "-c", ini, "--check")
        self.assertEqual(
            (0, f"{ini}: good; it runs relay, relay:lab2\n", ""), (outcome.returncode, outcome.stdout, outcome.stderr)
        )
        self.assertFalse(self.state.exists())

    def test_environment(self) -> None:
        """An environment variable overrides the file, and `--origin` says so."""
        outcome = self.twistd("netd", "-c", self.write_ini(), "--origin", env={"NETD_RELAY_LIST_FORMAT": "names"})
        self.assertEqual(0, outcome.returncode, outcome.stderr)
        self.assertIn("[relay] list_format = names ; environment NETD_RELAY_LIST_FORMAT\n", outcome.stdout)

    def test_log_to_a_file(self) -> None:
        """`--logfile` is obeyed in the foreground too: the terminal keeps the table alone."""
        log = self.folder / "netd.log"
        daemon = self.start(None, f"--logfile={log}")
        self.assertEqual(0, daemon.stop(), daemon.output)
        self.assertIn("netd stops", log.read_text(encoding="utf-8"))
        self.assertNotIn("netd stops", daemon.output)
        self.assertTrue(daemon.output.startswith("netd "), daemon.output)


class HelpTests(RealTestCase):
    def imported(self, *arguments: str) -> tuple[str, set[str]]:
        """What twistd prints, and netd's modules that it has imported for it."""
        outcome = self.run_python("-X", "importtime", TWISTD, *arguments)
        self.assertEqual(0, outcome.returncode, outcome.stderr)
        return outcome.stdout, set(re.findall(r"^import time:.*\| +(netd[\w.]*)$", outcome.stderr, re.MULTILINE))

    def test_list_of_commands(self) -> None:
        """`twistd --help` names netd, and imports none of it but the vocabulary."""
        shown, modules = self.imported("--help")
        self.assertRegex(shown, r"(?m)^ +netd +One daemon for devices")
        vocabulary = (
            "netd.bus netd.bus.subject netd.carriage netd.change netd.errors "
            "netd.interfaces netd.message netd.operations netd.principal"
        )
        self.assertEqual(set(), modules - {"netd", "netd.kinds", *vocabulary.split()})

    def test_help(self) -> None:
        """`twistd netd --help` explains each option, and imports no service."""
        shown, modules = self.imported("netd", "--help")
        for option in ("--config=", "--check", "--show-config", "--origin"):
            self.assertIn(option, shown)
        self.assertIn("netd.tap", modules)
        self.assertEqual(
            set(), {name for name in modules if re.match(r"netd\.(relay|connection|daemon|listening|manhole)\b", name)}
        )


class ThirdPartyTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.site = self.folder / "site"
        self.write("twisted/plugins/pump_plugin.py", PLUGIN)
        self.write("pumps/__init__.py", "")
        self.write("pumps/config.py", CONFIG)
        self.write("pumps/service.py", SERVICE)

    def write(self, path: str, text: str) -> None:
        """A file of the distribution that a third party made."""
        file = self.site / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def test_configured(self) -> None:
        """A kind that somebody else made is checked like netd's own, with its mistakes and its default."""
        env = {"PYTHONPATH": f"{Path(__file__).parent.parent}:{self.site}"}
        outcome = self.twistd("netd", "-c", self.write_ini("[pump]\nspeed = 1000\n"), "--check", env=env)
        self.assertEqual(78, outcome.returncode, outcome.stderr)
        self.assertRegex(outcome.stderr, r":4: \[pump\] speed: ")
        outcome = self.twistd("netd", "-c", self.write_ini("[pump]\n"), "--show-config", env=env)
        self.assertIn("[pump] speed = 10\n", outcome.stdout)

    def test_runs(self) -> None:
        """Its operations are in the table of the running daemon, beside those of netd's own services."""
        env = {"PYTHONPATH": f"{Path(__file__).parent.parent}:{self.site}"}
        daemon = self.start(self.write_ini(f"[pump:lab]\nspeed = 42\n[relay]\nlisten = {LOOPBACK}\n"), env=env)
        daemon.port()
        self.assertEqual(42, daemon.call("pump.speed"))
        names = {operation["name"] for operation in daemon.call("system.operations")}
        self.assertLessEqual({"pump.speed", "relay.send", "system.stop"}, names)
        self.assertEqual(0, daemon.stop(), daemon.output)
