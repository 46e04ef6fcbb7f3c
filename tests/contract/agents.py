"""Agents that the contract's daemon can dial: each connection becomes a session that streams until it is told to stop."""

from __future__ import annotations

import socket
import threading

from tests.process import PATIENCE

__all__ = ["CHANNEL", "Agents", "hello"]

CHANNEL = "x"


def hello(session: int | None = None, channel: str = CHANNEL) -> bytes:
    """What an agent says first, and one sample."""
    named = "" if session is None else f'"session": {session}, '
    return f'{{{named}"channels": {{"{channel}": {{}}}}}}\n{channel} 21.5\n'.encode()


class Agents:
    """A listener, and a thread for each session.

    :ivar port: where netd dials.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._netd_port = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self, netd_port: int) -> None:
        """Take connections, and connect back to *netd_port*."""
        self._netd_port = netd_port
        self._thread.start()

    def close(self) -> None:
        """Take no more; sessions end with the daemon."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)

    def _serve(self) -> None:
        while True:
            try:
                control, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._stream, args=(control,), daemon=True).start()

    def _stream(self, control: socket.socket) -> None:
        with control:
            session = int(control.recv(16))
            with socket.create_connection(("127.0.0.1", self._netd_port)) as data_connection:
                data_connection.sendall(hello(session))
                try:
                    while control.recv(16) not in {b"", b"stop"}:
                        pass
                except OSError:
                    return
