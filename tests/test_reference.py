"""The command that writes what is made from the code; ``test_docs`` holds the checkout's own files against the code."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.reference import main, stale


class ReferenceTests(SynchronousTestCase):
    def test_written(self) -> None:
        """`python -m netd.reference` writes all files into the current directory, says which, and then they are right."""
        folder = Path(tempfile.mkdtemp(prefix="netd-")).resolve()
        self.addCleanup(shutil.rmtree, folder)
        paths = stale(folder)
        self.assertEqual(
            [folder / "etc" / "netd.ini", folder / "docs" / "configuration.md", folder / "docs" / "messages.md"], paths
        )
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(folder)
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        main()
        self.assertEqual([str(path) for path in paths], out.getvalue().splitlines())
        self.assertEqual([], stale(folder))
        self.assertIn("[relay]", paths[0].read_text(encoding="utf-8").splitlines())
