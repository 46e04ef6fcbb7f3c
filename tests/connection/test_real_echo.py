"""Hot sockets under a real reactor, with many real clients."""

from __future__ import annotations

import selectors
import socket
import subprocess
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.connection.connections import PATIENCE


class EchoTests(SynchronousTestCase):
    """A real reactor in a process of its own, and many real clients."""

    CLIENTS = 200
    ROUNDS = 20
    FLOOD = 1 << 20
    """Bytes that one client may get rid of without reading: more than all the buffers on the way."""

    def setUp(self) -> None:
        """An echo server over hot sockets, and its address."""
        environ = {"PYTHONPATH": ":".join(sys.path)}
        self.server = subprocess.Popen(
            [sys.executable, "-m", "tests.connection.echo_server"], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.addCleanup(self.server.__exit__, None, None, None)
        self.addCleanup(self.server.kill)
        assert self.server.stdout is not None
        self.port = int(self.server.stdout.readline())

    def connect(self) -> socket.socket:
        """A client."""
        client = socket.socket()
        self.addCleanup(client.close)
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            client.setsockopt(socket.SOL_SOCKET, buffer, 1 << 14)
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", self.port))
        return client

    def flood(self, clients: list[socket.socket]) -> dict[socket.socket, int]:
        """Let each of *clients* send without reading until the server takes nothing more; how much each has sent."""
        sent = dict.fromkeys(clients, 0)
        block = bytes(range(256)) * 256
        with selectors.DefaultSelector() as selector:
            for client in clients:
                client.setblocking(False)
                selector.register(client, selectors.EVENT_WRITE)
            while ready := selector.select(0.5):
                for key, _events in ready:
                    ready_one: Any = key.fileobj
                    at = sent[ready_one] % 256
                    sent[ready_one] += ready_one.send(block[at : at + (1 << 14)])
                    self.assertLess(sent[ready_one], self.FLOOD, "the server takes everything from a client that reads nothing")
        return sent

    def collect(self, client: socket.socket, size: int) -> bytes:
        """The next *size* bytes that *client* gets."""
        client.settimeout(PATIENCE)
        received = bytearray()
        while len(received) < size:
            received += client.recv(min(1 << 16, size - len(received))) or self.fail("the server has closed")
        return bytes(received)

    def test_slow_and_fast_clients(self) -> None:
        """A hundred clients that do not read are stopped and lose nothing; a hundred others do not notice them."""
        slow = [self.connect() for _ in range(self.CLIENTS // 2)]
        fast = [self.connect() for _ in range(self.CLIENTS // 2)]
        sent = self.flood(slow)
        for number in range(self.ROUNDS):
            for n, client in enumerate(fast):
                client.sendall(b"%d.%d" % (n, number))
            for n, client in enumerate(fast):
                said = b"%d.%d" % (n, number)
                self.assertEqual(said, self.collect(client, len(said)))
        for client, size in sent.items():
            self.assertEqual((bytes(range(256)) * (size // 256 + 1))[:size], self.collect(client, size))
        _out, _err = self.server.communicate(timeout=PATIENCE)
        self.assertEqual(0, self.server.returncode)
