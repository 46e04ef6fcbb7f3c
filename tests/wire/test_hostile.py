"""Peers that mean harm, and peers that do it without meaning to: their bounds, and that nobody else notices."""

from __future__ import annotations

import json
from base64 import b64encode
from time import process_time
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netd.access.section import SectionAccess
from netd.codec.samples import SampleTaken
from netd.errors import OperationFailed
from netd.operations import Operation, OperationTable, Role
from netd.principal import Kind
from netd.testing import FakeRemote, RecordingBus, WallClock, configured, connect, make_caller, reload, result_of
from netd.wire.config import read_section
from netd.wire.framing import parse_say
from netd.wire.rules import RuleSet, parse_rule
from netd.wire.template import parse_template
from netd.wire.text_pattern import TextPattern
from tests.wire.corpus import NAMES, played
from tests.wire.test_service import CHAT, KIND, WireTestCase

LOCAL = "listen = tcp:9000:interface=127.0.0.1"

SAYINGS = ("lines", r"lines:\0", "until:;", "until:<EOF>", r"between:\x02:\x03", "json", "length:4:big", "length:8", "raw")
"""Frames of what netd says."""

EVIL = b'hi\nbob: x\r\nbob: y\0bob: z;bob: a<EOF>bob: b\x03\x02bob: c"}{"name": "bob"}\\'
"""A message that holds the ends of all of these frames."""


def _outcome(result: Any) -> Any:
    if isinstance(result, Exception):
        raise result
    return result


