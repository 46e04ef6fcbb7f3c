"""Memory and descriptors of the process."""

from __future__ import annotations

import os
import resource
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.usage import measure_usage


class UsageTests(SynchronousTestCase):
    def test_this_process(self) -> None:
        """The figures are those of this process: descriptors come and go with its files."""
        before = measure_usage()
        opened = [os.dup(0) for _ in range(5)]
        after = measure_usage()
        for one in opened:
            os.close(one)
        self.assertEqual(5, after.descriptors - before.descriptors)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE)[0], before.most_descriptors)
        self.assertGreater(before.memory or 0, 1 << 20)

    def test_older_system(self) -> None:
        """Where the kernel tells no size, the descriptors are listed; elsewhere than on Linux the memory is not known."""
        with tempfile.TemporaryDirectory() as folder:
            unknown = measure_usage(Path(folder))
            self.assertIsNone(unknown.memory)
            self.assertGreater(unknown.descriptors, 2)
