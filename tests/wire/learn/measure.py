"""How far a draft is from the section that a person wrote: what each makes of a transcript, and the lines to edit.

A draft is right if it makes the same events and replies of a transcript as the section by hand. Names of fields and units that
are not in the data do not count: no program could have guessed them. Otherwise, an edit is a line of the section by hand that
replaces one of the draft or is added to it, or a line that is taken away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from itertools import combinations
from typing import Any

from attrs import frozen

from netd.errors import ConfigErrors
from netd.wire.config import read_section
from netd.wire.fields import WireReading
from netd.wire.machine import WireMachine
from netd.wire.outlet import Answer, WireNote
from netd.wire.plain import SampleBlock
from netd.wire.recording import Direction, Recording, Transport
from netd.wire.rules import Rule

__all__ = ["MOST_EDITS", "Consequence", "edits", "is_same", "outcome"]

MOST_EDITS = 4
"""Edits from which they are no longer counted."""

_MOST_FORKS = 16
"""Differing lines from which no smallest set of them is looked for."""


@frozen
class Consequence:
    """What comes of a message.

    :ivar named: what it holds, by names that the section chose.
    :ivar fixed: the rest: values in their order, units, bytes.
    """

    connection: int
    kind: str
    who: str
    named: tuple[tuple[str, str], ...] = ()
    fixed: object = None


class _Outlet:
    """Takes what happens on one connection of a replay."""

    def __init__(self, number: int, found: list[Consequence]) -> None:
        self._number = number
        self._found = found
        self.is_closed = False

    def _take(self, kind: str, who: str = "", named: Sequence[tuple[str, str]] = (), fixed: object = None) -> None:
        self._found.append(Consequence(self._number, kind, who, tuple(named), fixed))

    def say(self, data: bytes) -> None:
        self._take("reply", fixed=data)

    def arrived(self, name: str) -> None:
        """A peer that counts is no news by itself."""

    def named(self, name: str, token: str) -> str:
        self._take("name", name)
        return ""

    def sample(self, name: str, readings: Sequence[WireReading], time: float | None, rule: Rule) -> None:
        for reading in readings:
            self._take("sample", reading.name or name, [(reading.channel, reading.unit)], round(reading.value, 6))

    def sampled(self, name: str, block: SampleBlock, rule: Rule) -> None:
        """Nothing comes in blocks while somebody watches."""

    def said(self, name: str, values: Mapping[str, Any], rule: Rule | None) -> None:
        fields = {field: value for field, value in values.items() if field != "name"}
        who = str(values.get("name") or name)
        self._take("event", who, [(field, "") for field in fields], tuple(map(str, fields.values())))

    def told(self, name: str, payload: bytes, includes_itself: bool) -> None:
        self._take("tell", name, fixed=(payload, includes_itself))

    def called(self, function: str, values: Mapping[str, Any], answer: Answer) -> None:
        self._take("call", function, fixed=tuple(map(str, values.values())))

    def sent(self, target: str, text: str, answer: Answer) -> None:
        self._take("send", target, fixed=text)

    def wall(self) -> float:
        return 1_900_000_000.0

    def hold(self, is_held: bool) -> None:
        """A recording cannot be held up."""

    def close(self, reason: str) -> None:
        if not self.is_closed:
            self._take("bye")
        self.is_closed = True

    def note(self, kind: WireNote, why: str, message: bytes) -> None:
        """What is counted is no event."""


def outcome(section: str, recording: Recording) -> list[Consequence]:
    """Return what *section* makes of *recording*, in the order of the times.

    :raises ConfigErrors: if `netd check` refuses the section.
    """
    plan = read_section(section).plan(recording.is_dialled, recording.transport is Transport.UDP)
    found: list[Consequence] = []
    machines: dict[int, tuple[WireMachine, _Outlet]] = {}
    for event in recording.events:
        for machine, _ in machines.values():
            _wake(machine, event.time)
        if event.direction is Direction.OPENED:
            outlet = _Outlet(event.connection, found)
            machines[event.connection] = WireMachine(plan, outlet, f"peer{event.connection}"), outlet
            machines[event.connection][0].watch = lambda message, rule, match: None  # message by message, not in blocks
            machines[event.connection][0].opened(event.time)
            continue
        machine, outlet = machines[event.connection]
        if outlet.is_closed:
            continue
        if event.direction is Direction.SAID:
            machine.received(event.data, event.time)
        elif event.direction is Direction.CLOSED:
            machine.ended(event.time)
            outlet.is_closed = True
    last = recording.events[-1].time if recording.events else 0.0
    for machine, outlet in machines.values():
        if not outlet.is_closed:
            _wake(machine, last + 0.5)
    return found


def _wake(machine: WireMachine, now: float) -> None:
    """Do all that is due until *now*."""
    for _ in range(1000):
        due = machine.due()
        if due is None or due > now:
            return
        machine.wake(due)


def is_same(drafted: Sequence[Consequence], by_hand: Sequence[Consequence], recording: Recording) -> bool:
    """Return True if both are the same but for names and units that are not in the data."""
    if len(drafted) != len(by_hand):
        return False
    data = b"\n".join(event.data for event in recording.events if event.direction in {Direction.SAID, Direction.HEARD})
    words = _Words(data.decode("utf-8", "replace").lower())
    chosen: dict[str, str] = {}
    for one, other in zip(drafted, by_hand, strict=True):
        if (one.connection, one.kind, one.who, one.fixed) != (other.connection, other.kind, other.who, other.fixed):
            return False
        if len(one.named) != len(other.named):
            return False
        for (name, unit), (right, right_unit) in zip(one.named, other.named, strict=True):
            if unit != right_unit and words.has(right_unit):
                return False
            if name.lower() != right.lower() and (words.has(right) or chosen.setdefault(f"{one.kind} {right}", name) != name):
                return False
    return True


class _Words:
    """The words of a transcript."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: dict[str, bool] = {"": False}

    def has(self, word: str) -> bool:
        """Whether *word* is in the data by itself, or behind a number."""
        key = word.lower()
        if key not in self._known:
            behind = r"(?=\s*[=:0-9])" if len(key) == 1 and key.isalpha() else "(?![a-z_])"
            self._known[key] = re.search(rf"(?<![a-z_]){re.escape(key)}{behind}", self._text) is not None
        return self._known[key]


