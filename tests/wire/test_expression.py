"""Regular expressions: those that could hold everything up are refused, and ordinary ones taken."""

from __future__ import annotations

from time import process_time

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.backtracking import MOST_WAYS, check_tree
from netd.wire.expression import LONGEST, parse_expression
from netd.wire.rules import Rule, RuleSet, parse_rule, parse_rules
from tests.wire.matching import mistake, readings, values

EXPLODING = (
    r"(a+)+$", r"([a-zA-Z]+)*$", r"(a|aa)+$", r"(a|a?)+$", r"(.*a){12}", r"^(\w+\s?)*$", r"(\d+)*x", r"((ab)*)*c", r"(x+x+)+y",
    r"(?:a|b|ab)*c", r"^(([a-z])+.)+[A-Z]([a-z])+$", r"(.*)*=", r"(?:.*,){3}x", r"^(\d+,?)+$", r"([^,]*,?)*;",
    r".*.*x", r".*.*.*=.*x", r"\s*\w*\s*\w*\d*\w*x", r"\w*\d*\w*x", r"[a-z]*[a-y]*[a-x]*z", r".*?,.*?;.*?x",
    r"\d*\d*\d*$", r".+.+=",
    r"(?i)[a-z]*[A-Z]*[a-z]*1", r"(\w+)\1", r"(?=.*a)b", r"(?!x)y", r"(?<=x)y", r"(?<!x)y", r"(a)?(?(1)b|c)",
    r"(a|ab)(a|ab)(a|ab)(a|ab)(a|ab)(a|ab)(a|ab)(a|ab)(a|ab)(a|ab)(a|ab)(a|ab)(a|ab)(a|ab)x",
)  # fmt: skip
"""Expressions known to explode, or that may look and refer around."""

ORDINARY = (
    r"T=(?P<t>[-+0-9.]+)", r"(?P<a>\d+),(?P<b>\d+),(?P<c>\d+)$", r"^(?P<key>\w+)=(?P<v>.*)$",
    r"(?P<h>\d{2}):(?P<m>\d{2}):(?P<s>\d{2})",
    r"(?P<y>\d{4})-(?P<mo>\d\d)-(?P<d>\d\d)T(?P<clock>[\d:]+)Z", r"(?P<ip>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})",
    r"\s*(?P<name>[^:]+):\s*(?P<v>-?\d+(?:\.\d+)?)\s*$", r"(?P<temp>-?\d+(\.\d+)?)\s*°?C", r"(?:ERR|ERROR|FAIL)\s*(?P<code>\d+)?",
    r"\[(?P<level>[A-Z]+)\] (?P<text>.*)", r"(?P<user>[\w.]+)@(?P<host>[\w.-]+)", r"#(?P<r>[0-9A-Fa-f]{2})(?P<g>[0-9A-Fa-f]{2})",
    r"\$GPGGA,(?P<t>[\d.]*),(?P<lat>[\d.]*),(?P<ns>[NS]?),(?P<lon>[\d.]*),(?P<ew>[EW]?)",
    r"(?P<id>\w+);(?P<v>[^;]*);(?P<u>[^;]*)",
    r"AT\+(?P<cmd>[A-Z]+)=(?P<arg>.+)", r"(?P<state>on|off|ON|OFF)$", r"V(?P<v>[\d.]+)A(?P<a>[\d.]+)", r"(?P<n>0x[0-9a-f]+)",
    r"<(?P<tag>\w+)>(?P<v>[^<]*)</\w+>", r"(?P<q>\"[^\"]*\")", r"(?P<x>[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)$",
    r"hello(?: (?P<who>\w+))?$",
    r".*?(?P<a>\d+)\D+(?P<b>\d+)x", r"(?i)temp(?:erature)?[ :=]+(?P<t>-?[0-9.]+)", r"(?P<a>.{5})(?P<b>.{5})(?P<c>.+)",
    r"(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<v>\S+)", r"lat=(?P<lat>-?\d+\.\d+)&lon=(?P<lon>-?\d+\.\d+)", r"(?P<a>\d++)(?P<b>\w*+)!",
    r"(?>\s*)(?P<w>\w+)", r"(?P<all>.*)", r"\d+ (?P<v>\d+)\b.*", r"(?x) (?P<v> \d+ ) \s* volts",
)  # fmt: skip
"""Expressions as tutorials have them."""


