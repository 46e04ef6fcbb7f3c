"""Tests of ``netd.command.service`` and ``protocol``: a command service from its section, without a network."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from netd.access.rules import AccessWord
from netd.codec.jsontext import encode
from netd.command.commands import BadFunctions
from netd.command.config import Config
from netd.command.results import CommandResult, ThreadFacts
from netd.command.trial import objection
from netd.errors import InvalidArguments, NoSuchTarget, NotInTime, OperationFailed
from netd.kinds import ServiceKind
from netd.principal import PROVE_FIRST, Kind
from netd.testing import Connection, ServiceKindTests, connect, make_caller, prepared, reload, result_of, wired
from tests.command.bench import SUCCESS, TEST, answers
from tests.credentials import Credentials, TokenAccess

KIND = ServiceKind("command", "netd.command")

FUNCTIONS = '''
from twisted.internet.defer import Deferred

from netd.command import command

waiting = []


@command("test_command")
def test_command(param1: int = 0, param4: list = ()):
    """Take the wire page's example."""


@command("echo")
def echo(text: str):
    return text


@command("later")
def later():
    waiting.append(Deferred())
    return waiting[-1]


@command("fail")
def fail():
    raise ValueError("the lamp is broken")


@command("odd")
def odd():
    return object()
'''


MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "command_id": st.sampled_from(
            ("test_command", "echo", "later", "fail", "odd", "command.list", "ehco", "", 3, None, ["echo"])
        ),
        "id": st.sampled_from((1, "one", None, 1.5, "x" * 65)),
        "text": st.text(st.characters(exclude_categories=("Cs",))) | st.just("x" * 1100) | st.integers(),
        "param1": st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
        "param4": st.lists(st.integers()),
    },
)
LINES = st.one_of(
    MEMBERS.map(lambda members: json.dumps(members).encode() + b"\n"),
    MEMBERS.map(lambda members: b" " + json.dumps(members, ensure_ascii=False).encode() + b" \r\n"),
    st.lists(st.sampled_from(('{"command_id":', '"echo"', ",", '"text":', '"x"', "}", "[", " ", "\r", "\0", "ä"))).map(
        lambda pieces: "".join(pieces).encode() + b"\n"
    ),
    st.binary(max_size=20).map(lambda junk: junk.replace(b"\n", b"") + b"\n"),
    st.integers(8170, 8192).map(lambda size: b'{"command_id": "echo", "text": "'.ljust(size, b"x") + b'"}\n'),
)


SWAPPED = """\
from netd.command import command
@command("swapped")
def swapped() -> str:
    return "new"
"""


class CommandKindTests(ServiceKindTests, SynchronousTestCase):
    """The command service keeps what every kind of service must keep."""

    kind = KIND


class ServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.start()

    def start(self, **options: Any) -> None:
        """A service with functions of its own."""
        path = Path(self.mktemp()).absolute().with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FUNCTIONS, encoding="utf-8")
        config = Config(functions=(str(path),), **options)
        self.service, self.factory, self.reactor, self.bus = wired(KIND, config)
        self.waiting = self.service._commands.find("later").function.__globals__["waiting"]
        self.connections: list[Connection] = []
        self.addCleanup(self.leaves_nothing)

    def connect(self) -> Connection:
        """A program."""
        self.connections.append(connect(self.factory, self.reactor))
        return self.connections[-1]

    def leaves_nothing(self) -> None:
        """No timer outlives the connections and the service."""
        for connection in self.connections:
            if connection.protocol in self.factory.connections:
                connection.lose()
        result_of(self.service.stopService())
        self.reactor.advance(0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class ConnectionTests(ServiceTests):
    def test_old_program(self) -> None:
        """An old program's command is answered in one write, and its connection closed."""
        program = self.connect()
        writes: list[bytes] = []
        program.transport.write = writes.append  # type: ignore[method-assign]
        program.say(TEST[:20], TEST[20:])
        self.assertEqual((writes, program.is_closing), ([SUCCESS], True))

    def test_half_close(self) -> None:
        """The end of a program's sending side stands for the newline; what ends after the answer is closed for good."""
        program = self.connect()
        verifyObject(IHalfCloseableProtocol, program.protocol)
        program.say(TEST[:-1])
        program.protocol.readConnectionLost()
        self.assertEqual(program.heard(), SUCCESS)
        program.protocol.writeConnectionLost()
        program.transport.disconnecting = False
        program.protocol.readConnectionLost()
        self.assertTrue(program.is_closing)

    def test_clocks(self) -> None:
        """Blank lines are answered when the time is up, a whole object after a short silence, and silence is kept for an hour."""
        silent, blank, whole = self.connect(), self.connect(), self.connect()
        self.reactor.advance(100)
        blank.say(b"\n")
        whole.say(TEST[:-1])
        self.reactor.advance(0.2)
        self.assertEqual((whole.heard(), blank.heard()), (SUCCESS, b""))
        self.reactor.advance(3.8)
        self.assertEqual(answers(blank.heard())[0]["error"], "no command came within 4 s (`receive_timeout`)")
        self.assertFalse(silent.is_closing)
        self.reactor.advance(3600 - 104)
        self.assertEqual((silent.heard(), silent.is_closing), (b"", True))

    def test_timeout(self) -> None:
        """A function that does not return is answered when its time is up."""
        program = self.connect()
        self.assertEqual(program.say(b'{"command_id": "later"}\n'), b"")
        self.reactor.advance(4)
        self.assertEqual(answers(program.heard())[0]["error"], "later did not return within 4 s (`timeout`)")

    def test_others_have_their_turn(self) -> None:
        """All of many commands at once are answered, over several turns."""
        program = self.connect()
        program.protocol.dataReceived(b'{"command_id": "echo", "text": "x", "id": 1}\n' * 100)
        self.assertEqual(self.service.status().counters["runs"], {"success": 32})
        for _ in range(10):
            self.reactor.advance(0)
        self.assertEqual(len(answers(program.heard())), 100)

    def test_a_program_that_does_not_read(self) -> None:
        """Answers are not heaped up for a program that does not read them; it gets all of them when it does."""
        program = self.connect()
        producer = program.transport.producer
        producer.pauseProducing()
        program.say(b'{"command_id": "echo", "text": "%b", "id": 1}\n' % (b"x" * 1000) * 60)
        for _ in range(10):
            self.reactor.advance(0)
        self.assertEqual(self.service.status().counters["runs"], {"success": 32})
        producer.resumeProducing()
        for _ in range(10):
            self.reactor.advance(0)
        self.assertEqual(len(answers(program.heard())), 60)

    def test_logs(self) -> None:
        """A refused program, and a result that cannot travel, are in the log, with where the function is."""
        lines: list[str] = []

        def observe(logged: Any) -> None:
            lines.append(formatEvent(logged))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.connect().say(b"\x1b[2J\n")
        for _ in range(3):
            self.connect().say(b'{"command_id": "odd"}\n')
        refused, odd = lines
        self.assertIn(r"b'\x1b[2J'", refused)
        self.assertRegex(odd, r"command: the result of 'odd' \(.*\.py:\d+\) cannot be written as JSON")


class StopTests(ServiceTests):
    def test_what_runs_is_answered(self) -> None:
        """Netd stops when what runs has been answered; who only waits is let go."""
        running, idle = self.connect(), self.connect()
        running.say(b'{"command_id": "later"}\n')
        stopped: list[None] = []
        self.service.stopService().addCallback(stopped.append)
        self.assertEqual(answers(idle.heard())[0]["error"], "netd stops")
        self.waiting[0].callback("done")
        self.assertEqual(answers(running.heard()), [{"status": "success", "result": "done"}])
        idle.lose()
        self.assertEqual(stopped, [])
        running.lose()
        self.assertEqual(stopped, [None])

    def test_threads_end(self) -> None:
        """The threads of blocking functions end with the service."""
        handed = self.service._execution.threads._handed
        self.service._execution.threads._started = 2
        result_of(self.service.stopService())
        self.assertEqual((handed.get(timeout=0), handed.get(timeout=0)), (None, None))

    def test_what_does_not_end_is_cut(self) -> None:
        """A function that does not return does not keep netd from stopping."""
        running = self.connect()
        running.say(b'{"command_id": "later"}\n')
        stopped = self.service.stopService()
        self.reactor.advance(5)
        running.lose()
        result_of(stopped)
        self.waiting[0].callback(None)


class OperationTests(ServiceTests):
    def test_list(self) -> None:
        """Consoles see each command with its arguments and help."""
        listed = {command.command_id: command for command in self.service.list(make_caller())}
        self.assertEqual(sorted(listed), ["command.list", "echo", "fail", "later", "odd", "test_command"])
        self.assertEqual(listed["test_command"].help, "Take the wire page's example.")

    def test_list_over_the_wire(self) -> None:
        """Programs elsewhere can ask, too."""
        [answer] = answers(self.connect().say(b'{"command_id": "command.list", "id": 1}\n'))
        self.assertEqual(answer["result"], json.loads(encode(self.service.list(make_caller()))))

    def test_run(self) -> None:
        """A console's command runs as a program's does."""
        self.bus.subscribe("command.main.*", lambda _: None)
        self.assertEqual(result_of(self.service.run(make_caller(), "echo", {"text": "x"})), CommandResult("success", "x"))
        [event] = self.bus.events("command.main.run")
        told = {"command_id": "echo", "from": "token test, console", "arguments": {"text": "x"}, "outcome": "success"}
        self.assertEqual(event, {**told, "error": "", "seconds": 0.0, "time": self.bus.wall()})

    def test_run_the_list(self) -> None:
        """A console runs the list of commands like any other, and is told what it may run."""
        told = result_of(self.service.run(make_caller(), "command.list"))
        self.assertIn("echo", [one.command_id for one in told.result])

    def test_run_by_a_program(self) -> None:
        """A program's command is published with its address, in both dialects, before the outcome and after it."""
        self.bus.subscribe("command.main.*", lambda _: None)
        for members in (b"", b', "id": 1'):
            self.connect().say(b'{"command_id": "echo", "text": "x"' + members + b"}\n")
        senders = [(event["from"], event["arguments"]) for event in self.bus.events("command.main.run")]  # type: ignore[index]
        self.assertEqual(senders, [("127.0.0.1:50412", {"text": "x"})] * 2)

    def test_run_wrongly(self) -> None:
        """What goes wrong is said as consoles say it."""
        near, far = (str(self.assertRaises(NoSuchTarget, self.service.run, make_caller(), name)) for name in ("ecoh", "lamp"))
        self.assertEqual(near, "there is no command 'ecoh' (did you mean 'echo'?); `command.list` lists them")
        self.assertEqual(far, "there is no command 'lamp'; `command.list` lists them")
        self.assertRaisesRegex(InvalidArguments, "text: this argument is missing", self.service.run, make_caller(), "echo")
        self.assertRaisesRegex(InvalidArguments, "none can be called 'id'", self.service.run, make_caller(), "echo", {"id": 1})
        self.assertRaisesRegex(OperationFailed, "the lamp is broken", result_of, self.service.run(make_caller(), "fail"))
        self.assertRaisesRegex(
            OperationFailed, "the result of odd cannot be written as JSON", result_of, self.service.run(make_caller(), "odd")
        )
        self.flushLoggedErrors(ValueError)

    def test_run_too_long(self) -> None:
        """A function that does not return in time is told apart from one that fails: who calls may try again."""
        running = self.service.run(make_caller(), "later")
        self.reactor.advance(4)
        self.assertRaisesRegex(NotInTime, "later did not return within 4 s", result_of, running)

    def test_run_cancelled(self) -> None:
        """A console that gives up while it waits disturbs nothing."""
        running = self.service.run(make_caller(), "later")
        running.addErrback(lambda _: None)
        running.cancel()
        self.waiting[0].callback(None)
        self.assertEqual(self.service.status().counters["runs"], {"success": 1})

    def test_status(self) -> None:
        """The status tells what runs, and what was refused."""
        self.connect().say(b'{"command_id": "later"}\n')
        self.connect().say(b"?\n")
        status = self.service.status()
        self.assertEqual((status.running, status.commands, status.connections), (1, 6, 2))
        self.assertEqual(status.threads, ThreadFacts(busy=0, size=8, waiting=0))
        self.assertEqual(status.counters["refused"], {"not a command": 1})
        self.waiting[0].callback(None)


class StartTests(SynchronousTestCase):
    def test_two_functions_under_one_name(self) -> None:
        """Two functions under one name keep netd from starting, as does one under netd's own name."""
        for names in (("a", "a"), ("command.list",)):
            path = Path(self.mktemp()).absolute().with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [f'@command("{name}")\ndef f{n}(): ...\n' for n, name in enumerate(names)]
            path.write_text("from netd.command import command\n" + "".join(lines), encoding="utf-8")
            with self.assertRaisesRegex(
                BadFunctions, rf"^\[command\] functions: {path}:\d: command '{names[0]}' is there already, at "
            ):
                wired(KIND, Config(functions=(str(path),)))


class CountTests(ServiceTests):
    def start(self, **options: Any) -> None:
        """A service, and what it logs."""
        with capturedLogs() as self.logged:
            super().start(**options)

    def test_one_count(self) -> None:
        """The log says as many commands as the status and the list."""
        count = self.service.status().commands
        self.assertEqual(len(self.service.list(make_caller())), count)
        (line,) = [formatEvent(event) for event in self.logged if "commands" in formatEvent(event)]
        self.assertRegex(line, rf"^command: {count} commands: command\.list, and those of /.*\.py$")


class AtOnceTests(ServiceTests):
    """Programs that are answered before they are connections of the reactor's."""

    def go_on(self, answer: Any) -> Connection:
        """The connection that is to go on, with its transport."""
        transport = StringTransport()
        answer.makeConnection(transport)
        self.connections.append(Connection(answer, transport, self.reactor))
        return self.connections[-1]

    def test_the_same_answers(self) -> None:
        """Whatever one line says, its answer is what it is the ordinary way, and it is counted alike."""
        for line in (
            TEST,
            b"?\n",
            b'{"command_id": "odd"}\n',
            b'{"command_id": "echo"}\r\n',
            b'{"command_id": "echo", "text": "x"}\n',
        ):
            ordinary = self.connect()
            expected = ordinary.say(line)
            self.assertEqual(self.factory.answer_at_once(line, ("127.0.0.1", 1)), expected)
            ordinary.lose()
        counters = self.service.status().counters
        self.assertEqual((counters["accepted"], counters["bytes_in"] % 2, counters["bytes_out"] % 2), (10, 0, 0))

    @given(LINES)
    def test_any_line(self, line: bytes) -> None:
        """Whatever one line says, it runs what it runs the ordinary way, is answered so, ends so, and is counted so."""
        ordinary = self.connect()
        before = self.counts()
        expected = ordinary.say(line), ordinary.is_closing
        ordinary.lose()
        between = self.counts()
        answer = self.factory.answer_at_once(line, ("127.0.0.1", 1))
        if isinstance(answer, bytes):
            self.assertEqual((answer, True), expected)
        else:
            going_on = self.go_on(answer)
            self.assertEqual((going_on.heard(), going_on.is_closing), expected)
            going_on.lose()
        after = self.counts()
        self.assertEqual(between - before, after - between)
        self.flushLoggedErrors(ValueError)
        for deferred in self.waiting:
            deferred.callback(None)
        self.waiting.clear()

    def counts(self) -> Counter[str]:
        """What has been counted so far, the runs by their outcome."""
        status = self.service.status()
        counters = status.counters
        counts = Counter({"accepted": 0, "bytes_in": counters["bytes_in"], "bytes_out": counters["bytes_out"]})
        counts.update({f"refused {kind}": count for kind, count in counters["refused"].items()})
        counts.update({f"ran {outcome}": count for outcome, count in counters["runs"].items()})
        counts.running = status.running
        return counts

    def test_a_failure_at_once(self) -> None:
        """A function that raises is logged and answered once, and so is a result that cannot travel."""
        for command_id, error in (("fail", "the lamp is broken"), ("odd", "cannot be written as JSON")):
            answer = self.factory.answer_at_once(b'{"command_id": "%b"}\n' % command_id.encode(), ("127.0.0.1", 1))
            self.assertIn(error, answers(answer)[0]["error"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(self.service.status().counters["runs"], {"error": 1, "success": 1})

    def test_a_function_that_takes_time(self) -> None:
        """A command that is not done at once goes on as a connection, and is answered there."""
        connection = self.go_on(self.factory.answer_at_once(b'{"command_id": "later"}\n', ("127.0.0.1", 1)))
        self.assertEqual(connection.heard(), b"")
        self.waiting[0].callback("done")
        self.assertEqual(answers(connection.heard()), [{"status": "success", "result": "done"}])
        self.assertTrue(connection.is_closing)

    def test_a_kept_connection(self) -> None:
        """A command with an id is answered, and its connection goes on with what is said next."""
        line = b'{"command_id": "echo", "text": "x", "id": 1}\n'
        connection = self.go_on(self.factory.answer_at_once(line, ("127.0.0.1", 1)))
        self.assertEqual(answers(connection.heard())[0]["id"], 1)
        self.assertEqual(answers(connection.say(line))[0]["id"], 1)
        self.reactor.advance(300)
        self.assertTrue(connection.is_closing)

    def test_persistent(self) -> None:
        """Where connections are kept, the one after a good command is, too."""
        self.start(persistent=True)
        connection = self.go_on(self.factory.answer_at_once(TEST, ("127.0.0.1", 1)))
        self.assertEqual((connection.heard(), connection.say(TEST), connection.is_closing), (SUCCESS, SUCCESS, False))

    def test_a_blank_line(self) -> None:
        """A blank line is no command: the program has its time to send one."""
        connection = self.go_on(self.factory.answer_at_once(b"\n", ("127.0.0.1", 1)))
        self.assertEqual(connection.say(TEST), SUCCESS)

    def test_too_long(self) -> None:
        """A line that is too long is refused as it is the ordinary way."""
        self.start(max_command=100)
        for line in (b"x" * 200 + b"\n", TEST.strip().ljust(101) + b"\n"):
            answer = self.factory.answer_at_once(line, ("127.0.0.1", 1))
            self.assertEqual(answers(answer)[0]["error"], "a command has at most 100 bytes here (`max_command`)")
        self.assertEqual(self.factory.answer_at_once(TEST.strip().ljust(100) + b"\n", ("127.0.0.1", 1)), SUCCESS)


class ProofTests(ServiceTests):
    """Programs that have to prove who they are, at the door and the ordinary way."""

    def start(self, **options: Any) -> None:
        """A service that admits nobody by the address."""
        super().start(**options)
        self.credentials = Credentials()
        self.tokens = {
            "good": self.credentials.add("nightly", Kind.COMMAND, only=("echo", "later")),
            "another's": self.credentials.add("lamp", Kind.DEVICE),
            "made up": "netd_made-up",
        }
        self.service.use_access(TokenAccess(self.credentials))

    def line(self, token: str, **members: Any) -> bytes:
        """A command with a token."""
        return json.dumps({"command_id": "echo", "text": "x", "token": token, **members}).encode() + b"\n"

    def ask(self, line: bytes) -> dict[str, Any]:
        """The answer to one line: the same both ways."""
        ordinary = self.connect()
        expected = ordinary.say(line)
        ordinary.lose()
        told = self.factory.answer_at_once(line, ("192.168.1.9", 1))
        if not isinstance(told, bytes):
            transport = StringTransport()
            told.makeConnection(transport)
            self.connections.append(Connection(told, transport, self.reactor))
            told = self.connections[-1].heard()
        self.assertEqual(expected, told)
        [found] = answers(told)
        return found

    def test_proofs(self) -> None:
        """A right token runs the command; another, or none, is refused in one line."""
        self.assertEqual({"status": "success", "result": "x"}, self.ask(self.line(self.tokens["good"])))
        for token, why in (("another's", "a token of another kind"), ("made up", "unknown token")):
            told = self.ask(self.line(self.tokens[token]))
            self.assertEqual(("error", True), (told["status"], told["denied"]))
            self.assertIn(why, told["error"])
        self.assertEqual({"status": "error", "error": PROVE_FIRST, "denied": True}, self.ask(TEST))
        self.assertEqual("error", self.ask(self.line(self.tokens["good"], command_id="fail"))["status"])

    def test_audited(self) -> None:
        """The event of a run names the credential of the program that asked for it, both ways."""
        told: list[Any] = []
        self.bus.subscribe("command.>", lambda message: told.append(message.event))
        self.ask(self.line(self.tokens["good"]))
        runs = [event["from"] for event in told if "outcome" in event]
        self.assertEqual([who.partition(", ")[2] for who in runs], ["command nightly"] * 2)

    def test_kept(self) -> None:
        """A connection that has proved itself at the door stays so when it has a transport."""
        told = self.factory.answer_at_once(self.line(self.tokens["good"], id=1), ("192.168.1.9", 1))
        assert not isinstance(told, bytes)
        transport = StringTransport()
        told.makeConnection(transport)
        self.connections.append(Connection(told, transport, self.reactor))
        self.assertEqual(1, answers(self.connections[-1].heard())[0]["id"])
        self.reactor.advance(60)
        [again] = answers(self.connections[-1].say(b'{"command_id": "echo", "text": "y", "id": 2}\n'))
        self.assertEqual({"id": 2, "status": "success", "result": "y"}, again)

    def test_parameter(self) -> None:
        """A function with a parameter of this name keeps a service that takes tokens from starting."""
        path = Path(self.mktemp()).absolute().with_suffix(".py")
        path.write_text("from netd.command import command\n@command('unlock')\ndef unlock(token: str): ...\n", encoding="utf-8")
        config = Config(functions=(str(path),), access=(AccessWord.TOKENS,))
        service = KIND.make_service(config, self.reactor, self.bus)
        error = self.assertRaises(BadFunctions, service.startService)
        self.assertIn("call the parameter something else", str(error))


class ParameterTests(ServiceTests):
    def test_reload(self) -> None:
        """A section does not begin to take tokens while a function has a parameter of that name."""
        path = Path(self.mktemp()).absolute().with_suffix(".py")
        path.write_text("from netd.command import command\n@command('unlock')\ndef unlock(token: str): ...\n", encoding="utf-8")
        open_to_all = Config(functions=(str(path),))
        service = KIND.make_service(open_to_all, self.reactor, self.bus)
        service.startService()
        change = prepared(service, attrs.evolve(open_to_all, access=(AccessWord.LOOPBACK, AccessWord.TOKENS)))
        self.assertIn("call the parameter something else", str(change.mistakes))
        result_of(service.stopService())

    def test_check(self) -> None:
        """`netd check` says so, too."""
        path = Path(self.mktemp()).absolute().with_suffix(".py")
        path.write_text("from netd.command import command\n@command('unlock')\ndef unlock(token: str): ...\n", encoding="utf-8")
        self.assertEqual("", objection([path]))
        self.assertIn("call the parameter something else", objection([path], takes_tokens=True))


class ReloadTests(ServiceTests):
    """Functions and limits that change while programs are connected."""

    def start(self, **options: Any) -> None:
        super().start(**options)
        self.path = Path(self.service._config.functions[0])

    def write(self, text: str) -> None:
        """Another content of the file, which is newer by a second at least."""
        before = self.path.stat().st_mtime_ns
        self.path.write_text(text, encoding="utf-8")
        os.utime(self.path, ns=(before + 10**9, before + 10**9))

    def config(self, **options: Any) -> Config:
        """The options, with the same file."""
        return Config(functions=(str(self.path),), **options)

    def ids(self) -> list[str]:
        """The commands that there are."""
        return [command.command_id for command in self.service.list(make_caller())]

    def test_functions(self) -> None:
        """A command that runs ends with the old functions; the next one finds the new ones."""
        program = self.connect()
        program.say(b'{"command_id": "later"}\n')
        self.write(SWAPPED)
        [note] = reload(self.service, self.config()).notes
        self.assertEqual(note, f"functions: 2 commands: command.list, and those of {self.path}")
        self.assertEqual(self.ids(), ["command.list", "swapped"])
        self.assertIn(b'"result":"new"', self.connect().say(b'{"command_id": "swapped"}\n'))
        self.waiting.pop().callback("old")
        self.assertIn(b'"result":"old"', program.heard())

    def test_nothing_new(self) -> None:
        """A file that has not changed is not run again."""
        function = self.service._commands.find("later").function
        self.assertEqual(reload(self.service, self.config(max_waiting=3)).notes, [])
        self.assertIs(self.service._commands.find("later").function, function)

    def test_broken(self) -> None:
        """A file that is broken refuses the reload, with file and line, and runs nothing new."""
        before = self.ids()
        for text, why in (
            ("def", ":1: invalid syntax"),
            (f"{SWAPPED}raise ValueError('no')\n", ":5: ValueError: no"),
            ("", ": no function in it is a command"),
            (f"{SWAPPED}\n@command('command.list')\ndef mine(): pass\n", "command 'command.list' is there already"),
        ):
            self.write(text)
            change = prepared(self.service, self.config())
            change.discard()
            [(option, told)] = change.mistakes
            self.assertEqual((option, why in told), ("functions", True), told)
            self.assertEqual(self.ids(), before)
        self.path.unlink()
        [(_, told)] = prepared(self.service, self.config()).mistakes
        self.assertIn("No such file", told)

    def test_limits(self) -> None:
        """Clocks, threads and longest answers are the new ones."""
        program = self.connect()
        long = self.connect()
        reload(self.service, self.config(receive_timeout=1.0, timeout=2.0, threads=3, persistent=True, max_command=100))
        self.assertIn(b"at most 100 bytes", long.say(b"x" * 101))
        self.assertEqual(self.service.status().threads.size, 3)
        program.say(b'{"command_id": "later"}\n')
        self.reactor.advance(2.1)
        self.assertIn(b"did not return within 2 s", program.heard())
        self.assertTrue(program.is_closing)
        kept = self.connect()
        kept.say(b'{"command_id": "command.list"}\n')
        self.assertFalse(kept.is_closing)

    def test_watched(self) -> None:
        """A watched file is run when it has stayed the same for a second; a broken one is told once, and changes nothing."""
        reload(self.service, self.config(watch=True))
        self.reactor.advance(1)
        self.write(SWAPPED[:-2])
        with capturedLogs() as logged:
            for _ in range(5):
                self.reactor.advance(1)
        [error] = [formatEvent(event) or "" for event in logged]
        self.assertIn(f"command: the old functions stay, because: {self.path}:4: ", error)
        self.assertEqual(f"command: {self.service.status().trouble}", error)
        self.write(SWAPPED)
        self.reactor.advance(1)
        self.assertNotIn("swapped", self.ids())
        self.reactor.advance(1)
        self.assertIn("swapped", self.ids())
        self.assertIsNone(self.service.status().trouble)
        self.write(f"{SWAPPED}\n")
        reload(self.service, self.config(watch=True))
        function = self.service._commands.find("swapped").function
        self.reactor.advance(1)
        self.reactor.advance(1)
        self.assertIs(self.service._commands.find("swapped").function, function)
        self.write("")
        reload_off = Config(functions=("tests.command.swapped_not_there",))
        self.assertIn("no such module", prepared(self.service, reload_off).mistakes[0][1])

    def test_gone(self) -> None:
        """The file beside the INI has gone: netd's example does not take its place, neither by itself nor by a reload."""
        self.path = self.path.rename(self.path.with_name("commands.py"))
        found = Config(directory=self.path.parent, watch=True)
        reload(self.service, found)
        before = self.ids()
        self.reactor.advance(1)
        content = self.path.read_text(encoding="utf-8")
        self.path.unlink()
        with capturedLogs() as logged:
            for _ in range(3):
                self.reactor.advance(1)
        [error] = [formatEvent(event) or "" for event in logged]
        self.assertIn(f"because: {self.path}: the file has gone; put it back", error)
        change = prepared(self.service, found)
        change.discard()
        self.assertEqual([option for option, _ in change.mistakes], ["functions"])
        self.assertEqual(self.ids(), before)
        self.path.write_text(content, encoding="utf-8")
        for _ in range(2):
            self.reactor.advance(1)
        self.assertEqual((self.service.status().trouble, self.ids()), (None, before))
