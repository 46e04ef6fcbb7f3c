"""A stream of events in stock Autobahn on Twisted: what comes at ``/publish`` is a ``sendMessage`` to each other client.

Usage: ``gateway_autobahn.py PORT``.
"""

from __future__ import annotations

import sys
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.defer import Deferred
from twisted.internet.task import react


class StreamProtocol(WebSocketServerProtocol):
    """One client."""

    def onOpen(self) -> None:
        self.transport.setTcpNoDelay(True)
        if self.http_request_path != "/publish":
            self.factory.subscribers[self] = None

    def onMessage(self, payload: bytes, is_binary: bool) -> None:
        for subscriber in self.factory.subscribers:
            subscriber.sendMessage(payload)  # type: ignore[no-untyped-call]

    def onClose(self, was_clean: bool, code: int | None, reason: str | None) -> None:  # noqa: N802
        self.factory.subscribers.pop(self, None)


class StreamFactory(WebSocketServerFactory):
    """All clients.

    :ivar subscribers: those that read the stream.
    """

    protocol = StreamProtocol
    noisy = False

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.subscribers: dict[StreamProtocol, None] = {}


def main(reactor: Any, port: str) -> Deferred[None]:
    """Accept for ever."""
    reactor.listenTCP(int(port), StreamFactory(), backlog=1024, interface="127.0.0.1")
    return Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
