"""Three nodes and three NATS servers, some of which are always being killed or stopped: is an acknowledgement ever false or lost?

``make soak`` runs it. Devices write down each message that they take and answer; callers on all nodes write down what became of
each message that they sent, by whatever node. In the end the two books are compared. It prints Markdown, and exits with 1 if they
disagree.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import logging
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers import default_netd_command
from soak import free_port

from netd.client.relay_asyncio import AsyncDevice

NODES, SERVERS, DEVICES, CALLERS = 3, 3, 3, 4
"""How many nodes and NATS servers, and how many devices and callers each node has."""

DEADLINE, PATIENCE, SETTLE = 5.0, 12.0, 40.0
"""Seconds in which a device must answer; in which a node must; and in which all must be well again after the last fault."""

NATS = """\
listen: 127.0.0.1:{port}
server_name: s{number}
cluster {{ name: soak, listen: 127.0.0.1:{route}, routes: [{routes}], no_advertise: true }}
"""
INI = """\
[netd]
name = n{number}
state_directory = {directory}
[relay]
listen = tcp:{port}:interface=127.0.0.1
queue_for = 1h
[cluster]
name = soak
servers = {servers}
"""


@dataclass
class Book:
    """What both ends have written down.

    :ivar taken: how often a device was handed each message.
    :ivar answered: messages to which a device has sent its answer.
    :ivar outcomes: what the caller was told, for each message: status and ``known``.
    :ivar faults: disagreements, in words.
    """

    taken: Counter[str] = field(default_factory=Counter)
    answered: set[str] = field(default_factory=set)
    outcomes: dict[str, tuple[str, str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)


class Part:
    """A process that is killed, stopped and started again."""

    def __init__(self, words: list[str], log: Path) -> None:
        self._words = words
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Number of the process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*self._words, stdout=log, stderr=log)

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send it a signal that ends it, and wait for its end."""
        assert self._process is not None
        if self._process.returncode is None:
            self.tell(number)
            try:
                await asyncio.wait_for(self._process.wait(), 20)
            except TimeoutError:
                self.tell(signal.SIGKILL)
                await self._process.wait()
                raise SystemExit(f"{self._words} did not end within 20 s of {number.name}; log: {self._log}") from None


async def call(socket_path: Path, method: str, **params: object) -> Any:
    """Call an operation of one node, over a connection of its own. Raises an ``OSError`` when the node goes away meanwhile."""
    reader, writer = await asyncio.open_unix_connection(str(socket_path), limit=1 << 24)
    try:
        writer.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        line = await asyncio.wait_for(reader.readline(), PATIENCE)
    finally:
        writer.close()
    if not line:
        raise ConnectionResetError("the node ended")
    return json.loads(line)


