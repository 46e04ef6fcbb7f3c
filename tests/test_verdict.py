"""The closing line of ``make test`` can be trusted: nothing that went wrong is counted as passed, or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.verdict import LONGEST, Tally, check_tally, failures, suite_tally, verdict


class SuiteTallyTests(SynchronousTestCase):
    def test_all_passed(self) -> None:
        """A suite that passed counts each of its tests."""
        self.assertEqual(Tally(passed=12), suite_tally(0, ["Ran 12 tests in 0.1s\n", "\n", "PASSED (successes=12)\n"]))

    def test_every_outcome(self) -> None:
        """Errors are failures, and so is a test that passed though it was expected not to."""
        closing = "FAILED (skips=1, expectedFailures=2, failures=3, errors=4, unexpectedSuccesses=5, successes=6)\n"
        self.assertEqual(Tally(passed=8, failed=12, skipped=1), suite_tally(1, [closing]))

    def test_last_closing_line_counts(self) -> None:
        """A test that prints what looks like a closing line does not end the count; what tox says afterwards does not hide it."""
        lines = ["PASSED (successes=99)\n", "FAILED (failures=1)\n", "tests: FAIL code 1 (0.50=setup[0.01])\n"]
        self.assertEqual(Tally(failed=1), suite_tally(1, lines))

    def test_crash(self) -> None:
        """A suite that died before its closing line has failed."""
        self.assertEqual(Tally(failed=1), suite_tally(139, ["tests.test_layers\n", "  TableTests\n"]))
        self.assertEqual(Tally(failed=1), suite_tally(0, []))

    def test_failure_after_the_closing_line(self) -> None:
        """A status that the tests do not explain is a failure of its own."""
        self.assertEqual(Tally(passed=3, failed=1), suite_tally(1, ["PASSED (successes=3)\n"]))

    def test_no_test_at_all(self) -> None:
        """A suite in which nothing ran has not passed."""
        self.assertEqual(Tally(failed=1), suite_tally(0, ["Ran 0 tests in 0.000s\n", "PASSED\n"]))
        self.assertEqual(Tally(failed=1, skipped=2), suite_tally(0, ["PASSED (skips=2)\n"]))


class CheckTallyTests(SynchronousTestCase):
    def test_status(self) -> None:
        """A check counts as one, whatever it printed."""
        self.assertEqual([Tally(passed=1), Tally(failed=1), Tally(failed=1)], [check_tally(status) for status in (0, 1, -9)])


class FailuresTests(SynchronousTestCase):
    def test_each(self) -> None:
        """Each failure is there with its cause and the test's name; of a long one, the end."""
        lines = ["ok\n", "=" * 79 + "\n", "[FAIL]\n", "Traceback\n", "1 != 2\n", "\n", "tests.a.B.test_c\n", "=" * 79 + "\n"]
        lines += ["[ERROR]\n", *(f"{number}\n" for number in range(100)), "tests.a.B.test_d\n", "-" * 79 + "\n", "Ran 7 tests\n"]
        short, long = failures(lines)
        self.assertEqual("Traceback\n1 != 2\n\ntests.a.B.test_c", short)
        self.assertEqual([*map(str, range(101 - LONGEST, 100)), "tests.a.B.test_d"], long.split("\n"))


class VerdictTests(SynchronousTestCase):
    def judge(self, **statuses: int) -> tuple[int, list[str], list[str]]:
        """Exit status, what was run and what was said, when the checks named end with these statuses."""
        ran: list[str] = []
        said: list[str] = []

        def run(check: str) -> tuple[int, Sequence[str]]:
            ran.append(check)
            return statuses.get(check, 0), ["PASSED (successes=20)\n"]

        return verdict(run, said.append), ran, said

    def test_success(self) -> None:
        """The last line is the sum of tests and checks, and the status is 0."""
        status, ran, said = self.judge()
        self.assertEqual((0, ["lint", "types", "scripts", "tests", "coverage"]), (status, ran))
        self.assertEqual("24 passed, 0 failed, 0 skipped", said[-1])

    def test_failed_check(self) -> None:
        """One failed check fails the whole, is named, and keeps none of the others from being run."""
        status, ran, said = self.judge(lint=1, coverage=2)
        self.assertEqual((1, ["lint", "types", "scripts", "tests", "coverage"]), (status, ran))
        self.assertIn("failed: lint, coverage (", said[-2])
        self.assertEqual("22 passed, 2 failed, 0 skipped", said[-1])
