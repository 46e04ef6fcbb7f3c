"""The forms of the log: what people, programs and systemd's journal read of the same event."""

from __future__ import annotations

import io
import json
import os
import resource
import shutil
import signal
import stat
import sys
import tempfile
from pathlib import Path

from twisted.logger import ILogObserver, Logger, LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from netd.logforms import FORMS, LogFile, LogObserver, auto_form, standard_output
from netd.loglevels import LogLevels

HOSTILE = "x\x1b[2J\r\n<0>2030-01-01 [netd] all is well"


class Connection:
    """A connection that logs by itself."""

    number = 17


class FormsTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.written: list[str] = []

    def logger(self, form: str, source: object = None) -> Logger:
        """A logger whose lines are in *form*."""
        observer = LogObserver(FORMS[form], LogLevels(dict), self.written.append)
        verifyObject(ILogObserver, observer)
        return Logger(namespace="netd.relay.protocol", source=source, observer=observer)

    def line(self, form: str, text: str, **fields: object) -> str:
        """What is written of a warning."""
        self.logger(form).warn(text, **fields)
        return self.written[-1]

    def fail(self, form: str) -> str:  # type: ignore[override]
        """What is written of a fault in netd."""
        try:
            raise ZeroDivisionError(HOSTILE)
        except ZeroDivisionError:
            self.logger(form).failure("a part has failed")
        return self.written[-1]


class TextTests(FormsTestCase):
    def test_line(self) -> None:
        """An event is one line with its time and its place, and the number of its connection if it has one."""
        self.assertTrue(self.line("text", "{who} left", who="a device").endswith("[netd.relay.protocol#warn] a device left\n"))
        self.logger("text", Connection()).info("it left")
        self.assertTrue(self.written[-1].endswith("[netd.relay.protocol#info, connection 17] it left\n"))
        self.assertTrue(self.line("text", "call", connection=3).endswith("[netd.relay.protocol#warn, connection 3] call\n"))

    def test_control_characters(self) -> None:
        """A peer's text cannot colour the operator's terminal, nor forge a line of its own."""
        written = self.line("text", "{who} left", who=HOSTILE)
        self.assertNotIn("\x1b", written)
        self.assertIn("x\\x1b[2J\\x0d\n\t<0>2030-01-01", written)

    def test_empty(self) -> None:
        """An event without text leaves no line, in whatever form."""
        for form in FORMS:
            self.logger(form).info("")
        self.assertEqual([], self.written)

    def test_standard_output(self) -> None:
        """It is written where the service runner collects it: the standard output of that moment."""
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        LogObserver(FORMS["text"], LogLevels(dict), standard_output())({"log_format": "hello"})
        self.assertIn("hello", out.getvalue())

    def test_what_the_output_cannot_show(self) -> None:
        """No byte of a peer keeps a line out of the log: what standard output has no code for is escaped."""
        for encoding, shown in (("utf-8", "é \\udcff"), ("ascii", "\\xe9 \\udcff")):
            raw = io.BytesIO()
            self.patch(sys, "stdout", io.TextIOWrapper(raw, encoding))
            LogObserver(FORMS["text"], LogLevels(dict), standard_output())({"log_format": "{what}", "what": "é \udcff"})
            self.assertTrue(raw.getvalue().decode().endswith(f"{shown}\n"), raw.getvalue())

    def test_disguises(self) -> None:
        """What turns the direction of writing, or ends lines in some viewers only, is escaped like control characters."""
        self.assertTrue(self.line("text", "{who}", who="a\u202eb\u2028c\u2066d").endswith("a\\u202eb\\u2028c\\u2066d\n"))


class JournalTests(FormsTestCase):
    def test_priorities(self) -> None:
        """Each level has the priority by which `journalctl -p` finds it; time and place are the journal's."""
        log = self.logger("journal")
        for level in (LogLevel.debug, LogLevel.info, LogLevel.warn, LogLevel.error, LogLevel.critical):
            log.emit(level, "it left", connection=3)
        self.assertEqual([f"<{number}>it left (connection 3)\n" for number in (6, 4, 3, 2)], self.written)

    def test_lines(self) -> None:
        """What is a line of its own has the priority as well, and no priority that a peer has written counts."""
        self.assertEqual(
            "<4>x\\x1b[2J\\x0d\n<4>    <0>2030-01-01 [netd] all is well\n", self.line("journal", "{who}", who=HOSTILE)
        )
        failed = self.fail("journal").splitlines()
        self.assertEqual("<2>a part has failed", failed[0])
        self.assertTrue(all(line.startswith("<2>    ") for line in failed[1:]), failed)


