"""Samples in plain Twisted: ``LineOnlyReceiver`` calls back for each.

Usage: ``session_twisted.py PORT count|newest``: whether samples are only counted, which is the least that can be done with them,
or each channel's number of them and its newest value are known, which is what netd knows. The line ``?`` is answered with how
many samples the connection brought.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver


class CountProtocol(LineOnlyReceiver):
    """One agent's connection, of which all is counted."""

    delimiter = b"\n"

    def __init__(self) -> None:
        self._count = 0

    def lineReceived(self, line: bytes) -> None:
        if line == b"?":
            self.sendLine(b"%d" % self._count)  # type: ignore[no-untyped-call]
        elif not line.startswith(b"s"):
            self._count += 1


class Channel:
    """One channel of one agent.

    :ivar count: its samples.
    :ivar newest: the value of the last.
    """

    __slots__ = ("count", "newest")

    def __init__(self) -> None:
        self.count = 0
        self.newest = 0.0


class NewestProtocol(LineOnlyReceiver):
    """One agent's connection, of whose channels the newest values are known."""

    delimiter = b"\n"

    def __init__(self) -> None:
        self._channels = {b"x": Channel(), b"y": Channel(), b"z": Channel()}

    def lineReceived(self, line: bytes) -> None:
        channel = self._channels.get(line[:1])
        if channel is not None:
            channel.newest = float(line[1:])
            channel.count += 1
        elif line == b"?":
            self.sendLine(b"%d" % sum(channel.count for channel in self._channels.values()))  # type: ignore[no-untyped-call]


def main(reactor: Any, port: str, mode: str) -> Deferred[None]:
    """Accept for ever."""
    factory = Factory.forProtocol(CountProtocol if mode == "count" else NewestProtocol)
    factory.noisy = False
    reactor.listenTCP(int(port), factory, backlog=1024, interface="127.0.0.1")
    return Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
