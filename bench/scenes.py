"""What is measured, in words that the whole benchmark shares: a scene puts one load on several servers, and becomes a table."""

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
"""What ``--peers`` calls the server that the ratios are about."""


class BenchError(Exception):
    """The measurement cannot go on; the text says why and what helps."""


@dataclass(frozen=True)
class Setting:
    """What holds for all measurements of a run.

    :ivar runs: rounds over all servers.
    :ivar warm_up: seconds under load before the measured span.
    :ivar seconds: the measured span.
    :ivar netd_command: how netd is started; ``{ini}`` is its configuration.
    :ivar idle_devices: how many the limit of open files allows.
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
        """The same as arguments of a load."""
        return ("-u", f"{self.warm_up * 1000:.0f}", "-t", f"{self.seconds * 1000:.0f}")


@dataclass(frozen=True)
class Server:
    """A server under test.

    :ivar name: what ``--peers`` calls it.
    :ivar command: its command line; ``{port}``, ``{spare}`` (a second port) and ``{ini}`` are filled in.
    :ivar ini: sections of the configuration that is to be written for it; the same are filled in.
    """

    name: str
    command: str
    ini: str = ""


@dataclass(frozen=True)
class Site:
    """Where a server runs.

    :ivar port: where it listens.
    :ivar spare: a port that is free for whatever it or its load needs.
    :ivar directory: its own, with its state below.
    """

    pid: int
    port: int
    spare: int
    directory: Path


class Companion(Protocol):
    """What is done beside a load, by talking to the server."""

    def __call__(self, site: Site, said: IO[str]) -> None:
        """Run until the load has nothing more to say but its figures.

        :param said: what the load prints.
        :raises BenchError: when the server does not do what it should.
        """


@dataclass(frozen=True)
class Entry:
    """One row of a table: a server under one load.

    :ivar title: what the table calls it.
    :ivar load: the arguments of the load, but for port and process id; ``{spare}`` is filled in.
    :ivar beside: what happens before the load prints its figures; ``after`` them, with what it says behind them.
    """

    title: str
    server: Server
    load: tuple[str, ...]
    beside: Companion | None = None
    after: Companion | None = None


@dataclass(frozen=True)
class Column:
    """One figure of a table.

    :ivar figure: what the load calls it.
    :ivar scale: what it is multiplied by.
    :ivar digits: after the point.
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

    :ivar measure: what ``--only`` calls it and its neighbours.
    :ivar program: the load, a file in ``bench/load``.
    :ivar caption: Markdown, above the table.
    :ivar columns: its figures.
    :ivar ratio: the figure in which peers are compared with netd; less is better.
    """

    name: str
    measure: str
    program: str
    caption: str
    entries: tuple[Entry, ...]
    columns: tuple[Column, ...]
    ratio: Column


Scenes = Callable[[Setting], list[Scene]]
"""What each measure's module offers."""


def netd(setting: Setting, ini: str) -> Server:
    """The daemon as it is installed, with these sections in its configuration."""
    return Server(NETD, setting.netd_command, ini)


def peer(name: str, file: str, *arguments: str) -> Server:
    """A server of ``bench/peers``; what is behind the port on its command line."""
    words = (shlex.quote(sys.executable), shlex.quote(str(PEERS / file)), "{port}", *arguments)
    return Server(name, " ".join(words))


def loaded(item: str, digits: int = 1, *times: str, is_offered: bool = False) -> tuple[Column, ...]:
    """The columns of a table about *item* under load.

    :param digits: of the microseconds.
    :param times: heads for the median time and the 99th percentile, where the load tells them.
    :param is_offered: whether the load, and not the server, sets the pace.
    """
    pace = Column(f"{item}s/s{' (offered)' if is_offered else ''}", "per_second", digits=0)
    cost = Column(f"CPU µs a {item} (least-most)", "cpu_us", digits=digits, has_range=True)
    told = [Column(head, figure, 1 / 1000) for head, figure in zip(times, ("p50_us", "p99_us"), strict=False)]
    return (pace, cost, *told, Column("waited", "waited_share", 100, 0, " %"))
