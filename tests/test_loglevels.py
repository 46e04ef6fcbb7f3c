"""Log levels: by section, from the configuration or chosen at run time."""

from __future__ import annotations

from twisted.logger import LogEvent, LogLevel
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from netd.config import Configuration, SectionConfig, parse
from netd.errors import InvalidArguments
from netd.interfaces import ILogged
from netd.loglevels import LogLevels, LogState
from netd.relay.config import Config as RelayConfig


@implementer(ILogged)
class Talkative:
    """A service that can say more."""

    is_talkative = False

    def log_everything(self, wanted: bool) -> None:
        self.is_talkative = wanted


def configured(text: str) -> Configuration:
    """The configuration of a file with relays alone."""
    kinds: dict[str, type[SectionConfig]] = {"relay": RelayConfig}
    return parse(text, "netd.ini", kinds, {}, 1000, "host")


def event(level: str, **fields: object) -> LogEvent:
    """An event that a module of the relay has logged, unless *fields* say otherwise."""
    return {"log_level": LogLevel.lookupByName(level), "log_namespace": "netd.relay.protocol", **fields}


class LevelTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.service = Talkative()
        self.levels = LogLevels(lambda: {"relay": self.service, "other": object()})

    def follow(self, text: str) -> None:
        self.levels.follow(configured(text))

    def takes(self, event: LogEvent) -> bool:
        """Whether a line is written."""
        return self.levels.takes(event, self.levels.section_of(event))

    def test_default(self) -> None:
        """Before anything is configured, and where nothing is written, debugging lines are left out."""
        self.assertEqual((False, True), (self.takes(event("debug")), self.takes(event("info"))))
        self.assertTrue(self.takes({"log_format": "no level"}))

    def test_configured(self) -> None:
        """A section has the level that is written there, or that of the daemon; a line names its section, or its module does."""
        self.follow("[netd]\nlog_level = warn\n[relay]\nlog_level = debug\n[relay:lab2]\nlisten = loopback:1\n")
        self.assertTrue(self.takes(event("debug")))
        self.assertTrue(self.takes(event("debug", service="relay")))
        self.assertFalse(self.takes(event("info", service="relay:lab2")))
        self.assertTrue(self.takes(event("warn", service="relay:lab2")))
        self.assertFalse(self.takes(event("info", log_namespace="twisted.web")))
        self.assertTrue(self.service.is_talkative)

    def test_sections(self) -> None:
        """The section is the one that a line names, else that of the module's kind if it runs, else the daemon."""
        self.follow("[relay]\n")
        for fields, section in (
            ({"service": "relay:lab2"}, "relay:lab2"),
            ({"section": "alert:x"}, "alert:x"),
            ({"service": 7}, "relay"),
            ({"log_namespace": "twisted.web"}, "netd"),
            ({"log_namespace": "netd.daemon"}, "netd"),
        ):
            self.assertEqual(section, self.levels.section_of(event("info", **fields)))

    def test_chosen(self) -> None:
        """A level that was chosen counts until it is taken back, also over a reload; it goes with its section."""
        self.follow("[relay]\n")
        self.assertEqual(LogState({"netd": "info", "relay": "debug"}, ["relay"]), self.levels.choose("relay", "debug"))
        self.follow("[relay]\nlog_level = error\n")
        self.assertTrue(self.takes(event("debug")))
        self.assertEqual(LogState({"netd": "info", "relay": "debug"}, ["relay"]), self.levels.choose())
        self.assertEqual(LogState({"netd": "info", "relay": "error"}, []), self.levels.choose("relay", "auto"))
        self.assertFalse(self.service.is_talkative)
        self.levels.choose("relay", "warn")
        self.follow("")
        self.assertEqual(LogState({"netd": "info"}, []), self.levels.choose())

    def test_refused(self) -> None:
        """A section or a level that there is not is told, with those that there are."""
        self.follow("[relay]\n")
        for arguments, said in ((("rely", "debug"), "there are: netd, relay"), (("relay", "loud"), "one of debug, info, warn")):
            self.assertIn(said, str(self.assertRaises(InvalidArguments, self.levels.choose, *arguments)))
