"""Calling operations: arguments, roles, what operations may return, and how their trouble is told."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import to_plain
from netd.console.dispatch import Dispatcher, describe
from netd.errors import InvalidArguments, NoSuchOperation, NoSuchTarget, NotInTime, NotPermitted, OperationFailed
from netd.operations import Caller, Operation, OperationTable, Role
from netd.testing import RecordingBus, RecordingLink, WallClock, make_caller, result_of

NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.sampled_from(["2.0", "1.0"]) | NESTED,
        "id": st.integers() | NESTED,
        "method": st.sampled_from(["pump.add", "pump.wait", "pump.break"]) | NESTED,
        "params": st.lists(NESTED, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "instance"]), NESTED) | NESTED,
    },
)


class Pump:
    """What the operations of these tests are about."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[str]] = []
        self.calls = 0

    def operations(self) -> list[Operation]:
        """One of each sort."""
        return [
            Operation("pump.add", self.add, Role.VIEWER, "Add"),
            Operation("pump.wait", self.wait, Role.OPERATOR, "Wait"),
            Operation("pump.soon", self.soon, Role.VIEWER, "A coroutine"),
            Operation("pump.break", self.fall_apart, Role.ADMIN, "Break"),
            Operation("pump.refuse", self.refuse, Role.VIEWER, "Refuse"),
            Operation("pump.miss", self.miss, Role.VIEWER, "Miss"),
            Operation("pump.late", self.late, Role.VIEWER, "Take too long"),
        ]

    def add(self, a: int, b: int = 1) -> int:
        self.calls += 1
        return a + b

    def wait(self) -> Deferred[str]:
        self.waiting.append(Deferred())
        return self.waiting[-1]

    async def soon(self, what: str) -> str:
        return f"{what} {await succeed('done')}"

    def fall_apart(self) -> None:
        raise ValueError("the secret")

    def refuse(self) -> Deferred[None]:
        return fail(OperationFailed("the valve is shut"))

    def miss(self) -> None:
        raise NoSuchTarget("no such valve")

    def late(self) -> None:
        raise NotInTime("no water within 4 s")


class DispatchTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.pump, self.table = Pump(), OperationTable()
        self.table.add(self.pump.operations())
        self.clock = Clock()
        self.bus = RecordingBus(WallClock(self.clock))
        self.dispatcher = Dispatcher(self.table, self.clock.seconds, self.bus)

    def call(self, name: str, *given_: Any, role: Role = Role.ADMIN, **params: Any) -> Any:
        """The result of an operation, called by position or by name."""
        return result_of(self.dispatcher.call(name, list(given_) if given_ else params, make_caller(role)))

    def handle(self, text: bytes | object, role: Role = Role.ADMIN) -> Any:
        """The answer to *text*, or to what is to be said as JSON; None for none."""
        said = result_of(
            self.dispatcher.handle(text if isinstance(text, bytes) else json.dumps(text).encode(), make_caller(role))
        )
        return None if said is None else json.loads(said)

    def ask(self, method: str, role: Role = Role.ADMIN, **params: Any) -> Any:
        """The answer to one request."""
        return self.handle({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, role)


class PermissionTests(DispatchTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pumps = [
            Operation("pump.login", self.login, Role.NOBODY, "Log in", checks_subjects=True),
            Operation("pump.attach", self.login, Role.VIEWER, "Attach", is_lasting=True),
        ]
        self.table.add(self.pumps)

    def login(self, caller: Caller) -> str:
        return caller.who

    def try_(self, name: str, caller: Caller, /, **params: Any) -> Any:
        """What comes of a call on behalf of *caller*: its result, or the class of its error."""
        results: list[Any] = []
        self.dispatcher.call(name, params, caller).addCallbacks(results.append, lambda why: results.append(why.type))
        return results[0]

    def test_nobody(self) -> None:
        """Who has not said who it is may say so, and nothing else: not even what there is, it learns."""
        nobody = make_caller(Role.NOBODY)
        self.assertEqual("console", self.try_("pump.login", nobody))
        for name in ("pump.add", "pump.nothing"):
            self.assertIs(NotPermitted, self.try_(name, nobody, a=1))

    def test_confined(self) -> None:
        """Who is confined to some subjects calls the operations of a service only where they are all of that service's."""
        for subjects, allowed in (
            ((">",), True),
            (("pump.>",), True),
            (("valve.>", "pump.main.>"), True),
            (("pump.main.speed",), False),
            (("pump.lab2.>",), False),
            ((), False),
        ):
            result = self.try_("pump.add", make_caller(Role.ADMIN, subjects), a=1)
            self.assertEqual(2 if allowed else NotPermitted, result, subjects)

    def test_confined_and_other_noun(self) -> None:
        """Under whatever noun a service offers an operation, a token for the service's subjects allows it, and no other does."""
        self.table.add([Operation("flow.tell", self.login, Role.VIEWER, "Tell", kind="pump")])
        self.table.add([Operation("flow.find", self.login, Role.VIEWER, "Find", kind="pump", spans_services=True)])
        for subjects, told in ((("pump.>",), "token test, console"), (("flow.>",), NotPermitted)):
            self.assertEqual(told, self.try_("flow.tell", make_caller(Role.VIEWER, subjects)))
            self.assertEqual("token test, console", self.try_("flow.find", make_caller(Role.VIEWER, subjects)))

    def test_confined_to_an_instance(self) -> None:
        """It is the instance that is called that counts."""
        self.table.add(self.pump.operations(), "lab2")
        caller = make_caller(Role.ADMIN, ("pump.lab2.>",))
        self.assertEqual(2, self.try_("pump.add", caller, a=1, instance="lab2"))
        self.assertIs(NotPermitted, self.try_("pump.add", caller, a=1))

    def test_lasting(self) -> None:
        """What lasts as long as a connection is refused over one that ends with the answer."""
        self.assertIs(InvalidArguments, self.try_("pump.attach", make_caller(Role.VIEWER)))
        self.assertEqual("token test, console", self.try_("pump.attach", make_caller(Role.VIEWER, link=RecordingLink())))

    def test_caller_is_no_argument(self) -> None:
        """The caller is handed in, and cannot be given."""
        self.assertEqual([(), ()], [operation.arguments for operation in self.pumps])
        self.assertIs(InvalidArguments, self.try_("pump.login", make_caller(), caller="me"))


class CallTests(DispatchTestCase):
    def test_arguments(self) -> None:
        """Arguments go by name and by position, and what is left out has its default."""
        self.assertEqual(
            [5, 3, 5, 3],
            [self.call("pump.add", 2, 3), self.call("pump.add", 2), self.call("pump.add", a=2, b=3), self.call("pump.add", a=2)],
        )

    def test_bad_arguments(self) -> None:
        """A missing, unknown, surplus or mistyped argument is named, and nothing is called."""
        for params, message in (
            ({}, "a: this argument is missing"),
            ([], "a: this argument is missing"),
            ({"a": 1, "c": 1}, "c: no such argument; there are: a, b"),
            ([1, 2, 3], "pump.add takes at most 2 arguments, not 3"),
            ({"a": "x"}, "a: must be a whole number, not text"),
            ({"a": 1, "instance": "lab2"}, "no instance 'lab2'; there is only main"),
        ):
            error = self.failureResultOf(self.dispatcher.call("pump.add", params, make_caller()), InvalidArguments)
            self.assertEqual(message, str(error.value))
        self.assertEqual(0, self.pump.calls)

    def test_instances(self) -> None:
        """Of several instances the caller says which it means, or means the main one."""
        other = Pump()
        self.table.add(other.operations(), "lab2")
        self.call("pump.add", a=1, instance="lab2")
        self.assertEqual((0, 1), (self.pump.calls, other.calls))
        self.call("pump.add", 1)
        self.assertEqual((1, 1), (self.pump.calls, other.calls))

    def test_unknown_operation(self) -> None:
        """A misspelt operation is answered with the nearest name."""
        error = self.failureResultOf(self.dispatcher.call("pump.ad", {}, make_caller()), NoSuchOperation)
        self.assertIn("did you mean pump.add", str(error.value))

    def test_roles(self) -> None:
        """A role may do what it reaches to, and learns which role it would take."""
        self.assertEqual(2, self.call("pump.add", 1, role=Role.VIEWER))
        error = self.failureResultOf(self.dispatcher.call("pump.wait", {}, make_caller(Role.VIEWER)), NotPermitted)
        self.assertEqual("pump.wait needs the role operator; this caller has the role viewer", str(error.value))
        self.assertEqual([], self.pump.waiting)
        self.assertNoResult(self.dispatcher.call("pump.wait", {}, make_caller(Role.OPERATOR)))

    def test_asynchronous(self) -> None:
        """An operation may take its time: as a Deferred, or as a coroutine."""
        waiting = self.dispatcher.call("pump.wait", {}, make_caller())
        self.assertNoResult(waiting)
        self.pump.waiting[0].callback("at last")
        self.assertEqual("at last", self.successResultOf(waiting))
        self.assertEqual("soon done", self.call("pump.soon", "soon"))

    def test_log(self) -> None:
        """The log tells which console changed something; whoever only looks leaves no line."""
        with capturedLogs() as events:
            self.call("pump.add", 1)
            self.dispatcher.call("pump.wait", {}, make_caller())
        self.assertEqual(
            [("token test, console", "pump.wait")], [(event["who"], event["operation"]) for event in events if "who" in event]
        )

    def test_log_of_a_busy_program(self) -> None:
        """Who calls the same operation again and again fills no log: a line a second, with what was left out."""
        with capturedLogs() as events:
            for _ in range(5):
                self.dispatcher.call("pump.wait", {}, make_caller())
            self.clock.advance(1)
            self.dispatcher.call("pump.wait", {}, make_caller())
        self.assertEqual(["", " (4 more before it)"], [event["more"] for event in events if "more" in event])

    def test_log_of_two_programs(self) -> None:
        """A busy program hides no other one: each address has lines of its own."""
        with capturedLogs() as events:
            for host in ("10.0.0.1", "10.0.0.1", "10.0.0.2"):
                self.dispatcher.call("pump.wait", {}, make_caller(host=host))
        self.assertEqual(2, len([event for event in events if "more" in event]))


class HandleTests(DispatchTestCase):
    def test_result(self) -> None:
        """A request is answered under its own id."""
        self.assertEqual({"jsonrpc": "2.0", "id": 1, "result": 5}, self.ask("pump.add", a=2, b=3))

    def test_codes(self) -> None:
        """Each kind of trouble is told by its code."""
        self.assertEqual(-32700, self.handle(b"{")["error"]["code"])
        self.assertEqual(-32600, self.handle([])["error"]["code"])
        self.assertEqual(-32601, self.ask("pump.blow")["error"]["code"])
        self.assertEqual(-32602, self.ask("pump.add")["error"]["code"])
        self.assertEqual({"code": -32000, "message": "the valve is shut"}, self.ask("pump.refuse")["error"])
        self.assertEqual({"code": -32001, "message": "no such valve"}, self.ask("pump.miss")["error"])
        self.assertEqual({"code": -32003, "message": "no water within 4 s"}, self.ask("pump.late")["error"])
        self.assertEqual(-32002, self.ask("pump.wait", Role.VIEWER)["error"]["code"])
        self.assertEqual([], self.flushLoggedErrors(), "trouble of the caller's is no fault of ours")

    def test_own_fault(self) -> None:
        """A bug in an operation is logged with its traceback, and not described to the caller."""
        with capturedLogs() as events:
            told = self.ask("pump.break")
        self.assertEqual({"code": -32603, "message": "internal error; netd's log has it"}, told["error"])
        (event,) = [event for event in events if event["log_level"] is LogLevel.critical]
        self.assertEqual(("token test, console", "pump.break"), (event["who"], event["operation"]))
        self.assertEqual(["the secret"], [str(error.value) for error in self.flushLoggedErrors(ValueError)])

    def test_program_exit(self) -> None:
        """An operation that tries to end the program ends nothing but its own request."""

        def leave() -> None:
            raise SystemExit(3)

        self.table.add([Operation("pump.leave", leave, Role.VIEWER, "Leave")])
        self.assertEqual(-32603, self.ask("pump.leave")["error"]["code"])
        self.assertEqual(1, len(self.flushLoggedErrors(SystemExit)))

    def test_notification(self) -> None:
        """A notification is carried out and not answered, whatever comes of it; a fault is logged all the same."""
        self.assertIsNone(self.handle({"jsonrpc": "2.0", "method": "pump.add", "params": [1]}))
        self.assertEqual(1, self.pump.calls)
        self.assertIsNone(self.handle({"jsonrpc": "2.0", "method": "pump.refuse"}))
        self.assertIsNone(self.handle({"jsonrpc": "2.0", "method": "pump.break"}))
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))

    def test_batch(self) -> None:
        """A batch is answered as a whole, when its last request is: in order, notifications left out, trouble in its place."""
        batch = [
            {"jsonrpc": "2.0", "id": 1, "method": "pump.wait"},
            {"jsonrpc": "2.0", "method": "pump.add", "params": [1]},
            3,
            {"jsonrpc": "2.0", "id": 2, "method": "pump.add", "params": [1]},
        ]
        answers = self.dispatcher.handle(json.dumps(batch).encode(), make_caller())
        self.assertNoResult(answers)
        self.pump.waiting[0].callback("at last")
        first, second, third = json.loads(self.successResultOf(answers) or b"")
        self.assertEqual(
            ({"jsonrpc": "2.0", "id": 1, "result": "at last"}, -32600, 2), (first, second["error"]["code"], third["result"])
        )

    def test_batch_with_one_answer(self) -> None:
        """The answer to a batch is an array, also when only one request in it wants an answer."""
        (told,) = self.handle([{"jsonrpc": "2.0", "id": 1, "method": "pump.add", "params": [1]}])
        self.assertEqual((1, 2), (told["id"], told["result"]))

    def test_batch_of_notifications(self) -> None:
        """A batch in which nothing wants an answer gets none, not even an empty array."""
        self.assertIsNone(self.handle([{"jsonrpc": "2.0", "method": "pump.add", "params": [1]}] * 2))
        self.assertEqual(2, self.pump.calls)

    @given(st.binary(max_size=60) | st.lists(st.sampled_from(list(b'[]{},:"\\01e-.\x00\xff nul')), max_size=30).map(bytes))
    def test_any_bytes(self, text: bytes) -> None:
        """Whatever bytes a caller sends, it gets an error in JSON."""
        told = self.handle(text)
        for one in told if isinstance(told, list) else [told]:
            self.assertIn(one["error"]["code"], (-32700, -32600))

    @given(MEMBERS | st.lists(MEMBERS | NESTED, max_size=4) | NESTED)
    def test_any_request(self, request: object) -> None:
        """Whatever JSON a caller sends, each request in it gets its answer, and nothing escapes."""
        self.pump.waiting.clear()
        given_ = self.dispatcher.handle(json.dumps(request).encode(), make_caller())
        for waiting in self.pump.waiting:
            waiting.callback("at last")
        said = self.successResultOf(given_)
        self.flushLoggedErrors(ValueError)
        answers = [] if said is None else json.loads(said)
        for one in answers if isinstance(answers, list) else [answers]:
            self.assertEqual({"jsonrpc", "id", "result"} if "result" in one else {"jsonrpc", "id", "error"}, one.keys())


