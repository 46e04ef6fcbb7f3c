"""The programs on the page about your data: they do what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.recorder.archives import DAWN, ArchiveTestCase
from tests.recorder.place import X
from tests.recorder.reads import gather

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "your-data.md"


class YourDataTests(ArchiveTestCase):
    def test_reading_without_netd(self) -> None:
        """The program of the page reads all samples of a day that is over, without netd."""
        store = self.make()
        store.append(gather([self.read(X, float(number)) for number in range(300)]), [])
        self.close(store)
        [program] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        part = next((self.directory / "parts").iterdir())
        written = subprocess.run(
            [sys.executable, "-I", "-c", program, part, X.subject], capture_output=True, text=True, check=True
        )
        lines = [line.split() for line in written.stdout.splitlines()]
        self.assertEqual([float(value) for _, value in lines], [float(number) for number in range(300)])
        self.assertEqual({float(time) for time, _ in lines}, {DAWN / 1e6 + 43200})
