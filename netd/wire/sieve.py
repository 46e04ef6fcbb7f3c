"""Tells samples of numbers from all other messages of a read, so that those of a rule are taken together.

The rules are tried in their order, each under the bytes with which its messages can begin. A rule whose messages
:mod:`netd.wire.plain` can read costs one expression; only what that does not know is tried by the rule itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from netd.wire.expression import Expression
from netd.wire.fields import Match
from netd.wire.messages import WireMessage
from netd.wire.plain import PlainReader, Row, SampleRows, plain_reader
from netd.wire.rules import Rule, RuleSet, Verb

__all__ = ["Sieve", "Sifted", "sieve_of"]

Sifted = dict[int, list[Row]]
"""The samples of a read that have been found so far, by the place of their rule."""


_IGNORE = Verb.IGNORE  # looking a member up in its enum takes as long as the test


class Sieve:
    """The rules of a section, some of which have plain messages.

    :param readers: those, by their place.
    """

    def __init__(self, rules: RuleSet, readers: dict[int, PlainReader]) -> None:
        self._rules = rules
        self._readers = readers
        plain = [readers[place].match if place in readers else None for place in range(len(rules.rules))]
        self._by_first = [[(plain[place], place, rule, match) for place, rule, match in entries] for entries in rules.by_first]

    def sift(self, messages: Sequence[bytes], start: int, found: Sifted) -> tuple[int, tuple[Rule, Match] | None]:
        """Add the samples among *messages* to *found*, from the one at *start* up to the first that is neither plain nor ignored.

        :returns: the place of that, and the rule that takes it with what it has found; the number of messages if there is none.
        """
        by_first, taken, wrapped = self._by_first, self._rules.taken, self._rules.message
        for at in range(start, len(messages)):
            message = messages[at]
            if not message:
                return at, self._rules.match(message)
            tried: WireMessage | None = None
            for plain, place, rule, match in by_first[message[0]]:
                if plain is not None:
                    numbers = plain(message)
                    if numbers is not None:
                        try:
                            found[place].append(numbers.groups())
                        except KeyError:
                            found[place] = [numbers.groups()]
                        break
                if tried is None:
                    tried = wrapped(message)
                matched = match(tried)
                if matched is not None:
                    taken[place] += 1
                    if rule.verb is _IGNORE and rule.reply is None:
                        break
                    return at, (rule, matched)
            else:
                if tried is None:
                    wrapped(message)
                return at, None
        return len(messages), None

    def blocks(self, found: Sifted) -> list[tuple[Rule, SampleRows]]:
        """Return the samples that were *found*, and forget them there."""
        blocks = []
        for place, rows in found.items():
            self._rules.taken[place] += len(rows)
            reader = self._readers[place]
            blocks.append((reader.rule, SampleRows(reader, rows)))
        found.clear()
        return blocks


def sieve_of(rules: RuleSet) -> Sieve | None:
    """Return the sieve of a section; None if no rule has plain messages, or if what a rule costs is measured."""
    if any(isinstance(rule.pattern, Expression) for rule in rules.rules):
        return None
    readers: dict[int, PlainReader] = {}
    channels: set[str] = set()
    for place, rule in enumerate(rules.rules):
        reader = plain_reader(rule, rules.encoding)
        if reader is not None and not channels & reader.channels:  # the order of two rules' samples of one channel counts
            channels |= reader.channels
            readers[place] = reader
    return Sieve(rules, readers) if readers else None
