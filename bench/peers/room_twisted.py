"""A chat room in plain Twisted: each line that a member says is a ``sendLine`` to each of the others.

Usage: ``room_twisted.py PORT``. The first line is the member's name.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure


class MemberProtocol(LineOnlyReceiver):
    """One member.

    :param members: all of them, by name.
    """

    delimiter = b"\n"

    def __init__(self, members: dict[bytes, MemberProtocol]) -> None:
        self._members = members
        self._name = b""

    def connectionMade(self) -> None:
        ITCPTransport(self.transport).setTcpNoDelay(True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._members.pop(self._name, None)

    def lineReceived(self, line: bytes) -> None:
        if self._name:
            for member in self._members.values():
                if member is not self:
                    member.sendLine(line)  # type: ignore[no-untyped-call]
        else:
            self._name = line
            self._members[line] = self
            self.sendLine(b"welcome, " + line)  # type: ignore[no-untyped-call]


def main(reactor: Any, port: str) -> Deferred[None]:
    """Accept for ever."""
    members: dict[bytes, MemberProtocol] = {}
    factory = Factory.forProtocol(lambda: MemberProtocol(members))
    factory.noisy = False
    reactor.listenTCP(int(port), factory, backlog=1024, interface="127.0.0.1")
    return Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:2])
