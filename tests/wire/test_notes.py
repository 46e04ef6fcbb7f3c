"""What the log says of a wire: each row of the mistakes that show only while it runs, by a clock that is handed in."""

from __future__ import annotations

import errno
import os
import pty
import sys
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent

from netd.connection.dialing import DialFailed
from netd.testing import Connection, FakeRemote, configured
from netd.wire.remotes import SerialLine
from netd.wire.serial import SerialEndpoint, failure_of
from tests.wire.test_service import KIND, WireTestCase

LOCAL = "listen = tcp:9000:interface=127.0.0.1"


class NoteTestCase(WireTestCase):
    """A wire whose lines in the log are kept."""

    def setUp(self) -> None:
        captured = capturedLogs()
        self._events = captured.__enter__()
        self.addCleanup(captured.__exit__, None, None, None)

    def logged(self) -> list[str]:
        """The warnings of the wire since the last call, without its name."""
        lines = [formatEvent(event) for event in self._events if event["log_level"].name == "warn"]
        self._events.clear()
        return [line.removeprefix("wire: ") for line in lines if line.startswith("wire: ")]

    def refused(self, program: Connection) -> str:
        """The one line about a program that was cut."""
        self.assertTrue(program.is_closing)
        (line,) = self.logged()
        return line


class FramingNoteTests(NoteTestCase):
    def test_header_of_4_gb(self) -> None:
        """A header that announces too much ends the connection, before anything is kept; what went astray is named."""
        self.begin(LOCAL, "frame = length:4:big", "rules = event {*}")
        words = "bytes announced, at most 4096 are taken"
        for said, line in {
            b"GET ": f': 1195725856 {words} (that is "GET ": a browser or scanner?)',
            b"\xff\xff\xff\xff": f": 4294967295 {words}: ",
            b"\x16\x03\x01\x02": " refused (a TLS handshake): this port does not speak TLS",
            b"GET / HTTP/1.1\r\n": " refused (an HTTP request): this service does not speak HTTP",
        }.items():
            self.reactor.advance(60)
            told = self.refused(self.peer(said))
            self.assertTrue(told.startswith(f"127.0.0.1:50412{line}"), told)

    def test_no_end(self) -> None:
        """A message without an end is refused as soon as it is too long: nothing is kept of it."""
        self.begin(LOCAL, "rules = event {*}", "max_message = 1KiB")
        program = self.peer(*[b"x" * 256] * 4)
        self.assertFalse(program.is_closing)
        program.say(b"x" * 256)
        self.assertIn("a message that has no end after 1280 bytes, at most 1024 are taken", self.refused(program))

    def test_pickle(self) -> None:
        """A pickle is never read, and the line says what to send instead."""
        self.begin(LOCAL, "rules = event {*}")
        program = self.peer(b"\x80\x04\x95\x0c\0\0\0\0\0\0\0")
        self.assertIn('netd never unpickles: let it send json.dumps(…) + "\\n"', self.refused(program))

    def test_frame_lost(self) -> None:
        """Records that all fail after a lost byte are told once, with the remedy; with a start, they are found again."""
        record = b"\xaa\x01\x02\x03"
        self.begin(LOCAL, "frame = bytes:4", "rules = sample struct BBBB {=0xaa} {a} {b} {c}")
        self.peer(record, record[1:], *[record] * 6)
        lines = [line for line in self.logged() if "in a row" in line]
        self.assertEqual(1, len(lines), lines)
        self.assertIn("3 messages in a row fail; write start=… into frame", lines[0])

    def test_frame_found_again(self) -> None:
        """With a start, what was torn is skipped."""
        record = b"\xaa\x01\x02\x03"
        self.begin(LOCAL, "frame = bytes:4:start=aa", "rules = sample struct BBBB {=0xaa} {a} {b} {c}")
        self.peer(record[2:], *[record] * 3)
        self.assertEqual([], self.logged())
        self.assertEqual(3, self.peers()["127.0.0.1"].messages)


