"""Every operation over everything that netd can be called through: the same outcome, whoever carries the call.

The tests are made from the table: one for each case and each way to call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from jsonschema import Draft202012Validator
from twisted.trial.unittest import SynchronousTestCase

from netd.operations import Role
from tests.contract import company
from tests.contract.cases import ROLE, THERE, Case, Row
from tests.contract.clients import AsyncClient, Client
from tests.contract.drivers import ControlSocket, Driver, Rpc, WebSocket, WebSocketLogin
from tests.contract.patterns import difference, filled
from tests.contract.table import TABLE
from tests.contract.terminals import CommandLine, ManholeMenu, ManholePrompt
from tests.contract.world import the_world


class TableTests(SynchronousTestCase):
    def test_complete(self) -> None:
        """Every operation that netd offers has its row in the table, and none that it does not offer has one."""
        self.assertEqual(sorted(TABLE), sorted(the_world().operations))

    def test_roles(self) -> None:
        """Of each operation netd says what the table says: who may call it, and whether it lasts."""
        offered = {name: (one["role"], one["lasting"]) for name, one in the_world().operations.items()}
        self.assertEqual(offered, {name: (row.role.name.lower(), row.lasts) for name, row in TABLE.items()})

    def test_cases(self) -> None:
        """Every operation is called, and those that can be called wrongly are: by some case."""
        for name, row in TABLE.items():
            self.assertTrue(any(case.fault is None for case in row.cases) or name in ("system.login", "system.session"), name)
            if self.takes_arguments(name):
                self.assertTrue(any(case.fault is not None for case in row.cases), name)

    def test_results_are_described(self) -> None:
        """Of each operation netd says what it gives: a value of some type, whose members are listed where it has any."""
        for name, one in the_world().operations.items():
            Draft202012Validator.check_schema(one["result"])
            self.assertIn(one["result"].get("type"), ("object", "array"), name)
            self.assertTrue(one["result"].get("properties") or one["result"].get("items"), name)

    @staticmethod
    def takes_arguments(name: str) -> bool:
        """Whether the operation has any."""
        return bool(the_world().operations[name]["arguments"])


class CallTestCase(SynchronousTestCase):
    """The tests of one way to call.

    :cvar way: the way.
    """

    way: ClassVar[type[Driver]]

    def check(self, operation: str, row: Row, case: Case) -> None:
        """Call what the case says, with the least role that may, and see that the outcome is as it says."""
        world = the_world()
        driver = self.way(world, max(row.role, Role.VIEWER))
        self.addCleanup(driver.close)
        is_possible = driver.lasts or not row.lasts
        with (case.company or company.nobody)(world) as there:
            for earlier, arguments in case.before if is_possible else ():
                told = driver.call(earlier, arguments)
                self.assertIn("result", told, f"{earlier} before it")
            blanks: dict[Any, Any] = {THERE: there, ROLE: driver.role.name.lower()}
            outcome = driver.call(operation, filled(case.arguments, blanks))
        fault = case.fault if is_possible else row.refusal(operation)
        expected = driver.as_done(case, filled(case.result, blanks)) if fault is None else driver.as_fault(fault)
        if "result" in outcome:
            described = the_world().operations[operation]["result"]
            Draft202012Validator(closed(described)).validate(outcome["result"])
        unlike = difference(expected, outcome, "the outcome")
        if unlike is not None:
            self.fail(f"{operation} {case.what}: {unlike}")


def closed(schema: Any) -> Any:
    """*schema*, where objects have no members but those that it lists."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    listed = {"additionalProperties": False} if "properties" in schema else {}
    return listed | {name: closed(one) for name, one in schema.items()}


def _test(operation: str, row: Row, case: Case) -> Callable[[CallTestCase], None]:
    def test(self: CallTestCase) -> None:
        self.check(operation, row, case)

    test.__name__ = "_".join(["test", operation.replace(".", "_"), *case.what.split()])
    test.__doc__ = f"{operation}, {case.what}: as in the table."
    return test


def cases_of(row: Row, way: type[Driver]) -> tuple[Case, ...]:
    """Those that tell something when they are called that way."""
    if row.is_last:
        return tuple(case for case in row.cases if case.fault is not None)
    return row.cases[:1] if row.lasts and not way.lasts else row.cases


def of_the_table(way: type[CallTestCase]) -> type[CallTestCase]:
    """Give *way* a test for each case but those that end the daemon; one for each operation that it cannot but refuse."""
    for operation, row in TABLE.items():
        for case in cases_of(row, way.way):
            test = _test(operation, row, case)
            if hasattr(way, test.__name__):
                raise ValueError(f"{operation} has two cases {case.what!r}")
            test.__qualname__ = f"{way.__qualname__}.{test.__name__}"
            setattr(way, test.__name__, test)
    return way


@of_the_table
class RpcTests(CallTestCase):
    """``POST /rpc``."""

    way = Rpc


@of_the_table
class WebSocketTests(CallTestCase):
    """``/ws``, the token in the handshake."""

    way = WebSocket


@of_the_table
class WebSocketLoginTests(CallTestCase):
    """``/ws``, the token in the first message."""

    way = WebSocketLogin


@of_the_table
class ControlSocketTests(CallTestCase):
    """The control socket."""

    way = ControlSocket


@of_the_table
class ClientTests(CallTestCase):
    """The blocking client."""

    way = Client


@of_the_table
class AsyncClientTests(CallTestCase):
    """The asyncio client."""

    way = AsyncClient


@of_the_table
class CommandLineTests(CallTestCase):
    """The command line, and its exit status."""

    way = CommandLine


@of_the_table
class ManholeMenuTests(CallTestCase):
    """The manhole's menu."""

    way = ManholeMenu


@of_the_table
class ManholePromptTests(CallTestCase):
    """The manhole's Python prompt."""

    way = ManholePrompt
