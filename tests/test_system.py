"""What can be asked of the daemon as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides, implementer

from netd import __version__
from netd.bus.local import LocalBus
from netd.codec.jsontext import to_plain
from netd.connection.budget import NO_LIMIT, Budget
from netd.console.dispatch import Dispatcher
from netd.errors import NotPermitted
from netd.interfaces import INetdService, IPublisher
from netd.lifecycle import Lifecycle
from netd.message import EventKind, Message
from netd.operations import Operation, OperationTable, Role
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS, Tokens
from netd.secrets.tries import MOST_WRONG, Tries, WrongSecrets
from netd.system import System
from netd.testing import MemoryState, RecordingLink, make_caller, result_of
from netd.usage import Usage
from netd.vitals import Vitals


@implementer(INetdService)
class Pump:
    """A service with facts."""

    instance = "main"

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {"kind": "pump"}

    def operations(self) -> list[Operation]:
        return []

    def status(self) -> dict[str, Any]:
        return self.facts

    def events(self) -> list[EventKind]:
        return [EventKind("pump.main.*", int)]

    def drain(self) -> None:
        """Nobody is accepted anyway."""


class SystemTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock, self.bus, self.table, self.pumps = Clock(), LocalBus(lambda: self.wall), OperationTable(), [Pump(), Pump()]
        self.stops = 0
        self.wall = 77.0
        self.clock.advance(1000)
        self.tokens = Path(self.mktemp()).absolute() / TOKENS
        tokens = Tokens(self.tokens)
        lifecycle = Lifecycle(lambda: self.pumps, self.bus, self.clock)
        self.system = System(
            "lab7",
            "/etc/netd.ini",
            list(self.pumps),
            self.table,
            self.bus,
            self.clock.seconds,
            tokens,
            lifecycle,
            lambda: {"follow": 0.5},
            Budget(self.clock.seconds).facts,
            self.stop,
            MemoryState(self.clock, self.bus.wall).facts,
            usage=lambda: Usage(1 << 20, 7, 1024),
        )
        self.table.add(self.system.operations())
        self.caller = make_caller(Role.ADMIN, link=RecordingLink())
        self.dispatcher = Dispatcher(self.table, self.clock.seconds, self.bus)

    def stop(self) -> None:
        self.stops += 1

    def call(self, name: str, **arguments: object) -> Any:
        """What an operation of the table returns to the caller of the moment, as JSON says it."""
        called = self.dispatcher.call(name, arguments, self.caller)
        return to_plain(result_of(called)) if called.called else called

    def test_operations(self) -> None:
        """The operations are there that the console protocol promises, and only an administrator can end the daemon."""
        roles = {operation["name"]: operation["role"] for operation in self.call("system.operations")}
        self.assertEqual(
            {
                "system.drain": "admin",
                "system.resume": "admin",
                "system.login": "nobody",
                "system.operations": "viewer",
                "system.session": "viewer",
                "system.status": "viewer",
                "system.stop": "admin",
                "system.subjects": "viewer",
                "system.whoami": "nobody",
            },
            roles,
        )

    def test_status_is_described(self) -> None:
        """Each kind of service that runs says with which members it tells its status."""
        (status,) = (one for one in self.call("system.operations") if one["name"] == "system.status")
        services = status["result"]["properties"]["services"]
        self.assertEqual({"type": "object", "properties": {"kind": {"const": "pump"}}}, services["items"]["anyOf"][0])
        self.assertEqual({"type": "number", "format": "epoch"}, status["result"]["properties"]["started"])

    def test_subjects(self) -> None:
        """What is published is listed by subject, with the schema of the events; a service need not tell of its own."""
        told = self.call("system.subjects")
        self.assertEqual(
            ["system.main.state", "system.main.vitals", "audit.>", "system.main.refused"], [one["subject"] for one in told]
        )
        self.assertEqual({"type": "number", "format": "seconds"}, told[1]["schema"]["properties"]["lag"])
        directlyProvides(self.pumps[0], INetdService, IPublisher)
        self.assertEqual(
            {"subject": "pump.main.*", "schema": {"type": "integer"}}, self.call("system.subjects")[4], "of a service that tells"
        )
        self.caller = make_caller(Role.VIEWER, ("pump.main.speed",))
        self.assertEqual(["pump.main.*"], [one["subject"] for one in self.call("system.subjects")])

    def test_operations_of_services(self) -> None:
        """Operations that services add later are listed, too, as plain JSON."""
        self.table.add([Operation("pump.stop", self.stop, Role.ADMIN, "Stop")])
        names = [operation["name"] for operation in json.loads(json.dumps(self.call("system.operations")))]
        self.assertIn("pump.stop", names)

    def test_status(self) -> None:
        """The status tells which daemon this is, how long it has been up, and how each service does."""
        self.clock.advance(90.5)
        self.bus.publish(Message("pump.main.speed", 1))
        self.system.note_lag(0.25)
        self.assertEqual(
            {
                "name": "lab7",
                "version": __version__,
                "configuration": "/etc/netd.ini",
                "timezone": "",
                "started": 77.0,
                "uptime": 90.5,
                "stored": {"file": "memory", "size": 0, "commits": 0, "waiting": 0, "trouble": ""},
                "usage": {"memory": 1 << 20, "descriptors": 7, "most_descriptors": 1024},
                "published": 1,
                "lag": 0.25,
                "turns": {"follow": 0.5},
                "capacity": {"connections": 0, "unidentified": 0, "limit": NO_LIMIT, "waiting": 0, "memory": NO_LIMIT},
                "state": "serving",
                "draining": None,
                "services": [{"kind": "pump"}] * 2,
            },
            self.call("system.status"),
        )

    def test_confined(self) -> None:
        """A token for some subjects learns of what it may see: its services, and the operations that it may call."""
        self.table.add([Operation("pump.stop", self.stop, Role.ADMIN, "Stop")])
        self.table.add([Operation("valve.shut", self.stop, Role.VIEWER, "Shut")])
        self.pumps[1].facts = {"kind": "valve", "secret": 1}
        self.caller = make_caller(Role.OPERATOR, ("pump.main.>",))
        told = self.call("system.status")
        self.assertEqual(("lab7", __version__, [{"kind": "pump"}]), (told["name"], told["version"], told["services"]))
        self.assertEqual("/etc/netd.ini", told["configuration"])
        self.assertEqual(
            ["system.login", "system.operations", "system.session", "system.status", "system.subjects", "system.whoami"],
            [operation["name"] for operation in self.call("system.operations")],
        )
        self.caller = make_caller(Role.ADMIN, ("pump.main.speed", "valve.>"))
        self.assertEqual([{"kind": "valve", "secret": 1}], self.call("system.status")["services"])
        self.assertIn("valve.shut", [operation["name"] for operation in self.call("system.operations")])
        self.assertNotIn("pump.stop", [operation["name"] for operation in self.call("system.operations")])

    def test_whoami(self) -> None:
        """Everybody can ask what it may do: before it has said who it is, and after that."""
        self.caller = make_caller(Role.NOBODY, link=RecordingLink())
        self.assertEqual({"name": None, "role": "nobody", "subjects": None, "proof": "none"}, self.call("system.whoami"))
        token = add_token(self.tokens, "panel", Role.VIEWER, ["pump.>"], bytes)
        granted = self.call("system.login", token=token)
        self.assertEqual({"name": "panel", "role": "viewer", "subjects": ("pump.>",), "proof": "token"}, granted)
        self.assertEqual(granted, self.call("system.whoami"))

    def test_wrong_tokens(self) -> None:
        """After three wrong tokens not even the right one is looked at: who guesses has to connect anew for each further one."""
        token = add_token(self.tokens, "panel", Role.VIEWER, [], bytes)
        tries = Tries(WrongSecrets(self.clock.seconds), "10.0.0.1")
        self.caller = make_caller(Role.NOBODY, link=RecordingLink(), tries=tries)
        for _ in range(3):
            self.assertIn("this token is unknown", str(self.assertRaises(NotPermitted, self.call, "system.login", token="x")))
        why = str(self.assertRaises(NotPermitted, self.call, "system.login", token=token))
        self.assertEqual(("too many unknown tokens; connect anew", 3), (why, tries.failed))
        self.caller = make_caller(Role.NOBODY, link=RecordingLink())
        self.assertRaises(NotPermitted, self.call, "system.login", token="x")  # and where nobody counts

    def test_far_too_many_wrong_tokens(self) -> None:
        """After ten wrong tokens of an address in a minute, further ones get no reason, on whatever connection they come."""
        wrong = WrongSecrets(self.clock.seconds)
        for _ in range(MOST_WRONG - 1):
            wrong.note("10.0.0.1")
        self.caller = make_caller(Role.NOBODY, link=RecordingLink(), tries=Tries(wrong, "10.0.0.1"))
        why = str(self.assertRaises(NotPermitted, self.call, "system.login", token="x"))
        self.assertEqual(why, "too many wrong tokens came from your address; try again in 60 s")

    def test_stop(self) -> None:
        """Stopping is answered, and ends the daemon once."""
        self.assertEqual({"status": "stopping"}, self.call("system.stop"))
        self.assertEqual(1, self.stops)

    def test_vitals(self) -> None:
        """The vitals sum up what all services say of themselves; a clock that is set back changes no uptime."""
        self.clock.advance(5)
        self.wall -= 3600
        for pump, dropped in zip(self.pumps, ({"drop-oldest": 2, "refused": 1}, {}), strict=True):
            pump.facts = {"kind": "pump", "connections": 3, "counters": {"dropped": dropped}}
        self.bus.publish(Message("pump.main.speed", 1))
        self.system.note_lag(0.25)
        self.assertEqual(Vitals(self.wall, 77.0, 5.0, 1, 6, 3, 0.25), self.system.vitals())
