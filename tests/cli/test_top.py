"""Tests of :mod:`netd.cli.top` and :mod:`netd.cli.rates`: how much goes on in a second."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from netd.cli.rates import Look, compare, size_rate
from netd.cli.top import TopScreen
from netd.client.control import ControlTimeout, Lost, NoSuchOperation, NotPermitted
from netd.client.events import LATEST, Dropped, Event, Wish
from tests.cli.fakes import NOW, CommandTests, FakeControl, FakeEvents


def vitals(uptime: float, published: int = 0, dropped: int = 0, **others: Any) -> Event:
    """The vitals of a daemon."""
    told = {"time": NOW, "uptime": uptime, "published": published, "connections": 3, "dropped": dropped, "lag": 0.0123, **others}
    return Event("system.main.vitals", told, NOW, 1)


def status(uptime: float, *services: dict[str, Any]) -> dict[str, Any]:
    """The status of a daemon."""
    return {"name": "lab", "version": "1.0", "uptime": uptime, "services": list(services)}


def relay(bytes_in: int, messages: int = 0, instance: str = "main", **dropped: int) -> dict[str, Any]:
    """What the status says of a relay."""
    counters = {"bytes_in": bytes_in, "bytes_out": 0, "refused": {}, "dropped": dropped, "messages": messages}
    return {"kind": "relay", "instance": instance, "connections": 2, "counters": counters}


class RatesTests(SynchronousTestCase):
    def test_compare(self) -> None:
        """Rates are what was counted between two looks, by the time between them."""
        before = Look(vitals(10.0, 100, 5).data, status(10.0, relay(1000, 4)))
        after = Look(vitals(12.0, 300, 5).data, status(12.0, relay(5096, 8, queue=3), relay(7, instance="lab2")))
        whole, services = compare(before, after)
        self.assertEqual((whole["published_rate"], whole["dropped_rate"], whole["connections"]), (100.0, 0.0, 3))
        self.assertEqual([one.label for one in services], ["relay", "relay:lab2"])
        self.assertEqual(dict(services[0].rates), {"bytes_in": 2048.0, "dropped": 1.5, "messages": 2.0})
        self.assertEqual((services[0].dropped, services[1].dropped), (3, 0))

    def test_restart(self) -> None:
        """After a restart, or two looks at one moment, nothing is below zero or infinite."""
        for uptime in (1.0, 10.0, 20.0):
            before, after = (
                Look(vitals(10.0, 100).data, status(10.0, relay(9))),
                Look(vitals(uptime).data, status(uptime, relay(1))),
            )
            whole, services = compare(before, after)
            self.assertEqual((whole["published_rate"], dict(services[0].rates)), (0.0, {}))

    def test_sizes(self) -> None:
        """Bytes in a second are told in the unit that fits."""
        self.assertEqual(
            [size_rate(rate) for rate in (0, 1023, 1536, 3 << 20, 5 << 30)],
            ["0 B/s", "1023 B/s", "1.5 KiB/s", "3.0 MiB/s", "5.0 GiB/s"],
        )


class OnceTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        looks = iter((status(10.0, relay(1000)), status(11.0, relay(3048, 7))))
        self.control.answers["system.status"] = lambda: next(looks)
        self.events.script = [vitals(10.0, 100), Dropped(1, LATEST), vitals(11.0, 350)]

    def test_table(self) -> None:
        """Off a terminal one second is shown, as a table."""
        result = self.netd("top")
        self.assertEqual(result.exit_code, 0, result.output)
        who, headline, _, columns, row = result.stdout.splitlines()
        self.assertEqual(who, "netd 1.0 as lab, up 11 s")
        self.assertEqual(headline, "3 connections, 250 events/s, 0 dropped (0/s), lag 12 ms")
        self.assertEqual(columns.split()[:2], ["SERVICE", "CONNECTIONS"])
        self.assertEqual(row.split("  ")[0], "relay")
        self.assertIn("2.0 KiB/s", row)
        self.assertIn("messages 7/s", row)
        self.assertEqual(self.events.opened[0][1], Wish("system.main.vitals", policy=LATEST))

    def test_json(self) -> None:
        """A program gets the same as numbers."""
        shown = json.loads(self.netd("top", "--json").stdout)
        self.assertEqual((shown["name"], shown["published_rate"], shown["lag"], shown["connections"]), ("lab", 250.0, 0.0123, 3))
        self.assertEqual(
            shown["services"],
            [
                {
                    "kind": "relay",
                    "instance": "main",
                    "connections": 2,
                    "dropped": 0,
                    "rates": {"bytes_in": 2048.0, "messages": 7.0},
                }
            ],
        )

    def test_one_connection(self) -> None:
        """One is one."""
        self.events.script = [vitals(1.0, connections=1), vitals(2.0, connections=1)]
        self.assertIn("\n1 connection, ", self.netd("top").stdout)

    def test_errors(self) -> None:
        """No vitals in time is 124; a daemon that has none 3; a role that is too low 1; one that tells them otherwise 1."""
        scripts: list[tuple[list[Any], int, str]] = [
            ([None], 124, "did not tell how it does within 30 s"),
            ([NoSuchOperation("no operation 'bus.subscribe'", -32601)], 3, "no operation"),
            ([NotPermitted("not among the subjects", -32002)], 1, "not among"),
            ([Lost("lost")], 1, "lost"),
            ([vitals(1.0, published="x"), vitals(2.0)], 1, "update the older one"),
        ]
        for script, code, said in scripts:
            self.control.answers["system.status"] = status(1.0)
            self.events.script = script
            result = self.netd("top")
            self.assertEqual((result.exit_code, said in result.stderr), (code, True), result.output)

    def test_interrupted(self) -> None:
        """Ctrl-C is no failure."""
        self.events.script = []
        self.assertEqual(self.netd("top").exit_code, 0)


class ScreenTests(SynchronousTestCase):
    def follow(self, events: FakeEvents, control: FakeControl, ended_by: type[BaseException] = KeyboardInterrupt) -> str:
        """What the screen shows in the end."""
        out = io.StringIO()
        console = Console(file=out, width=110, height=20, legacy_windows=False, _environ={})
        with TopScreen(console) as screen:
            self.assertRaises(ended_by, screen.follow, control, events)
        return out.getvalue()

    def script(self, *script: Any) -> FakeEvents:
        """Vitals that come so."""
        events = FakeEvents()
        events.script = list(script)
        return events

    def control(self, *answers: Any) -> FakeControl:
        """A daemon whose status is one after the other."""
        control = FakeControl()
        told = iter(answers)

        def tell() -> Any:
            answer = next(told)
            if isinstance(answer, Exception):
                raise answer
            return answer

        act: Callable[[], Any] = tell
        control.answers["system.status"] = act
        return control

    def test_seconds(self) -> None:
        """The table is that of the last second; a daemon that has fallen silent, or cannot be asked, is told below it."""
        first, second = status(1.0, relay(0)), status(2.0, relay(4096))
        shown = self.follow(self.script(vitals(1.0), vitals(2.0, 50)), self.control(first, second))
        self.assertIn("50 events/s", shown)
        self.assertIn("4.0 KiB/s", shown)
        shown = self.follow(self.script(vitals(1.0), None), self.control(first))
        self.assertIn("netd is silent: what is shown is old", shown)
        shown = self.follow(self.script(vitals(1.0), vitals(2.0)), self.control(first, Lost("gone\x1b[2J")))
        self.assertIn("gone\\x1b[2J", shown)
        shown = self.follow(self.script(vitals(1.0), vitals(2.0), vitals(3.0)), self.control(first, Lost("gone"), second))
        self.assertNotIn("gone", shown)

    def test_ended(self) -> None:
        """What goes wrong at first, or is refused, ends the command."""
        self.follow(self.script(Lost("no")), self.control(), Lost)
        self.follow(self.script(vitals(1.0), vitals(2.0)), self.control(status(1.0), NotPermitted("no", -32002)), NotPermitted)
        self.follow(self.script(vitals(1.0)), self.control(ControlTimeout("late")), ControlTimeout)
