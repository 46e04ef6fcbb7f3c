"""The Python prompt behind its switch."""

from __future__ import annotations

import io
import sys
from typing import Any

from twisted.internet.defer import Deferred, fail

from netd.errors import OperationFailed
from netd.manhole.prompt import MAX_BLOCK
from netd.operations import Operation, Role
from tests.manhole.visits import ManholeTestCase, Visit


class PythonPromptTests(ManholeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.use(python=True)
        self.waiting: Deferred[str] = Deferred()
        self.table.add(
            [
                Operation("relay.send", self.send, Role.OPERATOR, "Send to a device"),
                Operation("relay.wait", lambda: self.waiting, Role.VIEWER, "Wait"),
                Operation("relay.fail", lambda: fail(OperationFailed("the device is asleep")), Role.VIEWER, "Fail"),
            ]
        )

    def send(self, target: str, text: str = "", wait: bool = True) -> dict[str, Any]:
        """Stand for the relay's operation."""
        return {"to": target, "text": text, "wait": wait}

    def at_prompt(self) -> Visit:
        """Log in and go to Python."""
        visit = self.logged_in()
        shown = visit.type("python")
        self.assertTrue(shown.startswith(b"Python inside the daemon: bus, netd. "), shown)
        self.assertTrue(shown.endswith(b"\r\n>>> "), shown)
        return visit

    def test_expression(self) -> None:
        """An expression is shown, a statement of several lines asks for the rest."""
        visit = self.at_prompt()
        self.assertEqual(b"42\r\n>>> ", visit.type("print(6 * 7)"))
        self.assertEqual(b"... ", visit.type("for i in range(2):"))
        self.assertEqual(b"... ", visit.type("  print(i)"))
        self.assertEqual(b"0\r\n1\r\n>>> ", visit.type(""))

    def test_value(self) -> None:
        """The value of an expression is shown on a line of its own, before the next prompt."""
        visit = self.at_prompt()
        self.assertEqual(b"'hello'\r\n>>> ", visit.type("'hello'"))
        self.assertEqual(b">>> ", visit.type("x = 1"))

    def test_mistake(self) -> None:
        """An exception is shown with its traceback, and nothing else happens."""
        visit = self.at_prompt()
        shown = visit.type("1 / 0")
        self.assertIn(b"ZeroDivisionError: division by zero\r\n>>> ", shown)
        self.assertIn(b"SyntaxError", visit.type("1 +* 2"))
        self.assertEqual(b"2\r\n>>> ", visit.type("print(2)"))

    def test_operations(self) -> None:
        """Every operation is a function of its service, with its help; arguments by position and by name."""
        visit = self.at_prompt()
        self.assertIn(b"{'to': 'gh', 'text': 'hi', 'wait': False}", visit.type("netd.relay.send('gh', 'hi', wait=False)"))
        self.assertIn(b"relay.send(target, text, wait): Send to a device", visit.type("print(netd.relay.send.__doc__)"))

    def test_operation_mistakes(self) -> None:
        """What an operation refuses is an exception at the prompt, like any other."""
        visit = self.at_prompt()
        for call, said in (
            ("netd.relay.send(1, 2, 3, 4)", b"relay.send takes at most 3 arguments, not 4"),
            ("netd.relay.send('a', target='b')", b"target: is given twice"),
            ("netd.relay.send('a', colour='b')", b"colour: no such argument"),
            ("netd.relay.fail()", b"OperationFailed: the device is asleep"),
        ):
            self.assertIn(said, visit.type(call))

    def test_deferred(self) -> None:
        """An operation that takes its time shows its result when it is there, and the prompt again after it."""
        visit = self.at_prompt()
        self.assertEqual(b"<Deferred #0>\r\n>>> ", visit.type("netd.relay.wait()"))
        self.waiting.callback("done")
        self.assertEqual(b"\r\nDeferred #0 called back: 'done'\r\n>>> ", visit.shown())

    def test_bus(self) -> None:
        """The bus itself is at hand."""
        self.assertIn(b"LocalBus", self.at_prompt().type("bus"))

    def test_leaving(self) -> None:
        """Ctrl-D and `exit()` lead back to the menu, not out of it; the daemon does not exit."""
        for leave in (b"\x04", b"exit()\r\n", b"quit()\r\n", b"raise SystemExit\r\n"):
            visit = self.at_prompt()
            self.patch(sys, "stdin", io.StringIO())
            visit.send(leave)
            self.assertTrue(visit.shown().endswith(b"netd> "))
            self.assertIn(b"relay.send", visit.type("help"))
            self.assertFalse(sys.stdin.closed)

    def test_audit(self) -> None:
        """The opening of the prompt is published, and its end, however it comes; between them the user can do everything."""
        told: list[Any] = []
        self.bus.subscribe("audit.main.manhole.python", lambda message: told.append(message.event))
        visit = self.at_prompt()
        self.reactor.advance(3)
        visit.send(b"\x04")
        self.at_prompt().hang_up()
        found = [(one["who"], one["arguments"]["prompt"], one["seconds"]) for one in told]
        who = "user operator"
        opened, closed = (who, "opened", 0.0), (who, "closed", 0.0)
        self.assertEqual(found, [opened, (who, "closed", 3.0), opened, closed])
        self.assertEqual(told[0]["from"], "manhole 127.0.0.1:50412")

    def test_interrupt(self) -> None:
        """Ctrl-C forgets the statement that was begun."""
        visit = self.at_prompt()
        visit.type("for i in range(2):")
        visit.send(b"\x03")
        self.assertEqual(b"\r\n>>> ", visit.shown())
        self.assertEqual(b"3\r\n>>> ", visit.type("print(3)"))

    def test_endless_statement(self) -> None:
        """A statement that never ends is forgotten at its limit."""
        visit = self.at_prompt()
        visit.type("'''")
        for _ in range(MAX_BLOCK // 4000):
            shown = visit.type("x" * 4000)
            self.assertEqual(b"... ", shown)
        self.assertIn(b"at most 65536 bytes; this one is forgotten", visit.type("x" * 4000))
        self.assertEqual(b"3\r\n>>> ", visit.type("print(3)"))

    def test_endless_printing(self) -> None:
        """A loop that prints for ever ends when the terminal has been given up for not reading it."""
        visit = self.at_prompt()
        visit.stop_reading()
        visit.type("while True: print('x' * 10000)")
        visit.send(b"\r\n")
        self.assertTrue(visit.is_closing)

    def test_hostile_text(self) -> None:
        """Control characters in what is printed do nothing to the terminal."""
        self.assertEqual(b"a\\x1b[2Jb\r\n>>> ", self.at_prompt().type("print('a\\x1b[2Jb')"))

    def test_logged(self) -> None:
        """Every line of Python is in the log."""
        self.at_prompt().type("x = 1")
        self.assertIn("manhole: 127.0.0.1:50412, user operator: python: 'x = 1'", self.log())

    def test_idle(self) -> None:
        """The prompt that nobody uses closes, too."""
        visit = self.at_prompt()
        self.reactor.advance(901)
        self.assertIn(b"nothing was typed for 900 s; goodbye", visit.shown())
        self.assertTrue(visit.is_closing)

    def test_late_result_at_the_menu(self) -> None:
        """A result that comes after Python was left is shown all the same, followed by the menu's own prompt."""
        visit = self.at_prompt()
        visit.type("netd.relay.wait()")
        visit.send(b"\x04")
        visit.shown()
        self.waiting.callback("done")
        self.assertEqual(b"\r\nDeferred #0 called back: 'done'\r\nnetd> ", visit.shown())

    def test_late_result_without_terminal(self) -> None:
        """A result that comes after the operator has gone goes nowhere."""
        visit = self.at_prompt()
        visit.type("netd.relay.wait()")
        visit.hang_up()
        self.waiting.callback("done")
        self.assertEqual(b"", visit.shown())
