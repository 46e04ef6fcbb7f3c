"""Access to a relay through its own port: from other machines, and for legacy servers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from netd.client.relay import DeviceInfo, Outcome, Welcome

__all__ = ["DEFAULT_PORT", "Completed", "ControllerPort", "DevicePort", "RelayMessagePort", "RelayPlace", "RelayPorts", "place"]

DEFAULT_PORT = 5050


@dataclass(frozen=True)
class RelayPlace:
    """The address of a relay."""

    host: str
    port: int


def place(text: str, default_port: int = DEFAULT_PORT) -> RelayPlace:
    """Parse ``HOST:PORT``, ``[IPv6]:PORT``, or ``HOST`` with the default port. Used as a click type."""
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host, port = text, str(default_port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise click.BadParameter(f"{text!r} is not HOST:PORT, such as 192.168.1.5:{default_port}.")
    return RelayPlace(host, int(port))


class ControllerPort(Protocol):
    """The part of :class:`netd.client.relay.Controller` that commands use."""

    @property
    def dialect(self) -> str:
        """The dialect of the last connection; empty before the first."""

    def close(self) -> None: ...
    def devices(self) -> list[DeviceInfo]: ...
    def send(self, target: str, payload: bytes, deadline: float | None = None) -> Outcome: ...


class RelayMessagePort(Protocol):
    """The part of :class:`netd.client.relay.Message` that commands use."""

    payload: bytes
    sender: str | None
    deadline: float | None

    def answer(self, payload: bytes = b"") -> bool: ...
    def fail(self, error: str, payload: bytes = b"") -> bool: ...


class DevicePort(Protocol):
    """The part of :class:`netd.client.relay.Device` that commands use."""

    def close(self) -> None: ...
    def __iter__(self) -> Iterator[RelayMessagePort]: ...


@dataclass(frozen=True)
class Completed:
    """The result of a program: its exit code (negative for a signal) and its output."""

    code: int
    output: bytes


def _open_controller(where: RelayPlace, dialect: str, **proof: Any) -> ControllerPort:
    from netd.client.relay import Controller  # noqa: PLC0415 - only few commands need it, and all must start fast

    return Controller(where.host, where.port, dialect, **proof)


def _open_device(
    where: RelayPlace,
    name: str | None,
    aliases: Sequence[str],
    dialect: str,
    on_connect: Callable[[Welcome], object],
    on_disconnect: Callable[[str, float], object],
    **proof: Any,
) -> DevicePort:
    import logging  # noqa: PLC0415 - all commands must start fast

    from netd.client.relay import Device  # noqa: PLC0415

    logging.getLogger("netd.client").addHandler(logging.NullHandler())  # the command reports the same itself, with escapes
    return Device(
        where.host,
        where.port,
        name,
        aliases,
        dialect=dialect,
        on_connect=on_connect,
        on_disconnect=on_disconnect,
        **proof,
    )


def _start_alarm(delay: float, ring: Callable[[], object]) -> Callable[[], object]:
    timer = threading.Timer(delay, ring)
    timer.daemon = True
    timer.start()
    return timer.cancel


def _run_program(arguments: Sequence[str], stdin: bytes, timeout: float | None) -> Completed:
    import subprocess  # noqa: PLC0415 - all commands must start fast

    done = subprocess.run(arguments, input=stdin, stdout=subprocess.PIPE, timeout=timeout, check=False)  # noqa: S603 - no shell
    return Completed(done.returncode, done.stdout)


@dataclass(frozen=True)
class RelayPorts:
    """The functions through which commands reach a relay.

    :ivar open_controller: takes address, dialect and proof; connects on its first call.
    :ivar open_device: takes address, name, aliases, dialect, the callbacks for each connection and each loss, and a proof.
    :ivar start_alarm: takes seconds and a callback, which is called in another thread; returns a function that cancels it.
    :ivar run_program: takes arguments, input and a time limit in seconds; raises ``OSError`` if the program cannot be started,
        and ``subprocess.TimeoutExpired`` if it takes longer.
    """

    open_controller: Callable[..., ControllerPort] = _open_controller
    open_device: Callable[..., DevicePort] = _open_device
    start_alarm: Callable[[float, Callable[[], object]], Callable[[], Any]] = _start_alarm
    run_program: Callable[[Sequence[str], bytes, float | None], Completed] = _run_program
