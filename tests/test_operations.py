"""One table of operations: what consoles can call, and what they read when they cannot."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Annotated

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import InvalidArguments, NetdError, NoSuchOperation
from netd.operations import (
    EVERYWHERE,
    MAIN,
    NO_DEFAULT,
    Argument,
    OfferedTwice,
    Operation,
    OperationSignature,
    OperationTable,
    Role,
    default_instance,
)


class Relay:
    """Stands for a service."""

    def send(self, target: str, deadline: float | None = None, *, wait: bool = True) -> str:
        """Send."""
        return f"{target} {deadline} {wait}"

    def devices(self) -> list[str]:
        """List."""
        return []


def offer(names: tuple[str, ...] = ("relay.send", "relay.devices")) -> list[Operation]:
    """What a relay offers."""
    relay = Relay()
    functions = {"relay.send": relay.send, "relay.devices": relay.devices}
    return [Operation(name, functions[name], Role.OPERATOR, "…") for name in names]


class OperationTests(SynchronousTestCase):
    def test_arguments(self) -> None:
        """The arguments that consoles show are those of the function, with their types and defaults."""
        send, devices = offer()
        self.assertEqual(
            (Argument("target", str, NO_DEFAULT), Argument("deadline", float | None, None), Argument("wait", bool, True)),
            send.arguments,
        )
        self.assertEqual([True, False, False], [argument.is_required for argument in send.arguments])
        self.assertEqual((), devices.arguments)

    def test_results(self) -> None:
        """What callers get is what the function's annotation says; of a Deferred or a coroutine, what comes of it."""

        async def soon() -> int:
            return 1

        def later() -> Deferred[list[str]]:
            return Deferred()

        def said() -> Coroutine[object, object, str]:
            raise NotImplementedError  # it is never called: its annotation is what is read

        def nothing_said():  # type: ignore[no-untyped-def]  # as third parties write them
            pass

        def annotated() -> Annotated[float, "in metres"]:
            return 1.0

        results = [Operation("a.b", one, Role.VIEWER, "…").result for one in (soon, later, said, nothing_said, annotated)]
        self.assertEqual([int, list[str], str, object, Annotated[float, "in metres"]], results)

    def test_signature(self) -> None:
        """The arguments of an operation of another node are those that the node tells, whatever the function takes."""
        told = OperationSignature((Argument("target", object),), "caller", object)
        operation = Operation("relay.send", lambda **_said: None, Role.OPERATOR, "…", signature=told)
        self.assertEqual((told.arguments, "caller", object), (operation.arguments, operation.caller, operation.result))

    def test_default_of_none(self) -> None:
        """An argument whose default is None is not one that must be given."""
        self.assertFalse(Argument("x", str | None, None).is_required)
        self.assertTrue(Argument("x", str | None).is_required)

    def test_roles(self) -> None:
        """Each role may do all that a lower one may."""
        self.assertEqual([Role.NOBODY, Role.VIEWER, Role.OPERATOR, Role.ADMIN], sorted(Role))


