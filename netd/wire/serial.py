"""Serial ports as endpoints that are dialled: opened, closed, and looked for again like a remote that went away."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IAddress, IProtocolFactory, IStreamClientEndpoint
from zope.interface import implementer

from netd.connection.dialing import DialFailed, DialResult
from netd.wire.remotes import SerialLine

__all__ = ["SerialAddress", "SerialEndpoint", "failure_of"]

_SERVICE = "a service of systemd needs the drop-in serial-ports.conf (docs/years.md)"
"""The unit has a ``/dev`` of its own without it; with another policy for devices, the kernel says EPERM."""

_GROUP = "add the user of netd to the group dialout (`sudo usermod -aG dialout USER`), and start netd again"

REMEDIES = {
    errno.ENOENT: f"plug it in; `ls /dev/serial/by-id` shows the ports that there are, by names that stay; {_SERVICE}",
    errno.EACCES: f"{_GROUP}; {_SERVICE}",
    errno.EPERM: _SERVICE,
    errno.EBUSY: "another program has it: close the serial monitor",
    errno.EAGAIN: "another program has it: close the serial monitor",
}
"""What helps, by the operating system's error."""


@implementer(IAddress)
class SerialAddress:
    """The address of a serial port: its path."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.shown = f"serial:{path}"


@implementer(IStreamClientEndpoint)
class SerialEndpoint:
    """The port of *line*. Its modules are imported when it is opened first: pyserial need not be installed."""

    def __init__(self, line: SerialLine, reactor: Any) -> None:
        self._line = line
        self._reactor = reactor

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:  # noqa: N803 - Twisted's name
        """Open the port; see ``IStreamClientEndpoint``. There is nothing to wait for."""
        try:
            from netd.wire.serial_port import OpenPort  # noqa: PLC0415 - pyserial need not be installed
        except ImportError:
            return fail(
                DialFailed(
                    DialResult.FAILED,
                    "pyserial is missing",
                    f"start netd again after {sys.executable} -m pip install pyserial",
                )
            )
        protocol = protocolFactory.buildProtocol(SerialAddress(self._line.path))
        try:
            OpenPort(protocol, self._line, self._reactor)
        except (OSError, ValueError) as error:
            return fail(failure_of(error))
        return succeed(protocol)


def failure_of(error: OSError | ValueError) -> DialFailed:
    """Return why a port could not be opened, and what helps."""
    number = getattr(error, "errno", None)
    why = os.strerror(number) if isinstance(number, int) else str(error)
    if "lock" in str(error).lower():
        number, why = errno.EBUSY, "it is in use"
    return DialFailed(DialResult.FAILED, why, REMEDIES.get(number or 0, ""))
