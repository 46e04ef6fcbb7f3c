"""Tests of netd between pipes: a reader that has seen enough, and no terminal."""

from __future__ import annotations

import os
import subprocess
import sys

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

    def test_no_terminal(self) -> None:
        """`echo … | netd passwd` where there is no terminal says what to do, without a traceback, and writes nothing."""
        program = (sys.executable, "-c", "from netd.cli.main import main; main()", "passwd", "ada", "--state", self.state)
        ended = subprocess.run(
            program,
            input="three blue chairs\nthree blue chairs\n",
            capture_output=True,
            text=True,
            env={**environment(), "PYTHONPATH": str(CHECKOUT)},
            start_new_session=True,
            check=False,
        )
        self.assertEqual(ended.returncode, 2)
        self.assertIn("there is no terminal to ask on: use --stdin", ended.stderr)
        self.assertNotIn("Traceback", ended.stderr)
        self.assertNotIn("Warning", ended.stderr)
        self.assertFalse((self.state / "manhole.passwd").exists())
