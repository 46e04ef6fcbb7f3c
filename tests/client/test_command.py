"""Tests of :mod:`netd.client.command`, with a socket and a clock that are not there."""

from __future__ import annotations

import io
import json
import socket
import sys
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.client import command
from netd.client.command import BadAnswer, Caller, CommandFailed, ConnectionLost, NotConnected, NotInTime, Surroundings, send_data
from netd.client.command_messages import MAX_ANSWER, AnswerDecoder, command_line, result_of
from tests.client.sockets import MemorySocket, waiter

ANSWERS = b'{"status": "success"}\n{"id": 2, "status": "error", "error": "\xc3\xa4"}\r\n\n{"status": "failed"}'


def decoded(*pieces: bytes) -> list[dict[str, Any]]:
    """All answers in a stream that comes in *pieces*."""
    decoder = AnswerDecoder()
    found = []
    for piece in pieces:
        decoder.feed(piece)
        while (answer := decoder.next_answer()) is not None:
            found.append(answer)
    return found


class DecoderTests(SynchronousTestCase):
    def test_every_cut(self) -> None:
        """Answers are the same however the stream is cut; the last one has no newline, as old servers send it."""
        whole = decoded(ANSWERS)
        self.assertEqual([answer["status"] for answer in whole], ["success", "error", "failed"])
        self.assertEqual(decoded(*(bytes([byte]) for byte in ANSWERS)), whole)
        for at in range(1, len(ANSWERS)):
            self.assertEqual(decoded(ANSWERS[:at], ANSWERS[at:]), whole)

    def test_an_object_within(self) -> None:
        """An object that ends inside of another is not taken for the answer."""
        self.assertEqual(decoded(b'{"status": "success", "result": {"a": 1}', b"}"), [{"status": "success", "result": {"a": 1}}])

    def test_no_answer(self) -> None:
        """What is no answer is told with its beginning."""
        for text in (b"HTTP/1.1 400 Bad Request\r\n", b"[]\n", b"\xff\n", b"[" * 100_000 + b"\n"):
            with self.assertRaisesRegex(BadAnswer, "is that the port of a command server"):
                decoded(text)

    def test_too_long(self) -> None:
        """An answer that never ends is given up."""
        decoder = AnswerDecoder()
        decoder.feed(b"x" * (MAX_ANSWER + 1))
        self.assertRaises(BadAnswer, decoder.next_answer)

    @given(st.lists(st.binary(max_size=40)))
    def test_any_bytes(self, pieces: list[bytes]) -> None:
        """Whatever bytes come, there is an answer, or the one error."""
        try:
            found = decoded(*pieces)
        except BadAnswer:
            return
        self.assertTrue(all(isinstance(answer, dict) for answer in found))


class AnswerTests(SynchronousTestCase):
    def test_words(self) -> None:
        """Success has a result or none; every other word is a failure, the old servers' among them."""
        self.assertEqual(result_of({"status": "success", "result": 3}), 3)
        self.assertIsNone(result_of({"status": "success"}))
        for answer, text in (
            ({"status": "error", "error": "no"}, "no"),
            ({"status": "failed"}, "the server gave no reason"),
            ({}, "status None"),
        ):
            with self.assertRaisesRegex(CommandFailed, text) as caught:
                result_of(answer)
            self.assertEqual(caught.exception.answer, answer)

    def test_what_cannot_be_sent(self) -> None:
        """What is no JSON is refused before anything is sent."""
        self.assertRaises(TypeError, command_line, {"a": object()})
        self.assertRaises(ValueError, command_line, {"a": float("nan")})


class FakeSocket(MemorySocket):
    """A connection whose other side is a list of what comes: bytes, an error, or None where nothing does.

    :ivar unasked: what comes between two commands.
    """

    def __init__(self, *pieces: bytes | OSError | None) -> None:
        super().__init__()
        self.pieces = list(pieces)
        self.unasked: bytes | OSError = BlockingIOError()
        self._is_awaited = False

    def wait(self, seconds: float | None, is_writing: bool) -> bool:
        """Whether the next piece is one."""
        self._is_awaited = True
        return not is_writing and self.pieces[0] is not None

    def recv(self, size: int) -> bytes:
        """The next piece, if it was waited for."""
        piece = self.pieces.pop(0) if self._is_awaited else self.unasked
        self._is_awaited = False
        if not isinstance(piece, bytes):
            assert piece is not None
            raise piece
        return piece