class UnmatchedNoteTests(NoteTestCase):
    def test_three_then_a_count(self) -> None:
        """The first three messages of a connection are logged, then a line a minute with the number."""
        self.begin(LOCAL, "rules = event ok")
        program = self.peer(b"foo\n", *[b"bar " * 40 + b"\n"] * 9)
        lines = self.logged()
        self.assertEqual(3, len(lines), lines)
        self.assertEqual("127.0.0.1:50412: no rule matches: b'foo'; `netd wire misfits --instance main` shows why", lines[0])
        self.assertIn(f"{b'bar ' * 15!r}; ", lines[1])
        self.reactor.advance(60)
        program.say(b"a\n", b"b\n", b"c\n")
        (line,) = self.logged()
        self.assertTrue(line.endswith("(7 more like it were not logged)"), line)
        self.assertEqual(13, self.service.status().counters["notes"]["unmatched"])

    def test_one_host_hides_no_other(self) -> None:
        """The lines about one host are counted apart from those about another, also by IPv6."""
        self.begin("listen = tcp:9000", "access = anyone", "rules = event ok")
        self.peer(*[b"foo\n"] * 9, host="2001:db8::1")
        self.assertEqual(3, len(self.logged()))
        self.peer(b"foo\n", host="2001:db8:1::1")
        self.assertEqual(1, len(self.logged()))

    def test_too_long_for_an_expression(self) -> None:
        """A message that an expression does not look at, because of its length, is told so."""
        self.begin(LOCAL, r"rules = event /.*?(?P<a>\d+)x/")
        self.peer(b"y" * 600 + b"1x\n", b"y\n")
        first, second = self.logged()
        self.assertIn("no rule matches, and it is too long for the expression of line 3: b'yyy", first)
        self.assertIn("no rule matches: b'y'", second)

    def test_torn(self) -> None:
        """The first message of a wire that netd dials may be torn: it is not counted. The second is."""
        self.begin("connect = tcp:meter.lan:5025", "rules = sample T={t}")
        meter = FakeRemote(self.reactor).accept()
        self.open.append(meter)
        meter.say(b".5\n", b"T=1\n")
        self.assertEqual({}, self.service.status().counters["notes"])
        meter.say(b".5\n")
        self.assertEqual({"unmatched": 1}, self.service.status().counters["notes"])


class LimitNoteTests(NoteTestCase):
    def test_units(self) -> None:
        """A unit that differs is told once a channel, with both rules' lines; the first one stays."""
        self.begin(LOCAL, "rules =", "  sample F={temp °F}", "", "  sample C={temp °C} {hum %}", "  sample H={hum g}")
        self.peer(*[b"C=1 2\n", b"F=3\n", b"H=4\n"] * 3)
        self.assertEqual(
            [
                "temp of 127.0.0.1 comes in °F (line 4), before in °C (line 6); it keeps °C",
                "hum of 127.0.0.1 comes in g (line 7), before in % (line 6); it keeps %",
            ],
            self.logged(),
        )
        self.assertEqual("°C", self.peers()["127.0.0.1"].values["temp"].unit)

    def test_names(self) -> None:
        """Names without end are told once; those that were there go on."""
        self.begin(LOCAL, "rules = sample {name}={v}", "max_names = 2")
        self.peer(*[b"n%d=1\n" % number for number in range(10)], b"n0=2\n")
        self.assertEqual(["max_names (2) reached; new names are ignored"], self.logged())
        self.assertEqual(({"127.0.0.1", "n0"}, 2.0), ({*self.peers()}, self.peers()["n0"].values["v"].value))
        self.assertEqual(9, self.service.status().counters["notes"]["max_names"])

    def test_channels(self) -> None:
        """So are channels."""
        self.begin(LOCAL, "rules = sample {channel}={value}", "max_channels = 2")
        self.peer(*[b"c%d=1\n" % number for number in range(10)])
        self.assertEqual(["max_channels (2) of 127.0.0.1 reached; new ones are ignored"], self.logged())
        self.assertEqual({"c0", "c1"}, {*self.peers()["127.0.0.1"].values})

    def test_rate(self) -> None:
        """A flood is told once a minute, and counted once a second."""
        self.begin(LOCAL, "rules = event {*}", "rate = 5")
        program = self.peer(b"x\n" * 20)
        self.assertEqual(["127.0.0.1:50412 (127.0.0.1): more than 5 messages a second (`rate`): b'x'"], self.logged())
        self.assertFalse(program.is_closing)

    def test_unanswered(self) -> None:
        """A question without an answer is told."""
        self.begin("connect = tcp:meter.lan:5025", "ask = 1s V? => sample {v}")
        meter = FakeRemote(self.reactor).accept()
        self.open.append(meter)
        self.reactor.advance(2)
        (line,) = self.logged()
        self.assertTrue(line.endswith("no answer within 2 s (`answer_timeout`): b'V?'"), line)