class TableTests(SynchronousTestCase):
    def table(self, *instances: str) -> OperationTable:
        """A table with relays of these names."""
        table = OperationTable()
        for instance in instances:
            table.add(offer(), instance)
        return table

    def refusal(self, table: OperationTable, name: str, **parameters: object) -> NetdError:
        """Why a call is refused."""
        return self.assertRaises(NetdError, table.find, name, parameters)

    def test_listing(self) -> None:
        """The list is by name, and says which instances offer each."""
        table = self.table("main", "lab2")
        table.add(offer(("relay.send",)), "attic")
        self.assertEqual(
            [("relay.devices", ("lab2", "main")), ("relay.send", ("attic", "lab2", "main"))],
            [(operation.name, instances) for operation, instances in table],
        )
        self.assertEqual([], list(OperationTable()))

    def test_main_is_the_default(self) -> None:
        """Without an instance, ``main`` is meant, both when adding and when calling."""
        table = OperationTable()
        mine = offer()
        table.add(mine)
        table.add(offer(), "lab2")
        self.assertIs(mine[0], table.find("relay.send", {})[0])
        self.assertIs(mine[0], table.find("relay.send", {"instance": None})[0])
        self.assertIs(mine[0], table.find("relay.send", {"instance": MAIN})[0])

    def test_only_instance(self) -> None:
        """Where there is only one, it is meant, whatever its name."""
        table = self.table("lab2")
        self.assertEqual("relay.send", table.find("relay.send", {})[0].name)

    def test_chosen_instance(self) -> None:
        """A caller may choose; the function does not see the choice, and the caller's own mapping stays as it was."""
        table = self.table("main")
        lab = offer()
        table.add(lab, "lab2")
        parameters = {"target": "a", "instance": "lab2"}
        operation, instance, rest = table.find("relay.send", parameters)
        self.assertIs(lab[0], operation)
        self.assertEqual(("lab2", {"target": "a"}, {"target": "a", "instance": "lab2"}), (instance, rest, parameters))

    def test_instance_is_needed(self) -> None:
        """Among several without a ``main`` the caller reads the names to choose from."""
        table = self.table("b", "a")
        for parameters in ({}, {"instance": None}):
            error = self.refusal(table, "relay.send", **parameters)
            self.assertIsInstance(error, InvalidArguments)
            self.assertEqual("instance: relay.send has the instances a, b; say which", str(error))

    def test_no_such_instance(self) -> None:
        """Who names an instance that is not there reads which name that was, and which there are."""
        table = self.table("main", "lab2")
        for wanted, shown in (("foo", "'foo'"), (1, "1"), (["main"], "['main']"), ("", "''")):
            error = self.refusal(table, "relay.send", instance=wanted)
            self.assertIsInstance(error, InvalidArguments)
            self.assertEqual(f"no instance {shown}; there are lab2, main", str(error))
        self.assertEqual(
            "no instance 'foo'; there is only main", str(self.refusal(self.table("main"), "relay.send", instance="foo"))
        )
        self.assertIn("no cluster", str(self.refusal(self.table("main"), "relay.send", instance="@B")))
        self.assertLess(len(str(self.refusal(table, "relay.send", instance="x" * 10_000))), 200)

    def test_default_instance(self) -> None:
        """Where none is named, consoles can say which one is meant."""
        self.assertEqual(
            ["lab2", "main", None, None],
            [default_instance(instances) for instances in (["lab2"], ["lab2", "main"], ["a", "b"], [])],
        )

    def test_no_such_operation(self) -> None:
        """A misspelt name is answered with the nearest ones; a strange one without."""
        table = self.table("main")
        error = self.refusal(table, "relay.sent")
        self.assertIsInstance(error, NoSuchOperation)
        self.assertEqual("no operation 'relay.sent' (did you mean relay.send or relay.devices?)", str(error))
        self.assertEqual("no operation 'zzz'", str(self.refusal(table, "zzz")))

    def test_no_such_section(self) -> None:
        """Where no section offers the operations of a service, the section is named; where one does, the nearest names are."""
        table = OperationTable({"relay": "relay", "history": "recorder"})
        error = self.refusal(table, "history.replay")
        remedy = "no section [recorder] runs; add one to the configuration of netd, then `netd reload`"
        self.assertEqual(f"no operation 'history.replay': {remedy}", str(error))
        table.add(offer())
        self.assertIn("did you mean relay.send", str(self.refusal(table, "relay.sent")))

    def test_offered_twice(self) -> None:
        """Two services that offer the same under the same name are found out when the daemon is built."""
        table = self.table("main")
        self.assertRaises(OfferedTwice, table.add, offer())
        error = self.assertRaises(OfferedTwice, table.check, offer(("relay.send",)), "main")
        told = "relay.send of the instance main is offered twice, by the kinds relay and relay; "
        self.assertTrue(str(error).startswith(told), error)
        table.check(offer(), "lab2")


