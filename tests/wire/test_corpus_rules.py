"""Rules that programs of the corpus need, and that others would have read differently."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.fields import Match
from netd.wire.rules import RuleSet, parse_rules


def matched(rule: str, message: bytes) -> Match:
    """What *message* is by the one rule *rule*."""
    found = RuleSet(parse_rules(rule)).match(message)
    assert found is not None, (rule, message)
    return found[1]


class RuleTests(SynchronousTestCase):
    def test_a_date_and_time_before_columns(self) -> None:
        """The comma behind the seconds of a logger begins a column; milliseconds have a blank behind them."""
        row = matched("sample {time},{temp},{hum}", b"2030-05-01 12:00:00,19.41,52")
        self.assertEqual([19.41, 52.0], [reading.value for reading in row.readings])
        self.assertEqual(512.0, matched("sample {time},{light}", b"2030-05-01 12:00:00,512").readings[0].value)
        log = matched("sample {time} load {load}", b"2030-05-01T12:00:00,250 load 0.5")
        self.assertEqual((0.25, 0.5), ((log.time or 0.0) % 1, log.readings[0].value))

    def test_a_word_with_a_slash_is_no_expression(self) -> None:
        """`/nick anna` of a chat is text; the reply behind it is a reply."""
        (rule,) = parse_rules("name /nick {name} => Hello {name}!")
        self.assertEqual("Hello {name}!", rule.reply and rule.reply.text)
        (expression,) = parse_rules("name /(?P<name>a => b)/")
        self.assertIsNone(expression.reply)
