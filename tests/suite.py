"""Runs the whole suite, or the parts of it that are named, and ends with one closing line in trial's form.

The whole suite runs as several processes of trial, two of them at a time: the pages in Chromium, the tests without real
processes, and several parts of those with them (``test_real_*``).  Whichever ends first makes room for the next, so that both
cores have work until the end.
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


AT_ONCE = 2
"""Processes beside each other."""

REAL_PARTS = 6
"""Processes for the tests with real processes: few, because each imports all of netd, and enough to even out the rest."""


def parts(paths: Iterable[Path]) -> dict[str, list[str]]:
    """The modules of each process, made of the *paths* of all modules of tests. The longest parts begin first."""
    modules = sorted(".".join(path.with_suffix("").parts) for path in paths)
    pages = [module for module in modules if module.startswith(PAGES)]
    real = [module for module in modules if module.rpartition(".")[2].startswith(REAL) and module not in pages]
    inner = [module for module in modules if module not in {*pages, *real}]
    found = {"pages": pages, "inner": inner, **{f"real-{number}": real[number::REAL_PARTS] for number in range(REAL_PARTS)}}
    return {name: part for name, part in found.items() if part}


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
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(wanted, pool.map(run_one, wanted, wanted.values()), strict=True))

    return run


def _trial(folder: Path, modules: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "coverage", "run", "-m", "twisted.trial", f"--temp-directory={folder}", *modules]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    if sys.argv[2:]:
        sys.exit(subprocess.run(_trial(place / "part", sys.argv[2:]), check=False).returncode)
    sys.exit(whole(run_beside(place), Path("tests").rglob("test_*.py"), print))
