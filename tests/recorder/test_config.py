"""Tests of ``netd.recorder.config``: what a ``[recorder]`` section can say."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.errors import ConfigErrors
from netd.recorder.config import Config
from netd.testing import configured
from tests.recorder.kind import RecorderKind


class ConfigTests(SynchronousTestCase):
    def read(self, *lines: str) -> Config:
        """The options of a section with these lines."""
        config: Config = configured(RecorderKind(), *lines)
        return config

    def test_defaults(self) -> None:
        """Without any option, all but feeds' rounds is kept for 30 days, within 1 GiB, and its hours for ever."""
        config = self.read()
        self.assertEqual((config.keep, config.keep_size, config.keep_hourly), (30 * 86400.0, 1 << 30, None))
        self.assertEqual((config.flush, config.sync, config.min_free, config.exclude), (1.0, 10.0, 0.05, None))
        self.assertIn("session.>", config.record)
        self.assertEqual(list(config.objections()), [])

    def test_place(self) -> None:
        """Each recorder has a directory of its own in the state directory, unless it names one."""
        self.assertEqual(Config(state_directory=Path("/s"), instance="audit").place, Path("/s/recorder/audit"))
        self.assertEqual(Config(directory=Path("/etc/netd"), folder=Path("past")).place, Path("/etc/netd/past"))

    def test_unusable_place(self) -> None:
        """A folder in which nothing can be recorded is found before the start, and nothing is made there to find out."""
        file = Path(self.mktemp())
        file.touch()
        for folder, words in (
            (file.absolute(), "is no directory: move it away"),
            (file.absolute() / "past", "is no directory: move it away"),
            (Path("/proc/nope"), "the file system of /proc keeps no files"),
        ):
            [(option, why)] = Config(folder=folder).objections()
            self.assertEqual("folder", option)
            self.assertIn(words, why)
        fresh = Path(self.mktemp()).absolute() / "one" / "two"
        self.assertEqual(list(Config(folder=fresh).objections()), [])
        self.assertFalse(fresh.parent.exists())

    def test_sync_and_flush(self) -> None:
        """What is not yet written cannot be brought to the disk: sync is no shorter than flush."""
        [(option, why)] = self.read("flush = 10s", "sync = 1s").objections()
        self.assertEqual((option, why), ("sync", "is shorter than flush; write at least 10s"))
        self.assertEqual(list(self.read("flush = 10s", "sync = off").objections()), [])

    def test_mistakes(self) -> None:
        """A mistake names its option and the remedy."""
        for line, words in [
            ("record = session..x", "is no token"),
            ("exclude = a, a", "given twice"),
            ("min_free = 5", "write it as in 5%"),
            ("min_free = 100%", "below 100 %"),
            ("keep = 1m", "out of range"),
            ("keep_size = many", "not a size"),
        ]:
            error = self.assertRaises(ConfigErrors, self.read, line)
            self.assertIn(words, str(error), line)
        self.assertEqual(self.read("min_free = 2.5%").min_free, 0.025)
