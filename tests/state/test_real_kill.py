"""kill -9, over and over, while a daemon makes promises: nothing that it has answered is lost."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.client.control import Control, ControlError
from netd.paths import CONTROL_SOCKET
from tests.process import LOOPBACK, PATIENCE, environment, frame, read_frame, wait_for_pid

KILLS = 10

INI = f"""
[netd]
state_directory = {{state}}

[relay]
listen = {LOOPBACK}
queue_for = 1h

[session]
listen = {LOOPBACK}
agent_port = 9
"""


class KillTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        ini = self.folder / "netd.ini"
        ini.write_text(INI.format(state=self.folder), encoding="utf-8")
        command = [sys.executable, "-m", "tests.state.kennel", ini]
        log = (self.folder / "log").open("wb")
        self.addCleanup(log.close)
        self.kennel = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment())
        self.addCleanup(self.end_kennel)
        self.chance = random.Random(7)

    def end_kennel(self) -> None:
        """End the process that forks."""
        assert self.kennel.stdin is not None and self.kennel.stdout is not None
        self.kennel.stdin.close()
        self.kennel.wait(PATIENCE)
        self.kennel.stdout.close()

    def start(self) -> Control:
        """Start a daemon, and connect to its control socket."""
        assert self.kennel.stdin is not None and self.kennel.stdout is not None
        self.kennel.stdin.write(b"\n")
        self.kennel.stdin.flush()
        self.pid = int(self.kennel.stdout.readline())
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with contextlib.suppress(ControlError, OSError):
                control = Control(self.folder / CONTROL_SOCKET, PATIENCE)
                self.status = control.call("system.status")
                return control
            time.sleep(0.005)
        raise AssertionError((self.folder / "log").read_text())

    def kill(self, control: Control) -> None:
        """Kill the daemon."""
        os.kill(self.pid, signal.SIGKILL)
        wait_for_pid(self.pid)
        control.close()

    def relay(self) -> socket.socket:
        """A connection to the relay."""
        [relay] = [service for service in self.status["services"] if service["kind"] == "relay"]
        host, port = relay["listening"][0]["address"].rsplit(":", 1)
        connection = socket.create_connection((host, int(port)), PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def device(self) -> socket.socket:
        """The device, welcomed."""
        connection = self.relay()
        connection.sendall(frame(b'device {"name": "pump"}'))
        assert b"welcome" in read_frame(connection)
        read_frame(connection)
        return connection

    def test_ten_times(self) -> None:
        """Whenever a daemon is killed, the next one has every board, value, message, session and device that was acknowledged."""
        promises = Promises()
        control = self.start()
        self.device().close()
        control.call("session.start", host="127.0.0.1", wait=False, name="cryo")
        time.sleep(1.1)  # a new name is on the disk within a second
        for _ in range(KILLS):
            maker = threading.Thread(target=promises.make, args=(self.folder / CONTROL_SOCKET, self.relay()))
            maker.start()
            promises.wait_for(self.chance.randint(1, 5))
            time.sleep(self.chance.uniform(0.0, 0.005))
            self.kill(control)
            maker.join(PATIENCE)
            control = self.start()
            self.check(control, promises)
        self.assertEqual("", self.status["stored"]["trouble"])
        device = self.device()
        device.settimeout(PATIENCE)
        waiting = set(promises.queued)
        while waiting:
            read_frame(device)
            waiting.discard(int(read_frame(device)))
        control.call("session.stop", session="cryo")
        self.kill(control)
        control = self.start()
        self.assertEqual([], [one for one in control.call("session.list")["rows"] if one["agent"] == "cryo"])
        self.kill(control)

    def check(self, control: Control, promises: Promises) -> None:
        """Look for all that was acknowledged to the daemon before."""
        values = {one["subject"]: one["data"] for one in control.call("bus.last", pattern="custom.>")}
        self.assertLessEqual(promises.values.items(), values.items())
        boards = {one["name"]: one["version"] for one in control.call("board.list")}
        for name, version in promises.boards.items():
            self.assertGreaterEqual(boards[name], version)
        self.assertEqual(["pump"], [one["name"] for one in control.call("relay.devices")["rows"]])
        self.assertEqual(["cryo"], [one["agent"] for one in control.call("session.list")["rows"]])


class Promises:
    """What daemons have promised.

    :ivar values: subjects and values.
    :ivar boards: names and versions.
    :ivar queued: the numbers of queued messages.
    """

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.boards: dict[str, int] = {}
        self.queued: list[int] = []
        self._number = 0
        self._made = threading.Semaphore(0)

    def make(self, control_socket: Path, relay: socket.socket) -> None:
        """Have the daemon promise as much as it can, until it is killed."""
        with contextlib.suppress(ControlError, OSError, AssertionError), Control(control_socket, PATIENCE) as control:
            while True:
                self._number += 1
                self._make_one(control, relay, self._number)
                self._made.release()

    def wait_for(self, rounds: int) -> None:
        """Wait until so many more values, boards and messages were promised."""
        for _ in range(rounds):
            assert self._made.acquire(timeout=PATIENCE), "nothing is promised any more"

    def _make_one(self, control: Any, relay: socket.socket, number: int) -> None:
        relay.sendall(frame(b"python") + b"pump".ljust(64) + frame(b"%d" % number))
        if control.call("bus.publish", subject=f"custom.x{number}", data=number)["kept"]:
            self.values[f"custom.x{number}"] = number
        name = f"board{number % 3}"
        written = control.call("board.list")
        version = next((one["version"] for one in written if one["name"] == name), 0)
        board = {"title": "x", "tiles": []}
        self.boards[name] = control.call("board.write", name=name, version=version, board=board)["version"]
        assert read_frame(relay) == b"|queued|"
        self.queued.append(number)
