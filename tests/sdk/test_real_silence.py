"""What no real netd does on demand: bytes one by one, half a message, silence. Each client meets a relay that does."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

from tests.process import PATIENCE, RealTestCase, frame, read_frame
from tests.sdk.clients import WIRE, Role, all_clients, play

HOST = "127.0.0.1"

PING = 1
"""Seconds between two pings, which the relay promises and does not send."""


def pair(envelope: Mapping[str, Any], payload: bytes = b"") -> bytes:
    """An envelope and a payload."""
    return frame(json.dumps(envelope).encode()) + frame(payload)


class StrangeRelay:
    """A relay for one device, which it meets four times.

    :ivar found: what it has found out.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(PATIENCE)
        self.port: int = self._listener.getsockname()[1]
        self.found: dict[str, Any] = {}
        self.thread = threading.Thread(target=self._meet, daemon=True)

    def _meet(self) -> None:
        with self._listener:
            for meeting in (self._one_by_one, self._half, self._silent, self._last):
                device, _ = self._listener.accept()
                device.settimeout(PATIENCE)
                device.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with device:
                    word, _, hello = read_frame(device).partition(b" ")
                    meeting(device, word, json.loads(hello))

    def _welcome(self, device: socket.socket) -> None:
        device.sendall(pair({"status": "welcome", "name": "lamp", "address": "here", "generation": 1, "ping": PING}))

    def _one_by_one(self, device: socket.socket, word: bytes, hello: dict[str, Any]) -> None:
        """Say a message byte by byte, with a member in its envelope that nobody knows; then one with no answer to it."""
        self.found["word"], self.found["asks for pings"] = word, hello["ping"] > 0
        said = pair({"status": "welcome", "name": "lamp", "ping": PING, "new": [1, {"x": None}]})
        for byte in said + pair({"status": "ping"}) + pair({"id": 7, "from": "here", "new": 1.5e3}, "Tür auf".encode()):
            device.sendall(bytes([byte]))
        envelope = json.loads(read_frame(device))
        self.found["answer"] = (envelope["id"], envelope["status"], read_frame(device))

    def _half(self, device: socket.socket, _word: bytes, _hello: dict[str, Any]) -> None:
        """Hang up in the middle of a message."""
        self._welcome(device)
        device.sendall(pair({"id": 8, "from": "here"}, b"nobody gets this")[:-5])

    def _silent(self, device: socket.socket, _word: bytes, _hello: dict[str, Any]) -> None:
        """Say nothing more, and never hang up."""
        self._welcome(device)
        begun = time.monotonic()
        self.found["hangs up"] = device.recv(1) == b""
        self.found["silence"] = time.monotonic() - begun

    def _last(self, device: socket.socket, _word: bytes, _hello: dict[str, Any]) -> None:
        """Take an answer as from any other relay: nothing is left of what was half."""
        self._welcome(device)
        device.sendall(pair({"id": 9, "from": "here"}, b"again"))
        self.found["at last"] = (json.loads(read_frame(device))["id"], read_frame(device))


class SilenceTests(RealTestCase):
    def test_silence(self) -> None:
        """Each client bears it, and finds out within some seconds that a relay which says nothing is gone."""
        clients = [client for client in all_clients(self.folder) if WIRE in client.does]
        relays = {client: StrangeRelay() for client in clients}
        roles = [
            Role(client, client.name, ("device", HOST, str(relay.port), client.name, "pause=20"))
            for client, relay in relays.items()
        ]
        for process in set(play(roles, self.folder).values()):
            self.addCleanup(process.end)
        for relay in relays.values():
            relay.thread.start()
        for client, relay in relays.items():
            relay.thread.join(PATIENCE)
            silence = relay.found.pop("silence", 0.0)
            self.assertTrue(2.9 * PING < silence < 6 * PING, f"{client.name}: {silence:.1f} s")
            expected = {
                "word": b"device",
                "asks for pings": True,
                "answer": (7, "acknowledged", "Tür auf".encode()),
                "hangs up": True,
                "at last": (9, b"again"),
            }
            self.assertEqual(relay.found, expected, client.name)
