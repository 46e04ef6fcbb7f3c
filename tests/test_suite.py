"""The suite loses no test and no failure on its way through several processes."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.suite import closing, parts, whole

FIRST = (0, "Ran 3 tests in 0.1s\n\nPASSED (skips=1, successes=2)\n")
SECOND = (0, "PASSED (successes=99)\nprinted by a test\n\nPASSED (successes=4)\n")
FAILED = (1, "FAILED (failures=1, successes=1)\n")
CRASHED = (139, "tests.test_real_door\n")


class PartsTests(SynchronousTestCase):
    def test_every_module_once(self) -> None:
        """Each module of tests is in exactly one part; the rings take turns, and a part without modules does not run."""
        names = (
            "cli/test_real_pipe",
            "browser/test_real_load",
            "test_real_tour",
            "test_names",
            "relay/test_machine",
            "connection/test_real_newcomers",
        )
        expected = {
            "pages-0": ["tests.browser.test_real_load"],
            "inner-0": ["tests.relay.test_machine"],
            "real-0": ["tests.cli.test_real_pipe"],
            "inner-1": ["tests.test_names"],
            "real-1": ["tests.test_real_tour"],
            "alone": ["tests.connection.test_real_newcomers"],
        }
        found = parts(Path("tests", f"{name}.py") for name in names)
        self.assertEqual((expected, list(expected)), (found, list(found)))


class ClosingTests(SynchronousTestCase):
    def test_passed(self) -> None:
        """The counts of both are added, each taken from the last closing line."""
        self.assertEqual((0, "PASSED (skips=1, successes=6)"), closing([FIRST, SECOND]))

    def test_failed(self) -> None:
        """One failure in either fails the whole."""
        for outcomes in ([FIRST, FAILED], [FAILED, FIRST]):
            self.assertEqual((1, "FAILED (failures=1, skips=1, successes=3)"), closing(outcomes))

    def test_crashed(self) -> None:
        """A process that dies before its closing line leaves none for the whole."""
        self.assertEqual((139, ""), closing([FIRST, CRASHED]))
        self.assertEqual((1, ""), closing([FIRST, (0, "")]))


class WholeTests(SynchronousTestCase):
    def test_both_are_said(self) -> None:
        """What the processes printed is shown, and the closing line of all together is last."""
        said: list[str] = []
        paths = [Path("tests/browser/test_real_load.py"), Path("tests/test_names.py")]
        self.assertEqual(1, whole(lambda wanted: dict(zip(wanted, [FIRST, FAILED], strict=True)), paths, said.append))
        self.assertEqual(
            [f"-- pages-0\n{FIRST[1]}", f"-- inner-0\n{FAILED[1]}", "FAILED (failures=1, skips=1, successes=3)"], said
        )
