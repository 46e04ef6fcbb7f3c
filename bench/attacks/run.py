"""What netd holds against: floods of connections from one address, from many, from a new one each time, and with a stolen token.

Starts a netd of its own on loopback, attacks it (``crowd.py``), and does meanwhile what an operator does: calls over a WebSocket,
and ``/healthz``. Prints one row an attack. Run it on a machine or in a network namespace of your own:

    python bench/attacks/run.py [--seconds 8] [--twistd PATH] [ROW …]

Standard library only, but for netd itself, which makes the tokens.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crowd import handshake, text_frame

HERE = Path(__file__).parent
SPACING = 0.05
"""Seconds between two calls of the operator."""

PATIENCE = 5.0
"""Seconds after which the operator gives a call up."""

FLOODS = {
    "from 200 addresses": ("pings", 400, 2000, "200"),
    "from the operator's own address": ("pings", 400, 2000, "own"),
    "a new address each time": ("pings", 400, 2000, "new"),
    "a viewer's 20 sockets": ("calls", 20, 0, "own"),
    "none": ("silent", 0, 0, "own"),
}
"""Kind, connections a second, bytes of each, addresses."""

CROWDS = {
    "silent, one address": ("silent", 400, 0, "own"),
    "silent, 200 addresses": ("silent", 400, 0, "200"),
    "silent, 5000 addresses": ("silent", 400, 0, "5000"),
    "silent, a new address each time": ("silent", 400, 0, "new"),
}

INI = """\
[netd]
state_directory = {state}
{more}
[relay]
listen = tcp:{relay}:interface=127.0.0.1
[command]
listen = tcp:{command}:interface=127.0.0.1
[gateway]
listen = tcp:{gateway}:interface=127.0.0.1
"""


def free_ports(count: int) -> list[int]:
    """So many ports that nobody uses now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Attacked:
    """A netd of our own, with a token for an operator and one for a viewer."""

    def __init__(self, twistd: str, folder: Path, more: str = "") -> None:
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        self.relay, self.command, self.gateway = free_ports(3)
        self.ini = folder / "netd.ini"
        self.ini.write_text(INI.format(state=self.state, more=more, relay=self.relay, command=self.command, gateway=self.gateway))
        self.operator, self.viewer = self.token("operator"), self.token("viewer")
        self.log = folder / "log"
        command = [*shlex.split(twistd), "-n", "--pidfile=", "netd", "-c", str(self.ini)]
        self.process = subprocess.Popen(command, stdout=self.log.open("wb"), stderr=subprocess.STDOUT)
        end = time.monotonic() + 20
        while b"Stop it with" not in self.log.read_bytes():
            if time.monotonic() > end or self.process.poll() is not None:
                raise SystemExit(f"netd does not start:\n{self.log.read_text()}")
            time.sleep(0.1)

    def netd(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command netd."""
        program = [sys.executable, "-c", "from netd.cli.main import main; main()", *words, "--state", str(self.state)]
        return subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)

    def token(self, role: str) -> str:
        """Make a token."""
        return self.netd("token", "add", f"{role}-{secrets.token_hex(3)}", "--role", role).stdout.strip()

    def memory(self) -> int:
        """Resident KiB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        """Open files."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)


@contextmanager
def attacked(twistd: str, more: str = "") -> Iterator[Attacked]:
    """Run a netd for the time of one row."""
    with tempfile.TemporaryDirectory() as folder:
        one = Attacked(twistd, Path(folder), more)
        try:
            yield one
        finally:
            one.stop()


@contextmanager
def crowd(port: int, seconds: float, row: tuple[str, int, int, str], token: str = "") -> Iterator[subprocess.Popen[str]]:
    """Attack *port* meanwhile."""
    kind, rate, size, sources = row
    words = [sys.executable, str(HERE / "crowd.py"), kind, str(port), str(rate), str(size), str(seconds), sources]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=dict(os.environ, TOKEN=token))
    try:
        yield process
    finally:
        process.wait(seconds + 30)


class Operator:
    """A WebSocket with the operator's token."""

    def __init__(self, port: int, token: str, source: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))
        self.socket.sendall(handshake(token))
        self.unread = b""
        self._await(b"\r\n\r\n")

    def call(self, number: int) -> float:
        """Call an operation; the seconds that its answer takes."""
        began = time.monotonic()
        request = {"jsonrpc": "2.0", "id": number, "method": "relay.devices"}
        self.socket.sendall(text_frame(json.dumps(request).encode()))
        self._await(b'"id":%d' % number)
        return time.monotonic() - began

    def _await(self, wanted: bytes) -> None:
        while wanted not in self.unread:
            received = self.socket.recv(1 << 16)
            if not received:
                raise ConnectionResetError("netd has closed the connection")
            self.unread = self.unread[-100:] + received


