"""Tests of :mod:`netd.client.control` over a pair of connected sockets: no daemon, no waiting."""

from __future__ import annotations

import errno
import itertools
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.client.control import (
    MAX_REQUEST,
    BadAnswer,
    Control,
    ControlError,
    ControlTimeout,
    InternalFault,
    InvalidArguments,
    InvalidRequest,
    Lost,
    NoSuchOperation,
    NoSuchTarget,
    NotInTime,
    NotPermitted,
    NotRunning,
    OperationFailed,
    RemoteError,
    RequestTooLong,
    encode_request,
    read_answer,
)

PATH = Path("/state/control.sock")


def line(**members: Any) -> bytes:
    """An answer as the daemon writes it."""
    return json.dumps({"jsonrpc": "2.0", **members}).encode() + b"\n"


class EncodeTests(SynchronousTestCase):
    @given(st.text(), st.dictionaries(st.text(), st.text()))
    def test_one_line(self, method: str, params: dict[str, str]) -> None:
        """Whatever is asked, it is one line that says it."""
        encoded = encode_request(7, method, params)
        self.assertEqual(encoded.count(b"\n"), 1)
        self.assertEqual(json.loads(encoded), {"jsonrpc": "2.0", "id": 7, "method": method, "params": params})

    def test_too_long(self) -> None:
        """A request that the daemon would not take is refused here, with both sizes; the longest that it takes is not."""
        empty = len(encode_request(1, "x", {"text": ""}))
        self.assertEqual(len(encode_request(1, "x", {"text": "a" * (MAX_REQUEST - empty)})), MAX_REQUEST)
        with self.assertRaisesRegex(RequestTooLong, "x takes 1048577 bytes; the control socket takes 1048576"):
            encode_request(1, "x", {"text": "a" * (MAX_REQUEST - empty + 1)})

    def test_not_json(self) -> None:
        """What JSON cannot say is the caller's mistake."""
        self.assertRaises(ValueError, encode_request, 1, "x", {"number": float("nan")})


class ReadAnswerTests(SynchronousTestCase):
    def test_result(self) -> None:
        """The answer to this request is taken, that to another is not; null is a result, too."""
        self.assertEqual(read_answer(line(id=7, result={"a": 1}), 7), (True, {"a": 1}))
        self.assertEqual(read_answer(line(id=7, result=None), 7), (True, None))
        self.assertEqual(read_answer(line(id=6, result=1), 7)[0], False)
        self.assertEqual(read_answer(line(id=6, error={"code": 1, "message": "x"}), 7)[0], False)

    def test_errors(self) -> None:
        """Each code is an error of its own class, which carries code, message and data."""
        classes = {
            -32700: InvalidRequest,
            -32600: InvalidRequest,
            -32601: NoSuchOperation,
            -32602: InvalidArguments,
            -32603: InternalFault,
            -32000: OperationFailed,
            -32001: NoSuchTarget,
            -32002: NotPermitted,
            -32003: NotInTime,
            5: RemoteError,
        }
        for code, error_class in classes.items():
            for number in (7, None):  # null: the daemon could not make out which request it was
                with self.assertRaises(error_class) as caught:
                    read_answer(line(id=number, error={"code": code, "message": "why", "data": [1]}), 7)
                error = caught.exception
                self.assertEqual((type(error), error.code, str(error), error.data), (error_class, code, "why", [1]))

    def test_bad(self) -> None:
        """What is no answer is an error that quotes it."""
        bad = [
            b"",
            b"hello",
            b"\xff",
            b"[" * 100_000,
            b"[]",
            b'{"id": 7, "result": 1}',
            line(id=7),
            line(id=7, result=1, error=None),
            line(id=7, error="no"),
            line(id=7, error={"code": "x", "message": "y"}),
            line(id=7, error={"code": 1}),
        ]
        for text in bad:
            self.assertRaises(BadAnswer, read_answer, text, 7)

    @given(st.binary() | st.recursive(st.none() | st.integers(), st.lists).map(lambda value: json.dumps(value).encode()))
    def test_any_bytes(self, text: bytes) -> None:
        """Whatever comes back is an answer or one clear error."""
        self.assertRaises(BadAnswer, read_answer, text, 7)


class PairTests(SynchronousTestCase):
    """The daemon is the other end of a socket pair: what it says is written before it is asked."""

    def setUp(self) -> None:
        self.daemons: list[socket.socket] = []
        self.asked: list[tuple[Path, float]] = []
        self.script: list[bytes] = []
        self.hangs_up = False
        self.clock: Callable[[], float] = lambda: 0.0

    def now(self) -> float:
        """Seconds, by the test's clock."""
        return self.clock()

    def connect(self, path: Path, timeout: float) -> socket.socket:
        """A connection to a daemon that says the next part of the script."""
        self.asked.append((path, timeout))
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        self.daemons.append(theirs)
        theirs.sendall(self.script.pop(0))
        if self.hangs_up:
            theirs.shutdown(socket.SHUT_WR)
        return ours

    def control(self, *script: bytes, **options: Any) -> Control:
        """A client of a daemon that says *script*, one part for each connection."""
        self.script = list(script)
        control = Control(PATH, 3.0, connect=self.connect, clock=self.now, **options)
        self.addCleanup(control.close)
        return control


