"""Remotes that are dialled for each question and each thing said: ``dial = each``; and several remotes of one section."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.errors import ConfigErrors, OperationFailed
from netd.testing import Connection, FakeRemote, ServiceKindTests, configured, make_caller, reload, result_of
from tests.wire.test_service import KIND, WireTestCase

ROBOT = ("connect = tcp:robot.lan:30002", "dial = each")


class ErrandWireKindTests(ServiceKindTests, SynchronousTestCase):
    """A wire that dials each time keeps what every kind of service must keep."""

    kind = KIND
    options = (*ROBOT, "ask = 1s READ? => sample {v}")


class ErrandTestCase(WireTestCase):
    """A remote that serves one message a connection."""

    def begin(self, *lines: str) -> None:
        super().begin(*lines)
        self.remote = FakeRemote(self.reactor)

    def accept(self) -> Connection:
        """Accept the call for the next errand."""
        found = self.remote.accept()
        self.open.append(found)
        return found

    def lose(self, connection: Connection) -> None:
        """The remote hangs up."""
        self.open.remove(connection)
        connection.lose()

    def send(self, text: str) -> Any:
        """Send a text to the remote."""
        return self.service.console.send(make_caller(), "main", text)


class SendTests(ErrandTestCase):
    def test_acknowledged(self) -> None:
        """Each text has a connection of its own, which ends with what acknowledges it; the next waits for that."""
        self.begin(*ROBOT, "ack = DONE {answer}", "rules = ignore {*}")
        self.assertFalse(self.remote.is_called)
        first, second = self.send("MOVE 1"), self.send("MOVE 2")
        robot = self.accept()
        self.assertEqual(b"MOVE 1\n", robot.heard())
        robot.say(b"busy\n")
        self.assertNoResult(first)
        robot.say(b"DONE 1\n")
        self.assertEqual("1", result_of(first).answer)
        self.assertTrue(robot.is_closing)
        self.assertFalse(self.remote.is_called)
        self.lose(robot)
        robot = self.accept()
        self.assertEqual(b"MOVE 2\n", robot.heard())
        robot.say(b"DONE 2")
        self.lose(robot)
        self.assertEqual("2", result_of(second).answer)
        self.reactor.advance(60)
        self.assertFalse(self.remote.is_called)
        self.assertEqual((True, 3), (self.peers()["main"].online, self.peers()["main"].messages))

    def test_without_acknowledgement(self) -> None:
        """What is sent counts at once. What the remote says until it hangs up is heard, but not for ever."""
        self.begin(*ROBOT, "rules = sample {v}")
        sent = self.send("ON")
        robot = self.accept()
        self.assertEqual("", result_of(sent).answer)
        self.assertFalse(robot.is_closing)
        robot.say(b"7\n")
        self.assertEqual(7.0, self.peers()["main"].values["v"].value)
        self.reactor.advance(2)
        self.assertTrue(robot.is_closing)
        self.lose(robot)
        self.send("A")
        robot = self.accept()
        self.send("B")
        self.assertTrue(robot.is_closing)
        self.lose(robot)
        self.assertEqual(b"B\n", self.accept().heard())

    def test_unreachable(self) -> None:
        """Whoever sends is told why the remote cannot be reached; it is away, and nothing more is dialled."""
        self.begin(*ROBOT, "rules = event {*}", "reconnect_delay = 2s")
        self.send("ON")
        self.lose(self.accept())
        self.assertTrue(self.peers()["main"].online)
        sent, other = self.send("OFF"), self.send("ON")
        self.remote.refuse()
        self.reactor.pump([1.0] * 9)
        self.assertNoResult(sent)
        self.reactor.pump([1.0] * 2)
        self.assertRaisesRegex(OperationFailed, "cannot be reached: .*refused", result_of, sent)
        self.assertRaises(OperationFailed, result_of, other)
        self.assertFalse(self.peers()["main"].online)
        self.reactor.advance(60)
        self.assertFalse(self.remote.is_called)
        self.send("ON")
        self.assertEqual(b"ON\n", self.accept().heard())

    def test_bounded(self) -> None:
        """Sixteen wait at most."""
        self.begin(*ROBOT, "rules = event {*}")
        sent = [self.send(f"{number}") for number in range(17)]
        self.assertRaisesRegex(OperationFailed, "16 others wait", result_of, sent[-1])
        result_of(self.service.stopService())
        for one in sent[:-1]:
            self.assertRaisesRegex(OperationFailed, "netd ends", result_of, one)

    def test_hangs_up(self) -> None:
        """A remote that hangs up without an answer is told to whoever asked."""
        self.begin(*ROBOT, "rules = event {*}")
        asked = self.service.console.ask(make_caller(), "main", "V?")
        self.lose(self.accept())
        self.assertRaisesRegex(OperationFailed, "has ended", result_of, asked)


class QuestionTests(ErrandTestCase):
    def test_questions(self) -> None:
        """Each question of the section has a connection, as often as its period says; so has what is said every so often."""
        self.begin(*ROBOT, "ask =", "  5s V? => sample {volt}", "  0s ID? => event {text}", "every = 3s PING", "greeting = HI")
        meter = self.accept()
        self.assertEqual(b"HI\nV?\n", meter.heard())
        meter.say(b"1.5\n")
        self.assertTrue(meter.is_closing)
        self.lose(meter)
        meter = self.accept()
        self.assertEqual(b"HI\nID?\n", meter.heard())
        meter.say(b"x")
        self.lose(meter)
        self.assertFalse(self.remote.is_called)
        self.reactor.advance(3)
        meter = self.accept()
        self.assertEqual(b"HI\nPING\n", meter.heard())
        self.lose(meter)
        self.reactor.advance(2)
        meter = self.accept()
        self.assertEqual(b"HI\nV?\n", meter.heard())
        meter.say(b"2.5")
        self.lose(meter)
        self.assertEqual(2.5, self.peers()["main"].values["volt"].value)
        self.assertEqual(2, self.peers()["main"].values["volt"].samples)

    def test_no_answer(self) -> None:
        """A question without an answer is given up, and the next connection begins anew: nothing shifts, nothing waits."""
        self.begin(*ROBOT, "ask = 1s V? => sample {v}")
        meter = self.accept()
        self.reactor.advance(2)
        self.assertTrue(meter.is_closing)
        self.lose(meter)
        self.reactor.advance(1)
        meter = self.accept()
        self.assertEqual(b"V?\n", meter.heard())
        meter.say(b"2\n")
        self.assertEqual(2.0, self.peers()["main"].values["v"].value)
        self.lose(meter)

    def test_told_and_reloaded(self) -> None:
        """What people say to all is an errand, too; a reload changes questions, and the way of dialling."""
        self.begin(*ROBOT, "ask = 10s V? => sample {v}")
        self.lose(self.accept())
        self.assertEqual(1, self.service.console.tell("all"))
        robot = self.accept()
        self.assertEqual(b"all\n", robot.heard())
        self.lose(robot)
        reload(self.service, configured(KIND, *ROBOT, "ask = 5s W? => sample {w}", "name = robby"))
        robot = self.accept()
        self.assertEqual(b"W?\n", robot.heard())
        robot.say(b"3\n")
        self.lose(robot)
        self.assertEqual(3.0, self.peers()["robby"].values["w"].value)
        reload(self.service, configured(KIND, ROBOT[0], "ask = 5s W? => sample {w}"))
        robot = self.accept()
        robot.say(b"1\n")
        self.assertFalse(robot.is_closing)


class SeveralTests(WireTestCase):
    """Several remotes of one section, each a peer of its own."""

    def test_names(self) -> None:
        """A remote has the name that ``names`` gives its address, else its host, with the port where that is shared."""
        self.begin("connect = tcp:10.0.0.1:1 tcp:10.0.0.2:1 tcp:10.0.0.2:2", "names = left=10.0.0.1", "rules = sample {v}")
        for port, host in ((1, "10.0.0.1"), (1, "10.0.0.2"), (2, "10.0.0.2")):
            remotes = [remote for remote in self.service._remotes.values() if remote.factory.remote == f"tcp:{host}:{port}"]
            self.assertEqual(1, len(remotes))
        names = {self.service._section.named_remote(one) for one in self.service._remotes}
        self.assertEqual({"left", "10.0.0.2:1", "10.0.0.2:2"}, names)

    def test_paths(self) -> None:
        """Sockets whose paths end alike are called by all of them; where a name is given to both, a reload goes on."""
        lines = ("connect = unix:/tmp/a/sock unix:/tmp/b/sock", "dial = each", "rules = event {*}")
        self.begin(*lines)
        self.assertEqual({"unix:/tmp/a/sock", "unix:/tmp/b/sock"}, {*self.service._section.errands})
        lines = ("connect = tcp:10.0.0.1:1 tcp:10.0.0.1:2", *lines[1:])
        reload(self.service, configured(KIND, *lines))
        for name in ("left", "right"):
            reload(self.service, configured(KIND, *lines, f"names = {name}=10.0.0.1"))
            self.assertEqual({name}, {*self.service._section.errands})

    def test_each(self) -> None:
        """Those that are dialled each time are sent to by these names."""
        self.begin("connect = tcp:10.0.0.1:1 tcp:10.0.0.2:2", "dial = each", "names = left=10.0.0.1", "rules = event {*}")
        self.service.console.send(make_caller(), "10.0.0.2", "b")
        self.open.append(FakeRemote(self.reactor, 2).accept())
        self.assertEqual(b"b\n", self.open[0].heard())
        self.service.console.send(make_caller(), "left", "a")
        self.open.append(FakeRemote(self.reactor, 1).accept())
        self.assertEqual(b"a\n", self.open[1].heard())

    def test_mistakes(self) -> None:
        """One name for several remotes is a mistake, and so is a serial port that is opened each time."""
        for lines, words in (
            (("connect = tcp:a:1 tcp:b:1", "name = x"), "write names = NAME=ADDRESS"),
            (("connect = serial:/dev/ttyACM0:9600", "dial = each"), "a serial port stays open"),
        ):
            with self.assertRaises(ConfigErrors) as caught:
                configured(KIND, *lines, "rules = event {*}")
            self.assertIn(words, str(caught.exception))
