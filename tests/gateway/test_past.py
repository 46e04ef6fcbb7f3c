"""Tests of ``netd.gateway.past``: how the gateway asks the recorder."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from netd.gateway.past import AT_ONCE, PAGE
from netd.operations import Caller, Operation, Role
from netd.recorder.results import HistoryPage, PastSamples
from tests.gateway.visits import GatewayTestCase, get


class QuestionTests(GatewayTestCase):
    """A recorder that answers when the test says so."""

    def own_operations(self) -> list[Operation]:
        self.asked: list[Deferred[HistoryPage]] = []
        self.limits: set[int] = set()

        def read(
            _caller: Caller, pattern: Any = ">", begin: Any = 0, end: Any = 0, after: str | None = None, limit: int = 0
        ) -> Deferred[HistoryPage]:
            self.limits.add(limit)
            self.asked.append(Deferred())
            return self.asked[-1]

        return [Operation("history.read", read, Role.VIEWER, "Read", checks_subjects=True, spans_services=True, kind="recorder")]

    def answer(self, after: str | None) -> None:
        """Answer all questions that were asked so far."""
        asked, self.asked = self.asked, []
        for one in asked:
            one.callback(HistoryPage([PastSamples("custom.x", "", [1.0], [2.0], None)], after, []))
        self.reactor.advance(0)

    def test_many_downloads(self) -> None:
        """Few questions wait in the recorder, whose queue is everybody's: the other downloads wait their turn."""
        connections = [self.visit() for _ in range(3 * AT_ONCE)]
        heard = [connection.say(get("/history.csv")) for connection in connections]
        self.assertEqual(len(self.asked), AT_ONCE)
        pages = 0
        while self.asked:
            self.assertLessEqual(len(self.asked), AT_ONCE)
            pages += len(self.asked)
            self.answer("next" if pages <= len(connections) else None)
        heard = [had + connection.heard() for had, connection in zip(heard, connections, strict=True)]
        self.assertEqual(pages, 2 * len(connections))
        self.assertTrue(all(one.startswith(b"HTTP/1.1 200 ") and one.endswith(b"0\r\n\r\n") for one in heard))
        self.assertEqual(self.limits, {PAGE})
