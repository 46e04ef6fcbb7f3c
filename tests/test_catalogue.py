"""The catalogue of log messages: every line that the code writes, and what it cannot find is a mistake."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.catalogue import LogMessage, messages_of, render_catalogue

MODULE = """\
FORMAT = "{service}: {who} left"
REMEDY = "mend it"


class Pump:
    def work(self, level, is_short):
        self._log.info("it `works` | still")
        self._log.failure("it broke")
        self._log.emit(level, FORMAT)
        self._log.warn("short" if is_short else "long")
        self._log.error(f"{{service}}: it stands: {REMEDY}")
        self.other.info(self.no_line_of_the_log)
        self._log.failures
"""


class CatalogueTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name: str, text: str) -> None:
        """A module of the package."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def test_messages(self) -> None:
        """A line is found with its level and its part, whether its format stands there, in a constant or in one of two."""
        self.write("pump/service.py", MODULE)
        self.write("cli/pump.py", MODULE)
        self.assertEqual(
            [
                LogMessage("pump", "critical", "it broke"),
                LogMessage("pump", "debug, info or warn", "{service}: {who} left"),
                LogMessage("pump", "error", "{service}: it stands: mend it"),
                LogMessage("pump", "info", "it `works` | still"),
                LogMessage("pump", "warn", "long"),
                LogMessage("pump", "warn", "short"),
            ],
            messages_of(self.folder),
        )

    def test_page(self) -> None:
        """Each part has a table; a bar or a backtick in a message does not spoil it."""
        page = render_catalogue([LogMessage("pump", "info", "it `works` | still"), LogMessage("pump", "warn", "long")])
        self.assertTrue(
            page.endswith(
                "\n## pump\n\n| level | message |\n| --- | --- |\n| info | `` it `works` \\| still `` |\n| warn | `long` |\n"
            )
        )

    def test_no_constant(self) -> None:
        """A format that is made at run time cannot be in the catalogue, and is told with its place."""
        self.write("pump.py", "def work(self, text):\n    self._log.info(text)\n")
        error = self.assertRaises(ValueError, messages_of, self.folder)
        self.assertIn(f"{self.folder}/pump.py:2: the format of a log line is no constant", str(error))
