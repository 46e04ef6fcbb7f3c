"""Rules: what a message is, and what follows from it, as ``rules`` of a ``[wire:NAME]`` has them."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import Protocol

from attrs import evolve, field, frozen

from netd.errors import LineError
from netd.spelling import none_of
from netd.wire.expression import Expression
from netd.wire.fields import Match
from netd.wire.json_pattern import JsonPattern
from netd.wire.messages import WireMessage
from netd.wire.patterns import Pattern, parse_pattern
from netd.wire.struct_pattern import StructPattern
from netd.wire.template import WireTemplate, parse_template
from netd.wire.text_pattern import ENDS

__all__ = ["GIVEN", "Meter", "Rule", "RuleSet", "Verb", "check_order", "parse_rule", "parse_rules", "placed_rule"]


class Verb(enum.Enum):
    """What a rule does with its messages; the value is the word for it."""

    SAMPLE = "sample"
    EVENT = "event"
    NAME = "name"
    BYE = "bye"
    TELL = "tell"
    TELL_ALL = "tell-all"
    CALL = "call"
    SEND = "send"
    IGNORE = "ignore"


_VERBS = {verb.value: verb for verb in Verb}

GIVEN = ("name", "text", "address", "time")
"""Fields that each reply may have: the peer's name, the message, the peer's address and the present time in s since 1970."""

_GIVEN_BY = {Verb.CALL: ("result", "error"), Verb.SEND: ("answer", "error")}
_REMEDIES = {
    Verb.SAMPLE: "T={temp °C}",
    Verb.NAME: "hello {name}",
    Verb.CALL: "FUNCTION {*} for any message",
    Verb.SEND: "TARGET {text} for any message",
}


@frozen
class Rule:
    """What a kind of message is, and what follows from it. Two are the same if they are written alike: patterns are compiled, and
    not compared.

    :ivar line: the number of its line within the option, from 0.
    :ivar row: the number of its line in the file; None if it is in none.
    :ivar text: as it is written.
    :ivar reply: what is answered, if anything.
    :ivar target: the function of a ``call``, or the receiver of a ``send``, which may be a field in braces.
    """

    line: int
    text: str
    verb: Verb
    pattern: Pattern = field(eq=False)
    reply: WireTemplate | None = field(eq=False)
    target: str | None
    row: int | None = field(default=None, eq=False)

    @property
    def place(self) -> str:
        """Where it is written, for people."""
        return f"line {self.row}" if self.row is not None else f"line {self.line + 1} of its option"


def placed_rule(rule: Rule, lines: Sequence[int]) -> Rule:
    """Return *rule*, which knows its place now: the lines of its option have these numbers in the file."""
    return evolve(rule, row=lines[rule.line])


def parse_rules(text: str, encoding: str = "utf-8") -> tuple[Rule, ...]:
    """Read rules, one a line; blank lines are none.

    :raises LineError: with the number of the line that has a mistake.
    """
    rules = tuple(parse_rule(line, index, encoding) for index, line in enumerate(text.split("\n")) if line.strip())
    check_order(rules)
    return rules


def parse_rule(text: str, index: int = 0, encoding: str = "utf-8") -> Rule:
    """Read one rule.

    :param index: the number of its line, from 0.
    :raises LineError: saying what is wrong with it.
    """
    try:
        return _parse(text.strip(), index, encoding)
    except ValueError as error:
        raise LineError(index, str(error)) from None


def check_order(rules: Sequence[Rule]) -> None:
    """Make sure that each rule can be reached.

    :raises LineError: for one that stands behind a rule which takes every message.
    """
    for number, rule in enumerate(rules):
        if rule.pattern.takes_everything and number + 1 < len(rules):
            problem = "never reached: line {line} takes every message; put it last"
            raise LineError(rules[number + 1].line, problem, rule.line)


def _parse(text: str, index: int, encoding: str) -> Rule:
    message, reply = _split(text)
    word, _, rest = message.partition(" ")
    if word not in _VERBS:
        raise ValueError(f"{none_of(word, _VERBS)}; a rule begins with what its messages are")
    verb, target, rest = _VERBS[word], None, rest.strip()
    if verb in (Verb.CALL, Verb.SEND):
        target, _, rest = rest.partition(" ")
        rest = rest.strip()
    if not rest:
        raise ValueError(f"{word} has no pattern; write {word} {_REMEDIES.get(verb, '{*} for any message')}")
    pattern = parse_pattern(rest, verb is Verb.SAMPLE, encoding)
    rule = Rule(index, text, verb, pattern, parse_template(reply, encoding) if reply is not None else None, target)
    _check(rule)
    return rule


def _split(text: str) -> tuple[str, str | None]:
    """Return a rule without its reply, and the reply."""
    arrow = " => "
    words = text.split(" ", 3)
    if any(word.startswith("/") for word in words[1:3]):  # an arrow may be within the expression
        head, slash, reply = text.rpartition("/ => ")
        if slash or text.endswith("/"):
            return (f"{head}/", reply.strip()) if slash else (text, None)
    message, found, reply = text.partition(arrow)
    if not found and text.endswith(" =>"):
        return text[:-3].strip(), ""
    return message.strip(), reply.strip() if found else None


def _check(rule: Rule) -> None:
    fields = rule.pattern.fields
    names = {field.name for field in fields if field.name is not None}
    if rule.verb is Verb.NAME and "name" not in names:
        raise ValueError("name: the pattern has no {name}, which says what the peer is called")
    if rule.verb is Verb.SAMPLE and not _has_channel(rule.pattern):
        raise ValueError("sample: no field is a channel; write {temp}, or {channel} and {value}")
    if isinstance(rule.pattern, JsonPattern) and rule.pattern.takes_all:
        return
    given = {*names, *GIVEN, *_GIVEN_BY.get(rule.verb, ())}
    target = rule.target or ""
    if target.startswith("{") and target[1:-1] not in names:
        raise ValueError(f"the target is {target}, and the pattern has no such field; {_has(names)}")
    for name in rule.reply.fields if rule.reply is not None else ():
        if name not in given:
            raise ValueError(f"the reply has {{{name}}}, and the pattern has no such field; {_has(names)}")


def _has(names: Iterable[str]) -> str:
    return f"it has {', '.join(sorted(names)) or 'none'}"


def _has_channel(pattern: Pattern) -> bool:
    if isinstance(pattern, JsonPattern) and pattern.takes_all:
        return True
    return any(field.is_reading for field in pattern.fields)


class Meter(Protocol):
    """Measures the time that regular expressions take."""

    def clock(self) -> float:
        """Return the present time, in seconds."""

    def took(self, rule: Rule, seconds: float) -> None:
        """The expression of *rule* has been tried for so long."""


class RuleSet:
    """The rules of a section, which are tried in their order.

    :param encoding: of the texts of messages and replies.
    :ivar rules: in their order.
    :ivar taken: how many messages each has taken.
    :ivar garbled: how many messages were no text in *encoding* at some place.
    :ivar by_first: for each byte with which a message may begin, the rules that may take it: place, rule and what matches it.
    """

    def __init__(self, rules: Iterable[Rule], encoding: str = "utf-8") -> None:
        self.rules = tuple(_encoded(rule, encoding) for rule in rules)
        self.encoding = encoding
        self.taken = [0] * len(self.rules)
        self.garbled = 0
        self._is_costly = any(isinstance(rule.pattern, Expression) for rule in self.rules)
        entries = [(place, rule, rule.pattern.match) for place, rule in enumerate(self.rules)]
        firsts = [_first_bytes(rule.pattern, encoding) for rule in self.rules]
        self.by_first = [
            [entry for entry, first in zip(entries, firsts, strict=True) if first is None or byte in first] for byte in range(256)
        ]
        self._any = entries

    def match(self, message: bytes, meter: Meter | None = None) -> tuple[Rule, Match] | None:
        """Return the first rule that *message* matches, and what it has found; None if there is no such rule.

        :param meter: is told how long each regular expression took.
        """
        entries = self.by_first[message[0]] if message else self._any
        tried = self.message(message)
        if meter is not None and self._is_costly:
            return self._measured(tried, meter)
        for place, rule, match in entries:
            found = match(tried)
            if found is not None:
                self.taken[place] += 1
                return rule, found
        return None

    def message(self, raw: bytes) -> WireMessage:
        """Return what the rules are tried on."""
        try:
            return WireMessage(raw, raw.decode(self.encoding), False)
        except UnicodeDecodeError:
            self.garbled += 1
            return WireMessage.of(raw, self.encoding)

    def _measured(self, message: WireMessage, meter: Meter) -> tuple[Rule, Match] | None:
        for place, rule, match in self._any:
            is_measured = isinstance(rule.pattern, Expression)
            began = meter.clock() if is_measured else 0.0
            found = match(message)
            if is_measured:
                meter.took(rule, meter.clock() - began)
            if found is not None:
                self.taken[place] += 1
                return rule, found
        return None

    def too_long_for(self, message: bytes) -> Rule | None:
        """Return the first rule that did not look at *message* because of its length."""
        if not self._is_costly:
            return None
        length = len(self.text(message))
        for rule in self.rules:
            longest = rule.pattern.longest if isinstance(rule.pattern, Expression) else None
            if longest is not None and length > longest:
                return rule
        return None

    def text(self, message: bytes) -> str:
        """Return *message* as text, with U+FFFD for what is none."""
        tried = WireMessage.of(message, self.encoding)
        return tried.clean(tried.text)


def _encoded(rule: Rule, encoding: str) -> Rule:
    return rule if encoding == "utf-8" else evolve(parse_rule(rule.text, rule.line, encoding), row=rule.row)


def _first_bytes(pattern: Pattern, encoding: str) -> frozenset[int] | None:
    """Return the bytes with which a message of *pattern* can begin; None for any."""
    if isinstance(pattern, JsonPattern):
        first = b"{["
    elif isinstance(pattern, StructPattern | Expression) or pattern.first is None:
        return None
    else:
        first = pattern.first.encode(encoding, "surrogateescape")[:1]
    return frozenset(first + ENDS.encode())
