"""Records a program until a person ends it: the sockets of ``netd learn`` on a reactor."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import CannotListenError
from twisted.python.failure import Failure

from netd.connection.dialing import DialFailed
from netd.holders import Holder, holders_of
from netd.wire.recording import Recording, Transport, unescape
from netd.wire.remotes import serial_line
from netd.wire.serial import SerialEndpoint
from netd.wire.tools.datagrams import LearnedDatagrams
from netd.wire.tools.drafts import Attempted, LearnFailed, is_loopback
from netd.wire.tools.order import ALL_ADDRESSES, LearnOrder
from netd.wire.tools.streams import LearnedFactory
from netd.wire.tools.tape import WireTape
from netd.wire.tools.witness import WireWitness

__all__ = ["WireRecorder", "is_own", "remedy"]

DIAL_TIMEOUT = 10.0
"""Seconds that the old server has to accept a connection."""


class WireRecorder:
    """One recording by sockets.

    :param wall: the present time in seconds since 1970.
    :param tell: writes a line to a person.
    """

    def __init__(self, order: LearnOrder, reactor: Any, wall: float, tell: Callable[[str], object]) -> None:
        self._order = order
        self._reactor = reactor
        self._tell = tell
        is_serial = order.device is not None
        transport = Transport.SERIAL if is_serial else Transport.UDP if order.udp else Transport.TCP
        self._tape = WireTape(transport, is_serial, wall)
        self._attempt = _attempt(order)
        self._witness = WireWitness(self._tape, tell, self._attempt, is_asked_for=order.say is not None)
        self._recording: Recording | None = None

    def begin(self) -> None:
        """Open what is to be recorded, and end when the reactor does.

        :raises LearnFailed: if that is not possible.
        """
        order = self._order
        if order.through is not None and order.port == order.through[1] and is_own(order.through[0], order.interface):
            raise LearnFailed("--through names the port of netd learn itself; let the old server listen on another port")
        self._reactor.addSystemEventTrigger("before", "shutdown", self._end)
        if order.device is not None:
            self._open_device(order.device)
        elif order.udp:
            self._listen_for_datagrams()
        else:
            self._listen()
        until = "Ctrl-C ends it" if order.seconds is None else f"it ends after {order.seconds:g} s, or with Ctrl-C"
        self._reactor.callWhenRunning(self._tell, f"recording; {until}")  # by then, Ctrl-C ends the recording
        if order.seconds is not None:
            self._reactor.callLater(order.seconds, self._reactor.stop)

    def recording(self) -> Recording:
        """Return what was recorded up to the end."""
        return self._tape.recording() if self._recording is None else self._recording

    def attempted(self) -> tuple[Attempted, ...]:
        """After which messages the program went on when something was tried."""
        if self._attempt is None or self._order.say is not None:
            return ()
        return tuple(Attempted(message, self._attempt) for message in self._witness.went_on.values())

    def _end(self) -> None:
        """The end of the recording: what the reactor closes now is no news."""
        self._recording = self._tape.recording()
        self._witness.end()

    def _factory(self, dial: Callable[..., Any] | None = None) -> LearnedFactory:
        return LearnedFactory(self._reactor, self._witness, self._tell, dial)

    def _listen(self) -> None:
        order = self._order
        dial = None
        if order.through is not None:
            dial = HostnameEndpoint(self._reactor, *order.through, timeout=DIAL_TIMEOUT).connect
        try:
            self._reactor.listenTCP(order.port, self._factory(dial), interface=order.interface)
        except CannotListenError as error:
            raise self._taken(error) from error
        self._told_where()

    def _listen_for_datagrams(self) -> None:
        order = self._order
        server = None if order.through is None else _address_of(*order.through)
        try:
            datagrams = LearnedDatagrams(self._factory(), self._reactor, server)
            self._reactor.listenUDP(order.port, datagrams, interface=order.interface, maxPacketSize=65536)
        except CannotListenError as error:
            raise self._taken(error) from error
        self._told_where()

    def _told_where(self) -> None:
        order = self._order
        name = "udp" if order.udp else "tcp"
        if order.interface in ALL_ADDRESSES:
            self._tell(
                f"listens on {name} port {order.port} of {', '.join(_own_addresses())}: programs on other machines reach it"
            )
        else:
            more = "; for a program on another machine: --interface 0.0.0.0" if is_loopback(order.interface) else ""
            self._tell(f"listens on {name} port {order.port} of {order.interface}{more}")
        if order.through is not None:
            self._tell(f"passes everything on to the old server at {order.through[0]}:{order.through[1]}")
        else:
            self._tell("there is no old server: what the program waits for is tried after 3 s; --through HOST:PORT records both")

    def _open_device(self, device: str) -> None:
        try:
            line = serial_line(device)
        except ValueError as error:
            raise LearnFailed(f"--from: {error}") from error
        factory = self._factory()
        self._tell(f"opens {line.path} at {line.baud} baud")
        failures: list[Failure] = []
        SerialEndpoint(line, self._reactor).connect(factory).addErrback(failures.append)  # there is nothing to wait for
        for failure in failures:
            assert isinstance(failure.value, DialFailed), "it fails with nothing else"
            raise LearnFailed(f"{line.path}: {failure.value.advice}")

    def _taken(self, error: CannotListenError) -> LearnFailed:
        order = self._order
        why = getattr(error.socketError, "strerror", None) or str(error.socketError)
        holders = [] if order.udp else holders_of(order.interface, order.port or 0) or []
        return LearnFailed(f"port {order.port} of {order.interface}: {why}{remedy(order, holders)}")


def is_own(host: str, interface: str) -> bool:
    """Whether *host* is an address at which a program that listens on *interface* is reached."""
    return host == interface or (is_loopback(host) and (interface in ALL_ADDRESSES or is_loopback(interface)))


def _attempt(order: LearnOrder) -> bytes | None:
    """What is tried where the program waits. Whatever is said to a device may move something: a person has to choose it."""
    if order.say is not None:
        try:
            return unescape(order.say)
        except ValueError as error:
            raise LearnFailed(f"--say: {error}") from error
    return None if order.through is not None or order.device is not None else b"OK\n"


def remedy(order: LearnOrder, holders: list[Holder]) -> str:
    """What to do about a port that *holders* have: the end of a sentence."""
    process = next((one.process for one in holders if one.process is not None), None)
    by = f" by {process}" if process is not None else ""
    return (
        f"{by}. Stop that program; or, if it is the old server, let your program connect to another port, and learn there: "
        f"netd learn OTHER --through {order.interface}:{order.port}"
    )


def _address_of(host: str, port: int) -> tuple[str, int]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise LearnFailed(f"--through: {host}: {error.strerror}") from error
    return str(found[0][4][0]), port


def _own_addresses() -> list[str]:
    """The addresses of this machine, as far as its name and its way to others tell them."""
    found = {"127.0.0.1": None}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: the operating system chooses the address by which it would
            found[probe.getsockname()[0]] = None
        except OSError:
            pass
    return list(found)