class InjectionTests(WireTestCase):
    """What a peer says is one message of what others are told, whatever the frames are."""

    def messages(self, say: str, said: bytes) -> list[bytes]:
        """The messages that a peer reads from *said*."""
        decoder = parse_say("lines" if say == "raw" else say).decoder(4096)
        return [*decoder.feed(said), *decoder.end()]

    def heard_by_bob(self, say: str, rule: str, *more: str) -> list[bytes]:
        """The messages that one peer reads of what another says, in a frame that can hold anything."""
        self.begin(LOCAL, "frame = length:4:big", f"say = {say}", f"rules = {rule}", *more)
        ada, bob = self.peer(), self.peer()
        own = ada.say(len(EVIL).to_bytes(4, "big") + EVIL)
        self.leaves_nothing()
        return self.messages(say, bob.heard() or own)

    def test_told(self) -> None:
        """A message that is told to others, as it is or within a text, is one message."""
        for say in SAYINGS:
            for rule in ("tell {*}", "tell {text} => ada: {text}", "tell-all {text} => {text}{text}", "event {text} => {text}!"):
                heard = self.heard_by_bob(say, rule)
                self.assertLessEqual(len(heard), 1, (say, rule, heard))

    def test_unmatched(self) -> None:
        """So is what is replied to a message that no rule takes."""
        for say in SAYINGS:
            heard = self.heard_by_bob(say, "ignore x", "unmatched = reply ERR {text}")
            self.assertLessEqual(len(heard), 1, (say, heard))

    def answered(self, say: str, operation: str, result: Any, rule: str) -> list[bytes]:
        """The messages that a peer reads of the answer to what it asks of another service."""
        self.begin(LOCAL, f"say = {say}", f"rules = {rule}")

        def send(target: str, text: str, deadline: float) -> Any:
            return _outcome(result)

        def run(command_id: str, arguments: dict[str, Any]) -> Any:
            return _outcome(result)

        table = OperationTable()
        table.add([Operation(operation, send if operation == "relay.send" else run, Role.OPERATOR, "A test")], "main")
        self.service.use_operations(table)
        said = self.peer().say(b"fan on\n")
        self.leaves_nothing()
        return self.messages(say, said)

    def test_answers(self) -> None:
        """What a device, a function or its error says is one message, too."""
        device = {"status": "acknowledged", "answer": b64encode(EVIL).decode()}
        broken = {"status": "failed", "error": EVIL.decode("latin-1")}
        for say in SAYINGS:
            for operation, result, rule in (
                ("relay.send", device, "send {to} {to} {text} => {answer}"),
                ("relay.send", broken, "send {to} {to} {text} => {answer}|{error}"),
                ("command.run", {"result": EVIL.decode("latin-1")}, "call f {a} {b} => {result}"),
                ("command.run", OperationFailed(EVIL.decode("latin-1")), "call f {a} {b} => {result}|{error}"),
            ):
                heard = self.answered(say, operation, result, rule)
                self.assertLessEqual(len(heard), 1, (say, rule, heard))

    def test_json(self) -> None:
        """A reply that is JSON stays what it is: a text opens and closes nothing, and has no name but its own."""
        template = parse_template(r'\{"name": "{name}", "text": "{text}", "n": {n}, "v": [{v}], "o": {o}, "none": {none}\}')
        evil = 'x", "name": "bob'
        values = {"name": "ada", "text": evil, "n": "21.5", "v": '1], "name": "bob', "o": {"a": [1, "ü"]}}
        said = json.loads(template.render(values))
        self.assertEqual(
            {"name": "ada", "text": evil, "n": 21.5, "v": ['1], "name": "bob'], "o": {"a": [1, "ü"]}, "none": None}, said
        )
        result = parse_template(r'\{"result": {result}\}')
        for text, meant in (
            ('{"a": [1]}', {"a": [1]}),
            ("[1,", "[1,"),
            ("NaN", "NaN"),
            ("[1,\n2]", "[1,\n2]"),
            ("[" * 9999, "[" * 9999),
        ):
            self.assertEqual({"result": meant}, json.loads(result.render({"result": text})))
            self.assertNotIn(b"\n", result.render({"result": text}))
        self.begin(LOCAL, "say = json", r'rules = tell {text} => \{"from": "{name}", "text": "{text}"\}')
        self.peer(b"x\n"), self.peer(b'a "quoted" {brace\n')
        told = json.loads(self.open[0].heard())
        self.assertEqual({"from": "127.0.0.1", "text": 'a "quoted" {brace'}, told)

    def test_no_json(self) -> None:
        """What only looks like JSON is text as any other."""
        for text, said in (
            (r"[{name}] {text}", b'[a] "b'),
            (r"\{{name}\}", b"{a}"),
            (r"[{name}]", b"[a]"),
            (r"\{{name:B}\}", b"{\x01}"),
        ):
            name: Any = 1 if "B" in text else "a"
            self.assertEqual(said, parse_template(text).render({"name": name, "text": '"b'}))

    def test_sizes(self) -> None:
        """Where a header or a size is the section's own text, a value of another length is not said."""
        for say, reply, fits in (
            ("length:1:big:at=1", r"\x78\x03{text}", b"abc"),
            ("bytes:4", "x{text}", b"abc"),
        ):
            self.begin(LOCAL, f"say = {say}", f"rules = event {{text}} => {reply}")
            program = self.peer()
            self.assertIn(fits, program.say(fits + b"\n"))
            self.assertEqual(b"", program.say(b"abcd\n"))
            self.assertEqual({"not said": 1}, self.service.status().counters["notes"])
            self.leaves_nothing()

    def test_sent(self) -> None:
        """A text that would be two messages is not sent at all, and whoever sends it is told."""
        self.begin(*CHAT)
        ada = self.peer(b"hello ada\n")
        ada.heard()
        sent = self.service.console.send(make_caller(), "ada", "on\noff")
        self.assertRaisesRegex(OperationFailed, "what ends a message", result_of, sent)
        self.assertEqual(b"", ada.heard())
        result_of(self.service.console.send(make_caller(), "ada", "on\n"))  # as a shell's `echo` writes it
        self.assertEqual(b"on\n", ada.heard())


