"""Rules: their verbs, their order, and the mistakes in them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.errors import LineError
from netd.wire.messages import check_encoding
from netd.wire.rules import RuleSet, Verb, parse_rule, parse_rules
from tests.wire.matching import mistake

VERBS = "sample, event, name, bye, tell, tell-all, call, send, ignore"


class RuleTests(SynchronousTestCase):
    def test_parts(self) -> None:
        """A rule has a verb, for some a target, a pattern, and what is replied."""
        rule = parse_rule("  send {to} MSG {to} {text} =>  ok {answer} ", 3)
        assert rule.reply is not None
        self.assertEqual(
            (Verb.SEND, "{to}", 3, b"ok yes"), (rule.verb, rule.target, rule.line, rule.reply.render({"answer": "yes"}))
        )
        self.assertEqual(["to", "text"], [field.name for field in rule.pattern.fields])
        self.assertEqual(("add", None), (parse_rule("call add {a} {b}").target, parse_rule("call add {a} {b}").reply))

    def test_replies(self) -> None:
        """A reply may be empty, and an arrow without one is an empty reply, too."""
        for text, said in (("ignore ping => pong", b"pong"), ("ignore ping =>", b""), ("ignore ping => a => b", b"a => b")):
            rule = parse_rule(text)
            assert rule.reply is not None
            self.assertEqual(said, rule.reply.render({}))

    def test_equality(self) -> None:
        """A reload reports rules that were changed, and no others."""
        written = "sample T={temp °C}\nevent json {a} => got {a}"
        self.assertEqual(parse_rules(written), parse_rules(written))
        self.assertNotEqual(parse_rules(written), parse_rules(written.replace("°C", "°F")))

    def test_order(self) -> None:
        """The first rule that matches counts, and each rule is counted."""
        rules = RuleSet(parse_rules("\nignore ping\nevent p{x}\n\nevent {text}\n"))
        lines = [found[0].line for message in (b"ping", b"pong", b" ping ", b"x", b"\xff") if (found := rules.match(message))]
        self.assertEqual([1, 2, 1, 4, 4], lines)
        self.assertEqual(([2, 1, 2], 1), (rules.taken, rules.garbled))
        self.assertEqual("x\ufffd", rules.text(b"x\xff"))

    def test_empty_message(self) -> None:
        """An empty message, as a datagram may be, is tried, too."""
        found = RuleSet(parse_rules("event x{a}\nignore {*}")).match(b"")
        assert found is not None
        self.assertEqual(1, found[0].line)
        self.assertIsNone(RuleSet(()).match(b"x"))

    def test_by_the_first_byte(self) -> None:
        """Rules are looked up by the first byte, and none is missed: in JSON, structs, expressions, other encodings."""
        rules = RuleSet(
            parse_rules(
                "event é{a}\nevent json {b}\nevent struct BB {=7} {c}\nevent /(?P<d>[0-9])/\nevent each ; k={e}\nevent {f}!"
            ),
            "latin-1",
        )
        for message, name in (
            (b"\xe9x", "a"),
            (b' {"b": 1}', "b"),
            (b"\x07\x01", "c"),
            (b"5", "d"),
            (b"x;k=1", "e"),
            (b"zz!", "f"),
        ):
            found = rules.match(message)
            assert found is not None
            self.assertEqual([name], list(found[1].values))

    def test_encodings(self) -> None:
        """An encoding must leave ASCII as it is, because frames are looked for in bytes."""
        self.assertEqual(["utf-8", "latin-1", "cp1252"], [check_encoding(name) for name in ("utf-8", "latin-1", "cp1252")])
        for name in ("utf-16", "klingon", "rot13", "base64", "utf-7", "idna", "cp037", "a\0b"):
            error = self.assertRaises(ValueError, check_encoding, name)
            self.assertEqual(
                f"{name!r} is no encoding of text in which ASCII stays as it is; write utf-8, latin-1, cp1252, …", str(error)
            )


class MistakeTests(SynchronousTestCase):
    def test_mistakes(self) -> None:
        """Each mistake is told with its line, and says what to write."""
        for rules, said in {
            "smaple {x}": f"0: 'smaple' is none of {VERBS} (did you mean sample?); a rule begins with what its messages are",
            "ignore x\n\n{temp}": f"2: '{{temp}}' is none of {VERBS}; a rule begins with what its messages are",
            "sample": "0: sample has no pattern; write sample T={temp °C}",
            "event": "0: event has no pattern; write event {*} for any message",
            "call add": "0: call has no pattern; write call FUNCTION {*} for any message",
            "send": "0: send has no pattern; write send TARGET {text} for any message",
            "name": "0: name has no pattern; write name hello {name}",
            "name hello {who}": "0: name: the pattern has no {name}, which says what the peer is called",
            "sample hello {name}": "0: sample: no field is a channel; write {temp}, or {channel} and {value}",
            "sample {channel}": "0: sample: no field is a channel; write {temp}, or {channel} and {value}",
            "sample {hum} {time} => got {temp}": "0: the reply has {temp}, and the pattern has no such field; it has hum, time",
            "ignore x => {temp}": "0: the reply has {temp}, and the pattern has no such field; it has none",
            "event x => {result}": "0: the reply has {result}, and the pattern has no such field; it has none",
            "send {to} {text}": "0: the target is {to}, and the pattern has no such field; it has text",
            'event {a} => {"ok": 1}': '0: {"ok": 1} is no field; write {name}, or \\{ and \\} for the braces of JSON',
            "event {a} => {": "0: a { has no }; write \\{ for a brace of the message",
            "ignore x\n\nevent {text}\nsample {x}": "3: never reached: line 3 takes every message; put it last",
            "ignore {*}\nbye quit": "1: never reached: line 1 takes every message; put it last",
            "name {name}\nbye quit": "1: never reached: line 1 takes every message; put it last",
        }.items():
            self.assertEqual(said, mistake(rules), rules)

    def test_fields_that_are_always_there(self) -> None:
        """A reply may have the peer's name and address, its message, the time, and what a function or receiver answers."""
        for rules in (
            "event x => {name} {text} {address} {time}",
            "call f {a} => {result} {error}",
            "send fan {text} => {answer} {error}",
            "event json => {anything}",
            "ignore x => {modbus}",
        ):
            self.assertEqual("nothing", mistake(rules))

    def test_line_of_the_file(self) -> None:
        """The other rule's line is that of the file."""
        error = self.assertRaises(LineError, parse_rules, "event {text}\nbye x")
        self.assertEqual("never reached: line 7 takes every message; put it last", error.told((7, 8)))
