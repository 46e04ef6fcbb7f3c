"""Tests of what :mod:`netd.cli` really does to the world: programs, alarms, sockets, and this process itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.cli.invocation import CliSurroundings
from netd.cli.relay import Completed, RelayPlace, RelayPorts
from netd.client.relay import NotConnected


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


class SurroundingsTests(SynchronousTestCase):
    def test_real(self) -> None:
        """The command sees this user's environment, and the clock and chance of this machine."""
        real = CliSurroundings.real()
        self.assertEqual((real.environ, real.uid, real.python), (os.environ, os.getuid(), Path(sys.executable)))
        self.assertGreater(real.wall_clock(), 1_700_000_000)
        self.assertNotEqual(real.random_bytes(16), real.random_bytes(16))

    def test_replace_process(self) -> None:
        """Becoming another program hands over arguments and environment as they are."""
        became: list[tuple[object, ...]] = []
        self.patch(os, "execve", lambda *arguments: became.append(arguments))
        CliSurroundings.real().replace_process(["/bin/twistd", "netd"], {"HOME": "/x"})
        self.assertEqual(became, [("/bin/twistd", ["/bin/twistd", "netd"], {"HOME": "/x"})])

    def test_run_program(self) -> None:
        """What another program writes comes back; one that fails, hangs or is not there is an error."""
        run = CliSurroundings.real().run_program
        echo = [sys.executable, "-c", "import os, sys; print(os.environ['WORD'], sys.stdin.read())"]
        self.assertEqual(run(echo, {"WORD": "a"}, 30.0, b"b"), b"a b\n")
        self.assertRaises(OSError, run, [sys.executable, "-c", "raise SystemExit(1)"], {}, 30.0)
        self.assertRaises(OSError, run, [sys.executable, "-c", "input()", "-"], {}, 0.0)
        self.assertRaises(OSError, run, ["/nowhere/program"], {}, 30.0)


class RelayPortsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ports = RelayPorts()

    def run_python(self, program: str, stdin: bytes = b"", timeout: float | None = 30.0) -> Completed:
        """Run a small program."""
        return self.ports.run_program([sys.executable, "-c", program], stdin, timeout)

    def test_program(self) -> None:
        """A program reads the message and writes the answer, byte for byte; its exit code counts."""
        echo = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1]); sys.exit(3)"
        self.assertEqual(self.run_python(echo, b"\x00\xffa"), Completed(3, b"a\xff\x00"))
        self.assertEqual(self.run_python("import os; os.kill(os.getpid(), 9)").code, -9)

    def test_program_too_slow(self) -> None:
        """A program that takes longer than the sender waits is ended."""
        self.assertRaises(subprocess.TimeoutExpired, self.run_python, "input()\nimport signal; signal.pause()", b"\n", 0.05)

    def test_no_program(self) -> None:
        """A program that is not there is an error of the operating system."""
        self.assertRaises(FileNotFoundError, self.ports.run_program, ["/nowhere/program"], b"", 1.0)

    def test_alarm(self) -> None:
        """An alarm rings when the time is up, unless it is called off."""
        rung = threading.Event()
        self.ports.start_alarm(0.01, rung.set)
        self.assertTrue(rung.wait(10))
        before = threading.active_count()
        self.ports.start_alarm(60, self.fail)()
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join(10)
        self.assertLessEqual(threading.active_count(), before)

    def test_controller(self) -> None:
        """A controller connects to the relay that is named."""
        port = free_port()
        controller = self.ports.open_controller(RelayPlace("127.0.0.1", port), "auto")
        with self.assertRaisesRegex(NotConnected, f"127.0.0.1:{port}"):
            controller.devices()
        controller.close()

    def test_device(self) -> None:
        """A device tells that its relay is not there, and goes on trying until it is closed."""
        port, lost = free_port(), []

        def on_disconnect(reason: str, delay: float) -> None:
            lost.append((reason, delay))
            device.close()

        device = self.ports.open_device(RelayPlace("127.0.0.1", port), "gh", ("g",), "auto", self.fail, on_disconnect)
        self.assertEqual(list(device), [])
        ((reason, _),) = lost
        self.assertIn(f"127.0.0.1:{port}", reason)
