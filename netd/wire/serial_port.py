"""The transport of a serial port, by pyserial, which is an extra of netd: only :mod:`netd.wire.serial` imports this."""

from __future__ import annotations

from typing import Any

import serial
from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.serialport import SerialPort
from twisted.python.failure import Failure

from netd.wire.remotes import SerialLine
from netd.wire.serial import SerialAddress

__all__ = ["OpenPort"]


class OpenPort(SerialPort):
    """A serial port that is open.

    :cvar loseWriteConnection: a port has no sides of which one could be closed.
    """

    loseWriteConnection = None  # type: ignore[assignment]  # noqa: N815 - Twisted's name

    reactor: Any

    def __init__(self, protocol: Any, line: SerialLine, reactor: Any) -> None:
        self._path = line.path
        super().__init__(  # type: ignore[no-untyped-call]
            protocol,
            line.path,
            reactor,
            baudrate=line.baud,
            bytesize=line.bits,
            parity=line.parity,
            stopbits=serial.STOPBITS_ONE_POINT_FIVE if line.stops == 1.5 else int(line.stops),
        )

    def _serialFactory(self, path: str, **options: Any) -> Any:  # type: ignore[override]  # noqa: N802 - Twisted's name
        """Open the port for this process alone: two that read would each get half."""
        return serial.Serial(path, exclusive=True, **options)

    def getPeer(self) -> SerialAddress:
        """Return its address."""
        return SerialAddress(self._path)

    getHost = getPeer

    def abortConnection(self) -> None:
        """Close it at once. What waits to be written is lost."""
        if self.connected:
            self.reactor.callLater(0, self._cut)

    def _cut(self) -> None:
        if self.connected:
            self.connectionLost(Failure(ConnectionDone()))

    def connectionLost(self, reason: Failure) -> None:
        """Close it: it was unplugged, or nobody wants it any more."""
        if self.connected:
            FileDescriptor.connectionLost(self, reason)
            self._serial.close()
            self.protocol.connectionLost(reason if reason.check(ConnectionDone) else Failure(ConnectionLost("unplugged")))
