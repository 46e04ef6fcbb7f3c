"""``requirements.lock`` holds what ``pyproject.toml`` asks for, and nothing that pip would take without comparing it."""

from __future__ import annotations

import re
import tomllib

from twisted.trial.unittest import SynchronousTestCase

from tests.process import CHECKOUT

_PINNED = re.compile(r"^([a-z0-9-]+)==([0-9][^ ;\\]*)( ;[^\\]*)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)
_ASKED = re.compile(r"([A-Za-z0-9.-]+)(?:\[[a-z,]+\])? >= ([0-9.]+)")


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


class LockTests(SynchronousTestCase):
    def test_what_is_asked_for(self) -> None:
        """Whoever types `make run` gets versions that netd can work with; after a change of pyproject.toml: make lock."""
        project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        pinned = {name: version for name, version, *_ in _PINNED.findall((CHECKOUT / "requirements.lock").read_text())}
        for line in (*project["dependencies"], *project["optional-dependencies"]["cli"]):
            [(name, least)] = _ASKED.findall(line)
            self.assertGreaterEqual(numbers(pinned[name.lower().replace(".", "-")]), numbers(least), line)

    def test_all_with_hashes(self) -> None:
        """Each line of each lock names one version, and each has a hash: one without would be installed whatever it is."""
        locks = [CHECKOUT / "requirements.lock", *(CHECKOUT / "locks").glob("*.lock")]
        self.assertGreater(len(locks), 5)
        for lock in locks:
            text = lock.read_text(encoding="utf-8")
            lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
            self.assertEqual(len(lines), len(_PINNED.findall(text)), lock.name)
            self.assertGreater(len(lines), 0, lock.name)

    def test_tools(self) -> None:
        """Each environment of tox has its lock, with the versions of the tools that pyproject.toml names."""
        groups = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
        tools = {"lint", "types", "scripts", "coverage", "lock", "tox"}
        self.assertEqual({"tests"} | tools, {lock.stem for lock in (CHECKOUT / "locks").iterdir()})
        for group in tools:
            text = (CHECKOUT / "locks" / f"{group}.lock").read_text(encoding="utf-8")
            pinned = {name: version for name, version, *_ in _PINNED.findall(text)}
            for line in groups[group]:
                name, comparison, version = line.split()
                least = numbers(pinned[name]) >= numbers(version)
                self.assertTrue(pinned[name] == version if comparison == "==" else least, line)
