"""Runs the whole suite, or the parts of it that are named, and ends with one closing line in trial's form.

The whole suite runs as two processes of trial beside each other: the pages in Chromium, and all other tests, of which those with
real processes and sockets (``test_real_*``) come last.  One after the other, they take half as long again.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

REAL = "test_real_"
PAGES = "tests.browser."

Run = Callable[[dict[str, list[str]]], dict[str, tuple[int, str]]]
"""Runs trial on each named list of modules; returns exit status and output of each."""

_CLOSING_LINE = re.compile(r"^(?:PASSED|FAILED)(?: \((\w+=\d+(?:, \w+=\d+)*)\))?$", re.MULTILINE)


def halves(paths: Iterable[Path]) -> dict[str, list[str]]:
    """The modules of both processes, made of the *paths* of all modules of tests."""
    modules = sorted(".".join(path.with_suffix("").parts) for path in paths)
    pages = [module for module in modules if module.startswith(PAGES)]
    others = [module for module in modules if not module.startswith(PAGES)]
    return {"pages": pages, "others": sorted(others, key=lambda module: module.rpartition(".")[2].startswith(REAL))}


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
    """Run the whole suite, say what both processes said, and return the exit status."""
    outcomes = run(halves(paths))
    for name, (_, output) in outcomes.items():
        say(f"-- {name}\n{output}")
    status, line = closing(outcomes.values())
    say(line)
    return status


def run_beside(folder: Path) -> Run:
    """A :data:`Run` whose processes run at the same time, with their files in *folder*."""

    def run(parts: dict[str, list[str]]) -> dict[str, tuple[int, str]]:
        processes = {}
        for name, modules in parts.items():
            with (folder / f"{name}.txt").open("wb") as output:
                processes[name] = subprocess.Popen(_trial(folder / name, modules), stdout=output, stderr=subprocess.STDOUT)
        return {
            name: (process.wait(), (folder / f"{name}.txt").read_text(errors="replace")) for name, process in processes.items()
        }

    return run


def _trial(folder: Path, modules: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "coverage", "run", "-m", "twisted.trial", f"--temp-directory={folder}", *modules]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    if sys.argv[2:]:
        sys.exit(subprocess.run(_trial(place / "part", sys.argv[2:]), check=False).returncode)
    sys.exit(whole(run_beside(place), Path("tests").rglob("test_*.py"), print))
