"""The relay as most people write it: a thread for each connection, blocking ``recv``, header and payload sent together.

Usage: ``relay_threads.py PORT``. One thing beyond the usual: a lock for each device, without which two controllers
can tear each other's frames apart.
"""

from __future__ import annotations

import socket
import sys
import threading

HEADER = 64
SENT = b"data succesfully sent"
NOT_FOUND = b"|target not found|"


def frame(payload: bytes) -> bytes:
    """*payload* behind its header."""
    return str(len(payload)).encode().ljust(HEADER) + payload


def receive(connection: socket.socket, length: int) -> bytes:
    """Exactly *length* bytes.

    :raises EOFError: when the peer closes first.
    """
    received = b""
    while len(received) < length:
        part = connection.recv(length - len(received))
        if not part:
            raise EOFError
        received += part
    return received


class Device:
    """A connected device, which several threads write to."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, message: bytes) -> None:
        """Write all of *message*, undisturbed by other threads."""
        with self._lock:
            self._connection.sendall(message)


class Relay:
    """The devices by address, and what a connection's thread does."""

    def __init__(self) -> None:
        self._devices: dict[str, Device] = {}

    def serve(self, connection: socket.socket, address: str) -> None:
        """Read events until the peer goes away."""
        try:
            while True:
                client_type = receive(connection, int(receive(connection, HEADER)))
                if client_type == b"raspberrypi":
                    self._devices[address] = Device(connection)
                else:
                    connection.sendall(frame(self._forward(connection)))
        except (EOFError, OSError):
            self._devices.pop(address, None)
            connection.close()

    def _forward(self, connection: socket.socket) -> bytes:
        target = receive(connection, HEADER).decode().strip()
        header = receive(connection, HEADER)
        payload = receive(connection, int(header))
        device = self._devices.get(target)
        if device is None:
            return NOT_FOUND
        device.send(header + payload)
        return SENT


def main(port: int) -> None:
    """Accept for ever."""
    relay = Relay()
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listener:
        while True:
            connection, address = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=relay.serve, args=(connection, str(address)), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
