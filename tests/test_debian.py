"""What a machine lacks is installed where that is allowed, and otherwise told in one line that can be typed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.debian import INSTALL, Need, find, needs_of, program, provide, read

CHROMIUM = Need("chromium", "test", "a-browser-that-nobody-has")
SERVER = Need("nginx-light", "test", "a-server-that-nobody-has", "nginx")
SHELL = Need("dash", "run", "sh")


class NeedTests(SynchronousTestCase):
    def test_program(self) -> None:
        """A program is there wherever the path leads to it, and where servers are installed."""
        self.assertEqual((True, False), (SHELL.is_met, CHROMIUM.is_met))
        self.patch(os, "environ", {"PATH": "/nowhere"})
        self.assertIsNone(find("sh"))

    def test_file(self) -> None:
        """A file is there when its path exists."""
        self.assertTrue(Need("python", "run", sys.executable).is_met)
        self.assertFalse(Need("fonts", "run", self.mktemp() + "/none.ttf").is_met)

    def test_module(self) -> None:
        """A module counts when this Python finds it: Debian's parts of Python are of no use to another."""
        self.assertTrue(Need("python3", "run", "module:json").is_met)
        self.assertFalse(Need("python3-venv", "run", "module:a_module_that_nobody_has").is_met)

    def test_library(self) -> None:
        """A shared library counts when it can be loaded, wherever the architecture has it."""
        self.assertTrue(Need("libc6", "run", "library:libc.so.6").is_met)
        self.assertFalse(Need("libnone", "run", "library:libnone.so.77").is_met)


class ListTests(SynchronousTestCase):
    def test_list_is_read(self) -> None:
        """Comments and empty lines name nothing; a package may name the service that it brings."""
        self.assertEqual([SERVER], read(f"# packages\n\nnginx-light  test {SERVER.sign} nginx  # a server\n"))

    def test_commands(self) -> None:
        """``make run`` needs little; ``make test`` needs that, too, and what the tests start."""
        run, test = ({need.package for need in needs_of(command)} for command in ("run", "test"))
        self.assertEqual({"python3-venv"}, run)
        self.assertLess(run | {"chromium"}, test)
        self.assertNotIn("gcc", test)

    def test_missing_program(self) -> None:
        """A test that needs a program says what to type when it is missing."""
        self.assertEqual(find("curl"), program("curl"))
        self.patch(os, "environ", {"PATH": "/nowhere"})
        error = self.assertRaises(AssertionError, program, "chromium")
        self.assertEqual("this test needs chromium: sudo apt-get install --no-install-recommends chromium", str(error))


class Machine:
    """One on which some programs fail.

    :ivar ran: what was run, beside questions.
    """

    def __init__(self, *fail: str) -> None:
        self.fail = fail
        self.ran: list[Sequence[str]] = []
        self.said: list[str] = []

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a program, or pretend to."""
        name = command[0] if "sh" not in command else "install"
        if name == "install":
            self.ran.append(command)
        return (1, f"{name}: no\n") if name in self.fail else (0, "")

    def provide(self, *needs: Need, is_root: bool = False) -> int:
        """Provide *needs*."""
        return provide(needs, is_root, self.run, self.said.append)


class ProvideTests(SynchronousTestCase):
    line = "sudo apt-get install --no-install-recommends chromium nginx-light"

    def test_nothing_missing(self) -> None:
        """A machine that has all of it is left alone, without a word."""
        machine = Machine("sudo", "apt-get")
        self.assertEqual((0, [], []), (machine.provide(SHELL), machine.ran, machine.said))

    def test_root(self) -> None:
        """Root installs what is missing, and that alone, and says so in one line."""
        machine = Machine("sudo")
        machine.provide(SHELL, CHROMIUM, SERVER, is_root=True)
        self.assertEqual([["sh", "-c", INSTALL, "sh", "nginx", "chromium", "nginx-light"]], machine.ran)
        self.assertEqual("Installing Debian packages: chromium nginx-light", machine.said[0])

    def test_sudo_without_password(self) -> None:
        """A sudo that asks for no password is used, and never one that would ask."""
        machine = Machine()
        machine.provide(CHROMIUM)
        self.assertEqual([["sudo", "-n", "sh", "-c", INSTALL, "sh", "", "chromium"]], machine.ran)

    def test_neither(self) -> None:
        """Anybody else is told the one line to type, and nothing else happens; so is one whose system has no apt-get."""
        for fails, is_root in (("sudo", False), ("apt-get", True)):
            machine = Machine(fails)
            self.assertEqual(1, machine.provide(CHROMIUM, SHELL, SERVER, is_root=is_root))
            self.assertEqual(([], [f"This machine lacks what netd needs. Type: {self.line}"]), (machine.ran, machine.said))

    def test_failed(self) -> None:
        """When the installation fails, what apt-get said is shown, and the line to type."""
        machine = Machine("install")
        self.assertEqual(1, machine.provide(CHROMIUM, SERVER, is_root=True))
        self.assertEqual(f"install: no\nThat failed. Type: {self.line}", machine.said[-1])

    def test_still_missing(self) -> None:
        """A package that brings nothing of use, as Debian's parts of Python to another Python, is an error that names both."""
        machine = Machine()
        self.assertEqual(1, machine.provide(CHROMIUM, is_root=True))
        self.assertEqual(f"chromium is installed, but {sys.executable} finds no {CHROMIUM.sign}", machine.said[-1])


APT_GET = """#!/bin/sh
echo "$@" >> {folder}/ran
{folder}/policy-rc.d >> {folder}/ran 2>&1 || echo "policy $?" >> {folder}/ran
exit {status}
"""


class InstallTests(SynchronousTestCase):
    def install(self, status: int = 0, policy: str = "") -> tuple[int, list[str], bool]:
        """The exit status of the shell's program, what its apt-get was told and saw, and whether a policy is left."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        apt_get = folder / "apt-get"
        apt_get.write_text(APT_GET.format(folder=folder, status=status), encoding="utf-8")
        apt_get.chmod(0o700)
        if policy:
            (folder / "policy-rc.d").write_text(policy, encoding="utf-8")
            (folder / "policy-rc.d").chmod(0o700)
        text = INSTALL.replace("/usr/sbin/policy-rc.d", str(folder / "policy-rc.d"))
        env = {"PATH": f"{folder}:{os.environ['PATH']}"}
        ended = subprocess.run(["sh", "-c", text, "sh", "", "one", "two"], env=env, check=False, capture_output=True)
        lines = (folder / "ran").read_text(encoding="utf-8").splitlines()
        return ended.returncode, lines, (folder / "policy-rc.d").exists()

    def test_no_server_is_started(self) -> None:
        """While packages are installed, Debian is told to start no service; afterwards it may again."""
        status, (update, first, install, second), is_left = self.install()
        self.assertTrue(update.endswith("update") and install.endswith("install one two"), (update, install))
        self.assertEqual((0, "policy 101", "policy 101", False), (status, first, second, is_left))

    def test_failure(self) -> None:
        """A failure leaves nothing behind, and the first one ends it."""
        status, lines, is_left = self.install(status=100)
        self.assertEqual((100, 2, False), (status, len(lines), is_left))

    def test_policy_of_the_machine(self) -> None:
        """A machine that has a policy keeps it."""
        status, lines, is_left = self.install(policy="#!/bin/sh\necho own\n")
        self.assertEqual((0, ["own", "own"], True), (status, lines[1::2], is_left))
