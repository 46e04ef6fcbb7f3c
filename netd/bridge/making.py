"""Messages of bridges: what of an event goes to which target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from netd.bridge.grammar import Destination
from netd.bridge.template import Template
from netd.codec.jsontext import encode, to_plain
from netd.plaintext import moment
from netd.reaction.actions import Publish, Run
from netd.reaction.condition import value_of
from netd.reaction.grammar import NUMBER

__all__ = ["BridgeMessage", "Occurrence", "make"]


@frozen
class Occurrence:
    """One event of one subject.

    :ivar time: seconds since the epoch.
    """

    subject: str
    event: object
    time: float

    def part(self, name: str) -> Any:
        """Return the part of the event that a template names *name*; None if there is none."""
        if name.isdigit():
            words = self.subject.split(".")
            return words[int(name) - 1] if int(name) <= len(words) else None
        if name == "subject":
            return self.subject
        if name == "time":
            return moment(self.time)
        if name == "event":
            return to_plain(self.event)
        value = value_of(self.event, name)
        return value if isinstance(value, bool | int | float | str) else None


@frozen
class BridgeMessage:
    """What is sent to one target: a text, a value, or the arguments of a command.

    :ivar subject: the subject of the event that it was made of.
    """

    subject: str
    content: Any


def make(target: Destination, template: Template, arguments: Mapping[str, Template], found: Occurrence) -> BridgeMessage:
    """Return the message to *target*.

    :raises netd.bridge.template.Unfit: if the event lacks what the template wants.
    """
    if isinstance(target, Run):
        return BridgeMessage(found.subject, {name: _valued(one, found) for name, one in arguments.items()})
    content = _valued(template, found) if isinstance(target, Publish) else template.text(found.part, _text)
    return BridgeMessage(found.subject, content)


def _valued(template: Template, found: Occurrence) -> Any:
    """Return the value of *template*. A text that was put together and reads as a number is one, as with ``{value:.1f}``."""
    alone = template.alone(found.part)
    if alone is not None:
        return alone
    text = template.text(found.part, _text)
    return float(text) if NUMBER.fullmatch(text) else text


def _text(value: Any) -> str:
    return encode(value).decode() if isinstance(value, bool | dict | list) else str(value)