class WorldTests(SynchronousTestCase):
    """Clients in a world where each connection is the next of a list."""

    def setUp(self) -> None:
        self.sockets: list[FakeSocket] = []
        self.dialled: list[tuple[str, int, float]] = []
        self.now = 0.0
        self.surroundings = Surroundings(self._connect, self._clock, waiter=waiter)

    def _clock(self) -> float:
        self.now += 0.25
        return self.now

    def _connect(self, host: str, port: int, timeout: float) -> socket.socket:
        self.dialled.append((host, port, timeout))
        if not self.sockets:
            raise ConnectionRefusedError("refused")
        return cast(socket.socket, self.sockets.pop(0))

    def caller(self, *sockets: FakeSocket) -> Caller:
        """A caller whose connections are *sockets*."""
        self.sockets = list(sockets)
        return Caller("h", 1, surroundings=self.surroundings)


class CallerTests(WorldTests):
    def test_one_connection(self) -> None:
        """Calls share a connection; each has its id, and its arguments by mapping and by name."""
        wire = FakeSocket(b'{"id":1,"status":"success","result":[1]}\n', b'{"id":2,', b'"status":"success"}\n')
        with self.caller(wire) as caller:
            self.assertEqual(caller.call("a", {"x": 1}, y=2), [1])
            self.assertIsNone(caller.call("b"))
        self.assertEqual(self.dialled, [("h", 1, 5.0)])
        sent = [json.loads(line) for line in wire.sent.splitlines()]
        self.assertEqual(sent, [{"command_id": "a", "x": 1, "y": 2, "id": 1}, {"command_id": "b", "id": 2}])
        self.assertTrue(wire.is_closed)

    def test_old_server(self) -> None:
        """A server that answers without an id and closes is called anew for the next command."""
        first, second = FakeSocket(b'{"status": "success"}'), FakeSocket(b'{"status": "failed", "error": "no"}')
        caller = self.caller(first, second)
        self.assertIsNone(caller.call("a"))
        self.assertRaises(CommandFailed, caller.call, "a")
        self.assertEqual(len(self.dialled), 2)

    def test_connection_lost_meanwhile(self) -> None:
        """A connection that was lost between two calls is made anew; nothing is sent twice."""
        for unasked in (ConnectionResetError(), b"", b"?"):
            first, second = FakeSocket(b'{"id":1,"status":"success"}\n'), FakeSocket(b'{"id":2,"status":"success"}\n')
            first.unasked = unasked
            caller = self.caller(first, second)
            caller.call("a")
            caller.call("b")
            self.assertEqual((first.sent.count(b"\n"), second.sent.count(b"\n")), (1, 1))

    def test_said_unasked(self) -> None:
        """What the server says behind an answer is not taken for the next one: the next call makes a connection of its own."""
        for more in (b'{"status":"error","error":"idle"}\n', b'{"status'):
            first = FakeSocket(b'{"id":1,"status":"success"}\n' + more)
            caller = self.caller(first, FakeSocket(b'{"id":2,"status":"success","result":2}\n'))
            caller.call("a")
            self.assertEqual((caller.call("b"), first.is_closed), (2, True))
        kept = FakeSocket(b'{"id":1,"status":"success"}\r\n \n', b'{"id":2,"status":"success"}\n')
        caller = self.caller(kept)
        caller.call("a")
        caller.call("b")
        self.assertFalse(kept.is_closed)

    def test_an_answer_to_another(self) -> None:
        """An answer with another id is passed over."""
        self.assertEqual(
            self.caller(FakeSocket(b'{"id":9,"status":"error"}\n{"id":1,"status":"success","result":1}\n')).call("a"), 1
        )

    def test_lost(self) -> None:
        """A connection that ends or breaks before the answer is told as lost."""
        broken = FakeSocket()
        broken.broken = BrokenPipeError("broken")
        for wire in (FakeSocket(b""), FakeSocket(ConnectionResetError("reset")), broken):
            caller = self.caller(wire)
            self.assertRaises(ConnectionLost, caller.call, "a")
            self.assertTrue(wire.is_closed)

    def test_late(self) -> None:
        """An answer that does not come in time is told so, whatever the server drips meanwhile."""
        blocked = FakeSocket()
        blocked.broken = BlockingIOError()
        for wire in (FakeSocket(None), FakeSocket(*[b" "] * 99), blocked):
            self.assertRaises(NotInTime, self.caller(wire).call, "a")

    def test_not_connected(self) -> None:
        """A server that cannot be reached is named."""
        with self.assertRaisesRegex(NotConnected, "cannot reach the command server at h:1: refused"):
            self.caller().call("a")

    def test_closed(self) -> None:
        """A caller that was closed calls no more, not even when that happens while it connects."""
        caller = self.caller(FakeSocket())
        caller.close()
        self.assertRaises(NotConnected, caller.call, "a")
        wire = FakeSocket()
        caller = self.caller()

        def connect(host: str, port: int, timeout: float) -> socket.socket:
            caller.close()
            return cast(socket.socket, wire)

        self.surroundings = self.surroundings._replace(connect=connect)
        caller = Caller("h", 1, surroundings=self.surroundings)
        self.assertRaises(NotConnected, caller.call, "a")
        self.assertTrue(wire.is_closed)

    def test_wrong_arguments(self) -> None:
        """Names that are the protocol's own, and ports that are none, are refused."""
        self.assertRaisesRegex(ValueError, "id: no argument", self.caller().call, "a", {"id": 1})
        self.assertRaisesRegex(ValueError, "port: 0", Caller, "h", 0)

    def test_commands(self) -> None:
        """The list of commands; none where the server answers something else."""
        wire = FakeSocket(b'{"id":1,"status":"success","result":[{"command_id":"a"}]}\n', b'{"id":2,"status":"success"}\n')
        caller = self.caller(wire)
        self.assertEqual((caller.commands(), caller.commands()), ([{"command_id": "a"}], []))
        self.assertIn(b"command.list", wire.sent)