def healthz(port: int) -> float:
    """Ask for /healthz over a connection of its own; the seconds that it takes."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), PATIENCE, ("127.9.9.9", 0)) as asking:
        asking.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while asking.recv(1 << 16):
            pass
    return time.monotonic() - began


def repeat(ask: Callable[[int], float], seconds: float, spacing: float) -> list[float]:
    """Ask again and again; the seconds of each answer, infinity where none came."""
    took: list[float] = []
    began = time.monotonic()
    for number in range(int(seconds / spacing)):
        time.sleep(max(0.0, began + number * spacing - time.monotonic()))
        if time.monotonic() > began + seconds:
            break
        try:
            took.append(ask(number + 1000))
        except OSError:
            took.append(float("inf"))
    return took


def flood_row(netd: Attacked, row: tuple[str, int, int, str], seconds: float) -> list[str]:
    """One flood: what becomes of the operator's calls, and of /healthz."""
    operator = Operator(netd.gateway, netd.operator)
    operator.call(1)
    health: list[float] = []
    before = netd.cpu()
    probe = threading.Thread(target=lambda: health.extend(repeat(lambda _: healthz(netd.gateway), seconds, 0.1)))
    with crowd(netd.gateway, seconds, row, netd.viewer) as attacking:
        probe.start()
        took = repeat(operator.call, seconds, SPACING)
        probe.join()
        assert attacking.stdout is not None
        done = json.loads(attacking.stdout.read())
    answered = sorted(one for one in took if one != float("inf"))
    p99 = answered[int(len(answered) * 0.99) - 1] if answered else float("inf")
    return [
        f"{done['connections']} ({done['ended']} ended)",
        f"{len(answered)} of {int(seconds / SPACING)}",
        f"{1000 * statistics.median(answered or [float('inf')]):.1f}",
        f"{1000 * p99:.0f}",
        f"{1000 * statistics.median(health):.0f}",
        f"{1000 * max(health):.0f}",
        f"{100 * (netd.cpu() - before) / seconds:.0f} %",
    ]


def crowd_row(netd: Attacked, row: tuple[str, int, int, str], seconds: float) -> list[str]:
    """One crowd that holds places: how many others get in, log in and are answered within a second."""

    def come(number: int) -> float:
        began = time.monotonic()
        Operator(netd.gateway, netd.operator, f"127.200.0.{1 + number % 20}").call(number)
        return time.monotonic() - began

    with crowd(netd.gateway, seconds, row) as attacking:
        took = repeat(come, seconds, 0.25)
        assert attacking.stdout is not None
        done = json.loads(attacking.stdout.read())
    got_in = sum(one < 1.0 for one in took)
    return [f"{done['connections']} ({done['ended']} ended)", f"{got_in} of {len(took)}", f"{netd.descriptors()}"]


def descriptors(twistd: str, seconds: float) -> None:
    """More connections with a token than descriptors: the control socket and a new operator must still be served."""
    with attacked(twistd, "nofile = 256\n") as netd, crowd(netd.gateway, seconds, ("calls", 400, 0, "own"), netd.viewer):
        time.sleep(seconds - 2)
        operator = Operator(netd.gateway, netd.operator, "127.200.0.1").call(1)
        began = time.monotonic()
        asked = netd.netd("status", "--json")
        print(
            f"400 sockets with a viewer's token, nofile = 256: {netd.descriptors()} open files; an operator who comes new is "
            f"answered after {1000 * operator:.0f} ms, `netd status` is {_said(asked, began)}"
        )


def memory(twistd: str, seconds: float) -> None:
    """Lines that never end: the memory of unidentified connections is bounded."""
    with attacked(twistd, "memory = 64MiB\n") as netd:
        before = netd.memory()
        with crowd(netd.command, seconds, ("unended", 100, 900_000, "new"), ""):
            time.sleep(seconds - 0.5)
            grown = (netd.memory() - before) // 1024
            print(f"100 a second of 900,000 bytes without an end, memory = 64MiB: {grown} MiB more than before")


def _said(asked: Any, began: float) -> str:
    return f"{'answered' if asked.returncode == 0 else 'failed: ' + asked.stderr.strip()} after {time.monotonic() - began:.1f} s"


def table(title: list[str], rows: Iterator[list[str]]) -> None:
    """Print rows as they come, as a table of Markdown."""
    print(f"| {' | '.join(title)} |\n| --- |{' ---: |' * (len(title) - 1)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--twistd", default=str(Path(sys.executable).with_name("twistd")))
    parser.add_argument("rows", nargs="*", help="rows by their first words; all of them if none is named")
    chosen = parser.parse_args()

    def wanted(name: str) -> bool:
        return not chosen.rows or any(name.startswith(row) for row in chosen.rows)

    def rows(measure: Any, attacks: dict[str, tuple[str, int, int, str]], more: str) -> Iterator[list[str]]:
        for name, row in attacks.items():
            if wanted(name):
                with attacked(chosen.twistd, more) as netd:
                    yield [name, *measure(netd, row, chosen.seconds)]

    table(
        [
            "attack",
            "connections",
            "operator's calls answered",
            "median ms",
            "p99 ms",
            "healthz median ms",
            "max ms",
            "netd's CPU",
        ],
        rows(flood_row, FLOODS, ""),
    )
    print()
    more = "nofile = 1024\n"
    table(["400 a second, nofile = 1024", "connections", "others that get in", "open files"], rows(crowd_row, CROWDS, more))
    print()
    if wanted("descriptors"):
        descriptors(chosen.twistd, chosen.seconds)
    if wanted("memory"):
        memory(chosen.twistd, chosen.seconds)


if __name__ == "__main__":
    main()
