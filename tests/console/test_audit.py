"""The audit: each call that changes something is told when it has ended, with caller, arguments and outcome."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from netd.errors import InvalidArguments, NetdError, NotPermitted, OperationFailed
from netd.operations import Caller, Operation, Role
from netd.testing import make_caller
from tests.console.test_dispatch import DispatchTestCase


class AuditTests(DispatchTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pour = Operation("valve.pour", self.pour_, Role.OPERATOR, "Pour", checks_subjects=True)
        self.table.add([self.pour, Operation("system.login", self.log_in, Role.NOBODY, "Log in")])
        self.table.add([Operation("valve.pour", self.pour_, Role.OPERATOR, "Pour")], "lab2")
        self.subscription = self.bus.subscribe("audit.>", lambda _: None)

    def pour_(self, caller: Caller, litres: float, password: str = "") -> Deferred[str] | str:
        if litres > 10:
            raise OperationFailed("so much does not fit")
        caller.check("valve.main.a")
        return self.pump.wait() if litres > 1 else "poured"

    def log_in(self, token: str) -> str:
        if token != "right":
            raise NotPermitted("this token is unknown")
        return "welcome"

    def try_(self, name: str, params: Any, caller: Caller | None = None) -> None:
        """Call *name*; errors are for the caller."""
        self.dispatcher.call(name, params, caller or make_caller(Role.OPERATOR)).addErrback(lambda why: why.trap(NetdError))

    def audited(self) -> list[Any]:
        """The events so far, which are forgotten."""
        found = [message.event for message in self.bus.messages if message.subject.startswith("audit.")]
        self.bus.messages.clear()
        return found

    def test_done(self) -> None:
        """A call is told when it has ended, with its time, in which it may take long; a secret among its arguments is not."""
        self.try_("valve.pour", {"litres": 5, "password": "p4ss"})
        self.assertEqual(self.audited(), [])
        self.clock.advance(2.5)
        self.pump.waiting.pop().callback("poured")
        [event] = self.audited()
        told = {"who": "token test", "from": "console", "role": "operator", "operation": "valve.pour", "outcome": "done"}
        rest = {"arguments": {"litres": 5, "password": "…"}, "node": "", "error": "", "seconds": 2.5, "time": self.bus.wall()}
        self.assertEqual(event, {**told, **rest})

    def test_credential(self) -> None:
        """A credential that was added to its file is told without a caller, whom nobody knows."""
        self.dispatcher.audit.credential_changed("added", "SSH key", "ann")
        [event] = self.audited()
        told = {name: event[name] for name in ("who", "from", "operation", "arguments", "outcome")}
        arguments = {"name": "ann", "what": "SSH key"}
        self.assertEqual(
            told, {"who": "", "from": "its file", "operation": "credential.added", "arguments": arguments, "outcome": "done"}
        )

    def test_by_position(self) -> None:
        """Arguments by position have their names in the record; too many are recorded all the same."""
        self.try_("valve.pour", [0.5, "p4ss"])
        self.try_("valve.pour", [0.5, "p4ss", 7])
        done, refused = self.audited()
        self.assertEqual((done["arguments"], done["outcome"]), ({"litres": 0.5, "password": "…"}, "done"))
        self.assertEqual((refused["arguments"]["2"], refused["outcome"]), (7, "refused"))

    def test_instance(self) -> None:
        """The instance is in the subject, and no argument."""
        self.try_("valve.pour", {"litres": 1, "instance": "lab2"})
        self.assertEqual(self.bus.messages[-1].subject, "audit.lab2.valve.pour")
        self.assertEqual(self.audited()[0]["arguments"], {"litres": 1})

    def test_failed_and_refused(self) -> None:
        """A failure is told with its words, and so is a refusal: for a role, for arguments, or by the function itself."""
        self.try_("valve.pour", {"litres": 11})
        self.try_("valve.pour", {"litres": 1}, make_caller(Role.VIEWER))
        self.try_("valve.pour", {"litres": "much"})
        self.try_("valve.pour", {"litres": 1}, make_caller(Role.OPERATOR, ("valve.main.b",)))
        outcomes = [(event["outcome"], event["role"]) for event in self.audited()]
        refused = ("refused", "operator")
        self.assertEqual(outcomes, [("failed", "operator"), ("refused", "viewer"), refused, refused])

    def test_fault(self) -> None:
        """Of a fault of netd's own only its name is told, as to the caller."""
        self.dispatcher.call("pump.break", {}, make_caller()).addErrback(lambda why: why.trap(ValueError))
        [event] = self.audited()
        self.assertEqual((event["outcome"], event["error"]), ("failed", "internal error (ValueError)"))

    def test_what_is_not_told(self) -> None:
        """Looking changes nothing and is not told; and an operation that does not exist has no role that says whether it is."""
        self.try_("pump.add", {"a": 1})
        self.try_("pump.add", {})
        self.try_("pump.nothing", {})
        self.try_("valve.pour", {"litres": 1, "instance": "nowhere"})
        self.assertEqual(self.audited(), [])

    def test_logins(self) -> None:
        """A wrong token is told, without the token; a right one is not. Anybody may try: once a second an address is told."""
        nobody = make_caller(Role.NOBODY, host="10.0.0.9")
        self.try_("system.login", {"token": "right"}, nobody)
        for _ in range(100):
            self.try_("system.login", {"token": "wrong"}, nobody)
        self.try_("system.login", {"token": "wrong"}, make_caller(Role.NOBODY, host="10.0.0.8"))
        events = self.audited()
        self.assertEqual(
            [(one["who"], one["arguments"], one["outcome"]) for one in events], [("", {"token": "…"}, "refused")] * 2
        )
        self.clock.advance(1)
        self.try_("valve.pour", {"litres": 1}, nobody)
        self.assertEqual(len(self.audited()), 1)

    def test_nobody_listens(self) -> None:
        """Without a subscriber nothing is published, and nothing is kept."""
        self.subscription.cancel()
        self.try_("valve.pour", {"litres": 1})
        self.try_("valve.pour", {"litres": "much"})
        self.dispatcher.audit.note("manhole.python", make_caller(), {})
        self.assertEqual(self.audited(), [])

    def test_error_passes(self) -> None:
        """The caller gets what it would get without an audit."""
        self.assertEqual(self.call("valve.pour", litres=1), "poured")
        self.assertRaises(OperationFailed, self.call, "valve.pour", litres=11)
        self.assertRaises(InvalidArguments, self.call, "valve.pour")
