"""One client of the feed, as a machine: its messages go to the feed, and deliveries go out in the form of its dialect.

The table at the end of :class:`Subscriber` says which messages each dialect has; an absent pair is a protocol error.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, Protocol

from netd.codec.jsontext import encode
from netd.codec.websocket import text_frame
from netd.connection.fanout import Item
from netd.errors import NotPermitted, ProtocolError
from netd.feed.feed import Feed
from netd.feed.grammar import BadFeedRequest, BlockReport, Named, Remark, Said, Subscribe, encode_block, read_request, read_words
from netd.feed.reports import FeedClient
from netd.feed.results import SubscriberFacts
from netd.feed.rounds import Delivery, Form
from netd.feed.streams import FeedSource

__all__ = ["GREATEST_MESSAGE", "FeedDialect", "FeedOutlet", "FeedShell", "Subscriber"]

GREATEST_MESSAGE = 1 << 18
"""Bytes of samples in a block at most. A sample that does not fit any more begins the next block."""


class FeedDialect(enum.Enum):
    """The dialect of a client; of the second one, also whether the client has subscribed."""

    OLD = "first"
    GREETED = "second, not subscribed"
    SUBSCRIBED = "second"


class FeedOutlet(Protocol):
    """The peer of a client."""

    def send(self, item: bytes, key: Hashable = None) -> bool:
        """Write *item*. Items of the same *key* are written or dropped together."""

    def offer(self, block: bytes) -> bool:
        """Write *block* now. Return False, and write nothing, if it would have to wait."""

    def silence(self) -> float:
        """See :meth:`netd.interfaces.IPeer.silence`."""


class FeedShell(Protocol):
    """The shell of a client: the connection around it."""

    def refuse(self, kind: str, why: str, excerpt: bytes) -> None:
        """Count and log a breach of the protocol."""

    def enter(self, token: str | None) -> None:
        """Take the client's token, if there is one, and make sure that it may read the feed.

        :raises NotPermitted: if it may not.
        """

    def turn_away(self, why: str) -> None:
        """Close the connection of a client that may not read the feed."""

    def fail(self) -> None:
        """Log the exception that is being handled, which this client has raised, and cut the connection."""

    def note_remark(self, text: str) -> None:
        """Log a remark."""


SubscriberAction = Callable[["Subscriber", Any], None]


class Subscriber:
    """One connected client.

    :ivar address: its address.
    :ivar since: the time at which it connected, in seconds since the epoch.
    :ivar client: its entry in the ledger of reports; None before its first message.
    :ivar source: the source of its deliveries; None before it has subscribed.
    :ivar wanted: its request.
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
        """Its name, or its address if it has none."""
        return self.client.name if self.client is not None else self.address

    def start(self) -> None:
        """Begin: an old client gets deliveries from now on, a newer one is sent the offer."""
        if self.dialect is FeedDialect.OLD:
            self._feed.join(self)
        else:
            self._answer({"welcome": self._feed.describe_offer()})

    def receive(self, payload: bytes) -> None:
        """Take a message, which may be bytes that are no text."""
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
        except NotPermitted as error:
            self._shell.refuse(error.kind, str(error), b"")
            self._answer({"error": str(error), "denied": True})
            self._shell.turn_away(str(error))
        except ProtocolError as error:
            self._shell.refuse(error.kind, str(error), payload)
            self._answer({"error": str(error)})

    # What it gets

    def offer(self, block: bytes) -> bool:
        """See :class:`netd.connection.fanout.FanoutMember`."""
        return self._peer.offer(block)

    def fail(self) -> None:
        """See :class:`netd.connection.fanout.FanoutMember`."""
        self._shell.fail()

    def spill(self, items: Sequence[Item]) -> None:
        """See :class:`netd.connection.fanout.FanoutMember`. Items of one key are sent or dropped together."""
        for item, key in items:
            self._peer.send(item, key)

    def deliver(self, delivery: Delivery) -> None:
        """Send a round, or a message of the bus, in this client's form. It is sent or dropped as a whole."""
        if self.dialect is FeedDialect.OLD:
            self._peer.send(delivery.framed(self._feed.texts), delivery.seq)
        elif self._block == 1:
            self._peer.send(delivery.framed(Form(self.wanted.types)), delivery.seq)
        else:
            self._collect(delivery)

    def lost(self) -> None:
        """End the deliveries: the connection is gone."""
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
        self._shell.enter(said.token)
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

    def _do_remarked_early(self, said: Remark) -> None:
        self._shell.enter(None)
        self._do_remarked(said)

    def _known(self) -> FeedClient:
        return self.client if self.client is not None else self._be(self.address)

    def _be(self, name: str) -> FeedClient:
        """Use *name* from now on."""
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
        (FeedDialect.GREETED, Remark): (_do_remarked_early, FeedDialect.GREETED),
        (FeedDialect.SUBSCRIBED, Subscribe): (_do_subscribe, FeedDialect.SUBSCRIBED),
        (FeedDialect.SUBSCRIBED, BlockReport): (_do_reported, FeedDialect.SUBSCRIBED),
        (FeedDialect.SUBSCRIBED, Remark): (_do_remarked, FeedDialect.SUBSCRIBED),
    }
    """What is done with what a client says, and how it speaks afterwards."""