class DescribeTests(DispatchTestCase):
    def test_description(self) -> None:
        """A console that knows no operation learns all of them: role, help, instances, arguments with type and default."""
        self.table.add(Pump().operations(), "lab2")
        described = {operation["name"]: operation for operation in to_plain(describe(self.table, make_caller().principal))}
        self.assertEqual(7, len(described))
        self.assertEqual(
            {
                "name": "pump.add",
                "kind": "pump",
                "role": "viewer",
                "summary": "Add",
                "instances": ["lab2", "main"],
                "lasting": False,
                "arguments": [
                    {"name": "a", "required": True, "schema": {"type": "integer"}},
                    {"name": "b", "required": False, "schema": {"type": "integer"}, "default": 1},
                ],
                "result": {"type": "integer"},
            },
            described["pump.add"],
        )
        results = {name: one["result"] for name, one in described.items()}
        text, nothing = {"type": "string"}, {"type": "null"}
        self.assertEqual((text, text, nothing), (results["pump.wait"], results["pump.soon"], results["pump.refuse"]))

    def test_described_by_a_function(self) -> None:
        """Where an annotation cannot say what an operation gives, a function can."""
        said = Operation("pump.say", self.pump.add, Role.VIEWER, "Say", describe_result=lambda: {"type": "string"})
        self.table.add([said])
        (told,) = (one for one in describe(self.table, make_caller().principal) if one.name == "pump.say")
        self.assertEqual({"type": "string"}, told.result)

    def test_confined(self) -> None:
        """Who is confined to some subjects is shown what it may call, of the instances that it may call."""
        self.table.add(Pump().operations(), "lab2")
        described = describe(self.table, make_caller(Role.OPERATOR, ("pump.lab2.>",)).principal)
        self.assertEqual(
            [
                ("pump.add", ["lab2"]),
                ("pump.late", ["lab2"]),
                ("pump.miss", ["lab2"]),
                ("pump.refuse", ["lab2"]),
                ("pump.soon", ["lab2"]),
                ("pump.wait", ["lab2"]),
            ],
            [(operation.name, operation.instances) for operation in described],
        )
