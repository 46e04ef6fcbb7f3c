"""The suite itself, started where SIGINT is ignored, as in the background of a script."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.process import CHECKOUT, environment

GRANDCHILD = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
CHILD = f"import subprocess, sys; import tests; subprocess.run([sys.executable, '-c', {GRANDCHILD!r}], check=True)"


class IgnoredInterruptTests(SynchronousTestCase):
    def test_programs_end_by_it_all_the_same(self) -> None:
        """The programs that the tests start can be interrupted, also where the suite was started with SIGINT ignored."""
        ignored = (
            f"import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv({sys.executable!r}, sys.argv[1:])"
        )
        command = [sys.executable, "-c", ignored, sys.executable, "-c", CHILD]
        done = subprocess.run(command, cwd=CHECKOUT, env=environment(), capture_output=True, text=True, timeout=60, check=True)
        self.assertEqual("True\n", done.stdout)
