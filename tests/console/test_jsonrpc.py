"""JSON-RPC 2.0 as text: what is a request, and how answers look (console protocol)."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import BadJSON
from netd.console.jsonrpc import MAX_BATCH, BadRequest, Request, answer, failure, join, parse, result_of
from netd.errors import (
    Gone,
    InvalidArguments,
    NoSuchOperation,
    NoSuchTarget,
    NotInTime,
    NotPermitted,
    OperationFailed,
    Outdated,
    TimedOut,
)

IDS = st.none() | st.text(max_size=5) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)


def request_text(**members: object) -> bytes:
    """A request with these members, as a client writes it."""
    return json.dumps({"jsonrpc": "2.0", **members}).encode()


class ParseTests(SynchronousTestCase):
    def problem(self, text: bytes) -> tuple[object, str]:
        """Id and text of the one problem in *text*."""
        ((request,), is_batch) = parse(text)
        self.assertFalse(is_batch)
        assert request.problem is not None, request
        return request.id, str(request.problem)

    def test_request(self) -> None:
        """A request is read with its arguments by name, by position, or without any."""
        for params in ({"target": "gh"}, ["gh"]):
            text = request_text(id=7, method="relay.send", params=params)
            self.assertEqual(([Request(7, "relay.send", params)], False), parse(text))
        self.assertEqual(([Request("a", "system.stop", {})], False), parse(request_text(id="a", method="system.stop")))

    def test_notification(self) -> None:
        """Only a request that has no id at all wants no answer; an id of null is an id."""
        self.assertTrue(parse(request_text(method="m"))[0][0].is_notification)
        self.assertFalse(parse(request_text(method="m", id=None))[0][0].is_notification)

    def test_batch(self) -> None:
        """A batch keeps its order, and what is bad in it spoils nothing else."""
        requests, is_batch = parse(b'[{"jsonrpc":"2.0","id":1,"method":"a"},3,{"jsonrpc":"2.0","id":2,"method":"b"}]')
        self.assertTrue(is_batch)
        self.assertEqual([(1, "a"), (None, ""), (2, "b")], [(request.id, request.method) for request in requests])
        self.assertIsInstance(requests[1].problem, BadRequest)

    def test_batch_of_one(self) -> None:
        """A batch of one is a batch: its answer is a batch of one."""
        self.assertTrue(parse(b"[" + request_text(id=1, method="a") + b"]")[1])

    def test_batches_that_are_none(self) -> None:
        """An empty batch, and one that is too long, get a single error."""
        self.assertEqual((None, "an empty batch"), self.problem(b"[]"))
        self.assertEqual((None, f"a batch has at most {MAX_BATCH} requests"), self.problem(b"[" + b"1," * MAX_BATCH + b"1]"))
        self.assertEqual(MAX_BATCH, len(parse(b"[" + b"1," * (MAX_BATCH - 1) + b"1]")[0]))

    def test_what_is_wrong(self) -> None:
        """A caller learns which member of its request is wrong, under the request's own id where that can be told."""
        self.assertEqual((None, "a request is an object"), self.problem(b"3"))
        self.assertEqual((7, "`method` is a string"), self.problem(request_text(id=7, method=3)))
        self.assertEqual((7, "`method` is a string"), self.problem(request_text(id=7)))
        self.assertEqual((7, "`params` is an object or an array"), self.problem(request_text(id=7, method="m", params="x")))
        self.assertEqual((7, "`params` is an object or an array"), self.problem(request_text(id=7, method="m", params=None)))
        self.assertEqual((7, 'a request says "jsonrpc": "2.0"'), self.problem(b'{"id": 7, "method": "m"}'))
        bad_ids: tuple[object, ...] = (True, [], {})
        for bad_id in bad_ids:
            self.assertEqual((None, "`id` is a string, a number or null"), self.problem(request_text(id=bad_id, method="m")))

    def test_not_json(self) -> None:
        """What is no JSON is told so."""
        ((request,), _) = parse(b"{]")
        self.assertIsInstance(request.problem, BadJSON)

    @given(IDS)
    def test_ids(self, request_id: object) -> None:
        """An answer carries the id exactly as the caller chose it, or the caller cannot match it."""
        (request,), _ = parse(request_text(id=request_id, method="m"))
        self.assertEqual((None, request_id), (request.problem, request.id))
        self.assertEqual({"jsonrpc": "2.0", "id": request_id, "result": 1}, json.loads(answer(request.id, 1)))


