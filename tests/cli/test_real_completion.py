"""Tests of completion in a real shell, where a daemon runs and where none does."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.process import LOOPBACK, PATIENCE, RealTestCase, environment

SHELL = r"""
source <(netd completion bash)
complete_line() {
    COMPREPLY=(); COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _netd_completion netd
    echo "${COMPREPLY[@]}"
}
complete_line netd ro
complete_line netd room l
complete_line netd room list --instance ""
complete_line netd feed repor
complete_line netd sta
"""


class CompletionTests(RealTestCase):
    def completed(self) -> list[str]:
        """What bash completes of five lines."""
        command = self.folder / "netd"
        command.write_text(f"#!{sys.executable}\nfrom netd.cli.main import main\nmain()\n")
        command.chmod(0o700)
        env = {
            **environment(),
            "PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}",
            "NETD_STATE_DIRECTORY": str(self.state),
            "XDG_CONFIG_HOME": str(self.folder),
        }
        shell = subprocess.run(
            ["bash", "--norc", "-c", SHELL], env=env, capture_output=True, text=True, timeout=PATIENCE, check=True
        )
        self.assertEqual(shell.stderr, "")
        return shell.stdout.splitlines()

    def test_bash(self) -> None:
        """The daemon's services, operations and instances are completed beside netd's own commands, and these without it."""
        self.assertEqual(self.completed(), ["", "", "", "", "status"])
        daemon = self.start(
            self.write_ini(f"[room]\nlisten = {LOOPBACK}\n[room:b]\nlisten = {LOOPBACK}\n[feed]\nlisten = {LOOPBACK}\n")
        )
        daemon.port("room")
        self.assertEqual(self.completed(), ["room", "list", "b main", "reports", "status"])
        self.assertEqual(daemon.stop(), 0)
