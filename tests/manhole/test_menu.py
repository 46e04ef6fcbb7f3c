"""The operator's menu over a connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from netd.errors import NoSuchTarget
from netd.operations import Operation, Role
from tests.manhole.visits import ManholeTestCase


class OperatorMenuTests(ManholeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.sent: list[tuple[str, str, float | None]] = []
        self.waiting: list[Deferred[Any]] = []
        self.cancelled: list[Deferred[Any]] = []
        for name, function in (
            ("relay.send", self.send),
            ("relay.devices", self.devices),
            ("relay.wait", self.wait),
            ("relay.stubborn", self.stubborn),
            ("relay.broken", self.broken),
            ("relay.strange", self.strange),
        ):
            self.table.add([Operation(name, function, Role.ADMIN, f"What {name} does")])

    def send(self, target: str, text: str, deadline: float | None = None) -> dict[str, Any]:
        """Stand for the relay's operation."""
        if target == "attic":
            raise NoSuchTarget("no device 'attic\x1b[2J' is connected")
        self.sent.append((target, text, deadline))
        return {"status": "sent"}

    async def devices(self) -> list[dict[str, Any]]:
        """Answer as a coroutine."""
        return [{"name": "green\x1b[2Jhouse", "online": True}]

    def wait(self) -> Deferred[Any]:
        """Take until the test fires it."""
        self.waiting.append(Deferred(self.cancelled.append))
        return self.waiting[-1]

    def stubborn(self) -> Deferred[Any]:
        """Do not let itself be cancelled."""
        later: Deferred[Any] = Deferred(lambda _: None)
        return Deferred().addErrback(lambda _: later)

    def broken(self) -> None:
        """Have a bug."""
        raise ZeroDivisionError("a secret of the code")

    def strange(self) -> object:
        """Return what is no plain value."""
        return [[object()]]

    def test_operation(self) -> None:
        """A command is carried out with its arguments, its result shown, and the prompt comes back."""
        visit = self.logged_in()
        self.assertEqual(b"status: sent\r\nnetd> ", visit.type("send greenhouse 'hello there' deadline=2.5"))
        self.assertEqual([("greenhouse", "hello there", 2.5)], self.sent)

    def test_table_and_hostile_text(self) -> None:
        """A list comes as a table; what a device said of itself does nothing to the terminal."""
        shown = self.logged_in().type("devices")
        self.assertIn(b"name               online\r\n", shown)
        self.assertIn(b"green\\x1b[2Jhouse", shown)
        self.assertNotIn(b"\x1b", shown)

    def test_help(self) -> None:
        """`help` lists the operations of the table, whichever services offer them; `help send` explains one."""
        visit = self.logged_in()
        self.assertIn(b"relay.devices", visit.type("help"))
        self.assertIn(b"command: relay.send target text [deadline]", visit.type("help send"))

    def test_errors(self) -> None:
        """A mistake, an unknown name and a refusal are one clear line each, with the prompt after it."""
        visit = self.logged_in()
        for line, said in (
            ("send", b"error: target: is missing"),
            ("sned", b"error: no command 'sned' (did you mean send?)"),
            ("send a b soon", b"error: deadline: 'soon' is not number or null"),
            ("send a b true", b"error: deadline: "),
            ("send attic x", b"error: no device 'attic\\x1b[2J' is connected"),
            ("strange", b"error: cannot be written as JSON"),
        ):
            shown = visit.type(line)
            self.assertTrue(shown.startswith(said), shown)
            self.assertEqual(1, shown.count(b"\r\n"), shown)
            self.assertTrue(shown.endswith(b"\r\nnetd> "), shown)

    def test_another_instance(self) -> None:
        """A device of another relay is reached with `instance=`, and who asks the wrong one is told of it."""
        elsewhere: list[str] = []

        def send(target: str, text: str, deadline: float | None = None) -> None:
            elsewhere.append(target)

        self.table.add([Operation("relay.send", send, Role.ADMIN, "What the other one does")], "lab2")
        visit = self.logged_in()
        shown = visit.type("send attic x")
        self.assertIn(b"is connected; this was not asked of lab2: add instance=lab2\r\n", shown)
        self.assertEqual(b"done\r\nnetd> ", visit.type("send attic x instance=lab2"))
        self.assertEqual(["attic"], elsewhere)
        self.assertEqual(b"error: no instance 'foo'; there are lab2, main\r\nnetd> ", visit.type("send attic x instance=foo"))
        self.assertNotIn(b"instance=", visit.type("send attic x instance=main"))

    def test_fault(self) -> None:
        """A bug in an operation is logged with its traceback, and its details are not shown."""
        visit = self.logged_in()
        self.assertEqual(b"error: a fault of netd's own; the log has it\r\nnetd> ", visit.type("broken"))
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_lines_are_logged(self) -> None:
        """Every command is in the log, with who typed it where, and escaped; what is none may have been a password."""
        visit = self.logged_in()
        visit.type("send greenhouse \x07hello")
        visit.type("nonsense")
        self.assertIn(
            r"manhole: 127.0.0.1:50412, user operator: relay.send {'target': 'greenhouse', 'text': '\x07hello'}", self.log()
        )
        self.assertNotIn("nonsense", self.log())

    def test_long_operation_holds_up_nobody_else(self) -> None:
        """While one operator waits, another works; what the first types meanwhile comes after the result."""
        first, second = self.logged_in(), self.logged_in()
        self.assertEqual(b"", first.type("wait"))
        self.assertEqual(b"", first.type("send greenhouse after"))
        self.assertIn(b"sent", second.type("send greenhouse meanwhile"))
        self.waiting[0].callback("done waiting")
        self.assertEqual(b"done waiting\r\nnetd> status: sent\r\nnetd> ", first.shown())
        self.assertEqual(["meanwhile", "after"], [text for _, text, _ in self.sent])

    def test_interrupt(self) -> None:
        """Ctrl-C cancels the operation that runs, and what was typed after it; the prompt is there at once."""
        for interrupt in (b"\x03", b"\xff\xf4\xff\xfd\x06"):
            visit = self.logged_in()
            visit.type("wait")
            visit.type("send greenhouse no")
            visit.send(interrupt)
            self.assertTrue(visit.shown().endswith(b"\r\nrelay.wait: cancelled\r\nnetd> "))
            self.assertEqual([self.waiting[-1]], self.cancelled)
            self.assertIn(b"sent", visit.type("send greenhouse yes"))
            self.cancelled.clear()
        self.assertEqual(["yes", "yes"], [text for _, text, _ in self.sent])

    def test_interrupt_of_the_stubborn(self) -> None:
        """An operation that goes on all the same keeps nobody waiting, and what it says later is not shown."""
        visit = self.logged_in()
        visit.type("stubborn")
        visit.send(b"\x03")
        self.assertIn(b"cancelled", visit.shown())
        self.assertIn(b"sent", visit.type("send greenhouse x"))

    def test_interrupt_at_the_prompt(self) -> None:
        """Ctrl-C at the prompt forgets the half-typed line."""
        visit = self.logged_in()
        visit.send(b"send greenhouse n")
        visit.send(b"\x03")
        self.assertEqual(b"\r\nnetd> ", visit.shown())
        visit.type("send greenhouse yes")
        self.assertEqual(["yes"], [text for _, text, _ in self.sent])

    def test_hanging_up_cancels(self) -> None:
        """When the connection goes, the operation that it waited for is cancelled, and nothing is logged as a fault."""
        visit = self.logged_in()
        visit.type("wait")
        visit.hang_up()
        self.assertEqual(self.waiting, self.cancelled)

    def test_leaving(self) -> None:
        """`quit` and Ctrl-D say goodbye and close."""
        leave: Callable[[Any], Any]
        for leave in (lambda visit: visit.send(b"quit\r\n"), lambda visit: visit.send(b"\x04")):
            visit = self.logged_in()
            leave(visit)
            self.assertTrue(visit.shown().endswith(b"goodbye\r\n"))
            self.assertTrue(visit.is_closing)

    def test_idle(self) -> None:
        """A session in which nothing is typed ends by itself; each line gives it the whole time again."""
        visit = self.logged_in()
        self.reactor.advance(899)
        visit.type("")
        self.reactor.advance(899)
        self.assertFalse(visit.is_closing)
        self.reactor.advance(2)
        self.assertTrue(visit.shown().endswith(b"\r\nnothing was typed for 900 s; goodbye\r\n"))
        self.assertTrue(visit.is_closing)

    def test_waiting_is_not_idle(self) -> None:
        """However long an operation takes, its result is seen; only then the idle time begins."""
        visit = self.logged_in()
        visit.type("wait")
        self.reactor.advance(5000)
        self.assertFalse(visit.is_closing)
        self.waiting[0].callback(None)
        self.assertEqual(b"done\r\nnetd> ", visit.shown())
        self.reactor.advance(901)
        self.assertTrue(visit.is_closing)

    def test_python_is_off(self) -> None:
        """Without its switch, `python` says which switch that is."""
        shown = self.logged_in().type("python")
        self.assertEqual(b"The Python prompt is switched off: `python = yes` in [manhole] switches it on.\r\nnetd> ", shown)
