"""The examples as a newcomer meets them: asked for help, and stopped by Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

CHECKOUT = Path(__file__).resolve().parent.parent
LONGEST = 20
"""Seconds that an example may take to answer."""


def start(path: Path, *arguments: str) -> subprocess.Popen[str]:
    """Run an example of this checkout."""
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.Popen(
        [sys.executable, str(path), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    )


class ExampleTests(SynchronousTestCase):
    def test_help(self) -> None:
        """Each example that is a program tells its usage, and does nothing else."""
        programs = [path for path in (CHECKOUT / "examples").glob("*.py") if "__main__" in path.read_text(encoding="utf-8")]
        self.assertGreater(len(programs), 1)
        for path in programs:
            with start(path, "--help") as program:
                out, err = program.communicate(timeout=LONGEST)
            self.assertEqual((0, ""), (program.returncode, err), path)
            self.assertIn(f"usage: {path.name}", out)

    def test_interrupt(self) -> None:
        """Ctrl-C ends a device at once, and without a traceback."""
        with start(CHECKOUT / "examples" / "relay_device.py", "127.0.0.1", "1") as program:
            assert program.stderr is not None
            self.assertIn("cannot reach", program.stderr.readline())
            program.send_signal(signal.SIGINT)
            _, err = program.communicate(timeout=LONGEST)
        self.assertEqual(0, program.returncode)
        self.assertNotIn("Traceback", err)
