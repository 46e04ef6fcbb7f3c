"""Commands in plain Twisted: ``LineReceiver`` gives lines, ``json`` reads and writes them.

Usage: ``command_twisted.py PORT once|kept``: whether a connection is closed after its answer.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.protocols.basic import LineReceiver


def set_lamp(lamp: str, level: int) -> int:
    """Set one lamp; return what it is set to."""
    return level


FUNCTIONS: dict[str, Callable[..., Any]] = {"set_lamp": set_lamp}


class CommandProtocol(LineReceiver):
    """One connection.

    :param is_kept: whether it may send further commands.
    """

    delimiter = b"\n"

    def __init__(self, is_kept: bool) -> None:
        self._is_kept = is_kept

    def connectionMade(self) -> None:
        ITCPTransport(self.transport).setTcpNoDelay(True)

    def lineReceived(self, line: bytes) -> None:
        try:
            arguments = json.loads(line)
            answer = {"status": "success", "result": FUNCTIONS[arguments.pop("command_id")](**arguments)}
        except Exception as error:
            answer = {"status": "error", "error": str(error)}
        self.sendLine(json.dumps(answer).encode())  # type: ignore[no-untyped-call]
        if not self._is_kept:
            ITCPTransport(self.transport).loseConnection()


def main(reactor: Any, port: str, mode: str) -> Deferred[None]:
    """Accept for ever."""
    factory = Factory.forProtocol(lambda: CommandProtocol(mode == "kept"))
    factory.noisy = False
    reactor.listenTCP(int(port), factory, backlog=1024, interface="127.0.0.1")
    return Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
