"""What importing and using the configuration leaves alone, seen from a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

PROGRAM = """
import sys
from netd.config import endpoints
endpoints("tcp:1 tcp6:2 unix:/x haproxy:tcp:3")
sys.exit("twisted.internet.reactor" in sys.modules)
"""


class ImportTests(SynchronousTestCase):
    def test_no_reactor(self) -> None:
        """Reading a configuration leaves the choice of the reactor to `twistd --reactor`."""
        environ = {"PYTHONPATH": ":".join(sys.path)}
        finished = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, check=False, timeout=60)
        self.assertEqual(finished.returncode, 0)
