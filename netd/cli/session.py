"""The functions through which the command line is an agent of telemetry sessions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import subprocess

    from netd.client.session import Channel, Hooks

__all__ = ["AgentPort", "AgentPorts", "AgentSettings", "ProgramPort"]


@dataclass(frozen=True)
class AgentSettings:
    """The addresses of an agent, and its dialect.

    :ivar every: seconds between two values of a channel.
    :ivar proof: see :func:`netd.cli.proof.read_proof`.
    """

    host: str
    port: int
    server_port: int
    every: float
    dialect: str
    name: str | None = None
    proof: Mapping[str, Any] = field(default_factory=dict)


class AgentPort(Protocol):
    """The part of :class:`netd.client.session.Agent` that commands use."""

    port: int

    def listen(self) -> None: ...
    def run(self) -> None: ...
    def say(self, name: str, value: Any) -> bool: ...
    def close(self) -> None: ...


LONGEST_LINE = 1000
"""Characters of a line that are read from a program; the rest of the line is dropped."""


class ProgramPort(Protocol):
    """A running program. Iterating over it gives the beginning of each line that it writes."""

    def __iter__(self) -> Iterator[str]: ...
    def wait(self) -> int: ...
    def close(self) -> None: ...


class _Program:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @classmethod
    def start(cls, arguments: Sequence[str]) -> _Program:
        import subprocess  # noqa: PLC0415 - all commands must start fast

        return cls(subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"))  # noqa: S603 - no shell

    def __iter__(self) -> Iterator[str]:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            while line := lines.readline(LONGEST_LINE):
                yield line
                while line and not line.endswith("\n"):
                    line = lines.readline(LONGEST_LINE)

    def wait(self) -> int:
        """Wait for its end, and return the exit status, negative for a signal."""
        return self._process.wait()

    def close(self) -> None:
        """End it."""
        from subprocess import TimeoutExpired  # noqa: PLC0415 - all commands must start fast

        self._process.terminate()
        try:
            self._process.wait(2)
            return
        except TimeoutExpired:
            self._process.kill()
        self._process.wait()


def _open_agent(channels: Mapping[str, Channel], settings: AgentSettings, hooks: Hooks) -> AgentPort:
    import logging  # noqa: PLC0415 - all commands must start fast

    from netd.client.session import Agent  # noqa: PLC0415

    logging.getLogger("netd.client").addHandler(logging.NullHandler())  # the command reports the same itself, with escapes
    return Agent(
        channels,
        settings.host,
        settings.port,
        server_port=settings.server_port,
        every=settings.every,
        dialect=settings.dialect,
        name=settings.name,
        hooks=hooks,
        **settings.proof,
    )


def _start_thread(act: Callable[[], object]) -> Callable[[], object]:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread.join


def _chance() -> float:
    import random  # noqa: PLC0415 - all commands must start fast

    return random.random()  # noqa: S311 - spreads values, keeps no secret


@dataclass(frozen=True)
class AgentPorts:
    """The functions through which ``netd agent`` reaches the outside.

    :ivar open_agent: takes channels, settings and hooks; listens when its method is called.
    :ivar open_program: takes the arguments of a program; raises ``OSError`` if it cannot be started.
    :ivar start_thread: runs a function in a thread; returns a function that waits for its end.
    :ivar chance: returns a random number from 0 up to 1.
    """

    open_agent: Callable[[Mapping[str, Channel], AgentSettings, Hooks], AgentPort] = _open_agent
    open_program: Callable[[Sequence[str]], ProgramPort] = _Program.start
    start_thread: Callable[[Callable[[], object]], Callable[[], object]] = _start_thread
    chance: Callable[[], float] = _chance
