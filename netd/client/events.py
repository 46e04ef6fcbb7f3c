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
    :ivar fold: instead of the newest number of a subject alone, an event tells all of *every* seconds: its ``data`` is
        ``{"time", "value", "min", "max", "count"}``, with the newest as ``value``. Events that are no numbers stay as they are.
    :ivar together: netd sends the events of a moment in one message, at a fraction of the bytes. The events are the same.
    """

    pattern: str
    every: float | None = None
    replay: int = 0
    policy: str = DROP_OLDEST
    fold: bool = False
    together: bool = False


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
        self._subjects: list[str] = []

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
        if self.wish.fold:
            params["fold"] = True
        if self.wish.together:
            params["together"] = True
        if self._epoch:
            params["since"] = f"{self._epoch}:{self._seq}"  # what is missed comes instead of the replay, if netd still has it
        return encode_request(self._request, "bus.subscribe", params)[:-1]

    def receive(self, text: bytes) -> list[Item]:
        """What *text*, one message, tells; empty for nothing that the user must know.

        :raises netd.client.control.RemoteError: when netd refuses the subscription.
        :raises netd.client.control.BadAnswer: when *text* is nothing that netd says.
        """
        message = _read(text)
        if "method" not in message:
            is_answer, result = read_answer(text, self._request)
            gap = self._subscribed(result) if is_answer else None
            return [] if gap is None else [gap]
        params = message.get("params")
        if not isinstance(params, dict) or params.get("pattern") != self.wish.pattern:
            return []
        try:
            return self._told(message["method"], params)
        except (IndexError, KeyError, TypeError, ValueError):
            raise BadAnswer(f"what netd says is not as documented: {text[:200]!r}") from None

    def _told(self, method: str, params: dict[str, Any]) -> list[Item]:
        if method == "dropped":
            return [Dropped(int(params["count"]), str(params["policy"]))]
        if method not in {"event", "events"}:
            return []
        seq = None if params["seq"] is None else int(params["seq"])
        events: list[Item]
        if method == "event":
            events = [Event(str(params["subject"]), params["data"], float(params["time"]), seq)]
        else:
            self._subjects += [str(name) for name in params.get("subjects", ())]
            items = params["items"]
            first = None if seq is None else seq - len(items) + 1
            events = [self._event(item, None if first is None else first + at) for at, item in enumerate(items)]
        if seq is not None:
            self._seq = max(self._seq, seq)
        return events

    def _event(self, item: list[Any], seq: int | None) -> Event:
        """The event that *item* of a message tells."""
        place, time, data, *rest = item
        subject = place if isinstance(place, str) else self._subjects[place]
        if self.wish.fold and isinstance(data, int | float) and not isinstance(data, bool):
            low, high, count = rest or (data, data, 1)
            data = {"time": time, "value": data, "min": low, "max": high, "count": count}
        return Event(subject, data, float(time), seq)

    def _subscribed(self, result: Any) -> Gap | None:
        try:
            epoch, _, offset = result["position"].rpartition(":")
            at, gap, recovered = int(offset), result["gap"], result["recovered"]
            subjects = [str(name) for name in result.get("subjects", ())]
            missed = None if gap is None else Gap(int(gap["from"]), None if gap["to"] is None else int(gap["to"]))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise BadAnswer(f"the answer to bus.subscribe is not as documented: {result!r:.200}") from None
        self.is_live = True
        self._subjects = subjects
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
