"""The list of the devices of all nodes."""

from __future__ import annotations

from typing import Any

from netd.cluster.listing import ClusterDeviceList
from netd.operations import Role
from netd.testing import make_caller
from tests.cluster.relays import CONSOLE, RelayNode, RelayNodesBench


class ListingTests(RelayNodesBench):
    def listed(self, at: RelayNode, caller: Any = CONSOLE, **arguments: Any) -> ClusterDeviceList:
        """A page of the list, as the node *at* shows it."""
        [operation] = at.devices.operations()
        told: list[Any] = []
        listed: Any = operation.function(caller=caller, **arguments)
        listed.addCallback(told.append)
        self.wait()
        [page] = told
        assert isinstance(page, ClusterDeviceList)
        return page

    def test_same_everywhere(self) -> None:
        """Each node shows the same rows in the same order, its own among them, page by page."""
        for number in range(6):
            (self.a, self.b)[number % 2].device(f"d{number}")
        self.b.device("away").lose()
        self.wait()
        whole = self.listed(self.a)
        self.assertEqual(whole, self.listed(self.b))
        self.assertEqual([("d0", "A"), ("d1", "B")], [(row.name, row.node) for row in whole.rows[:2]])
        self.assertEqual(({"online": 6, "away": 1}, 7, None), (whole.counts, whole.matching, whole.after))
        rows, after = [], None
        for _ in range(4):
            page = self.listed(self.b if after else self.a, limit=2, after=after)
            rows += page.rows
            after = page.after
        self.assertEqual((whole.rows, None), (rows, after))

    def test_found(self) -> None:
        """The list is searched, and narrowed to a state and a node."""
        self.a.device("oven")
        self.b.device("greenhouse", aliases=["glass"])
        self.b.device("lamp").lose()
        self.wait()
        for arguments, names in (
            ({"contains": "glass"}, ["greenhouse"]),
            ({"state": "away"}, ["lamp"]),
            ({"node": "B"}, ["greenhouse", "lamp"]),
            ({"node": "A"}, ["oven"]),
            ({"node": "Z"}, []),
            ({"newest": True, "node": "B"}, ["lamp", "greenhouse"]),
        ):
            self.assertEqual(names, [row.name for row in self.listed(self.a, **arguments).rows], arguments)

    def test_moved(self) -> None:
        """A device that has moved is listed once, where it was last."""
        old = self.a.device("greenhouse")
        self.wait()
        self.b.device("greenhouse")
        self.wait()
        old.lose()
        for node in (self.a, self.b):
            [row] = self.listed(node).rows
            self.assertEqual(("B", True), (row.node, row.online))
        self.b.device("lamp").lose()
        self.wait()
        self.a.device("lamp").lose()
        self.wait()
        for node in (self.a, self.b):
            [row] = self.listed(node, state="away").rows
            self.assertEqual("A", row.node)

    def test_met(self) -> None:
        """A name that two nodes have is listed once for each."""
        self.a.device("greenhouse"), self.b.device("greenhouse", host="10.9.9.9")
        self.wait()
        self.assertEqual(["A", "B"], [row.node for row in self.listed(self.a).rows])

    def test_unreachable(self) -> None:
        """Nothing is said about devices of a node that cannot be reached, but since when that is so."""
        self.b.device("greenhouse")
        self.wait()
        self.a.link.go_down()
        lost = self.a.wall()
        [row] = self.listed(self.a).rows
        self.assertIsNone(row.online)
        self.assertEqual(lost, row.as_of)
        self.assertEqual({"unknown": 1}, self.listed(self.a).counts)

    def test_confined(self) -> None:
        """A token sees the devices that its subjects cover, of its own node and others."""
        self.a.device("oven")
        self.wait()
        self.b.device("lamp")
        self.wait()
        for pattern, names in (("relay.main.>", ["oven"]), ("relay.main@B.>", ["lamp"]), ("relay.>", ["oven", "lamp"])):
            caller = make_caller(Role.VIEWER, (pattern,))
            self.assertEqual(names, [row.name for row in self.listed(self.a, caller).rows])
