"""Descriptors: as many as the system grants, and some of them kept back."""

from __future__ import annotations

import os
import resource

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.budget import UNLIMITED, Budget
from netd.descriptors import KEPT_BACK, MOST, DescriptorsService, raise_limit


class DescriptorTests(SynchronousTestCase):
    def setUp(self) -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        self.hard = before[1]
        self.budget = Budget(Clock().seconds)

    def allow(self, soft: int) -> None:
        """A process that may have *soft* descriptors now."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, self.hard))

    def test_raised(self) -> None:
        """A daemon that was started with the usual 1,024 descriptors takes what the system grants, within reason."""
        self.allow(1024)
        granted = MOST if self.hard == resource.RLIM_INFINITY else min(self.hard, MOST)
        self.assertEqual((raise_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0]), (granted, granted))

    def test_never_lowered(self) -> None:
        """What it was given already, it keeps."""
        before = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if before == resource.RLIM_INFINITY:
            before = 2 * MOST
        self.allow(before)
        self.assertEqual(raise_limit(), before)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE)[0], before)

    def test_wanted(self) -> None:
        """A number that the configuration names is asked for, below what the system allows."""
        service = DescriptorsService(self.budget, 500)
        self.assertEqual((500, 500), (service.measure(), resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
        service.wanted = None
        self.assertGreater(service.measure(), 500)

    def test_too_many_wanted(self) -> None:
        """More than the system allows is told, with what to write into the unit, and netd goes on with what there is."""
        asked: list[int] = []

        def refuse(_what: int, limits: tuple[int, int]) -> None:
            asked.append(limits[0])
            raise ValueError

        self.patch(resource, "setrlimit", refuse)
        self.patch(resource, "getrlimit", lambda _what: (300, 400))
        with capturedLogs() as events:
            self.assertEqual(300, DescriptorsService(self.budget, 500).measure())
        self.assertEqual([500, 400], asked)
        self.assertIn("write LimitNOFILE=500 into the unit", formatEvent(events[0]))

    def test_kept_back(self) -> None:
        """The budget learns how many connections there can be: those that are in use, and some more, are kept back."""
        service = DescriptorsService(self.budget)
        service.startService()
        self.assertLess(self.budget.limit, raise_limit() - KEPT_BACK)
        self.assertGreater(self.budget.limit, 100)
        service.stopService()

    def test_measured_again(self) -> None:
        """After a reload the descriptors of its ports are kept back as well; those of connections are the connections' own."""
        service = DescriptorsService(self.budget)
        service.measure()
        before = self.budget.limit
        ports = [os.dup(0) for _ in range(40)]
        for port in ports:
            self.addCleanup(os.close, port)
        service.measure()
        self.assertEqual(self.budget.limit, before - 40)
        share = self.budget.share(UNLIMITED)
        for _ in range(40):
            share.admit("10.0.0.1", None)
        service.measure()
        self.assertEqual(self.budget.limit, before)
