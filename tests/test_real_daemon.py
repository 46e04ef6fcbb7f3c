"""The life of a real daemon: from its table to its end, and every way in which it cannot start."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import time
from pathlib import Path

from netd.client.control import Control
from netd.paths import CONTROL_SOCKET
from tests.command.bench import TEST
from tests.process import LOOPBACK, PATIENCE, TWISTD, Daemon, RealTestCase, frame, read_frame, wait_for_pid


class StartTests(RealTestCase):
    def test_banner(self) -> None:
        """Whoever starts netd reads where each service listens, who may reach it, and how to end it."""
        daemon = self.start(self.write_ini(f"name = lab7\n[relay]\nlisten = {LOOPBACK}\n[relay:lab2]\nlisten = {LOOPBACK}\n"))
        port, second = daemon.port(), daemon.port("relay:lab2")
        self.assertRegex(daemon.output, r"(?m)^netd \S+ is up as lab7$")
        self.assertRegex(daemon.output, rf"(?m)^relay +127\.0\.0\.1:{port} +this machine only$")
        self.assertRegex(daemon.output, rf"(?m)^relay:lab2 +127\.0\.0\.1:{second} +this machine only$")
        self.assertRegex(daemon.output, rf"(?m)^control +unix:{re.escape(str(self.state))}/control\.sock +this user only")
        self.assertIn(f"Stop it with Ctrl-C or `netd stop --state {self.state}`.", daemon.output)

    def test_permissions(self) -> None:
        """Nobody but the daemon's own user reaches its state or its control socket."""
        self.start().port()
        self.assertEqual(0o700, stat.S_IMODE(self.state.stat().st_mode))
        self.assertEqual(0o600, stat.S_IMODE((self.state / CONTROL_SOCKET).stat().st_mode))

    def test_several_endpoints(self) -> None:
        """A relay that listens on a port and on a unix socket is one relay: who came by one reaches who came by the other."""
        path = self.folder / "relay.sock"
        daemon = self.start(self.write_ini(f"[relay]\nlisten = {LOOPBACK} unix:{path}\n"))
        device = self.connect(daemon.port())
        device.sendall(frame(b"raspberrypi"))
        with socket.socket(socket.AF_UNIX) as controller:
            controller.settimeout(PATIENCE)
            controller.connect(str(path))
            controller.sendall(frame(b"python") + str(device.getsockname()).encode().ljust(64) + frame(b"hello"))
            self.assertEqual(b"data succesfully sent", read_frame(controller))
        self.assertEqual(b"hello", read_frame(device))
        self.assertRegex(
            daemon.output, rf"(?m)^relay +unix:{re.escape(str(path))} +users of this machine who may open the socket"
        )

    def test_two_state_directories(self) -> None:
        """Two daemons with a state directory each run side by side, and each answers on its own control socket."""
        first, second = self.start(self.write_ini(state="first")), self.start(self.write_ini(state="second"))
        ports = [first.port(), second.port()]
        for daemon, port in zip((first, second), ports, strict=True):
            (relay,) = daemon.call("system.status")["services"]
            self.assertEqual(f"127.0.0.1:{port}", relay["listening"][0]["address"])

    def test_killed_daemon(self) -> None:
        """After a daemon was killed, the next one takes its state directory and its port over."""
        killed = self.start()
        port = killed.port()
        killed.signal(signal.SIGKILL)
        killed.wait()
        self.assertTrue((self.state / CONTROL_SOCKET).is_socket(), "the killed daemon left no socket: nothing is tested here")
        daemon = self.start(self.write_ini(f"[relay]\nlisten = tcp:{port}:interface=127.0.0.1\n"))
        self.assertEqual(port, daemon.port())
        self.assertEqual([], daemon.call("relay.devices")["rows"])


