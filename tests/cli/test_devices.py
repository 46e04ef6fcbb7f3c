"""Tests of :mod:`netd.cli.devices`."""

from __future__ import annotations

import json
import re
from typing import Any

from netd.cli.relay import RelayPlace
from netd.client.relay import DeviceInfo, NotConnected
from netd.plaintext import short_address
from tests.cli.fakes import NOW, TABLE, CommandTests, operation, page

GREENHOUSE = {
    "name": "greenhouse",
    "address": "('127.0.0.1', 50412)",
    "online": True,
    "generation": 7,
    "since": NOW - 60,
    "last_seen": NOW - 1,
    "aliases": ["gh"],
    "answers": True,
}
AWAY = {**GREENHOUSE, "name": "", "address": "('::1', 5)", "online": False, "last_seen": NOW - 3}


def rows(text: str) -> list[list[str]]:
    """The cells of a table."""
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines()]


class DevicesTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["relay.devices"] = page([GREENHOUSE, AWAY])

    def test_table(self) -> None:
        """Who is there and who is not, each address in a spelling to be copied."""
        self.assertEqual(
            rows(self.netd("devices").stdout),
            [
                ["NAME", "ADDRESS", "STATE"],
                ["greenhouse", "127.0.0.1:50412", "online"],
                ["-", "('::1', 5)", "away, last seen 3 s ago"],
            ],
        )

    def test_several_relays(self) -> None:
        """The devices of all relays are in one list that says which relay each is at."""
        self.control.answers["system.operations"] = [operation("relay.devices", instances=["lab2", "main"])]
        self.control.answers["relay.devices"] = lambda instance, limit: page([{**GREENHOUSE, "name": f"at-{instance}"}])
        table = rows(self.netd("devices").stdout)
        self.assertEqual([(row[0], row[-1]) for row in table], [("NAME", "RELAY"), ("at-lab2", "lab2"), ("at-main", "main")])

    def test_cluster(self) -> None:
        """In a cluster, one call a page has the devices of all nodes; those of a node that cannot be reached are not known."""
        self.control.answers["system.operations"] = [
            operation("relay.devices", instances=["main", "main@B"]),
            operation("cluster.devices", instances=["main"]),
        ]
        away = {**GREENHOUSE, "name": "oven", "node": "B", "instance": "main", "online": None, "as_of": NOW - 5}
        self.control.answers["cluster.devices"] = page([{**GREENHOUSE, "node": "A", "instance": "main"}, away])
        table = rows(self.netd("devices").stdout)
        self.assertEqual(["NAME", "ADDRESS", "STATE", "NODE"], table[0])
        self.assertEqual([("online", "A"), ("not known since 5 s ago", "B")], [tuple(row[-2:]) for row in table[1:]])
        self.control.answers["cluster.devices"] = page([away])
        self.assertEqual("B", rows(self.netd("devices").stdout)[1][-1], "of whatever node, though there is only one")
        self.assertNotIn("relay.devices", [method for method, _ in self.control.calls])

    def test_no_node(self) -> None:
        """A device of the relay itself has no node in the list of a relay that lists those of other nodes, too."""
        self.control.answers["system.operations"] = [operation("cluster.devices", instances=["main"])]
        self.control.answers["cluster.devices"] = page([{**GREENHOUSE, "node": None}, {**GREENHOUSE, "node": "B"}])
        self.assertEqual(["NODE", "-", "B"], [row[-1] for row in rows(self.netd("devices").stdout)])

    def test_json(self) -> None:
        """Scripts get all that is known of each device, and its relay."""
        told = json.loads(self.netd("devices", "--json").stdout)
        self.assertEqual([one["address"] for one in told], [short_address(one["address"]) for one in (GREENHOUSE, AWAY)])
        whole = [{**one, "address": own["address"]} for one, own in zip(told, (GREENHOUSE, AWAY), strict=True)]
        self.assertEqual(whole, [{**GREENHOUSE, "instance": "main"}, {**AWAY, "instance": "main"}])

    def test_many(self) -> None:
        """The list is whole, however many pages it takes."""
        pages = {None: page([GREENHOUSE], "0:7:greenhouse"), "0:7:greenhouse": page([AWAY])}
        self.control.answers["relay.devices"] = lambda instance, limit, after=None: pages[after]
        self.assertEqual(["greenhouse", "-"], [row[0] for row in rows(self.netd("devices").stdout)[1:]])

    def test_none(self) -> None:
        """An empty list says that it is empty; a script reads an empty list."""
        self.control.answers["relay.devices"] = page([])
        self.assertEqual(self.netd("devices").stdout, "no devices\n")
        self.assertEqual(json.loads(self.netd("devices", "--json").stdout), [])

    def test_no_relay(self) -> None:
        """Without a relay there are no devices, and the remedy is said."""
        self.control.answers["system.operations"] = TABLE[2:]
        result = self.netd("devices")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("[relay]", result.stderr)

    def test_hostile_name(self) -> None:
        """A device cannot clear the screen, recolour the table or forge a row by its name."""
        self.control.answers["relay.devices"] = page([{**GREENHOUSE, "name": "\x1b[2J[red]x[/red]:smile:\nroot  1.2.3.4:5"}])
        result = self.netd("devices")
        self.assertNotIn("\x1b", result.stdout)
        self.assertEqual(len(result.stdout.splitlines()), 2)
        self.assertIn("\\x1b[2J[red]x[/red]:smile:\\nroot", result.stdout)
        self.assertNotIn("\x1b", self.netd("devices", "--json").stdout)

    def test_wide_off_a_terminal(self) -> None:
        """In a pipe each device is one line, however long its name."""
        self.control.answers["relay.devices"] = page([{**GREENHOUSE, "name": "n" * 300}])
        self.assertIn("n" * 300, self.netd("devices").stdout)

    def test_colour(self) -> None:
        """Colour is for terminals: none in a pipe, none with NO_COLOR."""
        self.assertNotIn("\x1b[", self.netd("devices").stdout)
        terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "200"}
        self.assertIn("\x1b[32monline", self.netd("devices", env={**terminal, "NO_COLOR": None}).stdout)
        self.assertNotIn("\x1b[32m", self.netd("devices", env={**terminal, "NO_COLOR": "1"}).stdout)

    def test_unknown_last_seen(self) -> None:
        """A device that is away since nobody knows when is just away."""
        facts: dict[str, Any] = {"online": False, "last_seen": None, "generation": None}
        self.control.answers["relay.devices"] = page([{**AWAY, **facts}])
        self.assertEqual(rows(self.netd("devices").stdout)[1], ["-", "('::1', 5)", "away"])


