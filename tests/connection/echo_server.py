"""An echo server over hot sockets in a process of its own, for ``test_real_echo``: says its port, ends with its input."""

from __future__ import annotations

import socket
import sys
from typing import ClassVar

from twisted.internet import epollreactor, stdio
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from netd.connection.bounds import Bounds, Policy, Traffic
from netd.connection.eager import HotSockets
from netd.connection.factory import PeerFactory
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol
from netd.connection.turn import Turn


class Echo(PeerProtocol):
    """Says what it hears; a client that does not listen is not listened to."""

    bounds: ClassVar[Bounds] = Bounds(Policy.PAUSE, 1 << 16)

    def received(self, data: bytes) -> None:
        """Say it."""
        self.peer.send(data)


class EchoFactory(PeerFactory):
    connection = Echo


class Lifeline(Protocol):
    """Standard input: its end is the server's."""

    def __init__(self, reactor: epollreactor.EPollReactor) -> None:
        self._reactor = reactor

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # the base class's default is not needed
        """Stop."""
        self._reactor.stop()


def main() -> None:
    """Serve until the input ends."""
    epollreactor.install()
    from twisted.internet import reactor

    running: epollreactor.EPollReactor = reactor  # type: ignore[assignment]
    context = PeerContext(running, Turn(running.callLater), Traffic(), stall_timeout=60.0)
    hot = HotSockets(running, context.turn)
    port = running.listenTCP(0, EchoFactory("echo", context), backlog=500, interface="127.0.0.1")
    for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        port.socket.setsockopt(socket.SOL_SOCKET, buffer, 1 << 14)  # connections inherit it: slow clients are noticed soon
    hot.start()
    hot.adopt(port)
    stdio.StandardIO(Lifeline(running), reactor=running)
    sys.stdout.write(f"{port.getHost().port}\n")
    sys.stdout.flush()
    running.run()


if __name__ == "__main__":
    main()