class JsonTests(FormsTestCase):
    def test_members(self) -> None:
        """The members are those that the page lists, and those without a value are left out."""
        found = json.loads(self.line("json", "{service}: {who} left", service="relay:lab2", who="1.2.3.4:5", connection=17))
        self.assertRegex(found.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$")
        self.assertEqual(
            {
                "level": "warn",
                "section": "relay:lab2",
                "connection": 17,
                "peer": "1.2.3.4:5",
                "source": "netd.relay.protocol",
                "message": "relay:lab2: 1.2.3.4:5 left",
            },
            found,
        )
        found = json.loads(self.line("json", "it is so"))
        self.assertEqual({"time", "level", "section", "source", "message"}, set(found))
        self.assertEqual("netd", found["section"])

    def test_one_line(self) -> None:
        """Whatever a peer has sent, an event is one line, which a program can read and a terminal can show."""
        for written in (self.line("json", "{who}", who=HOSTILE + "\udc80\x9b"), self.fail("json")):
            self.assertEqual(1, written.count("\n"))
            self.assertNotIn("\x9b", written)
            self.assertIn("x\\\\x1b[2J", written)
        self.assertIn("ZeroDivisionError", json.loads(written)["trace"])


class SecretTests(FormsTestCase):
    def test_tokens(self) -> None:
        """A token that a peer has sent, or that stands in a traceback, is in no form of the log."""
        token = "netd_" + "aB3-_" * 5
        for form in FORMS:
            self.line(form, "{who} sent {what!r}", who=token, what=f"""{{"token": "{token}"}}""".encode())
            self.assertIn("netd_…", self.written[-1])
        self.assertNotIn("aB3", "".join(self.written))


class AutoTests(SynchronousTestCase):
    def test_journal(self) -> None:
        """Standard output that systemd has connected to its journal gets the journal's form, and every other one text."""
        status = os.fstat(1)
        self.assertEqual("journal", auto_form({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}))
        for environ in ({}, {"JOURNAL_STREAM": "1:2"}):
            self.assertEqual("text", auto_form(environ))


class FileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(os.umask, os.umask(0))
        self.path = self.folder / "netd.log"

    def test_mode(self) -> None:
        """A new file is for its owner and group; one that somebody has made keeps its mode, and what is in it."""
        LogFile(self.path).write("é\udc80\n")
        self.assertEqual((0o640, "é\\udc80\n"), (stat.S_IMODE(self.path.stat().st_mode), self.path.read_text(encoding="utf-8")))
        self.path.chmod(0o600)
        LogFile(self.path, (os.getuid(), os.getgid())).write("more\n")
        self.assertEqual(0o600, stat.S_IMODE(self.path.stat().st_mode))
        self.assertTrue(self.path.read_text(encoding="utf-8").endswith("\nmore\n"))

    def test_full(self) -> None:
        """A line that fits only in part on a full disk does not run into the next one that fits."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        file = LogFile(self.path)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (6, hard))
            file.write("one\n")
            file.write("second\n")
            self.assertRaises(OSError, file.write, "third\n")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, before)
        file.write("fourth\n")
        file.write("fifth\n")
        self.assertEqual("one\nse\nfourth\nfifth\n", self.path.read_text())

    def test_reopened(self) -> None:
        """After a rotation the lines go into a new file under the old name."""
        file = LogFile(self.path)
        file.write("before\n")
        moved = self.path.rename(self.folder / "netd.log.1")
        file.write("between\n")
        file.reopen()
        file.write("after\n")
        self.assertEqual(("before\nbetween\n", "after\n"), (moved.read_text(), self.path.read_text()))

    def test_cannot_be_reopened(self) -> None:
        """When the new file cannot be, the one before stays, and says so."""
        file = LogFile(self.path)
        self.path.unlink()
        self.path.mkdir()
        with capturedLogs() as events:
            file.reopen()
        file.write("still\n")
        self.assertEqual([f"the log goes on in the file before: {self.path}: Is a directory"], [formatEvent(events[0])])
