"""Messages to devices that come from the broker: the operations that people call, and their results as answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.codec.jsontext import encode
from netd.console.dispatch import Dispatcher
from netd.errors import NetdError
from netd.log import LogLimiter, told_of
from netd.mqtt.machine import Arrival
from netd.mqtt.outgoing import Publication
from netd.mqtt.topics import DeviceKey, Topics
from netd.operations import Caller
from netd.reaction.sending import SENDING

__all__ = ["TopicCommands"]

MOST_PENDING = 100
"""Messages whose outcome is awaited, at most."""

RATE = 50.0
"""Messages a second, over a longer time. More are a circle, or nothing that a device could follow."""

BURST = 100.0
"""Messages at once."""

LONGEST_TOPIC = 1000
"""Characters of a topic for answers, at most."""


@frozen
class TopicCommands:
    """The commands of one section.

    :ivar kinds: the kinds whose devices may be sent messages.
    :ivar shielded: prefixes of topics under which no answer is published, whatever the asker wants: netd's own, and those by
        which Home Assistant is told of devices.
    :ivar target_of: returns what the operation calls a device: one without a name has its address, and a token as its topic.
    :ivar counts: messages by outcome.
    """

    _log = Logger()

    topics: Topics
    kinds: frozenset[str]
    shielded: tuple[str, ...]
    dispatcher: Dispatcher
    caller: Caller
    target_of: Callable[[DeviceKey], str]
    publish: Callable[[Publication], None]
    monotonic: Callable[[], float]
    limiter: LogLimiter
    counts: Counter[str] = field(factory=Counter)
    _pending: set[Deferred[Any]] = field(factory=set)
    _allowance: list[float] = field(factory=lambda: [BURST, 0.0])

    def filters(self) -> Iterable[str]:
        """Return the filters of the topics that commands come from."""
        return [f"{self.topics.prefix}/{kind}/+/+/send" for kind in sorted(self.kinds)]

    def arrived(self, arrival: Arrival) -> None:
        """Carry out a message from the broker, and publish what became of it."""
        key = self._addressee(arrival.topic)
        if key is None:
            return
        if len(self._pending) >= MOST_PENDING or not self._admit():
            self._end(key, arrival, {"status": "failed", "error": "too many messages at once; send fewer"})
            return
        called = self._call(key, arrival.payload)
        self._pending.add(called)
        called.addErrback(_failed)
        called.addBoth(self._finish, called, key, arrival)

    def _call(self, key: DeviceKey, payload: bytes) -> Deferred[dict[str, Any]]:
        sending = SENDING[key.kind]
        try:
            arguments = sending.arguments(self.target_of(key), payload)
        except NetdError:
            return fail()
        called = self.dispatcher.call(sending.operation, {"instance": key.instance, **arguments}, self.caller)
        return called.addCallback(sending.outcome)

    def _admit(self) -> bool:
        now = self.monotonic()
        left, then = self._allowance
        left = min(BURST, left + RATE * (now - then))
        self._allowance[:] = max(0.0, left - 1.0), now
        return left >= 1.0

    def _addressee(self, topic: str) -> DeviceKey | None:
        """Return the device that *topic* is about; None if it is no topic of a command, which brokers do not send."""
        words = topic.removeprefix(f"{self.topics.prefix}/").split("/")
        if len(words) != 4 or words[0] not in self.kinds or words[3] != "send":
            return None
        return DeviceKey(*words[:3])

    def _finish(self, result: Any, called: Deferred[Any], key: DeviceKey, arrival: Arrival) -> None:
        self._pending.discard(called)
        if isinstance(result, Failure):
            self._log.failure("{who}: a message to {device} failed", result, who=self.caller.who, device=key.text)
            result = {"status": "failed", "error": "netd could not carry it out; its log has the reason"}
        self._end(key, arrival, result)

    def _end(self, key: DeviceKey, arrival: Arrival, outcome: dict[str, Any]) -> None:
        status = str(outcome["status"])
        self.counts[status] += 1
        if status == "failed":
            self._note_failure(key, str(outcome.get("error", "")))
        text = encode({"device": key.name, **outcome})
        self.publish(Publication(self.topics.of_device(key, "answer"), text))
        wanted = arrival.response
        if wanted is not None:
            if self._may_answer_at(wanted):
                self.publish(Publication(wanted, text, correlation=arrival.correlation))
            else:
                self._note_failure(key, f"no answer is published at {wanted[:200]!r}, which is netd's own or no topic")

    def _may_answer_at(self, topic: str) -> bool:
        if not topic or len(topic) > LONGEST_TOPIC or topic.startswith("$") or any(sign in topic for sign in "+#\0"):
            return False
        return not any(f"{topic}/".startswith(f"{prefix}/") for prefix in self.shielded)

    def _note_failure(self, key: DeviceKey, why: str) -> None:
        skipped = self.limiter.admit("command")
        if skipped is not None:
            self._log.warn(
                "{who}: a message to {device} by a topic: {why}{more}",
                who=self.caller.who,
                device=key.text,
                why=why,
                more=told_of(skipped),
            )


def _failed(failure: Failure) -> dict[str, Any]:
    if not isinstance(failure.value, NetdError):
        failure.raiseException()  # a fault of netd's own
    return {"status": "failed", "error": str(failure.value)}
