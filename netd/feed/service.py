"""Assembly of one feed: Faker, its streams, its listeners, its operations."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

from faker import Factory as Faker
from twisted.internet.defer import Deferred
from zope.interface import implementer

from netd.config import section_name
from netd.connection.shares import TurnShare, own_share
from netd.errors import NetdError
from netd.feed.config import FAKER, Config
from netd.feed.events import BlockReported, ClientRemarked, RoundMade
from netd.feed.feed import Feed
from netd.feed.generator import Generator
from netd.feed.locales import objection
from netd.feed.protocol import READ, FeedFactory
from netd.feed.reports import ReportLedger
from netd.feed.results import ClientFacts, FeedServiceStatus, SubscriberFacts
from netd.feed.rounds import TYPES
from netd.feed.streams import FeedStream, FeedSurroundings
from netd.feed.window import Window
from netd.interfaces import IActing, IBus, INetdService, IPublisher, IStateful, IStatePart, ITurnShare
from netd.listening import ListeningService, make_context
from netd.message import EventKind
from netd.operations import Operation, Role
from netd.principal import Action

__all__ = ["FeedService", "NoSuchLocale", "make_service"]


class NoSuchLocale(NetdError):
    """Faker does not know a locale of the configuration; the text names it, and those that are like it."""


def _fakers(section: str, locale: str) -> dict[str, Any]:
    """Only names show that some of their parts are rare, and weighing all choices makes everything four times as slow."""
    why = objection(locale)
    if why:
        raise NoSuchLocale(f"[{section}] locales: {why}")
    weighted, plain = Faker.create(locale), Faker.create(locale, use_weighting=False)
    return {kind: weighted if kind == "name" else plain for kind in TYPES}


DELIVERING = 0.01
"""Seconds of a turn for deliveries to many clients, at most."""


def make_service(config: Config, reactor: Any, bus: IBus) -> FeedService:
    """Build the feed of one ``[feed]`` section."""
    name = section_name("feed", config.instance)
    context = make_context(reactor, config.stall_timeout, config.dead_timeout)
    share = own_share(reactor, "feed", DELIVERING)
    feed = Feed(
        config,
        bus,
        f"feed.{config.instance}",
        FeedSurroundings(reactor.seconds, bus.wall, reactor.callLater, context.turn.after, share.start),
        ReportLedger(bus.wall),
        {locale: Generator(partial(_fakers, name, locale), Random) for locale in config.locales}
        if config.pattern is None
        else {},
    )
    factory = FeedFactory(name, context, config, feed)
    return FeedService(config, factory, share, reactor)


@implementer(IActing, INetdService, IPublisher, IStateful)
class FeedService(ListeningService):
    """One feed."""

    def __init__(self, config: Config, factory: FeedFactory, share: TurnShare, reactor: Any) -> None:
        super().__init__(config, factory, reactor)
        self._clients = factory
        self._feed = factory.feed
        self._share = share

    def turn_shares(self) -> list[ITurnShare]:
        """Its shares for what clients send, and for deliveries."""
        return [*super().turn_shares(), self._share]

    def use_state(self, part: IStatePart) -> None:
        """See :class:`netd.interfaces.IStateful`."""
        self._feed.ledger.load(part)

    def privilegedStartService(self) -> None:
        """Prepare what makes the values, then listen.

        :raises NoSuchLocale: when Faker lacks one of the section's locales.
        """
        self._feed.prepare()
        super().privilegedStartService()

    def startService(self) -> None:
        """Listen, where that was not done with privileges already, and begin to deliver."""
        self._feed.prepare()
        super().startService()
        self._feed.start()

    def stopService(self) -> Deferred[None]:
        """Deliver nothing more, say goodbye to all clients, and wait for them."""
        self._feed.stop()
        self._share.stop()
        return super().stopService()

    def follow(self, config: Config) -> None:
        """Go by *config*: rounds for all come at its interval, newcomers get its values."""
        super().follow(config)
        self._feed.follow(config)
        self._clients.follow(config)

    def operations(self) -> list[Operation]:
        """What consoles can do with a feed."""
        return [
            Operation(
                "feed.reports", self.reports, Role.VIEWER, "Show what clients have reported: blocks, seconds, rate, remarks"
            ),
            Operation(
                "feed.subscribers", self.subscribers, Role.VIEWER, "List the clients that are connected, and what they get"
            ),
        ]

    def actions(self) -> list[Action]:
        """See :class:`netd.interfaces.IActing`."""
        return [READ]

    def events(self) -> list[EventKind]:
        """See :class:`netd.interfaces.IPublisher`."""
        return [
            EventKind(f"feed.{self.instance}.round", RoundMade),
            EventKind(f"feed.{self.instance}.report", BlockReported),
            EventKind(f"feed.{self.instance}.remark", ClientRemarked),
        ]

    def status(self) -> FeedServiceStatus:
        """Facts about this feed."""
        common = self._feed.common
        return FeedServiceStatus(
            kind="feed",
            instance=self.instance,
            listening=self.listening(),
            connections=len(self._clients.connections),
            subscribers=len(self._clients.subscribers),
            source=FAKER if isinstance(common, FeedStream) else common.pattern,
            streams=len(self._feed.streams),
            counters={**self._clients.counters(), "blocks": self._feed.ledger.blocks, **_counters(common)},
        )

    def reports(self) -> list[ClientFacts]:
        """What clients have said, in the order of their first words."""
        return [client.describe() for client in self._feed.ledger]

    def subscribers(self) -> list[SubscriberFacts]:
        """Who is connected, in the order of connecting."""
        return [subscriber.describe() for subscriber in self._clients.subscribers]


def _counters(common: FeedStream | Window) -> dict[str, int]:
    if isinstance(common, FeedStream):
        return {"rounds": common.seq, "late": common.late}
    return {"messages": common.seq, "unfit": common.unfit, "late": common.late}
