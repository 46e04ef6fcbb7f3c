"""What a subscription to netd's bus gives, and how it goes on after a lost connection (gateway protocol, "Subscriptions").

Pure: text messages in, items out.  The blocking and the asyncio clients, over WebSocket or the control socket, share it.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from netd.client.control import BadAnswer, encode_request, read_answer

__all__ = ["DROP_OLDEST", "LATEST", "Dropped", "Event", "Gap", "Item", "Stream", "Wish"]

DROP_OLDEST, LATEST = "drop-oldest", "latest"


class Event(NamedTuple):
    """One event of the bus.

    :ivar data: any JSON value.
    :ivar time: when it was published, seconds since the epoch.
    :ivar seq: counts the events of the subscription from 1; None for one that was published before the daemon counted.
    """

    subject: str
    data: Any
    time: float
    seq: int | None


class Gap(NamedTuple):
    """Events that were published while there was no connection, and are gone for good; some between the two may have been kept.

    :ivar first: the ``seq`` of the first of them.
    :ivar last: that of the last; None where nobody knows, because netd was restarted or had no listener for long.
    """

    first: int
    last: int | None


class Dropped(NamedTuple):
    """Events that netd let go, because this program read too slowly.

    :ivar events: how many since the last time that this was told.
    :ivar policy: by which policy.
    """

    events: int
    policy: str


Item = Event | Gap | Dropped
"""What iterating over a subscription gives."""


class Wish(NamedTuple):
    """What is asked of netd; it checks each of these.

    :ivar pattern: of subjects: ``*`` is one token, a final ``>`` the rest.
    :ivar every: seconds (0.01 to 3600): at most one event of a subject in that time, its newest. None: every event.
    :ivar replay: up to so many (0 to 1000) of the newest events of each subject come first.
    :ivar policy: what waits for a slow reader: ``"drop-oldest"``, or ``"latest"``, only the newest event of each subject.
    """

    pattern: str
    every: float | None = None
    replay: int = 0
    policy: str = DROP_OLDEST


class Stream:
    """One subscription over one connection after the other.

    :ivar is_live: whether the connection of now has been subscribed.
    """

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.is_live = False
        self._epoch = ""
        self._seq = 0
        self._request = 0

    def open(self) -> bytes:
        """What is said first on a new connection: a request, without its line end.

        :raises ValueError: when the wish cannot be said in JSON.
        """
        self.is_live = False
        self._request += 1
        params: dict[str, Any] = {"pattern": self.wish.pattern, "policy": self.wish.policy}
        if self.wish.every is not None:
            params["every"] = self.wish.every
        if self.wish.replay:
            params["replay"] = self.wish.replay
        if self._epoch:
            params["since"] = f"{self._epoch}:{self._seq}"  # what is missed comes instead of the replay, if netd still has it
        return encode_request(self._request, "bus.subscribe", params)[:-1]

    def receive(self, text: bytes) -> Item | None:
        """What *text*, one message, tells; None for nothing that the user must know.

        :raises netd.client.control.RemoteError: when netd refuses the subscription.
        :raises netd.client.control.BadAnswer: when *text* is nothing that netd says.
        """
        message = _read(text)
        if "method" not in message:
            is_answer, result = read_answer(text, self._request)
            return self._subscribed(result) if is_answer else None
        params = message.get("params")
        if not isinstance(params, dict) or params.get("pattern") != self.wish.pattern:
            return None
        try:
            return self._told(message["method"], params)
        except (KeyError, TypeError, ValueError):
            raise BadAnswer(f"what netd says is not as documented: {text[:200]!r}") from None

    def _told(self, method: str, params: dict[str, Any]) -> Item | None:
        if method == "event":
            seq = None if params["seq"] is None else int(params["seq"])
            if seq is not None:
                self._seq = max(self._seq, seq)
            return Event(str(params["subject"]), params["data"], float(params["time"]), seq)
        if method == "dropped":
            return Dropped(int(params["count"]), str(params["policy"]))
        return None

    def _subscribed(self, result: Any) -> Gap | None:
        try:
            epoch, _, offset = result["position"].rpartition(":")
            at, gap, recovered = int(offset), result["gap"], result["recovered"]
            missed = None if gap is None else Gap(int(gap["from"]), None if gap["to"] is None else int(gap["to"]))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise BadAnswer(f"the answer to bus.subscribe is not as documented: {result!r:.200}") from None
        self.is_live = True
        if not recovered:  # otherwise those come now, and count
            self._epoch, self._seq = epoch, at
        return missed


def _read(text: bytes) -> dict[str, Any]:
    try:
        message = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise BadAnswer(f"not a message of JSON-RPC 2.0: {text[:100]!r}")
    return message