class CannotStartTests(RealTestCase):
    def refusal(self, ini: Path) -> str:
        """The one line that a daemon says which exits with 1 because it cannot start."""
        outcome = self.twistd("-n", "--pidfile=", "netd", "-c", ini)
        self.assertEqual(1, outcome.returncode, outcome.stdout + outcome.stderr)
        self.assertNotIn("Traceback", outcome.stdout + outcome.stderr)
        (line,) = outcome.stderr.splitlines()
        return line

    def test_busy_port(self) -> None:
        """A port that is taken is named, with its section, who has it and the remedy, in one line."""
        other = self.start(self.write_ini(state="other"))
        port = other.port()
        line = self.refusal(self.write_ini(f"[relay:lab2]\nlisten = {LOOPBACK} tcp:{port}:interface=127.0.0.1\n"))
        self.assertEqual(
            f"netd: [relay:lab2] cannot listen on tcp:{port}:interface=127.0.0.1: twistd (pid {other.process.pid}) listens on "
            f"127.0.0.1:{port} already. Stop it, or choose another port: `listen = tcp:PORT:interface=127.0.0.1` in "
            "[relay:lab2], or at a start the environment variable NETD_RELAY_LAB2_LISTEN=tcp:PORT:interface=127.0.0.1.",
            line,
        )

    def test_same_state_directory(self) -> None:
        """A second daemon on one state directory is told that there is a first; the first goes on."""
        daemon = self.start()
        daemon.port()
        line = self.refusal(self.write_ini())
        self.assertRegex(
            line, rf"^netd: another netd runs with the state directory {re.escape(str(self.state))}; stop it .*or give"
        )
        self.assertEqual([], daemon.call("relay.devices")["rows"])

    def test_state_directory_that_cannot_be(self) -> None:
        """A state directory below a file is refused with the way to name another."""
        (self.folder / "file").touch()
        line = self.refusal(self.ini_with_state(self.folder / "file" / "state"))
        self.assertIn(f"cannot use the state directory {self.folder}/file/state: Not a directory; choose another", line)

    def test_socket_that_systemd_did_not_hand_over(self) -> None:
        """A configuration for socket activation, started by hand, says what is missing."""
        line = self.refusal(self.write_ini("[relay]\nlisten = systemd:domain=INET:name=relay\n"))
        self.assertIn("[relay] cannot listen on systemd:domain=INET:name=relay: systemd has handed over no such socket", line)

    def ini_with_state(self, state: Path) -> Path:
        """An INI file that keeps its state there."""
        path = self.folder / "odd.ini"
        path.write_text(f"[netd]\nstate_directory = {state}\n[relay]\nlisten = {LOOPBACK}\n", encoding="utf-8")
        return path


