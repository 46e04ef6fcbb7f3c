"""Real daemons of a cluster with relays, and real devices of theirs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from netd.client.relay import Device, RelayError
from tests.process import LOOPBACK, PATIENCE, TWISTD, Daemon

__all__ = ["Nodes", "connected", "listed", "wait_until"]


class Nodes:
    """Daemons that join one cluster.

    :param url: of the NATS server.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self._daemons: list[Daemon] = []

    def start(self, name: str, listen: str = LOOPBACK, url: str = "", prefix: tuple[str, ...] = ()) -> Daemon:
        """Start the node *name*, again if it was killed.

        :param listen: the endpoint of its relay.
        :param prefix: a command that runs it.
        """
        state, ini = self._folder / name, self._folder / f"{name}.ini"
        cluster = f"[cluster]\nservers = {url or self._url}\n"
        ini.write_text(
            f"[netd]\nstate_directory = {state}\nname = {name}\n{cluster}[relay]\naccess = anyone\nlisten = {listen}\n",
            encoding="utf-8",
        )
        daemon = Daemon([*prefix, TWISTD, "-n", "--pidfile=", "netd", "-c", ini], self._folder, state)
        self._daemons.append(daemon)
        daemon.wait_for("^Stop it with ")
        return daemon

    def end(self) -> None:
        """Leave nothing behind."""
        for daemon in self._daemons:
            daemon.end()


def connected(
    host: str, port: int, name: str, does: Callable[[bytes], bytes | None], lost: Callable[[], object] = lambda: None
) -> Device:
    """A device that does something with each payload, once it is connected. It lives until it is closed.

    :param lost: called when its connection has ended, for whatever reason.
    """
    is_there = threading.Event()
    device = Device(host, port, name, on_connect=lambda _: is_there.set(), on_disconnect=lambda *_: lost())

    def run() -> None:
        with suppress(RelayError):  # another device has its name
            device.run(does)
        lost()

    threading.Thread(target=run, daemon=True).start()
    assert is_there.wait(PATIENCE), "the device is not connected"
    return device


def listed(daemon: Daemon) -> dict[str, tuple[str, bool | None]]:
    """Node and presence of each device, as a node lists them."""
    return {row["name"]: (row["node"], row["online"]) for row in daemon.call("cluster.devices")["rows"]}


def wait_until(holds: Callable[[], bool], within: float = PATIENCE) -> float:
    """Return the seconds until *holds* did."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within, f"not within {within} s"
        time.sleep(0.02)
    return time.monotonic() - began