def _clock(ahead: float) -> list[str]:
    """Return the environment of a program whose wall clock is ahead: to kill the command ``faketime`` would spare its program."""
    library = subprocess.run(["faketime", "-f", "+0s", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True)
    return [f"LD_PRELOAD={library.stdout.strip()}", f"FAKETIME={ahead:+g}s", "DONT_FAKE_MONOTONIC=1"]


def outcome(answer: dict[str, Any]) -> tuple[str, str, str]:
    """Status, ``known`` and the device's answer, of what ``relay.send`` has returned."""
    error = answer.get("error")
    if error is not None:
        return "error", (error.get("data") or {}).get("known", ""), str(error.get("message"))
    result = answer["result"]
    return result["status"], result.get("known", ""), base64.b64decode(result.get("answer", "")).decode()


class Soak:
    """One run.

    :param options: the command line.
    :param directory: an empty directory for configuration, state and logs.
    """

    def __init__(self, options: argparse.Namespace, directory: Path) -> None:
        self._options = options
        self._directory = directory
        self._chance = random.Random(options.seed)
        self._book = Book()
        self._ports = [free_port() for _ in range(NODES)]
        self._names = [f"d{node}-{number}" for node in range(NODES) for number in range(DEVICES)]
        self._nats, self._nodes = self._write()
        self._over = asyncio.Event()
        self._numbers = 0
        self._began = time.monotonic()

    def _write(self) -> tuple[list[Part], list[Part]]:
        """Write the configuration of all parts."""
        directory = self._directory
        clients, routes = [free_port() for _ in range(SERVERS)], [free_port() for _ in range(SERVERS)]
        nats, nodes = [], []
        for number in range(SERVERS):
            text = NATS.format(
                port=clients[number],
                number=number,
                route=routes[number],
                routes=", ".join(f"nats://127.0.0.1:{port}" for port in routes),
            )
            (directory / f"nats{number}.conf").write_text(text)
            words = [self._options.nats, "-c", str(directory / f"nats{number}.conf")]
            nats.append(Part(words, directory / f"nats{number}.log"))
        for number in range(NODES):
            ini = directory / f"n{number}.ini"
            mine = [clients[(number + other) % SERVERS] for other in range(SERVERS)]
            servers = ", ".join(f"nats://127.0.0.1:{port}" for port in mine)
            state = self._state(number).parent
            ini.write_text(INI.format(number=number, directory=state, port=self._ports[number], servers=servers))
            words = [word.replace("{ini}", str(ini)) for word in shlex.split(self._options.netd)]
            if self._options.apart:
                words = ["env", *_clock(number * self._options.apart), *words]
            nodes.append(Part(words, directory / f"n{number}.log"))
        return nats, nodes

    def _state(self, node: int) -> Path:
        return self._directory / f"state{node}" / "control.sock"

    async def run(self) -> str:
        """Run. Return the Markdown."""
        for part in (*self._nats, *self._nodes):
            await part.start()
        await self._listening()
        tasks = [asyncio.create_task(self._be_device(index)) for index in range(len(self._names))]
        await self._settled("at the start")
        tasks += [asyncio.create_task(self._send(node)) for node in range(NODES) for _ in range(CALLERS)]
        try:
            await self._break_things()
            await self._settled("after the last fault")
            self._over.set()
            await asyncio.sleep(PATIENCE)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for part in (*self._nodes, *self._nats):
                part.tell(signal.SIGCONT)
                await part.end()
        self._compare()
        return self._report()

    async def _listening(self) -> None:
        """Wait until all nodes can be called."""
        for node in range(NODES):
            for _ in range(200):
                if self._state(node).exists():
                    break
                await asyncio.sleep(0.1)
            else:
                raise SystemExit(f"node n{node} does not start: {(self._directory / f'n{node}.log').read_text()}")

    async def _be_device(self, index: int) -> None:
        """Answer each message with its own words and the device's name."""
        name = self._names[index]
        async with AsyncDevice("127.0.0.1", self._ports[index // DEVICES], name, dialect="netd") as device:
            async for message in device:
                text = message.payload.decode()
                self._book.taken[text] += 1
                self._book.answered.add(text)  # before it is sent: it may leave, and the caller may read it, before this goes on
                await message.answer(f"{name} {text}")

    async def _send(self, node: int) -> None:
        """Send one message after another by *node*, to any device; some for whenever it comes back."""
        while not self._over.is_set():
            self._numbers += 1
            target = self._chance.choice(self._names)
            text = f"{self._numbers}-n{node}-{target}"
            params: dict[str, object] = {"target": target, "text": text}
            if self._chance.random() < 0.8:
                params["deadline"] = DEADLINE
            try:
                status, known, answer = outcome(await call(self._state(node), "relay.send", **params))
            except (OSError, TimeoutError) as error:
                self._book.outcomes[text] = ("unanswered", "maybe")
                if isinstance(error, TimeoutError):
                    self._fault(f"{text}: no outcome within {PATIENCE:g} s")
                await asyncio.sleep(0.1)
                continue
            if text in self._book.outcomes:
                self._fault(f"{text}: two outcomes")
            self._book.outcomes[text] = (status, known)
            if status == "acknowledged" and answer != f"{target} {text}":
                self._fault(f"{text}: acknowledged with the answer {answer!r}")
            await asyncio.sleep(0.02 if status == "acknowledged" else 0.1)

    async def _break_things(self) -> None:
        """Kill, stop and restart parts by chance, one fault after another, and sometimes two at a time."""
        faults: list[Callable[[], Awaitable[None]]] = [
            self._kill_node,
            self._kill_node,
            self._restart_node,
            self._stop_node,
            self._kill_nats,
            self._kill_nats,
            self._stop_nats,
            self._lose_all_nats,
        ]
        end = time.monotonic() + self._options.seconds
        while time.monotonic() < end:
            await asyncio.sleep(self._chance.uniform(0.5, 5))
            await self._chance.choice(faults)()

    async def _out(self, part: Part, number: signal.Signals, least: float, most: float) -> None:
        await part.end(number)
        await asyncio.sleep(self._chance.uniform(least, most))
        await part.start()

    async def _kill_node(self) -> None:
        self._book.injected["node killed"] += 1
        node = self._chance.randrange(NODES)
        await self._nodes[node].end(signal.SIGKILL)
        with contextlib.suppress(OSError):
            await asyncio.open_unix_connection(str(self._state(node)))
            raise SystemExit(f"node n{node} has outlived its end: is the command of --netd a wrapper?")
        await asyncio.sleep(self._chance.uniform(0.1, 4))
        await self._nodes[node].start()

    async def _restart_node(self) -> None:
        self._book.injected["node restarted"] += 1
        await self._out(self._chance.choice(self._nodes), signal.SIGTERM, 0, 1)

    async def _kill_nats(self) -> None:
        self._book.injected["NATS server killed"] += 1
        await self._out(self._chance.choice(self._nats), signal.SIGKILL, 0.1, 5)

    async def _hold(self, part: Part, least: float, most: float) -> None:
        part.tell(signal.SIGSTOP)
        await asyncio.sleep(self._chance.uniform(least, most))
        part.tell(signal.SIGCONT)

    async def _stop_node(self) -> None:
        self._book.injected["node hung"] += 1
        await self._hold(self._chance.choice(self._nodes), 0.5, 6)

    async def _stop_nats(self) -> None:
        self._book.injected["NATS server hung"] += 1
        await self._hold(self._chance.choice(self._nats), 1, 10)

    async def _lose_all_nats(self) -> None:
        self._book.injected["all NATS servers killed"] += 1
        await asyncio.gather(*(self._out(part, signal.SIGKILL, 1, 3) for part in self._nats))

    async def _settled(self, when: str) -> None:
        """Wait until each node lists all devices as online."""
        end = time.monotonic() + SETTLE
        lacking: dict[int, set[str]] = {}
        while time.monotonic() < end:
            lacking = {node: set(self._names) - await self._online(node) for node in range(NODES)}
            if not any(lacking.values()):
                return
            await asyncio.sleep(0.25)
        self._fault(f"{when}: not online after {SETTLE:g} s: {lacking}")

    async def _online(self, node: int) -> set[str]:
        with contextlib.suppress(OSError, TimeoutError):
            answer = await call(self._state(node), "cluster.devices", limit=1000)
            return {device["name"] for device in answer["result"]["rows"] if device["online"]}
        return set()

    def _fault(self, words: str) -> None:
        self._book.faults.append(f"{time.monotonic() - self._began:.1f} s: {words}")

    def _compare(self) -> None:
        """Compare what callers were told with what devices did."""
        book = self._book
        for text, (status, known) in book.outcomes.items():
            taken = book.taken[text]
            if status == "acknowledged" and text not in book.answered:
                self._fault(f"{text}: acknowledged, and no device has answered it")
            if known == "no" and taken:
                self._fault(f"{text}: {status}, surely not handed over, and a device has it")
            if status == "queued" and not taken:
                self._fault(f"{text}: queued, and never handed over")
            if status == "error" and known == "" and taken:
                self._fault(f"{text}: refused, and a device has it")
            if taken > 1 and status not in ("queued", "unanswered"):
                self._fault(f"{text}: {status}, and handed over {taken} times")

    def _report(self) -> str:
        book = self._book
        told = Counter(f"{status} ({known})" if known else status for status, known in book.outcomes.values())
        across = sum(1 for text in book.outcomes if text.split("-")[1][1:] != text.split("-")[2][1:])
        lines = [
            f"- seed {self._options.seed}, {self._options.seconds:g} s; faults: {dict(book.injected)}",
            f"- {len(book.outcomes):,} messages, {across:,} of them to another node: {dict(told)}",
            f"- devices took {book.taken.total():,} and answered {len(book.answered):,}",
            f"- {len(book.faults)} disagreements",
        ]
        return "\n".join([*lines, *(f"  - {fault}" for fault in book.faults[:50])])

    @property
    def is_well(self) -> bool:
        """Whether the books agree."""
        return not self._book.faults


async def soak(options: argparse.Namespace, directory: Path) -> int:
    """Run; return the exit status."""
    run = Soak(options, directory)
    print(await run.run())
    return 0 if run.is_well else 1


def main(words: list[str]) -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nats", default=str(Path(sys.executable).with_name("nats-server")), metavar="PATH")
    parser.add_argument("--netd", default=default_netd_command(), metavar="COMMAND")
    parser.add_argument("--apart", type=float, default=0.0, help="seconds from one node's wall clock to the next; by `faketime`")
    parser.add_argument("--keep", type=Path, help="a directory for configuration, state and logs, which are kept there")
    options = parser.parse_args(words)
    logging.disable(logging.WARNING)  # the devices tell of each connection that they lose
    if options.keep is not None:
        options.keep.mkdir(parents=True)
        return asyncio.run(soak(options, options.keep))
    with tempfile.TemporaryDirectory(prefix="netd-soak-") as name:
        return asyncio.run(soak(options, Path(name)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
