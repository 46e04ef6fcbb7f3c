"""Tests of ``netd.wire.sieve``: samples that are told from other messages are those that the rules read one by one."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.plain import SampleRows
from netd.wire.rules import Rule, RuleSet, parse_rules
from netd.wire.sieve import Sifted, sieve_of

RULES = """\
sample T={temp °C};H={hum %}
sample T={old °C}
sample P={time} {pressure/10 hPa}
event T={text};{*}
sample {name} {v}
sample {hum}
ignore #{*}
"""

MESSAGES = [
    *("T=21.5;H=40", "T=nan;H=40", "T=1e3;H=4", " T= 2 ; H=3 ", "T=5", "T=x;y", "T=°;H=1"),
    *("P=1700000000 10132", "P=1 2", "attic 5", "40", "#", "# x", "?", "", "°C"),
]


def read_by(rules: RuleSet, messages: list[bytes]) -> list[Any]:
    """What the rules read, message by message."""
    found = [rules.match(message) for message in messages]
    return [None if one is None else (one[0].line, list(one[1].readings), one[1].time, one[1].name) for one in found]


class SieveTests(SynchronousTestCase):
    @given(st.lists(st.sampled_from(MESSAGES)))
    def test_as_the_rules(self, texts: list[str]) -> None:
        """Each sample, each other message and each that no rule takes is what the rules say it is, and counted by its rule."""
        messages = [text.encode() for text in texts]
        one_by_one, together = RuleSet(parse_rules(RULES)), RuleSet(parse_rules(RULES))
        expected = read_by(one_by_one, messages)
        sieve = sieve_of(together)
        assert sieve is not None
        read: dict[int, Any] = {}
        plain: Sifted = {}
        at = 0
        while at < len(messages):
            stop, found = sieve.sift(messages, at, plain)
            for rule, rows in self.each(sieve.blocks(plain)):
                first = next(place for place in range(at, stop) if place not in read and self.is_of(rule, expected[place]))
                read[first] = (rule.line, list(rows.newest()), rows.newest()[0].time, None)
            if stop < len(messages):
                read[stop] = None
                if found is not None:
                    rule, match = found
                    read[stop] = rule.line, list(match.readings), match.time, match.name
            at = stop + 1
        ignored = {place: one for place, one in enumerate(expected) if one is not None and one[0] == 6}
        self.assertEqual([{**ignored, **read}[place] for place in range(len(messages))], expected)
        self.assertEqual((together.taken, together.garbled), (one_by_one.taken, one_by_one.garbled))

    @staticmethod
    def is_of(rule: Rule, expected: Any) -> bool:
        """Whether a message is one of *rule*."""
        return expected is not None and expected[0] == rule.line

    def each(self, blocks: list[tuple[Rule, SampleRows]]) -> list[tuple[Rule, SampleRows]]:
        """The samples of *blocks*, each by itself; all of a block are in its columns."""
        found = []
        for rule, rows in blocks:
            columns, times = rows.columns()
            self.assertEqual(rows.count, len(columns[0].values))
            self.assertEqual([one.value for one in rows.newest()], [column.values[-1] for column in columns])
            self.assertEqual(list(times[-1:]), [one.time for one in rows.newest()[:1] if one.time is not None])
            found += [(rule, SampleRows(rows.reader, [row])) for row in rows._rows]
        return found

    def test_which(self) -> None:
        """Of two rules with the same channel, the second is read one by one; no rule is, where what one costs is measured."""
        sieve = sieve_of(RuleSet(parse_rules("sample a{v}\nsample b{v}")))
        assert sieve is not None
        plain: Sifted = {}
        self.assertEqual(1, sieve.sift([b"a1", b"b2"], 0, plain)[0])
        self.assertEqual([0], list(plain))
        for rules in ("event {text}", "sample a{v}\nevent /x(?P<y>.)/", "sample {name} {v}", "sample {v} => OK"):
            self.assertIsNone(sieve_of(RuleSet(parse_rules(rules))), rules)
