"""Eleven programs as people write them at home, and what a person still has to edit in the section that ``netd learn`` drafts.

The programs are in ``programs/``, a folder each, beside the server or client that they were written for: naive ``recv(1024)``, a
message for each ``send``, sleeps and prints. Nothing in them knows of netd. Each ends with 0 if it was served right, else with 1.

==========  =========  =========================================  =====
program     language   wire                                       edits
==========  =========  =========================================  =====
greenhouse  Python     TCP, nothing ends a message                    0
chat        Python     TCP, likewise; each hears all                  0
gateway     Python     UDP, one sender for many names                 0
buoy        C          TCP, packed structs behind a length            0
robot       C          TCP, texts in buffers of 64 bytes              0
scale       C++        TCP, STX and ETX, a sum in hexadecimal         0
bench       Python     TCP, JSON lines                                0
station     bash       TCP, a banner, login and codes                 0
pi          bash       TCP, pairs, a connection for each report       0
dht         Python     serial port, an Arduino                        0
meter       Python     TCP, an instrument: netd asks                  0
==========  =========  =========================================  =====

The edits are those of :data:`STRANGERS`; they may only become fewer.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from attrs import frozen

__all__ = ["MOST_EDITS", "PROGRAMS", "STRANGERS", "Edit", "Stranger"]

PROGRAMS = Path(__file__).with_name("programs")
MOST_EDITS = 3

Range = tuple[float, float]
"""The least and the greatest that a value may be."""


@frozen
class Edit:
    """A line of a draft, blanks left out, and the one that a person writes in its place."""

    drafted: str
    written: str


@frozen
class Stranger:
    """A program.

    :ivar program: the file that netd serves, or which netd dials.
    :ivar other: the file of what it was written for, which ``netd learn`` stands in between; None if a recording is of it alone.
    :ivar values: what the newest values of each name are to be afterwards, whatever their channels are called.
    :ivar edits: what a person still edits in the draft.
    :ivar sends: what a person says to it by ``netd send``.
    """

    name: str
    program: str
    other: str | None
    values: Mapping[str, tuple[Range, ...]]
    edits: tuple[Edit, ...] = ()
    is_udp: bool = False
    is_device: bool = False
    sends: tuple[str, ...] = ()


def _are(*values: float) -> tuple[Range, ...]:
    """Values that are known."""
    return tuple((value - 1e-4, value + 1e-4) for value in values)


_ALL = (
    Stranger("greenhouse", "client.py", "server.py", {"greenhouse": ((20, 25), (35, 60))}),
    Stranger(
        "chat",
        "client.py",
        "server.py",
        {"ann": (), "bob": ()},
    ),
    Stranger(
        "gateway",
        "client.py",
        "server.py",
        {"cellar": _are(11.5, 3.6), "attic": _are(28.2, 3.57), "roof": _are(-3.1, 3.11)},
        is_udp=True,
    ),
    Stranger(
        "buoy",
        "client.c",
        "server.py",
        {"buoy-west": _are(14.9, 1.05, 3688)},
    ),
    Stranger(
        "robot",
        "client.c",
        "server.c",
        {"robo7": _are(1, -0.4, 150, 12.4)},
    ),
    Stranger(
        "scale",
        "client.cpp",
        "server.py",
        {"127.0.0.1": _are(3.07)},
    ),
    Stranger("bench", "client.py", "server.py", {"psu-3": ((11.95, 12.05), (0.4, 0.6))}),
    Stranger("station", "client.sh", "server.py", {"station3": ((0, 12), (5, 26), *_are(1))}),
    Stranger(
        "pi",
        "client.sh",
        "server.py",
        {"pi4": _are(1.12, 498, 0), "pizero": ((40, 49), *_are(61))},
    ),
    Stranger("dht", "sketch.py", None, {"dht": ((45, 47), (21, 22))}, is_device=True, sends=("H", "L")),
    Stranger("meter", "instrument.py", "logger.py", {"meter": ((11.9, 12.1), (0.2, 0.3))}, is_device=True),
)

STRANGERS: Mapping[str, Stranger] = MappingProxyType({stranger.name: stranger for stranger in _ALL})
"""The programs, by name."""
