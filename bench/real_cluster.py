"""Three real nodes and a NATS server, beside those that ``simulate.py`` plays: ``make simulate ARGS=--check`` runs both."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import signal
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cluster_soak import Part, call
from soak import free_port

from netd.client.relay_asyncio import AsyncDevice

NODES = 3
NATS = "listen: 127.0.0.1:{port}\nhttp: 127.0.0.1:{monitor}\n"
INI = """\
[netd]
name = n{number}
state_directory = {directory}
[relay]
listen = tcp:{port}:interface=127.0.0.1
[cluster]
name = real
servers = nats://127.0.0.1:{nats}
"""
SPAN = 20.0
"""Seconds of rest that are measured."""


class RealCluster:
    """Three nodes with devices.

    :param devices: of each node.
    """

    def __init__(self, directory: Path, nats: str, netd: str, devices: int) -> None:
        self._directory = directory
        self._devices = devices
        self._monitor = free_port()
        port = free_port()
        (directory / "nats.conf").write_text(NATS.format(port=port, monitor=self._monitor))
        self._nats = Part([nats, "-c", str(directory / "nats.conf")], directory / "nats.log")
        self._ports = [free_port() for _ in range(NODES)]
        self._nodes = []
        for number, own in enumerate(self._ports):
            ini = directory / f"n{number}.ini"
            ini.write_text(INI.format(number=number, directory=directory / f"state{number}", port=own, nats=port))
            words = [word.replace("{ini}", str(ini)) for word in shlex.split(netd)]
            self._nodes.append(Part(words, directory / f"n{number}.log"))

    async def measure(self) -> dict[str, str]:
        """Run; return figures by the names that the simulation gives them."""
        for part in (self._nats, *self._nodes):
            await part.start()
        try:
            await self._until(lambda: self._have("there", NODES - 1), 30)
            devices = [asyncio.create_task(self._be_device(number)) for number in range(NODES * self._devices)]
            await self._until(self._list_all, 120)
            rest = await self._rest()
            death = await self._death()
        finally:
            for part in (*self._nodes, self._nats):
                await part.end()
        for device in devices:
            device.cancel()
        await asyncio.gather(*devices, return_exceptions=True)
        return rest | death

    async def _be_device(self, number: int) -> None:
        async with AsyncDevice("127.0.0.1", self._ports[number % NODES], f"device-{number:05}", dialect="netd") as device:
            async for message in device:
                await message.answer(b"")

    async def _rest(self) -> dict[str, str]:
        before, spent = self._traffic(), [_spent(part.pid) for part in self._nodes]
        await asyncio.sleep(SPAN)
        after = self._traffic()
        share = max(_spent(part.pid) - start for part, start in zip(self._nodes, spent, strict=True)) / SPAN
        told = {name: (after[name] - before[name]) / SPAN for name in before}
        return {
            "idle: into NATS": f"{told['in_bytes']:.0f} B/s",
            "out of it": f"{told['out_bytes']:.0f} B/s",
            "a node": f"{share:.2%}",
        }

    async def _death(self) -> dict[str, str]:
        """Kill the second node, and start it again."""
        began = time.monotonic()
        self._nodes[1].tell(signal.SIGKILL)
        await self._until(lambda: self._have("gone", 1, (0, 2)), 10)
        died = time.monotonic() - began
        await self._nodes[1].end()
        before, began = self._traffic(), time.monotonic()
        await self._nodes[1].start()
        await self._until(lambda: self._have("there", NODES - 1, (0, 2)), 30)
        back = time.monotonic() - began
        await asyncio.sleep(1.0)
        return {
            "first, last": f"…, {died:.2f} s",
            "it is back after": f"{back:.2f} s, of which its start takes the most",
            "for": f"{(self._traffic()['out_bytes'] - before['out_bytes']) / 1e3:.0f} kB",
        }

    def _traffic(self) -> dict[str, int]:
        """Messages and bytes that NATS has counted."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._monitor}/varz") as answer:
            facts = json.load(answer)
        return {name: facts[name] for name in ("in_msgs", "out_msgs", "in_bytes", "out_bytes")}

    async def _call(self, node: int, method: str, **params: object) -> Any:
        return (await call(self._directory / f"state{node}" / "control.sock", method, **params)).get("result")

    async def _have(self, state: str, count: int, of: tuple[int, ...] = tuple(range(NODES))) -> bool:
        for node in of:
            rows = await self._call(node, "cluster.nodes") or []
            if sum(1 for row in rows if row["state"] == state) < count:
                return False
        return True

    async def _list_all(self) -> bool:
        for node in range(NODES):
            told = await self._call(node, "cluster.devices", limit=1)
            if told is None or told["counts"].get("online", 0) < NODES * self._devices:
                return False
        return True

    @staticmethod
    async def _until(holds: Callable[[], Awaitable[bool]], seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if await holds():
                    return
            except OSError:
                pass
            await asyncio.sleep(0.02)
        raise SystemExit(f"the real nodes do not come to {holds} within {seconds:g} s")


def _spent(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_real(nats: str, netd: str, devices: int) -> dict[str, str]:
    """Return what three real nodes with so many devices each do."""
    logging.disable(logging.WARNING)  # the devices tell of each connection that they lose
    with tempfile.TemporaryDirectory(prefix="netd-cluster-") as name:
        return asyncio.run(RealCluster(Path(name), nats, netd, devices).measure())
