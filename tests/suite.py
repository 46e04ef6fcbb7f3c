"""Runs the whole suite, or the parts of it that are named, and ends with one closing line in trial's form.

The whole suite runs as several processes of trial, three of them at a time: the pages in Chromium, the tests without real
processes, and those with them (``test_real_*``), each in several parts.  Whichever ends first makes room for the next.  Most
tests with real processes wait for those, so that three at a time keep two cores at work.  Tests that judge how soon netd answers
under a flood come after all others, alone.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REAL = "test_real_"
PAGES = "tests.browser."

Run = Callable[[dict[str, list[str]]], dict[str, tuple[int, str]]]
"""Runs trial on each named list of modules; returns exit status and output of each."""

_CLOSING_LINE = re.compile(r"^(?:PASSED|FAILED)(?: \((\w+=\d+(?:, \w+=\d+)*)\))?$", re.MULTILINE)


AT_ONCE = 3
"""Processes beside each other."""

PARTS = {"pages": 2, "inner": 2, "real": 6}
"""Processes for each ring: few, because each imports all of netd, and enough to even out the rest."""

ALONE = "alone"
TIMED = frozenset({"tests.connection.test_real_newcomers", "tests.test_real_sockets"})
"""Modules whose tests judge how soon netd answers while a program of theirs takes a core of its own."""


def parts(paths: Iterable[Path]) -> dict[str, list[str]]:
    """The modules of each process, of the *paths* of all modules. The rings take turns; what measures time comes last."""
    modules = sorted(".".join(path.with_suffix("").parts) for path in paths)
    rings: dict[str, list[str]] = {"pages": [], "inner": [], "real": [], ALONE: []}
    for module in modules:
        rings[_ring(module)].append(module)
    cut = {
        f"{ring}-{part}": rings[ring][part::count]
        for part in range(max(PARTS.values()))
        for ring, count in PARTS.items()
        if part < count
    }
    return {name: part for name, part in {**cut, ALONE: rings[ALONE]}.items() if part}


def _ring(module: str) -> str:
    if module in TIMED:
        return ALONE
    if module.startswith(PAGES):
        return "pages"
    return "real" if module.rpartition(".")[2].startswith(REAL) else "inner"


def closing(outcomes: Iterable[tuple[int, str]]) -> tuple[int, str]:
    """The exit status and the closing line of all *outcomes* together; the line is empty if a process died before its own."""
    counts: Counter[str] = Counter()
    worst = 0
    for status, output in outcomes:
        found = _CLOSING_LINE.findall(output)
        if not found:
            return status or 1, ""
        worst = worst or status
        for count in filter(None, found[-1].split(", ")):
            name, _, number = count.partition("=")
            counts[name] += int(number)
    summary = ", ".join(f"{name}={number}" for name, number in sorted(counts.items()))
    return worst, f"{'FAILED' if worst else 'PASSED'} ({summary})"


def whole(run: Run, paths: Iterable[Path], say: Callable[[str], object]) -> int:
    """Run the whole suite, say what all processes said, and return the exit status."""
    outcomes = run(parts(paths))
    for name, (_, output) in outcomes.items():
        say(f"-- {name}\n{output}")
    status, line = closing(outcomes.values())
    say(line)
    return status


def run_beside(folder: Path) -> Run:
    """A :data:`Run` whose processes run a few at a time, with their files in *folder*."""

    def run_one(name: str, modules: Sequence[str]) -> tuple[int, str]:
        path = folder / f"{name}.txt"
        with path.open("wb") as output:
            ended = subprocess.run(_trial(folder / name, modules), stdout=output, stderr=subprocess.STDOUT, check=False)
        return ended.returncode, path.read_text(errors="replace")

    def run(wanted: dict[str, list[str]]) -> dict[str, tuple[int, str]]:
        beside = {name: modules for name, modules in wanted.items() if name != ALONE}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            outcomes = dict(zip(beside, pool.map(run_one, beside, beside.values()), strict=True))
        return outcomes | {name: run_one(name, modules) for name, modules in wanted.items() if name not in beside}

    return run


def _trial(folder: Path, modules: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "coverage", "run", "-m", "twisted.trial", f"--temp-directory={folder}", *modules]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    if sys.argv[2:]:
        sys.exit(subprocess.run(_trial(place / "part", sys.argv[2:]), check=False).returncode)
    sys.exit(whole(run_beside(place), Path("tests").rglob("test_*.py"), print))
