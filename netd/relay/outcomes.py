"""Outcomes of messages to devices, with their senders: an event for each message of either dialect once its fate is known."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from attrs import define

from netd.codec.length_header import HEADER
from netd.interfaces import IBus
from netd.message import Message, Want
from netd.plaintext import short_address
from netd.redaction import LONGEST, abridged
from netd.relay.devices import DeviceLink
from netd.relay.events import DeviceOutcome
from netd.relay.requests import RequestOutcome, RequestStatus

__all__ = ["UNKNOWN", "Outcomes"]

UNKNOWN = "_"
"""The token of devices that netd does not know, in subjects. Their names are anybody's words, and there is no end of them."""

LOOKED_AT = 4 * (LONGEST + 1)
"""Bytes of a message that are looked at: so many characters of UTF-8 have no more, and one more shows that there are others."""

Report = Callable[[RequestOutcome], None]


@define(eq=False)
class Outcomes:
    """Publishes the outcomes of one relay.

    :ivar monotonic: the clock by which messages are measured.
    :ivar after_turn: calls when all that was sent in this reactor turn has been written.
    """

    bus: IBus
    monotonic: Callable[[], float]
    after_turn: Callable[[Callable[[], None]], None]

    def follow(self, subject: str, device: str, payload: bytes, sender: str, report: Report, age: float = 0.0) -> Report:
        """Return the function that a request calls with its outcomes: it publishes an event for the last one, and calls *report*.

        :param subject: of the events.
        :param device: the device's label, or what the sender has called it.
        :param age: seconds since the message was sent.
        """
        excerpt, started = _excerpt(payload), self.monotonic() - age

        def told(outcome: RequestOutcome) -> None:
            if outcome.is_final:
                self._publish(subject, device, sender, [excerpt], outcome.status, outcome.error, started)
            report(outcome)

        return told

    def follow_frames(self, link: DeviceLink, frames: list[bytes], sender: str, is_accepted: bool) -> None:
        """Publish the outcome of first-dialect *frames*, once the operating system has taken them or the device has gone."""
        excerpts, started = [_excerpt(frame[HEADER:]) for frame in frames], self.monotonic()
        if is_accepted:
            self.after_turn(partial(self._settle, link, sender, excerpts, started))
        else:
            why = "the device does not read what was sent before"
            self._publish(link.outcome_subject, link.label, sender, excerpts, RequestStatus.FAILED, why, started)

    def _settle(self, link: DeviceLink, sender: str, excerpts: list[str], started: float) -> None:
        if not link.is_clear:
            link.when_clear(partial(self._settle, link, sender, excerpts, started), self.after_turn)
        elif link.is_online:
            self._publish(link.outcome_subject, link.label, sender, excerpts, RequestStatus.SENT, "", started)
        else:
            why = "the device disconnected"
            self._publish(link.outcome_subject, link.label, sender, excerpts, RequestStatus.FAILED, why, started)

    def _publish(
        self, subject: str, device: str, sender: str, excerpts: list[str], status: RequestStatus, error: str, started: float
    ) -> None:
        now = self.bus.wall()
        seconds, sender = self.monotonic() - started, short_address(sender)
        events: list[DeviceOutcome] = [
            {
                "device": device,
                "from": sender,
                "request": excerpt,
                "status": status.value,
                "error": error,
                "seconds": seconds,
                "time": now,
            }
            for excerpt in excerpts
        ]
        if len(events) > 1 and self.bus.wants(subject) is Want.EACH:
            for event in events:
                self.bus.publish(Message(subject, event))
        else:
            self.bus.publish(Message(subject, events[-1], batch=events if len(events) > 1 else None))


def _excerpt(payload: bytes) -> str:
    """Return the beginning of *payload* as text, or its length where it is none."""
    try:
        return abridged(payload[:LOOKED_AT].decode())
    except UnicodeDecodeError as error:
        # The cut may have parted a character, which then begins in the last three bytes.
        if len(payload) > LOOKED_AT and error.start >= LOOKED_AT - 3:
            return abridged(payload[: error.start].decode())
        return f"{len(payload)} bytes"
