"""Runs every check of the checkout and closes with the one line that people and programs look for.

That is ``N passed, N failed, N skipped``, where each trial test counts as one, and so does each other check.  ``make test``
calls it with the path of tox.  It needs nothing but the standard library, and judges what was *said* as well as the exit
status: a suite that crashed, or that ran no test, has failed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

CHECKS = ("lint", "types", "scripts", "tests", "coverage")
"""The environments of ``tox.ini``, in the order in which they run."""

SUITE = "tests"
"""The one whose output is trial's."""

Run = Callable[[str], tuple[int, Sequence[str]]]
"""Runs the named check, showing what it prints; returns its exit status and its lines."""

LONGEST = 30
"""Lines of one failure that are said again, and failures: a log that is cut keeps its end."""

_CLOSING_LINE = re.compile(r"(?:PASSED|FAILED)(?: \((?P<counts>\w+=\d+(?:, \w+=\d+)*)\))?")


@dataclass(frozen=True)
class Tally:
    """How many passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def check_tally(status: int) -> Tally:
    """The tally of a check that only succeeds or fails."""
    return Tally(failed=1) if status else Tally(passed=1)


def suite_tally(status: int, lines: Sequence[str]) -> Tally:
    """The tally of trial, read from its closing line.

    No closing line, a status that the closing line does not explain, and a suite without tests each count as one failure.
    """
    closing = next(filter(None, (_CLOSING_LINE.fullmatch(line.strip()) for line in reversed(lines))), None)
    if closing is None:
        return Tally(failed=1)
    counts: Counter[str] = Counter()
    for count in (closing["counts"] or "").split(", "):
        name, _, number = count.partition("=")
        counts[name] += int(number or 0)
    tally = Tally(
        passed=counts["successes"] + counts["expectedFailures"],
        failed=counts["failures"] + counts["errors"] + counts["unexpectedSuccesses"],
        skipped=counts["skips"],
    )
    if tally.failed:
        return tally
    return tally + Tally(failed=1) if status or not tally.passed else tally


def failures(lines: Sequence[str]) -> list[str]:
    """What trial has said about each test that failed, the last lines of it: cause and name stand at its end."""
    found: list[list[str]] = []
    is_inside = False
    for line in lines:
        if line.strip() in {"[FAIL]", "[ERROR]"}:
            is_inside = True
            found.append([])
        elif line.startswith(("=" * 70, "-" * 70)):
            is_inside = False
        elif is_inside:
            found[-1].append(line.rstrip())
    return ["\n".join(lines[-LONGEST:]) for lines in found[:LONGEST]]


def verdict(run: Run, say: Callable[[str], object]) -> int:
    """Run every check, also after one has failed; the last line said is the tally.

    :returns: the exit status: 0 when nothing failed, else 1.
    """
    total = Tally()
    failing = []
    failed: list[str] = []
    for check in CHECKS:
        say(f"== {check}")
        status, lines = run(check)
        tally = suite_tally(status, lines) if check == SUITE else check_tally(status)
        failed += failures(lines)
        if tally.failed:
            failing.append(check)
        total += tally
    for one in failed:
        say(f"\n{one.strip()}")
    if failing:
        say(f"\nfailed: {', '.join(failing)} (again: tox run -e {','.join(failing)})")
    say(str(total))
    return 1 if total.failed else 0


def run_with(tox: str) -> Run:
    """A :data:`Run` that runs the environments of the tox at this path."""

    def run(check: str) -> tuple[int, Sequence[str]]:
        lines = []
        command = [tox, "run", "--colored", "no", "-e", check]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(line)
        return process.returncode, lines

    return run


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(verdict(run_with(sys.argv[1]), _say))
