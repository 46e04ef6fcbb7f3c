"""The way from this node to the others, as the parts of the cluster see it: a connection to a NATS server, made by ``link``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zope.interface import Attribute, Interface

from netd.errors import NetdError
from netd.interfaces import ISubscription

__all__ = ["ILink", "LinkLost", "NoAnswer", "NobodyThere"]


class NobodyThere(NetdError):
    """Nobody subscribes to the subject of a request: the NATS server says so at once, and nothing was handed over."""


class LinkLost(NetdError):
    """There is no connection to a NATS server, or it ended before the answer came.

    :ivar was_sent: whether the request may have left; False if it certainly has not.
    """

    def __init__(self, message: str, was_sent: bool) -> None:
        super().__init__(message)
        self.was_sent = was_sent


class NoAnswer(NetdError):
    """No answer to a request came in time. The request may have been carried out."""


class ILink(Interface):
    """The way to the other nodes: one connection to one NATS server at a time. Subjects are whole subjects of NATS."""

    is_up: bool = Attribute("True while there is a connection.")
    server: str = Attribute("URL of the server of that connection; empty without one.")

    def post(subject: str, body: bytes) -> None:
        """Send in order. For events: while NATS is away or slow, the newest are kept within the option ``queue``.

        The oldest are dropped and counted. What a lost connection may have lost is sent again on the next one, and so may arrive
        twice.
        """

    def send(subject: str, body: bytes, reply: str = "") -> bool:
        """Send now, on this connection, and never again. For hello, calls, messages to devices and their outcomes.

        :returns: False when there is no connection, too much waits for it, or the server takes nothing as long: nothing was sent,
            and nothing will be.
        """

    def request(subject: str, body: bytes, seconds: float) -> Any:
        """Send once, as :meth:`send` does. Return a Deferred of the answer's body.

        It fails with :class:`NobodyThere`, :class:`LinkLost` or :class:`NoAnswer`.
        """

    def subscribe(pattern: str, receive: Callable[[str, bytes, str], Any]) -> ISubscription:
        """Call ``receive(subject, body, reply)`` for each message until the subscription is cancelled.

        The subscription is made on each connection anew. *reply* is empty when the sender expects no answer. Messages that this
        node sends itself do not come back.
        """

    def flush(seconds: float) -> Any:
        """Return a Deferred that fires when the server has answered a PING: it has all that was sent before.

        It fails with :class:`LinkLost`.
        """

    def release() -> None:
        """Send what is posted, from now on.

        After a lost connection, posts wait for some seconds: the other nodes have lost theirs as well, and what is sent before
        they are back reaches nobody. To be called as soon as all are.
        """

    def watch(came_up: Callable[[], Any], went_down: Callable[[str], Any]) -> None:
        """Call ``came_up()`` after each connection, with all subscriptions made, and ``went_down(reason)`` at its end."""
