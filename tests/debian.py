"""What netd's commands need of Debian: found out, installed where that is allowed, and told in one line where it is not.

``make`` calls it with the name of a command before it does anything else, with whatever Python the machine has. Tests that need a
program ask :func:`program` for it. The list is ``debian-packages.txt``. Standard library only.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("debian-packages.txt")

COMMON = "run"
"""The command whose packages every command needs."""

SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where servers are installed, which is not in the path of everybody."""

INSTALL = """
set -e
services=$1
shift
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\\nexit 101\\n' > $policy
    chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o DPkg::Lock::Timeout=300 update
apt-get -qq -o DPkg::Lock::Timeout=300 --yes --no-install-recommends install "$@"
if [ -n "$services" ] && [ -d /run/systemd/system ]; then
    systemctl --quiet disable $services
fi
"""
"""A shell's program; its arguments are services, in one word, and packages. A server is installed for tests, which start one of
their own, and not for the machine: a policy-rc.d that says 101 keeps Debian from starting it, and no boot will."""

Run = Callable[[Sequence[str]], tuple[int, str]]
"""Runs a program; returns its exit status and all that it said."""


@dataclass(frozen=True)
class Need:
    """A package of Debian's.

    :ivar command: which of make's commands needs it.
    :ivar sign: what is there when it is: the name of a program, the path of a file, ``module:`` and a module of this Python, or
        ``library:`` and the file name of a shared library.
    :ivar service: what Debian would start of it.
    """

    package: str
    command: str
    sign: str
    service: str = ""

    @property
    def is_met(self) -> bool:
        """Whether it is there, wherever it may have come from."""
        what, _, name = self.sign.partition(":")
        if what == "module":
            return importlib.util.find_spec(name) is not None
        if what == "library":
            return _can_load(name)
        return Path(self.sign).exists() if "/" in self.sign else find(self.sign) is not None


def read(text: str) -> list[Need]:
    """The needs that the list names."""
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    return [Need(*words) for words in lines if words]


def needs_of(command: str) -> list[Need]:
    """What *command* needs."""
    return [need for need in read(LIST.read_text(encoding="utf-8")) if need.command in (COMMON, command)]


def find(name: str) -> str | None:
    """The path of the program *name*, also where only root's shell looks; None where there is none."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM)))


def program(name: str) -> str:
    """The path of a program that a test needs.

    :raises AssertionError: where it is missing, with the line to type.
    """
    (package,) = (need.package for need in read(LIST.read_text(encoding="utf-8")) if need.sign == name)
    found = find(name)
    assert found, f"this test needs {name}: {line_to_type([package])}"
    return found


def line_to_type(packages: Sequence[str]) -> str:
    """What a person types to install *packages*."""
    return f"sudo apt-get install --no-install-recommends {' '.join(packages)}"


def provide(needs: Sequence[Need], is_root: bool, run: Run, say: Callable[[str], object]) -> int:
    """Install what is missing of *needs*, by root or by a sudo that asks for no password; or say what to type.

    :returns: an exit status: 0 when nothing is missing any more.
    """
    missing = [need for need in needs if not need.is_met]
    if not missing:
        return 0
    packages = [need.package for need in missing]
    prefix: list[str] = [] if is_root else ["sudo", "-n"]
    if run(["apt-get", "--version"])[0] or (prefix and run([*prefix, "true"])[0]):
        say(f"This machine lacks what netd needs. Type: {line_to_type(packages)}")
        return 1
    say(f"Installing Debian packages: {' '.join(packages)}")
    services = " ".join(need.service for need in missing if need.service)
    status, output = run([*prefix, "sh", "-c", INSTALL, "sh", services, *packages])
    importlib.invalidate_caches()
    still = [need for need in missing if not need.is_met]
    if status:
        say(f"{output.rstrip()}\nThat failed. Type: {line_to_type(packages)}")
    elif still:
        say("\n".join(f"{need.package} is installed, but {sys.executable} finds no {need.sign}" for need in still))
    return 1 if status or still else 0


def _can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _run(command: Sequence[str]) -> tuple[int, str]:
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        return 127, str(error)
    return ended.returncode, ended.stdout


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(provide(needs_of(sys.argv[1]), os.geteuid() == 0, _run, _say))
