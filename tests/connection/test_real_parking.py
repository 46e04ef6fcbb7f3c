"""Tests of ``netd.connection.parking`` with real sockets: what newcomers, open connections and other programs meet."""

from __future__ import annotations

import errno
import os
import socket
import tempfile

from twisted.internet import tcp, unix
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.parking import park, unpark

PATIENCE = 10.0


class Readers:
    """As much of a reactor as a port needs.

    :ivar reading: the ports that are read.
    """

    def __init__(self) -> None:
        self.reading: set[object] = set()

    def addReader(self, port: object) -> None:  # noqa: N802 - as Twisted calls it
        """Read *port*."""
        self.reading.add(port)

    def removeReader(self, port: object) -> None:  # noqa: N802 - as Twisted calls it
        """Read it no more."""
        self.reading.discard(port)


class Stubborn(socket.socket):
    """One that cannot be shut while it listens, as on macOS."""

    def shutdown(self, how: int) -> None:
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))


class ParkingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Readers()
        self.port = self.open("127.0.0.1")
        self.address = self.port.socket.getsockname()

    def open(self, host: str) -> tcp.Port:
        """A port that listens at *host*."""
        port = tcp.Port(0, Factory(), interface=host, reactor=self.reactor)  # type: ignore[arg-type]  # enough of one
        port.startListening()  # type: ignore[no-untyped-call]
        self.addCleanup(port.socket.close)
        return port

    def connect(self, address: tuple[str, int]) -> socket.socket:
        """A program that connects."""
        program = socket.create_connection(address[:2], PATIENCE)
        self.addCleanup(program.close)
        return program

    def accept(self, port: tcp.Port) -> None:
        """Accept one connection."""
        accepted, _ = port.socket.accept()
        self.addCleanup(accepted.close)

    def take(self, *options: int) -> None:
        """Listen at the port's address, as another program would."""
        with socket.socket() as other:
            for option in options:
                other.setsockopt(socket.SOL_SOCKET, option, 1)
            other.bind(self.address)
            other.listen()

    def test_parked(self) -> None:
        """Newcomers are refused, what is open stays open, and the address is the port's, whatever another program asks for."""
        program = self.connect(self.address)
        self.accept(self.port)
        park(self.port, is_shared=False)
        self.assertEqual(set(), self.reactor.reading)
        self.assertRaises(ConnectionRefusedError, self.connect, self.address)
        for options in ((), (socket.SO_REUSEADDR,), (socket.SO_REUSEADDR, socket.SO_REUSEPORT)):
            self.assertRaises(OSError, self.take, *options)
        program.sendall(b"still here")

    def test_unparked(self) -> None:
        """It listens again where it was, beside connections of before; also a port that the system has chosen, and IPv6."""
        for port in (self.port, self.open("::1")):
            address = port.socket.getsockname()
            self.connect(address)
            self.accept(port)
            for _ in range(2):
                park(port, is_shared=False)
                unpark(port, 16)
                self.assertIn(port, self.reactor.reading)
                self.assertEqual(address, port.socket.getsockname())
                self.connect(address)
                self.accept(port)

    def test_taken(self) -> None:
        """Should another program have the address after all, that is an error of the operating system, and nobody is accepted."""
        park(self.port, is_shared=False)
        self.port.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as if it had not been forbidden
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(self.address)
            other.listen()
            self.assertRaises(OSError, unpark, self.port, 16)
            self.assertEqual(set(), self.reactor.reading)
        unpark(self.port, 16)
        self.assertEqual({self.port}, self.reactor.reading)

    def test_waiting(self) -> None:
        """Where a socket cannot be shut, as a unix socket and all sockets of other systems, newcomers wait."""
        folder = tempfile.TemporaryDirectory(prefix="netd-")  # a unix socket's path is short
        self.addCleanup(folder.cleanup)
        path = f"{folder.name}/parked.sock"
        port = unix.Port(path, Factory(), reactor=self.reactor)
        port.startListening()
        self.addCleanup(port.socket.close)
        park(port, is_shared=False)
        with socket.socket(socket.AF_UNIX) as program:
            program.connect(path)
            unpark(port, 16)
            port.socket.accept()[0].close()
        self.assertIn(port, self.reactor.reading)
        self.port.socket.close()
        self.port.socket = Stubborn()
        park(self.port, is_shared=False)
        unpark(self.port, 16)

    def test_shared(self) -> None:
        """At a socket that other processes have, too, newcomers wait."""
        park(self.port, is_shared=True)
        self.assertEqual(set(), self.reactor.reading)
        self.connect(self.address)
        unpark(self.port, 16)
        self.accept(self.port)
