"""Tests of ``netd.feed.machine``: what a client's connection is told of it. What clients see is in ``test_service``."""

from __future__ import annotations

from collections.abc import Hashable

from twisted.trial.unittest import SynchronousTestCase

from netd.feed.config import Config
from netd.feed.machine import Subscriber
from netd.kinds import ServiceKind
from netd.testing import wired


class Line:
    """A connection that takes everything and was heard 42 s ago; also the shell of its client."""

    def __init__(self) -> None:
        self.refused: list[tuple[str, str, bytes]] = []

    def send(self, item: bytes, key: Hashable = None) -> bool:
        """From the client."""
        return True

    offer = send

    def silence(self) -> float:
        """From the client."""
        return 42.0

    def refuse(self, kind: str, why: str, excerpt: bytes) -> None:
        """From the client."""
        self.refused.append((kind, why, excerpt))

    def fail(self) -> None:
        """Not in these tests."""
        raise AssertionError("the client failed")

    def note_remark(self, text: str) -> None:
        """From the client."""


class SubscriberTests(SynchronousTestCase):
    def setUp(self) -> None:
        _, self.factory, _, self.bus = wired(ServiceKind("feed", "netd.feed"), Config(locales=("en_US",)))
        self.line = Line()

    def connect(self, is_newer: bool) -> Subscriber:
        """A client that has connected."""
        subscriber = Subscriber(self.factory.feed, self.line, "10.0.0.9:50412", self.line, is_newer)
        subscriber.start()
        return subscriber

    def test_lost(self) -> None:
        """A client whose connection broke was seen last when it was heard last."""
        subscriber = self.connect(is_newer=False)
        subscriber.receive(b"Connected with client-1")
        subscriber.lost()
        assert subscriber.client is not None
        self.assertEqual(subscriber.client.last_seen, self.bus.wall() - 42.0)

    def test_refusals(self) -> None:
        """The log gets the kind, the words and what was said."""
        subscriber = self.connect(is_newer=True)
        said = b'{"report": {"block": 1, "seconds": 1}}'
        subscriber.receive(said)
        why = 'say what you want first: {"subscribe": {}} takes everything'
        self.assertEqual(self.line.refused, [("bad request", why, said)])
        subscriber.lost()
