"""What netd says on one connection of a wire: texts with fields, framed, and if need be each in a write of its own. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netd.wire.outlet import IWireOutlet, WireNote
from netd.wire.plan import WirePlan
from netd.wire.template import CannotPack, WireTemplate, cut_short

__all__ = ["MOST_WAITING", "WireVoice"]

MOST_WAITING = 16
"""Questions, things to send and writes that wait on one connection."""


class WireVoice:
    """Says what a machine wants said.

    :ivar plan: the options in force.
    :ivar due: when :meth:`go_on` is to be called; None: nothing waits.
    """

    __slots__ = ("_outlet", "_unsaid", "due", "plan")

    def __init__(self, plan: WirePlan, outlet: IWireOutlet) -> None:
        self.plan = plan
        self._outlet = outlet
        self._unsaid: list[bytes] = []  # an empty deque takes 600 bytes, and this is empty nearly always
        self.due: float | None = None

    def rendered(self, template: WireTemplate, values: Mapping[str, Any], is_cut: bool = True) -> bytes | None:
        """Return *template* with *values*, as one message; None if it is none, which is noted.

        :param is_cut: whether values are cut where they would end it.
        """
        say = self.plan.say
        cuts = say.cuts_in_json if template.is_json else say.cuts
        try:
            payload = template.render(values, cuts if is_cut else ())
            if template.is_open and not say.is_whole(payload):
                raise CannotPack(f"with these values it has {len(payload)} bytes, which is not one message of {say.text}")
        except CannotPack as error:
            self._outlet.note(WireNote.UNSAID, f"it cannot be said: {error}", template.text.encode())
            return None
        return payload

    def passed_on(self, message: bytes) -> bytes:
        """Return *message* as others may be told it: what ends a message there may be within one here."""
        plan = self.plan
        is_same = plan.frame.text == plan.say.text or (plan.frame.silence is not None and plan.say.text == "raw")
        return message if is_same else cut_short(message, plan.say.cuts)

    def as_one(self, template: WireTemplate, values: Mapping[str, Any], whole: bytes) -> bytes | None:
        """Return *whole*, which *template* makes of *values*, without an end of its own; None if it is not one message."""
        cut = self.rendered(template, values)
        return cut if cut is not None and cut.rstrip() == whole.rstrip() else self.plan.say.as_one(whole)

    def fill(self, template: WireTemplate, values: Mapping[str, Any], now: float) -> None:
        """Say *template* with *values*."""
        payload = self.rendered(template, values)
        if payload is not None:
            self.say(payload, now)

    def say(self, payload: bytes, now: float) -> str:
        """Say *payload*, framed. Return why that is not possible; empty if it is."""
        plan = self.plan
        try:
            data = plan.say.encode(payload)
        except ValueError as error:
            why = f"it cannot be said: {error} (`say`)"
            self._outlet.note(WireNote.UNSAID, why, payload)
            return why
        if not plan.is_apart:
            self._outlet.say(data)
        elif self.due is None:
            self._outlet.say(data)
            self.due = now + plan.pause
        elif len(self._unsaid) < MOST_WAITING:
            self._unsaid.append(data)
        else:
            why = f"{MOST_WAITING} replies wait to be said one by one"
            self._outlet.note(WireNote.RATE, why, payload)
            return why
        return ""

    def go_on(self, now: float) -> None:
        """Say the next of what waits for a write of its own."""
        self.due = None
        if self._unsaid:
            self._outlet.say(self._unsaid.pop(0))
            self.due = now + self.plan.pause

    def flush(self) -> None:
        """Say at once what waits: the connection ends."""
        while self._unsaid:
            self._outlet.say(self._unsaid.pop(0))
