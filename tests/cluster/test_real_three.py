"""Three netd and a NATS server, as ``make cluster`` starts them: each reaches all, and what ends is noticed and left nowhere."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import runpy
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.client.control import Control, ControlError
from netd.paths import CONTROL_SOCKET
from tests.process import CHECKOUT, PATIENCE, RealTestCase


def ask(place: Path, node: str, operation: str, suits: Callable[[Any], bool], **arguments: Any) -> Any:
    """The answer of a node to *operation*, asked for until it suits."""
    end, answer = time.monotonic() + PATIENCE, None
    while time.monotonic() < end:
        with contextlib.suppress(ControlError), Control(place / node / CONTROL_SOCKET, PATIENCE) as control:
            answer = control.call(operation, **arguments)
            if suits(answer):
                return answer
        time.sleep(0.05)
    raise AssertionError(f"{operation} of node {node} is still {answer}")


def processes(place: Path) -> list[int]:
    """All processes that were started with something in *place*."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if os.fsencode(place) in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def end_all(place: Path) -> None:
    """Leave nothing behind, also when the script was killed with the test that has failed."""
    for pid in processes(place):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(place, ignore_errors=True)


def is_acknowledged(outcome: Any) -> bool:
    """Whether the device has answered."""
    return bool(outcome["status"] == "acknowledged")


class PortTests(SynchronousTestCase):
    def test_taken(self) -> None:
        """A port that somebody has is another one for its own node alone."""
        free_ports = runpy.run_path(str(CHECKOUT / "examples" / "cluster.py"))["free_ports"]
        with socket.socket() as taken, socket.socket() as free:
            taken.bind(("127.0.0.1", 0))
            free.bind(("127.0.0.1", 0))
            ports = [one.getsockname()[1] for one in (taken, free)]
            free.close()
            found = free_ports([*ports, 0])
        self.assertEqual((3, ports[1]), (len(set(found)), found[1]))
        self.assertNotIn(ports[0], found)


class ThreeNodesTests(RealTestCase):
    def test_make_cluster(self) -> None:
        """One command starts everything; a node reaches devices of another, sees it killed, and Ctrl-C leaves nothing behind."""
        script = self.program(CHECKOUT / "examples" / "cluster.py")
        script.wait_for("^Ctrl-C ends it all")
        place = Path(script.wait_for(r"--state (\S+)/a nodes$")[1])
        self.addCleanup(end_all, place)
        dashboards = re.findall(r"^  ([abc])  http://127\.0\.0\.1:\d+/$", script.output, re.MULTILINE)
        self.assertEqual(["a", "b", "c"], dashboards)
        everyone = ["here", "there", "there"]
        nodes = ask(place, "c", "cluster.nodes", lambda found: [one["state"] for one in found] == everyone)
        self.assertEqual({"a", "b", "c"}, {one["name"] for one in nodes})
        outcome = ask(place, "a", "relay.send", is_acknowledged, target="demo-device-b", text="temperature?", instance="main@b")
        self.assertRegex(base64.b64decode(outcome["answer"]).decode(), r"\d °C$")
        pid = int(script.wait_for(r"^  kill -9 (\d+) +# node b")[1])
        os.kill(pid, signal.SIGKILL)
        script.wait_for("^b was ended by SIGKILL; it starts again in ")
        ask(place, "a", "cluster.nodes", lambda found: found[1]["state"] == "gone")
        left = processes(place)
        self.assertGreaterEqual(len(left), 6)
        script.signal(signal.SIGINT)
        self.assertEqual(0, script.wait())
        self.assertTrue(script.output.endswith("All have ended.\n"), script.output)
        self.assertEqual([], processes(place))
        self.assertFalse(place.exists())

    def test_killed(self) -> None:
        """When the script is killed, and can end nothing any more, what it has started ends by itself."""
        place = self.folder / "killed"
        place.mkdir()
        said = (
            "import runpy, time; run = runpy.run_path({0!r}); part = run['Part']('x', ['tail', '-f', {1!r}], run['Path']({2!r}))"
        )
        path = place / "waits"
        path.touch()
        lines = said.format(str(CHECKOUT / "examples" / "cluster.py"), str(path), str(place))
        script = self.program("-c", f"{lines}; part.start(); print('started', flush=True); time.sleep(60)")
        self.addCleanup(end_all, place)
        script.wait_for("^started")
        self.assertEqual(2, len(processes(place)))
        script.signal(signal.SIGKILL)
        script.wait()
        end = time.monotonic() + PATIENCE
        while processes(place) and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual([], processes(place))