class CallTests(PairTests):
    def test_call(self) -> None:
        """An operation is asked for by name, with its arguments by name, whatever they are called."""
        control = self.control(line(id=1, result=["a"]) + line(id=2, result="b"))
        self.assertEqual(self.asked, [])
        self.assertEqual(control.call("relay.devices"), ["a"])
        self.assertEqual(control.call("odd", self=1, method=2), "b")
        self.assertEqual(self.asked, [(PATH, 3.0)])
        first, second = self.daemons[0].recv(65536).splitlines()
        self.assertEqual(json.loads(first), {"jsonrpc": "2.0", "id": 1, "method": "relay.devices", "params": {}})
        self.assertEqual(json.loads(second)["params"], {"self": 1, "method": 2})

    def test_out_of_order(self) -> None:
        """An answer to something else is passed over."""
        control = self.control(
            line(id=99, result="other") + line(id=98, error={"code": -1, "message": "x"}) + line(id=1, result="mine")
        )
        self.assertEqual(control.call("x"), "mine")

    def test_error_keeps_the_connection(self) -> None:
        """After an error answer the same connection goes on."""
        control = self.control(line(id=1, error={"code": -32001, "message": "none"}) + line(id=2, result=5))
        self.assertRaises(NoSuchTarget, control.call, "x")
        self.assertEqual(control.call("x"), 5)
        self.assertEqual(len(self.asked), 1)

    def test_lost(self) -> None:
        """A daemon that hangs up instead of answering is told as that; the next call tries anew."""
        self.hangs_up = True
        control = self.control(b'{"half', line(id=2, result=5))
        with self.assertRaisesRegex(Lost, "closed the connection instead of answering"):
            control.call("x")
        self.assertEqual(control.call("x"), 5)

    def test_broken(self) -> None:
        """So is a connection that breaks while the request is written."""
        control = self.control(line(id=1, result=1))
        control.call("x")
        self.daemons[0].close()
        with self.assertRaisesRegex(Lost, "broke before it answered relay.send"):
            control.call("relay.send")

    def test_bad_answer(self) -> None:
        """After something that is no answer the connection is not trusted any more."""
        control = self.control(b"hello\n" + line(id=2, result="stale"), line(id=2, result="fresh"))
        self.assertRaises(BadAnswer, control.call, "x")
        self.assertEqual(control.call("x"), "fresh")

    def test_answer_too_long(self) -> None:
        """An answer without end does not fill the memory."""
        control = self.control(b"x" * 5000, max_answer=1000)
        with self.assertRaisesRegex(BadAnswer, "longer than 1000 bytes"):
            control.call("x")

    def test_timeout(self) -> None:
        """The time is for the whole call, however the answer dribbles in; a late answer is not taken for the next one."""
        self.clock = itertools.count().__next__
        control = self.control(b"{", line(id=2, result="fresh"))
        with self.assertRaisesRegex(ControlTimeout, "did not answer relay.send within 3 s"):
            control.call("relay.send")
        self.clock = lambda: 0.0
        self.assertEqual(control.call("x"), "fresh")

    def test_context(self) -> None:
        """Leaving the with closes the connection."""
        with self.control(line(id=1, result=1)) as control:
            control.call("x")
        self.daemons[0].recv(1000)
        self.assertEqual(self.daemons[0].recv(1000), b"")


class WaitClosedTests(PairTests):
    def test_closed(self) -> None:
        """Once the daemon has hung up, whatever it said before, it has stopped."""
        control = self.control(line(id=1, result=1))
        control.call("system.stop")
        self.daemons[0].sendall(b"more")
        self.daemons[0].shutdown(socket.SHUT_WR)
        control.wait_closed()

    def test_never_connected(self) -> None:
        """Without a connection there is nothing to wait for."""
        self.control().wait_closed()
        self.assertEqual(self.asked, [])

    def test_reset(self) -> None:
        """A connection that breaks has ended, too."""
        control = self.control(line(id=1, result=1))
        control.call("system.stop")
        self.daemons[0].close()  # with the request unread: the connection is reset
        control.wait_closed()

    def test_still_there(self) -> None:
        """A daemon that goes on is not taken for one that has stopped."""
        control = self.control(line(id=1, result=1))
        control.call("system.stop")
        self.daemons[0].sendall(b"more")
        self.clock = itertools.count(step=2).__next__
        with self.assertRaisesRegex(ControlTimeout, "has not stopped within 3 s"):
            control.wait_closed()


class RefusingSocket(socket.socket):
    """A socket whose connection ends as the operating system says."""

    error: OSError

    def connect(self, address: Any) -> None:
        """Fail."""
        raise self.error


class ConnectErrorTests(SynchronousTestCase):
    def error(self, error: OSError) -> ControlError:
        """What the caller of a control reads when the operating system says *error*."""

        class Refusing(RefusingSocket):
            pass

        Refusing.error = error
        self.patch(socket, "socket", Refusing)
        with self.assertRaises(ControlError) as caught:
            Control(PATH).call("x")
        return caught.exception

    def test_each(self) -> None:
        """Each way in which there can be no connection is named, with the place and a remedy."""
        for number, error_class, said in [
            (
                errno.ENOENT,
                NotRunning,
                "no socket at /state/control.sock; start it with `netd run`, or say where it is with --state DIR",
            ),
            (errno.ENOTDIR, NotRunning, "no socket at /state/control.sock"),
            (errno.ECONNREFUSED, NotRunning, "nobody listens at /state/control.sock"),
            (errno.EACCES, None, "only the user that runs this netd may"),
            (errno.EAGAIN, ControlTimeout, "does not take the connection"),
            (errno.ETIMEDOUT, ControlTimeout, "does not take the connection"),
            (errno.EPROTOTYPE, None, "cannot open the control socket /state/control.sock"),
        ]:
            error = self.error(OSError(number, "as the system says"))
            self.assertIn(said, str(error))
            if error_class is not None:
                self.assertIsInstance(error, error_class)

    def test_path_too_long(self) -> None:
        """A path that no socket can have says so."""
        self.assertIn("AF_UNIX path too long", str(self.error(OSError("AF_UNIX path too long"))))