class EndTests(RealTestCase):
    def test_harmless_signals(self) -> None:
        """The daemon outlives the terminal that it was started from, and a log rotation that means another program."""
        daemon = self.start()
        port = daemon.port()
        for number, told in (
            (signal.SIGHUP, "the configuration was reloaded: nothing has changed"),
            (signal.SIGUSR1, "SIGUSR1: .*; nothing has changed"),
            (signal.SIGUSR2, "SIGUSR2: .*; nothing has changed"),
        ):
            daemon.signal(number)
            daemon.wait_for(told)
        controller = self.connect(port)
        controller.sendall(frame(b"python") + b"|no target|".ljust(64))
        self.assertEqual(b"|no raspberrypies|", read_frame(controller))
        self.assertEqual(0, daemon.stop(), daemon.output)

    def test_full_disk(self) -> None:
        """A daemon whose output cannot be written says so on standard error, and serves."""
        command = f"exec {TWISTD} -n --pidfile= netd -c {self.write_ini()} > /dev/full"
        daemon = Daemon(["sh", "-c", command], self.folder, self.state)
        self.addCleanup(daemon.end)
        daemon.wait_for("standard output cannot be written: No space left on device; netd runs on")
        with Control(self.state / CONTROL_SOCKET) as control:
            self.assertEqual("relay", control.call("system.status")["services"][0]["kind"])

    def test_log_file(self) -> None:
        """A log file is for its owner and group; when it was moved, SIGUSR1 begins another, in the form that is configured.

        At the level debug, which is chosen at run time, each connection is told, and every line about one has its number.
        """
        log = self.folder / "netd.log"
        daemon = self.start(self.write_ini(f"log = json\n[relay]\nlisten = {LOOPBACK}\n"), f"--logfile={log}")
        daemon.wait_for("is up as")
        moved = log.rename(self.folder / "netd.log.1")
        daemon.signal(signal.SIGUSR1)
        until = time.monotonic() + PATIENCE
        while not log.exists():
            self.assertLess(time.monotonic(), until, "the log file was not begun anew")
            daemon.call("system.status")
        daemon.call("system.log", section="relay", level="debug")
        self.connect(daemon.port()).sendall(frame(b"raspberrypi"))
        daemon.stop()
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (log, moved)}
        self.assertEqual({"netd.log": 0o640, "netd.log.1": 0o640}, modes)
        lines = [json.loads(line) for path in (moved, log) for line in path.read_text(encoding="utf-8").splitlines()]
        told = [line for line in lines if line.get("connection") and line["section"] == "relay"]
        self.assertEqual(["debug", "info", "info"], [line["level"] for line in told], told)
        self.assertEqual(1, len({line["connection"] for line in told}))
        self.assertIn("left after", told[-1]["message"])

    def test_terminated_with_a_device(self) -> None:
        """SIGTERM ends the daemon, and a connected device sees an orderly end of its connection; the status is the signal's."""
        daemon = self.start()
        device = self.connect(daemon.port())
        device.sendall(frame(b"raspberrypi"))
        daemon.wait_for("connected from")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(b"", device.recv(1), "neither bytes nor a reset, but the end")
        device.close()
        self.assertEqual(-signal.SIGTERM, daemon.wait(), daemon.output)
        self.assertNotIn("Traceback", daemon.output)
        self.assertRegex(daemon.output, r"127\.0\.0\.1:\d+ left after .* netd stops")

    def test_terminated_with_a_device_that_does_not_go(self) -> None:
        """A device that keeps its side open holds the daemon up for a second or two, not for ever."""
        daemon = self.start(self.write_ini(f"stop_timeout = 100ms\n[relay]\nlisten = {LOOPBACK}\n"))
        device = self.connect(daemon.port())
        device.sendall(frame(b"raspberrypi"))
        daemon.wait_for("connected from")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(-signal.SIGTERM, daemon.wait(), daemon.output)
        self.assertNotIn("Traceback", daemon.output)

    def test_stopped_by_an_operator(self) -> None:
        """`system.stop` is answered first; then the daemon ends with 0 and leaves no socket behind."""
        daemon = self.start()
        port = daemon.port()
        self.assertEqual({"status": "stopping"}, daemon.call("system.stop"))
        self.assertEqual(0, daemon.wait(), daemon.output)
        self.assertFalse((self.state / CONTROL_SOCKET).exists())
        self.assertRaises(ConnectionRefusedError, self.connect, port)

    def test_stopped_twice(self) -> None:
        """Two operators who stop it at the same moment are both answered, and it ends without a traceback."""
        daemon = self.start()
        daemon.port()
        with socket.socket(socket.AF_UNIX) as operator:
            operator.settimeout(PATIENCE)
            operator.connect(str(self.state / CONTROL_SOCKET))
            operator.sendall(b"".join(b'{"jsonrpc":"2.0","id":%d,"method":"system.stop"}\n' % number for number in (1, 2)))
            with operator.makefile() as answers:
                self.assertEqual([1, 2], [json.loads(line)["id"] for line in answers])
        self.assertEqual(0, daemon.wait(), daemon.output)
        self.assertNotIn("Traceback", daemon.output)

    def test_drained(self) -> None:
        """After `system.drain` nobody new gets in, who is in stays in, and the control socket still answers.

        No other program gets the port, though it asks to share it. `system.resume` opens it again; at the deadline of the next
        drain, those who are in are closed, too.
        """
        daemon = self.start()
        port = daemon.port()
        controller = self.connect(port)
        controller.sendall(frame(b"python") + b"|no target|".ljust(64))
        self.assertEqual(b"|no raspberrypies|", read_frame(controller))
        told = daemon.call("system.drain")
        self.assertEqual(("draining", None, 1), (told["state"], told["draining"]["left"], told["draining"]["connections"]))
        self.assertRaises(ConnectionRefusedError, self.connect, port)
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.assertRaises(OSError, other.bind, ("127.0.0.1", port))
        controller.sendall(frame(b"python") + b"|no target|".ljust(64))
        self.assertEqual(b"|no raspberrypies|", read_frame(controller))
        self.assertEqual({"state": "serving", "draining": None}, daemon.call("system.resume"))
        self.assertEqual(port, daemon.port())
        late = self.connect(port)
        late.sendall(frame(b"python") + b"|no target|".ljust(64))
        self.assertEqual(b"|no raspberrypies|", read_frame(late))
        daemon.call("system.drain", within=0.1)
        self.assertEqual((b"", b""), (controller.recv(1), late.recv(1)))
        self.assertEqual("draining", daemon.call("system.status")["state"])
        daemon.call("system.resume")
        self.connect(port).close()
        self.assertEqual(0, daemon.stop(), daemon.output)

    def test_drained_door_and_file(self) -> None:
        """After a drain, programs that send one line are answered again; those at a unix socket have waited meanwhile."""
        path = self.folder / "relay.sock"
        daemon = self.start(self.write_ini(f"[command]\nlisten = {LOOPBACK}\n[relay]\nlisten = unix:{path}\n"))

        def call() -> bytes:
            with self.connect(daemon.port("command")) as program:
                program.sendall(TEST)
                return program.recv(1 << 16)

        answer = call()
        self.assertIn(b"success", answer)
        daemon.call("system.drain")
        self.assertRaises(ConnectionRefusedError, call)
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.settimeout(PATIENCE)
            waiting.connect(str(path))
            waiting.sendall(frame(b"python") + b"|no target|".ljust(64))
            daemon.call("system.resume")
            self.assertEqual(answer, call())
            self.assertEqual(b"|no raspberrypies|", read_frame(waiting))
        with self.connect(daemon.port("command")) as late:  # at the door when the time is over: it is ended like all others
            daemon.call("system.drain", within=0)
            self.assertIn(b"netd drains", late.recv(1 << 16))
        self.assertEqual(0, daemon.stop(), daemon.output)