# edits

_Line = tuple[str, str]
"""An option, and its value or one of its lines."""
_ENDPOINTS = frozenset({"listen", "connect", "access", "peers"})
_LISTED = frozenset({"rules", "ask", "every", "greeting"})
_FIELD = re.compile(r"\{[^{}]*\}")


def edits(drafted: str, by_hand: str, recording: Recording) -> int:
    """Return the number of lines to edit in *drafted* so that it is right; at most :data:`MOST_EDITS`.

    Where netd listens, and whom it dials, is no matter of the data.
    """
    right = outcome(by_hand, recording)
    ours, theirs = _lines(drafted), _lines(by_hand)
    forks = _forks(ours, theirs)
    wanted = [line for line in theirs if line[0] in _ENDPOINTS]
    for count in range(min(MOST_EDITS, len(forks) + 1)):
        choices = (
            combinations(range(len(forks)), count) if len(forks) <= _MOST_FORKS else [tuple(range(len(forks)))] * (count == 0)
        )
        for chosen in choices:
            lines = [line for line in _edited(ours, forks, set(chosen)) if line[0] not in _ENDPOINTS]
            try:
                got = outcome(_text([*wanted, *lines]), recording)
            except (ConfigErrors, ValueError):
                continue
            if is_same(got, right, recording):
                return count
    return MOST_EDITS


def _lines(section: str) -> list[_Line]:
    found: list[_Line] = []
    option = ""
    for line in section.splitlines():
        text = line.strip()
        if not text or text[0] in ";#[":
            continue
        if line[0].isspace():
            found.append((option, text))
            continue
        option, _, value = (part.strip() for part in line.partition("="))
        if value or option not in _LISTED:
            found.append((option, value))
    return sorted(found, key=lambda one: one[0] in _LISTED and sorted(_LISTED).index(one[0]) + 1)


def _text(lines: Sequence[_Line]) -> str:
    out = ["[wire:measured]"]
    last = ""
    for option, value in lines:
        if option in _LISTED:
            out += [f"{option} ="] * (option != last) + [f"    {value}"]
        else:
            out.append(f"{option} = {value}")
        last = option
    return "\n".join((*out, ""))


@frozen
class _Fork:
    """A place where the sections differ: the draft's line, the line by hand, and behind how many of the draft's it stands."""

    place: int
    ours: int | None
    theirs: _Line | None


def _forks(ours: Sequence[_Line], theirs: Sequence[_Line]) -> list[_Fork]:
    """Where both differ. Lines that differ only in the names of their fields are compared by the whole."""
    keys = [[(option, _FIELD.sub("{}", value)) for option, value in lines] for lines in (ours, theirs)]
    found: list[_Fork] = []
    for kind, begin, end, start, stop in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        if kind == "equal":
            pairs = zip(range(begin, end), theirs[start:stop], strict=True)
            found += [_Fork(place, place, line) for place, line in pairs if ours[place] != line]
        else:
            found += _paired(list(range(begin, end)), list(theirs[start:stop]), ours, begin)
    return [fork for fork in found if fork.theirs is None or fork.theirs[0] not in _ENDPOINTS]


def _paired(places: list[int], lines: list[_Line], ours: Sequence[_Line], begin: int) -> list[_Fork]:
    """Pairs of lines that are most alike; the rest is added or taken away."""
    found: list[_Fork] = []
    alike = sorted(
        (
            (SequenceMatcher(None, ours[place][1], line[1]).ratio(), place, at)
            for place in places
            for at, line in enumerate(lines)
        ),
        reverse=True,
    )
    used: set[int] = set()
    for _, place, at in alike:
        if place in places and at not in used and ours[place][0] == lines[at][0]:
            places.remove(place)
            used.add(at)
            found.append(_Fork(place, place, lines[at]))
    found += [_Fork(place, place, None) for place in places]
    place = begin
    for at, line in enumerate(lines):
        if at in used:
            place = max(place, next(fork.place for fork in found if fork.theirs is line) + 1)
        else:
            found.append(_Fork(place, None, line))
    return found


def _edited(ours: Sequence[_Line], forks: Sequence[_Fork], chosen: set[int]) -> list[_Line]:
    """The draft with the *chosen* edits."""
    replaced = {fork.ours: fork.theirs for at, fork in enumerate(forks) if at in chosen and fork.ours is not None}
    added: dict[int, list[_Line]] = {}
    for at, fork in enumerate(forks):
        if at in chosen and fork.ours is None and fork.theirs is not None:
            added.setdefault(fork.place, []).append(fork.theirs)
    found: list[_Line] = []
    for place in range(len(ours) + 1):
        found += added.get(place, [])
        if place < len(ours):
            line = replaced.get(place, ours[place])
            found += [line] if line is not None else []
    return sorted(found, key=lambda one: one[0] in _LISTED and sorted(_LISTED).index(one[0]) + 1)