class SpoofingTests(WireTestCase):
    """Names of others."""

    def test_fight(self) -> None:
        """Two programs that both are called the same take the name from each other; each time, one is there."""
        self.begin(*CHAT)
        for _ in range(50):
            before = self.open[-1:]
            self.peer(b"hello ada\n")
            for one in before:
                self.assertTrue(one.is_closing)
                one.lose()
                self.open.remove(one)
            self.assertTrue(self.peers()["ada"].online)
        self.assertEqual(1, len(self.peers()))
        self.assertEqual(1, self.service.status().connections)

    def test_names_with_credentials(self) -> None:
        """A gateway speaks for others, but not for a name that a token proves: neither samples nor events."""

        class Access(SectionAccess):
            def is_reserved(self, kind: Kind, name: str) -> bool:
                return name == "safe"

        self.begin(LOCAL, "rules =", "  sample {name}={v}", "  event {name} {what}")
        self.service.use_access(Access("wire"))
        self.peer(b"safe=1\n", b"other=2\n", b"safe on\n", b"other on\n")
        self.assertEqual({"127.0.0.1", "other"}, {*self.peers()})
        self.assertEqual([], self.bus.events("wire.main.said.safe"))
        self.assertEqual(1, len(self.bus.events("wire.main.said.other")))
        self.assertEqual({"no proof": 2}, self.service.status().counters["notes"])

    def test_names_alike(self) -> None:
        """Names that are alike in subjects have different ones all the same, and nobody has those of a name with a token."""

        class Access(SectionAccess):
            def is_reserved(self, kind: Kind, name: str) -> bool:
                return name == "safe"

        self.begin(LOCAL, "rules =", "  name hello {name}", "  sample {name}:{v}", "  sample {channel}={value}")
        self.service.use_access(Access("wire"))
        for said in ("hello safe!\n", "safe!:1\n"):
            self.peer(said.encode())
        self.assertEqual([], self.bus.events("wire.main.sample.safe.v"))
        self.peer(b"hello ada\n", "温度=1\n".encode(), "湿度=2\n".encode())
        self.peer(b"hello ada!\n", b"t=3\n", b"hello ada!\n")
        self.assertEqual([1.0], [one.value for one in self.bus.events("wire.main.sample.ada._")])
        self.assertEqual([], self.bus.events("wire.main.sample.ada.t"))
        subjects = {message.subject for message in self.bus.messages if isinstance(message.event, SampleTaken)}
        self.assertEqual(3, len(subjects))
        self.assertEqual(
            ["ada"], [one.name for one in self.service.console.peers(make_caller(subjects=("wire.main.presence.ada",))).rows]
        )

    def test_no_names(self) -> None:
        """What is no text, or too long, is the name of no peer and no channel, and no unit; all this is told once."""
        rules = ("  sample json {name=n} {v}", "  event json {name=e} {w}", "  sample json {channel=c} {value=d} {unit=u}")
        self.begin(LOCAL, "frame = json", "rules =", *rules)
        evil = rb"ada\u001b[2J\nroot"
        for said in (b'{"n":"%b","v":1}', b'{"e":"%b","w":1}', b'{"c":"%b","d":1}'):
            self.peer(
                said % evil, said % (b"x" * 200), said.replace(b"1}", b'1,"u":"%b"}') % (b"ok", evil) if b'"c"' in said else b""
            )
        values = self.peers()["127.0.0.1"].values
        self.assertEqual(({"127.0.0.1"}, ["ok"], ""), ({*self.peers()}, [*values], values["ok"].unit))
        self.assertEqual(6, self.service.status().counters["notes"]["bad name"])

    def test_many_names(self) -> None:
        """A peer that is called something else again and again leaves no more names than there may be."""
        self.begin(*CHAT, "max_names = 100")
        ada = self.peer(b"hello ada\n", b"T=1;H=1\n")
        eve = self.peer(b"".join(b"hello e%d\n" % number for number in range(10_000)))
        self.assertTrue(eve.is_closing)
        self.assertEqual(100, len(list(self.service._section.hub.names)))
        ada.say(b"T=2;H=2\n")
        self.assertEqual(2.0, self.peers()["ada"].values["temp"].value)

    def test_unproven(self) -> None:
        """A program that has not proved who it is hears nothing of what others say, nor what people say to all."""
        lines = ("access = peers tokens", "peers = 192.0.2.0/24", "rules =", "  name hello {name} {token}", "  tell {*}")
        self.begin("listen = tcp:9000", *lines)
        self.service.use_access(SectionAccess("wire", configured(KIND, "listen = tcp:9000", *lines).access_rules))
        ada, eve = self.peer(host="192.0.2.7"), self.peer(host="203.0.113.9")
        self.assertEqual(b"", eve.heard())
        self.peer(b"secret\n", host="192.0.2.8")
        self.assertEqual((b"secret\n", b""), (ada.heard(), eve.heard()))
        self.assertEqual(2, self.service.console.tell("all"))
        self.assertEqual((b"all\n", b""), (ada.heard(), eve.heard()))

    def test_unproven_and_unmatched(self) -> None:
        """Of a program that has not proved who it is, nothing becomes an event, an answer or a peer; it may yet prove itself."""
        for unmatched, is_closed in (("event", False), ("reply what is {text}", False), ("close", True)):
            lines = ("access = tokens", f"unmatched = {unmatched}", "rules = name hello {name} {token}")
            self.begin("listen = tcp:9000", *lines)
            self.service.use_access(SectionAccess("wire", configured(KIND, "listen = tcp:9000", *lines).access_rules))
            eve = self.peer(host="203.0.113.9")
            self.assertEqual(b"", eve.say(b"forged\n"))
            self.assertEqual(({}, []), (self.peers(), self.bus.events("wire.main.said.203-0-113-9")))
            self.assertEqual({"unmatched": 1}, self.service.status().counters["notes"])
            self.assertEqual(is_closed, eve.is_closing)
            self.leaves_nothing()


