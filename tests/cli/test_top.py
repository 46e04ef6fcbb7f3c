"""Tests of :mod:`netd.cli.top` and :mod:`netd.cli.rates`: how much goes on in a second."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from netd.cli.rates import Course, compare, count_rate, size_rate
from netd.cli.top import TopScreen
from netd.client.control import ControlError, ControlTimeout, Lost, NoSuchOperation, NotPermitted
from tests.cli.fakes import CommandTests, FakeControl


def status(uptime: float, *services: dict[str, Any], published: int = 0, **others: Any) -> dict[str, Any]:
    """The status of a daemon."""
    facts = {"name": "lab", "version": "1.0", "uptime": uptime, "published": published, "lag": 0.0123}
    return {**facts, "services": list(services), **others}


def relay(bytes_in: int, messages: int = 0, instance: str = "main", **dropped: int) -> dict[str, Any]:
    """What the status says of a relay."""
    counters = {"bytes_in": bytes_in, "bytes_out": 0, "refused": {}, "dropped": dropped, "messages": messages}
    return {"kind": "relay", "instance": instance, "connections": 2, "counters": counters}


def answers(*script: Any) -> Callable[[], Any]:
    """Gives one after the other, raises those that are errors; then Ctrl-C is pressed."""
    left = list(script)

    def answer() -> Any:
        said = left.pop(0) if left else KeyboardInterrupt()
        if isinstance(said, BaseException):
            raise said
        return said

    return answer


class RatesTests(SynchronousTestCase):
    def test_compare(self) -> None:
        """Rates are what was counted between two looks, by netd's own time between them."""
        before = status(10.0, relay(1000, 4, queue=1), published=100)
        after = status(12.0, relay(5096, 8, queue=4), relay(7, instance="lab2"), published=300)
        whole, services = compare(before, after)
        self.assertEqual((whole["published_rate"], whole["dropped_rate"], whole["connections"]), (100.0, 1.5, 4))
        self.assertEqual([one.label for one in services], ["relay", "relay:lab2"])
        self.assertEqual(dict(services[0].rates), {"bytes_in": 2048.0, "dropped": 1.5, "messages": 2.0})
        self.assertEqual((services[0].dropped, services[1].dropped, whole["dropped"]), (4, 0, 4))

    def test_restart(self) -> None:
        """After a restart, or two looks at one moment, nothing is below zero or infinite."""
        for uptime in (1.0, 10.0, 20.0):
            whole, services = compare(status(10.0, relay(9), published=100), status(uptime, relay(1)))
            self.assertEqual((whole["published_rate"], dict(services[0].rates)), (0.0, {}))

    def test_forgotten(self) -> None:
        """After a restart the rates begin anew with the daemon, and are not those of both."""
        course = Course()
        for uptime, messages in ((100.0, 500), (1.0, 600), (2.0, 610)):
            course.add(status(uptime, relay(0, messages)))
        told = course.told()
        assert told is not None
        self.assertEqual(dict(told[1][0].rates), {"messages": 10.0})

    @given(st.floats(1.0, 1.1), st.floats(0.0, 1.0), st.floats(1.0, 1.05))
    def test_steady(self, step: float, phase: float, between: float) -> None:
        """Ten a second are about ten in every look, also where netd counts them but once in a second or so."""
        course = Course()
        for look in range(60):
            uptime = 5.0 + look * between
            course.add(status(uptime, relay(0, round(10 * step * ((uptime + phase) // step)))))
            told = course.told()
            if told is not None and look >= 10:
                self.assertLessEqual(abs(told[1][0].rates["messages"] - 10), 1.2)

    def test_late_looks(self) -> None:
        """Looks that come far apart are compared all the same; what is older than the window is forgotten."""
        course = Course()
        self.assertIsNone(course.told())
        for uptime, messages in ((10.0, 0), (60.0, 500), (110.0, 600)):
            course.add(status(uptime, relay(0, messages)))
        told = course.told()
        assert told is not None
        self.assertEqual(dict(told[1][0].rates), {"messages": 2.0})

    def test_digits(self) -> None:
        """Rates have the digits that are known, bytes the unit that fits."""
        self.assertEqual(
            [count_rate(rate) for rate in (0, 0.1, 2, 4.94, 9.36, 11.9, 999.7, 1234.5, 1_234_567)],
            ["0/s", "0.1/s", "2/s", "4.9/s", "9/s", "12/s", "1,000/s", "1,230/s", "1,230,000/s"],
        )
        self.assertEqual(
            [size_rate(rate) for rate in (0, 1023, 1536, 3 << 20, 5 << 30)],
            ["0 B/s", "1023 B/s", "1.5 KiB/s", "3.0 MiB/s", "5.0 GiB/s"],
        )


class OnceTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        looks = (status(10.0, relay(1000), published=100), status(15.0, relay(11240, 35), published=1350))
        self.control.answers["system.status"] = answers(*looks)

    def test_table(self) -> None:
        """Off a terminal five seconds are shown, as a table."""
        result = self.netd("top")
        self.assertEqual(result.exit_code, 0, result.output)
        who, headline, _, columns, row = result.stdout.splitlines()
        self.assertEqual(who, "netd 1.0 as lab, up 15 s")
        self.assertEqual(headline, "2 connections, 250 events/s, 0 dropped (0/s), lag 12 ms")
        self.assertEqual(columns.split()[:2], ["SERVICE", "CONNECTIONS"])
        self.assertEqual(row.split("  ")[0], "relay")
        self.assertIn("2.0 KiB/s", row)
        self.assertIn("messages 7/s", row)
        self.assertEqual(self.naps, [5.0])

    def test_json(self) -> None:
        """A program gets the same as numbers."""
        shown = json.loads(self.netd("top", "--json").stdout)
        self.assertEqual((shown["name"], shown["published_rate"], shown["lag"], shown["connections"]), ("lab", 250.0, 0.0123, 2))
        rates = {"bytes_in": 2048.0, "messages": 7.0}
        self.assertEqual(
            shown["services"], [{"kind": "relay", "instance": "main", "connections": 2, "dropped": 0, "rates": rates}]
        )

    def test_restarted(self) -> None:
        """A daemon that is started anew meanwhile is looked at once more, instead of being told as standing still."""
        looks = (status(50.0, relay(0, 9)), status(1.0, relay(0, 3)), status(6.0, relay(0, 13)))
        self.control.answers["system.status"] = answers(*looks)
        self.assertEqual(json.loads(self.netd("top", "--json").stdout)["services"][0]["rates"], {"messages": 2.0})

    def test_one_connection(self) -> None:
        """One is one."""
        service = {**relay(0), "connections": 1}
        self.control.answers["system.status"] = answers(status(1.0, service), status(2.0, service))
        self.assertIn("\n1 connection, ", self.netd("top").stdout)

    def test_confined(self) -> None:
        """A token that is confined to some subjects may see the services that it may see: only the status is asked for."""
        self.assertEqual(self.netd("top").exit_code, 0)
        self.assertEqual({method for method, _ in self.control.calls}, {"system.status"})
        self.assertEqual(self.events.opened, [])

    def test_errors(self) -> None:
        """No answer in time is 124; a daemon that has no status 3; a role that is too low 1; one that tells it otherwise 1."""
        scripts: list[tuple[Any, int, str]] = [
            (ControlTimeout("netd did not answer"), 124, "did not answer"),
            (NoSuchOperation("no operation 'system.status'", -32601), 3, "no operation"),
            (NotPermitted("needs the role viewer", -32002), 1, "role viewer"),
            (Lost("lost"), 1, "lost"),
            (status(2.0, published="x"), 1, "update the older one"),  # type: ignore[arg-type]
            ([], 1, "update the older one"),
        ]
        for answer, code, said in scripts:
            self.control.answers["system.status"] = answers(status(1.0), answer)
            result = self.netd("top")
            self.assertEqual((result.exit_code, said in result.stderr), (code, True), result.output)

    def test_interrupted(self) -> None:
        """Ctrl-C is no failure."""
        self.control.answers["system.status"] = answers()
        self.assertEqual(self.netd("top").exit_code, 0)


class ScreenTests(SynchronousTestCase):
    def follow(self, *script: Any, ended_by: type[BaseException] = KeyboardInterrupt) -> str:
        """What the screen has shown in the end, of a daemon that answers so."""
        control, naps = FakeControl(), list[float]()
        control.answers["system.status"] = answers(*script)
        out = io.StringIO()
        console = Console(file=out, width=110, height=20, legacy_windows=False, _environ={})
        with TopScreen(console) as screen:
            self.assertRaises(ended_by, screen.follow, control, naps.append)
        self.assertLessEqual(set(naps), {1.0})
        return out.getvalue()

    def test_seconds(self) -> None:
        """The table is that of the last seconds; a daemon that cannot be asked is told below it, until it can."""
        first, second = status(1.0, relay(0)), status(2.0, relay(4096), published=50)
        shown = self.follow(first, second)
        self.assertIn("50 events/s", shown)
        self.assertIn("4.0 KiB/s", shown)
        shown = self.follow(first, second, Lost("gone\x1b[2J"))
        self.assertIn("what is shown is old: gone\\x1b[2J", shown)
        self.assertNotIn("gone", self.follow(first, Lost("gone"), second))

    def test_ended(self) -> None:
        """What goes wrong at first, or is refused, ends the command."""
        errors: tuple[ControlError, ...] = (Lost("no"), ControlTimeout("late"))
        for error in errors:
            self.follow(error, ended_by=type(error))
        self.follow(status(1.0), NotPermitted("no", -32002), ended_by=NotPermitted)
