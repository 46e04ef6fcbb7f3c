"""Events that are published one by one for other programs at NATS, such as those that come by its listeners for MQTT."""

from __future__ import annotations

from netd.cluster.nodes import Nodes
from netd.codec.jsontext import BadJSON, encode
from netd.interfaces import IBus, ISubscription
from netd.message import Message, Want

__all__ = ["Publishing"]


class Publishing:
    """Publishes the events of this node under *patterns*, as ``ev.<node>.<subject>``."""

    def __init__(self, nodes: Nodes, bus: IBus, patterns: tuple[str, ...]) -> None:
        self.patterns = patterns
        self._nodes = nodes
        self._bus = bus
        self._subscriptions: list[ISubscription] = []
        self._last: Message | None = None

    def start(self) -> None:
        """Publish from now on."""
        for pattern in self.patterns:
            self._subscriptions.append(self._bus.subscribe(pattern, self._take, Want.BATCH, is_local=True))

    def stop(self) -> None:
        """Publish nothing more."""
        for subscription in self._subscriptions:
            subscription.cancel()
        self._subscriptions.clear()

    def _take(self, message: Message) -> None:
        if message is self._last or message.origin or "@" in message.subject:
            return
        self._last = message
        subject = f"{self._nodes.root}.ev.{self._nodes.name}.{message.subject}"
        try:
            texts = [message.encoded(encode)] if message.batch is None else [encode(event) for event in message.batch]
        except BadJSON:
            return
        for text in texts:
            self._nodes.link.post(subject, text)
