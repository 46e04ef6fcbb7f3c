"""The tour of the relay's page, by programs as people wrote them before netd, against the daemon as people start it."""

from __future__ import annotations

import ast
import contextlib
import socket
from pathlib import Path

from tests.process import CHECKOUT, Daemon, Program, RealTestCase, frame, read_frame

LEGACY = CHECKOUT / "tests" / "legacy"


class TourTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.daemon = self.start()
        self.port = self.daemon.port()

    def device(self, count: int = 0, *file: Path) -> tuple[Program, str]:
        """An old device that is in the list, and its address as the list has it."""
        device = self.program(LEGACY / "old_device.py", "127.0.0.1", self.port, count, *file)
        address = device.wait_for(r"^connected (.*)$")[1]
        self.wait_until_listed(self.daemon, address)
        return device, address

    def wait_until_listed(self, daemon: Daemon, address: str) -> None:
        """A device has said what it is some time after it has connected: ask until the relay has heard it."""
        for _ in range(1000):
            if address in [device["address"] for device in daemon.call("relay.devices")["rows"]]:
                return
        self.fail(f"{address} is not in the list")

    def control(self, *words: str) -> list[object]:
        """What an old controller prints for each of its events."""
        controller = self.program(LEGACY / "old_controller.py", "127.0.0.1", self.port, *words)
        self.assertEqual(0, controller.wait(), controller.output)
        return [ast.literal_eval(line) for line in controller.output.splitlines()]

    def test_tour(self) -> None:
        """An old controller lists two old devices, connects to one and sends to it; the bytes arrive as they were sent."""
        record = self.folder / "record"
        device, address = self.device(3, record)
        _other, other_address = self.device()
        texts = ("turn the lamp on", "grüße: ☀", "x" * 5000)
        listed, connected, *sent = self.control(
            "list", "connect", address, *(word for text in texts for word in ("send", address, text))
        )
        self.assertEqual(f"{address},{other_address},".split(","), listed)
        self.assertEqual(f"|connected to {address}|", connected)
        self.assertEqual(["data succesfully sent"] * 3, sent)
        self.assertEqual(0, device.wait(), device.output)
        self.assertEqual("".join(texts).encode(), record.read_bytes())

    def test_spellings_of_a_target(self) -> None:
        """A controller that rebuilt the address from the pieces between the commas reaches the device all the same."""
        device, address = self.device(3)
        host, port = ast.literal_eval(address)
        sent = self.control("send", f"'{host}', {port}", "1", "send", f"{host},{port}", "2", "send", f"{host}:{port}", "3")
        self.assertEqual(["data succesfully sent"] * 3, sent)
        self.assertEqual(0, device.wait(), device.output)
        self.assertEqual(["b'1'", "b'2'", "b'3'"], device.output.splitlines()[1:])

    def test_unknown_target(self) -> None:
        """A device that was never there is said to be unknown, also when its port begins like one that is there."""
        _device, address = self.device()
        self.assertEqual(
            ["|target not found|"] * 2, self.control("send", "('127.0.0.1', 1)", "hello", "connect", address.replace(")", "0)"))
        )

    def test_no_device(self) -> None:
        """Where no device is, the list says so."""
        self.assertEqual([["|no raspberrypies|"]], self.control("list"))

    def test_killed_device(self) -> None:
        """A device whose program was killed is gone from the list at once, and the next one is not mistaken for it."""
        device, address = self.device()
        device.process.kill()
        device.process.wait()
        self.assertEqual([["|no raspberrypies|"], "|target not found|"], self.control("list", "send", address, "hello"))
        _next, next_address = self.device()
        self.assertEqual([f"{next_address},".split(",")], self.control("list"))


class DescriptorTests(RealTestCase):
    def test_more_connections_than_descriptors(self) -> None:
        """A relay that runs out of descriptors goes on serving those who are connected, and takes new ones when there is room."""
        daemon = self.start(most_descriptors=64)
        port = daemon.port()
        device = self.connect(port)
        device.sendall(frame(b"raspberrypi"))
        controller = self.connect(port)
        address = str(device.getsockname())
        self.assertEqual(f"{address},".encode(), self.ask(controller, b"|no target|"))
        crowd = []
        for _ in range(100):
            with contextlib.suppress(ConnectionResetError):  # turned away before its own system has noticed that it was let in
                crowd.append(self.connect(port))
        self.assertEqual(b"data succesfully sent", self.ask(controller, address.encode(), b"hello"))
        self.assertEqual(b"hello", read_frame(device))
        for connection in crowd:
            connection.close()
        late = self.connect(port)
        self.assertEqual(f"{address},".encode(), self.ask(late, b"|no target|"))
        self.assertEqual(0, daemon.stop(), daemon.output)
        self.assertNotIn("Traceback", daemon.output)
        self.assertLess(len(daemon.output.splitlines()), 500, "the log is flooded")

    def ask(self, controller: socket.socket, target: bytes, text: bytes | None = None) -> bytes:
        """Carry out one event; its answer."""
        controller.sendall(frame(b"python") + target.ljust(64) + (frame(text) if text is not None else b""))
        return read_frame(controller)
