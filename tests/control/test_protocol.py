"""One connection of the control socket, without a network (console protocol)."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netd.console.dispatch import Dispatcher
from netd.console.link import MOST_OPEN
from netd.control.protocol import LINE_LIMIT, ControlFactory
from netd.listening import make_context
from netd.operations import Operation, OperationTable, Role
from netd.testing import Connection, RecordingBus, connect


def line(number: int, method: str, *params: object) -> bytes:
    """A request as a caller writes it."""
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


class ControlTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.waiting: list[Deferred[str]] = []
        table = OperationTable()
        table.add(
            [
                Operation("pump.say", self.say, Role.ADMIN, "Say"),
                Operation("pump.wait", self.wait, Role.ADMIN, "Wait"),
            ]
        )
        self.factory = ControlFactory(
            "control", make_context(self.reactor, 30.0), Dispatcher(table, self.reactor.seconds, RecordingBus())
        )
        self.caller = self.connect()

    def connect(self) -> Connection:
        """A caller."""
        return connect(self.factory, self.reactor)

    def say(self, text: str) -> str:
        return text

    def wait(self) -> Deferred[str]:
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def results(self, said: bytes) -> dict[int, object]:
        """The results in the lines *said*, by id."""
        return {answer["id"]: answer["result"] for answer in map(json.loads, said.splitlines())}

    @property
    def is_read(self) -> bool:
        """Whether the caller's connection is being read from."""
        return str(self.caller.transport.producerState) == "producing"


class LineTests(ControlTestCase):
    def test_one_line(self) -> None:
        """A line is answered by a line; the caller may do what an administrator may."""
        self.assertEqual(b'{"jsonrpc":"2.0","id":1,"result":"hello"}\n', self.caller.say(line(1, "pump.say", "hello")))

    @given(st.lists(st.integers(1, 200), max_size=5))
    def test_any_segments(self, cuts: list[int]) -> None:
        """Requests are the same however the stream is cut: a byte at a time, or several lines at once."""
        sent = line(1, "pump.say", "hello") + b"\r\n \n" + line(2, "pump.say", "grüße") + line(3, "pump.say", "")
        edges = [0, *sorted(cuts), len(sent)]
        said = self.caller.say(*(sent[start:end] for start, end in pairwise(edges) if start < end))
        self.assertEqual({1: "hello", 2: "grüße", 3: ""}, self.results(said))

    def test_every_byte_alone(self) -> None:
        """A caller that writes byte by byte is understood."""
        sent = line(1, "pump.say", "grüße")
        self.assertEqual({1: "grüße"}, self.results(self.caller.say(*(bytes([byte]) for byte in sent))))

    def test_slow_line(self) -> None:
        """A long line that comes too slowly is answered with an error, and nothing of it stays."""
        for _ in range(3):
            self.assertFalse(self.caller.is_closing)
            said = self.caller.say(b"x" * 1500)
            self.reactor.advance(10)
        self.assertIn(b"at 1 KiB a second at least", said)
        self.assertTrue(self.caller.is_closing)

    def test_out_of_order(self) -> None:
        """A request that takes long does not hold up those after it."""
        self.assertEqual({2: "quick"}, self.results(self.caller.say(line(1, "pump.wait") + line(2, "pump.say", "quick"))))
        self.waiting[0].callback("slow")
        self.assertEqual({1: "slow"}, self.results(self.caller.heard()))

    def test_notification(self) -> None:
        """A notification is carried out, and no line comes back."""
        self.assertEqual(b"", self.caller.say(b'{"jsonrpc": "2.0", "method": "pump.wait"}\n'))
        self.waiting[0].callback("done")
        self.assertEqual(b"", self.caller.heard())

    def test_bad_line(self) -> None:
        """A line that is no request gets an error, and the connection goes on."""
        self.assertEqual(-32700, json.loads(self.caller.say(b"hello?\n"))["error"]["code"])
        self.assertEqual({1: "a"}, self.results(self.caller.say(line(1, "pump.say", "a"))))

    def test_longest_line(self) -> None:
        """A line of exactly the limit is carried out."""
        request = line(1, "pump.say", "").removesuffix(b"\n")
        self.assertEqual({1: ""}, self.results(self.caller.say(request.ljust(LINE_LIMIT), b"\n")))

    def test_line_too_long(self) -> None:
        """A line over the limit is refused before it is complete, with the reason; then the connection closes."""
        told = json.loads(self.caller.say(b"x" * (LINE_LIMIT + 1)))
        self.assertEqual(
            (None, -32600, f"a line has at most {LINE_LIMIT} bytes"),
            (told["id"], told["error"]["code"], told["error"]["message"]),
        )
        self.assertTrue(self.caller.is_closing)
        self.assertEqual({"line too long": 1}, self.factory.counters()["refused"])
        self.assertEqual(b"", self.caller.say(line(1, "pump.say", "too late")))
        self.caller.lose()
        self.assertEqual([], self.reactor.getDelayedCalls())


class BackPressureTests(ControlTestCase):
    def open_requests(self, count: int) -> None:
        """So many requests that wait."""
        self.caller.say(*(line(number, "pump.wait") for number in range(count)))

    def test_many_open_requests(self) -> None:
        """A caller that asks faster than it is answered is not read from, until an answer is on its way."""
        self.open_requests(MOST_OPEN - 1)
        self.assertTrue(self.is_read)
        self.caller.say(line(MOST_OPEN, "pump.wait"))
        self.assertFalse(self.is_read)
        self.waiting[5].callback("done")
        self.assertTrue(self.is_read)
        self.assertEqual({5: "done"}, self.results(self.caller.heard()))

    def test_all_are_answered(self) -> None:
        """However many came in one segment, each gets its answer, and reading goes on afterwards."""
        self.caller.say(b"".join(line(number, "pump.wait") for number in range(3 * MOST_OPEN)))
        self.assertFalse(self.is_read)
        for waiting in self.waiting:
            waiting.callback("done")
        self.assertEqual(set(range(3 * MOST_OPEN)), set(self.results(self.caller.heard())))
        self.assertTrue(self.is_read)

    def test_answers_that_are_not_read(self) -> None:
        """A caller that does not read its answers is not read from either."""
        self.caller.protocol.peer.pauseProducing()
        self.caller.say(line(1, "pump.say", "x" * 600_000))
        self.assertTrue(self.is_read)
        self.caller.say(line(2, "pump.say", "x" * 600_000))
        self.assertFalse(self.is_read)
        self.caller.protocol.peer.resumeProducing()
        self.assertTrue(self.is_read)
        self.assertEqual({1, 2}, set(self.results(self.caller.heard())))
        self.caller.lose()

    def test_caller_that_left(self) -> None:
        """The answer to somebody who has gone goes nowhere, and disturbs nobody."""
        self.open_requests(MOST_OPEN)
        self.caller.lose()
        for waiting in self.waiting:
            waiting.callback("done")
        self.assertEqual(b"", self.caller.heard())
        self.assertEqual({1: "a"}, self.results(self.connect().say(line(1, "pump.say", "a"))))

    def test_two_callers(self) -> None:
        """One caller's open requests do not hold up another's."""
        self.open_requests(MOST_OPEN)
        self.assertEqual({1: "a"}, self.results(self.connect().say(line(1, "pump.say", "a"))))
