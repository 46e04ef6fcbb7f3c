"""A daemon with the recorder on, under load for minutes: is anything dropped, does memory grow, does the event loop lag?

``make soak`` runs it. Agents send samples at a steady rate, WebSockets follow them as a dashboard does, and once a second the
daemon is asked for its status. It prints Markdown, and leaves each look in ``build/soak.csv``.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import shlex
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers import default_netd_command

from netd.client.control import Control

AGENTS = 10
CHANNELS = 3
INI = """\
[netd]
state_directory = {directory}
memory = 1GiB
[session]
listen = tcp:{port}:interface=127.0.0.1
agent_port = {agent_port}
sessions_per_host = 100
[gateway]
listen = tcp:{web}:interface=127.0.0.1
[recorder]
keep_size = 4GiB
"""
STEP = 0.02
"""Seconds between two pieces of an agent."""


@dataclass
class Looks:
    """What was seen, a second at a time."""

    rows: list[tuple[float, int, float, float, int]] = field(default_factory=list)
    received: int = 0
    pages: int = 0


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def be_agent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, rate: float) -> None:
    """Be one agent: learn the session's number, connect back, and send *rate* samples a second, with three decimals."""
    number = int(await reader.read(16))
    _, samples = await asyncio.open_connection("127.0.0.1", port)
    samples.write("".join(f"s{index + 1}{number + index}\n" for index in range(CHANNELS)).encode())
    each = round(rate * STEP)
    piece = "".join(f"{'xyz'[index % CHANNELS]}{100 + index * 7 % 900}.{index % 1000:03}\n" for index in range(each)).encode()
    following = time.monotonic()
    with contextlib.suppress(ConnectionError, asyncio.CancelledError):
        while True:
            samples.write(piece)
            await samples.drain()
            following += STEP
            await asyncio.sleep(max(0.0, following - time.monotonic()))
    writer.close()


async def follow(port: int, looks: Looks) -> None:
    """Be one page: follow all samples, folded ten times a second, and throw away what comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: netd.v1\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    samples = {"pattern": "session.main.*.*", "every": 0.1, "fold": True, "together": True}
    for number, request in enumerate([samples, {"pattern": "system.main.vitals"}]):
        text = json.dumps({"jsonrpc": "2.0", "id": number, "method": "bus.subscribe", "params": request}).encode()
        text = text.ljust(126)  # the shortest that has a length of two bytes
        writer.write(bytes([0x81, 0x80 | 126]) + len(text).to_bytes(2, "big") + bytes(4) + text)
    alive = asyncio.create_task(stay(writer))
    looks.pages += 1
    try:
        while piece := await reader.read(1 << 16):
            looks.received += len(piece)
    finally:
        alive.cancel()
        looks.pages -= 1


async def stay(writer: asyncio.StreamWriter) -> None:
    """Give signs of life: netd cuts a page that answers none of its pings."""
    while True:
        await asyncio.sleep(5)
        writer.write(bytes([0x8A, 0x80]) + bytes(4))


async def start(command: str, directory: Path, ports: dict[str, int]) -> asyncio.subprocess.Process:
    """Start the daemon, and wait until its control socket answers."""
    ini = directory / "soak.ini"
    ini.write_text(INI.format(directory=directory / "state", **ports))
    words = [word.replace("{ini}", str(ini)) for word in shlex.split(command)]
    log = (directory / "log").open("wb")
    process = await asyncio.create_subprocess_exec(*words, stdout=log, stderr=log)
    for _ in range(200):
        if (directory / "state" / "control.sock").exists():
            return process
        await asyncio.sleep(0.1)
    raise SystemExit(f"netd does not start: {(directory / 'log').read_text()}")


@contextlib.asynccontextmanager
async def load(directory: Path, ports: dict[str, int], options: argparse.Namespace, looks: Looks) -> AsyncIterator[Control]:
    """Agents and pages, while the block runs."""
    rate = options.rate / AGENTS
    tasks: list[asyncio.Task[None]] = []

    def dialled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(be_agent(reader, writer, ports["port"], rate)))

    server = await asyncio.start_server(dialled, "127.0.0.1", ports["agent_port"])
    control = Control(directory / "state" / "control.sock")
    for number in range(AGENTS):
        await asyncio.to_thread(control.call, "session.start", host="127.0.0.1", name=f"agent{number}", wait=False)
    for _ in range(options.pages):
        tasks.append(asyncio.create_task(follow(ports["web"], looks)))
    yield control
    for task in tasks:
        task.cancel()
    server.close()


def facts_of(control: Control) -> dict[str, Any]:
    """The status of the daemon and of its recorder."""
    status = control.call("system.status")
    recorder = next(service for service in status["services"] if service["kind"] == "recorder")
    return {"recorder": recorder, **control.call("bus.last", pattern="system.main.vitals")[0]["data"]}


def process_facts(pid: int) -> tuple[int, float]:
    """Resident bytes, and seconds of CPU so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    tick = os.sysconf("SC_CLK_TCK")
    return int(fields[21]) * os.sysconf("SC_PAGE_SIZE"), (int(fields[11]) + int(fields[12])) / tick


