"""``docs/extending.md``: its code is what it says, a distribution of two kinds that work."""

from __future__ import annotations

import configparser
import importlib
import io
import re
import sys
import tomllib
import unittest
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.kinds import ServiceKind
from netd.testing import configured

CHECKOUT = Path(__file__).resolve().parent.parent

PAGE = CHECKOUT / "docs" / "extending.md"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"# (\S+)\n")


def files() -> dict[str, str]:
    """Each file of the page, by the name in its first line."""
    blocks = [block[2] for block in _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]
    return {named[1]: block for block in blocks if (named := _NAMED.match(block))}


def write_files(folder: Path) -> None:
    """Write each file of the page below *folder*."""
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


class PageTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = Path(self.mktemp())
        write_files(folder)
        self.patch(sys, "path", [str(folder.absolute()), *sys.path])
        self.addCleanup(self.forget)

    def forget(self) -> None:
        """Leave no module of the page behind."""
        for name in [name for name in sys.modules if name.partition(".")[0] in ("echo", "instrument", "test_lab")]:
            del sys.modules[name]

    def test_files(self) -> None:
        """The list at the top names each file of the page."""
        listed = re.findall(r"^    (\S+\.\w+)(?:  |$)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
        self.assertEqual(sorted(listed), sorted(files()))

    def test_tests(self) -> None:
        """The page's own tests pass, those of the kit among them."""
        outcome = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module("test_lab")).run(outcome)
        troubles = "\n".join(text for _, text in (*outcome.failures, *outcome.errors))
        self.assertEqual("", troubles)
        self.assertGreater(outcome.testsRun, 10)

    def test_ini(self) -> None:
        """The page's section is one that the daemon takes."""
        [block] = [block[2] for block in _BLOCK.finditer(PAGE.read_text(encoding="utf-8")) if block[1] == "ini"]
        sections = configparser.ConfigParser(delimiters="=")
        sections.read_file(io.StringIO(block))
        lines = [f"{name} = {value}" for name, value in sections["instrument:oven"].items()]
        config = configured(ServiceKind("instrument", "instrument"), *lines)
        self.assertEqual((config.remote, config.query), ("tcp:192.168.1.50:5025", "MEAS:TEMP?"))

    def test_packages(self) -> None:
        """The build ships each folder that has code."""
        packages = tomllib.loads(files()["pyproject.toml"])["tool"]["setuptools"]["packages"]
        folders = {str(Path(name).parent).replace("/", ".") for name in files() if "/" in name}
        self.assertEqual(folders, set(packages))
