"""JSON-RPC 2.0 as it should not be, and at its edges: the same answers over ``/rpc``, ``/ws`` and the control socket."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.operations import Role
from tests.contract.cases import Code
from tests.contract.drivers import ControlSocket, JsonDriver, Rpc, WebSocket
from tests.contract.patterns import difference
from tests.contract.world import the_world

WAYS: tuple[type[JsonDriver], ...] = (Rpc, WebSocket, ControlSocket)

Pattern = Any

LAST = {"jsonrpc": "2.0", "id": 7, "method": "bus.last", "params": {"pattern": "custom.nothing"}}

NOTHING = {"jsonrpc": "2.0", "id": 7, "result": []}


def asked(**members: Any) -> str:
    """A good request but for these members; those that are ``...`` are left out."""
    return json.dumps({name: one for name, one in {**LAST, **members}.items() if one is not ...})


def failed(code: Code, message: Any, id: Any = 7) -> Pattern:
    """The answer that says so."""
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code.value, "message": message}}


def unread(message: Any) -> Pattern:
    """The answer to what is not JSON."""
    return failed(Code.NOT_JSON, message, None)


def unfit(message: str, id: Any = 7) -> Pattern:
    """The answer to what is no request."""
    return failed(Code.INVALID_REQUEST, message, id)


def kept(size: int) -> Pattern:
    """The answer to what was published."""
    return {**NOTHING, "result": {"subject": "custom.door", "size": size, "kept": True}}


def published(params: Any) -> str:
    """A request to publish."""
    return asked(method="bus.publish", params=params)


def invalid(message: str) -> Pattern:
    """The answer to arguments that are not right."""
    return failed(Code.INVALID_ARGUMENTS, message)


NO_JSON = re.compile("not JSON: .+")

AN_OBJECT = unfit("a request is an object", None)

AN_ID = unfit("`id` is a string, a number or null", None)

PARAMS = unfit("`params` is an object or an array")

NOTE = asked(id=...)

ROWS: Mapping[str, tuple[str, Pattern]] = {
    # what is not JSON
    "half an object": ('{"jsonrpc": "2.0"', unread(NO_JSON)),
    "words": ("bus.last custom.x", unread(NO_JSON)),
    "two texts": (f"{asked()} {asked()}", unread(NO_JSON)),
    "not a number": ('{"jsonrpc": "2.0", "id": NaN, "method": "bus.last"}', unread(NO_JSON)),
    "infinity": ('{"jsonrpc": "2.0", "id": 1e999, "method": "bus.last"}', unread(NO_JSON)),
    "half a surrogate pair": (asked(method="\ud800"), unread(NO_JSON)),
    "too deep": ("[" * 65 + "]" * 65, unread("nested more than 64 deep")),
    "a mark of byte order": (f"\ufeff{asked()}", unread(NO_JSON)),
    # what is no request
    "a number": ("7", AN_OBJECT),
    "a text": ('"bus.last"', AN_OBJECT),
    "null": ("null", AN_OBJECT),
    "true": ("true", AN_OBJECT),
    "an empty object": ("{}", unfit('a request says "jsonrpc": "2.0"', None)),
    "no version": (asked(jsonrpc=...), unfit('a request says "jsonrpc": "2.0"')),
    "an old version": (asked(jsonrpc="1.0"), unfit('a request says "jsonrpc": "2.0"')),
    "a version that is a number": (asked(jsonrpc=2.0), unfit('a request says "jsonrpc": "2.0"')),
    "no method": (asked(method=...), unfit("`method` is a string")),
    "a method that is a number": (asked(method=1), unfit("`method` is a string")),
    "params that are text": (asked(params="custom.nothing"), PARAMS),
    "params that are null": (asked(params=None), PARAMS),
    "params that are a number": (asked(params=0), PARAMS),
    # ids
    "an id that is text": (asked(id="grün"), {**NOTHING, "id": "grün"}),
    "an id that is empty": (asked(id=""), {**NOTHING, "id": ""}),
    "an id that is zero": (asked(id=0), {**NOTHING, "id": 0}),
    "an id below zero": (asked(id=-1), {**NOTHING, "id": -1}),
    "an id with a fraction": (asked(id=1.5), {**NOTHING, "id": 1.5}),
    "an id that is huge": (asked(id=2**70), {**NOTHING, "id": 2**70}),
    "an id that is null": (asked(id=None), {**NOTHING, "id": None}),
    "an id that is true": (asked(id=True), AN_ID),
    "an id that is an object": (asked(id={}), AN_ID),
    "an id that is a list": (asked(id=[1]), AN_ID),
    "an id said twice": ('{"id": 1, "jsonrpc": "2.0", "method": "no", "id": 2}', failed(Code.NO_SUCH_OPERATION, str, 2)),
    # notifications
    "a notification": (NOTE, None),
    "a notification of nothing": (asked(id=..., method="no.such"), None),
    "a notification that is wrong": (asked(id=..., params={"colour": 1}), None),
    "no request and no id": (asked(id=..., method=1), unfit("`method` is a string", None)),
    # batches
    "an empty batch": ("[]", unfit("an empty batch", None)),
    "a batch of one": (f"[{asked()}]", [NOTHING]),
    "a batch of notifications": (f"[{NOTE}, {NOTE}]", None),
    "a batch of numbers": ("[1, 2]", [AN_OBJECT, AN_OBJECT]),
    "a batch in a batch": (f"[[{asked()}]]", [AN_OBJECT]),
    "a mixed batch": (
        f"[{asked(id=1)}, {NOTE}, 5, {asked(id=2, method='no.such')}, {asked(id=3, params={'colour': 1})}]",
        [
            {**NOTHING, "id": 1},
            AN_OBJECT,
            failed(Code.NO_SUCH_OPERATION, "no operation 'no.such'", 2),
            failed(Code.INVALID_ARGUMENTS, "colour: no such argument; there are: pattern", 3),
        ],
    ),
    "a full batch": (json.dumps([LAST] * 100), [NOTHING] * 100),
    "a batch that is too long": (json.dumps([LAST] * 101), unfit("a batch has at most 100 requests", None)),
    # operations
    "an operation misspelt": (
        asked(method="relay.sned"),
        failed(Code.NO_SUCH_OPERATION, re.compile(r"no operation 'relay\.sned' \(did you mean relay\.send( or .+)?\?\)")),
    ),
    "an operation without a name": (asked(method=""), failed(Code.NO_SUCH_OPERATION, "no operation ''")),
    "an operation in capitals": (asked(method="BUS.LAST"), failed(Code.NO_SUCH_OPERATION, "no operation 'BUS.LAST'")),
    "an unknown member": (asked(colour="red"), NOTHING),
    # arguments
    "no params": (asked(method="room.end", params=...), invalid("room: this argument is missing")),
    "arguments in order": (
        published(["custom.door", 1]),
        kept(1),
    ),
    "arguments in order, not all": (
        published(["custom.door"]),
        kept(4),
    ),
    "arguments in order, none": (published([]), invalid("subject: this argument is missing")),
    "arguments in order, too many": (published(["custom.door", 1, 2]), invalid("bus.publish takes at most 2 arguments, not 3")),
    "arguments in order, a wrong one": (published([5]), invalid("subject: must be text, not a whole number")),
    "an argument that is missing": (published({"data": 1}), invalid("subject: this argument is missing")),
    "an argument that is not there": (
        published({"subject": "custom.door", "colour": 1}),
        invalid("colour: no such argument; there are: data, subject"),
    ),
    "an argument of a wrong type": (published({"subject": None}), invalid("subject: must be text, not null")),
    "an argument of netd's own": (
        published({"subject": "custom.door", "caller": "me"}),
        invalid("caller: no such argument; there are: data, subject"),
    ),
    "an instance that is not there": (
        asked(params={"instance": "lab2"}),
        invalid("no instance 'lab2'; there is only main"),
    ),
    "an instance that is a number": (asked(params={"instance": 2}), invalid("no instance 2; there is only main")),
}


class JsonRpcTests(SynchronousTestCase):
    """One test for each row."""

    def check(self, text: str, expected: Pattern) -> None:
        """Ask it everywhere; see that the answers are as expected, and alike."""
        answers = {way.__name__: self.driver(way).ask(text) for way in WAYS}
        for name, answer in answers.items():
            self.assertIsNone(difference(expected, answer, f"the answer over {name}"))
            self.assertEqual(answer, answers[Rpc.__name__], name)

    def driver(self, way: type[JsonDriver]) -> JsonDriver:
        """A connection of an admin's."""
        driver = way(the_world(), Role.ADMIN)
        self.addCleanup(driver.close)
        return driver

    def test_carried_out(self) -> None:
        """A notification is carried out everywhere, though nothing is answered."""
        for way in WAYS:
            driver = self.driver(way)
            self.assertIsNone(driver.ask(asked(id=..., method="bus.publish", params=["custom.note", way.__name__])))
            kept = driver.call("bus.last", {"pattern": "custom.note"})["result"]
            self.assertEqual([one["data"] for one in kept], [way.__name__])


def _test(name: str, text: str, expected: Pattern) -> Callable[[JsonRpcTests], None]:
    def test(self: JsonRpcTests) -> None:
        self.check(text, expected)

    test.__name__ = f"test_{'_'.join(re.findall('[a-z]+', name))}"
    test.__qualname__ = f"{JsonRpcTests.__qualname__}.{test.__name__}"
    test.__doc__ = f"What is answered to {name}."
    return test


for _name, (_text, _expected) in ROWS.items():
    _made = _test(_name, _text, _expected)
    if hasattr(JsonRpcTests, _made.__name__):
        raise ValueError(f"two rows are called {_name!r}")
    setattr(JsonRpcTests, _made.__name__, _made)
