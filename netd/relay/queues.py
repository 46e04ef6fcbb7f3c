"""The offline queues: messages that are kept for named devices while these are away, in memory and on the disk.

A sender is told that its message is kept once that is on the disk. The entry is removed when the operating system has taken the
message for the device, or the sender has been told that it was lost. A daemon that is killed between the two delivers the message
once more after its restart: at least once, not at most once.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from netd.interfaces import Cancellable, IStateTable
from netd.relay.devices import DeviceName, Devices
from netd.relay.requests import RelayRequest, RequestInput, RequestOutcome
from netd.relay.rules import RelayRules

__all__ = ["OfflineQueues"]

QUEUE_ITEMS = 1000
"""Messages that are kept for one absent device, at most."""

QUEUES_SIZE = 1 << 26
"""Bytes that are kept for all absent devices together, at most."""

Follow = Callable[[DeviceName, bytes, str, float], Callable[[RequestOutcome], None]]
"""Returns what takes the outcomes of a message, from its device, payload, sender, and the seconds since it was sent."""

MOST_LOADED = 100_000
"""Messages that a restart finds again, at most."""


class OfflineQueues:
    """The queues of one relay.

    :param wall: the wall clock: a message that outlives the process expires by it.
    :param monotonic: the clock of deadlines.
    :param later: calls after so many seconds; returns something to cancel.
    :param expired: called when a message has expired.
    :ivar size: bytes of all messages.
    :ivar messages: the number of messages.
    """

    def __init__(
        self,
        wall: Callable[[], float],
        monotonic: Callable[[], float],
        later: Callable[[float, Callable[[], Any]], Cancellable],
        expired: Callable[[], object],
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._later = later
        self._expired = expired
        self.size = 0
        self.messages = 0
        self._table: IStateTable | None = None
        self._keys = count(1)
        self._began = 0

    def keep(self, rules: RelayRules, name: DeviceName, request: RelayRequest, seconds: float | None) -> bool:
        """Put *request* into the queue of *name* for so many seconds, at most ``queue_for``.

        The request is told that it is kept when it is on the disk. When the disk refuses, it is told that it is lost.

        :returns: False when there is no queue, or no room in it.
        """
        if rules.queue_for is None or seconds is None or not self._has_room(rules, name, request):
            return False
        lasts = min(seconds, rules.queue_for)
        self._add(name, request, lasts)
        if self._table is None:
            request.step(RequestInput.KEPT)
            return True
        key = f"{self._began}-{next(self._keys)}"
        request.release = partial(self._table.drop, key)
        stored = self._table.put(key, _entry(name, request, self._wall(), lasts))
        stored.addCallbacks(lambda _: request.step(RequestInput.KEPT), partial(self._refused, name, request))
        return True

    def take(self, name: DeviceName) -> list[RelayRequest]:
        """Empty the queue of *name*, and return the messages that were in it."""
        queue = name.queue[:]
        name.queue.clear()  # the list is shared with the entries that this name had before
        self.messages -= len(queue)
        for request in queue:
            self.size -= len(request.payload)
        return queue

    def load(
        self,
        table: IStateTable,
        rules: RelayRules,
        devices: Devices,
        next_id: Callable[[], int],
        follow: Follow,
        settled: Counter[str],
    ) -> None:
        """Put the messages that an earlier run has kept into the queues of *devices*. Those that have expired are dropped.

        :param follow: returns what takes the outcomes of a message: whoever sent it is gone, and may want to look it up.
        :param settled: counts the messages by their last status.
        """
        self._table, self._began = table, int(self._wall() * 1e6)
        for key, entry in table.load(MOST_LOADED):
            name, request, left = self._restored(entry, devices, next_id, follow, settled)
            if name is None or request is None or left <= 0 or not self._has_room(rules, name, request):
                table.drop(key)
                continue
            request.release = partial(table.drop, key)
            self._add(name, request, left)
            request.step(RequestInput.KEPT)

    def start_clock(self, request: RelayRequest, seconds: float, name: DeviceName | None = None) -> None:
        """Let *request* expire after so many seconds.

        :param name: the device in whose queue it is.
        """
        if request.clock is not None:
            request.clock.cancel()
        request.clock = self._later(seconds, partial(self._expire, request, name))

    def _has_room(self, rules: RelayRules, name: DeviceName, request: RelayRequest) -> bool:
        size = len(request.payload)
        waiting = sum(len(other.payload) for other in name.queue) + size
        return waiting <= rules.queue_size and len(name.queue) < QUEUE_ITEMS and self.size + size <= QUEUES_SIZE

    def _add(self, name: DeviceName, request: RelayRequest, seconds: float) -> None:
        self.size += len(request.payload)
        self.messages += 1
        name.queue.append(request)
        self.start_clock(request, seconds, name)

    def _refused(self, name: DeviceName, request: RelayRequest, failure: Any) -> None:
        if request in name.queue:  # otherwise the device has come, and has got it
            self._remove(name, request)
            request.step(RequestInput.LOST, error=f"the device is away, and the message cannot be kept: {failure.value}")

    def _expire(self, request: RelayRequest, name: DeviceName | None) -> None:
        self._expired()
        if name is not None:
            self._remove(name, request)
        request.step(RequestInput.EXPIRED, error="the deadline passed")

    def _remove(self, name: DeviceName, request: RelayRequest) -> None:
        self.size -= len(request.payload)
        self.messages -= 1
        name.queue.remove(request)

    def _restored(
        self, entry: Any, devices: Devices, next_id: Callable[[], int], follow: Follow, settled: Counter[str]
    ) -> tuple[DeviceName | None, RelayRequest | None, float]:
        """Return the device of an entry, its message, and the seconds that it has left."""
        try:
            left = float(entry["until"]) - self._wall()
            expires_at = self._monotonic() + left if entry["expires"] else None
            payload, sender, deadline = b64decode(entry["payload"]), str(entry["sender"]), float(entry["deadline"])
            who, age, name = str(entry["who"]), self._wall() - float(entry["kept"]), devices.name_of(entry["device"])
            if name is None:
                return None, None, 0.0
            told = follow(name, payload, who, age)
            request = RelayRequest(next_id(), payload, sender, deadline, expires_at, told, settled, who)
            return name, request, left
        except (KeyError, TypeError, ValueError, binascii.Error):
            return None, None, 0.0  # this netd does not understand it


def _entry(name: DeviceName, request: RelayRequest, now: float, lasts: float) -> dict[str, object]:
    return {
        "device": name.link.name,
        "payload": request.payload,
        "sender": request.sender,
        "deadline": request.deadline,
        "expires": request.expires_at is not None,
        "until": now + lasts,
        "kept": now,
        "who": request.who,
    }
