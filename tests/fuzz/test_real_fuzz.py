"""Fuzzing for a while, and a parser at fault that it finds."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.process import CHECKOUT

SECONDS = 45
"""Of fuzzing in each run of the suite."""


class FuzzTests(SynchronousTestCase):
    def fuzz(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the fuzzer in a folder of its own."""
        words = [sys.executable, "-m", "tests.fuzz", "--folder", str(Path(self.mktemp()).absolute()), *arguments]
        return subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=4 * SECONDS)

    def test_parsers(self) -> None:
        """Nothing is found in netd's own parsers."""
        ran = self.fuzz("--seconds", str(SECONDS))
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)

    def test_fault(self) -> None:
        """A fault is found, and told with its input."""
        ran = self.fuzz("--seconds", str(SECONDS), "tests.fuzz.faulty:faulty")
        self.assertEqual(ran.returncode, 1, ran.stdout)
        self.assertIn("IndexError: faulty", ran.stdout)
        told = re.search(r"base64: (\S+)$", ran.stdout)
        assert told is not None
        self.assertTrue(base64.b64decode(told[1]).startswith(b"net"))
