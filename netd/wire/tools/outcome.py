"""What was learned, in words: what became of each kind of message, where the section and the old server differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from netd.wire.consequences import Became, ReplayDifference, ReplayedWire, ReplayStep
from netd.wire.recording import escape
from netd.wire.rules import Rule

__all__ = ["RuleLines", "kinds_told", "steps_told", "verdict_told"]

_SHOWN = 60
_LISTED = 6
"""Consequences of one message that are written out."""


class RuleLines:
    """Finds the line of a rule in the text of its section.

    :param text: the file.
    :param section: the name of the section, as in ``wire:shed``.
    """

    def __init__(self, text: str, section: str) -> None:
        lines = [line.strip() for line in text.split("\n")]
        start = lines.index(f"[{section}]") if f"[{section}]" in lines else 0
        self._lines = list(enumerate(lines[start:], start + 1))

    def of(self, rule: Rule) -> int | None:
        """The number of the line of *rule*, from 1; None where it comes from elsewhere, such as the environment."""
        ends = (f"=> {rule.text}", f"= {rule.text}")
        return next((number for number, line in self._lines if line == rule.text or line.endswith(ends)), None)


def kinds_told(found: ReplayedWire, lines: RuleLines) -> Iterator[str]:
    """Yield what each rule took, with an example; last, what no rule takes."""
    by_rule: dict[Rule | None, list[ReplayStep]] = {}
    for step in found.steps:
        if step.message is not None:
            by_rule.setdefault(step.rule, []).append(step)
    for rule, steps in sorted(by_rule.items(), key=lambda pair: (pair[0] is None, lines.of(pair[0]) or 0 if pair[0] else 0)):
        count = f"{len(steps)} message{'s' * (len(steps) != 1)}"
        if rule is None:
            yield f"no rule: {count}"
        else:
            yield f"{_place(rule, lines)}: {rule.text}: {count}"
        yield from (f"    {_message(step)} → {_became(step)}" for step in steps[: 1 if rule else 3])


def steps_told(found: ReplayedWire, lines: RuleLines) -> Iterator[str]:
    """Yield each message with the line of the rule that took it and what became of it; what is said unasked stands between."""
    for step in found.steps:
        if step.message is None:
            place, what = "", "netd speaks first"
        else:
            place, what = "no rule" if step.rule is None else _place(step.rule, lines), _message(step)
        yield f"{step.time:8.3f} {step.connection:2d}  {place:8}  {what} → {_became(step)}"


def verdict_told(found: ReplayedWire, cut: tuple[str, str] | None) -> Iterator[str]:
    """Yield what is not as it should be, a sentence each."""
    bad = sum(step.is_bad for step in found.steps)
    if bad:
        messages = sum(step.message is not None or step.is_bad for step in found.steps)
        yield f"{bad} of {messages} message{'s' * (messages != 1)} did not fit: no rule matches, or it was refused"
    yield from map(_difference, found.differences)
    if cut is not None:
        yield f"cut at each byte, it is not the same: {cut[1]}, and before: {cut[0]}; see frame"


def _place(rule: Rule, lines: RuleLines) -> str:
    number = lines.of(rule)
    return "?" if number is None else f"line {number}"


def _message(step: ReplayStep) -> str:
    return _short(escape(step.message or b""))


def _became(step: ReplayStep) -> str:
    words = [one.words for one in step.consequences if one.became is not Became.UNMATCHED]
    if not words:
        return "nothing" if step.rule is not None else f"unmatched{'; ' * bool(step.why)}{step.why}"
    return ", ".join((*words[:_LISTED], *(["…"] if len(words) > _LISTED else [])))


def _difference(one: ReplayDifference) -> str:
    heard, said = (_short(escape(part)) or "nothing" for part in (one.heard, one.said))
    return f"connection {one.connection}: the section says {said}, and the recording has {heard} there"


def _short(text: str) -> str:
    return f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text
