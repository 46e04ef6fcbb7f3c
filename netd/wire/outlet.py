"""What happens on one connection of a wire, as its machine tells it to whatever is around it: a transport, or a replay."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from netd.wire.fields import WireReading
from netd.wire.plain import SampleBlock
from netd.wire.rules import Rule

__all__ = ["Answer", "IWireOutlet", "Report", "WireNote"]

Report = Callable[[str | None, str], object]
"""Told once what became of a question or of a text: the answer, or None and why there is none."""

Answer = Callable[[str | None, str, float], object]
"""The same with the present time, for what the machine itself has asked others."""


class WireNote(enum.Enum):
    """Something to count, and to log within limits; the value is the counter's name."""

    UNMATCHED = "unmatched"
    CHECK = "check failed"
    SHIFTED = "out of frame"
    UNANSWERED = "unanswered"
    STRAY = "out of step"
    RATE = "over the rate"
    CROWDED = "no room"
    FRAMING = "bad framing"
    UNPROVEN = "no proof"
    UNSAID = "not said"


class IWireOutlet(Protocol):
    """Takes what happens on one connection."""

    def say(self, data: bytes) -> None:
        """Send *data* to the peer, in a write of its own."""

    def arrived(self, name: str) -> None:
        """The peer counts from now on, with the *name* that its connection has anyway."""

    def named(self, name: str, token: str) -> str:
        """The peer says that it is called *name*.

        :param token: what it says as a proof; empty without one.
        :returns: why it may not be called so; empty if it may.
        """

    def sample(self, name: str, readings: Sequence[WireReading], time: float | None, rule: Rule) -> None:
        """Samples have come from *name*; those that have a name of their own are of that.

        :param time: the time that the peer gave, in seconds since 1970.
        """

    def sampled(self, name: str, block: SampleBlock, rule: Rule) -> None:
        """Many messages of samples have come from *name* at once."""

    def said(self, name: str, values: Mapping[str, Any], rule: Rule | None) -> None:
        """An event has come from *name*; *rule* is None for a message that no rule takes."""

    def told(self, name: str, payload: bytes, includes_itself: bool) -> None:
        """Say *payload*, which *name* has said, to all other peers of the section, or to all of them."""

    def called(self, function: str, values: Mapping[str, Any], answer: Answer) -> None:
        """Run *function* of ``[command]`` and tell its result, now or later."""

    def sent(self, target: str, text: str, answer: Answer) -> None:
        """Send *text* to a device, a room or a wire, and tell the answer, now or later."""

    def wall(self) -> float:
        """Return the present time, in seconds since 1970."""

    def hold(self, is_held: bool) -> None:
        """Read no more from the peer until told to go on: an answer is awaited, and what follows stays behind it."""

    def close(self, reason: str) -> None:
        """End the connection."""

    def note(self, kind: WireNote, why: str, message: bytes) -> None:
        """Count something, and log it within limits."""
