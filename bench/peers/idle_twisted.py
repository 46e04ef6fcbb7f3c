"""The least that a Twisted connection can weigh: a bare ``Protocol`` that ignores what it reads.

Usage: ``idle_twisted.py PORT``.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import react


def main(reactor: Any, port: str) -> Deferred[None]:
    """Accept for ever."""
    factory = Factory.forProtocol(Protocol)
    reactor.listenTCP(int(port), factory, backlog=1024, interface="127.0.0.1")
    return Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:2])
