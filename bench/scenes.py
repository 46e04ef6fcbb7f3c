"""The scenes of the benchmark: a scene puts one load on several servers, and becomes a table."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

__all__ = [
    "NETD",
    "PEERS",
    "BenchError",
    "Column",
    "Companion",
    "Entry",
    "Scene",
    "Server",
    "Setting",
    "Site",
    "loaded",
    "netd",
    "peer",
]

PEERS = Path(__file__).parent / "peers"
NETD = "netd"
"""The name in ``--peers`` of the server with which the others are compared."""


class BenchError(Exception):
    """The measurement cannot go on. The text names the reason and the remedy."""


@dataclass(frozen=True)
class Setting:
    """The values that hold for all measurements of a run.

    :ivar runs: rounds over all servers.
    :ivar warm_up: seconds under load before the measured span.
    :ivar seconds: the measured span.
    :ivar netd_command: how netd is started; ``{ini}`` is its configuration.
    :ivar idle_devices: the number of idle devices that the limit of open files allows.
    """

    runs: int
    warm_up: float
    seconds: float
    server_cpu: int
    load_cpu: int
    netd_command: str
    idle_devices: int

    @property
    def times(self) -> tuple[str, ...]:
        """Return the times as arguments of a load."""
        return ("-u", f"{self.warm_up * 1000:.0f}", "-t", f"{self.seconds * 1000:.0f}")


@dataclass(frozen=True)
class Server:
    """A server under test.

    :ivar name: its name in ``--peers``.
    :ivar command: its command line, in which ``{port}``, ``{spare}`` (a second port) and ``{ini}`` are filled in.
    :ivar ini: the sections of its configuration, in which the same names are filled in.
    """

    name: str
    command: str
    ini: str = ""


@dataclass(frozen=True)
class Site:
    """The ports and the directory of a server.

    :ivar port: the port on which it listens.
    :ivar spare: a free port for other uses of the server or its load.
    :ivar directory: its own directory, with its state below.
    """

    pid: int
    port: int
    spare: int
    directory: Path


class Companion(Protocol):
    """A function that talks to the server beside a load."""

    def __call__(self, site: Site, said: IO[str]) -> None:
        """Run until the load has only its figures left to print.

        :param said: the output of the load.
        :raises BenchError: if the server does something wrong.
        """


@dataclass(frozen=True)
class Entry:
    """One row of a table: a server under one load.

    :ivar title: its title in the table.
    :ivar load: the arguments of the load, without port and process id; ``{spare}`` is filled in.
    :ivar beside: called before the load prints its figures. ``after`` is called after them, with the rest of its output.
    """

    title: str
    server: Server
    load: tuple[str, ...]
    beside: Companion | None = None
    after: Companion | None = None


@dataclass(frozen=True)
class Column:
    """One figure of a table.

    :ivar figure: its name in the load's report.
    :ivar scale: the factor by which it is multiplied.
    :ivar digits: the number of digits after the point.
    :ivar suffix: follows each value.
    :ivar has_range: whether the least and the greatest of all rounds are shown.
    """

    head: str
    figure: str
    scale: float = 1.0
    digits: int = 1
    suffix: str = ""
    has_range: bool = False


@dataclass(frozen=True)
class Scene:
    """One table.

    :ivar measure: the name in ``--only`` of this scene and its neighbours.
    :ivar program: the load, a file in ``bench/load``.
    :ivar caption: Markdown, above the table.
    :ivar columns: its figures.
    :ivar ratio: the figure by which peers are compared with netd; less is better.
    """

    name: str
    measure: str
    program: str
    caption: str
    entries: tuple[Entry, ...]
    columns: tuple[Column, ...]
    ratio: Column


Scenes = Callable[[Setting], list[Scene]]
"""The function ``scenes`` in the module of each measure."""


def netd(setting: Setting, ini: str) -> Server:
    """Return the installed daemon, with these sections in its configuration."""
    return Server(NETD, setting.netd_command, ini)


def peer(name: str, file: str, *arguments: str) -> Server:
    """Return a server of ``bench/peers``. The *arguments* follow the port on its command line."""
    words = (shlex.quote(sys.executable), shlex.quote(str(PEERS / file)), "{port}", *arguments)
    return Server(name, " ".join(words))


def loaded(item: str, digits: int = 1, *times: str, is_offered: bool = False) -> tuple[Column, ...]:
    """The columns of a table about *item* under load.

    :param digits: the number of digits of the microseconds after the point.
    :param times: the titles of the median time and the 99th percentile, if the load reports them.
    :param is_offered: whether the load, and not the server, sets the pace.
    """
    pace = Column(f"{item}s/s{' (offered)' if is_offered else ''}", "per_second", digits=0)
    cost = Column(f"CPU µs a {item} (least-most)", "cpu_us", digits=digits, has_range=True)
    told = [Column(head, figure, 1 / 1000) for head, figure in zip(times, ("p50_us", "p99_us"), strict=False)]
    return (pace, cost, *told, Column("waited", "waited_share", 100, 0, " %"))
