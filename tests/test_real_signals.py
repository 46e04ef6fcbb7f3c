"""The suite itself, started where SIGINT is ignored, as in the background of a script, and SIGHUP, as under nohup."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.process import CHECKOUT, environment

GRANDCHILD = "from signal import *; print(getsignal(SIGINT) is default_int_handler, getsignal(SIGHUP) is SIG_DFL)"
CHILD = f"import subprocess, sys; import tests; subprocess.run([sys.executable, '-c', {GRANDCHILD!r}], check=True)"
IGNORING = (
    "import os, sys; from signal import *; signal(SIGINT, SIG_IGN); signal(SIGHUP, SIG_IGN); "
    f"os.execv({sys.executable!r}, sys.argv[1:])"
)


class IgnoredSignalTests(SynchronousTestCase):
    def test_programs_hear_them_all_the_same(self) -> None:
        """The programs that the tests start take both signals as they would in a terminal."""
        command = [sys.executable, "-c", IGNORING, sys.executable, "-c", CHILD]
        done = subprocess.run(command, cwd=CHECKOUT, env=environment(), capture_output=True, text=True, timeout=60, check=True)
        self.assertEqual("True True\n", done.stdout)
