"""Tests of ``netd.wire.service`` and what it is made of: wires from their section, without a network."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.errors import ConfigErrors, NoSuchTarget, OperationFailed
from netd.kinds import ServiceKind
from netd.message import Message, Want
from netd.operations import Operation, OperationTable, Role
from netd.testing import Connection, FakeRemote, ServiceKindTests, configured, connect, make_caller, reload, result_of, wired

KIND = ServiceKind("wire", "netd.wire")

CHAT = (
    "listen = tcp:9000:interface=127.0.0.1",
    "rules =",
    "    name hello {name} => welcome {name}",
    "    sample T={temp °C};H={hum %}",
    "    tell say {text} => {name}: {text}",
    "    tell-all shout {text} => {name}: {text}",
    "    event echo {what} => you said {what}",
    "    bye quit => bye",
)


class ListeningWireKindTests(ServiceKindTests, SynchronousTestCase):
    """A wire that listens keeps what every kind of service must keep."""

    kind = KIND
    options = CHAT


class DialledWireKindTests(ServiceKindTests, SynchronousTestCase):
    """So does one that dials."""

    kind = KIND
    options = ("connect = tcp:meter.lan:5025", "ask = 1s READ? => sample {v}")


class WireTestCase(SynchronousTestCase):
    """Connections as the reactor makes them."""

    def begin(self, *lines: str) -> None:
        """Start the service; nothing may be left of it in the end."""
        self.service, self.factory, self.reactor, self.bus = wired(KIND, configured(KIND, *lines))
        self.addCleanup(self.leaves_nothing)
        self.open: list[Connection] = []

    def leaves_nothing(self) -> None:
        """Stop the service, and look for timers."""
        stopped = self.service.stopService()
        self.reactor.advance(100)
        while self.open:
            self.open.pop().lose()
        result_of(stopped)
        self.reactor.advance(0)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def peer(self, *said: bytes, host: str = "127.0.0.1") -> Connection:
        """A program that has connected and said something."""
        program = connect(self.factory, self.reactor, host)
        self.open.append(program)
        program.say(*said)
        return program

    def peers(self) -> dict[str, Any]:
        """The peers by name."""
        return {one.name: one for one in self.service.console.peers(make_caller()).rows}

    def newest(self, subject: str) -> Any:
        """The newest event on a subject."""
        return self.bus.events(subject)[-1]


class ListeningTests(WireTestCase):
    def test_samples(self) -> None:
        """The fields of a message are the newest values of a peer, with their units, and events on the bus."""
        self.begin(*CHAT)
        self.peer(b"hello shed\n", b"T=21.5;H=40\r\n", b"T=22;", b"H=41\n")
        shed = self.peers()["shed"]
        self.assertEqual(
            {"temp": (22.0, "°C", 2), "hum": (41.0, "%", 2)},
            {name: (one.value, one.unit, one.samples) for name, one in shed.values.items()},
        )
        self.assertEqual((True, 3), (shed.online, shed.messages))
        self.reactor.advance(1)
        self.assertEqual(22.0, self.newest("wire.main.sample.shed.temp").value)
        self.assertTrue(self.newest("wire.main.presence.shed").online)

    def test_replies(self) -> None:
        """What a peer says reaches all others, or all; its goodbye is answered before the connection ends."""
        self.begin(*CHAT)
        ada, bob = self.peer(b"hello ada\n"), self.peer(b"hello bob\n")
        ada.heard(), bob.heard()
        self.assertEqual(b"", ada.say(b"say hi\n"))
        self.assertEqual(b"ada: hi\n", bob.heard())
        self.assertEqual(b"ada: all\n", ada.say(b"shout all\n"))
        self.assertEqual(b"ada: all\n", bob.heard())
        self.assertEqual(b"you said so\n", ada.say(b"echo so\n"))
        self.assertEqual(b"bye\n", ada.say(b"quit\n"))
        self.assertTrue(ada.is_closing)
        ada.lose()
        self.open.remove(ada)
        self.assertEqual((False, "goodbye"), (self.peers()["ada"].online, self.peers()["ada"].reason))

    def test_pages(self) -> None:
        """The list of peers comes by the page, connected ones first, and a confined caller sees its own."""
        self.begin(*CHAT)
        for name in (b"ada", b"bob", b"eve"):
            self.peer(b"hello " + name + b"\n")
        self.open.pop(0).lose()
        caller = make_caller()
        first = self.service.console.peers(caller, limit=2)
        self.assertEqual((["bob", "eve"], {"online": 2, "away": 1}), ([one.name for one in first.rows], first.counts))
        rest = self.service.console.peers(caller, limit=2, after=first.after)
        self.assertEqual((["ada"], None), ([one.name for one in rest.rows], rest.after))
        self.assertEqual(["eve"], [one.name for one in self.service.console.peers(caller, contains="EV").rows])
        self.assertEqual(["ada"], [one.name for one in self.service.console.peers(caller, state="away").rows])
        confined = make_caller(subjects=("wire.main.presence.bob",))
        self.assertEqual(["bob"], [one.name for one in self.service.console.peers(confined).rows])
        self.assertRaises(NoSuchTarget, self.service.console.send, confined, "eve", "on")

    def test_spoken_for(self) -> None:
        """A name that a peer says with its values is not away, and none that is connected."""
        self.begin("listen = loopback:9100", "rules =", "  name hello {name}", "  sample {name}={v}")
        self.peer(b"hello hall\n", b"ada=1\n")
        self.peer(b"hello bob\n")
        self.open.pop().lose()
        caller = make_caller()
        found = self.service.console.peers(caller)
        self.assertEqual({"online": 1, "spoken for": 1, "away": 1}, found.counts)
        self.assertEqual(["hall", "ada", "bob"], [one.name for one in found.rows])
        self.assertEqual(["ada"], [one.name for one in self.service.console.peers(caller, state="spoken for").rows])

    def test_replaced(self) -> None:
        """A second peer of a name replaces the first, as with devices."""
        self.begin(*CHAT)
        first = self.peer(b"hello ada\n")
        self.peer(b"hello ada\n")
        self.assertTrue(first.is_closing)
        self.assertTrue(self.peers()["ada"].online)

    def test_unmatched(self) -> None:
        """What no rule takes is counted, and harms nobody; the rules know what they took."""
        self.begin(*CHAT)
        program = self.peer(b"nonsense\n", b"T=1;H=2\n")
        self.assertFalse(program.is_closing)
        self.assertEqual(1, self.service.status().counters["notes"]["unmatched"])
        self.assertEqual([0, 1, 0, 0, 0, 0], [rule.taken for rule in self.service.console.rules()])

    def test_misfits(self) -> None:
        """What did not fit is listed with the reason, newest first, without secrets; to a confined caller, that of its peers."""
        self.begin(*CHAT)
        ada = self.peer(b"hello ada\n")
        ada.say(b"what?\n", b"\xff netd_0123456789abcdefghijklmnop\n")
        self.peer(b"nobody\n", host="10.0.0.7")
        told = [(one.name, one.kind, one.why, one.text) for one in self.service.console.misfits(make_caller())]
        unmatched = ("unmatched", "no rule matches")
        said = [("", *unmatched, "nobody"), ("ada", *unmatched, "\\xff netd_…"), ("ada", *unmatched, "what?")]
        self.assertEqual(said, told)
        confined = make_caller(subjects=("wire.main.presence.ada",))
        self.assertEqual(["ada", "ada"], [one.name for one in self.service.console.misfits(confined)])
        ada.say(*[b"again\n"] * 60)
        self.assertEqual(["again"] * 50, [one.text for one in self.service.console.misfits(make_caller())])
        ada.say(b"T=1;H=wet netd_0123456789abcdefghijklmnop\n")
        why = self.service.console.misfits(make_caller())[0].why
        self.assertEqual("no rule matches; line 5 comes nearest: 'wet netd_…' is not {hum %}", why)

    def test_operations(self) -> None:
        """People send, ask and close; a name that nobody has is told."""
        self.begin(*CHAT)
        ada = self.peer(b"hello ada\n")
        ada.heard()
        caller = make_caller()
        self.assertEqual("", result_of(self.service.console.send(caller, "ada", "on")).answer)
        self.assertEqual(b"on\n", ada.heard())
        asked = self.service.console.ask(caller, "ada", "how")
        self.assertEqual(b"how\n", ada.heard())
        ada.say(b"fine\n")
        self.assertEqual("fine", result_of(asked).answer)
        self.assertEqual(1, self.service.console.tell("all"))
        self.assertEqual(b"all\n", ada.heard())
        late = self.service.console.ask(caller, "ada", "still there")
        self.reactor.advance(2)
        self.assertRaises(OperationFailed, result_of, late)
        self.assertRaises(NoSuchTarget, self.service.console.send, caller, "eve", "on")
        self.service.console.close(caller, "ada")
        self.assertTrue(ada.is_closing)

    def test_reload(self) -> None:
        """Other rules count from the next message on, also on open connections."""
        self.begin(*CHAT)
        ada = self.peer(b"hello ada\n")
        ada.heard()
        reload(self.service, configured(KIND, "listen = tcp:9000:interface=127.0.0.1", "rules = event {*} => {text}!"))
        self.assertEqual(b"so!\n", ada.say(b"so\n"))

    def test_reload_while_asked(self) -> None:
        """The answer to what was asked before a reload counts."""
        lines = ("listen = tcp:9000:interface=127.0.0.1", "ask = 10s T? => sample {t}")
        self.begin(*lines)
        program = self.peer()
        reload(self.service, configured(KIND, *lines, "max_names = 50"))
        program.say(b"5\n")
        self.assertEqual(5.0, self.peers()["127.0.0.1"].values["t"].value)

    def test_half_closed(self) -> None:
        """A program that has said its last word is asked nothing more."""
        self.begin("listen = tcp:9000:interface=127.0.0.1", "ask =", "  1s A? => sample {a}", "  1s B? => sample {b}")
        program = self.peer()
        program.protocol.readConnectionLost()
        reload(self.service, configured(KIND, "listen = tcp:9000:interface=127.0.0.1", "ask = 1s A? => sample {a}"))
        self.reactor.pump([0.5] * 12)
        self.assertEqual((b"", True), (program.heard(), program.is_closing))

    def test_limits(self) -> None:
        """Names without end, and messages that are too long, are refused; whoever was there goes on."""
        self.begin(*CHAT, "max_names = 2")
        ada = self.peer(b"hello ada\n", b"T=1;H=1\n")
        self.peer(b"hello bob\n")
        third = self.peer(b"hello eve\n")
        self.assertTrue(third.is_closing)
        endless = self.peer(b"x" * 5000)
        self.assertTrue(endless.is_closing)
        ada.say(b"T=2;H=2\n")
        self.assertEqual(2.0, self.peers()["ada"].values["temp"].value)


class BlockTests(WireTestCase):
    """Samples that come many at a time are read at once; what comes of them is the same."""

    LINES = ("listen = tcp:9000:interface=127.0.0.1", "rules = sample {temp °C},{hum %}")

    def test_newest(self) -> None:
        """While nobody wants each value, the newest counts, and all are counted."""
        self.begin(*self.LINES)
        self.peer(b"1,2\n", b"3,4\n5,6\n7,8\n", b"nonsense\n9,10\n")
        values = self.peers()["127.0.0.1"].values
        self.assertEqual([(9.0, 5), (10.0, 5)], [(one.value, one.samples) for one in values.values()])
        self.assertEqual([5], [rule.taken for rule in self.service.console.rules()])
        self.assertEqual(1, self.service.status().counters["notes"]["unmatched"])

    def test_each(self) -> None:
        """A subscriber that wants each value has each, in order; one that takes batches has them in one message."""
        self.begin(*self.LINES)
        each: list[float] = []
        batches: list[list[float]] = []
        self.bus.subscribe("wire.main.sample.*.temp", lambda message: each.append(message.event.value), Want.EACH)
        self.bus.subscribe("wire.main.sample.*.hum", lambda message: batches.append(_values(message)), Want.BATCH)
        self.peer(b"1,2\n", b"3,4\n5,6\n7,8\n")
        self.assertEqual([1.0, 3.0, 5.0, 7.0], each)
        self.assertEqual([[2.0], [4.0, 6.0, 8.0]], batches)

    def test_rate(self) -> None:
        """What comes above the rate is dropped, and noted once a second."""
        self.begin(*self.LINES, "rate = 3")
        program = self.peer(b"1,2\n", b"3,4\n", b"5,6\n7,8\n", b"9,10\n11,12\n")
        temp = self.peers()["127.0.0.1"].values["temp"]
        self.assertEqual((5.0, 3, [3]), (temp.value, temp.samples, [rule.taken for rule in self.service.console.rules()]))
        self.assertEqual(1, self.service.status().counters["notes"]["over the rate"])
        self.reactor.advance(1)
        program.say(b"13,14\n")
        self.assertEqual(13.0, self.peers()["127.0.0.1"].values["temp"].value)

    def test_counted_later(self) -> None:
        """What nobody wants is counted when somebody looks, and its newest sample is on the bus a second later."""
        self.begin("listen = tcp:9000:interface=127.0.0.1", "name = shed", "rules = sample T={temp °C}")
        program = self.peer(b"T=1\n", b"T=2\n", b"T=3\nT=4\n", b"T=5e0\n", b"T=6\n", b"T=7\n")
        self.assertEqual([1.0], [one.value for one in self.bus.events("wire.main.sample.shed.temp")])
        temp = self.peers()["shed"].values["temp"]
        self.assertEqual((7.0, 7), (temp.value, temp.samples))
        self.reactor.advance(1)
        self.assertEqual(7.0, self.newest("wire.main.sample.shed.temp").value)
        program.say(b"T=8\n", b"T=9\n")
        found: list[Any] = []
        subscription = self.bus.subscribe("wire.main.sample.>", found.append, Want.BATCH)
        program.say(b"T=10\n", b"T=11\nT=12\n")
        subscription.cancel()
        program.say(b"T=13\n", b"T=14\n")
        self.assertEqual([1, 2], [1 if one.batch is None else len(one.batch) for one in found])
        temp = self.peers()["shed"].values["temp"]
        self.assertEqual((14.0, 14), (temp.value, temp.samples))

    def test_among_others(self) -> None:
        """Samples between other messages are told in order: before a new name, and before what is said to others."""
        self.begin(*CHAT, "    ignore #{*}")
        program = self.peer()
        said = program.say(b"hello ada\nT=1;H=1\n#\nT=nan;H=2\nT=2;H=3\nhello bob\nT=3;H=4\nnonsense\nT=4;H=5\nhello bob\n")
        values = {name: (one.values["temp"].value, one.values["hum"].samples) for name, one in self.peers().items()}
        self.assertEqual({"ada": (2.0, 3), "bob": (4.0, 2)}, values)
        self.assertEqual(b"welcome ada\nwelcome bob\nwelcome bob\n", said)
        self.assertEqual([3, 5, 0, 0, 0, 0, 1], [rule.taken for rule in self.service.console.rules()])
        program.say(b"quit\nT=9;H=9\n")
        self.assertEqual(5, self.service.console.rules()[1].taken)

    def test_flood(self) -> None:
        """Lines that are no block are read in small portions, whatever stands before them."""
        self.begin("listen = tcp:9000:interface=127.0.0.1", "rules = sample T={temp °C}", "rate = 1000000")
        program = self.peer(b"T=1\n")
        program.say(b"T=2\n" * 500 + b"x\n" * 2000)
        program.say(b"T=3\n")
        self.reactor.pump([0.0] * 20)
        self.assertEqual(2502, self.peers()["127.0.0.1"].messages)
        self.assertEqual(2000, self.service.status().counters["notes"]["unmatched"])


def _values(message: Message) -> list[float]:
    return [message.event.value] if message.batch is None else [one.value for one in message.batch]


class LastWordTests(WireTestCase):
    def test_closed(self) -> None:
        """What came before the end counts, also if it still waits for its turn: TLS reads on while netd does not."""
        for last, taken in ((b"", 1000), (b"quit\n", 500)):
            self.begin("listen = tcp:9000:interface=127.0.0.1", "rules =", "  event e {*}", "  bye quit")
            program = self.peer(b"e 0\n")
            program.protocol.dataReceived(b"e 1\n" * 499 + last + b"e 2\n" * 500)
            program.lose()
            self.open.remove(program)
            self.assertEqual(taken, len(self.bus.events("wire.main.said.127-0-0-1")))
            self.assertFalse(self.peers()["127.0.0.1"].online)
            self.leaves_nothing()


class HalfMessageTests(WireTestCase):
    def test_too_slow(self) -> None:
        """A program that sends a long message byte by byte is cut; one that pauses between messages is not."""
        self.begin(*CHAT)
        ada, eve = self.peer(b"hello ada\n"), self.peer(b"hello eve\n", b"say " + b"x" * 2000)
        self.reactor.advance(60)
        eve.say(b"x")
        self.assertTrue(eve.is_closing)
        ada.say(b"T=1;H=2\n")
        self.assertFalse(ada.is_closing)

    def test_slow_line(self) -> None:
        """A remote may be as slow as it likes: a serial line takes its time."""
        self.begin("connect = tcp:meter.lan:5025", "rules = event {*}")
        meter = FakeRemote(self.reactor).accept()
        self.open.append(meter)
        meter.say(b"x" * 2000)
        self.reactor.advance(60)
        meter.say(b"x")
        self.assertFalse(meter.is_closing)


class ProofTests(WireTestCase):
    def test_turned_away(self) -> None:
        """A peer that cannot prove its name is told so before the connection ends."""
        self.begin("listen = tcp:9000:interface=127.0.0.1", "rules = name hello {name} {token} => welcome")
        told = self.peer().say(b"hello ada netd_made-up\n")
        self.assertTrue(told.startswith(b"error: "), told)
        self.assertTrue(self.open[0].is_closing)


class SendingTests(WireTestCase):
    """Rules that send to devices."""

    def answered(self, result: Any) -> bytes:
        """What a peer is told of a device's answer."""
        self.begin("listen = tcp:9000:interface=127.0.0.1", "rules = send {to} {to} {text} => {answer}")

        def send(target: str, text: str, deadline: float) -> Any:
            self.assertEqual(("fan", "on"), (target, text))
            return result

        table = OperationTable()
        table.add([Operation("relay.send", send, Role.OPERATOR, "Send")], "main")
        self.service.use_operations(table)
        return self.peer().say(b"fan on\n")

    def test_answer(self) -> None:
        """The device's answer is the reply, also that of a device on another node, which comes as JSON."""
        self.assertEqual(b"is on\n", self.answered({"status": "acknowledged", "answer": "aXMgb24="}))

    def test_failed(self) -> None:
        """A device that has not got it is told with the reason."""
        self.assertEqual(b"error: it is away\n", self.answered({"status": "failed", "error": "it is away"}))


