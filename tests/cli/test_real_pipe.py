"""Tests of what netd prints into a pipe whose reader has seen enough."""

from __future__ import annotations

import os
import subprocess

from tests.process import CHECKOUT, TWISTD, RealTestCase, environment


class PipeTests(RealTestCase):
    def test_nobody_reads(self) -> None:
        """`netd config | head` ends without a traceback: what is left unread is no trouble."""
        for option in ("--origin", "--show-config", "--check"):
            reading, writing = os.pipe()
            os.close(reading)
            try:
                ended = subprocess.run(
                    [TWISTD, "netd", option], stdout=writing, stderr=subprocess.PIPE, env=environment(), cwd=CHECKOUT, check=False
                )
            finally:
                os.close(writing)
            self.assertEqual((ended.returncode, ended.stderr), (1, b""), option)