class SerialNoteTests(NoteTestCase):
    """Serial ports that cannot be opened: why, and what helps. netd looks for them again."""

    def failure(self, path: str) -> str:
        """Why the port at *path* cannot be opened."""
        factory = Factory.forProtocol(Protocol)
        opened: Any = SerialEndpoint(SerialLine(path, 9600), MemoryReactorClock()).connect(factory)
        return self.failureResultOf(opened, DialFailed).value.advice

    def test_absent(self) -> None:
        """A port that is not there is told once, and looked for again until it is."""
        self.begin("connect = serial:/dev/no-such-port:9600", "rules = sample {v}")
        words = (
            "cannot reach serial:/dev/no-such-port:9600: No such file or directory: plug it in; `ls /dev/serial/by-id` shows the "
            "ports that there are, by names that stay; a service of systemd needs the drop-in serial-ports.conf (docs/years.md); "
            "it is dialled again in "
        )
        (line,) = self.logged()
        self.assertTrue(line.startswith(words), line)
        for _ in range(20):
            self.reactor.advance(1)
        self.assertEqual([], self.logged())
        self.assertLess(3, self.service.status().dialling[0].failures)

    def test_in_use(self) -> None:
        """A port that another program has is told so."""
        board, port = pty.openpty()
        self.addCleanup(os.close, board)
        self.addCleanup(os.close, port)
        import serial

        other = serial.Serial(os.ttyname(port), exclusive=True)
        self.addCleanup(other.close)
        self.assertEqual("it is in use: another program has it: close the serial monitor", self.failure(os.ttyname(port)))

    def test_not_permitted(self) -> None:
        """A port that netd's user may not open is told with the group, and one that its service may not with the drop-in."""
        why = failure_of(OSError(errno.EACCES, "could not open port")).advice
        self.assertEqual(
            "Permission denied: add the user of netd to the group dialout (`sudo usermod -aG dialout USER`), and start netd "
            "again; a service of systemd needs the drop-in serial-ports.conf (docs/years.md)",
            why,
        )
        why = failure_of(OSError(errno.EPERM, "could not open port")).advice
        self.assertEqual("Operation not permitted: a service of systemd needs the drop-in serial-ports.conf (docs/years.md)", why)

    def test_without_pyserial(self) -> None:
        """Without pyserial, `netd check` and the log say how to install it."""
        config = configured(KIND, "connect = serial:/dev/ttyACM0:9600", "rules = event x")
        self.assertEqual([], list(config.objections()))
        missing = {name: sys.modules.pop(name, None) for name in ("serial", "netd.wire.serial_port")}
        self.addCleanup(lambda: sys.modules.update({name: one for name, one in missing.items() if one is not None}))
        sys.modules["serial"] = None  # type: ignore[assignment]
        self.addCleanup(sys.modules.pop, "serial")
        words = f"serial ports need pyserial, which is not installed: {sys.executable} -m pip install pyserial"
        self.assertEqual([("connect", words)], list(config.objections()))
        self.assertIn("-m pip install pyserial", self.failure("/dev/ttyACM0"))
