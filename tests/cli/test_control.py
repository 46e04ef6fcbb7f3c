"""Tests of :mod:`netd.cli.control`: draining and stopping."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from netd.client.control import ControlError, ControlTimeout, Lost, NotRunning, OperationFailed
from tests.cli.fakes import CommandTests

HERE = "lab (state directory /home/ada/.local/state/netd)"
"""The daemon that is meant where nothing else is said."""


class DrainTests(CommandTests):
    def test_drain(self) -> None:
        """``netd drain`` says what the daemon does from now on, and which one it was."""
        self.control.answers["system.drain"] = {"status": "draining"}
        self.assertEqual(
            self.netd("drain").stdout,
            f"netd accepts no more connections; those that are open go on: {HERE}; `netd resume` takes it back\n",
        )
        self.assertEqual(json.loads(self.netd("drain", "--json").stdout), {"status": "draining"})
        self.assertEqual(self.control.calls[-1], ("system.drain", {}))

    def test_within(self) -> None:
        """``netd drain --within 5m`` says when those that are open are closed; a time is written with a unit, or in seconds."""
        self.control.answers["system.drain"] = {}
        times = (("5m", 300.0, "5 min"), ("30s", 30.0, "30 s"), ("1.5h", 5400.0, "1 h 30 min"), ("7", 7.0, "7 s"))
        for written, seconds, said in times:
            told = self.netd("drain", "--within", written).stdout
            how = f"those that are open are closed in {said}: {HERE}; `netd resume` takes it back"
            self.assertEqual(told, f"netd accepts no more connections; {how}\n")
            self.assertEqual(self.control.calls[-1], ("system.drain", {"within": seconds}))
        for written in ("0s", "25h", "s", "-1s", "5x"):
            result = self.netd("drain", "--within", written)
            self.assertEqual(result.exit_code, 2, written)
            self.assertIn("is not a number of seconds above 0 and up to 86400", result.stderr)

    def test_resume(self) -> None:
        """``netd resume`` says that connections are accepted again."""
        self.control.answers["system.resume"] = {"state": "serving", "draining": None}
        self.assertEqual(self.netd("resume").stdout, f"netd accepts connections again: {HERE}\n")
        self.assertEqual(json.loads(self.netd("resume", "--json").stdout)["state"], "serving")

    def test_resume_of_one_that_serves(self) -> None:
        """``netd resume`` without a drain before says so."""
        self.control.answers["system.resume"] = {"state": "serving", "draining": None}
        self.control.answers["system.status"] = {"name": "lab", "state": "serving"}
        self.assertEqual(self.netd("resume").stdout, f"netd was not draining, and accepts connections: {HERE}\n")


class StopTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["system.stop"] = {"status": "stopping"}

    def test_stop(self) -> None:
        """``netd stop`` says which daemon it is, by name and place, and returns when that has ended, not before."""
        result = self.netd("stop")
        self.assertEqual((result.exit_code, result.stdout), (0, f"netd has stopped: {HERE}\n"))
        self.assertEqual(result.stderr, f"netd: stopping {HERE}\n")
        self.assertTrue(self.control.waited)
        self.assertEqual(json.loads(self.netd("stop", "--json").stdout), {"status": "stopped"})

    def test_slow(self) -> None:
        """A daemon that does not end in time is exit code 124."""
        self.control.closing = ControlTimeout("netd has not stopped within 30 s")
        result = self.netd("stop")
        self.assertEqual(
            (result.exit_code, result.stderr), (124, f"netd: stopping {HERE}\nError: netd has not stopped within 30 s\n")
        )

    def test_quicker_than_its_answer(self) -> None:
        """A daemon that ends before its answer has left has stopped all the same."""
        self.control.answers["system.stop"] = Lost("closed")
        self.control.answers["system.status"] = self.answers({}, NotRunning("not here"))
        self.assertEqual(self.netd("stop").exit_code, 0)

    def test_lost_and_still_running(self) -> None:
        """A lost connection to a daemon that still runs, or may, is no success."""
        self.control.answers["system.stop"] = Lost("closed")
        for answer in ({}, OperationFailed("x", -32000)):
            self.control.answers["system.status"] = self.answers({}, answer)
            result = self.netd("stop")
            self.assertEqual((result.exit_code, result.stderr.splitlines()[1:]), (1, ["Error: closed"]))

    def test_nameless(self) -> None:
        """A daemon that cannot tell how it does is stopped all the same, and named by its place; a name drives no terminal."""
        for answer, name in ((OperationFailed("x", -32000), "the daemon"), ([], "the daemon"), ({"name": "\x1b[2J"}, "\\x1b[2J")):
            self.control.answers["system.status"] = answer
            self.assertEqual(
                self.netd("stop", "--state", "/there").stdout, f"netd has stopped: {name} (state directory /there)\n"
            )

    def test_elsewhere(self) -> None:
        """Behind a gateway the daemon is named by that, and by its context."""
        self.environ["XDG_CONFIG_HOME"] = self.mktemp()
        self.netd("context", "add", "far", "--url", "http://far:8080")
        self.netd("context", "use", "far")
        self.assertEqual(self.netd("stop").stdout, "netd has stopped: lab (at http://far:8080, context far)\n")

    def test_not_running(self) -> None:
        """Where no daemon runs, nothing is said to be stopping."""
        self.control.broken = NotRunning("not here")
        result = self.netd("stop")
        self.assertEqual((result.exit_code, result.stderr), (1, "Error: not here\n"))

    @staticmethod
    def answers(*script: Any) -> Callable[[], Any]:
        """Gives one after the other, and raises those that are errors."""
        left = list(script)

        def answer() -> Any:
            said = left.pop(0)
            if isinstance(said, ControlError):
                raise said
            return said

        return answer