class TextTests(WireTestCase):
    """Texts of people to one peer, or to all."""

    def outcome(self, operation: str, text: str, *lines: str) -> str:
        """What is said of *text*, and what the peer hears."""
        self.begin("listen = tcp:9000:interface=127.0.0.1", "rules = event {*}", *lines)
        peer = self.peer({"frame = json": b'{"a":1}', "frame = length:1:big": b"\x01x"}.get(lines[0] if lines else "", b"x\n"))
        told = getattr(self.service.console, operation)(make_caller(), "127.0.0.1", text).addErrback(
            lambda error: str(error.value)
        )
        refusal = told.result if told.called else None
        heard = peer.heard().decode()
        self.leaves_nothing()
        return refusal if isinstance(refusal, str) else heard

    def test_one_message(self) -> None:
        """A text is one message; where messages are JSON, an object is one, whatever stands in it."""
        for operation, refused in (("send", "send one message at a time"), ("ask", "ask one thing at a time")):
            self.assertEqual("a\n", self.outcome(operation, "a"))
            self.assertEqual("a\n", self.outcome(operation, "a\n"))
            self.assertIn(refused, self.outcome(operation, "a\nb"))
            self.assertEqual('{"on":{"a":"}"}}', self.outcome(operation, '{"on":{"a":"}"}}', "frame = json"))
            self.assertEqual("on", self.outcome(operation, "on", "frame = json"))
            self.assertEqual("[" * 9999, self.outcome(operation, "[" * 9999, "frame = json"))
            for text in ('{"a":1}{"b":2}', '{"a":'):
                self.assertIn(refused, self.outcome(operation, text, "frame = json"))
        self.begin("listen = tcp:9000:interface=127.0.0.1", "rules = event {*}")
        self.peer(b"x\n")
        self.assertRaises(OperationFailed, self.service.console.tell, "a\nb")

    def test_not_said(self) -> None:
        """Whoever sends what the frame cannot hold is told so, at once."""
        for operation, lines in (("send", ()), ("ask", ()), ("send", ("ack = OK",))):
            self.assertIn("cannot say so many", self.outcome(operation, "x" * 300, "frame = length:1:big", *lines))

    def test_too_many(self) -> None:
        """So is who sends more than can be said one by one."""
        self.begin("listen = tcp:9000:interface=127.0.0.1", "frame = silence:50ms", "rules = event {*}")
        self.peer(b"x")
        self.reactor.advance(0.1)
        for _ in range(17):
            result_of(self.service.console.send(make_caller(), "127.0.0.1", "on"))
        late = self.service.console.send(make_caller(), "127.0.0.1", "on")
        self.assertIn("16 replies wait", str(self.failureResultOf(late).value))


