"""The feed in stock Autobahn on Twisted: each of a round's eight texts is a ``sendMessage`` to each client.

Usage: ``feed_autobahn.py PORT INTERVAL``: seconds from one round to the next.
"""

from __future__ import annotations

import sys
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from faker import Faker
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, react

TYPES = ("name", "country", "email", "url", "text", "latitude", "currency", "city")


class FeedProtocol(WebSocketServerProtocol):
    """One client."""

    def onOpen(self) -> None:
        self.factory.clients.append(self)

    def onClose(self, was_clean: bool, code: int | None, reason: str | None) -> None:  # noqa: N802
        if self in self.factory.clients:
            self.factory.clients.remove(self)


class FeedFactory(WebSocketServerFactory):
    """All clients.

    :ivar clients: those that are WebSockets.
    """

    protocol = FeedProtocol
    noisy = False

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.clients: list[FeedProtocol] = []
        self._faker = Faker("en_US")

    def send_round(self) -> None:
        """Make values, and send them."""
        texts = [str(getattr(self._faker, kind)()).encode() for kind in TYPES]
        for client in self.clients:
            for text in texts:
                client.sendMessage(text)  # type: ignore[no-untyped-call]


def main(reactor: Any, port: str, interval: str) -> Deferred[None]:
    """Accept and send for ever."""
    factory = FeedFactory()
    reactor.listenTCP(int(port), factory, backlog=1024, interface="127.0.0.1")
    LoopingCall(factory.send_round).start(float(interval), now=False)
    return Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
