"""Tests of ``netd.console.reach``: what principals that are confined to some subjects are shown of the operations."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from netd.console.reach import instances_for
from netd.operations import Operation
from netd.principal import Principal, Role
from netd.testing import make_caller


def confined(*subjects: str, role: Role = Role.OPERATOR) -> Principal:
    """One that is confined to *subjects*."""
    return make_caller(role, subjects).principal


def operation(name: str, checks_subjects: bool, role: Role = Role.VIEWER) -> Operation:
    """An operation without arguments."""
    return Operation(name, lambda: None, role, "Do", checks_subjects=checks_subjects)


class InstancesTests(SynchronousTestCase):
    def check(self, expected: tuple[str, ...], who: Principal, asked: Operation) -> None:
        """Of the instances ``main`` and ``lab2``, those that are left."""
        self.assertEqual(instances_for(who, asked, ("lab2", "main")), expected)

    def test_not_confined(self) -> None:
        """Who is not confined is shown all, those of higher roles too: it may ask for a better token."""
        self.check(("lab2", "main"), make_caller(Role.VIEWER).principal, operation("relay.disconnect", False, Role.ADMIN))

    def test_whole_service(self) -> None:
        """An operation that does not look itself takes all subjects of its instance."""
        asked = operation("relay.disconnect", False)
        self.check(("lab2", "main"), confined("relay.>"), asked)
        self.check(("lab2",), confined("relay.lab2.>"), asked)
        self.check((), confined("relay.main.sent.panel", "feed.>"), asked)

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
            self.check(expected, confined(*subjects), asked)

    def test_about_all_services(self) -> None:
        """What is about all services is open to all: it is cut to what they may see."""
        asked = Operation("bus.subscribe", lambda: None, Role.VIEWER, "Follow", spans_services=True)
        self.check(("lab2", "main"), confined("feed.>"), asked)
        self.check((), confined("feed.>"), operation("system.drain", False))

    def test_noun_of_another_name(self) -> None:
        """Under whatever noun an operation is offered, it is the service's subjects that count."""
        for checks_subjects in (False, True):
            asked = evolve(operation("history.flush", checks_subjects), kind="recorder")
            self.check(("lab2",), confined("recorder.lab2.>"), asked)
            self.check((), confined("history.>"), asked)

    def test_role(self) -> None:
        """What takes a higher role is not shown to who is confined: there is nothing to be done about it."""
        self.check((), confined("relay.>", role=Role.VIEWER), operation("relay.send", True, Role.OPERATOR))