class AnswerTests(SynchronousTestCase):
    def error(self, error: Exception) -> tuple[int, str]:
        """Code and message of the answer about *error*."""
        told = json.loads(failure(7, error))
        self.assertEqual({"jsonrpc", "id", "error"}, told.keys())
        self.assertEqual(("2.0", 7), (told["jsonrpc"], told["id"]))
        return told["error"]["code"], told["error"]["message"]

    def test_codes(self) -> None:
        """Each kind of trouble has its code, and the message for the person."""
        for kind, code in (
            (BadJSON, -32700),
            (BadRequest, -32600),
            (NoSuchOperation, -32601),
            (InvalidArguments, -32602),
            (OperationFailed, -32000),
            (Gone, -32000),
            (NoSuchTarget, -32001),
            (NotPermitted, -32002),
        ):
            self.assertEqual((code, "why"), self.error(kind("why")))

    def test_own_fault(self) -> None:
        """What went wrong inside netd is not shown to callers: it may hold anything."""
        for error in (ValueError("the secret"), KeyError("the secret"), TimedOut("the secret")):
            self.assertEqual((-32603, "internal error; netd's log has it"), self.error(error))

    def test_result(self) -> None:
        """A result is carried as it is: null, bytes as base64, text of all languages."""
        self.assertEqual(b'{"jsonrpc":"2.0","id":7,"result":null}', answer(7, None))
        self.assertEqual("aGk=", json.loads(answer("a", {"answer": b"hi"}))["result"]["answer"])
        self.assertEqual("☀", json.loads(answer("a", "☀"))["result"])

    def test_result_that_cannot_be_json(self) -> None:
        """An operation whose result no JSON can hold is answered with an error that says so."""
        told = json.loads(answer(7, object()))
        self.assertEqual((7, -32000), (told["id"], told["error"]["code"]))
        self.assertIn("cannot be written as JSON", told["error"]["message"])

    def test_batch(self) -> None:
        """The answers of a batch come as one array."""
        self.assertEqual([1, 2], [one["id"] for one in json.loads(join([answer(1, None), answer(2, None)]))])


class UnspeakableTests(SynchronousTestCase):
    def test_lone_surrogate(self) -> None:
        """An error whose text no JSON can hold, such as the name of a file, is told all the same, escaped."""
        told = json.loads(failure(1, InvalidArguments("no file a\udcff")))
        self.assertEqual("no file a\\udcff", told["error"]["message"])


class ResultTests(SynchronousTestCase):
    """A node reads the answers of another."""

    def test_result(self) -> None:
        """The result comes out as it went in."""
        for result in (None, {"a": [1, 2.5]}, "x"):
            self.assertEqual(result, result_of(answer(1, result)))

    def test_errors(self) -> None:
        """An error is of the same class as on the other node, with what programs can know of it."""
        known = {"known": "maybe"}
        for error in (NoSuchOperation("a"), InvalidArguments("b"), NotPermitted("c"), NoSuchTarget("d"), NotInTime("e", known)):
            raised = self.assertRaises(type(error), result_of, failure(1, error))
            self.assertEqual(str(error), str(raised))
        self.assertEqual(known, self.assertRaises(NotInTime, result_of, failure(1, NotInTime("e", known))).data)
        self.assertEqual({"version": 8}, self.assertRaises(Outdated, result_of, failure(1, Outdated("f", {"version": 8}))).data)

    def test_fault(self) -> None:
        """A fault of the other daemon's own is one of the operation here: this daemon's log has nothing of it."""
        raised = self.assertRaises(OperationFailed, result_of, failure(1, ValueError("secret")))
        self.assertEqual("internal error; netd's log has it", str(raised))

    def test_unreadable(self) -> None:
        """What is no answer is told apart from an error of the operation."""
        for text in (b"", b"[]", b"{}", b'{"error": 1}', b'{"error": {"code": -32000}}'):
            self.assertRaises(BadJSON, result_of, text)