class ServerTests(CommandTests):
    def test_table(self) -> None:
        """--server asks a relay itself, without any daemon here; an old one does not tell who is online."""
        self.controller.listed = [DeviceInfo(None, "('10.0.0.5', 7)"), DeviceInfo("gh", "('10.0.0.5', 8)", True, 2)]
        result = self.netd("devices", "--server", "lab:5051")
        self.assertEqual(self.controller.place, RelayPlace("lab", 5051))
        self.assertEqual(rows(result.stdout)[1:], [["-", "10.0.0.5:7", "not told"], ["gh", "10.0.0.5:8", "online"]])
        self.assertEqual(self.control.opened, [])
        self.assertGreater(self.controller.closed, 0)

    def test_json(self) -> None:
        """Scripts get what that relay tells."""
        self.controller.listed = [DeviceInfo("gh", "('10.0.0.5', 8)", aliases=("g",))]
        (told,) = json.loads(self.netd("devices", "--server", "lab", "--json").stdout)
        self.assertEqual((told["name"], told["aliases"], told["online"]), ("gh", ["g"], None))

    def test_unreachable(self) -> None:
        """A relay that cannot be reached is one clear line."""
        self.controller.outcome = NotConnected("cannot reach the relay at lab:5050")
        result = self.netd("devices", "--server", "lab")
        self.assertEqual((result.exit_code, result.stderr), (1, "Error: cannot reach the relay at lab:5050\n"))