class FloodTests(WireTestCase):
    """Too much, too long, too slow."""

    def test_no_end(self) -> None:
        """Ten megabytes without an end are cut at the first piece, and none of them is kept."""
        for frame in ("lines", "until:;", r"between:\x02:\x03", "json", "silence:50ms", "length:8", "length:4:big"):
            self.begin(LOCAL, f"frame = {frame}", "rules = event {*}")
            program = self.peer()
            opening = {"json": b"{", "length:8": b"4096    ", "length:4:big": b"\0\0\x10\0", r"between:\x02:\x03": b"\x02"}.get(
                frame, b""
            )
            program.say(opening)
            for _ in range(160):
                if not program.is_closing:
                    program.say(b"x" * 65536)
            self.assertTrue(program.is_closing or frame.startswith("length"), frame)
            self.assertLessEqual(program.protocol.link.machine.held, 2 * 65536, frame)
            self.leaves_nothing()

    def test_slow_reader(self) -> None:
        """A peer that is told much and reads nothing is cut, and counted; the others hear everything."""
        self.begin(*CHAT)
        ada, eve, bob = self.peer(b"hello ada\n"), self.peer(b"hello eve\n"), self.peer(b"hello bob\n")
        eve.transport.producer.pauseProducing()
        heard = 0
        for _ in range(100):
            ada.say(b"shout " + b"x" * 3000 + b"\n")
            heard += len(bob.heard())
        self.assertTrue(eve.is_closing or eve.transport.disconnecting)
        self.assertEqual(100 * 3006, heard)
        eve.lose()
        self.open.remove(eve)
        self.assertFalse(self.peers()["eve"].online)
        self.assertEqual(2, self.service.status().connections)

    def test_many_questions(self) -> None:
        """Those who wait for a peer are sixteen at most; the seventeenth is told at once."""
        self.begin(*CHAT)
        self.peer(b"hello ada\n")
        asked = [self.service.console.ask(make_caller(), "ada", f"q{number}") for number in range(18)]
        self.assertRaisesRegex(OperationFailed, "16 others wait", result_of, asked[-1])
        self.open.pop().lose()
        for one in asked[:-1]:
            self.assertRaisesRegex(OperationFailed, "has ended", result_of, one)

    def test_costly_expressions(self) -> None:
        """A peer whose messages cost regular expressions too much time is cut; the line names the rule."""
        self.begin(LOCAL, r"rules = event /.*?(?P<a>\d+)x/")
        program = self.peer(b"1x\n")
        link = program.protocol.link
        rule = link.section.plan().rules.rules[0]
        link.took(rule, 0.4)
        self.reactor.advance(11)
        link.took(rule, 0.4)
        self.assertFalse(program.is_closing)
        link.took(rule, 0.2)
        self.assertTrue(program.is_closing)

    def test_patterns(self) -> None:
        """Every text pattern of the corpus is done with 4 KiB of anything in milliseconds."""
        size = 4096
        messages = [
            b"0" * size, b"," * size, b" " * size, b"a" * size, b"a," * (size // 2), b"1 " * (size // 2), b"1." * (size // 2),
            b"=" * size, b"T=" * (size // 2), b"-" * size, b"\xff" * size, b"\t" * size,
        ]  # fmt: skip
        rules = [
            rule
            for name in NAMES
            for rule in read_section(played(name).section).rules or ()
            if isinstance(rule.pattern, TextPattern)
        ]
        rules += [parse_rule(text) for text in ("event {*} x {*} y", "event {a} {b} {c} {*};{*}", "sample {*}T={t}")]
        self.assertGreater(len(rules), 40)
        for rule in rules:
            only = RuleSet([rule])
            for message in messages:
                took = min(_timed(only, message) for _ in range(2))
                self.assertLess(took, 0.05, (rule.text, message[:2]))


def _timed(rules: RuleSet, message: bytes) -> float:
    began = process_time()
    rules.match(message)
    return process_time() - began


class TimeTests(WireTestCase):
    """Clocks, reloads and remotes in the middle of something."""

    def test_late_answer(self) -> None:
        """An answer that comes late, after the next question is due, answers nothing: values never move to another channel."""
        self.begin("connect = tcp:meter.lan:5025", "ask =", "  1s V? => sample {volt}", "  1s A? => sample {amp}")
        meter = FakeRemote(self.reactor).accept()
        self.open.append(meter)
        self.assertEqual(b"V?\n", meter.heard())
        self.reactor.advance(2)
        self.assertEqual(b"", meter.heard())
        self.reactor.advance(0.9)
        self.assertEqual(b"", meter.say(b"7.5\n"))
        self.reactor.advance(0.9)
        self.assertEqual(b"", meter.say(b"8.5\n"))
        self.reactor.advance(1)
        self.assertEqual(b"A?\n", meter.heard())
        meter.say(b"0.1\n")
        self.assertEqual({"amp": 0.1}, {name: one.value for name, one in self.peers()["main"].values.items()})
        self.assertEqual({"unanswered": 1, "out of step": 2}, self.service.status().counters["notes"])

    def test_vanishes(self) -> None:
        """A port that is unplugged in the middle of a question ends the question, and the next one is asked when it is back."""
        self.begin("connect = tcp:meter.lan:5025", "ask = 1s V? => sample {volt}")
        meter = FakeRemote(self.reactor).accept()
        self.assertEqual(b"V?\n", meter.heard())
        asked = self.service.console.ask(make_caller(), "main", "A?")
        meter.say(b"1.")
        meter.lose()
        self.assertRaisesRegex(OperationFailed, "has ended", result_of, asked)
        self.reactor.advance(2)
        again = FakeRemote(self.reactor).accept()
        self.open.append(again)
        self.assertEqual(b"V?\n", again.heard())
        again.say(b"5\n")
        self.assertEqual(5.0, self.peers()["main"].values["volt"].value)

    def test_clock_steps(self) -> None:
        """The clock of the machine may be set: samples are shown, and nobody is away because of it."""
        self.begin(*CHAT, "idle_timeout = 60s")
        ada = self.peer(b"hello ada\n", b"T=1;H=1\n")
        wall: Any = self.bus.wall
        for step in (-86_400.0, 7 * 86_400.0):
            wall.step(step)
            ada.say(b"T=%d;H=1\n" % abs(step))
            self.reactor.advance(1)
            self.assertEqual(abs(step), self.newest("wire.main.sample.ada.temp").value)
            self.assertTrue(self.peers()["ada"].online)
        self.reactor.advance(60)
        self.assertTrue(ada.is_closing)

    def test_reload(self) -> None:
        """All options hold at once, also for peers that are connected; a question that is open is answered as before."""
        self.begin(LOCAL, "rules = event {*} => a", "ask = 10s V? => sample {v}")
        ada = self.peer()
        said = reload(
            self.service,
            configured(KIND, LOCAL, "rules = event {*} => b", "ask = 5s W? => sample {w}", "frame = until:;", "say = lines"),
        )
        self.assertEqual([], list(said.mistakes))
        self.assertEqual(b"W?\n", ada.say(b"1;"))
        ada.say(b"2;")
        self.assertEqual({"w": 2.0}, {name: one.value for name, one in self.peers()["127.0.0.1"].values.items()})
        self.assertEqual(b"b\n", ada.say(b"x;"))
        reload(self.service, configured(KIND, LOCAL, "rules = event {*} => c", "idle_timeout = 3s"))
        self.assertEqual(b"c\n", ada.say(b"x\n"))
        self.reactor.advance(3)
        self.assertTrue(ada.is_closing)


class _Port:
    """A port for datagrams, as the reactor has it."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        protocol.makeConnection(self)

    def write(self, data: bytes, place: tuple[str, int]) -> None:
        self.sent.append((data, place))

    def getHost(self) -> IPv4Address:
        return IPv4Address("UDP", "127.0.0.1", 9)

    def stopListening(self) -> None:  # noqa: N802 - Twisted's name
        """It is closed."""


class _DatagramReactor(MemoryReactorClock):
    """A reactor with ports for datagrams."""

    def listenUDP(self, _port: int, protocol: Any, *_: Any) -> _Port:  # noqa: N802 - Twisted's name
        """See ``IReactorUDP``."""
        self.port = _Port(protocol)
        return self.port


class DatagramTests(SynchronousTestCase):
    """Datagrams, whose addresses anybody can forge."""

    def begin(self, *lines: str) -> None:
        """Start a wire."""
        self.reactor = _DatagramReactor()
        bus = RecordingBus(WallClock(self.reactor))
        self.service = KIND.make_service(configured(KIND, "listen = udp:9:interface=127.0.0.1", *lines), self.reactor, bus)
        self.service.startService()
        self.addCleanup(self.leaves_nothing)

    def leaves_nothing(self) -> None:
        """Stop it; no timer is left."""
        self.service.stopService()
        self.reactor.advance(0)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def say(self, data: bytes, port: int = 1, host: str = "127.0.0.1") -> list[bytes]:
        """Send a datagram, and return what comes back."""
        self.reactor.port.sent.clear()
        self.reactor.port.protocol.datagramReceived(data, (host, port))
        return [sent for sent, _ in self.reactor.port.sent]

    def notes(self) -> dict[str, int]:
        """What was counted."""
        return dict(self.service.status().counters["notes"])

    def test_amplification(self) -> None:
        """An answer has 64 bytes more than its datagram at most, and an address gets a hundred a second."""
        self.begin("rules =", "  event long => " + "x" * 69, "  event short => " + "x" * 68, "  event {text} => {text}{text}")
        self.assertEqual([], self.say(b"long"))
        self.assertEqual(1, len(self.say(b"short")[:1]))
        self.assertEqual([], self.say(b"y" * 65))
        self.assertEqual([b"y" * 128], self.say(b"y" * 64))
        self.reactor.advance(1)
        self.assertEqual(100, sum(len(self.say(b"short")) for _ in range(150)))
        self.assertEqual(1, len(self.say(b"short", port=2)))
        self.assertEqual({"not said": 52}, self.notes())

    def test_many_addresses(self) -> None:
        """Addresses are bounded. One of which nothing has counted makes room for a new one; one that has a name stays."""
        self.begin("rules = name hello {name} => ok {name}", "max_connections = 10", "max_names = 5000")
        self.assertEqual([b"ok ada"], self.say(b"hello ada", port=1))
        for port in range(1000, 2000):
            self.say(b"nonsense", port)
        self.assertEqual(10, self.service.status().connections)
        self.assertEqual([b"ok ada"], self.say(b"hello ada", port=1))
        for port in range(2000, 3000):
            self.say(b"hello n%d" % port, port)
        self.assertEqual(10, self.service.status().connections)
        self.assertEqual({"no room": 991}, {name: n for name, n in self.notes().items() if name != "unmatched"})
        self.reactor.advance(60)
        self.assertEqual(0, self.service.status().connections)
        self.assertEqual([b"ok eve"], self.say(b"hello eve", port=1))

    def test_longest(self) -> None:
        """A datagram that is too long ends its address; an empty one harms nothing."""
        self.begin("rules = event {*} => ok", "max_message = 1KiB")
        self.assertEqual([b"ok"], self.say(b"x" * 1024))
        self.assertEqual([], self.say(b"x" * 1025))
        self.assertEqual([], self.say(b""))
        self.assertEqual({"bad framing": 1}, self.notes())

    def test_no_name_of_a_connection(self) -> None:
        """A datagram takes no name from a connection, whose address is not forged; but it may have that of other datagrams."""
        self.begin("rules = name hello {name} => ok {name}", "frame = lines")
        self.service.stopService()
        self.reactor = _DatagramReactor()
        bus = RecordingBus(WallClock(self.reactor))
        lines = ("listen = udp:9:interface=127.0.0.1 tcp:9:interface=127.0.0.1", "rules = name hello {name} => ok {name}")
        self.service = KIND.make_service(configured(KIND, *lines), self.reactor, bus)
        self.service.startService()
        program = connect(self.reactor.tcpServers[0][1], self.reactor)
        self.assertEqual(b"ok ada\n", program.say(b"hello ada\n"))
        self.assertNotIn(b"ok ada", self.say(b"hello ada"))
        self.assertFalse(program.is_closing)
        self.assertEqual([b"ok eve"], self.say(b"hello eve", port=2))
        self.assertEqual([b"ok eve"], self.say(b"hello eve", port=3))
        program.lose()