class SendDataTests(WorldTests):
    def setUp(self) -> None:
        super().setUp()
        self.called: list[tuple[str, Any]] = []
        self.output = io.StringIO()
        self.patch(sys, "stdout", self.output)

    def send(self, *pieces: bytes | OSError | None, **options: Any) -> Any:
        """What ``send_data`` returns when the server says *pieces*."""
        self.sockets = [FakeSocket(*pieces)] if pieces else []
        return send_data({"command_id": "test_command"}, surroundings=self.surroundings, **options)

    def callbacks(self) -> dict[str, Any]:
        """Callbacks that note what they are called with."""
        return {
            "server_success": lambda answer: self.called.append(("success", answer)),
            "server_fail": lambda answer: self.called.append(("fail", answer)),
            "fail_connect": lambda: self.called.append(("connect", None)),
        }

    def test_callbacks(self) -> None:
        """Each outcome calls its function, once; ``error`` and the old servers' ``failed`` are one."""
        for pieces, name in (
            ((b'{"status": "success"}',), "success"),
            ((b'{"status": "error", "error": "no"}\n',), "fail"),
            ((b'{"status": "failed"}',), "fail"),
            ((), "connect"),
            ((b"",), "connect"),
            ((b"nonsense\n",), "connect"),
            ((None,), "connect"),
        ):
            self.called.clear()
            answer = self.send(*pieces, **self.callbacks())
            self.assertEqual([(name, answer)], self.called)

    def test_functions_of_the_module(self) -> None:
        """Without callbacks the module's functions are called, which say what the old ones said."""
        self.send(b'{"status": "success"}')
        self.send(b'{"status": "error", "error": "no"}')
        self.send()
        self.assertEqual(
            self.output.getvalue().splitlines(),
            [
                "Server reported success.",
                "Server reported an error. no",
                "Failed to connect to the server or the server timed out.",
            ],
        )

    def test_replaced_functions(self) -> None:
        """Functions that a program puts in their place are called instead."""
        self.patch(command, "server_success", self.called.append)
        self.send(b'{"status": "success"}')
        self.assertEqual(self.called, [{"status": "success"}])

    def test_sent(self) -> None:
        """The object goes out as it is, in one line, to the old programs' place."""
        wire = FakeSocket(b'{"status": "success"}')
        self.sockets = [wire]
        send_data({"command_id": "a", "b": "ä"}, surroundings=self.surroundings, **self.callbacks())
        self.assertEqual(wire.sent, b'{"command_id": "a", "b": "\\u00e4"}\n')
        self.assertEqual((self.dialled, wire.is_closed), ([("127.0.0.1", 65432, 5.0)], True))

    def test_debug(self) -> None:
        """With ``debug`` it prints what it sends, receives and does not receive."""
        self.send(b'{"status": "success"}', debug=True, **self.callbacks())
        self.send(debug=True, **self.callbacks())
        self.assertEqual(
            [line.partition(":")[0] for line in self.output.getvalue().splitlines()],
            ["sending", "received", "sending", "no answer"],
        )
