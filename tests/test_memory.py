"""What connections make the daemon hold is free as soon as they are gone: without the garbage collector."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.console.dispatch import Dispatcher
from netd.control.protocol import ControlFactory
from netd.kinds import find_kinds
from netd.listening import make_context
from netd.operations import OperationTable
from netd.testing import RecordingBus, connect, wired

PART = b"x" * 2000
"""Of a message whose end never comes."""

UPGRADE = (
    b"GET %b HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

FRAGMENT = b"\x81\xfe\x0f\xa0abcd" + PART
"""Of a text message of 4,000 bytes."""

POST = b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n"

HALVES = (
    ("relay", b"6".ljust(64) + b"python" + b"greenhouse".ljust(64) + b"4000".ljust(64) + PART),
    ("relay", b"11".ljust(64) + b"raspberrypi" + b"4000".ljust(64) + PART),
    ("relay", b""),
    ("room", b"Lars\n" + PART),
    ("room", b"La"),
    ("command", b'{"command_id": "' + PART),
    ("command", b'{"command_id": "list", "id": 1}\n' + PART),
    ("session", b'{"' + PART),
    ("session", b"s1"),
    ("feed", b"GET / HTTP/1.1\r\nHost: " + PART),
    ("feed", UPGRADE % b"/" + FRAGMENT),
    ("gateway", b"GET / HTTP/1.1\r\nHost: " + PART),
    ("gateway", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET"),
    ("gateway", POST + PART),
    ("gateway", UPGRADE % b"/ws" + FRAGMENT),
)
"""What is said on a connection, by the kind of service."""

MACHINES = ("conversation", "stream", "subscriber", "_conversation", "_session", "_link")


class LetGoTests(SynchronousTestCase):
    def setUp(self) -> None:
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    def life(self, factory: Any, reactor: Any, said: bytes, is_closed: bool) -> list[weakref.ref[Any]]:
        """What there was of a connection that said *said*, and is gone."""
        connection = connect(factory, reactor)
        connection.say(said)
        reactor.advance(0.01)
        protocol = connection.protocol
        memory = factory.share.budget.memory
        if PART in said:
            self.assertGreaterEqual(memory.total, len(PART), said)
        machines = [vars(protocol).get(name) for name in MACHINES]
        found = [
            weakref.ref(thing) for thing in (protocol, *machines) if thing is not None and hasattr(type(thing), "__weakref__")
        ]
        if is_closed:
            protocol.peer.close("the test's own")
        connection.lose()
        self.assertEqual(memory.total, 0)
        return found

    def test_half_messages(self) -> None:
        """Whatever had begun on a connection, on whichever wire, counts as memory; however it ends, nothing is left of it."""
        for kind, said in HALVES:
            for is_closed in (False, True):
                _service, factory, reactor, _bus = wired(find_kinds()[kind])
                alive = [thing for thing in self.life(factory, reactor, said, is_closed) if thing() is not None]
                self.assertEqual([], alive, (kind, said, is_closed))

    def test_control_socket(self) -> None:
        """So it is with the control socket."""
        _service, _factory, reactor, _bus = wired(find_kinds()["relay"])
        factory = ControlFactory(
            "control", make_context(reactor, 8.0), Dispatcher(OperationTable(), reactor.seconds, RecordingBus())
        )
        alive = [thing for thing in self.life(factory, reactor, b'{"jsonrpc": "2.0"' + PART, False) if thing() is not None]
        self.assertEqual([], alive)
