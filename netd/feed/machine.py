"""One client of the feed, as a machine: what it says goes to the feed, what is delivered goes out in the form of its dialect.

What may be said in which dialect is a table; an absent pair is the protocol error.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, Protocol

from netd.codec.jsontext import encode
from netd.codec.websocket import text_frame
from netd.connection.fanout import Item
from netd.errors import ProtocolError
from netd.feed.feed import Feed
from netd.feed.grammar import BadFeedRequest, BlockReport, Named, Remark, Said, Subscribe, encode_block, read_request, read_words
from netd.feed.reports import FeedClient
from netd.feed.results import SubscriberFacts
from netd.feed.rounds import Delivery, Form
from netd.feed.streams import FeedSource

__all__ = ["GREATEST_MESSAGE", "FeedDialect", "FeedOutlet", "FeedShell", "Subscriber"]

GREATEST_MESSAGE = 1 << 18
"""Bytes of samples in a block: one more that does not fit ends it early."""


class FeedDialect(enum.Enum):
    """How a client speaks, and whether it has said yet what it wants."""

    OLD = "first"
    GREETED = "second, not subscribed"
    SUBSCRIBED = "second"


class FeedOutlet(Protocol):
    """All that a client needs of its peer."""

    def send(self, item: bytes, key: Hashable = None) -> bool:
        """Write; what has the same *key* stays together or is lost together."""

    def offer(self, block: bytes) -> bool:
        """Write now; False when it would have to wait, and was not taken."""

    def silence(self) -> float:
        """See :meth:`netd.interfaces.IPeer.silence`."""


class FeedShell(Protocol):
    """What a client tells the connection around it."""

    def refuse(self, kind: str, why: str, excerpt: bytes) -> None:
        """The protocol was broken; for log and counters."""

    def fail(self) -> None:
        """An exception is being handled that this client raised: log it, and give the connection up."""

    def note_remark(self, text: str) -> None:
        """Something was said that means nothing to the feed; for the log."""


SubscriberAction = Callable[["Subscriber", Any], None]


class Subscriber:
    """One connected client.

    :ivar address: where it connects from.
    :ivar since: when, in seconds since the epoch.
    :ivar client: its entry among the reports, once it has said anything.
    :ivar source: what it is delivered; None before it has subscribed.
    :ivar wanted: what it has asked for.
    """

    __slots__ = (
        "_block",
        "_block_started",
        "_blocks",
        "_feed",
        "_kept",
        "_kept_size",
        "_peer",
        "_shell",
        "address",
        "client",
        "dialect",
        "since",
        "source",
        "wanted",
    )

    def __init__(self, feed: Feed, peer: FeedOutlet, address: str, shell: FeedShell, is_newer: bool) -> None:
        self._feed = feed
        self._peer = peer
        self._shell = shell
        self._kept: list[bytes] = []
        self._kept_size = 0
        self._block = 1
        self._blocks = 0
        self._block_started = 0.0
        self.address = address
        self.since = feed.bus.wall()
        self.client: FeedClient | None = None
        self.source: FeedSource | None = None
        self.wanted = Subscribe()
        self.dialect = FeedDialect.GREETED if is_newer else FeedDialect.OLD

    @property
    def label(self) -> str:
        """What people call it."""
        return self.client.name if self.client is not None else self.address

    def start(self) -> None:
        """The connection is a WebSocket: an old client is delivered to from now on, a newer one is told what there is."""
        if self.dialect is FeedDialect.OLD:
            self._feed.join(self)
        else:
            self._answer({"welcome": self._feed.describe_offer()})

    def receive(self, payload: bytes) -> None:
        """The client said something; *payload* may be bytes that are no text."""
        try:
            said = (
                read_words(payload.decode(errors="backslashreplace"))
                if self.dialect is FeedDialect.OLD
                else read_request(payload)
            )
            transition = self.TRANSITIONS.get((self.dialect, type(said)))
            if transition is None:
                raise BadFeedRequest('say what you want first: {"subscribe": {}} takes everything')
            action, dialect = transition
            action(self, said)
            self.dialect = dialect
        except ProtocolError as error:
            self._shell.refuse(error.kind, str(error), payload)
            self._answer({"error": str(error)})

    # What it gets

    def offer(self, block: bytes) -> bool:
        """Send what all of the same form get; False when it would have to wait, and was not taken."""
        return self._peer.offer(block)

    def fail(self) -> None:
        """See :class:`netd.connection.fanout.FanoutMember`."""
        self._shell.fail()

    def spill(self, items: Sequence[Item]) -> None:
        """Keep *items* until they can be sent; each whole, or not at all."""
        for item, key in items:
            self._peer.send(item, key)

    def deliver(self, delivery: Delivery) -> None:
        """Send a round, or a message of the bus, in this client's form; whole, or not at all."""
        if self.dialect is FeedDialect.OLD:
            self._peer.send(delivery.framed(self._feed.texts), delivery.seq)
        elif self._block == 1:
            self._peer.send(delivery.framed(Form(self.wanted.types)), delivery.seq)
        else:
            self._collect(delivery)

    def lost(self) -> None:
        """The connection is gone."""
        self._feed.leave(self)
        if self.client is not None:
            self._feed.ledger.close(self.client, self._peer.silence())

    def describe(self) -> SubscriberFacts:
        """Facts about it."""
        return SubscriberFacts(
            client=self.label,
            address=self.address,
            dialect=self.dialect.value,
            since=self.since,
            types=list(self.wanted.types),
            block=self._block,
            locale=self.wanted.locale,
            seed=self.wanted.seed,
            interval=self._feed.interval_of(self.source),
        )

    def _collect(self, delivery: Delivery) -> None:
        for sample in delivery.samples(self.wanted.types):
            if self._kept and self._kept_size + len(sample) > GREATEST_MESSAGE:
                self._send_block(delivery)
            self._kept.append(sample)
            self._kept_size += len(sample)
            if len(self._kept) == self._block:
                self._send_block(delivery)

    def _send_block(self, delivery: Delivery) -> None:
        kept, self._kept = self._kept, []
        self._kept_size = 0
        self._blocks += 1
        started, self._block_started = self._block_started, self._feed.surroundings.monotonic()
        block = encode_block(self._blocks, self._block_started - started, kept)
        self._peer.send(text_frame(block), object())

    def _answer(self, answer: dict[str, Any]) -> None:
        self._peer.send(text_frame(encode(answer)), object())

    # What clients say

    def _do_named(self, said: Named) -> None:
        self._be(said.name)

    def _do_subscribe(self, said: Subscribe) -> None:
        wanted = self._feed.subscribe(self, said)
        if said.name:
            self._be(said.name)
        self.wanted = wanted
        self._block = wanted.block
        self._blocks = 0
        self._kept = []
        self._kept_size = 0
        self._block_started = self._feed.surroundings.monotonic()
        self.dialect = FeedDialect.SUBSCRIBED
        self._answer({"subscribed": self.describe()})

    def _do_reported(self, said: BlockReport) -> None:
        if said.name:
            self._be(said.name)
        self._feed.reported(self._known(), said.block, said.seconds)

    def _do_remarked(self, said: Remark) -> None:
        self._feed.remarked(self._known(), said.text)
        self._shell.note_remark(said.text)

    def _known(self) -> FeedClient:
        return self.client if self.client is not None else self._be(self.address)

    def _be(self, name: str) -> FeedClient:
        """Go by *name* from now on."""
        before = self.client
        if before is None or before.name != name:
            self.client = self._feed.ledger.open(name, self.address)
            if before is not None:
                self._feed.ledger.close(before)
        assert self.client is not None
        return self.client

    TRANSITIONS: ClassVar[dict[tuple[FeedDialect, type[Said]], tuple[SubscriberAction, FeedDialect]]] = {
        (FeedDialect.OLD, Named): (_do_named, FeedDialect.OLD),
        (FeedDialect.OLD, BlockReport): (_do_reported, FeedDialect.OLD),
        (FeedDialect.OLD, Remark): (_do_remarked, FeedDialect.OLD),
        (FeedDialect.GREETED, Subscribe): (_do_subscribe, FeedDialect.SUBSCRIBED),
        (FeedDialect.GREETED, Remark): (_do_remarked, FeedDialect.GREETED),
        (FeedDialect.SUBSCRIBED, Subscribe): (_do_subscribe, FeedDialect.SUBSCRIBED),
        (FeedDialect.SUBSCRIBED, BlockReport): (_do_reported, FeedDialect.SUBSCRIBED),
        (FeedDialect.SUBSCRIBED, Remark): (_do_remarked, FeedDialect.SUBSCRIBED),
    }
    """What is done with what a client says, and how it speaks afterwards."""