class SubsetTests(SynchronousTestCase):
    def test_exploding(self) -> None:
        """An expression that could be read in many ways is refused, with the remedy."""
        self.assertGreaterEqual(len(EXPLODING), 30)
        for source in EXPLODING:
            error = self.assertRaises(ValueError, check_tree, source, LONGEST)
            self.assertRegex(str(error), "a group is repeated; |could be read in .* ways|must not (look|refer)", source)

    def test_ordinary(self) -> None:
        """What people write after a tutorial is taken."""
        self.assertGreaterEqual(len(ORDINARY), 30)
        for source in ORDINARY:
            parse_expression(source, False)

    def test_ways(self) -> None:
        """The ways are counted: the length of a repetition that what follows could go on with, and two for each choice."""
        for source, ways in {
            r"\d+x": 1, r"\d+\d": 512, r".*x": 513, r".*": 1, r"[^,]*,x": 1, r"a?a": 2, r"(?:a|ab)c": 2, r"(?:a|b)c": 1,
            r"(?:a|)c": 2,
            r"(ab)?ac": 2, r"(?:ab)?c": 1, r"\d{2,5}\d": 4, r"(?i)[a-z]*[A-Z]": 513, r"[a-z]*[A-Z]": 1, r"[^a]*[^b]c": 513,
            r"é*ü": 513, r"[à-ü]*[0-9]": 1, r"\w*[^\w]": 1, r"\s*\S": 1, r"a*\bb": 1, r"\d*+\d": 1, r"(?>\d*)x": 1, r"[^x]*x": 1,
            r"\W*é": 513,
        }.items():  # fmt: skip
            self.assertEqual(ways, check_tree(source, 512), source)

    def test_worst_that_is_taken(self) -> None:
        """The slowest expressions that are taken are done with a message in milliseconds."""
        for source in (r".*?(\d+)\D+(\d+)x", r"(?:a|ab)(?:a|ab).*?a", r"\w*\d{1,14}x"):
            self.assertLessEqual(check_tree(source, LONGEST), MOST_WAYS)
            rules = RuleSet(parse_rules(f"event /{source}/"))
            for message in (b"1" * LONGEST, b"1a" * (LONGEST // 2), b"ab" * (LONGEST // 2), b"a" * LONGEST):
                took = min(_timed(rules, message) for _ in range(3))
                self.assertLess(took, 0.1, source)

    def test_mistakes(self) -> None:
        """Each mistake says what to write."""
        for rule, said in {
            "sample /(?P<t>[0-9/": "regular expression: unterminated character set, at character 7",
            "sample /[0-9]+/": "the regular expression names no group; write (?P<temp>[0-9.]+)",
            "sample /(?P<a>(?:x,)+)/": "a group is repeated; repeat one character class ([0-9.]+), make the group "
            "optional (...)?, or write each SEPARATOR ...",
            "sample /(?P<a>.*),.*,.*,.*,.*,.*,.*;/": "some messages could be read in 9e+18 ways, and would hold everything up; "
            "write [^,]* in place of .*",
            "sample /(?P<name>x)/": "sample: no field is a channel; write {temp}, or {channel} and {value}",
            "sample /" + "x" * 1001 + "/": "a regular expression has at most 1000 characters",
            "event /x{99999999999999}/": "regular expression: the repetition number is too large",
            "event /" + "(" * 499 + ")" * 499 + "/": "regular expression: maximum recursion depth exceeded",
        }.items():
            self.assertIn(said, mistake(rule))


class MatchTests(SynchronousTestCase):
    def test_from_the_beginning(self) -> None:
        """An expression begins where the message does, and may end before it."""
        self.assertEqual([("t", 21.5, "")], readings("sample /(?P<t>[-0-9.]+)C/", b"21.5C and more"))
        self.assertIsNone(readings("sample /(?P<t>[-0-9.]+)C/", b" 21.5C"))
        self.assertIsNone(readings("sample /(?P<t>.+)C/", b"xC"))

    def test_groups(self) -> None:
        """Groups are fields by their names; one that took no part is not there."""
        self.assertEqual([("d", "t", 1.0, "")], readings("sample /(?P<name>[a-z]+):(?P<t>[0-9]+)(?P<u>,[0-9]+)?/", b"d:1"))
        self.assertEqual({"a": "x => y"}, values("event /(?P<a>x => y)$/", b"x => y"))

    def test_reply_behind(self) -> None:
        """An arrow in the expression is not that of the reply."""
        rule = parse_rule("event /(?P<a>x) => y/ => got {a}")
        assert rule.reply is not None
        self.assertEqual(b"got x", rule.reply.render({"a": "x"}))
        self.assertEqual("call", parse_rule("call add /(?P<a>x) => y/").verb.value)

    def test_long_messages(self) -> None:
        """An expression with several ways sees short messages alone, and the rules tell which of them that was."""
        rules = RuleSet(parse_rules("event /.*?x(?P<b>.)/\nevent /[^x]*x(?P<a>.)/"))
        short, long = b"a" * 500 + b"xy", b"a" * 600 + b"xy"
        found, longer = rules.match(short), rules.match(long)
        assert found is not None and longer is not None
        self.assertEqual(({"b": "y"}, {"a": "y"}), (found[1].values, longer[1].values))
        self.assertIsNone(rules.too_long_for(short))
        self.assertEqual(rules.rules[0], rules.too_long_for(long))
        self.assertIsNone(RuleSet(parse_rules("event x {a}")).too_long_for(long))

    def test_costs_are_told(self) -> None:
        """Whoever has a clock is told what each expression took."""
        told: list[tuple[int, float]] = []

        class Clock:
            now = 0.0

            def clock(self) -> float:
                self.now += 0.25
                return self.now

            def took(self, rule: Rule, seconds: float) -> None:
                told.append((rule.line, seconds))

        rules = RuleSet(parse_rules("event a {x}\nevent /b(?P<x>.)/\nevent /c(?P<x>.)/"))
        self.assertIsNone(rules.match(b"d1", Clock()))
        found = rules.match(b"b1", Clock())
        assert found is not None
        self.assertEqual(1, found[0].line)
        self.assertEqual([(1, 0.25), (2, 0.25), (1, 0.25)], told)
        self.assertEqual([0, 1, 0], rules.taken)


def _timed(rules: RuleSet, message: bytes) -> float:
    began = process_time()
    rules.match(message)
    return process_time() - began
