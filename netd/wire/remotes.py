"""What a wire connects to: remotes as other kinds have them, and serial ports: ``serial:/dev/ttyACM0:115200:8N1``."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import frozen

from netd.config.descriptions import split_descriptions
from netd.config.remotes import arguments_of_remote, check_remote, located_remote

__all__ = [
    "RemotePlace",
    "SerialLine",
    "check_wire_remote",
    "is_serial",
    "located_wire_remotes",
    "place_of",
    "serial_line",
    "split_remotes",
]

_SERIAL = "serial:"
_LINE = re.compile(r"serial:(?P<path>.+?):(?P<baud>[0-9]{1,8})(?::(?P<form>[5-8][NOEMS](?:1\.5|[12])))?")
_LOOSE = re.compile(r"serial:(?P<path>.+)")


@frozen
class SerialLine:
    """A serial port.

    :ivar bits: of a byte.
    :ivar parity: N, O, E, M or S.
    """

    path: str
    baud: int
    bits: int = 8
    parity: str = "N"
    stops: float = 1


def is_serial(description: str) -> bool:
    """Whether *description* is that of a serial port."""
    return description.startswith(_SERIAL)


@frozen
class RemotePlace:
    """What a remote can be called by.

    :ivar host: its host, as it is written, or the end of its path.
    :ivar port: empty for a path.
    """

    host: str
    port: str


def place_of(description: str) -> RemotePlace:
    """Return what the remote of *description* can be called by."""
    if is_serial(description):
        return RemotePlace(serial_line(description).path.rpartition("/")[2], "")
    _, arguments = arguments_of_remote(description)
    path = arguments.get("path", description).rpartition("/")[2]
    return RemotePlace(arguments.get("host", path), arguments.get("port", ""))


def split_remotes(text: str) -> tuple[str, ...]:
    """Return the descriptions in *text*, which white space separates."""
    return split_descriptions(text)


def check_wire_remote(description: str) -> None:
    """Check that netd can connect to *description*; nothing is opened.

    :raises ValueError: if not. The text names the description and its mistake.
    """
    if is_serial(description):
        serial_line(description)
    else:
        check_remote(description)


def serial_line(description: str) -> SerialLine:
    """Read the description of a serial port.

    :raises ValueError: with what to write.
    """
    found = _LINE.fullmatch(description)
    if found is None:
        loose = _LOOSE.fullmatch(description)
        path = "/dev/ttyACM0" if loose is None else loose["path"].partition(":")[0]
        raise ValueError(
            f"{description}: write the port and its speed, as in serial:{path}:115200, or with bits, parity and stop bits behind "
            f"it: serial:{path}:9600:7E1"
        )
    form = found["form"] or "8N1"
    return SerialLine(found["path"], int(found["baud"]), int(form[0]), form[1], float(form[2:]))


def located_wire_remotes(text: str, directory: Path) -> str:
    """Return *text* with *directory* before relative paths, but those of serial ports, which have names of their own."""
    return " ".join(one if is_serial(one) else located_remote(one, directory) for one in split_remotes(text))
