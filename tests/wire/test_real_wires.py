"""A real daemon with wires: a sketch on a serial port, a sender of datagrams, and a program that connects."""

from __future__ import annotations

import os
import pty
import socket
import time
import tty
from pathlib import Path

from tests.process import LOOPBACK, PATIENCE, Daemon, RealTestCase

INI = f"""\
[recorder]
[wire:shed]
listen = {LOOPBACK}
rules =
    sample T={{temp °C}};H={{hum %}}
    event echo {{what}} => you said {{what}}
[wire:udp]
listen = udp:PORT:interface=127.0.0.1
rules =
    sample {{level}} => ok
[wire:sketch]
connect = serial:PATH:115200
reconnect_delay = 100ms
rules =
    sample {{temp °C}},{{hum %}}
"""


class RealWireTests(RealTestCase):
    def plug(self, path: Path) -> tuple[int, int]:
        """A pseudo terminal in place of a board, by a name that stays."""
        board, port = pty.openpty()
        tty.setraw(board)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(port))
        return board, port

    def value(self, daemon: Daemon, instance: str, channel: str) -> float | None:
        """The newest value of the one peer of a wire."""
        found = [one["values"].get(channel) for one in daemon.call("wire.peers", instance=instance)["rows"]]
        return found[0]["value"] if found and found[0] else None

    def wait_for_value(self, daemon: Daemon, value: float) -> None:
        """Wait until the sketch has said *value*, but not for ever."""
        end = time.monotonic() + PATIENCE
        while self.value(daemon, "sketch", "temp") != value:
            self.assertLess(time.monotonic(), end, daemon.output)

    def test_three_transports(self) -> None:
        """What a program, a datagram and a sketch say are samples; a board that is unplugged is found again."""
        path = self.folder / "ttyACM0"
        board, port = self.plug(path)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            number = free.getsockname()[1]
        daemon = self.start(self.write_ini(INI.replace("PORT", str(number)).replace("PATH", str(path))))
        daemon.wait_for("wire:sketch: connected")
        program = self.connect(daemon.port("wire:shed"))
        program.sendall(b"T=21.5;H=40\r\necho hi\n")
        self.assertEqual(b"you said hi\n", program.recv(100))
        self.assertEqual(21.5, self.value(daemon, "shed", "temp"))
        daemon.call("history.flush")
        recorded = {series["subject"] for series in daemon.call("history.subjects", pattern="wire.shed.sample.>")}
        self.assertEqual({"wire.shed.sample.127-0-0-1.temp", "wire.shed.sample.127-0-0-1.hum"}, recorded)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.settimeout(5)
            sender.sendto(b"7", ("127.0.0.1", number))
            self.assertEqual(b"ok", sender.recv(100))
        os.write(board, b"1,2\n20.5,41\n")
        self.wait_for_value(daemon, 20.5)
        os.close(board)
        os.close(port)
        daemon.wait_for("wire:sketch: .* left")
        board, port = self.plug(path)
        self.addCleanup(os.close, board)
        self.addCleanup(os.close, port)
        daemon.wait_for("(?s)wire:sketch: connected.*wire:sketch: connected")
        os.write(board, b"3,4\n22.5,42\n")
        self.wait_for_value(daemon, 22.5)
        self.assertEqual(0, daemon.stop())
