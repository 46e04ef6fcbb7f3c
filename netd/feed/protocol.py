"""The feed's shell: a WebSocket connection around a subscriber."""

from __future__ import annotations

from collections.abc import Mapping

from netd.codec.websocket import CloseCode
from netd.connection.bounds import Bounds, Policy
from netd.connection.peer import PeerContext
from netd.connection.protocol import describe_address
from netd.connection.websocket_protocol import WebSocketFactory, WebSocketProtocol
from netd.connection.websocket_session import WebSocketPeer
from netd.feed.feed import Feed
from netd.feed.grammar import SUBPROTOCOL, bearer_token
from netd.feed.machine import Subscriber
from netd.feed.rules import FeedRules
from netd.principal import ANONYMOUS, Action, Kind, Role, check

__all__ = ["FeedFactory", "FeedProtocol"]

FROM_FILE = ("null", "file://")
"""What browsers call the origin of a page that was opened from a file: made-up values are for everyone."""

SEND_BUFFER = 1 << 16
"""Bytes: what a slow client gets late is at most this old, and the rest it does not get at all."""

RECEIVE_BUFFER = 1 << 16
"""Bytes: clients say little, and one that floods is told to wait by its own operating system, not by netd's."""

READ = Action("feed.read", Role.VIEWER, frozenset({Kind.FEED}), is_open=True)
"""To have what a feed delivers."""

EXCERPT = 120
"""Characters of a remark that a log line shows."""


class FeedProtocol(WebSocketProtocol):
    """One connection of the feed."""

    send_buffer = SEND_BUFFER
    receive_buffer = RECEIVE_BUFFER
    machine = (*WebSocketProtocol.machine, "subscriber")
    factory: FeedFactory
    subscriber: Subscriber | None = None

    def make_peer(self) -> WebSocketPeer:
        self.bounds = self.factory.bounds  # type: ignore[misc]  # the same for all connections of a factory, but not of a class
        return super().make_peer()

    def check_entry(self, headers: Mapping[str, str], subprotocol: str | None) -> None:
        token = bearer_token(headers.get("authorization"))
        # A client of the second dialect may show its token in the subscription: browsers cannot send that header.
        if token is not None or not (self.peer.principal is ANONYMOUS and subprotocol == SUBPROTOCOL):
            self.enter(token)

    def enter(self, token: str | None) -> None:
        """Take the *token* of a client, if there is one, and make sure that the client may read the feed.

        :raises NotPermitted: if it may not.
        """
        if token is not None:
            self.prove(token, Kind.FEED, Kind.USER)
        check(self.peer.principal, READ, f"{self.factory.feed.prefix}.>")

    def is_greeted(self) -> bool:
        return self.peer.principal is not ANONYMOUS

    def turn_away(self, why: str) -> None:
        """Close the connection of a client that may not read the feed."""
        self.peer.close(why, CloseCode.POLICY)

    def websocket_opened(self) -> None:
        """Start the subscriber, in the dialect that was agreed on."""
        address = describe_address(self.transport.getPeer())
        self.subscriber = Subscriber(self.factory.feed, self.peer, address, self, self.subprotocol == SUBPROTOCOL)
        self.factory.subscribers[self.subscriber] = None
        self.subscriber.start()

    def message(self, payload: bytes, is_binary: bool) -> None:
        """Pass the message to the subscriber, which does not distinguish text from binary."""
        assert self.subscriber is not None
        self.subscriber.receive(payload)

    def websocket_closed(self) -> None:
        """Tell the subscriber."""
        if self.subscriber is not None:
            del self.factory.subscribers[self.subscriber]
            self.subscriber.lost()

    def fail(self) -> None:
        """Log the exception that is being handled, and cut the connection."""
        self._log.failure("{service}: {who} could not be told", service=self.factory.name, who=self.describe())
        self.peer.abort("a fault of netd's own")

    def note_remark(self, text: str) -> None:
        """Log (limited) what a client said that means nothing to the feed."""
        skipped = self.admit_line("remark", most=1)
        if skipped is not None:
            self._log.info(
                "{service}: {who} said {text!r} ({skipped} more remarks were not logged)",
                service=self.factory.name,
                who=self.describe(),
                text=text[:EXCERPT],
                skipped=skipped,
            )

    def describe(self) -> str:
        """Its name, if it has said one, and its address."""
        client = self.subscriber.client if self.subscriber is not None else None
        address = super().describe()
        return address if client is None or client.name == address else f"{client.name!a} at {address}"


class FeedFactory(WebSocketFactory):
    """Makes the connections of one feed.

    :ivar bounds: the bounds of the outboxes of further clients.
    :ivar subscribers: the subscribers, in the order of their handshakes.
    """

    connection = FeedProtocol
    subprotocols = (SUBPROTOCOL,)

    def __init__(self, name: str, context: PeerContext, rules: FeedRules, feed: Feed) -> None:
        super().__init__(name, context, rules)
        self.feed = feed
        self.subscribers: dict[Subscriber, None] = {}

    def follow(self, rules: FeedRules) -> None:  # type: ignore[override]  # a feed has further options
        super().follow(rules)
        if rules.pattern is None:
            self.origins += FROM_FILE
        self.handshake_timeout = rules.handshake_timeout
        self.bounds = Bounds(Policy.ROUND, rules.backlog)
