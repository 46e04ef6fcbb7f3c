"""Tests of ``netd.console.reach``: what callers who are confined to some subjects may see."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.console.reach import check_reach, instances_for, may_see
from netd.errors import NotPermitted
from netd.operations import Caller, Operation, Role


def caller(*subjects: str, role: Role = Role.OPERATOR) -> Caller:
    """One who is confined to *subjects*."""
    return Caller("test", role, subjects)


def operation(name: str, checks_subjects: bool, role: Role = Role.VIEWER) -> Operation:
    """An operation without arguments."""
    return Operation(name, lambda: None, role, "Do", checks_subjects=checks_subjects)


class SeeingTests(SynchronousTestCase):
    def test_subjects(self) -> None:
        """A caller sees what one of its patterns covers as a whole; one who is confined to nothing sees all."""
        self.assertTrue(may_see(caller("feed.>", "relay.*.sent.panel"), "relay.main.sent.panel"))
        self.assertFalse(may_see(caller("relay.main.sent.panel"), "relay.main.>"))
        self.assertFalse(may_see(caller(), "relay.main.sent.panel"))
        self.assertTrue(may_see(Caller("test", Role.VIEWER), ">"))

    def test_refusal(self) -> None:
        """A refusal says what was asked for, and what the token is for."""
        check_reach(caller("relay.>"), "relay.main.sent.panel")
        why = str(self.assertRaises(NotPermitted, check_reach, caller("feed.>", "room.>"), "relay.main.sent.panel"))
        self.assertEqual(why, "relay.main.sent.panel is not among the subjects of this token: feed.>, room.>")


class InstancesTests(SynchronousTestCase):
    def check(self, expected: tuple[str, ...], who: Caller, asked: Operation) -> None:
        """Of the instances ``main`` and ``lab2``, those that are left."""
        self.assertEqual(instances_for(who, asked, ("lab2", "main")), expected)

    def test_not_confined(self) -> None:
        """Who is not confined is shown all, those of higher roles too: it may ask for a better token."""
        self.check(("lab2", "main"), Caller("test", Role.VIEWER), operation("relay.disconnect", False, Role.ADMIN))

    def test_whole_service(self) -> None:
        """An operation that does not look itself takes all subjects of its instance."""
        asked = operation("relay.disconnect", False)
        self.check(("lab2", "main"), caller("relay.>"), asked)
        self.check(("lab2",), caller("relay.lab2.>"), asked)
        self.check((), caller("relay.main.sent.panel", "feed.>"), asked)

    def test_some_of_it(self) -> None:
        """One that looks itself is there wherever something can be seen."""
        asked = operation("relay.send", True)
        for subjects, expected in (
            (("relay.main.sent.panel",), ("main",)),
            (("feed.>", "relay.*.sent.panel"), ("lab2", "main")),
            (("*.lab2.>",), ("lab2",)),
            ((">",), ("lab2", "main")),
            (("relay.>",), ("lab2", "main")),
            (("relay.main",), ()),
            (("feed.>",), ()),
            ((), ()),
        ):
            self.check(expected, caller(*subjects), asked)

    def test_the_daemons_own(self) -> None:
        """What the daemon itself tells is open to all: it is cut to what they may see."""
        self.check(("lab2", "main"), caller("feed.>"), operation("bus.subscribe", True))
        self.check((), caller("feed.>"), operation("system.drain", False))

    def test_role(self) -> None:
        """What takes a higher role is not shown to who is confined: there is nothing to be done about it."""
        self.check((), caller("relay.>", role=Role.VIEWER), operation("relay.send", True, Role.OPERATOR))