async def soak(options: argparse.Namespace, directory: Path) -> str:
    """Run. Return the Markdown."""
    ports = {"port": free_port(), "agent_port": free_port(), "web": free_port()}
    looks = Looks()
    process = await start(options.netd, directory, ports)
    try:
        async with load(directory, ports, options, looks) as control:
            await asyncio.sleep(5)
            begin, (_, spent) = time.monotonic(), process_facts(process.pid)
            while time.monotonic() - begin < options.seconds:
                await asyncio.sleep(1)
                memory, cpu = process_facts(process.pid)
                vitals = await asyncio.to_thread(facts_of, control)
                if looks.pages < options.pages:
                    raise SystemExit(f"{options.pages - looks.pages} of {options.pages} pages were cut")
                looks.rows.append((time.monotonic() - begin, memory, cpu - spent, vitals["lag"], vitals["published"]))
            facts = await asyncio.to_thread(facts_of, control)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
    return report(looks, facts, options.pages)


def report(looks: Looks, facts: dict[str, Any], pages: int) -> str:
    """What was seen, as Markdown."""
    rows = looks.rows
    Path("build").mkdir(exist_ok=True)
    Path("build/soak.csv").write_text(
        "\n".join(["seconds,rss,cpu,lag,published", *(",".join(f"{value:.6g}" for value in row) for row in rows), ""])
    )
    lags = sorted(row[3] for row in rows)
    first, last = rows[len(rows) // 10], rows[-1]
    published = last[4] - rows[0][4]
    return "\n".join(
        [
            f"- {last[0]:.0f} s, {published / (last[0] - rows[0][0]):,.0f} events/s,"
            f" {looks.received / last[0] / 1e3:,.0f} kB/s to {pages} pages",
            f"- CPU {last[2] / last[0]:.0%} of a core, {(last[2] - rows[0][2]) / published * 1e6:.2f} µs an event",
            f"- RSS {first[1] / 1e6:.1f} MB after a tenth, {last[1] / 1e6:.1f} MB at the end",
            f"- lag, the worst of each second: median {lags[len(lags) // 2] * 1e3:.1f} ms, most {lags[-1] * 1e3:.1f} ms",
            f"- recorder: {json.dumps(facts['recorder'])}",
        ]
    )


def main(words: list[str]) -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rate", type=float, default=100_000.0, help="samples a second, of all agents")
    parser.add_argument("--pages", type=int, default=100, help="WebSockets that follow")
    parser.add_argument("--netd", default=default_netd_command(), metavar="COMMAND")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="netd-soak-") as name:
        print(asyncio.run(soak(options, Path(name))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
