"""What guessing costs others, and what it tells the guesser.

Starts a netd of its own, and guesses: passwords at the manhole, tokens at the gateway, at the relay and at the commands, from one
address and from 200. Meanwhile somebody else, from another address, logs in again and again with the right secret. Then it asks
whether the time of an answer tells a known name from an unknown one. Run it on a machine or in a network namespace of your own:

    python bench/attacks/guessing.py [--seconds 20] [--twistd PATH] [--only passwords,gateway,relay,command,timing,revocation]

Standard library only, but for netd itself, which makes the secrets.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import secrets
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from netd.codec.length_header import encode_frame
from netd.principal import Role
from netd.secrets.passwords import SALT_BYTES, make_entry, write_entry
from netd.secrets.token_file import add_token, remove_token
from netd.secrets.tokens import TOKENS

NAME, PASSWORD = "operator", "four things from my chair"
OWN = "127.0.0.1"
"""The address from which the others log in."""

GUESSERS = {"one address": ["127.9.0.1"], "200 addresses": [f"127.9.1.{number}" for number in range(1, 201)]}
CONNECTIONS = 8
"""Connections at a time of each guessing address, where there is one."""

INI = """\
[netd]
state_directory = {state}
[manhole]
listen = tcp:{manhole}:interface=127.0.0.1
[gateway]
listen = tcp:{gateway}:interface=127.0.0.1
[relay]
listen = tcp:{relay}:interface=127.0.0.1
[session]
listen = tcp:{session}:interface=127.0.0.1
accept_unsolicited = yes
[room]
listen = tcp:{room}:interface=127.0.0.1
[feed]
listen = tcp:{feed}:interface=127.0.0.1
[command]
listen = tcp:{command}:interface=127.0.0.1
access = loopback tokens
"""

KINDS = ("manhole", "gateway", "relay", "session", "room", "feed", "command")

Attempt = Callable[[str], Awaitable[str]]
"""One attempt from an address; returns the outcome in a word or two."""


class Lab:
    """A netd of our own, with a token and a password for an operator."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        self.tokens = self.state / TOKENS
        self.token = add_token(self.tokens, "ops", Role.OPERATOR, (), secrets.token_bytes)
        write_entry(self.state / "manhole.passwd", make_entry(NAME, PASSWORD, secrets.token_bytes(SALT_BYTES)))
        sockets = [socket.create_server((OWN, 0)) for _ in KINDS]
        self.ports = {kind: one.getsockname()[1] for kind, one in zip(KINDS, sockets, strict=True)}
        for one in sockets:
            one.close()
        self.ini = folder / "netd.ini"
        self.ini.write_text(INI.format(state=self.state, **self.ports))

    async def connect(self, kind: str, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the port of *kind* from *address*."""
        return await asyncio.wait_for(asyncio.open_connection(OWN, self.ports[kind], local_addr=(address, 0)), 10)


@contextlib.contextmanager
def running(twistd: str) -> Iterator[Lab]:
    """Start a netd, and stop it at the end."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        log = Path(folder) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen([*shlex.split(twistd), "netd", "-c", str(lab.ini)], stdout=out, stderr=out, cwd=folder)
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection((OWN, lab.ports["command"]), 1):
                    break
                time.sleep(0.1)
            else:
                raise SystemExit(log.read_text())
            yield lab
        finally:
            process.terminate()
            process.wait(20)


# One attempt each


async def telnet(lab: Lab, address: str, name: str, password: str) -> str:
    """Log in over telnet; ``in``, ``wrong``, or the words with which the connection was closed."""
    reader, writer = await lab.connect("manhole", address)
    try:
        await asyncio.wait_for(reader.readuntil(b"login: "), 40)
        writer.write(f"{name}\r\n".encode())
        await asyncio.wait_for(reader.readuntil(b"password: "), 40)
        writer.write(f"{password}\r\n".encode())
        said = b""
        while not said.endswith((b"netd> ", b"login: ")):
            more = await asyncio.wait_for(reader.read(4096), 40)
            if not more:
                return said.decode(errors="replace").strip().rpartition("\n")[2].partition(";")[0] or "cut off"
            said += more
        return "in" if said.endswith(b"netd> ") else "wrong"
    finally:
        writer.close()


async def rpc(lab: Lab, address: str, token: str) -> str:
    """Call an operation over HTTP; the status."""
    reader, writer = await lab.connect("gateway", address)
    try:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "system.whoami", "params": {}})
        head = (
            f"POST /rpc HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write((head + body).encode())
        line = await asyncio.wait_for(reader.readline(), 10)
        return line.split()[1].decode() if line else "cut off"
    finally:
        writer.close()


async def device(lab: Lab, address: str, token: str) -> str:
    """Be a device of the second dialect; ``welcome``, or the error."""
    reader, writer = await lab.connect("relay", address)
    try:
        writer.write(encode_frame(b"device " + json.dumps({"name": "probe", "token": token}).encode()))
        head = await asyncio.wait_for(reader.readexactly(64), 10)
        told = json.loads(await asyncio.wait_for(reader.readexactly(int(head)), 10))
        return str(told["status"] if told["status"] == "welcome" else told["error"].partition(";")[0])
    except asyncio.IncompleteReadError:
        return "cut off"
    finally:
        writer.close()


async def command(lab: Lab, address: str, token: str) -> str:
    """Run ``command.list``; ``done``, or the error."""
    reader, writer = await lab.connect("command", address)
    try:
        writer.write(json.dumps({"command_id": "command.list", "id": 0, "token": token}).encode() + b"\n")
        line = await asyncio.wait_for(reader.readline(), 10)
        told = json.loads(line or b"{}")
        return "done" if "result" in told else str(told.get("error", "cut off")).partition(";")[0]
    finally:
        writer.close()


# Many attempts


@contextlib.contextmanager
def guessing(attempt: Attempt, addresses: list[str], until: float, outcomes: Counter[str]) -> Iterator[None]:
    """Guess in a process of its own, so that what it takes does not count for those who log in; note the outcomes at the end."""
    fork = multiprocessing.get_context("fork")
    told: Any = fork.SimpleQueue()
    process = fork.Process(target=lambda: told.put(asyncio.run(guess(attempt, addresses, until))))
    process.start()
    yield
    outcomes.update(told.get())
    process.join()


async def guess(attempt: Attempt, addresses: list[str], until: float) -> Counter[str]:
    """Guess as fast as netd lets it, and return the outcomes."""
    outcomes = Counter[str]()

    async def go_on(address: str) -> None:
        while time.monotonic() < until:
            try:
                outcomes[await attempt(address)] += 1
            except (OSError, asyncio.IncompleteReadError) as error:
                outcomes[type(error).__name__] += 1
                await asyncio.sleep(0.05)

    each = CONNECTIONS if len(addresses) == 1 else 1
    await asyncio.gather(*(go_on(address) for address in addresses for _ in range(each)))
    return outcomes


async def beside(attempt: Attempt, good: str, until: float, every: float) -> tuple[list[float], Counter[str]]:
    """Somebody with the right secret, again and again: the seconds of each success, and what else there was."""
    took, others = [], Counter[str]()
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            outcome = await attempt(OWN)
        except (OSError, asyncio.IncompleteReadError) as error:
            outcome = type(error).__name__
        if outcome == good:
            took.append(time.monotonic() - began)
        else:
            others[outcome] += 1
        await asyncio.sleep(every)
    return took, others


async def attack(label: str, right: Attempt, wrong: Attempt, good: str, seconds: float, every: float) -> None:
    """Print a row without guessers, and one for each crowd of them."""
    for crowd, addresses in {"nobody": [], **GUESSERS}.items():
        until, outcomes = time.monotonic() + seconds, Counter[str]()
        with guessing(wrong, addresses, until, outcomes):
            await asyncio.sleep(min(2.0, seconds / 4))  # the guessers are there first
            took, others = await beside(right, good, until, every)
        shown = sorted(took)
        times = (
            f"{len(took)} of {len(took) + sum(others.values())}, {statistics.median(shown) * 1000:.0f} ms, "
            f"at most {shown[-1] * 1000:.0f} ms"
            if shown
            else "none"
        )
        told = ", ".join(f"{count} x {outcome}" for outcome, count in outcomes.most_common(4))
        failed = f" (others: {dict(others)})" if others else ""
        print(f"| {label} | {crowd} | {times}{failed} | {told} |", flush=True)


async def timing(lab: Lab, rounds: int) -> None:
    """Print whether the time of an answer tells known names and tokens from unknown ones."""
    hosts = iter(f"127.{high}.{middle}.{low}" for high in range(20, 120) for middle in range(256) for low in range(1, 250))

    async def once(name: str) -> float:
        reader, writer = await lab.connect("manhole", next(hosts))  # an address each, so that no limit is met
        await reader.readuntil(b"login: ")
        writer.write(f"{name}\r\n".encode())
        await reader.readuntil(b"password: ")
        began = time.perf_counter()
        writer.write(b"wrong wrong wrong\r\n")
        await reader.readuntil(b"wrong name or password")
        took = time.perf_counter() - began
        writer.close()
        return took

    known_token = lab.token[:-1] + ("A" if lab.token[-1] != "A" else "B")

    async def ask(token: str) -> float:
        address = next(hosts)
        began = time.perf_counter()
        await rpc(lab, address, token)
        return time.perf_counter() - began

    for label, act, pair, count in (
        ("a wrong password", once, (NAME, "stranger"), rounds),
        ("a wrong token, all but its last letter right, or not", ask, (known_token, "netd_" + "x" * 43), rounds * 10),
    ):
        found: dict[str, list[float]] = {one: [] for one in pair}
        for _ in range(count):
            for one in random.sample(pair, 2):
                found[one].append(await act(one))
        a, b = (found[one] for one in pair)
        gap, p = statistics.median(a) - statistics.median(b), permuted(a, b)
        print(
            f"| {label} | {count} each | {statistics.median(a) * 1000:.3f} | {statistics.median(b) * 1000:.3f} "
            f"| {gap * 1e6:+.0f} µs | {p:.2f} |",
            flush=True,
        )


def permuted(a: list[float], b: list[float], rounds: int = 2000) -> float:
    """The probability that medians of two such samples are as far apart by chance (a permutation test)."""
    gap, both, hits = abs(statistics.median(a) - statistics.median(b)), [*a, *b], 0
    for _ in range(rounds):
        random.shuffle(both)
        hits += abs(statistics.median(both[: len(a)]) - statistics.median(both[len(a) :])) >= gap
    return hits / rounds


# Revocation


@contextlib.asynccontextmanager
async def opened(lab: Lab, kind: str, *said: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """A connection of *kind* that has proved itself."""
    reader, writer = await lab.connect(kind, OWN)
    for one in said:
        writer.write(one)
    try:
        yield reader
    finally:
        writer.close()


def handshake(token: str, path: str, protocol: str) -> bytes:
    """A WebSocket's handshake with a token."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: {protocol}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()


async def revocation(lab: Lab, rounds: int) -> None:
    """Print how long a connection of each kind lives after its token or password is gone."""

    def framed(**hello: Any) -> bytes:
        return encode_frame(b"device " + json.dumps(hello).encode())

    def lined(**hello: Any) -> bytes:
        return json.dumps(hello).encode() + b"\n"

    kinds: dict[str, tuple[str, str, dict[str, Any], Callable[[str], bytes]]] = {
        "relay": ("device", "relay", {}, lambda token: framed(name="bell", token=token)),
        "session": ("agent", "session", {}, lambda token: lined(name="bell", token=token, channels={"x": {}})),
        "room": ("bot", "room", {}, lambda token: lined(name="bell", token=token)),
        "feed": ("feed", "feed", {}, lambda token: handshake(token, "/", "netd.feed.v1")),
        "command": ("command", "command", {"only": ("a",)}, lambda token: lined(command_id="command.list", id=0, token=token)),
        "gateway": ("viewer", "gateway", {}, lambda token: handshake(token, "/ws", "netd.v1")),
    }
    for label, (word, kind, limits, hello) in kinds.items():
        took, last = [], b""
        for _ in range(rounds):
            token = add_token(lab.tokens, "bell", word, (), secrets.token_bytes, **limits)
            async with opened(lab, kind, hello(token)) as reader:
                await asyncio.sleep(0.6 + random.random() / 2)
                remove_token(lab.tokens, "bell")
                began = time.monotonic()
                last = b""
                with contextlib.suppress(ConnectionError):
                    while more := await asyncio.wait_for(reader.read(65536), 5):
                        last = more
                took.append(time.monotonic() - began)
        print(f"| {label} | {statistics.median(took):.2f} | {max(took):.2f} | {last[-110:]!r} |", flush=True)
    took = []
    for _ in range(rounds):
        reader, writer = await lab.connect("manhole", OWN)
        await reader.readuntil(b"login: ")
        writer.write(f"{NAME}\r\n{PASSWORD}\r\n".encode())
        await reader.readuntil(b"netd> ")
        await asyncio.sleep(0.6)
        write_entry(lab.state / "manhole.passwd", make_entry(NAME, PASSWORD, secrets.token_bytes(SALT_BYTES)))
        began = time.monotonic()
        while more := await asyncio.wait_for(reader.read(65536), 5):
            last = more
        took.append(time.monotonic() - began)
        writer.close()
    print(f"| manhole | {statistics.median(took):.2f} | {max(took):.2f} | {last[-110:]!r} |", flush=True)


async def measure(lab: Lab, wanted: set[str], seconds: float, rounds: int) -> None:
    """Print all tables that are wanted."""
    guesses = iter(f"netd_{secrets.token_urlsafe(32)}" for _ in iter(int, 1))
    rows: dict[str, tuple[Attempt, Attempt, str, float]] = {
        "passwords": (
            lambda address: telnet(lab, address, NAME, PASSWORD),
            lambda address: telnet(lab, address, random.choice([NAME, "root"]), secrets.token_hex(4)),
            "in",
            0.5,
        ),
        "gateway": (lambda address: rpc(lab, address, lab.token), lambda address: rpc(lab, address, next(guesses)), "200", 0.05),
        "relay": (
            lambda address: device(lab, address, lab.token),
            lambda address: device(lab, address, next(guesses)),
            "welcome",
            0.05,
        ),
        "command": (
            lambda address: command(lab, address, lab.token),
            lambda address: command(lab, address, next(guesses)),
            "done",
            0.05,
        ),
    }
    if wanted & rows.keys():
        print("| guessed | by | others log in: how many, median, most | what the guessers are told |\n| --- | --- | --- | --- |")
    for label, (right, wrong, good, every) in rows.items():
        if label in wanted:
            await attack(label, right, wrong, good, seconds, every)
    if "timing" in wanted:
        print("\n| answer to | tries | known, ms | unknown, ms | difference | p |\n| --- | --- | ---: | ---: | ---: | ---: |")
        await timing(lab, rounds)
    if "revocation" in wanted:
        print("\n| connection | ends after, s (median) | most | its last words |\n| --- | ---: | ---: | --- |")
        await revocation(lab, max(3, rounds // 10))


def main() -> None:
    """The entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="seconds of each attack")
    parser.add_argument("--rounds", type=int, default=60, help="pairs of attempts for the table of times")
    parser.add_argument("--twistd", default="twistd -n --pidfile=", help="how to start twistd")
    parser.add_argument("--only", default="passwords,gateway,relay,command,timing,revocation")
    chosen = parser.parse_args()
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    if os.geteuid() == 0:
        os.environ.setdefault("NETD_USER", "root")
    with running(chosen.twistd) as lab:
        asyncio.run(measure(lab, set(chosen.only.split(",")), chosen.seconds, chosen.rounds))


if __name__ == "__main__":
    main()