class DialledTests(WireTestCase):
    def test_questions(self) -> None:
        """Questions are asked one by one; one without an answer is given up, and late answers answer nothing else."""
        self.begin("connect = tcp:meter.lan:5025", "ask =", "    1s VOLT? => sample {volt V}", "    1s AMP? => sample {amp A}")
        meter = FakeRemote(self.reactor).accept()
        self.open.append(meter)
        self.assertEqual(b"VOLT?\n", meter.heard())
        self.assertEqual(b"AMP?\n", meter.say(b"1.5\n"))
        meter.say(b"0.2\n")
        self.assertEqual({"volt": 1.5, "amp": 0.2}, {name: one.value for name, one in self.peers()["main"].values.items()})
        self.reactor.advance(1)
        self.assertEqual(b"VOLT?\n", meter.heard())
        self.reactor.advance(2)  # no answer
        meter.say(b"7.7\n")
        self.assertEqual((1.5, 0.2), tuple(one.value for one in self.peers()["main"].values.values()))
        self.reactor.pump([0.25] * 5)
        self.assertIn(b"AMP?\n", meter.heard())
        self.reactor.advance(0.5)
        meter.say(b"overload!\n")
        told = [(one.question, one.answered, one.unfit, one.unanswered) for one in self.service.console.questions()]
        self.assertEqual([("VOLT?", 1, 0, 1), ("AMP?", 1, 1, 0)], told)

    def test_hung_up(self) -> None:
        """A question in the middle of which the remote hangs up has had no answer; one that waits counts as nothing."""
        self.begin("connect = tcp:meter.lan:5025", "ask =", "    1s VOLT? => sample {volt V}", "    1s AMP? => sample {amp A}")
        meter = FakeRemote(self.reactor).accept()
        self.assertEqual(b"VOLT?\n", meter.heard())
        meter.lose()
        self.assertEqual([1, 0], [one.unanswered for one in self.service.console.questions()])

    def test_goodbye_as_the_answer_is_overdue(self) -> None:
        """A silence that ends both the connection and the time for an answer is one end, and no fault of netd."""
        self.begin(
            "connect = tcp:meter.lan:5025",
            "frame = silence:50ms",
            "answer_timeout = 50ms",
            "rules = bye BYE",
            "ask = 0s VOLT? => sample {volt V}",
        )
        meter = FakeRemote(self.reactor).accept()
        self.open.append(meter)
        meter.say(b"BYE")
        self.reactor.advance(0.05)
        self.assertEqual([], self.flushLoggedErrors())
        self.assertTrue(meter.transport.disconnecting)

    def test_unplugged(self) -> None:
        """A remote that goes away is dialled again, and is away in between."""
        self.begin("connect = tcp:meter.lan:5025", "rules = sample {v}")
        meter = FakeRemote(self.reactor).accept()
        meter.say(b"torn", b"1\n", b"2\n")
        meter.lose()
        self.assertFalse(self.peers()["main"].online)
        self.reactor.advance(2)
        again = FakeRemote(self.reactor).accept()
        self.open.append(again)
        self.assertTrue(self.peers()["main"].online)


class MistakeTests(SynchronousTestCase):
    def test_told(self) -> None:
        """Each mistake in a section is told, with what to write."""
        for lines, words in (
            (("rules = ignore {*}",), "write listen = tcp:PORT"),
            (("listen = tcp:1", "connect = tcp:a:2", "rules = ignore {*}"), "a section has listen or connect"),
            (("listen = tcp:1",), "says nothing"),
            (("listen = tcp:1", "rules = smaple {t}"), "sample"),
            (("listen = tcp:1", "rules = sample {a}{b}"), "side by side"),
            (("listen = udp:1", "rules = ignore {*}", "every = 1s hi"), "cannot be by UDP"),
            (("listen = udp:1", "rules = ignore {*}", "access = tokens"), "access = peers"),
            (("listen = tcp:1", "rules = ignore {*}", "dial = each"), "connections that netd makes"),
            (("listen = tcp:1", "rules = ignore {*}", "frame = line"), "lines"),
        ):
            with self.assertRaises(ConfigErrors) as caught:
                configured(KIND, *lines)
            self.assertIn(words, str(caught.exception), lines)