class DaemonisedTests(RealTestCase):
    """Without ``-n``: twistd returns when the daemon, which has left the terminal, is up."""

    def setUp(self) -> None:
        super().setUp()
        self.pid_file, self.log_file = self.folder / "netd.pid", self.folder / "netd.log"
        self.addCleanup(self.kill)

    def daemonise(self, ini: Path) -> tuple[int, str]:
        """Start it; twistd's exit status, and what the terminal shows."""
        outcome = self.twistd(f"--pidfile={self.pid_file}", f"--logfile={self.log_file}", "netd", "-c", ini)
        return outcome.returncode, outcome.stdout + outcome.stderr

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the daemon of the pid file."""
        pid = int(self.pid_file.read_text(encoding="ascii"))
        os.kill(pid, number)
        wait_for_pid(pid)

    def kill(self) -> None:
        """Leave nothing behind."""
        if self.pid_file.exists():
            self.terminate(signal.SIGKILL)

    def test_start_and_stop(self) -> None:
        """It answers as soon as twistd has returned, writes its log, and ends by the pid in its file, which it takes along."""
        self.assertEqual((0, ""), self.daemonise(self.write_ini()))
        with Control(self.state / CONTROL_SOCKET, PATIENCE) as control:
            address = control.call("system.status")["services"][0]["listening"][0]["address"]
        controller = self.connect(int(address.rpartition(":")[2]))
        controller.sendall(frame(b"python") + b"|no target|".ljust(64))
        self.assertEqual(b"|no raspberrypies|", read_frame(controller))
        self.terminate()
        self.assertFalse(self.pid_file.exists())
        self.assertFalse((self.state / CONTROL_SOCKET).exists())
        self.assertIn("Server Shut Down", self.log_file.read_text(encoding="utf-8"))

    def test_hang_up(self) -> None:
        """SIGHUP reloads the configuration in the background, too; another directory at the start does not matter."""
        self.assertEqual((0, ""), self.daemonise(Path(self.write_ini().name)))
        self.write_ini(f"[relay]\nlisten = {LOOPBACK}\nmax_payload = 2MiB\n[room]\nlisten = {LOOPBACK}\n")
        os.kill(int(self.pid_file.read_text(encoding="ascii")), signal.SIGHUP)
        end = time.monotonic() + PATIENCE
        told = "the configuration was reloaded: [relay] max_payload: 1MiB -> 2MiB; added [room]"
        while told not in self.log_file.read_text(encoding="utf-8"):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        with Control(self.state / CONTROL_SOCKET, PATIENCE) as control:
            self.assertEqual(["relay", "room"], [service["kind"] for service in control.call("system.status")["services"]])

    def test_busy_port(self) -> None:
        """A port that is taken is told on the terminal, the whole of it in the log, and no pid file claims that netd runs."""
        port = self.start(self.write_ini(state="other")).port()
        status, shown = self.daemonise(self.write_ini(f"[relay]\nlisten = tcp:{port}:interface=127.0.0.1\n"))
        self.assertEqual(1, status, shown)
        self.assertIn(f"[relay] cannot listen on tcp:{port}:interface=127.0.0.1: tw", shown)
        self.assertIn("look at log file", shown)
        self.assertRegex(
            self.log_file.read_text(encoding="utf-8"),
            r"netd cannot start: \[relay\] .*: twistd \(pid \d+\) listens on 127\.0\.0\.1:\d+ already\. Stop it",
        )
        end = time.monotonic() + PATIENCE  # twistd tells the terminal first, and removes the file then
        while self.pid_file.exists():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def test_broken_configuration(self) -> None:
        """A mistake in the configuration is told on the terminal, before anything leaves it."""
        ini = self.write_ini("[relay]\nlissten = tcp:0\n")
        status, shown = self.daemonise(ini)
        self.assertEqual(78, status, shown)
        self.assertRegex(shown, rf"^{re.escape(str(ini))}:4: \[relay\] lissten: unknown option \(did you mean listen\?\)\n$")
        self.assertFalse(self.pid_file.exists())