class OtherNodesTests(SynchronousTestCase):
    """What runs on node B is the instance ``main@B``."""

    def setUp(self) -> None:
        self.table = OperationTable()

    def meant(self, **parameters: object) -> str:
        """The instance that a call goes to."""
        return self.table.find("relay.send", parameters)[1]

    def test_default(self) -> None:
        """Another node never changes what a call without an instance means on a node that has its own."""
        self.table.add(offer(), "lab")
        self.table.add(offer(), "main@B")
        self.table.add(offer(), "lab@C")
        self.assertEqual("lab", self.meant())
        self.table.remove("lab")
        error = self.assertRaises(InvalidArguments, self.meant)
        self.assertEqual("instance: relay.send has the instances lab@C, main@B; say which", str(error))

    def test_default_of_a_node(self) -> None:
        """``@B`` means what a call without an instance would mean on B."""
        for instance in ("main", "main@B", "lab@B", "lab@C"):
            self.table.add(offer(), instance)
        self.assertEqual(["main@B", "lab@C"], [self.meant(instance="@B"), self.meant(instance="@C")])
        error = str(self.assertRaises(InvalidArguments, self.meant, instance="@D"))
        self.assertEqual("no instance '@D'; there are lab@B, lab@C, main, main@B", error)

    def test_absent_node(self) -> None:
        """Where nothing can be called on a node, the error says why; nobody is sent to such a node instead."""
        for instance in ("main", "main@B", "main@C"):
            self.table.add(offer(), instance)
        self.table.use_nodes({"B": "", "C": "node C is gone: it has left", "D": "no node D"}.__getitem__)
        for wanted, told in (("@D", ": no node D"), ("x@C", ": node C is gone: it has left"), ("x", "; there are main, main@B")):
            error = self.assertRaises(InvalidArguments, self.meant, instance=wanted)
            self.assertEqual(f"no instance {wanted!r}{told}", str(error))

    def test_own_name(self) -> None:
        """A node of a cluster may be called by its own name, as the others call it."""
        self.table.node = "A"
        for instance in ("main", "lab", "main@B"):
            self.table.add(offer(), instance)
        self.assertEqual(["main", "lab", "main"], [self.meant(instance=one) for one in ("@A", "lab@A", "main@A")])
        self.assertEqual("main@B", self.meant(instance="@B"))
        for instance in ("other@A", "@AA"):
            self.assertRaises(InvalidArguments, self.meant, instance=instance)

    def test_everywhere(self) -> None:
        """An operation about all nodes takes the calls that name no instance, and is no instance in lists."""
        self.table.add(offer(("relay.devices",)), EVERYWHERE)
        self.assertEqual([], list(self.table))
        self.table.add(offer(), "main")
        self.assertEqual([("main",), ("main",)], [instances for _, instances in self.table])
        self.assertEqual(EVERYWHERE, self.table.find("relay.devices", {})[1])
        self.assertEqual("main", self.table.find("relay.devices", {"instance": "main"})[1])
        self.assertEqual("main", self.meant())

    def test_removed(self) -> None:
        """What is removed is offered no more; the rest is."""
        self.table.add(offer(), "main")
        self.table.add(offer(), "main@B")
        self.table.remove("main@B")
        self.assertEqual({"main"}, {instance for _, instances in self.table for instance in instances})

    def test_shown_as_here(self) -> None:
        """An operation is listed as this node offers it, whatever another one says of it."""
        mine, other = offer(("relay.send",)), offer(("relay.send",))
        self.table.add(other, "a@B")
        self.assertEqual([(other[0], ("a@B",))], list(self.table))
        self.table.add(mine, "lab")
        self.assertEqual([(mine[0], ("a@B", "lab"))], list(self.table))

    def test_watched(self) -> None:
        """Whoever tells other nodes of the table learns of each change."""
        told: list[str] = []
        self.table.watch(told.append)
        self.table.add(offer(), "main")
        self.table.remove("main")
        self.assertEqual(["main", "main"], told)

    def test_many_instances(self) -> None:
        """An error names some of a hundred nodes, not all."""
        for number in range(100):
            self.table.add(offer(), f"main@n{number:02}")
        some = ", ".join(f"main@n{number:02}" for number in range(20))
        error = self.assertRaises(InvalidArguments, self.meant)
        self.assertEqual(f"instance: relay.send has the instances {some} and 80 more; say which", str(error))
