"""Errors are fit for people, and can be told apart by programs."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd import errors
from netd.errors import (
    ConfigErrors,
    ConfigProblem,
    Gone,
    NetdError,
    NoSuchTarget,
    OperationFailed,
    ProtocolError,
    TimedOut,
)


class ConfigErrorTests(SynchronousTestCase):
    def test_places(self) -> None:
        """A problem names its place, as much of it as there is."""
        for problem, line in (
            (ConfigProblem("netd.ini:3", "relay", "listen", "no"), "netd.ini:3: [relay] listen: no"),
            (ConfigProblem("netd.ini:3", "relay", "", "no"), "netd.ini:3: [relay] no"),
            (ConfigProblem("netd.ini:3", "", "", "no"), "netd.ini:3: no"),
            (ConfigProblem("environment NETD_X", "", "x", "no"), "environment NETD_X: x: no"),
        ):
            self.assertEqual(line, str(problem))

    def test_all_at_once(self) -> None:
        """All problems are told, a line each, and programs can get at each."""
        problems = (ConfigProblem("a:1", "s", "o", "one"), ConfigProblem("a:2", "s", "o", "two"))
        error = ConfigErrors(problems)
        self.assertEqual(("a:1: [s] o: one\na:2: [s] o: two", problems), (str(error), error.problems))


class FamilyTests(SynchronousTestCase):
    def test_base(self) -> None:
        """Whatever netd raises on purpose can be caught with one name."""
        for name in errors.__all__:
            kind = getattr(errors, name)
            if kind is not ConfigProblem:
                self.assertTrue(issubclass(kind, NetdError), name)

    def test_consoles(self) -> None:
        """A console that knows only that an operation failed handles a target that is missing or went away."""
        for kind in (NoSuchTarget, Gone):
            self.assertTrue(issubclass(kind, OperationFailed))

    def test_kinds(self) -> None:
        """Counters and the limit on log lines know a peer's mistakes by a few fixed words."""
        self.assertEqual(("protocol error", "timed out"), (ProtocolError.kind, TimedOut.kind))
        self.assertEqual("no length", str(ProtocolError("no length")))
