"""Tests of :mod:`netd.cli.control`: draining and stopping."""

from __future__ import annotations

import json

from netd.client.control import ControlTimeout, Lost, NotRunning, OperationFailed
from tests.cli.fakes import CommandTests


class DrainTests(CommandTests):
    def test_drain(self) -> None:
        """``netd drain`` says what the daemon does from now on."""
        self.control.answers["system.drain"] = {"status": "draining"}
        self.assertEqual(self.netd("drain").stdout, "netd accepts no more connections; those that are open go on\n")
        self.assertEqual(json.loads(self.netd("drain", "--json").stdout), {"status": "draining"})


class StopTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["system.stop"] = {"status": "stopping"}

    def test_stop(self) -> None:
        """``netd stop`` returns when the daemon has ended, not before."""
        result = self.netd("stop")
        self.assertEqual((result.exit_code, result.stdout), (0, "netd has stopped\n"))
        self.assertTrue(self.control.waited)
        self.assertEqual(json.loads(self.netd("stop", "--json").stdout), {"status": "stopped"})

    def test_slow(self) -> None:
        """A daemon that does not end in time is exit code 124."""
        self.control.closing = ControlTimeout("netd has not stopped within 30 s")
        result = self.netd("stop")
        self.assertEqual((result.exit_code, result.stderr), (124, "Error: netd has not stopped within 30 s\n"))

    def test_quicker_than_its_answer(self) -> None:
        """A daemon that ends before its answer has left has stopped all the same."""
        self.control.answers["system.stop"] = Lost("closed")
        self.control.answers["system.status"] = NotRunning("not here")
        self.assertEqual(self.netd("stop").exit_code, 0)

    def test_lost_and_still_running(self) -> None:
        """A lost connection to a daemon that still runs, or may, is no success."""
        self.control.answers["system.stop"] = Lost("closed")
        for answer in ({}, OperationFailed("x", -32000)):
            self.control.answers["system.status"] = answer
            result = self.netd("stop")
            self.assertEqual((result.exit_code, result.stderr), (1, "Error: closed\n"))
